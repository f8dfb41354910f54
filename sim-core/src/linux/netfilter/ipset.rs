//! Matching against ip sets, as `ip_set_test()` and each type's `kadt` do.

mod query;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use query::Query;

use super::HookContext;
use crate::evidence::ipset::{Dimension, Element, IpsetSave, Member, Set, SetType};
use crate::evidence::xtables::SetMatch;
use crate::linux::choice::{Doubt, Tri};
use crate::linux::packet::{Family, Packet};
use crate::source::Source;

/// A namespace's ip sets, made ready for lookups.
#[derive(Debug, Clone, Default)]
pub struct IpSets {
    /// `None` where `ipset save` was not captured.
    sets: Option<BTreeMap<Arc<str>, IndexedSet>>,
}

/// A set whose members are found by their first address, most specific network first.
#[derive(Debug, Clone)]
struct IndexedSet {
    set: Set,
    by_network: BTreeMap<(u8, IpAddr), Vec<u32>>,
    lengths: BTreeSet<Reverse<u8>>,
    /// Members that do not begin with a network.
    others: Vec<u32>,
}

impl IpSets {
    /// Indexes what was captured; `None` where `ipset save` was not captured: every match is unknown.
    #[must_use]
    pub fn new(save: Option<IpsetSave>) -> Self {
        let index = |save: IpsetSave| {
            (save.sets.into_iter())
                .map(|(name, set)| (name, IndexedSet::new(set)))
                .collect()
        };
        Self {
            sets: save.map(index),
        }
    }

    /// Whether `wanted` matches `packet`; `source` is the rule that asks.
    #[must_use]
    pub fn matches(
        &self,
        wanted: &SetMatch,
        packet: &Packet,
        ctx: &HookContext<'_>,
        source: &Source,
    ) -> Tri {
        let name = &wanted.name.value;
        let hit = self.test(name, wanted, packet, ctx, source, true);
        let counters = |name: &str| name.starts_with("--packets") || name.starts_with("--bytes");
        let hit = if wanted.options.iter().any(|option| counters(&option.name)) {
            hit.and(unknown(name, "its members' counters change", "", source))
        } else {
            hit
        };
        hit.negate_if(wanted.name.negated)
    }

    /// `ip_set_test()`
    fn test(
        &self,
        name: &str,
        wanted: &SetMatch,
        packet: &Packet,
        ctx: &HookContext<'_>,
        source: &Source,
        lists: bool,
    ) -> Tri {
        let Some(sets) = &self.sets else {
            return unknown(name, "ip sets were not captured", "ipset-save.txt", source);
        };
        let Some(indexed) = sets.get(name) else {
            let what = "it is not among the captured sets";
            return unknown(name, what, "ipset-save.txt", source);
        };
        let set = &indexed.set;
        if !set.complete {
            let what = "not all of it could be read";
            return unknown(name, what, set.source.file(), source);
        }
        let (bitmap, dimensions) = match &set.kind {
            SetType::Unknown(kind) => {
                let what = format!("sets of type `{kind}` are not known to this version");
                return unknown(name, &what, "", source);
            }
            SetType::List if !lists => return unknown(name, "a list within a list", "", source),
            SetType::List => {
                // `list_set_ktest()`: one set that matches is enough.
                let mut hit = Tri::No;
                for member in set.members.iter().flat_map(|member| &member.elements) {
                    if let Element::Set(inner) = member {
                        hit = hit.or(self.test(inner, wanted, packet, ctx, source, false));
                    }
                }
                return hit;
            }
            SetType::Elements { bitmap, dimensions } => (*bitmap, dimensions.as_slice()),
        };
        if wanted.src.len() < dimensions.len() || !family_fits(set, dimensions, packet) {
            return Tri::No;
        }
        let query = Query {
            set,
            bitmap,
            wanted,
            packet,
            ctx,
            source,
        };
        // Only types that know `nomatch` heed `--return-nomatch` (IPSET_TYPE_NOMATCH).
        let inverted = wanted.return_nomatch && dimensions.contains(&Dimension::Network);
        (indexed.find(dimensions, &query).into_iter())
            .rev()
            .fold(Tri::No, |behind, (hit, nomatch)| {
                hit.select(Tri::from(nomatch == inverted), behind)
            })
    }
}

/// Sets without addresses serve both families.
fn family_fits(set: &Set, dimensions: &[Dimension], packet: &Packet) -> bool {
    let has_address = (dimensions.iter())
        .any(|dimension| matches!(dimension, Dimension::Address | Dimension::Network));
    let family = match set.option("family") {
        Some("inet6") => Family::V6,
        _ => Family::V4,
    };
    !has_address || packet.family() == family
}

fn unknown(name: &str, why: &str, settle: &str, source: &Source) -> Tri {
    Tri::Unknown(Doubt {
        what: format!("match against set `{name}`: {why}"),
        settle: settle.to_owned(),
        source: Some(source.clone()),
    })
}

impl IndexedSet {
    fn new(set: Set) -> Self {
        let mut by_network: BTreeMap<_, Vec<u32>> = BTreeMap::new();
        let mut lengths = BTreeSet::new();
        let mut others = Vec::new();
        for (place, member) in (0u32..).zip(&set.members) {
            match member.elements.first().and_then(network) {
                Some(network) => {
                    lengths.insert(Reverse(network.prefix_len()));
                    let key = (network.prefix_len(), network.addr());
                    by_network.entry(key).or_default().push(place);
                }
                None => others.push(place),
            }
        }
        Self {
            set,
            by_network,
            lengths,
            others,
        }
    }

    /// The members that may decide, and whether they are `nomatch`: the first that fits does, the one whose networks are
    /// the most specific, first dimension first (`mtype_test_cidrs()`).
    fn find(&self, dimensions: &[Dimension], query: &Query<'_>) -> Vec<(Tri, bool)> {
        let mut candidates: Vec<&Member> = Vec::new();
        let member = |place: &u32| self.set.members.get(usize::try_from(*place).ok()?);
        if let Some(address) = query.first_address(dimensions) {
            for Reverse(length) in &self.lengths {
                let Some(network) = IpNet::new(address, *length).ok() else {
                    continue;
                };
                let key = (*length, network.trunc().addr());
                candidates.extend(
                    self.by_network
                        .get(&key)
                        .into_iter()
                        .flatten()
                        .filter_map(member),
                );
            }
        }
        candidates.extend(self.others.iter().filter_map(member));
        // Stable, so that the first dimension's order stays.
        candidates.sort_by_key(|member| Reverse(lengths(member)));
        if dimensions.contains(&Dimension::Interface) {
            // Once a network is in the set, for any device, no wider one is looked at (`multi` of `mtype_test_cidrs()`).
            let nearest = (candidates.iter().copied())
                .find(|member| !is_of_port(member))
                .map(lengths);
            candidates.retain(|member| Some(lengths(member)) == nearest);
        }
        let mut answers = Vec::new();
        for member in candidates {
            let hit = query.member_matches(dimensions, member);
            let certain = hit == Tri::Yes;
            answers.push((hit, member.nomatch));
            if certain {
                break;
            }
        }
        answers
    }
}

/// The network that an element stands for, if it is one.
fn network(element: &Element) -> Option<IpNet> {
    match element {
        Element::Addresses(first, last) if first == last => Some(IpNet::from(*first)),
        Element::Network(address, length) => Some(IpNet::new(*address, *length).ok()?.trunc()),
        _ => None,
    }
}

fn lengths(member: &Member) -> Vec<u8> {
    (member.elements.iter())
        .filter_map(|element| match element {
            Element::Network(_, length) => Some(*length),
            _ => None,
        })
        .collect()
}

/// Whether the member stands for a bridge port; such are hashed apart (`struct hash_netiface4_elem_hashed`).
fn is_of_port(member: &Member) -> bool {
    (member.elements.iter()).any(|part| matches!(part, Element::Interface { physdev: true, .. }))
}

#[cfg(test)]
mod tests;
