//! Several server groups of one ALB rule: each has a weight, as its servers have among themselves.

use super::super::choose::serves;
use super::super::{Backend, Pool};

/// The weight of a group that is given none, as of a server.
const DEFAULT: u64 = 100;
/// More than any weight is: 0 to 100.
const MOST: u64 = 1 << 20;
/// Into how many parts the share of a group is split.
const PARTS: u64 = 1000;

/// One pool of all `groups`: the weight of each is shared out among its servers.
pub(super) fn joined(mut groups: Vec<(Option<i64>, Pool)>) -> Option<Pool> {
    if groups.len() > 1 && groups.iter().any(|(weight, _)| weight.is_some()) {
        for (weight, pool) in &mut groups {
            let weight = weight.map_or(DEFAULT, |weight| u64::try_from(weight).unwrap_or(0));
            share_out(weight.min(MOST), pool);
        }
    }
    let mut pools = groups.into_iter().map(|(_, pool)| pool);
    let mut first = pools.next()?;
    for other in pools {
        first.backends = match (first.backends, other.backends) {
            (Ok(mut all), Ok(more)) => {
                all.extend(more);
                Ok(all)
            }
            (Err(file), _) | (_, Err(file)) => Err(file),
        };
    }
    Some(first)
}

/// Shares `weight` out among the servers of a group that take requests, by their own weights.
fn share_out(weight: u64, pool: &mut Pool) {
    let Ok(backends) = &mut pool.backends else {
        return;
    };
    let sum = |sum: u64, one: &Backend| sum.saturating_add(one.weight.min(MOST));
    let healthy = backends.iter().filter(|one| serves(one)).fold(0, sum);
    let all = backends.iter().fold(0, sum);
    let total = if healthy > 0 { healthy } else { all };
    for backend in backends.iter_mut() {
        let part = weight.saturating_mul(backend.weight.min(MOST));
        // However small, it is a share.
        let least = part.min(1);
        let part = part.saturating_mul(PARTS).checked_div(total);
        backend.weight = part.unwrap_or_default().max(least);
    }
}
