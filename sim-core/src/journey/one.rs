//! One flow: walked every way, and put together as a verdict.

use crate::flow::{FlowRequest, Protocol, Resolved, Unresolved, ports_of, resolve};
use crate::intent::{Asked, Intent};
use crate::linux::choice::Choice as _;
use crate::session::ENGINE;
use crate::snapshot::{IndexRecord, ObjectKind, Seal};
use crate::source::Source;
use crate::trace::{Limit, Question, explore, walk};
use crate::verdict::{AskedService, Receipt, Verdict, Walked, assemble};
use crate::world::{Halt, World};

/// More ways than any real flow has.
const MOST_RUNS: Limit = Limit {
    runs: 4096,
    doubtful: 256,
};

/// The verdict on `request`; receipt and seal are the session's to fill in.
pub(super) fn answer(world: &mut World<'_>, request: &FlowRequest) -> Result<Verdict, Unresolved> {
    let resolved = resolve(world, request)?;
    verdict(world, request, resolved, &[], None)
}

/// The same where the sender takes one of `requests`, each with its weight; `source` says why there are several.
pub(super) fn answer_any(
    world: &mut World<'_>,
    requests: &[(FlowRequest, u64)],
    source: &Source,
) -> Result<Option<Verdict>, Unresolved> {
    let Some(((first, weight), others)) = requests.split_first() else {
        return Ok(None);
    };
    let mut weights = vec![*weight];
    let resolved = resolve(world, first)?;
    let mut questions = Vec::new();
    for (other, weight) in others {
        questions.push(resolve(world, other)?.question);
        weights.push(*weight);
    }
    let chance = (weights.as_slice(), source);
    verdict(world, first, resolved, &questions, Some(chance)).map(Some)
}

fn verdict(
    world: &mut World<'_>,
    request: &FlowRequest,
    resolved: Resolved,
    others: &[Question],
    chance: Option<(&[u64], &Source)>,
) -> Result<Verdict, Unresolved> {
    let service = service_of(world, &resolved)?;
    let (runs, completeness) = explore(MOST_RUNS, |script| {
        let chosen = chance.map_or(0, |(weights, source)| script.chance(weights, source));
        let other = chosen.checked_sub(1).and_then(|place| others.get(place));
        walk(world, script, other.unwrap_or(&resolved.question))
    })?;
    let results = runs.iter().map(|run| &run.result);
    let asked = Asked {
        from: &resolved.from.object,
        to: &resolved.to.object,
        service: service
            .as_ref()
            .and_then(|service| service.object.strip_prefix("service:")),
    };
    let mut intent = Intent::of(world, resolved.question.protocol, asked, results)?;
    super::probe::explain(world, &mut intent)?;
    let walked = Walked {
        resolved,
        runs,
        completeness,
        service,
        intent,
        receipt: Receipt {
            manifest_sha256: String::new(),
            engine: ENGINE.to_owned(),
            entries: Vec::new(),
        },
        seal: Seal::Unsigned,
    };
    Ok(assemble(request, walked))
}

/// The service that has the destination address (or is asked for by a load balancer that its status does not list), and
/// where its object stands.
fn service_of(world: &mut World<'_>, resolved: &Resolved) -> Result<Option<AskedService>, Halt> {
    let is_service = |record: &&IndexRecord| {
        let service = ObjectKind::Service;
        matches!(record, IndexRecord::Object { object, .. } if *object == service)
    };
    let records = world.by_address(resolved.question.to)?;
    let mut found = records.iter().find(is_service).cloned();
    let named = resolved.to.object.strip_prefix("service:");
    if let (None, Some((namespace, name))) = (&found, named.and_then(|name| name.split_once('/'))) {
        let records = world.by_name(ObjectKind::Service, namespace, name)?;
        found = records.into_iter().next();
    }
    let Some(IndexRecord::Object {
        namespace,
        name,
        entry,
        pointer,
        ..
    }) = found
    else {
        return Ok(None);
    };
    let file = world.file(&entry)?;
    let has_port = has_port(world.item(&entry, &pointer)?, &resolved.question);
    let source = file.map(|file| Source::pointer(&file, pointer.as_str(), ""));
    Ok(Some(AskedService {
        object: format!("service:{namespace}/{name}"),
        source,
        has_port,
    }))
}

/// Whether the service `item` has the port that is asked for; one that cannot be read is taken to have it.
fn has_port(item: Option<&str>, question: &Question) -> bool {
    let Some(ports) = item.and_then(ports_of) else {
        return true;
    };
    let protocol = match question.protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Sctp => "SCTP",
        Protocol::Icmp => return true,
    };
    ports.iter().any(|port| {
        let number = |name: &str| port.get(name).and_then(serde_json::Value::as_u64);
        let asked = Some(u64::from(question.port));
        let own = port.get("protocol").and_then(serde_json::Value::as_str);
        own.unwrap_or("TCP") == protocol && (number("port") == asked || number("nodePort") == asked)
    })
}
