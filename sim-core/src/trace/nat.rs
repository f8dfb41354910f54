//! Network address translation at the hooks (`nf_nat_core.c`, `nf_nat_masquerade.c`, `nf_nat_redirect.c`).

use std::net::IpAddr;
use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure};
use super::hooks::{Part, nat_parts};
use super::netfilter::HookSite;
use super::{Stage, Stop, Transit, Walk};
use crate::linux::choice::{Choice, Doubt};
use crate::linux::conntrack::{Ct, Manip};
use crate::linux::netfilter::{CtDirection, CtState, Hook, NatAction, NatRange, RuleVerdict, nft};
use crate::linux::packet::{Family, Packet, Port, Transport};
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
        site: &HookSite,
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
            let text = match manip {
                Manip::Destination => format!(
                    "conntrack: destination {} becomes {}",
                    end(&before, manip),
                    end(&transit.packet, manip)
                ),
                Manip::Source => format!(
                    "conntrack: source {} becomes {}",
                    end(&before, manip),
                    end(&transit.packet, manip)
                ),
            };
            self.log.step(StepStatus::Normal, text, Vec::new());
        }
        Ok(())
    }

    /// Asks the nat chains, in the order of their priorities, for a translation.
    fn nat_action(
        &mut self,
        ns: &Arc<Namespace>,
        hook: Hook,
        site: &HookSite,
        transit: &mut Transit,
    ) -> Stage<Option<(NatAction, Vec<Source>)>> {
        let family = transit.packet.family();
        let mut chosen: Option<(NatAction, Vec<Source>)> = None;
        for part in nat_parts(ns, family, hook) {
            let ns_ref = Arc::clone(ns);
            let outcome = match part {
                Part::Xtables(table, chain) => {
                    self.judge(ns, transit, hook, site, |packet, ctx, choice| {
                        table.run(chain, packet, ctx, &ns_ref.ipsets, choice)
                    })?
                }
                Part::Nft(chain) => {
                    self.judge(ns, transit, hook, site, |packet, ctx, choice| {
                        nft::run(&ns_ref.ruleset, chain, packet, ctx, choice)
                    })?
                }
                Part::Conntrack | Part::Nat => continue,
            };
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
                }
                (Some((first, _)), Some(second)) if *first == second => {}
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
        site: &HookSite,
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
        let own = match action {
            NatAction::Masquerade(_) => {
                ns.known("ip-addr.json")?;
                ns.known("ip-link.json")?;
                let found = site.oif.as_deref().and_then(|oif| {
                    masquerade_address(ns, oif, site.gateway.unwrap_or(packet.dst))
                });
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
            NatAction::Redirect(_) => {
                ns.known("ip-addr.json")?;
                redirect_address(ns, hook, site, packet.family())
            }
            NatAction::Dnat(_) | NatAction::Snat(_) | NatAction::Keep => None,
        };
        let address = match (own, range.addresses) {
            (Some(own), _) => own,
            (None, Some((low, high))) if low == high => low,
            (None, Some((low, high))) => match range.netmap {
                Some(length) => netmap(address, low, length),
                None => self.one_of(ns, low, high, sources)?,
            },
            (None, None) => address,
        };
        let port = self.new_port(range, manip, port, packet);
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

    fn new_port(
        &mut self,
        range: &NatRange,
        manip: Manip,
        current: Option<Port>,
        packet: &Packet,
    ) -> Option<Port> {
        let current = current?;
        if let Some((low, high)) = range.ports {
            return Some(if low == high {
                Port::Known(low)
            } else {
                self.fresh_port(low, high)
            });
        }
        if manip == Manip::Source && range.random {
            // `nf_nat_l4proto_unique_tuple()`: ports below 1024 stay below.
            let privileged = matches!(packet.sport(), Some(Port::Known(port)) if port < 1024);
            return Some(if privileged {
                self.fresh_port(600, 1023)
            } else {
                self.fresh_port(1024, 65535)
            });
        }
        Some(current)
    }

    /// One address of a range: `find_best_ips_proto()` hashes, which nobody can foresee.
    fn one_of(
        &mut self,
        ns: &Arc<Namespace>,
        low: IpAddr,
        high: IpAddr,
        sources: &[Source],
    ) -> Stage<IpAddr> {
        let choices = addresses_between(low, high);
        let (Some(choices), Some(source)) = (choices, sources.last()) else {
            return Err(Stop::Undecided(Doubt {
                what: format!("which address of {low}-{high} is taken"),
                settle: String::new(),
                source: sources.last().cloned(),
            }));
        };
        self.chose_in.push(ns.path.clone());
        let weights = vec![1; choices.len()];
        let chosen = self.script.chance(&weights, source);
        choices.get(chosen).copied().ok_or(Stop::Lost)
    }
}

fn end(packet: &Packet, manip: Manip) -> String {
    let (address, port) = match manip {
        Manip::Source => (packet.src, packet.sport()),
        Manip::Destination => (packet.dst, packet.dport()),
    };
    match (address, port) {
        (IpAddr::V6(v6), Some(Port::Known(port))) => format!("[{v6}]:{port}"),
        (address, Some(Port::Known(port))) => format!("{address}:{port}"),
        (address, Some(Port::Chosen { .. }) | None) => address.to_string(),
    }
}

/// `nf_nat_masquerade_ipv4()`: the outgoing device's address, as `inet_select_addr()` picks it for the next hop.
fn masquerade_address(ns: &Namespace, oif: &str, towards: IpAddr) -> Option<IpAddr> {
    match Family::of(towards) {
        Family::V4 => {
            source_address::select_v4(ns, oif, towards, crate::evidence::route::Scope::GLOBAL)
        }
        Family::V6 => ns
            .addresses
            .iter()
            .find(|address| {
                address.device == oif
                    && address.local.is_ipv6()
                    && address.scope == crate::evidence::route::Scope::GLOBAL
            })
            .map(|address| address.local),
    }
}

/// `nf_nat_redirect_ipv4()`: loopback for packets from here, else the incoming device's first address.
fn redirect_address(ns: &Namespace, hook: Hook, site: &HookSite, family: Family) -> Option<IpAddr> {
    if hook == Hook::Output {
        return Some(match family {
            Family::V4 => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            Family::V6 => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        });
    }
    let iif = site.iif.as_deref()?;
    ns.addresses
        .iter()
        .find(|address| address.device == iif && Family::of(address.local) == family)
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

/// All addresses of a small IPv4 range.
fn addresses_between(low: IpAddr, high: IpAddr) -> Option<Vec<IpAddr>> {
    let (IpAddr::V4(low), IpAddr::V4(high)) = (low, high) else {
        return None;
    };
    let (low, high) = (u32::from(low), u32::from(high));
    (low <= high && high - low < 256).then(|| {
        (low..=high)
            .map(|address| IpAddr::V4(address.into()))
            .collect()
    })
}
