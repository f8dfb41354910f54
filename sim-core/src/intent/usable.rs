//! Which of a service's endpoints kube-proxy uses on a node (`CategorizeEndpoints()`).

use std::net::IpAddr;

use crate::evidence::kube::endpoints::SliceEndpoint;
use crate::evidence::kube::service::Service;

/// An endpoint, as far as it decides whether it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) address: IpAddr,
    pub(crate) ready: bool,
    /// It is terminating and still serves: used where none is ready.
    pub(crate) draining: bool,
    pub(crate) node: Option<String>,
    /// Topology hints: the zones, and the nodes, that are to use it.
    zones: Vec<String>,
    nodes: Vec<String>,
}

impl Endpoint {
    pub(crate) fn of_slice(endpoint: &SliceEndpoint, publish_not_ready: bool) -> Option<Self> {
        // All but the first address are ignored.
        let address = *endpoint.addresses.first()?;
        let ready = endpoint.ready || publish_not_ready;
        Some(Self {
            address,
            ready,
            draining: !ready && endpoint.serving && endpoint.terminating,
            node: endpoint.node.clone(),
            zones: endpoint.hints.clone(),
            nodes: endpoint.hint_nodes.clone(),
        })
    }

    /// One of an `Endpoints` object, which knows no hints.
    pub(crate) fn plain(address: IpAddr, ready: bool, node: Option<String>) -> Self {
        Self {
            address,
            ready,
            draining: false,
            node,
            zones: Vec::new(),
            nodes: Vec::new(),
        }
    }

    pub(crate) fn has_hints(&self) -> bool {
        !self.zones.is_empty() || !self.nodes.is_empty()
    }
}

/// Those that take traffic: the ready ones, and where there is none, those that are draining.
pub(crate) fn taking<'e>(
    endpoints: impl Iterator<Item = &'e Endpoint> + Clone,
) -> Vec<&'e Endpoint> {
    let ready: Vec<&Endpoint> = endpoints.clone().filter(|one| one.ready).collect();
    if ready.is_empty() {
        endpoints.filter(|one| one.draining).collect()
    } else {
        ready
    }
}

/// How near a service keeps its connections (`topologyModeFromHints()`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nearness {
    SameZone,
    SameNode,
}

/// The ready endpoints that a node in `zone` uses because of hints; `None` where hints leave out none.
pub(crate) fn near<'e>(
    endpoints: &'e [Endpoint],
    node: &str,
    zone: Option<&str>,
) -> Option<(Nearness, Vec<&'e Endpoint>)> {
    let ready: Vec<&Endpoint> = endpoints.iter().filter(|one| one.ready).collect();
    let by = |nearness, hints: fn(&Endpoint) -> &[String], own: &str| {
        let hinted = ready.iter().all(|one| !hints(one).is_empty());
        let used = ready
            .iter()
            .filter(|one| hints(one).iter().any(|hint| hint == own));
        let used: Vec<&Endpoint> = used.copied().collect();
        (hinted && !used.is_empty()).then_some((nearness, used))
    };
    let found = by(Nearness::SameNode, |one| one.nodes.as_slice(), node)
        .or_else(|| by(Nearness::SameZone, |one| one.zones.as_slice(), zone?));
    found.filter(|(_, used)| used.len() < ready.len())
}

/// Whether every kube-proxy heeds the service's hints: older ones ask for the annotation or the field.
pub(crate) fn heeds_hints(service: &Service) -> bool {
    const ANNOTATIONS: [&str; 2] = [
        "service.kubernetes.io/topology-mode",
        "service.kubernetes.io/topology-aware-hints",
    ];
    let is_auto = |key: &&str| {
        let value = service.meta.annotations.get(*key);
        value.is_some_and(|value| value.eq_ignore_ascii_case("auto"))
    };
    service.traffic_distribution.is_some() || ANNOTATIONS.iter().any(is_auto)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Address, state (`r`eady, `d`raining, `-`), zone hints, node hints.
    fn endpoints(rows: &[(u8, char, &str, &str)]) -> Vec<Endpoint> {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        rows.iter()
            .map(|(last, state, zones, nodes)| Endpoint {
                address: IpAddr::from([10, 0, 0, *last]),
                ready: *state == 'r',
                draining: *state == 'd',
                node: Some(format!("n{last}")),
                zones: words(zones),
                nodes: words(nodes),
            })
            .collect()
    }

    fn last(used: &[&Endpoint]) -> Vec<u8> {
        let octet = |one: &&Endpoint| match one.address {
            IpAddr::V4(v4) => v4.octets()[3],
            IpAddr::V6(_) => 0,
        };
        used.iter().map(octet).collect()
    }

    #[test]
    fn terminating_ones_take_traffic_only_where_none_is_ready() {
        for (rows, taken) in [
            (
                &[(1, 'r', "", ""), (2, 'd', "", ""), (3, '-', "", "")][..],
                &[1][..],
            ),
            (&[(2, 'd', "", ""), (3, '-', "", "")], &[2]),
            (&[(3, '-', "", "")], &[]),
        ] {
            assert_eq!(last(&taking(endpoints(rows).iter())), taken);
        }
    }

    /// The cases of kube-proxy's own rule: all ready endpoints need hints, and one must be for here.
    #[test]
    fn hints_count_where_every_ready_endpoint_has_some_and_one_is_for_here() {
        use Nearness::{SameNode, SameZone};
        for (rows, found) in [
            (
                &[(1, 'r', "a", ""), (2, 'r', "b", "")][..],
                Some((SameZone, vec![1])),
            ),
            (
                &[(1, 'r', "a b", ""), (2, 'r', "b", "")],
                Some((SameZone, vec![1])),
            ),
            (&[(1, 'r', "a", ""), (2, 'r', "", "")], None),
            (
                &[(1, 'r', "a", ""), (2, '-', "", ""), (3, 'r', "b", "")],
                Some((SameZone, vec![1])),
            ),
            (&[(1, 'r', "b", ""), (2, 'r', "c", "")], None),
            (&[(1, 'r', "a", ""), (2, 'r', "a", "")], None),
            (
                &[(1, 'r', "a", "n9"), (2, 'r', "a", "n8")],
                Some((SameNode, vec![1])),
            ),
            (
                &[(1, 'r', "a", "n7"), (2, 'r', "b", "n8")],
                Some((SameZone, vec![1])),
            ),
            (&[(1, 'd', "a", ""), (2, 'd', "b", "")], None),
        ] {
            let all = endpoints(rows);
            let near = near(&all, "n9", Some("a"));
            assert_eq!(near.map(|(nearness, used)| (nearness, last(&used))), found);
        }
        let all = endpoints(&[(1, 'r', "a", ""), (2, 'r', "b", "")]);
        assert_eq!(near(&all, "n9", None), None);
    }
}
