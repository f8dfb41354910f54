//! A failure as a person needs it: what went wrong, and what to do about it.

use std::fmt;

/// What went wrong, and the sentence that says what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    remedy: String,
}

impl Failure {
    /// `what` went wrong; `remedy` is a whole sentence.
    pub(crate) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  What to do: {}", self.what, self.remedy)
    }
}

/// Turns any error into a [`Failure`] with a remedy.
pub(crate) trait OrFail<T> {
    /// The value, or a failure to do `what` with its `remedy`.
    fn or_fail(self, what: impl fmt::Display, remedy: &str) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> OrFail<T> for Result<T, E> {
    fn or_fail(self, what: impl fmt::Display, remedy: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("{what}: {error}"), remedy))
    }
}

impl<T> OrFail<T> for Option<T> {
    fn or_fail(self, what: impl fmt::Display, remedy: &str) -> Result<T, Failure> {
        self.ok_or_else(|| Failure::new(what.to_string(), remedy))
    }
}
