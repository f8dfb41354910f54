//! Runs the hooks of netfilter in the order of their priorities, conntrack and NAT among them (`nf_hook_slow`).

use std::net::IpAddr;
use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure, local_drop};
use super::hooks::{Part, parts};
use super::{Stage, Stop, Transit, Walk};
use crate::evidence::nft::{Chain, ChainHook, TableFamily};
use crate::linux::bytes;
use crate::linux::choice::Doubt;
use crate::linux::conntrack::{self, Conn, Ct, Tracked};
use crate::linux::fib::FibKey;
use crate::linux::netfilter::near::NearMiss;
use crate::linux::netfilter::{
    CtDirection, CtState, CtView, Hook, Notes, RejectWith, RuleOutcome, RuleStep, RuleVerdict, nft,
};
use crate::linux::packet::{Family, Packet, Transport, protocol};
use crate::linux::sysctl;
use crate::verdict::{Outcome, StepStatus};
use crate::world::Namespace;

/// Where a hook is met.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HookSite<'a> {
    pub(super) iif: Option<&'a str>,
    pub(super) oif: Option<&'a str>,
    pub(super) physout: Option<&'a str>,
    /// The packet is being bridged.
    pub(super) bridged: bool,
    /// The router that the packet goes to next; masquerading chooses its address by it.
    pub(super) gateway: Option<IpAddr>,
    /// MTU of the route that it takes.
    pub(super) mtu: Option<u32>,
}

impl Walk<'_, '_> {
    /// Runs everything hooked in at `hook`, unless IPVS takes the packet (`transit.balancing`).
    pub(super) fn run_hook(
        &mut self,
        ns: &Arc<Namespace>,
        hook: Hook,
        site: &HookSite<'_>,
        transit: &mut Transit,
    ) -> Stage<()> {
        let family = transit.packet.family();
        self.rules_known(ns, family)?;
        let all = parts(ns, family, hook);
        for group in all.chunk_by(|(one, _), (other, _)| one == other) {
            for (_, part) in self.in_order(ns, hook, site, transit, group)?.iter() {
                match part {
                    Part::Conntrack => self.track(ns, transit)?,
                    Part::Nat => self.nat(ns, hook, site, transit)?,
                    Part::Ipvs(side) => {
                        if self.balance(ns, *side, transit)? {
                            return Ok(());
                        }
                    }
                    Part::Xtables(..) | Part::Nft(_) => {
                        self.run_rules(ns, hook, hook, site, part, transit)?;
                    }
                }
            }
        }
        if matches!(hook, Hook::Postrouting | Hook::Input)
            && let Ct::Attached { conn, .. } = transit.ct
            && let Some(conn) = self.conns.get_mut(conn)
        {
            // `nf_confirm()`, the last of all.
            conn.confirmed = true;
        }
        Ok(())
    }

    /// Runs one rule set, seen from `hook`, and carries out what it decides as at `at`.
    fn run_rules(
        &mut self,
        ns: &Arc<Namespace>,
        hook: Hook,
        at: Hook,
        site: &HookSite<'_>,
        part: &Part<'_>,
        transit: &mut Transit,
    ) -> Stage<()> {
        let outcome = self.judge(ns, transit, hook, site, |packet, ctx, choice| {
            let outcome = part.run(ns, packet, ctx, choice);
            outcome.unwrap_or_else(|| RuleOutcome::pass(packet))
        })?;
        let key = |packet: &Packet| (packet.src, packet.dst, packet.mark, packet.tos);
        let before = key(&transit.packet);
        self.apply(ns, at, site, outcome, transit)?;
        transit.rerouted |=
            hook == Hook::Output && part.reroutes() && key(&transit.packet) != before;
        Ok(())
    }

    /// Runs the bridge family's base chains at `hook` (nft's table family `bridge`).
    pub(super) fn run_bridge_hook(
        &mut self,
        ns: &Arc<Namespace>,
        hook: ChainHook,
        site: &HookSite<'_>,
        transit: &mut Transit,
    ) -> Stage<()> {
        ns.known("nft-ruleset.json")?;
        if !ns.has_base_chains() {
            return Ok(());
        }
        let seen_at = match hook {
            ChainHook::Input => Hook::Input,
            ChainHook::Output => Hook::Output,
            ChainHook::Forward => Hook::Forward,
            ChainHook::Postrouting => Hook::Postrouting,
            _ => Hook::Prerouting,
        };
        let chains = nft::base_chains(ns.base_chains(), TableFamily::Bridge, hook);
        self.run_chains(ns, seen_at, seen_at, site, &chains, transit)
    }

    /// Runs the base chains on a device: nft's family `netdev`, and inet's ingress (`nf_ingress`, `nf_hook_egress`).
    pub(super) fn run_device_hook(
        &mut self,
        ns: &Arc<Namespace>,
        hook: &ChainHook,
        device: &str,
        transit: &mut Transit,
    ) -> Stage<()> {
        if !ns.has_base_chains() {
            return Ok(());
        }
        let mut chains = nft::base_chains(ns.base_chains(), TableFamily::Netdev, hook.clone());
        if *hook == ChainHook::Ingress {
            chains.extend(nft::base_chains(
                ns.base_chains(),
                TableFamily::Inet,
                hook.clone(),
            ));
            chains.sort_by_key(|chain| nft::effective_priority(chain));
        }
        let device = Some(device);
        let (seen_at, site) = match hook {
            ChainHook::Egress => (
                Hook::Postrouting,
                HookSite {
                    oif: device,
                    ..HookSite::default()
                },
            ),
            _ => (
                Hook::Prerouting,
                HookSite {
                    iif: device,
                    ..HookSite::default()
                },
            ),
        };
        // A device's drop is no error to the sender, even a local one (`udp_send_skb`).
        self.run_chains(ns, seen_at, Hook::Forward, &site, &chains, transit)
    }

    fn run_chains(
        &mut self,
        ns: &Arc<Namespace>,
        hook: Hook,
        at: Hook,
        site: &HookSite<'_>,
        chains: &[&Chain],
        transit: &mut Transit,
    ) -> Stage<()> {
        let parts: Vec<(i32, Part<'_>)> = (chains.iter())
            .map(|chain| (nft::effective_priority(chain), Part::Nft(chain)))
            .collect();
        for group in parts.chunk_by(|(one, _), (other, _)| one == other) {
            for (_, part) in self.in_order(ns, hook, site, transit, group)?.iter() {
                self.run_rules(ns, hook, at, site, part, transit)?;
            }
        }
        Ok(())
    }

    fn rules_known(&self, ns: &Namespace, family: Family) -> Result<(), Doubt> {
        let files: &[&str] = match family {
            Family::V4 => &[
                "iptables-save.txt",
                "iptables-legacy-save.txt",
                "nft-ruleset.json",
            ],
            Family::V6 => &[
                "ip6tables-save.txt",
                "ip6tables-legacy-save.txt",
                "nft-ruleset.json",
            ],
        };
        files.iter().try_for_each(|file| ns.known(file))?;
        match ns.strange_chain() {
            None => Ok(()),
            Some(chain) => Err(Doubt {
                what: format!(
                    "the nft chain {} has a type or hook that is not known",
                    chain.name
                ),
                settle: String::new(),
                source: Some(chain.source.clone()),
            }),
        }
    }

    /// Carries out what a rule set decided.
    pub(super) fn apply(
        &mut self,
        ns: &Arc<Namespace>,
        hook: Hook,
        site: &HookSite<'_>,
        outcome: RuleOutcome,
        transit: &mut Transit,
    ) -> Stage<()> {
        let RuleOutcome {
            verdict,
            decided_by,
            packet,
            effects,
            steps,
        } = outcome;
        transit.packet = packet;
        if effects.notrack && transit.ct == Ct::None {
            transit.ct = Ct::Untracked;
        }
        if let Some(zone) = effects.zone {
            transit.zone = zone;
        }
        if let Some(mss) = effects.mss {
            self.clamp(ns, site, mss, transit)?;
        }
        if effects.notes != *Notes::NONE {
            let notes = self.notes.entry(ns.path.clone()).or_default();
            notes.extend(&effects.notes);
        }
        if let (Some(mark), Ct::Attached { conn, .. }) = (effects.ct_mark, transit.ct)
            && let Some(conn) = self.conns.get_mut(conn)
        {
            conn.mark = mark;
        }
        let failure = match &verdict {
            RuleVerdict::Accept | RuleVerdict::Nat(_) => {
                self.log_rules(&steps);
                return Ok(());
            }
            RuleVerdict::Drop => None,
            RuleVerdict::Reject(with) => Some(*with),
            RuleVerdict::Stolen(what) => {
                return Err(Stop::Undecided(Doubt {
                    what: format!("a rule hands the packet to {what}, which is not modelled"),
                    settle: String::new(),
                    source: decided_by.map(|step| step.source),
                }));
            }
            RuleVerdict::Tproxy(..) => {
                return Err(Stop::Undecided(Doubt {
                    what: "a TPROXY rule takes the packet to a local socket; what that program does with it is not known".to_owned(),
                    settle: String::new(),
                    source: decided_by.map(|step| step.source),
                }));
            }
        };
        // A bridge takes every frame (`br_dev_xmit()`): its drops are no error to the sender.
        let local =
            transit.local && !site.bridged && matches!(hook, Hook::Output | Hook::Postrouting);
        let (kind, failure) = match failure {
            None if local => (BlockerKind::RuleDrop, local_drop(transit.packet.protocol())),
            None => (BlockerKind::RuleDrop, Failure::Silent),
            Some(_) if local && transit.packet.protocol() == protocol::UDP => (
                BlockerKind::RuleReject,
                Failure::Local(Outcome::Unreachable),
            ),
            Some(RejectWith::Icmp { kind, code }) => {
                (BlockerKind::RuleReject, Failure::Icmp { kind, code })
            }
            // The reset to what a bridge port brought goes back out by it past conntrack, untranslated
            // (`nf_send_reset`), even where the packet is being routed.
            Some(RejectWith::TcpReset)
                if (site.bridged || transit.physin.is_some()) && self.is_translated(transit) =>
            {
                (BlockerKind::RuleReject, Failure::Silent)
            }
            Some(RejectWith::TcpReset) => (BlockerKind::RuleReject, Failure::Reset),
        };
        let verb = if kind == BlockerKind::RuleReject {
            "rejects"
        } else {
            "drops"
        };
        self.log_rules(steps.split_last().map_or(&[], |(_, before)| before));
        let mut blocker = Blocker::new(kind, ns);
        if let Some(step) = decided_by {
            blocker.near = self.near_misses(ns, (hook, site), &step, &steps, transit);
            let by = if step.number == 0 {
                "the policy".to_owned()
            } else {
                format!("rule {}", step.number)
            };
            blocker = blocker
                .says(format!(
                    "{by} of chain {} (table {}) {verb} the packet to {}",
                    step.chain, step.table, transit.packet.dst
                ))
                .rule(format!("{} {} {}", step.table, step.chain, step.number))
                .citing(
                    steps
                        .iter()
                        .rev()
                        .skip(1)
                        .map(|step| step.source.clone())
                        .take(4)
                        .collect::<Vec<_>>()
                        .into_iter()
                        .rev(),
                )
                .citing([step.source]);
        } else {
            blocker = blocker.says(format!(
                "netfilter {verb} the packet to {}",
                transit.packet.dst
            ));
        }
        self.block(blocker, failure, transit)
    }

    /// Rules that would have let the packet pass but for one field.
    fn near_misses(
        &self,
        ns: &Arc<Namespace>,
        (hook, site): (Hook, &HookSite<'_>),
        last: &RuleStep,
        steps: &[RuleStep],
        transit: &Transit,
    ) -> Vec<NearMiss> {
        let table = ns.xtables.iter().map(|(_, table)| table).find(|compiled| {
            let table = compiled.table();
            table.name == *last.table && table.source.file() == last.source.file()
        });
        let scenery = self.scenery(ns, transit);
        let ctx = scenery.context(ns, transit, hook, site);
        match table {
            Some(table) => table.near_misses(last, steps, &transit.packet, &ctx, &ns.ipsets),
            None => nft::near_misses(&ns.ruleset, last, steps, &transit.packet, &ctx),
        }
    }

    /// `tcpmss_mangle_packet()`: the option is only made smaller; 0 stands for what both ways let through.
    fn clamp(
        &mut self,
        ns: &Arc<Namespace>,
        site: &HookSite<'_>,
        mss: u16,
        transit: &Transit,
    ) -> Stage<()> {
        let packet = &transit.packet;
        let is_syn = matches!(packet.transport, Transport::Tcp { flags, .. } if flags.has_syn());
        let (Some(old), true) = (self.mss, is_syn && transit.inner.is_none()) else {
            return Ok(());
        };
        let limit = match (mss, site.mtu) {
            (0, None) => return Ok(()),
            (0, Some(mtu)) => {
                let back = self.look_up(ns, &FibKey::to(packet.src))?;
                let back = back.map_or(mtu, |way| way.mtu);
                bytes::advertised_mss(packet.family(), mtu.min(back), None)
            }
            (mss, _) => mss,
        };
        self.mss = Some(old.min(limit));
        Ok(())
    }

    pub(super) fn is_translated(&self, transit: &Transit) -> bool {
        match transit.ct {
            Ct::Attached { conn, .. } => self
                .conns
                .get(conn)
                .is_some_and(|conn| conn.dnat || conn.snat),
            Ct::None | Ct::Untracked | Ct::Invalid => false,
        }
    }

    fn log_rules(&mut self, steps: &[RuleStep]) {
        let Some(first) = steps.first() else { return };
        self.log.step(
            StepStatus::Normal,
            || {
                let mut text = format!("{} {}: ", first.table, first.chain);
                for (place, step) in steps.iter().enumerate() {
                    text.push_str(if place > 0 { ", " } else { "" });
                    step.action.write(&mut text);
                }
                text
            },
            || steps.iter().map(|step| step.source.clone()).collect(),
        );
    }

    pub(super) fn view(&self, transit: &Transit) -> Option<CtView> {
        let bare = |state| CtView {
            state,
            direction: CtDirection::Original,
            original: None,
            reply: None,
            snat: false,
            dnat: false,
            seen_reply: false,
            mark: 0,
            zone: transit.zone.id(),
        };
        match transit.ct {
            Ct::None => None,
            Ct::Untracked => Some(bare(CtState::Untracked)),
            Ct::Invalid => Some(bare(CtState::Invalid)),
            Ct::Attached {
                conn,
                direction,
                state,
            } => Some(self.conns.get(conn)?.view(direction, state)),
        }
    }

    /// `nf_conntrack_in()`.
    fn track(&mut self, ns: &Arc<Namespace>, transit: &mut Transit) -> Stage<()> {
        if transit.ct != Ct::None || !ns.tracks(transit.packet.family()) {
            return Ok(());
        }
        ns.known("sysctl.txt")?;
        let loose = sysctl::integer(ns, "net.netfilter.nf_conntrack_tcp_loose", 1).value != 0;
        match conntrack::track(
            &mut self.conns,
            &ns.path,
            transit.zone,
            &transit.packet,
            loose,
        ) {
            Tracked::As(ct) => transit.ct = ct,
            Tracked::New(tuple, tcp) => {
                self.table_has_room(ns, transit)?;
                self.conns
                    .push(Conn::new(&ns.path, transit.zone, tuple, tcp));
                let conn = self.conns.len() - 1;
                transit.ct = Ct::Attached {
                    conn,
                    direction: CtDirection::Original,
                    state: CtState::New,
                };
            }
        }
        Ok(())
    }

    /// `__nf_conntrack_alloc()`: a full table drops what would be a new connection.
    fn table_has_room(&mut self, ns: &Arc<Namespace>, transit: &Transit) -> Stage<()> {
        let max = sysctl::integer(ns, "net.netfilter.nf_conntrack_max", 0);
        let count = match &ns.conntrack_count {
            Some((count, source)) => (
                i64::try_from(*count).unwrap_or(i64::MAX),
                Some(source.clone()),
            ),
            None => {
                let setting = sysctl::integer(ns, "net.netfilter.nf_conntrack_count", 0);
                (setting.value, setting.source)
            }
        };
        if max.value > 0 && count.1.is_none() {
            self.assume(format!(
                "the connection table of {} is not full (how many entries it has was not captured)",
                ns.object
            ));
        }
        if max.value <= 0 || count.0 < max.value {
            return Ok(());
        }
        self.assume(format!(
            "no unassured connection of {} can be evicted from its full table",
            ns.object
        ));
        self.block(
            Blocker::new(BlockerKind::ConntrackFull, ns)
                .says(format!(
                    "the connection table is full ({} of {} entries): new connections are dropped",
                    count.0, max.value
                ))
                .citing(count.1.into_iter().chain(max.source)),
            if transit.local {
                local_drop(transit.packet.protocol())
            } else {
                Failure::Silent
            },
            transit,
        )
    }
}
