//! Asking for a hardware address: who asks, and what the question and its answer have to pass
//! (`arp_solicit`, `ndisc_solicit`, `ndisc_recv_ns`, `ndisc_recv_na`).

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::neighbour::has_entry;
use super::netfilter::HookSite;
use super::{Frame, Stage, Stop, Transit, Walk};
use crate::evidence::mac::Mac;
use crate::evidence::neighbour::NeighbourState;
use crate::evidence::nft::{Policy, TableFamily};
use crate::evidence::route::{RouteKind, Scope};
use crate::linux::choice::Doubt;
use crate::linux::conntrack::Ct;
use crate::linux::fib::{self, FibKey, NoRoute};
use crate::linux::netfilter::Hook;
use crate::linux::packet::{Packet, Port, Transport};
use crate::linux::{arp, source_address, sysctl};
use crate::world::Namespace;

/// ICMPv6 neighbour solicitation.
const SOLICITATION: u8 = 135;
/// ICMPv6 neighbour advertisement.
const ADVERTISEMENT: u8 = 136;
/// What went by a router, or was changed by a rule, is not believed (`ndisc_rcv`).
pub(super) const HOPS: u8 = 255;
/// Headers, message and link-layer address option.
const LENGTH: u32 = 72;

impl Walk<'_, '_> {
    /// The address that the question for `next` is asked from, by a packet from `src`; `None` where nobody can ask.
    pub(super) fn asker(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        next: IpAddr,
        src: IpAddr,
    ) -> Stage<Option<IpAddr>> {
        ns.known("ip-addr.json")?;
        match next {
            IpAddr::V4(_) => Ok(Some(arp_sender(ns, device, next, src))),
            IpAddr::V6(target) => {
                let Some(asker) = solicitor(ns, device, src) else {
                    return Ok(None);
                };
                let question = question(asker, target);
                let passes = self.sends(ns, device, &question)?;
                Ok(passes.then_some(asker))
            }
        }
    }

    /// Whether `other` hears the question of `asker` on `on`, answers it, and is heard by `ns` on `device`.
    pub(super) fn answers(
        &mut self,
        (ns, device): (&Arc<Namespace>, &str),
        (other, on): (&Arc<Namespace>, &str),
        next: IpAddr,
        asker: IpAddr,
    ) -> Stage<bool> {
        if !arp::answers(other, on, next, Some(asker))? {
            return Ok(false);
        }
        let IpAddr::V6(target) = next else {
            no_arp_rules(ns)?;
            no_arp_rules(other)?;
            // `arp_rcv()`: a device without ARP hears no answer.
            return Ok(ns.link(device).is_none_or(|link| !link.noarp));
        };
        // Neighbour discovery is IPv6 like any other: rules see it, and its answer is routed.
        if !knows(other, on, asker, ns.mac_of(device))? {
            return Ok(false);
        }
        let question = question(asker, target);
        let answer = answer(next, asker);
        Ok(self.takes((other, on), ns.mac_of(device), &question)?
            && self.sends(other, on, &answer)?
            && is_local_input(ns, device, &answer)?
            && self.takes((ns, device), other.mac_of(on), &answer)?)
    }

    /// Whether a message passes the rules on its way out by `device`.
    fn sends(&mut self, ns: &Arc<Namespace>, device: &str, packet: &Packet) -> Stage<bool> {
        let site = HookSite {
            oif: Some(device),
            ..HookSite::default()
        };
        let transit = Transit {
            local: true,
            ..untracked(packet)
        };
        self.passes(ns, [Hook::Output, Hook::Postrouting], &site, transit)
    }

    /// Whether a message from `sender` passes the rules on its way in by `device`.
    fn takes(
        &mut self,
        (ns, device): (&Arc<Namespace>, &str),
        sender: Option<Mac>,
        packet: &Packet,
    ) -> Stage<bool> {
        let site = HookSite {
            iif: Some(device),
            ..HookSite::default()
        };
        let transit = Transit {
            iif: Some(device.into()),
            source_mac: sender,
            ..untracked(packet)
        };
        self.passes(ns, [Hook::Prerouting, Hook::Input], &site, transit)
    }

    /// A bridge's rules that may drop ARP are not modelled: those that name it, and policies that drop what none accepts.
    pub(super) fn note_arp_rules(&mut self, ns: &Namespace, frame: &Frame) {
        if frame.meets_rules() {
            return;
        }
        let tables = ns.ruleset.tables.iter();
        let chain = tables
            .filter(|table| table.family == TableFamily::Bridge)
            .flat_map(|table| table.chains.iter())
            .find(|chain| {
                let base = chain.base.as_ref();
                base.is_some_and(|base| base.policy == Policy::Drop)
                    || (chain.rules.iter()).any(|rule| rule.source.text().contains("arp"))
            });
        if let Some(chain) = chain {
            self.arp_doubt = Some(Doubt {
                what: format!(
                    "what the nft chain {} of family bridge does to ARP is not modelled",
                    chain.name
                ),
                settle: String::new(),
                source: Some(chain.source.clone()),
            });
        }
    }

    fn passes(
        &mut self,
        ns: &Arc<Namespace>,
        hooks: [Hook; 2],
        site: &HookSite<'_>,
        mut transit: Transit,
    ) -> Stage<bool> {
        self.quiet += 1;
        let muted = std::mem::replace(&mut self.log.muted, true);
        let result = hooks
            .into_iter()
            .try_for_each(|hook| self.run_hook(ns, hook, site, &mut transit));
        self.log.muted = muted;
        self.quiet -= 1;
        match result {
            Ok(()) => Ok(transit.packet.ttl == HOPS),
            Err(Stop::Lost | Stop::TooBig(_)) => Ok(false),
            Err(stop) => Err(stop),
        }
    }
}

/// `arp_solicit()`: the address that the question is asked from; 0.0.0.0 where the device has none.
fn arp_sender(ns: &Namespace, device: &str, next: IpAddr, src: IpAddr) -> IpAddr {
    let prefix_holds = |both: [IpAddr; 2]| {
        ns.addresses
            .iter()
            .filter(|address| address.device == device)
            .any(|address| {
                ipnet::IpNet::new(address.peer.unwrap_or(address.local), address.prefix_len)
                    .is_ok_and(|net| both.iter().all(|one| net.contains(one)))
            })
    };
    let keeps = match sysctl::larger(ns, device, "arp_announce", 0).value {
        1 => prefix_holds([next, src]),
        2 => false,
        _ => true,
    };
    if keeps && src.is_ipv4() && arp::is_local(ns, src) {
        return src;
    }
    source_address::select_v4(ns, device, next, Scope::LINK)
        .unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))
}

/// `ndisc_solicit()`, `ndisc_send_ns()`: the packet's own source if the device has it, else the device's link-local address.
fn solicitor(ns: &Namespace, device: &str, src: IpAddr) -> Option<IpAddr> {
    let own = || {
        ns.addresses.iter().filter(|address| {
            let flags = address.flags;
            address.device == device
                && !address.anycast
                && !flags.dadfailed
                && !flags.tentative
                && !flags.optimistic
        })
    };
    let link_local =
        |address: IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    own()
        .find(|address| address.local == src)
        .or_else(|| own().find(|address| link_local(address.local)))
        .map(|address| address.local)
}

/// `addrconf_addr_solict_mult()`.
fn solicited_node(target: Ipv6Addr) -> IpAddr {
    let [.., a, b, c] = target.octets();
    IpAddr::V6(Ipv6Addr::new(
        0xff02,
        0,
        0,
        0,
        0,
        1,
        0xff00 | u16::from(a),
        u16::from_be_bytes([b, c]),
    ))
}

/// The question who has `target`.
pub(super) fn question(asker: IpAddr, target: Ipv6Addr) -> Packet {
    message(asker, solicited_node(target), SOLICITATION)
}

/// The answer that `owner` is here, to `asker`.
pub(super) fn answer(owner: IpAddr, asker: IpAddr) -> Packet {
    if owner.is_ipv6() {
        return message(owner, asker, ADVERTISEMENT);
    }
    Packet {
        transport: Transport::Other { protocol: 0 },
        length: 46,
        dont_fragment: false,
        ..message(asker, asker, 0)
    }
}

fn message(src: IpAddr, dst: IpAddr, kind: u8) -> Packet {
    Packet {
        src,
        dst,
        transport: Transport::Icmp {
            kind,
            code: 0,
            id: Port::Known(0),
        },
        length: LENGTH,
        dont_fragment: true,
        ttl: HOPS,
        tos: 0,
        mark: 0,
    }
}

/// Conntrack leaves neighbour discovery alone (`nf_conntrack_icmpv6_error`).
fn untracked(packet: &Packet) -> Transit {
    Transit {
        ct: Ct::Untracked,
        ..Transit::new(packet.clone())
    }
}

/// Whether the answer goes to the hardware address of who asks: it does unless someone set another one by hand, or the device
/// knows only its own (`ndisc_recv_ns`, `__neigh_update`, `ndisc_constructor`).
fn knows(ns: &Namespace, device: &str, asker: IpAddr, mac: Option<Mac>) -> Result<bool, Doubt> {
    ns.known("ip-neigh.json")?;
    let set = ns.neighbours.iter().find(|entry| {
        entry.device == device
            && entry.address == asker
            && !entry.proxy
            && matches!(
                entry.state,
                NeighbourState::Permanent | NeighbourState::Noarp
            )
    });
    Ok(match set {
        Some(entry) => entry.mac == mac,
        None => has_entry(ns, device, asker) || ns.link(device).is_none_or(|link| !link.noarp),
    })
}

/// nft's tables of family `arp` are not modelled.
fn no_arp_rules(ns: &Namespace) -> Result<(), Doubt> {
    let tables = ns.ruleset.tables.iter();
    let chain = tables
        .filter(|table| table.family == TableFamily::Arp)
        .flat_map(|table| table.chains.iter())
        .find(|chain| chain.base.is_some());
    match chain {
        None => Ok(()),
        Some(chain) => Err(Doubt {
            what: format!("the nft chain {} of family arp is not modelled", chain.name),
            settle: String::new(),
            source: Some(chain.source.clone()),
        }),
    }
}

/// Whether the route for a received message ends here (`ip6_route_input`).
fn is_local_input(ns: &Namespace, device: &str, packet: &Packet) -> Result<bool, Doubt> {
    for file in ["ip6-route.json", "ip6-rule.json"] {
        ns.known(file)?;
    }
    let mut key = FibKey::to(packet.dst);
    key.src = Some(packet.src);
    key.iif = Some(device);
    key.protocol = packet.protocol();
    match fib::lookup(ns, &key) {
        Ok(found) => Ok(matches!(
            found.route.kind,
            RouteKind::Local | RouteKind::Anycast
        )),
        Err(NoRoute::Undecided(doubt)) => Err(doubt),
        Err(NoRoute::Missing | NoRoute::Refused { .. }) => Ok(false),
    }
}
