//! The records that the Kubernetes DNS specification gives to services, endpoints and pods, as CoreDNS's plugin
//! `kubernetes` answers (`parseRequest`, `findServices`, `findPods`).

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Found, Reply, Why, WhyKind, below};
use crate::evidence::corefile::{Directive, normal};
use crate::evidence::kube::service::{Service, ServiceKind, ServicePort};
use crate::linux::choice::Doubt;
use crate::source::Source;
use crate::world::{Halt, World};

/// How the plugin is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setup<'c> {
    /// `disabled`, `insecure` or `verified`.
    pods: &'c str,
    endpoint_pod_names: bool,
    no_endpoints: bool,
    /// Only these namespaces; empty is all.
    namespaces: Vec<&'c str>,
    ignore_empty: bool,
    /// An option that is not followed.
    strange: Option<&'c str>,
}

impl<'c> Setup<'c> {
    pub(crate) fn of(directive: &'c Directive) -> Self {
        let named = |name: &str| directive.option(name);
        let pods = named("pods").and_then(|option| option.args().first());
        let namespaces = directive
            .body
            .iter()
            .filter(|option| option.name() == "namespaces");
        let strange = [
            "namespace_labels",
            "labels",
            "multicluster",
            "zonal",
            "endpoint",
            "kubeconfig",
        ];
        Self {
            pods: pods.map_or("disabled", String::as_str),
            endpoint_pod_names: named("endpoint_pod_names").is_some(),
            no_endpoints: named("noendpoints").is_some(),
            namespaces: namespaces
                .flat_map(|option| option.args().iter().map(String::as_str))
                .collect(),
            ignore_empty: named("ignore").is_some(),
            strange: strange.into_iter().find(|name| named(name).is_some()),
        }
    }
}

/// An answer, or the name that an alias leads to.
pub(crate) enum Answer {
    Reply(Reply),
    /// A CNAME, and where it stands.
    Alias(String, Source, String),
}

/// What the plugin answers for `name`, which lies in `zone`.
pub(crate) fn answer(
    world: &mut World<'_>,
    setup: &Setup<'_>,
    zone: &str,
    name: &str,
    config: &Source,
) -> Result<Answer, Halt> {
    let labels: Vec<&str> = match below(name, zone) {
        None | Some("" | "svc" | "pod") => {
            return Ok(no_data(format!("`{name}` names no object"), config));
        }
        Some(front) => front.split('.').collect(),
    };
    let reply = |reply| Ok(Answer::Reply(reply));
    if let Some(option) = setup.strange {
        return reply(Reply::Unknown(Doubt {
            what: format!("CoreDNS's option `{option}` of the plugin `kubernetes` is not modelled"),
            settle: String::new(),
            source: Some(config.clone()),
        }));
    }
    let no_object =
        |text: String| Reply::NoName(Why::new(WhyKind::NoObject, text, vec![config.clone()]));
    let Some((kind, front)) = labels.split_last() else {
        return reply(no_object(format!("`{name}` names no object")));
    };
    if !matches!(*kind, "svc" | "pod") {
        return reply(no_object(format!(
            "names of {zone} end in `svc` or `pod` before it: `{name}` does not"
        )));
    }
    let Some((namespace, front)) = front.split_last() else {
        return Ok(no_data(format!("`{name}` names no object"), config));
    };
    if !setup.namespaces.is_empty() && !setup.namespaces.contains(namespace) {
        return reply(Reply::NoName(Why::new(
            WhyKind::Setup,
            format!(
                "CoreDNS serves only the namespaces {}",
                setup.namespaces.join(", ")
            ),
            vec![config.clone()],
        )));
    }
    match (*kind, front) {
        (_, []) => namespace_itself(world, namespace, config).map(Answer::Reply),
        ("pod", [address]) => pod(world, setup, namespace, address, config).map(Answer::Reply),
        ("svc", [service]) => find(world, setup, namespace, service, Part::Whole, config),
        ("svc", [endpoint, service]) => find(
            world,
            setup,
            namespace,
            service,
            Part::Endpoint(endpoint),
            config,
        ),
        // `_port._protocol` names have SRV records; their addresses are the service's.
        ("svc", [port, protocol, service])
            if port.starts_with('_') && protocol.starts_with('_') =>
        {
            let part = Part::Port(
                port.trim_start_matches('_'),
                protocol.trim_start_matches('_'),
            );
            find(world, setup, namespace, service, part, config)
        }
        _ => reply(no_object(format!(
            "`{name}` has too many parts for a name of an object"
        ))),
    }
}

fn no_data(text: String, config: &Source) -> Answer {
    let why = Why::new(WhyKind::OtherRecords, text, vec![config.clone()]);
    Answer::Reply(Reply::NoData(why))
}

fn not_captured(file: &str) -> Reply {
    Reply::Unknown(Doubt {
        what: format!("{file} is not known"),
        settle: file.to_owned(),
        source: None,
    })
}

/// `namespace.svc.zone`: there, but without addresses, if the namespace is.
fn namespace_itself(
    world: &mut World<'_>,
    namespace: &str,
    config: &Source,
) -> Result<Reply, Halt> {
    let Some(known) = world.namespace_names()? else {
        return Ok(not_captured("kube/namespaces.json"));
    };
    let sources = vec![config.clone()];
    Ok(if known.iter().any(|name| name == namespace) {
        Reply::NoData(Why::new(
            WhyKind::OtherRecords,
            format!("`{namespace}` is a namespace: it has no address"),
            sources,
        ))
    } else {
        Reply::NoName(Why::new(
            WhyKind::NoObject,
            format!("there is no namespace `{namespace}`"),
            sources,
        ))
    })
}

fn pod(
    world: &mut World<'_>,
    setup: &Setup<'_>,
    namespace: &str,
    dashed: &str,
    config: &Source,
) -> Result<Reply, Halt> {
    let v4 = dashed.matches('-').count() == 3 && !dashed.contains("--");
    let text = dashed.replace('-', if v4 { "." } else { ":" });
    let found = |address: IpAddr, source: Source, object| {
        Reply::Found(Found {
            addresses: vec![address],
            object,
            sources: vec![source],
            text: format!("the name spells the address {address}"),
        })
    };
    let no_name = |text: String| {
        Ok(Reply::NoName(Why::new(
            WhyKind::NoObject,
            text,
            vec![config.clone()],
        )))
    };
    let Ok(address) = text.parse::<IpAddr>() else {
        return no_name(format!("`{dashed}` spells no address"));
    };
    match setup.pods {
        "insecure" => {
            let Some(known) = world.namespace_names()? else {
                return Ok(not_captured("kube/namespaces.json"));
            };
            if known.iter().any(|name| name == namespace) {
                Ok(found(address, config.clone(), None))
            } else {
                no_name(format!("there is no namespace `{namespace}`"))
            }
        }
        "verified" => {
            let Some(pods) = world.all_pods()? else {
                return Ok(not_captured("kube/pods.json"));
            };
            let pod = pods
                .iter()
                .find(|pod| pod.meta.namespace == namespace && pod.ips.first() == Some(&address));
            match pod {
                Some(pod) => Ok(found(
                    address,
                    pod.meta.source.clone(),
                    Some(format!("pod:{namespace}/{}", pod.meta.name)),
                )),
                None => no_name(format!(
                    "no pod of namespace `{namespace}` has the address {address}"
                )),
            }
        }
        _ => Ok(Reply::NoName(Why::new(
            WhyKind::Setup,
            "CoreDNS serves no names of pods (`pods` is not set)",
            vec![config.clone()],
        ))),
    }
}

/// What of a service a name asks for.
#[derive(Clone, Copy)]
enum Part<'n> {
    Whole,
    Endpoint(&'n str),
    /// The name of a port and of its protocol.
    Port(&'n str, &'n str),
}

fn find(
    world: &mut World<'_>,
    setup: &Setup<'_>,
    namespace: &str,
    name: &str,
    part: Part<'_>,
    config: &Source,
) -> Result<Answer, Halt> {
    let reply = |reply| Ok(Answer::Reply(reply));
    let endpoint = match part {
        Part::Endpoint(endpoint) => Some(endpoint),
        Part::Whole | Part::Port(..) => None,
    };
    let Some(services) = world.services(namespace)? else {
        return reply(not_captured("kube/services.json"));
    };
    let named =
        |service: &&Service| service.meta.namespace == namespace && service.meta.name == name;
    let Some(service) = services.iter().find(named) else {
        return reply(Reply::NoName(Why::new(
            WhyKind::NoObject,
            format!("there is no service `{name}` in namespace `{namespace}`"),
            vec![config.clone()],
        )));
    };
    let object = format!("service:{namespace}/{name}");
    let source = service.meta.source.clone();
    if service.kind == ServiceKind::ExternalName {
        let target = service.external_name.as_deref().unwrap_or_default();
        // An address is no alias: the plugin passes it over (`msg.Service.HostType`).
        if endpoint.is_some() || target.parse::<IpAddr>().is_ok() {
            let why = Why::new(
                WhyKind::OtherRecords,
                format!("{object} is an ExternalName for `{target}`, which is no domain name"),
                vec![source],
            );
            return reply(Reply::NoName(why.of(object)));
        }
        return Ok(Answer::Alias(normal(target), source, object));
    }
    if let Part::Port(port, protocol) = part {
        let fits = |own: &ServicePort| {
            let name = own.name.as_deref().unwrap_or_default();
            name.eq_ignore_ascii_case(port)
                && own.protocol.to_string().eq_ignore_ascii_case(protocol)
        };
        if !service.ports.iter().any(fits) {
            let text = format!("{object} has no port `{port}` of {protocol}");
            // A headless service's ports are those of its endpoints.
            return reply(if service.headless {
                Reply::Unknown(Doubt {
                    what: text,
                    settle: "what the name resolves to: ask for that address".to_owned(),
                    source: Some(source),
                })
            } else {
                Reply::NoName(Why::new(WhyKind::NoObject, text, vec![source]).of(object))
            });
        }
    }
    if !service.headless && endpoint.is_none() {
        if setup.ignore_empty {
            let Some(endpoints) = ready(world, namespace, name, setup)? else {
                return reply(not_captured("kube/endpointslices.json"));
            };
            if endpoints.is_empty() {
                let text = format!(
                    "{object} has no ready endpoint, and CoreDNS is told to `ignore empty_service`"
                );
                return reply(Reply::NoName(
                    Why::new(WhyKind::NoEndpoints, text, vec![source]).of(object),
                ));
            }
        }
        return reply(Reply::Found(Found {
            addresses: service.cluster_ips.clone(),
            text: format!("the address of {object}"),
            object: Some(object),
            sources: vec![source],
        }));
    }
    if setup.no_endpoints {
        let why = Why::new(
            WhyKind::Setup,
            "CoreDNS is told to serve no endpoints (`noendpoints`)",
            vec![config.clone()],
        );
        return reply(Reply::NoName(why));
    }
    let Some(endpoints) = ready(world, namespace, name, setup)? else {
        return reply(not_captured("kube/endpointslices.json"));
    };
    let fits = |host: &str| endpoint.is_none_or(|wanted| wanted.eq_ignore_ascii_case(host));
    let chosen: BTreeMap<IpAddr, Source> = endpoints
        .iter()
        .filter(|(_, (host, _))| fits(host))
        .map(|(address, (_, source))| (*address, source.clone()))
        .collect();
    if chosen.is_empty() {
        let (kind, text) = match endpoint {
            Some(wanted) if !endpoints.is_empty() => (
                WhyKind::NoObject,
                format!("no ready endpoint of {object} is called `{wanted}`"),
            ),
            _ => (
                WhyKind::NoEndpoints,
                format!("{object} is headless and has no ready endpoint"),
            ),
        };
        return reply(Reply::NoName(Why::new(kind, text, vec![source]).of(object)));
    }
    let mut sources: Vec<Source> = chosen.values().cloned().collect();
    sources.dedup();
    sources.push(source);
    reply(Reply::Found(Found {
        addresses: chosen.keys().copied().collect(),
        text: match endpoint {
            Some(endpoint) => format!("the endpoint `{endpoint}` of {object}"),
            None => format!("the ready endpoints of {object}, which is headless"),
        },
        object: Some(object),
        sources,
    }))
}

/// Endpoints' host names, and where they stand.
type Endpoints = BTreeMap<IpAddr, (String, Source)>;

/// The ready endpoints' addresses with their host names (`endpointHostname`); `None` where they are not known.
fn ready(
    world: &mut World<'_>,
    namespace: &str,
    service: &str,
    setup: &Setup<'_>,
) -> Result<Option<Endpoints>, Halt> {
    let mut all = BTreeMap::new();
    let host = |own: &Option<String>, pod: Option<&str>, address: IpAddr| match (own, pod) {
        (Some(own), _) => own.clone(),
        (None, Some(pod)) if setup.endpoint_pod_names => pod.to_owned(),
        (None, _) => address.to_string().replace(['.', ':'], "-"),
    };
    if let Some(slices) = world.slices(namespace, service)? {
        for slice in &slices {
            for endpoint in slice.endpoints.iter().filter(|endpoint| endpoint.ready) {
                let pod = endpoint.target.as_ref().map(|target| target.name.as_str());
                for address in &endpoint.addresses {
                    let host = host(&endpoint.hostname, pod, *address);
                    all.insert(*address, (host, slice.meta.source.clone()));
                }
            }
        }
        return Ok(Some(all));
    }
    let Some(endpoints) = world.endpoints(namespace, service)? else {
        return Ok(None);
    };
    for address in endpoints.subsets.iter().flat_map(|subset| &subset.ready) {
        let pod = address.target.as_ref().map(|target| target.name.as_str());
        let host = host(&address.hostname, pod, address.ip);
        all.insert(address.ip, (host, endpoints.meta.source.clone()));
    }
    Ok(Some(all))
}
