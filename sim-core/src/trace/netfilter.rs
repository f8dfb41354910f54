//! Runs the hooks of netfilter in the order of their priorities, conntrack and NAT among them (`nf_hook_slow`).

use std::net::IpAddr;
use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure, local_drop};
use super::script::{Completeness, Decision, explore, plus, probability};
use super::{Stage, Stop, Transit, Walk};
use crate::evidence::nft::{ChainHook, ChainKind, TableFamily};
use crate::linux::choice::{Choice, Doubt};
use crate::linux::conntrack::{self, Conn, Ct, Manip, Tracked};
use crate::linux::fib;
use crate::linux::netfilter::xtables::CompiledTable;
use crate::linux::netfilter::{
    CtDirection, CtState, CtView, Hook, HookContext, NatAction, NatRange, RejectWith, RuleOutcome,
    RuleStep, RuleVerdict, nft,
};
use crate::linux::packet::{Family, Packet, Port, Transport, protocol};
use crate::linux::sysctl;
use crate::source::Source;
use crate::verdict::{Outcome, Probability, StepStatus};
use crate::world::Namespace;

/// Where a hook is met.
#[derive(Debug, Clone, Default)]
pub(super) struct HookSite {
    pub(super) iif: Option<String>,
    pub(super) oif: Option<String>,
    pub(super) physout: Option<String>,
    /// The packet is being bridged.
    pub(super) bridged: bool,
    /// The router that the packet goes to next; masquerading chooses its address by it.
    pub(super) gateway: Option<IpAddr>,
}

/// What runs at a hook.
#[derive(Clone, Copy)]
enum Part<'a> {
    Conntrack,
    Xtables(&'a CompiledTable, &'static str),
    Nft(&'a crate::evidence::nft::Chain),
    Nat,
}

/// More endpoints than any Service has, or more undecidable rules than can be told apart.
const ALTERNATIVES: usize = 8192;

impl Walk<'_, '_> {
    /// Runs everything hooked in at `hook`.
    pub(super) fn run_hook(
        &mut self,
        ns: &Arc<Namespace>,
        hook: Hook,
        site: &HookSite,
        transit: &mut Transit,
    ) -> Stage<()> {
        let family = transit.packet.family();
        self.rules_known(ns, family)?;
        for part in parts(ns, family, hook) {
            match part {
                Part::Conntrack => self.track(ns, transit)?,
                Part::Xtables(table, chain) => {
                    let ns_ref = Arc::clone(ns);
                    let outcome = self.judge(ns, transit, hook, site, |packet, ctx, choice| {
                        table.run(chain, packet, ctx, &ns_ref.ipsets, choice)
                    })?;
                    self.apply(ns, hook, site, outcome, transit)?;
                }
                Part::Nft(chain) => {
                    let ns_ref = Arc::clone(ns);
                    let outcome = self.judge(ns, transit, hook, site, |packet, ctx, choice| {
                        nft::run(&ns_ref.ruleset, chain, packet, ctx, choice)
                    })?;
                    self.apply(ns, hook, site, outcome, transit)?;
                }
                Part::Nat => self.nat(ns, hook, site, transit)?,
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

    /// Runs the bridge family's base chains at `hook` (nft's table family `bridge`).
    pub(super) fn run_bridge_hook(
        &mut self,
        ns: &Arc<Namespace>,
        hook: ChainHook,
        site: &HookSite,
        transit: &mut Transit,
    ) -> Stage<()> {
        ns.known("nft-ruleset.json")?;
        let ns_ref = Arc::clone(ns);
        let seen_at = match hook {
            ChainHook::Input => Hook::Input,
            ChainHook::Output => Hook::Output,
            ChainHook::Forward => Hook::Forward,
            ChainHook::Postrouting => Hook::Postrouting,
            _ => Hook::Prerouting,
        };
        for chain in nft::base_chains(&ns_ref.ruleset, TableFamily::Bridge, hook) {
            let outcome = self.judge(ns, transit, seen_at, site, |packet, ctx, choice| {
                nft::run(&ns_ref.ruleset, chain, packet, ctx, choice)
            })?;
            self.apply(ns, seen_at, site, outcome, transit)?;
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
        files.iter().try_for_each(|file| ns.known(file))
    }

    /// Runs one rule set in every way that it can go, and forks only where that makes a difference.
    fn judge(
        &mut self,
        ns: &Arc<Namespace>,
        transit: &Transit,
        hook: Hook,
        site: &HookSite,
        run: impl Fn(&Packet, &HookContext<'_>, &mut dyn Choice) -> RuleOutcome,
    ) -> Stage<RuleOutcome> {
        let mac = transit.source_mac.map(|mac| mac.to_string());
        let ctx = HookContext {
            hook,
            family: transit.packet.family(),
            iif: site.iif.as_deref(),
            oif: site.oif.as_deref(),
            physin: transit.physin.as_deref(),
            physout: site.physout.as_deref(),
            bridged: site.bridged,
            local_socket: transit.local && matches!(hook, Hook::Output | Hook::Postrouting),
            source_mac: mac.as_deref(),
            ct: self.view(transit),
            surroundings: ns.as_ref(),
        };
        let explored: Result<_, Stop> = explore(ALTERNATIVES, |script| {
            Ok(run(&transit.packet, &ctx, script))
        });
        let (mut runs, completeness) = explored?;
        for assumption in runs.iter().flat_map(|run| run.assumptions.iter()) {
            self.script.assume(assumption.clone());
        }
        if runs.len() == 1
            && let Some(only) = runs.pop()
        {
            return Ok(only.result);
        }
        if completeness == Completeness::Limited {
            return Err(Stop::Undecided(Doubt {
                what: format!(
                    "the rules of {} can be passed in more than {ALTERNATIVES} ways",
                    ns.path
                ),
                settle: String::new(),
                source: None,
            }));
        }
        let mut groups: Vec<(RuleOutcome, Probability)> = Vec::new();
        let mut doubts: Vec<Doubt> = Vec::new();
        let mut by_chance: Option<Source> = None;
        for run in runs {
            for decision in &run.decisions {
                match decision {
                    Decision::Chance { source, .. } => {
                        by_chance = by_chance.or_else(|| Some(source.clone()));
                    }
                    Decision::Doubt { doubts: more, .. } => {
                        doubts.extend(
                            more.iter()
                                .filter(|doubt| !doubts.contains(doubt))
                                .cloned()
                                .collect::<Vec<_>>(),
                        );
                    }
                }
            }
            let share = probability(&run.decisions);
            let same = |(outcome, _): &&mut (RuleOutcome, Probability)| {
                outcome.verdict == run.result.verdict
                    && outcome.packet == run.result.packet
                    && outcome.effects == run.result.effects
            };
            match groups.iter_mut().find(same) {
                Some((_, sum)) => *sum = plus(*sum, share),
                None => groups.push((run.result, share)),
            }
        }
        let chosen = match (by_chance, doubts.is_empty()) {
            _ if groups.len() == 1 => 0,
            (Some(source), true) => {
                self.chose_in.push(ns.path.clone());
                self.script.chance(&weights(&groups), &source)
            }
            (None, _) => self.script.alternative(groups.len(), doubts),
            // Chance and ignorance mixed: the rules are gone through with the walk's own answers.
            (Some(_), false) => {
                self.chose_in.push(ns.path.clone());
                return Ok(run(&transit.packet, &ctx, self.script));
            }
        };
        let (outcome, _) = groups.into_iter().nth(chosen).ok_or(Stop::Lost)?;
        Ok(outcome)
    }

    /// Carries out what a rule set decided.
    fn apply(
        &mut self,
        ns: &Arc<Namespace>,
        hook: Hook,
        site: &HookSite,
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
            self.clamped_mss = Some(self.clamped_mss.map_or(mss, |old| old.min(mss)));
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
        let local = transit.local && matches!(hook, Hook::Output | Hook::Postrouting);
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
            // The reset leaves through the bridge past conntrack, untranslated (`nf_send_reset`).
            Some(RejectWith::TcpReset) if site.bridged && self.is_translated(transit) => {
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

    fn is_translated(&self, transit: &Transit) -> bool {
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
        let actions: Vec<&str> = steps.iter().map(|step| step.action.as_str()).collect();
        self.log.step(
            StepStatus::Normal,
            format!("{} {}: {}", first.table, first.chain, actions.join(", ")),
            steps.iter().map(|step| step.source.clone()).collect(),
        );
    }

    fn view(&self, transit: &Transit) -> Option<CtView> {
        let bare = |state| CtView {
            state,
            direction: CtDirection::Original,
            original: None,
            reply: None,
            snat: false,
            dnat: false,
            seen_reply: false,
            mark: 0,
            zone: transit.zone,
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
        if transit.ct != Ct::None || !ns.tracks {
            return Ok(());
        }
        let flag = |key: &str, default| {
            sysctl::integer(ns, &format!("net.netfilter.{key}"), default).value != 0
        };
        let (liberal, loose) = (
            flag("nf_conntrack_tcp_be_liberal", 0),
            flag("nf_conntrack_tcp_loose", 1),
        );
        let ns_path = ns.path.clone();
        match conntrack::track(
            &mut self.conns,
            &ns_path,
            transit.zone,
            &transit.packet,
            liberal,
            loose,
        ) {
            Tracked::As(ct) => transit.ct = ct,
            Tracked::New(tuple, tcp) => {
                self.table_has_room(ns, transit)?;
                self.conns
                    .push(Conn::new(&ns_path, transit.zone, tuple, tcp));
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

    /// `nf_nat_inet_fn()`: the nat chains see the first packet of a connection, all packets are translated.
    fn nat(
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
            self.apply(ns, hook, site, outcome, transit)?;
            if let Some(action) = action
                && action != NatAction::Keep
            {
                return Ok(Some((action, sources)));
            }
        }
        Ok(None)
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
            NatAction::Redirect(_) => redirect_address(ns, hook, site, packet.family()),
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

/// Integer weights in the proportion of the groups' probabilities.
fn weights(groups: &[(RuleOutcome, Probability)]) -> Vec<u64> {
    let mut common: u128 = 1;
    for (_, share) in groups {
        let denominator = u128::from(share.denominator);
        let (mut a, mut b) = (common, denominator);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        common = (common / a.max(1)).saturating_mul(denominator);
        if common > u128::from(u32::MAX) * u128::from(u32::MAX) {
            // Not to be had exactly in 64 bits: as near as a 32-bit fraction comes.
            return groups
                .iter()
                .map(|(_, share)| {
                    let scaled =
                        (u128::from(share.numerator) << 32) / u128::from(share.denominator.max(1));
                    u64::try_from(scaled).unwrap_or(u64::MAX).max(1)
                })
                .collect();
        }
    }
    groups
        .iter()
        .map(|(_, share)| {
            u64::try_from(
                u128::from(share.numerator) * (common / u128::from(share.denominator.max(1))),
            )
            .unwrap_or(u64::MAX)
        })
        .collect()
}

/// `nf_nat_masquerade_ipv4()`: the outgoing device's address, as `inet_select_addr()` picks it for the next hop.
fn masquerade_address(ns: &Namespace, oif: &str, towards: IpAddr) -> Option<IpAddr> {
    match Family::of(towards) {
        Family::V4 => fib::select_v4(ns, oif, towards, crate::evidence::route::Scope::GLOBAL),
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

/// What is hooked in at `hook`, by priority.
fn parts(ns: &Namespace, family: Family, hook: Hook) -> Vec<Part<'_>> {
    let mut parts: Vec<(i32, Part<'_>)> = Vec::new();
    if matches!(hook, Hook::Prerouting | Hook::Output) {
        parts.push((-200, Part::Conntrack));
    }
    match hook {
        Hook::Prerouting | Hook::Output => parts.push((-100, Part::Nat)),
        Hook::Postrouting | Hook::Input => parts.push((100, Part::Nat)),
        Hook::Forward => {}
    }
    let chain = chain_name(hook);
    for (of, table) in &ns.xtables {
        if *of == family
            && let Some(priority) = table_priority(&table.table().name, hook)
        {
            parts.push((priority, Part::Xtables(table, chain)));
        }
    }
    for base in native_chains(ns, family, hook) {
        if let Some(settings) = &base.base
            && settings.kind != ChainKind::Nat
        {
            parts.push((settings.priority, Part::Nft(base)));
        }
    }
    parts.sort_by_key(|(priority, _)| *priority);
    parts.into_iter().map(|(_, part)| part).collect()
}

/// The nat chains at `hook`, by priority.
fn nat_parts(ns: &Namespace, family: Family, hook: Hook) -> Vec<Part<'_>> {
    let mut parts: Vec<(i32, Part<'_>)> = Vec::new();
    let own = if matches!(hook, Hook::Prerouting | Hook::Output) {
        -100
    } else {
        100
    };
    for (of, table) in &ns.xtables {
        if *of == family && table.table().name == "nat" {
            parts.push((own, Part::Xtables(table, chain_name(hook))));
        }
    }
    for base in native_chains(ns, family, hook) {
        if let Some(settings) = &base.base
            && settings.kind == ChainKind::Nat
        {
            parts.push((settings.priority, Part::Nft(base)));
        }
    }
    parts.sort_by_key(|(priority, _)| *priority);
    parts.into_iter().map(|(_, part)| part).collect()
}

fn native_chains(ns: &Namespace, family: Family, hook: Hook) -> Vec<&crate::evidence::nft::Chain> {
    let family = match family {
        Family::V4 => TableFamily::Ip,
        Family::V6 => TableFamily::Ip6,
    };
    let hook = match hook {
        Hook::Prerouting => ChainHook::Prerouting,
        Hook::Input => ChainHook::Input,
        Hook::Forward => ChainHook::Forward,
        Hook::Output => ChainHook::Output,
        Hook::Postrouting => ChainHook::Postrouting,
    };
    nft::base_chains(&ns.ruleset, family, hook)
}

fn chain_name(hook: Hook) -> &'static str {
    match hook {
        Hook::Prerouting => "PREROUTING",
        Hook::Input => "INPUT",
        Hook::Forward => "FORWARD",
        Hook::Output => "OUTPUT",
        Hook::Postrouting => "POSTROUTING",
    }
}

/// A table's priority at `hook`, for tables other than nat (`enum nf_ip_hook_priorities`).
fn table_priority(table: &str, hook: Hook) -> Option<i32> {
    let (priority, hooks): (i32, &[Hook]) = match table {
        "raw" => (-300, &[Hook::Prerouting, Hook::Output]),
        "mangle" => (
            -150,
            &[
                Hook::Prerouting,
                Hook::Input,
                Hook::Forward,
                Hook::Output,
                Hook::Postrouting,
            ],
        ),
        "filter" => (0, &[Hook::Input, Hook::Forward, Hook::Output]),
        "security" => (50, &[Hook::Input, Hook::Forward, Hook::Output]),
        _ => return None,
    };
    hooks.contains(&hook).then_some(priority)
}
