//! Runs a packet through an iptables table, as `ipt_do_table()` does.

mod address_type;
mod condition;
mod conntrack;
mod content;
mod device;
mod index;
mod near;
mod probability;
mod relevance;
mod target;
pub(crate) mod time;
mod transport;
mod unseen;

use std::sync::Arc;

use condition::{Deferred, Scene};
use index::{Candidates, ChainIndex};
use target::After;

use super::ipset::IpSets;
use super::{Effects, HookContext, RuleOutcome, RuleStep, RuleVerdict};
use crate::evidence::xtables::{Chain, Policy, Rule, Table, Target};
use crate::linux::choice::{Choice, Doubt, Tri};
use crate::linux::packet::Packet;

/// More rules than any real packet meets: the kernel refuses tables that loop, a file may hold one.
const MAX_RULES: usize = 1_000_000;

/// A table made ready for many packets.
#[derive(Debug, Clone)]
pub struct CompiledTable {
    table: Table,
    /// Its name.
    name: Arc<str>,
    indexes: Vec<ChainIndex>,
    /// For each chain, whether a packet's fate or a later rule could depend on it.
    relevant: Vec<bool>,
    /// For each chain's rules, the place of the chain that they lead to.
    jumps: Vec<Vec<Option<u32>>>,
    /// Base chains.
    bases: Vec<Base>,
}

/// A base chain: its place, and whether it lets every packet pass without a rule that does anything.
#[derive(Debug, Clone)]
struct Base {
    name: Arc<str>,
    place: usize,
    is_idle: bool,
}

impl CompiledTable {
    /// Indexes `table`.
    #[must_use]
    pub fn new(table: Table) -> Self {
        let indexes = table.chains.iter().map(ChainIndex::new).collect();
        Self::with_indexes(table, indexes)
    }

    /// Without indexes: every rule is looked at. For tests of the indexes.
    #[cfg(test)]
    fn unindexed(table: Table) -> Self {
        let indexes = table.chains.iter().map(|_| ChainIndex::default()).collect();
        Self::with_indexes(table, indexes)
    }

    fn with_indexes(table: Table, indexes: Vec<ChainIndex>) -> Self {
        let relevant = relevance::of_chains(&table);
        let led_to = |rule: &Rule| match &rule.target {
            Target::Jump(name) | Target::Goto(name) => u32::try_from(table.chain_index(name)?).ok(),
            _ => None,
        };
        let chains = table.chains.iter();
        let jumps = chains
            .map(|chain| chain.rules.iter().map(led_to).collect())
            .collect();
        let based = table.chains.iter().enumerate();
        let based = based.filter(|(_, chain)| chain.policy.is_some());
        let bases = based.map(|(place, chain)| Base {
            name: Arc::clone(&chain.name),
            place,
            is_idle: table.complete && chain.rules.is_empty() && chain.policy != Some(Policy::Drop),
        });
        let bases = bases.collect();
        Self {
            indexes,
            relevant,
            jumps,
            bases,
            name: table.name.as_str().into(),
            table,
        }
    }

    /// The place of the base chain `name`.
    fn base(&self, name: &str) -> Option<usize> {
        let known = self.bases.iter().find(|base| *base.name == *name);
        let known = known.map(|base| base.place);
        known.or_else(|| self.table.chain_index(name))
    }

    /// Whether the base chain `name` lets every packet pass, without a rule that does anything.
    #[must_use]
    pub fn is_idle(&self, name: &str) -> bool {
        if let Some(base) = self.bases.iter().find(|base| *base.name == *name) {
            return base.is_idle;
        }
        let chain = self.table.chain_index(name);
        let chain = chain.and_then(|place| self.table.chains.get(place));
        self.table.complete && chain.is_none_or(|chain| chain.rules.is_empty())
    }

    /// The place of the chain that rule `number` of the chain at `place` leads to.
    fn jump(&self, place: usize, number: usize) -> Option<usize> {
        let jump = (*self.jumps.get(place)?.get(number)?)?;
        usize::try_from(jump).ok()
    }

    /// The table as it was read.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Runs `packet` through the base chain `chain`.
    ///
    /// A rule that cannot be decided asks `choice` only if it could matter; one that the world decides by
    /// chance asks for it. `-j ACCEPT` in a nat chain is [`RuleVerdict::Accept`]: other nat chains of the
    /// hook still run (`nf_nat_inet_fn()`).
    pub fn run(
        &self,
        chain: &str,
        packet: &Packet,
        ctx: &HookContext<'_>,
        sets: &IpSets,
        choice: &mut dyn Choice,
    ) -> RuleOutcome {
        let mut run = Run {
            compiled: self,
            ctx: HookContext {
                ct: ctx.ct.clone(),
                ..*ctx
            },
            sets,
            choice,
            packet: packet.clone(),
            effects: Effects::default(),
            steps: Vec::new(),
        };
        let (verdict, decided_by) = run.base_chain(chain);
        RuleOutcome {
            verdict,
            decided_by,
            packet: run.packet,
            effects: run.effects,
            steps: run.steps,
        }
    }
}

/// A packet on its way through a table.
struct Run<'a> {
    compiled: &'a CompiledTable,
    /// Rules may change the connection's mark and state.
    ctx: HookContext<'a>,
    sets: &'a IpSets,
    choice: &'a mut dyn Choice,
    packet: Packet,
    effects: Effects,
    steps: Vec<RuleStep>,
}

/// A chain that is being run, and the rules still to be looked at.
struct Frame<'a> {
    chain: &'a Chain,
    place: usize,
    rest: Candidates<'a>,
}

type Decision = (RuleVerdict, Option<RuleStep>);

impl<'a> Run<'a> {
    fn base_chain(&mut self, name: &str) -> Decision {
        let table = &self.compiled.table;
        if !table.complete {
            let doubt = Doubt {
                what: format!("the rules of table `{}` that could not be read", table.name),
                settle: table.source.file().to_owned(),
                source: Some(table.source.clone()),
            };
            if !self.choice.unknown(doubt) {
                let what = format!("rules of table `{}` that could not be read", table.name);
                return (RuleVerdict::Stolen(what), None);
            }
        }
        let base = self.compiled.base(name);
        let Some(base) = base.and_then(|place| self.enter(place)) else {
            return (RuleVerdict::Accept, None);
        };
        let chain = base.chain;
        let by_policy = || policy(&self.compiled.name, chain);
        self.rules(base).unwrap_or_else(by_policy)
    }

    fn enter(&self, place: usize) -> Option<Frame<'a>> {
        let chain = self.compiled.table.chains.get(place)?;
        let index = self.compiled.indexes.get(place)?;
        Some(Frame {
            chain,
            place,
            rest: index.candidates(chain, &self.packet, self.ctx.iif, self.ctx.oif),
        })
    }

    /// The loop of `ipt_do_table()`; nothing if the base chain's policy decides.
    fn rules(&mut self, base: Frame<'a>) -> Option<Decision> {
        let mut callers: Vec<Frame<'a>> = Vec::new();
        let mut frame = base;
        let mut later = Vec::new();
        for _ in 0..MAX_RULES {
            let Some(number) = frame.rest.next() else {
                frame = callers.pop()?;
                continue;
            };
            let Some(rule) = frame.chain.rules.get(number) else {
                continue;
            };
            let jump = self.compiled.jump(frame.place, number);
            if !self.compiled.matters(rule, frame.place, jump) || !self.matches(rule, &mut later) {
                continue;
            }
            let number = u32::try_from(number).map_or(u32::MAX, |number| number.saturating_add(1));
            match self.apply(rule, frame.chain, number, jump) {
                After::Next => {}
                After::Decided(verdict) => return Some((verdict, self.steps.last().cloned())),
                After::Return => frame = callers.pop()?,
                After::Enter { chain, goto } => {
                    let Some(next) = self.enter(chain) else {
                        continue;
                    };
                    let caller = std::mem::replace(&mut frame, next);
                    if !goto {
                        callers.push(caller);
                    }
                    if callers.len() > self.compiled.table.chains.len() {
                        break;
                    }
                }
            }
        }
        let what = format!("the chains of table `{}` loop", self.compiled.table.name);
        Some((RuleVerdict::Stolen(what), None))
    }

    fn matches(&mut self, rule: &'a Rule, later: &mut Vec<Deferred<'a>>) -> bool {
        later.clear();
        let scene = Scene {
            packet: &self.packet,
            ctx: &self.ctx,
            sets: self.sets,
            noted: &self.effects.notes,
        };
        let holds = match condition::holds(rule, &scene, later) {
            Tri::Yes => true,
            Tri::No => false,
            Tri::Unknown(doubt) => self.choice.unknown(doubt),
            Tri::Assumed(holds, assumption) => {
                self.choice.assume(assumption);
                holds
            }
        };
        let holds = holds && condition::settle(later, &rule.source, self.choice);
        if holds {
            condition::note(rule, &mut self.effects.notes);
        }
        holds
    }
}

impl CompiledTable {
    /// Whether it could make a difference that `rule`, in the chain at `place`, matches; `jump` is the chain it leads to.
    fn matters(&self, rule: &Rule, place: usize, jump: Option<usize>) -> bool {
        let relevant = |place: usize| self.relevant.get(place).copied().unwrap_or(true);
        match &rule.target {
            Target::None | Target::Harmless(_) => condition::notes_something(rule),
            Target::Return => relevant(place),
            Target::Jump(_) => jump.is_some_and(relevant),
            Target::Goto(_) => relevant(place) || jump.is_some_and(relevant),
            Target::Accept
            | Target::Drop
            | Target::Queue { .. }
            | Target::Reject(_)
            | Target::Mark(_)
            | Target::Connmark(_)
            | Target::Ct(_)
            | Target::Dnat(_)
            | Target::Snat(_)
            | Target::Masquerade(_)
            | Target::Redirect(_)
            | Target::Netmap { .. }
            | Target::Tproxy(_)
            | Target::Tcpmss(_)
            | Target::Tos { .. }
            | Target::Dscp(_)
            | Target::Ttl { .. }
            | Target::Tee { .. }
            | Target::Set { .. }
            | Target::Unknown(_) => true,
        }
    }
}

/// What the policy of a base chain decides.
fn policy(table: &Arc<str>, chain: &Chain) -> Decision {
    let (verdict, action) = match chain.policy {
        Some(Policy::Drop) => (RuleVerdict::Drop, "policy drop"),
        Some(Policy::Accept) | None => (RuleVerdict::Accept, "policy accept"),
    };
    let step = RuleStep {
        table: Arc::clone(table),
        chain: Arc::clone(&chain.name),
        number: 0,
        action: action.into(),
        source: chain.source.clone(),
    };
    (verdict, Some(step))
}

#[cfg(test)]
mod tests;
