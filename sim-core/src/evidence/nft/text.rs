//! The few things that only the plain listing (`nft list ruleset`) says.

use super::{ChainHook, Ruleset, Table};

/// Completes `ruleset` by what the plain listing `text` says.
pub(super) fn complete(ruleset: &mut Ruleset, text: &str) {
    let mut table: Option<(String, String)> = None;
    let mut chain: Option<String> = None;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["table", family, name, "{", ..] => {
                table = Some(((*family).to_owned(), (*name).to_owned()));
                chain = None;
                if let Some(found) = find(ruleset, table.as_ref())
                    && found.dormant.is_none()
                {
                    found.dormant = Some(false);
                }
            }
            ["chain", name, "{", ..] => chain = Some((*name).to_owned()),
            ["flags", flags @ ..] if chain.is_none() => {
                // Only a table's own flags stand at one level of indentation.
                let is_table = line.starts_with("\tflags") || line.starts_with("  flags");
                let dormant = flags.iter().any(|flag| flag.contains("dormant"));
                if let Some(found) = find(ruleset, table.as_ref())
                    && is_table
                    && dormant
                {
                    found.dormant = Some(true);
                }
            }
            ["type", _, "hook", "ingress" | "egress", ..] => {
                if let Some(name) = &chain
                    && let Some(found) = find(ruleset, table.as_ref())
                {
                    set_devices(found, name, devices(line));
                }
            }
            ["}"] => chain = None,
            _ => {}
        }
    }
}

fn find<'r>(ruleset: &'r mut Ruleset, name: Option<&(String, String)>) -> Option<&'r mut Table> {
    let (family, name) = name?;
    (ruleset.tables.iter_mut()).find(|table| table.family.name() == family && table.name == *name)
}

fn set_devices(table: &mut Table, chain: &str, devices: Vec<String>) {
    let base = (table.chains.iter_mut())
        .find(|known| known.name == chain)
        .and_then(|chain| chain.base.as_mut());
    if let Some(base) = base
        && matches!(base.hook, ChainHook::Ingress | ChainHook::Egress)
        && base.devices.is_none()
    {
        base.devices = Some(devices);
    }
}

/// `device "a" priority …` or `devices = { "a", "b" } priority …`.
fn devices(line: &str) -> Vec<String> {
    let Some((_, rest)) = line.split_once(" device") else {
        return Vec::new();
    };
    let list = rest.split_once("priority").map_or(rest, |(list, _)| list);
    list.trim_start_matches('s')
        .split([' ', ',', '=', '{', '}', '"'])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}
