//! `ip-rule.json`, `ip6-rule.json`: policy routing rules, as `ip -j rule` prints them.

use std::sync::Arc;

use ipnet::IpNet;

use super::json::{self, Fault, Object, integer};
use super::names;
use super::route::{self, TableId};
use crate::linux::packet::Family;
use crate::source::{Parsed, Source, SourceFile};

#[cfg(test)]
mod tests;

/// A policy routing rule (`struct fib_rule`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// IPv4 or IPv6.
    pub family: Family,
    /// Its priority: rules are tried from the lowest number on.
    pub priority: u32,
    /// FIB_RULE_INVERT: it applies to packets that do not match.
    pub not: bool,
    /// Sources; `None` is all.
    pub src: Option<IpNet>,
    /// Destinations; `None` is all.
    pub dst: Option<IpNet>,
    /// The device that the packet came in by (`lo` for packets from here).
    pub iif: Option<String>,
    /// That device does not exist: the rule never matches.
    pub iif_detached: bool,
    /// The device that the packet's socket is bound to.
    pub oif: Option<String>,
    /// That device does not exist: the rule never matches.
    pub oif_detached: bool,
    /// Mark and mask.
    pub fwmark: Option<(u32, u32)>,
    /// TOS; 0 is any.
    pub tos: u8,
    /// DSCP value and mask (newer kernels).
    pub dscp: Option<(u8, u8)>,
    /// IP protocol number.
    pub ipproto: Option<u8>,
    /// Source ports.
    pub sport: Option<(u16, u16)>,
    /// Destination ports.
    pub dport: Option<(u16, u16)>,
    /// User ids of the sending socket.
    pub uidrange: Option<(u32, u32)>,
    /// The packet belongs to a VRF, whose table is used.
    pub l3mdev: bool,
    /// Conditions that are not modelled (a tunnel id, a flow label, what later versions add), as `key value`: whether the
    /// rule applies cannot be decided.
    pub unmodelled: Vec<String>,
    /// What happens to matching packets.
    pub action: RuleAction,
    /// Routes with a prefix of at most this length are not used.
    pub suppress_prefixlength: Option<u8>,
    /// Routes by devices of this group are not used.
    pub suppress_ifgroup: Option<String>,
    /// Who made it.
    pub protocol: Option<String>,
    /// Where it was read.
    pub source: Source,
}

/// What a rule does with a packet that it applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleAction {
    /// Look the route up in a table (with `l3mdev`: in the VRF's, and the number here is 0).
    Lookup(TableId),
    /// Go on with the rule of this priority.
    Goto(u32),
    /// A goto whose target does not exist: the rule does nothing.
    GotoUnresolved(u32),
    /// Do nothing.
    Nop,
    /// Drop silently.
    Blackhole,
    /// Drop with an error.
    Unreachable,
    /// Drop with an error.
    Prohibit,
}

/// Reads `ip-rule.json` or, by the file's name, `ip6-rule.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Rule>> {
    parse_family(file, route::family_of(file))
}

/// Reads the rules of one address family, whatever the file's name.
#[must_use]
pub fn parse_family(file: &Arc<SourceFile>, family: Family) -> Parsed<Vec<Rule>> {
    json::items(file, |item| rule(item, family))
}

/// Members that say nothing on whether a rule applies, and those that `rule` reads.
const KNOWN: &[&str] = &[
    "priority",
    "not",
    "src",
    "srclen",
    "dst",
    "dstlen",
    "tos",
    "dsfield",
    "fwmark",
    "fwmask",
    "iif",
    "iif_detached",
    "oif",
    "oif_detached",
    "l3mdev",
    "uid_start",
    "uid_end",
    "ipproto",
    "sport",
    "sport_start",
    "sport_end",
    "sport_mask",
    "dport",
    "dport_start",
    "dport_end",
    "dport_mask",
    "table",
    "suppress_prefixlen",
    "suppress_ifgroup",
    "flow_from",
    "flow_to",
    "action",
    "goto",
    "unresolved",
    "nop",
    "protocol",
    "dscp",
    "dscp_mask",
];

fn rule(item: &Object<'_>, family: Family) -> Result<Rule, Fault> {
    Ok(Rule {
        family,
        priority: item.number("priority")?.unwrap_or(0),
        not: item.flag("not")?,
        src: prefix(item, "src", "srclen", family)?,
        dst: prefix(item, "dst", "dstlen", family)?,
        iif: item.text("iif")?,
        iif_detached: item.flag("iif_detached")?,
        oif: item.text("oif")?,
        oif_detached: item.flag("oif_detached")?,
        fwmark: fwmark(item)?,
        tos: route::tos(item)?,
        dscp: dscp(item)?,
        ipproto: ipproto(item)?,
        sport: range(item, "sport")?,
        dport: range(item, "dport")?,
        uidrange: match (item.number("uid_start")?, item.number("uid_end")?) {
            (Some(start), Some(end)) => Some((start, end)),
            _ => None,
        },
        l3mdev: item.flag("l3mdev")?,
        unmodelled: item
            .keys()
            .filter(|key| !KNOWN.contains(key))
            .map(|key| {
                let value = item.get(key).map_or("", |raw| raw.get());
                format!("{key} {value}")
            })
            .chain(masked_ports(item))
            .collect(),
        action: action(item)?,
        suppress_prefixlength: item.number("suppress_prefixlen")?,
        suppress_ifgroup: item.name("suppress_ifgroup")?,
        protocol: item.name("protocol")?,
        source: item.source(),
    })
}

fn action(item: &Object<'_>) -> Result<RuleAction, Fault> {
    if item.has("goto") {
        // A goto without a target prints `none`.
        let target = item.number("goto")?.unwrap_or(0);
        return Ok(if item.flag("unresolved")? {
            RuleAction::GotoUnresolved(target)
        } else {
            RuleAction::Goto(target)
        });
    }
    if item.flag("nop")? {
        return Ok(RuleAction::Nop);
    }
    match item.text("action")?.as_deref() {
        Some("blackhole") => return Ok(RuleAction::Blackhole),
        Some("unreachable") => return Ok(RuleAction::Unreachable),
        Some("prohibit") => return Ok(RuleAction::Prohibit),
        None | Some("unicast") => {}
        Some(other) => return Err(item.fault("action", format!("`{other}` is no rule action"))),
    }
    match item.name("table")? {
        Some(name) => Ok(RuleAction::Lookup(TableId::named(&name))),
        // `fib_rule_get_table`: the VRF's table, RT_TABLE_UNSPEC in the rule.
        None if item.flag("l3mdev")? => Ok(RuleAction::Lookup(TableId(0))),
        None => Err(item.fault("table", "neither a table nor an action is given")),
    }
}

/// `all`, or an address and its length; a host's has no length.
fn prefix(
    item: &Object<'_>,
    key: &str,
    length: &str,
    family: Family,
) -> Result<Option<IpNet>, Fault> {
    let Some(text) = item.name(key)? else {
        return Ok(None);
    };
    if text == "all" {
        return Ok(None);
    }
    let base = match text.as_str() {
        "0" => "default",
        text => text,
    };
    let invalid = || item.fault(key, format!("`{text}` is no prefix of the file's family"));
    let prefix = route::prefix_of(base, family).ok_or_else(invalid)?;
    match item.number(length)? {
        None => Ok(Some(prefix)),
        Some(bits) => IpNet::new(prefix.addr(), bits)
            .map(Some)
            .map_err(|_| item.fault(length, format!("`{bits}` is out of range"))),
    }
}

fn fwmark(item: &Object<'_>) -> Result<Option<(u32, u32)>, Fault> {
    let mask = item.number("fwmask")?;
    Ok(match item.number("fwmark")? {
        Some(mark) => Some((mark, mask.unwrap_or(u32::MAX))),
        None => mask.map(|mask| (0, mask)),
    })
}

/// One port, or a range's ends.
fn range(item: &Object<'_>, key: &str) -> Result<Option<(u16, u16)>, Fault> {
    if let Some(port) = item.number(key)? {
        return Ok(Some((port, port)));
    }
    let ends = (
        item.number(&format!("{key}_start"))?,
        item.number(&format!("{key}_end"))?,
    );
    match ends {
        (Some(start), Some(end)) => Ok(Some((start, end))),
        _ => Ok(None),
    }
}

/// A port under a mask (Linux 6.15) is not modelled, unless the mask is full.
fn masked_ports(item: &Object<'_>) -> Vec<String> {
    ["sport_mask", "dport_mask"]
        .into_iter()
        .filter_map(|key| Some((key, item.get(key)?.get())))
        .filter(|(_, value)| !value.trim_matches('"').eq_ignore_ascii_case("0xffff"))
        .map(|(key, value)| format!("{key} {value}"))
        .collect()
}

/// DSCP and its mask (Linux 6.13): six bits, printed as a number or a class's name.
fn dscp(item: &Object<'_>) -> Result<Option<(u8, u8)>, Fault> {
    let Some(text) = item.name("dscp")? else {
        return Ok(None);
    };
    let value = integer(&text)
        .and_then(|number| u8::try_from(number).ok())
        .or_else(|| route::dsfield(&text).map(|field| field >> 2))
        .filter(|value| *value < 64)
        .ok_or_else(|| item.fault("dscp", format!("`{text}` is no DSCP that is known here")))?;
    Ok(Some((value, item.number("dscp_mask")?.unwrap_or(0x3f))))
}

/// A number, a name of `/etc/protocols`, or `ipproto-N` (`inet_proto_n2a`).
fn ipproto(item: &Object<'_>) -> Result<Option<u8>, Fault> {
    let Some(text) = item.name("ipproto")? else {
        return Ok(None);
    };
    let number = names::protocol_number(&text).or_else(|| {
        integer(text.strip_prefix("ipproto-").unwrap_or(&text))
            .and_then(|number| u8::try_from(number).ok())
    });
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(item.fault(
            "ipproto",
            format!("`{text}` is no protocol that is known here"),
        )),
    }
}
