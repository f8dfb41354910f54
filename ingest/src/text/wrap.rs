//! Words, widths and line breaks; what a capture says can never steer the terminal.

use unicode_width::UnicodeWidthChar;

/// `text` with every control character replaced, so that hostile evidence cannot send escape sequences.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|symbol| match symbol {
            '\n' | '\t' | '\r' => ' ',
            symbol if symbol.is_control() => '\u{fffd}',
            // Marks that reorder what is shown (Unicode TR 36, "bidirectional text spoofing").
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            symbol => symbol,
        })
        .collect()
}

/// The columns that `text` takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|symbol| symbol.width().unwrap_or(0)).sum()
}

/// `text` cut to `limit` columns, with an ellipsis where something is missing.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let (head, _) = split_at_width(text, limit.saturating_sub(1));
    format!("{}…", head.trim_end())
}

/// `text` split where it reaches `limit` columns; the head has at least one character.
pub(crate) fn split_at_width(text: &str, limit: usize) -> (&str, &str) {
    let mut used = 0;
    for (offset, symbol) in text.char_indices() {
        used += symbol.width().unwrap_or(0);
        if used > limit && offset > 0 {
            return text.split_at(offset);
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_of_evidence_are_defused() {
        assert_eq!(
            clean("a\u{1b}[2Jb\u{7}\u{9b}"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}"
        );
        assert_eq!(clean("x\u{202e}y"), "x\u{fffd}y");
        assert_eq!(clean("one\ttwo\nthree"), "one two three");
    }

    #[test]
    fn shortening_counts_columns_not_bytes() {
        assert_eq!(shorten("abcdef", 6), "abcdef");
        assert_eq!(shorten("abcdefg", 6), "abcde…");
        assert_eq!(shorten("网络网络", 6), "网络…");
    }

    #[test]
    fn a_split_never_makes_an_empty_head() {
        assert_eq!(split_at_width("网络", 1), ("网", "络"));
        assert_eq!(split_at_width("ab", 5), ("ab", ""));
    }
}
