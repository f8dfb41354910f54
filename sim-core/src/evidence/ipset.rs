//! `ipset save`.

mod element;
mod render;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::xtables::lex::{self, Token};
use super::xtables::{ExtensionOption, Word};
use crate::source::{Parsed, Position, Problem, Source, SourceFile};

/// Everything that one `ipset save` printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IpsetSave {
    /// The sets, by name.
    pub sets: BTreeMap<Arc<str>, Set>,
    /// Every line was understood; otherwise a set that is not found may exist.
    pub complete: bool,
}

/// One set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub kind: SetType,
    /// The options that it was created with, in order.
    pub options: Vec<ExtensionOption>,
    /// Its members, in the order of the file.
    pub members: Vec<Member>,
    /// Every member was understood; otherwise what is not found is unknown.
    pub complete: bool,
    /// The line that creates it.
    pub source: Source,
}

/// A set's type: how it is kept, and what its dimensions are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetType {
    /// `hash:…` and `bitmap:…` with these dimensions.
    Elements {
        /// `bitmap:`.
        bitmap: bool,
        /// The dimensions.
        dimensions: Vec<Dimension>,
    },
    /// `list:set`.
    List,
    /// Not known to this version.
    Unknown(Box<str>),
}

/// One dimension of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// An address (`ip`).
    Address,
    /// A network (`net`).
    Network,
    /// Protocol and port.
    Port,
    /// A MAC address.
    Mac,
    /// A device.
    Interface,
    /// The packet's mark.
    Mark,
}

/// One member of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// One for each dimension; fewer only for a `bitmap:ip,mac` member without MAC.
    pub elements: Vec<Element>,
    /// `nomatch`: an exception.
    pub nomatch: bool,
    /// `timeout`, `packets`, `bytes`, `comment`, `skbmark` and the like, in order.
    pub options: Vec<ExtensionOption>,
    /// The line that adds it.
    pub source: Source,
}

/// One part of a member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// Addresses `first..=last`.
    Addresses(IpAddr, IpAddr),
    /// A network.
    Network(IpAddr, u8),
    /// Ports of a protocol (`None`: of TCP and UDP, in `bitmap:port`).
    Ports {
        /// IP protocol number.
        protocol: Option<u8>,
        /// Lowest.
        low: u16,
        /// Highest.
        high: u16,
    },
    /// An ICMP type and code, where a port stands.
    Icmp {
        /// `icmpv6`.
        v6: bool,
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
    },
    /// A MAC address.
    Mac([u8; 6]),
    /// A device; `physdev:` for a bridge port.
    Interface {
        /// Its name, or the start of it.
        name: Box<str>,
        /// `physdev:`.
        physdev: bool,
        /// All names that begin so.
        wildcard: bool,
    },
    /// A mark.
    Mark(u32),
    /// Another set, in `list:set`.
    Set(Arc<str>),
}

impl Set {
    /// The value of the option that it was created with, e.g. `family`.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        let option = (self.options.iter()).find(|option| &*option.name == name)?;
        Some(option.values.first().map_or("", |word| &*word.text))
    }
}

/// Reads the output of `ipset save`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<IpsetSave> {
    let mut save = IpsetSave {
        complete: true,
        ..IpsetSave::default()
    };
    let mut problems = Vec::new();
    let mut tokens = Vec::new();
    for (number, line) in (1..).zip(file.text.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Err(message) = save.line(file, number, line, &mut tokens) {
            problems.push(Problem {
                file: file.name.clone(),
                position: Some(Position::Line(number)),
                message,
            });
        }
    }
    // A cut in the middle of a line may leave a shorter line that still reads well.
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        save.complete = false;
        for set in save.sets.values_mut() {
            set.complete = false;
        }
        problems.push(Problem {
            file: file.name.clone(),
            position: None,
            message: "the last line has no end: the file is cut off, capture it again".into(),
        });
    }
    Parsed {
        value: save,
        problems,
    }
}

impl IpsetSave {
    fn line<'f>(
        &mut self,
        file: &Arc<SourceFile>,
        number: u32,
        line: &'f str,
        tokens: &mut Vec<Token<'f>>,
    ) -> Result<(), String> {
        let not_a_line = || format!("`{}` is not a line of ipset save", lex::shorten(line));
        let result = match lex::split(line, tokens) {
            None => Err(not_a_line()),
            Some(()) => match tokens.as_slice() {
                [command, name, kind, options @ ..] if command.text == "create" => {
                    let source = Source::line(file, number, line);
                    self.create(&name.text, &kind.text, options, source)
                }
                [command, name, member, options @ ..] if command.text == "add" => {
                    let source = Source::line(file, number, line);
                    return self.add(&name.text, &member.text, options, source);
                }
                _ => Err(not_a_line()),
            },
        };
        if result.is_err() {
            self.complete = false;
            // A lost line may have been a member of any set.
            for set in self.sets.values_mut() {
                set.complete = false;
            }
        }
        result
    }

    fn create(
        &mut self,
        name: &str,
        kind: &str,
        options: &[Token<'_>],
        source: Source,
    ) -> Result<(), String> {
        let name: Arc<str> = Arc::from(name);
        if self.sets.contains_key(&name) {
            return Err(format!("set `{name}` is created twice"));
        }
        let set = Set {
            name: Arc::clone(&name),
            kind: set_type(kind),
            options: read_options(options),
            members: Vec::new(),
            complete: true,
            source,
        };
        self.sets.insert(name, set);
        Ok(())
    }

    fn add(
        &mut self,
        name: &str,
        member: &str,
        options: &[Token<'_>],
        source: Source,
    ) -> Result<(), String> {
        let Some(set) = self.sets.get_mut(name) else {
            self.complete = false;
            return Err(format!("a member of set `{name}`, which is not created"));
        };
        let mut options = read_options(options);
        let Some(mut elements) = element::parse(&set.kind, set.option("family"), member) else {
            set.complete = false;
            // Members of an unknown type are kept as their lines; the type alone makes it undecidable.
            if matches!(set.kind, SetType::Unknown(_)) {
                return Ok(());
            }
            return Err(format!("`{member}` is no member of set `{name}`"));
        };
        let mut flag = |name: &str| {
            let before = options.len();
            options.retain(|option| &*option.name != name);
            options.len() < before
        };
        let nomatch = flag("nomatch");
        if flag("wildcard") {
            for element in &mut elements {
                if let Element::Interface { wildcard, .. } = element {
                    *wildcard = true;
                }
            }
        }
        set.members.push(Member {
            elements,
            nomatch,
            options,
            source,
        });
        Ok(())
    }
}

fn set_type(text: &str) -> SetType {
    let unknown = || SetType::Unknown(text.into());
    let Some((method, dimensions)) = text.split_once(':') else {
        return unknown();
    };
    if (method, dimensions) == ("list", "set") {
        return SetType::List;
    }
    let dimensions: Option<Vec<_>> = (dimensions.split(','))
        .map(|dimension| match dimension {
            "ip" => Some(Dimension::Address),
            "net" => Some(Dimension::Network),
            "port" => Some(Dimension::Port),
            "mac" => Some(Dimension::Mac),
            "iface" => Some(Dimension::Interface),
            "mark" => Some(Dimension::Mark),
            _ => None,
        })
        .collect();
    match (method, dimensions) {
        ("hash" | "bitmap", Some(dimensions)) => SetType::Elements {
            bitmap: method == "bitmap",
            dimensions,
        },
        _ => unknown(),
    }
}

/// Options that stand alone; all others have one value.
const FLAGS: &[&str] = &[
    "nomatch", "wildcard", "counters", "comment", "skbinfo", "forceadd",
];

fn read_options(tokens: &[Token<'_>]) -> Vec<ExtensionOption> {
    let mut options = Vec::new();
    let mut rest = tokens;
    while let Some((name, after)) = rest.split_first() {
        rest = after;
        let mut values = Vec::new();
        // A set is created with the flag `comment`; a member's comment is a quoted text.
        let flag = FLAGS.contains(&&*name.text) && !after.first().is_some_and(|next| next.quoted);
        if !flag && let Some((value, after)) = after.split_first() {
            values.push(Word {
                text: (*value.text).into(),
                quoted: value.quoted,
            });
            rest = after;
        }
        options.push(ExtensionOption {
            negated: false,
            name: (*name.text).into(),
            values,
        });
    }
    options
}

#[cfg(test)]
mod tests;
