//! The rule that takes a request, as a leg of its way.

use super::proxy::Plan;
use crate::intent::web::{Decision, Fault};
use crate::source::Source;
use crate::verdict::{FlowEnd, HopStep, Leg, Outcome, StepStatus, evidences};

/// The rule that takes the request, or that none does.
pub(super) fn leg(plan: &Plan) -> Leg {
    let (text, status, sources, outcome): (String, StepStatus, &[Source], Outcome) =
        match &plan.decision {
            Decision::Pass {
                rule,
                backends,
                sources,
                ..
            } => {
                let to: Vec<String> = backends
                    .iter()
                    .map(|one| {
                        format!(
                            "service {}/{} port {}",
                            one.namespace, one.service, one.port
                        )
                    })
                    .collect();
                (
                    format!("{rule} → {}", to.join(" or ")),
                    StepStatus::Normal,
                    sources,
                    Outcome::Connected,
                )
            }
            Decision::Fixed(answer) if answer.why == Fault::Redirect => (
                answer.message.clone(),
                StepStatus::Normal,
                &answer.sources,
                Outcome::Connected,
            ),
            Decision::Fixed(answer) => (
                answer.message.clone(),
                StepStatus::Blocked,
                &answer.sources,
                Outcome::Unreachable,
            ),
            Decision::Unknown(doubt) => (
                doubt.what.clone(),
                StepStatus::Unknown,
                doubt.source.as_slice(),
                Outcome::Unknown,
            ),
        };
    let end = FlowEnd {
        object: plan.object.clone(),
        address: String::new(),
        namespace: None,
    };
    Leg {
        name: "rule".to_owned(),
        from: end.clone(),
        to: end,
        outcome,
        steps: vec![HopStep {
            text,
            status,
            evidence: evidences(sources),
        }],
        branches: Vec::new(),
    }
}
