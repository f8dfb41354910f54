//! `bpf-net.json`: BPF programs on the packet's way, as `bpftool -j net` prints them.

use std::sync::Arc;

use super::json::{self, Fault, Object};
use crate::source::{Parsed, Source, SourceFile};

/// A BPF program that may see packets of this namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BpfAttachment {
    /// Where it is attached.
    pub point: BpfPoint,
    /// The device; `None` for a program of the whole namespace (flow dissector, netfilter).
    pub device: Option<String>,
    /// The device's index.
    pub device_index: Option<u32>,
    /// The program's name, if any.
    pub name: Option<String>,
    /// The program's id.
    pub id: Option<u32>,
    /// Where it was read.
    pub source: Source,
}

/// Where a BPF program is attached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum BpfPoint {
    /// XDP: before the kernel's stack.
    Xdp,
    /// tc or tcx, on receiving.
    TcIngress,
    /// tc or tcx, on sending.
    TcEgress,
    /// netkit, at the primary or the peer end.
    Netkit,
    /// The flow dissector: changes no packet.
    FlowDissector,
    /// A netfilter hook.
    Netfilter,
    /// Another, as printed.
    Other(String),
}

/// Reads `bpf-net.json`: an array of one object with an array for each kind of place.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<BpfAttachment>> {
    let mut value = Vec::new();
    let mut skipped = Vec::new();
    let mut problems = json::each(file, |places| {
        for place in places.keys() {
            for item in places.objects(place)? {
                match attachment(place, &item) {
                    Ok(attachment) => value.push(attachment),
                    Err(fault) => skipped.push(fault.problem(file)),
                }
            }
        }
        Ok(())
    });
    problems.append(&mut skipped);
    Parsed { value, problems }
}

fn attachment(place: &str, item: &Object<'_>) -> Result<BpfAttachment, Fault> {
    if let Some(error) = item.text("error")? {
        return Err(item.fault("error", format!("bpftool failed: {error}")));
    }
    // Old bpftool's `kind` is `qdisc_clsact_ingress`, new ones' `clsact/ingress`, `tcx/ingress` or `netkit/peer`.
    let kind = item.text("kind")?.unwrap_or_default();
    let point = match place {
        "xdp" => BpfPoint::Xdp,
        "flow_dissector" => BpfPoint::FlowDissector,
        "netfilter" => BpfPoint::Netfilter,
        _ if kind.starts_with("netkit") => BpfPoint::Netkit,
        _ if kind.ends_with("ingress") => BpfPoint::TcIngress,
        _ if kind.ends_with("egress") => BpfPoint::TcEgress,
        _ => BpfPoint::Other(format!("{place} {kind}")),
    };
    Ok(BpfAttachment {
        point,
        device: item.text("devname")?,
        device_index: item.number("ifindex")?,
        name: item.text("name")?,
        id: match item.number("id")? {
            Some(id) => Some(id),
            None => item.number("prog_id")?,
        },
        source: item.source(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file, problems};

    #[test]
    fn programs_of_old_and_new_bpftool() {
        let file = file(
            "bpf-net.json",
            r#"[{"xdp":[{"devname":"eth0","ifindex":2,"mode":"driver","id":198}],
                 "tc":[{"devname":"eth0","ifindex":2,"kind":"clsact/ingress","name":"bpf_netdev_eth0.o:[from-netdev]","id":2583},
                       {"devname":"lxc1","ifindex":9,"kind":"tcx/egress","name":"cil_to_container","prog_id":31,"prog_flags":[]},
                       {"ifindex":2,"kind":"qdisc_clsact_ingress","name":"fbflow_icmp","prog_id":13},
                       {"devname":"nk0","ifindex":7,"kind":"netkit/peer","name":"cil","prog_id":3},
                       {"devname":"eth0","ifindex":2,"kind":"htb","name":"p","id":5}],
                 "flow_dissector":[{"id":7}],"netfilter":[]}]"#,
        );
        let all = clean(parse(&file));
        let points: Vec<&BpfPoint> = all.iter().map(|a| &a.point).collect();
        assert_eq!(
            points,
            [
                &BpfPoint::Xdp,
                &BpfPoint::TcIngress,
                &BpfPoint::TcEgress,
                &BpfPoint::TcIngress,
                &BpfPoint::Netkit,
                &BpfPoint::Other("tc htb".to_owned()),
                &BpfPoint::FlowDissector,
            ]
        );
        assert_eq!(all[2].id, Some(31));
        assert_eq!(all[1].source.to_string(), "bpf-net.json /0/tc/0");
    }

    #[test]
    fn what_bpftool_could_not_list_is_a_problem() {
        let text = r#"[{"xdp":[],"tc":[],"netfilter":[{"error":"Operation not permitted"}]}]"#;
        let parsed = parse(&file("bpf-net.json", text));
        assert_eq!(
            problems(&parsed),
            ["bpf-net.json /0/netfilter/0/error: bpftool failed: Operation not permitted"]
        );
    }
}
