//! Ranges of ports and of addresses, as rules name them.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::linux::choice::{Doubt, Tri};
use crate::linux::packet::Port;

/// Ports that a rule names; every one where it names none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortSet(Option<Vec<(u16, u16)>>);

impl PortSet {
    /// Every port.
    pub const ALL: Self = Self(None);

    /// These ranges, both ends included.
    #[must_use]
    pub fn of(ranges: Vec<(u16, u16)>) -> Self {
        Self(Some(ranges))
    }

    /// Alibaba's `80/80`, `1/65535`, `-1/-1`.
    #[must_use]
    pub fn slashed(text: &str) -> Option<Self> {
        let (low, high) = text.split_once('/')?;
        match (low.trim(), high.trim()) {
            ("-1", "-1") => Some(Self::ALL),
            (low, high) => Some(Self(Some(vec![(low.parse().ok()?, high.parse().ok()?)]))),
        }
    }

    /// Tencent's `ALL`, `80`, `80,443`, `1-100`.
    #[must_use]
    pub fn listed(text: &str) -> Option<Self> {
        if text.trim().eq_ignore_ascii_case("all") {
            return Some(Self::ALL);
        }
        let range = |part: &str| match part.split_once('-') {
            Some((low, high)) => Some((low.trim().parse().ok()?, high.trim().parse().ok()?)),
            None => part.trim().parse().ok().map(|port| (port, port)),
        };
        let ranges: Option<Vec<(u16, u16)>> = text.split(',').map(range).collect();
        ranges.map(Self::of)
    }

    /// The ranges that it names; none where it names none and means every port.
    #[must_use]
    pub fn ranges(&self) -> Option<&[(u16, u16)]> {
        self.0.as_deref()
    }

    /// Those of both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(mut own), Some(more)) => {
                own.extend(more);
                Self(Some(own))
            }
            _ => Self::ALL,
        }
    }

    /// As text: `80`, `1-100,443`, `all`.
    #[must_use]
    pub fn words(&self) -> String {
        let Some(ranges) = &self.0 else {
            return "all".to_owned();
        };
        let range = |(low, high): &(u16, u16)| {
            if low == high {
                low.to_string()
            } else {
                format!("{low}-{high}")
            }
        };
        ranges.iter().map(range).collect::<Vec<_>>().join(",")
    }

    /// Whether it names `port`: one that a kernel will choose is in it where all of its choices are.
    #[must_use]
    pub fn has(&self, port: Option<Port>) -> Tri {
        let Some(ranges) = &self.0 else {
            return Tri::Yes;
        };
        match port {
            // ICMP and the like have no ports (B.1 (8): `ALL` ignores them).
            None => Tri::Yes,
            Some(Port::Known(port)) => ranges
                .iter()
                .any(|(low, high)| (*low..=*high).contains(&port))
                .into(),
            Some(Port::Chosen { low, high, .. }) => among(ranges, low, high),
        }
    }
}

/// Whether a port out of `low..=high` is in one of `ranges`: every one, none, or it depends on which.
fn among(ranges: &[(u16, u16)], low: u16, high: u16) -> Tri {
    let mut sorted: Vec<(u32, u32)> = ranges
        .iter()
        .map(|(from, to)| (u32::from(*from), u32::from(*to)))
        .filter(|(from, to)| *from <= u32::from(high) && *to >= u32::from(low))
        .collect();
    sorted.sort_unstable();
    if sorted.is_empty() {
        return Tri::No;
    }
    let mut reached = u32::from(low);
    for (from, to) in sorted {
        if from > reached {
            break;
        }
        reached = reached.max(to.saturating_add(1));
    }
    if reached > u32::from(high) {
        return Tri::Yes;
    }
    Tri::Unknown(Doubt {
        what: format!(
            "which of the ports {low} to {high} the sender chooses decides whether a rule of the cloud matches"
        ),
        settle: String::new(),
        source: None,
    })
}

/// Addresses from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    /// The first.
    pub first: IpAddr,
    /// The last.
    pub last: IpAddr,
}

impl AddressRange {
    /// An address, a block, or `first-last`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((first, last)) = text.split_once('-') {
            let (first, last): (IpAddr, IpAddr) =
                (first.trim().parse().ok()?, last.trim().parse().ok()?);
            return (first.is_ipv4() == last.is_ipv4()).then_some(Self { first, last });
        }
        block(text).map(Self::from)
    }

    /// The length of the prefix that it is, or that of the longest prefix that holds it.
    #[must_use]
    pub fn prefix_len(&self) -> u8 {
        let common = match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                (u32::from(first) ^ u32::from(last)).leading_zeros()
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                (u128::from(first) ^ u128::from(last)).leading_zeros()
            }
            _ => 0,
        };
        u8::try_from(common).unwrap_or(0)
    }

    /// Whether `address` is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && self.first <= address && address <= self.last
    }
}

impl From<IpNet> for AddressRange {
    fn from(net: IpNet) -> Self {
        Self {
            first: net.network(),
            last: net.broadcast(),
        }
    }
}

/// A block; a plain address is one of its own.
pub(crate) fn block(text: &str) -> Option<IpNet> {
    let text = text.trim();
    match text.parse::<IpNet>() {
        Ok(net) => Some(net.trunc()),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_port_is_among_ranges_that_touch() {
        let chosen = Some(Port::Chosen {
            id: 1,
            low: 32768,
            high: 60999,
        });
        let has = |ranges: &[(u16, u16)]| PortSet::of(ranges.to_vec()).has(chosen);
        assert_eq!(has(&[(1024, 40000), (40001, 65535)]), Tri::Yes);
        assert_eq!(has(&[(1, 32767), (61000, 65535)]), Tri::No);
        assert!(matches!(has(&[(1024, 40000)]), Tri::Unknown(_)));
        assert!(matches!(
            has(&[(32768, 40000), (40002, 65535)]),
            Tri::Unknown(_)
        ));
    }

    #[test]
    fn ports_are_read_as_each_provider_writes_them() {
        assert_eq!(PortSet::slashed("-1/-1"), Some(PortSet::ALL));
        assert_eq!(PortSet::slashed("80/90"), Some(PortSet::of(vec![(80, 90)])));
        assert_eq!(
            PortSet::listed("80,443,8000-8080"),
            Some(PortSet::of(vec![(80, 80), (443, 443), (8000, 8080)]))
        );
        assert_eq!(PortSet::listed("all"), Some(PortSet::ALL));
        assert_eq!(PortSet::slashed("80"), None);
    }
}
