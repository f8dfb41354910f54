//! Sets up what the project needs, then does it.
fn main() {}
