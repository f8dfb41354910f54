//! `--to https://host/path`: the request to the proxy that takes it, the rule that it follows there, and the proxy's own
//! connection to what stands behind the rule.

mod backend;
mod controller;
mod entrance;
mod proxy;
mod rule;

use std::net::IpAddr;

use super::merge::{self, Found};
use super::one;
use crate::flow::{FlowRequest, Protocol, Unresolved, wrong};
use crate::intent::web::{Answer, Decision, Fault, Url};
use crate::verdict::catalogue::{self, Entry};
use crate::verdict::{Finding, FlowEnd, Outcome, Severity, Verdict};
use crate::world::World;
use backend::Endpoint;
use proxy::{Plan, Taker, plan};

/// Proxies of which each one's way to the backend is walked; of more, nothing is said for sure.
const MOST_PROXIES: usize = 64;

pub(super) fn answer(world: &mut World<'_>, request: &FlowRequest) -> Result<Verdict, Unresolved> {
    let Some(url) = Url::of(&request.to) else {
        return wrong(
            "to",
            format!("`{}` is no URL: write `https://host/path`", request.to),
        );
    };
    if request.port.is_some_and(|port| port != url.port) {
        return wrong("port", format!("`{}` names another port", request.to));
    }
    if request.protocol != Protocol::Tcp {
        return wrong("protocol", "HTTP is asked for over TCP".to_owned());
    }
    let end = FlowEnd {
        object: request.from.clone(),
        address: String::new(),
        namespace: None,
    };
    let target = FlowEnd {
        object: format!("{}:{}", if url.tls { "https" } else { "http" }, url.host),
        address: String::new(),
        namespace: None,
    };
    let mut verdict = Verdict::without_way(request, end, target);
    let plan = match plan(world, &url)? {
        Ok(plan) => plan,
        Err(doubt) => {
            undecided(&mut verdict, &doubt.what, &doubt.settle);
            return Ok(verdict);
        }
    };
    merge::add(&mut verdict.assumptions, &plan.assumptions);
    let Some(first) = way_in(world, request, &url, &plan)? else {
        undecided(
            &mut verdict,
            &format!(
                "by which address `{}` leads to {} is not known",
                url.host, plan.name
            ),
            "the address: ask for a flow to it",
        );
        verdict.legs.push(rule::leg(&plan));
        if let Decision::Fixed(answer) = &plan.decision {
            let own = fixed(answer, "");
            verdict.findings = merge::at_most(&[own], Severity::Contributing);
        }
        return Ok(verdict);
    };
    verdict.flow.from = first.flow.from.clone();
    verdict.flow.to.address.clone_from(&first.flow.to.address);
    merge::absorb(&mut verdict, &first);
    verdict.findings.clone_from(&first.findings);
    if url.host.parse::<IpAddr>().is_ok() {
        match proxy::taker(&first, &plan) {
            Taker::Proxy => {}
            Taker::Other(who) => {
                verdict.legs.push(merge::leg("request", &first));
                let said = format!(
                    "{who}: the connection is the answer, and no rule of {} is asked",
                    plan.name
                );
                merge::add(&mut verdict.assumptions, &[said]);
                verdict.branches.clone_from(&first.branches);
                verdict.possible.clone_from(&first.possible);
                verdict.outcome = first.outcome;
                return Ok(verdict);
            }
            Taker::Unsure(doubt) => {
                verdict.legs.push(merge::leg("request", &first));
                undecided(&mut verdict, &doubt.what, &doubt.settle);
                return Ok(verdict);
            }
        }
    }
    verdict
        .legs
        .push(merge::leg("request to the proxy", &first));
    verdict.legs.push(rule::leg(&plan));
    let blocked = merge::fails(first.outcome);
    let mut findings: Vec<Finding> = plan.findings.clone();
    let behind = behind(world, &mut verdict, request, &plan, &first, &mut findings)?;
    let most = if blocked {
        Severity::Contributing
    } else {
        Severity::Cause
    };
    let deeper = merge::at_most(&findings, most);
    verdict.findings.extend(deeper);
    verdict.findings.sort_by_key(|finding| finding.severity);
    verdict.outcome = merge::then(first.outcome, behind);
    if verdict.outcome == Outcome::Unknown {
        if verdict.possible.is_empty() {
            verdict.possible = vec![
                Outcome::Connected,
                Outcome::Refused,
                Outcome::Unreachable,
                Outcome::Timeout,
            ];
        }
    } else if verdict
        .branches
        .iter()
        .all(|branch| branch.outcome != Outcome::Unknown)
    {
        verdict.possible.clear();
        verdict.settle.clear();
    }
    Ok(verdict)
}

fn undecided(verdict: &mut Verdict, what: &str, settle: &str) {
    verdict.outcome = Outcome::Unknown;
    verdict.possible = vec![
        Outcome::Connected,
        Outcome::Refused,
        Outcome::Unreachable,
        Outcome::Timeout,
    ];
    let line = if settle.is_empty() {
        what.to_owned()
    } else {
        format!("{what}; it would be settled by {settle}")
    };
    merge::add(&mut verdict.settle, &[line]);
}

/// The flow to the proxy, by the address that the host's name would have.
fn way_in(
    world: &mut World<'_>,
    request: &FlowRequest,
    url: &Url,
    plan: &Plan,
) -> Result<Option<Verdict>, Unresolved> {
    let literal = url.host.parse::<IpAddr>().ok();
    let to = |address: IpAddr, port: u16| FlowRequest {
        from: request.from.clone(),
        to: address.to_string(),
        port: Some(port),
        protocol: Protocol::Tcp,
        bytes: request.bytes,
        strict: request.strict,
    };
    if let Some(address) = literal {
        return one::answer(world, &to(address, url.port)).map(Some);
    }
    let mut failed = None;
    for entrance in &plan.entrances {
        let all = entrance.to.iter();
        let requests: Vec<(FlowRequest, u64)> = all
            .map(|(address, port)| (to(*address, *port), 1))
            .collect();
        match one::answer_any(world, &requests, &entrance.source) {
            Ok(Some(mut verdict)) => {
                merge::add(
                    &mut verdict.assumptions,
                    std::slice::from_ref(&entrance.assumption),
                );
                return Ok(Some(verdict));
            }
            Ok(None) => {}
            // This sender has no captured way to that address: the next one may do.
            Err(wrong @ Unresolved::Wrong { .. }) => failed = Some(wrong),
            Err(halt) => return Err(halt),
        }
    }
    failed.map_or(Ok(None), Err)
}

/// What the rule leads to: the proxy's own answer, or its connections to the backend.
fn behind(
    world: &mut World<'_>,
    verdict: &mut Verdict,
    request: &FlowRequest,
    plan: &Plan,
    first: &Verdict,
    findings: &mut Vec<Finding>,
) -> Result<Outcome, Unresolved> {
    let at = first.flow.from.namespace.clone().unwrap_or_default();
    let (backends, lost, object, sources) = match &plan.decision {
        Decision::Unknown(doubt) => {
            undecided(verdict, &doubt.what, &doubt.settle);
            return Ok(Outcome::Unknown);
        }
        Decision::Fixed(answer) => {
            findings.push(fixed(answer, &at));
            let redirect = answer.why == Fault::Redirect;
            return Ok(if redirect {
                Outcome::Connected
            } else {
                Outcome::Unreachable
            });
        }
        Decision::Pass {
            backends,
            lost,
            object,
            sources,
            ..
        } => (backends, lost, object, sources),
    };
    let mut endpoints: Vec<Endpoint> = Vec::new();
    let mut missing = lost.len();
    findings.extend(lost.iter().map(|answer| fixed(answer, &at)));
    for one in backends {
        match backend::endpoints(world, one, object, sources)? {
            Ok(some) => endpoints.extend(some),
            Err(backend::Lack::Unknown(doubt)) => {
                undecided(verdict, &doubt.what, &doubt.settle);
                return Ok(Outcome::Unknown);
            }
            Err(backend::Lack::Answer(answer)) => {
                missing += 1;
                let status = match (plan.gateway, plan.leaves_out) {
                    (true, _) => answer.status,
                    // 404, or for want of endpoints 503, as it is told to (`allowEmptyServices`).
                    (false, true) => 0,
                    // Most controllers of Ingresses say 503 to both.
                    (false, false) => 503,
                };
                let finding = fixed(&Answer { status, ..answer }, &at);
                let most = if plan.others {
                    Severity::Contributing
                } else {
                    Severity::Cause
                };
                findings.extend(merge::at_most(&[finding], most));
            }
        }
    }
    if endpoints.is_empty() && plan.others {
        let what = "whether another rule takes the request is not known: the controller leaves out rules without a backend";
        undecided(verdict, what, "");
        return Ok(Outcome::Unknown);
    }
    if endpoints.is_empty() {
        return Ok(Outcome::Unreachable);
    }
    if backend::share(&mut endpoints).is_none() {
        undecided(
            verdict,
            "the shares of the endpoints have no common measure that can be counted with",
            "",
        );
        return Ok(Outcome::Unknown);
    }
    let proxies = proxy::of(first, plan);
    if proxies.is_empty() {
        undecided(
            verdict,
            "which proxy passes the request on is not in this capture",
            "the files of the proxy's pods",
        );
        return Ok(Outcome::Unknown);
    }
    let outcome = connections(world, verdict, request, &proxies, &endpoints, findings)?;
    Ok(if missing > 0 {
        merge::then(Outcome::Partial, outcome)
    } else {
        outcome
    })
}

/// Each proxy's connection to the endpoints, any of which it takes.
fn connections(
    world: &mut World<'_>,
    verdict: &mut Verdict,
    request: &FlowRequest,
    proxies: &[String],
    endpoints: &[Endpoint],
    findings: &mut Vec<Finding>,
) -> Result<Outcome, Unresolved> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    let Some(source) = endpoints.first().map(|endpoint| endpoint.source.clone()) else {
        return Ok(Outcome::Unreachable);
    };
    for proxy in proxies.iter().take(MOST_PROXIES) {
        let requests: Vec<(FlowRequest, u64)> = endpoints
            .iter()
            .map(|endpoint| {
                (
                    FlowRequest {
                        from: proxy.clone(),
                        to: endpoint.address.to_string(),
                        port: Some(endpoint.port),
                        protocol: Protocol::Tcp,
                        bytes: request.bytes,
                        strict: request.strict,
                    },
                    endpoint.weight,
                )
            })
            .collect();
        let walked = match one::answer_any(world, &requests, &source) {
            Ok(Some(walked)) => walked,
            Ok(None) => continue,
            Err(Unresolved::Wrong { message, .. }) => {
                undecided(
                    verdict,
                    &format!("the proxy's way on cannot be followed: {message}"),
                    "the files of the proxy's pod",
                );
                outcomes.push(Outcome::Unknown);
                continue;
            }
            Err(halt) => return Err(halt),
        };
        merge::absorb(verdict, &walked);
        for finding in &walked.findings {
            if !findings.contains(finding) {
                findings.push(finding.clone());
            }
        }
        if let Some(told) = told(&walked) {
            findings.push(told);
        }
        if outcomes.is_empty() {
            verdict.branches.clone_from(&walked.branches);
        } else {
            verdict
                .legs
                .push(merge::leg("request to the backend", &walked));
        }
        outcomes.push(walked.outcome);
    }
    if proxies.len() > MOST_PROXIES {
        undecided(
            verdict,
            &format!(
                "the proxy has {} pods, of which {MOST_PROXIES} are followed",
                proxies.len()
            ),
            "a flow from each of the others to the backend",
        );
        outcomes.push(Outcome::Unknown);
    }
    let outcome = any(&outcomes);
    if outcome == Outcome::Unknown {
        let sure: Vec<Outcome> = outcomes
            .into_iter()
            .filter(|outcome| *outcome != Outcome::Unknown)
            .collect();
        if !sure.is_empty() {
            merge::add(&mut verdict.possible, &sure);
            merge::add(&mut verdict.possible, &[Outcome::Partial]);
        }
    }
    Ok(outcome)
}

/// The outcome where any of several proxies may take the request.
fn any(outcomes: &[Outcome]) -> Outcome {
    let some = |wanted| outcomes.contains(&wanted);
    match outcomes {
        [] => Outcome::Unknown,
        _ if some(Outcome::Unknown) => Outcome::Unknown,
        [first, others @ ..] if others.iter().all(|other| other == first) => *first,
        _ if some(Outcome::Connected) || some(Outcome::Partial) => Outcome::Partial,
        // All fail, in different ways.
        _ => outcomes.iter().min().copied().unwrap_or(Outcome::Unknown),
    }
}

/// What the client is told where the proxy does not reach its backend.
fn told(walked: &Verdict) -> Option<Finding> {
    let failing = walked
        .branches
        .iter()
        .map(|branch| branch.outcome)
        .find(|outcome| merge::fails(*outcome))?;
    let (from, to) = (&walked.flow.from, &walked.flow.to);
    // To Envoy both are a failed connection (`UF`), HAProxy calls a refused one 503 (`SC`).
    let (entry, message) = match failing {
        Outcome::Timeout => (
            catalogue::PROXY_TIMEOUT,
            format!(
                "{} does not get through to {}: the client is told 504 (503 by Envoy)",
                from.object, to.object
            ),
        ),
        _ => (
            catalogue::PROXY_BAD_GATEWAY,
            format!(
                "{} does not get through to {}: the client is told 502 (503 by Envoy and HAProxy)",
                from.object, to.object
            ),
        ),
    };
    let cause = walked.findings.first();
    let mut finding: Finding = Found {
        entry,
        severity: if cause.is_some() {
            Severity::Contributing
        } else {
            Severity::Cause
        },
        object: from.object.clone(),
        at: from.namespace.as_deref().unwrap_or_default(),
        message,
        sources: &[],
        under: cause.map(|cause| cause.code.clone()),
    }
    .into();
    if let Some(cause) = cause {
        finding.evidence.clone_from(&cause.evidence);
    }
    (!finding.evidence.is_empty()).then_some(finding)
}

fn fixed(answer: &Answer, at: &str) -> Finding {
    let entry: Entry = match answer.why {
        Fault::NoRule => catalogue::HTTP_NO_RULE,
        Fault::NoClass => catalogue::INGRESS_NO_CLASS,
        Fault::NotAttached => catalogue::GATEWAY_NOT_ATTACHED,
        Fault::NoListener => catalogue::GATEWAY_NO_LISTENER,
        Fault::NotPermitted => catalogue::GATEWAY_NOT_PERMITTED,
        Fault::Backend => catalogue::HTTP_BACKEND,
        Fault::Redirect => catalogue::HTTP_REDIRECT,
    };
    let told = match answer.status {
        0 => String::new(),
        status => format!(" (the client is told {status})"),
    };
    Found {
        entry,
        severity: if answer.why == Fault::Redirect {
            Severity::Info
        } else {
            Severity::Cause
        },
        object: answer.object.clone(),
        at,
        message: format!("{}{told}", answer.message),
        sources: &answer.sources,
        under: None,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_proxy_that_is_not_known_leaves_the_whole_unknown() {
        use Outcome::{Connected, Partial, Refused, Timeout, Unknown};
        assert_eq!(any(&[Connected, Unknown]), Unknown);
        assert_eq!(any(&[Timeout, Partial]), Partial);
        assert_eq!(any(&[Timeout, Connected, Timeout]), Partial);
        assert_eq!(any(&[Timeout, Timeout]), Timeout);
        assert!(merge::fails(any(&[Timeout, Refused])));
    }
}
