//! The tools: which files they make, which of them are here, and what their failures mean.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::process::{self, Printed, RunError};

/// The files of a namespace that bear on where packets go; what is neither there nor stated is unknown.
pub const EXPECTED_FILES: &[&str] = &[
    "ip-link.json",
    "ip-addr.json",
    "ip-route.json",
    "ip6-route.json",
    "ip-rule.json",
    "ip6-rule.json",
    "ip-neigh.json",
    "ip-nexthop.json",
    "bridge-fdb.json",
    "bridge-link.json",
    "bridge-vlan.json",
    "iptables-save.txt",
    "ip6tables-save.txt",
    "iptables-legacy-save.txt",
    "ip6tables-legacy-save.txt",
    "nft-ruleset.json",
    "ipset-save.txt",
    "ipvsadm-save.txt",
    "ss.txt",
    "sysctl.txt",
    "netns.json",
    "tc.json",
    "bpf-net.json",
    "wg.txt",
];

/// Files that are one command's output as it is.
pub(super) const PLAIN: &[(&str, &[&str])] = &[
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
    ("bridge-fdb.json", &["bridge", "-j", "fdb"]),
    ("bridge-link.json", &["bridge", "-j", "-d", "link"]),
    ("nft-ruleset.json", &["nft", "-j", "list", "ruleset"]),
    ("nstat.json", &["nstat", "-a", "-s", "-j"]),
];

/// What kernels and tools say where a feature is not there at all.
const ABSENT: [&str; 8] = [
    "Operation not supported",
    "Protocol not supported",
    "Address family not supported",
    "not supported by the kernel",
    "do you need to insmod",
    "Failed to initialize nft",
    "Module not found",
    "disabled on this kernel",
];

/// Which of iptables' two back ends a command speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Iptables {
    /// The command that prints the nf_tables back end's rules.
    pub(super) nft: Option<&'static str>,
    /// The command that prints the legacy back end's.
    pub(super) legacy: Option<&'static str>,
}

/// The tools of this machine.
#[derive(Debug, Clone)]
pub struct Toolbox {
    timeout: Duration,
    /// Name and version, as the tool prints it.
    pub(super) versions: BTreeMap<&'static str, String>,
    pub(super) iptables: Iptables,
    pub(super) ip6tables: Iptables,
}

impl Toolbox {
    /// Looks for the tools and asks them for their versions.
    #[must_use]
    pub fn find(timeout_seconds: u64) -> Self {
        let mut toolbox = Self {
            timeout: Duration::from_secs(timeout_seconds),
            versions: BTreeMap::new(),
            iptables: Iptables::default(),
            ip6tables: Iptables::default(),
        };
        for (tool, flag) in [
            ("ip", "-V"),
            ("bridge", "-V"),
            ("tc", "-V"),
            ("ss", "-V"),
            ("iptables-save", "-V"),
            ("nft", "-v"),
            ("ipset", "-v"),
            ("ipvsadm", "-v"),
            ("sysctl", "-V"),
            ("nsenter", "-V"),
            ("bpftool", "version"),
            ("wg", "--version"),
        ] {
            if let Some(version) = toolbox.version(&[tool, flag]) {
                toolbox.versions.insert(tool, version);
            }
        }
        toolbox.iptables =
            toolbox.back_ends(["iptables-save", "iptables-nft-save", "iptables-legacy-save"]);
        toolbox.ip6tables = toolbox.back_ends([
            "ip6tables-save",
            "ip6tables-nft-save",
            "ip6tables-legacy-save",
        ]);
        toolbox
    }

    /// Runs `words` in the namespace of the file `netns`, or in this one.
    pub(super) fn run(&self, netns: Option<&Path>, words: &[&str]) -> Result<Printed, RunError> {
        process::run(netns, words, self.timeout)
    }

    fn version(&self, words: &[&str]) -> Option<String> {
        let printed = self.run(None, words).ok()?;
        let text = String::from_utf8_lossy(&printed.stdout);
        let first = text
            .lines()
            .chain(printed.stderr.lines())
            .find(|line| !line.trim().is_empty());
        first.map(|line| line.trim().to_owned())
    }

    /// The plain command is an alternative of either back end; before 1.8 there was only the legacy one.
    fn back_ends(&self, [plain, nft, legacy]: [&'static str; 3]) -> Iptables {
        let plain_is_nft = self
            .version(&[plain, "-V"])
            .map(|version| version.contains("nf_tables"));
        let installed = |name| process::is_installed(name).then_some(name);
        Iptables {
            nft: if plain_is_nft == Some(true) {
                Some(plain)
            } else {
                installed(nft)
            },
            legacy: installed(legacy).or((plain_is_nft == Some(false)).then_some(plain)),
        }
    }
}

/// Whether the message of a failed tool says that there is nothing to capture.
pub(super) fn means_absent(stderr: &str) -> bool {
    ABSENT.iter().any(|phrase| stderr.contains(phrase))
}
