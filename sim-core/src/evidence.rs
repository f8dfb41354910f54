//! One parser per captured format; every parsed item keeps its `Source`.
pub mod nft;
