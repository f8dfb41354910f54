//! Kubernetes objects, read as far as a question needs them and kept from question to question.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::policies::{Compiled, Composed};
use super::{Halt, World};
use crate::evidence::kube::config::{ConfigMap, parse as config_maps};
use crate::evidence::kube::endpoints::{
    EndpointSlice, Endpoints, parse as endpoints, parse_slices,
};
use crate::evidence::kube::generic;
use crate::evidence::kube::meta::Meta;
use crate::evidence::kube::node::{Namespace, Node, parse as parse_nodes, parse_namespaces};
use crate::evidence::kube::pod::{Pod, parse as pods};
use crate::evidence::kube::service::{Service, parse as services};
use crate::intent::policy::Labels;
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::source::{Parsed, SourceFile};

/// The objects of one entry; `None` where it is missing or holds something that cannot be read.
type Listed<T> = Option<Arc<Objects<T>>>;

/// A list's objects, found by namespace and name.
#[derive(Debug)]
pub(crate) struct Objects<T> {
    all: Vec<T>,
    /// Places in `all`, sorted by namespace and name; of equal ones the first in the list first.
    by_name: Vec<usize>,
}

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            by_name: Vec::new(),
        }
    }
}

impl<T> std::ops::Deref for Objects<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.all
    }
}

impl<T: Named> Objects<T> {
    fn new(all: Vec<T>) -> Self {
        let mut by_name: Vec<usize> = (0..all.len()).collect();
        by_name.sort_by_key(|place| all.get(*place).map(T::key));
        Self { all, by_name }
    }

    /// All objects with this key.
    pub(crate) fn named(&self, namespace: &str, name: &str) -> impl Iterator<Item = &T> {
        let key = |place: &usize| self.all.get(*place).map(T::key);
        let wanted = (namespace, name);
        let first = self
            .by_name
            .partition_point(|place| key(place) < Some(wanted));
        let rest = self.by_name.get(first..).unwrap_or_default();
        rest.iter()
            .take_while(move |place| key(place) == Some(wanted))
            .filter_map(|place| self.all.get(*place))
    }
}

/// What an object is looked up by.
pub(crate) trait Named {
    /// Namespace and name.
    fn key(&self) -> (&str, &str);
}

macro_rules! named_by_meta {
    ($($kind:ty),*) => {
        $(impl Named for $kind {
            fn key(&self) -> (&str, &str) {
                (&self.meta.namespace, &self.meta.name)
            }
        })*
    };
}
named_by_meta!(
    Pod,
    Service,
    Node,
    Namespace,
    Endpoints,
    ConfigMap,
    generic::Object
);

/// An object of which only the labels matter.
#[derive(Debug)]
struct Labelled(Meta);

impl Named for Labelled {
    fn key(&self) -> (&str, &str) {
        (&self.0.namespace, &self.0.name)
    }
}

impl Named for EndpointSlice {
    /// Its service's.
    fn key(&self) -> (&str, &str) {
        let service = self.service.as_deref().unwrap_or_default();
        (&self.meta.namespace, service)
    }
}

/// Parsed lists, by entry.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pods: BTreeMap<String, Listed<Pod>>,
    services: BTreeMap<String, Listed<Service>>,
    nodes: BTreeMap<String, Listed<Node>>,
    accounts: BTreeMap<String, Listed<Labelled>>,
    /// The plugins' agents in a list of pods.
    pub(super) agents: BTreeMap<String, Arc<[&'static str]>>,
    pub(super) compiled: BTreeMap<String, Compiled>,
    /// By namespace; of all under `None`.
    pub(super) composed: BTreeMap<Option<String>, Composed>,
    namespaces: BTreeMap<String, Listed<Namespace>>,
    slices: BTreeMap<String, Listed<EndpointSlice>>,
    endpoints: BTreeMap<String, Listed<Endpoints>>,
    config_maps: BTreeMap<String, Listed<ConfigMap>>,
    objects: BTreeMap<String, Listed<generic::Object>>,
}

impl World<'_> {
    /// The pod of this name in `entry`.
    pub(crate) fn pod(
        &mut self,
        entry: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Pod>, Halt> {
        let list = self.listed(entry, |lists| &mut lists.pods, pods)?;
        Ok(list.and_then(|pods| pods.named(namespace, name).next().cloned()))
    }

    /// All pods in `entry`; none where it cannot be read.
    pub(crate) fn pods(&mut self, entry: &str) -> Result<Arc<Objects<Pod>>, Halt> {
        let list = self.listed(entry, |lists| &mut lists.pods, pods)?;
        Ok(list.unwrap_or_default())
    }

    /// All pods where the list is whole; of a list that is split by node, those of `nodes`.
    pub(crate) fn pods_on<'n>(
        &mut self,
        nodes: impl Iterator<Item = &'n str>,
    ) -> Result<Vec<Arc<Objects<Pod>>>, Halt> {
        const LIST: &str = "kube/pods.json";
        let mut lists = Vec::new();
        for entry in own_parts(&self.parts(LIST)?, LIST, nodes) {
            lists.extend(self.listed(&entry, |lists| &mut lists.pods, pods)?);
        }
        Ok(lists)
    }

    /// The service of this name in `entry`.
    pub(crate) fn service(
        &mut self,
        entry: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Service>, Halt> {
        let list = self.listed(entry, |lists| &mut lists.services, services)?;
        Ok(list.and_then(|services| services.named(namespace, name).next().cloned()))
    }

    /// The labels of a node.
    pub(crate) fn node_labels(&mut self, name: &str) -> Result<Labels, Halt> {
        let record = self.by_name(ObjectKind::Node, "", name)?.into_iter().next();
        let Some(IndexRecord::Object { entry, .. }) = record else {
            return Ok(None);
        };
        let list = self.listed(&entry, |lists| &mut lists.nodes, parse_nodes)?;
        let node = list.and_then(|nodes| nodes.named("", name).next().cloned());
        Ok(node.map(|node| Arc::new(node.meta.labels)))
    }

    /// The labels of a service account.
    pub(crate) fn account_labels(
        &mut self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, Halt> {
        const LIST: &str = "kube/serviceaccounts.json";
        let parts = self.parts(LIST)?;
        let Some(entry) = own_part(&parts, LIST, namespace) else {
            return Ok(None);
        };
        let list = self.listed(
            entry,
            |lists| &mut lists.accounts,
            |file| {
                let Parsed { value, problems } = generic::parse(file);
                let value = value.into_iter().map(|object| Labelled(object.meta));
                Parsed {
                    value: value.collect(),
                    problems,
                }
            },
        )?;
        Ok(list.and_then(|all| {
            let account = all.named(namespace, name).next();
            account.map(|account| account.0.labels.clone())
        }))
    }

    /// All nodes where the list is whole; of a list that is split, those named.
    pub(crate) fn nodes_named<'n>(
        &mut self,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Vec<Arc<Objects<Node>>>, Halt> {
        const LIST: &str = "kube/nodes.json";
        let mut lists = Vec::new();
        for entry in own_parts(&self.parts(LIST)?, LIST, names) {
            lists.extend(self.listed(&entry, |lists| &mut lists.nodes, parse_nodes)?);
        }
        Ok(lists)
    }

    /// All nodes, of a split list too.
    pub(crate) fn all_nodes(&mut self) -> Result<Vec<Arc<Objects<Node>>>, Halt> {
        let mut lists = Vec::new();
        for entry in self.parts("kube/nodes.json")?.iter() {
            lists.extend(self.listed(entry, |lists| &mut lists.nodes, parse_nodes)?);
        }
        Ok(lists)
    }

    /// The labels of a namespace.
    pub(crate) fn namespace_labels(
        &mut self,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, Halt> {
        for entry in self.parts("kube/namespaces.json")?.iter() {
            let list = self.listed(entry, |lists| &mut lists.namespaces, parse_namespaces)?;
            let labels = list.and_then(|namespaces| {
                namespaces
                    .iter()
                    .find(|namespace| namespace.meta.name == name)
                    .map(|namespace| namespace.meta.labels.clone())
            });
            if labels.is_some() {
                return Ok(labels);
            }
        }
        Ok(None)
    }

    /// A service's endpoint slices; `None` where they are not known.
    pub(crate) fn slices(
        &mut self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Vec<EndpointSlice>>, Halt> {
        const LIST: &str = "kube/endpointslices.json";
        let parts = self.parts(LIST)?;
        let list = match own_part(&parts, LIST, namespace) {
            Some(entry) => self.listed(entry, |lists| &mut lists.slices, parse_slices)?,
            None => (!parts.is_empty()).then(Arc::default),
        };
        Ok(list.map(|slices| {
            let own = slices.named(namespace, name);
            own.filter(|slice| slice.service.is_some())
                .cloned()
                .collect()
        }))
    }

    /// A service's Endpoints object, the old form; `None` where it is missing.
    pub(crate) fn endpoints(
        &mut self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Endpoints>, Halt> {
        const LIST: &str = "kube/endpoints.json";
        let parts = self.parts(LIST)?;
        let Some(entry) = own_part(&parts, LIST, namespace) else {
            return Ok(None);
        };
        let list = self.listed(entry, |lists| &mut lists.endpoints, endpoints)?;
        Ok(list.and_then(|all| all.named(namespace, name).next().cloned()))
    }

    /// The services of a namespace (of all, where the list is whole); `None` where they are not known.
    pub(crate) fn services(&mut self, namespace: &str) -> Result<Listed<Service>, Halt> {
        const LIST: &str = "kube/services.json";
        let parts = self.parts(LIST)?;
        match own_part(&parts, LIST, namespace) {
            Some(entry) => self.listed(entry, |lists| &mut lists.services, services),
            None => Ok((!parts.is_empty()).then(Arc::default)),
        }
    }

    /// The ConfigMap of this name; `None` where the list is not known.
    pub(crate) fn config_map(
        &mut self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Option<ConfigMap>>, Halt> {
        const LIST: &str = "kube/configmaps.json";
        let parts = self.parts(LIST)?;
        let list = match own_part(&parts, LIST, namespace) {
            Some(entry) => self.listed(entry, |lists| &mut lists.config_maps, config_maps)?,
            None => (!parts.is_empty()).then(Arc::default),
        };
        Ok(list.map(|maps| maps.named(namespace, name).next().cloned()))
    }

    /// The names of all namespaces; `None` where they are not known.
    pub(crate) fn namespace_names(&mut self) -> Result<Option<Vec<String>>, Halt> {
        let mut names = Vec::new();
        let parts = self.parts("kube/namespaces.json")?;
        for entry in parts.iter() {
            match self.listed(entry, |lists| &mut lists.namespaces, parse_namespaces)? {
                Some(list) => names.extend(list.iter().map(|one| one.meta.name.clone())),
                None => return Ok(None),
            }
        }
        Ok((!parts.is_empty()).then_some(names))
    }

    /// All pods; `None` where they are not known.
    pub(crate) fn all_pods(&mut self) -> Result<Option<Vec<Pod>>, Halt> {
        let mut all = Vec::new();
        let parts = self.parts("kube/pods.json")?;
        for entry in parts.iter() {
            match self.listed(entry, |lists| &mut lists.pods, pods)? {
                Some(list) => all.extend(list.iter().cloned()),
                None => return Ok(None),
            }
        }
        Ok((!parts.is_empty()).then_some(all))
    }

    /// All objects of a resource that is kept whole, e.g. `ingresses`; `None` where they are not known.
    pub(crate) fn objects_of(
        &mut self,
        resource: &str,
    ) -> Result<Option<Vec<generic::Object>>, Halt> {
        let mut all = Vec::new();
        let parts = self.parts(&format!("kube/{resource}.json"))?;
        for entry in parts.iter() {
            match self.listed(entry, |lists| &mut lists.objects, generic::parse)? {
                Some(list) => all.extend(list.iter().cloned()),
                None => return Ok(None),
            }
        }
        Ok((!parts.is_empty()).then_some(all))
    }

    fn listed<T: Named>(
        &mut self,
        entry: &str,
        kept: impl Fn(&mut Lists) -> &mut BTreeMap<String, Listed<T>>,
        parse: impl FnOnce(&Arc<SourceFile>) -> Parsed<Vec<T>>,
    ) -> Result<Listed<T>, Halt> {
        // Read again where it is parsed already: the receipt counts it.
        let file = self.file(entry)?;
        if let Some(list) = kept(&mut self.parses.kube).get(entry) {
            return Ok(list.clone());
        }
        let list = file.and_then(|file| {
            let parsed = parse(&file);
            parsed
                .problems
                .is_empty()
                .then(|| Arc::new(Objects::new(parsed.value)))
        });
        kept(&mut self.parses.kube).insert(entry.to_owned(), list.clone());
        Ok(list)
    }
}

/// Of a list's entries, those that hold the objects of `keys`.
fn own_parts<'n>(parts: &[String], list: &str, keys: impl Iterator<Item = &'n str>) -> Vec<String> {
    if parts.iter().any(|part| part == list) {
        return vec![list.to_owned()];
    }
    keys.filter_map(|key| own_part(parts, list, key))
        .map(str::to_owned)
        .collect()
}

/// Of a list's entries, the one that holds the objects of `namespace`: the list itself, or that namespace's part.
pub(super) fn own_part<'p>(parts: &'p [String], list: &str, namespace: &str) -> Option<&'p str> {
    let stem = list.strip_suffix(".json").unwrap_or(list);
    let own = format!("{stem}/{namespace}.json");
    parts
        .iter()
        .find(|part| **part == list || **part == own)
        .map(String::as_str)
}
