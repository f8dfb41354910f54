//! What goes wrong in a request: a status, a stable code and a sentence, as JSON.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::{CommandError, chain};
use crate::input::AskFailure;

/// An answer that is no answer: `{"error": {"code", "message"}}`.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
    field: Option<&'static str>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            field: None,
        }
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            format!("there is no {what}"),
        )
    }

    /// A failure of the service itself.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }
}

impl From<AskFailure> for Failure {
    fn from(failure: AskFailure) -> Self {
        match failure {
            AskFailure::Question { field, message } => Self {
                field: Some(field),
                ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "question", message)
            },
            AskFailure::Capture(error) => error.into(),
        }
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        let code = match &error {
            CommandError::Snapshot { .. } | CommandError::Input { .. } => "snapshot",
            CommandError::Io { .. }
            | CommandError::Question { .. }
            | CommandError::Usage(_)
            | CommandError::Output(_) => "internal",
        };
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, chain(&error))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self {
            status,
            code,
            message,
            field,
        } = self;
        let mut error = json!({"code": code, "message": message});
        if let (Some(field), Some(fields)) = (field, error.as_object_mut()) {
            fields.insert("field".to_owned(), field.into());
        }
        let mut body = json!({"error": error}).to_string();
        body.push('\n');
        let kind = HeaderValue::from_static("application/json");
        (status, [(header::CONTENT_TYPE, kind)], body).into_response()
    }
}
