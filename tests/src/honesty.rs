//! Whether a verdict on less evidence says less, and never something else.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pathglass::assert::FlowExpectation;
use pathglass_sim::verdict::{Branch, Outcome, Verdict};
use serde_json::Value;

use crate::ask;
use crate::corpus::{Case, Files};
use crate::unhashed::open;

/// What one case came to.
#[derive(Debug, Default)]
pub struct Tested {
    /// Files that were taken away, each once.
    pub n_files: usize,
    /// Questions that were asked without one of them.
    pub n_asked: usize,
    /// Of these, the answers that are not `unknown`.
    pub n_decided: usize,
    /// Of the questions, the answers that stayed the same for certain.
    pub n_same: usize,
    /// Of these, those that became `unknown`, or rest on a stated assumption.
    pub n_unsure: usize,
    /// Of these, the questions that could not be put any more.
    pub n_refused: usize,
    /// Answers that are certain and different, each in words.
    pub contradictions: Vec<String>,
}

impl Tested {
    /// Adds what another case came to.
    pub fn add(&mut self, other: Self) {
        self.n_files += other.n_files;
        self.n_asked += other.n_asked;
        self.n_decided += other.n_decided;
        self.n_same += other.n_same;
        self.n_unsure += other.n_unsure;
        self.n_refused += other.n_refused;
        self.contradictions.extend(other.contradictions);
    }
}

impl fmt::Display for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} files taken away, {} questions asked again: {} still decided, {} the same for certain, {} not certain, {} cannot be asked, {} contradicted",
            self.n_files,
            self.n_asked,
            self.n_decided,
            self.n_same,
            self.n_unsure,
            self.n_refused,
            self.contradictions.len()
        )
    }
}

/// How an answer on less evidence compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// It says the same.
    Same,
    /// It says less: unknown, or under an assumption that was not needed before.
    Unsure,
    /// It says something else for certain.
    Contradiction(String),
}

/// Takes every file that `flows` read away from `case`, one at a time, and asks again.
///
/// `keep` chooses among the files (all: `|_| true`).
///
/// # Errors
/// When the case cannot be read.
pub fn test(case: &Case, keep: impl Fn(&str) -> bool) -> io::Result<Tested> {
    let whole = Whole::of(case)?;
    let mut tested = Tested::default();
    for file in whole.files.keys().filter(|file| keep(file)) {
        tested.n_files += 1;
        let left = without(&whole.files, |path| path == file);
        whole.ask_again(&left, |before| concerns(file, before), file, &mut tested);
    }
    Ok(tested)
}

/// Asks `case` again without what a real cluster's collector would not have: the fabric, and who is at a wire's end.
///
/// # Errors
/// When the case cannot be read.
pub fn bare(case: &Case) -> io::Result<Tested> {
    let whole = Whole::of(case)?;
    let mut tested = Tested::default();
    let hides = |path: &str| path.starts_with("fabric/") || path.ends_with("/netns.json");
    tested.n_files = whole.files.keys().filter(|path| hides(path)).count();
    let left = without(&whole.files, hides);
    whole.ask_again(&left, |_| true, "fabric and netns.json", &mut tested);
    Ok(tested)
}

/// A case with the answers that all of its evidence gives.
struct Whole<'c> {
    case: &'c Case,
    files: Files,
    flows: Vec<(FlowExpectation, Option<Verdict>)>,
}

impl<'c> Whole<'c> {
    fn of(case: &'c Case) -> io::Result<Self> {
        let files = case.files()?;
        let mut session = open(&files);
        let flows = case.expectations()?.flows.into_iter().map(|flow| {
            let verdict = ask::diagnose(&mut session, &flow.request()).ok();
            (flow, verdict)
        });
        let flows = flows.collect();
        Ok(Self { case, files, flows })
    }

    fn ask_again(
        &self,
        left: &Files,
        is_concerned: impl Fn(&Verdict) -> bool,
        gone: &str,
        tested: &mut Tested,
    ) {
        let mut session = open(left);
        for (flow, before) in &self.flows {
            let Some(before) = before.as_ref().filter(|before| is_concerned(before)) else {
                continue;
            };
            tested.n_asked += 1;
            let request = flow.request();
            let answer = catch_unwind(AssertUnwindSafe(|| ask::diagnose(&mut session, &request)));
            let compared = match answer {
                Ok(Ok(after)) => {
                    let decided = after.outcome != Outcome::Unknown;
                    tested.n_decided += usize::from(decided);
                    compare(before, &after)
                }
                Ok(Err(_)) => {
                    tested.n_refused += 1;
                    continue;
                }
                Err(_) => Compared::Contradiction("the engine panicked".to_owned()),
            };
            match compared {
                Compared::Same => tested.n_same += 1,
                Compared::Unsure => tested.n_unsure += 1,
                Compared::Contradiction(how) => tested.contradictions.push(format!(
                    "{} {} ({} -> {}) without {gone}: {how}",
                    self.case.name, flow.id, flow.from, flow.to
                )),
            }
        }
    }
}

/// Whether taking `file` away can change `verdict`: it was read, or what can be looked up is made of it.
fn concerns(file: &str, verdict: &Verdict) -> bool {
    let is_indexed = file.ends_with("/ip-addr.json")
        || ["pods", "nodes", "services"].iter().any(|list| {
            file.strip_prefix("kube/")
                .is_some_and(|of| of.starts_with(list))
        });
    is_indexed
        || file.ends_with("capture.json")
        || (verdict.receipt.entries.iter()).any(|entry| entry.path == *file)
}

/// `files` without those that `hides` names, as if nobody had tried to capture them.
#[must_use]
pub fn without(files: &Files, hides: impl Fn(&str) -> bool) -> Files {
    let mut left = files.clone();
    left.retain(|path, _| !hides(path));
    for (path, bytes) in &mut left {
        if !path.ends_with("capture.json") {
            continue;
        }
        let Ok(mut capture) = serde_json::from_slice::<Value>(bytes) else {
            continue;
        };
        let Some(namespaces) = capture.get_mut("namespaces").and_then(Value::as_object_mut) else {
            continue;
        };
        for (namespace, states) in namespaces.iter_mut() {
            if let Some(states) = states.as_object_mut() {
                states.retain(|file, _| !hides(&format!("{namespace}/{file}")));
            }
        }
        *bytes = capture.to_string().into_bytes().into();
    }
    left
}

/// Whether `after`, on less evidence than `before`, says something else for certain.
///
/// An answer is certain if it is not `unknown` and rests on no assumption that `before` did without.
#[must_use]
pub fn compare(before: &Verdict, after: &Verdict) -> Compared {
    let added = |assumption: &&String| !before.assumptions.contains(assumption);
    if after.outcome == Outcome::Unknown || after.assumptions.iter().any(|text| added(&text)) {
        return Compared::Unsure;
    }
    if after.outcome != before.outcome {
        return Compared::Contradiction(format!("{:?}, was {:?}", after.outcome, before.outcome));
    }
    let known: BTreeSet<_> = before.branches.iter().map(end).collect();
    for branch in &after.branches {
        if branch.outcome != Outcome::Unknown && !known.contains(&end(branch)) {
            return Compared::Contradiction(format!("a branch is new: {:?}", end(branch)));
        }
    }
    let certain = |verdict: &Verdict| {
        let mut branches = verdict.branches.iter();
        branches.all(|branch| branch.outcome != Outcome::Unknown)
    };
    let now: BTreeSet<_> = after.branches.iter().map(end).collect();
    if certain(after) && now != known {
        let gone: Vec<_> = known.difference(&now).collect();
        return Compared::Contradiction(format!("branches are gone: {gone:?}"));
    }
    if certain(after) || !certain(before) {
        Compared::Same
    } else {
        Compared::Unsure
    }
}

/// What a branch says that a measurement could see.
fn end(branch: &Branch) -> (Outcome, Option<Outcome>, Option<&str>, Option<&str>) {
    (
        branch.outcome,
        branch.also,
        branch.backend.as_deref(),
        branch.client.as_deref(),
    )
}
