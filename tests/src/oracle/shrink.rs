//! A disagreement cut down: ops and flows are left out as long as kernel and simulator still disagree in the same way.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use super::measure::{Measured, MeasuredFlow, measure};
use super::spec::{Op, Place, Spec};
use super::{Problem, build, netns, probe};

/// The way in which kernel and simulator disagree: what must stay while a world shrinks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kind {
    kernel: Vec<String>,
    simulator: String,
}

impl Kind {
    fn of(flow: &MeasuredFlow) -> Option<Self> {
        flow.disagreement.as_ref()?;
        let outcomes = flow.observed.outcomes.keys();
        let first_word = flow.said.split([';', ' ']).next().unwrap_or_default();
        Some(Self {
            kernel: outcomes.map(|outcome| format!("{outcome:?}")).collect(),
            simulator: first_word.to_owned(),
        })
    }
}

/// The smallest world found that disagrees as the flow `id` of `measured` does.
///
/// # Errors
/// When the machine cannot, or the disagreement does not show again.
pub fn shrink(measured: &Measured, id: &str) -> Result<Measured, Problem> {
    let flow = measured.flows.iter().find(|flow| flow.flow.id == id);
    let kind = flow
        .and_then(Kind::of)
        .ok_or_else(|| Problem(format!("{id} does not disagree")))?;
    let mut spec = measured.spec.clone();
    spec.flows.retain(|flow| flow.id == id);
    let mut best = attempt(spec, &kind)?
        .ok_or_else(|| Problem(format!("{id} does not disagree when it is asked alone")))?;
    let from = best.spec.flows.first().map(|flow| flow.from.clone());
    for place in best.spec.places() {
        if Some(&place) == from.as_ref() {
            continue;
        }
        if let Some(smaller) = attempt(without_place(&best.spec, &place), &kind)? {
            best = smaller;
        }
    }
    let mut size = best.spec.ops.len().div_ceil(2);
    while size > 0 {
        let mut start = 0;
        while start < best.spec.ops.len() {
            let mut spec = best.spec.clone();
            let end = (start + size).min(spec.ops.len());
            spec.ops.drain(start..end);
            match attempt(spec, &kind)? {
                Some(smaller) => best = smaller,
                None => start = end,
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    Ok(best)
}

fn without_place(spec: &Spec, place: &Place) -> Spec {
    let mut spec = spec.clone();
    let mark = format!("{{{place}}}");
    let names = |op: &Op| match &op.deed {
        super::spec::Deed::Run { text, .. } => text.contains(&mark),
        super::spec::Deed::Listen(_) => false,
    };
    spec.ops.retain(|op| op.at != *place && !names(op));
    spec.pods
        .retain(|pod| !place.ends_with(&format!("_{}", pod.name)));
    spec.nodes
        .retain(|node| *place != format!("nodes/{}/host", node.name));
    spec
}

/// The world measured, if it still disagrees in the same way.
fn attempt(spec: Spec, kind: &Kind) -> Result<Option<Measured>, Problem> {
    let places: BTreeSet<Place> = spec.places().into_iter().collect();
    if !spec.flows.iter().all(|flow| places.contains(&flow.from)) {
        return Ok(None);
    }
    let measured = measure(spec)?;
    let same = measured
        .flows
        .iter()
        .filter_map(Kind::of)
        .any(|own| own == *kind);
    Ok(same.then_some(measured))
}

/// The kernel's own trace of a world's flows: what `nft monitor trace` prints in each namespace.
///
/// # Errors
/// When the machine cannot.
pub fn trace(spec: &Spec) -> Result<String, Problem> {
    const MARK: &str = "table inet pgo-trace {
  chain in { type filter hook prerouting priority -350; meta l4proto { tcp, udp } meta nftrace set 1; }
  chain out { type filter hook output priority -350; meta l4proto { tcp, udp } meta nftrace set 1; }
}";
    let mut spec = spec.clone();
    for flow in &mut spec.flows {
        flow.attempts = 1;
    }
    let built = build::build(&spec)?;
    let servers = probe::serve(&spec, &built.namespaces)?;
    let mut monitors = Vec::new();
    for (place, name) in built.namespaces.all() {
        let monitor = netns::within(name, || {
            build::feed("nft", &["-f", "-"], MARK)?;
            Command::new("nft")
                .args(["monitor", "trace"])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .map_err(|error| Problem::of("nft monitor", &error))
        })??;
        monitors.push((place.clone(), monitor));
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    let observed = probe::probe(&spec, &built.namespaces, &servers);
    let mut text = String::new();
    for (place, mut monitor) in monitors {
        let _ = monitor.kill();
        let output = monitor
            .wait_with_output()
            .map_err(|error| Problem::of("nft monitor", &error))?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let lines = printed.lines().filter(|line| !line.contains("pgo-trace"));
        text += &format!("== {place}\n");
        for line in lines {
            text += line;
            text.push('\n');
        }
    }
    observed.map(|_| text)
}
