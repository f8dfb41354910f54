//! The source address: which one a packet made here gets, and which ones may come in (`fib_frontend.c`, `devinet.c`).

use std::cmp::Reverse;
use std::net::IpAddr;

use super::choice::Doubt;
use super::fib::{FibKey, Found, NoRoute, lookup};
use super::packet::Family;
use super::sysctl::Setting;
use crate::evidence::address::Address;
use crate::evidence::route::{NextHop, RouteKind, Scope};
use crate::world::Namespace;

/// The source address for a packet that has none, by the route that it takes (`fib_result_prefsrc`).
#[must_use]
pub fn source_address(
    ns: &Namespace,
    found: &Found<'_>,
    nexthop: Option<&NextHop>,
    dst: IpAddr,
) -> Option<IpAddr> {
    if let Some(address) = found.route.prefsrc {
        return Some(address);
    }
    if found.route.kind == RouteKind::Local {
        return Some(dst);
    }
    let device = nexthop.and_then(|nexthop| nexthop.device.as_deref())?;
    let towards = nexthop.and_then(|nexthop| nexthop.gateway).unwrap_or(dst);
    match Family::of(dst) {
        Family::V4 => select_v4(ns, device, towards, found.route.scope),
        Family::V6 => select_v6(ns, device, dst),
    }
}

/// `inet_select_addr()`: a primary address of the device, first one in the target's own prefix.
#[must_use]
pub fn select_v4(ns: &Namespace, device: &str, towards: IpAddr, scope: Scope) -> Option<IpAddr> {
    fn primaries<'a>(ns: &'a Namespace, name: &'a str) -> impl Iterator<Item = &'a Address> {
        ns.addresses
            .iter()
            .filter(move |address| address.device == name && address.local.is_ipv4())
            .filter(|address| !address.flags.secondary)
    }
    let fits = |address: &&Address| address.scope <= scope;
    let same_prefix = primaries(ns, device).filter(fits).find(|address| {
        ipnet::IpNet::new(address.peer.unwrap_or(address.local), address.prefix_len)
            .is_ok_and(|net| net.contains(&towards))
    });
    if let Some(address) = same_prefix.or_else(|| primaries(ns, device).find(fits)) {
        return Some(address.local);
    }
    // Any other device's address of a scope that reaches so far, in the order of devices.
    ns.links
        .iter()
        .filter(|link| link.name != device)
        .flat_map(|link| primaries(ns, &link.name))
        .find(|address| address.scope != Scope::LINK && address.scope <= scope)
        .map(|address| address.local)
}

/// RFC 6724 section 5 as `ipv6_dev_get_saddr()` has it, without labels and mobility: scope, not deprecated,
/// outgoing device, then the longest common prefix.
#[must_use]
pub fn select_v6(ns: &Namespace, device: &str, dst: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(target) = dst else { return None };
    let target_local = target.is_unicast_link_local();
    ns.addresses
        .iter()
        .filter_map(|address| match address.local {
            IpAddr::V6(local) if !address.flags.tentative && !address.flags.dadfailed => {
                Some((address, local))
            }
            IpAddr::V6(_) | IpAddr::V4(_) => None,
        })
        .filter(|(_, local)| !local.is_loopback() || target.is_loopback())
        .filter(|(address, local)| !local.is_unicast_link_local() || address.device == device)
        .max_by_key(|(address, local)| {
            let common = (u128::from(*local) ^ u128::from(target))
                .leading_zeros()
                .min(u32::from(address.prefix_len));
            (
                local.is_unicast_link_local() == target_local,
                !address.flags.deprecated,
                address.device == device,
                common,
                // Later ones do not win a tie.
                Reverse(address.source.clone()),
            )
        })
        .map(|(address, _)| address.local)
}

/// Whether a received packet's source may come in by `device` (`fib_validate_source`).
#[derive(Debug, Clone)]
pub enum SourceCheck {
    /// It may.
    Pass,
    /// The source is one of this namespace's own addresses, or no unicast one.
    Martian,
    /// rp_filter: the way back does not lead through this device.
    ReversePath(Setting),
    /// It cannot be decided.
    Undecided(Doubt),
}

/// Checks the source of a packet with `key` (as it came: not inverted) that arrived by `device`; `oif` is where it goes.
#[must_use]
pub fn validate_source(
    ns: &Namespace,
    key: &FibKey<'_>,
    device: &str,
    oif: Option<&str>,
) -> SourceCheck {
    let Some(src) = key.src else {
        return SourceCheck::Pass;
    };
    if src.is_ipv6() {
        return SourceCheck::Pass;
    }
    let filter = super::sysctl::larger(ns, device, "rp_filter", 0);
    let accept_local = super::sysctl::either(ns, device, "accept_local");
    if filter.value == 0
        && oif != Some(device)
        && !ns.has_custom_rules()
        && !has_custom_local_routes(ns)
    {
        let own = ns.addresses.iter().any(|address| address.local == src);
        return if own && !accept_local {
            SourceCheck::Martian
        } else {
            SourceCheck::Pass
        };
    }
    let no_address = !ns
        .addresses
        .iter()
        .any(|address| address.device == device && address.local.is_ipv4());
    let marked = super::sysctl::either(ns, device, "src_valid_mark");
    let back = FibKey {
        dst: src,
        src: Some(key.dst),
        // A lookup for the way back takes the outgoing device as its incoming one.
        iif: oif,
        oif: None,
        mark: if marked { key.mark } else { 0 },
        tos: key.tos,
        protocol: key.protocol,
        sport: key.dport,
        dport: key.sport,
    };
    let last_resort = || {
        if filter.value == 0 {
            SourceCheck::Pass
        } else {
            SourceCheck::ReversePath(filter.clone())
        }
    };
    let found = match lookup(ns, &back) {
        Ok(found) => found,
        Err(NoRoute::Undecided(doubt)) => return SourceCheck::Undecided(doubt),
        Err(NoRoute::Missing | NoRoute::Refused { .. }) => return last_resort(),
    };
    match found.route.kind {
        RouteKind::Unicast => {}
        RouteKind::Local if accept_local => {}
        RouteKind::Local
        | RouteKind::Broadcast
        | RouteKind::Anycast
        | RouteKind::Multicast
        | RouteKind::Blackhole
        | RouteKind::Unreachable
        | RouteKind::Prohibit
        | RouteKind::Throw
        | RouteKind::Nat
        | RouteKind::Xresolve => return SourceCheck::Martian,
    }
    if found
        .route
        .nexthops
        .iter()
        .any(|nexthop| nexthop.device.as_deref() == Some(device))
    {
        return SourceCheck::Pass;
    }
    if no_address {
        return last_resort();
    }
    if filter.value == 1 {
        return SourceCheck::ReversePath(filter);
    }
    SourceCheck::Pass
}

/// Local routes that someone added (`net->ipv4.fib_has_custom_local_routes`).
fn has_custom_local_routes(ns: &Namespace) -> bool {
    ns.routes(Family::V4)
        .iter()
        .any(|route| route.kind == RouteKind::Local && route.protocol != "kernel")
}
