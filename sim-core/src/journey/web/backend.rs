//! The endpoints behind a rule's service and port: proxies connect to them, not to the service's address.

use std::net::IpAddr;

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
    let lack = |object: String, message: String, sources: Vec<Source>| {
        Ok(Err(Lack::Answer(Answer {
            status: 503,
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
            && (port.port.to_string() == backend.port || port.name.as_ref() == Some(&backend.port))
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
        return lack(object.to_owned(), message, cited);
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
            for number in ports.filter_map(|own| own.port) {
                for endpoint in &slice.endpoints {
                    if !endpoint.ready {
                        unready += 1;
                        continue;
                    }
                    all.extend(endpoint.addresses.first().map(|address| Endpoint {
                        address: *address,
                        port: number,
                        source: slice.meta.source.clone(),
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
            format!("service:{namespace}/{name}"),
            format!("service {namespace}/{name}, to which {object} sends, has {text}"),
            cited,
        );
    }
    // The address's own order, so that equal captures give equal verdicts.
    all.sort_by_key(|endpoint| (endpoint.address, endpoint.port));
    all.dedup_by_key(|endpoint| (endpoint.address, endpoint.port));
    Ok(Ok(all))
}
