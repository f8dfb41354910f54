//! Matches (`-m`) with their options.

use std::net::IpAddr;
use std::sync::Arc;

use super::{AddressMask, InterfacePattern, Term};

/// One match of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// `comment`: always holds.
    Comment(Box<str>),
    /// `tcp`.
    Tcp(TcpMatch),
    /// `udp`.
    Udp(PortsMatch),
    /// `udplite`.
    Udplite(PortsMatch),
    /// `sctp`.
    Sctp(SctpMatch),
    /// `dccp`: ports, and options that are not modelled.
    Dccp(PortsMatch),
    /// `icmp` and `icmp6`.
    Icmp(IcmpMatch),
    /// `multiport`.
    Multiport(MultiportMatch),
    /// `conntrack`.
    Conntrack(Box<ConntrackMatch>),
    /// `state`.
    State(Term<u8>),
    /// `mark`.
    Mark(Term<MarkMask>),
    /// `connmark`.
    Connmark(Term<MarkMask>),
    /// `addrtype`.
    AddressType(AddressTypeMatch),
    /// `statistic`.
    Statistic(StatisticMatch),
    /// `set`: one `--match-set`.
    Set(SetMatch),
    /// `recent`.
    Recent(Box<RecentMatch>),
    /// `physdev`.
    Physdev(Box<PhysdevMatch>),
    /// `mac`.
    Mac(Term<[u8; 6]>),
    /// `owner`; all its terms must hold.
    Owner(Extension),
    /// `rpfilter`.
    ReversePath(ReversePathMatch),
    /// `socket`.
    Socket(SocketMatch),
    /// `length`: `--length low:high`.
    Length(Term<(u16, u16)>),
    /// `ttl` and `hl`.
    Ttl(TtlMatch),
    /// `tos`: value under mask.
    Tos(Term<(u8, u8)>),
    /// `dscp`.
    Dscp(Term<u8>),
    /// `ecn`.
    Ecn(EcnMatch),
    /// `iprange`.
    AddressRange(AddressRangeMatch),
    /// `pkttype`.
    PacketType(Term<PacketType>),
    /// `helper`.
    Helper(Term<Box<str>>),
    /// `policy`.
    Policy(Extension),
    /// `tcpmss`, `esp`, `frag` and others that only packets with the header of this protocol can match.
    OfProtocol(u8, Extension),
    /// `cpu`, `time`, `limit` and others whose state is not captured or that are not modelled.
    Opaque(Extension),
    /// Not known to this version.
    Unknown(Extension),
}

/// An extension as it was written: its options in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extension {
    /// Its name; empty for words that belong to no extension.
    pub name: Box<str>,
    /// Its options, in order.
    pub options: Vec<ExtensionOption>,
}

/// One option of an extension, e.g. `! --uid-owner 1337`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionOption {
    /// Preceded by `!`.
    pub negated: bool,
    /// With its dashes, e.g. `--uid-owner`.
    pub name: Box<str>,
    /// What follows it.
    pub values: Vec<Word>,
}

/// One word of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its text, without quotes and escapes.
    pub text: Box<str>,
    /// It stood in double quotes.
    pub quoted: bool,
}

/// Ports `low..=high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRange {
    /// Lowest.
    pub low: u16,
    /// Highest.
    pub high: u16,
}

/// `--sport` and `--dport`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortsMatch {
    /// Source ports.
    pub sport: Option<Term<PortRange>>,
    /// Destination ports.
    pub dport: Option<Term<PortRange>>,
    /// Options that are not modelled (`--dccp-types`, `--dccp-option`).
    pub other: Vec<ExtensionOption>,
}

/// `tcp`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TcpMatch {
    /// Source ports.
    pub sport: Option<Term<PortRange>>,
    /// Destination ports.
    pub dport: Option<Term<PortRange>>,
    /// `--tcp-flags mask set` (`--syn` is `FIN,SYN,RST,ACK SYN`).
    pub flags: Option<Term<(u8, u8)>>,
    /// `--tcp-option`.
    pub option: Option<Term<u8>>,
}

/// `sctp`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SctpMatch {
    /// Source ports.
    pub sport: Option<Term<PortRange>>,
    /// Destination ports.
    pub dport: Option<Term<PortRange>>,
    /// `--chunk-types`: `any`, `all` or `only`, and the chunks as written.
    pub chunks: Option<Term<(Box<str>, Box<str>)>>,
}

/// `icmp` and `icmp6`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IcmpMatch {
    /// `icmp6`.
    pub v6: bool,
    /// `--icmp-type`.
    pub kind: Option<Term<IcmpKind>>,
}

/// An ICMP type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IcmpKind {
    /// `any`.
    Any,
    /// A type, with every code.
    Type(u8),
    /// A type and a code.
    Code(u8, u8),
}

/// Which ports `multiport` looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortSide {
    /// `--sports`.
    Source,
    /// `--dports`.
    Destination,
    /// `--ports`.
    Either,
}

/// `multiport`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiportMatch {
    /// Which ports.
    pub side: PortSide,
    /// One of these, or none of them.
    pub ports: Term<Vec<PortRange>>,
}

/// Bits of `state`, and of `--ctstate` and `--ctstatus`.
pub mod ct_bits {
    /// INVALID.
    pub const INVALID: u8 = 0x01;
    /// NEW.
    pub const NEW: u8 = 0x02;
    /// ESTABLISHED.
    pub const ESTABLISHED: u8 = 0x04;
    /// RELATED.
    pub const RELATED: u8 = 0x08;
    /// UNTRACKED.
    pub const UNTRACKED: u8 = 0x10;
    /// SNAT.
    pub const SNAT: u8 = 0x20;
    /// DNAT.
    pub const DNAT: u8 = 0x40;
    /// `--ctstatus EXPECTED`.
    pub const EXPECTED: u8 = 0x01;
    /// `--ctstatus SEEN_REPLY`.
    pub const SEEN_REPLY: u8 = 0x02;
    /// `--ctstatus ASSURED`.
    pub const ASSURED: u8 = 0x04;
    /// `--ctstatus CONFIRMED`.
    pub const CONFIRMED: u8 = 0x08;
}

/// `conntrack`; all terms that are given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConntrackMatch {
    /// `--ctstate`, see [`ct_bits`].
    pub state: Option<Term<u8>>,
    /// `--ctstatus`, see [`ct_bits`]; 0 is `NONE`.
    pub status: Option<Term<u8>>,
    /// `--ctproto`.
    pub protocol: Option<Term<u8>>,
    /// `--ctorigsrc`.
    pub original_src: Option<Term<AddressMask>>,
    /// `--ctorigdst`.
    pub original_dst: Option<Term<AddressMask>>,
    /// `--ctreplsrc`.
    pub reply_src: Option<Term<AddressMask>>,
    /// `--ctrepldst`.
    pub reply_dst: Option<Term<AddressMask>>,
    /// `--ctorigsrcport`.
    pub original_sport: Option<Term<PortRange>>,
    /// `--ctorigdstport`.
    pub original_dport: Option<Term<PortRange>>,
    /// `--ctreplsrcport`.
    pub reply_sport: Option<Term<PortRange>>,
    /// `--ctrepldstport`.
    pub reply_dport: Option<Term<PortRange>>,
    /// `--ctexpire`, in seconds.
    pub expire: Option<Term<(u32, u32)>>,
    /// `--ctdir`: true for `ORIGINAL`.
    pub original_direction: Option<Term<bool>>,
}

/// `mark & mask == value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MarkMask {
    /// Value.
    pub value: u32,
    /// Mask.
    pub mask: u32,
}

/// `addrtype`. The sets are bits of `1 << RTN_*` (`include/uapi/linux/rtnetlink.h`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressTypeMatch {
    /// `--src-type`.
    pub src: Option<Term<u16>>,
    /// `--dst-type`.
    pub dst: Option<Term<u16>>,
    /// `--limit-iface-in`.
    pub limit_iif: bool,
    /// `--limit-iface-out`.
    pub limit_oif: bool,
}

/// `statistic`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatisticMatch {
    /// `--mode random`: matches with probability `threshold / 2^31`, as the kernel keeps it.
    Random(Term<u32>),
    /// `--mode nth`: every n-th packet, beginning with `packet`.
    Nth {
        /// `--every`.
        every: Term<u32>,
        /// `--packet`.
        packet: u32,
    },
}

/// `set`: one `--match-set`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetMatch {
    /// The set's name.
    pub name: Term<Arc<str>>,
    /// For each dimension, whether it looks at the source.
    pub src: Vec<bool>,
    /// `--return-nomatch`.
    pub return_nomatch: bool,
    /// `--update-counters` and the like, and tests of counters.
    pub options: Vec<ExtensionOption>,
}

/// What `recent` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecentAction {
    /// `--set`: notes the address; holds.
    Set,
    /// `--rcheck`: holds if the address is in the list.
    Check,
    /// `--update`: the same, and notes it again.
    Update,
    /// `--remove`: holds if it was in the list, and takes it out.
    Remove,
}

/// `recent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentMatch {
    /// What it does.
    pub action: Term<RecentAction>,
    /// The list's name.
    pub name: Box<str>,
    /// The other options: `--seconds`, `--reap`, `--hitcount`, `--rttl`, `--mask`, `--rsource`, `--rdest`.
    pub options: Vec<ExtensionOption>,
}

/// `physdev`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PhysdevMatch {
    /// `--physdev-in`.
    pub physin: Option<Term<InterfacePattern>>,
    /// `--physdev-out`.
    pub physout: Option<Term<InterfacePattern>>,
    /// `--physdev-is-in`.
    pub is_in: Option<Term<()>>,
    /// `--physdev-is-out`.
    pub is_out: Option<Term<()>>,
    /// `--physdev-is-bridged`.
    pub is_bridged: Option<Term<()>>,
}

/// `rpfilter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReversePathMatch {
    /// `--loose`.
    pub loose: bool,
    /// `--validmark`.
    pub valid_mark: bool,
    /// `--accept-local`.
    pub accept_local: bool,
    /// `--invert`.
    pub invert: bool,
}

/// `socket`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SocketMatch {
    /// `--transparent`.
    pub transparent: bool,
    /// `--nowildcard`.
    pub nowildcard: bool,
    /// `--restore-skmark`.
    pub restore_mark: bool,
}

/// `ttl` and `hl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TtlMatch {
    /// `hl`.
    pub v6: bool,
    /// How it compares; `!` is only written for `eq`.
    pub compare: Term<Compare>,
    /// With what.
    pub value: u8,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compare {
    /// Equal.
    Equal,
    /// Less.
    Less,
    /// Greater.
    Greater,
}

/// `ecn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcnMatch {
    /// `--ecn-tcp-cwr`.
    pub cwr: Option<Term<()>>,
    /// `--ecn-tcp-ece`.
    pub ece: Option<Term<()>>,
    /// `--ecn-ip-ect`.
    pub ect: Option<Term<u8>>,
}

/// `iprange`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressRangeMatch {
    /// `--src-range`.
    pub src: Option<Term<(IpAddr, IpAddr)>>,
    /// `--dst-range`.
    pub dst: Option<Term<(IpAddr, IpAddr)>>,
}

/// `pkttype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PacketType {
    /// To this machine.
    Unicast,
    /// Broadcast.
    Broadcast,
    /// Multicast.
    Multicast,
}
