//! Who answers when an address is asked for (`arp_process`, `arp_ignore`, `arp_fwd_proxy`; `ndisc_recv_ns`).

use std::net::IpAddr;

use super::choice::Doubt;
use super::fib::{self, FibKey, NoRoute};
use super::netfilter::{AddressType, Surroundings as _};
use super::packet::Family;
use super::source_address::{self, SourceCheck};
use super::sysctl;
use crate::evidence::route::RouteKind;
use crate::world::Namespace;

/// Whether `ns` answers on `device` that it has `target`, when `sender` asks.
///
/// # Errors
/// When what it depends on is not known.
pub fn answers(
    ns: &Namespace,
    device: &str,
    target: IpAddr,
    sender: Option<IpAddr>,
) -> Result<bool, Doubt> {
    ns.known("ip-addr.json")?;
    match Family::of(target) {
        Family::V4 => {
            for file in ["ip-route.json", "ip-rule.json", "sysctl.txt"] {
                ns.known(file)?;
            }
            answers_arp(ns, device, target, sender)
        }
        Family::V6 => answers_ndisc(ns, device, target),
    }
}

/// `ndisc_recv_ns()`: an address of the device itself, an anycast one, or one that it is a proxy for.
fn answers_ndisc(ns: &Namespace, device: &str, target: IpAddr) -> Result<bool, Doubt> {
    let setting = |of: &str, name: &str| sysctl::device(ns, Family::V6, of, name, 0).value != 0;
    let own = ns
        .addresses
        .iter()
        .find(|address| address.local == target && address.device == device && !address.anycast);
    if let Some(address) = own {
        let flags = address.flags;
        if flags.tentative && !flags.optimistic && !flags.dadfailed {
            return Err(Doubt {
                what: format!(
                    "whether {target} on {device} of {} is a duplicate was still being found out",
                    ns.object
                ),
                settle: format!("{}/ip-addr.json", ns.path),
                source: Some(address.source.clone()),
            });
        }
        return Ok(!flags.dadfailed);
    }
    ns.known("ip6-route.json")?;
    let anycast = ns.routes(Family::V6).iter().any(|route| {
        route.kind == RouteKind::Anycast
            && route.dst.addr() == target
            && route.dst.prefix_len() == 128
            && (route.nexthops.iter()).any(|nexthop| nexthop.device.as_deref() == Some(device))
    });
    if anycast {
        return Ok(true);
    }
    ns.known("sysctl.txt")?;
    let proxies = setting(device, "forwarding")
        && (setting("all", "proxy_ndp") || setting(device, "proxy_ndp"));
    let proxied = is_proxy(ns, device, target);
    if proxies && !proxied && ns.proxies_unknown {
        return Err(Doubt {
            what: format!(
                "for which addresses {} answers on {device} in place of others is not known",
                ns.object
            ),
            settle: format!("{}/ip-neigh-proxy.json", ns.path),
            source: None,
        });
    }
    Ok(proxies && proxied)
}

/// `pneigh_lookup()`.
fn is_proxy(ns: &Namespace, device: &str, target: IpAddr) -> bool {
    ns.neighbours
        .iter()
        .any(|entry| entry.proxy && entry.address == target && entry.device == device)
}

fn answers_arp(
    ns: &Namespace,
    device: &str,
    target: IpAddr,
    sender: Option<IpAddr>,
) -> Result<bool, Doubt> {
    let unspecified = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    // `arp_rcv()`
    if ns.link(device).is_some_and(|link| link.noarp) {
        return Ok(false);
    }
    if target.is_multicast()
        || (target.is_loopback() && !sysctl::either(ns, device, "route_localnet"))
    {
        return Ok(false);
    }
    // Who has no address asks as if it looked for duplicates.
    let Some(asker) = sender.filter(|sender| *sender != unspecified) else {
        return Ok(is_local(ns, target) && !ignored(ns, device, target, None));
    };
    let mut key = FibKey::to(target);
    key.src = Some(asker);
    key.iif = Some(device);
    if source_address::martian(ns, device, asker, target).is_some() {
        return Ok(false);
    }
    // `ip_route_input_noref()` must succeed: a sender that looks martian gets no answer.
    let found = match fib::lookup(ns, &key) {
        Ok(found) => found,
        Err(NoRoute::Undecided(doubt)) => return Err(doubt),
        Err(NoRoute::Missing | NoRoute::Refused { .. }) => return Ok(false),
    };
    let towards = found
        .nexthops
        .first()
        .and_then(|nexthop| nexthop.device.as_deref());
    Ok(match found.route.kind {
        RouteKind::Local => {
            if !matches!(
                source_address::validate_source(ns, &key, device, None),
                SourceCheck::Pass
            ) {
                return Ok(false);
            }
            !ignored(ns, device, target, sender) && !filtered(ns, device, target, sender)
        }
        RouteKind::Unicast => {
            if sysctl::forwarding(ns, Family::V4, device).value == 0 {
                return Ok(false);
            }
            if !matches!(
                source_address::validate_source(ns, &key, device, towards),
                SourceCheck::Pass
            ) {
                return Ok(false);
            }
            let proxied = sysctl::either(ns, device, "proxy_arp") && towards != Some(device);
            let private = sysctl::either(ns, device, "proxy_arp_pvlan") && towards == Some(device);
            let entry = towards != Some(device) && is_proxy(ns, device, target);
            proxied || private || entry
        }
        RouteKind::Broadcast
        | RouteKind::Anycast
        | RouteKind::Multicast
        | RouteKind::Blackhole
        | RouteKind::Unreachable
        | RouteKind::Prohibit
        | RouteKind::Throw
        | RouteKind::Nat
        | RouteKind::Xresolve => false,
    })
}

/// `inet_addr_type()` is RTN_LOCAL.
pub(crate) fn is_local(ns: &Namespace, address: IpAddr) -> bool {
    ns.address_type(address, None) == Ok(AddressType::Local)
}

/// `arp_ignore()`.
fn ignored(ns: &Namespace, device: &str, target: IpAddr, sender: Option<IpAddr>) -> bool {
    let on_device = || {
        ns.addresses
            .iter()
            .filter(|address| address.device == device && address.local == target)
    };
    match sysctl::larger(ns, device, "arp_ignore", 0).value {
        1 => on_device().next().is_none(),
        2 => {
            let prefix_holds = |address: &crate::evidence::address::Address| {
                ipnet::IpNet::new(address.peer.unwrap_or(address.local), address.prefix_len)
                    .is_ok_and(|net| {
                        net.contains(&target) && sender.is_none_or(|sender| net.contains(&sender))
                    })
            };
            let near = ns
                .addresses
                .iter()
                .any(|address| address.device == device && prefix_holds(address));
            on_device().next().is_none() || !near
        }
        3 => !ns.addresses.iter().any(|address| {
            address.local == target && address.scope <= crate::evidence::route::Scope::LINK
        }),
        8 => true,
        _ => false,
    }
}

/// `arp_filter()`: with it, only the device that would be used to answer answers.
fn filtered(ns: &Namespace, device: &str, target: IpAddr, sender: Option<IpAddr>) -> bool {
    if !sysctl::either(ns, device, "arp_filter") {
        return false;
    }
    let Some(sender) = sender else { return false };
    let mut key = FibKey::to(sender);
    key.src = Some(target);
    match fib::lookup(ns, &key) {
        Ok(found) => !found
            .nexthops
            .iter()
            .any(|nexthop| nexthop.device.as_deref() == Some(device)),
        Err(NoRoute::Missing | NoRoute::Refused { .. } | NoRoute::Undecided(_)) => true,
    }
}
