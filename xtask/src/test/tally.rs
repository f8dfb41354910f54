//! How many tests passed, and how the programs that ran them say so.

use std::fmt;

use crate::failure::Failure;

/// What a step counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Tests that held.
    pub(crate) passed: u32,
    /// Tests that did not.
    pub(crate) failed: u32,
    /// Tests that were not run.
    pub(crate) skipped: u32,
    /// A few words for the table.
    pub(crate) note: String,
    /// Why tests were not run.
    pub(crate) reasons_skipped: Vec<String>,
    /// What went wrong, and what to do.
    pub(crate) failure: Option<Failure>,
}

impl Tally {
    /// One test that held.
    pub(crate) fn one() -> Self {
        Self {
            passed: 1,
            ..Self::default()
        }
    }

    /// One test that did not hold.
    pub(crate) fn failure(failure: Failure) -> Self {
        Self {
            failed: 1,
            failure: Some(failure),
            ..Self::default()
        }
    }

    /// One test that was not run.
    pub(crate) fn skip(reason: impl Into<String>) -> Self {
        Self {
            skipped: 1,
            reasons_skipped: vec![reason.into()],
            ..Self::default()
        }
    }

    /// With a few words for the table.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Counts another's tests too; of two failures the first is kept.
    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Takes in another with its words.
    pub(crate) fn join(mut self, other: Self) -> Self {
        self.add(&other);
        self.reasons_skipped.extend(other.reasons_skipped);
        self.failure = self.failure.or(other.failure);
        if self.note.is_empty() {
            self.note = other.note;
        }
        self
    }

    /// Counts every `test result: ok. 5 passed; 0 failed; 1 ignored; …` of `cargo test`.
    pub(crate) fn of_cargo(printed: &str) -> Self {
        let mut tally = Self::default();
        for line in printed.lines() {
            let Some(result) = line.trim().strip_prefix("test result:") else {
                continue;
            };
            for part in result.split([';', '.']) {
                tally.count(part, "passed", "failed", "ignored");
            }
        }
        tally
    }

    /// Counts the `# pass 5` lines of `node --test` (newer ones begin with `ℹ`).
    pub(crate) fn of_node(printed: &str) -> Self {
        let mut tally = Self::default();
        for line in printed.lines() {
            let mut words = line.split_whitespace();
            let (Some("#" | "ℹ"), Some(word), Some(number), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                continue;
            };
            let turned = format!("{number} {word}");
            tally.count(&turned, "pass", "fail", "skipped");
        }
        tally
    }

    /// Reads the line `5 passed, 0 failed, 1 skipped` of our own programs.
    pub(crate) fn of_ours(printed: &str) -> Self {
        let mut tally = Self::default();
        for line in printed.lines() {
            if !line.contains(" passed, ") || !line.contains(" failed") {
                continue;
            }
            let mut of_line = Self::default();
            for part in line.split(',') {
                of_line.count(part, "passed", "failed", "skipped");
            }
            tally = of_line;
        }
        tally
    }

    fn count(&mut self, part: &str, passed: &str, failed: &str, skipped: &str) {
        let mut words = part.split_whitespace();
        let (Some(number), Some(word), None) = (words.next(), words.next(), words.next()) else {
            return;
        };
        let Ok(number) = number.parse::<u32>() else {
            return;
        };
        if word == passed {
            self.passed += number;
        } else if word == failed {
            self.failed += number;
        } else if word == skipped {
            self.skipped += number;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_results_are_added_up() {
        let printed = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\n";
        assert_eq!(
            Tally::of_cargo(printed).to_string(),
            "4 passed, 2 failed, 1 skipped"
        );
    }

    #[test]
    fn nodes_results_are_read_in_both_spellings() {
        assert_eq!(
            Tally::of_node("# tests 3\n# pass 2\n# fail 1\n# skipped 0\n").to_string(),
            "2 passed, 1 failed"
        );
        assert_eq!(
            Tally::of_node("ℹ pass 7\nℹ fail 0\n").to_string(),
            "7 passed, 0 failed"
        );
    }

    #[test]
    fn our_own_last_line_counts() {
        let printed = "case-a 3 passed of 4\n1 passed, 1 failed\n5 passed, 0 failed, 1 skipped\n";
        assert_eq!(
            Tally::of_ours(printed).to_string(),
            "5 passed, 0 failed, 1 skipped"
        );
    }
}
