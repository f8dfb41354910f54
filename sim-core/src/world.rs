//! What the evidence describes: machines, their network namespaces, kube objects; with its gaps.

mod kube;
mod load;
mod namespace;
mod stack;
mod wiring;

pub use namespace::Namespace;
pub use stack::Place;
pub use wiring::Peer;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::snapshot::{ByteRange, IndexRecord, ObjectKind, SnapshotError, Step, Store};
use crate::source::SourceFile;

/// Why the world cannot be looked at now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// These bytes are needed first.
    Needs(Vec<ByteRange>),
    /// The snapshot is damaged.
    Snapshot(SnapshotError),
}

impl From<SnapshotError> for Halt {
    fn from(error: SnapshotError) -> Self {
        Self::Snapshot(error)
    }
}

/// What was parsed of a capture so far; kept from question to question.
#[derive(Debug, Default)]
pub struct Parses {
    namespaces: BTreeMap<String, Arc<Namespace>>,
    files: BTreeMap<String, Option<Arc<SourceFile>>>,
    kube: kube::Lists,
}

/// The captured world, read as far as a question needs it.
#[derive(Debug)]
pub struct World<'s> {
    store: &'s mut dyn Store,
    parses: &'s mut Parses,
}

impl<'s> World<'s> {
    /// Looks at the world through `store`.
    pub fn new(store: &'s mut dyn Store, parses: &'s mut Parses) -> Self {
        Self { store, parses }
    }

    fn done<T>(step: Result<Step<T>, SnapshotError>) -> Result<T, Halt> {
        match step? {
            Step::Done(value) => Ok(value),
            Step::Needs(ranges) => Err(Halt::Needs(ranges)),
        }
    }

    /// The namespace at `path`.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub fn namespace(&mut self, path: &str) -> Result<Arc<Namespace>, Halt> {
        if let Some(namespace) = self.parses.namespaces.get(path) {
            let namespace = Arc::clone(namespace);
            self.touch(path)?;
            return Ok(namespace);
        }
        let namespace = Arc::new(load::namespace(self.store, path)?);
        self.parses
            .namespaces
            .insert(path.to_owned(), Arc::clone(&namespace));
        Ok(namespace)
    }

    /// Counts the entries of a namespace that was parsed for an earlier question as read for this one too.
    fn touch(&mut self, path: &str) -> Result<(), Halt> {
        load::touch(self.store, path)
    }

    /// The captured machines: `nodes/<node>`, `fabric/<name>`.
    ///
    /// # Errors
    /// When they cannot be read now.
    pub fn machines(&mut self) -> Result<Vec<String>, Halt> {
        Self::done(self.store.machines())
    }

    /// The namespaces of a machine.
    ///
    /// # Errors
    /// When they cannot be read now.
    pub fn namespaces(&mut self, machine: &str) -> Result<Vec<String>, Halt> {
        Self::done(self.store.namespaces(machine))
    }

    /// What has this address.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub fn by_address(&mut self, address: IpAddr) -> Result<Vec<IndexRecord>, Halt> {
        Self::done(self.store.by_address(address))
    }

    /// The object of this name.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub fn by_name(
        &mut self,
        kind: ObjectKind,
        namespace: &str,
        name: &str,
    ) -> Result<Vec<IndexRecord>, Halt> {
        Self::done(self.store.by_name(kind, namespace, name))
    }

    /// All objects with a name.
    ///
    /// # Errors
    /// When they cannot be read now.
    pub fn objects(&mut self) -> Result<Vec<IndexRecord>, Halt> {
        Self::done(self.store.objects())
    }

    /// A file of the capture as text; `None` where it is missing or no text.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub fn file(&mut self, path: &str) -> Result<Option<Arc<SourceFile>>, Halt> {
        let bytes = Self::done(self.store.read(path))?;
        if let Some(file) = self.parses.files.get(path) {
            return Ok(file.clone());
        }
        let file = bytes.map(|bytes| crate::evidence::source_file(path, &bytes).value);
        self.parses.files.insert(path.to_owned(), file.clone());
        Ok(file)
    }

    /// The entries that hold a kube list.
    ///
    /// # Errors
    /// When they cannot be read now.
    pub fn parts(&mut self, list: &str) -> Result<Vec<String>, Halt> {
        Self::done(self.store.parts(list))
    }
}

/// The machine that a namespace is on: `nodes/n1/pods/a_b` → `nodes/n1`.
#[must_use]
pub fn machine_of(path: &str) -> &str {
    let mut slashes = path.match_indices('/');
    slashes.next();
    slashes
        .next()
        .and_then(|(end, _)| path.get(..end))
        .unwrap_or(path)
}

/// The object that a namespace belongs to: `nodes/n1/host` → `node:n1`.
#[must_use]
pub fn object_of(path: &str) -> String {
    let mut parts = path.split('/');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("nodes"), Some(_), Some("pods"), Some(pod)) => {
            format!("pod:{}", pod.replacen('_', "/", 1))
        }
        (Some("nodes"), Some(node), _, _) => format!("node:{node}"),
        (Some("fabric"), Some(name), _, _) => format!("fabric:{name}"),
        _ => path.to_owned(),
    }
}
