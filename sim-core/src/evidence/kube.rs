//! `kube/<resource>.json`: Kubernetes objects, as `kubectl get <resource> -A -o json` prints them.

use std::net::IpAddr;
use std::sync::Arc;

use super::json::{Fault, Object, Shape, scan};
use crate::flow::Protocol;
use crate::source::{Parsed, SourceFile};

pub mod config;
pub mod endpoints;
pub mod generic;
pub mod meta;
pub mod node;
pub mod pod;
pub mod policy;
pub mod selector;
pub mod service;
#[cfg(test)]
mod tests;
mod yaml;

/// Reads a list of objects of one kind, or a single object: a faulty one is left out with a problem.
///
/// `null` items are what pruning leaves of objects that are not kept; they keep the others' pointers.
pub(crate) fn list<'a, T>(
    file: &'a Arc<SourceFile>,
    kind: &str,
    mut read: impl FnMut(&Object<'a>) -> Result<T, Fault>,
) -> Parsed<Vec<T>> {
    let mut parsed = Parsed::<Vec<T>>::default();
    let elements = scan(file, Shape::List, &mut parsed.problems);
    parsed.value.reserve(elements.len());
    for element in elements {
        if element.raw.get() == "null" {
            continue;
        }
        let outcome = Object::of(file, element.pointer, element.raw).and_then(|item| {
            match item.text("kind")? {
                Some(found) if !kind.is_empty() && found != kind => {
                    Err(item.fault("kind", format!("`{found}` is not the kind `{kind}`")))
                }
                _ => read(&item),
            }
        });
        match outcome {
            Ok(value) => parsed.value.push(value),
            Err(fault) => parsed.problems.push(fault.problem(file)),
        }
    }
    parsed
}

/// `spec`, `status` or the like, read where it is there.
fn part<'a, T: Default>(
    item: &Object<'a>,
    key: &str,
    read: impl FnOnce(&Object<'a>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    match item.object(key)? {
        Some(part) => read(&part),
        None => Ok(T::default()),
    }
}

/// A protocol; TCP where none is given, as the API server fills in.
fn protocol(item: &Object<'_>) -> Result<Protocol, Fault> {
    match item.text("protocol")?.as_deref() {
        None | Some("" | "TCP") => Ok(Protocol::Tcp),
        Some("UDP") => Ok(Protocol::Udp),
        Some("SCTP") => Ok(Protocol::Sctp),
        Some(other) => Err(item.fault("protocol", format!("`{other}` is no protocol"))),
    }
}

/// An address; an empty string is none.
fn ip(item: &Object<'_>, key: &str) -> Result<Option<IpAddr>, Fault> {
    match item.text(key)? {
        None => Ok(None),
        Some(text) if text.is_empty() => Ok(None),
        Some(text) => address(&text)
            .map(Some)
            .ok_or_else(|| item.fault(key, format!("`{text}` is not an IP address"))),
    }
}

/// Addresses in an array of strings; empty strings are none.
fn ips(item: &Object<'_>, key: &str) -> Result<Vec<IpAddr>, Fault> {
    item.strings(key)?
        .iter()
        .filter(|text| !text.is_empty())
        .map(|text| {
            address(text).ok_or_else(|| item.fault(key, format!("`{text}` is not an IP address")))
        })
        .collect()
}

/// Old API servers accepted IPv4 addresses with leading zeros, which Go read as decimal.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| {
        let parts: Vec<String> = text
            .split('.')
            .map(|part| {
                let digits = part.trim_start_matches('0');
                if digits.is_empty() && !part.is_empty() {
                    "0".to_owned()
                } else {
                    digits.to_owned()
                }
            })
            .collect();
        parts.join(".").parse().ok()
    })
}

/// A switch; a missing one and `null` (unset, unlike in iproute2's output) are off.
fn truth(item: &Object<'_>, key: &str) -> Result<bool, Fault> {
    match item.get(key) {
        Some(raw) if raw.get() != "null" => item.flag(key),
        _ => Ok(false),
    }
}

/// A string that is not empty.
fn word(item: &Object<'_>, key: &str) -> Result<Option<String>, Fault> {
    Ok(item.text(key)?.filter(|text| !text.is_empty()))
}
