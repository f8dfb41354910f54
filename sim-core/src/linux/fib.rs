//! Route lookup: policy rules, then their tables (`fib_lookup`, `__fib_lookup`, `fib6_rule_lookup`).

mod rule;
mod table;
#[cfg(test)]
mod tests;

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
    pub nexthops: Vec<&'a NextHop>,
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

/// Whether a rule or route for `tos` is one for packets with `other`: IPv4 leaves the precedence out
/// (`fib_dscp_masked_match`), IPv6 looks at the whole DSCP.
fn tos_matches(family: Family, tos: u8, other: u8) -> bool {
    let mask = match family {
        Family::V4 => 0x1c,
        Family::V6 => 0xfc,
    };
    tos == 0 || tos & mask == other & mask
}

/// Looks up the route for `key`.
///
/// # Errors
/// When there is no way, or it cannot be decided.
pub fn lookup<'a>(ns: &'a Namespace, key: &FibKey<'_>) -> Result<Found<'a>, NoRoute> {
    lookup_assuming(ns, key, &mut Vec::new())
}

/// As `lookup`; what it takes for granted is added to `assumptions`.
///
/// # Errors
/// When there is no way, or it cannot be decided.
pub fn lookup_assuming<'a>(
    ns: &'a Namespace,
    key: &FibKey<'_>,
    assumptions: &mut Vec<String>,
) -> Result<Found<'a>, NoRoute> {
    let family = Family::of(key.dst);
    let rules = ns.rules(family);
    if rules.is_empty() || (family == Family::V4 && !ns.has_custom_rules(family)) {
        return default_rules(ns, key, family);
    }
    let mut index = 0;
    while let Some(rule) = rules.get(index) {
        index += 1;
        match rule::applies(rule, key, assumptions) {
            Tri::No => continue,
            Tri::Unknown(doubt) => return Err(NoRoute::Undecided(doubt)),
            Tri::Yes => {}
            Tri::Assumed(holds, why) => {
                assumptions.push(why);
                if !holds {
                    continue;
                }
            }
        }
        match rule.action {
            RuleAction::Lookup(table) => {
                let Some(found) = table::lookup(ns, &[table], key)? else {
                    continue;
                };
                if !rule::suppresses(ns, rule, &found).map_err(NoRoute::Undecided)? {
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
    missing(ns, key, family)
}

/// No rule's table has a route.
///
/// IPv6 goes by its rules only once one was added (`fib6_has_custom_rules`): a capture in which the kernel's own are
/// partly gone does not tell whether one ever was.
fn missing<'a>(ns: &'a Namespace, key: &FibKey<'_>, family: Family) -> Result<Found<'a>, NoRoute> {
    if family == Family::V6
        && !ns.has_custom_rules(family)
        && default_rules(ns, key, family).is_ok()
    {
        return Err(NoRoute::Undecided(Doubt {
            what: "the kernel's own rules were deleted, and whether others were ever added, without which they count all the same, is not shown".to_owned(),
            settle: String::new(),
            source: ns.rules(family).first().map(|rule| rule.source.clone()),
        }));
    }
    Err(NoRoute::Missing)
}

fn refused(kind: RouteKind, source: &Source) -> NoRoute {
    NoRoute::Refused {
        kind,
        source: source.clone(),
    }
}

/// The tables of a namespace in which nobody made rules (`fib_lookup`, `fib6_rule_lookup`).
///
/// IPv4's local and main tables are one then, in which the longest prefix wins (`fib_trie_table`, undone by `fib_unmerge`).
fn default_rules<'a>(
    ns: &'a Namespace,
    key: &FibKey<'_>,
    family: Family,
) -> Result<Found<'a>, NoRoute> {
    let tables: &[&[TableId]] = match family {
        Family::V4 => &[&[TableId::LOCAL, TableId::MAIN], &[TableId::DEFAULT]],
        Family::V6 => &[&[TableId::LOCAL], &[TableId::MAIN]],
    };
    for table in tables {
        if let Some(found) = table::lookup(ns, table, key)? {
            return Ok(found);
        }
    }
    Err(NoRoute::Missing)
}
