//! The string literals of a Rust file, as far as finding texts for people needs it: no syntax, no macros expanded.
#![expect(
    clippy::string_slice,
    reason = "cut only where something ASCII was found"
)]

/// One string literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// Its line, from 1.
    pub line: usize,
    /// What it stands for, escapes resolved.
    pub text: String,
    /// The code before it, spaces left out, e.g. `expect(`.
    pub before: String,
}

/// How much code before a literal is kept.
const BEFORE: usize = 40;

/// The literals of `source`, its inline test module (`#[cfg(test)] mod … {`) left out.
#[must_use]
pub fn literals(source: &str) -> Vec<Literal> {
    let source = match source.find("#[cfg(test)]\nmod tests {") {
        Some(end) => source.split_at(end).0,
        None => source,
    };
    let mut found = Vec::new();
    let mut before = String::new();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let line = || 1 + source[..source.len() - rest.len()].matches('\n').count();
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if let Some(char_literal) = char_literal(rest) {
            before.push_str(char_literal);
            rest = &rest[char_literal.len()..];
        } else if let Some((text, raw)) = raw_string(rest).filter(|_| !ends_in_word(&before)) {
            found.push(literal(line(), text.to_owned(), &before));
            before.push_str("\"\"");
            rest = &rest[raw.len()..];
        } else if c == '"' {
            let (text, length) = string(&rest[1..]);
            found.push(literal(line(), text, &before));
            before.push_str("\"\"");
            rest = &rest[1 + length..];
        } else {
            if !c.is_whitespace() {
                before.push(c);
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

fn literal(line: usize, text: String, before: &str) -> Literal {
    let start = before.len().saturating_sub(BEFORE);
    let before = before.get(start..).unwrap_or(before).to_owned();
    Literal { line, text, before }
}

fn ends_in_word(before: &str) -> bool {
    before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// `'x'`, `'\n'`, `b'"'`: not a lifetime.
fn char_literal(rest: &str) -> Option<&str> {
    let inside = rest.strip_prefix('\'')?;
    let length = match inside.strip_prefix('\\') {
        Some(escaped) => 1 + escaped.char_indices().skip(1).find(|(_, c)| *c == '\'')?.0,
        None => inside.chars().next()?.len_utf8(),
    };
    inside
        .get(length..)?
        .starts_with('\'')
        .then(|| &rest[..length + 2])
}

/// `r"…"`, `r#"…"#`: what is in it, and the whole.
fn raw_string(rest: &str) -> Option<(&str, &str)> {
    let after = rest.strip_prefix('r')?;
    let n_hashes = after.len() - after.trim_start_matches('#').len();
    let inside = after[n_hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(n_hashes));
    let end = inside.find(&close)?;
    let whole = 1 + n_hashes + 1 + end + close.len();
    Some((&inside[..end], &rest[..whole]))
}

/// A string's text and its length up to behind the closing quote.
fn string(inside: &str) -> (String, usize) {
    let mut text = String::new();
    let mut chars = inside.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, at + 1),
            '\\' => match chars.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, '\n')) => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                Some((_, other)) => text.push(other),
                None => {}
            },
            other => text.push(other),
        }
    }
    (text, inside.len())
}

/// Its holes numbered in order, as a table of sentences writes them: `{device} of {}` is `{0} of {1}`.
#[must_use]
pub fn numbered(format: &str) -> String {
    let mut out = String::new();
    let mut n_holes = 0;
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.next_if_eq(&c).is_some() => out.push(c),
            '{' => {
                while chars.next().is_some_and(|c| c != '}') {}
                out.push_str(&format!("{{{n_holes}}}"));
                n_holes += 1;
            }
            other => out.push(other),
        }
    }
    out
}
