//! `ip-nexthop.json`: nexthop objects, as `ip -j nexthop` prints them.

use std::sync::Arc;

use super::json::{self, Fault, Object};
use super::route::{self, NextHop, Scope};
use crate::source::{Parsed, Source, SourceFile};

/// A nexthop object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NexthopObject {
    /// Its id, by which routes name it.
    pub id: u32,
    /// What it is.
    pub kind: NexthopKind,
    /// Its scope.
    pub scope: Scope,
    /// Who made it.
    pub protocol: Option<String>,
    /// For VXLAN fdb entries only.
    pub fdb: bool,
    /// Flags as printed.
    pub flags: Vec<String>,
    /// Where it was read.
    pub source: Source,
}

/// What a nexthop object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NexthopKind {
    /// One way.
    Single(NextHop),
    /// Packets are dropped silently.
    Blackhole,
    /// One of several, by weight.
    Group {
        /// Object ids and weights.
        members: Vec<(u32, u32)>,
        /// `mpath` or `resilient`.
        kind: String,
    },
}

/// Reads `ip-nexthop.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<NexthopObject>> {
    json::items(file, nexthop)
}

fn nexthop(item: &Object<'_>) -> Result<NexthopObject, Fault> {
    let flags = item.strings("flags")?;
    let members = item.objects("group")?;
    let kind = if item.flag("blackhole")? {
        NexthopKind::Blackhole
    } else if members.is_empty() {
        NexthopKind::Single(route::next_hop(item, &flags)?)
    } else {
        NexthopKind::Group {
            members: members.iter().map(member).collect::<Result<_, _>>()?,
            kind: item.text("type")?.unwrap_or_else(|| "mpath".to_owned()),
        }
    };
    Ok(NexthopObject {
        id: item.required("id", item.number("id")?)?,
        kind,
        scope: Scope::of(item, Scope::GLOBAL)?,
        protocol: item.name("protocol")?,
        fdb: item.flag("fdb")?,
        flags,
        source: item.source(),
    })
}

fn member(item: &Object<'_>) -> Result<(u32, u32), Fault> {
    let id = item.required("id", item.number("id")?)?;
    Ok((id, item.number("weight")?.unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file};

    #[test]
    fn objects_groups_and_blackholes_of_iproute2_6_1() {
        let file = file(
            "ip-nexthop.json",
            r#"[{"id":2,"gateway":"10.0.0.3","dev":"va","scope":"link","flags":["onlink"]},
                {"id":3,"blackhole":null,"flags":[]},
                {"id":10,"group":[{"id":1,"weight":2},{"id":2}],"flags":[]},
                {"id":11,"group":[{"id":1}],"type":"resilient","resilient_args":{"buckets":32},"flags":[]},
                {"id":12,"gateway":"10.0.0.8","scope":"link","flags":[],"fdb":null}]"#,
        );
        let all = clean(parse(&file));
        let NexthopKind::Single(hop) = &all[0].kind else {
            panic!("not single")
        };
        assert!(hop.onlink);
        assert_eq!(hop.device.as_deref(), Some("va"));
        assert_eq!(all[1].kind, NexthopKind::Blackhole);
        let group = |kind: &str, members: &[(u32, u32)]| NexthopKind::Group {
            members: members.to_vec(),
            kind: kind.to_owned(),
        };
        assert_eq!(all[2].kind, group("mpath", &[(1, 2), (2, 1)]));
        assert_eq!(all[3].kind, group("resilient", &[(1, 1)]));
        assert!(all[4].fdb);
        assert_eq!(all[4].source.to_string(), "ip-nexthop.json /4");
    }
}
