//! Targets (`-j`, `-g`) with their options.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Extension, PortRange};

/// What a rule does with a packet that it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Nothing: the rule only counts.
    None,
    /// `ACCEPT`.
    Accept,
    /// `DROP`.
    Drop,
    /// `RETURN`.
    Return,
    /// `QUEUE`, `NFQUEUE`: to user space. The flag is `--queue-bypass`.
    Queue {
        /// Packets pass if nobody listens.
        bypass: bool,
        /// As written.
        extension: Extension,
    },
    /// A user's chain, called with `-j`.
    Jump(Arc<str>),
    /// A user's chain, gone to with `-g`.
    Goto(Arc<str>),
    /// `REJECT`, with the name of the answer, e.g. `icmp-port-unreachable`.
    Reject(RejectKind),
    /// `MARK`: `mark = (mark & !mask) ^ value`.
    Mark(MarkChange),
    /// `CONNMARK`.
    Connmark(ConnmarkTarget),
    /// `CT` and `NOTRACK`.
    Ct(CtTarget),
    /// `DNAT`.
    Dnat(NatTarget),
    /// `SNAT`.
    Snat(NatTarget),
    /// `MASQUERADE`.
    Masquerade(NatTarget),
    /// `REDIRECT`.
    Redirect(NatTarget),
    /// `NETMAP`.
    Netmap {
        /// The network that replaces the address's own.
        network: IpAddr,
        /// Its prefix length.
        prefix: u8,
    },
    /// `TPROXY`.
    Tproxy(TproxyTarget),
    /// `TCPMSS`: a segment size, or `None` for `--clamp-mss-to-pmtu`.
    Tcpmss(Option<u16>),
    /// `TOS`: `tos = (tos & !mask) ^ value`.
    Tos {
        /// Value.
        value: u8,
        /// Mask.
        mask: u8,
    },
    /// `DSCP`.
    Dscp(u8),
    /// `TTL` and `HL`.
    Ttl {
        /// `HL`.
        v6: bool,
        /// How.
        change: TtlChange,
        /// By or to how much.
        value: u8,
    },
    /// `TEE`.
    Tee {
        /// The gateway that gets a copy.
        gateway: IpAddr,
        /// `--oif`.
        oif: Option<Box<str>>,
    },
    /// `SET`.
    Set {
        /// The sets that it adds to or takes from.
        changes: Vec<Arc<str>>,
        /// As written; with `--map-mark` the packet's mark is taken from a set.
        extension: Extension,
    },
    /// `LOG`, `NFLOG`, `TRACE` and others that let the packet go on unchanged, as far as is modelled.
    Harmless(Extension),
    /// Not known to this version, or with options that are not.
    Unknown(Extension),
}

/// How `REJECT` answers (`enum ipt_reject_with`, `enum ip6t_reject_with`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RejectKind {
    /// A TCP reset.
    TcpReset,
    /// ICMP type 3 with this code.
    Icmp(u8),
    /// ICMPv6 type 1 with this code.
    Icmp6(u8),
}

/// `mark = (mark & !mask) ^ value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MarkChange {
    /// What is XORed in.
    pub value: u32,
    /// What is cleared before.
    pub mask: u32,
}

/// `CONNMARK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnmarkTarget {
    /// What it does.
    pub action: ConnmarkAction,
    /// Shift of the value: to the left if positive.
    pub shift: i8,
}

/// What `CONNMARK` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnmarkAction {
    /// `--set-xmark`.
    Set(MarkChange),
    /// `--save-mark`: `ct = (ct & !ctmask) ^ (nf & nfmask)`.
    Save {
        /// Bits of the packet's mark.
        nfmask: u32,
        /// Bits of the connection's mark.
        ctmask: u32,
    },
    /// `--restore-mark`: `nf = (nf & !nfmask) ^ (ct & ctmask)`.
    Restore {
        /// Bits of the packet's mark.
        nfmask: u32,
        /// Bits of the connection's mark.
        ctmask: u32,
    },
}

/// `CT` and `NOTRACK`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CtTarget {
    /// `--notrack`.
    pub notrack: bool,
    /// `--zone`, `--zone-orig` or `--zone-reply`.
    pub zone: Option<CtZone>,
    /// As written: helper, timeout, events besides.
    pub extension: Extension,
}

/// The zone that `CT` sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CtZone {
    /// The id; `None` for `mark`: the packet's mark.
    pub id: Option<u16>,
    /// Which directions it is for.
    pub direction: CtZoneDirection,
}

/// The directions that a zone is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CtZoneDirection {
    /// `--zone`.
    Both,
    /// `--zone-orig`.
    Original,
    /// `--zone-reply`.
    Reply,
}

/// `DNAT`, `SNAT`, `MASQUERADE` and `REDIRECT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NatTarget {
    /// Lowest and highest address.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// Lowest and highest port.
    pub ports: Option<PortRange>,
    /// The port that maps to the lowest one (`--to-destination :low-high/base`).
    pub base_port: Option<u16>,
    /// `--random`.
    pub random: bool,
    /// `--random-fully`.
    pub random_fully: bool,
    /// `--persistent`.
    pub persistent: bool,
}

/// `TPROXY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TproxyTarget {
    /// `--on-port`; 0 is the packet's own.
    pub port: u16,
    /// `--on-ip`.
    pub address: Option<IpAddr>,
    /// `--tproxy-mark`.
    pub mark: MarkChange,
}

/// How `TTL` changes the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TtlChange {
    /// `--ttl-set`.
    Set,
    /// `--ttl-inc`.
    Increase,
    /// `--ttl-dec`.
    Decrease,
}
