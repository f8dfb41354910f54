//! What is looked up in a namespace again and again, found without going through all of it.

use std::cmp::Reverse;
use std::net::IpAddr;

use crate::evidence::nft::{Chain, ChainHook, ChainKind, Ruleset, Table};
use crate::evidence::route::{Route, TableId};
use crate::linux::packet::Family;

use super::Namespace;

/// Places of items in a namespace's lists; of equal ones the first in the list comes first.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Devices by name.
    links_by_name: Vec<usize>,
    /// Devices by index.
    links_by_index: Vec<usize>,
    tables_v4: Vec<RouteTable>,
    tables_v6: Vec<RouteTable>,
    /// Native nftables' base chains: places of table and chain.
    base_chains: Vec<(usize, usize)>,
    /// A base chain of a type or hook that is not known.
    strange_chain: Option<(usize, usize)>,
}

/// A routing table, its routes by the length of their prefixes, longest first.
#[derive(Debug)]
struct RouteTable {
    id: TableId,
    lengths: Vec<(u8, Vec<(IpAddr, usize)>)>,
}

impl Index {
    pub(super) fn of(ns: &Namespace) -> Self {
        let mut links_by_name: Vec<usize> = (0..ns.links.len()).collect();
        links_by_name.sort_by_key(|place| ns.links.get(*place).map(|link| &link.name));
        let mut links_by_index: Vec<usize> = (0..ns.links.len()).collect();
        links_by_index.sort_by_key(|place| ns.links.get(*place).map(|link| link.index));
        Self {
            links_by_name,
            links_by_index,
            tables_v4: tables(ns.routes(Family::V4)),
            tables_v6: tables(ns.routes(Family::V6)),
            base_chains: base_chains(&ns.ruleset),
            strange_chain: strange_chain(&ns.ruleset),
        }
    }

    pub(super) fn link(&self, ns: &Namespace, name: &str) -> Option<usize> {
        let key = |place: &usize| ns.links.get(*place).map(|link| link.name.as_str());
        first(&self.links_by_name, key, name)
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
        lengths.iter().flat_map(move |(length, routes)| {
            let network = ipnet::IpNet::new(dst, *length).map_or(dst, |net| net.network());
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
        if table.lengths.last().is_none_or(|(of, _)| *of != length) {
            table.lengths.push((length, Vec::new()));
        }
        if let Some((_, routes)) = table.lengths.last_mut() {
            routes.push((route.dst.network(), place));
        }
    }
    tables
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
