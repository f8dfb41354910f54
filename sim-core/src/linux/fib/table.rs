//! The best route of a table (`fib_table_lookup`; `fib6_table_lookup`, `rt6_select`, `find_rr_leaf`).

use std::cmp::Reverse;
use std::net::IpAddr;

use super::{FibKey, Found, NoRoute, refused, tos_matches};
use crate::evidence::neighbour::NeighbourState;
use crate::evidence::route::{NextHop, Route, RouteKind, TableId};
use crate::linux::choice::Doubt;
use crate::linux::packet::Family;
use crate::linux::sysctl;
use crate::world::Namespace;

/// The best route in `tables`, which are one to the lookup; `None` where the next rule's table is asked.
pub(super) fn lookup<'a>(
    ns: &'a Namespace,
    tables: &[TableId],
    key: &FibKey<'_>,
) -> Result<Option<Found<'a>>, NoRoute> {
    let family = Family::of(key.dst);
    let all = ns.routes_to(family, tables, key.dst);
    let candidates: Vec<&Route> = (all.iter().copied())
        .filter(|route| !is_hidden(&all, route))
        .filter(|route| tos_matches(family, route.tos, key.tos))
        .filter(|route| {
            route
                .src
                .is_none_or(|net| net.contains(&key.src.unwrap_or(unspecified(family))))
        })
        .collect();
    let best = match family {
        Family::V4 => best_v4(ns, candidates, key),
        Family::V6 => best_v6(ns, candidates, key),
    };
    let Some(found) = best else {
        return Ok(None);
    };
    let route = found.route;
    let encap = found
        .nexthops
        .iter()
        .find_map(|nexthop| nexthop.encap.as_ref());
    if let Some(encap) = encap {
        return Err(undecided(
            route,
            format!(
                "the route's lightweight tunnel `encap {}` is not modelled",
                encap.kind
            ),
            String::new(),
        ));
    }
    match route.kind {
        RouteKind::Throw => Ok(None),
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit => {
            Err(refused(route.kind, &route.source))
        }
        RouteKind::Unicast
        | RouteKind::Local
        | RouteKind::Broadcast
        | RouteKind::Anycast
        | RouteKind::Multicast
        | RouteKind::Nat
        | RouteKind::Xresolve => {
            if route.nexthops.is_empty() && route.nexthop_id.is_some() {
                return Err(undecided(
                    route,
                    "the route's nexthop object is not known".to_owned(),
                    format!("{}/ip-nexthop.json", ns.path),
                ));
            }
            Ok(Some(found))
        }
    }
}

fn undecided(route: &Route, what: String, settle: String) -> NoRoute {
    NoRoute::Undecided(Doubt {
        what,
        settle,
        source: Some(route.source.clone()),
    })
}

fn unspecified(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    }
}

/// Whether the lookup takes the route as it is, without a next hop that works.
fn needs_no_way(route: &Route) -> bool {
    route.nexthops.is_empty() || is_reject(route)
}

fn is_reject(route: &Route) -> bool {
    matches!(
        route.kind,
        RouteKind::Throw | RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit
    )
}

/// Longest prefix, then TOS, then metric; a route whose ways are all dead is passed over.
fn best_v4<'a>(
    ns: &'a Namespace,
    mut candidates: Vec<&'a Route>,
    key: &FibKey<'_>,
) -> Option<Found<'a>> {
    candidates.sort_by_key(|route| {
        (
            Reverse(route.dst.prefix_len()),
            // In one trie, local's routes stand before main's of the same prefix.
            Reverse(route.table),
            Reverse(route.tos),
            route.metric,
        )
    });
    candidates.into_iter().find_map(|route| {
        let nexthops = usable(ns, route, key);
        (!nexthops.is_empty() || needs_no_way(route)).then(|| Found {
            route,
            nexthops: good(ns, route, nexthops),
            rule: None,
        })
    })
}

/// The next hops that can be used: alive, and by the demanded device (`fib_lookup_good_nhc`, `__rt6_nh_dev_match`).
fn usable<'a>(ns: &Namespace, route: &'a Route, key: &FibKey<'_>) -> Vec<&'a NextHop> {
    let ignore_linkdown = |device: &str| match route.family {
        Family::V4 => sysctl::either(ns, device, "ignore_routes_with_linkdown"),
        Family::V6 => {
            sysctl::device(ns, Family::V6, device, "ignore_routes_with_linkdown", 0).value != 0
        }
    };
    route
        .nexthops
        .iter()
        .filter(|nexthop| !nexthop.dead)
        .filter(|nexthop| {
            !nexthop.linkdown || !nexthop.device.as_deref().is_some_and(ignore_linkdown)
        })
        .filter(|nexthop| {
            demanded(key).is_none_or(|device| nexthop.device.as_deref() == Some(device))
        })
        .collect()
}

/// The device that the route must be of: the one to leave by, or for IPv6 addresses that mean something on one link
/// only, the one that the packet came by (`rt6_need_strict`).
fn demanded<'a>(key: &FibKey<'a>) -> Option<&'a str> {
    let strict = match key.dst {
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_multicast(),
        IpAddr::V4(_) => false,
    };
    key.oif.or(key.iif.filter(|_| strict))
}

/// Without those whose neighbour is known not to answer, where the kernel looks at it and others are left:
/// nexthop groups always do (`nexthop_is_good_nh`), IPv4's own next hops on demand (`fib_good_nh`).
fn good<'a>(ns: &Namespace, route: &Route, nexthops: Vec<&'a NextHop>) -> Vec<&'a NextHop> {
    if nexthops.len() < 2 {
        return nexthops;
    }
    let looks = route.nexthop_id.is_some()
        || (route.family == Family::V4
            && sysctl::integer(ns, "net.ipv4.fib_multipath_use_neigh", 0).value != 0);
    if !looks {
        return nexthops;
    }
    let answers = |nexthop: &&NextHop| {
        !matches!(
            neighbour(ns, nexthop),
            Some(NeighbourState::Failed | NeighbourState::Incomplete | NeighbourState::None)
        )
    };
    if nexthops.iter().any(answers) {
        nexthops.into_iter().filter(answers).collect()
    } else {
        nexthops.into_iter().take(1).collect()
    }
}

fn neighbour(ns: &Namespace, nexthop: &NextHop) -> Option<NeighbourState> {
    let (gateway, device) = (nexthop.gateway?, nexthop.device.as_deref()?);
    ns.neighbours
        .iter()
        .find(|entry| entry.address == gateway && entry.device == device && !entry.proxy)
        .map(|entry| entry.state)
}

/// Whether routes for some sources to the same prefix hide this one for all: the lookup goes into their subtree, and from
/// there back to shorter prefixes (`fib6_node_lookup_1`).
fn is_hidden(all: &[&Route], route: &Route) -> bool {
    route.src.is_none()
        && (all.iter()).any(|other| {
            other.src.is_some() && other.dst == route.dst && other.table == route.table
        })
}

/// Node by node from the longest prefix (and source prefix) on; a host prefers routers that are not known to be dead,
/// even behind a shorter prefix.
fn best_v6<'a>(
    ns: &'a Namespace,
    mut candidates: Vec<&'a Route>,
    key: &FibKey<'_>,
) -> Option<Found<'a>> {
    candidates.sort_by_key(|route| {
        (
            Reverse(route.dst.prefix_len()),
            Reverse(route.src.map_or(0, |src| src.prefix_len())),
            route.metric,
        )
    });
    let forwards = sysctl::device(ns, Family::V6, "all", "forwarding", 0).value != 0;
    let passes: &[bool] = if forwards { &[false] } else { &[true, false] };
    passes.iter().find_map(|reachable| {
        candidates
            .chunk_by(|a, b| a.dst == b.dst && a.src == b.src)
            .find_map(|node| select(ns, node, key, *reachable))
    })
}

/// `find_rr_leaf()`: the best of the lowest metric, else of all that are left.
fn select<'a>(
    ns: &'a Namespace,
    node: &[&'a Route],
    key: &FibKey<'_>,
    reachable: bool,
) -> Option<Found<'a>> {
    let lowest = node.first()?.metric;
    let (first, rest): (Vec<&Route>, Vec<&Route>) =
        node.iter().partition(|route| route.metric == lowest);
    [first, rest].into_iter().find_map(|routes| {
        let mut best: Option<((u8, bool), Found<'a>)> = None;
        for route in &routes {
            let nexthops = reaching(ns, usable(ns, route, key), reachable);
            if nexthops.is_empty() && !needs_no_way(route) {
                continue;
            }
            // `rt6_score_route()`: for a received packet, a route by the device that it came by counts more.
            let near = key.iif.is_none_or(|iif| {
                (nexthops.iter()).any(|nexthop| nexthop.device.as_deref() == Some(iif))
            });
            let score = (preference(route), near);
            if best.as_ref().is_none_or(|(most, _)| score > *most) {
                let found = Found {
                    route,
                    nexthops,
                    rule: None,
                };
                best = Some((score, found));
            }
        }
        let (_, mut found) = best?;
        if is_sibling(found.route) {
            for other in routes {
                if other != found.route && is_sibling(other) {
                    let more = reaching(ns, usable(ns, other, key), reachable);
                    found.nexthops.extend(more);
                }
            }
        }
        found.nexthops = good(ns, found.route, found.nexthops);
        Some(found)
    })
}

/// `rt6_check_neigh()`.
fn reaching<'a>(ns: &Namespace, nexthops: Vec<&'a NextHop>, reachable: bool) -> Vec<&'a NextHop> {
    nexthops
        .into_iter()
        .filter(|nexthop| !reachable || neighbour(ns, nexthop) != Some(NeighbourState::Failed))
        .collect()
}

/// `IPV6_DECODE_PREF`.
fn preference(route: &Route) -> u8 {
    match route.pref.as_deref() {
        Some("high") => 3,
        Some("low") => 1,
        Some(_) | None => 2,
    }
}

/// `rt6_qualify_for_ecmp()`: IPv6 lists the ways of a multipath route as routes of their own with equal prefix and metric.
fn is_sibling(route: &Route) -> bool {
    route.protocol != "ra"
        && route.nexthop_id.is_none()
        && !is_reject(route)
        && route
            .nexthops
            .iter()
            .any(|nexthop| nexthop.gateway.is_some())
}
