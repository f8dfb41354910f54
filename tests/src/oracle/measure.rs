//! One world: built, captured, probed, simulated, compared.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use pathglass::assert::expectation::SCHEMA;
use pathglass::assert::{Expectations, FlowExpectation, Observation, judge};
use pathglass_sim::flow::Protocol;
use pathglass_sim::verdict::{Outcome, Verdict};

use super::Problem;
use super::build::{self, Refused};
use super::capture::capture;
use super::probe;
use super::spec::{Flow, Spec};
use crate::corpus::Files;
use crate::{ask, doubts};

/// What became of a world.
#[derive(Debug)]
pub struct Measured {
    /// The world.
    pub spec: Spec,
    /// Its capture.
    pub files: Files,
    /// Its flows, in the spec's order.
    pub flows: Vec<MeasuredFlow>,
    /// What its tools refused.
    pub refused: Vec<Refused>,
    /// Servers that could not be bound.
    pub unbound: Vec<String>,
    /// Building, capturing, probing, simulating.
    pub took: [Duration; 4],
}

/// What became of a flow.
#[derive(Debug)]
pub struct MeasuredFlow {
    /// The flow.
    pub flow: Flow,
    /// What the kernel did.
    pub observed: Observation,
    /// What the simulator says, in a line.
    pub said: String,
    /// Why the two differ; `None` if they agree.
    pub disagreement: Option<String>,
    /// The simulator says unknown.
    pub is_unknown: bool,
    /// Why it is unknown.
    pub doubts: BTreeSet<String>,
    /// The kernel did otherwise when it was asked again: no measurement.
    pub is_unsteady: bool,
}

impl MeasuredFlow {
    /// Whether no attempt connected.
    #[must_use]
    pub fn failed(&self) -> bool {
        !self.observed.outcomes.contains_key(&Outcome::Connected)
    }
}

/// Builds the world of `spec`, asks the kernel and the simulator, and compares.
///
/// # Errors
/// When the machine cannot.
pub fn measure(spec: Spec) -> Result<Measured, Problem> {
    let start = Instant::now();
    let built = build::build(&spec)?;
    let servers = probe::serve(&spec, &built.namespaces)?;
    let build_took = start.elapsed();
    let start = Instant::now();
    let files = capture(&spec, &built.namespaces)?;
    let capture_took = start.elapsed();
    let start = Instant::now();
    let observed = probe::probe(&spec, &built.namespaces, &servers)?;
    let probe_took = start.elapsed();
    let refused = built.refused.clone();
    drop(built);
    let start = Instant::now();
    let flows = compare(&spec, &files, observed);
    Ok(Measured {
        spec,
        files,
        flows,
        refused,
        unbound: servers.refused,
        took: [build_took, capture_took, probe_took, start.elapsed()],
    })
}

/// Measures again the flows that disagree, by themselves: where the kernel then does otherwise, there is nothing to agree
/// with (a busy machine, or a grammar that depends on time).
///
/// # Errors
/// When the machine cannot.
pub fn confirm(measured: &mut Measured) -> Result<(), Problem> {
    let mut spec = measured.spec.clone();
    let wrong: BTreeSet<String> = measured
        .flows
        .iter()
        .filter(|flow| flow.disagreement.is_some())
        .map(|flow| flow.flow.id.clone())
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    spec.flows.retain(|flow| wrong.contains(&flow.id));
    for again in measure(spec)?.flows {
        let same = |flow: &&mut MeasuredFlow| flow.flow.id == again.flow.id;
        if let Some(flow) = measured.flows.iter_mut().find(same) {
            let seen = |flow: &MeasuredFlow| {
                let observed = &flow.observed;
                let outcomes: Vec<Outcome> = observed.outcomes.keys().copied().collect();
                (
                    outcomes,
                    observed.backends.clone(),
                    observed.clients.clone(),
                )
            };
            flow.is_unsteady = again.disagreement.is_none() && seen(flow) != seen(&again);
        }
    }
    Ok(())
}

/// What the simulator says of each flow of a capture.
#[must_use]
pub fn simulate(flows: &[Flow], files: &Files) -> Vec<Result<Verdict, String>> {
    let mut session = ask::unsealed(files);
    flows
        .iter()
        .map(|flow| {
            let request = expectation(flow, None).request();
            let answer = catch_unwind(AssertUnwindSafe(|| ask::diagnose(&mut session, &request)));
            answer.unwrap_or_else(|_| {
                session = ask::unsealed(files);
                Err("the engine panicked".to_owned())
            })
        })
        .collect()
}

fn compare(spec: &Spec, files: &Files, observed: Vec<Observation>) -> Vec<MeasuredFlow> {
    let verdicts = simulate(&spec.flows, files);
    let asked = spec.flows.iter().zip(observed).zip(verdicts);
    asked
        .map(|((flow, observed), verdict)| {
            let expectation = expectation(flow, Some(observed.clone()));
            let (said, disagreement, is_unknown, doubts) = match verdict {
                Ok(verdict) => (
                    essence(&verdict),
                    judge(&expectation, &verdict).err(),
                    verdict.outcome == Outcome::Unknown,
                    doubts::reasons(&verdict),
                ),
                Err(message) => (message.clone(), Some(message), false, BTreeSet::new()),
            };
            MeasuredFlow {
                flow: flow.clone(),
                observed,
                said,
                disagreement,
                is_unknown,
                doubts,
                is_unsteady: false,
            }
        })
        .collect()
}

/// What a verdict says, in a line.
#[must_use]
pub fn essence(verdict: &Verdict) -> String {
    let mut text = format!("{:?}", verdict.outcome).to_lowercase();
    for branch in &verdict.branches {
        text += &format!(
            "; {} {:?} {} {}",
            branch.probability,
            branch.outcome,
            branch.backend.as_deref().unwrap_or("-"),
            branch.client.as_deref().unwrap_or("-")
        );
    }
    if let Some(finding) = verdict.findings.first() {
        text += &format!("; {} {}", finding.code, finding.object);
    }
    text
}

/// A flow as `pathglass assert` reads it.
#[must_use]
pub fn expectation(flow: &Flow, observed: Option<Observation>) -> FlowExpectation {
    FlowExpectation {
        id: flow.id.clone(),
        from: flow.client(),
        to: flow.to.to_string(),
        port: Some(flow.port),
        protocol: flow.protocol,
        bytes: flow.bytes,
        expect: None,
        observed,
        cause: None,
    }
}

/// A measured world's expectations.
#[must_use]
pub fn expectations(flows: &[MeasuredFlow]) -> Expectations {
    Expectations {
        schema: SCHEMA.to_owned(),
        flows: flows
            .iter()
            .map(|measured| expectation(&measured.flow, Some(measured.observed.clone())))
            .collect(),
    }
}

/// A flow in a few words.
#[must_use]
pub fn describe(flow: &Flow) -> String {
    let protocol = match flow.protocol {
        Protocol::Tcp => "tcp",
        _ => "udp",
    };
    let size = flow
        .bytes
        .map(|bytes| format!(" {bytes} bytes"))
        .unwrap_or_default();
    format!(
        "{} → {} {}/{protocol}{size}",
        flow.client(),
        flow.to,
        flow.port
    )
}
