//! `ct` (`nft_ct_get_eval()`).

use super::field::number;
use super::machine::Machine;
use super::value::{Loaded, Part};
use crate::evidence::nft::{CtKey, DataType, Rule};
use crate::linux::netfilter::{CtDirection, CtState, CtView};
use crate::linux::packet::{Family, Tuple};

const INVALID: u32 = 1;
const UNTRACKED: u32 = 64;

const SEEN_REPLY: u32 = 1 << 1;
const CONFIRMED: u32 = 1 << 3;
const SRC_NAT: u32 = 1 << 4;
const DST_NAT: u32 = 1 << 5;
/// Expected, assured, sequence adjusted, a null binding done, dying, and what newer kernels add.
const UNKNOWN_STATUS: u32 = !(SEEN_REPLY | CONFIRMED | SRC_NAT | DST_NAT);
/// Of a new connection's first packet these are certainly not set.
const NOT_YET: u32 = 1 << 2 | 1 << 9;

impl Machine<'_> {
    pub(super) fn ct(&mut self, rule: &Rule, key: &CtKey) -> Loaded {
        if *key == CtKey::State {
            return Loaded::is(self.ct_state());
        }
        let Some((ct, original, reply)) = self.tracked() else {
            return Loaded::Break;
        };
        let tuple = |is_reply: bool| if is_reply { reply } else { original };
        match key {
            CtKey::State => Loaded::is(self.ct_state()),
            CtKey::Direction => Loaded::is(u8::from(ct.direction == CtDirection::Reply)),
            CtKey::Status => self.status(rule, ct),
            CtKey::Mark => Loaded::is(self.effects.ct_mark.unwrap_or(ct.mark)),
            CtKey::Zone(None) => Loaded::is(ct.zone),
            CtKey::L3Proto => Loaded::is(match Family::of(original.src) {
                Family::V4 => 2_u8,
                Family::V6 => 10,
            }),
            CtKey::Protocol => Loaded::is(original.protocol),
            CtKey::Address {
                reply,
                source,
                kind,
            } => {
                let tuple = tuple(*reply);
                let address = if *source { tuple.src } else { tuple.dst };
                let wanted = match Family::of(address) {
                    Family::V4 => DataType::Ipv4,
                    Family::V6 => DataType::Ipv6,
                };
                // `ct original ip saddr` ends the rule for the other family.
                if kind.is_some_and(|kind| kind != wanted) {
                    return Loaded::Break;
                }
                Loaded::is(number(address))
            }
            CtKey::Port { reply, source } => {
                let tuple = tuple(*reply);
                let port = if *source { tuple.sport } else { tuple.dport };
                Loaded::port(port, &rule.source)
            }
            CtKey::Zone(Some(_)) => Loaded::any(self.doubt(
                "the zone of one direction is not modelled",
                "",
                &rule.source,
            )),
            CtKey::Other(key) => Loaded::any(self.doubt(
                format!("match `ct {key}` is not captured or not modelled"),
                "",
                &rule.source,
            )),
        }
    }

    /// `NF_CT_STATE_BIT()`; invalid where conntrack has not seen the packet.
    fn ct_state(&self) -> u32 {
        if self.effects.notrack {
            return UNTRACKED;
        }
        match self.ctx.ct.as_ref().map(|ct| ct.state) {
            None | Some(CtState::Invalid) => INVALID,
            Some(CtState::Established) => 2,
            Some(CtState::Related) => 4,
            Some(CtState::New) => 8,
            Some(CtState::Untracked) => UNTRACKED,
        }
    }

    /// The connection's entry, where there is one.
    fn tracked(&self) -> Option<(&CtView, Tuple, Tuple)> {
        let ct = self.ctx.ct.as_ref()?;
        let original = ct.original?;
        Some((
            ct,
            original,
            ct.reply.unwrap_or_else(|| original.inverted()),
        ))
    }

    fn status(&self, rule: &Rule, ct: &CtView) -> Loaded {
        let is_first = ct.state == CtState::New && !ct.seen_reply;
        let bit = |set: bool, bit: u32| if set { bit } else { 0 };
        let value = bit(ct.seen_reply, SEEN_REPLY)
            | bit(ct.snat, SRC_NAT)
            | bit(ct.dnat, DST_NAT)
            | bit(ct.seen_reply, CONFIRMED);
        let unknown = if is_first {
            (UNKNOWN_STATUS | CONFIRMED) & !NOT_YET
        } else {
            UNKNOWN_STATUS | bit(!ct.seen_reply, CONFIRMED)
        };
        let doubt = self.doubt(
            "match `ct status`: only seen-reply, snat and dnat are known",
            "",
            &rule.source,
        );
        Loaded::Parts(vec![Part::bits(value.into(), unknown.into(), doubt)])
    }
}
