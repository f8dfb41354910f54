//! A cloud's response as its providers write it: absent values as `""`, `null`, `0` or no member at all, numbers and
//! flags as text, lists with and without a wrapper.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::evidence::json::Object;
use crate::source::{Source, SourceFile};

/// An object of a response.
#[derive(Debug)]
pub(super) struct Body<'a>(Object<'a>);

impl<'a> Body<'a> {
    /// The whole response in `file`; Tencent's without its envelope.
    pub(super) fn of(file: &'a Arc<SourceFile>) -> Option<Self> {
        let raw: &RawValue = serde_json::from_str(&file.text).ok()?;
        let whole = Self(Object::of(file, String::new(), raw).ok()?);
        Some(whole.at("Response").unwrap_or(whole))
    }

    pub(super) fn source(&self) -> Source {
        self.0.source()
    }

    pub(super) fn at(&self, key: &str) -> Option<Self> {
        self.0.object(key).ok().flatten().map(Self)
    }

    /// The objects in the list `key`, which Alibaba's older products wrap once more: `{"Xs": {"X": []}}`.
    pub(super) fn list(&self, key: &str, item: &str) -> Vec<Self> {
        let bare = self.0.objects(key);
        let items = match bare {
            Ok(items) => items,
            Err(_) => (self.0.object(key).ok().flatten())
                .and_then(|wrapper| wrapper.objects(item).ok())
                .unwrap_or_default(),
        };
        items.into_iter().map(Self).collect()
    }

    /// Whether the list `key` is there at all.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|raw| raw.get() != "null")
    }

    /// Text that is not empty; a number as its digits.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let text = self.0.name(key).ok().flatten()?;
        Some(text).filter(|text| !text.is_empty())
    }

    /// The same, in lower case.
    pub(super) fn word(&self, key: &str) -> String {
        self.text(key).unwrap_or_default().to_ascii_lowercase()
    }

    pub(super) fn number(&self, key: &str) -> Option<i64> {
        self.0.number(key).ok().flatten()
    }

    /// A port; 0 and the negative values that mean "as the backend's" are none.
    pub(super) fn port(&self, key: &str) -> Option<u16> {
        let number = self.number(key)?;
        u16::try_from(number).ok().filter(|port| *port != 0)
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        match self.word(key).as_str() {
            "on" | "true" | "1" | "enable" | "enabled" => return Some(true),
            "off" | "false" | "0" | "disable" | "disabled" => return Some(false),
            _ => {}
        }
        match self.0.get(key)?.get() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    pub(super) fn address(&self, key: &str) -> Option<IpAddr> {
        self.text(key)?.parse().ok()
    }

    /// Texts that say something, in the list `key`, wrapped or not.
    pub(super) fn texts(&self, key: &str, item: &str) -> Vec<String> {
        let bare = self.0.strings(key);
        let mut texts = bare.unwrap_or_else(|_| {
            (self.0.object(key).ok().flatten())
                .and_then(|wrapper| wrapper.strings(item).ok())
                .unwrap_or_default()
        });
        texts.retain(|text| !text.is_empty());
        texts
    }

    /// Tags: `Key`/`Value`, `TagKey`/`TagValue`.
    pub(super) fn tags(&self) -> BTreeMap<String, String> {
        let tags = self.list("Tags", "Tag");
        let pairs = tags.iter().filter_map(|tag| {
            let key = tag.text("TagKey").or_else(|| tag.text("Key"))?;
            let value = tag.text("TagValue").or_else(|| tag.text("Value"));
            Some((key, value.unwrap_or_default()))
        });
        pairs.collect()
    }
}

/// The responses of one region, found by product, action and key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Responses<'a> {
    /// `cloud/aliyun/cn-hangzhou`.
    pub(crate) folder: &'a str,
    pub(crate) files: &'a [Arc<SourceFile>],
}

impl<'a> Responses<'a> {
    /// The path of a response.
    pub(super) fn path(&self, product: &str, action: &str, key: &str) -> String {
        let dot = if key.is_empty() { "" } else { "." };
        format!("{}/{product}/{action}{dot}{key}.json", self.folder)
    }

    /// The response of `action` for `key`.
    pub(super) fn get(&self, product: &str, action: &str, key: &str) -> Option<Body<'a>> {
        let path = self.path(product, action, key);
        let file = self.files.iter().find(|file| file.name == path)?;
        Body::of(file)
    }

    /// The same, or the path of the file that would tell.
    pub(super) fn must(&self, product: &str, action: &str, key: &str) -> Result<Body<'a>, String> {
        self.get(product, action, key)
            .ok_or_else(|| self.path(product, action, key))
    }

    /// All responses of `action`, whatever they are about.
    pub(super) fn all(&self, product: &str, action: &str) -> Vec<Body<'a>> {
        let start = format!("{}/{product}/{action}.", self.folder);
        let files = self.files.iter();
        files
            .filter(|file| file.name.starts_with(&start))
            .filter_map(Body::of)
            .collect()
    }
}
