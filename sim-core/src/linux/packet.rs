//! A packet as the kernel sees it, with ports that may be symbolic.

use std::fmt;
use std::net::IpAddr;

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of `address`.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }
}

/// An address as text: written in one go, since verdicts hold hundreds.
#[derive(Debug, Clone, Copy)]
pub struct Words(pub IpAddr);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IpAddr::V4(address) = self.0 else {
            return self.0.fmt(f);
        };
        let mut text = [0_u8; 15];
        let mut rest = text.iter_mut();
        let mut length = 0;
        let mut push = |byte: u8| {
            if let Some(place) = rest.next() {
                *place = byte;
                length += 1;
            }
        };
        for (place, octet) in address.octets().into_iter().enumerate() {
            if place > 0 {
                push(b'.');
            }
            if octet >= 100 {
                push(b'0' + octet / 100);
            }
            if octet >= 10 {
                push(b'0' + octet / 10 % 10);
            }
            push(b'0' + octet % 10);
        }
        let text = text.get(..length).unwrap_or_default();
        f.write_str(str::from_utf8(text).unwrap_or_default())
    }
}

/// A port: a number, or one that the kernel will choose from a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Port {
    /// A number.
    Known(u16),
    /// Chosen by a kernel out of `low..=high`; equal ids are the same (unknown) number.
    Chosen {
        /// Which choice it is.
        id: u16,
        /// Lowest possible.
        low: u16,
        /// Highest possible.
        high: u16,
    },
}

impl Port {
    /// The number, where it is known.
    #[must_use]
    pub fn number(self) -> Option<u16> {
        match self {
            Self::Known(port) => Some(port),
            Self::Chosen { .. } => None,
        }
    }
}

/// TCP flags that rules look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// FIN.
    pub const FIN: u8 = 0x01;
    /// SYN.
    pub const SYN: u8 = 0x02;
    /// RST.
    pub const RST: u8 = 0x04;
    /// PSH.
    pub const PSH: u8 = 0x08;
    /// ACK.
    pub const ACK: u8 = 0x10;

    /// A SYN or a SYN-ACK.
    #[must_use]
    pub fn has_syn(self) -> bool {
        self.0 & Self::SYN != 0
    }

    /// A SYN without ACK.
    #[must_use]
    pub fn is_syn(self) -> bool {
        self.has_syn() && self.0 & Self::ACK == 0
    }
}

/// What the IP packet carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp {
        /// Source port.
        sport: Port,
        /// Destination port.
        dport: Port,
        /// Flags.
        flags: TcpFlags,
    },
    /// UDP.
    Udp {
        /// Source port.
        sport: Port,
        /// Destination port.
        dport: Port,
    },
    /// SCTP.
    Sctp {
        /// Source port.
        sport: Port,
        /// Destination port.
        dport: Port,
    },
    /// ICMP or ICMPv6 (by the address family) that is no error: echo and its reply.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// Echo identifier.
        id: Port,
    },
    /// An ICMP or ICMPv6 error about a packet with these addresses and ports (as the reporting host saw it).
    IcmpError {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// The offending packet's tuple.
        about: Tuple,
    },
    /// Another IP protocol, e.g. an encapsulation.
    Other {
        /// IP protocol number.
        protocol: u8,
    },
}

/// What conntrack knows a packet by, in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tuple {
    /// IP protocol number.
    pub protocol: u8,
    /// Source address.
    pub src: IpAddr,
    /// Source port (ICMP echo: the identifier).
    pub sport: Port,
    /// Destination address.
    pub dst: IpAddr,
    /// Destination port (ICMP echo: the identifier too).
    pub dport: Port,
}

impl Tuple {
    /// The tuple of a packet that goes the other way.
    #[must_use]
    pub fn inverted(self) -> Self {
        Self {
            protocol: self.protocol,
            src: self.dst,
            sport: self.dport,
            dst: self.src,
            dport: self.sport,
        }
    }
}

/// An IP packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// What it carries.
    pub transport: Transport,
    /// Length of the IP packet in bytes, headers included.
    pub length: u32,
    /// IPv4 DF, or IPv6.
    pub dont_fragment: bool,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// TOS or traffic class.
    pub tos: u8,
    /// The skb's mark (not on the wire; lost between namespaces).
    pub mark: u32,
}

/// IP protocol numbers.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// IPv4 in a tunnel.
    pub const IPIP: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 in a tunnel.
    pub const IPV6: u8 = 41;
    /// GRE.
    pub const GRE: u8 = 47;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// SCTP.
    pub const SCTP: u8 = 132;
}

impl Packet {
    /// The address family.
    #[must_use]
    pub fn family(&self) -> Family {
        Family::of(self.dst)
    }

    /// The IP protocol number.
    #[must_use]
    pub fn protocol(&self) -> u8 {
        match &self.transport {
            Transport::Tcp { .. } => protocol::TCP,
            Transport::Udp { .. } => protocol::UDP,
            Transport::Sctp { .. } => protocol::SCTP,
            Transport::Icmp { .. } | Transport::IcmpError { .. } => match self.family() {
                Family::V4 => protocol::ICMP,
                Family::V6 => protocol::ICMPV6,
            },
            Transport::Other { protocol } => *protocol,
        }
    }

    /// Source port, for protocols that have ports.
    #[must_use]
    pub fn sport(&self) -> Option<Port> {
        match &self.transport {
            Transport::Tcp { sport, .. }
            | Transport::Udp { sport, .. }
            | Transport::Sctp { sport, .. } => Some(*sport),
            Transport::Icmp { .. } | Transport::IcmpError { .. } | Transport::Other { .. } => None,
        }
    }

    /// Makes a source port that a kernel chose the same choice as any other of its range.
    pub fn same_choice_of_source(&mut self) {
        if let Transport::Tcp {
            sport: Port::Chosen { id, .. },
            ..
        }
        | Transport::Udp {
            sport: Port::Chosen { id, .. },
            ..
        }
        | Transport::Sctp {
            sport: Port::Chosen { id, .. },
            ..
        } = &mut self.transport
        {
            *id = 0;
        }
    }

    /// Destination port, for protocols that have ports.
    #[must_use]
    pub fn dport(&self) -> Option<Port> {
        match &self.transport {
            Transport::Tcp { dport, .. }
            | Transport::Udp { dport, .. }
            | Transport::Sctp { dport, .. } => Some(*dport),
            Transport::Icmp { .. } | Transport::IcmpError { .. } | Transport::Other { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_address_is_written_as_the_standard_library_does(bits: u32, long: u128) {
            for address in [IpAddr::V4(bits.into()), IpAddr::V6(long.into())] {
                prop_assert_eq!(Words(address).to_string(), address.to_string());
            }
        }
    }
}
