//! The index: which captured device or kube object has an address or a name, derived from the evidence alone.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::store::{IndexRecord, ObjectKind};
use super::{lists, path};

/// More devices than this with one address say nothing about where it is.
const MAX_HOLDERS: usize = 256;

/// Everything that can be looked up in a capture.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Records by the address that they are about, sorted.
    pub(crate) addresses: BTreeMap<IpAddr, Vec<IndexRecord>>,
    /// Objects by kind, namespace and name, sorted.
    pub(crate) names: BTreeMap<ObjectName, Vec<IndexRecord>>,
}

/// What an object is looked up by.
pub(crate) type ObjectName = (ObjectKind, String, String);

/// A capture: every file by its path.
pub(crate) type Files = BTreeMap<String, Arc<[u8]>>;

impl Index {
    /// Derives the index of `files`. What cannot be parsed has no records: the world reports it as a gap.
    pub(crate) fn derive(files: &Files) -> Self {
        let mut index = Self::default();
        for (path, bytes) in files {
            let whole = path::list_part(path).map(|(resource, _)| format!("kube/{resource}.json"));
            // A list that is there whole is not read in parts.
            if whole.is_none_or(|whole| !files.contains_key(&whole)) {
                index.add_file(path, bytes);
            }
        }
        index.finish();
        index
    }

    /// Adds the records of one file.
    pub(crate) fn add_file(&mut self, path: &str, bytes: &[u8]) {
        if let Some(file) = path::machine_file(path) {
            if let Some(namespace) = file.namespace
                && path.get(namespace.len()..) == Some("/ip-addr.json")
            {
                self.add_interfaces(namespace, bytes);
            }
            return;
        }
        let resource =
            path::list(path).or_else(|| path::list_part(path).map(|(resource, _)| resource));
        match resource {
            Some("pods") => self.add_objects(path, bytes, pod),
            Some("nodes") => self.add_objects(path, bytes, node),
            Some("services") => self.add_objects(path, bytes, service),
            Some(_) | None => {}
        }
    }

    /// Sorts the records and leaves out addresses that are everywhere.
    pub(crate) fn finish(&mut self) {
        for records in self.addresses.values_mut() {
            let is_interface =
                |record: &IndexRecord| matches!(record, IndexRecord::Interface { .. });
            if records.iter().filter(|record| is_interface(record)).count() > MAX_HOLDERS {
                records.retain(|record| !is_interface(record));
            }
            records.sort();
            records.dedup();
        }
        self.addresses.retain(|_, records| !records.is_empty());
        for records in self.names.values_mut() {
            records.sort();
            records.dedup();
        }
    }

    /// The index as files, for the archive: `index/addresses/<shard>.json` and `index/names/<shard>.json`.
    pub(crate) fn encode(&self) -> BTreeMap<String, Vec<u8>> {
        let addresses = self.addresses.iter().map(|(address, records)| {
            (
                address_key(*address),
                format!("\"{address}\":{}", json(records)),
            )
        });
        let names = self
            .names
            .iter()
            .map(|((object, namespace, name), records)| {
                (
                    name_key(*object, namespace, name),
                    records.iter().map(json).collect::<Vec<_>>().join(",\n"),
                )
            });
        let mut files = shards(ADDRESSES, addresses.collect(), '{', '}');
        files.extend(shards(NAMES, names.collect(), '[', ']'));
        files
    }

    fn add_interfaces(&mut self, namespace: &str, bytes: &[u8]) {
        // Each device on its own: one of an unknown shape does not hide the others.
        let Ok(devices) = serde_json::from_slice::<Vec<&serde_json::value::RawValue>>(bytes) else {
            return;
        };
        let devices = devices
            .iter()
            .filter_map(|device| serde_json::from_str::<Device>(device.get()).ok());
        for device in devices {
            for address in device.addr_info {
                let Ok(net) = IpNet::new(address.local, address.prefixlen) else {
                    continue;
                };
                if net.addr().is_loopback() {
                    continue;
                }
                self.addresses
                    .entry(net.addr())
                    .or_default()
                    .push(IndexRecord::Interface {
                        namespace: namespace.to_owned(),
                        device: device.ifname.clone(),
                        address: net,
                    });
            }
        }
    }

    fn add_objects(&mut self, entry: &str, bytes: &[u8], read: fn(&Object) -> Facts) {
        let Ok(list) = serde_json::from_slice::<lists::List<'_>>(bytes) else {
            return;
        };
        for (item_idx, item) in list.items.iter().enumerate() {
            let Ok(object) = serde_json::from_str::<Object>(item.get()) else {
                continue;
            };
            if object.metadata.name.is_empty() {
                continue;
            }
            let (namespace, name) = (
                object.metadata.namespace.clone(),
                object.metadata.name.clone(),
            );
            let facts = read(&object);
            let record = IndexRecord::Object {
                object: facts.kind,
                namespace: namespace.clone(),
                name: name.clone(),
                entry: entry.to_owned(),
                pointer: format!("/items/{item_idx}"),
                node: facts.node,
                host_network: facts.host_network,
                addresses: facts.addresses.clone(),
            };
            for address in facts.addresses {
                self.addresses
                    .entry(address)
                    .or_default()
                    .push(record.clone());
            }
            self.names
                .entry((facts.kind, namespace, name))
                .or_default()
                .push(record);
        }
    }
}

/// The index of addresses in the archive.
pub(crate) const ADDRESSES: &str = "index/addresses/";
/// The index of names in the archive.
pub(crate) const NAMES: &str = "index/names/";

/// A shard is about this large: small enough to fetch for one lookup, large enough to keep the manifest short.
const SHARD_SIZE: usize = 512 << 10;

/// What decides in which shard an address is.
pub(crate) fn address_key(address: IpAddr) -> String {
    address.to_string()
}

/// What decides in which shard an object is.
pub(crate) fn name_key(object: ObjectKind, namespace: &str, name: &str) -> String {
    format!("{object:?}/{namespace}/{name}")
}

/// The shard of `key` among `n_shards`: by its hash, since neighbouring names and addresses come in crowds.
pub(crate) fn shard_of(key: &str, n_shards: u32) -> u32 {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(key));
    u32::from_be_bytes([a, b, c, d]) % n_shards.max(1)
}

/// A shard's path.
pub(crate) fn shard_path(folder: &str, shard: u32) -> String {
    format!("{folder}{shard:04}.json")
}

fn shards(
    folder: &str,
    lines: Vec<(String, String)>,
    open: char,
    close: char,
) -> BTreeMap<String, Vec<u8>> {
    let size: usize = lines.iter().map(|(_, line)| line.len()).sum();
    let n_shards = u32::try_from(size.div_ceil(SHARD_SIZE))
        .unwrap_or(u32::MAX)
        .max(1);
    let mut shards = vec![Vec::new(); n_shards as usize];
    for (key, line) in lines {
        if let Some(shard) = shards.get_mut(shard_of(&key, n_shards) as usize) {
            shard.push(line);
        }
    }
    let shards = (0_u32..).zip(shards);
    let file = |(shard, lines): (u32, Vec<String>)| {
        (
            shard_path(folder, shard),
            format!("{open}\n{}\n{close}\n", lines.join(",\n")).into_bytes(),
        )
    };
    shards.map(file).collect()
}

fn json<T: serde::Serialize>(value: T) -> String {
    serde_json::to_string(&value).unwrap_or_default()
}

/// What the index keeps of an object beside its name.
struct Facts {
    kind: ObjectKind,
    node: String,
    host_network: bool,
    addresses: Vec<IpAddr>,
}

fn pod(object: &Object) -> Facts {
    // A finished pod's status keeps its address, which another pod may have by now.
    let finished = matches!(object.status.phase.as_str(), "Succeeded" | "Failed");
    let ips = object.status.pod_ips.iter().map(|entry| entry.ip.as_str());
    let ips = ips
        .chain([object.status.pod_ip.as_str()])
        .filter(|_| !finished);
    Facts {
        kind: ObjectKind::Pod,
        addresses: addresses(ips),
        node: object.spec.node_name.clone(),
        host_network: object.spec.host_network,
    }
}

fn node(object: &Object) -> Facts {
    Facts {
        kind: ObjectKind::Node,
        addresses: addresses(
            object
                .status
                .addresses
                .iter()
                .map(|entry| entry.address.as_str()),
        ),
        node: String::new(),
        host_network: false,
    }
}

fn service(object: &Object) -> Facts {
    let ingress = object
        .status
        .load_balancer
        .ingress
        .iter()
        .map(|entry| entry.ip.as_str());
    let spec = (object
        .spec
        .cluster_ips
        .iter()
        .chain([&object.spec.cluster_ip]))
    .chain(&object.spec.external_ips);
    Facts {
        kind: ObjectKind::Service,
        addresses: addresses(spec.map(String::as_str).chain(ingress)),
        node: String::new(),
        host_network: false,
    }
}

/// The addresses among `texts` in their order, each once; host names and `None` (headless) are none.
fn addresses<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for address in texts.filter_map(|text| text.parse::<IpAddr>().ok()) {
        if !address.is_loopback() && !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

#[derive(Deserialize)]
struct Device {
    #[serde(default)]
    ifname: String,
    #[serde(default)]
    addr_info: Vec<DeviceAddress>,
}

#[derive(Deserialize)]
struct DeviceAddress {
    local: IpAddr,
    prefixlen: u8,
}

/// What the index reads of a pod, a node or a service.
#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    node_name: String,
    host_network: bool,
    #[serde(rename = "clusterIP")]
    cluster_ip: String,
    #[serde(rename = "clusterIPs")]
    cluster_ips: Vec<String>,
    #[serde(rename = "externalIPs")]
    external_ips: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    phase: String,
    #[serde(rename = "podIP")]
    pod_ip: String,
    #[serde(rename = "podIPs")]
    pod_ips: Vec<Ip>,
    addresses: Vec<NodeAddress>,
    load_balancer: LoadBalancer,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LoadBalancer {
    ingress: Vec<Ip>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Ip {
    ip: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NodeAddress {
    address: String,
}
