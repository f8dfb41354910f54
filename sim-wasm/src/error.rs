//! What the functions throw: an `Error` with a kind, the field at fault and a message.

use js_sys::{Error, Reflect};
use pathglass_sim::session::AskError;
use pathglass_sim::snapshot::SnapshotError;
use serde::Serialize;
use tsify::Tsify;
use wasm_bindgen::JsValue;

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// The question's: a name, address or field means nothing here.
    Flow,
    /// The snapshot's: damaged, too new, or locked.
    Snapshot,
    /// Ours. The module must be loaded anew before it is used again.
    Internal,
}

/// What an error carries beside its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Tsify)]
pub struct ErrorInfo {
    /// Whose fault it is.
    pub kind: ErrorKind,
    /// The part that is at fault: `from`, `to`, `port`, `request` or `options` of a question, `unlock` of a
    /// snapshot that is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

impl ErrorInfo {
    /// An error of the question's `field`.
    pub(crate) fn flow(field: &str, message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Flow,
            field: Some(field.to_owned()),
            message: message.into(),
        }
    }

    /// An encrypted snapshot that is not unlocked.
    pub(crate) fn locked(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Snapshot,
            field: Some("unlock".to_owned()),
            message: message.into(),
        }
    }

    /// An error of ours.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Internal,
            field: None,
            message: message.into(),
        }
    }
}

impl From<SnapshotError> for ErrorInfo {
    fn from(error: SnapshotError) -> Self {
        let message = error.to_string();
        match error {
            SnapshotError::Encrypted { .. } => Self::locked(message),
            SnapshotError::Damaged { .. } | SnapshotError::Newer { .. } => Self {
                kind: ErrorKind::Snapshot,
                field: None,
                message,
            },
        }
    }
}

impl From<AskError> for ErrorInfo {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Flow { field, message } => Self::flow(field, message),
            AskError::Snapshot(error) => error.into(),
        }
    }
}

impl From<ErrorInfo> for JsValue {
    fn from(info: ErrorInfo) -> Self {
        let error = Error::new(&info.message);
        error.set_name("PathglassError");
        let kind = match info.kind {
            ErrorKind::Flow => "flow",
            ErrorKind::Snapshot => "snapshot",
            ErrorKind::Internal => "internal",
        };
        // Setting a property of a fresh Error cannot fail.
        let _ = Reflect::set(&error, &"kind".into(), &kind.into());
        if let Some(field) = info.field {
            let _ = Reflect::set(&error, &"field".into(), &field.into());
        }
        error.into()
    }
}
