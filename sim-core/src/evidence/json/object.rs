//! One JSON object with typed access to its members; each fault names the member's pointer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::{Fault, members, message, source, step, value};
use crate::source::{Source, SourceFile};

/// An object, and where it stands.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    file: &'a Arc<SourceFile>,
    pointer: String,
    raw: &'a RawValue,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    pub(crate) fn of(
        file: &'a Arc<SourceFile>,
        pointer: String,
        raw: &'a RawValue,
    ) -> Result<Self, Fault> {
        match members(raw) {
            Ok(members) => Ok(Self {
                file,
                pointer,
                raw,
                members,
            }),
            Err(error) => Err(Fault::new(pointer, message(&error))),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn pointer(&self) -> &str {
        &self.pointer
    }

    pub(crate) fn raw(&self) -> &'a RawValue {
        self.raw
    }

    pub(crate) fn source(&self) -> Source {
        source(self.file, &self.pointer, self.raw)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(key, _)| key.as_ref())
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The first member called `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.members
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, raw)| *raw)
    }

    /// The second member called `key`: iproute2 prints an encapsulation's `dst` into the same object as the route's.
    pub(crate) fn second(&self, key: &str) -> Option<&'a RawValue> {
        self.members
            .iter()
            .filter(|(name, _)| name == key)
            .nth(1)
            .map(|(_, raw)| *raw)
    }

    /// A fault of the member `key`.
    pub(crate) fn fault(&self, key: &str, message: impl Into<String>) -> Fault {
        Fault::new(format!("{}{}", self.pointer, step(key)), message)
    }

    /// Takes a member that must be there.
    pub(crate) fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, Fault> {
        value.ok_or_else(|| Fault::new(self.pointer.clone(), format!("`{key}` is missing")))
    }

    /// A string; a missing member and `null` are `None`.
    pub(crate) fn text(&self, key: &str) -> Result<Option<String>, Fault> {
        self.convert(key, "a string", value::text)
    }

    /// A string, or a number as its digits: for names that may be numeric (tables, groups, protocols).
    pub(crate) fn name(&self, key: &str) -> Result<Option<String>, Fault> {
        self.convert(key, "a name or number", |raw| {
            value::text(raw).or_else(|| value::number(raw).map(|number| number.to_string()))
        })
    }

    /// An integer that fits `T`.
    pub(crate) fn number<T: TryFrom<i128>>(&self, key: &str) -> Result<Option<T>, Fault> {
        let Some(wide) = self.convert(key, "an integer", value::number)? else {
            return Ok(None);
        };
        match T::try_from(wide) {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(self.fault(key, format!("`{wide}` is out of range"))),
        }
    }

    /// A flag; a missing one is not set, `null` is (iproute2's `print_null`).
    pub(crate) fn flag(&self, key: &str) -> Result<bool, Fault> {
        match self.get(key) {
            None => Ok(false),
            Some(raw) => value::flag(raw).ok_or_else(|| self.unlike(key, "a flag", raw)),
        }
    }

    /// A flag whose default is not `false`.
    pub(crate) fn flag_or(&self, key: &str, default: bool) -> Result<bool, Fault> {
        if self.has(key) {
            self.flag(key)
        } else {
            Ok(default)
        }
    }

    /// A string in the form of `T`.
    pub(crate) fn parse<T: FromStr>(&self, key: &str, what: &str) -> Result<Option<T>, Fault> {
        match self.text(key)? {
            None => Ok(None),
            Some(text) => match text.parse() {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(self.fault(key, format!("`{text}` is not {what}"))),
            },
        }
    }

    /// An array of strings; a missing one is empty.
    pub(crate) fn strings(&self, key: &str) -> Result<Vec<String>, Fault> {
        Ok(self
            .convert(key, "an array of strings", |raw| {
                serde_json::from_str(raw.get()).ok()
            })?
            .unwrap_or_default())
    }

    /// A map from strings to strings, e.g. labels; a missing one is empty.
    pub(crate) fn string_map(&self, key: &str) -> Result<BTreeMap<String, String>, Fault> {
        Ok(self
            .convert(key, "a map of strings", |raw| {
                serde_json::from_str(raw.get()).ok()
            })?
            .unwrap_or_default())
    }

    /// An object.
    pub(crate) fn object(&self, key: &str) -> Result<Option<Object<'a>>, Fault> {
        match self.get(key) {
            None => Ok(None),
            Some(raw) if raw.get() == "null" => Ok(None),
            Some(raw) => {
                Object::of(self.file, format!("{}{}", self.pointer, step(key)), raw).map(Some)
            }
        }
    }

    /// An array of objects; a missing one is empty.
    pub(crate) fn objects(&self, key: &str) -> Result<Vec<Object<'a>>, Fault> {
        let Some(raw) = self.get(key) else {
            return Ok(Vec::new());
        };
        let elements: Option<Vec<&'a RawValue>> =
            serde_json::from_str(raw.get()).map_err(|_| self.unlike(key, "an array", raw))?;
        elements
            .unwrap_or_default()
            .into_iter()
            .enumerate()
            .map(|(index, element)| {
                let pointer = format!("{}{}/{index}", self.pointer, step(key));
                Object::of(self.file, pointer, element)
            })
            .collect()
    }

    /// The members as objects with their keys, e.g. of a map from names to records.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &'a RawValue, String)> {
        self.members
            .iter()
            .map(|(key, raw)| (key.as_ref(), *raw, format!("{}{}", self.pointer, step(key))))
    }

    pub(crate) fn file(&self) -> &'a Arc<SourceFile> {
        self.file
    }

    fn convert<T>(
        &self,
        key: &str,
        what: &str,
        convert: impl FnOnce(&'a RawValue) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        match self.get(key) {
            None => Ok(None),
            Some(raw) if raw.get() == "null" => Ok(None),
            Some(raw) => match convert(raw) {
                Some(value) => Ok(Some(value)),
                None => Err(self.unlike(key, what, raw)),
            },
        }
    }

    fn unlike(&self, key: &str, what: &str, raw: &RawValue) -> Fault {
        let found: String = raw.get().chars().take(60).collect();
        self.fault(key, format!("`{found}` is not {what}"))
    }
}
