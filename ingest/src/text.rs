//! A verdict as a person reads it in a terminal.

use pathglass_sim::verdict::Outcome;

/// The outcome's name, as in the JSON.
#[must_use]
pub fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Connected => "connected",
        Outcome::Refused => "refused",
        Outcome::Unreachable => "unreachable",
        Outcome::Timeout => "timeout",
        Outcome::Partial => "partial",
        Outcome::Unknown => "unknown",
    }
}
