//! Text files: bytes to text, and lines with their numbers.

use std::sync::Arc;

use crate::source::{Parsed, Position, Problem, Source, SourceFile};

#[cfg(test)]
mod tests;

/// Larger files are refused: no tool prints that much, and positions are kept in 32 bits.
pub const MAX_FILE_BYTES: usize = 256 * 1024 * 1024;

/// A captured file as text.
///
/// Where the bytes are not UTF-8, what stands before the fault is kept (of a file of lines only the complete ones), and
/// the problem names the line.
#[must_use]
pub fn source_file(path: &str, bytes: &[u8]) -> Parsed<Arc<SourceFile>> {
    let parsed = |text: &str, fault: Option<(Option<u32>, String)>| Parsed {
        value: Arc::new(SourceFile {
            name: path.to_owned(),
            text: text.to_owned(),
        }),
        problems: fault
            .into_iter()
            .map(|(line, message)| Problem {
                file: path.to_owned(),
                position: line.map(Position::Line),
                message,
            })
            .collect(),
    };
    if bytes.len() > MAX_FILE_BYTES {
        let message = format!(
            "the file has {} bytes, more than the limit of {MAX_FILE_BYTES}; it is not read",
            bytes.len()
        );
        return parsed("", Some((None, message)));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        // Every tool ends its last line: without the end, the file was cut.
        Ok(text) if !text.is_empty() && path.ends_with(".txt") && !text.ends_with('\n') => {
            let message = "the last line has no end: the file was cut".to_owned();
            parsed(text, Some((Some(line_at(text, text.len())), message)))
        }
        Ok(text) => parsed(text, None),
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let valid = std::str::from_utf8(valid).unwrap_or_default();
            let line = line_at(valid, valid.len());
            let message = format!(
                "not UTF-8 at byte {}; what stands before is read, the rest is not",
                error.valid_up_to()
            );
            let end = if path.ends_with(".json") {
                valid.len()
            } else {
                valid.rfind('\n').map_or(0, |at| at.saturating_add(1))
            };
            parsed(
                valid.get(..end).unwrap_or_default(),
                Some((Some(line), message)),
            )
        }
    }
}

/// The number, from 1, of the line that `offset` stands in.
pub(crate) fn line_at(text: &str, offset: usize) -> u32 {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    let newlines = before.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(newlines)
        .unwrap_or(u32::MAX)
        .saturating_add(1)
}

/// A line and its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) file: &'a Arc<SourceFile>,
    pub(crate) number: u32,
    pub(crate) text: &'a str,
}

impl Line<'_> {
    pub(crate) fn source(&self) -> Source {
        Source::line(self.file, self.number, self.text)
    }

    pub(crate) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem {
            file: self.file.name.clone(),
            position: Some(Position::Line(self.number)),
            message: message.into(),
        }
    }
}

/// The lines of `file` that are not blank.
pub(crate) fn lines(file: &Arc<SourceFile>) -> impl Iterator<Item = Line<'_>> {
    (1_u32..)
        .zip(file.text.lines())
        .filter_map(move |(number, text)| {
            (!text.trim().is_empty()).then_some(Line { file, number, text })
        })
}
