//! Kubernetes objects, read as far as a question needs them and kept from question to question.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Halt, World};
use crate::evidence::kube::endpoints::{
    EndpointSlice, Endpoints, parse as endpoints, parse_slices,
};
use crate::evidence::kube::node::{Namespace, parse_namespaces};
use crate::evidence::kube::pod::{Pod, parse as pods};
use crate::evidence::kube::policy::{NetworkPolicy, parse as policies};
use crate::evidence::kube::service::{Service, parse as services};
use crate::source::{Parsed, SourceFile};

/// The objects of one entry; `None` where it is missing or holds something that cannot be read.
type Listed<T> = Option<Arc<Vec<T>>>;

/// Parsed lists, by entry.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pods: BTreeMap<String, Listed<Pod>>,
    services: BTreeMap<String, Listed<Service>>,
    policies: BTreeMap<String, Listed<NetworkPolicy>>,
    namespaces: BTreeMap<String, Listed<Namespace>>,
    slices: BTreeMap<String, Listed<EndpointSlice>>,
    endpoints: BTreeMap<String, Listed<Endpoints>>,
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
        Ok(list.and_then(|pods| {
            pods.iter()
                .find(|pod| pod.meta.name == name && pod.meta.namespace == namespace)
                .cloned()
        }))
    }

    /// The service of this name in `entry`.
    pub(crate) fn service(
        &mut self,
        entry: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Service>, Halt> {
        let list = self.listed(entry, |lists| &mut lists.services, services)?;
        Ok(list.and_then(|services| {
            services
                .iter()
                .find(|service| service.meta.name == name && service.meta.namespace == namespace)
                .cloned()
        }))
    }

    /// The network policies of a namespace (of all, where the list is whole); `None` where they are not known.
    pub(crate) fn policies(&mut self, namespace: &str) -> Result<Listed<NetworkPolicy>, Halt> {
        const LIST: &str = "kube/networkpolicies.json";
        let parts = self.parts(LIST)?;
        match own_part(&parts, LIST, namespace) {
            Some(entry) => self.listed(entry, |lists| &mut lists.policies, policies),
            // A split list has no part for a namespace without objects.
            None => Ok((!parts.is_empty()).then(Arc::default)),
        }
    }

    /// The labels of a namespace.
    pub(crate) fn namespace_labels(
        &mut self,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, Halt> {
        for entry in self.parts("kube/namespaces.json")? {
            let list = self.listed(&entry, |lists| &mut lists.namespaces, parse_namespaces)?;
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
            slices
                .iter()
                .filter(|slice| {
                    slice.meta.namespace == namespace && slice.service.as_deref() == Some(name)
                })
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
        Ok(list.and_then(|all| {
            all.iter()
                .find(|item| item.meta.namespace == namespace && item.meta.name == name)
                .cloned()
        }))
    }

    fn listed<T>(
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
            parsed.problems.is_empty().then(|| Arc::new(parsed.value))
        });
        kept(&mut self.parses.kube).insert(entry.to_owned(), list.clone());
        Ok(list)
    }
}

/// Of a list's entries, the one that holds the objects of `namespace`: the list itself, or that namespace's part.
fn own_part<'p>(parts: &'p [String], list: &str, namespace: &str) -> Option<&'p str> {
    let stem = list.strip_suffix(".json").unwrap_or(list);
    let own = format!("{stem}/{namespace}.json");
    parts
        .iter()
        .find(|part| **part == list || **part == own)
        .map(String::as_str)
}
