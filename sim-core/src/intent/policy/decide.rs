//! One connection, one direction: what the policies make of it, and which of them.

use std::sync::Arc;

use super::condition::{Holds, ICMP_IS_OPEN};
use super::end::Connection;
use super::model::{Action, Kind, Policies, Policy, Rule, Rules, Tier};
use crate::flow::Protocol;
use crate::source::Source;

/// What policies say of one direction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ruling {
    /// No policy decides, or policies do not bear on it; and why.
    NotIsolated(String),
    /// This allows it.
    Allowed(Statement),
    /// These forbid it.
    Denied(Vec<Statement>),
    /// It cannot be told, and why. Some reading of the policies may still forbid it.
    Unknown(String, Vec<Statement>),
}

/// A policy that decided, and the rule in it that did.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub(crate) policy: Arc<Policy>,
    /// None where the pod is isolated and no rule lets the connection pass.
    pub(crate) rule: Option<Source>,
}

/// What may become of a connection.
#[derive(Debug, Default)]
struct Course {
    allowed_by: Vec<Statement>,
    denied_by: Vec<Statement>,
    /// It may be allowed without a policy saying so, and why.
    allowed: Option<&'static str>,
    doubts: Vec<String>,
}

/// Whether `policies` let `connection` pass.
pub(crate) fn decide(policies: &Policies, connection: &Connection<'_>) -> Ruling {
    let (own, other) = (connection.own, connection.other);
    if own.pod.is_none() {
        return Ruling::NotIsolated("policies isolate pods only".to_owned());
    }
    if own.is_same(other) {
        return Ruling::NotIsolated("a pod always reaches itself".to_owned());
    }
    let mut course = Course::default();
    let mut live = true;
    for tier in &policies.tiers {
        if live {
            live = course.through(tier, connection);
        }
    }
    if live {
        let why = "no policy isolates the pod in this direction";
        course.allowed.get_or_insert(why);
    }
    course.doubts.extend(policies.missing.iter().cloned());
    course.ruling(!policies.missing.is_empty())
}

impl Course {
    /// Goes through a tier; whether the next one may be asked.
    fn through(&mut self, tier: &Tier, connection: &Connection<'_>) -> bool {
        let mut passed = false;
        let mut isolating: Vec<(&Arc<Policy>, Holds)> = Vec::new();
        let mut live = true;
        let all = tier.policies.iter();
        let applying: Vec<Holds> = all.map(|policy| policy.subject.holds(connection)).collect();
        let may_apply = |place: usize| applying.get(place).is_some_and(|one| *one != Holds::No);
        for rank in tier.ranks(connection.direction, may_apply) {
            let mut decided = false;
            for place in rank {
                let (Some(policy), Some(applies)) = (tier.policies.get(place), applying.get(place))
                else {
                    continue;
                };
                let rules = policy.rules(connection.direction);
                if rules.isolates {
                    isolating.push((policy, applies.clone()));
                }
                if live {
                    let (ended, passes) = self.rules(policy, applies, rules, connection);
                    decided |= ended;
                    passed |= passes;
                }
            }
            live &= !decided;
        }
        if live {
            let (ended, passes) = self.end(tier, &isolating, connection);
            live = !ended;
            passed |= passes;
        }
        live || passed
    }

    /// Goes through a policy's rules: whether one certainly decides, and whether one may pass to the next tier.
    fn rules(
        &mut self,
        policy: &Arc<Policy>,
        applies: &Holds,
        rules: &Rules,
        connection: &Connection<'_>,
    ) -> (bool, bool) {
        let mut passes = false;
        for rule in &rules.list {
            let holds = applies.clone().and(|| rule.when.holds(connection));
            let certain = match holds {
                Holds::No => continue,
                Holds::Yes => true,
                Holds::Unknown(why) => {
                    self.doubts.push(format!("{}: {why}", policy.object));
                    false
                }
            };
            passes |= rule.action == Action::Pass;
            self.act(policy, rule, connection);
            if certain {
                return (true, passes);
            }
        }
        (false, passes)
    }

    fn act(&mut self, policy: &Arc<Policy>, rule: &Rule, connection: &Connection<'_>) {
        let statement = Statement {
            policy: Arc::clone(policy),
            rule: Some(rule.source.clone()),
        };
        match rule.action {
            Action::Allow => self.allowed_by.push(statement),
            Action::Deny => self.deny(vec![statement], connection),
            Action::Pass => {}
        }
    }

    /// No rule decided: whether the tier's end does, and whether it may pass.
    fn end(
        &mut self,
        tier: &Tier,
        isolating: &[(&Arc<Policy>, Holds)],
        connection: &Connection<'_>,
    ) -> (bool, bool) {
        if isolating.is_empty() || tier.end == Action::Pass {
            return (false, !isolating.is_empty());
        }
        let certain = isolating.iter().any(|(_, applies)| *applies == Holds::Yes);
        for (policy, applies) in isolating {
            if let (Holds::Unknown(why), false) = (applies, certain) {
                self.doubts.push(format!("{}: {why}", policy.object));
            }
        }
        let statements = isolating.iter().map(|(policy, _)| Statement {
            policy: Arc::clone(policy),
            rule: None,
        });
        self.deny(statements.collect(), connection);
        (certain, false)
    }

    /// Policies forbid it; of some traffic their specification says otherwise, or nothing.
    fn deny(&mut self, statements: Vec<Statement>, connection: &Connection<'_>) {
        let network = statements
            .iter()
            .all(|statement| statement.policy.kind == Kind::Network);
        if connection.own.is_on(connection.other) {
            if network {
                self.allowed = Some("a pod and its own node always reach each other");
                return;
            }
            self.allowed = Some("");
            let doubt =
                "plugins differ in whether this policy bears on traffic with the pod's own node";
            self.doubts.push(doubt.to_owned());
        } else if network && connection.protocol == Protocol::Icmp {
            self.allowed = Some("");
            self.doubts.push(ICMP_IS_OPEN.to_owned());
        }
        self.denied_by.extend(statements);
    }

    fn ruling(self, uncertain: bool) -> Ruling {
        let doubt = || {
            let mut doubts = self.doubts.clone();
            doubts.dedup();
            if doubts.is_empty() {
                doubts.push(conflict(&self.allowed_by, &self.denied_by));
            }
            doubts.truncate(3);
            doubts.join("; ")
        };
        let may_pass = !self.allowed_by.is_empty() || self.allowed.is_some();
        match (may_pass, self.denied_by.is_empty()) {
            _ if uncertain => Ruling::Unknown(doubt(), self.denied_by),
            (true, false) => Ruling::Unknown(doubt(), self.denied_by),
            (_, true) => match (self.allowed_by.into_iter().next(), self.allowed) {
                (Some(statement), _) => Ruling::Allowed(statement),
                (None, why) => Ruling::NotIsolated(why.unwrap_or_default().to_owned()),
            },
            (false, false) => Ruling::Denied(self.denied_by),
        }
    }
}

/// Policies of one rank that disagree.
fn conflict(allowed: &[Statement], denied: &[Statement]) -> String {
    let names = |of: &[Statement]| {
        let names: Vec<&str> = of.iter().map(|one| one.policy.object.as_str()).collect();
        names.join(", ")
    };
    let allowed = match allowed {
        [] => "others pass it on".to_owned(),
        some => format!("{} allows it", names(some)),
    };
    format!(
        "policies of the same rank disagree, and nothing says which comes first: {allowed}, {} denies it",
        names(denied)
    )
}
