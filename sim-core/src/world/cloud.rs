//! What was captured of clouds, read once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Halt, World, machine_of};
use crate::cloud::{Cloud, Interface, Region};
use crate::evidence::cloud::CloudPath;
use crate::evidence::link::LinkKind;
use crate::evidence::mac::Mac;
use crate::snapshot::{ByteRange, IndexRecord, Step};

/// The cloud, and the files that it was read from.
#[derive(Debug)]
pub(super) struct Read {
    cloud: Arc<Cloud>,
    files: Vec<String>,
}

impl World<'_> {
    /// What was captured of clouds; `None` where nothing was.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub fn cloud(&mut self) -> Result<Option<Arc<Cloud>>, Halt> {
        if self.parses.cloud.is_none() {
            self.parses.cloud = Some(self.read_cloud()?);
        }
        self.seen.cloud = true;
        let read = self.parses.cloud.iter().flatten().next();
        Ok(read.map(|read| Arc::clone(&read.cloud)))
    }

    /// The cloud's files, where this question read them.
    pub(super) fn seen_cloud_files(&self) -> impl Iterator<Item = &String> {
        let read = self.parses.cloud.iter().flatten();
        let read = read.filter(|_| self.seen.cloud);
        read.flat_map(|read| &read.files)
    }

    /// The captured device that an interface of the cloud is, with its namespace: it may be in a pod's.
    ///
    /// # Errors
    /// When it cannot be looked for now.
    pub(crate) fn nic_of(
        &mut self,
        region: &Region,
        interface: &Interface,
    ) -> Result<Option<(String, String)>, Halt> {
        let Some(mac) = interface.mac else {
            return Ok(None);
        };
        let mut namespaces = Vec::new();
        let mut machines = BTreeSet::new();
        let instance = interface.instance.as_deref();
        let instance = instance.and_then(|id| region.instance(id));
        let first = instance.into_iter().flat_map(|own| own.addresses.iter());
        let own = interface.addresses.iter().map(|own| &own.address);
        for address in own.chain(first) {
            for record in self.by_address(*address)?.iter() {
                if let IndexRecord::Interface { namespace, .. } = record {
                    let machine = machine_of(namespace).to_owned();
                    namespaces.push(format!("{machine}/host"));
                    namespaces.push(namespace.clone());
                    machines.insert(machine);
                }
            }
        }
        for path in &namespaces {
            if let Some(device) = self.device_with(path, mac)? {
                return Ok(Some((path.clone(), device)));
            }
        }
        for machine in machines {
            for path in self.namespaces(&machine)?.iter() {
                if let Some(device) = self.device_with(path, mac)? {
                    return Ok(Some((path.clone(), device)));
                }
            }
        }
        Ok(None)
    }

    /// Whether a device is a dummy, e.g. `kube-ipvs0`: its addresses are the machine's, nothing comes in by it, and other
    /// machines may have the same.
    pub(crate) fn is_dummy(&mut self, namespace: &str, device: &str) -> Result<bool, Halt> {
        let own = self.namespace(namespace)?;
        let mut links = own.links.iter();
        Ok(links.any(|link| *link.name == *device && link.kind == LinkKind::Dummy))
    }

    /// The network card of a namespace with this hardware address.
    fn device_with(&mut self, path: &str, mac: Mac) -> Result<Option<String>, Halt> {
        let ns = self.namespace(path)?;
        let is_card = |kind: &LinkKind| matches!(kind, LinkKind::Physical | LinkKind::Veth);
        let mut links = ns.links.iter();
        let card = links.find(|link| link.mac == Some(mac) && is_card(&link.kind));
        Ok(card.map(|link| link.name.to_string()))
    }

    fn read_cloud(&mut self) -> Result<Option<Read>, Halt> {
        let paths: Vec<String> = Self::done(self.store.below("cloud/"))?;
        if paths.is_empty() {
            return Ok(None);
        }
        // All at once: what is needed is asked for in one go.
        let mut needs: Vec<ByteRange> = Vec::new();
        let mut products = BTreeSet::new();
        for path in &paths {
            if let Step::Needs(ranges) = self.store.read(path)? {
                needs.extend(ranges);
            }
            if let Some(path) = CloudPath::of(path) {
                for product in PRODUCTS {
                    let folder = format!("cloud/{}/{}/{product}", path.provider, path.region);
                    products.insert(folder);
                }
            }
        }
        if !needs.is_empty() {
            return Err(Halt::Needs(needs));
        }
        let mut states = BTreeMap::new();
        for folder in products {
            let own = Self::done(self.store.states(&folder))?.into_iter();
            states.extend(own.map(|(name, state)| (format!("{folder}/{name}"), state)));
        }
        let mut files = Vec::new();
        for path in &paths {
            files.extend(self.file(path)?);
        }
        Ok(Some(Read {
            cloud: Arc::new(Cloud::read(files, &states)),
            files: paths,
        }))
    }
}

/// Products whose answers may be missing altogether.
const PRODUCTS: [&str; 10] = [
    "alb", "cbn", "clb", "cvm", "ecs", "nlb", "slb", "tke", "vpc", "vpcpeer",
];
