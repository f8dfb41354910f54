//! Sections of wrapped, styled lines: a label on the left, the text aligned beside it.

use anstyle::{AnsiColor, Style};
use pathglass_sim::verdict::Lang;

use super::words;
use super::wrap::{clean, split_at_width, width};

pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const UNSURE: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const PLAIN: Style = Style::new();

const COLUMNS: usize = 80;
/// The label's columns, with the gap behind it.
const GUTTER: usize = 9;

/// A stretch of text in one style.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<'a>(pub(crate) Style, pub(crate) &'a str);

impl<'a> Span<'a> {
    pub(crate) fn plain(text: &'a str) -> Self {
        Self(PLAIN, text)
    }
}

/// A text in the making.
#[derive(Debug, Default)]
pub(crate) struct Page {
    text: String,
    label: &'static str,
    pub(crate) lang: Lang,
}

/// A word: pieces that must not be parted, each in its style.
type Word = Vec<(Style, String)>;

impl Page {
    pub(crate) fn new(lang: Lang) -> Self {
        Self {
            lang,
            ..Self::default()
        }
    }

    /// The text so far.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// Names the section that the next line begins; without a next line nothing is written.
    pub(crate) fn section(&mut self, label: &'static str) {
        self.label = words::label(self.lang, label);
    }

    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line without gutter, its first word set apart.
    pub(crate) fn headline(&mut self, first: Span<'_>, spans: &[Span<'_>]) {
        let Span(style, word) = first;
        let mut prefix = String::new();
        styled(&mut prefix, style, word);
        prefix.push_str("  ");
        let start = width(word) + 2;
        self.flow(&prefix, start, start, words(spans));
    }

    /// A line of the section, wrapped; its second and further lines stand `hang` columns to the right.
    pub(crate) fn line(&mut self, hang: usize, spans: &[Span<'_>]) {
        self.row("", hang, spans);
    }

    /// A line whose text stands behind `lead`; further lines are aligned with it, plus `hang`.
    pub(crate) fn row(&mut self, lead: &str, hang: usize, spans: &[Span<'_>]) {
        let label = std::mem::take(&mut self.label);
        let mut prefix = String::new();
        if label.is_empty() {
            prefix.push_str(&" ".repeat(GUTTER));
        } else {
            styled(&mut prefix, BOLD, label);
            prefix.push_str(&" ".repeat(GUTTER.saturating_sub(width(label)).max(1)));
        }
        prefix.push_str(lead);
        let start = GUTTER + width(lead);
        self.flow(&prefix, start, start + hang, words(spans));
    }

    fn flow(&mut self, prefix: &str, start: usize, hang: usize, words: Vec<Word>) {
        self.text.push_str(prefix);
        let (mut column, mut line_start) = (start, true);
        for word in words {
            let word_width: usize = word.iter().map(|(_, piece)| width(piece)).sum();
            if !line_start && column + 1 + word_width > COLUMNS {
                self.new_line(hang);
                (column, line_start) = (hang, true);
            }
            if !line_start {
                self.text.push(' ');
                column += 1;
            }
            for (style, piece) in word {
                column = self.piece(style, &piece, column, hang);
            }
            line_start = false;
        }
        self.end_line();
    }

    /// Writes one piece, broken hard where it is wider than a line, and gives the column behind it.
    fn piece(&mut self, style: Style, piece: &str, mut column: usize, hang: usize) -> usize {
        let mut rest = piece;
        while column + width(rest) > COLUMNS {
            let (head, tail) = split_at_width(rest, COLUMNS.saturating_sub(column));
            if tail.is_empty() {
                break;
            }
            styled(&mut self.text, style, head);
            self.new_line(hang);
            (column, rest) = (hang, tail);
        }
        styled(&mut self.text, style, rest);
        column + width(rest)
    }

    fn new_line(&mut self, hang: usize) {
        self.end_line();
        self.text.push_str(&" ".repeat(hang));
    }

    fn end_line(&mut self) {
        let end = self.text.trim_end_matches(' ').len();
        self.text.truncate(end);
        self.text.push('\n');
    }
}

fn words(spans: &[Span<'_>]) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut glue = false;
    for Span(style, text) in spans {
        let text = clean(text);
        for (index, part) in text.split(' ').enumerate() {
            if index > 0 {
                glue = false;
            }
            if part.is_empty() {
                continue;
            }
            match words.last_mut().filter(|_| glue) {
                Some(word) => word.push((*style, part.to_owned())),
                None => words.push(vec![(*style, part.to_owned())]),
            }
            glue = true;
        }
    }
    words
}

fn styled(out: &mut String, style: Style, text: &str) {
    if style.is_plain() || text.is_empty() {
        out.push_str(text);
    } else {
        out.push_str(&format!("{style}{text}{style:#}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(build: impl FnOnce(&mut Page)) -> String {
        let mut page = Page::new(Lang::En);
        build(&mut page);
        anstream::adapter::strip_str(&page.finish()).to_string()
    }

    #[test]
    fn continuation_lines_are_aligned_behind_the_lead() {
        let text = page(|page| {
            page.section("Path");
            page.row("1  ", 0, &[Span::plain(&"word ".repeat(20))]);
        });
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("Path     1  word"));
        assert!(lines[1].starts_with("            word"), "{text}");
        assert!(
            lines
                .iter()
                .all(|line| width(line) <= COLUMNS && !line.ends_with(' '))
        );
    }

    #[test]
    fn a_word_wider_than_the_line_is_broken_hard() {
        let text = page(|page| page.line(2, &[Span::plain(&"x".repeat(200))]));
        assert!(text.lines().all(|line| width(line) <= COLUMNS), "{text}");
        assert_eq!(text.matches('x').count(), 200);
    }

    #[test]
    fn spans_without_a_space_between_them_stay_together() {
        let text = page(|page| {
            page.line(
                2,
                &[
                    Span(DIM, "file.txt"),
                    Span::plain(":12: "),
                    Span::plain("text"),
                ],
            );
        });
        assert_eq!(text, "         file.txt:12: text\n");
    }

    #[test]
    fn a_section_without_lines_is_not_written() {
        let text = page(|page| {
            page.section("Nothing");
            page.section("Some");
            page.line(0, &[Span::plain("thing")]);
        });
        assert_eq!(text, "Some     thing\n");
    }
}
