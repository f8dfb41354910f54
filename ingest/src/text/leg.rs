//! What had to work first: one line each, the path of what did not.

use pathglass_sim::verdict::{Leg, Outcome, StepStatus};

use super::name::{object, outcome_word};
use super::page::{BAD, DIM, GOOD, PLAIN, Page, Span, UNSURE};
use super::{branch, hop};

pub(crate) fn write(page: &mut Page, legs: &[Leg]) {
    page.section("First");
    for leg in legs {
        let style = match leg.outcome {
            Outcome::Connected => GOOD,
            Outcome::Partial | Outcome::Unknown => UNSURE,
            Outcome::Refused | Outcome::Unreachable | Outcome::Timeout => BAD,
        };
        let address = match leg.to.address.as_str() {
            "" => String::new(),
            address if leg.to.object.ends_with(address) => String::new(),
            address => format!(" ({address})"),
        };
        let ends = format!(
            ": {} → {}{address}: ",
            object(&leg.from.object),
            object(&leg.to.object)
        );
        page.line(
            2,
            &[
                Span::plain(&leg.name),
                Span(DIM, &ends),
                Span(style, outcome_word(leg.outcome)),
            ],
        );
        for step in &leg.steps {
            let style = match step.status {
                StepStatus::Normal => PLAIN,
                StepStatus::Blocked => BAD,
                StepStatus::Unknown => UNSURE,
            };
            page.row("  ", 2, &[Span(style, &step.text)]);
        }
        if leg.outcome != Outcome::Connected
            && let Some(shown) = branch::shown(&leg.branches)
        {
            hop::write_path(page, shown);
        }
    }
}
