//! What it is when a route lookup gives no way (`ip_route_output_key_hash_rcu`, `ip_error`).

use std::net::IpAddr;
use std::sync::Arc;

use super::Stage;
use super::Stop;
use super::blocker::{Blocker, BlockerKind, Failure};
use crate::evidence::route::RouteKind;
use crate::linux::fib::NoRoute;
use crate::linux::packet::Family;
use crate::world::Namespace;

/// What a failed lookup is, and the ICMP error that a router sends for it.
pub(super) fn no_route(
    ns: &Arc<Namespace>,
    dst: IpAddr,
    no: &NoRoute,
) -> Stage<(Blocker, Failure)> {
    let family = Family::of(dst);
    match no {
        NoRoute::Missing => {
            let (kind, code) = crate::linux::icmp::net_unreachable(family);
            let blocker = Blocker::new(BlockerKind::RouteMissing, ns)
                .says(format!("{} has no route to {dst}", ns.object))
                .citing(ns.routes(family).first().map(|route| route.source.clone()));
            Ok((blocker, Failure::Icmp { kind, code }))
        }
        NoRoute::Refused { kind, source } => {
            let (word, failure) = match kind {
                RouteKind::Unreachable => {
                    let (kind, code) = match family {
                        Family::V4 => crate::linux::icmp::host_unreachable(family),
                        // `ip6_pkt_discard()`
                        Family::V6 => crate::linux::icmp::net_unreachable(family),
                    };
                    ("unreachable", Failure::Icmp { kind, code })
                }
                RouteKind::Prohibit => {
                    let (kind, code) = crate::linux::icmp::prohibited(family);
                    ("prohibit", Failure::Icmp { kind, code })
                }
                RouteKind::Blackhole
                | RouteKind::Unicast
                | RouteKind::Local
                | RouteKind::Broadcast
                | RouteKind::Anycast
                | RouteKind::Multicast
                | RouteKind::Throw
                | RouteKind::Nat
                | RouteKind::Xresolve => ("blackhole", Failure::Silent),
            };
            let blocker = Blocker::new(BlockerKind::RouteRefused, ns)
                .says(format!(
                    "a route of type {word} on {} refuses packets to {dst}",
                    ns.object
                ))
                .citing([source.clone()]);
            Ok((blocker, failure))
        }
        NoRoute::Undecided(doubt) => Err(Stop::Undecided(doubt.clone())),
    }
}
