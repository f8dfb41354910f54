//! What can go wrong in a command, and how it is said.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use pathglass_sim::snapshot::SnapshotError;

/// Why a command could not do its work; every one of them exits with code 2.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A file or folder could not be read or written.
    #[error("cannot {action} `{path}`")]
    Io {
        /// What was tried: `read`, `write` and so on.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// An input is not what it should be.
    #[error("`{path}`: {message}")]
    Input {
        /// The input.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// A snapshot is damaged, locked or too new.
    #[error("`{path}`")]
    Snapshot {
        /// The snapshot.
        path: PathBuf,
        /// What is wrong with it.
        source: SnapshotError,
    },
    /// The question means nothing in this capture.
    #[error("--{field}: {message}")]
    Question {
        /// Which part of the question.
        field: String,
        /// What is wrong, with near names.
        message: String,
    },
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// Standard output could not be written.
    #[error("cannot write the answer")]
    Output(#[source] io::Error),
}

impl CommandError {
    /// An I/O error with what was tried on which path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// An input error about `path`.
    pub(crate) fn input(path: &Path, message: impl Into<String>) -> Self {
        Self::Input {
            path: path.to_owned(),
            message: message.into(),
        }
    }
}

/// The error and its causes in one line, joined by colons.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_joined_by_colons() {
        let error = CommandError::io("read", Path::new("x"))(io::Error::other("no disk"));
        assert_eq!(chain(&error), "cannot read `x`: no disk");
    }
}
