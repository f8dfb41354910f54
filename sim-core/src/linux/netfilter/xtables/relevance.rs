//! Which chains could make a difference: nothing is asked about a jump to one that cannot.

use super::condition;
use crate::evidence::xtables::{Table, Target};

/// For each chain of `table`, whether it, or a chain that it leads to, holds a rule with an effect.
pub(super) fn of_chains(table: &Table) -> Vec<bool> {
    let mut relevant = vec![false; table.chains.len()];
    let mut led_from: Vec<Vec<usize>> = vec![Vec::new(); table.chains.len()];
    let mut fresh = Vec::new();
    for (place, chain) in table.chains.iter().enumerate() {
        let mut effect = false;
        for rule in &chain.rules {
            match &rule.target {
                Target::None | Target::Harmless(_) | Target::Return => {
                    effect |= condition::notes_something(rule);
                }
                Target::Jump(name) | Target::Goto(name) => {
                    let leads_to = table.chain_index(name).and_then(|to| led_from.get_mut(to));
                    match leads_to {
                        Some(from) => from.push(place),
                        None => effect = true,
                    }
                }
                _ => effect = true,
            }
        }
        if effect {
            fresh.push(place);
        }
    }
    while let Some(place) = fresh.pop() {
        let Some(known) = relevant.get_mut(place) else {
            continue;
        };
        if !std::mem::replace(known, true) {
            fresh.extend(led_from.get(place).into_iter().flatten());
        }
    }
    relevant
}
