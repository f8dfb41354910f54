//! Rule sets at the same priority: the one that was registered last runs first (`nf_hook_entries_grow`). Handles tell for
//! nft's; for others no capture shows it, and it is asked about where the order makes a difference.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::hooks::{BY_HANDLES, Part, chain_name, registered};
use super::netfilter::HookSite;
use super::script::{Limit, explore};
use super::{Stage, Stop, Transit, Walk};
use crate::linux::choice::{Choice, Doubt};
use crate::linux::netfilter::{Effects, Hook, HookContext, RuleOutcome, RuleVerdict, nft};
use crate::linux::packet::Packet;
use crate::world::Namespace;

/// Results of one rule set that are looked at; more count as a difference.
const RESULTS: Limit = Limit {
    runs: 64,
    doubtful: 64,
};
/// Rule sets of one priority whose orders are all tried; of more, two orders are.
const MOST_PERMUTED: usize = 3;

impl Part<'_> {
    /// Runs its rules; nothing for what is no rule set.
    pub(super) fn run(
        &self,
        ns: &Namespace,
        packet: &Packet,
        ctx: &HookContext<'_>,
        choice: &mut dyn Choice,
    ) -> Option<RuleOutcome> {
        match self {
            Self::Xtables(table, chain) => Some(table.run(chain, packet, ctx, &ns.ipsets, choice)),
            Self::Nft(chain) => Some(nft::run(&ns.ruleset, chain, packet, ctx, choice)),
            Self::Conntrack | Self::Nat | Self::Ipvs(_) => None,
        }
    }

    /// Whether it holds rules, or a policy that drops.
    fn does_something(&self, hook: Hook) -> bool {
        match self {
            Self::Xtables(table, _) => !table.is_idle(chain_name(hook)),
            Self::Nft(chain) => {
                let drops = chain
                    .base
                    .as_ref()
                    .is_some_and(|base| base.policy == crate::evidence::nft::Policy::Drop);
                !chain.rules.is_empty() || drops
            }
            Self::Conntrack | Self::Nat | Self::Ipvs(_) => false,
        }
    }
}

impl Walk<'_, '_> {
    /// Puts the parts of one priority into an order in which the kernel may run them.
    pub(super) fn in_order<'g, 'p>(
        &mut self,
        ns: &Arc<Namespace>,
        hook: Hook,
        site: &HookSite<'_>,
        transit: &Transit,
        group: &'g [(i32, Part<'p>)],
    ) -> Stage<Cow<'g, [(i32, Part<'p>)]>> {
        if group.len() < 2 {
            return Ok(Cow::Borrowed(group));
        }
        let given: Vec<Part<'p>> = group.iter().map(|(_, part)| *part).collect();
        let busy: Vec<usize> = (given.iter().enumerate())
            .filter(|(_, part)| part.does_something(hook))
            .map(|(place, _)| place)
            .collect();
        if busy.len() < 2 || !self.order_matters(ns, hook, site, transit, &given, &busy)? {
            return Ok(Cow::Borrowed(group));
        }
        let made = |place: &usize| registered(ns, given.get(*place)?);
        let mut newest: Vec<_> = busy.iter().map(|place| (made(place), *place)).collect();
        if newest.iter().all(|(made, _)| made.is_some()) {
            self.script.assume(BY_HANDLES.to_owned());
            newest.sort_by_key(|(made, _)| Reverse(*made));
            let mut result = group.to_vec();
            for (slot, (_, from)) in busy.iter().zip(newest) {
                if let (Some(slot), Some(part)) = (result.get_mut(*slot), group.get(from)) {
                    *slot = *part;
                }
            }
            return Ok(Cow::Owned(result));
        }
        let orders = orders(busy.len());
        let doubt = Doubt {
            what: format!(
                "which of {} rule sets with the same priority runs first on {}: the one that was loaded last, and it makes a difference",
                busy.len(),
                ns.object
            ),
            settle: String::new(),
            source: None,
        };
        // The order is the same for every packet.
        let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let key = (ns.path.clone(), hook, nobody, nobody, vec![doubt.clone()]);
        let chosen = match self.settled.get(&key) {
            Some(chosen) => *chosen,
            None => {
                let chosen = self.script.alternative(orders.len(), vec![doubt]);
                self.settled.insert(key, chosen);
                chosen
            }
        };
        let order = orders
            .get(chosen)
            .or_else(|| orders.first())
            .ok_or(Stop::Lost)?;
        let mut result = group.to_vec();
        for (slot, from) in busy.iter().zip(order) {
            let from = busy.get(*from).and_then(|place| group.get(*place));
            if let (Some(slot), Some(part)) = (result.get_mut(*slot), from) {
                *slot = *part;
            }
        }
        Ok(Cow::Owned(result))
    }

    /// Whether the rule sets in `busy` come to something else in another order.
    fn order_matters(
        &mut self,
        ns: &Arc<Namespace>,
        hook: Hook,
        site: &HookSite<'_>,
        transit: &Transit,
        parts: &[Part<'_>],
        busy: &[usize],
    ) -> Stage<bool> {
        let scenery = self.scenery(ns, transit);
        let ctx = scenery.context(ns, transit, hook, site);
        let results = |part: &Part<'_>, packet: &Packet| {
            let explored = explore(RESULTS, |script| {
                Ok::<_, Stop>(part.run(ns, packet, &ctx, script))
            });
            explored.map(|(runs, _)| {
                runs.into_iter()
                    .filter_map(|run| run.result)
                    .collect::<Vec<_>>()
            })
        };
        let mut verdicts: Vec<RuleVerdict> = Vec::new();
        let mut changed: Vec<(usize, Packet)> = Vec::new();
        let mut acting: Vec<usize> = Vec::new();
        for place in busy {
            let Some(part) = parts.get(*place) else {
                continue;
            };
            for outcome in results(part, &transit.packet)? {
                if writes_elsewhere(&outcome.effects) {
                    return Ok(true);
                }
                if outcome.packet != transit.packet {
                    changed.push((*place, outcome.packet));
                }
                if outcome.verdict != RuleVerdict::Accept {
                    acting.push(*place);
                    if !verdicts.contains(&outcome.verdict) {
                        verdicts.push(outcome.verdict);
                    }
                }
            }
        }
        if verdicts.len() > 1 {
            return Ok(true);
        }
        // What one changes, none of the others may look at.
        for (by, packet) in &changed {
            for place in busy.iter().filter(|place| *place != by) {
                let Some(part) = parts.get(*place) else {
                    continue;
                };
                for outcome in results(part, packet)? {
                    let acts = outcome.verdict != RuleVerdict::Accept || outcome.packet != *packet;
                    if acts && !acting.contains(place) || outcome.packet != *packet {
                        return Ok(true);
                    }
                }
            }
            if acting.iter().any(|place| place != by) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Effects beyond the packet, which the other rule sets may look at.
fn writes_elsewhere(effects: &Effects) -> bool {
    effects.ct_mark.is_some()
        || effects.zone.is_some()
        || effects.notrack
        || !effects.notes.sets.is_empty()
}

/// The orders of `n` rule sets that are tried.
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n > MOST_PERMUTED {
        return vec![(0..n).collect(), (0..n).rev().collect()];
    }
    let mut all = vec![Vec::new()];
    for _ in 0..n {
        all = (all.iter())
            .flat_map(|order: &Vec<usize>| {
                let left = (0..n).filter(|place| !order.contains(place));
                left.map(|place| order.iter().copied().chain([place]).collect())
                    .collect::<Vec<_>>()
            })
            .collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_permuted_and_many_turned_around() {
        assert_eq!(orders(2), [vec![0, 1], vec![1, 0]]);
        assert_eq!(orders(3).len(), 6);
        assert_eq!(orders(5), [vec![0, 1, 2, 3, 4], vec![4, 3, 2, 1, 0]]);
    }
}
