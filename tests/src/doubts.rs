//! Why verdicts are unknown: the reasons in a form that can be counted.

use std::collections::BTreeSet;

use pathglass_sim::verdict::{Outcome, StepStatus, Verdict};

/// The distinct reasons for which `verdict`, or a branch of it, is unknown; numbers become `#`.
#[must_use]
pub fn reasons(verdict: &Verdict) -> BTreeSet<String> {
    let is_unknown = verdict.outcome == Outcome::Unknown
        || (verdict.branches.iter()).any(|branch| branch.outcome == Outcome::Unknown);
    if !is_unknown {
        return BTreeSet::new();
    }
    let steps = verdict
        .branches
        .iter()
        .flat_map(|branch| branch.hops.iter().chain(&branch.reply.hops))
        .flat_map(|hop| &hop.steps)
        .filter(|step| step.status == StepStatus::Unknown)
        .map(|step| step.text.as_str());
    let mut reasons: BTreeSet<String> = steps.map(without_numbers).collect();
    if reasons.is_empty() {
        reasons.extend(verdict.settle.iter().map(|text| without_numbers(text)));
    }
    if reasons.is_empty() {
        let first = verdict.findings.first();
        reasons.insert(first.map_or_else(
            || "no reason is given".to_owned(),
            |finding| without_numbers(&format!("{}: {}", finding.code, finding.message)),
        ));
    }
    reasons
}

/// `text` without what is of one flow alone: numbers, addresses and the names of objects.
#[must_use]
pub fn without_names(text: &str) -> String {
    let mut out = Vec::new();
    for word in text.split(' ') {
        let kind = ["pod:", "node:", "service:", "ip:"]
            .into_iter()
            .find(|kind| word.starts_with(kind));
        out.push(kind.map_or_else(|| word.to_owned(), |kind| format!("{kind}…")));
    }
    without_numbers(&out.join(" "))
}

/// `text` with every run of digits as `#`, and addresses with them.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    let mut in_number = false;
    for character in text.chars() {
        if character.is_ascii_digit() {
            if !in_number {
                out.push('#');
            }
            in_number = true;
        } else {
            in_number = false;
            out.push(character);
        }
    }
    out.replace("#.#.#.#", "ADDRESS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_objects_do_not_part_equal_reasons() {
        assert_eq!(
            without_names("for pod:a/b-c, observed 192.0.2.1"),
            "for pod:… observed ADDRESS"
        );
    }

    #[test]
    fn addresses_and_numbers_do_not_part_equal_reasons() {
        assert_eq!(
            without_numbers("no file for 10.244.12.3 of node-12, port 80"),
            "no file for ADDRESS of node-#, port #"
        );
    }
}
