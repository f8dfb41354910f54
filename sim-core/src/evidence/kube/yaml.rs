//! The little of YAML that kube-proxy's configuration file uses: scalars in nested maps, and lists of scalars.

use std::collections::BTreeMap;

/// Scalars by dotted path, e.g. `iptables.masqueradeBit`; list elements have their number as the last step.
#[derive(Debug, Default)]
pub(super) struct Settings {
    values: BTreeMap<String, String>,
}

impl Settings {
    /// Reads block-style YAML, or JSON; what is neither is passed over.
    pub(super) fn of(text: &str) -> Self {
        let mut settings = Self::default();
        if text.trim_start().starts_with('{') {
            if let Ok(value) = serde_json::from_str(text) {
                settings.flatten(String::new(), &value);
            }
        } else {
            settings.read(text);
        }
        settings
    }

    /// A scalar; `null`, `~` and the empty string are none.
    pub(super) fn get(&self, path: &str) -> Option<&str> {
        self.values
            .get(path)
            .map(String::as_str)
            .filter(|value| !matches!(*value, "" | "null" | "~"))
    }

    /// The elements of a list.
    pub(super) fn list(&self, path: &str) -> Vec<String> {
        (0_usize..)
            .map_while(|index| self.values.get(&format!("{path}.{index}")))
            .cloned()
            .collect()
    }

    fn read(&mut self, text: &str) {
        // The keys that are open, with their indentation.
        let mut open: Vec<(usize, String)> = Vec::new();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for line in text.lines() {
            let content = line.trim();
            if content.is_empty() || content.starts_with('#') || content.starts_with("---") {
                continue;
            }
            let indent = line.len().saturating_sub(line.trim_start().len());
            let element = content.strip_prefix("- ");
            // A list may stand at its key's own indentation.
            open.retain(|(depth, _)| *depth < indent || (*depth == indent && element.is_some()));
            let path = join(&open);
            if let Some(element) = element {
                let index = counts.entry(path.clone()).or_default();
                self.values
                    .insert(format!("{path}.{index}"), scalar(element).to_owned());
                *index = index.saturating_add(1);
                continue;
            }
            let Some((key, value)) = content.split_once(':') else {
                continue;
            };
            open.push((indent, scalar(key).to_owned()));
            self.insert(join(&open), value.trim());
        }
    }

    fn insert(&mut self, path: String, value: &str) {
        match value
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(elements) => {
                let elements = elements
                    .split(',')
                    .map(scalar)
                    .filter(|text| !text.is_empty());
                for (index, element) in elements.enumerate() {
                    self.values
                        .insert(format!("{path}.{index}"), element.to_owned());
                }
            }
            None => {
                self.values.insert(path, scalar(value).to_owned());
            }
        }
    }

    fn flatten(&mut self, path: String, value: &serde_json::Value) {
        let below = |step: &str| {
            if path.is_empty() {
                step.to_owned()
            } else {
                format!("{path}.{step}")
            }
        };
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    self.flatten(below(key), value);
                }
            }
            serde_json::Value::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    self.flatten(below(&index.to_string()), value);
                }
            }
            serde_json::Value::String(text) => {
                self.values.insert(path, text.clone());
            }
            other => {
                self.values.insert(path, other.to_string());
            }
        }
    }
}

fn join(open: &[(usize, String)]) -> String {
    let keys: Vec<&str> = open.iter().map(|(_, key)| key.as_str()).collect();
    keys.join(".")
}

/// A scalar without its quotes or a comment behind it.
fn scalar(text: &str) -> &str {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or(rest);
        }
    }
    text.split(" #").next().unwrap_or(text).trim_end()
}
