//! The capture's layout, the manifest, seal and open.

pub mod encryption;
pub mod folder;
mod hex;
mod index;
mod lists;
mod path;
pub mod reader;
pub mod seal;
mod states;
pub mod store;
pub mod trust;
pub mod verify;

pub use encryption::{Unlock, decrypt, is_encrypted};
pub use folder::Folder;
pub use reader::Reader;
pub use seal::{Dropped, SealError, SealOptions, Sealed, seal};
pub use store::{ByteRange, FileState, IndexRecord, ObjectKind, Seal, SnapshotError, Step, Store};
pub use trust::Trust;
pub use verify::{Verified, verify};
