//! Which tables are iptables-nft's own, so that `iptables-save` prints them.

use super::{
    BaseChain, Chain, ChainHook, ChainKind, Expression, Statement, Table, TableFamily, Verdict,
};

/// Whether `table` has iptables' name and only what `iptables-save` can print
/// (`nft_is_table_compatible()` of iptables; for any other table it says "incompatible, use 'nft' tool").
pub(super) fn made(table: &Table) -> bool {
    matches!(table.family, TableFamily::Ip | TableFamily::Ip6)
        && matches!(
            table.name.as_str(),
            "filter" | "nat" | "mangle" | "raw" | "security"
        )
        && table.sets.is_empty()
        && table.objects.is_empty()
        && table.dormant == Some(false)
        && (table.chains.iter()).all(|chain| is_builtin_or_user(table, chain))
        && (table.chains.iter())
            .flat_map(|chain| &chain.rules)
            .all(|rule| rule.statements.iter().all(is_printable))
}

fn is_builtin_or_user(table: &Table, chain: &Chain) -> bool {
    let Some(BaseChain {
        kind,
        hook,
        priority,
        devices: _,
        policy: _,
    }) = &chain.base
    else {
        return true;
    };
    builtin(&table.name, &chain.name).is_some_and(|(own_kind, own_hook, own)| {
        (kind, hook, *priority) == (&own_kind, &own_hook, own)
    })
}

/// `xtables_ipv4[]` of iptables' `nft.c`.
fn builtin(table: &str, chain: &str) -> Option<(ChainKind, ChainHook, i32)> {
    let hook = match chain {
        "PREROUTING" => ChainHook::Prerouting,
        "INPUT" => ChainHook::Input,
        "FORWARD" => ChainHook::Forward,
        "OUTPUT" => ChainHook::Output,
        "POSTROUTING" => ChainHook::Postrouting,
        _ => return None,
    };
    let priority = match (table, chain) {
        ("raw", "PREROUTING" | "OUTPUT") => -300,
        ("mangle", _) => -150,
        ("filter", "INPUT" | "FORWARD" | "OUTPUT") => 0,
        ("security", "INPUT" | "FORWARD" | "OUTPUT") => 50,
        ("nat", "PREROUTING" | "OUTPUT") => -100,
        ("nat", "INPUT" | "POSTROUTING") => 100,
        _ => return None,
    };
    let kind = match (table, chain) {
        ("nat", _) => ChainKind::Nat,
        ("mangle", "OUTPUT") => ChainKind::Route,
        _ => ChainKind::Filter,
    };
    Some((kind, hook, priority))
}

/// `nft_is_expr_compatible()`: payload, meta, their masks and comparisons, counters, verdicts, plain limits, logs to a
/// group, and xtables' own matches and targets.
fn is_printable(statement: &Statement) -> bool {
    match statement {
        Statement::Match { left, right, .. } => {
            is_plain(left) && matches!(right, Expression::Value(..))
        }
        Statement::Verdict(verdict) => !matches!(verdict, Verdict::Continue),
        Statement::Limit(limit) => !limit.over,
        Statement::NoEffect(name) => matches!(*name, "counter" | "log" | "xt watcher"),
        Statement::Xt { .. } => true,
        Statement::VerdictMap { .. }
        | Statement::Mangle { .. }
        | Statement::Nat(_)
        | Statement::Reject(_)
        | Statement::Notrack
        | Statement::Queue { .. }
        | Statement::NamedLimit(_)
        | Statement::Quota(_)
        | Statement::CtCount(_)
        | Statement::Dup { .. }
        | Statement::Fwd
        | Statement::Tproxy { .. }
        | Statement::Synproxy
        | Statement::SetUpdate { .. }
        | Statement::ObjectMap(_)
        | Statement::FlowOffload
        | Statement::Unknown(_) => false,
    }
}

fn is_plain(expression: &Expression) -> bool {
    match expression {
        Expression::Payload(_) | Expression::RawPayload { .. } | Expression::Meta(_) => true,
        Expression::Binary { left, right, .. } => {
            is_plain(left) && matches!(**right, Expression::Value(..))
        }
        _ => false,
    }
}
