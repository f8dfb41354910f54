//! `addrtype` (`xt_addrtype.c`).

use std::net::{IpAddr, Ipv6Addr};

use crate::linux::choice::Tri;
use crate::linux::netfilter::{AddressType, HookContext};

/// Whether `address` is of one of the kinds in `bits`, seen from `device` where given.
pub(super) fn address_type(
    bits: u16,
    address: IpAddr,
    device: Option<&str>,
    ctx: &HookContext<'_>,
) -> Tri {
    let holds = match address {
        IpAddr::V4(_) => {
            (ctx.surroundings.address_type(address, device)).map(|kind| has(bits, kind))
        }
        IpAddr::V6(address) => matches_v6(bits, address, device, ctx),
    };
    match holds {
        Ok(holds) => Tri::from(holds),
        Err(unknown) => unknown,
    }
}

/// `match_type6()`: unlike IPv4's, the address must be of every kind that it shows by itself, and its route of one of
/// those that are asked for (`match_lookup_rt6`): the machine's own addresses are unicast, too.
fn matches_v6(
    bits: u16,
    address: Ipv6Addr,
    device: Option<&str>,
    ctx: &HookContext<'_>,
) -> Result<bool, Tri> {
    let is_mapped = address.to_ipv4_mapped().is_some();
    let is_unicast = !(address.is_multicast() || address.is_unspecified() || is_mapped);
    if (has(bits, AddressType::Multicast) && !address.is_multicast())
        || (has(bits, AddressType::Unicast) && !is_unicast)
        || (has(bits, AddressType::Unspec) && !address.is_unspecified())
    {
        return Ok(false);
    }
    let [local, anycast, unreachable] = [
        AddressType::Local,
        AddressType::Anycast,
        AddressType::Unreachable,
    ]
    .map(|kind| has(bits, kind));
    if !(local || anycast || unreachable) {
        return Ok(true);
    }
    let surroundings = ctx.surroundings;
    let kind = surroundings.route_type((address, Ipv6Addr::UNSPECIFIED), 0, device)?;
    // With a device in the question, only its own addresses are local.
    let is_own = match device {
        Some(device) => local && surroundings.has_address(address.into(), device)?,
        None => local && kind == AddressType::Local,
    };
    Ok(match kind {
        AddressType::Blackhole
        | AddressType::Unreachable
        | AddressType::Prohibit
        | AddressType::Throw => unreachable,
        AddressType::Anycast => anycast || is_own,
        AddressType::Unspec
        | AddressType::Unicast
        | AddressType::Local
        | AddressType::Broadcast
        | AddressType::Multicast => is_own,
    })
}

/// `XT_ADDRTYPE_*`.
fn has(bits: u16, kind: AddressType) -> bool {
    let number = match kind {
        AddressType::Unspec => 0,
        AddressType::Unicast => 1,
        AddressType::Local => 2,
        AddressType::Broadcast => 3,
        AddressType::Anycast => 4,
        AddressType::Multicast => 5,
        AddressType::Blackhole => 6,
        AddressType::Unreachable => 7,
        AddressType::Prohibit => 8,
        AddressType::Throw => 9,
    };
    bits & (1 << number) != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::netfilter::test_support::context;
    use crate::linux::packet::Family;
    use crate::world::Namespace;

    #[test]
    fn ipv6_asks_for_the_address_and_for_its_route() {
        let routes = r#"[{"type":"local","dst":"fd01::1","dev":"eth0","table":"local"},
            {"type":"unicast","dst":"fd01::/64","dev":"eth0","table":"main"}]"#;
        let addresses = r#"[{"ifindex":2,"ifname":"eth0","addr_info":[{"family":"inet6","local":"fd01::1","prefixlen":64,"scope":"global"}]}]"#;
        let ns = Namespace::of(&[("ip6-route.json", routes), ("ip-addr.json", addresses)]);
        let ctx = HookContext {
            family: Family::V6,
            surroundings: &ns,
            ..context()
        };
        let (unicast, local, unreachable) = (1 << 1, 1 << 2, 1 << 7);
        for (bits, address, device, holds) in [
            (unicast, "fd01::1", None, true),
            (unicast | local, "fd01::1", None, true),
            (unicast | local, "fd01::2", None, false),
            (local, "fd01::1", Some("eth0"), true),
            (local, "fd01::1", Some("eth1"), false),
            (unreachable, "fd01::1", Some("eth1"), true),
            (unreachable, "fd03::3", None, true),
            (unicast, "fd03::3", None, true),
        ] {
            let address: IpAddr = address.parse().unwrap();
            let found = address_type(bits, address, device, &ctx);
            assert_eq!(found, Tri::from(holds), "{bits} {address} {device:?}");
        }
    }
}
