//! Whether a rule's header and matches hold for a packet, as `ip_packet_match()` and each `xt_*.c` decide.

use std::net::IpAddr;

use super::address_type::address_type;
use super::conntrack::{connmark, conntrack, ct_state_bits};
use super::content;
use super::device::{owner, physdev, stranger};
use super::probability;
use super::transport::{
    icmp_holds, multiport_holds, of_protocol, ports_hold, sctp_holds, tcp_holds,
};
use super::unseen;
use crate::evidence::mac::Mac;
use crate::evidence::xtables::{
    AddressMask, Compare, EcnMatch, Extension, Header, InterfacePattern, Match, PacketType,
    RecentAction, RecentMatch, ReversePathMatch, Rule, SocketMatch, StatisticMatch, Term, TtlMatch,
};
use crate::linux::choice::{Choice, Doubt, Tri};
use crate::linux::netfilter::ipset::IpSets;
use crate::linux::netfilter::{AddressType, HookContext, Notes, ReversePath, STRANGER};
use crate::linux::packet::{Packet, Transport};
use crate::source::Source;

/// What matches look at.
pub(super) struct Scene<'a> {
    pub(super) packet: &'a Packet,
    pub(super) ctx: &'a HookContext<'a>,
    pub(super) sets: &'a IpSets,
    /// What this table's rules wrote down so far.
    pub(super) noted: &'a Notes,
}

/// A match that the packet alone does not decide.
pub(super) enum Deferred<'r> {
    /// It holds with this probability (of 2^31).
    Chance(&'r StatisticMatch),
    /// It is taken for granted that it holds, or does not.
    Assume(&'static str, bool),
}

/// Whether `rule` matches, as far as can be said without asking; collects what must be asked if all else holds.
pub(super) fn holds<'r>(rule: &'r Rule, scene: &Scene<'_>, later: &mut Vec<Deferred<'r>>) -> Tri {
    let mut result = header(&rule.header, scene);
    for item in &rule.matches {
        if result == Tri::No {
            return result;
        }
        let one = match_holds(item, &rule.source, scene, later);
        result = result.and(one);
    }
    result
}

/// Asks what [`holds`] put off; the first answer that is no ends it, as in the kernel.
pub(super) fn settle(later: &[Deferred<'_>], source: &Source, choice: &mut dyn Choice) -> bool {
    later.iter().all(|deferred| match deferred {
        Deferred::Assume(assumption, holds) => {
            choice.assume((*assumption).to_owned());
            *holds
        }
        Deferred::Chance(statistic) => {
            let ((hits, all), negated) = match statistic {
                StatisticMatch::Random(term) => (probability::fraction(term.value), term.negated),
                StatisticMatch::Nth { every, .. } => ((1, u64::from(every.value)), every.negated),
            };
            let hit = choice.chance(&[hits, all.saturating_sub(hits)], source) == 0;
            hit != negated
        }
    })
}

/// `ip_packet_match()` and `ip6_packet_match()`.
fn header(header: &Header, scene: &Scene<'_>) -> Tri {
    Tri::from(header_fields(header, scene).into_iter().all(|holds| holds))
}

/// Whether each field of a header holds: source, destination, incoming and outgoing device, protocol, fragment.
pub(super) fn header_fields(header: &Header, scene: &Scene<'_>) -> [bool; 6] {
    let Scene { packet, ctx, .. } = scene;
    let address = |term: &Option<Term<AddressMask>>, address| {
        (term.as_ref()).is_none_or(|term| term.value.contains(address) != term.negated)
    };
    let device = |term: &Option<Term<InterfacePattern>>, device| {
        (term.as_ref()).is_none_or(|Term { negated, value }| {
            let device: Option<&str> = device;
            value.matches(device.unwrap_or_default()) != *negated
        })
    };
    let protocol = (header.protocol)
        .is_none_or(|Term { negated, value }| (packet.protocol() == value) != negated);
    // No simulated packet is a fragment.
    let fragment = header.fragment.is_none_or(|term| term.negated);
    [
        address(&header.src, packet.src),
        address(&header.dst, packet.dst),
        device(&header.iif, ctx.iif),
        device(&header.oif, ctx.oif),
        protocol,
        fragment,
    ]
}

/// Whether one match holds.
pub(super) fn match_holds<'r>(
    item: &'r Match,
    source: &Source,
    scene: &Scene<'_>,
    later: &mut Vec<Deferred<'r>>,
) -> Tri {
    let Scene { packet, ctx, .. } = scene;
    match item {
        Match::Comment(_) => Tri::Yes,
        Match::Tcp(tcp) => tcp_holds(tcp, packet, source),
        Match::Udp(ports) => match packet.transport {
            Transport::Udp { .. } => ports_hold(ports, packet, source),
            _ => Tri::No,
        },
        Match::Udplite(_) => of_protocol(136, item, packet, source),
        Match::Dccp(_) => of_protocol(33, item, packet, source),
        Match::Sctp(sctp) => sctp_holds(sctp, item, packet, source),
        Match::Icmp(icmp) => icmp_holds(icmp, packet),
        Match::Multiport(multiport) => multiport_holds(multiport, item, packet, source),
        Match::Conntrack(ct) => conntrack(ct, item, ctx, source),
        Match::State(states) => {
            Tri::from(states.value & ct_state_bits(ctx.ct.as_ref()) != 0).negate_if(states.negated)
        }
        Match::Mark(Term { negated, value }) => {
            Tri::from(packet.mark & value.mask == value.value).negate_if(*negated)
        }
        Match::Connmark(mark) => connmark(mark, ctx),
        Match::AddressType(kinds) => {
            let device = match (kinds.limit_iif, kinds.limit_oif) {
                (true, _) => ctx.iif,
                (false, true) => ctx.oif,
                (false, false) => None,
            };
            let one = |term: Option<Term<u16>>, address| match term {
                None => Tri::Yes,
                Some(term) => {
                    address_type(term.value, address, device, ctx).negate_if(term.negated)
                }
            };
            one(kinds.src, packet.src).and(one(kinds.dst, packet.dst))
        }
        Match::Statistic(statistic) => chance(statistic, later),
        Match::Set(set) => {
            let noted = [scene.noted, ctx.notes];
            if noted
                .iter()
                .any(|notes| notes.sets.contains(&set.name.value))
            {
                let what = "a rule before it changed the set for this packet";
                return doubt(item, what, "", source);
            }
            scene.sets.matches(set, packet, ctx, source)
        }
        Match::Recent(recent) => recent_holds(recent, scene, later),
        Match::Physdev(wanted) => physdev(wanted, item, ctx, source),
        Match::Mac(mac) => mac_holds(*mac, item, ctx, source),
        Match::Owner(extension) => {
            if let Some(holds) = stranger(extension, ctx) {
                later.push(Deferred::Assume(STRANGER, holds));
                return Tri::Yes;
            }
            owner(extension, item, ctx, source)
        }
        Match::ReversePath(how) => reverse_path(*how, packet, ctx),
        Match::Socket(how) => socket(*how, item, packet, ctx, source),
        Match::Length(Term { negated, value }) => {
            ctx.looks_at_length();
            let (low, high) = (u32::from(value.0), u32::from(value.1));
            Tri::from((low..=high).contains(&packet.length)).negate_if(*negated)
        }
        Match::Ttl(ttl) => ttl_holds(*ttl, packet),
        Match::Tos(Term { negated, value }) => {
            Tri::from(packet.tos & value.1 == value.0).negate_if(*negated)
        }
        Match::Dscp(Term { negated, value }) => {
            Tri::from(packet.tos >> 2 == *value).negate_if(*negated)
        }
        Match::Ecn(ecn) => ecn_holds(*ecn, packet),
        Match::AddressRange(ranges) => {
            let one = |term: Option<Term<(IpAddr, IpAddr)>>, address| {
                term.is_none_or(|Term { negated, value }| {
                    (value.0..=value.1).contains(&address) != negated
                })
            };
            Tri::from(one(ranges.src, packet.src) && one(ranges.dst, packet.dst))
        }
        Match::PacketType(kind) => packet_type(*kind, packet, ctx),
        // No simulated connection was expected by a helper (`xt_helper.c`: no master, no match).
        Match::Helper(name) => Tri::from(name.negated),
        Match::Policy(extension) => policy(extension, later),
        Match::OfProtocol(_, extension) if &*extension.name == "tcpmss" => {
            content::tcpmss_holds(extension, item, scene, source)
        }
        Match::OfProtocol(protocol, _) => of_protocol(*protocol, item, packet, source),
        Match::Opaque(extension) => unseen::opaque(extension, item, scene, source, later),
        Match::Unknown(_) => doubt(
            item,
            "the extension is not known to this version",
            "",
            source,
        ),
    }
}

/// `recent_mt()`: what the lists held before is not captured, what this flow's packets did to them is known.
fn recent_holds<'r>(
    recent: &'r RecentMatch,
    scene: &Scene<'_>,
    later: &mut Vec<Deferred<'r>>,
) -> Tri {
    if recent.action.value == RecentAction::Set {
        return Tri::from(!recent.action.negated);
    }
    let hits = recent
        .options
        .iter()
        .find(|option| &*option.name == "--hitcount");
    let once = hits.is_none_or(|option| {
        option
            .values
            .iter()
            .any(|value| matches!(&*value.text, "0" | "1"))
    });
    let noted = [scene.noted, scene.ctx.notes];
    if once
        && noted
            .iter()
            .any(|notes| notes.recent.iter().any(|name| **name == *recent.name))
    {
        return Tri::from(!recent.action.negated);
    }
    later.push(Deferred::Assume(
        "no recent-list entry (session affinity) exists for this client: recent lists are not captured",
        recent.action.negated,
    ));
    Tri::Yes
}

/// Whether `rule` writes something down for later ones as soon as it matches, whatever its target (`recent_mt()`).
pub(super) fn notes_something(rule: &Rule) -> bool {
    rule.matches.iter().any(
        |item| matches!(item, Match::Recent(recent) if recent.action.value == RecentAction::Set),
    )
}

/// Writes down what the matches of a rule that holds have noted.
pub(super) fn note(rule: &Rule, notes: &mut Notes) {
    for item in &rule.matches {
        if let Match::Recent(recent) = item
            && recent.action.value == RecentAction::Set
        {
            notes.recent.push((&*recent.name).into());
        }
    }
}

/// The doubt that `item` raises.
pub(super) fn doubt(item: &Match, why: &str, settle: &str, source: &Source) -> Tri {
    let text = item.to_string();
    let text = text.strip_prefix("-m ").unwrap_or(&text);
    Tri::Unknown(Doubt {
        what: format!("match `{text}`: {why}"),
        settle: settle.to_owned(),
        source: Some(source.clone()),
    })
}

/// `statistic_mt()`: certain at both ends, else put off.
fn chance<'r>(statistic: &'r StatisticMatch, later: &mut Vec<Deferred<'r>>) -> Tri {
    let (certain, negated) = match statistic {
        StatisticMatch::Random(Term { negated, value }) => match *value {
            0 => (Some(false), *negated),
            probability::ONE => (Some(true), *negated),
            _ => (None, *negated),
        },
        StatisticMatch::Nth { every, .. } => ((every.value == 1).then_some(true), every.negated),
    };
    match certain {
        Some(certain) => Tri::from(certain != negated),
        None => {
            later.push(Deferred::Chance(statistic));
            Tri::Yes
        }
    }
}

/// `mac_mt()`: never for packets that did not come by Ethernet.
fn mac_holds(
    Term { negated, value }: Term<[u8; 6]>,
    item: &Match,
    ctx: &HookContext<'_>,
    source: &Source,
) -> Tri {
    if ctx.iif.is_none_or(|device| device == "lo") {
        return Tri::No;
    }
    match ctx.source_mac {
        Some(Mac(mac)) => Tri::from((mac == value) != negated),
        None => doubt(item, "the frame's source address is not known", "", source),
    }
}

/// `rpfilter_mt()`
fn reverse_path(how: ReversePathMatch, packet: &Packet, ctx: &HookContext<'_>) -> Tri {
    let from_nowhere = match (packet.src, packet.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            src.octets().starts_with(&[0])
                && (dst.is_broadcast() || dst.octets().starts_with(&[224, 0, 0]))
        }
        _ => false,
    };
    let answer = match ctx.iif {
        Some("lo") => Tri::Yes,
        _ if from_nowhere => Tri::Yes,
        None => Tri::Yes,
        Some(iif) => {
            let how = ReversePath {
                loose: how.loose,
                valid_mark: how.valid_mark,
                accept_local: how.accept_local,
            };
            ctx.surroundings.reverse_path(packet, iif, how)
        }
    };
    answer.negate_if(how.invert)
}

/// `socket_match()`: listeners bound to any address only count with `--nowildcard`.
fn socket(
    how: SocketMatch,
    item: &Match,
    packet: &Packet,
    ctx: &HookContext<'_>,
    source: &Source,
) -> Tri {
    match ctx.surroundings.socket(packet) {
        Tri::Yes if how.transparent => doubt(item, "IP_TRANSPARENT is not captured", "", source),
        Tri::Yes if !how.nowildcard => {
            doubt(item, "the socket may be bound to any address", "", source)
        }
        answer => answer,
    }
}

fn ttl_holds(ttl: TtlMatch, packet: &Packet) -> Tri {
    let hit = match ttl.compare.value {
        Compare::Equal => packet.ttl == ttl.value,
        Compare::Less => packet.ttl < ttl.value,
        Compare::Greater => packet.ttl > ttl.value,
    };
    Tri::from(hit != ttl.compare.negated)
}

/// `ecn_mt4()`
fn ecn_holds(ecn: EcnMatch, packet: &Packet) -> Tri {
    let flag = |term: Option<Term<()>>, bit: u8| match (term, &packet.transport) {
        (None, _) => true,
        (Some(term), Transport::Tcp { flags, .. }) => (flags.0 & bit != 0) != term.negated,
        (Some(_), _) => false,
    };
    let ect = (ecn.ect).is_none_or(|Term { negated, value }| (packet.tos & 3 == value) != negated);
    Tri::from(ect && flag(ecn.ece, 0x40) && flag(ecn.cwr, 0x80))
}

/// `pkttype_mt()`
fn packet_type(
    Term { negated, value }: Term<PacketType>,
    packet: &Packet,
    ctx: &HookContext<'_>,
) -> Tri {
    let kind = if packet.dst.is_multicast() {
        Tri::from(value == PacketType::Multicast)
    } else {
        let broadcast = match (packet.dst, ctx.surroundings.address_type(packet.dst, None)) {
            (IpAddr::V6(_), _) => Ok(false),
            (_, Ok(kind)) => Ok(kind == AddressType::Broadcast),
            (_, Err(unknown)) => Err(unknown),
        };
        match (broadcast, value) {
            (_, PacketType::Multicast) => Tri::No,
            (Ok(broadcast), PacketType::Broadcast) => Tri::from(broadcast),
            (Ok(broadcast), PacketType::Unicast) => Tri::from(!broadcast),
            (Err(unknown), PacketType::Broadcast | PacketType::Unicast) => unknown,
        }
    };
    kind.negate_if(negated)
}

/// `policy_mt()`: without IPsec only `--pol none` matches.
fn policy(extension: &Extension, later: &mut Vec<Deferred<'_>>) -> Tri {
    let none = (extension.options.iter()).any(|option| {
        option.name.as_ref() == "--pol" && option.values.iter().any(|value| &*value.text == "none")
    });
    later.push(Deferred::Assume(
        "no IPsec policy applies to this packet: `ip xfrm` is not captured",
        none,
    ));
    Tri::Yes
}
