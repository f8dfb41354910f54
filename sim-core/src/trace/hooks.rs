//! What is hooked in where, and in which order (`enum nf_ip_hook_priorities`).

use std::cmp::Reverse;

use super::balancing::{self, Side};
use crate::evidence::nft::{ChainHook, ChainKind, TableFamily};
use crate::linux::netfilter::xtables::CompiledTable;
use crate::linux::netfilter::{Hook, nft};
use crate::linux::packet::Family;
use crate::world::Namespace;

/// What runs at a hook.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    Conntrack,
    Xtables(&'a CompiledTable, &'static str),
    Nft(&'a crate::evidence::nft::Chain),
    Nat,
    Ipvs(Side),
}

impl Part<'_> {
    /// Whether output is routed again for what it changes: the mangle table and nft's chains of type `route` alone
    /// (`ipt_mangle_out`, `nf_route_table_hook4`); a mark that another chain sets comes too late for the route.
    pub(super) fn reroutes(&self) -> bool {
        match self {
            Self::Xtables(table, _) => table.table().name == "mangle",
            Self::Nft(chain) => {
                (chain.base.as_ref()).is_some_and(|base| base.kind == ChainKind::Route)
            }
            Self::Conntrack | Self::Nat | Self::Ipvs(_) => false,
        }
    }
}

/// What is hooked in at `hook`, by priority; the order of equals is not captured.
pub(super) fn parts(ns: &Namespace, family: Family, hook: Hook) -> Vec<(i32, Part<'_>)> {
    let mut parts: Vec<(i32, Part<'_>)> = Vec::new();
    if matches!(hook, Hook::Prerouting | Hook::Output) {
        parts.push((-200, Part::Conntrack));
    }
    match hook {
        Hook::Prerouting | Hook::Output => parts.push((-100, Part::Nat)),
        Hook::Postrouting | Hook::Input => parts.push((100, Part::Nat)),
        Hook::Forward => {}
    }
    for (priority, side) in balancing::hooked(ns, hook) {
        parts.push((*priority, Part::Ipvs(*side)));
    }
    let chain = chain_name(hook);
    for (of, table) in &ns.xtables {
        if *of == family
            && !table.is_idle(chain)
            && let Some(priority) = table_priority(&table.table().name, hook)
        {
            parts.push((priority, Part::Xtables(table, chain)));
        }
    }
    for base in native_chains(ns, family, hook) {
        if let Some(settings) = &base.base
            && settings.kind != ChainKind::Nat
        {
            parts.push((settings.priority, Part::Nft(base)));
        }
    }
    parts.sort_by_key(|(priority, _)| *priority);
    parts
}

/// The nat chains at `hook`, by priority.
pub(super) fn nat_parts(ns: &Namespace, family: Family, hook: Hook) -> Vec<(i32, Part<'_>)> {
    let mut parts: Vec<(i32, Part<'_>)> = Vec::new();
    let own = if matches!(hook, Hook::Prerouting | Hook::Output) {
        -100
    } else {
        100
    };
    for (of, table) in &ns.xtables {
        if *of == family && table.table().name == "nat" && !table.is_idle(chain_name(hook)) {
            parts.push((own, Part::Xtables(table, chain_name(hook))));
        }
    }
    for base in native_chains(ns, family, hook) {
        if let Some(settings) = &base.base
            && settings.kind == ChainKind::Nat
        {
            parts.push((settings.priority, Part::Nft(base)));
        }
    }
    parts.sort_by_key(|(priority, part)| (*priority, Reverse(registered(ns, part))));
    parts
}

/// When a part was hooked in, as far as the numbers of nft's tables and chains tell (`nf_tables_newtable`); later ones are
/// higher. Tables of the old `ip_tables` have none.
pub(super) fn registered(ns: &Namespace, part: &Part<'_>) -> Option<(u64, u64)> {
    let tables = ns.ruleset.tables.iter();
    match part {
        Part::Nft(chain) => {
            let mut tables =
                tables.filter(|table| table.family == chain.family && table.name == chain.table);
            Some((tables.next()?.handle?, chain.handle?))
        }
        Part::Xtables(xtables, chain) => {
            let file = xtables.table().source.file();
            let family = if file.ends_with("/ip6tables-save.txt") {
                TableFamily::Ip6
            } else if file.ends_with("/iptables-save.txt") {
                TableFamily::Ip
            } else {
                return None;
            };
            let mut tables = tables.filter(|table| {
                table.family == family
                    && table.name == xtables.table().name
                    && table.is_iptables_nft()
            });
            let table = tables.next()?;
            let base = table.chains.iter().find(|base| base.name == *chain)?;
            Some((table.handle?, base.handle?))
        }
        Part::Conntrack | Part::Nat | Part::Ipvs(_) => None,
    }
}

/// What is assumed where [`registered`] decides.
pub(super) const BY_HANDLES: &str =
    "nft's base chains of one priority were hooked in in the order of their tables' handles";

fn native_chains(ns: &Namespace, family: Family, hook: Hook) -> Vec<&crate::evidence::nft::Chain> {
    let family = match family {
        Family::V4 => TableFamily::Ip,
        Family::V6 => TableFamily::Ip6,
    };
    let hook = match hook {
        Hook::Prerouting => ChainHook::Prerouting,
        Hook::Input => ChainHook::Input,
        Hook::Forward => ChainHook::Forward,
        Hook::Output => ChainHook::Output,
        Hook::Postrouting => ChainHook::Postrouting,
    };
    nft::base_chains(ns.base_chains(), family, hook)
}

pub(super) fn chain_name(hook: Hook) -> &'static str {
    match hook {
        Hook::Prerouting => "PREROUTING",
        Hook::Input => "INPUT",
        Hook::Forward => "FORWARD",
        Hook::Output => "OUTPUT",
        Hook::Postrouting => "POSTROUTING",
    }
}

/// A table's priority at `hook`, for tables other than nat (`enum nf_ip_hook_priorities`).
fn table_priority(table: &str, hook: Hook) -> Option<i32> {
    let (priority, hooks): (i32, &[Hook]) = match table {
        "raw" => (-300, &[Hook::Prerouting, Hook::Output]),
        "mangle" => (
            -150,
            &[
                Hook::Prerouting,
                Hook::Input,
                Hook::Forward,
                Hook::Output,
                Hook::Postrouting,
            ],
        ),
        "filter" => (0, &[Hook::Input, Hook::Forward, Hook::Output]),
        "security" => (50, &[Hook::Input, Hook::Forward, Hook::Output]),
        _ => return None,
    };
    hooks.contains(&hook).then_some(priority)
}
