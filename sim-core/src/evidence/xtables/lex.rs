//! Words of a rule, with quotes and escapes resolved.

use std::borrow::Cow;

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// Its text, without quotes.
    pub(crate) text: Cow<'a, str>,
    /// It stood in double quotes.
    pub(crate) quoted: bool,
}

/// Splits `line` into words as `add_param_to_argv()` does; `None` if a quote stays open.
pub(crate) fn split<'a>(line: &'a str, tokens: &mut Vec<Token<'a>>) -> Option<()> {
    tokens.clear();
    let mut rest = line.trim_start_matches([' ', '\t']);
    while !rest.is_empty() {
        let (token, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let (text, after) = unquote(quoted)?;
            (Token { text, quoted: true }, after)
        } else {
            let end = rest.find([' ', '\t']).unwrap_or(rest.len());
            let (text, after) = rest.split_at_checked(end)?;
            let text = Cow::Borrowed(text);
            (
                Token {
                    text,
                    quoted: false,
                },
                after,
            )
        };
        tokens.push(token);
        rest = after.trim_start_matches([' ', '\t']);
    }
    Some(())
}

/// Enough of a line to find it by.
pub(crate) fn shorten(line: &str) -> &str {
    let end = line
        .char_indices()
        .nth(60)
        .map_or(line.len(), |(end, _)| end);
    line.get(..end).unwrap_or(line)
}

/// The text up to the closing quote, and what follows it.
fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let stop = text.find(['"', '\\'])?;
    let (plain, after) = text.split_at_checked(stop)?;
    if let Some(after) = after.strip_prefix('"') {
        return Some((Cow::Borrowed(plain), after));
    }
    let mut unescaped = plain.to_owned();
    let mut chars = after.chars();
    loop {
        match chars.next()? {
            '"' => return Some((Cow::Owned(unescaped), chars.as_str())),
            '\\' => unescaped.push(chars.next()?),
            other => unescaped.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        let mut tokens = Vec::new();
        split(line, &mut tokens)?;
        Some(
            tokens
                .into_iter()
                .map(|token| token.text.into_owned())
                .collect(),
        )
    }

    #[test]
    fn blanks_part_words() {
        assert_eq!(words(" -A  X\t-j Y ").unwrap(), ["-A", "X", "-j", "Y"]);
    }

    #[test]
    fn quotes_hold_a_word_together_and_a_backslash_escapes() {
        assert_eq!(
            words(r#"a "b \"c\" \\ d" e"#).unwrap(),
            ["a", r#"b "c" \ d"#, "e"]
        );
    }

    #[test]
    fn an_open_quote_is_no_line() {
        assert_eq!(words(r#"a "b"#), None);
    }
}
