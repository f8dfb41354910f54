//! What the evidence describes: machines, their network namespaces, kube objects; with its gaps.

mod cloud;
mod index;
mod kube;
mod load;
mod namespace;
mod policies;
mod stack;
mod wiring;

pub use namespace::Namespace;
pub use stack::Place;
pub use wiring::Peer;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use crate::snapshot::{ByteRange, IndexRecord, ObjectKind, SnapshotError, Step, Store, lists};
use crate::source::SourceFile;
use crate::verdict::{ReceiptEntry, Shared};

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

/// What was parsed and looked up of a capture so far; kept from question to question.
#[derive(Debug, Default)]
pub struct Parses {
    /// Places in `loaded`.
    namespaces: BTreeMap<String, usize>,
    loaded: Vec<Loaded<Arc<Namespace>>>,
    files: BTreeMap<String, Loaded<Option<Arc<SourceFile>>>>,
    machines: Option<Arc<[String]>>,
    on_machine: BTreeMap<String, Arc<[String]>>,
    addresses: BTreeMap<IpAddr, Arc<[IndexRecord]>>,
    kube: kube::Lists,
    parts: BTreeMap<String, Arc<[String]>>,
    /// Where the items of kube lists stand in their files.
    items: BTreeMap<String, Vec<Range<usize>>>,
    /// Where the other ends of a namespace's wires may be.
    surroundings: BTreeMap<usize, Arc<[String]>>,
    /// What looking there for the other end of a wire came to, by the places of namespace and device.
    wires: BTreeMap<(usize, u32), Arc<wiring::Wire>>,
    /// What was captured of clouds, once somebody asked; nothing where there is none.
    cloud: Option<Option<cloud::Read>>,
}

/// Something parsed, with the entries that were read for it.
#[derive(Debug)]
struct Loaded<T> {
    value: T,
    /// Sorted.
    entries: Vec<Shared<ReceiptEntry>>,
}

/// The captured world, read as far as a question needs it.
#[derive(Debug)]
pub struct World<'s> {
    store: &'s mut dyn Store,
    parses: &'s mut Parses,
    seen: Seen,
}

/// What a question came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// For each loaded namespace, whether it came to it.
    namespaces: Vec<bool>,
    /// Files beside the namespaces' own that it read.
    files: BTreeSet<String>,
    /// It read the cloud's files: hundreds, which are one thing here.
    cloud: bool,
}

impl<'s> World<'s> {
    /// Looks at the world through `store`.
    pub fn new(store: &'s mut dyn Store, parses: &'s mut Parses) -> Self {
        Self {
            store,
            parses,
            seen: Seen::default(),
        }
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
        let place = match self.parses.namespaces.get(path) {
            Some(place) => *place,
            None => self.load(path)?,
        };
        self.come_to(place);
        match self.parses.loaded.get(place) {
            Some(loaded) => Ok(Arc::clone(&loaded.value)),
            // It was put there by `load`.
            None => Ok(Arc::default()),
        }
    }

    /// Notes that this question came to the namespace at `place`.
    fn come_to(&mut self, place: usize) {
        let namespaces = &mut self.seen.namespaces;
        if place >= namespaces.len() {
            namespaces.resize(place + 1, false);
        }
        if let Some(seen) = namespaces.get_mut(place) {
            *seen = true;
        }
    }

    fn load(&mut self, path: &str) -> Result<usize, Halt> {
        self.store.reset_entries_read();
        let mut value = load::namespace(self.store, path)?;
        let entries = receipt_entries(self.store);
        let place = self.parses.loaded.len();
        value.place = place;
        let value = Arc::new(value);
        self.parses.loaded.push(Loaded { value, entries });
        self.parses.namespaces.insert(path.to_owned(), place);
        Ok(place)
    }

    /// What this question came to so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.clone()
    }

    /// Forgets what this question came to since `seen`.
    pub(crate) fn unsee(&mut self, seen: Seen) {
        self.seen = seen;
    }

    /// The entries that were read for this question, sorted.
    #[must_use]
    pub fn entries(&self) -> Vec<Shared<ReceiptEntry>> {
        // In the order of their paths, so that there is next to nothing left to sort.
        let of_namespaces = (self.parses.namespaces.values())
            .filter(|place| self.seen.namespaces.get(**place) == Some(&true))
            .filter_map(|place| self.parses.loaded.get(*place))
            .flat_map(|loaded| &loaded.entries);
        let files = self.seen.files.iter().chain(self.seen_cloud_files());
        let of_files = files
            .filter_map(|path| self.parses.files.get(path))
            .flat_map(|loaded| &loaded.entries);
        let mut entries: Vec<_> = of_namespaces.chain(of_files).cloned().collect();
        entries.sort_by(|a, b| (&a.path, &a.sha256).cmp(&(&b.path, &b.sha256)));
        entries.dedup();
        entries
    }

    /// The captured machines: `nodes/<node>`, `fabric/<name>`.
    ///
    /// # Errors
    /// When they cannot be read now.
    pub fn machines(&mut self) -> Result<Arc<[String]>, Halt> {
        if let Some(machines) = &self.parses.machines {
            return Ok(Arc::clone(machines));
        }
        let machines: Arc<[String]> = Self::done(self.store.machines())?.into();
        self.parses.machines = Some(Arc::clone(&machines));
        Ok(machines)
    }

    /// The namespaces of a machine.
    ///
    /// # Errors
    /// When they cannot be read now.
    pub fn namespaces(&mut self, machine: &str) -> Result<Arc<[String]>, Halt> {
        if let Some(known) = self.parses.on_machine.get(machine) {
            return Ok(Arc::clone(known));
        }
        let namespaces: Arc<[String]> = Self::done(self.store.namespaces(machine))?.into();
        let known = Arc::clone(&namespaces);
        self.parses.on_machine.insert(machine.to_owned(), known);
        Ok(namespaces)
    }

    /// What has this address.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub fn by_address(&mut self, address: IpAddr) -> Result<Arc<[IndexRecord]>, Halt> {
        if let Some(known) = self.parses.addresses.get(&address) {
            return Ok(Arc::clone(known));
        }
        let records: Arc<[IndexRecord]> = Self::done(self.store.by_address(address))?.into();
        self.parses.addresses.insert(address, Arc::clone(&records));
        Ok(records)
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
        if !self.parses.files.contains_key(path) {
            self.store.reset_entries_read();
            let bytes = Self::done(self.store.read(path))?;
            let value = bytes.map(|bytes| crate::evidence::source_file(path, &bytes).value);
            let entries = receipt_entries(self.store);
            let loaded = Loaded { value, entries };
            self.parses.files.insert(path.to_owned(), loaded);
        }
        self.seen.files.insert(path.to_owned());
        let loaded = self.parses.files.get(path);
        Ok(loaded.and_then(|loaded| loaded.value.clone()))
    }

    /// The item at `pointer` (`/items/17`) of the kube list `path`, as it is written there.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub fn item(&mut self, path: &str, pointer: &str) -> Result<Option<&str>, Halt> {
        let Some(file) = self.file(path)? else {
            return Ok(None);
        };
        let items = self.parses.items.entry(path.to_owned());
        let items = items.or_insert_with(|| lists::items(&file.text));
        let place = pointer.strip_prefix("/items/");
        let place = place.and_then(|place| place.parse::<usize>().ok());
        let range = place.and_then(|place| items.get(place)).cloned();
        let loaded = self.parses.files.get(path);
        let text = loaded.and_then(|loaded| loaded.value.as_ref());
        Ok(text
            .zip(range)
            .and_then(|(file, range)| file.text.get(range)))
    }

    /// The entries that hold a kube list.
    ///
    /// # Errors
    /// When they cannot be read now.
    pub fn parts(&mut self, list: &str) -> Result<Arc<[String]>, Halt> {
        if let Some(known) = self.parses.parts.get(list) {
            return Ok(Arc::clone(known));
        }
        let parts: Arc<[String]> = Self::done(self.store.parts(list))?.into();
        self.parses
            .parts
            .insert(list.to_owned(), Arc::clone(&parts));
        Ok(parts)
    }
}

/// What `store` read since it was last reset.
fn receipt_entries(store: &dyn Store) -> Vec<Shared<ReceiptEntry>> {
    let entries = store.entries_read().into_iter();
    entries
        .map(|(path, sha256)| ReceiptEntry { path, sha256 }.into())
        .collect()
}

/// The machine that a namespace is on: `nodes/n1/pods/a_b` → `nodes/n1`.
#[must_use]
pub fn machine_of(path: &str) -> &str {
    let mut slashes = path.bytes().zip(0..).filter(|(byte, _)| *byte == b'/');
    let second = slashes.nth(1);
    second.and_then(|(_, end)| path.get(..end)).unwrap_or(path)
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
        (Some("cloud"), Some(provider), Some(region), _) => format!("cloud:{provider}/{region}"),
        _ => path.to_owned(),
    }
}
