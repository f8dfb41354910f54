//! Policies of every kind in one form: tiers of policies of rules, first match wins.

use std::cmp::Ordering;
use std::sync::Arc;

use super::condition::Condition;
use super::end::Direction;
use crate::source::Source;

/// All policies that bear on a connection, the first tier first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policies {
    pub(crate) tiers: Vec<Tier>,
    /// Policies that may exist and were not read: nothing is certain then.
    pub(crate) missing: Vec<String>,
    /// The kinds whose lists were captured.
    pub(crate) captured: Vec<Kind>,
}

/// Policies that decide together before the next tier is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tier {
    pub(crate) name: String,
    /// Lower ones come first.
    pub(crate) order: f64,
    /// What becomes of a connection that reaches the end of a tier that isolates the pod.
    pub(crate) end: Action,
    /// By rank.
    pub(crate) policies: Vec<Arc<Policy>>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    pub(crate) kind: Kind,
    /// The name of its tier.
    pub(crate) tier: String,
    /// `policy:ns/name`; `policy:name` of the whole cluster's.
    pub(crate) object: String,
    pub(crate) source: Source,
    /// Its place in the tier: lower ones come first.
    pub(crate) rank: f64,
    /// What orders policies of one rank; nothing orders those that are equal in this too.
    pub(crate) tie: String,
    /// The pods that it applies to.
    pub(crate) subject: Condition,
    pub(crate) ingress: Rules,
    pub(crate) egress: Rules,
}

/// What a policy says of one direction.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rules {
    /// What no rule of the tier decides meets the tier's end.
    pub(crate) isolates: bool,
    /// The first that matches decides.
    pub(crate) list: Vec<Rule>,
}

/// A rule of a policy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    pub(crate) action: Action,
    pub(crate) when: Condition,
    pub(crate) source: Source,
}

/// What a rule or the end of a tier does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    Allow,
    Deny,
    /// The next tier decides.
    Pass,
}

/// Whose policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `networking.k8s.io` NetworkPolicy.
    Network,
    /// `policy.networking.k8s.io`: AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy.
    Admin,
    Calico,
    Cilium,
}

impl Policy {
    /// Whose it is, and whether it is of a namespace.
    fn scope(&self) -> (Kind, bool) {
        (self.kind, self.object.contains('/'))
    }

    pub(crate) fn rules(&self, direction: Direction) -> &Rules {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// Where tiers stand: as Calico orders them, which is the specifications' order too.
pub(crate) const ADMIN: f64 = 1_000.0;
/// NetworkPolicy, Calico's default tier, Cilium.
pub(crate) const DEFAULT: f64 = 1_000_000.0;
/// What holds where no NetworkPolicy isolates a pod.
pub(crate) const BASELINE: f64 = 10_000_000.0;

/// The tier of AdminNetworkPolicy, which no tier of Calico's can be called.
pub(crate) const ADMIN_TIER: &str = "admin policies";
/// The tier of BaselineAdminNetworkPolicy.
pub(crate) const BASELINE_TIER: &str = "baseline policies";
/// The tier of NetworkPolicy: Calico's default tier, and where Cilium's policies are.
pub(crate) const DEFAULT_TIER: &str = "default";

/// The rank of a NetworkPolicy in its tier, among Calico's policies.
pub(crate) const NETWORK_POLICY: f64 = 1_000.0;

impl Policies {
    /// Puts `policies` into the tier `name`, which is made where it is not there.
    pub(crate) fn add(
        &mut self,
        (name, order, end): (&str, f64, Action),
        policies: impl IntoIterator<Item = Arc<Policy>>,
    ) {
        let mut policies = policies.into_iter().peekable();
        if policies.peek().is_none() {
            return;
        }
        let place = self.tiers.iter().position(|tier| tier.name == name);
        let place = place.unwrap_or_else(|| {
            let at = self.tiers.partition_point(|tier| tier.order <= order);
            self.tiers.insert(
                at,
                Tier {
                    name: name.to_owned(),
                    order,
                    end,
                    policies: Vec::new(),
                },
            );
            at
        });
        if let Some(tier) = self.tiers.get_mut(place) {
            tier.policies.extend(policies);
            tier.policies.sort_by(|a, b| by_place(a, b));
        }
    }
}

impl Tier {
    /// The places of those of its policies that apply, those of one rank together.
    ///
    /// Names order what is of one scope. Calico compared `namespace/name` with a global policy's name, and compares
    /// `name/namespace/kind` since (`PolKVLess`): nothing orders the rules of several scopes.
    pub(crate) fn ranks(
        &self,
        direction: Direction,
        applies: impl Fn(usize) -> bool,
    ) -> Vec<Vec<usize>> {
        let all = self.policies.iter().map(|policy| &**policy).enumerate();
        let applying: Vec<(usize, &Policy)> = all.filter(|(place, _)| applies(*place)).collect();
        let mut ranks: Vec<Vec<usize>> = Vec::new();
        for rank in applying.chunk_by(|(_, a), (_, b)| a.rank.total_cmp(&b.rank).is_eq()) {
            let has_rules = |policy: &Policy| !policy.rules(direction).list.is_empty();
            let ruling = rank.iter().filter(|(_, policy)| has_rules(policy));
            let mut scopes = ruling.map(|(_, policy)| policy.scope());
            let first = scopes.next();
            let is_mixed = scopes.any(|other| Some(other) != first);
            let equal = rank.chunk_by(|(_, a), (_, b)| is_mixed || by_place(a, b).is_eq());
            let places = equal.map(|equal| equal.iter().map(|(place, _)| *place));
            ranks.extend(places.map(Iterator::collect::<Vec<usize>>));
        }
        ranks
    }
}

fn by_place(a: &Policy, b: &Policy) -> Ordering {
    a.rank.total_cmp(&b.rank).then_with(|| a.tie.cmp(&b.tie))
}
