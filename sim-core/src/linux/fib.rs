//! Route lookup: policy rules, tables, longest prefix (`fib_lookup`, `fib_table_lookup`, `fib6_rule_lookup`).

use std::net::IpAddr;

use super::choice::{Doubt, Tri};
use super::packet::{Family, Port};
use crate::evidence::route::{NextHop, Route, RouteKind, TableId};
use crate::evidence::rule::{Rule, RuleAction};
use crate::source::Source;
use crate::world::Namespace;

/// What a route is looked up by (`struct flowi4`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FibKey<'a> {
    /// Destination.
    pub dst: IpAddr,
    /// Source, where it is known already.
    pub src: Option<IpAddr>,
    /// The device that it came in by; `None` for packets from here (`lo` to rules).
    pub iif: Option<&'a str>,
    /// The device that it must leave by.
    pub oif: Option<&'a str>,
    /// The packet's mark.
    pub mark: u32,
    /// TOS.
    pub tos: u8,
    /// IP protocol.
    pub protocol: u8,
    /// Source port.
    pub sport: Option<Port>,
    /// Destination port.
    pub dport: Option<Port>,
}

impl FibKey<'_> {
    /// A lookup by destination alone.
    #[must_use]
    pub fn to(dst: IpAddr) -> Self {
        FibKey {
            dst,
            src: None,
            iif: None,
            oif: None,
            mark: 0,
            tos: 0,
            protocol: 0,
            sport: None,
            dport: None,
        }
    }
}

/// The route that a lookup found.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    /// The route.
    pub route: &'a Route,
    /// The ways that it offers, usable ones only, with their weights.
    pub nexthops: Vec<NextHop>,
    /// The policy rule that led to its table.
    pub rule: Option<&'a Rule>,
}

/// Why a lookup gives no way.
#[derive(Debug, Clone)]
pub enum NoRoute {
    /// No rule's table has a route (ENETUNREACH).
    Missing,
    /// A route or rule of this kind refuses it.
    Refused {
        /// `Blackhole`, `Unreachable` or `Prohibit`.
        kind: RouteKind,
        /// The route or rule.
        source: Source,
    },
    /// It cannot be decided.
    Undecided(Doubt),
}

/// Looks up the route for `key`.
///
/// # Errors
/// When there is no way, or it cannot be decided.
pub fn lookup<'a>(ns: &'a Namespace, key: &FibKey<'_>) -> Result<Found<'a>, NoRoute> {
    let family = Family::of(key.dst);
    let rules = ns.rules(family);
    if rules.is_empty() {
        return default_rules(ns, key, family);
    }
    let mut index = 0;
    while let Some(rule) = rules.get(index) {
        index += 1;
        match applies(rule, key) {
            Tri::No => continue,
            Tri::Unknown(doubt) => return Err(NoRoute::Undecided(doubt)),
            Tri::Yes => {}
        }
        match rule.action {
            RuleAction::Lookup(table) => {
                let suppress = rule.suppress_prefixlength;
                if let Some(found) = table_lookup(ns, table, key, family, suppress)? {
                    return Ok(Found {
                        rule: Some(rule),
                        ..found
                    });
                }
            }
            RuleAction::Goto(target) => {
                // Forward only, so that this ends (`fib_nl_newrule` refuses backward jumps).
                index = rules
                    .iter()
                    .position(|other| other.priority >= target)
                    .unwrap_or(rules.len())
                    .max(index);
            }
            RuleAction::Nop | RuleAction::GotoUnresolved(_) => {}
            RuleAction::Blackhole => return Err(refused(RouteKind::Blackhole, &rule.source)),
            RuleAction::Unreachable => return Err(refused(RouteKind::Unreachable, &rule.source)),
            RuleAction::Prohibit => return Err(refused(RouteKind::Prohibit, &rule.source)),
        }
    }
    Err(NoRoute::Missing)
}

fn refused(kind: RouteKind, source: &Source) -> NoRoute {
    NoRoute::Refused {
        kind,
        source: source.clone(),
    }
}

/// The rules of a namespace in which nobody made any (`fib_default_rules_init`).
fn default_rules<'a>(
    ns: &'a Namespace,
    key: &FibKey<'_>,
    family: Family,
) -> Result<Found<'a>, NoRoute> {
    for table in [TableId::LOCAL, TableId::MAIN, TableId::DEFAULT] {
        if let Some(found) = table_lookup(ns, table, key, family, None)? {
            return Ok(found);
        }
    }
    Err(NoRoute::Missing)
}

/// Whether `rule` applies (`fib_rule_match`, `fib4_rule_match`).
fn applies(rule: &Rule, key: &FibKey<'_>) -> Tri {
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
    if rule.tos != 0 {
        require(Tri::from(rule.tos == key.tos));
    }
    if let Some((value, mask)) = rule.dscp {
        require(Tri::from((key.tos >> 2) & mask == value & mask));
    }
    if let Some(protocol) = rule.ipproto {
        require(Tri::from(protocol == key.protocol));
    }
    for (range, port, name) in [
        (rule.sport, key.sport, "sport"),
        (rule.dport, key.dport, "dport"),
    ] {
        if let Some((low, high)) = range {
            require(match port {
                None => Tri::No,
                Some(port) => match super::netfilter::port_in(port, low, high) {
                    Some(within) => Tri::from(within),
                    None => Tri::Unknown(doubt(
                        rule,
                        &format!(
                            "rule `{name} {low}-{high}`: the port is chosen by the sender's kernel"
                        ),
                    )),
                },
            });
        }
    }
    if rule.uidrange.is_some() && key.iif.is_none() {
        require(Tri::Unknown(doubt(
            rule,
            "rule `uidrange`: the sender's user id is not captured",
        )));
    } else if rule.uidrange.is_some() {
        require(Tri::No);
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

/// The best route of `table`: longest prefix, then TOS, then metric (`fib_table_lookup`).
fn table_lookup<'a>(
    ns: &'a Namespace,
    table: TableId,
    key: &FibKey<'_>,
    family: Family,
    suppress: Option<u8>,
) -> Result<Option<Found<'a>>, NoRoute> {
    let candidates: Vec<&Route> = ns
        .routes_to(family, table, key.dst)
        .filter(|route| route.tos == 0 || route.tos == key.tos)
        .filter(|route| {
            route
                .src
                .is_none_or(|net| key.src.is_some_and(|src| net.contains(&src)))
        })
        .collect();
    for (position, route) in candidates.iter().enumerate() {
        if let Some(encap) = route
            .nexthops
            .iter()
            .find_map(|nexthop| nexthop.encap.as_ref())
        {
            return Err(NoRoute::Undecided(Doubt {
                what: format!(
                    "the route's lightweight tunnel `encap {}` is not modelled",
                    encap.kind
                ),
                settle: String::new(),
                source: Some(route.source.clone()),
            }));
        }
        match route.kind {
            RouteKind::Throw => return Ok(None),
            RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit => {
                if suppress.is_some_and(|length| route.dst.prefix_len() <= length) {
                    return Ok(None);
                }
                return Err(refused(route.kind, &route.source));
            }
            RouteKind::Unicast
            | RouteKind::Local
            | RouteKind::Broadcast
            | RouteKind::Anycast
            | RouteKind::Multicast
            | RouteKind::Nat
            | RouteKind::Xresolve => {}
        }
        let mut nexthops = usable(ns, route, key);
        if family == Family::V6 {
            nexthops.extend(siblings(ns, &candidates, position, key));
        }
        if route.nexthops.is_empty() && route.nexthop_id.is_some() {
            return Err(NoRoute::Undecided(Doubt {
                what: "the route's nexthop object is not known".to_owned(),
                settle: format!("{}/ip-nexthop.json", ns.path),
                source: Some(route.source.clone()),
            }));
        }
        if nexthops.is_empty() && !route.nexthops.is_empty() {
            continue;
        }
        // `fib_rule_suppress`: too short a prefix counts as not found.
        if suppress.is_some_and(|length| route.dst.prefix_len() <= length) {
            return Ok(None);
        }
        return Ok(Some(Found {
            route,
            nexthops,
            rule: None,
        }));
    }
    Ok(None)
}

/// IPv6 lists the ways of a multipath route as routes of their own with equal prefix and metric.
fn siblings(
    ns: &Namespace,
    candidates: &[&Route],
    position: usize,
    key: &FibKey<'_>,
) -> Vec<NextHop> {
    let Some(first) = candidates.get(position) else {
        return Vec::new();
    };
    let gatewayed = |route: &Route| {
        route
            .nexthops
            .iter()
            .any(|nexthop| nexthop.gateway.is_some())
    };
    if !gatewayed(first) {
        return Vec::new();
    }
    candidates
        .iter()
        .skip(position + 1)
        .filter(|route| route.dst == first.dst && route.metric == first.metric && gatewayed(route))
        .flat_map(|route| usable(ns, route, key))
        .collect()
}

/// The next hops that can be used: alive, and by the demanded device (`fib_lookup_good_nhc`).
fn usable(ns: &Namespace, route: &Route, key: &FibKey<'_>) -> Vec<NextHop> {
    let ignore_linkdown =
        |device: &str| super::sysctl::either(ns, device, "ignore_routes_with_linkdown");
    route
        .nexthops
        .iter()
        .filter(|nexthop| !nexthop.dead)
        .filter(|nexthop| {
            !nexthop.linkdown || !nexthop.device.as_deref().is_some_and(ignore_linkdown)
        })
        .filter(|nexthop| {
            key.oif
                .is_none_or(|oif| nexthop.device.as_deref() == Some(oif))
        })
        .cloned()
        .collect()
}
