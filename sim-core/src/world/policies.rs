//! The policies that a capture holds, of every kind, compiled once and put together.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::kube::own_part;
use super::{Halt, World};
use crate::intent::policy::{self, Action, Kind, Policies, Policy, Surroundings, TierSpec};
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

const NETWORK: &str = "networkpolicies";

/// Kinds that are the whole cluster's, by resource.
const ADMIN: &[&str] = &[
    "adminnetworkpolicies",
    "baselineadminnetworkpolicies",
    "clusternetworkpolicies",
];

/// Calico serves its objects under two groups: either list holds them all.
const CALICO_GROUPS: &[&str] = &["", ".projectcalico.org", ".crd.projectcalico.org"];

/// Network plugins with policies of their own, by the label `k8s-app` of their agents.
const AGENTS: &[(&str, &str, Kind)] = &[
    ("calico-node", "Calico", Kind::Calico),
    ("canal", "Calico", Kind::Calico),
    ("cilium", "Cilium", Kind::Cilium),
];

fn network(file: &Arc<SourceFile>) -> Parsed<Vec<Policy>> {
    let Parsed { value, problems } = crate::evidence::kube::policy::parse(file);
    Parsed {
        value: value.iter().map(policy::network_policy).collect(),
        problems,
    }
}

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
            agents.extend(self.policy_agents(entry)?.iter());
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
    fn policy_agents(&mut self, entry: &str) -> Result<Arc<[&'static str]>, Halt> {
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
        let mut all = match self.entries_of(NETWORK, self.namespace)? {
            Some(entries) => {
                self.policies.captured.push(Kind::Network);
                self.compiled(entries, network)?
            }
            None => {
                let missing = format!("kube/{NETWORK}.json was not captured");
                self.policies.missing.push(missing);
                Vec::new()
            }
        };
        let mut n_admin = 0;
        for resource in ADMIN {
            if let Some(entries) = self.entries_of(resource, None)? {
                n_admin += 1;
                all.extend(self.compiled(entries, policy::admin_policies)?);
            }
        }
        if n_admin == ADMIN.len() {
            self.policies.captured.push(Kind::Admin);
        }
        let mut n_cilium = 0;
        for (resource, namespace) in [
            ("ciliumnetworkpolicies", self.namespace),
            ("ciliumclusterwidenetworkpolicies", None),
        ] {
            if let Some(entries) = self.entries_of(resource, namespace)? {
                n_cilium += 1;
                all.extend(self.compiled(entries, policy::cilium_policies)?);
            }
        }
        if n_cilium == 2 {
            self.policies.captured.push(Kind::Cilium);
        }
        let tiers = self.calico(&mut all)?;
        let by = |kind: Kind| all.iter().any(|policy: &Arc<Policy>| policy.kind == kind);
        if by(Kind::Calico) && by(Kind::Cilium) {
            let both = "policies of Calico and of Cilium: which of them is enforced is not known";
            self.policies.missing.push(both.to_owned());
        }
        self.compose(all, &tiers);
        Ok(())
    }

    /// Puts the policies into their tiers.
    fn compose(&mut self, all: Vec<Arc<Policy>>, tiers: &[TierSpec]) {
        let mut by_tier: BTreeMap<String, Vec<Arc<Policy>>> = BTreeMap::new();
        for policy in all {
            by_tier.entry(policy.tier.clone()).or_default().push(policy);
        }
        for (name, policies) in by_tier {
            let known = tiers.iter().find(|tier| tier.name == name);
            let (order, end) = match (name.as_str(), known) {
                (policy::ADMIN_TIER, _) => (policy::ADMIN, Action::Pass),
                (policy::BASELINE_TIER, _) => (policy::BASELINE, Action::Pass),
                (_, Some(tier)) => (tier.order, tier.end),
                (policy::DEFAULT_TIER, None) => (policy::DEFAULT, Action::Deny),
                (_, None) => {
                    let missing = format!("the tier {name} was not captured (kube/tiers.json)");
                    self.policies.missing.push(missing);
                    (f64::INFINITY, Action::Deny)
                }
            };
            self.policies.add((&name, order, end), policies);
        }
    }

    /// Calico's own policies, and the tiers.
    fn calico(&mut self, all: &mut Vec<Arc<Policy>>) -> Result<Vec<TierSpec>, Halt> {
        // The plain name is NetworkPolicy's own list.
        let groups = CALICO_GROUPS.iter().filter(|group| !group.is_empty());
        let own = self.first(NETWORK, groups, self.namespace)?;
        let global = self.first("globalnetworkpolicies", CALICO_GROUPS.iter(), None)?;
        if own.is_none() && global.is_none() {
            return Ok(Vec::new());
        }
        if own.is_some() && global.is_some() {
            self.policies.captured.push(Kind::Calico);
        }
        let around = self.surroundings()?;
        for entries in [own, global].into_iter().flatten() {
            all.extend(self.compiled(entries, |file| policy::calico_policies(file, &around))?);
        }
        self.parsed("tiers", policy::tiers)
    }

    /// What Calico's policies refer to.
    fn surroundings(&mut self) -> Result<Surroundings, Halt> {
        let mut sets = self.parsed("globalnetworksets", policy::network_sets)?;
        sets.extend(self.parsed("networksets", policy::network_sets)?);
        let endpoints = self.parsed("hostendpoints", crate::evidence::kube::generic::parse)?;
        let parts = self.world.parts("kube/namespaces.json")?;
        let mut namespaces = None;
        for entry in parts.iter() {
            let Some(file) = self.world.file(entry)? else {
                continue;
            };
            let parsed = crate::evidence::kube::node::parse_namespaces(&file).value;
            let known: &mut BTreeMap<_, _> = namespaces.get_or_insert_default();
            known.extend(
                parsed
                    .into_iter()
                    .map(|one| (one.meta.name, one.meta.labels)),
            );
        }
        Ok(Surroundings {
            sets,
            namespaces,
            host_endpoints: !endpoints.is_empty(),
        })
    }

    /// The first of a resource's lists, of these groups, that was captured.
    fn first<'g>(
        &mut self,
        resource: &str,
        groups: impl Iterator<Item = &'g &'g str>,
        namespace: Option<&str>,
    ) -> Result<Option<Vec<String>>, Halt> {
        for group in groups {
            let entries = self.entries_of(&format!("{resource}{group}"), namespace)?;
            if entries.is_some() {
                return Ok(entries);
            }
        }
        Ok(None)
    }

    /// Objects of Calico's that are no policies.
    fn parsed<T>(
        &mut self,
        resource: &str,
        parse: fn(&Arc<SourceFile>) -> Parsed<Vec<T>>,
    ) -> Result<Vec<T>, Halt> {
        let entries = self.first(resource, CALICO_GROUPS.iter(), None)?;
        let mut all = Vec::new();
        for entry in entries.into_iter().flatten() {
            if let Some(file) = self.world.file(&entry)? {
                let Parsed { value, problems } = parse(&file);
                all.extend(value);
                let unread = problems.iter().map(ToString::to_string);
                self.policies.missing.extend(unread);
            }
            self.entries.push(entry);
        }
        Ok(all)
    }

    /// The entries that hold a resource's objects (of a namespace, where one is given); `None` where it was not captured.
    fn entries_of(
        &mut self,
        resource: &str,
        namespace: Option<&str>,
    ) -> Result<Option<Vec<String>>, Halt> {
        let list = format!("kube/{resource}.json");
        let parts = self.world.parts(&list)?;
        if parts.is_empty() {
            let states = World::done(self.world.store.states("kube"))?;
            let state = states.get(&format!("{resource}.json")).copied();
            return Ok(match state {
                Some(FileState::Empty | FileState::Absent | FileState::Redundant) => {
                    Some(Vec::new())
                }
                Some(FileState::Failed) => {
                    let missing = format!("{list} could not be captured");
                    self.policies.missing.push(missing);
                    None
                }
                Some(FileState::Captured | FileState::NotTried) | None => None,
            });
        }
        Ok(Some(match namespace {
            // A split list has no part for a namespace without objects.
            Some(namespace) => own_part(&parts, &list, namespace)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            None => parts.to_vec(),
        }))
    }

    fn compiled(
        &mut self,
        entries: Vec<String>,
        compile: impl Fn(&Arc<SourceFile>) -> Parsed<Vec<Policy>>,
    ) -> Result<Vec<Arc<Policy>>, Halt> {
        let mut all = Vec::new();
        for entry in entries {
            let file = self.world.file(&entry)?;
            let compiled = match self.world.parses.kube.compiled.get(&entry) {
                Some(compiled) => Arc::clone(compiled),
                None => {
                    let Parsed { value, problems } =
                        file.map(|file| compile(&file)).unwrap_or_default();
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
}
