//! From blockers to findings: the cause first, what lies behind it after it.

use std::collections::BTreeSet;

use super::attribution::Circumstances;
use super::catalogue::{self, Entry};
use super::render::{evidence as evidence_of, evidences, tuple};
use super::warnings::Warning;
use super::{Evidence, Finding, NearMiss, Place, Severity, Shared};
use crate::cloud::balancer::service::Kind;
use crate::intent::Intent;
use crate::intent::node::AilmentKind;
use crate::intent::workload::{Agent, Agents};
use crate::source::Source;
use crate::trace::{Blocker, LoggedHop, Phase};

/// The service that the flow is for, as far as the evidence names it.
#[derive(Debug)]
pub(super) struct Target {
    /// `service:ns/name`.
    pub(super) object: String,
    /// Its object in the kube list.
    pub(super) source: Option<Source>,
    /// It has the port and protocol that is asked for.
    pub(super) has_port: bool,
}

/// One finding per distinct blocker, in the order met.
pub(super) struct Findings {
    found: Vec<Finding>,
}

impl Findings {
    pub(super) fn new() -> Self {
        Self { found: Vec::new() }
    }

    /// Adds what the walk met, as seen by a person who wants to mend it, and gives its code.
    ///
    /// `under` is the code of the finding that it follows from.
    pub(super) fn add(
        &mut self,
        blocker: &Blocker,
        severity: Severity,
        circumstances: &Circumstances<'_>,
        under: Option<&str>,
    ) -> &'static str {
        let attribution = circumstances.attribute(blocker);
        let entry = match &attribution {
            Some(attribution) => attribution.entry,
            None => catalogue::entry(blocker.kind),
        };
        let mut finding = finding(entry, blocker, severity);
        if let Some(attribution) = attribution {
            finding.object = attribution.object;
            finding.message = format!("{}: {}", attribution.why, blocker.message);
            for cited in evidences(&attribution.sources) {
                if !finding.evidence.contains(&cited) {
                    finding.evidence.push(cited);
                }
            }
        }
        finding.confirm = entry.commands_with(&known(&finding, blocker, circumstances));
        finding.under = under.map(str::to_owned);
        self.push(finding);
        let own = catalogue::entry(blocker.kind);
        if entry.code == catalogue::LB_LOOPBACK.code && own.code != entry.code {
            // What the kernel made of it follows from that.
            let mut own = self::finding(own, blocker, Severity::Contributing);
            own.under = Some(entry.code.to_owned());
            self.push(own);
        }
        entry.code
    }

    /// Adds that a node does not translate the service's address; `consequence` is what became of the packet then.
    pub(super) fn add_not_programmed(
        &mut self,
        target: &Target,
        hop: &LoggedHop,
        sources: &[Source],
        consequence: Option<&Blocker>,
        agents: Option<&Agents>,
    ) {
        let node = &hop.ns.object;
        let mut cited = evidences(sources);
        cited.extend(target.source.iter().map(evidence_of));
        let entry = if target.has_port {
            catalogue::SERVICE_NOT_PROGRAMMED
        } else {
            catalogue::SERVICE_PORT_MISSING
        };
        let (object, message) = if target.has_port {
            let untranslated = "the packet leaves it with the service's address untranslated";
            match agents.map(|agents| &agents.proxy) {
                Some(Agent::Down {
                    object,
                    why,
                    stopped,
                    source,
                }) => {
                    cited.insert(0, evidence_of(source));
                    let message = format!(
                        "kube-proxy on {node} has not written rules for {} ({object} {why}): {untranslated}",
                        target.object
                    );
                    (if *stopped { object } else { node }.clone(), message)
                }
                Some(Agent::Absent { elsewhere, taint }) => {
                    cited.push(evidence_of(elsewhere));
                    cited.extend(taint.iter().map(|(_, source)| evidence_of(source)));
                    let message = match taint {
                        Some((taint, _)) => format!(
                            "{node} has no rules for {}, since no kube-proxy pod runs on it (those elsewhere do not tolerate its taint `{taint}`): {untranslated}",
                            target.object
                        ),
                        None => format!(
                            "{node} has no rules for {}, since no kube-proxy pod runs on it: {untranslated}",
                            target.object
                        ),
                    };
                    (node.clone(), message)
                }
                Some(Agent::Unknown | Agent::Runs) | None => {
                    let message =
                        format!("{node} has no rules for {}: {untranslated}", target.object);
                    (node.clone(), message)
                }
            }
        } else {
            (
                target.object.clone(),
                format!(
                    "{} has no such port with that protocol: no node translates it",
                    target.object
                ),
            )
        };
        let mut facts = of_object(&target.object);
        facts.extend(of_packet(hop));
        self.push(Finding {
            code: entry.code.to_owned(),
            severity: entry.severity,
            object,
            place: Place {
                namespace: hop.ns.path.clone(),
                device: None,
                rule: None,
            },
            message,
            evidence: cited,
            nearest: Vec::new(),
            confirm: entry.commands_with(&facts),
            fix: entry.fix.en.to_owned(),
            skb_drop_reason: None,
            under: None,
        });
        if let Some(blocker) = consequence {
            let mut finding = finding(
                catalogue::entry(blocker.kind),
                blocker,
                Severity::Contributing,
            );
            finding.under = Some(entry.code.to_owned());
            self.push(finding);
        }
    }

    /// What was found so far.
    pub(super) fn found(&self) -> &[Finding] {
        &self.found
    }

    /// Adds what Kubernetes itself reports of nodes and endpoints, apart from what the packet met.
    pub(super) fn add_reported(&mut self, intent: &Intent, target: Option<&Target>, failed: bool) {
        let nodes = intent.nodes.iter().filter(|_| failed);
        for ailment in nodes {
            let entry = match ailment.kind {
                AilmentKind::NotReady => catalogue::NODE_NOT_READY,
                AilmentKind::Overlap => catalogue::POD_CIDR_OVERLAP,
                AilmentKind::Exhausted => catalogue::POD_CIDR_EXHAUSTED,
            };
            let place = format!("nodes/{}/host", ailment.node);
            let object = format!("node:{}", ailment.node);
            self.report(entry, object, place, ailment.says.clone(), &ailment.sources);
        }
        self.add_differences(intent, failed);
        let asked = target.and_then(|target| target.object.strip_prefix("service:"));
        let Some(service) = asked.and_then(|name| intent.services.get(name)) else {
            return;
        };
        if service.ready.as_ref().is_none_or(BTreeSet::is_empty) {
            return;
        }
        let own = std::slice::from_ref(&service.service.meta.source);
        if let Some(near) = &intent.near {
            let place = near.place.clone();
            self.report(
                catalogue::SERVICE_TOPOLOGY,
                service.object(),
                place,
                near.says.clone(),
                own,
            );
        }
        // What DNS names leaves out the terminating ones, and kube-proxies before 1.26 refuse connections all the same.
        let mut codes = self.found.iter().map(|known| known.code.as_str());
        let is_refused = codes.any(|code| code == catalogue::SERVICE_NO_ENDPOINTS.code);
        if service.is_draining && !service.service.headless && !is_refused {
            self.report(
                catalogue::SERVICE_TERMINATING_ONLY,
                service.object(),
                String::new(),
                format!(
                    "no endpoint of {} is ready: connections go to those that are terminating",
                    service.object()
                ),
                own,
            );
        }
        for unready in &service.unready {
            self.report(
                catalogue::SERVICE_ENDPOINT_UNREADY,
                service.object(),
                String::new(),
                format!(
                    "{} is an endpoint of {} and {}",
                    unready.object,
                    service.object(),
                    unready.why
                ),
                std::slice::from_ref(&unready.source),
            );
        }
    }

    /// Adds what a service and its load balancer do not agree on, apart from what the packet met there.
    fn add_differences(&mut self, intent: &Intent, failed: bool) {
        for difference in &intent.differences {
            let entry = match difference.kind {
                Kind::BalancerMissing => catalogue::LB_MISSING,
                Kind::ListenerMissing => catalogue::LB_LISTENER_MISSING,
                Kind::ListenerStale => catalogue::LB_LISTENER_STALE,
                Kind::WrongPort => catalogue::LB_BACKEND_WRONG_PORT,
                Kind::BackendUnexpected => catalogue::LB_BACKEND_UNEXPECTED,
                Kind::BackendMissing => catalogue::LB_BACKEND_MISSING,
                Kind::Unhealthy => catalogue::LB_BACKEND_UNHEALTHY,
                Kind::AddressUnlisted => catalogue::LB_ADDRESS_UNLISTED,
                Kind::ProbeDropped => catalogue::LB_PROBE_DROPPED,
            };
            let is_met = entry.severity == Severity::Cause
                && self.found.iter().any(|known| known.code == entry.code);
            if !is_met {
                // It does not stop this flow; why backends are unhealthy comes before that they are.
                let severity = match difference.kind {
                    Kind::ProbeDropped if failed => Severity::Contributing,
                    _ => Severity::Warning,
                };
                let entry = Entry { severity, ..entry };
                let object = difference.object.clone();
                let message = difference.message.clone();
                self.report(entry, object, String::new(), message, &difference.sources);
            }
        }
    }

    /// Adds what will bite on the way, apart from what the packet met.
    pub(super) fn add_warnings(&mut self, warnings: Vec<Warning>) {
        for Warning {
            entry,
            ns,
            message,
            sources,
        } in warnings
        {
            self.report(entry, ns.object.clone(), ns.path.clone(), message, &sources);
        }
    }

    fn report(
        &mut self,
        entry: Entry,
        object: String,
        place: String,
        message: String,
        sources: &[Source],
    ) {
        self.push(Finding {
            code: entry.code.to_owned(),
            severity: entry.severity,
            confirm: entry.commands_with(&of_object(&object)),
            object,
            place: Place {
                namespace: place,
                device: None,
                rule: None,
            },
            message,
            evidence: evidences(sources),
            nearest: Vec::new(),
            fix: entry.fix.en.to_owned(),
            skb_drop_reason: None,
            under: None,
        });
    }

    pub(super) fn push(&mut self, finding: Finding) {
        let same = |other: &&mut Finding| {
            other.code == finding.code
                && other.object == finding.object
                && other.place == finding.place
                && other.message == finding.message
        };
        match self.found.iter_mut().find(same) {
            Some(known) => known.severity = known.severity.min(finding.severity),
            None => self.found.push(finding),
        }
    }

    /// All, causes first.
    pub(super) fn sorted(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|finding| finding.severity);
        self.found
    }
}

fn finding(entry: Entry, blocker: &Blocker, severity: Severity) -> Finding {
    let mut evidence = evidences(&blocker.sources);
    if evidence.is_empty() {
        // The device list is the least that says where it happened.
        evidence = evidences(
            &blocker
                .ns
                .links
                .first()
                .map(|link| link.source.clone())
                .into_iter()
                .collect::<Vec<_>>(),
        );
    }
    Finding {
        code: entry.code.to_owned(),
        severity,
        object: blocker
            .object
            .clone()
            .unwrap_or_else(|| blocker.ns.object.clone()),
        place: Place {
            namespace: blocker.ns.path.clone(),
            device: blocker.device.clone(),
            rule: blocker.rule.clone(),
        },
        message: blocker.message.clone(),
        evidence,
        nearest: blocker
            .near
            .iter()
            .map(|miss| NearMiss {
                text: miss.text.clone(),
                evidence: evidence_of(&miss.source),
            })
            .collect(),
        confirm: Vec::new(),
        fix: entry.fix.en.to_owned(),
        skb_drop_reason: entry.skb_drop_reason.map(str::to_owned),
        under: None,
    }
}

/// What the commands of a finding are filled in with: the packet as it was where the finding shows.
fn known(
    finding: &Finding,
    blocker: &Blocker,
    circumstances: &Circumstances<'_>,
) -> Vec<(&'static str, String)> {
    let hops = match blocker.phase {
        Phase::Request | Phase::Data => &circumstances.result.request,
        Phase::Response | Phase::DataResponse => &circumstances.result.response,
    };
    let hop = hops
        .iter()
        .rev()
        .find(|hop| hop.ns.path == finding.place.namespace)
        .or_else(|| hops.last());
    let mut known = of_object(&finding.object);
    let clouds = [("aliyun", "cloud/aliyun/"), ("tencent", "cloud/tencent/")];
    for (name, folder) in clouds {
        if let Some(id) = finding.object.strip_prefix("cloud:")
            && finding.place.namespace.starts_with(folder)
        {
            known.push((name, id.to_owned()));
        }
    }
    known.extend(of_policy(&finding.object, &finding.evidence));
    known.extend(hop.into_iter().flat_map(of_packet));
    let device = finding.place.device.as_ref();
    let device = device.or_else(|| hop.and_then(|hop| hop.device_in.as_ref()));
    known.extend(device.map(|device| ("device", device.clone())));
    known
}

/// The packet's addresses as it left `hop`.
fn of_packet(hop: &LoggedHop) -> Vec<(&'static str, String)> {
    let packet = tuple(&hop.after);
    let mut known = vec![
        ("destination", packet.dst),
        ("source", packet.src),
        ("protocol", packet.protocol),
    ];
    known.extend(packet.dport.map(|port| ("port", port)));
    known
}

/// A policy as kubectl takes it: its resource, by the list that it stands in, its namespace if it has one, its name.
pub(super) fn of_policy(
    object: &str,
    evidence: &[Shared<Evidence>],
) -> Option<(&'static str, String)> {
    let name = object.strip_prefix("policy:")?;
    let mut files = evidence.iter().map(|evidence| &*evidence.file);
    let list = files.find_map(|file| file.strip_prefix("kube/"))?;
    let resource = list.split(['/', '.']).next()?;
    let name = match name.split_once('/') {
        Some((namespace, name)) => format!("-n {namespace} {name}"),
        None => name.to_owned(),
    };
    Some(("policy", format!("{resource} {name}")))
}

/// Namespace and name of `kind:namespace/name`.
pub(super) fn of_object(object: &str) -> Vec<(&'static str, String)> {
    let (_, name) = object.split_once(':').unwrap_or(("", object));
    match name.split_once('/') {
        Some((namespace, name)) => vec![
            ("namespace", namespace.to_owned()),
            ("name", name.to_owned()),
        ],
        None => vec![("name", name.to_owned())],
    }
}
