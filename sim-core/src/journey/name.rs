//! `--to dns:name`: the name is looked up as the sender's program would, over the network; then the flow goes to what it
//! resolves to.

mod explain;
mod lookup;
mod settings;
mod upstream;

use std::net::IpAddr;

use super::{merge, one};
use crate::evidence::corefile::normal;
use crate::flow::{FlowRequest, Protocol, Sender, Unresolved, sender, wrong};
use crate::intent::dns::resolver::{Asked, Library, Resolver, ask, ipv6_first};
use crate::intent::dns::{Found, Reply, Why, WhyKind};
use crate::linux::choice::Doubt;
use crate::source::Source;
use crate::verdict::{FlowEnd, HopStep, Leg, Outcome, StepStatus, Verdict, evidences};
use crate::world::{Halt, World};
use lookup::{Asking, Servers, agreed, servers};

/// A name and the port behind it.
struct Named {
    /// As asked, with its last dot if it has one.
    name: String,
    port: Option<u16>,
}

/// What looking a name up came to.
struct Lookup {
    asked: Asked,
    asking: Asking,
    assumptions: Vec<String>,
    /// The walks of the question itself to name servers, over UDP, the one that counts last.
    queries: Vec<Verdict>,
    tcp: Option<Verdict>,
    /// glibc asks over TCP, musl over UDP (`use-vc`).
    by_tcp: bool,
    /// The further name servers that the questions come to, each with the walk there.
    others: Vec<(Outcome, Servers)>,
}

pub(super) fn answer(
    world: &mut World<'_>,
    request: &FlowRequest,
    text: &str,
) -> Result<Verdict, Unresolved> {
    let named = named(request, text)?;
    let sender = sender(world, &request.from)?;
    let settings = settings::of(world, &sender)?;
    let mut assumptions = settings.assumptions.clone();
    let lookup = match &settings.resolver {
        Ok(resolver) => look_up(world, request, &sender, resolver, &settings, &named)?,
        Err(doubt) => Lookup {
            asked: vec![(normal(&named.name), Reply::Unknown(doubt.clone()))],
            asking: Asking::default(),
            assumptions: Vec::new(),
            queries: Vec::new(),
            tcp: None,
            by_tcp: false,
            others: Vec::new(),
        },
    };
    merge::add(&mut assumptions, &lookup.assumptions);
    merge::add(&mut assumptions, &lookup.asking.assumptions);
    let mut verdict = match lookup.asked.last() {
        Some((_, Reply::Found(found))) => {
            connection(world, request, &sender, &named, found, &mut assumptions)?
        }
        _ => nothing(request, &sender, &named),
    };
    merge::add(&mut verdict.assumptions, &assumptions);
    explain::complete(
        world,
        &mut verdict,
        &sender,
        &settings,
        &lookup,
        &named.name,
    )?;
    Ok(verdict)
}

fn named(request: &FlowRequest, text: &str) -> Result<Named, Unresolved> {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => match port.parse::<u16>() {
            Ok(port) => (name, Some(port)),
            Err(_) => return wrong("to", format!("`{port}` is no port")),
        },
        None => (text, None),
    };
    if port.is_some() && request.port.is_some() && port != request.port {
        return wrong("port", format!("`{text}` names another port"));
    }
    let is_label = |label: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (1..=63).contains(&label.len()) && label.chars().all(plain)
    };
    let plain = normal(name);
    if plain.len() > 253 || !plain.split('.').all(is_label) {
        return wrong("to", format!("`{name}` is no domain name"));
    }
    Ok(Named {
        name: name.to_owned(),
        port: port.or(request.port),
    })
}

fn look_up(
    world: &mut World<'_>,
    request: &FlowRequest,
    sender: &Sender,
    resolver: &Resolver,
    settings: &settings::Settings,
    named: &Named,
) -> Result<Lookup, Unresolved> {
    let mut lookup = Lookup {
        asked: Asked::new(),
        asking: Asking::default(),
        assumptions: Vec::new(),
        queries: Vec::new(),
        tcp: None,
        by_tcp: resolver.by_tcp,
        others: Vec::new(),
    };
    let own = resolver.in_hosts(&named.name);
    if !own.is_empty() {
        let found = Found {
            addresses: own,
            object: None,
            sources: resolver.sources.clone(),
            text: format!("a line of the hosts file of {}", sender.object),
        };
        lookup
            .asked
            .push((normal(&named.name), Reply::Found(found)));
        return Ok(lookup);
    }
    let servers = query(world, request, resolver, &mut lookup)?;
    let others = std::mem::take(&mut lookup.others);
    let mut by_library = Vec::new();
    for library in [Library::Glibc, Library::Musl] {
        let queries = resolver.queries(&named.name, library);
        let asked = ask(&queries, library, |name| {
            let reply = of_servers(world, &mut lookup.asking, &servers, &others, library, name)?;
            assume_outside(
                world,
                reply,
                name,
                &named.name,
                &settings.domain,
                &mut lookup.assumptions,
            )
        })?;
        by_library.push(asked);
    }
    let end = |asked: &Asked| match asked.last() {
        Some((_, Reply::Found(found))) => (Outcome::Connected, found.addresses.clone()),
        Some((_, reply)) => (meaning(reply), Vec::new()),
        None => (Outcome::Unknown, Vec::new()),
    };
    let mut by_library = by_library.into_iter();
    let (glibc, musl) = (
        by_library.next().unwrap_or_default(),
        by_library.next().unwrap_or_default(),
    );
    let differs = end(&glibc) != end(&musl);
    lookup.asked = glibc;
    if differs {
        lookup.asked.push((
            normal(&named.name),
            Reply::Unknown(Doubt {
                what: format!(
                    "glibc and musl look `{}` up in different ways, and come to different ends",
                    named.name
                ),
                settle: "which C library the program uses".to_owned(),
                source: resolver.search_sources.first().cloned(),
            }),
        ));
    }
    Ok(lookup)
}

/// What the name servers answer: glibc asks the next one where one fails, musl asks all at once and takes the first
/// answer that is none of a failure (`res_nsend`, `__res_msend_rc`).
fn of_servers(
    world: &mut World<'_>,
    asking: &mut Asking,
    first: &Servers,
    others: &[(Outcome, Servers)],
    library: Library,
    name: &str,
) -> Result<Reply, Unresolved> {
    let mut reply = asking.any(world, first, name)?;
    for (outcome, servers) in others {
        let failed = matches!(reply, Reply::Failure(_));
        if library == Library::Glibc && !failed {
            break;
        }
        let next = match outcome {
            Outcome::Connected => asking.any(world, servers, name)?,
            _ => Reply::Unknown(lookup::nobody()),
        };
        if failed {
            reply = next;
        } else if !matches!(next, Reply::Failure(_)) {
            reply = agreed(vec![reply, next], "the name servers");
        }
    }
    Ok(reply)
}

/// Walks the question to the name servers in turn until one is reached; the servers that answer there.
fn query(
    world: &mut World<'_>,
    request: &FlowRequest,
    resolver: &Resolver,
    lookup: &mut Lookup,
) -> Result<Servers, Unresolved> {
    let local = [IpAddr::from([127, 0, 0, 1])];
    // Without a name server the resolver asks its own machine (resolv.conf(5)).
    let addresses = match resolver.nameservers.as_slice() {
        [] => &local[..],
        some => some,
    };
    let question = |address: IpAddr, protocol| FlowRequest {
        from: request.from.clone(),
        to: address.to_string(),
        port: Some(53),
        protocol,
        bytes: None,
        strict: request.strict,
    };
    let mut chosen = None;
    for address in addresses {
        let verdict = one::answer(world, &question(*address, Protocol::Udp))?;
        let fails = merge::fails(verdict.outcome);
        if chosen.is_some() {
            if !fails {
                merge::add(&mut lookup.assumptions, &verdict.assumptions);
                lookup.others.push((verdict.outcome, servers(&verdict)));
            }
            continue;
        }
        lookup.queries.push(verdict);
        if !fails {
            chosen = Some(*address);
        }
    }
    let address = chosen.or_else(|| addresses.first().copied());
    let Some(address) = address else {
        return Ok(Servers::default());
    };
    if chosen.is_none() {
        // The first one's failure is the one that counts.
        lookup.queries.reverse();
    }
    lookup.tcp = Some(one::answer(world, &question(address, Protocol::Tcp))?);
    let reached = lookup.queries.last().map(servers).unwrap_or_default();
    if reached.all.is_empty() {
        let all = lookup::intended(world, address)?;
        return Ok(Servers { all, whole: true });
    }
    Ok(reached)
}

/// What servers outside say is not in a capture; but a name made for the cluster is taken not to be known there.
fn assume_outside(
    world: &mut World<'_>,
    reply: Reply,
    name: &str,
    asked: &str,
    domain: &str,
    assumptions: &mut Vec<String>,
) -> Result<Reply, Unresolved> {
    let why = match reply {
        Reply::Outside(why) => why,
        reply => return Ok(reply),
    };
    let plain = normal(asked);
    let labels: Vec<&str> = plain.split('.').collect();
    let of_cluster = plain.ends_with(&format!(".{domain}")) && name != plain;
    let bare = labels.len() == 1 && name == plain;
    let last = labels.last().copied().unwrap_or_default();
    let of_namespace = labels.len() > 1
        && (last == "svc"
            || world
                .namespace_names()?
                .is_some_and(|names| names.iter().any(|namespace| namespace == last)));
    if !(of_cluster || bare || of_namespace) {
        return Ok(Reply::Outside(why));
    }
    let assumption = format!("no name server outside the cluster knows `{name}`");
    merge::add(assumptions, std::slice::from_ref(&assumption));
    let text = format!(
        "it is asked outside, where nobody is taken to know it ({})",
        why.text
    );
    Ok(Reply::NoName(Why::new(WhyKind::Outside, text, why.sources)))
}

/// The flow to what the name resolves to.
fn connection(
    world: &mut World<'_>,
    request: &FlowRequest,
    sender: &Sender,
    named: &Named,
    found: &Found,
    assumptions: &mut Vec<String>,
) -> Result<Verdict, Unresolved> {
    let addresses = family(world, sender, &found.addresses, assumptions)?;
    if addresses.len() > 1 {
        assumptions.push(format!(
            "the program takes any of the {} addresses of `{}`, each as likely",
            addresses.len(),
            named.name
        ));
    }
    let port = match (named.port, request.protocol) {
        (Some(port), _) => Some(port),
        (None, Protocol::Icmp) => None,
        (None, _) => Some(port_of(world, request, found)?),
    };
    let to = |address: &IpAddr| FlowRequest {
        to: address.to_string(),
        port,
        ..request.clone()
    };
    let requests: Vec<(FlowRequest, u64)> = addresses.iter().map(|one| (to(one), 1)).collect();
    let Some(source) = found.sources.first() else {
        return Ok(nothing(request, sender, named));
    };
    let Some(mut verdict) = one::answer_any(world, &requests, source)? else {
        return Ok(nothing(request, sender, named));
    };
    verdict.flow.request = request.clone();
    if let Some(object) = &found.object {
        verdict.flow.to.object.clone_from(object);
    }
    if requests.len() > 1 {
        verdict.flow.to.address = String::new();
        verdict.flow.to.namespace = None;
    }
    Ok(verdict)
}

/// The addresses of the family that the program tries first.
fn family(
    world: &mut World<'_>,
    sender: &Sender,
    all: &[IpAddr],
    assumptions: &mut Vec<String>,
) -> Result<Vec<IpAddr>, Halt> {
    let (v6, v4): (Vec<IpAddr>, Vec<IpAddr>) = all.iter().partition(|address| address.is_ipv6());
    if v6.is_empty() || v4.is_empty() {
        return Ok(all.to_vec());
    }
    let own = world.namespace(&sender.path)?;
    let global = own
        .addresses
        .iter()
        .filter(|address| address.scope == crate::evidence::route::Scope::GLOBAL);
    let global: Vec<IpAddr> = global.map(|address| address.local).collect();
    if !ipv6_first(&global, &v6) {
        return Ok(v4);
    }
    assumptions
        .push("the program tries the name's IPv6 address first, as glibc sorts them".to_owned());
    Ok(v6)
}

/// The port that is asked for where none was given: that of a service with one port.
fn port_of(world: &mut World<'_>, request: &FlowRequest, found: &Found) -> Result<u16, Unresolved> {
    let object = found.object.as_deref().unwrap_or(&request.to);
    let name = object
        .strip_prefix("service:")
        .and_then(|name| name.split_once('/'));
    let mut ports = Vec::new();
    if let Some((namespace, name)) = name {
        let services = world.services(namespace)?;
        let services = services.iter().flat_map(|services| services.iter());
        let own = services.filter(|one| one.meta.namespace == namespace && one.meta.name == name);
        let own = own.flat_map(|service| &service.ports);
        ports.extend(
            own.filter(|port| port.protocol == request.protocol)
                .map(|port| port.port),
        );
    }
    crate::flow::port(request, object, &ports)
}

/// A flow that never starts, for want of an address.
fn nothing(request: &FlowRequest, sender: &Sender, named: &Named) -> Verdict {
    Verdict::without_way(
        request,
        FlowEnd {
            object: sender.object.clone(),
            address: String::new(),
            namespace: Some(sender.path.clone()),
        },
        FlowEnd {
            object: format!("dns:{}", named.name),
            address: String::new(),
            namespace: None,
        },
    )
}

/// The names that were asked for, with the answers.
fn name_leg(sender: &Sender, lookup: &Lookup, name: &str) -> Leg {
    let steps = lookup.asked.iter().map(|(name, reply)| {
        let (text, status, sources): (String, StepStatus, &[Source]) = match reply {
            Reply::Found(found) => {
                let list: Vec<String> = found.addresses.iter().map(IpAddr::to_string).collect();
                (
                    format!("{}: {}", list.join(", "), found.text),
                    StepStatus::Normal,
                    &found.sources,
                )
            }
            Reply::NoName(why) => (
                format!("no such name: {}", why.text),
                StepStatus::Normal,
                &why.sources,
            ),
            Reply::NoData(why) => (
                format!("no address: {}", why.text),
                StepStatus::Normal,
                &why.sources,
            ),
            Reply::Failure(why) => (
                format!("no answer: {}", why.text),
                StepStatus::Blocked,
                &why.sources,
            ),
            Reply::Outside(why) => (why.text.clone(), StepStatus::Unknown, &why.sources),
            Reply::Unknown(doubt) => (
                doubt.what.clone(),
                StepStatus::Unknown,
                doubt.source.as_slice(),
            ),
        };
        HopStep {
            text: format!("{name} → {text}"),
            status,
            evidence: evidences(sources),
        }
    });
    let server = lookup.queries.last().map(|query| query.flow.to.clone());
    Leg {
        name: "name lookup".to_owned(),
        from: FlowEnd {
            object: sender.object.clone(),
            address: String::new(),
            namespace: Some(sender.path.clone()),
        },
        to: server.unwrap_or_else(|| FlowEnd {
            object: format!("dns:{name}"),
            address: String::new(),
            namespace: None,
        }),
        outcome: resolved(lookup),
        steps: steps.collect(),
        branches: Vec::new(),
    }
}

/// What the answers, taken by themselves, mean for the program.
fn resolved(lookup: &Lookup) -> Outcome {
    let last = lookup.asked.last();
    last.map_or(Outcome::Unknown, |(_, reply)| meaning(reply))
}

fn meaning(reply: &Reply) -> Outcome {
    match reply {
        Reply::Found(_) => Outcome::Connected,
        Reply::NoName(_) | Reply::NoData(_) | Reply::Failure(_) => Outcome::Unreachable,
        Reply::Outside(_) | Reply::Unknown(_) => Outcome::Unknown,
    }
}
