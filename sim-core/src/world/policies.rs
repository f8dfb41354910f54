//! The policies that a capture holds, of every kind, compiled once.

use std::sync::Arc;

use super::kube::own_part;
use super::{Halt, World};
use crate::intent::policy::{self, Kind, Policies, Policy};
use crate::snapshot::FileState;
use crate::source::{Parsed, SourceFile};

/// A list's policies, compiled.
pub(super) type Compiled = Arc<Parsed<Vec<Arc<Policy>>>>;

/// Policies put together, and the entries that they come from.
#[derive(Debug)]
pub(super) struct Composed {
    policies: Arc<Policies>,
    entries: Vec<String>,
}

/// What is looked for: lists of one kind.
struct Sought {
    list: &'static str,
    compile: fn(&Arc<SourceFile>) -> Parsed<Vec<Policy>>,
}

const NETWORK: Sought = Sought {
    list: "kube/networkpolicies.json",
    compile: |file| {
        let Parsed { value, problems } = crate::evidence::kube::policy::parse(file);
        Parsed {
            value: value.iter().map(policy::network_policy).collect(),
            problems,
        }
    },
};

impl World<'_> {
    /// The policies that bear on pods of `namespace`; of all namespaces where none is given.
    pub(crate) fn policies(&mut self, namespace: Option<&str>) -> Result<Arc<Policies>, Halt> {
        let key = namespace.map(str::to_owned);
        if let Some(composed) = self.parses.kube.composed.get(&key) {
            let (policies, entries) = (Arc::clone(&composed.policies), composed.entries.clone());
            // Read again: the receipt counts them.
            for entry in &entries {
                self.file(entry)?;
            }
            return Ok(policies);
        }
        let mut reading = Reading {
            world: self,
            namespace,
            entries: Vec::new(),
            policies: Policies::default(),
        };
        reading.read()?;
        let Reading {
            entries, policies, ..
        } = reading;
        let policies = Arc::new(policies);
        let composed = Composed {
            policies: Arc::clone(&policies),
            entries,
        };
        self.parses.kube.composed.insert(key, composed);
        Ok(policies)
    }
}

/// Network plugins with policies of their own, by the label `k8s-app` of their agents.
const AGENTS: &[(&str, &str, Kind)] = &[
    ("calico-node", "Calico", Kind::Calico),
    ("cilium", "Cilium", Kind::Cilium),
];

impl World<'_> {
    /// What is taken for granted of the policies on `node` (on all where none is given): a plugin runs there whose own
    /// kind was not captured.
    pub(crate) fn uncaptured_policies(
        &mut self,
        policies: &Policies,
        node: Option<&str>,
    ) -> Result<Vec<String>, Halt> {
        const LIST: &str = "kube/pods.json";
        let parts = self.parts(LIST)?;
        let entries: Vec<&str> = match node {
            Some(node) => own_part(&parts, LIST, node).into_iter().collect(),
            None => parts.iter().map(String::as_str).collect(),
        };
        let mut agents: Vec<&str> = Vec::new();
        for entry in entries {
            agents.extend(self.agents(entry)?.iter());
        }
        let uncaptured = AGENTS
            .iter()
            .filter(|(label, _, kind)| agents.contains(label) && !policies.captured.contains(kind));
        Ok(uncaptured
            .map(|(_, plugin, _)| {
                format!("{plugin}'s own policies were not captured: taken to be none")
            })
            .collect())
    }

    /// The plugins' agents in a list of pods.
    fn agents(&mut self, entry: &str) -> Result<Arc<[&'static str]>, Halt> {
        let pods = self.pods(entry)?;
        if let Some(known) = self.parses.kube.agents.get(entry) {
            return Ok(Arc::clone(known));
        }
        let labels = AGENTS.iter().map(|(label, ..)| *label);
        let found = labels.filter(|label| {
            let mut pods = pods.iter();
            pods.any(|pod| pod.meta.labels.get("k8s-app").map(String::as_str) == Some(label))
        });
        let found: Arc<[&'static str]> = found.collect();
        let kept = &mut self.parses.kube.agents;
        kept.insert(entry.to_owned(), Arc::clone(&found));
        Ok(found)
    }
}

struct Reading<'w, 's, 'n> {
    world: &'w mut World<'s>,
    namespace: Option<&'n str>,
    entries: Vec<String>,
    policies: Policies,
}

impl Reading<'_, '_, '_> {
    fn read(&mut self) -> Result<(), Halt> {
        let network = self.namespaced(&NETWORK)?;
        match network {
            Some(_) => self.policies.captured.push(Kind::Network),
            None => {
                let missing = format!("{} was not captured", NETWORK.list);
                self.policies.missing.push(missing);
            }
        }
        let default = ("default", policy::DEFAULT, policy::Action::Deny);
        self.policies.add(default, network.unwrap_or_default());
        Ok(())
    }

    /// The policies of a list whose objects have namespaces; `None` where it was not captured.
    fn namespaced(&mut self, sought: &Sought) -> Result<Option<Vec<Arc<Policy>>>, Halt> {
        let parts = self.world.parts(sought.list)?;
        let own: Vec<String> = match self.namespace {
            // A split list has no part for a namespace without objects.
            Some(namespace) => own_part(&parts, sought.list, namespace)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            None => parts.to_vec(),
        };
        if parts.is_empty() && !self.is_known_empty(sought.list)? {
            return Ok(None);
        }
        self.compiled(sought, own).map(Some)
    }

    fn compiled(
        &mut self,
        sought: &Sought,
        entries: Vec<String>,
    ) -> Result<Vec<Arc<Policy>>, Halt> {
        let mut all = Vec::new();
        for entry in entries {
            let file = self.world.file(&entry)?;
            let compiled = match self.world.parses.kube.compiled.get(&entry) {
                Some(compiled) => Arc::clone(compiled),
                None => {
                    let Parsed { value, problems } =
                        file.map(|file| (sought.compile)(&file)).unwrap_or_default();
                    let value = value.into_iter().map(Arc::new).collect();
                    let compiled = Arc::new(Parsed { value, problems });
                    let kept = &mut self.world.parses.kube.compiled;
                    kept.insert(entry.clone(), Arc::clone(&compiled));
                    compiled
                }
            };
            all.extend(compiled.value.iter().cloned());
            let unread = compiled.problems.iter().map(ToString::to_string);
            self.policies.missing.extend(unread);
            self.entries.push(entry);
        }
        Ok(all)
    }

    /// Whether the list was asked for, and there was nothing.
    fn is_known_empty(&mut self, list: &str) -> Result<bool, Halt> {
        let states = World::done(self.world.store.states("kube"))?;
        let name = list.strip_prefix("kube/").unwrap_or(list);
        Ok(matches!(
            states.get(name),
            Some(FileState::Empty | FileState::Absent | FileState::Redundant)
        ))
    }
}
