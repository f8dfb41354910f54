//! What a run came to: worlds, flows, agreement, per feature.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::decisive::Decisive;
use super::measure::{Measured, describe};

/// A count of flows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Count {
    /// All.
    pub flows: usize,
    /// Those where kernel and simulator agree.
    pub agree: usize,
    /// Those that the simulator does not know.
    pub unknown: usize,
    /// Those whose answer changes when the feature's ops are left out.
    pub decisive: usize,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Worlds.
    pub worlds: usize,
    /// All flows.
    pub total: Count,
    /// Flows over IPv6.
    pub v6: usize,
    /// Flows of which no attempt connected.
    pub failed: usize,
    /// Flows in worlds with an op of the feature.
    pub features: BTreeMap<String, Count>,
    /// Flows that gave another result when they were tried again; they are not counted.
    pub unsteady: usize,
    /// Why flows are unknown, and how often.
    pub doubts: BTreeMap<String, usize>,
    /// Flows that some feature of the domain decides.
    pub domains: BTreeMap<String, usize>,
    /// Problems of the machine.
    pub problems: usize,
    /// Texts that tools refused, by tool and first words.
    pub refused: BTreeMap<String, usize>,
}

impl Count {
    /// Agreement in percent.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a percentage")]
    pub fn percent(self) -> f64 {
        100.0 * self.agree as f64 / (self.flows.max(1)) as f64
    }

    fn add(&mut self, agree: bool, unknown: bool) {
        self.flows += 1;
        self.agree += usize::from(agree);
        self.unknown += usize::from(unknown);
    }
}

impl Report {
    /// Counts a world.
    pub fn add(&mut self, measured: &Measured) {
        self.worlds += 1;
        let features = measured.spec.features();
        for flow in &measured.flows {
            if flow.is_unsteady {
                self.unsteady += 1;
                continue;
            }
            let agree = flow.disagreement.is_none();
            self.total.add(agree, flow.is_unknown);
            self.v6 += usize::from(flow.flow.is_v6());
            self.failed += usize::from(flow.failed());
            for feature in &features {
                let count = self.features.entry(feature.clone()).or_default();
                count.add(agree, flow.is_unknown);
            }
            for doubt in &flow.doubts {
                *self.doubts.entry(doubt.clone()).or_default() += 1;
            }
        }
        for refused in &measured.refused {
            let key = format!("{:?}: {}", refused.tool, refused.said);
            *self.refused.entry(key).or_default() += 1;
        }
        for unbound in &measured.unbound {
            *self
                .refused
                .entry(format!("Listen: {unbound}"))
                .or_default() += 1;
        }
    }

    /// Counts flows whose answer changed without the ops of a feature.
    pub fn add_decisive(&mut self, decisive: &Decisive) {
        let mut domains: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (feature, flows) in decisive {
            self.features.entry(feature.clone()).or_default().decisive += flows.len();
            let domain = feature.split('.').next().unwrap_or_default();
            domains
                .entry(domain)
                .or_default()
                .extend(flows.iter().map(String::as_str));
        }
        for (domain, flows) in domains {
            *self.domains.entry(domain.to_owned()).or_default() += flows.len();
        }
    }

    /// The report, for people.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "percentages")]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let share = |part: usize| 100.0 * part as f64 / self.total.flows.max(1) as f64;
        let _ = writeln!(
            text,
            "worlds {}   flows {}   IPv6 {:.1} %   not connecting {:.1} %",
            self.worlds,
            self.total.flows,
            share(self.v6),
            share(self.failed)
        );
        let _ = writeln!(
            text,
            "agreement {:.2} % ({} of {}), unknown {}; not counted, since not reproducible: {}",
            self.total.percent(),
            self.total.agree,
            self.total.flows,
            self.total.unknown,
            self.unsteady
        );
        let _ = writeln!(
            text,
            "\n{:<32} {:>7} {:>8} {:>8} {:>9}",
            "feature", "flows", "agree", "unknown", "decisive"
        );
        for (feature, count) in &self.features {
            let _ = writeln!(
                text,
                "{feature:<32} {:>7} {:>7.2}% {:>8} {:>9}",
                count.flows,
                count.percent(),
                count.unknown,
                count.decisive
            );
        }
        let _ = writeln!(text);
        for (domain, count) in &self.domains {
            let _ = writeln!(text, "{domain:<32} decisive in {count} flows");
        }
        for (title, lines) in [
            ("unknown because", &self.doubts),
            ("refused", &self.refused),
        ] {
            let mut lines: Vec<(&String, &usize)> = lines.iter().collect();
            lines.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            if !lines.is_empty() {
                let _ = writeln!(text, "\n{title}:");
            }
            for (line, count) in lines.iter().take(25) {
                let _ = writeln!(text, "{count:>6}  {line}");
            }
        }
        if self.problems > 0 {
            let _ = writeln!(text, "\n{} worlds could not be measured", self.problems);
        }
        text
    }
}

/// A run's figures as a page of the documentation; `command` is what made them.
#[must_use]
pub fn page(report: &Report, command: &str) -> String {
    format!(
        "# Agreement with the kernel\n\n\
         Random worlds in network namespaces, real TCP and UDP through them, and the simulator's answers on their captures,\n\
         judged by `pathglass assert`'s rules. `unknown` counts as disagreement. A flow is counted under every feature that its\n\
         world has; *decisive* counts flows whose answer changes when the feature is left out (no longer counted above 200).\n\
         Written by `{command}`.\n\n```\n{}```\n",
        report.text()
    )
}

/// A world's disagreements, for people.
#[must_use]
pub fn mismatches(measured: &Measured) -> String {
    let mut text = String::new();
    for flow in &measured.flows {
        let Some(why) = &flow.disagreement else {
            continue;
        };
        let observed = &flow.observed;
        let _ = writeln!(
            text,
            "world {} ({}) {} {}{}\n    kernel    {:?} {:?} {:?} retransmitted {}\n    simulator {}\n    why       {why}",
            measured.spec.seed,
            measured.spec.shape,
            flow.flow.id,
            describe(&flow.flow),
            if flow.is_unsteady {
                ", not reproducible"
            } else {
                ""
            },
            observed.outcomes,
            observed.backends,
            observed.clients,
            observed.retransmitted,
            flow.said
        );
        for doubt in &flow.doubts {
            let _ = writeln!(text, "    doubt     {doubt}");
        }
    }
    text
}
