//! nft's data types: which symbols a value may be written with, and its number.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::symbol;

/// The type of a value, as `nft describe` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataType {
    /// `ipv4_addr`.
    Ipv4,
    /// `ipv6_addr`.
    Ipv6,
    /// `ether_addr`.
    Ether,
    /// `ether_type`.
    EtherType,
    /// `inet_proto`.
    Protocol,
    /// `inet_service`.
    Service,
    /// `mark`.
    Mark,
    /// `ifname`.
    IfName,
    /// `iface_index`; a device is known by its name here.
    IfIndex,
    /// `iface_type`.
    IfType,
    /// `icmp_type`.
    IcmpType,
    /// `icmpv6_type`.
    Icmpv6Type,
    /// `icmp_code`.
    IcmpCode,
    /// `icmpv6_code`.
    Icmpv6Code,
    /// `icmpx_code`.
    IcmpxCode,
    /// `ct_state`.
    CtState,
    /// `ct_dir`.
    CtDirection,
    /// `ct_status`.
    CtStatus,
    /// `tcp_flag`.
    TcpFlag,
    /// `fib_addrtype`.
    FibAddressType,
    /// `nf_proto`.
    NfProto,
    /// `pkt_type`.
    PacketType,
    /// `dscp`.
    Dscp,
    /// `ecn`.
    Ecn,
    /// `boolean`.
    Boolean,
    /// A plain number.
    Integer,
    /// A type whose symbols are not known here: numbers and addresses only.
    Other,
}

impl DataType {
    /// The type that nft names so, in a set's declaration.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "ipv4_addr" => Self::Ipv4,
            "ipv6_addr" => Self::Ipv6,
            "ether_addr" => Self::Ether,
            "ether_type" => Self::EtherType,
            "inet_proto" => Self::Protocol,
            "inet_service" => Self::Service,
            "mark" => Self::Mark,
            "ifname" => Self::IfName,
            "iface_index" => Self::IfIndex,
            "iface_type" => Self::IfType,
            "icmp_type" => Self::IcmpType,
            "icmpv6_type" => Self::Icmpv6Type,
            "icmp_code" => Self::IcmpCode,
            "icmpv6_code" => Self::Icmpv6Code,
            "icmpx_code" => Self::IcmpxCode,
            "ct_state" => Self::CtState,
            "ct_dir" => Self::CtDirection,
            "ct_status" => Self::CtStatus,
            "tcp_flag" => Self::TcpFlag,
            "fib_addrtype" => Self::FibAddressType,
            "nf_proto" => Self::NfProto,
            "pkt_type" => Self::PacketType,
            "dscp" => Self::Dscp,
            "ecn" => Self::Ecn,
            "boolean" | "bool" => Self::Boolean,
            "integer" => Self::Integer,
            _ => Self::Other,
        }
    }

    /// How many bits a value has.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::Protocol
            | Self::IcmpType
            | Self::Icmpv6Type
            | Self::IcmpCode
            | Self::Icmpv6Code
            | Self::IcmpxCode
            | Self::CtDirection
            | Self::TcpFlag
            | Self::NfProto
            | Self::PacketType
            | Self::Boolean => 8,
            Self::Dscp => 6,
            Self::Ecn => 2,
            Self::Service | Self::EtherType | Self::IfType => 16,
            Self::Ipv4 | Self::Mark | Self::CtState | Self::CtStatus | Self::FibAddressType => 32,
            Self::Ether => 48,
            Self::Ipv6 | Self::IfName | Self::IfIndex | Self::Integer | Self::Other => 128,
        }
    }

    /// The number that `text` stands for in this type, and the type that it turned out to have.
    pub(super) fn value(self, text: &str) -> Option<(Self, u128)> {
        let found = match self {
            Self::Ipv4 => text.parse::<Ipv4Addr>().ok().map(|ip| u32::from(ip).into()),
            Self::Ipv6 => text.parse::<Ipv6Addr>().ok().map(u128::from),
            Self::Ether => ether(text),
            Self::IfName | Self::IfIndex if text == "0" => Some(0),
            Self::IfName | Self::IfIndex => device(text),
            Self::Integer | Self::Other | Self::Mark | Self::Service | Self::Boolean => None,
            Self::EtherType
            | Self::Protocol
            | Self::IfType
            | Self::IcmpType
            | Self::Icmpv6Type
            | Self::IcmpCode
            | Self::Icmpv6Code
            | Self::IcmpxCode
            | Self::CtState
            | Self::CtDirection
            | Self::CtStatus
            | Self::TcpFlag
            | Self::FibAddressType
            | Self::NfProto
            | Self::PacketType
            | Self::Dscp
            | Self::Ecn => symbol::number(self, text).map(u128::from),
        };
        if let Some(found) = found {
            return Some((self, found));
        }
        if let Some(number) = number(text) {
            return Some((self, number));
        }
        if !matches!(self, Self::Integer | Self::Other) {
            return None;
        }
        (text.parse::<Ipv4Addr>().ok())
            .map(|ip| (Self::Ipv4, u32::from(ip).into()))
            .or_else(|| (text.parse::<Ipv6Addr>().ok()).map(|ip| (Self::Ipv6, ip.into())))
            .or_else(|| ether(text).map(|mac| (Self::Ether, mac)))
    }
}

/// A device's name as the kernel compares it: 16 bytes, padded with zero; `None` if it is longer.
#[must_use]
pub fn device(name: &str) -> Option<u128> {
    let mut bytes = [0; 16];
    bytes
        .get_mut(..name.len())?
        .copy_from_slice(name.as_bytes());
    Some(u128::from_be_bytes(bytes))
}

/// A MAC address as a number.
#[must_use]
pub fn ether(text: &str) -> Option<u128> {
    let mut value = 0;
    let mut n_bytes = 0;
    for byte in text.split(':') {
        if byte.is_empty() || byte.len() > 2 {
            return None;
        }
        value = (value << 8) | u128::from(u8::from_str_radix(byte, 16).ok()?);
        n_bytes += 1;
        if n_bytes > 6 {
            return None;
        }
    }
    (n_bytes == 6).then_some(value)
}

fn number(text: &str) -> Option<u128> {
    match text.strip_prefix("0x") {
        Some(hex) => u128::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}
