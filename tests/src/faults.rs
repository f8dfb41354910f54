//! Faults put into a healthy capture, one by one or several along one path.

use std::collections::BTreeMap;

use pathglass_sim::verdict::{Evidence, Finding, Hop, Verdict};
use serde_json::{Value, json};

use crate::corpus::Files;

/// One thing that is broken, and where a verdict must point to name it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What was done, e.g. `nodes/n1/host: eth0 down`.
    pub name: String,
    /// The file that shows it.
    pub file: String,
    /// What the cited text must contain.
    pub cited: String,
    /// The change that makes it.
    pub edit: Edit,
}

/// A change to one file.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// The item of a JSON list is gone.
    Remove(usize),
    /// The item of a JSON list has these fields.
    Set(usize, Vec<(&'static str, Value)>),
    /// The line is gone.
    RemoveLine(String),
    /// The rule comes first in its chain.
    Rule(&'static str, &'static str, String),
    /// The settings have these values.
    Settings(Vec<(String, String)>),
}

/// The faults that can be put on the way of `verdict`'s first branch.
#[must_use]
pub fn along(verdict: &Verdict, files: &Files) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    let Some(branch) = verdict.branches.first() else {
        return faults;
    };
    for hops in [&branch.hops, &branch.reply.hops] {
        for (hop_idx, hop) in hops.iter().enumerate() {
            let place = match hop_idx {
                0 => Place::Start,
                _ if hop_idx + 1 == hops.len() => Place::End,
                _ => Place::Between,
            };
            for fault in at(hop, place, files) {
                if !faults.iter().any(|known| known.name == fault.name) {
                    faults.push(fault);
                }
            }
        }
    }
    faults
}

/// Where on the way a hop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Between,
    End,
}

fn at(hop: &Hop, place: Place, files: &Files) -> Vec<Fault> {
    let ns = &hop.namespace;
    let mut faults = Vec::new();
    let mut add = |what: &str, file: &str, cited: &str, edit: Edit| {
        let file = format!("{ns}/{file}");
        if files.contains_key(&file) {
            faults.push(Fault {
                name: format!("{ns}: {what}"),
                file,
                cited: cited.to_owned(),
                edit,
            });
        }
    };
    for device in [&hop.device_in, &hop.device_out].into_iter().flatten() {
        let Some(index) = link(files, ns, device) else {
            continue;
        };
        let named = format!("\"{device}\"");
        let flags = json!(["BROADCAST", "MULTICAST"]);
        let down = vec![("flags", flags), ("operstate", json!("DOWN"))];
        add(
            &format!("{device} down"),
            "ip-link.json",
            &named,
            Edit::Set(index, down),
        );
        add(
            &format!("{device} has MTU 576"),
            "ip-link.json",
            &named,
            Edit::Set(index, vec![("mtu", json!(576))]),
        );
    }
    let legacy = format!("{ns}/iptables-legacy-save.txt");
    let rules = if files.contains_key(&legacy) {
        "iptables-legacy-save.txt"
    } else {
        "iptables-save.txt"
    };
    let chains: &[(&'static str, &'static str)] = match place {
        Place::Start => &[("filter", "OUTPUT")],
        Place::Between => &[
            ("filter", "FORWARD"),
            ("raw", "PREROUTING"),
            ("mangle", "FORWARD"),
        ],
        Place::End => &[("filter", "INPUT"), ("mangle", "INPUT")],
    };
    for (table, chain) in chains {
        let comment = format!("fault in {table} {chain} of {ns}");
        add(
            &format!("{table} {chain} drops"),
            rules,
            &comment,
            Edit::Rule(table, chain, comment.clone()),
        );
    }
    if place == Place::Between {
        let mut off = vec![("net.ipv4.ip_forward".to_owned(), "0".to_owned())];
        for device in hop.device_in.iter().chain(["all".to_owned()].iter()) {
            off.push((format!("net.ipv4.conf.{device}.forwarding"), "0".to_owned()));
        }
        add(
            "does not forward",
            "sysctl.txt",
            "forward",
            Edit::Settings(off),
        );
        let full = vec![
            (
                "net.netfilter.nf_conntrack_count".to_owned(),
                "9".to_owned(),
            ),
            ("net.netfilter.nf_conntrack_max".to_owned(), "9".to_owned()),
        ];
        add(
            "connection table full",
            "sysctl.txt",
            "nf_conntrack",
            Edit::Settings(full),
        );
    }
    for evidence in hop.steps.iter().flat_map(|step| &step.evidence) {
        for (file, what) in [
            ("ip-route.json", "no route"),
            ("bridge-fdb.json", "no forwarding entry"),
        ] {
            if let Some(index) = item(evidence, ns, file) {
                add(&format!("{what} {index}"), file, "", Edit::Remove(index));
            }
        }
        if let Some(index) = item(evidence, ns, "ip-neigh.json") {
            let wrong = vec![
                ("lladdr", json!("02:de:ad:be:ef:01")),
                ("state", json!(["PERMANENT"])),
            ];
            let edit = Edit::Set(index, wrong);
            add(
                &format!("wrong neighbour {index}"),
                "ip-neigh.json",
                "02:de:ad:be:ef:01",
                edit,
            );
        }
        if place == Place::End && evidence.file == format!("{ns}/ss.txt") {
            let edit = Edit::RemoveLine(evidence.text.clone());
            add("nothing listens", "ss.txt", "", edit);
        }
    }
    faults
}

/// The place in its list of what `evidence` cites, if it is in `file` of `ns`.
fn item(evidence: &Evidence, ns: &str, file: &str) -> Option<usize> {
    let in_file = evidence.file.strip_prefix(ns)?.strip_prefix('/')? == file;
    let pointer = evidence.pointer.as_deref().filter(|_| in_file)?;
    pointer.strip_prefix('/')?.split('/').next()?.parse().ok()
}

fn link(files: &Files, ns: &str, device: &str) -> Option<usize> {
    let bytes = files.get(&format!("{ns}/ip-link.json"))?;
    let links: Vec<Value> = serde_json::from_slice(bytes).ok()?;
    links
        .iter()
        .position(|link| link.get("ifname").and_then(Value::as_str) == Some(device))
}

/// `files` with all of `faults` in them.
#[must_use]
pub fn inject(files: &Files, faults: &[&Fault]) -> Files {
    let mut broken = files.clone();
    let mut lists: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for fault in faults {
        let bytes = files.get(&fault.file).cloned().unwrap_or_else(|| [].into());
        match &fault.edit {
            Edit::Remove(_) | Edit::Set(..) => {
                let list = lists
                    .entry(&fault.file)
                    .or_insert_with(|| serde_json::from_slice(&bytes).unwrap_or_default());
                change(list, &fault.edit);
            }
            Edit::RemoveLine(_) | Edit::Rule(..) | Edit::Settings(_) => {
                let bytes = broken
                    .get(&fault.file)
                    .cloned()
                    .unwrap_or_else(|| [].into());
                let text = String::from_utf8_lossy(&bytes);
                let changed = rewrite(&text, &fault.edit);
                broken.insert(fault.file.clone(), changed.into_bytes().into());
            }
        }
    }
    for (file, mut list) in lists {
        list.retain(|item| !item.is_null());
        broken.insert(
            file.to_owned(),
            Value::from(list).to_string().into_bytes().into(),
        );
    }
    broken
}

fn change(list: &mut [Value], edit: &Edit) {
    match edit {
        // The others keep their places until all faults are in.
        Edit::Remove(index) => {
            if let Some(item) = list.get_mut(*index) {
                *item = Value::Null;
            }
        }
        Edit::Set(index, fields) => {
            if let Some(item) = list.get_mut(*index).and_then(Value::as_object_mut) {
                for (key, value) in fields {
                    item.insert((*key).to_owned(), value.clone());
                }
            }
        }
        Edit::RemoveLine(_) | Edit::Rule(..) | Edit::Settings(_) => {}
    }
}

fn rewrite(text: &str, edit: &Edit) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    match edit {
        Edit::RemoveLine(gone) => lines.retain(|line| line.trim() != gone.trim()),
        Edit::Rule(table, chain, comment) => {
            let rule = format!("-A {chain} -m comment --comment \"{comment}\" -j DROP");
            insert_rule(&mut lines, table, chain, rule);
        }
        Edit::Settings(settings) => {
            for (key, value) in settings {
                lines.retain(|line| line.split('=').next().map(str::trim) != Some(key));
                lines.push(format!("{key} = {value}"));
            }
        }
        Edit::Remove(_) | Edit::Set(..) => {}
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// As the first rule of its table, which is made if it is not there.
fn insert_rule(lines: &mut Vec<String>, table: &str, chain: &str, rule: String) {
    let header = format!("*{table}");
    let Some(start) = lines.iter().position(|line| *line == header) else {
        let chains = match table {
            "raw" => ["PREROUTING", "OUTPUT"].as_slice(),
            "mangle" => &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
            _ => &["INPUT", "FORWARD", "OUTPUT"],
        };
        lines.push(header);
        lines.extend(chains.iter().map(|chain| format!(":{chain} ACCEPT [0:0]")));
        lines.extend([rule, "COMMIT".to_owned()]);
        return;
    };
    let chain_header = format!(":{chain} ");
    let after = lines.iter().skip(start + 1);
    let n_chains = after.take_while(|line| line.starts_with(':')).count();
    let has_chain = lines
        .iter()
        .skip(start + 1)
        .take(n_chains)
        .any(|line| line.starts_with(&chain_header));
    let mut at = start + 1 + n_chains;
    if !has_chain {
        lines.insert(at, format!("{chain_header}ACCEPT [0:0]"));
        at += 1;
    }
    lines.insert(at, rule);
}

/// The finding of `verdict` that names `fault`.
#[must_use]
pub fn named<'v>(fault: &Fault, verdict: &'v Verdict) -> Option<&'v Finding> {
    verdict.findings.iter().find(|finding| {
        finding
            .evidence
            .iter()
            .any(|evidence| evidence.file == fault.file && evidence.text.contains(&fault.cited))
    })
}
