//! Who sends, for what has to be known of it beside its packets.

use super::resolve::{Name, Unresolved, label, netns_of, object, owner, parse, wrong};
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::world::World;

/// A program's place: the captured namespace that it runs in, and the pod that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sender {
    /// The namespace's path in the capture.
    pub(crate) path: String,
    /// `pod:ns/name`, `node:name` …
    pub(crate) object: String,
    /// A pod's record.
    pub(crate) pod: Option<IndexRecord>,
}

/// The sender that a question names.
pub(crate) fn sender(world: &mut World<'_>, from: &str) -> Result<Sender, Unresolved> {
    let nowhere = |what: &str| {
        wrong(
            "from",
            format!(
                "what `{what}` does with a name is not in this capture: ask from a captured pod or node, or for an address"
            ),
        )
    };
    match parse("from", from)? {
        Name::Object(ObjectKind::Service, ..) => nowhere(from),
        Name::Object(kind, namespace, name) => {
            let record = object(world, "from", kind, &namespace, &name)?;
            let object = label(kind, &namespace, &name);
            match netns_of(world, &record)? {
                Some(path) => Ok(Sender {
                    path,
                    object,
                    pod: (kind == ObjectKind::Pod).then_some(record),
                }),
                None => wrong(
                    "from",
                    format!(
                        "the network namespace of `{object}` was not captured: collect it on its node"
                    ),
                ),
            }
        }
        Name::Address(address) => {
            let (object, path) = owner(world, address)?;
            let records = world.by_address(address)?;
            let is_pod = |record: &&IndexRecord| {
                matches!(
                    record,
                    IndexRecord::Object {
                        object: ObjectKind::Pod,
                        host_network: false,
                        ..
                    }
                )
            };
            match path {
                Some(path) => Ok(Sender {
                    path,
                    object,
                    pod: records.iter().find(is_pod).cloned(),
                }),
                None => nowhere(from),
            }
        }
    }
}
