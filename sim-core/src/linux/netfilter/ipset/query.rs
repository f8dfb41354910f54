//! What a packet shows to a set, dimension by dimension.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{network, unknown};
use crate::evidence::ipset::{Dimension, Element, Member, Set};
use crate::evidence::mac::Mac;
use crate::evidence::xtables::{SetMatch, value};
use crate::linux::choice::Tri;
use crate::linux::netfilter::{HookContext, port_within};
use crate::linux::packet::{Packet, Port, Transport, protocol};
use crate::source::Source;

/// One lookup.
pub(super) struct Query<'a> {
    pub(super) set: &'a Set,
    pub(super) bitmap: bool,
    pub(super) wanted: &'a SetMatch,
    pub(super) packet: &'a Packet,
    pub(super) ctx: &'a HookContext<'a>,
    pub(super) source: &'a Source,
}

impl Query<'_> {
    /// The address that the first dimension looks at, if it looks at one.
    pub(super) fn first_address(&self, dimensions: &[Dimension]) -> Option<IpAddr> {
        match dimensions.first()? {
            Dimension::Address | Dimension::Network => self.address(0),
            Dimension::Port | Dimension::Mac | Dimension::Interface | Dimension::Mark => None,
        }
    }

    /// Whether every part of `member` fits the packet.
    pub(super) fn member_matches(&self, dimensions: &[Dimension], member: &Member) -> Tri {
        let parts = dimensions.iter().zip(&member.elements).enumerate();
        let mut result = Tri::Yes;
        for (place, (dimension, element)) in parts {
            if result == Tri::No {
                return result;
            }
            result = result.and(self.part_matches(place, *dimension, element));
        }
        result
    }

    fn source_side(&self, place: usize) -> bool {
        self.wanted.src.get(place).copied().unwrap_or_default()
    }

    /// The address in dimension `place`, under the set's netmask or bitmask.
    fn address(&self, place: usize) -> Option<IpAddr> {
        let packet = self.packet;
        let address = if self.source_side(place) {
            packet.src
        } else {
            packet.dst
        };
        if let Some(length) = self.set.option("netmask") {
            let network = IpNet::new(address, length.parse().ok()?).ok()?;
            return Some(network.trunc().addr());
        }
        let Some(mask) = self.set.option("bitmask") else {
            return Some(address);
        };
        match (address, mask.parse().ok()?) {
            (IpAddr::V4(address), IpAddr::V4(mask)) => Some(IpAddr::V4(address & mask)),
            (IpAddr::V6(address), IpAddr::V6(mask)) => Some(IpAddr::V6(address & mask)),
            _ => None,
        }
    }

    fn part_matches(&self, place: usize, dimension: Dimension, element: &Element) -> Tri {
        match (dimension, element) {
            (
                Dimension::Address | Dimension::Network,
                Element::Addresses(..) | Element::Network(..),
            ) => {
                let Some(address) = self.address(place) else {
                    return Tri::No;
                };
                match (network(element), element) {
                    (Some(network), _) => Tri::from(network.contains(&address)),
                    (None, Element::Addresses(first, last)) => {
                        Tri::from((first..=last).contains(&&address))
                    }
                    (None, _) => Tri::No,
                }
            }
            (Dimension::Port, element) => self.port_matches(place, element),
            (Dimension::Mac, Element::Mac(mac)) => self.mac_matches(place, *mac),
            (
                Dimension::Interface,
                Element::Interface {
                    name,
                    physdev,
                    wildcard,
                },
            ) => self.device_matches(place, name, *physdev, *wildcard),
            (Dimension::Mark, Element::Mark(mark)) => {
                let mask = (self.set.option("markmask")).and_then(value::number);
                Tri::from(self.packet.mark & mask.unwrap_or(u32::MAX) == *mark)
            }
            _ => Tri::No,
        }
    }

    /// `ip_set_get_ip4_port()`: protocols without ports have port 0; bitmap:port knows TCP and UDP only.
    fn port_matches(&self, place: usize, element: &Element) -> Tri {
        match (element, &self.packet.transport) {
            (
                Element::Icmp { v6, kind, code },
                Transport::Icmp {
                    kind: own,
                    code: own_code,
                    ..
                }
                | Transport::IcmpError {
                    kind: own,
                    code: own_code,
                    ..
                },
            ) => Tri::from(*v6 == self.packet.src.is_ipv6() && (kind, code) == (own, own_code)),
            (
                Element::Ports {
                    protocol: wanted,
                    low,
                    high,
                },
                transport,
            ) => {
                let own = self.packet.protocol();
                let fits = match wanted {
                    Some(wanted) => own == *wanted,
                    None => self.bitmap && [protocol::TCP, protocol::UDP].contains(&own),
                };
                if !fits {
                    return Tri::No;
                }
                let port = if self.source_side(place) {
                    self.packet.sport()
                } else {
                    self.packet.dport()
                };
                // UDP-Lite has ports, which no simulated packet shows.
                if port.is_none() && matches!(transport, Transport::Other { protocol: 136 }) {
                    return self.unknown("the packet's port is not known");
                }
                port_within(port.unwrap_or(Port::Known(0)), *low, *high, self.source)
            }
            _ => Tri::No,
        }
    }

    fn mac_matches(&self, place: usize, mac: [u8; 6]) -> Tri {
        // Without an Ethernet header nothing matches.
        if self.ctx.iif.is_none_or(|device| device == "lo") {
            return Tri::No;
        }
        match self.ctx.source_mac {
            Some(Mac(own)) if self.source_side(place) => Tri::from(own == mac),
            _ => self.unknown("the frame's address is not known"),
        }
    }

    /// `hash_netiface4_kadt()`: iptables never asks for bridge ports (measured: such members match nothing).
    fn device_matches(&self, place: usize, name: &str, physdev: bool, wildcard: bool) -> Tri {
        let device = if self.source_side(place) {
            self.ctx.iif
        } else {
            self.ctx.oif
        };
        Tri::from(
            !physdev
                && device.is_some_and(|device| {
                    if wildcard {
                        device.starts_with(name)
                    } else {
                        device == name
                    }
                }),
        )
    }

    fn unknown(&self, why: &str) -> Tri {
        unknown(&self.set.name, why, "", self.source)
    }
}
