//! `conntrack`, `state` and `connmark`, as xt_conntrack.c and xt_connmark.c decide.

use super::condition::doubt;
use super::transport::in_ports;
use crate::evidence::xtables::{
    AddressMask, ConntrackMatch, MarkMask, Match, PortRange, Term, ct_bits,
};
use crate::linux::choice::Tri;
use crate::linux::netfilter::{CtDirection, CtState, CtView, HookContext};
use crate::linux::packet::Tuple;
use crate::source::Source;

/// The connection, if the packet has one: invalid and untracked packets have none.
fn entry<'a>(ctx: &'a HookContext<'_>) -> Option<&'a CtView> {
    ctx.ct.as_ref().filter(|ct| match ct.state {
        CtState::New | CtState::Established | CtState::Related => true,
        CtState::Invalid | CtState::Untracked => false,
    })
}

/// The bit of the packet's state; before conntrack has run it is INVALID.
pub(super) fn ct_state_bits(ct: Option<&CtView>) -> u8 {
    match ct.map(|ct| ct.state) {
        None | Some(CtState::Invalid) => ct_bits::INVALID,
        Some(CtState::New) => ct_bits::NEW,
        Some(CtState::Established) => ct_bits::ESTABLISHED,
        Some(CtState::Related) => ct_bits::RELATED,
        Some(CtState::Untracked) => ct_bits::UNTRACKED,
    }
}

/// `conntrack_mt()`
pub(super) fn conntrack(
    wanted: &ConntrackMatch,
    item: &Match,
    ctx: &HookContext<'_>,
    source: &Source,
) -> Tri {
    let entry = entry(ctx);
    if let Some(Term { negated, value }) = wanted.state {
        let mut bits = ct_state_bits(ctx.ct.as_ref());
        if let Some(ct) = entry {
            bits |= if ct.snat { ct_bits::SNAT } else { 0 };
            bits |= if ct.dnat { ct_bits::DNAT } else { 0 };
        }
        if (value & bits != 0) == negated {
            return Tri::No;
        }
    }
    let Some(ct) = entry else {
        // The kernel looks at no other term then.
        return Tri::from(wanted.state.is_some());
    };
    let direction = wanted
        .original_direction
        .is_none_or(|term| ((ct.direction == CtDirection::Original) == term.value) != term.negated);
    Tri::from(direction)
        .and(tuples(wanted, item, ct, source))
        .and(status(wanted.status, item, ct, source))
        .and(match wanted.expire {
            None => Tri::Yes,
            Some(_) => doubt(item, "the entry's age is not captured", "", source),
        })
}

fn tuples(wanted: &ConntrackMatch, item: &Match, ct: &CtView, source: &Source) -> Tri {
    let address = |term: Option<Term<AddressMask>>, tuple: Option<&Tuple>, src: bool| {
        let Some(Term { negated, value }) = term else {
            return Tri::Yes;
        };
        match tuple {
            Some(tuple) => {
                let address = if src { tuple.src } else { tuple.dst };
                Tri::from(value.contains(address) != negated)
            }
            None => doubt(item, "the connection's addresses are not known", "", source),
        }
    };
    let port = |term: Option<Term<PortRange>>, tuple: Option<&Tuple>, src: bool| {
        let Some(Term { negated, value }) = term else {
            return Tri::Yes;
        };
        match tuple {
            Some(tuple) => {
                let port = if src { tuple.sport } else { tuple.dport };
                in_ports(Some(port), value, source).negate_if(negated)
            }
            None => doubt(item, "the connection's ports are not known", "", source),
        }
    };
    let protocol = match (wanted.protocol, &ct.original) {
        (None, _) => Tri::Yes,
        (Some(term), Some(tuple)) => Tri::from((tuple.protocol == term.value) != term.negated),
        (Some(_), None) => doubt(item, "the connection's protocol is not known", "", source),
    };
    let (original, reply) = (ct.original.as_ref(), ct.reply.as_ref());
    protocol
        .and(address(wanted.original_src, original, true))
        .and(address(wanted.original_dst, original, false))
        .and(address(wanted.reply_src, reply, true))
        .and(address(wanted.reply_dst, reply, false))
        .and(port(wanted.original_sport, original, true))
        .and(port(wanted.original_dport, original, false))
        .and(port(wanted.reply_sport, reply, true))
        .and(port(wanted.reply_dport, reply, false))
}

/// `--ctstatus`: what is known of the entry's status bits.
fn status(wanted: Option<Term<u8>>, item: &Match, ct: &CtView, source: &Source) -> Tri {
    let Some(Term { negated, value }) = wanted else {
        return Tri::Yes;
    };
    let new = ct.state == CtState::New;
    let known = [
        (ct_bits::EXPECTED, Some(false)),
        (ct_bits::SEEN_REPLY, Some(ct.seen_reply)),
        // Set some packets after the first reply.
        (ct_bits::ASSURED, (!ct.seen_reply).then_some(false)),
        // Set when the first packet has left; a new one that is not confirmed may be a repetition.
        (ct_bits::CONFIRMED, Some(!new)),
    ];
    let hit = (known.iter())
        .filter(|(bit, _)| value & bit != 0)
        .map(|(_, known)| match known {
            Some(set) => Tri::from(*set),
            None => doubt(
                item,
                "whether the entry is assured is not known",
                "",
                source,
            ),
        })
        .fold(Tri::No, Tri::or);
    hit.negate_if(negated)
}

/// `connmark_mt()`: without a connection nothing matches, `!` or not.
pub(super) fn connmark(Term { negated, value }: &Term<MarkMask>, ctx: &HookContext<'_>) -> Tri {
    let Some(ct) = entry(ctx) else {
        return Tri::No;
    };
    Tri::from((ct.mark & value.mask == value.value) != *negated)
}

/// Whether the packet has a connection that rules can mark.
pub(super) fn has_entry(ctx: &HookContext<'_>) -> bool {
    entry(ctx).is_some()
}
