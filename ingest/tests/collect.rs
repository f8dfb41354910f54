//! Both collectors in network namespaces of their own: the same folder, with files that parse.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::panic,
    reason = "a test may panic, and says what it skips"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Two namespaces joined by a wire; they go when the test ends, however it ends.
struct Topology {
    node: String,
    pod: String,
}

impl Topology {
    /// `None`, said loudly, where namespaces cannot be made.
    fn build(name: &str) -> Option<Self> {
        let id = std::process::id();
        let topology = Self {
            node: format!("pgt{id}{name}n"),
            pod: format!("pgt{id}{name}p"),
        };
        if !try_run("ip", &["netns", "add", &topology.node]) {
            println!("SKIPPED: collecting needs root and `ip netns`");
            let required = std::env::var_os("PATHGLASS_REQUIRE_NETNS").is_some();
            assert!(
                !required,
                "PATHGLASS_REQUIRE_NETNS is set, but namespaces cannot be made"
            );
            return None;
        }
        let (node, pod) = (topology.node.as_str(), topology.pod.as_str());
        ip(&["netns", "add", pod]);
        ip(&[
            "-n", node, "link", "add", "veth0", "type", "veth", "peer", "name", "eth0", "netns",
            pod,
        ]);
        ip(&["-n", node, "addr", "add", "10.77.0.1/24", "dev", "veth0"]);
        ip(&["-n", node, "link", "set", "veth0", "up"]);
        ip(&["-n", pod, "addr", "add", "10.77.0.2/24", "dev", "eth0"]);
        ip(&["-n", pod, "link", "set", "eth0", "up"]);
        ip(&["-n", pod, "route", "add", "default", "via", "10.77.0.1"]);
        try_run(
            "ip",
            &[
                "netns", "exec", node, "tc", "qdisc", "add", "dev", "veth0", "clsact",
            ],
        );
        Some(topology)
    }

    /// Runs a collector on the "node".
    fn collect(&self, collector: &[&str], folder: &Path) -> Output {
        Command::new("ip")
            .args(["netns", "exec", &self.node])
            .args(collector)
            .args(["-o", folder.to_str().unwrap(), "--node", "node-1"])
            .args(["--pod", &format!("default/web-1={}", self.pod)])
            .output()
            .unwrap()
    }
}

impl Drop for Topology {
    fn drop(&mut self) {
        try_run("ip", &["netns", "del", &self.pod]);
        try_run("ip", &["netns", "del", &self.node]);
    }
}

fn try_run(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .output()
        .is_ok_and(|output| output.status.success())
}

fn ip(args: &[&str]) {
    assert!(try_run("ip", args), "ip {}", args.join(" "));
}

fn binary() -> Vec<&'static str> {
    vec![env!("CARGO_BIN_EXE_pathglass"), "collect"]
}

fn script() -> Vec<&'static str> {
    vec![
        "sh",
        concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/collect.sh"),
    ]
}

fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found
}

fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{}: {error}\n{text}", path.display()))
}

fn succeeded(output: &Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn both_collectors_make_the_same_capture() {
    let Some(topology) = Topology::build("a") else {
        return;
    };
    let target = tempfile::tempdir().unwrap();
    let (ours, shells) = (target.path().join("binary"), target.path().join("shell"));
    succeeded(&topology.collect(&binary(), &ours));
    succeeded(&topology.collect(&script(), &shells));

    assert_eq!(files(&ours), files(&shells));
    let (our, shell) = (
        json(&ours.join("capture.json")),
        json(&shells.join("capture.json")),
    );
    assert_eq!(our["schema"], "pathglass.capture/1");
    for key in ["namespaces", "reasons", "commands"] {
        assert_eq!(our[key], shell[key], "{key}");
    }
    check_evidence(&ours);
    check_evidence(&shells);
    for folder in [&ours, &shells] {
        // Nobody listens there, as the real kernel would say, too.
        assert_eq!(outcome(folder, "ip:10.77.0.2", "10.77.0.1"), "refused");
        assert_eq!(outcome(folder, "ip:10.77.0.1", "10.77.0.2"), "refused");
    }
}

/// What the simulator says of a connection to port 80 in the capture.
fn outcome(folder: &Path, from: &str, to: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pathglass"))
        .arg("diagnose")
        .arg(folder)
        .args([
            "--from", from, "--to", to, "--port", "80", "--format", "json",
        ])
        .output()
        .unwrap();
    let verdict: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    verdict["outcome"].as_str().unwrap().to_owned()
}

/// What the files must say of this topology.
fn check_evidence(folder: &Path) {
    let host = folder.join("nodes/node-1/host");
    let pod = folder.join("nodes/node-1/pods/default_web-1");
    for file in files(folder) {
        let path = folder.join(&file);
        let is_json = file.extension().is_some_and(|kind| kind == "json");
        if is_json && std::fs::metadata(&path).unwrap().len() > 0 {
            json(&path);
        }
    }
    let capture = json(&folder.join("capture.json"));
    let states = capture["namespaces"]["nodes/node-1/host"].clone();
    let states: BTreeMap<String, String> = serde_json::from_value(states).unwrap();
    for file in [
        "ip-link.json",
        "ip-addr.json",
        "ip-route.json",
        "sysctl.txt",
        "netns.json",
    ] {
        assert_eq!(states[file], "captured", "{file}");
    }
    assert_eq!(states["bridge-vlan.json"], "absent");
    assert_eq!(states["wg.txt"], "absent");
    let link = json(&host.join("ip-link.json"));
    let veth = link
        .as_array()
        .unwrap()
        .iter()
        .find(|link| link["ifname"] == "veth0")
        .unwrap();
    let ids = json(&host.join("netns.json"));
    let peer = ids["list_id"]
        .as_array()
        .unwrap()
        .iter()
        .find(|id| id["nsid"] == veth["link_netnsid"]);
    let pods = json(&pod.join("netns.json"));
    assert_eq!(
        peer.unwrap()["inode"],
        pods["inode"],
        "the wire's other end is the pod"
    );
    let routes = std::fs::read_to_string(pod.join("ip-route.json")).unwrap();
    assert!(routes.contains("10.77.0.1"), "{routes}");
    let sysctls = std::fs::read_to_string(host.join("sysctl.txt")).unwrap();
    assert!(sysctls.contains("net.ipv4.ip_forward"));
    assert!(
        !sysctls.contains("tcp_fastopen_key ="),
        "a secret was captured"
    );
    if states["tc.json"] == "captured" {
        let tc = json(&host.join("tc.json"));
        assert!(
            tc["qdiscs"]
                .as_array()
                .unwrap()
                .iter()
                .any(|qdisc| qdisc["kind"] == "clsact")
        );
        assert_eq!(tc["filters"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn an_existing_capture_is_never_overwritten() {
    let Some(topology) = Topology::build("b") else {
        return;
    };
    let target = tempfile::tempdir().unwrap();
    let folder = target.path().join("capture");
    succeeded(&topology.collect(&binary(), &folder));
    let before = std::fs::read(folder.join("capture.json")).unwrap();
    for collector in [binary(), script()] {
        let output = topology.collect(&collector, &folder);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("nothing is overwritten"), "{message}");
    }
    assert_eq!(std::fs::read(folder.join("capture.json")).unwrap(), before);
}

#[test]
fn another_nodes_capture_is_joined() {
    let Some(topology) = Topology::build("c") else {
        return;
    };
    let target = tempfile::tempdir().unwrap();
    let folder = target.path().join("capture");
    succeeded(&topology.collect(&binary(), &folder));
    let mut second = Command::new("ip");
    second.args(["netns", "exec", &topology.pod]).args(binary());
    second
        .args(["--no-pods", "--node", "node-2", "-o"])
        .arg(&folder);
    succeeded(&second.output().unwrap());
    let capture = json(&folder.join("capture.json"));
    let namespaces: Vec<&String> = capture["namespaces"].as_object().unwrap().keys().collect();
    let expected = [
        "nodes/node-1/host",
        "nodes/node-1/pods/default_web-1",
        "nodes/node-2/host",
    ];
    assert_eq!(namespaces, expected);
    assert_eq!(capture["machines"].as_object().unwrap().len(), 2);
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let Some(topology) = Topology::build("d") else {
        return;
    };
    let target = tempfile::tempdir().unwrap();
    std::fs::write(target.path().join("notes.txt"), "mine").unwrap();
    for collector in [binary(), script()] {
        let output = topology.collect(&collector, target.path());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
    }
    assert_eq!(files(target.path()).len(), 1);
}
