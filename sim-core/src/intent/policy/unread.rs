//! What a policy says in words that are not understood: never passed over.

use super::condition::Condition;
use crate::evidence::json::Object;

/// Which part of a policy is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Rule,
    Selector,
    Port,
}

/// Unknown, where `object` has members beside those that are `known`.
pub(super) fn unread(object: &Object<'_>, known: &[&str], part: Part) -> Option<Condition> {
    let strange: Vec<&str> = object.keys().filter(|key| !known.contains(key)).collect();
    let part = match part {
        Part::Rule => "rule",
        Part::Selector => "selector",
        Part::Port => "port",
    };
    (!strange.is_empty()).then(|| {
        let fields = strange.join("`, `");
        Condition::Unknown(format!("`{fields}` of a {part} is not decided"))
    })
}
