//! Expressions: values, and what they are taken from.

use super::{DataType, Elements, Interval};

/// An expression.
#[derive(Debug, Clone)]
pub enum Expression {
    /// A literal, prefix or range.
    Value(DataType, Interval),
    /// Several flags or values.
    List(Vec<Expression>),
    /// A concatenation.
    Concat(Vec<Expression>),
    /// An anonymous set or map.
    Set(Elements),
    /// A named set or map: `@name`.
    Named(String),
    /// A value looked up in a map.
    Map {
        /// The key.
        key: Box<Expression>,
        /// The map: named or anonymous.
        map: Box<Expression>,
    },
    /// A header's field.
    Payload(Field),
    /// Bits of the packet that have no name.
    RawPayload {
        /// What the offset counts from.
        base: Base,
        /// In bits.
        offset: u32,
        /// In bits.
        len: u32,
    },
    /// `meta`.
    Meta(MetaKey),
    /// `ct`.
    Ct(CtKey),
    /// `fib`.
    Fib(Fib),
    /// `numgen`.
    Numgen {
        /// `random`; else `inc`.
        random: bool,
        /// Numbers from 0 up to this, exclusive.
        modulus: u32,
        /// Added to each.
        offset: u32,
    },
    /// `jhash` or `symhash`.
    Hash {
        /// Numbers from 0 up to this, exclusive.
        modulus: u32,
        /// Added to each.
        offset: u32,
        /// The verbatim text.
        text: String,
    },
    /// `socket transparent`, `socket mark`, …
    Socket(String),
    /// `rt`, `exthdr`, `tcp option`, `ipsec`, `osf` and the like: known, but not seen in a simulated packet.
    Unseen(String),
    /// A calculation.
    Binary {
        /// What is calculated.
        operator: BinaryOperator,
        /// Left side.
        left: Box<Expression>,
        /// Right side.
        right: Box<Expression>,
    },
    /// Not understood, verbatim.
    Unknown(String),
}

/// What a raw payload's offset counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The link layer's header.
    Link,
    /// The network header.
    Network,
    /// The transport header.
    Transport,
    /// Behind the transport header.
    Inner,
}

/// A calculation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOperator {
    /// `&`.
    And,
    /// `|`.
    Or,
    /// `^`.
    Xor,
    /// `<<`.
    ShiftLeft,
    /// `>>`.
    ShiftRight,
}

/// The protocol that a port field is restricted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortOwner {
    /// `th`: whatever the transport header is.
    Any,
    /// `tcp`, `udp`, `sctp`, `udplite`, `dccp`: by IP protocol number.
    Protocol(u8),
}

/// A field of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// `ether saddr`.
    EtherSource,
    /// `ether daddr`.
    EtherDestination,
    /// `ether type`.
    EtherType,
    /// `ip saddr`.
    Ip4Source,
    /// `ip daddr`.
    Ip4Destination,
    /// `ip protocol`.
    Ip4Protocol,
    /// `ip ttl`.
    Ip4Ttl,
    /// `ip length`.
    Ip4Length,
    /// `ip dscp`.
    Ip4Dscp,
    /// `ip ecn`.
    Ip4Ecn,
    /// `ip version`.
    Ip4Version,
    /// `ip frag-off`.
    Ip4FragmentOffset,
    /// `ip6 saddr`.
    Ip6Source,
    /// `ip6 daddr`.
    Ip6Destination,
    /// `ip6 nexthdr`.
    Ip6NextHeader,
    /// `ip6 hoplimit`.
    Ip6HopLimit,
    /// `ip6 length`: the payload's.
    Ip6Length,
    /// `ip6 dscp`.
    Ip6Dscp,
    /// `ip6 ecn`.
    Ip6Ecn,
    /// `ip6 version`.
    Ip6Version,
    /// A source port.
    SourcePort(PortOwner),
    /// A destination port.
    DestinationPort(PortOwner),
    /// `tcp flags`.
    TcpFlags,
    /// `icmp type`.
    IcmpType,
    /// `icmp code`.
    IcmpCode,
    /// `icmp id`.
    IcmpId,
    /// `icmpv6 type`.
    Icmpv6Type,
    /// `icmpv6 code`.
    Icmpv6Code,
    /// `icmpv6 id`.
    Icmpv6Id,
    /// A field of a known header that a simulated packet has not: matches only packets with that header.
    Other {
        /// The header, e.g. `vlan`.
        protocol: String,
        /// The field.
        field: String,
    },
}

/// What `meta` looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetaKey {
    /// `l4proto`.
    L4Proto,
    /// `nfproto`.
    NfProto,
    /// `protocol`: the EtherType.
    Protocol,
    /// `mark`.
    Mark,
    /// `length`.
    Length,
    /// `iifname`.
    IifName,
    /// `oifname`.
    OifName,
    /// `iif`.
    Iif,
    /// `oif`.
    Oif,
    /// `iifkind`.
    IifKind,
    /// `oifkind`.
    OifKind,
    /// `ibrname`, `ibridgename`: the bridge of the port that it came in by.
    InBridge,
    /// `obrname`, `obridgename`.
    OutBridge,
    /// `pkttype`.
    PacketType,
    /// Something that is not captured or not modelled, e.g. `skuid`, `time`, `cgroup`, `cpu`.
    Other(String),
}

/// What `ct` looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CtKey {
    /// `state`.
    State,
    /// `direction`.
    Direction,
    /// `status`.
    Status,
    /// `mark`.
    Mark,
    /// `zone`.
    Zone,
    /// `l3proto`.
    L3Proto,
    /// `protocol`.
    Protocol,
    /// An address of the tuple.
    Address {
        /// Of the reply tuple; else the original one.
        reply: bool,
        /// The source; else the destination.
        source: bool,
        /// The family, where the key names one.
        family: Option<String>,
    },
    /// A port of the tuple.
    Port {
        /// Of the reply tuple; else the original one.
        reply: bool,
        /// The source; else the destination.
        source: bool,
    },
    /// Something that is not captured or not modelled, e.g. `count`, `bytes`, `label`, `helper`.
    Other(String),
}

/// A question to the routing tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fib {
    /// What is asked for.
    pub result: FibResult,
    /// Of the source address; else the destination.
    pub source: bool,
    /// With the packet's mark.
    pub mark: bool,
    /// Seen from the device that it came in by.
    pub iif: bool,
    /// Seen from the device that it leaves by.
    pub oif: bool,
    /// Only whether there is a result (`check`).
    pub present: bool,
}

/// What is asked of the routing tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FibResult {
    /// The address' type.
    Type,
    /// The route's device, by index.
    Oif,
    /// The route's device, by name.
    OifName,
}
