//! `ip-route.json`, `ip6-route.json`: routes of all tables, as `ip -j -d route show table all` prints them.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::json::{self, Fault, Object};
use crate::linux::packet::Family;
use crate::source::{Parsed, Source, SourceFile};

mod names;
#[cfg(test)]
mod tests;

pub use names::{RouteKind, Scope, TableId};
pub(super) use names::{dsfield, tos};

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// IPv4 or IPv6.
    pub family: Family,
    /// Its type.
    pub kind: RouteKind,
    /// The destinations.
    pub dst: IpNet,
    /// IPv6 source routing: the sources (`from`).
    pub src: Option<IpNet>,
    /// The TOS that a packet must have; 0 is any.
    pub tos: u8,
    /// Its table.
    pub table: TableId,
    /// Who made it, e.g. `kernel`, `bird`.
    pub protocol: String,
    /// Its scope.
    pub scope: Scope,
    /// Its metric (priority); 0 where none is printed.
    pub metric: u32,
    /// The source address for packets that have none yet.
    pub prefsrc: Option<IpAddr>,
    /// MTU for its destinations; iproute2's JSON does not say whether it is locked.
    pub mtu: Option<u32>,
    /// Advertised MSS.
    pub advmss: Option<u32>,
    /// Hop limit of sent packets.
    pub hoplimit: Option<u32>,
    /// Where packets go; empty for routes that need nothing (blackhole …).
    pub nexthops: Vec<NextHop>,
    /// The nexthop object that it uses.
    pub nexthop_id: Option<u32>,
    /// IPv6 router preference: `low`, `medium` or `high`.
    pub pref: Option<String>,
    /// ICMP error of an IPv6 reject route, as printed (a negative errno).
    pub error: Option<i32>,
    /// Flags as printed: `onlink`, `linkdown`, `dead`, `offload`, `rt_trap` …
    pub flags: Vec<String>,
    /// Where it was read.
    pub source: Source,
}

/// One way that a route's packets can take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextHop {
    /// The router; `None` where destinations are on the link. Its family may differ from the route's (`via inet6`).
    pub gateway: Option<IpAddr>,
    /// The device.
    pub device: Option<Arc<str>>,
    /// Its weight among several, from 1.
    pub weight: u32,
    /// The gateway is taken to be on the link.
    pub onlink: bool,
    /// Not used (RTNH_F_DEAD).
    pub dead: bool,
    /// Its device has no carrier (RTNH_F_LINKDOWN).
    pub linkdown: bool,
    /// A lightweight tunnel (`encap`): its kind, e.g. `ip`, `mpls`, `seg6`.
    pub encap: Option<Encap>,
}

/// A lightweight tunnel on a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encap {
    /// `ip`, `ip6`, `mpls`, `seg6`, `bpf` …
    pub kind: String,
    /// Tunnel key (VNI) of `ip` and `ip6`.
    pub id: Option<u64>,
    /// Outer source.
    pub src: Option<IpAddr>,
    /// Outer destination.
    pub dst: Option<IpAddr>,
}

/// Reads `ip-route.json` or, by the file's name, `ip6-route.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Route>> {
    parse_family(file, family_of(file))
}

/// Reads the routes of one address family, whatever the file's name.
#[must_use]
pub fn parse_family(file: &Arc<SourceFile>, family: Family) -> Parsed<Vec<Route>> {
    json::items(file, |item| route(item, family))
}

/// `ip6-…json` files are of IPv6: the tools do not print it.
pub(super) fn family_of(file: &SourceFile) -> Family {
    match file.name.rsplit('/').next() {
        Some(name) if name.starts_with("ip6-") => Family::V6,
        _ => Family::V4,
    }
}

fn route(item: &Object<'_>, family: Family) -> Result<Route, Fault> {
    let flags = item.strings("flags")?;
    let kind = match item.text("type")? {
        // Without `-d`, iproute2 leaves unicast out.
        None => RouteKind::Unicast,
        Some(name) => RouteKind::named(&name)
            .ok_or_else(|| item.fault("type", format!("`{name}` is no route type")))?,
    };
    let metrics = item.objects("metrics")?;
    let metric_of = |key: &str| -> Result<Option<u32>, Fault> {
        for object in &metrics {
            if let Some(value) = object.number(key)? {
                return Ok(Some(value));
            }
        }
        item.number(key)
    };
    Ok(Route {
        family,
        kind,
        dst: item.required("dst", prefix(item, "dst", family)?)?,
        src: prefix(item, "from", family)?,
        tos: tos(item)?,
        table: item
            .name("table")?
            .map_or(TableId::MAIN, |name| TableId::named(&name)),
        protocol: item.name("protocol")?.unwrap_or_else(|| "boot".to_owned()),
        scope: Scope::of(item, Scope::GLOBAL)?,
        metric: item.number("metric")?.unwrap_or(0),
        prefsrc: item.parse("prefsrc", "an IP address")?,
        mtu: metric_of("mtu")?,
        advmss: metric_of("advmss")?,
        hoplimit: metric_of("hoplimit")?,
        nexthops: nexthops(item, &flags)?,
        nexthop_id: item.number("nhid")?,
        pref: item.name("pref")?,
        error: item.number("error")?,
        flags,
        source: item.source(),
    })
}

/// The ways of a route: `nexthops` where it has several, else its own members; none where it has neither device nor gateway.
fn nexthops(item: &Object<'_>, flags: &[String]) -> Result<Vec<NextHop>, Fault> {
    let several = item.objects("nexthops")?;
    if !several.is_empty() {
        return several
            .iter()
            .map(|object| next_hop(object, &object.strings("flags")?))
            .collect();
    }
    let single = next_hop(item, flags)?;
    Ok(if single.device.is_none() && single.gateway.is_none() {
        Vec::new()
    } else {
        vec![single]
    })
}

/// One way (`__print_rta_gateway`, `print_rta_multipath`); also a nexthop object's.
pub(super) fn next_hop(item: &Object<'_>, flags: &[String]) -> Result<NextHop, Fault> {
    let has = |flag: &str| flags.iter().any(|name| name == flag);
    let gateway = match item.object("via")? {
        Some(via) => Some(via.required("host", via.parse("host", "an IP address")?)?),
        None => item.parse("gateway", "an IP address")?,
    };
    Ok(NextHop {
        gateway,
        device: item.text("dev")?.map(Arc::from),
        weight: item.number("weight")?.unwrap_or(1),
        onlink: has("onlink"),
        dead: has("dead"),
        linkdown: has("linkdown"),
        encap: encap(item)?,
    })
}

/// A lightweight tunnel, whose members stand among the route's: its `dst` is the second one of a route.
fn encap(item: &Object<'_>) -> Result<Option<Encap>, Fault> {
    let Some(kind) = item.text("encap")? else {
        return Ok(None);
    };
    let is_tunnel = matches!(kind.as_str(), "ip" | "ip6");
    let dst = if item.has("type") || item.has("table") {
        item.second("dst")
    } else {
        item.get("dst")
    };
    let dst = match dst {
        Some(raw) if is_tunnel => Some(
            serde_json::from_str(raw.get())
                .map_err(|_| item.fault("dst", format!("`{raw}` is not an IP address")))?,
        ),
        _ => None,
    };
    Ok(Some(Encap {
        id: if is_tunnel { item.number("id")? } else { None },
        src: if is_tunnel {
            item.parse("src", "an IP address")?
        } else {
            None
        },
        dst,
        kind,
    }))
}

/// A prefix, a bare address, or `default`.
fn prefix(item: &Object<'_>, key: &str, family: Family) -> Result<Option<IpNet>, Fault> {
    let Some(text) = item.text(key)? else {
        return Ok(None);
    };
    match prefix_of(&text, family) {
        Some(prefix) => Ok(Some(prefix)),
        None => Err(item.fault(key, format!("`{text}` is no {} prefix", words(family)))),
    }
}

/// `text` as a prefix of `family`.
pub(super) fn prefix_of(text: &str, family: Family) -> Option<IpNet> {
    let prefix = match text {
        "default" | "all" | "any" => match family {
            Family::V4 => IpNet::V4(ipnet::Ipv4Net::default()),
            Family::V6 => IpNet::V6(ipnet::Ipv6Net::default()),
        },
        _ => match text.parse() {
            Ok(prefix) => prefix,
            Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?),
        },
    };
    (Family::of(prefix.addr()) == family).then_some(prefix)
}

fn words(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}
