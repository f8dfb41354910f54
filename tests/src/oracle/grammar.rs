//! What worlds are made of: one file per domain of the semantics.

pub mod conntrack;
pub mod devices;
pub mod fib;
pub mod flows;
pub mod ipset;
pub mod iptables;
pub mod mtu;
pub mod neighbours;
pub mod nft;
pub mod sanity;
pub mod services;
pub mod sockets;
pub mod spot;
pub mod topology;

use fastrand::Rng;

use super::draft::Draft;
use super::spec::Spec;

/// A domain: its name, and what adds its ops to a draft.
type Domain = (&'static str, fn(&mut Draft));

/// The domains. `--only` names them; each world takes some.
pub const DOMAINS: &[Domain] = &[
    ("devices", devices::ops),
    ("fib", fib::ops),
    ("neighbours", neighbours::ops),
    ("sanity", sanity::ops),
    ("sockets", sockets::ops),
    ("netfilter", iptables::ops),
    ("mtu", mtu::ops),
    ("ipset", ipset::ops),
    ("conntrack-nat", conntrack::ops),
];

/// The world of `seed`, with ops of the domains `only` (of any if it is empty).
#[must_use]
pub fn world(seed: u64, only: &[String]) -> Spec {
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let topology = topology::draw(&mut rng);
    let mut draft = Draft {
        rng,
        topology,
        spec: Spec {
            seed,
            ..Spec::default()
        },
    };
    topology::ops(&mut draft);
    services::ops(&mut draft);
    let mut domains: Vec<Domain> = DOMAINS.to_vec();
    if only.is_empty() {
        draft.rng.shuffle(&mut domains);
        let n_domains = draft.rng.usize(2..=4).min(domains.len());
        domains.truncate(n_domains);
    } else {
        domains.retain(|(name, _)| only.iter().any(|wanted| wanted == name));
    }
    for (_, ops) in domains {
        ops(&mut draft);
    }
    flows::ask(&mut draft);
    draft.spec
}
