//! Runs the hooks of netfilter in the order of their priorities, conntrack and NAT among them (`nf_hook_slow`).

use std::net::IpAddr;
use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure, local_drop};
use super::hooks::{Part, parts};
use super::script::{Completeness, Decision, Limit, explore, plus, probability};
use super::{Stage, Stop, Transit, Walk};
use crate::evidence::nft::{ChainHook, TableFamily};
use crate::linux::choice::{Choice, Doubt};
use crate::linux::conntrack::{self, Conn, Ct, Tracked};
use crate::linux::netfilter::{
    CtDirection, CtState, CtView, Hook, HookContext, RejectWith, RuleOutcome,
    RuleStep, RuleVerdict, nft,
};
use crate::linux::packet::{Family, Packet, protocol};
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


/// More endpoints than any Service has, or more undecidable rules than can be told apart.
const ALTERNATIVES: Limit = Limit {
    runs: 8192,
    doubtful: 256,
};
/// Results of one rule set that are told apart where the evidence does not decide between them.
const MOST_DIFFERENT: usize = 16;

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
    pub(super) fn judge(
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
                    "the rules of {} can be passed in too many ways that cannot be told apart",
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
        if !doubts.is_empty() && groups.len() > MOST_DIFFERENT {
            let first = doubts.swap_remove(0);
            let what = format!(
                "{}; with others like it, more than {MOST_DIFFERENT} results are possible",
                first.what
            );
            return Err(Stop::Undecided(Doubt { what, ..first }));
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
    pub(super) fn apply(
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
