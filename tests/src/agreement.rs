//! Asks every flow of a case and judges the verdicts by what really happened.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use jsonschema::Validator;
use pathglass::assert::{FlowExpectation, judge, names_the_cause};
use pathglass_sim::session::Session;
use pathglass_sim::snapshot::{Folder, Reader};
use pathglass_sim::verdict::{Outcome, Severity, Verdict};

use crate::corpus::{Case, Files};
use crate::watch::Watch;
use crate::{ask, doubts, schema};

/// What became of one case.
#[derive(Debug)]
pub struct CaseResult {
    /// Its name.
    pub name: String,
    /// Its flows, in the order of the expectations.
    pub flows: Vec<FlowResult>,
    /// Why it could not be asked at all.
    pub broken: Option<String>,
}

/// What became of one flow.
#[derive(Debug)]
pub struct FlowResult {
    /// The expectation.
    pub expectation: FlowExpectation,
    /// Why the verdict does not agree; `None` if it does.
    pub disagreement: Option<String>,
    /// The verdict's outcome.
    pub outcome: Option<Outcome>,
    /// Different outcomes that it predicts.
    pub n_outcomes: usize,
    /// Different backends that it predicts.
    pub n_backends: usize,
    /// Its first finding, `code object`.
    pub first_finding: Option<String>,
    /// Whether the first finding names the cause, where one is labelled.
    pub names_cause: Option<bool>,
    /// Whether always blaming the source's node would name it.
    pub source_is_cause: Option<bool>,
    /// Why it is unknown.
    pub doubts: BTreeSet<String>,
    /// What went wrong besides disagreeing.
    pub faults: Vec<Fault>,
    /// How long the question took on the unsealed folder.
    pub took: Duration,
}

/// What must not happen whatever the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The engine panicked.
    Panic(String),
    /// The verdict's JSON breaks its schema.
    Schema(String),
    /// The sealed snapshot gives another answer than the folder.
    Sealed(String),
    /// A flow that connects has a finding above `warning`.
    Alarm(String),
}

/// What every case is asked with.
#[derive(Debug)]
pub struct Judge<'a> {
    /// Checks verdicts against the schema.
    pub validator: &'a Validator,
    /// Notices hangs.
    pub watch: &'a Watch,
}

impl Judge<'_> {
    /// Asks every flow of `case`.
    #[must_use]
    pub fn case(&self, case: &Case) -> CaseResult {
        let mut result = CaseResult {
            name: case.name.clone(),
            flows: Vec::new(),
            broken: None,
        };
        let (files, expectations) = match (case.files(), case.expectations()) {
            (Ok(files), Ok(expectations)) => (files, expectations),
            (Err(error), _) | (_, Err(error)) => {
                result.broken = Some(error.to_string());
                return result;
            }
        };
        let mut asked = Asked::open(&files);
        for expectation in expectations.flows {
            let _watched = self
                .watch
                .begin(&format!("{} {}", case.name, expectation.id));
            result
                .flows
                .push(self.flow(&mut asked, &files, expectation));
        }
        result
    }

    fn flow(&self, asked: &mut Asked, files: &Files, expectation: FlowExpectation) -> FlowResult {
        let start = Instant::now();
        let request = expectation.request();
        let answer = catch_unwind(AssertUnwindSafe(|| {
            ask::diagnose(&mut asked.unsealed, &request)
        }));
        let took = start.elapsed();
        let mut result = FlowResult {
            expectation,
            disagreement: None,
            outcome: None,
            n_outcomes: 0,
            n_backends: 0,
            first_finding: None,
            names_cause: None,
            source_is_cause: None,
            doubts: BTreeSet::new(),
            faults: Vec::new(),
            took,
        };
        let verdict = match answer {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(message)) => {
                result.disagreement = Some(format!("no verdict: {message}"));
                return result;
            }
            Err(panic) => {
                let message = panic_message(panic.as_ref());
                result.disagreement = Some(format!("the engine panicked: {message}"));
                result.faults.push(Fault::Panic(message));
                // What a panic left behind is not to be asked again.
                *asked = Asked::open(files);
                return result;
            }
        };
        result.judge(&verdict);
        let problems = schema::problems(self.validator, &ask::bytes(&verdict));
        result
            .faults
            .extend(problems.into_iter().map(Fault::Schema));
        result.faults.extend(asked.sealed_differs(&verdict));
        result
    }
}

impl FlowResult {
    fn judge(&mut self, verdict: &Verdict) {
        let branches = &verdict.branches;
        self.outcome = Some(verdict.outcome);
        self.disagreement = judge(&self.expectation, verdict).err();
        self.names_cause = names_the_cause(&self.expectation, verdict);
        let node = source_node(verdict);
        self.source_is_cause = self
            .expectation
            .cause
            .as_ref()
            .map(|cause| node.is_some_and(|node| cause.objects.contains(&node)));
        if verdict.outcome == Outcome::Connected {
            let loud = verdict
                .findings
                .iter()
                .filter(|finding| finding.severity < Severity::Warning);
            self.faults.extend(
                loud.map(|finding| Fault::Alarm(format!("{} {}", finding.code, finding.object))),
            );
        }
        self.n_outcomes = branches
            .iter()
            .map(|branch| branch.outcome)
            .collect::<BTreeSet<_>>()
            .len();
        self.n_backends = branches
            .iter()
            .filter_map(|branch| branch.backend.as_deref())
            .collect::<BTreeSet<_>>()
            .len();
        self.first_finding = (verdict.findings.first())
            .map(|finding| format!("{} {}", finding.code, finding.object));
        self.doubts = doubts::reasons(verdict);
    }
}

/// `node:name` of the node that the flow starts on.
fn source_node(verdict: &Verdict) -> Option<String> {
    let namespace = verdict.flow.from.namespace.as_ref()?;
    let name = namespace.strip_prefix("nodes/")?.split('/').next()?;
    Some(format!("node:{name}"))
}

/// The same capture, asked as a folder and as a snapshot.
struct Asked {
    unsealed: Session<Folder>,
    sealed: Result<Session<Reader>, String>,
}

impl Asked {
    fn open(files: &Files) -> Self {
        let bytes = catch_unwind(AssertUnwindSafe(|| ask::sealed_bytes(files)))
            .unwrap_or_else(|panic| Err(panic_message(panic.as_ref())));
        Self {
            unsealed: ask::unsealed(files),
            sealed: bytes.map(ask::sealed),
        }
    }

    /// Sealing prunes and splits files, so the evidence may stand elsewhere; the answer must be the same.
    fn sealed_differs(&mut self, verdict: &Verdict) -> Option<Fault> {
        let session = match &mut self.sealed {
            Ok(session) => session,
            Err(message) => return Some(Fault::Sealed(format!("it cannot be sealed: {message}"))),
        };
        let request = &verdict.flow.request;
        let answer = catch_unwind(AssertUnwindSafe(|| ask::diagnose(session, request)));
        let other = match answer {
            Ok(Ok(other)) => other,
            Ok(Err(message)) => return Some(Fault::Sealed(format!("no verdict: {message}"))),
            Err(panic) => return Some(Fault::Panic(panic_message(panic.as_ref()))),
        };
        if other.receipt.manifest_sha256 != verdict.receipt.manifest_sha256 {
            return Some(Fault::Sealed(
                "the receipts name different manifests".to_owned(),
            ));
        }
        let (folder, snapshot) = (essence(verdict), essence(&other));
        (folder != snapshot).then(|| {
            Fault::Sealed(format!(
                "the folder gives {folder}, the snapshot {snapshot}"
            ))
        })
    }
}

/// What a verdict says, without where it stands.
fn essence(verdict: &Verdict) -> String {
    let mut text = format!("{:?}", verdict.outcome);
    for branch in &verdict.branches {
        text.push_str(&format!(
            "; {} {:?} {:?} {:?} {:?} {:?}",
            branch.probability,
            branch.outcome,
            branch.also,
            branch.retries,
            branch.backend,
            branch.client
        ));
    }
    for finding in &verdict.findings {
        text.push_str(&format!(
            "; {} {:?} {}",
            finding.code, finding.severity, finding.object
        ));
    }
    text
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
        .to_owned()
}
