//! One parser per captured format; every parsed item keeps its `Source`.

pub mod ipset;
pub mod xtables;
