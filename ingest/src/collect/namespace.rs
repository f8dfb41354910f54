//! One network namespace, file by file.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use pathglass_sim::snapshot::FileState;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::taken::Taken;
use super::tool::{Iptables, PLAIN, Toolbox};
use super::{netns, redact};

/// A network namespace to capture.
#[derive(Debug, Clone)]
pub(super) struct Namespace {
    /// Its path in the capture.
    pub(super) path: String,
    /// How to get into it.
    pub(super) entrance: Entrance,
    /// A process whose root shows the pod's files.
    pub(super) process: Option<u32>,
    /// How its name was found out.
    pub(super) found_by: String,
}

/// How to get into a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entrance {
    /// The collector is in it.
    Own,
    /// This file stands for it.
    File(PathBuf),
}

impl Namespace {
    /// Every file of this namespace.
    pub(super) fn take_all(&self, toolbox: &Toolbox) -> Vec<Taken> {
        let mut all: Vec<Taken> = PLAIN
            .iter()
            .map(|(file, words)| self.take(toolbox, file, words))
            .collect();
        let links = all
            .iter()
            .find(|taken| taken.file == "ip-link.json")
            .map(Taken::text);
        let links = links.unwrap_or_default();
        let nft = all
            .iter()
            .find(|taken| taken.file == "nft-ruleset.json")
            .map(Taken::text);
        // nft 1.0.6's JSON leaves out the device of netdev chains.
        if has(&nft.unwrap_or_default(), "family", "netdev") {
            all.push(self.take(toolbox, "nft-ruleset.txt", &["nft", "list", "ruleset"]));
        }
        all.extend(self.iptables(
            toolbox,
            toolbox.iptables,
            ["iptables-save.txt", "iptables-legacy-save.txt"],
            "/proc/net/ip_tables_names",
        ));
        all.extend(self.iptables(
            toolbox,
            toolbox.ip6tables,
            ["ip6tables-save.txt", "ip6tables-legacy-save.txt"],
            "/proc/net/ip6_tables_names",
        ));
        all.push(self.ipset(toolbox));
        all.push(self.ipvs(toolbox));
        all.push(
            self.take(
                toolbox,
                "ss.txt",
                &["ss", "-H", "-n", "-l", "-t", "-u", "-S", "-p", "-O"],
            )
            .map(redact::process_ids),
        );
        all.push(self.sysctl(toolbox));
        all.push(self.bridge_vlan(toolbox, &links));
        all.push(self.wireguard(toolbox, &links));
        all.push(self.netns(toolbox));
        all.push(self.tc(toolbox));
        all.push(self.take(toolbox, "bpf-net.json", &["bpftool", "-j", "net"]));
        all.push(self.resolv_conf());
        all.extend(self.counters(toolbox));
        all
    }

    fn file(&self) -> Option<&Path> {
        match &self.entrance {
            Entrance::Own => None,
            Entrance::File(file) => Some(file),
        }
    }

    fn take(&self, toolbox: &Toolbox, file: &'static str, words: &[&str]) -> Taken {
        Taken::of(file, words, toolbox.run(self.file(), words))
    }

    /// Both back ends' rules. The legacy tool is run only where legacy tables are loaded: it never loads any.
    fn iptables(
        &self,
        toolbox: &Toolbox,
        tools: Iptables,
        [file, legacy_file]: [&'static str; 2],
        names: &str,
    ) -> [Taken; 2] {
        let loaded = toolbox
            .run(self.file(), &["cat", names])
            .is_ok_and(|printed| {
                printed
                    .stdout
                    .iter()
                    .any(|byte| !byte.is_ascii_whitespace())
            });
        let main = match tools.nft.or(tools.legacy) {
            Some(tool) => self.take(toolbox, file, &[tool, "-c"]),
            None => Taken::without(file, FileState::NotTried, "iptables is not installed"),
        };
        let legacy = match (loaded, tools.nft, tools.legacy) {
            (false, _, _) => Taken::without(
                legacy_file,
                FileState::Absent,
                "no legacy tables are loaded",
            ),
            (true, None, Some(_)) => Taken::without(
                legacy_file,
                FileState::Redundant,
                "the other file holds the legacy tables: there is no nf_tables back end here",
            ),
            (true, _, Some(tool)) => self.take(toolbox, legacy_file, &[tool, "-c"]),
            (true, _, None) => Taken::without(
                legacy_file,
                FileState::NotTried,
                "legacy tables are loaded, but iptables-legacy-save is not installed",
            ),
        };
        [main, legacy]
    }

    fn ipset(&self, toolbox: &Toolbox) -> Taken {
        if !Path::new("/sys/module/ip_set").exists() {
            return Taken::without(
                "ipset-save.txt",
                FileState::Absent,
                "the module ip_set is not loaded",
            );
        }
        self.take(toolbox, "ipset-save.txt", &["ipset", "save"])
    }

    fn ipvs(&self, toolbox: &Toolbox) -> Taken {
        if !Path::new("/proc/net/ip_vs").exists() {
            return Taken::without(
                "ipvsadm-save.txt",
                FileState::Absent,
                "the module ip_vs is not loaded",
            );
        }
        self.take(toolbox, "ipvsadm-save.txt", &["ipvsadm", "-Sn"])
    }

    /// `sysctl` fails as a whole where one branch is not there: what it printed is complete all the same.
    fn sysctl(&self, toolbox: &Toolbox) -> Taken {
        let words = [
            "sysctl",
            "net.ipv4",
            "net.ipv6.conf",
            "net.ipv6.bindv6only",
            "net.bridge",
            "net.netfilter",
        ];
        let harmless = |line: &str| {
            ["cannot stat", "permission denied on key", "reading key"]
                .iter()
                .any(|phrase| line.contains(phrase))
        };
        let result = toolbox.run(self.file(), &words).map(|mut printed| {
            printed.succeeded |= !printed.stdout.is_empty() && printed.stderr.lines().all(harmless);
            printed
        });
        Taken::of("sysctl.txt", &words, result).map(redact::secret_sysctls)
    }

    fn bridge_vlan(&self, toolbox: &Toolbox, links: &str) -> Taken {
        if !links.is_empty() && !has(links, "info_kind", "bridge") {
            return Taken::without(
                "bridge-vlan.json",
                FileState::Absent,
                "there is no bridge here",
            );
        }
        self.take(toolbox, "bridge-vlan.json", &["bridge", "-j", "vlan"])
    }

    fn wireguard(&self, toolbox: &Toolbox, links: &str) -> Taken {
        if !links.is_empty() && !has(links, "info_kind", "wireguard") {
            return Taken::without(
                "wg.txt",
                FileState::Absent,
                "there is no WireGuard device here",
            );
        }
        self.take(toolbox, "wg.txt", &["wg", "show", "all", "dump"])
            .map(redact::wireguard_keys)
    }

    /// The namespace's inode, and the ids by which it knows others: by name, and by inode where lsns tells.
    fn netns(&self, toolbox: &Toolbox) -> Taken {
        const COMMAND: &str = "ip -j netns list-id; lsns -t net -J -o NS,NETNSID";
        let own = Path::new("/proc/self/ns/net");
        let Ok(metadata) = std::fs::metadata(self.file().unwrap_or(own)) else {
            return Taken::without("netns.json", FileState::Failed, "the namespace is gone");
        };
        let words = ["ip", "-j", "netns", "list-id"];
        let listed = Taken::of("netns.json", &words, toolbox.run(self.file(), &words));
        let ids = match (listed.state, serde_json::from_str(&listed.text())) {
            (FileState::Captured, Ok(Value::Array(ids))) => ids,
            (FileState::Empty, _) => Vec::new(),
            _ => {
                return Taken {
                    bytes: None,
                    state: FileState::Failed,
                    ..listed
                };
            }
        };
        let words = ["lsns", "-t", "net", "-J", "-o", "NS,NETNSID"];
        let inodes = toolbox
            .run(self.file(), &words)
            .map(|printed| netns::nsid_inodes(&printed.stdout));
        let inodes = inodes.unwrap_or_default();
        let ids: Vec<Value> = ids
            .into_iter()
            .map(|mut id| {
                let inode = id
                    .get("nsid")
                    .and_then(Value::as_i64)
                    .and_then(|nsid| inodes.get(&nsid));
                let named = || netns::named_inode(id.get("name")?.as_str()?);
                if let Some(inode) = inode.copied().or_else(named)
                    && let Value::Object(fields) = &mut id
                {
                    fields.insert("inode".to_owned(), inode.into());
                }
                id
            })
            .collect();
        let json = json!({"inode": metadata.ino(), "list_id": ids});
        Taken::captured("netns.json", COMMAND, format!("{json}\n").into_bytes())
    }

    /// Queueing disciplines, and the filters of those that take some.
    fn tc(&self, toolbox: &Toolbox) -> Taken {
        let words = ["tc", "-j", "qdisc"];
        let qdiscs = Taken::of("tc.json", &words, toolbox.run(self.file(), &words));
        if qdiscs.state != FileState::Captured {
            return qdiscs;
        }
        let text = qdiscs.text();
        let (Ok(raw), Ok(list)) = (
            serde_json::from_str::<&RawValue>(&text),
            serde_json::from_str::<Vec<Value>>(&text),
        ) else {
            return Taken {
                bytes: None,
                state: FileState::Failed,
                reason: Some("tc printed no JSON".to_owned()),
                ..qdiscs
            };
        };
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
                let words = ["tc", "-j", "filter", "show", "dev", device, direction];
                let shown = Taken::of("tc.json", &words, toolbox.run(self.file(), &words));
                let printed = shown.text();
                match serde_json::from_str::<&RawValue>(printed.trim()) {
                    Ok(list) => filters.push(format!(
                        "{{\"dev\":{},\"direction\":\"{direction}\",\"filters\":{list}}}",
                        Value::from(device)
                    )),
                    Err(_) => {
                        return Taken {
                            bytes: None,
                            state: FileState::Failed,
                            ..shown
                        };
                    }
                }
            }
        }
        let json = format!(
            "{{\"qdiscs\":{},\"filters\":[{}]}}\n",
            raw.get(),
            filters.join(",")
        );
        Taken::captured(
            "tc.json",
            "tc -j qdisc; tc -j filter show dev … ingress|egress",
            json.into_bytes(),
        )
    }

    fn resolv_conf(&self) -> Taken {
        let text = match (&self.entrance, self.process) {
            (Entrance::Own, _) => {
                std::fs::read("/etc/resolv.conf").map_err(|error| error.to_string())
            }
            (Entrance::File(_), Some(process)) => netns::read_in_root(process, "etc/resolv.conf"),
            (Entrance::File(_), None) => Err("no process of this namespace is visible".to_owned()),
        };
        match text {
            Ok(bytes) => Taken::captured("resolv.conf", "cat /etc/resolv.conf", bytes),
            Err(reason) => Taken::without("resolv.conf", FileState::NotTried, &reason),
        }
    }

    fn counters(&self, toolbox: &Toolbox) -> [Taken; 2] {
        const COUNT: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
        let conntrack = if Path::new(COUNT).exists() {
            self.take(toolbox, "conntrack-count.txt", &["cat", COUNT])
        } else {
            Taken::without(
                "conntrack-count.txt",
                FileState::Absent,
                "connections are not tracked here",
            )
        };
        let softnet = match &self.entrance {
            Entrance::Own => self.take(
                toolbox,
                "softnet_stat.txt",
                &["cat", "/proc/net/softnet_stat"],
            ),
            // The counters are the processors', not the namespace's.
            Entrance::File(_) => Taken::without(
                "softnet_stat.txt",
                FileState::Redundant,
                "the node's own namespace has the same file",
            ),
        };
        [conntrack, softnet]
    }
}

/// Whether compact or spaced JSON has `"key": "value"` somewhere.
fn has(json: &str, key: &str, value: &str) -> bool {
    json.contains(&format!("\"{key}\":\"{value}\""))
        || json.contains(&format!("\"{key}\": \"{value}\""))
}
