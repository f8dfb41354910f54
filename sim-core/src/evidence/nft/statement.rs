//! Statements: what a rule consists of.

use super::Expression;
use crate::linux::packet::Family;

pub(super) mod read;

/// One statement of a rule.
#[derive(Debug, Clone)]
pub enum Statement {
    /// The rule ends here unless this holds.
    Match {
        /// How the sides are compared.
        operator: MatchOperator,
        /// What is looked at.
        left: Expression,
        /// What it is compared to.
        right: Expression,
    },
    /// A verdict.
    Verdict(Verdict),
    /// A verdict looked up by a key.
    VerdictMap {
        /// The key.
        key: Expression,
        /// The map: named or anonymous.
        map: Expression,
    },
    /// Writes a field of the packet or its surroundings.
    Mangle {
        /// What is written.
        key: Expression,
        /// The new value.
        value: Expression,
    },
    /// Address translation.
    Nat(Nat),
    /// The packet is dropped and an error sent.
    Reject(RejectKind),
    /// The packet is not tracked.
    Notrack,
    /// The packet goes to user space.
    Queue {
        /// It passes when nobody listens there.
        bypass: bool,
    },
    /// Matches while a rate is kept, or (`over`) exceeded.
    Limit(Limit),
    /// The same, by a named limit.
    NamedLimit(Expression),
    /// Matches until a quota is used up, or (`over`) when it is: verbatim.
    Quota(String),
    /// Matches by the number of connections.
    CtCount(String),
    /// A copy is sent to this address.
    Dup {
        /// The copy's destination.
        addr: Option<Expression>,
    },
    /// The packet leaves by another device (netdev).
    Fwd,
    /// The packet goes to a local socket.
    Tproxy {
        /// Restricted to this family.
        family: Option<Family>,
        /// Its address.
        addr: Option<Expression>,
        /// Its port.
        port: Option<Expression>,
    },
    /// The kernel answers the handshake.
    Synproxy,
    /// Adds, updates or deletes an element of a set or map.
    SetUpdate {
        /// The set's name.
        set: String,
        /// The key, and what a map is to hold for it.
        values: Vec<Expression>,
        /// Statements that apply per element.
        statements: Vec<Statement>,
        /// It deletes.
        delete: bool,
    },
    /// Hands the connection to a flowtable; the rule ends where it cannot, or has done so before.
    FlowOffload,
    /// Logs, counts or sets something that has no bearing on where the packet goes.
    NoEffect(&'static str),
    /// Sets a named object that is looked up in a map; the rule ends where the map has none.
    ObjectMap(Expression),
    /// A match or target of xtables, which has no JSON form.
    Xt {
        /// It is a match; else it decides or changes something.
        matches: bool,
        /// Its name.
        name: String,
    },
    /// A statement that is not understood, verbatim.
    Unknown(String),
}

/// How a match compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchOperator {
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `>`.
    Greater,
    /// `<=`.
    LessOrEqual,
    /// `>=`.
    GreaterOrEqual,
    /// `in`: one of the bits is set.
    In,
    /// `!`: none of the bits is set.
    NotIn,
}

/// A verdict of a rule or map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The base chain ends.
    Accept,
    /// The packet ends.
    Drop,
    /// The next rule.
    Continue,
    /// Back to the caller.
    Return,
    /// To a chain, and back.
    Jump(String),
    /// To a chain, without coming back here.
    Goto(String),
    /// To user space.
    Queue,
}

/// A translation.
#[derive(Debug, Clone)]
pub struct Nat {
    /// Which.
    pub kind: NatKind,
    /// Restricted to this family (in inet tables).
    pub family: Option<Family>,
    /// The address: a value, an interval, or a map that gives an address (and a port).
    pub addr: Option<Expression>,
    /// The port.
    pub port: Option<Expression>,
    /// Flags.
    pub flags: NatFlags,
}

/// Which translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NatKind {
    /// `dnat`.
    Dnat,
    /// `snat`.
    Snat,
    /// `masquerade`.
    Masquerade,
    /// `redirect`.
    Redirect,
}

/// Flags of a translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NatFlags {
    /// `random` or `fully-random`.
    pub random: bool,
    /// `persistent`.
    pub persistent: bool,
    /// `prefix`: only the network part is replaced.
    pub prefix: bool,
}

/// How a packet is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectKind {
    /// ICMP (ICMPv6) port unreachable by the packet's family.
    Default,
    /// A TCP reset.
    TcpReset,
    /// ICMP with this code.
    Icmp(u8),
    /// ICMPv6 with this code.
    Icmpv6(u8),
    /// By the packet's family: 0 no route, 1 port, 2 host, 3 administratively prohibited.
    Icmpx(u8),
}

/// A rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// It matches when the rate is exceeded.
    pub over: bool,
    /// The rate in words, e.g. `10/minute burst 10`.
    pub text: String,
}
