//! Values of options: ports, masks, marks, addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::{AddressMask, InterfacePattern, MarkMask, PortRange};

/// A number, decimal or with `0x`.
pub(crate) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A number that fits a byte.
pub(crate) fn byte(text: &str) -> Option<u8> {
    number(text)?.try_into().ok()
}

/// `low:high`, `low:`, `:high` or one number.
pub(crate) fn range<T: Copy>(
    text: &str,
    (lowest, highest): (T, T),
    parse: impl Fn(&str) -> Option<T>,
) -> Option<(T, T)> {
    let Some((low, high)) = text.split_once(':') else {
        let only = parse(text)?;
        return Some((only, only));
    };
    let end = |text: &str, default| {
        if text.is_empty() {
            Some(default)
        } else {
            parse(text)
        }
    };
    Some((end(low, lowest)?, end(high, highest)?))
}

/// A port.
pub(crate) fn port(text: &str) -> Option<u16> {
    text.parse().ok()
}

/// Ports as `--dport` has them.
pub(crate) fn ports(text: &str) -> Option<PortRange> {
    let (low, high) = range(text, (0, u16::MAX), port)?;
    Some(PortRange { low, high })
}

/// Ports as targets have them: `5-9`.
pub(crate) fn target_ports(text: &str) -> Option<PortRange> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    Some(PortRange {
        low: port(low)?,
        high: port(high)?,
    })
}

/// `value/mask`; all bits count without a mask.
pub(crate) fn mark(text: &str) -> Option<MarkMask> {
    let (value, mask) = match text.split_once('/') {
        Some((value, mask)) => (number(value)?, number(mask)?),
        None => (number(text)?, u32::MAX),
    };
    Some(MarkMask { value, mask })
}

/// An address with a prefix length, a mask, or neither.
pub(crate) fn address_mask(text: &str) -> Option<AddressMask> {
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address.parse().ok()?, Some(mask)),
        None => (text.parse().ok()?, None),
    };
    let mask = match (mask, address) {
        (None, IpAddr::V4(_)) => IpAddr::V4(Ipv4Addr::BROADCAST),
        (None, IpAddr::V6(_)) => IpAddr::V6(Ipv6Addr::from(u128::MAX)),
        (Some(mask), address) => match mask.parse::<u8>() {
            Ok(length) => prefix_mask(address, length)?,
            Err(_) => mask.parse().ok()?,
        },
    };
    (mask.is_ipv4() == address.is_ipv4()).then_some(AddressMask { address, mask })
}

/// The mask of a prefix of `length` bits, in the family of `address`.
fn prefix_mask(address: IpAddr, length: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(_) if length <= 32 => {
            let bits = u32::MAX.checked_shl(u32::from(32 - length)).unwrap_or(0);
            Some(IpAddr::V4(bits.into()))
        }
        IpAddr::V6(_) if length <= 128 => {
            let bits = u128::MAX.checked_shl(u32::from(128 - length)).unwrap_or(0);
            Some(IpAddr::V6(bits.into()))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

impl AddressMask {
    /// Whether `address` is one of these; never for another family.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, self.mask, address) {
            (IpAddr::V4(own), IpAddr::V4(mask), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()) & mask.to_bits() == 0
            }
            (IpAddr::V6(own), IpAddr::V6(mask), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()) & mask.to_bits() == 0
            }
            _ => false,
        }
    }

    /// The one address that is meant, if it is one.
    #[must_use]
    pub fn exact(&self) -> Option<IpAddr> {
        (self.prefix_len() == Some(if self.address.is_ipv4() { 32 } else { 128 }))
            .then_some(self.address)
    }

    /// The prefix length, if the mask is a prefix.
    #[must_use]
    pub fn prefix_len(&self) -> Option<u32> {
        let (ones, contiguous) = match self.mask {
            IpAddr::V4(mask) => {
                let mask = mask.to_bits();
                let ones = mask.leading_ones();
                (ones, ones == mask.count_ones())
            }
            IpAddr::V6(mask) => {
                let mask = mask.to_bits();
                let ones = mask.leading_ones();
                (ones, ones == mask.count_ones())
            }
        };
        contiguous.then_some(ones)
    }
}

/// A device's name, or the start of one before `+`.
pub(crate) fn interface(text: &str) -> InterfacePattern {
    match text.strip_suffix('+') {
        Some(start) => InterfacePattern {
            name: Arc::from(start),
            prefix: true,
        },
        None => InterfacePattern {
            name: Arc::from(text),
            prefix: false,
        },
    }
}

impl InterfacePattern {
    /// Whether `device` is meant; the empty name is that of no device.
    #[must_use]
    pub fn matches(&self, device: &str) -> bool {
        if self.prefix {
            device.starts_with(&*self.name)
        } else {
            device == &*self.name
        }
    }
}

/// `first-last` or one address.
pub(crate) fn address_range(text: &str) -> Option<(IpAddr, IpAddr)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (IpAddr, IpAddr) = (first.parse().ok()?, last.parse().ok()?);
    (first.is_ipv4() == last.is_ipv4()).then_some((first, last))
}

/// A MAC address.
pub(crate) fn mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

/// The bits of a comma-separated list of names.
pub(crate) fn bits<T: Copy + Default + std::ops::BitOr<Output = T>>(
    text: &str,
    names: &[(&str, T)],
) -> Option<T> {
    text.split(',').try_fold(T::default(), |bits, name| {
        let (_, bit) = names
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(bits | *bit)
    })
}
