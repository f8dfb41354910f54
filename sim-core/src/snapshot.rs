//! The capture's layout, the manifest, seal and open.

mod codec;
pub mod encryption;
pub mod folder;
mod hex;
mod index;
mod layout;
pub(crate) mod lists;
pub mod manifest;
mod pack;
mod path;
pub mod prune;
pub mod reader;
pub mod seal;
mod signature;
mod states;
pub mod store;
pub mod trust;
pub mod verify;
mod zip;

#[cfg(feature = "encrypt")]
pub use encryption::{EncryptError, Lock, encrypt};
pub use encryption::{Unlock, decrypt, is_encrypted};
pub use folder::Folder;
pub(crate) use prune::PROXY_ANNOTATIONS;
pub use prune::{Pruned, is_pruned, prune};
pub use reader::Reader;
pub use seal::{Dropped, SealError, SealOptions, Sealed, seal};
pub use store::{ByteRange, FileState, IndexRecord, ObjectKind, Seal, SnapshotError, Step, Store};
pub use trust::Trust;
pub use verify::{Verified, verify};
