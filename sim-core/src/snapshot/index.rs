//! The index: which captured device or kube object has an address or a name, derived from the evidence alone.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;

use super::path;
use super::store::{IndexRecord, ObjectKind};

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
            index.add_file(path, bytes);
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

    fn add_objects(&mut self, entry: &str, bytes: &[u8], read: fn(Object) -> Facts) {
        let Ok(list) = serde_json::from_slice::<List<'_>>(bytes) else {
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
            let facts = read(object);
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

/// What the index keeps of an object beside its name.
struct Facts {
    kind: ObjectKind,
    node: String,
    host_network: bool,
    addresses: Vec<IpAddr>,
}

fn pod(object: Object) -> Facts {
    // A finished pod's status keeps its address, which another pod may have by now.
    let finished = matches!(object.status.phase.as_str(), "Succeeded" | "Failed");
    let ips = object.status.pod_ips.iter().map(|entry| entry.ip.as_str());
    let ips = ips
        .chain([object.status.pod_ip.as_str()])
        .filter(|_| !finished);
    Facts {
        kind: ObjectKind::Pod,
        addresses: addresses(ips),
        node: object.spec.node_name,
        host_network: object.spec.host_network,
    }
}

fn node(object: Object) -> Facts {
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

fn service(object: Object) -> Facts {
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

/// A kube list, its items not yet parsed.
#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    items: Vec<&'a serde_json::value::RawValue>,
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
