//! Finds the pods of this node by their network namespaces, and their names.
//!
//! A namespace is found through a process that is in it, or through its file in `/run/netns`. Its pod is
//! told by the process's cgroup (`…pod<uid>…`) and kubelet's log folder (`/var/log/pods/<ns>_<name>_<uid>`),
//! else by `crictl`, else by its host name where kubelet's log folder has one pod of that name.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::Value;

use super::is_plain;
use super::namespace::{Entrance, Namespace};
use super::netns::read_in_root;
use super::tool::Toolbox;

const NAMED: [&str; 2] = ["/run/netns", "/run/docker/netns"];
const POD_LOGS: &str = "/var/log/pods";

/// A pod's network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pod {
    /// `<ns>_<name>`, as its folder is called.
    name: String,
    file: PathBuf,
    process: Option<u32>,
    found_by: String,
}

/// A pod that the person at the command line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPod {
    namespace: String,
    name: String,
    file: PathBuf,
}

impl FromStr for NamedPod {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let usage = || {
            format!("`{text}`: write it like shop/web-1=web-netns or shop/web-1=/proc/4711/ns/net")
        };
        let (pod, netns) = text.split_once('=').ok_or_else(usage)?;
        let (namespace, name) = pod.split_once('/').ok_or_else(usage)?;
        if !is_plain(namespace) || !is_plain(name) || netns.is_empty() {
            return Err(usage());
        }
        let file = if netns.starts_with('/') {
            PathBuf::from(netns)
        } else {
            Path::new("/run/netns").join(netns)
        };
        if !file.exists() {
            return Err(format!(
                "there is no network namespace `{}`",
                file.display()
            ));
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            file,
        })
    }
}

impl Pod {
    /// The pod as the command line names it.
    pub(super) fn named(named: &NamedPod) -> Self {
        let file = named.file.display().to_string();
        let process = file
            .strip_prefix("/proc/")
            .and_then(|rest| rest.split('/').next())
            .and_then(|process| process.parse().ok());
        Self {
            name: format!("{}_{}", named.namespace, named.name),
            file: named.file.clone(),
            process,
            found_by: "the command line names it".to_owned(),
        }
    }

    /// Its namespace as part of `machine`.
    pub(super) fn namespace(self, machine: &str) -> Namespace {
        Namespace {
            path: format!("{machine}/pods/{}", self.name),
            entrance: Entrance::File(self.file),
            process: self.process,
            found_by: self.found_by,
        }
    }
}

/// A network namespace other than the collector's own.
#[derive(Debug, Default)]
struct Found {
    file: PathBuf,
    /// The file's name in `/run/netns`.
    name: Option<String>,
    processes: Vec<u32>,
}

/// A pod that kubelet keeps logs of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Logged {
    namespace: String,
    name: String,
    uid: String,
}

/// Every network namespace of this machine except the collector's own, named as well as can be.
pub(super) fn find(toolbox: &Toolbox) -> Vec<Pod> {
    let own = std::fs::metadata("/proc/self/ns/net")
        .map(|metadata| metadata.ino())
        .unwrap_or_default();
    let mut found: BTreeMap<u64, Found> = BTreeMap::new();
    let mut named = Vec::new();
    for folder in NAMED {
        named.extend(entries(Path::new(folder)));
    }
    for file in named {
        // What is not mounted there any more is a plain, empty file.
        let Ok(metadata) = std::fs::metadata(&file) else {
            continue;
        };
        if metadata.ino() != own && is_namespace(&metadata) {
            let entry = found.entry(metadata.ino()).or_default();
            entry.name = file
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            entry.file = file;
        }
    }
    for process in processes() {
        let file = PathBuf::from(format!("/proc/{process}/ns/net"));
        let Ok(metadata) = std::fs::metadata(&file) else {
            continue;
        };
        if metadata.ino() != own {
            let entry = found.entry(metadata.ino()).or_default();
            entry.processes.push(process);
            if entry.name.is_none() {
                entry.file = file;
            }
        }
    }
    let logged = logged_pods();
    let mut by_runtime = None;
    let mut taken = BTreeSet::new();
    let mut pods = Vec::new();
    for (inode, found) in found {
        let (name, found_by) = by_cgroup(&found, &logged)
            .or_else(|| {
                let runtime = by_runtime.get_or_insert_with(|| sandboxes(toolbox));
                let pod = runtime.get(found.name.as_ref()?)?;
                Some((pod.clone(), "crictl".to_owned()))
            })
            .or_else(|| by_host_name(&found, &logged))
            .unwrap_or_else(|| {
                let name = found
                    .name
                    .clone()
                    .filter(|name| is_plain(name))
                    .unwrap_or_else(|| inode.to_string());
                (
                    format!("netns_{name}"),
                    "its pod is not known: named after the namespace".to_owned(),
                )
            });
        if taken.insert(name.clone()) {
            let process = found.processes.first().copied();
            pods.push(Pod {
                name,
                file: found.file,
                process,
                found_by,
            });
        } else {
            // Two namespaces of one pod: keep both, apart.
            pods.push(Pod {
                name: format!("{name}.{inode}"),
                file: found.file,
                process: found.processes.first().copied(),
                found_by,
            });
        }
    }
    pods
}

/// nsfs is the only file system whose files have mode 0444, no blocks and no owner but root, and a device of
/// its own: the device of this process's own namespace file.
fn is_namespace(metadata: &std::fs::Metadata) -> bool {
    std::fs::metadata("/proc/self/ns/net").is_ok_and(|own| own.dev() == metadata.dev())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn processes() -> Vec<u32> {
    let names = entries(Path::new("/proc"));
    let mut processes: Vec<u32> = names
        .iter()
        .filter_map(|path| path.file_name()?.to_str()?.parse().ok())
        .collect();
    processes.sort_unstable();
    processes
}

fn logged_pods() -> Vec<Logged> {
    entries(Path::new(POD_LOGS))
        .iter()
        .filter_map(|path| parse_log_folder(path.file_name()?.to_str()?))
        .collect()
}

/// `<namespace>_<pod>_<uid>`: none of the three has an underscore.
fn parse_log_folder(name: &str) -> Option<Logged> {
    let mut parts = name.split('_');
    let (namespace, name, uid) = (parts.next()?, parts.next()?, parts.next()?);
    (parts.next().is_none() && is_plain(namespace) && is_plain(name)).then(|| Logged {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
    })
}

fn by_cgroup(found: &Found, logged: &[Logged]) -> Option<(String, String)> {
    found.processes.iter().find_map(|process| {
        let cgroup = std::fs::read_to_string(format!("/proc/{process}/cgroup")).ok()?;
        let uid = pod_uid(&cgroup)?;
        let pod = logged.iter().find(|pod| pod.uid == uid)?;
        Some((
            format!("{}_{}", pod.namespace, pod.name),
            format!("pod uid {uid} in its cgroup"),
        ))
    })
}

/// The pod's uid in a cgroup path: `…/pod<uid>/…` (cgroupfs) or `…-pod<uid>.slice` with `_` for `-` (systemd).
fn pod_uid(cgroup: &str) -> Option<String> {
    cgroup
        .split(['/', '\n'])
        .filter_map(|part| {
            let part = part.strip_suffix(".slice").unwrap_or(part);
            part.strip_prefix("pod")
                .or_else(|| part.rsplit_once("-pod").map(|(_, uid)| uid))
        })
        .map(|uid| uid.replace('_', "-"))
        .find(|uid| {
            uid.len() >= 32
                && uid
                    .chars()
                    .all(|symbol| symbol.is_ascii_hexdigit() || symbol == '-')
        })
}

/// A pod's host name is its name unless it says otherwise.
fn by_host_name(found: &Found, logged: &[Logged]) -> Option<(String, String)> {
    found.processes.iter().find_map(|process| {
        let bytes = read_in_root(*process, "etc/hostname").ok()?;
        let host = String::from_utf8(bytes).ok()?;
        let host = host.trim();
        let mut pods = logged.iter().filter(|pod| pod.name == host);
        let pod = pods.next()?;
        pods.next().is_none().then(|| {
            (
                format!("{}_{}", pod.namespace, pod.name),
                format!("its host name {host}, one pod's of that name"),
            )
        })
    })
}

/// Pods by the name of their namespace's file, as the container runtime knows them.
fn sandboxes(toolbox: &Toolbox) -> BTreeMap<String, String> {
    let mut pods = BTreeMap::new();
    let json = |words: &[&str]| -> Option<Value> {
        let printed = toolbox
            .run(None, words)
            .ok()
            .filter(|printed| printed.succeeded)?;
        serde_json::from_slice(&printed.stdout).ok()
    };
    let Some(list) = json(&["crictl", "pods", "-o", "json"]) else {
        return pods;
    };
    for item in list
        .get("items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let word = |pointer| {
            item.pointer(pointer)
                .and_then(Value::as_str)
                .filter(|word| is_plain(word))
        };
        let (Some(id), Some(namespace), Some(name)) = (
            word("/id"),
            word("/metadata/namespace"),
            word("/metadata/name"),
        ) else {
            continue;
        };
        let details = json(&["crictl", "inspectp", id]).unwrap_or_default();
        let namespaces = details
            .pointer("/info/runtimeSpec/linux/namespaces")
            .and_then(Value::as_array);
        let file = namespaces.into_iter().flatten().find_map(|namespace| {
            let is_net = namespace.get("type").and_then(Value::as_str) == Some("network");
            namespace
                .get("path")
                .and_then(Value::as_str)
                .filter(|_| is_net)
        });
        if let Some(file) = file.and_then(|file| Path::new(file).file_name()) {
            pods.insert(
                file.to_string_lossy().into_owned(),
                format!("{namespace}_{name}"),
            );
        }
    }
    pods
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uid_is_found_in_the_cgroups_of_either_driver() {
        let uid = "0f3b6ea1-7c55-4d35-8a5b-1d3a8b2f9c11";
        for cgroup in [
            "12:cpu:/kubepods/burstable/pod0f3b6ea1-7c55-4d35-8a5b-1d3a8b2f9c11/4c1f\n",
            "0::/kubepods.slice/kubepods-pod0f3b6ea1_7c55_4d35_8a5b_1d3a8b2f9c11.slice/cri-containerd-4c1f.scope\n",
            "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0f3b6ea1_7c55_4d35_8a5b_1d3a8b2f9c11.slice/x\n",
        ] {
            assert_eq!(pod_uid(cgroup).as_deref(), Some(uid), "{cgroup}");
        }
        assert_eq!(pod_uid("0::/system.slice/podman.service\n"), None);
    }

    #[test]
    fn a_static_pods_hash_is_a_uid_too() {
        let cgroup = "0::/kubepods/pod5fcd8f4b7c1a2e3d4f5a6b7c8d9e0f12/x\n";
        assert_eq!(
            pod_uid(cgroup).as_deref(),
            Some("5fcd8f4b7c1a2e3d4f5a6b7c8d9e0f12")
        );
    }

    #[test]
    fn kubelets_log_folder_names_the_pod() {
        let pod = parse_log_folder("kube-system_coredns-abc_0f3b").unwrap();
        assert_eq!(
            (pod.namespace.as_str(), pod.name.as_str(), pod.uid.as_str()),
            ("kube-system", "coredns-abc", "0f3b")
        );
        assert_eq!(parse_log_folder("something"), None);
        assert_eq!(parse_log_folder("a_../.._b"), None);
    }

    #[test]
    fn a_pod_of_the_command_line_needs_a_namespace_that_is_there() {
        let pod: NamedPod = "shop/web-1=/proc/self/ns/net".parse().unwrap();
        assert_eq!(Pod::named(&pod).name, "shop_web-1");
        assert!(
            "shop/web-1=no-such-netns-here"
                .parse::<NamedPod>()
                .unwrap_err()
                .contains("no network namespace")
        );
        assert!(
            "web-1=/proc/self/ns/net"
                .parse::<NamedPod>()
                .unwrap_err()
                .contains("write it like")
        );
        assert!("../x/y=/proc/self/ns/net".parse::<NamedPod>().is_err());
    }
}
