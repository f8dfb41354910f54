//! Rules as `iptables-save` prints them.

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

use super::match_parse::{STATES, TCP_FLAGS};
use super::match_terms::{ADDRESS_TYPES, STATUSES};
use super::words::{Words, quoted};
use super::{
    AddressMask, Compare, ConntrackMatch, Header, IcmpKind, InterfacePattern, MarkMask, Match,
    PacketType, PhysdevMatch, PortRange, PortSide, RecentAction, Rule, SetMatch, StatisticMatch,
    Target,
};
use crate::evidence::names::protocol_name;

/// What follows `-A CHAIN`.
impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut parts = vec![self.header.to_string()];
        parts.extend(self.matches.iter().map(ToString::to_string));
        if self.target != Target::None {
            parts.push(self.target.to_string());
        }
        parts.retain(|part| !part.is_empty());
        f.write_str(&parts.join(" "))
    }
}

impl Display for Header {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut out = Words::new(f);
        out.term("-s", self.src.as_ref(), |mask| network(*mask))?;
        out.term("-d", self.dst.as_ref(), |mask| network(*mask))?;
        out.term("-i", self.iif.as_ref(), ToString::to_string)?;
        out.term("-o", self.oif.as_ref(), ToString::to_string)?;
        out.term("-p", self.protocol.as_ref(), |protocol| {
            protocol_name(*protocol).map_or_else(|| protocol.to_string(), str::to_owned)
        })?;
        out.flag("-f", self.fragment.as_ref())
    }
}

impl Display for Match {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut out = Words::new(f);
        match self {
            Self::Comment(text) => {
                out.word("-m comment --comment")?;
                out.word(&quoted(text))
            }
            Self::Tcp(tcp) => {
                out.word("-m tcp")?;
                out.term("--sport", tcp.sport.as_ref(), ToString::to_string)?;
                out.term("--dport", tcp.dport.as_ref(), ToString::to_string)?;
                out.term("--tcp-option", tcp.option.as_ref(), ToString::to_string)?;
                out.term("--tcp-flags", tcp.flags.as_ref(), |(mask, set)| {
                    format!("{} {}", tcp_flags(*mask), tcp_flags(*set))
                })
            }
            Self::Udp(ports) => port_terms(&mut out, "-m udp", ports),
            Self::Udplite(ports) => port_terms(&mut out, "-m udplite", ports),
            Self::Dccp(ports) => port_terms(&mut out, "-m dccp", ports),
            Self::Sctp(sctp) => {
                out.word("-m sctp")?;
                out.term("--sport", sctp.sport.as_ref(), ToString::to_string)?;
                out.term("--dport", sctp.dport.as_ref(), ToString::to_string)?;
                out.term("--chunk-types", sctp.chunks.as_ref(), |(how, chunks)| {
                    format!("{how} {chunks}")
                })
            }
            Self::Icmp(icmp) => {
                out.word(if icmp.v6 { "-m icmp6" } else { "-m icmp" })?;
                let name = if icmp.v6 {
                    "--icmpv6-type"
                } else {
                    "--icmp-type"
                };
                out.term(name, icmp.kind.as_ref(), |kind| match kind {
                    IcmpKind::Any => "any".to_owned(),
                    IcmpKind::Type(kind) => kind.to_string(),
                    IcmpKind::Code(kind, code) => format!("{kind}/{code}"),
                })
            }
            Self::Multiport(multiport) => {
                out.word("-m multiport")?;
                let name = match multiport.side {
                    PortSide::Source => "--sports",
                    PortSide::Destination => "--dports",
                    PortSide::Either => "--ports",
                };
                out.term(name, Some(&multiport.ports), |ports| {
                    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
                    ports.join(",")
                })
            }
            Self::Conntrack(ct) => conntrack(&mut out, ct),
            Self::State(states) => {
                out.word("-m state")?;
                out.term("--state", Some(states), |bits| names(*bits, STATES))
            }
            Self::Mark(mark) => {
                out.word("-m mark")?;
                out.term("--mark", Some(mark), ToString::to_string)
            }
            Self::Connmark(mark) => {
                out.word("-m connmark")?;
                out.term("--mark", Some(mark), ToString::to_string)
            }
            Self::AddressType(kinds) => {
                out.word("-m addrtype")?;
                let list = |bits: &u16| names(*bits, ADDRESS_TYPES);
                out.term("--src-type", kinds.src.as_ref(), list)?;
                out.term("--dst-type", kinds.dst.as_ref(), list)?;
                out.switch("--limit-iface-in", kinds.limit_iif)?;
                out.switch("--limit-iface-out", kinds.limit_oif)
            }
            Self::Statistic(statistic) => statistic_terms(&mut out, *statistic),
            Self::Set(set) => set_terms(&mut out, set),
            Self::Recent(recent) => {
                out.word("-m recent")?;
                let action = match recent.action.value {
                    RecentAction::Set => "--set",
                    RecentAction::Check => "--rcheck",
                    RecentAction::Update => "--update",
                    RecentAction::Remove => "--remove",
                };
                out.flag(action, Some(&recent.action))?;
                let (before, after): (Vec<_>, Vec<_>) =
                    (recent.options.iter()).partition(|option| {
                        !["--mask", "--rsource", "--rdest"].contains(&&*option.name)
                    });
                out.options(before)?;
                out.word("--name")?;
                out.word(&recent.name)?;
                out.options(after)
            }
            Self::Physdev(physdev) => physdev_terms(&mut out, physdev),
            Self::Mac(address) => {
                out.word("-m mac")?;
                out.term("--mac-source", Some(address), |bytes| mac(*bytes))
            }
            Self::Owner(extension)
            | Self::Policy(extension)
            | Self::OfProtocol(_, extension)
            | Self::Opaque(extension)
            | Self::Unknown(extension) => {
                if !extension.name.is_empty() {
                    out.word("-m")?;
                }
                out.word(&extension.to_string())
            }
            Self::ReversePath(reverse_path) => {
                out.word("-m rpfilter")?;
                out.switch("--loose", reverse_path.loose)?;
                out.switch("--validmark", reverse_path.valid_mark)?;
                out.switch("--accept-local", reverse_path.accept_local)?;
                out.switch("--invert", reverse_path.invert)
            }
            Self::Socket(socket) => {
                out.word("-m socket")?;
                out.switch("--transparent", socket.transparent)?;
                out.switch("--nowildcard", socket.nowildcard)?;
                out.switch("--restore-skmark", socket.restore_mark)
            }
            Self::Length(range) => {
                out.word("-m length")?;
                out.term("--length", Some(range), |(low, high)| span(*low, *high))
            }
            Self::Ttl(ttl) => {
                let name = if ttl.v6 { "hl" } else { "ttl" };
                let compare = match ttl.compare.value {
                    Compare::Equal => "eq",
                    Compare::Less => "lt",
                    Compare::Greater => "gt",
                };
                out.word(&format!("-m {name}"))?;
                out.term(&format!("--{name}-{compare}"), Some(&ttl.compare), |_| {
                    ttl.value.to_string()
                })
            }
            Self::Tos(tos) => {
                out.word("-m tos")?;
                out.term("--tos", Some(tos), |(value, mask)| {
                    format!("0x{value:02x}/0x{mask:02x}")
                })
            }
            Self::Dscp(dscp) => {
                out.word("-m dscp")?;
                out.term("--dscp", Some(dscp), |dscp| format!("0x{dscp:02x}"))
            }
            Self::Ecn(ecn) => {
                out.word("-m ecn")?;
                out.flag("--ecn-tcp-ece", ecn.ece.as_ref())?;
                out.flag("--ecn-tcp-cwr", ecn.cwr.as_ref())?;
                out.term("--ecn-ip-ect", ecn.ect.as_ref(), ToString::to_string)
            }
            Self::AddressRange(ranges) => {
                out.word("-m iprange")?;
                let range = |(low, high): &(IpAddr, IpAddr)| format!("{low}-{high}");
                out.term("--src-range", ranges.src.as_ref(), range)?;
                out.term("--dst-range", ranges.dst.as_ref(), range)
            }
            Self::PacketType(kind) => {
                out.word("-m pkttype")?;
                out.term("--pkt-type", Some(kind), |kind| {
                    match kind {
                        PacketType::Unicast => "unicast",
                        PacketType::Broadcast => "broadcast",
                        PacketType::Multicast => "multicast",
                    }
                    .to_owned()
                })
            }
            Self::Helper(name) => {
                out.word("-m helper")?;
                out.term("--helper", Some(name), |name| quoted(name))
            }
        }
    }
}

fn port_terms(out: &mut Words<'_, '_>, name: &str, ports: &super::PortsMatch) -> fmt::Result {
    out.word(name)?;
    out.term("--sport", ports.sport.as_ref(), ToString::to_string)?;
    out.term("--dport", ports.dport.as_ref(), ToString::to_string)?;
    out.options(&ports.other)
}

/// In the order of `conntrack_dump()` in libxt_conntrack.c.
fn conntrack(out: &mut Words<'_, '_>, ct: &ConntrackMatch) -> fmt::Result {
    out.word("-m conntrack")?;
    out.term("--ctstate", ct.state.as_ref(), |bits| names(*bits, STATES))?;
    out.term("--ctproto", ct.protocol.as_ref(), ToString::to_string)?;
    let address = |mask: &AddressMask| host_or_network(*mask);
    out.term("--ctorigsrc", ct.original_src.as_ref(), address)?;
    out.term("--ctorigdst", ct.original_dst.as_ref(), address)?;
    out.term("--ctreplsrc", ct.reply_src.as_ref(), address)?;
    out.term("--ctrepldst", ct.reply_dst.as_ref(), address)?;
    let ports = PortRange::to_string;
    out.term("--ctorigsrcport", ct.original_sport.as_ref(), ports)?;
    out.term("--ctorigdstport", ct.original_dport.as_ref(), ports)?;
    out.term("--ctreplsrcport", ct.reply_sport.as_ref(), ports)?;
    out.term("--ctrepldstport", ct.reply_dport.as_ref(), ports)?;
    out.term("--ctstatus", ct.status.as_ref(), |bits| match bits {
        0 => "NONE".to_owned(),
        bits => names(*bits, STATUSES),
    })?;
    out.term("--ctexpire", ct.expire.as_ref(), |(low, high)| {
        span(*low, *high)
    })?;
    out.term("--ctdir", ct.original_direction.as_ref(), |original| {
        if *original { "ORIGINAL" } else { "REPLY" }.to_owned()
    })
}

fn statistic_terms(out: &mut Words<'_, '_>, statistic: StatisticMatch) -> fmt::Result {
    match statistic {
        StatisticMatch::Random(threshold) => {
            out.word("-m statistic --mode random")?;
            out.term("--probability", Some(&threshold), |threshold| {
                let scaled = (u128::from(*threshold) * 200_000_000_000 + (1 << 31)) >> 32;
                format!(
                    "{}.{:011}",
                    scaled / 100_000_000_000,
                    scaled % 100_000_000_000
                )
            })
        }
        StatisticMatch::Nth { every, packet } => {
            out.word("-m statistic --mode nth")?;
            out.term("--every", Some(&every), ToString::to_string)?;
            if packet > 0 {
                out.word(&format!("--packet {packet}"))?;
            }
            Ok(())
        }
    }
}

fn set_terms(out: &mut Words<'_, '_>, set: &SetMatch) -> fmt::Result {
    out.word("-m set")?;
    out.term("--match-set", Some(&set.name), |name| {
        let directions: Vec<_> = (set.src.iter())
            .map(|src| if *src { "src" } else { "dst" })
            .collect();
        format!("{name} {}", directions.join(","))
    })?;
    out.switch("--return-nomatch", set.return_nomatch)?;
    out.options(&set.options)
}

fn physdev_terms(out: &mut Words<'_, '_>, physdev: &PhysdevMatch) -> fmt::Result {
    out.word("-m physdev")?;
    out.flag("--physdev-is-in", physdev.is_in.as_ref())?;
    out.term("--physdev-in", physdev.physin.as_ref(), ToString::to_string)?;
    out.flag("--physdev-is-out", physdev.is_out.as_ref())?;
    out.term(
        "--physdev-out",
        physdev.physout.as_ref(),
        ToString::to_string,
    )?;
    out.flag("--physdev-is-bridged", physdev.is_bridged.as_ref())
}

impl Display for PortRange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&span(self.low, self.high))
    }
}

impl Display for InterfacePattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, if self.prefix { "+" } else { "" })
    }
}

impl Display for MarkMask {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.value)?;
        if self.mask != u32::MAX {
            write!(f, "/0x{:x}", self.mask)?;
        }
        Ok(())
    }
}

/// As `-s` and `-d` are printed: always with a prefix length or mask.
fn network(AddressMask { address, mask }: AddressMask) -> String {
    match (AddressMask { address, mask }).prefix_len() {
        Some(length) => format!("{address}/{length}"),
        None => format!("{address}/{mask}"),
    }
}

/// As the conntrack match prints addresses: a host without its length.
fn host_or_network(mask: AddressMask) -> String {
    match mask.exact() {
        Some(address) => address.to_string(),
        None => network(mask),
    }
}

fn span<T: Display + PartialEq + Copy>(low: T, high: T) -> String {
    if low == high {
        low.to_string()
    } else {
        format!("{low}:{high}")
    }
}

fn names<T: Copy + PartialEq + Default + std::ops::BitAnd<Output = T>>(
    bits: T,
    known: &[(&str, T)],
) -> String {
    let names: Vec<_> = (known.iter())
        .filter(|(_, bit)| bits & *bit != T::default())
        .map(|(name, _)| *name)
        .collect();
    names.join(",")
}

fn tcp_flags(bits: u8) -> String {
    if bits == 0 {
        "NONE".to_owned()
    } else {
        names(bits, TCP_FLAGS)
    }
}

fn mac(bytes: [u8; 6]) -> String {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}
