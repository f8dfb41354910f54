//! Who answers when an address is asked for (`arp_process`, `arp_ignore`, `arp_fwd_proxy`; `ndisc_recv_ns`).

use std::net::IpAddr;

use super::fib::{self, FibKey, NoRoute};
use super::source_address::{self, SourceCheck};
use super::packet::Family;
use super::sysctl;
use crate::evidence::route::RouteKind;
use crate::world::Namespace;

/// Whether `ns` answers on `device` that it has `target`, when `sender` asks.
#[must_use]
pub fn answers(ns: &Namespace, device: &str, target: IpAddr, sender: Option<IpAddr>) -> bool {
    match Family::of(target) {
        Family::V4 => answers_arp(ns, device, target, sender),
        // Addresses of the device itself, and proxy entries.
        Family::V6 => {
            ns.addresses.iter().any(|address| {
                address.local == target && address.device == device && !address.flags.tentative
            }) || ns
                .neighbours
                .iter()
                .any(|entry| entry.proxy && entry.address == target && entry.device == device)
        }
    }
}

fn answers_arp(ns: &Namespace, device: &str, target: IpAddr, sender: Option<IpAddr>) -> bool {
    let mut key = FibKey::to(target);
    key.src = sender;
    key.iif = Some(device);
    // `ip_route_input_noref()` must succeed: a sender that looks martian gets no answer.
    let Ok(found) = fib::lookup(ns, &key) else {
        return false;
    };
    let towards = found
        .nexthops
        .first()
        .and_then(|nexthop| nexthop.device.as_deref());
    match found.route.kind {
        RouteKind::Local => {
            if !matches!(
                source_address::validate_source(ns, &key, device, None),
                SourceCheck::Pass
            ) {
                return false;
            }
            !ignored(ns, device, target, sender) && !filtered(ns, device, target, sender)
        }
        RouteKind::Unicast => {
            if sysctl::forwarding(ns, Family::V4, device).value == 0 {
                return false;
            }
            if !matches!(
                source_address::validate_source(ns, &key, device, towards),
                SourceCheck::Pass
            ) {
                return false;
            }
            let proxied = sysctl::either(ns, device, "proxy_arp") && towards != Some(device);
            let private = sysctl::either(ns, device, "proxy_arp_pvlan") && towards == Some(device);
            let entry = ns
                .neighbours
                .iter()
                .any(|entry| entry.proxy && entry.address == target && entry.device == device);
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
    }
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
        2 => !on_device().any(|address| {
            sender.is_some_and(|sender| {
                ipnet::IpNet::new(address.local, address.prefix_len)
                    .is_ok_and(|net| net.contains(&sender))
            })
        }),
        3 => !ns.addresses.iter().any(|address| {
            address.local == target && address.scope < crate::evidence::route::Scope::LINK
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
