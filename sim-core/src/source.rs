//! Where a parsed item stands in the evidence: its file, its place there, and its verbatim text.

use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::verdict::{Evidence, Shared};

/// One captured file as text, shared by everything that was parsed from it.
#[derive(PartialEq, Eq)]
pub struct SourceFile {
    /// The file's path inside the capture, e.g. `nodes/node-1/host/ip-route.json`.
    pub name: String,
    /// Its whole content.
    pub text: String,
}

impl PartialOrd for SourceFile {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SourceFile {
    /// A file is mostly compared with itself, and may be long.
    fn cmp(&self, other: &Self) -> Ordering {
        if std::ptr::eq(self, other) {
            return Ordering::Equal;
        }
        (&self.name, &self.text).cmp(&(&other.name, &other.text))
    }
}

impl fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceFile")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A place in a file: a line of text, or a JSON pointer (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Position {
    /// A line, counted from 1.
    Line(u32),
    /// A JSON pointer; the empty pointer is the whole document.
    Pointer(Arc<str>),
}

/// Where an item was read: file, position and the span of its verbatim text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source(Arc<Place>);

struct Place {
    file: Arc<SourceFile>,
    position: Position,
    start: u32,
    end: u32,
    /// As verdicts cite it, once one did.
    cited: OnceLock<Shared<Evidence>>,
}

impl Place {
    fn key(&self) -> (&Arc<SourceFile>, &Position, u32, u32) {
        (&self.file, &self.position, self.start, self.end)
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Place {}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Source {
    /// The whole of `file`, cited by its first line.
    #[must_use]
    pub fn whole(file: &Arc<SourceFile>) -> Self {
        Self::line(file, 1, file.text.lines().next().unwrap_or_default())
    }

    /// Line `number` (from 1) of `file`; `text` must be a slice of the file's own text.
    #[must_use]
    pub fn line(file: &Arc<SourceFile>, number: u32, text: &str) -> Self {
        Self::at(file, Position::Line(number), text)
    }

    /// The value at `pointer` in the JSON `file`; `text` must be a slice of the file's own text
    /// (what `serde_json::value::RawValue::get` gives).
    #[must_use]
    pub fn pointer(file: &Arc<SourceFile>, pointer: impl Into<Arc<str>>, text: &str) -> Self {
        Self::at(file, Position::Pointer(pointer.into()), text)
    }

    fn at(file: &Arc<SourceFile>, position: Position, text: &str) -> Self {
        let offset = (text.as_ptr() as usize).wrapping_sub(file.text.as_ptr() as usize);
        let end = offset.saturating_add(text.len());
        // A slice of another string has no place here: it is cited without text.
        let (start, end) = if end <= file.text.len() {
            (offset, end)
        } else {
            (0, 0)
        };
        Self(Arc::new(Place {
            file: Arc::clone(file),
            position,
            start: u32::try_from(start).unwrap_or(0),
            end: u32::try_from(end).unwrap_or(0),
            cited: OnceLock::new(),
        }))
    }

    /// The item as evidence, made by `cite` once.
    pub(crate) fn cited(&self, cite: impl FnOnce() -> Evidence) -> &Shared<Evidence> {
        self.0.cited.get_or_init(|| cite().into())
    }

    /// The file's path inside the capture.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.0.file.name
    }

    /// The place in the file.
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.0.position
    }

    /// The verbatim text of the item.
    #[must_use]
    pub fn text(&self) -> &str {
        let Place {
            file, start, end, ..
        } = &*self.0;
        file.text
            .get(*start as usize..*end as usize)
            .unwrap_or_default()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, position, .. } = &*self.0;
        match position {
            Position::Line(number) => write!(f, "{}:{number}", file.name),
            Position::Pointer(pointer) => write!(f, "{} {pointer}", file.name),
        }
    }
}

/// What could not be read in a file: the rest of the file was still read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file's path inside the capture.
    pub file: String,
    /// The place in it, where known.
    pub position: Option<Position>,
    /// What is wrong and what to do, lowercase, without a final stop.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.position {
            Some(Position::Line(number)) => write!(f, "{}:{number}: {}", self.file, self.message),
            Some(Position::Pointer(pointer)) => {
                write!(f, "{} {pointer}: {}", self.file, self.message)
            }
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// What a parser made of a file: always a value, and the problems met on the way.
///
/// A non-empty `problems` means that the value is incomplete: what reads it must count the missing
/// part as unknown, never as absent.
#[derive(Debug, Clone, Default)]
pub struct Parsed<T> {
    /// What was read.
    pub value: T,
    /// What was not.
    pub problems: Vec<Problem>,
}
