//! `linkinfo.info_kind` and `info_data`: what a device is (iproute2's `ip/iplink_*.c` and `ip/link_*.c`).

use std::net::{IpAddr, Ipv4Addr};

use super::{Bridge, Encapsulation, Geneve, LinkKind, Tunnel, Vxlan};
use crate::evidence::json::{Fault, Object, integer};

pub(super) fn of(info: Option<&Object<'_>>, link_type: &str) -> Result<LinkKind, Fault> {
    let kind = match info {
        Some(info) => info.text("info_kind")?,
        None => None,
    };
    let Some(kind) = kind else {
        return Ok(if link_type == "loopback" {
            LinkKind::Loopback
        } else {
            LinkKind::Physical
        });
    };
    let data = match info {
        Some(info) => info.object("info_data")?,
        None => None,
    };
    let Some(data) = data else {
        return Ok(without_data(kind));
    };
    Ok(match kind.as_str() {
        "bridge" => LinkKind::Bridge(bridge(&data)?),
        // Old iproute2 stops after `external`: nothing else is known of such a device.
        "vxlan" if data.has("external") && !data.has("port") => without_data(kind),
        "vxlan" => LinkKind::Vxlan(vxlan(&data)?),
        "ipip" => LinkKind::Ipip(tunnel(kind, &data)?),
        "gre" => LinkKind::Gre {
            tunnel: tunnel(kind, &data)?,
            tap: false,
        },
        "gretap" | "erspan" => LinkKind::Gre {
            tunnel: tunnel(kind, &data)?,
            tap: true,
        },
        "sit" => LinkKind::Sit(tunnel(kind, &data)?),
        "ip6tnl" | "ip6gre" | "ip6gretap" | "ip6erspan" => {
            LinkKind::Ip6Tunnel(tunnel(kind, &data)?)
        }
        "geneve" => LinkKind::Geneve(geneve(&data)?),
        "ipvlan" | "ipvtap" => LinkKind::Ipvlan {
            mode: data.text("mode")?.unwrap_or_default(),
            flags: ipvlan_flags(&data)?,
        },
        "macvlan" | "macvtap" => LinkKind::Macvlan {
            mode: data.text("mode")?.unwrap_or_default(),
        },
        "vlan" => LinkKind::Vlan {
            id: data.required("id", data.number("id")?)?,
            protocol: data
                .text("protocol")?
                .unwrap_or_else(|| "802.1Q".to_owned()),
        },
        "bond" => LinkKind::Bond {
            mode: data.name("mode")?.unwrap_or_default(),
            active_slave: data.text("active_slave")?,
        },
        "tun" => LinkKind::Tun {
            tap: data.text("type")?.as_deref() == Some("tap"),
        },
        "vrf" => LinkKind::Vrf {
            table: data.required("table", data.number("table")?)?,
        },
        "netkit" => LinkKind::Netkit {
            mode: data.text("mode")?.unwrap_or_default(),
            policy: data.text("policy")?.unwrap_or_default(),
            primary: data.text("type")?.as_deref() != Some("peer"),
        },
        _ => without_data(kind),
    })
}

/// Kinds that need no data, and those whose data is missing.
fn without_data(kind: String) -> LinkKind {
    match kind.as_str() {
        "veth" => LinkKind::Veth,
        "dummy" => LinkKind::Dummy,
        "ifb" => LinkKind::Ifb,
        "wireguard" => LinkKind::Wireguard,
        _ => LinkKind::Other(kind),
    }
}

fn bridge(data: &Object<'_>) -> Result<Bridge, Fault> {
    Ok(Bridge {
        stp: data.number::<u32>("stp_state")?.unwrap_or(0) != 0,
        vlan_filtering: data.flag("vlan_filtering")?,
        vlan_default_pvid: data.number("vlan_default_pvid")?,
        vlan_protocol: data.text("vlan_protocol")?,
        nf_call_iptables: data.flag("nf_call_iptables")?,
        nf_call_ip6tables: data.flag("nf_call_ip6tables")?,
        nf_call_arptables: data.flag("nf_call_arptables")?,
        ageing_time: data.number("ageing_time")?.unwrap_or(30_000),
        mcast_snooping: data.flag("mcast_snooping")?,
        group_fwd_mask: group_fwd_mask(data)?,
        no_linklocal_learn: data.flag("no_linklocal_learn")?,
    })
}

/// Printed in hexadecimal, without `0x` as `group_fwd_mask` in some versions.
fn group_fwd_mask(data: &Object<'_>) -> Result<u16, Fault> {
    let Some(text) = data.name("group_fwd_mask")? else {
        return Ok(0);
    };
    u16::from_str_radix(text.trim_start_matches("0x"), 16)
        .map_err(|_| data.fault("group_fwd_mask", format!("`{text}` is no 16-bit mask")))
}

fn vxlan(data: &Object<'_>) -> Result<Vxlan, Fault> {
    let external = data.flag("external")?;
    let id = data.number("id")?;
    let source_ports = match data.object("port_range")? {
        Some(range) => (
            range.number("low")?.unwrap_or(0),
            range.number("high")?.unwrap_or(0),
        ),
        None => (0, 0),
    };
    Ok(Vxlan {
        id: if external {
            None
        } else {
            Some(data.required("id", id)?)
        },
        local: first_address(data, &["local", "local6"])?,
        remote: first_address(data, &["remote", "remote6", "group", "group6"])?,
        port: data.required("port", data.number("port")?)?,
        source_ports,
        lower: data.text("link")?,
        learning: data.flag_or("learning", !external)?,
        proxy: data.flag("proxy")?,
        rsc: data.flag("rsc")?,
        l2miss: data.flag("l2miss")?,
        l3miss: data.flag("l3miss")?,
        // `ttl inherit` prints "inherit", or nothing at all in iproute2 6.1.
        ttl: if external {
            Some(0)
        } else {
            inheritable(data, "ttl", None)?
        },
        tos: tos(data)?,
        df: data.text("df")?.unwrap_or_else(|| "unset".to_owned()),
        ageing: data.number("ageing")?,
        external,
        vnifilter: data.flag("vnifilter")?,
        gbp: data.flag("gbp")?,
        udp_csum: data.flag_or("udp_csum", true)?,
        udp_zero_csum6_tx: data.flag("udp_zero_csum6_tx")?,
        udp_zero_csum6_rx: data.flag("udp_zero_csum6_rx")?,
    })
}

fn tunnel(kind: String, data: &Object<'_>) -> Result<Tunnel, Fault> {
    Ok(Tunnel {
        local: end(data, "local")?,
        remote: end(data, "remote")?,
        lower: data.text("link")?,
        // 0 inherits, unlike for VXLAN (`ip_tunnel_xmit`).
        ttl: inheritable(data, "ttl", None)?.filter(|ttl| *ttl != 0),
        tos: tos(data)?,
        pmtudisc: data.flag_or("pmtudisc", true)?,
        ignore_df: data.flag("ignore_df")?,
        okey: key(data, "okey")?,
        ikey: key(data, "ikey")?,
        checksums: (data.flag("icsum")?, data.flag("ocsum")?),
        sequence: (data.flag("iseq")?, data.flag("oseq")?),
        external: data.flag("external")?,
        encap: encapsulation(data)?,
        mode: data.text("proto")?.or(data.text("mode")?),
        encap_limit: !data.flag("ip6_tnl_f_ign_encap_limit")?,
        kind,
    })
}

fn geneve(data: &Object<'_>) -> Result<Geneve, Fault> {
    let external = data.flag("external")?;
    Ok(Geneve {
        id: if external { None } else { data.number("id")? },
        remote: first_address(data, &["remote", "remote6"])?,
        port: data.number("port")?.unwrap_or(6081),
        ttl: inheritable(data, "ttl", Some(0))?,
        df: data.text("df")?.unwrap_or_else(|| "unset".to_owned()),
        external,
        inner_proto_inherit: data.flag("inner_proto_inherit")?,
    })
}

/// ipvlan's mode flags: one word or several.
fn ipvlan_flags(data: &Object<'_>) -> Result<Vec<String>, Fault> {
    let mut flags = Vec::new();
    for flag in ["bridge", "private", "vepa"] {
        if data.flag(flag)? {
            flags.push(flag.to_owned());
        }
    }
    if let Some(text) = data.text("mode_flag")? {
        flags.extend(text.split([',', ' ']).map(str::to_owned));
    }
    Ok(flags)
}

/// Another layer of UDP (`tnl_print_encap`); `type` is `none` without one.
fn encapsulation(data: &Object<'_>) -> Result<Option<Encapsulation>, Fault> {
    let Some(encap) = data.object("encap")? else {
        return Ok(None);
    };
    match encap.text("type")? {
        None => Ok(None),
        Some(kind) if kind == "none" => Ok(None),
        Some(kind) => Ok(Some(Encapsulation {
            kind,
            sport: encap.number("sport")?.unwrap_or(0),
            dport: encap.number("dport")?.unwrap_or(0),
        })),
    }
}

/// An end of a tunnel; `any` and the unspecified address are none.
fn end(data: &Object<'_>, key: &str) -> Result<Option<IpAddr>, Fault> {
    if data.text(key)?.as_deref() == Some("any") {
        return Ok(None);
    }
    Ok(data
        .parse::<IpAddr>(key, "an IP address")?
        .filter(|address| !address.is_unspecified()))
}

fn first_address(data: &Object<'_>, keys: &[&str]) -> Result<Option<IpAddr>, Fault> {
    for key in keys {
        if let Some(address) = end(data, key)? {
            return Ok(Some(address));
        }
    }
    Ok(None)
}

/// A number, or `inherit` (`None`); `missing` is what a missing member means.
fn inheritable(data: &Object<'_>, key: &str, missing: Option<u8>) -> Result<Option<u8>, Fault> {
    match data.name(key)?.as_deref() {
        None => Ok(missing),
        Some("inherit") => Ok(None),
        Some("auto") => Ok(Some(0)),
        Some(_) => data.number(key),
    }
}

/// The outer TOS: 1 is iproute2's and the kernel's mark for `inherit`, and no TOS is 0.
fn tos(data: &Object<'_>) -> Result<Option<u8>, Fault> {
    Ok(inheritable(data, "tos", Some(0))?.filter(|tos| *tos != 1))
}

/// A GRE key, printed as an address or as a number.
fn key(data: &Object<'_>, name: &str) -> Result<Option<u32>, Fault> {
    let Some(text) = data.name(name)? else {
        return Ok(None);
    };
    let number = match text.parse::<Ipv4Addr>() {
        Ok(address) => Some(u32::from(address)),
        Err(_) => integer(&text).and_then(|number| u32::try_from(number).ok()),
    };
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(data.fault(name, format!("`{text}` is no tunnel key"))),
    }
}
