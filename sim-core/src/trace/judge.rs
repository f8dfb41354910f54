//! One rule set, run in every way that it can go; only different results fork the walk.

use std::cell::Cell;
use std::sync::Arc;

use super::netfilter::HookSite;
use super::script::{Completeness, Decision, Limit, Run, Script, explore, plus, probability};
use super::{Stage, Stop, Transit, Walk};
use crate::linux::choice::{Choice, Doubt};
use crate::linux::netfilter::{CtView, Hook, HookContext, Notes, RuleOutcome, RuleVerdict};
use crate::linux::packet::Packet;
use crate::source::Source;
use crate::verdict::Probability;
use crate::world::Namespace;

/// More endpoints than any Service has, or more undecidable rules than can be told apart.
const ALTERNATIVES: Limit = Limit {
    runs: 8192,
    doubtful: 256,
};
/// Results of one rule set that are told apart where the evidence does not decide between them.
const MOST_DIFFERENT: usize = 16;

/// What a hook's context borrows.
pub(super) struct Scenery {
    mss: Option<u16>,
    notes: Notes,
    ct: Option<CtView>,
    /// Whether a rule looked at the packet's length.
    pub(super) length_seen: Cell<bool>,
}

impl Scenery {
    /// What rules at `hook` see.
    pub(super) fn context<'a>(
        &'a self,
        ns: &'a Namespace,
        transit: &'a Transit,
        hook: Hook,
        site: &HookSite<'a>,
    ) -> HookContext<'a> {
        HookContext {
            hook,
            family: transit.packet.family(),
            iif: site.iif,
            oif: site.oif,
            physin: transit.physin.as_deref(),
            physout: site.physout,
            bridged: site.bridged,
            local_socket: transit.local && matches!(hook, Hook::Output | Hook::Postrouting),
            source_mac: transit.source_mac,
            mss: self.mss,
            notes: &self.notes,
            ct: self.ct.clone(),
            surroundings: ns,
            length_seen: Some(&self.length_seen),
        }
    }
}

impl Walk<'_, '_> {
    pub(super) fn scenery(&self, ns: &Namespace, transit: &Transit) -> Scenery {
        Scenery {
            mss: self.mss.filter(|_| transit.inner.is_none()),
            notes: self.notes.get(&ns.path).cloned().unwrap_or_default(),
            ct: self.view(transit),
            length_seen: Cell::new(false),
        }
    }

    /// Runs one rule set in every way that it can go, and forks only where that makes a difference.
    pub(super) fn judge(
        &mut self,
        ns: &Arc<Namespace>,
        transit: &Transit,
        hook: Hook,
        site: &HookSite<'_>,
        run: impl Fn(&Packet, &HookContext<'_>, &mut dyn Choice) -> RuleOutcome,
    ) -> Stage<RuleOutcome> {
        let scenery = self.scenery(ns, transit);
        let ctx = scenery.context(ns, transit, hook, site);
        let known = self.script.judged();
        let judged = match known {
            Some(known) => known,
            None => {
                // Nearly always there is one way only.
                let mut script = Script::default();
                let outcome = run(&transit.packet, &ctx, &mut script);
                if script.n_taken() == 0 {
                    self.length_seen |= scenery.length_seen.get();
                    for assumption in script.into_assumptions() {
                        self.script.assume(assumption);
                    }
                    return Ok(outcome);
                }
                let explored: Result<_, Stop> = explore(ALTERNATIVES, |script| {
                    Ok(run(&transit.packet, &ctx, script))
                });
                let (runs, completeness) = explored?;
                let judged = Judged::of(runs, completeness, scenery.length_seen.get());
                let judged = Arc::new(judged);
                self.script.keep(&judged);
                judged
            }
        };
        let Judged {
            groups,
            doubts,
            by_chance,
            assumptions,
            completeness,
            length_seen,
        } = &*judged;
        self.length_seen |= length_seen;
        for assumption in assumptions {
            self.script.assume(assumption.clone());
        }
        if *completeness == Completeness::Limited {
            return Err(Stop::Undecided(Doubt {
                what: format!(
                    "the rules of {} can be passed in too many ways that cannot be told apart",
                    ns.path
                ),
                settle: String::new(),
                source: None,
            }));
        }
        if !doubts.is_empty() && groups.len() > MOST_DIFFERENT {
            let first = doubts.first();
            let what = first.map(|first| {
                format!(
                    "{}; with others like it, more than {MOST_DIFFERENT} results are possible",
                    first.what
                )
            });
            return Err(Stop::Undecided(Doubt {
                what: what.unwrap_or_default(),
                settle: first.map(|first| first.settle.clone()).unwrap_or_default(),
                source: first.and_then(|first| first.source.clone()),
            }));
        }
        let chosen = match (by_chance, doubts.is_empty()) {
            _ if groups.len() == 1 => 0,
            // Behind a blocker ignorance changes nothing: on by the way that lets the packet pass.
            (_, false) if self.is_as_if_passed() => {
                let passes = |(outcome, _): &(RuleOutcome, Probability)| {
                    matches!(outcome.verdict, RuleVerdict::Accept | RuleVerdict::Nat(_))
                };
                groups.iter().position(passes).unwrap_or(0)
            }
            (Some(source), true) => {
                self.chose_in.push(ns.path.clone());
                self.script.chance(&weights(groups), source)
            }
            (None, _) => {
                // The same question about the same flow has the same answer.
                let key = (
                    ns.path.clone(),
                    hook,
                    transit.packet.src,
                    transit.packet.dst,
                    doubts.clone(),
                );
                match self
                    .settled
                    .get(&key)
                    .copied()
                    .filter(|known| *known < groups.len())
                {
                    Some(known) => known,
                    None => {
                        let answer = self.script.alternative(groups.len(), doubts.clone());
                        self.settled.insert(key, answer);
                        answer
                    }
                }
            }
            // Chance and ignorance mixed: the rules are gone through with the walk's own answers.
            (Some(_), false) => {
                self.chose_in.push(ns.path.clone());
                return Ok(run(&transit.packet, &ctx, self.script));
            }
        };
        let (outcome, _) = groups.get(chosen).ok_or(Stop::Lost)?;
        Ok(outcome.clone())
    }
}

/// What a rule set can come to.
#[derive(Debug)]
pub(super) struct Judged {
    /// Results that differ, with their shares.
    groups: Vec<(RuleOutcome, Probability)>,
    doubts: Vec<Doubt>,
    /// The first choice of the world.
    by_chance: Option<Source>,
    assumptions: Vec<String>,
    completeness: Completeness,
    length_seen: bool,
}

impl Judged {
    fn of(runs: Vec<Run<RuleOutcome>>, completeness: Completeness, length_seen: bool) -> Self {
        let mut judged = Self {
            groups: Vec::new(),
            doubts: Vec::new(),
            by_chance: None,
            assumptions: Vec::new(),
            completeness,
            length_seen,
        };
        for run in &runs {
            judged.assumptions.extend(run.assumptions.iter().cloned());
        }
        if completeness == Completeness::Limited {
            return judged;
        }
        for run in runs {
            judged.add(run);
        }
        judged
    }

    fn add(&mut self, run: Run<RuleOutcome>) {
        for decision in &run.decisions {
            match decision {
                Decision::Chance { source, .. } => {
                    self.by_chance.get_or_insert_with(|| source.clone());
                }
                Decision::Doubt { doubts: more, .. } => {
                    let known = self.doubts.len();
                    let is_new = |doubt: &&Doubt| {
                        !self.doubts.iter().take(known).any(|other| other == *doubt)
                    };
                    let fresh: Vec<Doubt> = more.iter().filter(is_new).cloned().collect();
                    self.doubts.extend(fresh);
                }
            }
        }
        let share = probability(&run.decisions);
        let same = |(outcome, _): &&mut (RuleOutcome, Probability)| {
            outcome.verdict == run.result.verdict
                && outcome.packet == run.result.packet
                && outcome.effects == run.result.effects
        };
        match self.groups.iter_mut().find(same) {
            Some((_, sum)) => *sum = plus(*sum, share),
            None => self.groups.push((run.result, share)),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::file;

    /// What a rule set comes to that is judged when this was decided.
    fn judged(said: &str) -> Judged {
        Judged {
            assumptions: vec![said.to_owned()],
            ..Judged::of(Vec::new(), Completeness::All, false)
        }
    }

    /// A walk whose every stage depends on all that was decided before it, as a packet's does; counts what was known.
    fn wander(script: &mut Script, seed: u64, n_known: &mut usize, source: &Source) {
        let mut said = seed.to_string();
        for stage in 0..9_u64 {
            let mixed = said.bytes().fold(stage, |sum, byte| {
                (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
            match (mixed >> 24) % 8 {
                0..4 => match script.judged() {
                    Some(known) => {
                        assert_eq!(known.assumptions, judged(&said).assumptions);
                        *n_known += 1;
                    }
                    None if mixed & 1 == 0 => script.keep(&Arc::new(judged(&said))),
                    None => {}
                },
                4 | 5 => said += &script.chance(&[1, mixed % 2, 2], source).to_string(),
                6 => said += &script.alternative(3, Vec::new()).to_string(),
                _ => script.is_trial = stage > 6,
            }
        }
    }

    #[test]
    fn what_is_known_of_a_rule_set_is_what_judging_it_again_would_come_to() {
        let source = Source::whole(&file("rules", "text"));
        let mut n_known = 0;
        for seed in 0..2000 {
            let explored: Result<_, ()> = explore(ALTERNATIVES, |script| {
                wander(script, seed, &mut n_known, &source);
                Ok(())
            });
            explored.unwrap();
        }
        assert!(n_known > 1000);
    }
}
