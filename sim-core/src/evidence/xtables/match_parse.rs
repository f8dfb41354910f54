//! From an extension's options to a typed match.

use super::match_terms::{
    address_range, address_type, conntrack, ecn, owner, physdev, recent, reverse_path, set, socket,
    statistic, ttl,
};
use super::section::Section;
use super::value;
use super::{
    IcmpKind, IcmpMatch, Match, MultiportMatch, PacketType, PortSide, PortsMatch, SctpMatch,
    TcpMatch, ct_bits,
};
use crate::linux::packet::protocol as ip_protocol;

/// Known extensions whose state is not captured, or that are not modelled.
const OPAQUE: &[&str] = &[
    "limit",
    "hashlimit",
    "connlimit",
    "time",
    "u32",
    "string",
    "bpf",
    "quota",
    "cpu",
    "cgroup",
    "realm",
    "ipvs",
    "devgroup",
    "cluster",
    "connbytes",
    "connlabel",
    "rateest",
    "osf",
    "nfacct",
    "eui64",
    "ipv6header",
    "geoip",
];

/// Extensions that only packets with the header of one protocol can match.
const OF_PROTOCOL: &[(&str, u8)] = &[
    ("tcpmss", ip_protocol::TCP),
    ("esp", 50),
    ("ah", 51),
    ("ipcomp", 108),
    ("vxlan", ip_protocol::UDP),
    ("hbh", 0),
    ("rt", 43),
    ("srh", 43),
    ("frag", 44),
    ("dst", 60),
    ("mh", 135),
];

pub(super) const TCP_FLAGS: &[(&str, u8)] = &[
    ("FIN", 0x01),
    ("SYN", 0x02),
    ("RST", 0x04),
    ("PSH", 0x08),
    ("ACK", 0x10),
    ("URG", 0x20),
];

pub(super) const STATES: &[(&str, u8)] = &[
    ("INVALID", ct_bits::INVALID),
    ("NEW", ct_bits::NEW),
    ("RELATED", ct_bits::RELATED),
    ("ESTABLISHED", ct_bits::ESTABLISHED),
    ("UNTRACKED", ct_bits::UNTRACKED),
    ("SNAT", ct_bits::SNAT),
    ("DNAT", ct_bits::DNAT),
];

/// The match that `section` writes; what is not understood is kept as it is.
pub(super) fn parse(section: &Section<'_, '_>) -> Match {
    if let Some(known) = typed(section) {
        return known;
    }
    if let Some((_, protocol)) = OF_PROTOCOL.iter().find(|(name, _)| *name == section.name) {
        return Match::OfProtocol(*protocol, section.keep());
    }
    if OPAQUE.contains(&section.name) {
        return Match::Opaque(section.keep());
    }
    Match::Unknown(section.keep())
}

fn typed(section: &Section<'_, '_>) -> Option<Match> {
    Some(match section.name {
        "comment" => Match::Comment(only(section, "--comment")?.into()),
        "tcp" => Match::Tcp(tcp(section)?),
        "udp" => Match::Udp(ports(section)?),
        "udplite" => Match::Udplite(ports(section)?),
        "dccp" => Match::Dccp(ports(section)?),
        "sctp" => Match::Sctp(sctp(section)?),
        "icmp" => icmp(section, false, "--icmp-type")?,
        "icmp6" | "icmpv6" => icmp(section, true, "--icmpv6-type")?,
        "multiport" => Match::Multiport(multiport(section)?),
        "conntrack" => Match::Conntrack(Box::new(conntrack(section)?)),
        "state" => single(
            section,
            "--state",
            |text| value::bits(text, STATES),
            Match::State,
        )?,
        "mark" => single(section, "--mark", value::mark, Match::Mark)?,
        "connmark" => single(section, "--mark", value::mark, Match::Connmark)?,
        "addrtype" => Match::AddressType(address_type(section)?),
        "statistic" => Match::Statistic(statistic(section)?),
        "set" => Match::Set(set(section)?),
        "recent" => Match::Recent(Box::new(recent(section)?)),
        "physdev" => Match::Physdev(Box::new(physdev(section)?)),
        "mac" => single(section, "--mac-source", value::mac, Match::Mac)?,
        "owner" => Match::Owner(owner(section)?),
        "rpfilter" => Match::ReversePath(reverse_path(section)?),
        "socket" => Match::Socket(socket(section)?),
        "length" => single(section, "--length", length, Match::Length)?,
        "ttl" => Match::Ttl(ttl(section, false)?),
        "hl" => Match::Ttl(ttl(section, true)?),
        "tos" => single(section, "--tos", tos, Match::Tos)?,
        "dscp" => single(section, "--dscp", value::byte, Match::Dscp)?,
        "ecn" => Match::Ecn(ecn(section)?),
        "iprange" => Match::AddressRange(address_range(section)?),
        "pkttype" => single(section, "--pkt-type", packet_type, Match::PacketType)?,
        "helper" => single(section, "--helper", |text| Some(text.into()), Match::Helper)?,
        "policy" => Match::Policy(section.keep()),
        _ => return None,
    })
}

/// The value of the extension's only option, without `!`.
fn only<'t>(section: &Section<'t, '_>, name: &str) -> Option<&'t str> {
    match section.options.as_slice() {
        [option] if option.name == name => option.plain(),
        _ => None,
    }
}

/// A match that has one option with one value.
fn single<T>(
    section: &Section<'_, '_>,
    name: &str,
    parse: impl Fn(&str) -> Option<T>,
    build: impl Fn(super::Term<T>) -> Match,
) -> Option<Match> {
    match section.options.as_slice() {
        [option] if option.name == name => Some(build(option.term(parse(option.one()?)?))),
        _ => None,
    }
}

fn length(text: &str) -> Option<(u16, u16)> {
    value::range(text, (0, u16::MAX), value::port)
}

fn tos(text: &str) -> Option<(u8, u8)> {
    match text.split_once('/') {
        Some((value, mask)) => Some((value::byte(value)?, value::byte(mask)?)),
        None => Some((value::byte(text)?, u8::MAX)),
    }
}

fn packet_type(text: &str) -> Option<PacketType> {
    match text {
        "unicast" => Some(PacketType::Unicast),
        "broadcast" => Some(PacketType::Broadcast),
        "multicast" => Some(PacketType::Multicast),
        _ => None,
    }
}

fn tcp(section: &Section<'_, '_>) -> Option<TcpMatch> {
    let mut tcp = TcpMatch::default();
    for option in &section.options {
        match option.name {
            "--sport" | "--source-port" => {
                tcp.sport = Some(option.term(value::ports(option.one()?)?));
            }
            "--dport" | "--destination-port" => {
                tcp.dport = Some(option.term(value::ports(option.one()?)?));
            }
            "--tcp-flags" => {
                let (mask, set) = option.two()?;
                tcp.flags = Some(option.term((tcp_flags(mask)?, tcp_flags(set)?)));
            }
            "--syn" => {
                option.flag()?;
                tcp.flags = Some(option.term((0x17, 0x02)));
            }
            "--tcp-option" => tcp.option = Some(option.term(value::byte(option.one()?)?)),
            _ => return None,
        }
    }
    Some(tcp)
}

fn tcp_flags(text: &str) -> Option<u8> {
    match text {
        "ALL" => Some(0x3f),
        "NONE" => Some(0),
        // The tools print bits that have no name as a number.
        text if text.starts_with("0x") => value::byte(text),
        text => value::bits(text, TCP_FLAGS),
    }
}

fn ports(section: &Section<'_, '_>) -> Option<PortsMatch> {
    let mut ports = PortsMatch::default();
    for option in &section.options {
        match option.name {
            "--sport" | "--source-port" => {
                ports.sport = Some(option.term(value::ports(option.one()?)?));
            }
            "--dport" | "--destination-port" => {
                ports.dport = Some(option.term(value::ports(option.one()?)?));
            }
            "--dccp-types" | "--dccp-option" => ports.other.push(option.keep()),
            _ => return None,
        }
    }
    Some(ports)
}

fn sctp(section: &Section<'_, '_>) -> Option<SctpMatch> {
    let mut sctp = SctpMatch::default();
    for option in &section.options {
        match option.name {
            "--sport" | "--source-port" => {
                sctp.sport = Some(option.term(value::ports(option.one()?)?));
            }
            "--dport" | "--destination-port" => {
                sctp.dport = Some(option.term(value::ports(option.one()?)?));
            }
            "--chunk-types" => {
                let (how, chunks) = option.two()?;
                sctp.chunks = Some(option.term((how.into(), chunks.into())));
            }
            _ => return None,
        }
    }
    Some(sctp)
}

fn icmp(section: &Section<'_, '_>, v6: bool, name: &str) -> Option<Match> {
    let kind = match section.options.as_slice() {
        [] => None,
        [option] if option.name == name => Some(option.term(icmp_kind(option.one()?)?)),
        _ => return None,
    };
    Some(Match::Icmp(IcmpMatch { v6, kind }))
}

fn icmp_kind(text: &str) -> Option<IcmpKind> {
    if text == "any" {
        return Some(IcmpKind::Any);
    }
    Some(match text.split_once('/') {
        Some((kind, code)) => IcmpKind::Code(kind.parse().ok()?, code.parse().ok()?),
        None => IcmpKind::Type(text.parse().ok()?),
    })
}

fn multiport(section: &Section<'_, '_>) -> Option<MultiportMatch> {
    let [option] = section.options.as_slice() else {
        return None;
    };
    let side = match option.name {
        "--sports" | "--source-ports" => PortSide::Source,
        "--dports" | "--destination-ports" => PortSide::Destination,
        "--ports" => PortSide::Either,
        _ => return None,
    };
    let ports: Option<Vec<_>> = option.one()?.split(',').map(value::ports).collect();
    Some(MultiportMatch {
        side,
        ports: option.term(ports?),
    })
}
