//! What a rule set of the cloud says of a packet, and on what unconfirmed rules that rests.

use crate::linux::choice::{Doubt, Tri};
use crate::source::Source;

/// Whether something does its work, by the states that the API tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Works {
    /// It does.
    Yes,
    /// It does not, in this state.
    No(String),
    /// Between two states, or locked: whether it still does is not documented.
    Unsure(String),
}

impl Works {
    /// The first state that is neither `good` nor surely working decides; those in `bad` surely do not.
    pub(crate) fn of(states: [(Option<String>, &str); 2], bad: &[&str]) -> Self {
        let mut states = states.into_iter();
        let other = states.find_map(|(state, good)| state.filter(|state| state != good));
        match other {
            None => Self::Yes,
            Some(state) if bad.contains(&state.as_str()) => Self::No(state),
            Some(state) => Self::Unsure(state),
        }
    }

    /// Whether it may do its work.
    pub(crate) fn may(&self) -> bool {
        !matches!(self, Self::No(_))
    }

    /// The state in which it surely does not work, where it is in one.
    ///
    /// # Errors
    /// Whether `what` does is not known.
    pub fn stopped(&self, what: &str, source: &Source) -> Result<Option<&str>, Doubt> {
        match self {
            Self::Yes => Ok(None),
            Self::No(state) => Ok(Some(state)),
            Self::Unsure(state) => Err(Doubt {
                what: format!("whether {what} works while it is {state}"),
                settle: String::new(),
                source: Some(source.clone()),
            }),
        }
    }
}

/// What a rule set says of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Whether the packet passes.
    pub admits: Tri,
    /// Why, in words: the rule that decided, or the default.
    pub why: String,
    /// The id of what a person must change.
    pub object: String,
    /// Text of the rule that decided; none for a default.
    pub rule: Option<String>,
    /// What that rests on.
    pub sources: Vec<Source>,
    /// Unconfirmed rules of the provider that it rests on.
    pub rests_on: Vec<Unconfirmed>,
}

impl Ruling {
    /// Nothing decides here: it passes.
    #[must_use]
    pub fn passes(why: impl Into<String>) -> Self {
        Self {
            admits: Tri::Yes,
            why: why.into(),
            object: String::new(),
            rule: None,
            sources: Vec::new(),
            rests_on: Vec::new(),
        }
    }

    /// It cannot be told.
    #[must_use]
    pub fn unknown(doubt: Doubt) -> Self {
        Self {
            why: doubt.what.clone(),
            sources: doubt.source.iter().cloned().collect(),
            admits: Tri::Unknown(doubt),
            object: String::new(),
            rule: None,
            rests_on: Vec::new(),
        }
    }

    /// Notes that it rests on `rule`.
    #[must_use]
    pub fn resting_on(mut self, rule: Unconfirmed) -> Self {
        if !self.rests_on.contains(&rule) {
            self.rests_on.push(rule);
        }
        self
    }
}

/// Rules of the providers that no document confirmed (the reference's section G, by number): the model follows the first
/// reading that each names, and says so wherever a verdict rests on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unconfirmed {
    /// A rule that names a group matches addresses known to its interfaces only.
    GroupPeers,
    /// Members of a group reach one another by addresses known to their interfaces only.
    IntraGroup,
    /// An own public address wins over a route to a NAT gateway.
    OwnAddressWins,
    /// The SNAT entry of the longest mask is taken by Internet NAT gateways too.
    LongestSnatMask,
    /// The order in which the API lists an ACL's entries is the order in which they are tried.
    AclOrder,
    /// Several groups of an interface are tried in the order in which the API lists them.
    GroupOrder,
    /// A three-part ACL entry's port is the destination's for what leaves, too.
    AclEgressPort,
    /// Of overlapping SNAT rules those of interfaces come first, then the longest prefix.
    SnatOrder,
    /// A load balancer without a healthy backend sends to all of them.
    AllAbnormal,
    /// By which addresses Tencent's CLB reaches backends at layer 7.
    LayerSevenSource,
}

impl Unconfirmed {
    /// As the verdict states it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::GroupPeers => {
                "G.5: a security group rule that names a group matches addresses of its interfaces only, not the pods behind them"
            }
            Self::IntraGroup => {
                "G.6: members of a security group reach one another by addresses of their interfaces only, not from the pods behind them"
            }
            Self::OwnAddressWins => {
                "G.9: a machine's own public address wins over a route to a NAT gateway"
            }
            Self::LongestSnatMask => {
                "G.10: an Internet NAT gateway takes the SNAT entry with the longest mask"
            }
            Self::AclOrder => {
                "G.11: a network ACL's entries are tried in the order in which the API lists them"
            }
            Self::GroupOrder => {
                "G.16: several security groups of an interface are tried in the order in which the API lists them"
            }
            Self::AclEgressPort => {
                "G.17: the port of a network ACL's three-part egress entry is the destination's"
            }
            Self::SnatOrder => {
                "G.19: of overlapping SNAT rules those of interfaces come first, then the longest prefix"
            }
            Self::AllAbnormal => {
                "G.7: a load balancer of Alibaba Cloud whose backends are all abnormal forwards to all of them"
            }
            Self::LayerSevenSource => {
                "G.20: at layer 7 Tencent's CLB reaches backends from 100.127.0.0/16 where it keeps connections alive, else with the client's address"
            }
        }
    }
}
