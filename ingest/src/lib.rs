//! Everything of Pathglass that touches the outside world, and the `pathglass` command itself.

pub mod assert;
pub mod text;
