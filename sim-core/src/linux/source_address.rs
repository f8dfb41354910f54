//! The source address: which one a packet made here gets, and which ones may come in (`fib_frontend.c`, `devinet.c`).

use std::cmp::Reverse;
use std::net::IpAddr;

use super::choice::Doubt;
use super::fib::{FibKey, Found, NoRoute, lookup};
use super::packet::{Family, Packet};
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
    // IPv6 asks for the destination's own device, whose address it is the best source for, if it is one.
    if found.route.kind == RouteKind::Local && dst.is_ipv4() {
        return Some(dst);
    }
    let device = nexthop.and_then(|nexthop| nexthop.device.as_deref());
    match Family::of(dst) {
        Family::V4 => {
            // `fib_info_update_nhc_saddr()`: by the gateway; what is on the link does not count.
            let towards = nexthop
                .and_then(|nexthop| nexthop.gateway)
                .filter(IpAddr::is_ipv4)
                .unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
            select_v4(ns, device?, towards, found.route.scope)
        }
        Family::V6 => select_v6(ns, device, dst),
    }
}

/// The source that an ICMP error about `packet` has before its route is known: the address that was asked (`icmp_send`,
/// `icmp6_send`), for IPv6 else one of the device that it came by, unless the route back names one
/// (`icmpv6_rt_has_prefsrc`).
#[must_use]
pub fn of_error(ns: &Namespace, packet: &Packet, iif: Option<&str>) -> Option<IpAddr> {
    if ns
        .addresses
        .iter()
        .any(|address| address.local == packet.dst)
    {
        return Some(packet.dst);
    }
    let iif = iif.filter(|_| packet.src.is_ipv6())?;
    let back = lookup(ns, &FibKey::to(packet.src));
    if back.is_ok_and(|found| found.route.prefsrc.is_some()) {
        return None;
    }
    select_v6(ns, Some(iif), packet.src)
}

/// Whether a packet from `src` has the source that one of `nexthop`'s would get (`nh_saddr`).
#[must_use]
pub fn is_of_way(ns: &Namespace, found: &Found<'_>, nexthop: &NextHop, src: IpAddr) -> bool {
    let Some(device) = nexthop.device.as_deref() else {
        return false;
    };
    match src {
        IpAddr::V4(_) => {
            let any = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
            let towards = nexthop.gateway.filter(IpAddr::is_ipv4).unwrap_or(any);
            select_v4(ns, device, towards, found.route.scope) == Some(src)
        }
        IpAddr::V6(_) => {
            (ns.addresses.iter()).any(|address| address.local == src && address.device == device)
        }
    }
}

/// `inet_select_addr()`: a primary address of the device, first one whose prefix holds `towards` (unspecified: any).
#[must_use]
pub fn select_v4(ns: &Namespace, device: &str, towards: IpAddr, scope: Scope) -> Option<IpAddr> {
    fn primaries<'a>(ns: &'a Namespace, name: &'a str) -> impl Iterator<Item = &'a Address> {
        ns.addresses
            .iter()
            .filter(move |address| address.device == name && address.local.is_ipv4())
            .filter(|address| !address.flags.secondary)
    }
    // With route_localnet, loopback addresses count as the link's.
    let nearest = if super::sysctl::either(ns, device, "route_localnet") {
        Scope::LINK
    } else {
        Scope::HOST
    };
    let fits = |address: &&Address| address.scope.min(nearest) <= scope;
    let holds = |address: &&Address| {
        towards.is_unspecified()
            || ipnet::IpNet::new(address.peer.unwrap_or(address.local), address.prefix_len)
                .is_ok_and(|net| net.contains(&towards))
    };
    let own = primaries(ns, device)
        .filter(fits)
        .find(holds)
        .or_else(|| primaries(ns, device).find(fits));
    if let Some(address) = own {
        return Some(address.local);
    }
    // Any other device's address of a scope that reaches so far, in the order of devices.
    ns.links
        .iter()
        .flat_map(|link| primaries(ns, &link.name))
        .find(|address| address.scope != Scope::LINK && address.scope <= scope)
        .map(|address| address.local)
}

/// `ipv6_dev_get_saddr()`: RFC 6724 section 5, for a packet that leaves by `device` (where that is known).
#[must_use]
pub fn select_v6(ns: &Namespace, device: Option<&str>, dst: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(target) = dst else { return None };
    let reach = scope_v6(target);
    let setting =
        |device: &str, name: &str| super::sysctl::device(ns, Family::V6, device, name, 0).value;
    let only_own = device
        .is_some_and(|device| reach <= LINK_LOCAL || setting(device, "use_oif_addrs_only") != 0);
    ns.addresses
        .iter()
        .enumerate()
        .filter_map(|(index, address)| match address.local {
            IpAddr::V6(local) if !address.anycast => Some((index, address, local)),
            IpAddr::V6(_) | IpAddr::V4(_) => None,
        })
        .filter(|(_, address, _)| {
            let flags = address.flags;
            !flags.dadfailed && (!flags.tentative || flags.optimistic)
        })
        .filter(|(_, address, _)| !only_own || device == Some(address.device.as_str()))
        .max_by_key(|(index, address, local)| {
            let scope = i16::from(scope_v6(*local));
            let prefers_temporary = setting(&address.device, "use_tempaddr") >= 2;
            let common = (u128::from(*local) ^ u128::from(target))
                .leading_zeros()
                .min(u32::from(address.prefix_len));
            (
                *local == target,
                // The nearest scope that reaches the target, else the one that comes closest.
                if scope >= i16::from(reach) {
                    -scope
                } else {
                    scope - 128
                },
                !address.flags.deprecated && !address.flags.optimistic,
                device.is_none_or(|device| address.device == device),
                label(*local) == label(target),
                address.flags.temporary == prefers_temporary,
                common,
                // Later ones do not win a tie.
                Reverse(*index),
            )
        })
        .map(|(_, address, _)| address.local)
}

/// `IPV6_ADDR_SCOPE_LINKLOCAL`.
const LINK_LOCAL: u8 = 2;

/// `ipv6_addr_src_scope()`: of a unicast address, or a multicast one's own.
fn scope_v6(address: std::net::Ipv6Addr) -> u8 {
    let [first, second, ..] = address.octets();
    if address.is_multicast() {
        second & 0x0f
    } else if address.is_unicast_link_local() || address.is_loopback() {
        LINK_LOCAL
    } else if first == 0xfe && second & 0xc0 == 0xc0 {
        5
    } else {
        14
    }
}

/// `ip6addrlbl_init_table`: the kernel's own labels; `ip addrlabel` may have changed them, which is not captured.
fn label(address: std::net::Ipv6Addr) -> u8 {
    let [a, b, c, ..] = address.segments();
    if address.is_loopback() {
        0
    } else if address.to_ipv4_mapped().is_some() {
        4
    } else if a & 0xfe00 == 0xfc00 {
        5
    } else if a == 0x2002 {
        2
    } else if a == 0x2001 && b == 0 {
        6
    } else if a == 0x2001 && b & 0xfff0 == 0x10 {
        7
    } else if a == 0x3ffe {
        12
    } else if a & 0xffc0 == 0xfec0 {
        11
    } else if (a, b, c) == (0, 0, 0) && address.segments()[3..6] == [0, 0, 0] {
        3
    } else {
        1
    }
}

/// Addresses that no packet that came by `device` may have (`ip_route_input_slow`): what is wrong with these.
#[must_use]
pub fn martian(ns: &Namespace, device: &str, src: IpAddr, dst: IpAddr) -> Option<String> {
    let (IpAddr::V4(src), IpAddr::V4(dst)) = (src, dst) else {
        return None;
    };
    if src.is_multicast() || src.is_broadcast() {
        return Some(format!(
            "the source {src} is a multicast or broadcast address"
        ));
    }
    if dst.is_broadcast() {
        return None;
    }
    // The rest of 0.0.0.0/8 is unicast since Linux 5.3 (`ipv4_is_zeronet`).
    if src.is_unspecified() || dst.is_unspecified() {
        return Some(format!("{src} to {dst}: no address"));
    }
    if (src.is_loopback() || dst.is_loopback())
        && !super::sysctl::either(ns, device, "route_localnet")
    {
        return Some(format!(
            "a loopback address ({src} to {dst}) on {device}, where route_localnet is off"
        ));
    }
    None
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
    let redirects = super::sysctl::device(ns, Family::V4, "all", "send_redirects", 1).value != 0
        || super::sysctl::device(ns, Family::V4, device, "send_redirects", 1).value != 0;
    if filter.value == 0
        && (oif != Some(device) || !redirects)
        && !ns.has_custom_rules(Family::V4)
        && !ns.has_custom_local_routes()
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
