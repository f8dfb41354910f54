//! Calico's selector language: `app == 'web' && !has(old) || tier in {'a', 'b'}`.

use super::super::condition::{Condition, Value};

/// A selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selector {
    All,
    /// What has no namespace.
    Global,
    Not(Box<Selector>),
    And(Vec<Selector>),
    Or(Vec<Selector>),
    Label(String, Value),
}

impl Selector {
    /// Reads a selector; an empty one selects all.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::All);
        }
        let mut reader = Reader {
            rest: text,
            depth: 0,
        };
        let selector = reader.or()?;
        reader.space();
        match reader.rest {
            "" => Ok(selector),
            rest => Err(format!("`{rest}` is left of the selector `{text}`")),
        }
    }

    /// As a condition, where `label` says what a label is of.
    pub(super) fn condition(&self, label: &dyn Fn(&str, &Value) -> Condition) -> Condition {
        let each = |list: &[Self]| list.iter().map(|one| one.condition(label)).collect();
        match self {
            Self::All => Condition::ALWAYS,
            Self::Global => Condition::NEVER,
            Self::Not(one) => one.condition(label).not(),
            Self::And(list) => Condition::All(each(list)),
            Self::Or(list) => Condition::Any(each(list)),
            Self::Label(key, value) => label(key, value),
        }
    }

    /// As a selector of namespaces: whether it means what has none (`getEndpointSelector`: `all()` asks for a namespace,
    /// `global()` for none, and `!=` and the like hold of who lacks the label).
    pub(super) fn means_global(&self) -> bool {
        match self {
            Self::All | Self::Label(..) => false,
            Self::Global => true,
            Self::Not(one) => !one.means_global(),
            Self::And(list) => list.iter().all(Self::means_global),
            Self::Or(list) => list.iter().any(Self::means_global),
        }
    }

    /// Whether it selects what has these labels.
    pub(super) fn holds(&self, labels: &dyn Fn(&str) -> Option<String>) -> bool {
        match self {
            Self::All => true,
            Self::Global => false,
            Self::Not(one) => !one.holds(labels),
            Self::And(list) => list.iter().all(|one| one.holds(labels)),
            Self::Or(list) => list.iter().any(|one| one.holds(labels)),
            Self::Label(key, value) => value.holds(labels(key).as_deref()),
        }
    }
}

/// Deeper ones are nobody's.
const DEEPEST: usize = 32;

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        self.space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        match self.take(token) {
            true => Ok(()),
            false => Err(format!("`{token}` is missing before `{}`", self.rest)),
        }
    }

    fn or(&mut self) -> Result<Selector, String> {
        let mut list = vec![self.and()?];
        while self.take("||") {
            list.push(self.and()?);
        }
        Ok(one_or(list, Selector::Or))
    }

    fn and(&mut self) -> Result<Selector, String> {
        let mut list = vec![self.one()?];
        while self.take("&&") {
            list.push(self.one()?);
        }
        Ok(one_or(list, Selector::And))
    }

    fn one(&mut self) -> Result<Selector, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("the selector is nested too deeply".to_owned());
        }
        let selector = self.bare();
        self.depth -= 1;
        selector
    }

    fn bare(&mut self) -> Result<Selector, String> {
        if self.take("!") {
            return Ok(Selector::Not(Box::new(self.one()?)));
        }
        if self.take("(") {
            let inner = self.or()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let word = self.label()?;
        if self.take("(") {
            let selector = match word {
                "all" => Selector::All,
                "global" => Selector::Global,
                "has" => Selector::Label(self.label()?.to_owned(), Value::Exists),
                other => return Err(format!("`{other}()` is not known")),
            };
            self.expect(")")?;
            return Ok(selector);
        }
        let key = word.to_owned();
        let label = |value| Selector::Label(key.clone(), value);
        if self.take("==") || self.take("=") {
            return Ok(label(Value::In(vec![self.literal()?])));
        }
        if self.take("!=") {
            let equal = label(Value::In(vec![self.literal()?]));
            return Ok(Selector::Not(Box::new(equal)));
        }
        match self.label()? {
            "in" => Ok(label(Value::In(self.set()?))),
            "not" if self.label()? == "in" => {
                let within = label(Value::In(self.set()?));
                Ok(Selector::Not(Box::new(within)))
            }
            "contains" => Ok(label(Value::Contains(self.literal()?))),
            "starts" if self.label()? == "with" => Ok(label(Value::StartsWith(self.literal()?))),
            "ends" if self.label()? == "with" => Ok(label(Value::EndsWith(self.literal()?))),
            other => Err(format!("`{other}` is no comparison")),
        }
    }

    fn label(&mut self) -> Result<&'a str, String> {
        self.space();
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        if word.is_empty() {
            return Err(format!("a name is missing before `{rest}`"));
        }
        self.rest = rest;
        Ok(word)
    }

    fn literal(&mut self) -> Result<String, String> {
        for quote in ["'", "\""] {
            if self.take(quote) {
                let Some((text, rest)) = self.rest.split_once(quote) else {
                    return Err(format!("`{quote}` is not closed"));
                };
                self.rest = rest;
                return Ok(text.to_owned());
            }
        }
        Err(format!("a quoted text is missing before `{}`", self.rest))
    }

    fn set(&mut self) -> Result<Vec<String>, String> {
        self.expect("{")?;
        let mut values = Vec::new();
        while !self.take("}") {
            values.push(self.literal()?);
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(values)
    }
}

fn one_or(mut list: Vec<Selector>, more: impl FnOnce(Vec<Selector>) -> Selector) -> Selector {
    match (list.len(), list.pop()) {
        (1, Some(one)) => one,
        (_, last) => more(list.into_iter().chain(last).collect()),
    }
}
