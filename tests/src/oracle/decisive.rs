//! What a feature decides: the flows whose answer changes when its ops are left out.

use std::collections::{BTreeMap, BTreeSet};

use pathglass_sim::verdict::Verdict;

use super::capture::capture;
use super::measure::{Measured, simulate};
use super::{Problem, build, probe};

/// The flows that each feature decides, by their names.
pub type Decisive = BTreeMap<String, BTreeSet<String>>;

/// Leaves out the ops of each feature that `wanted` accepts, builds and captures again, and compares the simulator's answers.
///
/// # Errors
/// When the machine cannot.
pub fn decisive(measured: &Measured, wanted: impl Fn(&str) -> bool) -> Result<Decisive, Problem> {
    let answers = |verdicts: &[Result<Verdict, String>]| -> Vec<String> {
        verdicts.iter().map(answer).collect()
    };
    let whole = answers(&simulate(&measured.spec.flows, &measured.files));
    let mut all = Decisive::new();
    for feature in measured.spec.features() {
        if !wanted(&feature) {
            continue;
        }
        let mut spec = measured.spec.clone();
        spec.ops.retain(|op| op.feature != feature);
        let built = build::build(&spec)?;
        let servers = probe::serve(&spec, &built.namespaces)?;
        let files = capture(&spec, &built.namespaces)?;
        drop((built, servers));
        let without = answers(&simulate(&spec.flows, &files));
        let changed = spec.flows.iter().zip(whole.iter().zip(&without));
        let changed = changed
            .filter(|(_, (with, without))| with != without)
            .map(|(flow, _)| flow.id.clone());
        all.insert(feature, changed.collect());
    }
    Ok(all)
}

/// What a measurement would see of a verdict: outcomes, backends, clients.
fn answer(verdict: &Result<Verdict, String>) -> String {
    let Ok(verdict) = verdict else {
        return "none".to_owned();
    };
    let seen: BTreeSet<String> = verdict
        .branches
        .iter()
        .map(|branch| {
            format!(
                "{:?} {:?} {:?}",
                branch.outcome, branch.backend, branch.client
            )
        })
        .collect();
    seen.into_iter().collect::<Vec<_>>().join("; ")
}
