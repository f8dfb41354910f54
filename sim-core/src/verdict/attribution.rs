//! From where a packet ended to what a person must change: intent set beside the data plane.

use super::catalogue::{self, Entry};
use super::findings::Target;
use crate::intent::policy::{Direction, Ruling};
use crate::intent::service::{Known, candidates};
use crate::intent::workload::Agent;
use crate::intent::{Intent, Side, destination};
use crate::source::Source;
use crate::trace::{Blocker, BlockerKind, Exchanged, LoggedHop, LoggedStep, Phase};

/// A blocker, explained.
#[derive(Debug)]
pub(super) struct Attribution {
    pub(super) entry: Entry,
    pub(super) object: String,
    pub(super) why: String,
    pub(super) sources: Vec<Source>,
}

/// Whether a rule that names a pod's address is taken to be about its policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByAddress {
    Too,
    /// It may as well be somebody's own.
    Not,
}

/// What a flow's blockers are explained with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub(super) result: &'a Exchanged,
    pub(super) intent: &'a Intent,
    pub(super) target: Option<&'a Target>,
    /// The object that the flow is sent to.
    pub(super) to: &'a str,
}

impl<'a> Circumstances<'a> {
    /// Who is to change what because of `blocker`, where that is not simply the machine it stands on.
    pub(super) fn attribute(&self, blocker: &'a Blocker) -> Option<Attribution> {
        if let Some(attribution) = (self.loopback(blocker)).or_else(|| self.second_address(blocker))
        {
            return Some(attribution);
        }
        match blocker.kind {
            BlockerKind::RuleDrop | BlockerKind::RuleReject => (self.service_rule(blocker))
                .or_else(|| self.policy(blocker))
                .or_else(|| self.stale_policy(blocker)),
            // IPVS does not write whose service it is: the one that was asked for.
            BlockerKind::NoServer => self.nobody_serves(self.service(None)?, "", blocker),
            BlockerKind::NoListener => self
                .stale_rules(blocker)
                .or_else(|| self.host_port(blocker))
                .or_else(|| self.no_listener(blocker)),
            BlockerKind::NeighbourUnresolved
            | BlockerKind::NeighbourWrong
            | BlockerKind::Stranger => self.stale_rules(blocker),
            BlockerKind::RouteMissing => {
                (self.stale_rules(blocker)).or_else(|| self.plugin_at_fault(blocker))
            }
            BlockerKind::DeviceMissing
            | BlockerKind::VxlanFdbMissing
            | BlockerKind::VxlanPeer
            | BlockerKind::TunnelPeer => self.plugin_at_fault(blocker),
            BlockerKind::ReplyMismatch | BlockerKind::Martian => self.translator_at_fault(blocker),
            _ => None,
        }
    }

    /// An answer finds no way to a node's second address: one that stands beside the one that Kubernetes knows the node
    /// by, on the same device.
    fn second_address(&self, blocker: &Blocker) -> Option<Attribution> {
        let lost = matches!(
            blocker.kind,
            BlockerKind::RouteMissing
                | BlockerKind::RouteRefused
                | BlockerKind::NeighbourUnresolved
                | BlockerKind::Loop
                | BlockerKind::Ttl
        );
        if !lost || !matches!(blocker.phase, Phase::Response | Phase::DataResponse) {
            return None;
        }
        let source = self.result.request.last()?.after.src;
        let hop = (self.result.request.iter()).find(|hop| hop.after.src == source)?;
        let name = hop.ns.object.strip_prefix("node:")?;
        if blocker.ns.path == hop.ns.path {
            return None;
        }
        let known = self.intent.known_by.get(name)?;
        let own = (hop.ns.addresses.iter()).find(|address| address.local == source)?;
        let named = (hop.ns.addresses.iter())
            .filter(|address| address.device == own.device && address.local != source)
            .find(|address| known.addresses.contains(&address.local))?;
        if known.addresses.contains(&source) {
            return None;
        }
        Some(Attribution {
            entry: catalogue::ADDRESS_UNKNOWN,
            object: hop.ns.object.clone(),
            why: format!(
                "{} sends from {source}, a second{} address on {}, while Kubernetes knows it by {}: the answer to {source} does not come back",
                hop.ns.object,
                if own.flags.dynamic { " (dynamic)" } else { "" },
                own.device,
                named.local
            ),
            sources: vec![own.source.clone(), known.source.clone()],
        })
    }

    /// A rule that was written for a service: without endpoints, or for its source ranges.
    fn service_rule(&self, blocker: &'a Blocker) -> Option<Attribution> {
        let named = |source: &'a Source| {
            candidates(source.text())
                .find_map(|name| self.intent.services.get(name))
                .map(|known| (source, known))
        };
        let (source, known) = blocker.sources.iter().rev().find_map(named).or_else(|| {
            // A drop by kube-proxy's mark: what led to the marking says why. Network plugins drop by marks of their own.
            let last = blocker.sources.last()?.text();
            let by_mark = last.contains("KUBE-FIREWALL") && last.contains("--mark");
            let hop = self
                .result
                .request
                .iter()
                .find(|hop| by_mark && hop.ns.path == blocker.ns.path)?;
            let steps = hop.steps.iter().rev();
            steps
                .flat_map(|step| step.sources.iter().rev())
                .find_map(named)
        })?;
        if let Some(attribution) = self.nobody_serves(known, source.text(), blocker) {
            return Some(attribution);
        }
        let client = self.result.request.first()?.before.src;
        let ranges = &known.service.source_ranges;
        (!ranges.is_empty() && !ranges.iter().any(|range| range.contains(&client))).then(|| {
            Attribution {
                entry: catalogue::SERVICE_SOURCE_DENIED,
                why: format!(
                    "{client} is in none of the loadBalancerSourceRanges of {}",
                    known.object()
                ),
                object: known.object(),
                sources: vec![known.service.meta.source.clone()],
            }
        })
    }

    /// The service has no endpoint, or none on this node; `rule` is what the node has for it.
    fn nobody_serves(&self, known: &Known, rule: &str, blocker: &Blocker) -> Option<Attribution> {
        let object = known.object();
        let mut sources = vec![known.service.meta.source.clone()];
        let none = known
            .ready
            .as_ref()
            .is_some_and(std::collections::BTreeSet::is_empty);
        if none || rule.contains("has no endpoints") {
            let why = self.no_endpoints(known, none || known.is_draining, &mut sources);
            return Some(Attribution {
                entry: catalogue::SERVICE_NO_ENDPOINTS,
                object,
                why,
                sources,
            });
        }
        let node = crate::world::machine_of(&blocker.ns.path).strip_prefix("nodes/");
        let asked = self.result.request.first()?.before.dst;
        let only_own = if known.service.cluster_ips.contains(&asked) {
            known.service.internal_local
        } else {
            known.service.external_local
        };
        let none_here = known.ready.is_some() && node.is_some_and(|node| !known.has_on(node));
        (rule.contains("no local endpoints") || only_own && none_here).then(|| Attribution {
            entry: catalogue::SERVICE_NO_LOCAL_ENDPOINTS,
            why: format!(
                "{object} sends only to endpoints of the node itself, and {} has none that is ready",
                blocker.ns.object
            ),
            object,
            sources,
        })
    }

    /// Why the service has no endpoint that takes traffic.
    fn no_endpoints(&self, known: &Known, none: bool, sources: &mut Vec<Source>) -> String {
        const MOST: usize = 3;
        let object = known.object();
        if let Some((why, cited)) = &known.lacking {
            sources.extend(cited.iter().cloned());
            return format!("{object} has no endpoint: {why}");
        }
        let n = known.n_addresses();
        if n == 0 || !none {
            return format!("{object} has no endpoint for this port");
        }
        let shown = || known.unready.iter().take(MOST);
        sources.extend(shown().map(|unready| unready.source.clone()));
        let each: Vec<String> = shown()
            .map(|unready| format!("{} {}", unready.object, unready.why))
            .collect();
        let each = if each.is_empty() {
            String::new()
        } else {
            format!(": {}", each.join(", "))
        };
        format!("{object} has {n} endpoints, none of them ready{each}")
    }

    /// A rule that was written for a service sends to what is no longer (or not yet) an endpoint of it.
    fn stale_rules(&self, blocker: &Blocker) -> Option<Attribution> {
        if blocker.phase != Phase::Request {
            return None;
        }
        // The last to translate sends it where it goes.
        let mut hops = self.result.request.iter().rev();
        let hop = hops.find(|hop| hop.steps.iter().any(is_translation))?;
        let (backend, port) = destination(self.result)?;
        let sources = translation(hop);
        let named = |source: &Source| {
            candidates(source.text()).find_map(|name| self.intent.services.get(name))
        };
        let known = sources.iter().rev().find_map(named)?;
        if known.ready.is_none() || known.sends_to(backend, port) || known.n_addresses() == 0 {
            return None;
        }
        Some(Attribution {
            entry: catalogue::SERVICE_RULES_STALE,
            object: hop.ns.object.clone(),
            why: format!(
                "the rules of {} send connections to {} on to {backend} port {port}, which is none of its endpoints",
                hop.ns.object,
                known.object()
            ),
            sources: sources
                .into_iter()
                .chain([known.service.meta.source.clone()])
                .collect(),
        })
    }

    /// What the network plugin should have written is not there, and its pod on that node does not run.
    fn plugin_at_fault(&self, blocker: &Blocker) -> Option<Attribution> {
        let node = blocker
            .ns
            .path
            .strip_prefix("nodes/")?
            .strip_suffix("/host")?;
        let entry = catalogue::entry(blocker.kind);
        let own = blocker.object.as_ref().unwrap_or(&blocker.ns.object);
        match &self.intent.agents.get(node)?.plugin {
            Agent::Unknown | Agent::Runs => None,
            Agent::Absent { elsewhere, taint } => Some(Attribution {
                entry,
                object: own.clone(),
                why: match taint {
                    Some((taint, _)) => format!(
                        "no pod of the network plugin runs on node:{node}: those elsewhere do not tolerate its taint `{taint}`"
                    ),
                    None => format!("no pod of the network plugin runs on node:{node}"),
                },
                sources: (taint.iter().map(|(_, source)| source.clone()))
                    .chain([elsewhere.clone()])
                    .collect(),
            }),
            Agent::Down {
                object,
                why,
                stopped,
                source,
            } => Some(Attribution {
                entry,
                object: if *stopped { object } else { own }.clone(),
                why: format!("the network plugin's {object} on node:{node} {why}"),
                sources: vec![source.clone()],
            }),
        }
    }

    /// A rule that enforces a network policy.
    fn policy(&self, blocker: &Blocker) -> Option<Attribution> {
        let side = (self.intent.sides(self.result).iter())
            .filter(|side| !side.ruling.denying().is_empty())
            .find(|side| self.enforces(blocker, side, ByAddress::Too))?;
        super::policies::denied(side)
    }

    /// A rule that enforces policies, and drops what they allow.
    fn stale_policy(&self, blocker: &Blocker) -> Option<Attribution> {
        let side = (self.intent.sides(self.result).iter())
            .find(|side| self.enforces(blocker, side, ByAddress::Not))?;
        let object = blocker.object.as_ref().unwrap_or(&blocker.ns.object);
        super::policies::stale(side, object)
    }

    /// Whether the rules that led to the drop derive from the policies: they stand on the pod's node (or in the pod),
    /// and name the policy, the pod, its address or its device.
    fn enforces(&self, blocker: &Blocker, side: &Side, by_address: ByAddress) -> bool {
        let machine = crate::world::machine_of(&blocker.ns.path);
        let Some(pod) = &side.own.pod else {
            return false;
        };
        let node = machine.strip_prefix("nodes/");
        if node.is_none() || node != pod.node.as_deref() {
            return false;
        }
        // A detour may pass the node twice: it leaves the sender's node first and reaches the receiver's last.
        let mut here = self
            .result
            .request
            .iter()
            .filter(|hop| hop.ns.path == blocker.ns.path);
        let device = match side.direction {
            Direction::Ingress => here.next_back().and_then(|hop| hop.device_out.clone()),
            Direction::Egress => here.next().and_then(|hop| hop.device_in.clone()),
        };
        let address = side.own.address.to_string();
        let allowing = match &side.ruling {
            Ruling::Allowed(statement) => Some(statement),
            Ruling::NotIsolated(_) | Ruling::Denied(_) | Ruling::Unknown(..) => None,
        };
        let mut names: Vec<&str> = (side.ruling.denying().iter().chain(allowing))
            .filter_map(|statement| statement.policy.object.rsplit(['/', ':']).next())
            .collect();
        names.push(&pod.meta.name);
        // What the last rule alone says of the pod may be anybody's: the way to it must be the pod's.
        let led: &[Source] = match blocker.sources.as_slice() {
            [] => return false,
            [only] => std::slice::from_ref(only),
            all => all,
        };
        led.iter().any(|source| {
            words(source.text()).any(|word| {
                names.contains(&word)
                    || device.as_deref() == Some(word)
                    || (by_address == ByAddress::Too
                        && led.len() > 1
                        && word.split('/').next() == Some(address.as_str()))
            })
        })
    }

    /// A pod asks for the node's port, and nobody sends it there.
    fn host_port(&self, blocker: &Blocker) -> Option<Attribution> {
        let node = blocker.ns.object.strip_prefix("node:")?;
        let (address, port) = destination(self.result)?;
        let asked = self.result.request.last()?.after.protocol();
        let mapped = self.intent.host_ports.iter().find(|mapped| {
            mapped.node == node
                && mapped.port == port
                && mapped.protocol == asked
                && mapped.address.is_none_or(|own| own == address)
        })?;
        Some(Attribution {
            entry: catalogue::HOST_PORT_NOT_PROGRAMMED,
            object: blocker.ns.object.clone(),
            why: format!(
                "{} has the host port {port}, but no rule of {} sends it there",
                mapped.object, blocker.ns.object
            ),
            sources: vec![mapped.source.clone()],
        })
    }

    fn no_listener(&self, blocker: &Blocker) -> Option<Attribution> {
        let hop = self.translator();
        let service = self.service(hop);
        if blocker.ns.object.starts_with("fabric:") {
            let known = service?;
            return Some(Attribution {
                entry: catalogue::SOCKET_NO_LISTENER,
                object: known.object(),
                why: format!(
                    "the endpoint of {} is no pod, and nothing listens there",
                    known.object()
                ),
                sources: vec![known.service.meta.source.clone()],
            });
        }
        if !blocker.ns.object.starts_with("pod:") {
            return None;
        }
        let (backend, port) = destination(self.result)?;
        let trouble = self.intent.troubles.get(&backend);
        let trouble = trouble.map(|unready| Attribution {
            entry: catalogue::POD_NOT_READY,
            object: unready.object.clone(),
            why: format!("{} {}", unready.object, unready.why),
            sources: vec![unready.source.clone()],
        });
        // Nothing was translated: the pod itself was asked.
        let Some(hop) = hop else {
            return trouble;
        };
        let foreign = match service {
            Some(known) => known.n_addresses() > 0 && !known.sends_to(backend, port),
            None => self.to.starts_with("pod:"),
        };
        if foreign {
            return Some(Attribution {
                entry: catalogue::FOREIGN_DNAT,
                object: hop.ns.object.clone(),
                why: format!(
                    "a rule of {} sends it to {backend} port {port}, which nothing in Kubernetes asks for",
                    hop.ns.object
                ),
                sources: translation(hop),
            });
        }
        if trouble.is_some() {
            return trouble;
        }
        let known = service?;
        let declared = self.intent.ports.get(&backend)?;
        let listens = |port: u16| declared.iter().any(|declared| declared.port == port);
        (!declared.is_empty() && !listens(port)).then(|| Attribution {
            entry: catalogue::SERVICE_TARGET_PORT,
            object: known.object(),
            why: format!(
                "{} sends to port {port}, which {} does not declare",
                known.object(),
                blocker.ns.object
            ),
            sources: vec![known.service.meta.source.clone()],
        })
    }

    /// The answer is not translated back, or the packet meets its own source: the node that translated is to blame.
    fn translator_at_fault(&self, blocker: &Blocker) -> Option<Attribution> {
        let hop = self.translator()?;
        let outsider = !blocker.ns.object.starts_with("node:");
        (outsider && hop.ns.object.starts_with("node:")).then(|| Attribution {
            entry: catalogue::entry(blocker.kind),
            object: hop.ns.object.clone(),
            why: format!(
                "{} translated the destination {}, but does not see to it that the answer comes back through it",
                hop.ns.object, hop.before.dst
            ),
            sources: translation(hop),
        })
    }

    /// Where the destination was translated.
    fn translator(&self) -> Option<&LoggedHop> {
        self.result
            .request
            .iter()
            .find(|hop| hop.steps.iter().any(is_translation))
    }

    /// The service that the flow is for: the one asked for, or the one that the translating rules name.
    fn service(&self, hop: Option<&LoggedHop>) -> Option<&Known> {
        if let Some(target) = self.target {
            let name = target.object.strip_prefix("service:")?;
            return self.intent.services.get(name);
        }
        hop?.steps
            .iter()
            .rev()
            .flat_map(|step| &step.sources)
            .find_map(|source| {
                candidates(source.text()).find_map(|name| self.intent.services.get(name))
            })
    }
}

/// The connection's destination becomes another one (`trace::nat` notes it so).
fn is_translation(step: &LoggedStep) -> bool {
    step.text.starts_with("conntrack: destination")
}

/// The rules that translate.
fn translation(hop: &LoggedHop) -> Vec<Source> {
    hop.steps
        .iter()
        .filter(|step| step.text.contains("DNAT"))
        .flat_map(|step| step.sources.iter().cloned())
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "\"',:;(){}[]".contains(c))
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_of_a_rule() {
        let text = "-A KUBE-POD-FW -s 10.0.0.1/32 -m comment --comment \"from POD name:web-1 namespace: a\"";
        assert!(words(text).any(|word| word == "web-1"));
        assert!(words(text).any(|word| word == "10.0.0.1/32"));
    }
}
