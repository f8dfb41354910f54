//! Reads the files of one namespace.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::namespace::Namespace;
use super::{Halt, World, object_of};
use crate::evidence;
use crate::linux::netfilter::ipset::IpSets;
use crate::linux::netfilter::xtables::CompiledTable;
use crate::linux::packet::Family;
use crate::snapshot::{ByteRange, FileState, Step, Store};
use crate::source::{Parsed, SourceFile};
use crate::verdict::Gap;

/// The files that a walk looks at.
const FILES: &[&str] = &[
    "ip-link.json",
    "ip-addr.json",
    "ip-route.json",
    "ip6-route.json",
    "ip-rule.json",
    "ip6-rule.json",
    "ip-neigh.json",
    PROXIES,
    "ip-nexthop.json",
    "bridge-fdb.json",
    "bridge-vlan.json",
    "iptables-save.txt",
    "ip6tables-save.txt",
    "iptables-legacy-save.txt",
    "ip6tables-legacy-save.txt",
    "nft-ruleset.json",
    "nft-ruleset.txt",
    "ipset-save.txt",
    "ipvsadm-save.txt",
    "ss.txt",
    "wg.txt",
    "sysctl.txt",
    "netns.json",
    "tc.json",
    "bpf-net.json",
    "conntrack-count.txt",
];

/// Addresses that the machine answers for though it does not have them.
const PROXIES: &str = "ip-neigh-proxy.json";

struct Files {
    path: String,
    present: BTreeMap<&'static str, Arc<SourceFile>>,
    gaps: BTreeMap<String, Gap>,
    proxies_unknown: bool,
}

impl Files {
    /// Parses `name` if it is there; what could not be read becomes a gap.
    fn parse<T: Default>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&Arc<SourceFile>) -> Parsed<T>,
    ) -> T {
        let Some(file) = self.present.get(name) else {
            return T::default();
        };
        let Parsed { value, problems } = parse(file);
        if let Some(problem) = problems.first() {
            self.gap(name, problem.to_string());
        }
        value
    }

    fn gap(&mut self, name: &str, reason: String) {
        self.gaps.entry(name.to_owned()).or_insert_with(|| Gap {
            file: format!("{}/{name}", self.path),
            reason,
        });
    }
}

/// Reads and parses the namespace at `path`.
pub(super) fn namespace(store: &mut dyn Store, path: &str) -> Result<Namespace, Halt> {
    if path.starts_with("cloud/") {
        // It stands for a region of a cloud, which has no files of a machine.
        return Ok(Namespace {
            path: path.to_owned(),
            object: object_of(path),
            ..Namespace::default()
        });
    }
    let mut files = fetch(store, path)?;
    let routes = |family: Family| {
        move |file: &Arc<SourceFile>| {
            let mut parsed = evidence::route::parse(file);
            parsed.value.retain(|route| route.family == family);
            parsed
        }
    };
    let mut ns = Namespace {
        path: path.to_owned(),
        object: object_of(path),
        links: files.parse("ip-link.json", evidence::link::parse),
        addresses: files.parse("ip-addr.json", evidence::address::parse),
        routes_v4: files.parse("ip-route.json", routes(Family::V4)),
        routes_v6: files.parse("ip6-route.json", routes(Family::V6)),
        rules_v4: files.parse("ip-rule.json", evidence::rule::parse),
        rules_v6: files.parse("ip6-rule.json", evidence::rule::parse),
        neighbours: files.parse("ip-neigh.json", evidence::neighbour::parse),
        fdb: files.parse("bridge-fdb.json", evidence::bridge::parse_fdb),
        vlans: files.parse("bridge-vlan.json", evidence::bridge::parse_vlans),
        wireguard: files.parse("wg.txt", evidence::wireguard::parse),
        listeners: files.parse("ss.txt", evidence::socket::parse),
        ipvs: files.parse("ipvsadm-save.txt", evidence::ipvs::parse),
        sysctl: files.parse("sysctl.txt", evidence::sysctl::parse),
        netns: files.parse("netns.json", evidence::netns::parse),
        ruleset: files.parse("nft-ruleset.json", evidence::nft::parse),
        ..Namespace::default()
    };
    if let Some(text) = files.present.get("nft-ruleset.txt") {
        evidence::nft::complete(&mut ns.ruleset, text);
    }
    ns.neighbours
        .extend(files.parse(PROXIES, evidence::neighbour::parse));
    ns.proxies_unknown = files.proxies_unknown;
    let nexthops = files.parse("ip-nexthop.json", evidence::nexthop::parse);
    resolve_nexthops(&mut ns, &nexthops);
    for (name, family) in [
        ("iptables-save.txt", Family::V4),
        ("iptables-legacy-save.txt", Family::V4),
        ("ip6tables-save.txt", Family::V6),
        ("ip6tables-legacy-save.txt", Family::V6),
    ] {
        let save = files.parse(name, evidence::xtables::parse);
        ns.xtables.extend(
            save.tables
                .into_iter()
                .map(|table| (family, CompiledTable::new(table))),
        );
    }
    let sets = files.parse("ipset-save.txt", |file| {
        let Parsed { value, problems } = evidence::ipset::parse(file);
        Parsed {
            value: Some(value),
            problems,
        }
    });
    let sets_known = !files.gaps.contains_key("ipset-save.txt");
    ns.ipsets = IpSets::new(sets.or_else(|| sets_known.then(evidence::ipset::IpsetSave::default)));
    ns.conntrack_count = files
        .parse(
            "conntrack-count.txt",
            evidence::counters::parse_conntrack_count,
        )
        .map(|count| (count.count, count.source));
    if ns.links.is_empty() {
        let reason = "it holds no device, which every namespace has";
        files.gap("ip-link.json", reason.to_owned());
    }
    check_sysctl(&ns, &mut files);
    check_tables(&ns, &mut files);
    let tc = files.parse("tc.json", evidence::tc::parse);
    let loses = |loss: &str| {
        let share = loss.trim_end_matches('%').parse::<f64>();
        share.is_ok_and(|share| share > 0.0)
    };
    for qdisc in &tc.qdiscs {
        if qdisc.loss.as_deref().is_some_and(loses) {
            ns.classified
                .insert(qdisc.device.clone(), qdisc.source.clone());
        }
    }
    ns.classified.extend(
        tc.filters
            .into_iter()
            .map(|filter| (filter.device, filter.source)),
    );
    let bpf = files.parse("bpf-net.json", evidence::bpf::parse);
    ns.classified.extend(
        bpf.into_iter()
            .filter_map(|program| Some((program.device?, program.source))),
    );
    ns.tracks = [Family::V4, Family::V6].map(|family| {
        let mut present = files.present.iter();
        present.any(|(name, file)| tracks(name, &file.text, family))
    });
    ns.links.sort_by_key(|link| link.index);
    ns.gaps = files.gaps;
    Ok(ns)
}

/// Fetches all files of a namespace at once: what is needed is asked for in one go.
fn fetch(store: &mut dyn Store, path: &str) -> Result<Files, Halt> {
    let states = World::done(store.states(path))?;
    let mut files = Files {
        path: path.to_owned(),
        present: BTreeMap::new(),
        gaps: BTreeMap::new(),
        proxies_unknown: false,
    };
    let mut needs: Vec<ByteRange> = Vec::new();
    for name in FILES.iter().copied() {
        let file = format!("{path}/{name}");
        let bytes = match store.read(&file)? {
            Step::Needs(ranges) => {
                needs.extend(ranges);
                continue;
            }
            Step::Done(bytes) => bytes,
        };
        match bytes {
            Some(bytes) => {
                let Parsed { value, problems } = evidence::source_file(&file, &bytes);
                if let Some(problem) = problems.first() {
                    files.gap(name, problem.to_string());
                }
                files.present.insert(name, value);
            }
            // What they would tell stands in sysctl.txt and nft-ruleset.json too, or is asked for where it does not.
            None if matches!(name, "conntrack-count.txt" | "nft-ruleset.txt") => {}
            // Newer captures have it; without it, who answers for others is known of IPv4 only.
            None if name == PROXIES => {
                let state = states.get(name).copied().unwrap_or(FileState::NotTried);
                files.proxies_unknown = matches!(
                    state,
                    FileState::Captured | FileState::Failed | FileState::NotTried
                );
            }
            None => match states.get(name).copied().unwrap_or(FileState::NotTried) {
                FileState::Captured => {
                    files.gap(name, "captured, but not in this capture".to_owned());
                }
                FileState::Failed => files.gap(name, "failed".to_owned()),
                FileState::NotTried => files.gap(name, "not-tried".to_owned()),
                FileState::Empty | FileState::Absent | FileState::Redundant => {}
            },
        }
    }
    if needs.is_empty() {
        Ok(files)
    } else {
        Err(Halt::Needs(needs))
    }
}

/// Gives routes that name a nexthop object that object's ways.
fn resolve_nexthops(ns: &mut Namespace, objects: &[evidence::nexthop::NexthopObject]) {
    use evidence::nexthop::NexthopKind;
    let find = |id: u32| objects.iter().find(|object| object.id == id);
    for route in ns.routes_v4.iter_mut().chain(ns.routes_v6.iter_mut()) {
        let Some(object) = route.nexthop_id.and_then(find) else {
            continue;
        };
        match &object.kind {
            NexthopKind::Single(nexthop) => route.nexthops = vec![nexthop.clone()],
            NexthopKind::Blackhole => {
                route.nexthops.clear();
                route.kind = evidence::route::RouteKind::Blackhole;
            }
            NexthopKind::Group { members, .. } => {
                route.nexthops = members
                    .iter()
                    .filter_map(|(id, weight)| match &find(*id)?.kind {
                        NexthopKind::Single(nexthop) => Some(evidence::route::NextHop {
                            weight: *weight,
                            ..nexthop.clone()
                        }),
                        NexthopKind::Blackhole | NexthopKind::Group { .. } => None,
                    })
                    .collect();
            }
        }
    }
}

/// Whether rules of a file make conntrack run for a family (`nf_ct_netns_get`): nat, or a look at connections.
fn tracks(name: &str, text: &str, family: Family) -> bool {
    let has = |own: &str| {
        let (key, own) = ("\"family\"", format!("\"{own}\""));
        let mut after = text.split(key).skip(1);
        after.any(|rest| rest.trim_start_matches([':', ' ']).starts_with(&own))
    };
    let is_of = match (name, family) {
        ("nft-ruleset.json", Family::V4) => has("ip") || has("inet") || has("bridge"),
        ("nft-ruleset.json", Family::V6) => has("ip6") || has("inet") || has("bridge"),
        (_, Family::V4) => !name.starts_with("ip6"),
        (_, Family::V6) => name.starts_with("ip6"),
    };
    if !is_of {
        return false;
    }
    let words: &[&str] = match name {
        "nft-ruleset.json" => &[
            "\"ct\"",
            "\"nat\"",
            "\"masquerade\"",
            "\"notrack\"",
            "\"conntrack\"",
        ],
        _ if name.ends_with("-save.txt") => &[
            "*nat",
            "conntrack",
            "-m state",
            "connmark",
            "-j CT",
            "CONNMARK",
            "-m helper",
            "connbytes",
            "connlimit",
        ],
        _ => &[],
    };
    words.iter().any(|word| text.contains(word))
}

/// Settings that no kernel lacks, and that are numbers.
fn check_sysctl(ns: &Namespace, files: &mut Files) {
    let is_number = |key: &str| {
        ["net.ipv4.conf.", "net.bridge.", "net.ipv4.ip_forward"]
            .iter()
            .any(|prefix| key.starts_with(prefix))
    };
    let wrong = ns
        .sysctl
        .iter()
        .find(|(key, value, _)| is_number(key) && value.trim().parse::<i64>().is_err());
    if let Some((key, value, source)) = wrong {
        files.gap(
            "sysctl.txt",
            format!("{source}: `{key}` is `{value}`, not a number"),
        );
    }
    if !ns.sysctl.has_prefix("net.ipv4.conf.") {
        files.gap(
            "sysctl.txt",
            "it holds no `net.ipv4.conf` settings, which every kernel has".to_owned(),
        );
    }
}

/// A table of iptables-nft that nft lists and iptables-save does not print is not known.
fn check_tables(ns: &Namespace, files: &mut Files) {
    for table in ns
        .ruleset
        .tables
        .iter()
        .filter(|table| table.is_iptables_nft())
    {
        let (family, file) = match table.family {
            evidence::nft::TableFamily::Ip6 => (Family::V6, "ip6tables-save.txt"),
            _ => (Family::V4, "iptables-save.txt"),
        };
        let printed = ns.xtables.iter().any(|(of, xtables)| {
            *of == family
                && xtables.table().name == table.name
                && xtables.table().source.file().ends_with(&format!("/{file}"))
        });
        if !printed && table.chains.iter().any(|chain| !chain.rules.is_empty()) {
            files.gap(
                file,
                format!(
                    "nft lists iptables' table `{}`, which is not in this file",
                    table.name
                ),
            );
        }
    }
}
