//! The endpoints behind a rule's service and port: proxies connect to them, not to the service's address.

use std::net::IpAddr;

use crate::evidence::kube::meta::PortRef;
use crate::evidence::kube::service::{Service, ServiceKind, ServicePort};
use crate::flow::Protocol;
use crate::intent::web::{Answer, Backend, Fault};
use crate::linux::choice::Doubt;
use crate::source::Source;
use crate::world::{Halt, World};

/// Where a proxy connects to.
pub(super) struct Endpoint {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    pub(super) source: Source,
    /// How often it is taken, beside the others.
    pub(super) weight: u64,
    /// The weight of its backend, and how many endpoints share it.
    of: (u64, u64),
}

/// Gives each endpoint its share of its backend's weight; `None` where the shares are too fine to be counted.
pub(super) fn share(endpoints: &mut [Endpoint]) -> Option<()> {
    // A common multiple of the numbers of endpoints, so that shares are whole.
    let mut common = 1_u64;
    for endpoint in endpoints.iter() {
        let n = endpoint.of.1.max(1);
        common = (common / gcd(common, n)).checked_mul(n)?;
    }
    let mut sum = 0_u64;
    for endpoint in endpoints {
        let (weight, n) = endpoint.of;
        endpoint.weight = weight.checked_mul(common / n.max(1))?;
        sum = sum.checked_add(endpoint.weight)?;
    }
    Some(())
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

/// Why there is nowhere to connect to.
pub(super) enum Lack {
    Answer(Answer),
    Unknown(Doubt),
}

/// The ready endpoints of `backend`, which the rule of `object` names.
pub(super) fn endpoints(
    world: &mut World<'_>,
    backend: &Backend,
    object: &str,
    sources: &[Source],
) -> Result<Result<Vec<Endpoint>, Lack>, Halt> {
    let (namespace, name) = (&backend.namespace, &backend.service);
    let unknown = |file: &str| {
        Ok(Err(Lack::Unknown(Doubt {
            what: format!("{file} is not known"),
            settle: file.to_owned(),
            source: None,
        })))
    };
    // A Gateway's status: 500 where the reference leads nowhere, 503 where no endpoint is ready (the specification of
    // `HTTPRouteRule.backendRefs`).
    let lack = |status: u16, object: String, message: String, sources: Vec<Source>| {
        Ok(Err(Lack::Answer(Answer {
            status,
            why: Fault::Backend,
            object,
            message,
            sources,
        })))
    };
    let Some(services) = world.services(namespace)? else {
        return unknown("kube/services.json");
    };
    let named =
        |service: &&Service| &service.meta.namespace == namespace && &service.meta.name == name;
    let Some(service) = services.iter().find(named) else {
        return lack(
            500,
            object.to_owned(),
            format!("{object} names service {namespace}/{name}, which does not exist"),
            sources.to_vec(),
        );
    };
    let mut cited = vec![service.meta.source.clone()];
    cited.extend(sources.iter().cloned());
    if service.kind == ServiceKind::ExternalName {
        return Ok(Err(Lack::Unknown(Doubt {
            what: format!("service {namespace}/{name} stands for a name outside the cluster"),
            settle: "the address that the name resolves to".to_owned(),
            source: Some(service.meta.source.clone()),
        })));
    }
    let asked = |port: &&ServicePort| {
        port.protocol == Protocol::Tcp
            && (port.port.to_string() == backend.port
                || port.name.as_ref() == Some(&backend.port)
                || backend.or_target && leads_to(&port.target, &backend.port))
    };
    let Some(port) = service.ports.iter().find(asked) else {
        let has: Vec<String> = service
            .ports
            .iter()
            .map(|port| match &port.name {
                Some(name) => format!("{} ({name})", port.port),
                None => port.port.to_string(),
            })
            .collect();
        let message = format!(
            "{object} names port {} of service {namespace}/{name}, which has {}",
            backend.port,
            has.join(", ")
        );
        return lack(500, object.to_owned(), message, cited);
    };
    let same = |own: &Option<String>| {
        own.as_deref().unwrap_or_default() == port.name.as_deref().unwrap_or_default()
    };
    let mut all = Vec::new();
    let mut unready = 0_usize;
    if let Some(slices) = world.slices(namespace, name)? {
        for slice in &slices {
            let ports = slice
                .ports
                .iter()
                .filter(|own| own.protocol == Protocol::Tcp && same(&own.name));
            for own in ports {
                let Some(number) = own.port else {
                    return unknown("the port of an endpoint slice that names none");
                };
                for endpoint in &slice.endpoints {
                    if !endpoint.ready && !service.publish_not_ready {
                        unready += 1;
                        continue;
                    }
                    all.extend(endpoint.addresses.first().map(|address| Endpoint {
                        address: *address,
                        port: number,
                        source: slice.meta.source.clone(),
                        weight: 1,
                        of: (backend.weight, 1),
                    }));
                }
            }
        }
    } else if let Some(endpoints) = world.endpoints(namespace, name)? {
        for subset in &endpoints.subsets {
            let ports = subset
                .ports
                .iter()
                .filter(|own| own.protocol == Protocol::Tcp && same(&own.name));
            unready += subset.not_ready.len();
            for number in ports.filter_map(|own| own.port) {
                all.extend(subset.ready.iter().map(|own| Endpoint {
                    address: own.ip,
                    port: number,
                    source: endpoints.meta.source.clone(),
                    weight: 1,
                    of: (backend.weight, 1),
                }));
            }
        }
    } else {
        return unknown("kube/endpointslices.json");
    }
    if all.is_empty() {
        let text = match unready {
            0 => "no endpoint".to_owned(),
            n => format!("{n} endpoints, none of them ready"),
        };
        return lack(
            503,
            format!("service:{namespace}/{name}"),
            format!("service {namespace}/{name}, to which {object} sends, has {text}"),
            cited,
        );
    }
    // The address's own order, so that equal captures give equal verdicts.
    all.sort_by_key(|endpoint| (endpoint.address, endpoint.port));
    all.dedup_by_key(|endpoint| (endpoint.address, endpoint.port));
    let n = all.len() as u64;
    for endpoint in &mut all {
        endpoint.of.1 = n;
    }
    Ok(Ok(all))
}

/// Whether `target`, a port's `targetPort`, is written `wanted`.
fn leads_to(target: &PortRef, wanted: &str) -> bool {
    match target {
        PortRef::Number(number) => number.to_string() == wanted,
        PortRef::Name(name) => name == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::file;

    #[test]
    fn endpoints_share_their_backends_weight() {
        let source = Source::whole(&file("kube/services.json", "{}"));
        let endpoint = |of| Endpoint {
            address: IpAddr::from([10, 0, 0, 1]),
            port: 80,
            source: source.clone(),
            weight: 0,
            of,
        };
        let mut all = vec![
            endpoint((3, 2)),
            endpoint((3, 2)),
            endpoint((1, 3)),
            endpoint((1, 3)),
            endpoint((1, 3)),
        ];
        assert!(share(&mut all).is_some());
        let weights: Vec<u64> = all.iter().map(|endpoint| endpoint.weight).collect();
        assert_eq!(weights, [9, 9, 2, 2, 2]);
        let mut fine: Vec<Endpoint> = [u64::MAX, u64::MAX - 1].map(|n| endpoint((1, n))).into();
        assert!(share(&mut fine).is_none());
    }
}
