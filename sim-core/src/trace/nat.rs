//! Network address translation at the hooks (`nf_nat_core.c`, `nf_nat_masquerade.c`, `nf_nat_redirect.c`).

use std::net::IpAddr;
use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure};
use super::hooks::{BY_HANDLES, Part, nat_parts, registered};
use super::netfilter::HookSite;
use super::{Stage, Stop, Transit, Walk};
use crate::linux::choice::{Choice, Doubt};
use crate::linux::conntrack::{Ct, Manip};
use crate::linux::nat_range::{self, Chosen};
use crate::linux::netfilter::{
    CtDirection, CtState, Hook, NatAction, NatRange, RuleOutcome, RuleVerdict, port_in,
};
use crate::linux::packet::{Family, Packet, Port, Transport, Words, protocol};
use crate::linux::source_address;
use crate::source::Source;
use crate::verdict::StepStatus;
use crate::world::Namespace;

impl Walk<'_, '_> {
    /// `nf_nat_inet_fn()`: the nat chains see the first packet of a connection, all packets are translated.
    pub(super) fn nat(
        &mut self,
        ns: &Arc<Namespace>,
        hook: Hook,
        site: &HookSite<'_>,
        transit: &mut Transit,
    ) -> Stage<()> {
        let Ct::Attached {
            conn: index,
            direction,
            state,
        } = transit.ct
        else {
            return Ok(());
        };
        let manip = match hook {
            Hook::Prerouting | Hook::Output => Manip::Destination,
            Hook::Postrouting | Hook::Input => Manip::Source,
            Hook::Forward => return Ok(()),
        };
        let Some(conn) = self.conns.get(index) else {
            return Ok(());
        };
        let done = match manip {
            Manip::Source => conn.source_done,
            Manip::Destination => conn.destination_done,
        };
        let is_error = matches!(transit.packet.transport, Transport::IcmpError { .. });
        if !done && !is_error && state == CtState::New && direction == CtDirection::Original {
            let action = self.nat_action(ns, hook, site, transit)?;
            if let Some((action, sources)) = action {
                self.set_up(ns, hook, site, &action, transit, index, &sources)?;
            }
            if manip == Manip::Source {
                self.make_unique(index);
            }
            if let Some(conn) = self.conns.get_mut(index) {
                match manip {
                    Manip::Source => conn.source_done = true,
                    Manip::Destination => conn.destination_done = true,
                }
            }
        }
        let before = transit.packet.clone();
        if let Some(conn) = self.conns.get(index)
            && conn.apply(&mut transit.packet, direction, manip)
        {
            let role = match manip {
                Manip::Destination => "destination",
                Manip::Source => "source",
            };
            let packet = &transit.packet;
            self.log.step(
                StepStatus::Normal,
                || {
                    format!(
                        "conntrack: {role} {} becomes {}",
                        end(&before, manip),
                        end(packet, manip)
                    )
                },
                Vec::new,
            );
        }
        Ok(())
    }

    /// Asks the nat chains, in the order of their priorities, for a translation.
    fn nat_action(
        &mut self,
        ns: &Arc<Namespace>,
        hook: Hook,
        site: &HookSite<'_>,
        transit: &mut Transit,
    ) -> Stage<Option<(NatAction, Vec<Source>)>> {
        let family = transit.packet.family();
        let mut chosen: Option<(NatAction, Vec<Source>)> = None;
        let mut chosen_at = i32::MIN;
        let mut chosen_made = None;
        for (priority, part) in nat_parts(ns, family, hook) {
            // The first to translate is the last to be asked (`nf_nat_inet_fn`).
            if chosen.is_some() && priority > chosen_at {
                break;
            }
            if matches!(part, Part::Conntrack | Part::Nat | Part::Ipvs(_)) {
                continue;
            }
            let outcome = self.judge(ns, transit, hook, site, |packet, ctx, choice| {
                let outcome = part.run(ns, packet, ctx, choice);
                outcome.unwrap_or_else(|| RuleOutcome::pass(packet))
            })?;
            let action = match &outcome.verdict {
                RuleVerdict::Nat(action) => Some(action.clone()),
                RuleVerdict::Accept
                | RuleVerdict::Drop
                | RuleVerdict::Reject(_)
                | RuleVerdict::Stolen(_)
                | RuleVerdict::Tproxy(..) => None,
            };
            let sources = outcome
                .steps
                .iter()
                .map(|step| step.source.clone())
                .collect();
            match (&chosen, action.filter(|action| *action != NatAction::Keep)) {
                (_, None) if chosen.is_some() => {}
                (_, None) => self.apply(ns, hook, site, outcome, transit)?,
                (None, Some(action)) => {
                    self.apply(ns, hook, site, outcome, transit)?;
                    chosen = Some((action, sources));
                    chosen_at = priority;
                    chosen_made = registered(ns, &part);
                }
                (Some((first, _)), Some(second)) if *first == second => {}
                (Some(_), Some(_)) if chosen_made.is_some() && registered(ns, &part).is_some() => {
                    self.script.assume(BY_HANDLES.to_owned());
                }
                // The back end registered later runs first, and a capture does not show the order.
                (Some(_), Some(_)) => {
                    return Err(Stop::Undecided(Doubt {
                        what: format!(
                            "two sets of nat rules of {} translate the packet differently; which runs first is not known",
                            ns.object
                        ),
                        settle: String::new(),
                        source: sources.last().cloned(),
                    }));
                }
            }
        }
        Ok(chosen)
    }

    /// `nf_nat_setup_info()`: gives the connection its new address and port.
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the hook's own arguments"
    )]
    fn set_up(
        &mut self,
        ns: &Arc<Namespace>,
        hook: Hook,
        site: &HookSite<'_>,
        action: &NatAction,
        transit: &Transit,
        index: usize,
        sources: &[Source],
    ) -> Stage<()> {
        let packet = &transit.packet;
        let (range, manip) = match action {
            NatAction::Dnat(range) | NatAction::Redirect(range) => (range, Manip::Destination),
            NatAction::Snat(range) | NatAction::Masquerade(range) => (range, Manip::Source),
            NatAction::Keep => return Ok(()),
        };
        let (address, port) = match manip {
            Manip::Source => (packet.src, packet.sport()),
            Manip::Destination => (packet.dst, packet.dport()),
        };
        if matches!(action, NatAction::Redirect(_)) {
            ns.known("ip-addr.json")?;
        }
        let own = match action {
            NatAction::Masquerade(_) => {
                ns.known("ip-addr.json")?;
                ns.known("ip-link.json")?;
                let found = site
                    .oif
                    .and_then(|oif| masquerade_address(ns, oif, site.gateway, packet.dst));
                let Some(found) = found else {
                    return self.block(
                        Blocker::new(BlockerKind::RuleDrop, ns)
                            .says("MASQUERADE finds no address on the outgoing device: the packet is dropped")
                            .citing(sources.last().cloned()),
                        Failure::Silent,
                        transit,
                    );
                };
                Some(found)
            }
            NatAction::Redirect(_) => match redirect_address(ns, hook, site, packet.dst) {
                Some(found) => Some(found),
                None => {
                    return self.block(
                        Blocker::new(BlockerKind::RuleDrop, ns)
                            .says("REDIRECT finds no address on the incoming device: the packet is dropped")
                            .citing(sources.last().cloned()),
                        Failure::Silent,
                        transit,
                    );
                }
            },
            NatAction::Dnat(_) | NatAction::Snat(_) | NatAction::Keep => None,
        };
        let address = match (own, range.addresses) {
            (Some(own), _) => own,
            (None, Some((low, high))) if low == high => low,
            (None, Some((low, high))) => match range.netmap {
                Some(length) => netmap(address, low, length),
                // `nf_in_range()`: a source that fits already stays.
                None if manip == Manip::Source
                    && !range.random
                    && (low..=high).contains(&address)
                    && range.ports.is_none_or(|(low, high)| {
                        port.is_some_and(|port| port_in(port, low, high) == Some(true))
                    }) =>
                {
                    address
                }
                None => {
                    let zone = self.conns.get(index).map_or(0, |conn| conn.zone.id());
                    nat_range::address(
                        (low, high),
                        (packet.src, packet.dst),
                        range.persistent,
                        zone,
                    )
                }
            },
            (None, None) => address,
        };
        let port = self.new_port(range, manip, port);
        if let Some(conn) = self.conns.get_mut(index) {
            let unchanged = match manip {
                Manip::Source => conn.original.sport,
                Manip::Destination => conn.original.dport,
            };
            let port = port.unwrap_or(unchanged);
            match manip {
                Manip::Source => conn.translate_source(address, port),
                Manip::Destination => conn.translate_destination(address, port),
            }
        }
        Ok(())
    }

    /// Gives the connection another source port where its answers would be taken for another connection's
    /// (`nf_nat_used_tuple`, `nf_nat_l4proto_unique_tuple`), rules or none (`nf_nat_alloc_null_binding`).
    ///
    /// A translated packet that comes round to the node that translated it is such: its first answer's tuple is in use.
    fn make_unique(&mut self, index: usize) {
        let Some(conn) = self.conns.get(index) else {
            return;
        };
        if !conn.is_taken(&self.conns) {
            return;
        }
        let address = conn.reply.dst;
        let (low, high) = match conn.original.protocol {
            protocol::TCP | protocol::UDP | protocol::SCTP => {
                nat_range::port_class(conn.original.sport)
            }
            protocol::ICMP | protocol::ICMPV6 => (0, u16::MAX),
            _ => return,
        };
        let port = self.fresh_port(low, high);
        if let Some(conn) = self.conns.get_mut(index) {
            conn.translate_source(address, port);
        }
    }

    /// The port of the translation, as a port that is still to be chosen where the kernel chooses.
    fn new_port(&mut self, range: &NatRange, manip: Manip, current: Option<Port>) -> Option<Port> {
        let current = current?;
        let chosen = match manip {
            Manip::Source => nat_range::source_port(current, range.ports, range.random),
            Manip::Destination => nat_range::destination_port(current, range.ports, range.random),
        };
        Some(match chosen {
            Chosen::Same => current,
            Chosen::Port(port) => Port::Known(port),
            Chosen::Range(low, high) => self.fresh_port(low, high),
        })
    }
}

fn end(packet: &Packet, manip: Manip) -> String {
    let (address, port) = match manip {
        Manip::Source => (packet.src, packet.sport()),
        Manip::Destination => (packet.dst, packet.dport()),
    };
    match (address, port) {
        (IpAddr::V6(v6), Some(Port::Known(port))) => format!("[{v6}]:{port}"),
        (address, Some(Port::Known(port))) => format!("{}:{port}", Words(address)),
        (address, Some(Port::Chosen { .. }) | None) => Words(address).to_string(),
    }
}

/// `nf_nat_masquerade_ipv4()`: the outgoing device's address for the next hop (`inet_select_addr`); for IPv6 the
/// address that a packet made here would have (`ipv6_dev_get_saddr`).
fn masquerade_address(
    ns: &Namespace,
    oif: &str,
    gateway: Option<IpAddr>,
    dst: IpAddr,
) -> Option<IpAddr> {
    match Family::of(dst) {
        Family::V4 => source_address::select_v4(
            ns,
            oif,
            gateway.filter(IpAddr::is_ipv4).unwrap_or(dst),
            crate::evidence::route::Scope::GLOBAL,
        ),
        Family::V6 => source_address::select_v6(ns, Some(oif), dst),
    }
}

/// `nf_nat_redirect_ipv4()`, `nf_nat_redirect_ipv6()`: loopback for packets from here, else the incoming device's first
/// address; for a link-local destination the first such.
fn redirect_address(
    ns: &Namespace,
    hook: Hook,
    site: &HookSite<'_>,
    dst: IpAddr,
) -> Option<IpAddr> {
    let family = Family::of(dst);
    if hook == Hook::Output {
        return Some(match family {
            Family::V4 => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            Family::V6 => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        });
    }
    let iif = site.iif?;
    let is_local =
        |address: IpAddr| matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    ns.addresses
        .iter()
        .filter(|address| address.device == iif && Family::of(address.local) == family)
        .filter(|address| !address.flags.tentative)
        .find(|address| !is_local(dst) || is_local(address.local))
        .map(|address| address.local)
}

fn netmap(address: IpAddr, network: IpAddr, length: u8) -> IpAddr {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shr(u32::from(length)).unwrap_or(0);
            IpAddr::V4((u32::from(address) & mask | u32::from(network) & !mask).into())
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shr(u32::from(length)).unwrap_or(0);
            IpAddr::V6((u128::from(address) & mask | u128::from(network) & !mask).into())
        }
        (address, _) => address,
    }
}
