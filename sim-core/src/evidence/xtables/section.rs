//! An extension's part of a rule: its name and its options, before they are understood.

use super::lex::Token;
use super::{Extension, ExtensionOption, Term, Word};

/// Options whose next word is free text, whatever it looks like.
const FREE_TEXT: &[&str] = &[
    "--comment",
    "--log-prefix",
    "--nflog-prefix",
    "--ulog-prefix",
    "--string",
    "--hex-string",
    "--name",
    "--hashlimit-name",
    "--helper",
    "--match-set",
    "--add-set",
    "--del-set",
    "--map-set",
    "--label",
    "--path",
    "--selctx",
    "--rateest-name",
];

/// One option as it stands in the rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawOption<'t, 'a> {
    pub(super) negated: bool,
    /// Empty for words that follow no option.
    pub(super) name: &'t str,
    pub(super) values: &'t [Token<'a>],
}

/// An extension with its options.
#[derive(Debug)]
pub(super) struct Section<'t, 'a> {
    pub(super) name: &'t str,
    pub(super) options: Vec<RawOption<'t, 'a>>,
}

/// Reads options from the front of `tokens` up to the next match, target or header field; gives what is left.
pub(super) fn read<'t, 'a>(
    name: &'t str,
    mut tokens: &'t [Token<'a>],
) -> (Section<'t, 'a>, &'t [Token<'a>]) {
    let mut options = Vec::new();
    while let Some((option, rest)) = read_option(tokens) {
        options.push(option);
        tokens = rest;
    }
    (Section { name, options }, tokens)
}

/// The next option, or loose words.
fn read_option<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(RawOption<'t, 'a>, &'t [Token<'a>])> {
    let (mut negated, mut rest) = match tokens.split_first()? {
        (first, rest) if is_word(first, "!") => (true, rest),
        _ => (false, tokens),
    };
    let (first, after) = rest.split_first()?;
    if ends_section(first) {
        return None;
    }
    let name = if is_option(first) { &*first.text } else { "" };
    if !name.is_empty() {
        rest = after;
    }
    // Before 1.4.3 the `!` stood behind the option.
    if let Some((bang, after)) = rest.split_first()
        && is_word(bang, "!")
        && after
            .first()
            .is_some_and(|next| !is_option(next) && !ends_section(next))
    {
        negated = true;
        rest = after;
    }
    let mut count = usize::from(FREE_TEXT.contains(&name)).min(rest.len());
    count += (rest.iter().skip(count))
        .take_while(|token| !is_option(token) && !ends_section(token) && !is_word(token, "!"))
        .count();
    if name.is_empty() && count == 0 {
        // A lone `!`.
        count = rest.len().min(1);
    }
    let (values, rest) = rest.split_at_checked(count)?;
    Some((
        RawOption {
            negated,
            name,
            values,
        },
        rest,
    ))
}

pub(super) fn is_word(token: &Token<'_>, word: &str) -> bool {
    !token.quoted && token.text == word
}

pub(super) fn is_option(token: &Token<'_>) -> bool {
    !token.quoted && token.text.starts_with("--") && token.text.len() > 2
}

fn ends_section(token: &Token<'_>) -> bool {
    !token.quoted
        && matches!(
            &*token.text,
            "-m" | "-j" | "-g" | "-s" | "-d" | "-i" | "-o" | "-p" | "-f"
        )
}

impl<'t> RawOption<'t, '_> {
    /// Its only value.
    pub(super) fn one(&self) -> Option<&'t str> {
        match self.values {
            [value] => Some(&value.text),
            _ => None,
        }
    }

    /// Its two values.
    pub(super) fn two(&self) -> Option<(&'t str, &'t str)> {
        match self.values {
            [first, second] => Some((&first.text, &second.text)),
            _ => None,
        }
    }

    /// Nothing, if it has no value.
    pub(super) fn flag(&self) -> Option<()> {
        self.values.is_empty().then_some(())
    }

    /// Nothing, if it is a flag without `!`.
    pub(super) fn plain_flag(&self) -> Option<()> {
        (!self.negated).then_some(())?;
        self.flag()
    }

    /// Its only value, where `!` is not allowed.
    pub(super) fn plain(&self) -> Option<&'t str> {
        (!self.negated).then_some(())?;
        self.one()
    }

    /// `value` with this option's `!`.
    pub(super) fn term<T>(&self, value: T) -> Term<T> {
        Term {
            negated: self.negated,
            value,
        }
    }

    /// The option, kept as it was written.
    pub(super) fn keep(&self) -> ExtensionOption {
        ExtensionOption {
            negated: self.negated,
            name: self.name.into(),
            values: self
                .values
                .iter()
                .map(|token| Word {
                    text: (*token.text).into(),
                    quoted: token.quoted,
                })
                .collect(),
        }
    }
}

impl Section<'_, '_> {
    /// The extension, kept as it was written.
    pub(super) fn keep(&self) -> Extension {
        Extension {
            name: self.name.into(),
            options: self.options.iter().map(RawOption::keep).collect(),
        }
    }
}
