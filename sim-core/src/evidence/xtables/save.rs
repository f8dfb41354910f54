//! The file: tables, chains, counters, and the tools' remarks.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lex::{self, Token};
use super::{Chain, Policy, Rule, Table, XtablesSave, rule_parse};
use crate::source::{Parsed, Position, Problem, Source, SourceFile};

/// Reads a whole file, line by line; what is not understood becomes a problem, and its table incomplete.
pub(super) fn parse(file: &Arc<SourceFile>) -> Parsed<XtablesSave> {
    let mut reader = Reader {
        file,
        parsed: Parsed::default(),
        open: None,
        last_chain: 0,
    };
    let mut tokens = Vec::new();
    for (number, line) in (1..).zip(file.text.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        reader.line(number, line, &mut tokens);
    }
    reader.close_truncated();
    reader.parsed
}

struct Reader<'f> {
    file: &'f Arc<SourceFile>,
    parsed: Parsed<XtablesSave>,
    open: Option<Table>,
    /// Rules of a chain stand together.
    last_chain: usize,
}

impl<'f> Reader<'f> {
    fn line(&mut self, number: u32, line: &'f str, tokens: &mut Vec<Token<'f>>) {
        match line.as_bytes().first() {
            None => {}
            Some(b'#') => self.remark(number, line),
            Some(b'*') => self.open_table(number, line),
            Some(b':') => self.chain(number, line),
            Some(b'[' | b'-') => self.rule(number, line, tokens),
            Some(_) if line == "COMMIT" => self.commit(number),
            Some(_) if line.trim().is_empty() => {}
            Some(_) => self.problem(
                number,
                format!("`{}` is not a line of iptables-save", lex::shorten(line)),
            ),
        }
    }

    /// What the tools say in comments (`xtables-save.c`, `nft.c`).
    fn remark(&mut self, number: u32, line: &'f str) {
        if line.starts_with("# Warning:") && line.contains("tables present") {
            self.parsed.value.other_backend = Some(Source::line(self.file, number, line));
            return;
        }
        let Some(rest) = line.strip_prefix("# Table `") else {
            return;
        };
        if let Some((name, rest)) = rest.split_once('\'')
            && rest.contains("incompatible")
        {
            self.problem(
                number,
                format!("table `{name}` could not be printed by iptables-save: capture `nft -j list ruleset`"),
            );
            let table = self.new_table(name, number, line);
            self.finish(table, false);
        }
    }

    fn new_table(&self, name: &str, number: u32, line: &'f str) -> Table {
        Table {
            name: name.to_owned(),
            chains: Vec::new(),
            complete: true,
            source: Source::line(self.file, number, line),
            by_name: BTreeMap::new(),
        }
    }

    fn open_table(&mut self, number: u32, line: &'f str) {
        self.close_truncated();
        let name = line.strip_prefix('*').unwrap_or(line).trim();
        self.open = Some(self.new_table(name, number, line));
        self.last_chain = 0;
    }

    /// `:NAME POLICY [packets:bytes]`
    fn chain(&mut self, number: u32, line: &'f str) {
        let mut words = line.strip_prefix(':').unwrap_or(line).split_whitespace();
        let (name, policy) = (words.next().unwrap_or_default(), words.next());
        let policy = match policy {
            Some("-") => None,
            Some("ACCEPT") => Some(Policy::Accept),
            Some("DROP") => Some(Policy::Drop),
            _ => {
                self.problem(
                    number,
                    format!("`{}` declares no chain with a policy", lex::shorten(line)),
                );
                return;
            }
        };
        let counters = words.next().and_then(counters);
        let source = Source::line(self.file, number, line);
        let Some(table) = &mut self.open else {
            self.problem(number, "a chain outside of a table".into());
            return;
        };
        let name: Arc<str> = Arc::from(name);
        let place = table.chains.len();
        if table.by_name.contains_key(&name) {
            self.problem(number, format!("chain `{name}` is declared twice"));
            return;
        }
        table.by_name.insert(Arc::clone(&name), place);
        table.chains.push(Chain {
            name,
            policy,
            counters,
            rules: Vec::new(),
            source,
        });
    }

    /// `[packets:bytes] -A CHAIN …`
    fn rule(&mut self, number: u32, line: &'f str, tokens: &mut Vec<Token<'f>>) {
        if let Err(message) = self.try_rule(number, line, tokens) {
            self.problem(number, message);
        }
    }

    fn try_rule(
        &mut self,
        number: u32,
        line: &'f str,
        tokens: &mut Vec<Token<'f>>,
    ) -> Result<(), String> {
        lex::split(line, tokens)
            .ok_or_else(|| format!("`{}`: a quote is not closed", lex::shorten(line)))?;
        let mut words = tokens.as_slice();
        let mut counted = None;
        if let Some((first, rest)) = words.split_first()
            && first.text.starts_with('[')
        {
            counted = Some(
                counters(&first.text).ok_or_else(|| format!("`{}` is no counter", first.text))?,
            );
            words = rest;
        }
        let [append, name, words @ ..] = words else {
            return Err(format!("`{}` is not a rule", lex::shorten(line)));
        };
        if append.text != "-A" {
            return Err(format!("`{}` is not a rule", lex::shorten(line)));
        }
        let table = (self.open.as_mut()).ok_or_else(|| "a rule outside of a table".to_owned())?;
        let place = match table.chains.get(self.last_chain) {
            Some(chain) if *chain.name == *name.text => Some(self.last_chain),
            _ => table.chain_index(&name.text),
        };
        let place = place
            .ok_or_else(|| format!("a rule of chain `{}`, which is not declared", name.text))?;
        self.last_chain = place;
        let parts = rule_parse::parse(words, |name| {
            let chain = table.chain(name)?;
            chain.policy.is_none().then(|| Arc::clone(&chain.name))
        });
        let rule = Rule {
            source: Source::line(self.file, number, line),
            counters: counted,
            header: parts.header,
            matches: parts.matches,
            target: parts.target,
        };
        if let Some(chain) = table.chains.get_mut(place) {
            chain.rules.push(rule);
        }
        Ok(())
    }

    fn commit(&mut self, number: u32) {
        match self.open.take() {
            Some(table) => {
                let complete = table.complete;
                self.finish(table, complete);
            }
            None => self.problem(number, "COMMIT outside of a table".into()),
        }
    }

    /// A table without COMMIT: the tool, or the capture of its output, was cut off.
    fn close_truncated(&mut self) {
        let Some(table) = self.open.take() else {
            return;
        };
        self.parsed.problems.push(Problem {
            file: self.file.name.clone(),
            position: Some(table.source.position().clone()),
            message: format!(
                "table `{}` has no COMMIT: the file is cut off, capture it again",
                table.name
            ),
        });
        self.finish(table, false);
    }

    fn finish(&mut self, mut table: Table, complete: bool) {
        table.complete = complete;
        self.parsed.value.tables.push(table);
    }

    fn problem(&mut self, number: u32, message: String) {
        if let Some(table) = &mut self.open {
            table.complete = false;
        }
        self.parsed.problems.push(Problem {
            file: self.file.name.clone(),
            position: Some(Position::Line(number)),
            message,
        });
    }
}

/// `[packets:bytes]`
fn counters(text: &str) -> Option<(u64, u64)> {
    let (packets, bytes) = text.strip_prefix('[')?.strip_suffix(']')?.split_once(':')?;
    Some((packets.parse().ok()?, bytes.parse().ok()?))
}
