//! What targets do: verdicts, marks, translations.

use std::net::IpAddr;
use std::sync::Arc;

use super::Run;
use super::conntrack::has_entry;
use crate::evidence::xtables::{
    Chain, ConnmarkAction, ConnmarkTarget, CtTarget, CtZoneDirection, Extension, MarkChange,
    NatTarget, RejectKind, Rule, Target, TproxyTarget, TtlChange,
};
use crate::linux::choice::Doubt;
use crate::linux::conntrack::Zone;
use crate::linux::netfilter::{
    Action, CtDirection, CtState, CtView, Hook, NatAction, NatRange, RejectWith, RuleStep,
    RuleVerdict,
};
use crate::linux::packet::{Packet, Port};

/// How the traversal goes on after a rule that matched.
pub(super) enum After {
    /// With the next rule.
    Next,
    /// With the caller's next rule.
    Return,
    /// In another chain.
    Enter {
        /// Its place in the table.
        chain: usize,
        /// Without coming back here.
        goto: bool,
    },
    /// Not at all.
    Decided(RuleVerdict),
}

impl Run<'_> {
    /// Does what `rule`, number `number` of `chain`, does to a packet that it matches; `jump` is the chain it leads to.
    pub(super) fn apply(
        &mut self,
        rule: &Rule,
        chain: &Chain,
        number: u32,
        jump: Option<usize>,
    ) -> After {
        let (action, after): (Action, After) = match &rule.target {
            Target::None | Target::Harmless(_) => return After::Next,
            Target::Accept => ("accept".into(), After::Decided(RuleVerdict::Accept)),
            Target::Drop => ("drop".into(), After::Decided(RuleVerdict::Drop)),
            Target::Return => ("return".into(), After::Return),
            Target::Jump(name) => (Action::Jump(Arc::clone(name)), entering(jump, false)),
            Target::Goto(name) => (Action::Goto(Arc::clone(name)), entering(jump, true)),
            Target::Queue { bypass, extension } => self.queue(rule, *bypass, extension),
            Target::Reject(kind) => {
                let action = format!("reject with {}", reject_name(&rule.target));
                (
                    action.into(),
                    After::Decided(RuleVerdict::Reject(reject(*kind))),
                )
            }
            Target::Mark(change) => {
                self.packet.mark = changed(self.packet.mark, *change);
                (Action::Mark(self.packet.mark), After::Next)
            }
            Target::Connmark(connmark) => match self.connmark(*connmark) {
                Some(action) => (action.into(), After::Next),
                None => return After::Next,
            },
            Target::Ct(ct) => match self.ct(ct) {
                Some(action) => (action.into(), After::Next),
                None => return After::Next,
            },
            Target::Dnat(nat) => {
                let action = format!("DNAT to {}", nat.goal());
                (action.into(), translate(NatAction::Dnat(self.range(nat))))
            }
            Target::Snat(nat) => {
                let action = format!("SNAT to {}", nat.goal());
                (action.into(), translate(NatAction::Snat(self.range(nat))))
            }
            Target::Masquerade(nat) => (
                "masquerade".into(),
                translate(NatAction::Masquerade(self.range(nat))),
            ),
            Target::Redirect(nat) => (
                format!("redirect to this machine{}", nat.goal()).into(),
                translate(NatAction::Redirect(self.range(nat))),
            ),
            Target::Netmap { network, prefix } => {
                let action = format!("netmap to {network}/{prefix}");
                (action.into(), translate(self.netmap(*network, *prefix)))
            }
            Target::Tproxy(tproxy) => self.tproxy(tproxy),
            Target::Tcpmss(size) => {
                self.effects.mss = Some(size.unwrap_or(0));
                let action = size.map_or(
                    "clamp the segment size to the path MTU".to_owned(),
                    |size| format!("set the segment size to {size}"),
                );
                (action.into(), After::Next)
            }
            Target::Tos { value, mask } => {
                self.packet.tos = (self.packet.tos & !mask) ^ value;
                (format!("TOS 0x{:02x}", self.packet.tos).into(), After::Next)
            }
            Target::Dscp(dscp) => {
                self.packet.tos = (self.packet.tos & 3) | dscp.wrapping_shl(2);
                (format!("DSCP 0x{dscp:02x}").into(), After::Next)
            }
            Target::Ttl { change, value, .. } => {
                let ttl = self.packet.ttl;
                self.packet.ttl = match change {
                    TtlChange::Set => *value,
                    TtlChange::Increase => ttl.saturating_add(*value),
                    TtlChange::Decrease => ttl.saturating_sub(*value),
                };
                (format!("TTL {}", self.packet.ttl).into(), After::Next)
            }
            Target::Tee { gateway, .. } => {
                if let IpAddr::V4(gateway) = gateway {
                    self.effects.copies_to = Some(*gateway);
                }
                (format!("copy to {gateway}").into(), After::Next)
            }
            Target::Set { changes, extension } => {
                self.effects.notes.sets.extend(changes.iter().cloned());
                if extension
                    .options
                    .iter()
                    .any(|option| &*option.name == "--map-mark")
                {
                    self.undecided(rule, extension)
                } else {
                    (extension.to_string().into(), After::Next)
                }
            }
            Target::Unknown(extension) => self.undecided(rule, extension),
        };
        self.steps.push(RuleStep {
            table: Arc::clone(&self.compiled.name),
            chain: Arc::clone(&chain.name),
            number,
            action,
            source: rule.source.clone(),
        });
        after
    }

    /// A target that is not modelled: either it lets the packet go on as it is, or nobody knows.
    fn undecided(&mut self, rule: &Rule, extension: &Extension) -> (Action, After) {
        let doubt = Doubt {
            what: format!("what target `{extension}` does is not known to this version"),
            settle: String::new(),
            source: Some(rule.source.clone()),
        };
        if self.choice.unknown(doubt) {
            let stolen = RuleVerdict::Stolen(format!("target `{extension}`"));
            (extension.to_string().into(), After::Decided(stolen))
        } else {
            (extension.to_string().into(), After::Next)
        }
    }

    /// To user space; with `--queue-bypass` it passes where nobody listens.
    fn queue(&mut self, rule: &Rule, bypass: bool, extension: &Extension) -> (Action, After) {
        let action = extension.to_string();
        if bypass {
            let doubt = Doubt {
                what: format!("whether a program listens on the queue of `{extension}`"),
                settle: "/proc/net/netfilter/nfnetlink_queue".to_owned(),
                source: Some(rule.source.clone()),
            };
            if !self.choice.unknown(doubt) {
                return (action.into(), After::Decided(RuleVerdict::Accept));
            }
        }
        let stolen = RuleVerdict::Stolen(action.clone());
        (action.into(), After::Decided(stolen))
    }

    /// `connmark_tg_shift()`; nothing without a connection.
    fn connmark(&mut self, ConnmarkTarget { action, shift }: ConnmarkTarget) -> Option<String> {
        if !has_entry(&self.ctx) {
            return None;
        }
        let ct = self.ctx.ct.as_mut()?;
        let shifted = |value: u32| {
            let bits = u32::from(shift.unsigned_abs());
            if shift < 0 {
                value.wrapping_shr(bits)
            } else {
                value.wrapping_shl(bits)
            }
        };
        match action {
            ConnmarkAction::Set(change) => ct.mark = shifted(changed(ct.mark, change)),
            ConnmarkAction::Save { nfmask, ctmask } => {
                ct.mark = (ct.mark & !ctmask) ^ shifted(self.packet.mark & nfmask);
            }
            ConnmarkAction::Restore { nfmask, ctmask } => {
                self.packet.mark = (self.packet.mark & !nfmask) ^ shifted(ct.mark & ctmask);
                return Some(format!("mark 0x{:x} from the connection", self.packet.mark));
            }
        }
        self.effects.ct_mark = Some(ct.mark);
        Some(format!("connection mark 0x{:x}", ct.mark))
    }

    /// `xt_ct_target()`: packets that have a connection, or were untracked before, are left alone.
    fn ct(&mut self, ct: &CtTarget) -> Option<String> {
        if self.ctx.ct.is_some() || self.effects.zone.is_some() {
            return None;
        }
        if ct.notrack {
            self.effects.notrack = true;
            self.ctx.ct = Some(untracked());
            return Some("no connection tracking".to_owned());
        }
        let zone = ct.zone?;
        // `--zone mark` takes the low bits of the packet's mark.
        let low_bits = u16::try_from(self.packet.mark & 0xffff).unwrap_or(0);
        let id = zone.id.unwrap_or(low_bits);
        let of = |direction| match zone.direction == direction
            || zone.direction == CtZoneDirection::Both
        {
            true => id,
            false => 0,
        };
        self.effects.zone = Some(Zone {
            original: of(CtZoneDirection::Original),
            reply: of(CtZoneDirection::Reply),
        });
        Some(format!("conntrack zone {id}"))
    }

    fn tproxy(&mut self, tproxy: &TproxyTarget) -> (Action, After) {
        self.packet.mark = changed(self.packet.mark, tproxy.mark);
        let address = tproxy.address.filter(|address| !address.is_unspecified());
        let port = Some(tproxy.port).filter(|port| *port != 0);
        let to = address.map_or_else(
            || "a local address".to_owned(),
            |address| address.to_string(),
        );
        let action = match port {
            Some(port) => format!("to the local socket of {to}, port {port}"),
            None => format!("to the local socket of {to}"),
        };
        (
            action.into(),
            After::Decided(RuleVerdict::Tproxy(address, port)),
        )
    }

    /// `struct nf_nat_range2` of a rule, with shifted ports worked out where the packet's is known.
    fn range(&self, nat: &NatTarget) -> NatRange {
        let mut ports = nat.ports.map(|ports| (ports.low, ports.high));
        if let (Some((low, high)), Some(base)) = (ports, nat.base_port)
            && let Some(Port::Known(port)) = self.packet.dport()
        {
            // `nf_nat_l4proto_unique_tuple()` with NF_NAT_RANGE_PROTO_OFFSET.
            let size = u32::from(high.saturating_sub(low)).saturating_add(1);
            let offset = u32::from(port.wrapping_sub(base)).checked_rem(size);
            let to = offset.and_then(|offset| u16::try_from(offset).ok());
            ports = to.map(|offset| (low.saturating_add(offset), low.saturating_add(offset)));
        }
        NatRange {
            addresses: nat.addresses,
            ports,
            random: nat.random || nat.random_fully,
            persistent: nat.persistent,
            netmap: None,
        }
    }

    /// `netmap_tg4()`: before routing the destination's network is replaced, after it the source's.
    fn netmap(&self, network: IpAddr, prefix: u8) -> NatAction {
        let before = matches!(self.ctx.hook, Hook::Prerouting | Hook::Output);
        let old = mapped(&self.packet, before);
        let new = match (network, old) {
            (IpAddr::V4(network), IpAddr::V4(old)) => {
                let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
                IpAddr::V4(((network.to_bits() & !host) | (old.to_bits() & host)).into())
            }
            (IpAddr::V6(network), IpAddr::V6(old)) => {
                let host = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
                IpAddr::V6(((network.to_bits() & !host) | (old.to_bits() & host)).into())
            }
            (network, _) => network,
        };
        let range = NatRange {
            addresses: Some((new, new)),
            ports: None,
            random: false,
            persistent: false,
            netmap: Some(prefix),
        };
        if before {
            NatAction::Dnat(range)
        } else {
            NatAction::Snat(range)
        }
    }
}

fn entering(chain: Option<usize>, goto: bool) -> After {
    match chain {
        Some(chain) => After::Enter { chain, goto },
        None => After::Next,
    }
}

fn mapped(packet: &Packet, destination: bool) -> IpAddr {
    if destination { packet.dst } else { packet.src }
}

fn translate(action: NatAction) -> After {
    After::Decided(RuleVerdict::Nat(action))
}

fn changed(mark: u32, MarkChange { value, mask }: MarkChange) -> u32 {
    (mark & !mask) ^ value
}

fn untracked() -> CtView {
    CtView {
        state: CtState::Untracked,
        direction: CtDirection::Original,
        original: None,
        reply: None,
        snat: false,
        dnat: false,
        seen_reply: false,
        mark: 0,
        zone: 0,
    }
}

fn reject(kind: RejectKind) -> RejectWith {
    match kind {
        RejectKind::TcpReset => RejectWith::TcpReset,
        RejectKind::Icmp(code) => RejectWith::Icmp { kind: 3, code },
        RejectKind::Icmp6(code) => RejectWith::Icmp { kind: 1, code },
    }
}

fn reject_name(target: &Target) -> String {
    let text = target.to_string();
    text.rsplit(' ').next().unwrap_or_default().to_owned()
}
