//! Reads the items of the JSON's list and puts them together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::expression::read::Reader;
use super::set::RawSet;
use super::{
    BaseChain, Chain, ChainHook, ChainKind, Object, Policy, Rule, Ruleset, Set, Statement, Table,
    TableFamily, priority, statement,
};
use crate::source::{Parsed, Position, Problem, Source, SourceFile};

/// Collects the items of `nftables`, keeping those before an error.
pub(super) struct Items<'a, 'de>(pub(super) &'a mut Vec<&'de RawValue>);

impl<'de> DeserializeSeed<'de> for Items<'_, 'de> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, 'de> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the list `nftables`, as `nft -j list ruleset` prints it")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "nftables" {
                map.next_value_seed(List(self.0))?;
                found = true;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct List<'a, 'de>(&'a mut Vec<&'de RawValue>);

impl<'de> DeserializeSeed<'de> for List<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the list `nftables`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element()? {
            self.0.push(item);
        }
        Ok(())
    }
}

/// Puts a ruleset together from its items.
pub(super) struct Builder<'a> {
    pub(super) file: &'a Arc<SourceFile>,
    pub(super) parsed: Parsed<Ruleset>,
    tables: BTreeMap<(TableFamily, String), usize>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(file: &'a Arc<SourceFile>) -> Self {
        Self {
            file,
            parsed: Parsed::default(),
            tables: BTreeMap::new(),
        }
    }

    /// Notes what could not be read.
    pub(super) fn problem(&mut self, position: Option<Position>, message: impl Into<String>) {
        self.parsed.problems.push(Problem {
            file: self.file.name.clone(),
            position,
            message: message.into(),
        });
    }

    /// Adds the item with index `idx` of the list.
    pub(super) fn item(&mut self, idx: usize, raw: &RawValue) {
        let pointer = format!("/nftables/{idx}");
        if let Err(message) = self.read(&pointer, raw) {
            self.problem(Some(Position::Pointer(pointer.into())), message);
        }
    }

    fn read(&mut self, pointer: &str, raw: &RawValue) -> Result<(), String> {
        let item: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get())
            .map_err(|_| "not an object with one entry".to_owned())?;
        let mut entries = item.iter();
        let (Some((kind, body)), None) = (entries.next(), entries.next()) else {
            return Err("not an object with one entry".into());
        };
        let source = Source::pointer(self.file, pointer, raw.get());
        if matches!(kind.as_str(), "set" | "map") {
            return self.set(&format!("{pointer}/{kind}"), body, source);
        }
        let value: Value =
            serde_json::from_str(body.get()).map_err(|error| format!("`{kind}`: {error}"))?;
        match kind.as_str() {
            "metainfo" => {
                let version = value.get("version").and_then(Value::as_str);
                self.parsed.value.version = version.map(str::to_owned);
                Ok(())
            }
            "table" => self.table(&value, source),
            "chain" => self.chain(&value, source),
            "rule" => self.rule(&value, source),
            // Elements are part of their set in a listing of the whole ruleset.
            "element" => Err("an `element` outside its set: capture `nft -j list ruleset`".into()),
            _ => self.object(kind, &value, source),
        }
    }

    fn table(&mut self, value: &Value, source: Source) -> Result<(), String> {
        let family = family(text(value, "family")?)?;
        let name = text(value, "name")?.to_owned();
        let dormant = match value.get("flags") {
            None | Some(Value::Null) => Some(false),
            Some(flags) => dormant(flags),
        };
        let tables = &mut self.parsed.value.tables;
        self.tables.insert((family, name.clone()), tables.len());
        tables.push(Table {
            family,
            name,
            handle: handle(value),
            dormant,
            chains: Vec::new(),
            sets: BTreeMap::new(),
            objects: BTreeMap::new(),
            by_name: BTreeMap::new(),
            source,
        });
        Ok(())
    }

    fn find(&mut self, value: &Value) -> Result<&mut Table, String> {
        self.find_table(text(value, "family")?, text(value, "table")?)
    }

    fn find_table(&mut self, family_name: &str, name: &str) -> Result<&mut Table, String> {
        let idx = self.tables.get(&(family(family_name)?, name.to_owned()));
        (idx.and_then(|idx| self.parsed.value.tables.get_mut(*idx)))
            .ok_or_else(|| format!("table `{family_name} {name}` is not listed before it"))
    }

    fn chain(&mut self, value: &Value, source: Source) -> Result<(), String> {
        let name = text(value, "name")?.to_owned();
        let table = self.find(value)?;
        let base = match value.get("hook") {
            None => None,
            Some(_) => Some(base(value, table.family)?),
        };
        table.by_name.insert(name.clone(), table.chains.len());
        table.chains.push(Chain {
            family: table.family,
            table: table.name.clone(),
            name,
            handle: handle(value),
            base,
            rules: Vec::new(),
            source,
        });
        Ok(())
    }

    fn rule(&mut self, value: &Value, source: Source) -> Result<(), String> {
        let name = text(value, "chain")?;
        let table = self.find(value)?;
        let reader = Reader {
            source: &source,
            family: table.family,
        };
        let statements = match value.get("expr") {
            Some(Value::Array(list)) => list.iter().map(|item| reader.statement(item)).collect(),
            Some(other) => vec![Statement::Unknown(other.to_string())],
            None => vec![Statement::Unknown(String::new())],
        };
        let idx = table.by_name.get(name).copied();
        let chain = (idx.and_then(|idx| table.chains.get_mut(idx)))
            .ok_or_else(|| format!("chain `{name}` is not listed before it"))?;
        chain.rules.push(Rule {
            number: u32::try_from(chain.rules.len() + 1).unwrap_or(u32::MAX),
            handle: handle(value),
            comment: (value.get("comment").and_then(Value::as_str)).map(str::to_owned),
            statements,
            source,
        });
        Ok(())
    }

    fn set(&mut self, pointer: &str, body: &RawValue, source: Source) -> Result<(), String> {
        let raw: RawSet<'_> =
            serde_json::from_str(body.get()).map_err(|error| format!("set: {error}"))?;
        let file = Arc::clone(self.file);
        let table = self.find_table(&raw.family, &raw.table)?;
        let content = raw.content(table.family, &file, pointer, &source);
        let set = Set {
            name: raw.name.clone(),
            key: content.key,
            data: content.data,
            volatile: content.volatile,
            elements: content.elements,
            source,
        };
        table.sets.insert(raw.name, set);
        Ok(())
    }

    fn object(&mut self, kind: &str, value: &Value, source: Source) -> Result<(), String> {
        let name = text(value, "name")?.to_owned();
        let limit = (kind == "limit")
            .then(|| statement::read::limit(value))
            .flatten();
        let table = self.find(value)?;
        let object = Object {
            kind: kind.to_owned(),
            name: name.clone(),
            limit,
            source,
        };
        table.objects.insert((kind.to_owned(), name), object);
        Ok(())
    }

    /// Marks the sets that rules write to: older versions do not print the flag `dynamic`.
    pub(super) fn finish(mut self) -> Parsed<Ruleset> {
        for table in &mut self.parsed.value.tables {
            for rule in table.chains.iter().flat_map(|chain| &chain.rules) {
                for statement in &rule.statements {
                    if let Statement::SetUpdate { set, .. } = statement
                        && let Some(set) = table.sets.get_mut(set)
                    {
                        set.volatile = true;
                    }
                }
            }
        }
        self.parsed
    }
}

/// nft 1.0.6 prints other strings in the place of flags: then nobody knows which flags these were.
fn dormant(flags: &Value) -> Option<bool> {
    let list = match flags {
        Value::Array(list) => list.as_slice(),
        other => std::slice::from_ref(other),
    };
    let is = |name: &str| list.iter().any(|flag| flag.as_str() == Some(name));
    let known = |flag: &Value| matches!(flag.as_str(), Some("dormant" | "owner" | "persist"));
    if is("dormant") {
        Some(true)
    } else {
        list.iter().all(known).then_some(false)
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Result<&'v str, String> {
    (value.get(name).and_then(Value::as_str)).ok_or_else(|| format!("`{name}` is missing"))
}

fn family(name: &str) -> Result<TableFamily, String> {
    Ok(match name {
        "ip" => TableFamily::Ip,
        "ip6" => TableFamily::Ip6,
        "inet" => TableFamily::Inet,
        "arp" => TableFamily::Arp,
        "bridge" => TableFamily::Bridge,
        "netdev" => TableFamily::Netdev,
        _ => return Err(format!("family `{name}` is not known")),
    })
}

fn base(value: &Value, family: TableFamily) -> Result<BaseChain, String> {
    let kind = match text(value, "type")? {
        "filter" => ChainKind::Filter,
        "nat" => ChainKind::Nat,
        "route" => ChainKind::Route,
        other => ChainKind::Unknown(other.to_owned()),
    };
    let hook = match text(value, "hook")? {
        "prerouting" => ChainHook::Prerouting,
        "input" => ChainHook::Input,
        "forward" => ChainHook::Forward,
        "output" => ChainHook::Output,
        "postrouting" => ChainHook::Postrouting,
        "ingress" => ChainHook::Ingress,
        "egress" => ChainHook::Egress,
        other => ChainHook::Unknown(other.to_owned()),
    };
    let prio = value.get("prio").ok_or("`prio` is missing")?;
    let priority = priority::read(prio, family)
        .ok_or_else(|| format!("priority `{prio}` is not understood"))?;
    let devices = match value.get("dev") {
        Some(Value::String(device)) => Some(vec![device.clone()]),
        Some(Value::Array(list)) => Some(
            list.iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        ),
        Some(_) | None => None,
    };
    let policy = match value.get("policy").and_then(Value::as_str) {
        Some("drop") => Policy::Drop,
        Some("accept") | None => Policy::Accept,
        Some(other) => return Err(format!("policy `{other}` is not known")),
    };
    Ok(BaseChain {
        kind,
        hook,
        priority,
        devices,
        policy,
    })
}

fn handle(value: &Value) -> Option<u64> {
    value.get("handle").and_then(Value::as_u64)
}
