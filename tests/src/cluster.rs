//! A made cluster of any size: two nodes with flannel (vxlan), and what kube-proxy writes for many Services.
//!
//! Nothing in it is random: the same number of Services gives the same bytes.

mod kube;
mod machine;
mod rules;

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::corpus::Files;
use machine::Machine;

/// Pods on each node that stand behind Services.
const BACKENDS: u8 = 10;
/// Endpoints of each Service.
const ENDPOINTS: usize = 5;
/// Where the Services listen.
pub const SERVICE_PORT: u16 = 80;
/// Where the pods listen.
pub const TARGET_PORT: u16 = 8080;
/// The pods' addresses, all nodes.
const CLUSTER_CIDR: &str = "10.244.0.0/16";
const NODES: [&str; 2] = ["node-1", "node-2"];

/// A cluster with `n_services` Services of five endpoints each.
#[derive(Debug, Clone, Copy)]
pub struct Cluster {
    n_services: u32,
}

/// A pod behind Services, or the client.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pod {
    name: String,
    node: usize,
    address: Ipv4Addr,
    /// Its number among its node's pods, from 0.
    number: u8,
    listens: bool,
}

/// One Service.
#[derive(Debug, Clone)]
struct Service {
    name: String,
    address: Ipv4Addr,
    endpoints: Vec<Pod>,
}

/// Changes the text of a file, which may not be there yet.
///
/// # Panics
/// When it is not UTF-8.
#[expect(clippy::expect_used, reason = "what is not UTF-8 was made wrong")]
pub fn edit(files: &mut Files, path: &str, change: impl FnOnce(&mut String)) {
    let mut text = files.get(path).map_or_else(String::new, |bytes| {
        String::from_utf8(bytes.to_vec()).expect("captures are UTF-8")
    });
    change(&mut text);
    files.insert(path.to_owned(), text.into_bytes().into());
}

/// Changes the items of a list of Kubernetes objects, which may not be there yet.
pub fn edit_list(files: &mut Files, name: &str, change: impl FnOnce(&mut Vec<Value>)) {
    edit(files, &format!("kube/{name}.json"), |text| {
        let mut list: Value = serde_json::from_str(text).unwrap_or_else(|_| json!({"items": []}));
        if let Some(items) = list.get_mut("items").and_then(Value::as_array_mut) {
            change(items);
        }
        *text = list.to_string();
    });
}

impl Cluster {
    /// A cluster with `n_services` Services.
    #[must_use]
    pub fn new(n_services: u32) -> Self {
        Self { n_services }
    }

    /// The capture's files.
    #[must_use]
    pub fn files(&self) -> Files {
        let services: Vec<Service> = (0..self.n_services).map(service).collect();
        let pods = pods();
        let mut files = Files::new();
        for node in 0..NODES.len() {
            Machine::node(node, &pods).write(&mut files);
            let rules = rules::save(node, &services);
            put(
                &mut files,
                &format!("{}/iptables-save.txt", host(node)),
                rules,
            );
        }
        for pod in &pods {
            Machine::pod(pod).write(&mut files);
        }
        kube::write(&mut files, &pods, &services);
        let namespaces: serde_json::Map<String, Value> = namespaces(&pods)
            .into_iter()
            .map(|namespace| {
                let states = machine::FILES.iter().map(|name| {
                    let state = match files.get(&format!("{namespace}/{name}")) {
                        None => "absent",
                        Some(bytes) if bytes.is_empty() => "empty",
                        Some(_) => "captured",
                    };
                    ((*name).to_owned(), json!(state))
                });
                let states: serde_json::Map<String, Value> = states.collect();
                (namespace, Value::Object(states))
            })
            .collect();
        let capture = json!({
            "schema": "pathglass.capture/1",
            "cluster": format!("made-{}-services", self.n_services),
            "kubernetes": "v1.30.0",
            "namespaces": namespaces,
        });
        put(&mut files, "capture.json", capture.to_string());
        files
    }

    /// The rules of the first node, as `iptables-save` prints them.
    #[must_use]
    pub fn rules(&self) -> String {
        let services: Vec<Service> = (0..self.n_services).map(service).collect();
        rules::save(0, &services)
    }

    /// The pod that asks.
    #[must_use]
    pub fn client() -> String {
        "pod:default/client".to_owned()
    }

    /// The name of Service `index`, as a flow names it.
    #[must_use]
    pub fn service(index: u32) -> String {
        format!("service:bench/{}", service(index).name)
    }

    /// The address of Service `index`.
    #[must_use]
    pub fn service_address(index: u32) -> Ipv4Addr {
        service(index).address
    }

    /// The addresses of all pods behind Services.
    #[must_use]
    pub fn backends() -> Vec<Ipv4Addr> {
        let listening = pods().into_iter().filter(|pod| pod.listens);
        listening.map(|pod| pod.address).collect()
    }
}

fn pods() -> Vec<Pod> {
    let mut pods = Vec::new();
    for node in 0..NODES.len() {
        for number in 0..BACKENDS {
            pods.push(Pod {
                name: format!("web-{node}{number}"),
                node,
                address: pod_address(node, number),
                number,
                listens: true,
            });
        }
    }
    pods.push(Pod {
        name: "client".to_owned(),
        node: 0,
        address: pod_address(0, BACKENDS),
        number: BACKENDS,
        listens: false,
    });
    pods
}

/// The pods of Service `index` follow one another, from a place that changes with `index`.
fn service(index: u32) -> Service {
    let [_, high, middle, low] = index.to_be_bytes();
    let backends: Vec<Pod> = pods().into_iter().filter(|pod| pod.listens).collect();
    let first = usize::try_from(index).unwrap_or_default() * 7;
    let endpoints = (0..ENDPOINTS)
        .filter_map(|endpoint| backends.get((first + endpoint * 3) % backends.len()))
        .cloned()
        .collect();
    Service {
        name: format!("svc-{index:05}"),
        address: Ipv4Addr::new(10, 96 + high, 1 + middle, low),
        endpoints,
    }
}

fn pod_address(node: usize, number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 244, octet(node), 10 + number)
}

fn node_address(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 0, 11 + octet(node))
}

fn octet(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn host(node: usize) -> String {
    format!(
        "nodes/{}/host",
        NODES.get(node).copied().unwrap_or_default()
    )
}

fn folder(pod: &Pod) -> String {
    let node = NODES.get(pod.node).copied().unwrap_or_default();
    format!("nodes/{node}/pods/default_{}", pod.name)
}

fn namespaces(pods: &[Pod]) -> Vec<String> {
    let hosts = (0..NODES.len()).map(host);
    hosts.chain(pods.iter().map(folder)).collect()
}

fn put(files: &mut Files, path: &str, content: impl Into<Vec<u8>>) {
    files.insert(path.to_owned(), content.into().into());
}
