//! A rule: header fields, matches, target.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Match, Target};
use crate::source::Source;

/// One `-A` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The line.
    pub source: Source,
    /// Packets and bytes that it matched, with `-c`.
    pub counters: Option<(u64, u64)>,
    /// `-s`, `-d`, `-i`, `-o`, `-p` and `-f`.
    pub header: Header,
    /// The matches, in order.
    pub matches: Vec<Match>,
    /// What it does.
    pub target: Target,
}

impl Rule {
    /// Its first comment.
    #[must_use]
    pub fn comment(&self) -> Option<&str> {
        self.matches.iter().find_map(|item| match item {
            Match::Comment(text) => Some(&**text),
            _ => None,
        })
    }
}

/// A condition, or its opposite (`!`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term<T> {
    /// Written with `!`.
    pub negated: bool,
    /// The condition.
    pub value: T,
}

/// What every rule can ask of a packet (`struct ipt_ip`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// `-s`.
    pub src: Option<Term<AddressMask>>,
    /// `-d`.
    pub dst: Option<Term<AddressMask>>,
    /// `-i`.
    pub iif: Option<Term<InterfacePattern>>,
    /// `-o`.
    pub oif: Option<Term<InterfacePattern>>,
    /// `-p`: the IP protocol number.
    pub protocol: Option<Term<u8>>,
    /// `-f`: second and later fragments (`! -f`: anything else).
    pub fragment: Option<Term<()>>,
}

/// An address under a mask, which need not be a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressMask {
    /// The address.
    pub address: IpAddr,
    /// The bits that count; of the same family.
    pub mask: IpAddr,
}

/// A device's name, or all names that begin so (`eth+`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InterfacePattern {
    /// The name, without the `+`.
    pub name: Arc<str>,
    /// Any name that begins so.
    pub prefix: bool,
}
