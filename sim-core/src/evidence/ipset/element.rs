//! The parts of a member: addresses, networks, ports, devices.

use std::net::IpAddr;

use super::{Dimension, Element, SetType};
use crate::evidence::names::{icmp_by_name, protocol_number};
use crate::evidence::xtables::value;

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// The parts of `member` in a set of type `kind`.
pub(super) fn parse(kind: &SetType, family: Option<&str>, member: &str) -> Option<Vec<Element>> {
    let dimensions = match kind {
        SetType::Unknown(_) => return None,
        SetType::List => return Some(vec![Element::Set(member.into())]),
        SetType::Elements { dimensions, .. } => dimensions,
    };
    let mut parts = member.split(',');
    let mut elements = Vec::with_capacity(dimensions.len());
    for dimension in dimensions {
        let Some(part) = parts.next() else {
            // A bitmap:ip,mac member may still lack its MAC address.
            let lacks_mac = *dimension == Dimension::Mac && elements.len() == 1;
            return (lacks_mac && matches!(kind, SetType::Elements { bitmap: true, .. }))
                .then_some(elements);
        };
        let element = element(*dimension, part, dimensions)?;
        if let Element::Addresses(address, _) | Element::Network(address, _) = &element {
            let v6 = family == Some("inet6");
            (address.is_ipv6() == v6).then_some(())?;
        }
        elements.push(element);
    }
    parts.next().is_none().then_some(elements)
}

fn element(dimension: Dimension, text: &str, dimensions: &[Dimension]) -> Option<Element> {
    match dimension {
        Dimension::Address | Dimension::Network => addresses(dimension, text),
        Dimension::Port => port(text, dimensions.len() > 1),
        Dimension::Mac => Some(Element::Mac(value::mac(text)?)),
        Dimension::Interface => {
            let (name, physdev) = match text.strip_prefix("physdev:") {
                Some(name) => (name, true),
                None => (text, false),
            };
            Some(Element::Interface {
                name: name.into(),
                physdev,
                wildcard: false,
            })
        }
        Dimension::Mark => Some(Element::Mark(value::number(text)?)),
    }
}

fn addresses(dimension: Dimension, text: &str) -> Option<Element> {
    if text.contains('-') {
        let (first, last) = value::address_range(text)?;
        return (first <= last).then_some(Element::Addresses(first, last));
    }
    let (address, length): (IpAddr, Option<u8>) = match text.split_once('/') {
        Some((address, length)) => (address.parse().ok()?, Some(length.parse().ok()?)),
        None => (text.parse().ok()?, None),
    };
    let bits = if address.is_ipv4() { 32 } else { 128 };
    match (dimension, length) {
        (Dimension::Address, None) => Some(Element::Addresses(address, address)),
        (_, length) => {
            let length = length.unwrap_or(bits);
            (length <= bits).then_some(Element::Network(address, length))
        }
    }
}

/// `tcp:80`, `tcp:80-90`, `icmp:8/0`, `icmp:echo-request`, `gre:0`; in bitmap:port a bare number.
fn port(text: &str, with_protocol: bool) -> Option<Element> {
    let (protocol, port) = match text.split_once(':') {
        Some((protocol, port)) => (Some(protocol_number(protocol)?), port),
        // `ipset` takes TCP where no protocol is written.
        None if with_protocol => (Some(6), text),
        None => (None, text),
    };
    if let Some(icmp @ (ICMP | ICMPV6)) = protocol {
        let v6 = icmp == ICMPV6;
        let (kind, code) = match port.split_once('/') {
            Some((kind, code)) => (kind.parse().ok()?, code.parse().ok()?),
            None => icmp_by_name(v6, port)?,
        };
        return Some(Element::Icmp { v6, kind, code });
    }
    let (low, high) = port.split_once('-').unwrap_or((port, port));
    let (low, high) = (value::port(low)?, value::port(high)?);
    (low <= high).then_some(Element::Ports {
        protocol,
        low,
        high,
    })
}
