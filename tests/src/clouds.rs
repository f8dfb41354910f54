//! Made clouds: files of `tests/data/cloud/`, in the shapes of the clouds' APIs, and what is changed in them case by case.

use std::collections::BTreeMap;
use std::sync::Arc;

use pathglass_sim::cloud::Cloud;
use pathglass_sim::source::SourceFile;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::corpus::workspace;

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
pub struct Change {
    file: String,
    #[serde(default)]
    at: String,
    set: Option<Value>,
    #[serde(default)]
    remove: bool,
    #[serde(default)]
    drop: bool,
}

/// Reads `tests/data/cloud/<topic>.json`.
///
/// # Errors
/// Says what is wrong with it.
pub fn read<C: DeserializeOwned>(topic: &str) -> Result<Made<C>, String> {
    let path = workspace().join(format!("tests/data/cloud/{topic}.json"));
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let mut made: Made<C> =
        serde_json::from_str(&text).map_err(|error| format!("{topic}: {error}"))?;
    if let Some(base) = &made.base {
        let mut files = read::<Value>(base)?.files;
        files.append(&mut made.files);
        made.files = files;
    }
    Ok(made)
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
        apply(&mut files, change).ok_or_else(|| format!("{change:?} does not apply"))?;
    }
    Ok(files)
}

fn apply(files: &mut Map<String, Value>, change: &Change) -> Option<()> {
    if change.drop {
        return files.remove(&change.file).map(|_| ());
    }
    let file = files.get_mut(&change.file)?;
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
