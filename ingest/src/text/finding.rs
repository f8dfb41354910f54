//! What was found: message, code, evidence, fix.

use pathglass_sim::verdict::{Evidence, Finding, Severity};

use super::page::{BAD, BOLD, DIM, PLAIN, Page, Span, UNSURE};
use super::words::say;
use super::wrap::shorten;

/// Evidence lines of the root cause, and of every other finding.
const MAX_EVIDENCE: (usize, usize) = (6, 2);
/// The columns of one piece of evidence: three lines.
const MAX_TEXT: usize = 190;

pub(crate) fn write(page: &mut Page, findings: &[Finding]) {
    for (index, finding) in findings.iter().enumerate() {
        let (label, style) = match finding.severity {
            Severity::Cause if index == 0 => ("Cause", BAD),
            Severity::Cause => ("Also", BAD),
            Severity::Contributing => ("Partly", UNSURE),
            Severity::Warning => ("Warning", UNSURE),
            Severity::Info => ("Note", PLAIN),
        };
        page.section(label);
        let lang = page.lang;
        let code = match &finding.under {
            Some(under) => format!(
                " [{}, {} {under}]",
                finding.code,
                say(lang, "follows from", "源于")
            ),
            None => format!(" [{}]", finding.code),
        };
        page.line(0, &[Span(style, &finding.message), Span(DIM, &code)]);
        let max = if index == 0 {
            MAX_EVIDENCE.0
        } else {
            MAX_EVIDENCE.1
        };
        for evidence in finding.evidence.iter().take(max) {
            write_evidence(page, evidence);
        }
        let more = finding.evidence.len().saturating_sub(max);
        if more > 0 {
            page.line(
                2,
                &[Span(
                    DIM,
                    &say(
                        lang,
                        format!("and {more} more pieces of evidence"),
                        format!("另有 {more} 条证据"),
                    ),
                )],
            );
        }
        if let Some(reason) = &finding.skb_drop_reason {
            page.line(
                2,
                &[Span(
                    DIM,
                    &format!(
                        "{} {reason}",
                        say(lang, "the kernel calls it", "内核中的名称：")
                    ),
                )],
            );
        }
        if !finding.nearest.is_empty() {
            page.section("Nearest");
            for miss in &finding.nearest {
                page.line(0, &[Span::plain(&miss.text)]);
                write_evidence(page, &miss.evidence);
            }
        }
        if index == 0 && !finding.confirm.is_empty() {
            page.section("Confirm");
            for command in &finding.confirm {
                page.line(0, &[Span::plain(command)]);
            }
        }
        if !finding.fix.is_empty() {
            page.section("Fix");
            page.line(0, &[Span(BOLD, &finding.fix)]);
        }
    }
}

fn write_evidence(page: &mut Page, evidence: &Evidence) {
    let place = match (evidence.line, &evidence.pointer) {
        (Some(line), _) => format!("{}:{line}", evidence.file),
        (None, Some(pointer)) => format!("{} {pointer}", evidence.file),
        (None, None) => evidence.file.clone(),
    };
    let text = evidence
        .text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if text.is_empty() {
        page.line(2, &[Span(DIM, &place)]);
    } else {
        page.line(
            2,
            &[
                Span(DIM, &format!("{place}: ")),
                Span::plain(&shorten(&text, MAX_TEXT)),
            ],
        );
    }
}
