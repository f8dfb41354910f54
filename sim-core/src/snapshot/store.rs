//! What the world reads evidence through: an opened snapshot or a folder held in memory.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A range of the snapshot's bytes, `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

/// An answer, or the bytes that the host must supply before asking again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// The answer.
    Done(T),
    /// Supply these ranges of the snapshot, then ask again; what was parsed is kept.
    Needs(Vec<ByteRange>),
}

/// Why a snapshot cannot be read. A missing file of the capture is no error: it is a gap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes are not a snapshot, or were changed after sealing.
    #[error("{entry}: {message}")]
    Damaged {
        /// The entry or part of the archive, e.g. `manifest.json`.
        entry: String,
        /// What is wrong with it.
        message: String,
    },
    /// The snapshot has a format that this engine does not know.
    #[error(
        "the snapshot has format version {version}, this engine reads up to {supported}: open it with a newer pathglass"
    )]
    Newer {
        /// The version that the snapshot names.
        version: u32,
        /// The newest version that this engine reads.
        supported: u32,
    },
    /// The snapshot is encrypted and no given identity or passphrase opens it.
    #[error("the snapshot is encrypted: {message}")]
    Encrypted {
        /// What is needed to open it.
        message: String,
    },
}

/// Who vouches for the bytes. Trust comes from the opener, never from the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum Seal {
    /// Signed by a key that the opener trusts under this name.
    Trusted {
        /// The name that the opener gave to the key.
        name: String,
    },
    /// The signature is valid; the key is not one that the opener knows.
    UnknownKey {
        /// The key's fingerprint (SHA-256 of the public key, hex).
        fingerprint: String,
    },
    /// Not signed: a folder, or a snapshot sealed without a key.
    Unsigned,
}

/// The kinds of object that can be looked up by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum ObjectKind {
    /// A pod.
    Pod,
    /// A node.
    Node,
    /// A service.
    Service,
}

/// One fact of the index, derived from the evidence when sealing (or when a folder is read).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum IndexRecord {
    /// A captured network device has this address (`ip-addr.json`).
    Interface {
        /// The namespace's path, e.g. `nodes/node-1/host` or `nodes/node-1/pods/default_web`.
        namespace: String,
        /// The device's name there.
        device: String,
        /// Address and prefix length.
        address: IpNet,
    },
    /// A kube object with this name or one of these addresses.
    Object {
        /// Pod, node or service.
        object: ObjectKind,
        /// Its Kubernetes namespace; empty for nodes.
        namespace: String,
        /// Its name.
        name: String,
        /// The entry that holds it, e.g. `kube/pods.json`.
        entry: String,
        /// Where in that entry, e.g. `/items/17`.
        pointer: String,
        /// The node that a pod is on; empty otherwise or when not scheduled.
        node: String,
        /// A pod of the host's network.
        host_network: bool,
        /// podIPs; node addresses; clusterIPs, externalIPs and load balancer ingress IPs.
        addresses: Vec<IpAddr>,
    },
}

/// What is known of one file of a namespace; a file without a state is [`FileState::NotTried`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum FileState {
    /// The file is there.
    Captured,
    /// The tool ran and printed nothing.
    Empty,
    /// It cannot exist there: module or tables not loaded, no bridge.
    Absent,
    /// It would repeat another file.
    Redundant,
    /// The tool failed: unknown.
    Failed,
    /// Nobody looked: unknown.
    NotTried,
}

/// Read access to a capture, whole or in part.
///
/// Every method either answers or names the byte ranges that the host must supply first. A store that
/// holds everything in memory never answers `Needs`.
pub trait Store: std::fmt::Debug {
    /// The plain bytes of the entry at `path`; `None` where the capture has no such file.
    ///
    /// # Errors
    /// When what is read does not match what was sealed.
    fn read(&mut self, path: &str) -> Result<Step<Option<Arc<[u8]>>>, SnapshotError>;

    /// The entries that together hold the kube list `list` (e.g. `kube/pods.json`): the list itself where it is
    /// whole, its parts where it was split (`kube/pods/<node>.json`, `kube/services/<namespace>.json`), none where
    /// it was not captured. `read` of a split list joins all parts: large clusters read only the part they need.
    ///
    /// # Errors
    /// When what is read does not match what was sealed.
    fn parts(&mut self, list: &str) -> Result<Step<Vec<String>>, SnapshotError>;

    /// The paths of the entries below `folder` (e.g. `cloud/`), sorted; of folders that are no machine's.
    ///
    /// # Errors
    /// When what is read does not match what was sealed.
    fn below(&mut self, folder: &str) -> Result<Step<Vec<String>>, SnapshotError>;

    /// The states of the files of `namespace` (`nodes/n1/host`, `fabric/router`, `kube`), by file name; a file
    /// without a state was not tried. Files that are there and have no stated state are `captured` or `empty`.
    ///
    /// # Errors
    /// When what is read does not match what was sealed.
    fn states(
        &mut self,
        namespace: &str,
    ) -> Result<Step<BTreeMap<String, FileState>>, SnapshotError>;

    /// The captured machines, sorted: `nodes/<node>` and `fabric/<name>`.
    ///
    /// # Errors
    /// When what is read does not match what was sealed.
    fn machines(&mut self) -> Result<Step<Vec<String>>, SnapshotError>;

    /// The captured network namespaces of `machine`, sorted: `nodes/n1/host`, `nodes/n1/pods/ns_pod`,
    /// or the machine itself for `fabric/<name>`.
    ///
    /// # Errors
    /// When what is read does not match what was sealed.
    fn namespaces(&mut self, machine: &str) -> Result<Step<Vec<String>>, SnapshotError>;

    /// All index records about `address`, sorted. Loopback addresses are in every namespace and are not indexed;
    /// neither are the interfaces of an address that more than 256 devices hold (an IPVS dummy's, a node-local cache's).
    ///
    /// # Errors
    /// When what is read does not match what was sealed.
    fn by_address(&mut self, address: IpAddr) -> Result<Step<Vec<IndexRecord>>, SnapshotError>;

    /// The objects named `name` (for pods and services in `namespace`), sorted: none or one.
    ///
    /// # Errors
    /// When what is read does not match what was sealed.
    fn by_name(
        &mut self,
        object: ObjectKind,
        namespace: &str,
        name: &str,
    ) -> Result<Step<Vec<IndexRecord>>, SnapshotError>;

    /// Every object that can be looked up, sorted; for completion and "did you mean".
    ///
    /// # Errors
    /// When what is read does not match what was sealed.
    fn objects(&mut self) -> Result<Step<Vec<IndexRecord>>, SnapshotError>;

    /// The paths of all entries that `read` returned bytes for, with the SHA-256 (hex) of those bytes, sorted.
    fn entries_read(&self) -> Vec<(String, String)>;

    /// Forgets what `entries_read` counted, before a new question.
    fn reset_entries_read(&mut self);

    /// SHA-256 (hex) of the manifest; for a folder, of the manifest that sealing it would write.
    ///
    /// # Errors
    /// When what is read does not match what was sealed.
    fn manifest_sha256(&mut self) -> Result<Step<String>, SnapshotError>;

    /// Who vouches for the bytes.
    fn seal(&self) -> Seal;
}
