//! Sets as `ipset save` prints them.

use std::fmt::{self, Display, Formatter};

use super::{Dimension, Element, IpsetSave, Member, Set, SetType};
use crate::evidence::names::{icmp_name, protocol_name};

impl Display for IpsetSave {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        (self.sets.values()).try_for_each(|set| set.fmt(f))
    }
}

impl Display for Set {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "create {} {}", self.name, self.kind)?;
        (self.options.iter()).try_for_each(|option| write!(f, " {option}"))?;
        writeln!(f)?;
        (self.members.iter()).try_for_each(|member| writeln!(f, "add {} {member}", self.name))
    }
}

impl Display for SetType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (bitmap, dimensions) = match self {
            Self::List => return f.write_str("list:set"),
            Self::Unknown(name) => return f.write_str(name),
            Self::Elements { bitmap, dimensions } => (bitmap, dimensions),
        };
        let names: Vec<_> = (dimensions.iter())
            .map(|dimension| match dimension {
                Dimension::Address => "ip",
                Dimension::Network => "net",
                Dimension::Port => "port",
                Dimension::Mac => "mac",
                Dimension::Interface => "iface",
                Dimension::Mark => "mark",
            })
            .collect();
        let method = if *bitmap { "bitmap" } else { "hash" };
        write!(f, "{method}:{}", names.join(","))
    }
}

impl Display for Member {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let elements: Vec<_> = self.elements.iter().map(ToString::to_string).collect();
        f.write_str(&elements.join(","))?;
        let wildcard =
            |element: &Element| matches!(element, Element::Interface { wildcard: true, .. });
        if self.elements.iter().any(wildcard) {
            f.write_str(" wildcard")?;
        }
        if self.nomatch {
            f.write_str(" nomatch")?;
        }
        (self.options.iter()).try_for_each(|option| write!(f, " {option}"))
    }
}

impl Display for Element {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addresses(first, last) if first == last => write!(f, "{first}"),
            Self::Addresses(first, last) => write!(f, "{first}-{last}"),
            Self::Network(address, length) => {
                write!(f, "{address}")?;
                let whole = if address.is_ipv4() { 32 } else { 128 };
                if *length < whole {
                    write!(f, "/{length}")?;
                }
                Ok(())
            }
            Self::Ports {
                protocol,
                low,
                high,
            } => {
                if let Some(protocol) = protocol {
                    match protocol_name(*protocol) {
                        Some(name) => write!(f, "{name}:")?,
                        None => write!(f, "{protocol}:")?,
                    }
                }
                write!(f, "{low}")?;
                if low < high {
                    write!(f, "-{high}")?;
                }
                Ok(())
            }
            Self::Icmp { v6, kind, code } => {
                f.write_str(if *v6 { "ipv6-icmp:" } else { "icmp:" })?;
                match icmp_name(*v6, *kind, *code) {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{kind}/{code}"),
                }
            }
            Self::Mac(bytes) => {
                let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
                f.write_str(&bytes.join(":"))
            }
            Self::Interface { name, physdev, .. } => {
                write!(f, "{}{name}", if *physdev { "physdev:" } else { "" })
            }
            Self::Mark(mark) => write!(f, "0x{mark:08x}"),
            Self::Set(name) => f.write_str(name),
        }
    }
}
