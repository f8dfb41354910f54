//! One file of a namespace as it was taken, or why it was not.

use pathglass_sim::snapshot::FileState;

use super::process::{Printed, RunError};
use super::tool::means_absent;

/// One file of a namespace, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Taken {
    pub(super) file: &'static str,
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) state: FileState,
    pub(super) reason: Option<String>,
    pub(super) command: String,
}

impl Taken {
    /// What a finished command means for `file`.
    pub(super) fn of(
        file: &'static str,
        words: &[&str],
        result: Result<Printed, RunError>,
    ) -> Self {
        let command = words.join(" ");
        let program = words.first().copied().unwrap_or_default();
        let (bytes, state, reason) = match result {
            Ok(printed) if printed.succeeded => {
                let is_empty = printed.stdout.iter().all(u8::is_ascii_whitespace);
                let state = if is_empty {
                    FileState::Empty
                } else {
                    FileState::Captured
                };
                (Some(printed.stdout), state, None)
            }
            Ok(printed) if means_absent(&printed.stderr) => {
                (None, FileState::Absent, Some(printed.stderr))
            }
            Ok(printed) => (None, FileState::Failed, Some(printed.stderr)),
            Err(RunError::Missing) => (
                None,
                FileState::NotTried,
                Some(format!("{program} is not installed")),
            ),
            Err(RunError::Failed(reason)) => (None, FileState::Failed, Some(reason)),
        };
        Self {
            file,
            bytes,
            state,
            reason,
            command,
        }
    }

    pub(super) fn captured(file: &'static str, command: &str, bytes: Vec<u8>) -> Self {
        Self {
            file,
            bytes: Some(bytes),
            state: FileState::Captured,
            reason: None,
            command: command.to_owned(),
        }
    }

    pub(super) fn without(file: &'static str, state: FileState, reason: &str) -> Self {
        Self {
            file,
            bytes: None,
            state,
            reason: Some(reason.to_owned()),
            command: String::new(),
        }
    }

    /// The output changed by `change`, where there is text.
    pub(super) fn map(mut self, change: impl FnOnce(&str) -> String) -> Self {
        if let Some(bytes) = &self.bytes {
            self.bytes = Some(change(&String::from_utf8_lossy(bytes)).into_bytes());
        }
        self
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes.as_deref().unwrap_or_default()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "what it stands in for can fail")]
    fn printed(succeeded: bool, stdout: &str, stderr: &str) -> Result<Printed, RunError> {
        Ok(Printed {
            succeeded,
            stdout: stdout.into(),
            stderr: stderr.into(),
        })
    }

    #[test]
    fn each_end_of_a_tool_has_its_state() {
        let state = |result| Taken::of("f", &["tool", "-x"], result).state;
        assert_eq!(state(printed(true, "[{}]", "")), FileState::Captured);
        assert_eq!(state(printed(true, " \n", "")), FileState::Empty);
        assert_eq!(
            state(printed(
                false,
                "",
                "RTNETLINK answers: Operation not supported"
            )),
            FileState::Absent
        );
        assert_eq!(
            state(printed(false, "", "Operation not permitted")),
            FileState::Failed
        );
        assert_eq!(
            state(Err(RunError::Failed("took longer".into()))),
            FileState::Failed
        );
        assert_eq!(state(Err(RunError::Missing)), FileState::NotTried);
    }

    #[test]
    fn a_failed_tool_leaves_no_half_file() {
        let taken = Taken::of("f", &["tool"], printed(false, "half", "broken"));
        assert_eq!(
            (taken.bytes, taken.reason.as_deref()),
            (None, Some("broken"))
        );
    }
}
