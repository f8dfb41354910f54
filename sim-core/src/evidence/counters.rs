//! `nstat.json`, `softnet_stat.txt`, `conntrack-count.txt`: counters that speak of drops.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::source::{Parsed, Source, SourceFile};

/// The kernel's protocol counters (`nstat -a -j`, or `-z`), e.g. `IpInAddrErrors`, `TcpExtListenDrops`.
#[derive(Debug, Clone, Default)]
pub struct Nstat {
    /// Counters by name.
    pub counters: BTreeMap<String, (u64, Source)>,
}

/// One processor's line of `/proc/net/softnet_stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftnetCpu {
    /// The processor, where the kernel prints it; else the line's number from 0.
    pub cpu: u32,
    /// Packets taken.
    pub processed: u32,
    /// Packets dropped because the backlog was full.
    pub dropped: u32,
    /// Times that the budget ran out.
    pub time_squeeze: u32,
    /// Where it was read.
    pub source: Source,
}

/// How many connections are tracked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConntrackCount {
    /// Entries in the table.
    pub count: u64,
    /// Where it was read.
    pub source: Source,
}

/// Reads `nstat.json`.
#[must_use]
pub fn parse_nstat(file: &Arc<SourceFile>) -> Parsed<Nstat> {
    let _ = file;
    Parsed::default()
}

/// Reads `softnet_stat.txt`.
#[must_use]
pub fn parse_softnet(file: &Arc<SourceFile>) -> Parsed<Vec<SoftnetCpu>> {
    let _ = file;
    Parsed::default()
}

/// Reads `conntrack-count.txt`.
#[must_use]
pub fn parse_conntrack_count(file: &Arc<SourceFile>) -> Parsed<Option<ConntrackCount>> {
    let _ = file;
    Parsed::default()
}
