//! Network policies of every kind: whether they intend a connection, and which of them decides.
//!
//! Each kind is compiled into one form (`model`), which is asked for one connection (`decide`) or for all pairs of pods
//! at once (`matrix`). What a policy says that is not understood makes the answer unknown.

mod admin;
mod bits;
mod calico;
mod cilium;
mod compiled;
mod condition;
mod decide;
mod end;
mod matrix;
mod misses;
mod model;
mod network;
#[cfg(test)]
mod tests;
mod unread;

pub(crate) use admin::parse as admin_policies;
pub(crate) use calico::{Surroundings, TierSpec, network_sets, parse as calico_policies, tiers};
pub(crate) use cilium::parse as cilium_policies;
use condition::Holds;
pub(crate) use decide::{Ruling, Statement};
pub use end::Direction;
pub(crate) use end::{Connection, End, Labels};
pub(crate) use matrix::Matrix;
pub(crate) use misses::{Miss, nearest};
pub(crate) use model::{
    ADMIN, ADMIN_TIER, Action, BASELINE, BASELINE_TIER, DEFAULT, DEFAULT_TIER, Kind, Policies,
    Policy,
};
pub(crate) use network::compile as network_policy;

use crate::flow::Protocol;

/// What `policies` intend for a connection from `client` to `port` of `server`, in one direction.
///
/// Where the specification leaves open how an end is seen and that makes a difference, it is unknown.
pub(crate) fn rule(
    policies: &Policies,
    direction: Direction,
    (client, server): (&End, &End),
    protocol: Protocol,
    port: u16,
) -> Ruling {
    let (own, other) = match direction {
        Direction::Ingress => (server, client),
        Direction::Egress => (client, server),
    };
    let (owns, others) = (own.readings(), other.readings());
    let pairs = owns
        .iter()
        .flat_map(|own| others.iter().map(move |other| (own, other)));
    let rulings = pairs.map(|(own, other)| {
        let connection = Connection {
            own,
            other,
            direction,
            protocol,
            port,
        };
        decide::decide(policies, &connection)
    });
    rulings
        .reduce(|one, two| one.common(two, HOST_NETWORK))
        .unwrap_or_else(|| Ruling::NotIsolated(String::new()))
}

/// Whether a policy certainly isolates `own` in `direction`.
pub(crate) fn isolates(policies: &Policies, own: &End, direction: Direction) -> bool {
    let connection = Connection {
        own,
        other: own,
        direction,
        protocol: Protocol::Tcp,
        port: 0,
    };
    let mut all = policies.tiers.iter().flat_map(|tier| &tier.policies);
    all.any(|policy| {
        policy.rules(direction).isolates && policy.subject.holds(&connection) == Holds::Yes
    })
}

const HOST_NETWORK: &str =
    "NetworkPolicy leaves open whether a pod of the host's network counts as a pod or as its node";

impl Ruling {
    /// What both say; where they part it is not known, for the reason `why`.
    pub(crate) fn common(self, other: Self, why: &str) -> Self {
        match (self, other) {
            (Self::Denied(mut one), Self::Denied(two)) => {
                let more: Vec<_> = two.into_iter().filter(|new| !one.contains(new)).collect();
                one.extend(more);
                Self::Denied(one)
            }
            (
                allowing @ (Self::Allowed(_) | Self::NotIsolated(_)),
                Self::Allowed(_) | Self::NotIsolated(_),
            ) => allowing,
            (Self::Unknown(why, mut one), other) | (other, Self::Unknown(why, mut one)) => {
                one.extend(other.denying().iter().cloned());
                Self::Unknown(why, one)
            }
            (Self::Denied(denying), _) | (_, Self::Denied(denying)) => {
                Self::Unknown(why.to_owned(), denying)
            }
        }
    }

    /// What forbids it, or may.
    pub(crate) fn denying(&self) -> &[Statement] {
        match self {
            Self::Denied(denying) | Self::Unknown(_, denying) => denying,
            Self::Allowed(_) | Self::NotIsolated(_) => &[],
        }
    }
}
