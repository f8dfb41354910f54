//! The capture's layout, the manifest, seal and open.

pub mod store;

pub use store::{ByteRange, IndexRecord, ObjectKind, Seal, SnapshotError, Step, Store};
