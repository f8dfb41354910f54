//! `physdev` and `owner`, as xt_physdev.c and xt_owner.c decide.

use super::condition::doubt;
use crate::evidence::xtables::{Extension, InterfacePattern, Match, PhysdevMatch, Term};
use crate::linux::choice::Tri;
use crate::linux::netfilter::{Hook, HookContext};
use crate::source::Source;

/// The bridge port that a packet leaves by, as far as the kernel knows it at this hook.
enum PortOut<'a> {
    None,
    Known(&'a str),
    /// There is one; which is not known (flooding).
    Some,
}

/// `physdev_mt()`
pub(super) fn physdev(
    wanted: &PhysdevMatch,
    item: &Match,
    ctx: &HookContext<'_>,
    source: &Source,
) -> Tri {
    let out = match (ctx.hook, ctx.physout) {
        (Hook::Forward | Hook::Postrouting, Some(port)) => PortOut::Known(port),
        (Hook::Forward | Hook::Postrouting, None) if ctx.bridged => PortOut::Some,
        _ => PortOut::None,
    };
    let has_out = !matches!(out, PortOut::None);
    // Without bridge information only terms with `!` hold.
    if ctx.physin.is_none() && !has_out && !ctx.bridged {
        let negated = |term: Option<Term<()>>| term.is_none_or(|term| term.negated);
        let negated_name =
            |term: &Option<Term<InterfacePattern>>| term.as_ref().is_none_or(|term| term.negated);
        return Tri::from(
            negated(wanted.is_bridged)
                && negated(wanted.is_in)
                && negated(wanted.is_out)
                && negated_name(&wanted.physin)
                && negated_name(&wanted.physout),
        );
    }
    let flag = |term: Option<Term<()>>, set: bool| term.is_none_or(|term| set != term.negated);
    let flags = flag(wanted.is_bridged, has_out)
        && flag(wanted.is_in, ctx.physin.is_some())
        && flag(wanted.is_out, has_out);
    let physin = match (&wanted.physin, ctx.physin) {
        (Some(term), Some(port)) => Tri::from(term.value.matches(port) != term.negated),
        (Some(_) | None, _) => Tri::Yes,
    };
    let physout = match (&wanted.physout, out) {
        (None, _) => Tri::Yes,
        (Some(_), PortOut::None) => Tri::No,
        (Some(term), PortOut::Known(port)) => Tri::from(term.value.matches(port) != term.negated),
        (Some(_), PortOut::Some) => doubt(
            item,
            "which bridge port the packet leaves by is not known",
            "bridge-fdb.json",
            source,
        ),
    };
    Tri::from(flags).and(physin).and(physout)
}

/// What an `owner` match comes to under [`STRANGER`](crate::linux::netfilter::STRANGER); `None` where that says nothing, as for root.
pub(super) fn stranger(extension: &Extension, ctx: &HookContext<'_>) -> Option<bool> {
    let is_ordinary = |value: &str| value.parse::<u32>().is_ok_and(|id| id != 0);
    let told = extension.options.iter().all(|option| {
        matches!(option.name.as_ref(), "--uid-owner" | "--gid-owner")
            && option
                .values
                .first()
                .is_some_and(|value| is_ordinary(&value.text))
    });
    (ctx.local_socket && told).then(|| extension.options.iter().all(|option| option.negated))
}

/// `owner_mt()`: packets without a socket of this namespace match only what is negated throughout.
pub(super) fn owner(
    extension: &Extension,
    item: &Match,
    ctx: &HookContext<'_>,
    source: &Source,
) -> Tri {
    let terms =
        || (extension.options.iter()).filter(|option| option.name.as_ref() != "--suppl-groups");
    if !ctx.local_socket {
        return Tri::from(terms().all(|option| option.negated));
    }
    let mut result = Tri::Yes;
    for option in terms() {
        let one = if option.name.as_ref() == "--socket-exists" {
            Tri::from(!option.negated)
        } else {
            doubt(
                item,
                "the sender's user and group are not captured",
                "",
                source,
            )
        };
        result = result.and(one);
    }
    result
}
