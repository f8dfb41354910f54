//! Name servers asked in turn: each question walks as packets to the server that has it, then goes through that
//! server's Corefile, and on to the servers that it asks itself.

use std::net::IpAddr;
use std::sync::Arc;

use super::upstream::targets;
use crate::evidence::corefile::parse;
use crate::evidence::kube::pod::Pod;
use crate::flow::{FlowRequest, Protocol, Unresolved};
use crate::intent::dns::server::{Corefile, Forward, Step, Upstream};
use crate::intent::dns::{Found, Reply, Why, WhyKind};
use crate::journey::{merge, one};
use crate::linux::choice::Doubt;
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::verdict::{Finding, Leg, Outcome, Verdict};
use crate::world::{Halt, World};

/// A chain of aliases and servers longer than this is not followed.
const LONGEST: usize = 8;

/// A name server that a question comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// `pod:ns/name` or `node:name`.
    pub(super) object: String,
    /// Its namespace in the capture.
    pub(super) path: String,
    pub(super) port: u16,
    /// The address that it is asked at, where a packet's way shows it.
    pub(super) at: Option<IpAddr>,
}

/// The servers that a question comes to, any of them.
#[derive(Default)]
pub(super) struct Servers {
    pub(super) all: Vec<Server>,
    /// Whether nobody else may answer.
    pub(super) whole: bool,
}

/// Where each question asks servers that ask more than one other, their number grows with the depth.
const MOST_ASKED: usize = 256;

/// A doubt that only the name's address settles.
pub(super) fn of_name(what: String) -> Doubt {
    Doubt {
        what,
        settle: "what the name resolves to: ask for that address".to_owned(),
        source: None,
    }
}

/// The doubt about a server that is not captured.
pub(super) fn nobody() -> Doubt {
    of_name("which program answers there is not in this capture".to_owned())
}

/// The reply of any of several servers: known where they all say the same.
pub(super) fn agreed(replies: Vec<Reply>, servers: &str) -> Reply {
    let same = |one: &Reply, other: &Reply| match (one, other) {
        (Reply::Found(one), Reply::Found(other)) => {
            let sorted = |found: &Found| {
                let mut addresses = found.addresses.clone();
                addresses.sort_unstable();
                addresses
            };
            sorted(one) == sorted(other)
        }
        _ => std::mem::discriminant(one) == std::mem::discriminant(other),
    };
    let mut replies = replies.into_iter();
    let Some(first) = replies.next() else {
        return Reply::Unknown(nobody());
    };
    if replies.all(|other| same(&first, &other)) {
        return first;
    }
    Reply::Unknown(of_name(format!(
        "{servers} answer in different ways, and any of them may be asked"
    )))
}

/// What was asked so far.
#[derive(Default)]
pub(super) struct Asking {
    /// Questions that servers passed on: from, to, over TCP, and what came of them.
    passed_on: Vec<(String, IpAddr, u16, bool, Option<Verdict>)>,
    pub(super) legs: Vec<Leg>,
    pub(super) assumptions: Vec<String>,
    /// The questions that led to this one: server, port and name.
    trail: Vec<(String, u16, String)>,
    n_asked: usize,
    configs: Vec<(Server, Result<Arc<Corefile>, Doubt>)>,
    /// Why servers do not reach those that they ask.
    pub(super) findings: Vec<Finding>,
}

/// The servers that a walk of a question ended at.
pub(super) fn servers(verdict: &Verdict) -> Servers {
    let mut all: Vec<Server> = Vec::new();
    let mut whole = true;
    for branch in &verdict.branches {
        if branch.outcome != Outcome::Connected {
            continue;
        }
        // Where a packet leaves the captured world, the last hop is not its server.
        let (Some(last), Some(backend)) = (branch.hops.last(), branch.backend.as_deref()) else {
            whole = false;
            continue;
        };
        let (at, port) = match backend.rsplit_once(':') {
            Some((at, port)) => (at.trim_matches(['[', ']']).parse().ok(), port.parse().ok()),
            None => (None, None),
        };
        let server = Server {
            object: last.object.clone(),
            path: last.namespace.clone(),
            port: port.unwrap_or(53),
            at,
        };
        if !all.contains(&server) {
            all.push(server);
        }
    }
    Servers { all, whole }
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
    let mut here = here.filter_map(|pod| Some((pod, config_of(pod)?)));
    let Some((pod, name)) = here.next() else {
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
    let config = corefile(world, &pod.meta.namespace, name)?;
    // In a node's network other programs listen beside it: it answers where it is told to listen.
    let on_node = server.object.starts_with("node:");
    if let Ok(config) = &config
        && on_node
        && (here.next().is_some() || !server.at.is_some_and(|at| config.listens_at(at)))
    {
        return strange(format!(
            "which program of {} answers there is not known",
            server.object
        ));
    }
    Ok(config)
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

/// The servers that should answer at `address`: pods behind its service.
pub(super) fn intended(world: &mut World<'_>, address: IpAddr) -> Result<Vec<Server>, Halt> {
    let records = world.by_address(address)?;
    let service = records.iter().find_map(|record| match record {
        IndexRecord::Object {
            object: ObjectKind::Service,
            entry,
            namespace,
            name,
            ..
        } => Some((entry, namespace, name)),
        _ => None,
    });
    let mut found = Vec::new();
    let Some((entry, of, name)) = service else {
        return Ok(found);
    };
    let service = world.service(entry, of, name)?;
    let Some(selector) = service.and_then(|service| service.selector) else {
        return Ok(found);
    };
    for pod in world.all_pods()?.unwrap_or_default() {
        let labels = &pod.meta.labels;
        let selected = selector
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value));
        if pod.meta.namespace != *of || !selected {
            continue;
        }
        let node = pod.node.clone().unwrap_or_default();
        let (namespace, name) = (&pod.meta.namespace, &pod.meta.name);
        let server = Server {
            object: format!("pod:{namespace}/{name}"),
            path: format!("nodes/{node}/pods/{namespace}_{name}"),
            at: None,
            port: 53,
        };
        found.push(server);
    }
    Ok(found)
}

impl Asking {
    fn config(
        &mut self,
        world: &mut World<'_>,
        server: &Server,
    ) -> Result<Result<Arc<Corefile>, Doubt>, Halt> {
        if let Some((_, known)) = self.configs.iter().find(|(of, _)| of == server) {
            return Ok(known.clone());
        }
        let read = corefile_of(world, server)?.map(Arc::new);
        self.configs.push((server.clone(), read.clone()));
        Ok(read)
    }

    /// What any of `servers` answers for `name`.
    pub(super) fn any(
        &mut self,
        world: &mut World<'_>,
        servers: &Servers,
        name: &str,
    ) -> Result<Reply, Unresolved> {
        let mut replies = Vec::new();
        for server in &servers.all {
            replies.push(self.answer(world, server, name)?);
        }
        if !servers.whole {
            replies.push(Reply::Unknown(nobody()));
        }
        Ok(agreed(replies, "the name servers behind one address"))
    }

    /// What `server` answers for `name`.
    fn answer(
        &mut self,
        world: &mut World<'_>,
        server: &Server,
        name: &str,
    ) -> Result<Reply, Unresolved> {
        self.n_asked += 1;
        if self.trail.len() > LONGEST || self.n_asked > MOST_ASKED {
            return Ok(Reply::Unknown(of_name(format!(
                "the question for `{name}` is passed on too often to be followed"
            ))));
        }
        let corefile = match self.config(world, server)? {
            Ok(corefile) => corefile,
            Err(doubt) => return Ok(Reply::Unknown(doubt)),
        };
        let question = (server.object.clone(), server.port, name.to_owned());
        if self.trail.contains(&question) {
            let text = format!("the question for `{name}` goes in circles");
            let why = Why::new(WhyKind::Circle, text, vec![corefile.source.clone()]);
            return Ok(Reply::Failure(why.of(corefile.object.clone())));
        }
        self.trail.push(question);
        let reply = self.step(world, server, &corefile, name);
        self.trail.pop();
        reply
    }

    fn step(
        &mut self,
        world: &mut World<'_>,
        server: &Server,
        corefile: &Corefile,
        name: &str,
    ) -> Result<Reply, Unresolved> {
        match corefile.step(world, server.port, name)? {
            Step::Reply(reply) => Ok(reply),
            Step::Alias(target, source, object) => {
                let reply = self.answer(world, server, &target)?;
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
            Step::Forward(forward) => self.forward(world, server, corefile, &forward),
        }
    }

    fn forward(
        &mut self,
        world: &mut World<'_>,
        server: &Server,
        corefile: &Corefile,
        forward: &Forward,
    ) -> Result<Reply, Unresolved> {
        let targets = match targets(world, server, corefile, forward, &mut self.assumptions)? {
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
        let outside = || {
            let text = format!(
                "`{name}` resolves outside: {} asks {list} for it",
                server.object
            );
            Reply::Outside(Why::new(WhyKind::Outside, text, sources.clone()))
        };
        let mut replies = Vec::new();
        let mut circles = 0;
        for (address, port, _) in &targets {
            let verdict = self.pass_on(world, server, *address, *port, forward.tcp)?;
            if verdict
                .as_ref()
                .is_some_and(|verdict| merge::fails(verdict.outcome))
            {
                continue;
            }
            let ends = match &verdict {
                Some(verdict) if verdict.outcome == Outcome::Connected => servers(verdict),
                _ => Servers::default(),
            };
            let mut known = ends.whole && !ends.all.is_empty();
            for end in &ends.all {
                known &= self.config(world, end)?.is_ok();
            }
            let asked = |end: &Server| (end.object.clone(), end.port, name.clone());
            if !known {
                replies.push(outside());
            } else if ends.all.iter().all(|end| self.trail.contains(&asked(end))) {
                circles += 1;
                let text = format!(
                    "{} passes questions for `{name}` on to {list}, which leads back to itself",
                    server.object
                );
                let why = Why::new(WhyKind::Circle, text, sources.clone());
                replies.push(Reply::Failure(why.of(corefile.object.clone())));
            } else {
                replies.push(self.any(world, &ends, name)?);
            }
            if forward.in_turn {
                break;
            }
        }
        if circles > 0 && circles < replies.len() {
            let what = format!("some of {list} lead back to {}", server.object);
            return Ok(Reply::Unknown(of_name(what)));
        }
        if replies.is_empty() {
            let text = format!(
                "{} cannot reach {list}, which it asks for `{name}`",
                server.object
            );
            return Ok(Reply::Failure(
                Why::new(WhyKind::Upstream, text, sources).of(server.object.clone()),
            ));
        }
        Ok(agreed(replies, &list))
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
