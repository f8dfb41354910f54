//! What keeps pods from their work, and the pods that program a node's network: kube-proxy and the network plugin.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::evidence::kube::node::Node;
use crate::evidence::kube::pod::Pod;
use crate::flow::Protocol;
use crate::linux::packet::protocol;
use crate::source::Source;
use crate::world::{Halt, World};

/// Label keys by which agents are told.
const KEYS: [&str; 5] = [
    "k8s-app",
    "app",
    "component",
    "name",
    "app.kubernetes.io/name",
];

/// What network plugins call the pods that they run on each node.
const PLUGINS: [&str; 18] = [
    "antrea",
    "antrea-agent",
    "aws-node",
    "azure-cns",
    "calico-node",
    "canal",
    "cilium",
    "cilium-agent",
    "flannel",
    "kindnet",
    "kube-flannel",
    "kube-ovn-cni",
    "kube-router",
    "ovs",
    "terway",
    "terway-eniip",
    "tke-bridge-agent",
    "weave-net",
];

/// The pod that should do a node's work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Agent {
    /// The capture does not show such pods: another program may do the work.
    #[default]
    Unknown,
    /// It runs, and is ready.
    Runs,
    /// Other nodes have one, this one has none.
    Absent {
        /// One of the others.
        elsewhere: Source,
        /// A taint of this node that keeps it away, and the node.
        taint: Option<(String, Source)>,
    },
    /// It is there and does not run, or is not ready.
    Down {
        /// `pod:ns/name`.
        object: String,
        /// What is wrong with it, as the end of a sentence about it.
        why: String,
        /// It does not run at all.
        stopped: bool,
        source: Source,
    },
}

/// Those of one node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Agents {
    pub(crate) proxy: Agent,
    pub(crate) plugin: Agent,
}

/// A port of a node that a pod asks for (`hostPort`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPort {
    pub(crate) node: String,
    /// The node's address; all of them where none is named.
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: u16,
    /// Its number (IANA).
    pub(crate) protocol: u8,
    /// `pod:ns/name`.
    pub(crate) object: String,
    pub(crate) source: Source,
}

/// The ports that pods ask for on the nodes `names`; those with the node's own network need nobody to map them.
pub(crate) fn host_ports<'n>(
    world: &mut World<'_>,
    names: &(impl Iterator<Item = &'n str> + Clone),
) -> Result<Vec<HostPort>, Halt> {
    let lists = world.pods_on(names.clone())?;
    let mut found = Vec::new();
    for pod in lists.iter().flat_map(|list| list.iter()) {
        let Some(node) = pod
            .node
            .as_deref()
            .filter(|node| names.clone().any(|name| name == *node))
        else {
            continue;
        };
        let ended = matches!(pod.phase.as_str(), "Succeeded" | "Failed");
        if pod.host_network || ended {
            continue;
        }
        for declared in pod.ports.iter().filter(|declared| !declared.init) {
            if let Some(port) = declared.host_port {
                found.push(HostPort {
                    node: node.to_owned(),
                    address: declared.host_ip.filter(|ip| !ip.is_unspecified()),
                    port,
                    protocol: match declared.protocol {
                        Protocol::Tcp => protocol::TCP,
                        Protocol::Udp => protocol::UDP,
                        Protocol::Sctp => protocol::SCTP,
                        Protocol::Icmp => protocol::ICMP,
                    },
                    object: format!("pod:{}/{}", pod.meta.namespace, pod.meta.name),
                    source: pod.meta.source.clone(),
                });
            }
        }
    }
    Ok(found)
}

/// The agents of the nodes `names`.
pub(crate) fn agents<'n>(
    world: &mut World<'_>,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Result<BTreeMap<String, Agents>, Halt> {
    let lists = world.pods_on(names.clone())?;
    let pods = || lists.iter().flat_map(|list| list.iter());
    let nodes = world.nodes_named(names.clone())?;
    let nodes: Vec<&Node> = nodes.iter().flat_map(|list| list.iter()).collect();
    let proxies: Vec<&Pod> = pods().filter(|pod| is_proxy(pod)).collect();
    let plugins: Vec<&Pod> = pods().filter(|pod| is_plugin(pod)).collect();
    Ok(names
        .map(|name| {
            let node = nodes.iter().find(|node| node.meta.name == name).copied();
            let agents = Agents {
                proxy: agent(&proxies, name, node),
                plugin: agent(&plugins, name, node),
            };
            (name.to_owned(), agents)
        })
        .collect())
}

fn agent(pods: &[&Pod], node: &str, known: Option<&Node>) -> Agent {
    let own = |pod: &&&Pod| pod.bound_to.as_deref() == Some(node);
    let here = pods.iter().filter(own);
    let Some((pod, trouble)) = here
        .map(|pod| (pod, trouble(pod)))
        .min_by_key(|(_, trouble)| trouble.is_some())
    else {
        return match pods.first() {
            Some(other) => Agent::Absent {
                elsewhere: other.meta.source.clone(),
                taint: known.and_then(|known| repelled(other, known)),
            },
            None => Agent::Unknown,
        };
    };
    match trouble {
        None => Agent::Runs,
        Some(why) => Agent::Down {
            object: format!("pod:{}/{}", pod.meta.namespace, pod.meta.name),
            why,
            stopped: !pod.containers.iter().any(|container| container.running),
            source: pod.meta.source.clone(),
        },
    }
}

/// The taint of `node` that keeps pods such as `pod` away from it.
fn repelled(pod: &Pod, node: &Node) -> Option<(String, Source)> {
    let keeps_away = |taint: &&String| !taint.ends_with(":PreferNoSchedule");
    let taint = node.taints.iter().filter(keeps_away).find(|taint| {
        !pod.tolerations
            .iter()
            .any(|toleration| toleration.covers(taint))
    })?;
    Some((taint.clone(), node.meta.source.clone()))
}

fn labelled(pod: &Pod) -> impl Iterator<Item = &str> {
    KEYS.iter()
        .filter_map(|key| pod.meta.labels.get(*key))
        .map(String::as_str)
}

/// kubeadm, ACK (`kube-proxy-worker`, `kube-proxy-master`), static pods (`component: kube-proxy`).
fn is_proxy(pod: &Pod) -> bool {
    labelled(pod).any(|value| value.starts_with("kube-proxy"))
}

fn is_plugin(pod: &Pod) -> bool {
    pod.host_network && labelled(pod).any(|value| PLUGINS.contains(&value))
}

/// What keeps a pod from its work, as the end of a sentence about it; `None` where nothing does.
pub(crate) fn trouble(pod: &Pod) -> Option<String> {
    let waiting = pod
        .containers
        .iter()
        .find(|container| !container.ready)
        .map(|container| {
            let reason = container.reason.as_deref();
            let restarts = match container.restarts {
                0 => None,
                1 => Some("1 restart".to_owned()),
                n => Some(format!("{n} restarts")),
            };
            let said: Vec<&str> = reason.into_iter().chain(restarts.as_deref()).collect();
            let colon = if said.is_empty() { "" } else { ": " };
            format!("container {}{colon}{}", container.name, said.join(", "))
        });
    let condition = |kind: &str| {
        let found = pod
            .conditions
            .iter()
            .find(|condition| condition.kind == kind)?;
        (found.status == "False").then_some(found)
    };
    match pod.phase.as_str() {
        "Running" | "" if pod.ready => pod.meta.deleting.then(|| "is being deleted".to_owned()),
        "Running" | "" => {
            let gate = || {
                let unready = condition("Ready")?;
                unready.message.clone().or_else(|| unready.reason.clone())
            };
            let why = waiting.or_else(gate);
            Some(why.map_or_else(
                || "is not ready".to_owned(),
                |why| format!("is not ready ({why})"),
            ))
        }
        "Pending" => {
            let unscheduled = condition("PodScheduled").and_then(|scheduled| {
                let said = scheduled.message.as_ref().or(scheduled.reason.as_ref())?;
                Some(format!("`{}`", said.trim_end_matches('.')))
            });
            let unimportant = unscheduled.is_some() && pod.priority_class.is_none();
            let why = unscheduled.or(waiting);
            // The scheduler's sentences end with a full stop.
            let why = why.map_or_else(String::new, |why| {
                format!(" ({})", why.trim_end_matches('.'))
            });
            let class = if unimportant {
                ", and has no priority class"
            } else {
                ""
            };
            Some(format!("is Pending{why}{class}"))
        }
        phase => {
            let why = pod.message.as_ref().or(pod.reason.as_ref());
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            Some(format!("is {phase}{why}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Agent, agent, trouble};
    use crate::evidence::kube::pod::{Pod, parse};
    use crate::evidence::testing::{clean, file};

    fn pod(spec: &str, status: &str) -> Pod {
        let text = format!(
            r#"{{"kind":"List","items":[{{"kind":"Pod","metadata":{{"name":"p","namespace":"kube-system","labels":{{"k8s-app":"kube-proxy"}}}},
            "spec":{spec},"status":{status}}}]}}"#
        );
        let pods = clean(parse(&file("kube/pods.json", &text)));
        pods.into_iter().next().unwrap()
    }

    #[test]
    fn a_pending_pod_of_a_daemon_set_belongs_to_the_node_that_it_must_run_on() {
        let pod = pod(
            r#"{"containers":[{"name":"kube-proxy"}],"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms":[{"matchFields":[{"key":"metadata.name","operator":"In","values":["n2"]}]}]}}}}"#,
            r#"{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable",
            "message":"0/3 nodes are available: 1 Insufficient cpu"}]}"#,
        );
        assert_eq!(
            trouble(&pod).unwrap(),
            "is Pending (`0/3 nodes are available: 1 Insufficient cpu`), and has no priority class"
        );
        assert!(matches!(
            agent(&[&pod], "n2", None),
            Agent::Down { stopped: true, .. }
        ));
        assert!(matches!(agent(&[&pod], "n1", None), Agent::Absent { .. }));
        assert_eq!(agent(&[], "n1", None), Agent::Unknown);
    }

    #[test]
    fn of_two_pods_on_a_node_the_one_that_runs_counts() {
        let ready = pod(
            r#"{"nodeName":"n1","containers":[]}"#,
            r#"{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}"#,
        );
        let crashing = pod(
            r#"{"nodeName":"n1","containers":[{"name":"c"}]}"#,
            r#"{"phase":"Running","conditions":[{"type":"Ready","status":"False"}],"containerStatuses":[{"name":"c","ready":false,
            "restartCount":5,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}"#,
        );
        assert_eq!(
            trouble(&crashing).unwrap(),
            "is not ready (container c: CrashLoopBackOff, 5 restarts)"
        );
        assert_eq!(agent(&[&crashing, &ready], "n1", None), Agent::Runs);
    }

    #[test]
    fn a_taint_that_the_others_do_not_tolerate_says_why_there_is_none() {
        let pod = |tolerations: &str| {
            pod(
                &format!(
                    r#"{{"nodeName":"n1","hostNetwork":true,"containers":[{{"name":"kube-proxy"}}],"tolerations":[{tolerations}]}}"#
                ),
                r#"{"phase":"Running"}"#,
            )
        };
        let text = r#"{"items":[{"kind":"Node","metadata":{"name":"n2"},"spec":{"taints":[
            {"key":"soft","effect":"PreferNoSchedule"},{"key":"team","value":"db","effect":"NoSchedule"}]}}]}"#;
        let nodes = clean(crate::evidence::kube::node::parse(&file(
            "kube/nodes.json",
            text,
        )));
        let why = |pod: &Pod| match agent(&[pod], "n2", nodes.first()) {
            Agent::Absent { taint, .. } => taint.map(|(taint, _)| taint),
            other => panic!("{other:?}"),
        };
        assert_eq!(why(&pod("")).as_deref(), Some("team=db:NoSchedule"));
        for tolerated in [
            r#"{"operator":"Exists"}"#,
            r#"{"key":"team","operator":"Exists","effect":"NoSchedule"}"#,
            r#"{"key":"team","value":"db"}"#,
        ] {
            assert_eq!(why(&pod(tolerated)), None, "{tolerated}");
        }
        assert!(why(&pod(r#"{"key":"team","value":"web"}"#)).is_some());
    }
}
