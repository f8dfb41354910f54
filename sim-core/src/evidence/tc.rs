//! `tc.json`: queueing disciplines and filters, as `tc -j qdisc` and `tc -j filter` print them.
//!
//! Filters are printed per device and direction, without naming either, so the file is
//! `{"qdiscs": <tc -j qdisc>, "filters": [{"dev": "eth0", "direction": "ingress", "filters": <tc -j filter show dev eth0 ingress>}]}`.
//! The plain output of `tc -j qdisc` is read, too; then the filters are unknown, and the problem says so where there may be some.

use std::sync::Arc;

use super::json::{self, Fault, Object};
use crate::source::{Parsed, Problem, Source, SourceFile};

/// Traffic control of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tc {
    /// Queueing disciplines.
    pub qdiscs: Vec<Qdisc>,
    /// Filters.
    pub filters: Vec<Filter>,
}

impl Tc {
    /// The filters that see packets entering (`ingress`) or leaving `device`.
    pub fn filters_of<'a>(
        &'a self,
        device: &'a str,
        direction: Direction,
    ) -> impl Iterator<Item = &'a Filter> {
        self.filters
            .iter()
            .filter(move |filter| filter.device == device && filter.direction == Some(direction))
    }
}

/// Which way the packets go that a filter sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Received by the device.
    Ingress,
    /// Sent by the device.
    Egress,
}

/// A queueing discipline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qdisc {
    /// The device.
    pub device: String,
    /// Its kind: `noqueue`, `fq_codel`, `clsact`, `ingress`, `netem` …
    pub kind: String,
    /// Its handle.
    pub handle: Option<String>,
    /// Its parent; `None` for a root.
    pub parent: Option<String>,
    /// netem: the share of packets that it loses on purpose, as printed (0.0-1.0).
    pub loss: Option<String>,
    /// Packets that it dropped, where statistics were asked for.
    pub drops: Option<u64>,
    /// Where it was read.
    pub source: Source,
}

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The device.
    pub device: String,
    /// Which packets it sees; `None` for a filter on a classful discipline's class (it may delay or drop on sending).
    pub direction: Option<Direction>,
    /// Its kind: `bpf`, `flower`, `u32`, `matchall` …
    pub kind: String,
    /// The protocol: `all`, `ip` …
    pub protocol: Option<String>,
    /// Its preference.
    pub pref: Option<u32>,
    /// Kinds and verdicts of its actions, e.g. `mirred redirect`, `gact drop`, and a bpf program's name.
    pub actions: Vec<String>,
    /// Where it was read.
    pub source: Source,
}

/// Reads `tc.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Tc> {
    let mut tc = Tc::default();
    let mut problems = Vec::new();
    if file.text.trim_start().starts_with('[') {
        let parsed = json::items(file, qdisc);
        tc.qdiscs = parsed.value;
        problems = parsed.problems;
        for qdisc in tc.qdiscs.iter().filter(|qdisc| qdisc.takes_filters()) {
            problems.push(Problem {
                file: file.name.clone(),
                position: Some(qdisc.source.position().clone()),
                message: format!("the filters of `{}` were not captured", qdisc.device),
            });
        }
    } else {
        let mut note = |fault: Fault| problems.push(fault.problem(file));
        let parsed = json::whole(file, |item| {
            for object in item.objects("qdiscs")? {
                match qdisc(&object) {
                    Ok(qdisc) => tc.qdiscs.push(qdisc),
                    Err(fault) => note(fault),
                }
            }
            for group in item.objects("filters")? {
                if let Err(fault) = filters(&group, &mut tc.filters, &mut note) {
                    note(fault);
                }
            }
            Ok(())
        });
        problems.extend(parsed.problems);
    }
    Parsed {
        value: tc,
        problems,
    }
}

impl Qdisc {
    /// Whether packets of its device may meet filters on receiving or sending.
    fn takes_filters(&self) -> bool {
        matches!(self.kind.as_str(), "clsact" | "ingress")
    }
}

fn qdisc(item: &Object<'_>) -> Result<Qdisc, Fault> {
    let options = item.object("options")?;
    let loss = match &options {
        Some(options) => match options.object("loss-random")? {
            Some(random) => random.get("loss").map(|raw| raw.get().to_owned()),
            None => None,
        },
        None => None,
    };
    Ok(Qdisc {
        device: item.required("dev", item.text("dev")?)?,
        kind: item.required("kind", item.text("kind")?)?,
        handle: item.text("handle")?,
        parent: item.text("parent")?,
        loss,
        drops: item.number("drops")?,
        source: item.source(),
    })
}

fn filters(
    group: &Object<'_>,
    all: &mut Vec<Filter>,
    note: &mut impl FnMut(Fault),
) -> Result<(), Fault> {
    let device = group.required("dev", group.text("dev")?)?;
    let direction = match group.text("direction")?.as_deref() {
        Some("ingress") => Some(Direction::Ingress),
        Some("egress") => Some(Direction::Egress),
        None | Some("root") => None,
        Some(other) => return Err(group.fault("direction", format!("`{other}` is no direction"))),
    };
    for item in group.objects("filters")? {
        match filter(&item, &device, direction) {
            Ok(Some(filter)) => all.push(filter),
            Ok(None) => {}
            Err(fault) => note(fault),
        }
    }
    Ok(())
}

/// tc prints a filter's header on its own, and u32's hash tables like filters; only what has a match or action counts.
fn filter(
    item: &Object<'_>,
    device: &str,
    direction: Option<Direction>,
) -> Result<Option<Filter>, Fault> {
    let Some(options) = item.object("options")? else {
        return Ok(None);
    };
    if options.has("ht_divisor") {
        return Ok(None);
    }
    let mut actions = Vec::new();
    actions.extend(options.text("bpf_name")?);
    for action in options.objects("actions")? {
        actions.push(action_words(&action)?);
    }
    Ok(Some(Filter {
        device: device.to_owned(),
        direction,
        kind: item.required("kind", item.text("kind")?)?,
        protocol: item.name("protocol")?,
        pref: item.number("pref")?,
        actions,
        source: item.source(),
    }))
}

/// E.g. `gact drop`, `mirred redirect egress eth1`.
fn action_words(action: &Object<'_>) -> Result<String, Fault> {
    let mut words = vec![action.text("kind")?.unwrap_or_default()];
    if let Some(control) = action.object("control_action")? {
        words.extend(control.text("type")?);
    }
    for key in ["mirred_action", "direction", "to_dev"] {
        words.extend(action.text(key)?);
    }
    Ok(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file, problems};

    const REAL: &str = r#"{"qdiscs":[{"kind":"noqueue","handle":"0:","dev":"lo","root":true,"refcnt":2,"options":{}},
        {"kind":"clsact","handle":"ffff:","dev":"va","parent":"ffff:fff1","options":{}},
        {"kind":"netem","handle":"8001:","dev":"vb","root":true,"options":{"limit":1000,"loss-random":{"loss":0.1,"correlation":0},"ecn":false},"drops":7}],
      "filters":[{"dev":"va","direction":"ingress","filters":[
          {"protocol":"all","pref":49152,"kind":"matchall","chain":0},
          {"protocol":"all","pref":49152,"kind":"matchall","chain":0,"options":{"handle":1,"actions":[{"order":1,"kind":"gact","control_action":{"type":"drop"}}]}}]},
        {"dev":"va","direction":"egress","filters":[
          {"protocol":"all","pref":1,"kind":"bpf","chain":0,"options":{"handle":"0x1","bpf_name":"cil_to_netdev","direct-action":true,"prog":{"id":5}}},
          {"protocol":"ip","pref":2,"kind":"flower","options":{"actions":[{"kind":"mirred","mirred_action":"redirect","direction":"egress","to_dev":"vb"}]}}]},
        {"dev":"vb","filters":[{"parent":"1:","protocol":"all","pref":49152,"kind":"u32","options":{"fh":"800:","ht_divisor":1}}]}]}"#;

    #[test]
    fn filters_have_device_direction_and_actions() {
        let file = file("tc.json", REAL);
        let tc = clean(parse(&file));
        assert_eq!(tc.qdiscs.len(), 3);
        assert_eq!(tc.qdiscs[2].loss.as_deref(), Some("0.1"));
        assert_eq!(tc.qdiscs[2].drops, Some(7));
        let ingress: Vec<&Filter> = tc.filters_of("va", Direction::Ingress).collect();
        assert_eq!(ingress.len(), 1);
        assert_eq!(ingress[0].actions, ["gact drop"]);
        assert_eq!(
            ingress[0].source.to_string(),
            "tc.json /filters/0/filters/1"
        );
        let egress: Vec<&str> = tc
            .filters_of("va", Direction::Egress)
            .flat_map(|filter| filter.actions.iter().map(String::as_str))
            .collect();
        assert_eq!(egress, ["cil_to_netdev", "mirred redirect egress vb"]);
        assert_eq!(tc.filters.len(), 3);
    }

    #[test]
    fn plain_qdiscs_say_that_filters_are_unknown() {
        let text = r#"[{"kind":"noqueue","dev":"lo"},{"kind":"clsact","dev":"va"}]"#;
        let parsed = parse(&file("tc.json", text));
        assert_eq!(parsed.value.qdiscs.len(), 2);
        assert_eq!(
            problems(&parsed),
            ["tc.json /1: the filters of `va` were not captured"]
        );
    }
}
