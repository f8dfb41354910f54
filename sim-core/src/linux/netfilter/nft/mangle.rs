//! Writing to the packet and its connection (`nft_meta_set_eval()`, `nft_ct_set_eval()`, `nft_payload_set_eval()`).

use super::load::Against;
use super::machine::{Flow, Machine, stolen};
use super::value::{Loaded, Part};
use crate::evidence::nft::{CtKey, Expression, Field, MetaKey, Rule, TableFamily};
use crate::linux::conntrack::Zone;

/// As many values of an unknown one are tried.
const MAX_VALUES: u128 = 16;

impl<'a> Machine<'a> {
    pub(super) fn mangle(
        &mut self,
        rule: &'a Rule,
        key: &'a Expression,
        value: &'a Expression,
    ) -> Flow {
        match key {
            Expression::Meta(MetaKey::Mark) => self.set_number(rule, value, |machine, mark| {
                machine.packet.mark = mark;
                Some(format!("mark {mark:#x}"))
            }),
            Expression::Meta(MetaKey::PacketType) => self.set_packet_type(rule),
            Expression::Meta(MetaKey::Other(name)) => match name.as_str() {
                "broute" => stolen(rule, "taken off the bridge (`meta broute set`)"),
                "nftrace" | "priority" | "secmark" => Flow::Go,
                _ => stolen(rule, &format!("`meta {name} set` is not modelled")),
            },
            Expression::Ct(CtKey::Mark) => self.set_number(rule, value, |machine, mark| {
                machine.effects.ct_mark = Some(mark);
                Some(format!("ct mark {mark:#x}"))
            }),
            Expression::Ct(CtKey::Zone(direction)) => {
                self.set_number(rule, value, |machine, zone| {
                    let id = u16::try_from(zone).ok()?;
                    machine.effects.zone = Some(Zone {
                        original: if *direction == Some(true) { 0 } else { id },
                        reply: if *direction == Some(false) { 0 } else { id },
                    });
                    Some(format!("ct zone {zone}"))
                })
            }
            Expression::Payload(field) => self.set_field(rule, field, value),
            Expression::Header { kind, name, field } if kind == "tcp option" => {
                if name == "maxseg" && field.as_deref() == Some("size") {
                    self.set_segment_size(rule, value)
                } else {
                    Flow::Go
                }
            }
            _ => stolen(rule, "a rewrite of the packet that is not modelled"),
        }
    }

    /// On a bridge this decides whether the frame is for this host.
    fn set_packet_type(&mut self, rule: &Rule) -> Flow {
        let matters = self.ctx.bridged
            || matches!(self.chain.family, TableFamily::Bridge | TableFamily::Netdev);
        if matters {
            return stolen(rule, "`meta pkttype set` is not modelled on a bridge");
        }
        Flow::Go
    }

    fn set_field(&mut self, rule: &'a Rule, field: &Field, value: &'a Expression) -> Flow {
        match field {
            Field::Ip4Dscp | Field::Ip6Dscp => self.set_number(rule, value, |machine, dscp| {
                let ecn = machine.packet.tos & 3;
                machine.packet.tos = (u8::try_from(dscp).ok()?.checked_shl(2)?) | ecn;
                Some(format!("dscp {dscp:#x}"))
            }),
            Field::Ip4Ecn | Field::Ip6Ecn => self.set_number(rule, value, |machine, ecn| {
                let dscp = machine.packet.tos & !3;
                machine.packet.tos = dscp | u8::try_from(ecn & 3).ok()?;
                Some(format!("ecn {ecn}"))
            }),
            Field::Ip4Ttl | Field::Ip6HopLimit => self.set_number(rule, value, |machine, ttl| {
                machine.packet.ttl = u8::try_from(ttl).ok()?;
                Some(format!("ttl {ttl}"))
            }),
            Field::Ip4Source | Field::Ip4Destination | Field::Ip6Source | Field::Ip6Destination => {
                stolen(
                    rule,
                    "an address is rewritten without conntrack: not modelled",
                )
            }
            _ => stolen(rule, "a rewrite of this header field is not modelled"),
        }
    }

    fn set_segment_size(&mut self, rule: &'a Rule, value: &'a Expression) -> Flow {
        if self.packet.protocol() != crate::linux::packet::protocol::TCP {
            return Flow::Break;
        }
        if matches!(value, Expression::Unseen(text) if text.contains("mtu")) {
            self.effects.mss = Some(0);
            self.did(rule, "mss to the path mtu");
            return Flow::Go;
        }
        self.set_number(rule, value, |machine, size| {
            machine.effects.mss = Some(u16::try_from(size).ok()?);
            Some(format!("mss {size}"))
        })
    }

    /// Writes a number; `write` says what it did, or nothing where the number does not fit.
    fn set_number(
        &mut self,
        rule: &'a Rule,
        value: &'a Expression,
        write: impl Fn(&mut Self, u32) -> Option<String>,
    ) -> Flow {
        let part = match self.load(rule, value, Against::Nothing) {
            Loaded::Break => return Flow::Break,
            Loaded::Parts(mut parts) => parts.pop(),
        };
        let number = part.and_then(|part| self.settle(part));
        let number = number.and_then(|number| u32::try_from(number).ok());
        match number.and_then(|number| write(self, number)) {
            Some(action) => {
                self.did(rule, action);
                Flow::Go
            }
            None => stolen(rule, "a value is written that is not known"),
        }
    }

    /// The value, or one of a few that it may be.
    fn settle(&mut self, part: Part) -> Option<u128> {
        match part {
            Part::Is(value) => Some(value),
            Part::Between { low, high, doubt } if high - low < MAX_VALUES => {
                let chosen = (low..high).find(|_| self.choice.unknown(doubt.clone()));
                Some(chosen.unwrap_or(high))
            }
            Part::Between { .. } | Part::Port { .. } | Part::Bits { .. } => None,
        }
    }
}
