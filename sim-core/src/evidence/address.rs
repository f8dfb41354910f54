//! `ip-addr.json`: addresses of devices, as `ip -j addr` prints them.

use std::net::IpAddr;
use std::sync::Arc;

use super::json::{self, Fault, Object};
use super::route::Scope;
use crate::source::{Parsed, Source, SourceFile};

/// An address of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The device.
    pub device: String,
    /// Its index.
    pub device_index: u32,
    /// The address.
    pub local: IpAddr,
    /// The far end of a point-to-point address.
    pub peer: Option<IpAddr>,
    /// Length of the connected prefix (of `peer` where there is one).
    pub prefix_len: u8,
    /// Its scope.
    pub scope: Scope,
    /// Flags.
    pub flags: AddressFlags,
    /// Its broadcast address.
    pub broadcast: Option<IpAddr>,
    /// An anycast address (IPv6).
    pub anycast: bool,
    /// Its label, e.g. `eth0:1`.
    pub label: Option<String>,
    /// Where it was read.
    pub source: Source,
}

/// An address's flags (`IFA_F_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AddressFlags {
    /// A later address of the same prefix (IPv4), or a temporary one (IPv6).
    pub secondary: bool,
    /// Not for new connections.
    pub deprecated: bool,
    /// Duplicate address detection failed: it is not used.
    pub dadfailed: bool,
    /// Duplicate address detection is under way: it is not used yet.
    pub tentative: bool,
    /// May be used while tentative.
    pub optimistic: bool,
    /// No duplicate address detection.
    pub nodad: bool,
    /// No connected route was made for it.
    pub noprefixroute: bool,
    /// A temporary (privacy) address.
    pub temporary: bool,
    /// Has a limited lifetime.
    pub dynamic: bool,
    /// Mobile IPv6 home address.
    pub home: bool,
    /// Temporary addresses are made of it.
    pub mngtmpaddr: bool,
    /// Joins multicast groups.
    pub autojoin: bool,
}

/// Reads `ip-addr.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Address>> {
    let mut value = Vec::new();
    let mut skipped = Vec::new();
    let mut problems = json::each(file, |link| {
        let device = link.required("ifname", link.text("ifname")?)?;
        let index = link.required("ifindex", link.number("ifindex")?)?;
        for item in link.objects("addr_info")? {
            // One faulty address does not hide its device's others.
            match address(&item, &device, index) {
                Ok(Some(address)) => value.push(address),
                Ok(None) => {}
                Err(fault) => skipped.push(fault.problem(file)),
            }
        }
        Ok(())
    });
    problems.append(&mut skipped);
    Parsed { value, problems }
}

fn address(item: &Object<'_>, device: &str, index: u32) -> Result<Option<Address>, Fault> {
    // `{}` stands for an address that a filter left out; other families (mctp) have no IP address.
    if item.is_empty()
        || !matches!(
            item.text("family")?.as_deref(),
            None | Some("inet" | "inet6")
        )
    {
        return Ok(None);
    }
    // IPv6 prints only the anycast address of an `IFA_ANYCAST` entry, multicast ones likewise.
    let anycast: Option<IpAddr> = item.parse("anycast", "an IP address")?;
    if item.has("multicast") {
        return Ok(None);
    }
    let local: Option<IpAddr> = item.parse("local", "an IP address")?;
    let local = item.required("local", local.or(anycast))?;
    let prefix_len = item
        .number("prefixlen")?
        .unwrap_or(if local.is_ipv4() { 32 } else { 128 });
    if ipnet::IpNet::new(local, prefix_len).is_err() {
        return Err(item.fault("prefixlen", format!("`{prefix_len}` is out of range")));
    }
    Ok(Some(Address {
        device: device.to_owned(),
        device_index: index,
        local,
        peer: item.parse("address", "an IP address")?,
        prefix_len,
        scope: Scope::of(item, Scope::GLOBAL)?,
        flags: flags(item)?,
        broadcast: item.parse("broadcast", "an IP address")?,
        anycast: anycast.is_some(),
        label: item.text("label")?,
        source: item.source(),
    }))
}

fn flags(item: &Object<'_>) -> Result<AddressFlags, Fault> {
    Ok(AddressFlags {
        secondary: item.flag("secondary")?,
        deprecated: item.flag("deprecated")?,
        dadfailed: item.flag("dadfailed")?,
        tentative: item.flag("tentative")?,
        optimistic: item.flag("optimistic")?,
        nodad: item.flag("nodad")?,
        noprefixroute: item.flag("noprefixroute")?,
        temporary: item.flag("temporary")?,
        dynamic: item.flag("dynamic")?,
        home: item.flag("home")?,
        mngtmpaddr: item.flag("mngtmpaddr")?,
        autojoin: item.flag("autojoin")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file, problems};

    const REAL: &str = r#"[{},{"ifindex":5,"link_index":4,"ifname":"va","flags":["UP"],"mtu":1500,"addr_info":[
        {"family":"inet","local":"10.0.0.1","prefixlen":24,"broadcast":"10.0.0.255","scope":"global","label":"va","valid_life_time":4294967295,"preferred_life_time":4294967295},
        {"family":"inet","local":"10.9.0.1","address":"10.9.0.2","prefixlen":32,"scope":"global","label":"va:1"},
        {"family":"inet","local":"10.0.0.9","prefixlen":24,"scope":"global","secondary":true,"label":"va"},
        {"family":"inet6","local":"fe80::1","prefixlen":64,"scope":"link","tentative":true,"dadfailed":true}]}]"#;

    #[test]
    fn addresses_keep_device_peer_scope_and_flags() {
        let file = file("ip-addr.json", REAL);
        let all = clean(parse(&file));
        assert_eq!(all.len(), 4);
        assert_eq!((all[0].device.as_str(), all[0].device_index), ("va", 5));
        assert_eq!(all[0].broadcast, Some([10, 0, 0, 255].into()));
        assert_eq!(all[1].peer, Some([10, 9, 0, 2].into()));
        assert!(all[2].flags.secondary && !all[0].flags.secondary);
        assert!(all[3].flags.tentative && all[3].flags.dadfailed);
        assert_eq!(all[3].scope, Scope::LINK);
        assert_eq!(all[3].source.to_string(), "ip-addr.json /1/addr_info/3");
        assert!(all[3].source.text().starts_with(r#"{"family":"inet6""#));
    }

    #[test]
    fn a_faulty_address_is_left_out_and_its_neighbours_load() {
        let text = REAL
            .replace(r#""prefixlen":32"#, r#""prefixlen":33"#)
            .replace("fe80::1", "fe80:::1");
        let parsed = parse(&file("ip-addr.json", &text));
        assert_eq!(parsed.value.len(), 2);
        assert_eq!(
            problems(&parsed),
            [
                "ip-addr.json /1/addr_info/1/prefixlen: `33` is out of range",
                "ip-addr.json /1/addr_info/3/local: `fe80:::1` is not an IP address",
            ]
        );
    }
}
