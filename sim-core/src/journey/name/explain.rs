//! What looking a name up means for the flow: its outcome and its findings.

use super::lookup::config_of;
use super::settings::Settings;
use super::{Lookup, name_leg, resolved};
use crate::evidence::corefile::normal;
use crate::flow::Sender;
use crate::intent::dns::{Reply, Why, WhyKind, below};
use crate::journey::merge::{self, Found};
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::source::Source;
use crate::verdict::catalogue::{self, Entry};
use crate::verdict::{Finding, Outcome, Severity, Verdict};
use crate::world::{Halt, World};

/// Names asked before the right one, from here on worth a note.
const MANY: usize = 3;

/// Completes the connection's `verdict` by what came before it.
pub(super) fn complete(
    world: &mut World<'_>,
    verdict: &mut Verdict,
    sender: &Sender,
    settings: &Settings,
    lookup: &Lookup,
    name: &str,
) -> Result<(), Halt> {
    let query = lookup.queries.last();
    let differs = differs_by_library(lookup);
    let sent = match query {
        Some(_) if differs => Outcome::Unknown,
        Some(query) => query.outcome,
        None => Outcome::Connected,
    };
    let answered = resolved(lookup);
    let connected = match answered {
        Outcome::Connected => verdict.outcome,
        other => other,
    };
    let mut findings = Vec::new();
    if let Some(query) = query {
        merge::absorb(verdict, query);
        findings.extend(of_query(world, query, sender, lookup)?);
    }
    let behind = sent != Outcome::Connected;
    findings.extend(of_tcp(lookup));
    findings.extend(of_answer(world, sender, settings, lookup, name, behind)?);
    let own = std::mem::take(&mut verdict.findings);
    let most = if behind {
        Severity::Contributing
    } else {
        Severity::Cause
    };
    findings.extend(merge::at_most(&own, most));
    findings.extend(of_search(settings, sender, lookup, name));
    findings.sort_by_key(|finding| finding.severity);
    verdict.findings = findings;

    verdict.outcome = merge::then(sent, connected);
    if verdict.outcome == Outcome::Unknown {
        add_possible(verdict, query, (sent, answered), connected);
    }
    verdict.legs = lookup
        .queries
        .iter()
        .map(|query| merge::leg("DNS query over UDP", query))
        .collect();
    verdict.legs.extend(
        lookup
            .tcp
            .as_ref()
            .map(|tcp| merge::leg("DNS query over TCP", tcp)),
    );
    verdict.legs.extend(lookup.asking.legs.iter().cloned());
    verdict.legs.push(name_leg(sender, lookup, name));
    match lookup.asked.last() {
        Some((_, Reply::Outside(why))) => {
            merge::add(
                &mut verdict.settle,
                &[format!(
                    "{}; it would be settled by giving the address",
                    why.text
                )],
            );
        }
        Some((_, Reply::Unknown(doubt))) => {
            let line = match doubt.settle.as_str() {
                "" => doubt.what.clone(),
                settle => format!("{}; it would be settled by {settle}", doubt.what),
            };
            merge::add(&mut verdict.settle, &[line]);
        }
        _ => {}
    }
    if differs {
        merge::add(&mut verdict.settle, &[BY_LIBRARY.to_owned()]);
    }
    finish(verdict);
    Ok(())
}

const BY_LIBRARY: &str = "glibc asks for names over TCP (`use-vc`), musl over UDP, and these fare differently; it would be settled by which C library the program uses";

/// Whether it matters that only glibc heeds `use-vc`.
fn differs_by_library(lookup: &Lookup) -> bool {
    let ends = lookup.queries.last().zip(lookup.tcp.as_ref());
    lookup.by_tcp && ends.is_some_and(|(udp, tcp)| udp.outcome != tcp.outcome)
}

/// What may become of a flow whose outcome is unknown, of its question and of its connection.
fn add_possible(
    verdict: &mut Verdict,
    query: Option<&Verdict>,
    (sent, answered): (Outcome, Outcome),
    connected: Outcome,
) {
    if answered == Outcome::Unknown || sent == Outcome::Unknown {
        // Another server, or another answer, may lead anywhere.
        verdict.possible = ANY.to_vec();
        return;
    }
    let branches = query.into_iter().flat_map(|query| &query.branches);
    let all = branches.map(|branch| branch.outcome).chain([connected]);
    let failing: Vec<Outcome> = all.filter(|outcome| merge::fails(*outcome)).collect();
    merge::add(&mut verdict.possible, &failing);
}

const ANY: [Outcome; 4] = [
    Outcome::Connected,
    Outcome::Refused,
    Outcome::Unreachable,
    Outcome::Timeout,
];

/// What stays possible, and what would settle it, only where it is unknown.
fn finish(verdict: &mut Verdict) {
    let unknown = |outcome: Outcome| outcome == Outcome::Unknown;
    let any = unknown(verdict.outcome)
        || verdict
            .branches
            .iter()
            .any(|branch| unknown(branch.outcome));
    if !any {
        verdict.possible.clear();
        verdict.settle.clear();
    } else if verdict.possible.is_empty() {
        verdict.possible = ANY.to_vec();
    }
    verdict.possible.sort_unstable();
    verdict.possible.dedup();
}

fn found(
    entry: Entry,
    severity: Severity,
    object: impl Into<String>,
    sender: &Sender,
    message: String,
    sources: &[Source],
) -> Finding {
    Found {
        entry,
        severity,
        object: object.into(),
        at: &sender.path,
        message,
        sources,
        under: None,
    }
    .into()
}

/// What the question's own way meets; where it does not get through, its cause comes first.
fn of_query(
    world: &mut World<'_>,
    query: &Verdict,
    sender: &Sender,
    lookup: &Lookup,
) -> Result<Vec<Finding>, Halt> {
    let mut findings = query.findings.clone();
    let at = &query.flow.to;
    if !merge::fails(query.outcome) && query.outcome != Outcome::Partial {
        return Ok(findings);
    }
    if let Some(unready) = unready(world, sender, &findings)? {
        for finding in &mut findings {
            finding.severity = finding.severity.max(Severity::Contributing);
            finding.under = Some(unready.code.clone());
        }
        findings.insert(0, unready);
    }
    let cause = findings.first().map(|finding| finding.code.clone());
    let cited: Vec<Source> = lookup_sources(lookup);
    let mut failed: Finding = found(
        catalogue::DNS_QUERY_FAILED,
        if cause.is_some() {
            Severity::Contributing
        } else {
            Severity::Cause
        },
        sender.object.clone(),
        sender,
        format!(
            "questions for names from {} do not reach {} ({})",
            sender.object, at.object, at.address
        ),
        &cited,
    );
    failed.under = cause;
    if let Some(first) = findings.first() {
        merge::add(&mut failed.evidence, &first.evidence);
    }
    findings.push(failed);
    Ok(findings)
}

fn lookup_sources(lookup: &Lookup) -> Vec<Source> {
    match lookup.asked.last() {
        Some((_, Reply::Found(found))) => found.sources.clone(),
        Some((
            _,
            Reply::NoName(why) | Reply::NoData(why) | Reply::Failure(why) | Reply::Outside(why),
        )) => why.sources.clone(),
        Some((_, Reply::Unknown(doubt))) => doubt.source.iter().cloned().collect(),
        None => Vec::new(),
    }
}

/// The name servers' pods, where their service has no endpoint because none of them is ready.
fn unready(
    world: &mut World<'_>,
    sender: &Sender,
    findings: &[Finding],
) -> Result<Option<Finding>, Halt> {
    let empty = catalogue::SERVICE_NO_ENDPOINTS.code;
    let service = findings.iter().find(|finding| finding.code == empty);
    let Some(service) = service.and_then(|finding| finding.object.strip_prefix("service:")) else {
        return Ok(None);
    };
    let pods = world.all_pods()?.unwrap_or_default();
    let servers: Vec<_> = pods
        .iter()
        .filter(|pod| config_of(pod) == Some("coredns"))
        .collect();
    if servers.is_empty() || servers.iter().any(|pod| pod.ready) {
        return Ok(None);
    }
    let why = |pod: &&crate::evidence::kube::pod::Pod| {
        let waits = pod
            .containers
            .iter()
            .find_map(|container| container.reason.clone());
        let unscheduled = pod.conditions.iter().find_map(|condition| {
            (condition.status != "True")
                .then(|| condition.reason.clone())
                .flatten()
        });
        let reason = waits.or(unscheduled).or_else(|| pod.reason.clone());
        let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        format!(
            "{}/{} is {}, not ready{reason}",
            pod.meta.namespace, pod.meta.name, pod.phase
        )
    };
    let texts: Vec<String> = servers.iter().map(why).collect();
    let sources: Vec<Source> = servers.iter().map(|pod| pod.meta.source.clone()).collect();
    let object = servers.first().map_or_else(String::new, |pod| {
        format!("pod:{}/{}", pod.meta.namespace, pod.meta.name)
    });
    let message = format!(
        "no name server behind service {service} is ready: {}",
        texts.join("; ")
    );
    Ok(Some(found(
        catalogue::DNS_SERVER_NOT_READY,
        Severity::Cause,
        object,
        sender,
        message,
        &sources,
    )))
}

/// TCP is only needed for answers that do not fit into a datagram.
fn of_tcp(lookup: &Lookup) -> Option<Finding> {
    let udp = lookup.queries.last()?;
    let tcp = lookup
        .tcp
        .as_ref()
        .filter(|tcp| merge::fails(tcp.outcome))?;
    if merge::fails(udp.outcome) {
        return None;
    }
    let cause = tcp.findings.first()?;
    let mut finding = merge::at_most(std::slice::from_ref(cause), Severity::Warning).pop()?;
    finding.code = catalogue::DNS_TCP_FAILS.code.to_owned();
    finding.fix = catalogue::DNS_TCP_FAILS.fix.en.to_owned();
    finding.message = format!(
        "questions for names over TCP, for answers too large for UDP, do not get through: {}",
        cause.message
    );
    Some(finding)
}

fn of_answer(
    world: &mut World<'_>,
    sender: &Sender,
    settings: &Settings,
    lookup: &Lookup,
    name: &str,
    behind: bool,
) -> Result<Vec<Finding>, Halt> {
    let severity = if behind {
        Severity::Contributing
    } else {
        Severity::Cause
    };
    let reply = lookup.asked.last().map(|(_, reply)| reply);
    let why = match reply {
        Some(Reply::Failure(why)) => why,
        Some(Reply::NoName(why) | Reply::NoData(why)) => telling(lookup).unwrap_or(why),
        Some(Reply::Outside(why)) => {
            let message = format!("{}: give the address to go on from there", why.text);
            let sources = if why.sources.is_empty() {
                lookup_sources(lookup)
            } else {
                why.sources.clone()
            };
            return Ok(vec![found(
                catalogue::DNS_OUTSIDE,
                Severity::Info,
                sender.object.clone(),
                sender,
                message,
                &sources,
            )]);
        }
        Some(Reply::Found(_) | Reply::Unknown(_)) | None => return Ok(Vec::new()),
    };
    let entry = match why.kind {
        WhyKind::NoObject | WhyKind::Outside => catalogue::DNS_NO_SUCH_NAME,
        WhyKind::NoEndpoints => catalogue::DNS_HEADLESS_EMPTY,
        WhyKind::OtherRecords => catalogue::DNS_NO_ADDRESS,
        WhyKind::Setup => catalogue::DNS_SETUP,
        WhyKind::Upstream => catalogue::DNS_UPSTREAM_UNREACHABLE,
        WhyKind::Circle => catalogue::DNS_FORWARD_LOOP,
    };
    let (object, near) = match why.kind {
        WhyKind::NoObject | WhyKind::Outside => missing(world, lookup, settings, name)?,
        _ => (None, Vec::new()),
    };
    let hint = match near.as_slice() {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(" or ")),
    };
    let object = object
        .or_else(|| why.object.clone())
        .unwrap_or_else(|| sender.object.clone());
    let mut sources = why.sources.clone();
    if let Some(list) = world.parts("kube/services.json")?.first().cloned()
        && why.kind == WhyKind::NoObject
    {
        sources.extend(world.file(&list)?.map(|file| Source::whole(&file)));
    }
    let message = format!("`{name}` has no address: {}{hint}", why.text);
    let mut main = found(entry, severity, object, sender, message, &sources);
    if why.kind == WhyKind::OtherRecords && why.object.is_none() {
        // The name of a namespace, say: no service has it, and the asker is none.
        main.confirm = catalogue::DNS_NO_SUCH_NAME.commands_with(&[]);
    }
    // Behind a server that cannot ask others, what keeps it from them is the cause.
    let deeper = &lookup.asking.findings;
    if why.kind == WhyKind::Upstream && !deeper.is_empty() {
        let mut findings = merge::at_most(deeper, severity);
        main.severity = Severity::Contributing;
        main.under = findings.first().map(|finding| finding.code.clone());
        findings.push(main);
        return Ok(findings);
    }
    let mut findings = vec![main];
    findings.extend(merge::at_most(deeper, Severity::Contributing));
    Ok(findings)
}

/// Of the names that were asked for in vain, the answer that says most.
fn telling(lookup: &Lookup) -> Option<&Why> {
    let whys = lookup.asked.iter().filter_map(|(_, reply)| match reply {
        Reply::NoName(why) | Reply::NoData(why) => Some(why),
        _ => None,
    });
    let rank = |why: &&Why| match why.kind {
        WhyKind::NoEndpoints => 0,
        WhyKind::OtherRecords if why.object.is_some() => 1,
        WhyKind::Setup => 2,
        // Of names without an object, the one that has the form of a service's.
        WhyKind::NoObject if why.text.starts_with("there is no service") => 3,
        WhyKind::OtherRecords => 4,
        WhyKind::NoObject => 5,
        _ => 6,
    };
    whys.min_by_key(rank)
}

/// The service that the name is meant for, and names that are like it.
fn missing(
    world: &mut World<'_>,
    lookup: &Lookup,
    settings: &Settings,
    asked: &str,
) -> Result<(Option<String>, Vec<String>), Halt> {
    let zone = format!("svc.{}", settings.domain);
    let plain = normal(asked);
    let shapes = lookup.asked.iter().filter_map(|(name, _)| {
        let front = below(name, &zone)?;
        let (service, namespace) = front.split_once('.')?;
        // As it was meant: the asked name itself, or with one domain of the search list.
        let fits = !namespace.contains('.') && plain.starts_with(service);
        fits.then(|| (service.to_owned(), namespace.to_owned()))
    });
    let all: Vec<(String, String)> = shapes.collect();
    let Some((service, namespace)) = all.first() else {
        return Ok((None, Vec::new()));
    };
    let mut near: Vec<(f64, String)> = Vec::new();
    for record in world.objects()? {
        let IndexRecord::Object {
            object: ObjectKind::Service,
            namespace: of,
            name,
            ..
        } = record
        else {
            continue;
        };
        let likeness = strsim::jaro_winkler(service, &name);
        if &name == service || (&of == namespace && likeness > 0.85) {
            near.push((likeness, format!("`{name}.{of}.{zone}`")));
        }
    }
    near.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.cmp(y)));
    let near = near.into_iter().take(3).map(|(_, name)| name).collect();
    Ok((Some(format!("service:{namespace}/{service}")), near))
}

/// What the search list costs.
fn of_search(settings: &Settings, sender: &Sender, lookup: &Lookup, name: &str) -> Option<Finding> {
    let resolver = settings.resolver.as_ref().ok()?;
    let (last, reply) = lookup.asked.last()?;
    let before = lookup.asked.len().checked_sub(1)?;
    let whole = *last == normal(name) && matches!(reply, Reply::Found(_) | Reply::Outside(_));
    if before < MANY || !whole {
        return None;
    }
    let dots = normal(name).matches('.').count();
    let message = format!(
        "`{name}` has {dots} dots, fewer than ndots ({}): {before} other names are asked for first, each twice (A and AAAA)",
        resolver.ndots
    );
    Some(found(
        catalogue::DNS_SEARCH_COST,
        Severity::Info,
        sender.object.clone(),
        sender,
        message,
        &resolver.search_sources,
    ))
}
