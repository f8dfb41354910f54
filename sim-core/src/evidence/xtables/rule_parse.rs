//! From the words of an `-A` line to a rule's header, matches and target.

use std::sync::Arc;

use super::lex::Token;
use super::section::{self, is_option, is_word};
use super::{
    AddressMask, Extension, ExtensionOption, Header, Match, Target, Term, Word, match_parse,
    target_parse, value,
};
use crate::evidence::names::{protocol_name, protocol_number};

/// What a line says besides its chain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RuleParts {
    pub(super) header: Header,
    pub(super) matches: Vec<Match>,
    pub(super) target: Target,
}

/// Understands the words behind `-A CHAIN`; `chain` finds a user's chain by its name.
pub(super) fn parse(tokens: &[Token<'_>], chain: impl Fn(&str) -> Option<Arc<str>>) -> RuleParts {
    let mut parts = RuleParts {
        header: Header::default(),
        matches: Vec::new(),
        target: Target::None,
    };
    let mut rest = tokens;
    while let Some((first, mut after)) = rest.split_first() {
        let mut negated = false;
        let mut word = first;
        if is_word(first, "!")
            && let Some((second, behind)) = after.split_first()
        {
            (negated, word, after) = (true, second, behind);
        }
        if is_option(word) && !is_header(word) {
            rest = parts.implicit(rest);
            continue;
        }
        rest = match &*word.text {
            _ if word.quoted => parts.unknown(negated, "", word, after),
            "-m" | "--match" if !negated => parts.read_match(word, after),
            "-j" | "--jump" if !negated => parts.read_target(word, after, false, &chain),
            "-g" | "--goto" if !negated => parts.read_target(word, after, true, &chain),
            "-f" | "--fragment" => {
                parts.header.fragment = Some(Term { negated, value: () });
                after
            }
            "-s" | "-d" | "-i" | "-o" | "-p" | "--source" | "--destination" | "--in-interface"
            | "--out-interface" | "--protocol" => parts.read_header(negated, word, after),
            _ => parts.unknown(negated, "", word, after),
        };
    }
    parts
}

fn is_header(token: &Token<'_>) -> bool {
    matches!(
        &*token.text,
        "--match"
            | "--jump"
            | "--goto"
            | "--fragment"
            | "--source"
            | "--destination"
            | "--in-interface"
            | "--out-interface"
            | "--protocol"
    )
}

impl RuleParts {
    fn read_match<'t, 'a>(
        &mut self,
        option: &Token<'_>,
        tokens: &'t [Token<'a>],
    ) -> &'t [Token<'a>] {
        let Some((name, after)) = tokens.split_first() else {
            return self.unknown(false, "", option, tokens);
        };
        let (section, rest) = section::read(&name.text, after);
        self.matches.push(match_parse::parse(&section));
        rest
    }

    fn read_target<'t, 'a>(
        &mut self,
        option: &Token<'_>,
        tokens: &'t [Token<'a>],
        goto: bool,
        chain: &impl Fn(&str) -> Option<Arc<str>>,
    ) -> &'t [Token<'a>] {
        let Some((name, after)) = tokens.split_first() else {
            return self.unknown(false, "", option, tokens);
        };
        let (section, rest) = section::read(&name.text, after);
        let known = match chain(&name.text) {
            Some(name) if section.options.is_empty() => Some(if goto {
                Target::Goto(name)
            } else {
                Target::Jump(name)
            }),
            _ => None,
        };
        self.target = match known {
            Some(known) if self.target == Target::None => known,
            None if self.target == Target::None && !goto => target_parse::parse(&section),
            _ => Target::Unknown(section.keep()),
        };
        rest
    }

    /// Options without `-m` belong to the protocol's own match (`-p tcp --dport 80`).
    fn implicit<'t, 'a>(&mut self, tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
        let protocol = match self.header.protocol {
            Some(Term {
                negated: false,
                value: 58,
            }) => Some("icmp6"),
            Some(Term {
                negated: false,
                value,
            }) => protocol_name(value),
            _ => None,
        };
        let (section, rest) = section::read(protocol.unwrap_or_default(), tokens);
        self.matches.push(match_parse::parse(&section));
        rest
    }

    fn read_header<'t, 'a>(
        &mut self,
        mut negated: bool,
        option: &Token<'_>,
        tokens: &'t [Token<'a>],
    ) -> &'t [Token<'a>] {
        let mut rest = tokens;
        if let Some((bang, after)) = rest.split_first()
            && is_word(bang, "!")
        {
            (negated, rest) = (true, after);
        }
        let Some((word, after)) = rest.split_first() else {
            return self.unknown(negated, "", option, tokens);
        };
        if self.header.set(negated, &option.text, &word.text).is_none() {
            return self.unknown(negated, &option.text, word, after);
        }
        after
    }

    /// Keeps a word that means nothing here: the rule cannot be decided.
    fn unknown<'t, 'a>(
        &mut self,
        negated: bool,
        name: &str,
        word: &Token<'_>,
        rest: &'t [Token<'a>],
    ) -> &'t [Token<'a>] {
        self.matches.push(Match::Unknown(Extension {
            name: "".into(),
            options: vec![ExtensionOption {
                negated,
                name: name.into(),
                values: vec![Word {
                    text: (*word.text).into(),
                    quoted: word.quoted,
                }],
            }],
        }));
        rest
    }
}

impl Header {
    fn set(&mut self, negated: bool, option: &str, text: &str) -> Option<()> {
        match option {
            "-s" | "--source" => put(&mut self.src, negated, value::address_mask(text)?),
            "-d" | "--destination" => put(&mut self.dst, negated, value::address_mask(text)?),
            "-i" | "--in-interface" => put(&mut self.iif, negated, value::interface(text)),
            "-o" | "--out-interface" => put(&mut self.oif, negated, value::interface(text)),
            "-p" | "--protocol" => {
                let protocol = protocol_number(text)?;
                // Protocol 0 stands for all (`ip_packet_match()`), and `! -p all` is refused.
                match (protocol, negated) {
                    (0, false) => Some(()),
                    (0, true) => None,
                    (protocol, negated) => put(&mut self.protocol, negated, protocol),
                }
            }
            _ => None,
        }
    }
}

fn put<T>(slot: &mut Option<Term<T>>, negated: bool, value: T) -> Option<()> {
    slot.is_none().then_some(())?;
    *slot = Some(Term { negated, value });
    Some(())
}

impl AddressMask {
    /// The whole of a family: no condition at all.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.prefix_len() == Some(0)
    }
}
