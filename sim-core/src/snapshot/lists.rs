//! Kube lists: large ones are sealed in parts, and joined again for who asks for the whole.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A kube list, its items not yet parsed.
#[derive(Deserialize)]
pub(crate) struct List<'a> {
    #[serde(borrow)]
    pub(crate) items: Vec<&'a RawValue>,
}

/// Where each item of the list `text` stands in it; none where it is no list.
pub(crate) fn items(text: &str) -> Vec<Range<usize>> {
    let Ok(list) = serde_json::from_str::<List<'_>>(text) else {
        return Vec::new();
    };
    let place = |item: &&RawValue| {
        // Borrowed from `text`, so that the difference is its offset there.
        let start = (item.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        start..start.saturating_add(item.get().len())
    };
    list.items.iter().map(place).collect()
}

/// Joins the parts of a split list, in their order. A part that is no list is left out.
pub(crate) fn join(parts: &[Arc<[u8]>]) -> Arc<[u8]> {
    let lists = parts
        .iter()
        .filter_map(|part| serde_json::from_slice::<List<'_>>(part).ok());
    let items: Vec<&RawValue> = lists.flat_map(|list| list.items).collect();
    write(items.iter().map(|item| Some(item.get()))).into()
}

/// Writes a list with one item a line, so that a person can read it and two can be compared; null where an item is missing.
pub(crate) fn write<'a>(items: impl Iterator<Item = Option<&'a str>>) -> Vec<u8> {
    let mut text = Vec::from(&b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":["[..]);
    for (item_idx, item) in items.enumerate() {
        text.extend_from_slice(if item_idx == 0 { b"\n" } else { b",\n" });
        text.extend_from_slice(item.unwrap_or("null").as_bytes());
    }
    text.extend_from_slice(b"\n]}\n");
    text
}
