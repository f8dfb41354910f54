//! `fib` (`nft_fib4_eval()`, `nft_fib4_eval_type()` and their IPv6 brothers).

use super::machine::Machine;
use super::value::Loaded;
use crate::evidence::nft::{Fib, FibResult, Rule, device};
use crate::linux::choice::Tri;
use crate::linux::netfilter::{AddressType, FibQuestion, Hook};

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
        if fib.result == FibResult::Type {
            return match self.ctx.surroundings.address_type(address, seen_from) {
                Ok(kind) => Loaded::is(number(kind)),
                Err(tri) => self.not_known(rule, tri),
            };
        }
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
