//! One of several ways, and the way without a route (`fib_select_multipath`, `fib6_select_path`, `ip_route_output_key_hash_rcu`).

use std::net::IpAddr;
use std::sync::Arc;

use super::Walk;
use super::output::Way;
use crate::evidence::route::{NextHop, RouteKind, Scope};
use crate::linux::choice::Doubt;
use crate::linux::fib::{FibKey, Found};
use crate::linux::source_address;
use crate::world::Namespace;

impl Walk<'_, '_> {
    /// `fib_select_path()`: one of the ways, by weight; a flow keeps its way.
    pub(super) fn pick<'a>(
        &mut self,
        ns: &Arc<Namespace>,
        key: &FibKey<'_>,
        found: &Found<'a>,
    ) -> Option<&'a NextHop> {
        if found.nexthops.len() <= 1 {
            return found.nexthops.first().copied();
        }
        let unspecified = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        let flow = (
            ns.path.clone(),
            found.route.source.clone(),
            key.src.unwrap_or(unspecified),
            key.dst,
        );
        let index = match self.ways.get(&flow) {
            Some(index) => *index,
            None => {
                let weights = shares(ns, key, found);
                let index = crate::linux::choice::Choice::chance(
                    self.script,
                    &weights,
                    &found.route.source,
                );
                self.ways.insert(flow, index);
                index
            }
        };
        found.nexthops.get(index).copied()
    }
}

/// What goes to a group leaves by the device of its source, without a lookup (`ip_route_output_key_hash_rcu`).
pub(super) fn to_group(ns: &Namespace, key: &FibKey<'_>) -> Result<Option<Way>, Doubt> {
    let IpAddr::V4(dst) = key.dst else {
        return Ok(None);
    };
    if key.oif.is_some() || !(dst.is_multicast() || dst.is_broadcast()) {
        return Ok(None);
    }
    ns.known("ip-addr.json")?;
    let mut addresses = ns.addresses.iter();
    let Some(holder) = addresses.find(|address| Some(address.local) == key.src) else {
        return Ok(None);
    };
    let key = FibKey {
        oif: Some(&holder.device),
        ..FibKey::to(key.dst)
    };
    Ok(on_link(ns, &key))
}

/// A socket that is bound to a device takes what has no route by it to be on its link (`ip_route_output_key_hash_rcu`).
pub(super) fn on_link(ns: &Namespace, key: &FibKey<'_>) -> Option<Way> {
    let link = key.oif.and_then(|device| ns.link(device))?;
    if key.iif.is_some() || key.dst.is_ipv6() {
        return None;
    }
    let any = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    Some(Way {
        device: link.name.clone(),
        gateway: None,
        kind: RouteKind::Unicast,
        mtu: link.mtu,
        advmss: None,
        prefsrc: source_address::select_v4(ns, &link.name, any, Scope::LINK),
        is_default: false,
        source: link.source.clone(),
    })
}

/// How often each of several ways is taken: by weight, but those whose source the packet has already go before others
/// (`fib_select_multipath`, `fib6_select_path` since Linux 6.16; nexthop groups do not look).
fn shares(ns: &Namespace, key: &FibKey<'_>, found: &Found<'_>) -> Vec<u64> {
    let weight = |nexthop: &&NextHop| u64::from(nexthop.weight.max(1));
    let src = key
        .src
        .filter(|_| key.iif.is_none() && found.route.nexthop_id.is_none());
    let matches: Vec<bool> = (found.nexthops.iter())
        .map(|nexthop| src.is_some_and(|src| source_address::is_of_way(ns, found, nexthop, src)))
        .collect();
    if !matches.contains(&true) {
        return found.nexthops.iter().map(weight).collect();
    }
    // Each way has the hashes up to its bound: what lies between two that match goes to the later one, the rest to the first.
    let mut shares = vec![0; found.nexthops.len()];
    let mut below = 0;
    for (index, nexthop) in found.nexthops.iter().enumerate() {
        below += weight(nexthop);
        if let (Some(true), Some(share)) = (matches.get(index), shares.get_mut(index)) {
            *share = std::mem::take(&mut below);
        }
    }
    let first = matches.iter().position(|matches| *matches);
    if let Some(share) = first.and_then(|first| shares.get_mut(first)) {
        *share += below;
    }
    shares
}
