//! The questions about intent alone: one connection, and all pairs of pods.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::policy::{Direction, End, Matrix, rule};
use super::{Intended, Side, ends};
use crate::flow::Protocol;
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::verdict::Intention;
use crate::world::{Halt, World};

/// The name of the matrix's JSON format. It holds what is intended, not what is so.
pub const SCHEMA: &str = "pathglass.intended-matrix/v1";

/// What is asked of all pairs of pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatrixRequest {
    /// TCP, UDP, SCTP or ICMP.
    pub protocol: Protocol,
    /// The port of the pod that is connected to.
    pub port: u16,
    /// Between IPv6 addresses; IPv4 unless no pod has one.
    pub ipv6: Option<bool>,
}

/// What network policies intend between all pairs of pods: never what is so.
#[derive(Debug)]
pub struct IntendedMatrix {
    /// The question.
    pub request: MatrixRequest,
    /// The pods as `namespace/name`, sorted.
    pub pods: Vec<String>,
    /// Pods that are not in it, with why.
    pub left_out: Vec<LeftOut>,
    /// What was taken for granted.
    pub assumptions: Vec<String>,
    addresses: Vec<IpAddr>,
    matrix: Matrix,
}

/// A pod that no connection can be made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// `namespace/name`.
    pub pod: String,
    /// Why.
    pub why: String,
}

/// Connections that the same pods would make: one row for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SharedRow {
    /// The pods that connect, as places in `pods`.
    pub from: Vec<usize>,
    /// One sign for each pod that is connected to: `.` allowed, `x` forbidden, `?` unknown.
    pub to: String,
}

/// The question about one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntendedRequest {
    /// `pod:ns/name`, `node:name`, `ip:address`.
    pub from: String,
    /// The same.
    pub to: String,
    /// TCP, UDP, SCTP or ICMP.
    pub protocol: Protocol,
    /// The port that is connected to, after a service's was translated.
    pub port: u16,
}

impl IntendedMatrix {
    /// What is intended for a connection from the pod at one place of `pods` to that at another.
    #[must_use]
    pub fn cell(&self, from: usize, to: usize) -> Intention {
        self.matrix.cell(from, to)
    }

    /// The address of the pod at a place of `pods`.
    #[must_use]
    pub fn address(&self, pod: usize) -> Option<IpAddr> {
        self.addresses.get(pod).copied()
    }

    /// Every row once. A pod always reaches itself, whatever its row says.
    #[must_use]
    pub fn rows(&self) -> Vec<SharedRow> {
        let sign = |cell| match cell {
            Intention::Allows => '.',
            Intention::Forbids => 'x',
            Intention::Unknown => '?',
        };
        let rows = self.matrix.rows().into_iter();
        rows.map(|(cells, from)| SharedRow {
            from,
            to: (0..self.pods.len())
                .map(|to| sign(cells.cell(to)))
                .collect(),
        })
        .collect()
    }
}

impl Serialize for IntendedMatrix {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut map = serializer.serialize_struct("IntendedMatrix", 9)?;
        map.serialize_field("schema", SCHEMA)?;
        map.serialize_field("protocol", &self.request.protocol)?;
        map.serialize_field("port", &self.request.port)?;
        let ipv6 = self.request.ipv6.unwrap_or(false);
        map.serialize_field("ip_version", if ipv6 { &6 } else { &4 })?;
        map.serialize_field("pods", &self.pods)?;
        map.serialize_field("rows", &self.rows())?;
        // Whatever its row says, since pods share rows.
        map.serialize_field("itself", &Intention::Allows)?;
        map.serialize_field("left_out", &self.left_out)?;
        map.serialize_field("assumptions", &self.assumptions)?;
        map.end()
    }
}

/// What is intended between all pods of `world`.
pub(crate) fn matrix(
    world: &mut World<'_>,
    request: MatrixRequest,
) -> Result<IntendedMatrix, Halt> {
    let policies = world.policies(None)?;
    let known = world.all_pods()?;
    let gap = known.is_none().then(|| {
        "kube/pods.json was not captured, or cannot be read: pods are missing here".to_owned()
    });
    let mut pods = known.unwrap_or_default();
    pods.sort_by(|a, b| (&a.meta.namespace, &a.meta.name).cmp(&(&b.meta.namespace, &b.meta.name)));
    let any_v4 = pods.iter().flat_map(|pod| &pod.ips).any(IpAddr::is_ipv4);
    let ipv6 = request.ipv6.unwrap_or(!any_v4 && !pods.is_empty());
    let (mut ends, mut names, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    for pod in pods {
        let name = format!("{}/{}", pod.meta.namespace, pod.meta.name);
        let own = pod.ips.iter().find(|address| address.is_ipv6() == ipv6);
        match (own.copied(), pod.phase.as_str()) {
            (_, phase @ ("Succeeded" | "Failed")) => left_out.push(LeftOut {
                pod: name,
                why: format!("it has ended ({phase})"),
            }),
            (None, phase) => left_out.push(LeftOut {
                pod: name,
                why: match pod.ips.is_empty() {
                    true => format!("it has no address ({phase})"),
                    false => "it has no address of this IP version".to_owned(),
                },
            }),
            (Some(address), _) => {
                ends.push(ends::of_pod(world, pod, address)?);
                names.push(name);
            }
        }
    }
    share_labels(&mut ends);
    let assumptions = world.uncaptured_policies(&policies, None)?;
    Ok(IntendedMatrix {
        addresses: ends.iter().map(|end| end.address).collect(),
        matrix: Matrix::new(&policies, &ends, request.protocol, request.port),
        request: MatrixRequest {
            ipv6: Some(ipv6),
            ..request
        },
        pods: names,
        left_out,
        assumptions: gap
            .into_iter()
            .chain(assumptions)
            .chain(policies.missing.iter().cloned())
            .collect(),
    })
}

/// What is intended for one connection, and each direction's part in it; nothing where a name means nothing here.
pub(crate) fn one(
    world: &mut World<'_>,
    request: &IntendedRequest,
) -> Result<Option<(Intention, Vec<crate::verdict::Intended>)>, Halt> {
    let address = |text: &str| text.trim_start_matches("ip:").parse::<IpAddr>().ok();
    let v6 = [&request.to, &request.from]
        .iter()
        .find_map(|text| address(text))
        .map(|address| address.is_ipv6());
    let server = named(world, &request.to, v6)?;
    let v6 = v6.or(server.as_ref().map(|end| end.address.is_ipv6()));
    let (Some(server), Some(client)) = (server, named(world, &request.from, v6)?) else {
        return Ok(None);
    };
    let mut sides = Vec::new();
    for (direction, own) in [(Direction::Egress, &client), (Direction::Ingress, &server)] {
        let Some(pod) = own.pod.clone() else {
            continue;
        };
        let policies = world.policies(Some(&pod.meta.namespace))?;
        let ruling = rule(
            &policies,
            direction,
            (&client, &server),
            request.protocol,
            request.port,
        );
        sides.push(Side::bare(direction, own.clone(), ruling));
    }
    let intention = match Intended::of(&sides) {
        Intended::Allows => Intention::Allows,
        Intended::Forbids => Intention::Forbids,
        Intended::Unknown => Intention::Unknown,
    };
    Ok(Some((
        intention,
        sides.iter().map(crate::verdict::stated).collect(),
    )))
}

fn named(world: &mut World<'_>, text: &str, v6: Option<bool>) -> Result<Option<End>, Halt> {
    let fits = |address: &&IpAddr| v6.is_none_or(|v6| address.is_ipv6() == v6);
    if let Some(name) = text.strip_prefix("pod:") {
        let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
        let record = world.by_name(ObjectKind::Pod, namespace, name)?;
        let Some(IndexRecord::Object { entry, .. }) = record.into_iter().next() else {
            return Ok(None);
        };
        let Some(pod) = world.pod(&entry, namespace, name)? else {
            return Ok(None);
        };
        let Some(address) = pod.ips.iter().find(fits).copied() else {
            return Ok(None);
        };
        return ends::of_pod(world, pod, address).map(Some);
    }
    if let Some(name) = text.strip_prefix("node:") {
        let record = world.by_name(ObjectKind::Node, "", name)?;
        let Some(IndexRecord::Object { addresses, .. }) = record.into_iter().next() else {
            return Ok(None);
        };
        let Some(address) = addresses.iter().find(fits).copied() else {
            return Ok(None);
        };
        return ends::of_address(world, address, text).map(Some);
    }
    match text.trim_start_matches("ip:").parse() {
        Ok(address) => ends::of_address(world, address, "").map(Some),
        Err(_) => Ok(None),
    }
}

/// Pods of one namespace look at one set of labels.
fn share_labels(ends: &mut [End]) {
    let mut known: std::collections::BTreeMap<String, super::policy::Labels> =
        std::collections::BTreeMap::new();
    for end in ends {
        if let Some(pod) = &end.pod {
            let labels = known.entry(pod.meta.namespace.clone());
            let labels = labels.or_insert_with(|| end.namespace_labels.clone());
            end.namespace_labels = labels.as_ref().map(Arc::clone);
        }
    }
}
