//! Walking the outermost level of a JSON file by hand, so that what stands before a fault still loads.

use serde_json::value::RawValue;

use crate::evidence::text::line_at;
use crate::source::{Position, Problem, SourceFile};

/// What a file is expected to hold at its outermost level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An array, whose elements are wanted.
    Array,
    /// An object with an array `items`, whose elements are wanted; an object without one is wanted itself.
    List,
    /// One value.
    Single,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Element<'a> {
    /// Its JSON pointer.
    pub(crate) pointer: String,
    /// Its verbatim text.
    pub(crate) raw: &'a RawValue,
}

/// The elements of `file`; a fault ends the walk and is added to `problems`, what stood before it is given.
///
/// An empty file has no elements and no fault: tools that have nothing to say print nothing.
pub(crate) fn scan<'a>(
    file: &'a SourceFile,
    shape: Shape,
    problems: &mut Vec<Problem>,
) -> Vec<Element<'a>> {
    let mut cursor = Cursor { file, offset: 0 };
    let mut elements = Vec::new();
    if cursor.peek().is_none() {
        return elements;
    }
    let outcome = match shape {
        Shape::Array => cursor.array("", &mut elements),
        Shape::Single => cursor.single(&mut elements),
        Shape::List => cursor.list(&mut elements),
    };
    if let Err(problem) = outcome.and_then(|()| cursor.end()) {
        problems.push(problem);
    }
    elements
}

/// A place in a file's text.
struct Cursor<'a> {
    file: &'a SourceFile,
    offset: usize,
}

impl<'a> Cursor<'a> {
    fn array(&mut self, pointer: &str, elements: &mut Vec<Element<'a>>) -> Result<(), Problem> {
        self.expect(b'[', "an array")?;
        if self.take(b']') {
            return Ok(());
        }
        for index in 0_usize.. {
            elements.push(Element {
                pointer: format!("{pointer}/{index}"),
                raw: self.value()?,
            });
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',', "`,` or `]`")?;
        }
        Ok(())
    }

    fn single(&mut self, elements: &mut Vec<Element<'a>>) -> Result<(), Problem> {
        elements.push(Element {
            pointer: String::new(),
            raw: self.value()?,
        });
        Ok(())
    }

    fn list(&mut self, elements: &mut Vec<Element<'a>>) -> Result<(), Problem> {
        if self.peek() == Some(b'[') {
            return self.array("", elements);
        }
        let start = self.offset;
        self.expect(b'{', "an object")?;
        let mut is_list = false;
        if !self.take(b'}') {
            loop {
                let key = self.value()?;
                self.expect(b':', "`:`")?;
                if key.get() == "\"items\"" {
                    is_list = true;
                    if self.peek() == Some(b'[') {
                        self.array("/items", elements)?;
                    } else if self.value()?.get() != "null" {
                        return Err(self.problem("`items` is no array".to_owned()));
                    }
                } else {
                    self.value()?;
                }
                if self.take(b'}') {
                    break;
                }
                self.expect(b',', "`,` or `}`")?;
            }
        }
        if is_list {
            return Ok(());
        }
        // No list: the object itself, e.g. `kubectl get pod x -o json`.
        self.offset = start;
        self.single(elements)
    }

    /// The next value; nothing is recursed into, so that deep nesting costs no stack.
    fn value(&mut self) -> Result<&'a RawValue, Problem> {
        let rest = self.rest();
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<&'a RawValue>();
        match stream.next() {
            Some(Ok(raw)) => {
                self.offset = self.offset.saturating_add(stream.byte_offset());
                Ok(raw)
            }
            Some(Err(error)) if error.is_eof() => {
                self.offset = self.file.text.len();
                Err(self
                    .problem("the file ends in the middle of a value; capture it again".to_owned()))
            }
            Some(Err(error)) => {
                let skipped = line_at(&self.file.text, self.offset);
                let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
                let mut problem = self.problem(format!("not JSON: {}", super::message(&error)));
                problem.position = Some(Position::Line(
                    skipped.saturating_add(line.saturating_sub(1)),
                ));
                Err(problem)
            }
            None => Err(self.problem("the file ends early; capture it again".to_owned())),
        }
    }

    fn rest(&self) -> &'a str {
        self.file.text.get(self.offset..).unwrap_or_default()
    }

    /// The next byte that is no white space; the cursor stops before it.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.rest().as_bytes();
        let skip = rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
        self.offset = self.offset.saturating_add(skip);
        rest.get(skip).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.offset = self.offset.saturating_add(1);
        }
        found
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), Problem> {
        if self.take(byte) {
            return Ok(());
        }
        let message = match self.peek() {
            None => "the file ends early; capture it again".to_owned(),
            Some(_) => format!("expected {what}"),
        };
        Err(self.problem(message))
    }

    fn end(&mut self) -> Result<(), Problem> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.problem("there is more text after the JSON's end".to_owned())),
        }
    }

    fn problem(&self, message: String) -> Problem {
        Problem {
            file: self.file.name.clone(),
            position: Some(Position::Line(line_at(&self.file.text, self.offset))),
            message,
        }
    }
}
