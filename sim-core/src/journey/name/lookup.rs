//! Name servers asked in turn: each question walks as packets to the server that has it, then goes through that
//! server's Corefile, and on to the servers that it asks itself.

use std::net::IpAddr;

use super::settings::resolv_conf;
use crate::evidence::corefile::parse;
use crate::evidence::kube::pod::Pod;
use crate::flow::{FlowRequest, Protocol, Unresolved};
use crate::intent::dns::server::{Corefile, Forward, Step, Upstream};
use crate::intent::dns::{Reply, Why, WhyKind};
use crate::journey::{merge, one};
use crate::linux::choice::Doubt;
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::verdict::{Finding, Leg, Outcome, Verdict};
use crate::world::{Halt, World, machine_of};

/// A chain of aliases and servers longer than this is a circle.
const LONGEST: usize = 8;

/// A name server that a question comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// `pod:ns/name` or `node:name`.
    pub(super) object: String,
    /// Its namespace in the capture.
    pub(super) path: String,
    pub(super) port: u16,
}

/// What was asked so far.
#[derive(Default)]
pub(super) struct Asking {
    /// Questions that servers passed on: from, to, over TCP, and what came of them.
    passed_on: Vec<(String, IpAddr, u16, bool, Option<Verdict>)>,
    pub(super) legs: Vec<Leg>,
    /// Why servers do not reach those that they ask.
    pub(super) findings: Vec<Finding>,
}

/// The servers that a walk of a question ended at.
pub(super) fn servers(verdict: &Verdict) -> Vec<Server> {
    let mut all: Vec<Server> = Vec::new();
    for branch in &verdict.branches {
        // Where a packet leaves the captured world, the last hop is not its server.
        let (Some(last), Some(backend)) = (branch.hops.last(), branch.backend.as_deref()) else {
            continue;
        };
        let port = backend
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        let server = Server {
            object: last.object.clone(),
            path: last.namespace.clone(),
            port: port.unwrap_or(53),
        };
        if branch.outcome == Outcome::Connected && !all.contains(&server) {
            all.push(server);
        }
    }
    all
}

/// A name server's program, told by its pod's labels.
pub(super) fn config_of(pod: &Pod) -> Option<&'static str> {
    let label = |key: &str| pod.meta.labels.get(key).map(String::as_str);
    let app = label("k8s-app").or_else(|| label("app.kubernetes.io/name"))?;
    match app {
        "kube-dns" | "coredns" | "kube-dns-upstream" => Some("coredns"),
        "node-local-dns" => Some("node-local-dns"),
        "nodelocaldns" => Some("nodelocaldns"),
        _ => None,
    }
}

/// The configuration of the server.
pub(super) fn corefile_of(
    world: &mut World<'_>,
    server: &Server,
) -> Result<Result<Corefile, Doubt>, Halt> {
    let strange = |why: String| {
        Ok(Err(Doubt {
            what: why,
            settle: "what the name resolves to: ask for that address".to_owned(),
            source: None,
        }))
    };
    let Some(pods) = world.all_pods()? else {
        return Ok(Err(Doubt {
            what: format!(
                "which program answers names at {} is not known",
                server.object
            ),
            settle: "kube/pods.json".to_owned(),
            source: None,
        }));
    };
    let is_here = |pod: &&Pod| match server.object.split_once(':') {
        Some(("pod", name)) => name == format!("{}/{}", pod.meta.namespace, pod.meta.name),
        Some(("node", name)) => pod.host_network && pod.node.as_deref() == Some(name),
        _ => false,
    };
    let here = pods.iter().filter(is_here);
    let Some((pod, name)) = here.filter_map(|pod| Some((pod, config_of(pod)?))).next() else {
        return strange(format!(
            "what {} answers to questions for names is not in this capture",
            server.object
        ));
    };
    if pod
        .containers
        .iter()
        .any(|container| container.name == "kubedns")
    {
        return strange(format!(
            "{} runs kube-dns, whose answers are not modelled",
            server.object
        ));
    }
    corefile(world, &pod.meta.namespace, name)
}

/// The Corefile of a ConfigMap.
pub(super) fn corefile(
    world: &mut World<'_>,
    namespace: &str,
    name: &str,
) -> Result<Result<Corefile, Doubt>, Halt> {
    let map = world.config_map(namespace, name)?.flatten();
    let entry = map
        .as_ref()
        .and_then(|map| Some((map.data.get("Corefile")?, map.sources.get("Corefile")?)));
    Ok(match entry {
        Some((text, source)) => Ok(Corefile {
            blocks: parse(text),
            source: source.clone(),
            object: format!("configmap:{namespace}/{name}"),
        }),
        None => Err(Doubt {
            what: format!(
                "the Corefile of {namespace}/{name}, which says how names are answered, was not captured"
            ),
            settle: format!("kube/configmaps.json with {namespace}/{name}"),
            source: None,
        }),
    })
}

impl Asking {
    /// What `server` answers for `name`.
    pub(super) fn answer(
        &mut self,
        world: &mut World<'_>,
        server: &Server,
        name: &str,
        depth: usize,
    ) -> Result<Reply, Unresolved> {
        if depth > LONGEST {
            let why = Why::new(
                WhyKind::Circle,
                format!("the question for `{name}` goes in circles"),
                Vec::new(),
            );
            return Ok(Reply::Failure(why.of(server.object.clone())));
        }
        let corefile = match corefile_of(world, server)? {
            Ok(corefile) => corefile,
            Err(doubt) => return Ok(Reply::Unknown(doubt)),
        };
        match corefile.step(world, server.port, name)? {
            Step::Reply(reply) => Ok(reply),
            Step::Alias(target, source, object) => {
                let reply = self.answer(world, server, &target, depth + 1)?;
                let text = format!("{object} is an alias of `{target}`");
                Ok(match reply {
                    Reply::Found(mut found) => {
                        found.sources.push(source);
                        found.text = format!("{text}: {}", found.text);
                        Reply::Found(found)
                    }
                    Reply::Outside(mut why) => {
                        why.sources.push(source);
                        why.text = format!("{text}; {}", why.text);
                        Reply::Outside(why)
                    }
                    Reply::Unknown(doubt) => Reply::Unknown(doubt),
                    // Only the alias comes back, without an address.
                    Reply::NoName(why) | Reply::NoData(why) | Reply::Failure(why) => {
                        let text = format!("{text}, which has no address: {}", why.text);
                        Reply::NoData(
                            Why::new(WhyKind::OtherRecords, text, vec![source]).of(object),
                        )
                    }
                })
            }
            Step::Forward(forward) => self.forward(world, server, &corefile, &forward, depth),
        }
    }

    fn forward(
        &mut self,
        world: &mut World<'_>,
        server: &Server,
        corefile: &Corefile,
        forward: &Forward,
        depth: usize,
    ) -> Result<Reply, Unresolved> {
        let targets = match targets(world, server, corefile, forward)? {
            Ok(targets) => targets,
            // Whoever they are, they are outside.
            Err(doubt) if forward.to.iter().all(|to| matches!(to, Upstream::File(_))) => {
                let text = format!("`{}` resolves outside, and {}", forward.name, doubt.what);
                let why = Why::new(WhyKind::Outside, text, vec![corefile.source.clone()]);
                return Ok(Reply::Outside(why));
            }
            Err(doubt) => return Ok(Reply::Unknown(doubt)),
        };
        let name = &forward.name;
        let mut sources = vec![corefile.source.clone()];
        sources.extend(targets.iter().flat_map(|(_, _, source)| source.clone()));
        let list: Vec<String> = targets
            .iter()
            .map(|(address, ..)| address.to_string())
            .collect();
        let list = list.join(", ");
        let mut circle = false;
        for (address, port, _) in &targets {
            let Some(verdict) = self.pass_on(world, server, *address, *port, forward.tcp)? else {
                continue;
            };
            if merge::fails(verdict.outcome) {
                continue;
            }
            let ends = servers(&verdict);
            if ends.iter().any(|end| end.object == server.object) {
                circle = true;
                continue;
            }
            let Some(end) = ends.first() else {
                break;
            };
            if corefile_of(world, end)?.is_ok() {
                return self.answer(world, end, name, depth + 1);
            }
            break;
        }
        let reached = self.passed_on.iter().any(|(from, address, _, _, verdict)| {
            let ok = verdict
                .as_ref()
                .is_none_or(|verdict| !merge::fails(verdict.outcome));
            ok && from == &server.object && targets.iter().any(|(target, ..)| target == address)
        });
        if circle {
            let text = format!(
                "{} passes questions for `{name}` on to {list}, which leads back to itself",
                server.object
            );
            return Ok(Reply::Failure(
                Why::new(WhyKind::Circle, text, sources).of(corefile.object.clone()),
            ));
        }
        if !reached && !targets.is_empty() {
            let text = format!(
                "{} cannot reach {list}, which it asks for `{name}`",
                server.object
            );
            return Ok(Reply::Failure(
                Why::new(WhyKind::Upstream, text, sources).of(server.object.clone()),
            ));
        }
        let text = format!(
            "`{name}` resolves outside: {} asks {list} for it",
            server.object
        );
        Ok(Reply::Outside(Why::new(WhyKind::Outside, text, sources)))
    }

    /// What becomes of a question that `server` passes on; `None` where its packets cannot be followed.
    fn pass_on(
        &mut self,
        world: &mut World<'_>,
        server: &Server,
        address: IpAddr,
        port: u16,
        tcp: bool,
    ) -> Result<Option<Verdict>, Unresolved> {
        let known = self.passed_on.iter().find(|(from, to, on, by_tcp, _)| {
            (from, *to, *on, *by_tcp) == (&server.object, address, port, tcp)
        });
        if let Some((.., verdict)) = known {
            return Ok(verdict.clone());
        }
        let request = FlowRequest {
            from: server.object.clone(),
            to: address.to_string(),
            port: Some(port),
            protocol: if tcp { Protocol::Tcp } else { Protocol::Udp },
            ..FlowRequest::default()
        };
        let verdict = match one::answer(world, &request) {
            Ok(verdict) => Some(verdict),
            Err(Unresolved::Wrong { .. }) => None,
            Err(halt @ Unresolved::Halt(_)) => return Err(halt),
        };
        if let Some(verdict) = &verdict {
            self.legs.push(merge::leg("DNS query passed on", verdict));
            if merge::fails(verdict.outcome) {
                self.findings.extend(verdict.findings.iter().cloned());
            }
        }
        self.passed_on
            .push((server.object.clone(), address, port, tcp, verdict.clone()));
        Ok(verdict)
    }
}

type Target = (IpAddr, u16, Option<crate::source::Source>);

/// The addresses that a question is passed on to.
fn targets(
    world: &mut World<'_>,
    server: &Server,
    corefile: &Corefile,
    forward: &Forward,
) -> Result<Result<Vec<Target>, Doubt>, Halt> {
    let mut all = Vec::new();
    for upstream in &forward.to {
        match upstream {
            Upstream::Address(address, port) => all.push((*address, *port, None)),
            Upstream::File(_) => match file_of(world, server)? {
                Ok(file) => all.extend(
                    file.nameservers
                        .iter()
                        .map(|named| (named.address, 53, Some(named.source.clone()))),
                ),
                Err(doubt) => return Ok(Err(doubt)),
            },
            Upstream::ClusterDns => {
                let found =
                    world.by_name(ObjectKind::Service, "kube-system", "kube-dns-upstream")?;
                let Some(IndexRecord::Object { addresses, .. }) = found.first() else {
                    return Ok(Err(Doubt {
                        what:
                            "which address NodeLocal DNS asks for names of the cluster is not known"
                                .to_owned(),
                        settle: "kube/services.json with kube-system/kube-dns-upstream".to_owned(),
                        source: Some(corefile.source.clone()),
                    }));
                };
                all.extend(addresses.first().map(|address| (*address, 53, None)));
            }
            Upstream::Other(word) => {
                return Ok(Err(Doubt {
                    what: format!(
                        "who stands behind `{word}`, which {} asks for names, is not known",
                        server.object
                    ),
                    settle: "what the name resolves to: ask for that address".to_owned(),
                    source: Some(corefile.source.clone()),
                }));
            }
        }
    }
    Ok(Ok(all))
}

/// The server's own `resolv.conf`; a pod of policy `Default` has its node's.
fn file_of(
    world: &mut World<'_>,
    server: &Server,
) -> Result<Result<crate::evidence::resolv::ResolvConf, Doubt>, Halt> {
    let own = resolv_conf(world, &server.path)?;
    if own.is_ok() {
        return Ok(own);
    }
    let pods = world.all_pods()?.unwrap_or_default();
    let pod = pods.iter().find(|pod| {
        server.object.strip_prefix("pod:")
            == Some(&format!("{}/{}", pod.meta.namespace, pod.meta.name))
    });
    if pod.is_some_and(|pod| pod.dns_policy.as_deref() == Some("Default")) {
        let host = resolv_conf(world, &format!("{}/host", machine_of(&server.path)))?;
        return Ok(host.or(own));
    }
    Ok(own)
}
