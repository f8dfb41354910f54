//! Words with blanks between them, and quotes where the tools write them.

use std::fmt::{self, Display, Formatter};

use super::{Extension, ExtensionOption, Term, Word};

/// Writes words with a blank between them.
pub(super) struct Words<'o, 'f> {
    f: &'o mut Formatter<'f>,
    any: bool,
}

impl<'o, 'f> Words<'o, 'f> {
    pub(super) fn new(f: &'o mut Formatter<'f>) -> Self {
        Self { f, any: false }
    }

    pub(super) fn word(&mut self, word: &str) -> fmt::Result {
        if word.is_empty() {
            return Ok(());
        }
        if self.any {
            self.f.write_str(" ")?;
        }
        self.any = true;
        self.f.write_str(word)
    }

    pub(super) fn switch(&mut self, name: &str, on: bool) -> fmt::Result {
        if on { self.word(name) } else { Ok(()) }
    }

    pub(super) fn flag<T>(&mut self, name: &str, term: Option<&Term<T>>) -> fmt::Result {
        self.term(name, term, |_| String::new())
    }

    pub(super) fn term<T>(
        &mut self,
        name: &str,
        term: Option<&Term<T>>,
        show: impl Fn(&T) -> String,
    ) -> fmt::Result {
        let Some(Term { negated, value }) = term else {
            return Ok(());
        };
        self.switch("!", *negated)?;
        self.word(name)?;
        self.word(&show(value))
    }

    pub(super) fn options<'x>(
        &mut self,
        options: impl IntoIterator<Item = &'x ExtensionOption>,
    ) -> fmt::Result {
        (options.into_iter()).try_for_each(|option| self.word(&option.to_string()))
    }
}

impl Display for Extension {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut out = Words::new(f);
        out.word(&self.name)?;
        out.options(&self.options)
    }
}

impl Display for ExtensionOption {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut out = Words::new(f);
        out.switch("!", self.negated)?;
        out.word(&self.name)?;
        (self.values.iter()).try_for_each(|value| out.word(&value.to_string()))
    }
}

impl Display for Word {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.quoted {
            f.write_str(&in_quotes(&self.text))
        } else {
            f.write_str(&self.text)
        }
    }
}

/// `xtables_save_string()`: quotes where a character asks for them.
pub(super) fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        in_quotes(text)
    }
}

fn in_quotes(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        if matches!(character, '"' | '\\' | '\'') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}
