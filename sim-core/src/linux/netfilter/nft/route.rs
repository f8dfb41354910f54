//! `fib` (`nft_fib4_eval()`, `nft_fib4_eval_type()` and their IPv6 brothers).

use std::net::{IpAddr, Ipv6Addr};

use super::machine::Machine;
use super::value::Loaded;
use crate::evidence::nft::{Fib, FibResult, Rule, device};
use crate::linux::choice::Tri;
use crate::linux::netfilter::{AddressType, FibQuestion, Hook, Surroundings};

impl Machine<'_> {
    pub(super) fn fib(&mut self, rule: &Rule, fib: &Fib) -> Loaded {
        let address = if fib.source {
            self.packet.src
        } else {
            self.packet.dst
        };
        let seen_from = if fib.oif {
            self.ctx.oif
        } else if fib.iif {
            self.ctx.iif
        } else {
            None
        };
        let asked = FibQuestion {
            to: address,
            from: if fib.source {
                self.packet.dst
            } else {
                self.packet.src
            },
            mark: if fib.mark { self.packet.mark } else { 0 },
            on: match self.ctx.hook {
                Hook::Prerouting | Hook::Input | Hook::Forward => self.ctx.iif,
                Hook::Output | Hook::Postrouting => self.ctx.oif,
            },
            by: seen_from,
        };
        if fib.result == FibResult::Type {
            return match address_type(self.ctx.surroundings, asked) {
                Ok(kind) => Loaded::is(number(kind)),
                Err(tri) => self.not_known(rule, tri),
            };
        }
        let found = match self.route(rule, asked) {
            Ok(found) => found,
            Err(tri) => return self.not_known(rule, tri),
        };
        match (fib.result, found) {
            (FibResult::Present, found) => Loaded::is(u8::from(found.is_some())),
            (_, None) => Loaded::is(0_u32),
            (_, Some(name)) => match device(&name) {
                Some(name) => Loaded::is(name),
                None => Loaded::any(self.doubt("a device's name is too long", "", &rule.source)),
            },
        }
    }

    fn route(&self, rule: &Rule, asked: FibQuestion<'_>) -> Result<Option<String>, Tri> {
        // What comes in by the loopback device is looked up nowhere (`nft_fib_can_skip()`).
        if self.ctx.iif == Some("lo") {
            match self.ctx.hook {
                Hook::Prerouting => return Ok(Some("lo".to_owned())),
                Hook::Input => {
                    let what = "kernels before 6.15 look routes up for loopback traffic at input";
                    return Err(Tri::Unknown(self.doubt(what, "", &rule.source)));
                }
                Hook::Forward | Hook::Output | Hook::Postrouting => {}
            }
        }
        self.ctx.surroundings.route_device(asked)
    }

    fn not_known(&self, rule: &Rule, tri: Tri) -> Loaded {
        match tri {
            Tri::Unknown(doubt) => Loaded::any(doubt),
            Tri::Yes | Tri::No | Tri::Assumed(..) => {
                Loaded::any(self.doubt("what `fib` finds", "ip-route.json", &rule.source))
            }
        }
    }
}

/// `nft_fib4_eval_type()`, `__nft_fib6_eval_type()`: IPv6 looks the route up, and what has none is unreachable; with a
/// device in the question, only that one's addresses are local.
fn address_type(
    surroundings: &dyn Surroundings,
    asked: FibQuestion<'_>,
) -> Result<AddressType, Tri> {
    let (IpAddr::V6(to), IpAddr::V6(from)) = (asked.to, asked.from) else {
        return surroundings.address_type(asked.to, asked.by);
    };
    let on_link = is_link_local(to).then(|| asked.by.or(asked.on)).flatten();
    let kind = surroundings.route_type((to, from), asked.mark, on_link)?;
    if matches!(
        kind,
        AddressType::Anycast
            | AddressType::Blackhole
            | AddressType::Unreachable
            | AddressType::Prohibit
            | AddressType::Throw
    ) {
        return Ok(kind);
    }
    let is_own = match asked.by {
        Some(device) => surroundings.has_address(asked.to, device)?,
        None => kind == AddressType::Local,
    };
    Ok(if is_own {
        AddressType::Local
    } else if to.is_multicast() {
        AddressType::Multicast
    } else if to.is_unspecified() || to.to_ipv4_mapped().is_some() {
        AddressType::Unspec
    } else {
        AddressType::Unicast
    })
}

/// IPV6_ADDR_LINKLOCAL, which groups of that scope have, too.
fn is_link_local(address: Ipv6Addr) -> bool {
    let [_, flags_and_scope, ..] = address.octets();
    address.is_unicast_link_local() || (address.is_multicast() && flags_and_scope & 0x0f == 2)
}

/// `RTN_*`.
fn number(kind: AddressType) -> u8 {
    match kind {
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Namespace;

    #[test]
    fn ipv6_types_are_those_of_routes() {
        let routes = r#"[{"type":"local","dst":"fd01::1","dev":"eth0","table":"local"},
            {"type":"local","dst":"fe80::1","dev":"eth0","table":"local"},
            {"type":"multicast","dst":"ff00::/8","dev":"eth0","table":"local"},
            {"type":"unicast","dst":"fd01::/64","dev":"eth0","table":"main"},
            {"type":"unicast","dst":"fe80::/64","dev":"eth1","table":"main"},
            {"type":"blackhole","dst":"fd02::/64","dev":"lo","table":"main"}]"#;
        let addresses = r#"[{"ifindex":2,"ifname":"eth0","addr_info":[{"family":"inet6","local":"fd01::1","prefixlen":64,"scope":"global"}]}]"#;
        let ns = Namespace::of(&[("ip6-route.json", routes), ("ip-addr.json", addresses)]);
        let of = |to: &str, on, by| {
            let asked = FibQuestion {
                to: to.parse().unwrap(),
                from: "fd09::9".parse().unwrap(),
                mark: 0,
                on,
                by,
            };
            address_type(&ns, asked).unwrap()
        };
        for (to, on, by, kind) in [
            ("fd01::1", None, None, AddressType::Local),
            ("fd01::1", None, Some("eth0"), AddressType::Local),
            ("fd01::1", None, Some("eth1"), AddressType::Unicast),
            ("fd01::2", None, None, AddressType::Unicast),
            ("fd01::", None, None, AddressType::Anycast),
            ("fd02::2", None, None, AddressType::Blackhole),
            ("fd03::3", None, None, AddressType::Unreachable),
            ("fe80::1", Some("eth0"), None, AddressType::Local),
            ("fe80::1", Some("eth1"), None, AddressType::Unicast),
            ("ff02::1", Some("eth0"), None, AddressType::Multicast),
            ("ff02::1", Some("eth1"), None, AddressType::Unreachable),
        ] {
            assert_eq!(of(to, on, by), kind, "{to} {on:?} {by:?}");
        }
    }
}
