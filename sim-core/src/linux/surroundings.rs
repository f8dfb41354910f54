//! What rules ask of the namespace that they run in, answered from its captured state.

use std::net::IpAddr;

use super::choice::{Doubt, Tri};
use super::fib::{self, FibKey, NoRoute};
use super::netfilter::{AddressType, ReversePath, Surroundings};
use super::packet::{Family, Packet};
use super::socket;
use crate::evidence::route::RouteKind;
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
            RouteKind::Local => return Tri::from(how.accept_local),
            RouteKind::Broadcast
            | RouteKind::Anycast
            | RouteKind::Multicast
            | RouteKind::Blackhole
            | RouteKind::Unreachable
            | RouteKind::Prohibit
            | RouteKind::Throw
            | RouteKind::Nat
            | RouteKind::Xresolve => return Tri::No,
        }
        let same = found
            .route
            .nexthops
            .iter()
            .any(|nexthop| nexthop.device.as_deref() == Some(iif));
        Tri::from(how.loose || same)
    }

    fn route_device(
        &self,
        address: IpAddr,
        mark: Option<u32>,
        iif: Option<&str>,
    ) -> Result<Option<String>, Tri> {
        routes_known(self, Family::of(address)).map_err(Tri::Unknown)?;
        let mut key = FibKey::to(address);
        key.mark = mark.unwrap_or(0);
        key.iif = iif;
        match fib::lookup(self, &key) {
            Ok(found) => {
                let device = found.nexthops.first().and_then(|hop| hop.device.as_deref());
                Ok(device.map(str::to_owned))
            }
            Err(NoRoute::Undecided(doubt)) => Err(Tri::Unknown(doubt)),
            Err(NoRoute::Missing | NoRoute::Refused { .. }) => Ok(None),
        }
    }

    fn device_index(&self, device: &str) -> Option<u32> {
        self.link(device).map(|link| link.index)
    }

    fn device_kind(&self, device: &str) -> Option<String> {
        self.link(device).map(|link| link.kind.name().to_owned())
    }

    fn device_group(&self, device: &str) -> Option<u32> {
        match self.link(device)?.group.as_deref() {
            None | Some("default") => Some(0),
            Some(group) => group.parse().ok(),
        }
    }

    fn socket(&self, packet: &Packet) -> Tri {
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

fn routes_known(ns: &Namespace, family: Family) -> Result<(), Doubt> {
    let files = match family {
        Family::V4 => ["ip-route.json", "ip-rule.json"],
        Family::V6 => ["ip6-route.json", "ip6-rule.json"],
    };
    files.iter().try_for_each(|file| ns.known(file))
}
