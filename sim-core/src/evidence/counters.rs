//! `nstat.json`, `softnet_stat.txt`, `conntrack-count.txt`: counters that speak of drops.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::json;
use super::text;
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

/// Reads `nstat.json`: `{"kernel":{"IpInReceives":1,…}}`, or the counters without `kernel`.
#[must_use]
pub fn parse_nstat(file: &Arc<SourceFile>) -> Parsed<Nstat> {
    let mut problems = Vec::new();
    let parsed = json::whole(file, |item| {
        let kernel = item.object("kernel")?;
        let mut nstat = Nstat::default();
        let counters = kernel.as_ref().unwrap_or(item);
        for (name, raw, pointer) in counters.entries() {
            match counters.number(name) {
                Ok(Some(count)) => {
                    let source = json::source(file, &pointer, raw);
                    nstat.counters.insert(name.to_owned(), (count, source));
                }
                Ok(None) => {}
                Err(fault) => problems.push(fault.problem(file)),
            }
        }
        Ok(nstat)
    });
    problems.extend(parsed.problems);
    Parsed {
        value: parsed.value.unwrap_or_default(),
        problems,
    }
}

/// Reads `softnet_stat.txt`: hexadecimal columns, one line for each processor (`softnet_seq_show`).
#[must_use]
pub fn parse_softnet(file: &Arc<SourceFile>) -> Parsed<Vec<SoftnetCpu>> {
    let mut parsed = Parsed::<Vec<SoftnetCpu>>::default();
    for (number, line) in (0_u32..).zip(text::lines(file)) {
        let columns: Option<Vec<u32>> = line
            .text
            .split_whitespace()
            .map(|column| u32::from_str_radix(column, 16).ok())
            .collect();
        match columns.as_deref() {
            Some([processed, dropped, time_squeeze, rest @ ..]) => parsed.value.push(SoftnetCpu {
                // The 13th column, since Linux 5.10: offline processors have no line.
                cpu: rest.get(9).copied().unwrap_or(number),
                processed: *processed,
                dropped: *dropped,
                time_squeeze: *time_squeeze,
                source: line.source(),
            }),
            _ => parsed
                .problems
                .push(line.problem("expected at least three hexadecimal columns")),
        }
    }
    parsed
}

/// Reads `conntrack-count.txt`: a number, as `conntrack -C` or `nf_conntrack_count` give it.
#[must_use]
pub fn parse_conntrack_count(file: &Arc<SourceFile>) -> Parsed<Option<ConntrackCount>> {
    let mut parsed = Parsed::<Option<ConntrackCount>>::default();
    for line in text::lines(file) {
        // `sysctl net.netfilter.nf_conntrack_count` prints the key, too.
        let value = line.text.rsplit('=').next().unwrap_or(line.text).trim();
        match value.parse() {
            Ok(count) if parsed.value.is_none() => {
                parsed.value = Some(ConntrackCount {
                    count,
                    source: line.source(),
                });
            }
            _ => parsed
                .problems
                .push(line.problem(format!("`{value}` is not the one number that is expected"))),
        }
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file, problems};

    #[test]
    fn nstat_counters_keep_their_place() {
        let file = file(
            "nstat.json",
            r#"{"kernel":{"IpInReceives":12,"TcpExtListenDrops":3}}"#,
        );
        let nstat = clean(parse_nstat(&file));
        let (count, source) = &nstat.counters["TcpExtListenDrops"];
        assert_eq!(*count, 3);
        assert_eq!(source.to_string(), "nstat.json /kernel/TcpExtListenDrops");
    }

    #[test]
    fn a_counter_that_is_no_number_is_a_problem_and_the_rest_load() {
        let parsed = parse_nstat(&file("nstat.json", r#"{"kernel":{"A":"x","B":3}}"#));
        assert_eq!(parsed.value.counters.len(), 1);
        assert_eq!(
            problems(&parsed),
            [r#"nstat.json /kernel/A: `"x"` is not an integer"#]
        );
    }

    #[test]
    fn softnet_columns_are_hexadecimal_and_may_name_the_processor() {
        let text = "0000001f 00000002 00000001 0 0 0 0 0 0 0 0 00000000 00000003 0 0\n0000000a 0 0\nzz 0 0\n";
        let parsed = parse_softnet(&file("softnet_stat.txt", text));
        assert_eq!(
            (
                parsed.value[0].processed,
                parsed.value[0].dropped,
                parsed.value[0].cpu
            ),
            (31, 2, 3)
        );
        assert_eq!(parsed.value[1].cpu, 1);
        assert_eq!(
            problems(&parsed),
            ["softnet_stat.txt:3: expected at least three hexadecimal columns"]
        );
    }

    #[test]
    fn the_number_of_tracked_connections_in_both_spellings() {
        for text in ["42\n", "net.netfilter.nf_conntrack_count = 42\n"] {
            let count = clean(parse_conntrack_count(&file("conntrack-count.txt", text)));
            assert_eq!(count.unwrap().count, 42);
        }
        assert_eq!(
            parse_conntrack_count(&file("conntrack-count.txt", "-1"))
                .problems
                .len(),
            1
        );
    }
}
