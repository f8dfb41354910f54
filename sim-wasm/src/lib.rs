//! Pathglass's simulator for the browser and Node.js: open a snapshot, list what can be picked, diagnose.
//!
//! The snapshot crosses the boundary as bytes and is opened by the same code as natively; only the
//! question, the answer and the lists cross as values.

mod core;
mod error;
mod guard;
mod input;
mod options;
mod pick;
mod ports;
mod reader;
mod snapshot;
mod store;
mod typescript;

pub use error::{ErrorInfo, ErrorKind};
#[doc(hidden)]
pub use guard::panic_for_test;
pub use options::{OpenOptions, TrustedKey};
pub use pick::{NodeObject, Objects, PodObject, Port, ServiceObject, SnapshotInfo};
pub use reader::{ByteSpan, SnapshotReader};
pub use snapshot::{Snapshot, is_encrypted};
