//! What the Wasm module must repeat: every flow's verdict, as the native engine writes it.

use std::io::{self, Write as _};
use std::path::Path;

use pathglass_sim::flow::FlowRequest;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::ask;
use crate::corpus::Case;

/// One line of `<case>.jsonl`: a question and what came of it natively.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The flow's name.
    pub id: String,
    /// The question.
    pub request: FlowRequest,
    /// SHA-256 (hex) of the verdict's JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The verdict's JSON, byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    /// Where the question is refused: the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Writes `<case>.pathglass` (sealed) and `<case>.jsonl` (an [`Answer`] a line) into `folder`.
///
/// # Errors
/// When the case cannot be read or sealed, or the files cannot be written.
pub fn write(case: &Case, folder: &Path) -> io::Result<usize> {
    let snapshot = ask::sealed_bytes(&case.files()?).map_err(io::Error::other)?;
    std::fs::write(folder.join(format!("{}.pathglass", case.name)), &snapshot)?;
    let mut session = ask::sealed(snapshot);
    let mut lines = Vec::new();
    let flows = case.expectations()?.flows;
    for flow in &flows {
        let request = flow.request();
        let answer = match ask::diagnose(&mut session, &request) {
            Ok(verdict) => {
                let json = ask::bytes(&verdict);
                (Some(json), None)
            }
            Err(message) => (None, Some(message)),
        };
        let (json, error) = answer;
        let answer = Answer {
            id: flow.id.clone(),
            request,
            sha256: json.as_deref().map(sha256),
            json,
            error,
        };
        serde_json::to_writer(&mut lines, &answer)?;
        writeln!(lines)?;
    }
    std::fs::write(folder.join(format!("{}.jsonl", case.name)), lines)?;
    Ok(flows.len())
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
