//! From a target's options to a typed target.

use super::match_terms::dimensions;
use super::section::Section;
use super::value;
use super::{
    ConnmarkAction, ConnmarkTarget, CtTarget, CtZone, CtZoneDirection, MarkChange, NatTarget,
    RejectKind, Target, TproxyTarget, TtlChange,
};

/// Targets that let the packet go on, unchanged in everything that is modelled.
const HARMLESS: &[&str] = &[
    "LOG",
    "NFLOG",
    "ULOG",
    "TRACE",
    "CHECKSUM",
    "CLASSIFY",
    "CONNSECMARK",
    "SECMARK",
    "AUDIT",
    "IDLETIMER",
    "LED",
    "RATEEST",
    "ECN",
    "TCPOPTSTRIP",
];

pub(super) const REJECTS: &[(&str, RejectKind)] = &[
    ("tcp-reset", RejectKind::TcpReset),
    ("icmp-net-unreachable", RejectKind::Icmp(0)),
    ("icmp-host-unreachable", RejectKind::Icmp(1)),
    ("icmp-proto-unreachable", RejectKind::Icmp(2)),
    ("icmp-port-unreachable", RejectKind::Icmp(3)),
    ("icmp-net-prohibited", RejectKind::Icmp(9)),
    ("icmp-host-prohibited", RejectKind::Icmp(10)),
    ("icmp-admin-prohibited", RejectKind::Icmp(13)),
    ("icmp6-no-route", RejectKind::Icmp6(0)),
    ("icmp6-adm-prohibited", RejectKind::Icmp6(1)),
    ("icmp6-addr-unreachable", RejectKind::Icmp6(3)),
    ("icmp6-port-unreachable", RejectKind::Icmp6(4)),
    ("icmp6-policy-fail", RejectKind::Icmp6(5)),
    ("icmp6-reject-route", RejectKind::Icmp6(6)),
];

/// The target that `section` writes; what is not understood is kept as it is.
pub(super) fn parse(section: &Section<'_, '_>) -> Target {
    if let Some(known) = typed(section) {
        return known;
    }
    Target::Unknown(section.keep())
}

fn typed(section: &Section<'_, '_>) -> Option<Target> {
    Some(match section.name {
        "ACCEPT" => bare(section, Target::Accept)?,
        "DROP" => bare(section, Target::Drop)?,
        "RETURN" => bare(section, Target::Return)?,
        "QUEUE" | "NFQUEUE" => queue(section)?,
        "REJECT" => Target::Reject(reject(section)?),
        "MARK" => Target::Mark(mark(section)?),
        "CONNMARK" => Target::Connmark(connmark(section)?),
        "CT" | "NOTRACK" => Target::Ct(ct(section)?),
        "DNAT" => Target::Dnat(nat(section, "--to-destination")?),
        "SNAT" => Target::Snat(nat(section, "--to-source")?),
        "MASQUERADE" => Target::Masquerade(nat(section, "")?),
        "REDIRECT" => Target::Redirect(nat(section, "")?),
        "NETMAP" => netmap(section)?,
        "TPROXY" => Target::Tproxy(tproxy(section)?),
        "TCPMSS" => tcpmss(section)?,
        "TOS" => tos(section)?,
        "DSCP" => dscp(section)?,
        "TTL" | "HL" => ttl(section)?,
        "TEE" => tee(section)?,
        "SET" => set(section)?,
        name if HARMLESS.contains(&name) => Target::Harmless(section.keep()),
        _ => return None,
    })
}

fn bare(section: &Section<'_, '_>, target: Target) -> Option<Target> {
    section.options.is_empty().then_some(target)
}

fn queue(section: &Section<'_, '_>) -> Option<Target> {
    let mut bypass = false;
    for option in &section.options {
        match option.name {
            "--queue-num" | "--queue-balance" => {
                option.plain()?;
            }
            "--queue-bypass" => {
                option.plain_flag()?;
                bypass = true;
            }
            "--queue-cpu-fanout" => option.plain_flag()?,
            _ => return None,
        }
    }
    Some(Target::Queue {
        bypass,
        extension: section.keep(),
    })
}

fn reject(section: &Section<'_, '_>) -> Option<RejectKind> {
    match section.options.as_slice() {
        // ip6tables-save always names the answer, so that a bare REJECT is IPv4's default.
        [] => Some(RejectKind::Icmp(3)),
        [option] if option.name == "--reject-with" => {
            let name = option.plain()?;
            let (_, kind) = REJECTS.iter().find(|(known, _)| *known == name)?;
            Some(*kind)
        }
        _ => None,
    }
}

fn mark(section: &Section<'_, '_>) -> Option<MarkChange> {
    let [option] = section.options.as_slice() else {
        return None;
    };
    mark_change(option.name, option.plain()?)
}

/// `--set-mark` and its relatives as `(mark & !mask) ^ value` (`mark_tg_parse()` of libxt_MARK.c).
fn mark_change(option: &str, text: &str) -> Option<MarkChange> {
    Some(match option {
        "--set-xmark" => {
            let mark = value::mark(text)?;
            MarkChange {
                value: mark.value,
                mask: mark.mask,
            }
        }
        "--set-mark" => {
            let mark = value::mark(text)?;
            MarkChange {
                value: mark.value,
                mask: mark.mask | mark.value,
            }
        }
        "--and-mark" => MarkChange {
            value: 0,
            mask: !value::number(text)?,
        },
        "--or-mark" => {
            let value = value::number(text)?;
            MarkChange { value, mask: value }
        }
        "--xor-mark" => MarkChange {
            value: value::number(text)?,
            mask: 0,
        },
        _ => return None,
    })
}

fn connmark(section: &Section<'_, '_>) -> Option<ConnmarkTarget> {
    let (mut change, mut save, mut restore) = (None, false, false);
    let (mut nfmask, mut ctmask, mut shift) = (u32::MAX, u32::MAX, 0);
    for option in &section.options {
        match option.name {
            "--save-mark" => {
                option.plain_flag()?;
                save = true;
            }
            "--restore-mark" => {
                option.plain_flag()?;
                restore = true;
            }
            "--nfmask" => nfmask = value::number(option.plain()?)?,
            "--ctmask" => ctmask = value::number(option.plain()?)?,
            "--mask" => {
                nfmask = value::number(option.plain()?)?;
                ctmask = nfmask;
            }
            "--left-shift-mark" => shift = shift_of(option.plain()?)?,
            "--right-shift-mark" => shift = -shift_of(option.plain()?)?,
            name => change = Some(mark_change(name, option.plain()?)?),
        }
    }
    let action = match (change, save, restore) {
        (Some(change), false, false) => ConnmarkAction::Set(change),
        (None, true, false) => ConnmarkAction::Save { nfmask, ctmask },
        (None, false, true) => ConnmarkAction::Restore { nfmask, ctmask },
        _ => return None,
    };
    Some(ConnmarkTarget { action, shift })
}

fn shift_of(text: &str) -> Option<i8> {
    let shift = text.parse().ok()?;
    (0..32).contains(&shift).then_some(shift)
}

fn ct(section: &Section<'_, '_>) -> Option<CtTarget> {
    let mut notrack = section.name == "NOTRACK";
    let mut zone = None;
    for option in &section.options {
        let direction = match option.name {
            "--notrack" => {
                option.plain_flag()?;
                notrack = true;
                continue;
            }
            "--helper" | "--timeout" | "--ctevents" | "--expevents" => {
                option.plain()?;
                continue;
            }
            "--zone" => CtZoneDirection::Both,
            "--zone-orig" => CtZoneDirection::Original,
            "--zone-reply" => CtZoneDirection::Reply,
            _ => return None,
        };
        let id = match option.plain()? {
            "mark" => None,
            id => Some(id.parse().ok()?),
        };
        zone = Some(CtZone { id, direction });
    }
    Some(CtTarget {
        notrack,
        zone,
        extension: section.keep(),
    })
}

/// `DNAT` and `SNAT` say where to with `to`; `MASQUERADE` and `REDIRECT` know only ports.
fn nat(section: &Section<'_, '_>, to: &str) -> Option<NatTarget> {
    let mut nat = NatTarget::default();
    let mut named = to.is_empty();
    for option in &section.options {
        match option.name {
            "--random" => {
                option.plain_flag()?;
                nat.random = true;
            }
            "--random-fully" => {
                option.plain_flag()?;
                nat.random_fully = true;
            }
            "--persistent" if !to.is_empty() => {
                option.plain_flag()?;
                nat.persistent = true;
            }
            "--to-ports" if to.is_empty() => {
                nat.ports = Some(value::target_ports(option.plain()?)?);
            }
            name if name == to && !named => {
                named = true;
                nat_goal(option.plain()?, &mut nat)?;
            }
            _ => return None,
        }
    }
    named.then_some(nat)
}

/// `1.2.3.4-1.2.3.9:5-9/5`, `[2001:db8::1]:5`, `2001:db8::1`, `:5`.
fn nat_goal(text: &str, nat: &mut NatTarget) -> Option<()> {
    let (addresses, ports) = if let Some(inner) = text.strip_prefix('[') {
        let (addresses, rest) = inner.split_once(']')?;
        match rest.strip_prefix(':') {
            Some(ports) => (addresses, Some(ports)),
            None if rest.is_empty() => (addresses, None),
            None => return None,
        }
    } else {
        match text.split_once(':') {
            Some((addresses, ports)) if !ports.contains(':') => (addresses, Some(ports)),
            _ => (text, None),
        }
    };
    if !addresses.is_empty() {
        nat.addresses = Some(value::address_range(addresses)?);
    }
    if let Some(ports) = ports {
        let (ports, base) = match ports.split_once('/') {
            Some((ports, base)) => (ports, Some(value::port(base)?)),
            None => (ports, None),
        };
        nat.ports = Some(value::target_ports(ports)?);
        nat.base_port = base;
    }
    Some(())
}

fn netmap(section: &Section<'_, '_>) -> Option<Target> {
    let [option] = section.options.as_slice() else {
        return None;
    };
    if option.name != "--to" {
        return None;
    }
    let network = value::address_mask(option.plain()?)?;
    Some(Target::Netmap {
        network: network.address,
        prefix: u8::try_from(network.prefix_len()?).ok()?,
    })
}

fn tproxy(section: &Section<'_, '_>) -> Option<TproxyTarget> {
    let (mut port, mut address) = (None, None);
    let mut mark = MarkChange { value: 0, mask: 0 };
    for option in &section.options {
        let text = option.plain()?;
        match option.name {
            "--on-port" => port = Some(value::port(text)?),
            "--on-ip" => address = Some(text.parse().ok()?),
            "--tproxy-mark" => mark = mark_change("--set-xmark", text)?,
            _ => return None,
        }
    }
    Some(TproxyTarget {
        port: port?,
        address,
        mark,
    })
}

fn tcpmss(section: &Section<'_, '_>) -> Option<Target> {
    match section.options.as_slice() {
        [option] if option.name == "--clamp-mss-to-pmtu" => {
            option.plain_flag()?;
            Some(Target::Tcpmss(None))
        }
        [option] if option.name == "--set-mss" => {
            Some(Target::Tcpmss(Some(option.plain()?.parse().ok()?)))
        }
        _ => None,
    }
}

fn tos(section: &Section<'_, '_>) -> Option<Target> {
    let [option] = section.options.as_slice() else {
        return None;
    };
    let text = option.plain()?;
    let (value, mask) = match text.split_once('/') {
        Some((value, mask)) => (value::byte(value)?, value::byte(mask)?),
        None => (value::byte(text)?, u8::MAX),
    };
    Some(match option.name {
        "--set-tos" => Target::Tos { value, mask },
        "--and-tos" => Target::Tos {
            value: 0,
            mask: !value,
        },
        "--or-tos" => Target::Tos { value, mask: value },
        "--xor-tos" => Target::Tos { value, mask: 0 },
        _ => return None,
    })
}

fn dscp(section: &Section<'_, '_>) -> Option<Target> {
    let [option] = section.options.as_slice() else {
        return None;
    };
    let dscp = value::byte(option.plain()?)?;
    (option.name == "--set-dscp" && dscp < 64).then_some(Target::Dscp(dscp))
}

fn ttl(section: &Section<'_, '_>) -> Option<Target> {
    let [option] = section.options.as_slice() else {
        return None;
    };
    let v6 = section.name == "HL";
    let change = match (option.name, v6) {
        ("--ttl-set", false) | ("--hl-set", true) => TtlChange::Set,
        ("--ttl-inc", false) | ("--hl-inc", true) => TtlChange::Increase,
        ("--ttl-dec", false) | ("--hl-dec", true) => TtlChange::Decrease,
        _ => return None,
    };
    let value = value::byte(option.plain()?)?;
    Some(Target::Ttl { v6, change, value })
}

fn tee(section: &Section<'_, '_>) -> Option<Target> {
    let (mut gateway, mut oif) = (None, None);
    for option in &section.options {
        match option.name {
            "--gateway" => gateway = Some(option.plain()?.parse().ok()?),
            "--oif" => oif = Some(option.plain()?.into()),
            _ => return None,
        }
    }
    Some(Target::Tee {
        gateway: gateway?,
        oif,
    })
}

/// `SET` changes sets; with `--map-mark` it also takes the packet's mark from one, which is not modelled.
fn set(section: &Section<'_, '_>) -> Option<Target> {
    let mut sets = Vec::new();
    for option in &section.options {
        match option.name {
            "--add-set" | "--del-set" | "--map-set" => {
                let (name, directions) = option.two()?;
                dimensions(directions)?;
                if option.name != "--map-set" {
                    sets.push(name.into());
                }
            }
            "--exist" | "--map-prio" | "--map-queue" => option.plain_flag()?,
            "--timeout" => {
                option.plain()?;
            }
            _ => return None,
        }
    }
    Some(Target::Set {
        changes: sets,
        extension: section.keep(),
    })
}
