//! From names to addresses and namespaces.

use std::net::IpAddr;

use super::{FlowRequest, Protocol};
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::trace::{Asked, Question};
use crate::verdict::FlowEnd;
use crate::world::{Halt, World};

/// Why a question means nothing here.
#[derive(Debug)]
pub(crate) enum Unresolved {
    /// Evidence has to be fetched first.
    Halt(Halt),
    /// The question is at fault.
    Wrong {
        field: &'static str,
        message: String,
    },
}

impl From<Halt> for Unresolved {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

/// A question with its names resolved.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) question: Question,
    pub(crate) from: FlowEnd,
    pub(crate) to: FlowEnd,
    /// What resolving it took for granted.
    pub(crate) assumptions: Vec<String>,
}

pub(crate) fn wrong<T>(field: &'static str, message: String) -> Result<T, Unresolved> {
    Err(Unresolved::Wrong { field, message })
}

/// Who or what a flow names.
pub(super) enum Name {
    Object(ObjectKind, String, String),
    Address(IpAddr),
}

/// Payload of the largest UDP datagram over IPv4 (RFC 768).
const LARGEST_DATAGRAM: u32 = 65_507;

/// Resolves `request` in `world`.
pub(crate) fn resolve(
    world: &mut World<'_>,
    request: &FlowRequest,
) -> Result<Resolved, Unresolved> {
    let to = parse("to", &request.to)?;
    let (mut to_end, mut address, ports) = destination(world, &to)?;
    let from = parse("from", &request.from)?;
    if let Some(entrance) = super::balancer::entrance(world, &from, &to)? {
        address = entrance;
        to_end.address = entrance.to_string();
    }
    if address.is_unspecified() {
        return wrong(
            "to",
            format!("`{address}` is no destination: name the address that the program connects to"),
        );
    }
    let datagram = !matches!(request.protocol, Protocol::Tcp);
    if datagram && request.bytes.is_some_and(|bytes| bytes > LARGEST_DATAGRAM) {
        return wrong(
            "bytes",
            format!("a datagram carries at most {LARGEST_DATAGRAM} bytes"),
        );
    }
    let port = port(request, &to_end.object, &ports)?;
    let mut assumptions = Vec::new();
    let (from_end, asked) = source(world, &from, address, &mut assumptions)?;
    let question = Question {
        from: asked,
        to: address,
        port,
        protocol: request.protocol,
        bytes: request.bytes,
    };
    Ok(Resolved {
        question,
        from: from_end,
        to: to_end,
        assumptions,
    })
}

pub(super) fn parse(field: &'static str, text: &str) -> Result<Name, Unresolved> {
    if let Ok(address) = text
        .trim_start_matches("ip:")
        .trim_matches(['[', ']'])
        .parse()
    {
        return Ok(Name::Address(address));
    }
    let (kind, rest) = match text.split_once(':') {
        Some(("pod", rest)) => (ObjectKind::Pod, rest),
        Some(("node", rest)) => (ObjectKind::Node, rest),
        Some(("service" | "svc", rest)) => (ObjectKind::Service, rest),
        Some(("ip", rest)) => return wrong(field, format!("`{rest}` is no IP address")),
        _ => {
            return wrong(
                field,
                format!(
                    "`{text}` names nothing: write `pod:namespace/name`, `node:name`, `service:namespace/name` or an IP address"
                ),
            );
        }
    };
    if kind == ObjectKind::Node {
        return Ok(Name::Object(kind, String::new(), rest.to_owned()));
    }
    let (namespace, name) = rest.split_once('/').unwrap_or(("default", rest));
    if name.is_empty() || namespace.is_empty() {
        return wrong(
            field,
            format!("`{text}` needs a namespace and a name, e.g. `pod:default/web-1`"),
        );
    }
    Ok(Name::Object(kind, namespace.to_owned(), name.to_owned()))
}

/// An object's index record, or an error that names near ones.
pub(super) fn object(
    world: &mut World<'_>,
    field: &'static str,
    kind: ObjectKind,
    namespace: &str,
    name: &str,
) -> Result<IndexRecord, Unresolved> {
    if let Some(record) = world.by_name(kind, namespace, name)?.into_iter().next() {
        return Ok(record);
    }
    let asked = label(kind, namespace, name);
    let list = match kind {
        ObjectKind::Pod => "kube/pods.json",
        ObjectKind::Node => "kube/nodes.json",
        ObjectKind::Service => "kube/services.json",
    };
    if world.parts(list)?.is_empty() {
        let known = from_folder(world, kind, namespace, name)?;
        let unknown = || format!("what `{asked}` is cannot be told: {list} was not captured");
        return known.map_or_else(|| wrong(field, unknown()), Ok);
    }
    let mut near: Vec<(f64, String)> = world
        .objects()?
        .into_iter()
        .filter_map(|record| match record {
            IndexRecord::Object {
                object,
                namespace,
                name,
                ..
            } if object == kind => Some(label(kind, &namespace, &name)),
            IndexRecord::Object { .. } | IndexRecord::Interface { .. } => None,
        })
        .map(|other| (strsim::jaro_winkler(&asked, &other), other))
        .filter(|(likeness, _)| *likeness > 0.8)
        .collect();
    near.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.cmp(y)));
    let names: Vec<String> = near
        .into_iter()
        .take(3)
        .map(|(_, name)| format!("`{name}`"))
        .collect();
    let hint = match names.as_slice() {
        [] => String::new(),
        names => format!("; did you mean {}?", names.join(" or ")),
    };
    wrong(field, format!("this capture has no `{asked}`{hint}"))
}

/// A pod or node that no list names but whose own files are there; a node's address is then not known.
fn from_folder(
    world: &mut World<'_>,
    kind: ObjectKind,
    namespace: &str,
    name: &str,
) -> Result<Option<IndexRecord>, Halt> {
    for machine in world.machines()?.iter() {
        let Some(node) = machine.strip_prefix("nodes/") else {
            continue;
        };
        let path = match kind {
            ObjectKind::Pod => format!("{machine}/pods/{namespace}_{name}"),
            ObjectKind::Node if node == name => format!("{machine}/host"),
            ObjectKind::Node | ObjectKind::Service => continue,
        };
        if !world.namespaces(machine)?.contains(&path) {
            continue;
        }
        let netns = world.namespace(&path)?;
        let addresses = netns.addresses.iter().filter(|address| {
            kind == ObjectKind::Pod && address.scope == crate::evidence::route::Scope::GLOBAL
        });
        let addresses: Vec<IpAddr> = addresses.map(|address| address.local).collect();
        return Ok(Some(IndexRecord::Object {
            object: kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            entry: String::new(),
            pointer: String::new(),
            node: node.to_owned(),
            host_network: false,
            // Which of several is the pod's own, only the list says.
            addresses: Some(addresses)
                .filter(|all| all.len() == 1)
                .unwrap_or_default(),
        }));
    }
    Ok(None)
}

pub(super) fn label(kind: ObjectKind, namespace: &str, name: &str) -> String {
    match kind {
        ObjectKind::Pod => format!("pod:{namespace}/{name}"),
        ObjectKind::Node => format!("node:{name}"),
        ObjectKind::Service => format!("service:{namespace}/{name}"),
    }
}

/// The network namespace of a pod or node record.
pub(super) fn netns_of(
    world: &mut World<'_>,
    record: &IndexRecord,
) -> Result<Option<String>, Halt> {
    let IndexRecord::Object {
        object,
        namespace,
        name,
        node,
        host_network,
        ..
    } = record
    else {
        return Ok(None);
    };
    let path = match object {
        ObjectKind::Node => format!("nodes/{name}/host"),
        ObjectKind::Pod if *host_network => format!("nodes/{node}/host"),
        ObjectKind::Pod => format!("nodes/{node}/pods/{namespace}_{name}"),
        ObjectKind::Service => return Ok(None),
    };
    let machine = crate::world::machine_of(&path).to_owned();
    Ok(world.namespaces(&machine)?.contains(&path).then_some(path))
}

fn destination(
    world: &mut World<'_>,
    name: &Name,
) -> Result<(FlowEnd, IpAddr, Vec<u16>), Unresolved> {
    match name {
        Name::Address(address) => {
            let (object, namespace) = owner(world, *address)?;
            Ok((
                FlowEnd {
                    object,
                    address: address.to_string(),
                    namespace,
                },
                *address,
                Vec::new(),
            ))
        }
        Name::Object(kind, namespace, name) => {
            let record = object(world, "to", *kind, namespace, name)?;
            let netns = netns_of(world, &record)?;
            let label = label(*kind, namespace, name);
            let IndexRecord::Object {
                addresses,
                entry,
                pointer,
                ..
            } = &record
            else {
                return wrong("to", format!("`{label}` has no address"));
            };
            let Some(address) = addresses.first().copied() else {
                let why = if *kind == ObjectKind::Service {
                    " (it is headless or of type ExternalName: name one of its pods)"
                } else {
                    ""
                };
                return wrong("to", format!("`{label}` has no address{why}"));
            };
            let ports = if *kind == ObjectKind::Service {
                service_ports(world, entry, pointer)?
            } else {
                Vec::new()
            };
            Ok((
                FlowEnd {
                    object: label,
                    address: address.to_string(),
                    namespace: netns,
                },
                address,
                ports,
            ))
        }
    }
}

/// The ports of the service at `pointer` in `entry`.
fn service_ports(world: &mut World<'_>, entry: &str, pointer: &str) -> Result<Vec<u16>, Halt> {
    let ports = world.item(entry, pointer)?.and_then(ports_of);
    Ok(ports
        .into_iter()
        .flatten()
        .filter_map(|port| port.get("port")?.as_u64())
        .filter_map(|port| u16::try_from(port).ok())
        .collect())
}

/// The `spec.ports` of a service as the kube list has it.
pub(crate) fn ports_of(service: &str) -> Option<Vec<serde_json::Value>> {
    #[derive(serde::Deserialize)]
    struct Service {
        spec: Spec,
    }
    #[derive(serde::Deserialize)]
    struct Spec {
        ports: Vec<serde_json::Value>,
    }
    let service: Service = serde_json::from_str(service).ok()?;
    Some(service.spec.ports)
}

pub(crate) fn port(request: &FlowRequest, to: &str, known: &[u16]) -> Result<u16, Unresolved> {
    match (request.port, request.protocol, known) {
        (Some(port), Protocol::Icmp, _) => wrong(
            "port",
            format!("ICMP echo has no ports: ask without port {port}, or with another protocol"),
        ),
        (Some(port), _, _) => Ok(port),
        (None, Protocol::Icmp, _) => Ok(0),
        (None, _, [only]) => Ok(*only),
        (None, _, []) => wrong("port", format!("which port of `{to}`? give `--port`")),
        (None, _, several) => {
            let list: Vec<String> = several.iter().map(u16::to_string).collect();
            wrong(
                "port",
                format!("`{to}` has the ports {}: give `--port`", list.join(", ")),
            )
        }
    }
}

/// Whose address it is: the object and the captured namespace.
pub(super) fn owner(
    world: &mut World<'_>,
    address: IpAddr,
) -> Result<(String, Option<String>), Halt> {
    let records = world.by_address(address)?;
    let mut object = None;
    let mut netns = None;
    for record in records.iter() {
        match record {
            IndexRecord::Object {
                object: kind,
                namespace,
                name,
                host_network: false,
                ..
            } if object.is_none() => {
                object = Some(label(*kind, namespace, name));
            }
            IndexRecord::Interface { namespace, .. } if netns.is_none() => {
                netns = Some(namespace.clone());
            }
            IndexRecord::Object { .. } | IndexRecord::Interface { .. } => {}
        }
    }
    let object = object.unwrap_or_else(|| match &netns {
        Some(path) => crate::world::object_of(path),
        None => format!("ip:{address}"),
    });
    Ok((object, netns))
}

fn source(
    world: &mut World<'_>,
    name: &Name,
    to: IpAddr,
    assumptions: &mut Vec<String>,
) -> Result<(FlowEnd, Asked), Unresolved> {
    match name {
        Name::Object(ObjectKind::Service, namespace, name) => wrong(
            "from",
            format!("a service sends nothing: name a pod behind `service:{namespace}/{name}`"),
        ),
        Name::Object(kind, namespace, name) => {
            let record = object(world, "from", *kind, namespace, name)?;
            let object = label(*kind, namespace, name);
            let Some(path) = netns_of(world, &record)? else {
                return wrong(
                    "from",
                    format!(
                        "the network namespace of `{object}` was not captured: collect it on its node"
                    ),
                );
            };
            let address = match &record {
                IndexRecord::Object { addresses, .. } => {
                    addresses.first().map(IpAddr::to_string).unwrap_or_default()
                }
                IndexRecord::Interface { .. } => String::new(),
            };
            Ok((
                FlowEnd {
                    object,
                    address,
                    namespace: Some(path.clone()),
                },
                Asked::Namespace { path, bound: None },
            ))
        }
        Name::Address(address) => {
            let (object, netns) = owner(world, *address)?;
            if let Some(path) = netns {
                let end = FlowEnd {
                    object,
                    address: address.to_string(),
                    namespace: Some(path.clone()),
                };
                return Ok((
                    end,
                    Asked::Namespace {
                        path,
                        bound: Some(*address),
                    },
                ));
            }
            outside(world, *address, to, assumptions)
        }
    }
}

/// A source that nothing captured has: a public host's packets come in where the destination is.
fn outside(
    world: &mut World<'_>,
    address: IpAddr,
    to: IpAddr,
    assumptions: &mut Vec<String>,
) -> Result<(FlowEnd, Asked), Unresolved> {
    if let Some(entry) = super::cloud::outside(world, address, to)? {
        return Ok(entry);
    }
    if !crate::trace::is_public(address) {
        return wrong(
            "from",
            format!("nothing in this capture has the private address `{address}`"),
        );
    }
    let mut entry = None;
    for record in world.by_address(to)?.iter() {
        if let IndexRecord::Interface {
            namespace, device, ..
        } = record
            && entry.is_none()
            && namespace.ends_with("/host")
            && !world.is_dummy(namespace, device)?
        {
            entry = Some((namespace.clone(), device.clone()));
        }
    }
    let Some((path, device)) = entry else {
        return wrong(
            "from",
            format!(
                "how packets from `{address}` come to {to} is not in this capture: no captured machine has that address"
            ),
        );
    };
    assumptions.push(format!(
        "packets from {address} to {to} come in by {device} of {}",
        crate::world::object_of(&path)
    ));
    let end = FlowEnd {
        object: format!("ip:{address}"),
        address: address.to_string(),
        namespace: None,
    };
    Ok((
        end,
        Asked::Outside {
            path,
            device,
            address,
        },
    ))
}
