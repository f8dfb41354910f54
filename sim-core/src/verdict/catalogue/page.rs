//! `docs/findings.md`.

use std::fmt::Write as _;

use super::coverage::{ACK, Answer, GUIDES, KUBESKOOP};
use super::{Entry, all};
use crate::verdict::{Lang, Severity};

const HEAD: &str = "\
# Findings

Everything that a verdict can find, by code. 每个诊断结果代码的含义、确认方法和常见修复。

Written by `cargo xtask findings` from `sim-core/src/verdict/catalogue/`; `pathglass diagnose --explain CODE` prints one entry.

The first finding of a verdict is the root cause; its `object` is what a person has to change. A command that is not `kubectl`'s is run
where the finding shows: on the node, or in the pod's network namespace (`nsenter --net --target <pid>`, `kubectl debug -it <pod> --image=…`).
The verdict fills in what stands in angle brackets.
";

/// The whole catalogue as a page of Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut family = "";
    for entry in all() {
        let own = entry.code.split('.').next().unwrap_or_default();
        if own != family {
            family = own;
            let _ = writeln!(page, "\n## {family}");
        }
        let _ = writeln!(page, "\n{}", entry.markdown());
    }
    page.push_str("\n## Other tools' causes\n\nWhat others name, and the codes that say it here; a dash where nothing does yet.\n");
    for (title, answers) in [
        ("ACK's diagnosis", ACK),
        ("KubeSkoop", KUBESKOOP),
        ("Troubleshooting guides", GUIDES),
    ] {
        let _ = writeln!(page, "\n| {title} | Findings |\n| --- | --- |");
        for Answer { asked, codes } in answers {
            let codes: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
            let codes = if codes.is_empty() {
                "–".to_owned()
            } else {
                codes.join(", ")
            };
            let _ = writeln!(page, "| {asked} | {codes} |");
        }
    }
    page
}

impl Entry {
    /// The entry as Markdown, without a blank line at its end.
    #[must_use]
    pub fn markdown(&self) -> String {
        let Self {
            code,
            severity,
            meaning,
            confirm: _,
            fix,
            skb_drop_reason,
        } = self;
        let severity = match severity {
            Severity::Cause => "cause",
            Severity::Contributing => "contributing",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        let mut text = format!(
            "### {code}\n\n{}.  \n{}。\n\n- Severity: {severity}",
            capitalised(meaning.en),
            meaning.zh
        );
        if let Some(reason) = skb_drop_reason {
            let _ = write!(text, "; the kernel calls it `{reason}`");
        }
        let _ = write!(
            text,
            "\n- Confirm: {}\n- Fix: {}.  \n  修复：{}。",
            self.commands()
                .map(|command| format!("`{command}`"))
                .collect::<Vec<_>>()
                .join(", "),
            fix.en,
            fix.zh
        );
        text
    }

    /// The entry as Markdown in one language.
    #[must_use]
    pub fn markdown_in(&self, lang: Lang) -> String {
        let commands: Vec<String> = self
            .commands()
            .map(|command| format!("`{command}`"))
            .collect();
        let (meaning, fix) = (self.meaning.get(lang), self.fix.get(lang));
        let drop = self.skb_drop_reason;
        match lang {
            Lang::En => {
                let drop = drop.map_or_else(String::new, |drop| {
                    format!("\n- The kernel calls it `{drop}`")
                });
                format!(
                    "### {}\n\n{}.\n{drop}\n- Confirm: {}\n- Fix: {fix}.",
                    self.code,
                    capitalised(meaning),
                    commands.join(", ")
                )
            }
            Lang::Zh => {
                let drop =
                    drop.map_or_else(String::new, |drop| format!("\n- 内核中的名称：`{drop}`"));
                format!(
                    "### {}\n\n{meaning}。\n{drop}\n- 确认：{}\n- 修复：{fix}。",
                    self.code,
                    commands.join("，")
                )
            }
        }
    }

    /// The commands that confirm it, with names in angle brackets for what the flow gives.
    pub fn commands(&self) -> impl Iterator<Item = String> {
        self.confirm.split("; ").map(|command| {
            super::PLACEHOLDERS
                .iter()
                .fold(command.to_owned(), |text, name| {
                    text.replace(&format!("{{{name}}}"), &format!("<{name}>"))
                })
        })
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}
