//! Made clouds: files of `tests/data/cloud/`, in the shapes of the clouds' APIs, and what is changed in them case by case.

use std::collections::BTreeMap;
use std::sync::Arc;

use pathglass_sim::cloud::Cloud;
use pathglass_sim::source::SourceFile;
use pathglass_sim::verdict::Outcome;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::corpus::{Case, Files, workspace};

/// A cloud, and cases of what happens in it.
#[derive(Debug, Deserialize)]
pub struct Made<C> {
    /// `cloud/<provider>/<region>`.
    pub folder: String,
    /// The topic whose files are there besides.
    #[serde(default)]
    base: Option<String>,
    /// Bodies by file, e.g. `ecs/DescribeInstances.json`.
    pub files: Map<String, Value>,
    /// The cases.
    pub cases: Vec<C>,
}

/// Something that is other in a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    file: String,
    /// A JSON pointer; the whole file without one.
    #[serde(default)]
    at: String,
    set: Option<Value>,
    /// In a file that is not JSON: text that is there once, and what comes in its place.
    find: Option<String>,
    #[serde(default, rename = "with")]
    instead: String,
    #[serde(default)]
    remove: bool,
    #[serde(default)]
    drop: bool,
}

/// A story's capture made healthy, and what is wrong in it for each result that ACK's diagnosis can give.
#[derive(Debug, Deserialize)]
pub struct Results {
    /// The story: a folder of `tests/captures/cloud`.
    capture: String,
    healthy: Vec<Change>,
    /// The faults.
    pub results: Vec<Fault>,
}

/// One thing that is wrong, and what is to be found.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The result, as that diagnosis prints it.
    pub result: String,
    /// What is wrong.
    pub what: String,
    /// Who asks.
    pub from: String,
    /// Whom.
    pub to: String,
    /// At which port.
    pub port: u16,
    /// The outcome.
    pub outcome: Outcome,
    /// The first finding's code.
    pub code: String,
    /// What a person must change.
    pub object: String,
    /// How the healthy capture is changed.
    pub changes: Vec<Change>,
}

impl Results {
    /// Reads `tests/data/cloud/ack-<provider>.json`.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn read(provider: &str) -> Result<Self, String> {
        data(&format!("ack-{provider}"))
    }

    /// The whole capture in which nothing is wrong.
    ///
    /// # Errors
    /// Says what cannot be read or changed.
    pub fn healthy(&self) -> Result<Files, String> {
        let story = Case {
            name: self.capture.clone(),
            folder: workspace().join("tests/captures/cloud").join(&self.capture),
        };
        let mut files = story.files().map_err(|error| error.to_string())?;
        edit(&mut files, &self.healthy)?;
        Ok(files)
    }
}

/// Reads `tests/data/cloud/<topic>.json`.
///
/// # Errors
/// Says what is wrong with it.
pub fn read<C: DeserializeOwned>(topic: &str) -> Result<Made<C>, String> {
    let mut made: Made<C> = data(topic)?;
    if let Some(base) = &made.base {
        let mut files = read::<Value>(base)?.files;
        files.append(&mut made.files);
        made.files = files;
    }
    Ok(made)
}

fn data<T: DeserializeOwned>(topic: &str) -> Result<T, String> {
    let path = workspace().join(format!("tests/data/cloud/{topic}.json"));
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| format!("{topic}: {error}"))
}

/// The files of a cloud after `changes`.
///
/// # Errors
/// Names a change that does not apply.
pub fn changed(
    files: &Map<String, Value>,
    changes: &[Change],
) -> Result<Map<String, Value>, String> {
    let mut files = files.clone();
    for change in changes {
        let applied = if change.drop {
            files.remove(&change.file).map(|_| ())
        } else {
            (files.get_mut(&change.file)).and_then(|file| apply(file, change))
        };
        applied.ok_or_else(|| format!("{change:?} does not apply"))?;
    }
    Ok(files)
}

/// Changes a whole capture.
///
/// # Errors
/// Names a change that does not apply.
pub fn edit(files: &mut Files, changes: &[Change]) -> Result<(), String> {
    for change in changes {
        edit_file(files, change).ok_or_else(|| format!("{change:?} does not apply"))?;
    }
    Ok(())
}

fn edit_file(files: &mut Files, change: &Change) -> Option<()> {
    let bytes = files.get(&change.file);
    let edited = if let Some(find) = &change.find {
        let text = std::str::from_utf8(bytes?).ok()?;
        if text.matches(find.as_str()).count() != 1 {
            return None;
        }
        text.replacen(find.as_str(), &change.instead, 1)
    } else {
        let mut body = match bytes {
            Some(bytes) => serde_json::from_slice(bytes).ok()?,
            None if change.at.is_empty() => Value::Null,
            None => return None,
        };
        apply(&mut body, change)?;
        body.to_string()
    };
    files.insert(change.file.clone(), edited.into_bytes().into());
    Some(())
}

fn apply(file: &mut Value, change: &Change) -> Option<()> {
    let Some((parent, last)) = change.at.rsplit_once('/') else {
        *file = change.set.clone()?;
        return Some(());
    };
    match file.pointer_mut(parent)? {
        Value::Object(object) => {
            object.insert(last.to_owned(), change.set.clone()?);
        }
        Value::Array(list) if last == "-" => list.push(change.set.clone()?),
        Value::Array(list) => {
            let place: usize = last.parse().ok()?;
            let old = list.get_mut(place)?;
            match &change.set {
                Some(new) => *old = new.clone(),
                None if change.remove => {
                    list.remove(place);
                }
                None => return None,
            }
        }
        _ => return None,
    }
    Some(())
}

/// The simulator's model of a cloud with these files.
#[must_use]
pub fn cloud(folder: &str, files: &Map<String, Value>) -> Cloud {
    let files = files.iter().map(|(name, body)| {
        Arc::new(SourceFile {
            name: format!("{folder}/{name}"),
            text: body.to_string(),
        })
    });
    Cloud::read(files, &BTreeMap::new())
}
