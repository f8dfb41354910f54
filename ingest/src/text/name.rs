//! What things are called in text: outcomes, objects, addresses, the question.

use pathglass_sim::flow::Protocol;
use pathglass_sim::verdict::{FiveTuple, FlowEnd, Outcome, Verdict};

/// The outcome's name, as in the JSON.
#[must_use]
pub fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Connected => "connected",
        Outcome::Refused => "refused",
        Outcome::Unreachable => "unreachable",
        Outcome::Timeout => "timeout",
        Outcome::Partial => "partial",
        Outcome::Unknown => "unknown",
    }
}

/// `pod:ns/name` as `pod ns/name`; machines by their bare name.
pub(crate) fn object(object: &str) -> String {
    match object.split_once(':') {
        Some(("node" | "fabric" | "ip", name)) => name.to_owned(),
        Some((kind, name)) => format!("{kind} {name}"),
        None => object.to_owned(),
    }
}

/// `10.0.0.1:80`, `[2001:db8::1]:80`, or the bare address where there is no port.
pub(crate) fn socket(address: &str, port: Option<&str>) -> String {
    match port {
        Some(port) if address.contains(':') => format!("[{address}]:{port}"),
        Some(port) => format!("{address}:{port}"),
        None => address.to_owned(),
    }
}

/// `10.244.2.9 → 10.96.12.7:80`; the source port is the kernel's choice and seldom matters.
pub(crate) fn tuple(tuple: &FiveTuple) -> String {
    format!(
        "{} → {}",
        tuple.src,
        socket(&tuple.dst, tuple.dport.as_deref())
    )
}

/// `pod default/client → service default/web (10.96.12.7:80/tcp)`.
pub(crate) fn question(verdict: &Verdict) -> String {
    let request = &verdict.flow.request;
    let protocol = match request.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
        Protocol::Icmp => "icmp",
    };
    let asked = request.port.map(|port| port.to_string());
    let first = verdict
        .branches
        .first()
        .and_then(|branch| branch.hops.first());
    let port = asked
        .as_deref()
        .or_else(|| first.and_then(|hop| hop.before.dport.as_deref()));
    let FlowEnd {
        object: to,
        address,
        ..
    } = &verdict.flow.to;
    let target = format!("{}/{protocol}", socket(address, port));
    let bytes = request
        .bytes
        .map_or_else(String::new, |bytes| format!(", {bytes} bytes"));
    let from = object(&verdict.flow.from.object);
    if request.to.contains("://") {
        let at = match address.as_str() {
            "" => String::new(),
            address => format!(" ({address})"),
        };
        return format!("{from} → {}{at}", request.to);
    }
    if let Some(name) = request.to.strip_prefix("dns:") {
        let found = match (address.as_str(), to.strip_prefix("dns:")) {
            ("", Some(_)) => String::new(),
            ("", None) => format!(" ({})", object(to)),
            _ => format!(" ({}, {target}{bytes})", object(to)),
        };
        return format!("{from} → {name}{found}");
    }
    if address.is_empty() || to.strip_prefix("ip:") == Some(address.as_str()) {
        let to = if address.is_empty() {
            object(to)
        } else {
            target
        };
        format!("{from} → {to}{bytes}")
    } else {
        format!("{from} → {} ({target}{bytes})", object(to))
    }
}
