//! Reading JSON piece by piece: every value keeps its pointer and verbatim text, and what stands before a fault still loads.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::source::{Parsed, Position, Problem, Source, SourceFile};

mod object;
mod scan;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use object::Object;
pub(crate) use scan::{Shape, scan};
pub(crate) use value::integer;

/// Why an item could not be read, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// JSON pointer of the offending value.
    pub(crate) pointer: String,
    /// What is wrong with it.
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
        }
    }

    /// The fault as a problem of `file`.
    pub(crate) fn problem(self, file: &SourceFile) -> Problem {
        Problem {
            file: file.name.clone(),
            position: Some(Position::Pointer(self.pointer.into())),
            message: self.message,
        }
    }
}

/// Reads a file that is one array of objects, e.g. what `ip -j` prints: a faulty item is left out with a problem.
///
/// Empty objects, which iproute2 prints for what its filters leave out, and empty files are no faults.
pub(crate) fn items<'a, T>(
    file: &'a Arc<SourceFile>,
    mut read: impl FnMut(&Object<'a>) -> Result<T, Fault>,
) -> Parsed<Vec<T>> {
    let mut value = Vec::new();
    let problems = each(file, |object| {
        value.push(read(object)?);
        Ok(())
    });
    Parsed { value, problems }
}

/// Like [`items`], for readers that make more or fewer than one thing of an item.
pub(crate) fn each<'a>(
    file: &'a Arc<SourceFile>,
    mut read: impl FnMut(&Object<'a>) -> Result<(), Fault>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for element in scan(file, Shape::Array, &mut problems) {
        let outcome = Object::of(file, element.pointer, element.raw).and_then(|object| {
            if object.is_empty() {
                Ok(())
            } else {
                read(&object)
            }
        });
        if let Err(fault) = outcome {
            problems.push(fault.problem(file));
        }
    }
    problems
}

/// Reads a file that is one object.
pub(crate) fn whole<'a, T>(
    file: &'a Arc<SourceFile>,
    read: impl FnOnce(&Object<'a>) -> Result<T, Fault>,
) -> Parsed<Option<T>> {
    let mut problems = Vec::new();
    let element = scan(file, Shape::Single, &mut problems).into_iter().next();
    let value = element.and_then(|element| {
        match Object::of(file, element.pointer, element.raw).and_then(|object| read(&object)) {
            Ok(value) => Some(value),
            Err(fault) => {
                problems.push(fault.problem(file));
                None
            }
        }
    });
    Parsed { value, problems }
}

/// The members of an object in order, doubled keys included: iproute2 prints some keys twice.
fn members(raw: &RawValue) -> Result<Vec<(Cow<'_, str>, &RawValue)>, serde_json::Error> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(Key(key)) = map.next_key()? {
                members.push((key, map.next_value()?));
            }
            Ok(members)
        }
    }

    serde_json::Deserializer::from_str(raw.get()).deserialize_map(Members)
}

/// A key, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// `key` as one step of a JSON pointer (RFC 6901).
pub(crate) fn step(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// serde_json's message without its position, which is relative to the value and not to the file.
pub(crate) fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text.get(..at).unwrap_or(&text).to_owned(),
        None => text,
    }
}

/// The citation of `raw`, which stands at `pointer` in `file`.
pub(crate) fn source(file: &Arc<SourceFile>, pointer: &str, raw: &RawValue) -> Source {
    Source::pointer(file, pointer, raw.get())
}
