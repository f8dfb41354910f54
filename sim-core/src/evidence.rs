//! One parser per captured format; every parsed item keeps its `Source`.

pub mod ipset;
pub(crate) mod names;
pub mod xtables;
