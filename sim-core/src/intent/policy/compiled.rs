//! Policies against many ends at once: each fact is looked at once per end, and every rule becomes a set.

use std::collections::BTreeMap;

use super::bits::{Bits, Perhaps};
use super::condition::{Condition, Fact, Holds, declares};
use super::end::{Direction, End};
use super::model::{Action, Kind, Policies, Policy, Rules, Tier};
use crate::flow::Protocol;

/// Facts of many ends, for one protocol and port.
pub(super) struct Compiled<'a> {
    policies: &'a Policies,
    ends: &'a [End],
    protocol: Protocol,
    port: u16,
    facts: BTreeMap<Fact, Perhaps>,
    /// The ends that declare the port under this name.
    named_ports: BTreeMap<String, Perhaps>,
    /// The ends that are a node, or have its network.
    by_node: BTreeMap<String, Bits>,
    /// For every policy, in the order of the tiers, the ends that it applies to.
    subjects: Vec<Perhaps>,
}

/// What may become of connections with each other end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) allow: Bits,
    pub(super) deny: Bits,
}

/// What the rows of two ends have to differ in to be different: policies, own facts, own node.
pub(super) type Signature = Vec<usize>;

impl<'a> Compiled<'a> {
    pub(super) fn new(
        policies: &'a Policies,
        ends: &'a [End],
        protocol: Protocol,
        port: u16,
    ) -> Self {
        let mut compiled = Self {
            policies,
            ends,
            protocol,
            port,
            facts: BTreeMap::new(),
            named_ports: BTreeMap::new(),
            by_node: BTreeMap::new(),
            subjects: Vec::new(),
        };
        for (place, end) in ends.iter().enumerate() {
            if let Some(node) = &end.node {
                let nodes = compiled.by_node.entry(node.clone());
                nodes.or_insert_with(|| Bits::none(ends.len())).set(place);
            }
        }
        for policy in compiled.all() {
            compiled.look_at(&policy.subject);
            for rules in [&policy.ingress, &policy.egress] {
                for rule in &rules.list {
                    compiled.look_at(&rule.when);
                }
            }
        }
        compiled.subjects = compiled
            .all()
            .map(|policy| compiled.set(&policy.subject, &Viewpoint::Any))
            .collect();
        compiled
    }

    fn all(&self) -> impl Iterator<Item = &'a Policy> + use<'a> {
        let tiers = self.policies.tiers.iter();
        tiers.flat_map(|tier| tier.policies.iter().map(|policy| &**policy))
    }

    fn size(&self) -> usize {
        self.ends.len()
    }

    /// Looks the facts of a condition up.
    fn look_at(&mut self, condition: &Condition) {
        match condition {
            Condition::All(list) | Condition::Any(list) => {
                for one in list {
                    self.look_at(one);
                }
            }
            Condition::Not(one) => self.look_at(one),
            Condition::Own(fact) | Condition::Other(fact) => {
                if !self.facts.contains_key(fact) {
                    let set = collect(self.ends, |end| fact.holds(end));
                    self.facts.insert(fact.clone(), set);
                }
            }
            Condition::NamedPort(name) => {
                if !self.named_ports.contains_key(name) {
                    let holds =
                        |end: &End| Holds::of(declares(end, name, self.protocol, self.port));
                    let set = collect(self.ends, holds);
                    self.named_ports.insert(name.clone(), set);
                }
            }
            Condition::OwnNode
            | Condition::Protocol(_)
            | Condition::Port(_)
            | Condition::Specified
            | Condition::Unknown(_) => {}
        }
    }

    /// The other ends of which `condition` holds, as `view` sees it.
    fn set(&self, condition: &Condition, view: &Viewpoint) -> Perhaps {
        let size = self.size();
        let of = |holds| match holds {
            Holds::Yes => Perhaps::all(size),
            Holds::No => Perhaps::none(size),
            Holds::Unknown(_) => Perhaps::open(size),
        };
        let own = |set: Option<&Perhaps>| match (set, view) {
            (None, _) => Perhaps::none(size),
            (Some(set), Viewpoint::Any) => set.clone(),
            (Some(set), Viewpoint::Of(own, _)) => of(member(set, *own)),
        };
        let other = |set: Option<&Perhaps>| set.cloned().unwrap_or_else(|| Perhaps::none(size));
        match condition {
            Condition::All(all) => all.iter().fold(Perhaps::all(size), |so_far, one| {
                if so_far.possible().is_empty() {
                    return so_far;
                }
                so_far.and(&self.set(one, view))
            }),
            Condition::Any(any) => any.iter().fold(Perhaps::none(size), |so_far, one| {
                so_far.or(&self.set(one, view))
            }),
            Condition::Not(one) => self.set(one, view).not(size),
            Condition::Own(fact) => own(self.facts.get(fact)),
            Condition::Other(fact) => other(self.facts.get(fact)),
            Condition::NamedPort(name) => match view {
                Viewpoint::Of(_, Direction::Ingress) => own(self.named_ports.get(name)),
                Viewpoint::Of(_, Direction::Egress) | Viewpoint::Any => {
                    other(self.named_ports.get(name))
                }
            },
            Condition::OwnNode => match view {
                Viewpoint::Of(own, _) => Perhaps::certain(self.own_node(*own), size),
                Viewpoint::Any => Perhaps::open(size),
            },
            Condition::Protocol(_)
            | Condition::Port(_)
            | Condition::Specified
            | Condition::Unknown(_) => of(condition.holds_on(self.protocol, self.port)),
        }
    }

    /// The ends that are the node on which `own` runs.
    fn own_node(&self, own: usize) -> Bits {
        let pod = self.ends.get(own).and_then(|end| end.pod.as_ref());
        let node = pod.and_then(|pod| pod.node.as_ref());
        node.and_then(|node| self.by_node.get(node))
            .cloned()
            .unwrap_or_else(|| Bits::none(self.size()))
    }

    /// What the row of `own` depends on.
    pub(super) fn signature(&self, own: usize, direction: Direction) -> Signature {
        let mut signature = Vec::new();
        let Some(end) = self.ends.get(own).filter(|end| end.pod.is_some()) else {
            return signature;
        };
        for (place, (policy, subject)) in self.all().zip(&self.subjects).enumerate() {
            let applies = state(subject, own);
            let rules = policy.rules(direction);
            if applies == 0 || (!rules.isolates && rules.list.is_empty()) {
                continue;
            }
            signature.push(place * 3 + applies);
            for rule in &rules.list {
                self.own_states(&rule.when, own, direction, &mut signature);
            }
        }
        if !signature.is_empty() {
            // Its own node is an exception, where the other ends have nodes; and what shares its network is itself.
            let node = end.pod.as_ref().and_then(|pod| pod.node.as_ref());
            let nodes = || self.by_node.keys();
            let place = node.and_then(|node| nodes().position(|other| other == node));
            signature.push(place.map_or(0, |place| place + 1));
            signature.push(usize::from(end.node.is_some()));
        }
        signature
    }

    fn own_states(
        &self,
        condition: &Condition,
        own: usize,
        direction: Direction,
        into: &mut Signature,
    ) {
        match condition {
            Condition::All(list) | Condition::Any(list) => {
                for one in list {
                    self.own_states(one, own, direction, into);
                }
            }
            Condition::Not(one) => self.own_states(one, own, direction, into),
            Condition::Own(fact) => into.extend(self.facts.get(fact).map(|set| state(set, own))),
            Condition::NamedPort(name) if direction == Direction::Ingress => {
                into.extend(self.named_ports.get(name).map(|set| state(set, own)));
            }
            _ => {}
        }
    }

    /// What may become of connections of `own` with each end, but for those with itself.
    pub(super) fn row(&self, own: usize, direction: Direction) -> Row {
        let size = self.size();
        let mut row = Row {
            allow: Bits::none(size),
            deny: Bits::none(size),
        };
        let Some(end) = self.ends.get(own).filter(|end| end.pod.is_some()) else {
            row.allow = Bits::all(size);
            return row;
        };
        let view = Viewpoint::Of(own, direction);
        let mut live = Bits::all(size);
        let mut place = 0;
        for tier in &self.policies.tiers {
            live = self.through(tier, place, live, &view, &mut row);
            place += tier.policies.len();
        }
        row.allow.or_with(&live);
        if !self.policies.missing.is_empty() {
            row.allow = Bits::all(size);
            row.deny = Bits::all(size);
        }
        // Pods of one node's own network are one machine.
        if end.node.is_some() {
            let same = self.own_node(own);
            row.deny = row.deny.without(&same);
            row.allow.or_with(&same);
        }
        row
    }

    /// Takes the connections that are `live` through a tier (whose policies begin at `begin`); those that go on.
    fn through(
        &self,
        tier: &Tier,
        begin: usize,
        mut live: Bits,
        view: &Viewpoint,
        row: &mut Row,
    ) -> Bits {
        let Viewpoint::Of(own, direction) = *view else {
            return live;
        };
        let size = self.size();
        let mut passed = Bits::none(size);
        // How certainly a policy isolates, and whether all that do are NetworkPolicies.
        let (mut isolated, mut certain, mut network) = (false, false, true);
        let applying = |place: usize| {
            let subject = self.subjects.get(begin + place);
            subject.map_or(0, |set| state(set, own))
        };
        for rank in tier.ranks(direction, |place| applying(place) != 0) {
            let mut decided = Bits::none(size);
            for place in rank {
                let Some(policy) = tier.policies.get(place) else {
                    continue;
                };
                let (applies, rules) = (applying(place), policy.rules(direction));
                if rules.isolates {
                    isolated = true;
                    certain |= applies == CERTAIN;
                    network &= policy.kind == Kind::Network;
                }
                let ended = self.rules(policy, applies, rules, &live, view, (row, &mut passed));
                decided.or_with(&ended);
            }
            live = live.without(&decided);
        }
        if isolated && tier.end == Action::Deny {
            self.deny(&live, network, view, row);
            if certain {
                live = Bits::none(size);
            }
        }
        live.or(&passed)
    }

    /// Takes connections through a policy's rules; those that are certainly decided.
    fn rules(
        &self,
        policy: &Policy,
        applies: usize,
        rules: &Rules,
        live: &Bits,
        view: &Viewpoint,
        (row, passed): (&mut Row, &mut Bits),
    ) -> Bits {
        let mut left = live.clone();
        for rule in &rules.list {
            if left.is_empty() {
                break;
            }
            let when = self.set(&rule.when, view);
            let hit = when.possible().and(&left);
            match rule.action {
                Action::Allow => row.allow.or_with(&hit),
                Action::Deny => self.deny(&hit, policy.kind == Kind::Network, view, row),
                Action::Pass => passed.or_with(&hit),
            }
            if applies == CERTAIN {
                left = left.without(&when.yes);
            }
        }
        live.clone().without(&left)
    }

    /// As one connection is denied (`decide`).
    fn deny(&self, hit: &Bits, network: bool, view: &Viewpoint, row: &mut Row) {
        let Viewpoint::Of(own, _) = *view else {
            return;
        };
        let own_node = hit.clone().and(&self.own_node(own));
        row.allow.or_with(&own_node);
        let open = network && self.protocol == Protocol::Icmp;
        let denied = match network {
            true => hit.clone().without(&own_node),
            false => hit.clone(),
        };
        if open {
            row.allow.or_with(&denied);
        }
        row.deny.or_with(&denied);
    }
}

/// From where a condition is seen.
enum Viewpoint {
    /// The isolated pod may be any: its facts are the set's.
    Any,
    /// This one, in this direction.
    Of(usize, Direction),
}

const CERTAIN: usize = 1;

/// 0: not in it, 1: in it, 2: perhaps.
fn state(set: &Perhaps, member: usize) -> usize {
    match (set.yes.has(member), set.maybe.has(member)) {
        (true, _) => CERTAIN,
        (false, true) => 2,
        (false, false) => 0,
    }
}

fn member(set: &Perhaps, place: usize) -> Holds {
    match state(set, place) {
        0 => Holds::No,
        CERTAIN => Holds::Yes,
        _ => Holds::Unknown(String::new()),
    }
}

fn collect(ends: &[End], holds: impl Fn(&End) -> Holds) -> Perhaps {
    let mut set = Perhaps::none(ends.len());
    for (place, end) in ends.iter().enumerate() {
        match holds(end) {
            Holds::Yes => set.yes.set(place),
            Holds::Unknown(_) => set.maybe.set(place),
            Holds::No => {}
        }
    }
    set
}
