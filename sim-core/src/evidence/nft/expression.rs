//! Expressions: values, and what they are taken from.

use super::{DataType, Elements, Interval};

pub(super) mod read;

/// An expression.
#[derive(Debug, Clone)]
pub enum Expression {
    /// A literal, prefix or range.
    Value(DataType, Interval),
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
    /// `exthdr`, `ip option`, `tcp option`, `sctp chunk`: an optional part of a header.
    Header {
        /// Which kind, as in the JSON, e.g. `tcp option`.
        kind: String,
        /// The part's name.
        name: String,
        /// Its field; without one, only its presence is asked for.
        field: Option<String>,
    },
    /// `rt`, `ipsec`, `osf` and the like: understood, but neither captured nor modelled.
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
    /// `iiftype`.
    IifType,
    /// `oiftype`.
    OifType,
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
    /// `zone`; of one direction where one is named (reply: true).
    Zone(Option<bool>),
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
        /// The type of the address, where key or table tell.
        kind: Option<DataType>,
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
    /// Whether there is a route (`check`).
    Present,
}

impl Expression {
    /// The types of its parts.
    #[must_use]
    pub fn kinds(&self) -> Vec<DataType> {
        match self {
            Self::Value(kind, _) => vec![*kind],
            Self::Concat(parts) => parts.iter().flat_map(Self::kinds).collect(),
            Self::Payload(field) => vec![field.kind()],
            Self::Meta(key) => vec![key.kind()],
            Self::Ct(key) => vec![key.kind()],
            Self::Fib(fib) => vec![match fib.result {
                FibResult::Type => DataType::FibAddressType,
                FibResult::Oif => DataType::IfIndex,
                FibResult::OifName => DataType::IfName,
                FibResult::Present => DataType::Boolean,
            }],
            Self::Binary { left, .. } => left.kinds(),
            Self::Numgen { .. } | Self::Hash { .. } | Self::RawPayload { .. } => {
                vec![DataType::Integer]
            }
            Self::Header { field: None, .. } => vec![DataType::Boolean],
            Self::Header { field: Some(_), .. }
            | Self::Set(_)
            | Self::Named(_)
            | Self::Map { .. }
            | Self::Socket(_)
            | Self::Unseen(_)
            | Self::Unknown(_) => vec![DataType::Other],
        }
    }
}

impl Field {
    /// The type of its values.
    #[must_use]
    pub fn kind(&self) -> DataType {
        match self {
            Self::EtherSource | Self::EtherDestination => DataType::Ether,
            Self::EtherType => DataType::EtherType,
            Self::Ip4Source | Self::Ip4Destination => DataType::Ipv4,
            Self::Ip6Source | Self::Ip6Destination => DataType::Ipv6,
            Self::Ip4Protocol | Self::Ip6NextHeader => DataType::Protocol,
            Self::Ip4Dscp | Self::Ip6Dscp => DataType::Dscp,
            Self::Ip4Ecn | Self::Ip6Ecn => DataType::Ecn,
            Self::SourcePort(_) | Self::DestinationPort(_) => DataType::Service,
            Self::TcpFlags => DataType::TcpFlag,
            Self::IcmpType => DataType::IcmpType,
            Self::IcmpCode => DataType::IcmpCode,
            Self::Icmpv6Type => DataType::Icmpv6Type,
            Self::Icmpv6Code => DataType::Icmpv6Code,
            Self::Ip4Ttl
            | Self::Ip4Length
            | Self::Ip4Version
            | Self::Ip4FragmentOffset
            | Self::Ip6HopLimit
            | Self::Ip6Length
            | Self::Ip6Version
            | Self::IcmpId
            | Self::Icmpv6Id => DataType::Integer,
            Self::Other { .. } => DataType::Other,
        }
    }
}

impl MetaKey {
    /// The type of its values.
    #[must_use]
    pub fn kind(&self) -> DataType {
        match self {
            Self::L4Proto => DataType::Protocol,
            Self::NfProto => DataType::NfProto,
            Self::Protocol => DataType::EtherType,
            Self::Mark => DataType::Mark,
            Self::Length => DataType::Integer,
            Self::IifName | Self::OifName | Self::IifKind | Self::OifKind => DataType::IfName,
            Self::Iif | Self::Oif => DataType::IfIndex,
            Self::IifType | Self::OifType => DataType::IfType,
            Self::PacketType => DataType::PacketType,
            Self::Other(_) => DataType::Other,
        }
    }
}

impl CtKey {
    /// The type of its values.
    #[must_use]
    pub fn kind(&self) -> DataType {
        match self {
            Self::State => DataType::CtState,
            Self::Direction => DataType::CtDirection,
            Self::Status => DataType::CtStatus,
            Self::Mark => DataType::Mark,
            Self::Zone(_) => DataType::Integer,
            Self::L3Proto => DataType::NfProto,
            Self::Protocol => DataType::Protocol,
            Self::Address { kind, .. } => kind.unwrap_or(DataType::Other),
            Self::Port { .. } => DataType::Service,
            Self::Other(_) => DataType::Other,
        }
    }
}
