//! Whether a policy rule applies, and whether it suppresses what was found (`fib_rule_match`, `fib4_rule_match`, `fib6_rule_match`).

use super::{FibKey, Found};
use crate::evidence::rule::Rule;
use crate::linux::choice::{Doubt, Tri};
use crate::linux::netfilter::port_within;
use crate::world::Namespace;

/// Why a rule on a user's packets is taken not to apply.
const STRANGER: &str = "the sending program does not run as a user that a routing rule's `uidrange` names (senders' ids are not captured)";

/// Whether `rule` applies (`fib_rule_match`, `fib4_rule_match`).
pub(super) fn applies(rule: &Rule, key: &FibKey<'_>, assumptions: &mut Vec<String>) -> Tri {
    if rule.iif_detached || rule.oif_detached {
        return Tri::No;
    }
    let mut tri = Tri::Yes;
    let mut require = |condition: Tri| {
        let so_far = std::mem::replace(&mut tri, Tri::No);
        tri = so_far.and(condition);
    };
    if let Some(iif) = &rule.iif {
        require(Tri::from(key.iif.unwrap_or("lo") == iif));
    }
    if let Some(oif) = &rule.oif {
        require(Tri::from(key.oif == Some(oif)));
    }
    if let Some(src) = &rule.src
        && src.prefix_len() > 0
    {
        require(Tri::from(
            key.src.is_some_and(|address| src.contains(&address)),
        ));
    }
    if let Some(dst) = &rule.dst {
        require(Tri::from(dst.contains(&key.dst)));
    }
    if let Some((mark, mask)) = rule.fwmark {
        require(Tri::from(key.mark & mask == mark & mask));
    }
    require(Tri::from(super::tos_matches(
        rule.family,
        rule.tos,
        key.tos,
    )));
    if let Some((value, mask)) = rule.dscp {
        require(Tri::from((key.tos >> 2) & mask == value & mask));
    }
    if let Some(protocol) = rule.ipproto {
        require(Tri::from(protocol == key.protocol));
    }
    for (range, port) in [(rule.sport, key.sport), (rule.dport, key.dport)] {
        if let Some((low, high)) = range {
            require(match port {
                None => Tri::No,
                Some(port) => port_within(port, low, high, &rule.source),
            });
        }
    }
    if let Some((low, high)) = rule.uidrange {
        require(match (low, high, key.iif) {
            (0, u32::MAX, _) => Tri::Yes,
            // What no socket sends is root's (`sock_net_uid`).
            (low, _, Some(_)) => Tri::from(low == 0),
            (0, _, None) => Tri::Unknown(doubt(
                rule,
                "rule `uidrange`: the sender's user id is not captured",
            )),
            (_, _, None) => {
                assumptions.push(STRANGER.to_owned());
                Tri::No
            }
        });
    }
    if rule.l3mdev {
        // Devices outside a VRF never match; VRFs are not modelled yet.
        require(Tri::No);
    }
    for condition in &rule.unmodelled {
        require(Tri::Unknown(doubt(
            rule,
            &format!("rule condition `{condition}` is not modelled"),
        )));
    }
    tri.negate_if(rule.not)
}

fn doubt(rule: &Rule, what: &str) -> Doubt {
    Doubt {
        what: what.to_owned(),
        settle: String::new(),
        source: Some(rule.source.clone()),
    }
}

/// Whether `rule` does not let `found` count (`fib4_rule_suppress`, `fib6_rule_suppress`).
///
/// # Errors
/// When the group of the device is not known.
pub(super) fn suppresses(ns: &Namespace, rule: &Rule, found: &Found<'_>) -> Result<bool, Doubt> {
    let short = rule
        .suppress_prefixlength
        .is_some_and(|length| found.route.dst.prefix_len() <= length);
    let Some(group) = rule.suppress_ifgroup.as_deref().filter(|_| !short) else {
        return Ok(short);
    };
    let device = found
        .nexthops
        .first()
        .and_then(|nexthop| nexthop.device.as_deref());
    let Some(device) = device else {
        return Ok(false);
    };
    let number = |group: &str| {
        if group == "default" {
            "0".to_owned()
        } else {
            group.to_owned()
        }
    };
    match ns.link(device).map(|link| link.group.as_deref()) {
        Some(Some(own)) => Ok(number(own) == number(group)),
        Some(None) | None => Err(doubt(rule, "the group of the route's device is not known")),
    }
}
