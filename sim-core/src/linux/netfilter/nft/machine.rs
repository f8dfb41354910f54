//! The machine that runs rules: chains, jumps, verdicts and what rules did so far.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::lookup::Found;
use super::value::Loaded;
use crate::evidence::nft::{
    Chain, ChainHook, Data, Expression, Policy, Rule, Ruleset, Statement, Table, Verdict,
};
use crate::linux::choice::{Choice, Doubt, Tri};
use crate::linux::netfilter::{Action, Effects, HookContext, RuleOutcome, RuleStep, RuleVerdict};
use crate::linux::packet::Packet;
use crate::source::Source;

/// `NFT_JUMP_STACK_SIZE`.
const JUMP_STACK: usize = 16;
/// More than any ruleset that the kernel accepts lets a packet do: it refuses loops.
const MAX_RULES: u32 = 5_000_000;

/// One run of a base chain.
pub(super) struct Machine<'a> {
    pub(super) table: Option<&'a Table>,
    base: &'a Chain,
    pub(super) chain: &'a Chain,
    pub(super) ctx: &'a HookContext<'a>,
    pub(super) choice: &'a mut dyn Choice,
    pub(super) packet: Packet,
    pub(super) effects: Effects,
    steps: Vec<RuleStep>,
    /// Sets that this run has written to.
    pub(super) written: BTreeSet<String>,
    pub(super) tproxy: Option<RuleVerdict>,
}

/// How a rule or statement ends.
#[derive(Debug)]
pub(super) enum Flow {
    /// The next statement.
    Go,
    /// The next rule.
    Break,
    /// A verdict, with the item that gave it.
    Verdict(Verdict, Source),
    /// The packet's fate, in words, with the item that decided it.
    End(RuleVerdict, String, Source),
}

impl<'a> Machine<'a> {
    pub(super) fn new(
        ruleset: &'a Ruleset,
        base: &'a Chain,
        packet: &Packet,
        ctx: &'a HookContext<'a>,
        choice: &'a mut dyn Choice,
    ) -> Self {
        Self {
            table: ruleset.table(base.family, &base.table),
            base,
            chain: base,
            ctx,
            choice,
            packet: packet.clone(),
            effects: Effects::default(),
            steps: Vec::new(),
            written: ctx
                .notes
                .sets
                .iter()
                .map(|name| (**name).to_owned())
                .collect(),
            tproxy: None,
        }
    }

    /// Runs the base chain.
    pub(super) fn run(mut self) -> RuleOutcome {
        let (verdict, decided_by) = if self.is_hooked() {
            self.walk()
        } else {
            (RuleVerdict::Accept, None)
        };
        let verdict = match (verdict, self.tproxy) {
            (RuleVerdict::Accept, Some(tproxy)) => tproxy,
            (verdict, _) => verdict,
        };
        RuleOutcome {
            verdict,
            decided_by,
            packet: self.packet,
            effects: self.effects,
            steps: self.steps,
        }
    }

    /// A chain may belong to other devices, and its table may be dormant.
    fn is_hooked(&mut self) -> bool {
        let Some(base) = &self.base.base else {
            return true;
        };
        if self.base.rules.is_empty() && base.policy == Policy::Accept {
            return false;
        }
        if self.table.is_some_and(|table| table.dormant.is_none()) {
            let doubt = self.doubt(
                format!("whether table `{}` is dormant", self.table_name()),
                "nft-ruleset.txt (`nft list ruleset`)",
                &self.base.source,
            );
            if self.choice.unknown(doubt) {
                return false;
            }
        }
        let device = match base.hook {
            ChainHook::Ingress => self.ctx.iif,
            ChainHook::Egress => self.ctx.oif,
            _ => return true,
        };
        match (&base.devices, device) {
            (Some(devices), Some(device)) => devices.iter().any(|own| {
                (own.strip_suffix('*')).map_or(own == device, |start| device.starts_with(start))
            }),
            (Some(_), None) => false,
            (None, _) => {
                let doubt = self.doubt(
                    format!("which devices chain `{}` belongs to", self.base.name),
                    "nft-ruleset.txt (`nft list ruleset`)",
                    &self.base.source,
                );
                self.choice.unknown(doubt)
            }
        }
    }

    /// `nft_do_chain()`.
    fn walk(&mut self) -> (RuleVerdict, Option<RuleStep>) {
        let mut stack: Vec<(&'a Chain, usize)> = Vec::new();
        let mut next = 0;
        let mut n_rules = 0;
        loop {
            let Some(rule) = self.chain.rules.get(next) else {
                let Some((chain, number)) = stack.pop() else {
                    return self.policy();
                };
                (self.chain, next) = (chain, number);
                continue;
            };
            next += 1;
            n_rules += 1;
            if n_rules > MAX_RULES {
                return (RuleVerdict::Stolen("the chains form a loop".into()), None);
            }
            match self.rule(rule) {
                Flow::Go | Flow::Break => {}
                Flow::End(verdict, action, source) => {
                    let step = self.step(rule, action.into(), source);
                    return (verdict, Some(step));
                }
                Flow::Verdict(verdict, source) => {
                    let step = self.step(rule, action(&verdict).into(), source);
                    let (target, jumps) = match verdict {
                        Verdict::Accept => return (RuleVerdict::Accept, Some(step)),
                        Verdict::Drop => return (RuleVerdict::Drop, Some(step)),
                        Verdict::Queue => {
                            let fate = RuleVerdict::Stolen("queued to user space".into());
                            return (fate, Some(step));
                        }
                        // Only reached from a map; the rule's other statements were run.
                        Verdict::Continue => continue,
                        Verdict::Return => {
                            next = usize::MAX;
                            continue;
                        }
                        Verdict::Jump(target) => (target, true),
                        Verdict::Goto(target) => (target, false),
                    };
                    let Some(chain) = self.table.and_then(|table| table.chain(&target)) else {
                        let fate = format!("chain `{target}` is not in the listing");
                        return (RuleVerdict::Stolen(fate), Some(step));
                    };
                    if jumps {
                        if stack.len() >= JUMP_STACK {
                            return (RuleVerdict::Drop, Some(step));
                        }
                        stack.push((self.chain, next));
                    }
                    (self.chain, next) = (chain, 0);
                }
            }
        }
    }

    fn policy(&mut self) -> (RuleVerdict, Option<RuleStep>) {
        let policy = self.base.base.as_ref().map(|base| base.policy);
        if policy != Some(Policy::Drop) {
            return (RuleVerdict::Accept, None);
        }
        let step = RuleStep {
            table: self.table_name(),
            chain: self.base.name.as_str().into(),
            number: 0,
            action: "policy drop".into(),
            source: self.base.source.clone(),
        };
        self.steps.push(step.clone());
        (RuleVerdict::Drop, Some(step))
    }

    /// Runs a rule's statements from left to right.
    ///
    /// A match that cannot be decided is only asked about before something happens that depends on it: a certain "no"
    /// further on ends the rule all the same, since matches change nothing.
    fn rule(&mut self, rule: &'a Rule) -> Flow {
        let mut pending: Option<Doubt> = None;
        for (place, statement) in rule.statements.iter().enumerate() {
            if matches!(statement, Statement::NoEffect(_)) {
                continue;
            }
            // What depends on the traffic is only looked at where something depends on it.
            let behind = rule.statements.iter().skip(place + 1);
            if is_of_traffic(statement) && !behind.into_iter().any(acts) {
                return Flow::Break;
            }
            let asks = has_chance(statement) || !is_match(statement);
            if asks
                && let Some(doubt) = pending.take()
                && !self.choice.unknown(doubt)
            {
                return Flow::Break;
            }
            if is_match(statement) {
                match self.matches(rule, statement) {
                    Tri::Yes => {}
                    Tri::No => return Flow::Break,
                    Tri::Unknown(doubt) => {
                        pending.get_or_insert(doubt);
                    }
                    Tri::Assumed(holds, assumption) => {
                        self.choice.assume(assumption);
                        if !holds {
                            return Flow::Break;
                        }
                    }
                }
                continue;
            }
            match self.execute(rule, statement) {
                Flow::Go => {}
                flow => return flow,
            }
        }
        Flow::Break
    }

    /// Runs a statement that does something.
    fn execute(&mut self, rule: &'a Rule, statement: &'a Statement) -> Flow {
        match statement {
            // `NFT_CONTINUE` goes on behind the verdict in the same rule.
            Statement::Verdict(Verdict::Continue) => Flow::Go,
            Statement::Verdict(verdict) => Flow::Verdict(verdict.clone(), rule.source.clone()),
            Statement::VerdictMap { key, map } => self.verdict_map(rule, key, map),
            Statement::Mangle { key, value } => self.mangle(rule, key, value),
            Statement::Nat(nat) => self.nat(rule, nat),
            Statement::Reject(kind) => self.reject(rule, *kind),
            Statement::Notrack => {
                if self.ctx.ct.is_none() {
                    self.effects.notrack = true;
                    self.did(rule, "notrack");
                }
                Flow::Go
            }
            Statement::Queue { bypass } => self.queue(rule, *bypass),
            Statement::Dup { addr } => self.dup(rule, addr.as_ref()),
            Statement::Fwd => stolen(rule, "sent out by another device (`fwd`)"),
            Statement::Tproxy { family, addr, port } => {
                self.tproxy(rule, *family, addr.as_ref(), port.as_ref())
            }
            Statement::Synproxy => stolen(rule, "answered by the kernel (`synproxy`)"),
            Statement::Xt { name, .. } => {
                stolen(rule, &format!("given to the xtables target `{name}`"))
            }
            Statement::Unknown(text) => {
                stolen(rule, &format!("statement `{text}` is not modelled"))
            }
            Statement::SetUpdate { .. }
            | Statement::Match { .. }
            | Statement::Limit(_)
            | Statement::NamedLimit(_)
            | Statement::Quota(_)
            | Statement::CtCount(_)
            | Statement::ObjectMap(_)
            | Statement::FlowOffload
            | Statement::NoEffect(_) => Flow::Go,
        }
    }

    fn verdict_map(&mut self, rule: &'a Rule, key: &'a Expression, map: &'a Expression) -> Flow {
        let is_named = matches!(map, Expression::Named(_));
        match self.pick(rule, key, map) {
            Found::Miss => Flow::Break,
            Found::Unclear(why) => stolen(rule, &why),
            Found::Element(element) => match &element.data {
                Some(Data::Verdict(Verdict::Continue)) => Flow::Go,
                Some(Data::Verdict(verdict)) => {
                    let source = if is_named {
                        &element.source
                    } else {
                        &rule.source
                    };
                    Flow::Verdict(verdict.clone(), source.clone())
                }
                Some(Data::Unknown(text)) => {
                    stolen(rule, &format!("verdict `{text}` is not modelled"))
                }
                Some(Data::Value(_) | Data::Object(_)) | None => {
                    stolen(rule, "the map holds no verdicts")
                }
            },
        }
    }

    fn queue(&mut self, rule: &Rule, bypass: bool) -> Flow {
        let source = &rule.source;
        if bypass {
            let doubt = self.doubt("whether a program takes packets from the queue", "", source);
            if !self.choice.unknown(doubt) {
                return Flow::Verdict(Verdict::Accept, source.clone());
            }
        }
        stolen(rule, "queued to user space")
    }

    /// Loads the value of `expression`, single and known, if it is.
    pub(super) fn known(&mut self, rule: &'a Rule, expression: &'a Expression) -> Option<u128> {
        match self.load(rule, expression, super::load::Against::Nothing) {
            Loaded::Break => None,
            loaded => loaded.value(),
        }
    }

    fn step(&mut self, rule: &Rule, action: Action, source: Source) -> RuleStep {
        let step = RuleStep {
            table: self.table_name(),
            chain: self.chain.name.as_str().into(),
            number: rule.number,
            action,
            source,
        };
        self.steps.push(step.clone());
        step
    }

    /// Notes that `rule` did something and goes on.
    pub(super) fn did(&mut self, rule: &Rule, action: impl Into<Action>) {
        self.step(rule, action.into(), rule.source.clone());
    }

    fn table_name(&self) -> Arc<str> {
        format!("{} {}", self.base.family.name(), self.base.table).into()
    }

    /// A doubt that `source` raises.
    #[expect(clippy::unused_self, reason = "reads as the machine's own doubt")]
    pub(super) fn doubt(&self, what: impl Into<String>, settle: &str, source: &Source) -> Doubt {
        Doubt {
            what: what.into(),
            settle: settle.into(),
            source: Some(source.clone()),
        }
    }
}

/// The packet leaves what is modelled.
pub(super) fn stolen(rule: &Rule, why: &str) -> Flow {
    Flow::End(
        RuleVerdict::Stolen(why.to_owned()),
        why.to_owned(),
        rule.source.clone(),
    )
}

fn action(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accept => "accept".into(),
        Verdict::Drop => "drop".into(),
        Verdict::Continue => "continue".into(),
        Verdict::Return => "return".into(),
        Verdict::Jump(target) => format!("jump {target}"),
        Verdict::Goto(target) => format!("goto {target}"),
        Verdict::Queue => "queue".into(),
    }
}

/// Whether the statement only decides if the rule goes on.
fn is_match(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Match { .. }
            | Statement::Limit(_)
            | Statement::NamedLimit(_)
            | Statement::Quota(_)
            | Statement::CtCount(_)
            | Statement::ObjectMap(_)
            | Statement::FlowOffload
            | Statement::SetUpdate { .. }
            | Statement::Xt { matches: true, .. }
    )
}

fn is_of_traffic(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Limit(_)
            | Statement::NamedLimit(_)
            | Statement::Quota(_)
            | Statement::CtCount(_)
            | Statement::FlowOffload
    )
}

/// Whether a statement changes anything, the sets included.
fn acts(statement: &Statement) -> bool {
    matches!(statement, Statement::SetUpdate { .. })
        || !(is_match(statement) || matches!(statement, Statement::NoEffect(_)))
}

/// Whether evaluating the match makes the world choose.
fn has_chance(statement: &Statement) -> bool {
    match statement {
        Statement::Match { left, right, .. } => chooses(left) || chooses(right),
        Statement::ObjectMap(expression) => chooses(expression),
        _ => false,
    }
}

/// Whether loading the expression makes the world choose.
pub(super) fn chooses(expression: &Expression) -> bool {
    match expression {
        Expression::Numgen { .. } | Expression::Map { .. } => true,
        Expression::Concat(parts) => parts.iter().any(chooses),
        Expression::Binary { left, right, .. } => chooses(left) || chooses(right),
        _ => false,
    }
}
