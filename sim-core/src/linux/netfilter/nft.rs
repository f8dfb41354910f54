//! nf_tables: runs one base chain as `nft_do_chain()` does.

mod conntrack;
mod field;
mod load;
mod lookup;
mod machine;
mod mangle;
mod meta;
mod nat;
mod near;
mod route;
mod value;

pub use near::near_misses;

use super::{HookContext, RuleOutcome};
use crate::evidence::nft::{Chain, ChainHook, ChainKind, Ruleset, Table, TableFamily};
use crate::linux::choice::Choice;
use crate::linux::packet::Packet;

/// Those of `base_chains` ([`Ruleset::native_base_chains`]) that a packet of `family` meets at `hook`, in the order in which
/// the kernel runs them.
///
/// For `Ip` and `Ip6` this includes the chains of `inet` tables, since the kernel hooks these in there. Merge with xtables by
/// [`effective_priority`].
#[must_use]
#[expect(
    clippy::needless_pass_by_value,
    reason = "callers name a hook, they do not keep one"
)]
pub fn base_chains<'a>(
    base_chains: impl Iterator<Item = (&'a Table, &'a Chain)>,
    family: TableFamily,
    hook: ChainHook,
) -> Vec<&'a Chain> {
    let seen = |of: TableFamily| {
        of == family
            || (of == TableFamily::Inet && matches!(family, TableFamily::Ip | TableFamily::Ip6))
    };
    let mut chains: Vec<&Chain> = base_chains
        .filter(|(table, chain)| {
            seen(table.family)
                && (chain.base.as_ref()).is_some_and(|base| base.hook == hook)
                && table.dormant != Some(true)
        })
        .map(|(_, chain)| chain)
        .collect();
    // `nf_hook_entries_grow()` puts a new hook before those of the same priority.
    chains.reverse();
    chains.sort_by_key(|chain| {
        (
            effective_priority(chain),
            chain.base.as_ref().map_or(0, |base| base.priority),
        )
    });
    chains
}

/// The priority at which `chain` runs among all hooks: all nat chains of a hook run together, in their own order, at
/// nat's place, whatever priority they state (`nf_nat_ipv4_ops[]`, `nf_nat_register_fn()`).
#[must_use]
pub fn effective_priority(chain: &Chain) -> i32 {
    let Some(base) = &chain.base else {
        return 0;
    };
    match (&base.kind, &base.hook) {
        (ChainKind::Nat, ChainHook::Prerouting | ChainHook::Output) => -100,
        (ChainKind::Nat, ChainHook::Postrouting | ChainHook::Input) => 100,
        _ => base.priority,
    }
}

/// Runs base chain `chain` of `ruleset` on `packet`.
#[must_use]
pub fn run(
    ruleset: &Ruleset,
    chain: &Chain,
    packet: &Packet,
    ctx: &HookContext<'_>,
    choice: &mut dyn Choice,
) -> RuleOutcome {
    machine::Machine::new(ruleset, chain, packet, ctx, choice).run()
}

#[cfg(test)]
mod tests;
