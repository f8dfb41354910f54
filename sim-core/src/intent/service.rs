//! The services that rules on a packet's way were written for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::evidence::kube::service::Service;
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::trace::Exchanged;
use crate::world::{Halt, World};

/// A service with its endpoints, as Kubernetes has them.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) service: Service,
    /// Addresses that should take traffic; `None` where they are not known.
    pub(crate) ready: Option<BTreeSet<IpAddr>>,
    /// All addresses, ready or not, with their ports (`None` is every port).
    all: BTreeSet<(IpAddr, Option<u16>)>,
}

impl Known {
    /// How many addresses it has, ready or not.
    pub(crate) fn n_addresses(&self) -> usize {
        let addresses: BTreeSet<IpAddr> = self.all.iter().map(|(address, _)| *address).collect();
        addresses.len()
    }

    /// Whether it sends to this address and port.
    pub(crate) fn sends_to(&self, address: IpAddr, port: u16) -> bool {
        self.all.contains(&(address, Some(port))) || self.all.contains(&(address, None))
    }

    pub(crate) fn object(&self) -> String {
        format!(
            "service:{}/{}",
            self.service.meta.namespace, self.service.meta.name
        )
    }
}

/// Services by `namespace/name`.
pub(crate) type Named = BTreeMap<String, Known>;

/// `namespace/name` of services that `text`, a rule, seems to be about.
///
/// kube-proxy writes `namespace/name:port` into the comments of its rules and elements (`ServicePortName.String()`).
pub(crate) fn candidates(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "-./:".contains(c)))
        .filter_map(|word| {
            let (name, _) = word.split_once(':').unwrap_or((word, ""));
            let (namespace, rest) = name.split_once('/')?;
            let plain = |part: &str| {
                !part.is_empty()
                    && part
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                    && part.starts_with(|c: char| c.is_ascii_alphabetic())
            };
            (plain(namespace) && plain(rest)).then_some(name)
        })
}

/// The services that the rules on the way of `results` name.
pub(super) fn named<'a>(
    world: &mut World<'_>,
    asked: Option<&str>,
    results: impl Iterator<Item = &'a Exchanged>,
) -> Result<Named, Halt> {
    let mut names = BTreeSet::new();
    for result in results {
        if result.blockers.is_empty() {
            continue;
        }
        let steps = result.request.iter().flat_map(|hop| &hop.steps);
        let sources = steps
            .flat_map(|step| &step.sources)
            .chain(result.blockers.iter().flat_map(|blocker| &blocker.sources));
        for source in sources {
            names.extend(candidates(source.text()).map(str::to_owned));
        }
        names.extend(asked.map(str::to_owned));
    }
    let mut named = Named::new();
    for full in names {
        let Some((namespace, name)) = full.split_once('/') else {
            continue;
        };
        if let Some(known) = known(world, namespace, name)? {
            named.insert(full, known);
        }
    }
    Ok(named)
}

fn known(world: &mut World<'_>, namespace: &str, name: &str) -> Result<Option<Known>, Halt> {
    let record = world
        .by_name(ObjectKind::Service, namespace, name)?
        .into_iter()
        .next();
    let Some(IndexRecord::Object { entry, .. }) = record else {
        return Ok(None);
    };
    let Some(service) = world.service(&entry, namespace, name)? else {
        return Ok(None);
    };
    let mut all = BTreeSet::new();
    let mut ready = BTreeSet::new();
    let mut captured = false;
    let slices = world.slices(namespace, name)?;
    for slice in slices.iter().flatten() {
        captured = true;
        for endpoint in &slice.endpoints {
            if let Some(address) = endpoint.addresses.first() {
                all.extend(slice.ports.iter().map(|port| (*address, port.port)));
            }
            if endpoint.ready || service.publish_not_ready {
                ready.extend(endpoint.addresses.first());
            }
        }
    }
    if !captured && let Some(endpoints) = world.endpoints(namespace, name)? {
        captured = true;
        for subset in &endpoints.subsets {
            ready.extend(subset.ready.iter().map(|address| address.ip));
            for address in subset.ready.iter().chain(&subset.not_ready) {
                all.extend(subset.ports.iter().map(|port| (address.ip, port.port)));
            }
        }
    }
    Ok(Some(Known {
        service,
        ready: (captured || slices.is_some()).then_some(ready),
        all,
    }))
}
