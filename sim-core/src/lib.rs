//! Pathglass's pure simulator: captured evidence in, verdict out.
//!
//! No I/O, no clock, no threads, no `unsafe`, no async; equal input gives equal bytes, natively and in Wasm.

pub mod cloud;
pub mod evidence;
pub mod flow;
pub mod intent;
mod journey;
pub mod linux;
pub mod session;
pub mod snapshot;
pub mod source;
mod trace;
pub mod verdict;
pub mod world;
