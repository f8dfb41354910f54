//! Ethernet hardware addresses.

use std::fmt;
use std::str::FromStr;

/// A 48-bit hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// `00:00:00:00:00:00`: vxlan's default fdb entry.
    pub const ZERO: Self = Self([0; 6]);

    /// Whether the group bit is set: multicast or broadcast.
    #[must_use]
    pub fn is_multicast(self) -> bool {
        self.0.first().is_some_and(|byte| byte & 1 == 1)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Text that is no hardware address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no Ethernet address")]
pub struct InvalidMac(String);

impl FromStr for Mac {
    type Err = InvalidMac;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidMac(text.to_owned());
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or_else(invalid)?;
            // `from_str_radix` takes a sign; an address has none.
            if part.is_empty() || part.len() > 2 || part.starts_with('+') {
                return Err(invalid());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| invalid())?;
        }
        match parts.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written_alike_and_others_are_refused() {
        let mac: Mac = "0a:1:ff:00:7f:e".parse().unwrap();
        assert_eq!(mac.to_string(), "0a:01:ff:00:7f:0e");
        assert!(!mac.is_multicast() && Mac::BROADCAST.is_multicast());
        for text in [
            "",
            "0a:01:ff:00:7f",
            "0a:01:ff:00:7f:0e:00",
            "0a:01:ff:00:7f:+e",
            "0a:01:ff:00:7f:100",
            "10.0.0.1",
        ] {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
    }
}
