//! What rules ask of the namespace that they run in, answered from its captured state.

use std::net::{IpAddr, Ipv6Addr};

use super::choice::{Doubt, Tri};
use super::fib::{self, FibKey, NoRoute};
use super::netfilter::{AddressType, FibQuestion, ReversePath, Surroundings};
use super::packet::{Family, Packet, Port};
use super::socket;
use crate::evidence::route::{NextHop, Route, RouteKind};
use crate::world::Namespace;

impl From<RouteKind> for AddressType {
    fn from(kind: RouteKind) -> Self {
        match kind {
            RouteKind::Unicast | RouteKind::Nat | RouteKind::Xresolve => Self::Unicast,
            RouteKind::Local => Self::Local,
            RouteKind::Broadcast => Self::Broadcast,
            RouteKind::Anycast => Self::Anycast,
            RouteKind::Multicast => Self::Multicast,
            RouteKind::Blackhole => Self::Blackhole,
            RouteKind::Unreachable => Self::Unreachable,
            RouteKind::Prohibit => Self::Prohibit,
            RouteKind::Throw => Self::Throw,
        }
    }
}

impl Surroundings for Namespace {
    fn address_type(&self, address: IpAddr, device: Option<&str>) -> Result<AddressType, Tri> {
        if address.is_unspecified() {
            return Ok(AddressType::Unspec);
        }
        if address.is_multicast() {
            return Ok(AddressType::Multicast);
        }
        if matches!(address, IpAddr::V4(v4) if v4.is_broadcast()) {
            return Ok(AddressType::Broadcast);
        }
        // `__inet_dev_addr_type()` asks the local table alone: what is not in it is unicast.
        let file = match Family::of(address) {
            Family::V4 => "ip-route.json",
            Family::V6 => "ip6-route.json",
        };
        self.known(file).map_err(Tri::Unknown)?;
        let best = self
            .routes(Family::of(address))
            .iter()
            .filter(|route| {
                route.table == crate::evidence::route::TableId::LOCAL
                    && route.dst.contains(&address)
            })
            .filter(|route| {
                device.is_none_or(|device| {
                    route
                        .nexthops
                        .iter()
                        .any(|nexthop| nexthop.device.as_deref() == Some(device))
                })
            })
            .max_by_key(|route| route.dst.prefix_len());
        Ok(best.map_or(AddressType::Unicast, |route| AddressType::from(route.kind)))
    }

    fn route_type(
        &self,
        (to, from): (Ipv6Addr, Ipv6Addr),
        mark: u32,
        device: Option<&str>,
    ) -> Result<AddressType, Tri> {
        routes_known(self, Family::V6).map_err(Tri::Unknown)?;
        let mut key = FibKey::to(to.into());
        key.src = (!from.is_unspecified()).then_some(from.into());
        key.mark = mark;
        key.oif = device;
        let found = match fib::lookup(self, &key) {
            Ok(found) => found,
            Err(NoRoute::Undecided(doubt)) => return Err(Tri::Unknown(doubt)),
            Err(NoRoute::Missing) => return Ok(AddressType::Unreachable),
            Err(NoRoute::Refused { kind, .. }) => return Ok(AddressType::from(kind)),
        };
        let kind = AddressType::from(found.route.kind);
        // `ipv6_anycast_destination()`: the first address of a prefix on the link is that of any of its routers.
        let is_any_router = kind == AddressType::Unicast
            && found.route.dst.prefix_len() < 127
            && found.route.dst.addr() == IpAddr::V6(to)
            && found.nexthops.iter().all(|way| way.gateway.is_none());
        Ok(if is_any_router {
            AddressType::Anycast
        } else {
            kind
        })
    }

    fn has_address(&self, address: IpAddr, device: &str) -> Result<bool, Tri> {
        self.known("ip-addr.json").map_err(Tri::Unknown)?;
        Ok(self.addresses.iter().any(|own| {
            own.local == address
                && *own.device == *device
                && !own.anycast
                && (!own.flags.tentative || own.flags.optimistic)
        }))
    }

    fn reverse_path(&self, packet: &Packet, iif: &str, how: ReversePath) -> Tri {
        // `rpfilter_lookup_reverse()`: loopback traffic always passes.
        if iif == "lo" {
            return Tri::Yes;
        }
        if let Err(doubt) = routes_known(self, packet.family()) {
            return Tri::Unknown(doubt);
        }
        let mut key = FibKey::to(packet.src);
        key.src = Some(packet.dst);
        key.mark = if how.valid_mark { packet.mark } else { 0 };
        key.tos = packet.tos;
        key.iif = None;
        // `rpfilter_lookup_reverse6()`: a link-local sender is on that link.
        key.oif = match packet.src {
            IpAddr::V6(src) => src.is_unicast_link_local().then_some(iif),
            IpAddr::V4(_) => None,
        };
        let found = match fib::lookup(self, &key) {
            Ok(found) => found,
            Err(NoRoute::Undecided(doubt)) => return Tri::Unknown(doubt),
            Err(NoRoute::Missing | NoRoute::Refused { .. }) => return Tri::No,
        };
        match found.route.kind {
            RouteKind::Unicast => {}
            RouteKind::Local if packet.src.is_ipv6() => return Tri::from(how.accept_local),
            // `rpfilter_lookup_reverse()`: IPv4 asks for the device all the same.
            RouteKind::Local if how.accept_local => {}
            RouteKind::Local
            | RouteKind::Broadcast
            | RouteKind::Anycast
            | RouteKind::Multicast
            | RouteKind::Blackhole
            | RouteKind::Unreachable
            | RouteKind::Prohibit
            | RouteKind::Throw
            | RouteKind::Nat
            | RouteKind::Xresolve => return Tri::No,
        }
        if how.loose {
            return Tri::Yes;
        }
        Tri::from(leads_by(self, found.route, packet.src, iif))
    }

    fn route_device(&self, asked: FibQuestion<'_>) -> Result<Option<String>, Tri> {
        let family = Family::of(asked.to);
        routes_known(self, family).map_err(Tri::Unknown)?;
        let mut key = FibKey::to(asked.to);
        key.src = (!asked.from.is_multicast()).then_some(asked.from);
        key.mark = asked.mark;
        key.oif = match asked.to {
            IpAddr::V6(to) if to.is_unicast_link_local() => asked.by.or(asked.on),
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        };
        let found = match fib::lookup(self, &key) {
            Ok(found) => found,
            Err(NoRoute::Undecided(doubt)) => return Err(Tri::Unknown(doubt)),
            Err(NoRoute::Missing | NoRoute::Refused { .. }) => return Ok(None),
        };
        let counts = match found.route.kind {
            RouteKind::Local => false,
            RouteKind::Anycast => family == Family::V4,
            RouteKind::Unicast
            | RouteKind::Broadcast
            | RouteKind::Multicast
            | RouteKind::Blackhole
            | RouteKind::Unreachable
            | RouteKind::Prohibit
            | RouteKind::Throw
            | RouteKind::Nat
            | RouteKind::Xresolve => true,
        };
        if !counts {
            return Ok(None);
        }
        // `fib_info_nh_uses_dev()`: of IPv4's next hops any will do; of IPv6's, the one that the hash takes.
        let ways = match (family, asked.by) {
            (Family::V4, Some(_)) => found.route.nexthops.iter().collect(),
            (Family::V4, None) | (Family::V6, _) => found.nexthops,
        };
        let mut devices = ways.iter().filter_map(|hop| hop.device.as_deref());
        let is_asked = |name: &&str| asked.by.is_none_or(|by| by == *name);
        match family {
            Family::V4 => Ok(devices.find(is_asked).map(str::to_owned)),
            Family::V6 => {
                let first = devices.next();
                if devices.any(|device| Some(device) != first) {
                    return Err(Tri::Unknown(up_to_the_hash(found.route)));
                }
                Ok(first.filter(is_asked).map(str::to_owned))
            }
        }
    }

    fn device_index(&self, device: &str) -> Option<u32> {
        self.link(device).map(|link| link.index)
    }

    fn device_kind(&self, device: &str) -> Option<String> {
        let kind = self.link(device)?.kind.name();
        (!kind.is_empty()).then(|| kind.to_owned())
    }

    fn device_group(&self, device: &str) -> Option<u32> {
        match self.link(device)?.group.as_deref() {
            None | Some("default") => Some(0),
            Some(group) => group.parse().ok(),
        }
    }

    fn socket(&self, packet: &Packet) -> Tri {
        // What goes to a port that a kernel chose answers a connection, none of which is captured.
        if matches!(packet.dport(), Some(Port::Chosen { .. })) {
            return Tri::No;
        }
        match socket::find(self, packet, None) {
            Ok(found) => Tri::from(found.is_some()),
            Err(doubt) => Tri::Unknown(Doubt {
                what: doubt.what,
                settle: doubt.settle,
                source: doubt.source,
            }),
        }
    }
}

/// Whether the way back to `address`, for which `route` was found, leads by `device`: any next hop of IPv4's route will do
/// (`fib_info_nh_uses_dev`). IPv6's lookup prefers the device: of the routes to the same prefix, whatever their metrics,
/// the one that leads by it is taken, and no hash asked (`rt6_device_match`, `have_oif_match` of `fib6_select_path`).
fn leads_by(ns: &Namespace, route: &Route, address: IpAddr, device: &str) -> bool {
    let is_here = |hop: &NextHop| hop.device.as_deref() == Some(device);
    match Family::of(address) {
        Family::V4 => route.nexthops.iter().any(is_here),
        Family::V6 => (ns.routes_to(Family::V6, &[route.table], address).iter())
            .filter(|other| other.dst == route.dst && other.src == route.src)
            .any(|other| other.nexthops.iter().any(|hop| !hop.dead && is_here(hop))),
    }
}

fn up_to_the_hash(route: &Route) -> Doubt {
    Doubt {
        what: "which of several next hops the kernel's hash takes".into(),
        settle: String::new(),
        source: Some(route.source.clone()),
    }
}

fn routes_known(ns: &Namespace, family: Family) -> Result<(), Doubt> {
    let files = match family {
        Family::V4 => ["ip-route.json", "ip-rule.json"],
        Family::V6 => ["ip6-route.json", "ip6-rule.json"],
    };
    files.iter().try_for_each(|file| ns.known(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::link;
    use crate::evidence::testing::{clean, file};

    #[test]
    fn network_cards_have_no_kind() {
        let links = file(
            "ip-link.json",
            r#"[{"ifindex":2,"ifname":"eth0","flags":["UP"],"mtu":1500,"link_type":"ether"},
                {"ifindex":3,"ifname":"br0","flags":["UP"],"mtu":1500,"link_type":"ether","linkinfo":{"info_kind":"bridge"}}]"#,
        );
        let mut ns = Namespace::default();
        ns.links = clean(link::parse(&links));
        assert_eq!(ns.device_kind("eth0"), None);
        assert_eq!(ns.device_kind("br0").as_deref(), Some("bridge"));
    }
}
