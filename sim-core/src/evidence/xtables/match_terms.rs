//! Typed matches with several options: conntrack, addrtype, set, recent, physdev and others.

use super::match_parse::STATES;
use super::section::Section;
use super::value;
use super::{
    AddressRangeMatch, AddressTypeMatch, Compare, ConntrackMatch, EcnMatch, Extension,
    PhysdevMatch, RecentAction, RecentMatch, ReversePathMatch, SetMatch, SocketMatch,
    StatisticMatch, Term, TtlMatch, ct_bits,
};
use crate::evidence::names::protocol_number;

pub(super) const STATUSES: &[(&str, u8)] = &[
    ("NONE", 0),
    ("EXPECTED", ct_bits::EXPECTED),
    ("SEEN_REPLY", ct_bits::SEEN_REPLY),
    ("ASSURED", ct_bits::ASSURED),
    ("CONFIRMED", ct_bits::CONFIRMED),
];

/// `RTN_*`, in the order of their numbers.
pub(super) const ADDRESS_TYPES: &[(&str, u16)] = &[
    ("UNSPEC", 1 << 0),
    ("UNICAST", 1 << 1),
    ("LOCAL", 1 << 2),
    ("BROADCAST", 1 << 3),
    ("ANYCAST", 1 << 4),
    ("MULTICAST", 1 << 5),
    ("BLACKHOLE", 1 << 6),
    ("UNREACHABLE", 1 << 7),
    ("PROHIBIT", 1 << 8),
    ("THROW", 1 << 9),
    ("NAT", 1 << 10),
    ("XRESOLVE", 1 << 11),
];

pub(super) fn conntrack(section: &Section<'_, '_>) -> Option<ConntrackMatch> {
    let mut ct = ConntrackMatch::default();
    for option in &section.options {
        let text = option.one()?;
        let address = || Some(option.term(value::address_mask(text)?));
        let ports = || Some(option.term(value::ports(text)?));
        match option.name {
            "--ctstate" => ct.state = Some(option.term(value::bits(text, STATES)?)),
            "--ctstatus" => ct.status = Some(option.term(value::bits(text, STATUSES)?)),
            "--ctproto" => ct.protocol = Some(option.term(protocol_number(text)?)),
            "--ctorigsrc" => ct.original_src = Some(address()?),
            "--ctorigdst" => ct.original_dst = Some(address()?),
            "--ctreplsrc" => ct.reply_src = Some(address()?),
            "--ctrepldst" => ct.reply_dst = Some(address()?),
            "--ctorigsrcport" => ct.original_sport = Some(ports()?),
            "--ctorigdstport" => ct.original_dport = Some(ports()?),
            "--ctreplsrcport" => ct.reply_sport = Some(ports()?),
            "--ctrepldstport" => ct.reply_dport = Some(ports()?),
            "--ctexpire" => {
                let seconds = value::range(text, (0, u32::MAX), value::number)?;
                ct.expire = Some(option.term(seconds));
            }
            "--ctdir" => {
                let original = match text {
                    "ORIGINAL" => true,
                    "REPLY" => false,
                    _ => return None,
                };
                ct.original_direction = Some(option.term(original));
            }
            _ => return None,
        }
    }
    Some(ct)
}

pub(super) fn address_type(section: &Section<'_, '_>) -> Option<AddressTypeMatch> {
    let mut kinds = AddressTypeMatch::default();
    for option in &section.options {
        match option.name {
            "--src-type" => {
                kinds.src = Some(option.term(value::bits(option.one()?, ADDRESS_TYPES)?));
            }
            "--dst-type" => {
                kinds.dst = Some(option.term(value::bits(option.one()?, ADDRESS_TYPES)?));
            }
            "--limit-iface-in" => {
                option.plain_flag()?;
                kinds.limit_iif = true;
            }
            "--limit-iface-out" => {
                option.plain_flag()?;
                kinds.limit_oif = true;
            }
            _ => return None,
        }
    }
    Some(kinds)
}

pub(super) fn statistic(section: &Section<'_, '_>) -> Option<StatisticMatch> {
    let mut mode = None;
    let (mut probability, mut every, mut packet) = (None, None, 0);
    for option in &section.options {
        match option.name {
            "--mode" => mode = Some(option.plain()?),
            "--probability" => probability = Some(option.term(threshold(option.one()?)?)),
            "--every" => every = Some(option.term(value::number(option.one()?)?)),
            "--packet" => packet = value::number(option.plain()?)?,
            _ => return None,
        }
    }
    match (mode?, probability, every) {
        ("random", Some(probability), None) => Some(StatisticMatch::Random(probability)),
        ("nth", None, Some(every)) if every.value > 0 => {
            Some(StatisticMatch::Nth { every, packet })
        }
        _ => None,
    }
}

/// A probability as the kernel keeps it: `round(p * 2^31)`. Its eleven printed digits tell these apart.
fn threshold(text: &str) -> Option<u32> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    let (mut numerator, mut denominator): (u128, u128) = (whole.parse().ok()?, 1);
    for digit in digits.chars().take(20) {
        numerator = numerator.checked_mul(10)? + u128::from(digit.to_digit(10)?);
        denominator *= 10;
    }
    if numerator > denominator {
        return None;
    }
    let scaled = (numerator * (1 << 31) * 2 + denominator) / (denominator * 2);
    u32::try_from(scaled).ok()
}

pub(super) fn set(section: &Section<'_, '_>) -> Option<SetMatch> {
    let mut set = None;
    let mut return_nomatch = false;
    let mut options = Vec::new();
    for option in &section.options {
        match option.name {
            "--match-set" | "--set" if set.is_none() => {
                let (name, directions) = option.two()?;
                set = Some((option.term(name.into()), dimensions(directions)?));
            }
            "--return-nomatch" => {
                option.plain_flag()?;
                return_nomatch = true;
            }
            "--update-counters" | "--update-subcounters" => {
                option.flag()?;
                options.push(option.keep());
            }
            "--packets-eq" | "--packets-lt" | "--packets-gt" | "--bytes-eq" | "--bytes-lt"
            | "--bytes-gt" => {
                option.one()?;
                options.push(option.keep());
            }
            _ => return None,
        }
    }
    let (name, src) = set?;
    Some(SetMatch {
        name,
        src,
        return_nomatch,
        options,
    })
}

/// `src,dst`: for each dimension, whether it looks at the source.
pub(super) fn dimensions(text: &str) -> Option<Vec<bool>> {
    text.split(',')
        .map(|direction| match direction {
            "src" => Some(true),
            "dst" => Some(false),
            _ => None,
        })
        .collect()
}

pub(super) fn recent(section: &Section<'_, '_>) -> Option<RecentMatch> {
    let (mut action, mut name) = (None, None);
    let mut options = Vec::new();
    for option in &section.options {
        let found = match option.name {
            "--set" => RecentAction::Set,
            "--rcheck" => RecentAction::Check,
            "--update" => RecentAction::Update,
            "--remove" => RecentAction::Remove,
            "--name" => {
                name = Some(option.plain()?);
                continue;
            }
            "--seconds" | "--hitcount" | "--mask" => {
                option.plain()?;
                options.push(option.keep());
                continue;
            }
            "--reap" | "--rttl" | "--rsource" | "--rdest" => {
                option.plain_flag()?;
                options.push(option.keep());
                continue;
            }
            _ => return None,
        };
        option.flag()?;
        action = Some(option.term(found));
    }
    Some(RecentMatch {
        action: action?,
        name: name.unwrap_or("DEFAULT").into(),
        options,
    })
}

pub(super) fn physdev(section: &Section<'_, '_>) -> Option<PhysdevMatch> {
    let mut physdev = PhysdevMatch::default();
    for option in &section.options {
        let flag = |slot: &mut Option<Term<()>>| {
            *slot = Some(option.term(option.flag()?));
            Some(())
        };
        match option.name {
            "--physdev-in" => {
                physdev.physin = Some(option.term(value::interface(option.one()?)));
            }
            "--physdev-out" => {
                physdev.physout = Some(option.term(value::interface(option.one()?)));
            }
            "--physdev-is-in" => flag(&mut physdev.is_in)?,
            "--physdev-is-out" => flag(&mut physdev.is_out)?,
            "--physdev-is-bridged" => flag(&mut physdev.is_bridged)?,
            _ => return None,
        }
    }
    Some(physdev)
}

pub(super) fn owner(section: &Section<'_, '_>) -> Option<Extension> {
    for option in &section.options {
        match option.name {
            "--uid-owner" | "--gid-owner" => {
                option.one()?;
            }
            "--socket-exists" | "--suppl-groups" => option.flag()?,
            _ => return None,
        }
    }
    Some(section.keep())
}

pub(super) fn reverse_path(section: &Section<'_, '_>) -> Option<ReversePathMatch> {
    let mut reverse_path = ReversePathMatch::default();
    for option in &section.options {
        option.plain_flag()?;
        match option.name {
            "--loose" => reverse_path.loose = true,
            "--validmark" => reverse_path.valid_mark = true,
            "--accept-local" => reverse_path.accept_local = true,
            "--invert" => reverse_path.invert = true,
            _ => return None,
        }
    }
    Some(reverse_path)
}

pub(super) fn socket(section: &Section<'_, '_>) -> Option<SocketMatch> {
    let mut socket = SocketMatch::default();
    for option in &section.options {
        option.plain_flag()?;
        match option.name {
            "--transparent" => socket.transparent = true,
            "--nowildcard" => socket.nowildcard = true,
            "--restore-skmark" => socket.restore_mark = true,
            _ => return None,
        }
    }
    Some(socket)
}

pub(super) fn ttl(section: &Section<'_, '_>, v6: bool) -> Option<TtlMatch> {
    let [option] = section.options.as_slice() else {
        return None;
    };
    let compare = match (option.name, v6) {
        ("--ttl-eq" | "--ttl", false) | ("--hl-eq", true) => Compare::Equal,
        ("--ttl-lt", false) | ("--hl-lt", true) if !option.negated => Compare::Less,
        ("--ttl-gt", false) | ("--hl-gt", true) if !option.negated => Compare::Greater,
        _ => return None,
    };
    Some(TtlMatch {
        v6,
        compare: option.term(compare),
        value: value::byte(option.one()?)?,
    })
}

pub(super) fn ecn(section: &Section<'_, '_>) -> Option<EcnMatch> {
    let mut ecn = EcnMatch::default();
    for option in &section.options {
        match option.name {
            "--ecn-tcp-cwr" => ecn.cwr = Some(option.term(option.flag()?)),
            "--ecn-tcp-ece" => ecn.ece = Some(option.term(option.flag()?)),
            "--ecn-ip-ect" => {
                let ect = value::byte(option.one()?)?;
                (ect <= 3).then_some(())?;
                ecn.ect = Some(option.term(ect));
            }
            _ => return None,
        }
    }
    Some(ecn)
}

pub(super) fn address_range(section: &Section<'_, '_>) -> Option<AddressRangeMatch> {
    let mut ranges = AddressRangeMatch::default();
    for option in &section.options {
        let range = option.term(value::address_range(option.one()?)?);
        match option.name {
            "--src-range" => ranges.src = Some(range),
            "--dst-range" => ranges.dst = Some(range),
            _ => return None,
        }
    }
    Some(ranges)
}
