//! Security groups: stateful lists of rules at an interface.

use std::sync::OnceLock;

use ipnet::IpNet;

use super::index::RuleIndex;
use super::{Direction, PortSet, Provider};
use crate::source::Source;

/// A security group.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it does with what no rule names; not known where only its rules were captured.
    pub kind: Option<GroupKind>,
    /// Its members reach one another whatever the rules say (Alibaba's `InnerAccessPolicy`).
    pub inner: Option<bool>,
    /// Its rules; not known where they were not captured.
    pub rules: Option<Vec<GroupRule>>,
    /// Where it stands.
    pub source: Source,
    /// Which of its rules may be for a packet, made when it is first asked.
    pub(super) index: OnceLock<RuleIndex>,
}

impl Group {
    pub(super) fn index(&self, provider: Provider) -> &RuleIndex {
        let rules = self.rules.as_deref().unwrap_or_default();
        self.index.get_or_init(|| RuleIndex::new(rules, provider))
    }
}

/// What a group does with what no rule names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKind {
    /// Alibaba's basic group: what leaves passes, what comes in does not.
    Basic,
    /// Alibaba's advanced group: nothing passes.
    Advanced,
    /// Tencent's: nothing passes; rules are tried in their order.
    Ordered,
}

/// A rule of a security group.
#[derive(Debug, Clone)]
pub struct GroupRule {
    /// Its id.
    pub id: String,
    /// Which way it is for.
    pub direction: Direction,
    /// It lets pass.
    pub accepts: bool,
    /// Its place: smaller ones are tried first.
    pub priority: u32,
    /// What it is for; any of these.
    pub services: Services,
    /// Source ports (Alibaba's five-part rules).
    pub source_ports: PortSet,
    /// The other side.
    pub peer: Peer,
    /// The own side's addresses, where the rule narrows them.
    pub own: Option<IpNet>,
    /// Where it stands.
    pub source: Source,
}

/// A protocol with ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The protocol; any where there is none.
    pub protocol: Option<u8>,
    /// Destination ports.
    pub ports: PortSet,
}

/// What a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Services {
    /// This.
    One(Service),
    /// A template's.
    Template(String),
    /// A protocol (any where there is none) with the ports of a list.
    PortList(Option<u8>, String),
}

/// The other side of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// A block.
    Net(IpNet),
    /// Members of a group.
    Group(String),
    /// Addresses of a prefix list, a template, or a group of templates.
    List(String),
    /// Several of these.
    Any(Vec<Peer>),
}
