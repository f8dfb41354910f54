//! The bytes of a packet, as far as they are known: rules may look at any of them (`u32`, `string`, raw payload).

use std::net::IpAddr;

use super::packet::{Family, Packet, Port, Transport};

/// TCP's options in the order in which Linux writes them: MSS, then the rest (`tcp_options_write`).
const MSS_OPTION: [u8; 2] = [2, 4];

/// The headers of a packet. A payload is not known beyond its length.
#[derive(Debug, Clone)]
pub struct Bytes {
    /// Each byte, and which of its bits are known.
    bytes: Vec<(u8, u8)>,
    /// Length of the IP header.
    transport: u32,
    /// Where the payload starts, where that is known.
    payload: Option<u32>,
    /// Length of the whole packet.
    length: u32,
}

/// Bits of a packet: their value, and which of them are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bits {
    /// The value; zero where it is not known.
    pub value: u128,
    /// The bits that are not known.
    pub unknown: u128,
}

impl Bytes {
    /// The bytes of `packet`; `mss` is what its TCP option says, if it has one that is known.
    #[must_use]
    pub fn of(packet: &Packet, mss: Option<u16>) -> Self {
        let mut bytes = Self {
            bytes: Vec::with_capacity(80),
            transport: 0,
            payload: None,
            length: packet.length,
        };
        match (packet.src, packet.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                bytes.known(&[0x45, packet.tos]);
                bytes.known(
                    &u16::try_from(packet.length)
                        .unwrap_or(u16::MAX)
                        .to_be_bytes(),
                );
                bytes.unknown(2);
                bytes.known(&[if packet.dont_fragment { 0x40 } else { 0 }, 0]);
                bytes.known(&[packet.ttl, packet.protocol()]);
                bytes.unknown(2);
                bytes.known(&src.octets());
                bytes.known(&dst.octets());
            }
            (src, dst) => {
                let [high, low] = [0x60 | packet.tos >> 4, packet.tos << 4];
                bytes.known(&[high]);
                // The flow label.
                bytes.bytes.push((low, 0xf0));
                bytes.unknown(2);
                let payload = packet.length.saturating_sub(40);
                bytes.known(&u16::try_from(payload).unwrap_or(u16::MAX).to_be_bytes());
                bytes.known(&[packet.protocol(), packet.ttl]);
                for address in [src, dst] {
                    match address {
                        IpAddr::V6(address) => bytes.known(&address.octets()),
                        IpAddr::V4(_) => bytes.unknown(16),
                    }
                }
            }
        }
        bytes.transport = bytes.len();
        bytes.transport_header(packet, mss);
        bytes
            .bytes
            .truncate(usize::try_from(packet.length).unwrap_or(usize::MAX));
        bytes
    }

    fn transport_header(&mut self, packet: &Packet, mss: Option<u16>) {
        match &packet.transport {
            Transport::Tcp {
                sport,
                dport,
                flags,
            } => {
                self.port(*sport);
                self.port(*dport);
                self.unknown(4);
                if flags.is_syn() {
                    self.known(&[0; 4]);
                } else {
                    self.unknown(4);
                }
                // A SYN carries no data: what is not IP is header.
                let header = self.length.saturating_sub(self.transport);
                match u8::try_from(header / 4) {
                    Ok(words @ 5..=15) if flags.has_syn() => {
                        self.known(&[words << 4]);
                        self.payload = Some(self.length);
                    }
                    _ => self.unknown(1),
                }
                self.known(&[flags.0]);
                self.unknown(4);
                self.known(&[0, 0]);
                if flags.has_syn() {
                    self.known(&MSS_OPTION);
                    match mss {
                        Some(mss) => self.known(&mss.to_be_bytes()),
                        None => self.unknown(2),
                    }
                }
            }
            Transport::Udp { sport, dport } => {
                self.port(*sport);
                self.port(*dport);
                let length = self.length.saturating_sub(self.transport);
                self.known(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
                self.unknown(2);
                self.payload = Some(self.len());
            }
            Transport::Sctp { sport, dport } => {
                self.port(*sport);
                self.port(*dport);
            }
            Transport::Icmp { kind, code, id } => {
                self.known(&[*kind, *code]);
                self.unknown(2);
                self.port(*id);
                self.unknown(2);
                self.payload = Some(self.len());
            }
            Transport::IcmpError { kind, code, .. } => self.known(&[*kind, *code]),
            Transport::Other { .. } => {}
        }
    }

    /// `len` bits (at most 128) from bit `offset` of the IP header on; nothing where the packet ends before.
    #[must_use]
    pub fn bits(&self, offset: u32, len: u32) -> Option<Bits> {
        let end = offset.checked_add(len)?;
        if end.div_ceil(8) > self.length || len > 128 {
            return None;
        }
        let mut bits = Bits {
            value: 0,
            unknown: 0,
        };
        for place in offset..end {
            let index = usize::try_from(place / 8).ok()?;
            let (value, known) = self.bytes.get(index).copied().unwrap_or((0, 0));
            let shift = 7 - place % 8;
            bits.value = bits.value << 1 | u128::from(value >> shift & known >> shift & 1);
            bits.unknown = bits.unknown << 1 | u128::from(!(known >> shift) & 1);
        }
        Some(bits)
    }

    /// Length of the IP header.
    #[must_use]
    pub fn transport_offset(&self) -> u32 {
        self.transport
    }

    /// Where the payload starts; `None` where that is not known.
    #[must_use]
    pub fn payload_offset(&self) -> Option<u32> {
        self.payload
    }

    /// Whether `pattern` stands somewhere from byte `from` up to `to`: certain only where all bytes are known.
    #[must_use]
    pub fn find(&self, pattern: &[u8], from: u32, to: u32, ignore_case: bool) -> Option<bool> {
        let to = to.min(self.length);
        let wanted = u32::try_from(pattern.len()).unwrap_or(u32::MAX);
        let mut answer = Some(false);
        for start in from..to {
            if start.saturating_add(wanted) > self.length {
                break;
            }
            let places = usize::try_from(start).unwrap_or(usize::MAX)..;
            let mut fits = Some(true);
            for (place, byte) in places.zip(pattern) {
                match self.bytes.get(place) {
                    Some((value, 0xff)) => {
                        let same = if ignore_case {
                            value.eq_ignore_ascii_case(byte)
                        } else {
                            value == byte
                        };
                        if !same {
                            fits = Some(false);
                            break;
                        }
                    }
                    Some((value, known)) if (value ^ byte) & known != 0 && !ignore_case => {
                        fits = Some(false);
                        break;
                    }
                    Some(_) | None => fits = None,
                }
            }
            match fits {
                Some(true) => return Some(true),
                Some(false) => {}
                None => answer = None,
            }
        }
        answer
    }

    fn len(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    fn known(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes.iter().map(|byte| (*byte, 0xff)));
    }

    fn unknown(&mut self, n: usize) {
        self.bytes.extend(std::iter::repeat_n((0, 0), n));
    }

    /// A port; of one still to be chosen only the bits are known that all of its range share.
    fn port(&mut self, port: Port) {
        let (low, high) = match port {
            Port::Known(port) => (port, port),
            Port::Chosen { low, high, .. } => (low, high),
        };
        let same = u16::MAX
            .checked_shl(16 - (low ^ high).leading_zeros())
            .unwrap_or(0);
        let ([a, b], [c, d]) = (low.to_be_bytes(), same.to_be_bytes());
        self.bytes.extend([(a & c, c), (b & d, d)]);
    }
}

/// The largest TCP segment that an option in a packet with a route of MTU `mtu` offers (`tcp_advertise_mss`).
#[must_use]
pub fn advertised_mss(family: Family, mtu: u32, advmss: Option<u32>) -> u16 {
    let headers = match family {
        Family::V4 => 40,
        Family::V6 => 60,
    };
    let mss = advmss.unwrap_or_else(|| mtu.saturating_sub(headers));
    u16::try_from(mss).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::packet::TcpFlags;

    fn syn() -> Packet {
        Packet {
            src: "10.0.0.1".parse().unwrap(),
            dst: "10.0.0.2".parse().unwrap(),
            transport: Transport::Tcp {
                sport: Port::Chosen {
                    id: 1,
                    low: 32768,
                    high: 60999,
                },
                dport: Port::Known(80),
                flags: TcpFlags(TcpFlags::SYN),
            },
            length: 60,
            dont_fragment: true,
            ttl: 64,
            tos: 0,
            mark: 0,
        }
    }

    #[test]
    fn what_is_known_is_known_to_the_bit() {
        let bytes = Bytes::of(&syn(), Some(1460));
        let bits = |offset, len| {
            let bits = bytes.bits(offset, len).unwrap();
            (bits.value, bits.unknown)
        };
        assert_eq!(bits(72, 8), (6, 0), "protocol");
        assert_eq!(bits(32, 16), (0, 0xffff), "identification");
        assert_eq!(bits(160, 16), (0x8000, 0x7fff), "a port from 32768 on");
        assert_eq!(bits(176, 16), (80, 0), "destination port");
        assert_eq!(bits(256, 4), (10, 0), "ten words of header");
        assert_eq!(bits(320, 32), (0x0204_05b4, 0), "the MSS option");
        assert_eq!(bytes.bits(60 * 8, 8), None, "behind the packet");
    }

    #[test]
    fn a_text_is_not_in_a_packet_without_room_for_it() {
        let bytes = Bytes::of(&syn(), Some(1460));
        assert_eq!(
            bytes.find(b"longer than the options", 0, 65535, false),
            Some(false)
        );
        assert_eq!(bytes.find(&[10, 0, 0, 2], 0, 65535, false), Some(true));
        assert_eq!(
            bytes.find(&[10, 0, 0, 2], 20, 65535, false),
            None,
            "it may be the sequence number"
        );
    }
}
