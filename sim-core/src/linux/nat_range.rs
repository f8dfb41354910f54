//! Which address and port of a range a translation takes (`get_unique_tuple` of nf_nat_core.c).

use std::net::IpAddr;

use super::netfilter::port_in;
use super::packet::Port;

/// The address of `low..=high` for a connection from `src` to `dst` (`find_best_ips_proto`): a hash of both, or of the
/// source alone where it is to be `persistent`. Little-endian, as every node that Kubernetes is built for but s390x.
#[must_use]
pub fn address(
    (low, high): (IpAddr, IpAddr),
    (src, dst): (IpAddr, IpAddr),
    persistent: bool,
    zone: u16,
) -> IpAddr {
    if low == high {
        return low;
    }
    let (low_words, high_words) = (words(low), words(high));
    let (src, dst) = (words(src), words(dst));
    let n = if low.is_ipv4() { 1 } else { 4 };
    let last = dst.get(n - 1).copied().unwrap_or(0);
    let seed = if persistent {
        0
    } else {
        last.swap_bytes() ^ u32::from(zone)
    };
    let mut hash = jhash2(src.map(u32::swap_bytes), seed);
    let mut chosen = [0u32; 4];
    // Once a word is below its highest value, those behind it may be anything.
    let mut whole_range = false;
    let places = chosen.iter_mut().zip(low_words).zip(high_words).zip(dst);
    for (((word, low), high), dst) in places.take(n) {
        let (least, size) = if whole_range {
            (0, u32::MAX)
        } else {
            (low, high.wrapping_sub(low).wrapping_add(1))
        };
        let share = u64::from(hash).wrapping_mul(u64::from(size)) >> 32;
        *word = least.wrapping_add(u32::try_from(share).unwrap_or(0));
        whole_range |= *word != high;
        if !persistent {
            hash ^= dst.swap_bytes();
        }
    }
    match low {
        IpAddr::V4(_) => {
            let [first, ..] = chosen;
            IpAddr::V4(first.into())
        }
        IpAddr::V6(_) => {
            let all = chosen
                .iter()
                .fold(0u128, |all, word| all << 32 | u128::from(*word));
            IpAddr::V6(all.into())
        }
    }
}

/// A port after translation: one that stays, or the range that it is chosen from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    /// It stays as it is.
    Same,
    /// This one.
    Port(u16),
    /// Some port of this range.
    Range(u16, u16),
}

/// The port that a translation of a destination takes: its own if it is in the range, else the first.
#[must_use]
pub fn destination_port(current: Port, range: Option<(u16, u16)>, random: bool) -> Chosen {
    match range {
        None => Chosen::Same,
        Some((low, high)) if low == high => Chosen::Port(low),
        Some((low, high)) if random => Chosen::Range(low, high),
        Some((low, high)) => match port_in(current, low, high) {
            Some(true) => Chosen::Same,
            Some(false) => Chosen::Port(low),
            None => Chosen::Range(low, high),
        },
    }
}

/// The port that a translation of a source takes: its own if it is in the range, else any.
#[must_use]
pub fn source_port(current: Port, range: Option<(u16, u16)>, random: bool) -> Chosen {
    match range {
        Some((low, high)) if low == high => Chosen::Port(low),
        Some((low, high)) if !random && port_in(current, low, high) == Some(true) => Chosen::Same,
        Some((low, high)) => Chosen::Range(low, high),
        None if !random => Chosen::Same,
        None => {
            let (low, high) = port_class(current);
            Chosen::Range(low, high)
        }
    }
}

/// The ports that a source port is changed to where no range is given: those below 512 and below 1024 stay there.
#[must_use]
pub fn port_class(current: Port) -> (u16, u16) {
    match current {
        Port::Known(..512) => (1, 511),
        Port::Known(512..1024) => (600, 1023),
        Port::Known(_) | Port::Chosen { .. } => (1024, u16::MAX),
    }
}

/// The four words of an address as `union nf_inet_addr` has them, in host order.
fn words(address: IpAddr) -> [u32; 4] {
    match address {
        IpAddr::V4(address) => [address.to_bits(), 0, 0, 0],
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            [96, 64, 32, 0].map(|shift| u32::try_from(bits >> shift & 0xffff_ffff).unwrap_or(0))
        }
    }
}

/// `jhash2()` of four words.
fn jhash2([first, second, third, fourth]: [u32; 4], seed: u32) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(4 << 2).wrapping_add(seed);
    let (a, b, c) = mix(
        start.wrapping_add(first),
        start.wrapping_add(second),
        start.wrapping_add(third),
    );
    last(a.wrapping_add(fourth), b, c)
}

/// `__jhash_mix()`
fn mix(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    for (first, second, third) in [(4, 6, 8), (16, 19, 4)] {
        a = a.wrapping_sub(c) ^ c.rotate_left(first);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(second);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(third);
        b = b.wrapping_add(a);
    }
    (a, b, c)
}

/// `__jhash_final()`
fn last(mut a: u32, mut b: u32, mut c: u32) -> u32 {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_the_kernel_took() {
        let ip = |text: &str| -> IpAddr { text.parse().unwrap() };
        let take = |dst: &str, persistent| {
            let range = (ip("10.71.2.10"), ip("10.71.2.29"));
            address(range, (ip("10.71.1.2"), ip(dst)), persistent, 0).to_string()
        };
        // Measured on Linux 6.18 with `SNAT --to-source 10.71.2.10-10.71.2.29`.
        assert_eq!(take("10.71.2.2", false), "10.71.2.21");
        assert_eq!(take("10.71.2.103", false), "10.71.2.15");
        assert_eq!(take("10.71.2.104", false), "10.71.2.19");
        assert_eq!(take("10.71.2.105", false), "10.71.2.28");
        assert_eq!(take("10.71.2.105", true), "10.71.2.19");
    }

    #[test]
    fn a_port_in_the_range_stays() {
        let ephemeral = Port::Chosen {
            id: 1,
            low: 32768,
            high: 60999,
        };
        assert_eq!(
            source_port(ephemeral, Some((1024, 65535)), false),
            Chosen::Same
        );
        assert_eq!(
            source_port(ephemeral, Some((1000, 2000)), false),
            Chosen::Range(1000, 2000)
        );
        assert_eq!(
            destination_port(Port::Known(8005), Some((8003, 8007)), false),
            Chosen::Same
        );
        assert_eq!(
            destination_port(Port::Known(9), Some((8003, 8007)), false),
            Chosen::Port(8003)
        );
    }
}
