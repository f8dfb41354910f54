//! What the parsers' tests share.

use std::sync::Arc;

use crate::source::{Parsed, SourceFile};

/// A file with this name and text.
pub(crate) fn file(name: &str, text: &str) -> Arc<SourceFile> {
    Arc::new(SourceFile {
        name: name.to_owned(),
        text: text.to_owned(),
    })
}

/// The value of a parse that met no problem.
pub(crate) fn clean<T>(parsed: Parsed<T>) -> T {
    assert!(parsed.problems.is_empty(), "{:#?}", parsed.problems);
    parsed.value
}

/// The problems of a parse, as they are shown.
pub(crate) fn problems<T>(parsed: &Parsed<T>) -> Vec<String> {
    parsed.problems.iter().map(ToString::to_string).collect()
}
