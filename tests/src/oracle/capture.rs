//! Captures a world with the standard tools, in the layout that `pathglass` reads.
//!
//! Taken when the world is built and its servers listen, and *before* anything is asked of it: neighbour tables,
//! forwarding tables and counters then hold nothing that the probes left, and the simulator has to work it out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use super::Problem;
use super::netns::{self, Namespaces};
use super::spec::Spec;
use crate::corpus::Files;

/// What each file is printed by.
const PRINTED: &[(&str, &[&str])] = &[
    ("ip-link.json", &["ip", "-j", "-d", "link", "show"]),
    ("ip-addr.json", &["ip", "-j", "addr"]),
    (
        "ip-route.json",
        &["ip", "-j", "-4", "-d", "route", "show", "table", "all"],
    ),
    (
        "ip6-route.json",
        &["ip", "-j", "-6", "-d", "route", "show", "table", "all"],
    ),
    ("ip-rule.json", &["ip", "-j", "rule"]),
    ("ip6-rule.json", &["ip", "-j", "-6", "rule"]),
    (
        "ip-neigh.json",
        &["ip", "-j", "neigh", "show", "nud", "all"],
    ),
    (
        "ip-neigh-proxy.json",
        &["ip", "-j", "neigh", "show", "proxy"],
    ),
    ("ip-nexthop.json", &["ip", "-j", "nexthop"]),
    ("nft-ruleset.json", &["nft", "-j", "list", "ruleset"]),
    ("ss.txt", &["ss", "-H", "-n", "-l", "-t", "-u", "-S", "-O"]),
];

/// Printed only where there is a bridge or tunnel.
const OF_BRIDGES: &[(&str, &[&str])] = &[
    ("bridge-fdb.json", &["bridge", "-j", "fdb"]),
    ("bridge-link.json", &["bridge", "-j", "-d", "link"]),
    ("bridge-vlan.json", &["bridge", "-j", "vlan"]),
];

/// Printed only where nf_tables holds what the tool wrote.
const OF_IPTABLES: &[(&str, &[&str])] = &[
    ("iptables-save.txt", &["iptables-nft-save", "-c"]),
    ("ip6tables-save.txt", &["ip6tables-nft-save", "-c"]),
];

/// Printed only where the kernel says that legacy tables are there.
const OF_LEGACY: &[(&str, &str, &[&str])] = &[
    (
        "iptables-legacy-save.txt",
        "ip_tables_names",
        &["iptables-legacy-save", "-c"],
    ),
    (
        "ip6tables-legacy-save.txt",
        "ip6_tables_names",
        &["ip6tables-legacy-save", "-c"],
    ),
];

/// Branches of /proc/sys/net that bear on where packets go.
const SYSCTLS: &[&str] = &[
    "ipv4",
    "ipv6/conf",
    "ipv6/bindv6only",
    "ipv6/ip_nonlocal_bind",
    "bridge",
    "netfilter",
];

/// A file and its state, or its text.
type Taken = BTreeMap<&'static str, Result<Vec<u8>, &'static str>>;

/// The capture of a world that is there.
///
/// # Errors
/// When a namespace is gone.
pub fn capture(spec: &Spec, namespaces: &Namespaces) -> Result<Files, Problem> {
    let mut files = Files::new();
    let mut states = Map::new();
    let places = namespaces.all();
    // Two at a time: the tools are short, and other worlds want the machine too.
    let half = places.len().div_ceil(2).max(1);
    let taken: Vec<Result<Vec<(String, Taken)>, Problem>> = std::thread::scope(|scope| {
        let threads: Vec<_> = places
            .chunks(half)
            .map(|chunk| {
                scope.spawn(move || {
                    chunk
                        .iter()
                        .map(|(place, name)| {
                            let taken = netns::within(name, || namespace(name))?;
                            Ok((place.clone(), taken))
                        })
                        .collect()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(Problem("a thread panicked".to_owned())))
            })
            .collect()
    });
    for chunk in taken {
        for (place, taken) in chunk? {
            let mut words = Map::new();
            for (file, result) in taken {
                let word = match result {
                    Ok(bytes) => {
                        let is_empty = bytes.iter().all(u8::is_ascii_whitespace);
                        files.insert(format!("{place}/{file}"), bytes.into());
                        if is_empty { "empty" } else { "captured" }
                    }
                    Err(state) => state,
                };
                words.insert(file.to_owned(), word.into());
            }
            states.insert(place, Value::Object(words));
        }
    }
    let manifest = json!({
        "schema": "pathglass.capture/1",
        "captured_by": "pathglass-oracle",
        "captured_at": "2026-01-01T00:00:00Z",
        "kernel": std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
        "namespaces": states,
    });
    for (path, json) in [
        ("capture.json", manifest),
        ("kube/nodes.json", list("Node", nodes(spec))),
        ("kube/pods.json", list("Pod", pods(spec))),
        ("kube/services.json", list("Service", Vec::new())),
        ("kube/endpoints.json", list("Endpoints", Vec::new())),
        (
            "kube/endpointslices.json",
            list("EndpointSlice", Vec::new()),
        ),
        (
            "kube/networkpolicies.json",
            list("NetworkPolicy", Vec::new()),
        ),
        ("kube/namespaces.json", list("Namespace", Vec::new())),
    ] {
        let bytes = serde_json::to_vec_pretty(&json).unwrap_or_default();
        files.insert(path.to_owned(), bytes.into());
    }
    Ok(files)
}

/// Every file of the namespace that this thread is in.
fn namespace(name: &str) -> Taken {
    let mut taken = Taken::new();
    for (file, words) in PRINTED {
        taken.insert(file, print(words));
    }
    let text = |taken: &Taken, file: &str| -> String {
        match taken.get(file) {
            Some(Ok(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        }
    };
    let links = text(&taken, "ip-link.json");
    let has_bridge = ["bridge", "vxlan", "macvlan"]
        .iter()
        .any(|kind| links.contains(&format!("\"info_kind\":\"{kind}\"")));
    for (file, words) in OF_BRIDGES {
        let result = if has_bridge {
            print(words)
        } else {
            Err("absent")
        };
        taken.insert(file, result);
    }
    let nft = text(&taken, "nft-ruleset.json");
    if ["netdev", "inet"]
        .iter()
        .any(|family| nft.contains(&format!("\"family\": \"{family}\"")))
    {
        taken.insert("nft-ruleset.txt", print(&["nft", "list", "ruleset"]));
    }
    let has_tables = nft.contains("\"family\": \"ip\"") || nft.contains("\"family\": \"ip6\"");
    for (file, words) in OF_IPTABLES {
        // The tool prints nothing where there are no tables.
        let result = if has_tables {
            print(words)
        } else {
            Ok(Vec::new())
        };
        taken.insert(file, result);
    }
    for (file, names, words) in OF_LEGACY {
        let path = Path::new("/proc/thread-self/net").join(names);
        let is_loaded = std::fs::read(path)
            .is_ok_and(|text| text.iter().any(|byte| !byte.is_ascii_whitespace()));
        let result = if is_loaded {
            print(words)
        } else {
            Err("absent")
        };
        taken.insert(file, result);
    }
    taken.insert("ipset-save.txt", print(&["ipset", "save"]));
    taken.insert("sysctl.txt", Ok(sysctls().into_bytes()));
    taken.insert("netns.json", identity(name));
    taken.insert("tc.json", tc());
    for file in ["ipvsadm-save.txt", "bpf-net.json", "wg.txt"] {
        taken.insert(file, Err("absent"));
    }
    taken
}

fn print(words: &[&str]) -> Result<Vec<u8>, &'static str> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("failed");
    };
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(_) => Err("failed"),
        Err(_) => Err("not-tried"),
    }
}

/// As `sysctl` prints them; read without it, since files are many and processes dear.
fn sysctls() -> String {
    let mut text = String::new();
    for branch in SYSCTLS {
        let key = format!("net/{branch}");
        read_sysctl(&Path::new("/proc/sys").join(&key), &key, &mut text);
    }
    text
}

fn read_sysctl(path: &Path, key: &str, text: &mut String) {
    if !path.is_dir() {
        if let Ok(value) = std::fs::read_to_string(path) {
            let key: String = key
                .chars()
                .map(|symbol| match symbol {
                    '/' => '.',
                    '.' => '/',
                    other => other,
                })
                .collect();
            for line in value.lines() {
                let _ = writeln!(text, "{key} = {line}");
            }
        }
        return;
    }
    let Ok(listed) = std::fs::read_dir(path) else {
        return;
    };
    let mut names: Vec<String> = listed
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name != "stable_secret" && name != "neigh")
        .collect();
    names.sort();
    for name in names {
        read_sysctl(&path.join(&name), &format!("{key}/{name}"), text);
    }
}

fn identity(name: &str) -> Result<Vec<u8>, &'static str> {
    let printed = print(&["ip", "-j", "netns", "list-id"])?;
    let inode = |name: &str| std::fs::metadata(netns::file(name)).map(|metadata| metadata.ino());
    let ids: Vec<Value> = serde_json::from_slice(&printed).unwrap_or_default();
    let ids: Vec<Value> = ids
        .iter()
        .filter_map(|id| {
            let inode = inode(id.get("name")?.as_str()?).ok()?;
            // Names differ from run to run: the inode is the identity.
            Some(json!({"nsid": id.get("nsid")?, "inode": inode}))
        })
        .collect();
    let own = inode(name).map_err(|_| "failed")?;
    Ok(json!({"inode": own, "list_id": ids})
        .to_string()
        .into_bytes())
}

/// Queueing disciplines; and where one takes filters, those.
fn tc() -> Result<Vec<u8>, &'static str> {
    let qdiscs = print(&["tc", "-j", "qdisc"])?;
    let list: Vec<Value> = serde_json::from_slice(&qdiscs).unwrap_or_default();
    let mut filters = Vec::new();
    for qdisc in &list {
        let word = |key| qdisc.get(key).and_then(Value::as_str).unwrap_or_default();
        let directions: &[&str] = match word("kind") {
            "clsact" => &["ingress", "egress"],
            "ingress" => &["ingress"],
            _ => &[],
        };
        for direction in directions {
            let device = word("dev");
            let shown = print(&["tc", "-j", "filter", "show", "dev", device, direction])?;
            let shown: Value = serde_json::from_slice(&shown).unwrap_or_default();
            filters.push(json!({"dev": device, "direction": direction, "filters": shown}));
        }
    }
    Ok(json!({"qdiscs": list, "filters": filters})
        .to_string()
        .into_bytes())
}

fn list(kind: &str, items: Vec<Value>) -> Value {
    let items: Vec<Value> = items
        .into_iter()
        .map(|mut item| {
            if let Value::Object(fields) = &mut item {
                fields.insert("kind".to_owned(), kind.into());
            }
            item
        })
        .collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn nodes(spec: &Spec) -> Vec<Value> {
    spec.nodes
        .iter()
        .map(|node| {
            let addresses: Vec<Value> = node
                .addresses
                .iter()
                .map(|address| json!({"type": "InternalIP", "address": address}))
                .collect();
            json!({"apiVersion": "v1", "metadata": {"name": node.name}, "spec": {},
                "status": {"addresses": addresses, "conditions": [{"type": "Ready", "status": "True"}]}})
        })
        .collect()
}

fn pods(spec: &Spec) -> Vec<Value> {
    spec.pods
        .iter()
        .map(|pod| {
            let addresses: Vec<Value> = pod.addresses.iter().map(|ip| json!({"ip": ip})).collect();
            json!({"apiVersion": "v1", "metadata": {"name": pod.name, "namespace": "default"},
                "spec": {"nodeName": pod.node, "containers": []},
                "status": {"phase": "Running", "podIP": pod.addresses.first(), "podIPs": addresses,
                    "conditions": [{"type": "Ready", "status": "True"}]}})
        })
        .collect()
}
