//! The path: one line per hop, the place where it ends marked.

use pathglass_sim::verdict::{Branch, FiveTuple, Hop, Lang, Outcome, StepStatus};

use super::name::{object, tuple};
use super::page::{BAD, BOLD, DIM, PLAIN, Page, Span, UNSURE};
use super::words::say;
use super::wrap::width;

/// Names up to here stand in a column beside what happens; longer ones get a line of their own.
const MAX_NAME: usize = 22;

pub(crate) fn write_path(page: &mut Page, branch: &Branch) {
    page.section("Path");
    write_hops(page, &branch.hops);
    let reply = &branch.reply.hops;
    if reply.is_empty() {
        return;
    }
    page.section("Reply");
    if branch.outcome == Outcome::Connected {
        let names: Vec<String> = reply.iter().map(|hop| object(&hop.object)).collect();
        page.line(2, &[Span::plain(&names.join(" → "))]);
    } else {
        write_hops(page, reply);
    }
}

fn write_hops(page: &mut Page, hops: &[Hop]) {
    let names: Vec<String> = hops.iter().map(|hop| object(&hop.object)).collect();
    let column = names
        .iter()
        .map(|name| width(name))
        .filter(|width| *width <= MAX_NAME)
        .max();
    let column = column.unwrap_or(0);
    let number_width = hops.len().to_string().len();
    let mut behind = false;
    for (index, (hop, name)) in hops.iter().zip(&names).enumerate() {
        if hop.as_if_passed && !behind {
            let words = say(
                page.lang,
                "behind it, as if the packet had passed:",
                "此后，假设报文已通过：",
            );
            page.line(0, &[Span(DIM, words)]);
            behind = true;
        }
        let number = format!("{:>number_width$}  ", index + 1);
        let previous = index.checked_sub(1).and_then(|index| hops.get(index));
        let story = story(hop, previous, page.lang);
        let spans: Vec<Span<'_>> = story
            .iter()
            .map(|(style, text)| Span(*style, text))
            .collect();
        if width(name) <= MAX_NAME {
            let padding = " ".repeat(column.saturating_sub(width(name)));
            page.row(&format!("{number}{name}{padding}  "), 0, &spans);
        } else {
            page.row(&number, 2, &[Span(PLAIN, name)]);
            if !spans.is_empty() {
                page.row(&" ".repeat(number.len() + 2), 0, &spans);
            }
        }
    }
}

/// What happens at a hop: the addresses where they are new, the devices, the steps.
fn story(hop: &Hop, previous: Option<&Hop>, lang: Lang) -> Vec<(anstyle::Style, String)> {
    // The kernel chooses the source on the way: before that it is all zeros.
    let mut asked = FiveTuple::clone(&hop.before);
    if matches!(asked.src.as_str(), "" | "0.0.0.0" | "::") {
        asked.src.clone_from(&hop.after.src);
    }
    let base = if hop.as_if_passed { DIM } else { PLAIN };
    let mut parts: Vec<(anstyle::Style, String)> = Vec::new();
    if previous.is_none() {
        parts.push((BOLD, tuple(&asked)));
    }
    let devices = match (&hop.device_in, &hop.device_out) {
        (Some(device_in), Some(device_out)) => Some(format!("{device_in} → {device_out}")),
        (Some(device_in), None) => Some(format!("{} {device_in}", say(lang, "in by", "进入"))),
        (None, Some(device_out)) => Some(format!("{} {device_out}", say(lang, "out by", "离开"))),
        (None, None) => None,
    };
    parts.extend(devices.map(|devices| (base, devices)));
    for step in &hop.steps {
        let (style, text) = match step.status {
            StepStatus::Normal => (base, step.text.clone()),
            StepStatus::Blocked => (BAD, format!("✗ {}", step.text)),
            StepStatus::Unknown => (UNSURE, format!("? {}", step.text)),
        };
        parts.push((style, text));
    }
    if (&asked.src, &asked.dst, &asked.dport) != (&hop.after.src, &hop.after.dst, &hop.after.dport)
    {
        parts.push((
            BOLD,
            format!("{} {}", say(lang, "now", "变为"), tuple(&hop.after)),
        ));
    }
    let last = parts.len().saturating_sub(1);
    for (_, text) in parts.iter_mut().take(last) {
        text.push_str("; ");
    }
    parts
}
