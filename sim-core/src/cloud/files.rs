//! The files of one region: a cloud API's response bodies, each list read over all of its pages and files.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::evidence::cloud::CloudPath;
use crate::evidence::json::{Fault, Object, Shape, scan};
use crate::evidence::mac::Mac;
use crate::snapshot::FileState;
use crate::source::SourceFile;

/// Nobody asked for it.
pub(super) const NOT_TRIED: &str = "not-tried";

/// A response's file, and what its call was about.
type Keyed = (Option<String>, Arc<SourceFile>);

/// The response files of a region, and what turned out to be missing in them.
#[derive(Debug)]
pub(crate) struct Files<'s> {
    folder: String,
    /// By `<product>/<Action>`, with the key of each file.
    actions: BTreeMap<String, Vec<Keyed>>,
    states: &'s BTreeMap<String, FileState>,
    gaps: BTreeMap<String, String>,
}

impl<'s> Files<'s> {
    pub(crate) fn new(
        folder: String,
        files: &[Arc<SourceFile>],
        states: &'s BTreeMap<String, FileState>,
    ) -> Self {
        let mut actions: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for file in files {
            if let Some(path) = CloudPath::of(&file.name) {
                let action = format!("{}/{}", path.product, path.action);
                let known = actions.entry(action).or_default();
                known.push((path.key.map(str::to_owned), Arc::clone(file)));
            }
        }
        Self {
            folder,
            actions,
            states,
            gaps: BTreeMap::new(),
        }
    }

    /// `cloud/<provider>/<region>`.
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// Every file.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<SourceFile>> {
        self.actions.values().flatten().map(|(_, file)| file)
    }

    /// Whether answers to `action`, of those that were asked for, could not be had or read, as far as was looked yet.
    pub(crate) fn is_broken(&self, action: &str) -> bool {
        let gap = self.gaps.get(&format!("{action}.json"));
        gap.is_some_and(|reason| reason != NOT_TRIED)
    }

    /// What is not known, by `<product>/<Action>.json`.
    pub(crate) fn into_gaps(self) -> BTreeMap<String, String> {
        self.gaps
    }

    /// Reads every item of the list at `path` in the answers to `action` (`ecs/DescribeInstances`); `read` also gets the
    /// key of the file that it stands in. An action whose answers are missing, or hold what cannot be read, is a gap.
    pub(crate) fn each(
        &mut self,
        action: &str,
        path: &[&str],
        mut read: impl FnMut(&Object<'_>, Option<&str>) -> Result<(), Fault>,
    ) {
        let mut faults = Vec::new();
        self.bodies(action, |body, key| {
            for item in list(body, path)? {
                if let Err(fault) = read(&item, key) {
                    faults.push(format!("{} {}", fault.pointer, fault.message));
                }
            }
            Ok(())
        });
        if let Some(fault) = faults.into_iter().next() {
            self.gap(action, fault);
        }
    }

    /// Reads every answer to `action`, without the envelope that some APIs put around it.
    pub(crate) fn bodies(
        &mut self,
        action: &str,
        mut read: impl FnMut(&Object<'_>, Option<&str>) -> Result<(), Fault>,
    ) {
        let files = self.actions.get(action).cloned().unwrap_or_default();
        // Each id may have a file: one that failed is a gap, whatever the others tell.
        let start = format!("{}/{action}.", self.folder);
        let own = self.states.range(start.clone()..);
        let mut own = own
            .take_while(|(path, _)| path.starts_with(&start))
            .peekable();
        let is_told = own.peek().is_some();
        let there: BTreeSet<&str> = files.iter().map(|(_, file)| file.name.as_str()).collect();
        let lack = own.find_map(|(path, state)| match state {
            FileState::Empty | FileState::Absent | FileState::Redundant => None,
            FileState::Failed => Some("failed"),
            FileState::NotTried => Some("not-tried"),
            FileState::Captured => {
                (!there.contains(path.as_str())).then_some("captured, but not in this capture")
            }
        });
        match lack {
            Some(lack) => self.gap(action, lack.to_owned()),
            None if files.is_empty() && !is_told => self.gap(action, NOT_TRIED.to_owned()),
            None => {}
        }
        for (key, file) in files {
            let mut problems = Vec::new();
            let elements = scan(&file, Shape::Single, &mut problems);
            let read = elements.into_iter().try_for_each(|element| {
                let whole = Object::of(&file, element.pointer, element.raw)?;
                let body = whole.object("Response")?.unwrap_or(whole);
                read(&body, key.as_deref())
            });
            if let Err(fault) = read {
                problems.push(fault.problem(&file));
            }
            if let Some(problem) = problems.first() {
                self.gap(action, problem.to_string());
            }
        }
    }

    fn gap(&mut self, action: &str, reason: String) {
        self.gaps.entry(format!("{action}.json")).or_insert(reason);
    }
}

/// The objects of the list at `path`; none where any step is missing.
pub(crate) fn list<'a>(object: &Object<'a>, path: &[&str]) -> Result<Vec<Object<'a>>, Fault> {
    match path {
        [] => Ok(Vec::new()),
        [last] => object.objects(last),
        [first, rest @ ..] => match object.object(first)? {
            Some(inner) => list(&inner, rest),
            None => Ok(Vec::new()),
        },
    }
}

/// Strings wrapped as `{"Xs": {"X": […]}}`; empty ones are left out.
pub(crate) fn wrapped(object: &Object<'_>, outer: &str, inner: &str) -> Result<Vec<String>, Fault> {
    let all = match object.object(outer)? {
        Some(wrapper) => wrapper.strings(inner)?,
        None => Vec::new(),
    };
    Ok(all.into_iter().filter(|text| !text.is_empty()).collect())
}

/// A flag; missing and `null` ("may return null") are both unset.
pub(crate) fn is_set(object: &Object<'_>, key: &str) -> Result<bool, Fault> {
    match object.get(key) {
        Some(raw) if raw.get() == "null" => Ok(false),
        _ => object.flag(key),
    }
}

/// A string or number; missing, `null` and empty are all `None`.
pub(crate) fn said(object: &Object<'_>, key: &str) -> Result<Option<String>, Fault> {
    Ok(object.name(key)?.filter(|text| !text.is_empty()))
}

/// The same, where it must be there.
pub(crate) fn must(object: &Object<'_>, key: &str) -> Result<String, Fault> {
    let said = said(object, key)?;
    object.required(key, said)
}

/// What `read` makes of a string, where one is there.
pub(crate) fn read_as<T>(
    object: &Object<'_>,
    key: &str,
    what: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Fault> {
    let Some(text) = said(object, key)? else {
        return Ok(None);
    };
    match read(&text) {
        Some(value) => Ok(Some(value)),
        None => Err(object.fault(key, format!("`{text}` is not {what}"))),
    }
}

/// An address, where one is there.
pub(crate) fn address(object: &Object<'_>, key: &str) -> Result<Option<IpAddr>, Fault> {
    read_as(object, key, "an address", |text| text.parse().ok())
}

/// A block, where one is there; a plain address is one of its own.
pub(crate) fn net(object: &Object<'_>, key: &str) -> Result<Option<IpNet>, Fault> {
    read_as(object, key, "a block", super::portset::block)
}

/// A hardware address, where one is there.
pub(crate) fn mac(object: &Object<'_>, key: &str) -> Result<Option<Mac>, Fault> {
    read_as(object, key, "a hardware address", |text| text.parse().ok())
}
