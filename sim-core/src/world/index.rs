//! What is looked up in a namespace again and again, found without going through all of it.

use std::cmp::Reverse;
use std::net::IpAddr;

use crate::evidence::by_name::ByName;
use crate::evidence::nft::{Chain, ChainHook, ChainKind, Ruleset, Table};
use crate::evidence::route::{Route, RouteKind, TableId};
use crate::evidence::rule::{Rule, RuleAction};
use crate::linux::packet::Family;

use super::Namespace;
use super::stack::lies_on_another;

/// Places of items in a namespace's lists; of equal ones the first in the list comes first.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Devices by name.
    links_by_name: ByName<usize>,
    /// Devices by index.
    links_by_index: Vec<usize>,
    tables_v4: Vec<RouteTable>,
    tables_v6: Vec<RouteTable>,
    /// Native nftables' base chains: places of table and chain.
    base_chains: Vec<(usize, usize)>,
    /// A base chain of a type or hook that is not known.
    strange_chain: Option<(usize, usize)>,
    /// Devices that lie on others.
    stacked: Vec<usize>,
    /// Whether the kernel goes by its list of rules, for IPv4 and IPv6.
    custom_rules: [bool; 2],
    /// Someone added local routes.
    custom_local_routes: bool,
}

/// A routing table, its routes by the length of their prefixes, longest first.
#[derive(Debug)]
struct RouteTable {
    id: TableId,
    lengths: Vec<(Length, Vec<(u128, usize)>)>,
}

/// The length of a prefix, and the mask of its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Length {
    length: u8,
    mask: u128,
}

/// An address's bits, from the highest on.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl Index {
    pub(super) fn of(ns: &Namespace) -> Self {
        let names = ns.links.iter().zip(0..);
        let links_by_name = names.map(|(link, place)| (&*link.name, place)).collect();
        let stacked = ns
            .links
            .iter()
            .zip(0..)
            .filter(|(link, _)| lies_on_another(link));
        let mut links_by_index: Vec<usize> = (0..ns.links.len()).collect();
        links_by_index.sort_by_key(|place| ns.links.get(*place).map(|link| link.index));
        Self {
            links_by_name,
            links_by_index,
            tables_v4: tables(ns.routes(Family::V4)),
            tables_v6: tables(ns.routes(Family::V6)),
            base_chains: base_chains(&ns.ruleset),
            strange_chain: strange_chain(&ns.ruleset),
            stacked: stacked.map(|(_, place)| place).collect(),
            custom_rules: [Family::V4, Family::V6].map(|family| has_custom_rules(ns, family)),
            custom_local_routes: (ns.routes(Family::V4).iter())
                .any(|route| route.kind == RouteKind::Local && route.protocol != "kernel"),
        }
    }

    pub(super) fn link(&self, name: &str) -> Option<usize> {
        self.links_by_name.get(name).copied()
    }

    pub(super) fn stacked(&self) -> &[usize] {
        &self.stacked
    }

    pub(super) fn has_custom_rules(&self, family: Family) -> bool {
        let [v4, v6] = self.custom_rules;
        if family == Family::V4 { v4 } else { v6 }
    }

    pub(super) fn has_custom_local_routes(&self) -> bool {
        self.custom_local_routes
    }

    pub(super) fn link_by_index(&self, ns: &Namespace, index: u32) -> Option<usize> {
        let key = |place: &usize| ns.links.get(*place).map(|link| link.index);
        first(&self.links_by_index, key, index)
    }

    pub(super) fn base_chains(&self) -> &[(usize, usize)] {
        &self.base_chains
    }

    pub(super) fn strange_chain(&self) -> Option<(usize, usize)> {
        self.strange_chain
    }

    /// The routes of a table that contain `dst`.
    pub(super) fn routes(
        &self,
        family: Family,
        table: TableId,
        dst: IpAddr,
    ) -> impl Iterator<Item = usize> {
        let tables = match family {
            Family::V4 => &self.tables_v4,
            Family::V6 => &self.tables_v6,
        };
        let table = tables.iter().find(|known| known.id == table);
        let lengths = table.map_or(&[][..], |table| &table.lengths);
        let dst = bits(dst);
        lengths.iter().flat_map(move |(length, routes)| {
            let network = dst & length.mask;
            let start = routes.partition_point(|(other, _)| *other < network);
            let rest = routes.get(start..).unwrap_or_default();
            let equal = rest.iter().take_while(move |(other, _)| *other == network);
            equal.map(|(_, place)| *place)
        })
    }
}

/// The first of the sorted `places` whose key is `wanted`.
fn first<K: Ord>(places: &[usize], key: impl Fn(&usize) -> Option<K>, wanted: K) -> Option<usize> {
    let wanted = Some(wanted);
    let start = places.partition_point(|place| key(place) < wanted);
    let place = places.get(start)?;
    (key(place) == wanted).then_some(*place)
}

fn tables(routes: &[Route]) -> Vec<RouteTable> {
    let mut sorted: Vec<usize> = (0..routes.len()).collect();
    let key = |place: &usize| {
        let route = routes.get(*place)?;
        let length = Reverse(route.dst.prefix_len());
        Some((route.table, length, route.dst.network()))
    };
    sorted.sort_by_key(key);
    let mut tables: Vec<RouteTable> = Vec::new();
    for place in sorted {
        let Some(route) = routes.get(place) else {
            continue;
        };
        if tables.last().is_none_or(|table| table.id != route.table) {
            tables.push(RouteTable {
                id: route.table,
                lengths: Vec::new(),
            });
        }
        let Some(table) = tables.last_mut() else {
            continue;
        };
        let length = route.dst.prefix_len();
        if table
            .lengths
            .last()
            .is_none_or(|(of, _)| of.length != length)
        {
            let host = u128::MAX.checked_shr(length.into()).unwrap_or(0);
            table.lengths.push((
                Length {
                    length,
                    mask: !host,
                },
                Vec::new(),
            ));
        }
        if let Some((_, routes)) = table.lengths.last_mut() {
            routes.push((bits(route.dst.network()), place));
        }
    }
    tables
}

/// `fib_has_custom_rules`, `fib6_has_custom_rules`.
fn has_custom_rules(ns: &Namespace, family: Family) -> bool {
    let own = |rule: &Rule| match (rule.priority, rule.action) {
        (0, RuleAction::Lookup(table)) => table == TableId::LOCAL,
        (32766, RuleAction::Lookup(table)) => table == TableId::MAIN,
        (32767, RuleAction::Lookup(table)) => table == TableId::DEFAULT && family == Family::V4,
        _ => false,
    };
    let plain = |rule: &Rule| {
        rule.src.is_none()
            && rule.dst.is_none()
            && rule.iif.is_none()
            && rule.oif.is_none()
            && rule.fwmark.is_none()
            && !rule.not
            && rule.suppress_prefixlength.is_none()
            && rule.suppress_ifgroup.is_none()
    };
    let rules = ns.rules(family);
    rules.iter().any(|rule| !own(rule) || !plain(rule))
        || (family == Family::V4 && (1..3).contains(&rules.len()))
}

/// The places of all chains of `ruleset` that `wanted` names.
fn chains<'a>(
    ruleset: &'a Ruleset,
    wanted: impl Fn(&'a Chain) -> bool,
) -> impl Iterator<Item = (usize, usize)> {
    let tables = ruleset.tables.iter().enumerate();
    let chains = tables.flat_map(|(table, of)| {
        let chains = of.chains.iter().enumerate();
        chains.map(move |(chain, one)| ((table, chain), one))
    });
    chains.filter_map(move |(places, chain)| wanted(chain).then_some(places))
}

fn base_chains(ruleset: &Ruleset) -> Vec<(usize, usize)> {
    let made: Vec<bool> = ruleset.tables.iter().map(Table::is_iptables_nft).collect();
    let places = chains(ruleset, |chain| chain.base.is_some());
    let is_native = |(table, _): &(usize, usize)| made.get(*table) == Some(&false);
    places.filter(is_native).collect()
}

fn strange_chain(ruleset: &Ruleset) -> Option<(usize, usize)> {
    chains(ruleset, |chain| {
        chain.base.as_ref().is_some_and(|base| {
            matches!(base.kind, ChainKind::Unknown(_)) || matches!(base.hook, ChainHook::Unknown(_))
        })
    })
    .next()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evidence::testing::file;

    /// Routes of two tables whose prefixes overlap.
    fn routes() -> impl Strategy<Value = String> {
        let route = (0u8..4, 0u8..=32, 0u8..3, 254u8..=255).prop_map(|(last, length, metric, table)| {
            format!(
                r#"{{"type":"unicast","dst":"10.{last}.{last}.{last}/{length}","dev":"e","table":"{table}","protocol":"boot","scope":"link","metric":{metric},"flags":[]}}"#
            )
        });
        proptest::collection::vec(route, 1..40).prop_map(|all| format!("[{}]", all.join(",")))
    }

    proptest! {
        #[test]
        fn the_index_finds_what_a_scan_finds(text in routes(), a in 0u8..5, b in 0u8..5) {
            let routes_v4 = crate::evidence::route::parse(&file("ip-route.json", &text)).value;
            prop_assert!(!routes_v4.is_empty());
            let ns = Namespace { routes_v4, ..Namespace::default() };
            let dst: IpAddr = std::net::Ipv4Addr::new(10, a, b, a).into();
            for tables in [&[TableId::MAIN][..], &[TableId::LOCAL], &[TableId::LOCAL, TableId::MAIN]] {
                let routes = ns.routes_v4.iter();
                let scanned: Vec<&Route> = routes
                    .filter(|route| tables.contains(&route.table) && route.dst.contains(&dst))
                    .collect();
                prop_assert_eq!(ns.routes_to(Family::V4, tables, dst), scanned);
            }
        }
    }
}
