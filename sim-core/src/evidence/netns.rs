//! `netns.json`: which network namespace this is, and the ids by which it knows others.

use std::sync::Arc;

use super::json::{self, Fault, Object};
use crate::source::{Parsed, Source, SourceFile};

/// A network namespace's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Netns {
    /// Its name (`ip netns`), if any.
    pub name: Option<String>,
    /// Its inode: equal inodes on one machine are the same namespace.
    pub inode: Option<u64>,
    /// The namespaces that it has ids for.
    pub ids: Vec<NetnsId>,
    /// Where it was read.
    pub source: Source,
}

/// A namespace as another one knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetnsId {
    /// The id, as in a link's `link_netnsid`.
    pub nsid: i32,
    /// Its name, if any.
    pub name: Option<String>,
    /// Its inode, where the collector found it.
    pub inode: Option<u64>,
    /// Where it was read.
    pub source: Source,
}

/// Reads `netns.json`: an object with `name`, `inode` and `list_id`, the last as `ip -j netns list-id` prints it.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Option<Netns>> {
    json::whole(file, |item| {
        let ids = match item.objects("list_id")? {
            ids if ids.is_empty() => item.objects("ids")?,
            ids => ids,
        };
        Ok(Netns {
            name: item.text("name")?,
            inode: item.number("inode")?,
            ids: ids
                .iter()
                .filter(|id| !id.is_empty())
                .map(id)
                .collect::<Result<_, _>>()?,
            source: item.source(),
        })
    })
}

fn id(item: &Object<'_>) -> Result<NetnsId, Fault> {
    Ok(NetnsId {
        nsid: item.required("nsid", item.number("nsid")?)?,
        name: item.text("name")?,
        inode: item.number("inode")?,
        source: item.source(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file};

    #[test]
    fn a_namespace_knows_others_by_id() {
        let text = r#"{"name": "gt-n1", "inode": 4026532453, "list_id": [{"nsid": 0, "name": "gt-fab"}, {"nsid": 7, "inode": 4026532999}]}"#;
        let netns = clean(parse(&file("netns.json", text))).unwrap();
        assert_eq!(netns.inode, Some(4_026_532_453));
        assert_eq!(netns.ids[0].name.as_deref(), Some("gt-fab"));
        assert_eq!(
            (netns.ids[1].nsid, netns.ids[1].inode),
            (7, Some(4_026_532_999))
        );
        assert_eq!(netns.ids[1].source.to_string(), "netns.json /list_id/1");
    }

    #[test]
    fn an_array_instead_of_an_object_is_a_problem() {
        let parsed = parse(&file("netns.json", "[]"));
        assert_eq!(parsed.value, None);
        assert_eq!(parsed.problems.len(), 1);
    }
}
