//! The proxy that takes a request: which rules it goes by, by which addresses it is reached, and where it runs.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::controller;
use super::entrance::{Entrance, entrances};
use crate::evidence::kube::generic::Object;
use crate::evidence::kube::pod::Pod;
use crate::evidence::kube::service::Service;
use crate::intent::web::gateway::{Routing, is_for, listener, route_fit};
use crate::intent::web::ingress::{self, Class, Dialect};
use crate::intent::web::{Answer, Decision, Fault, HostFit, Url, items, label, text, traefik};
use crate::journey::merge::Found;
use crate::linux::choice::Doubt;
use crate::verdict::{Finding, Outcome, Severity, Verdict, catalogue};
use crate::world::{Halt, World};

/// What takes a request, and what it does with it.
pub(super) struct Plan {
    /// In words, e.g. `ingress class nginx`.
    pub(super) name: String,
    /// `ingressclass:nginx`, `gateway:ns/name`.
    pub(super) object: String,
    pub(super) gateway: bool,
    /// A rule whose backend is missing is as if it were not there.
    pub(super) leaves_out: bool,
    /// Then another one may take the request.
    pub(super) others: bool,
    pub(super) decision: Decision,
    pub(super) entrances: Vec<Entrance>,
    /// The proxy's pods, as far as labels tell.
    pub(super) pods: Vec<Pod>,
    pub(super) assumptions: Vec<String>,
    pub(super) findings: Vec<Finding>,
}

/// Labels by which a Gateway's pods and service name it.
const OF_GATEWAY: &[&str] = &[
    "gateway.networking.k8s.io/gateway-name",
    "gateway.envoyproxy.io/owning-gateway-name",
];

/// The proxy for `url`; the doubt where the capture does not tell.
pub(super) fn plan(world: &mut World<'_>, url: &Url) -> Result<Result<Plan, Doubt>, Halt> {
    let ingresses = world.objects_of("ingresses")?;
    let gateways = world.objects_of("gateways")?;
    let routes = world.objects_of("httproutes")?;
    let missing = match (&ingresses, &gateways) {
        (None, None) => {
            return Ok(Err(doubt(
                "which rules take HTTP requests is not known",
                "kube/ingresses.json or kube/gateways.json",
            )));
        }
        (None, Some(_)) => Some("no Ingress takes the request (Ingresses were not captured)"),
        (Some(_), None) => Some("no Gateway takes the request (Gateways were not captured)"),
        (Some(_), Some(_)) => None,
    };
    let (ingresses, gateways) = (ingresses.unwrap_or_default(), gateways.unwrap_or_default());
    let by_ingress = ingresses
        .iter()
        .filter_map(|ingress| ingress::fit(ingress, url))
        .max();
    if routes.is_none() && !gateways.is_empty() {
        return Ok(Err(doubt(
            "which HTTPRoutes the Gateways have is not known",
            "kube/httproutes.json",
        )));
    }
    let routes = routes.unwrap_or_default();
    let fit = |gateway: &Object| {
        let routed = routes.iter().filter(|route| is_for(gateway, route, url));
        let routed = routed.filter_map(|route| route_fit(route, url)).max();
        routed.max(
            listener(gateway, url)
                .map(|(_, fit)| fit)
                .filter(|fit| *fit > HostFit::Any),
        )
    };
    let by_gateway = gateways.iter().filter_map(fit).max();
    let mut best = gateways
        .iter()
        .filter(|gateway| by_gateway.is_some() && fit(gateway) == by_gateway);
    let gateway = best.next();
    let rival = |who: &str, other: &str| {
        doubt(
            &format!("{who} and {other} both take `{}`", url.host),
            "the address that the host's name has",
        )
    };
    let plan = match (gateway, by_ingress) {
        (Some(gateway), None) => match best.next() {
            Some(other) => Err(rival(&label("gateway", gateway), &label("gateway", other))),
            None => of_gateway(world, gateway, &routes, url).map(Ok)?,
        },
        // Each has an address of its own: which one the host's name leads to is not the cluster's to say.
        (Some(gateway), Some(_)) => Err(rival(&label("gateway", gateway), "an Ingress")),
        (None, _) => match gateways.as_slice() {
            [only] if ingresses.is_empty() => of_gateway(world, only, &routes, url).map(Ok)?,
            [first, second, ..] if ingresses.is_empty() => {
                Err(rival(&label("gateway", first), &label("gateway", second)))
            }
            _ => of_ingress(world, &ingresses, url)?,
        },
    };
    Ok(plan.map(|mut plan| {
        plan.assumptions.extend(missing.map(str::to_owned));
        plan
    }))
}

pub(super) fn doubt(what: &str, settle: &str) -> Doubt {
    Doubt {
        what: what.to_owned(),
        settle: settle.to_owned(),
        source: None,
    }
}

fn of_ingress(
    world: &mut World<'_>,
    ingresses: &[Object],
    url: &Url,
) -> Result<Result<Plan, Doubt>, Halt> {
    let Some(classes) = world.objects_of("ingressclasses")? else {
        return Ok(Err(doubt(
            "which controller an Ingress is for is not known",
            "kube/ingressclasses.json",
        )));
    };
    let classed: Vec<(&Object, Option<Class>)> = ingresses
        .iter()
        .map(|one| (one, ingress::class(one, &classes)))
        .collect();
    let best = classed.iter().max_by_key(|(one, _)| ingress::fit(one, url));
    let Some((meant, class)) = best else {
        return Ok(Err(doubt(
            "there is no Ingress and no Gateway",
            "the address that the host's name has",
        )));
    };
    // Which of two controllers the host's name leads to is not the cluster's to say.
    let fit = ingress::fit(meant, url);
    let rival = classed
        .iter()
        .find(|(one, other)| fit.is_some() && ingress::fit(one, url) == fit && other != class);
    if let Some((rival, _)) = rival {
        return Ok(Err(doubt(
            &format!(
                "{} and {}, of different ingress classes, both take `{}`",
                label("ingress", meant),
                label("ingress", rival),
                url.host
            ),
            "the address that the host's name has",
        )));
    }
    let Some(class) = class else {
        let object = label("ingress", meant);
        let decision = Decision::Unknown(Doubt {
            what: format!(
                "{object} names no ingress class: whether a controller takes such Ingresses is not known"
            ),
            settle: "the controller's options".to_owned(),
            source: Some(meant.meta.source.clone()),
        });
        return controller::plan(world, &classes, None, url, decision, Vec::new());
    };
    let own: Vec<&Object> = classed
        .iter()
        .filter(|(_, other)| other.as_ref().is_some_and(|other| other.name == class.name))
        .map(|(one, _)| *one)
        .collect();
    let dialect = Dialect::of(class);
    let decision = match &class.controller {
        Some(_) => ingress::decide(&own, url, dialect),
        None if classes.iter().any(|known| known.meta.name == class.name) => {
            ingress::decide(&own, url, dialect)
        }
        // An annotation may name a class that only its controller knows.
        None if text(&meant.body, "/spec/ingressClassName").is_none() => {
            ingress::decide(&own, url, dialect)
        }
        None => Decision::Fixed(Answer {
            status: 404,
            why: Fault::NoClass,
            object: label("ingress", meant),
            message: format!(
                "{} names the ingress class `{}`, which does not exist",
                label("ingress", meant),
                class.name
            ),
            sources: vec![meant.meta.source.clone()],
        }),
    };
    let mut findings = Vec::new();
    let passes = matches!(decision, Decision::Pass { .. });
    if url.tls && passes && ingress::secret(&own, url).is_none() {
        findings.push(
            Found {
                entry: catalogue::INGRESS_NO_TLS,
                severity: Severity::Warning,
                object: label("ingress", meant),
                at: "",
                message: format!(
                    "no Ingress names a certificate for `{}`: the controller shows its default one",
                    url.host
                ),
                sources: std::slice::from_ref(&meant.meta.source),
                under: None,
            }
            .into(),
        );
    }
    let redirect = matches!(&decision, Decision::Fixed(answer) if answer.why == Fault::Redirect);
    let leaves_out = traefik::has(class);
    // A class that does not exist tells nothing of who takes the request instead.
    let class = Some(class).filter(|_| !is_missing(&decision));
    let plan = controller::plan(world, &classes, class.cloned(), url, decision, findings)?;
    Ok(plan.map(|mut plan| {
        plan.leaves_out = leaves_out;
        plan.others = leaves_out && traefik::several(&own, url);
        if redirect {
            plan.assumptions
                .push("the controller's ConfigMap does not turn `ssl-redirect` off".to_owned());
        }
        plan
    }))
}

fn is_missing(decision: &Decision) -> bool {
    matches!(decision, Decision::Fixed(answer) if answer.why == Fault::NoClass)
}

fn of_gateway(
    world: &mut World<'_>,
    gateway: &Object,
    routes: &[Object],
    url: &Url,
) -> Result<Plan, Halt> {
    let grants = world.objects_of("referencegrants")?;
    let mut namespaces = BTreeMap::new();
    for name in world.namespace_names()?.unwrap_or_default() {
        let labels = world.namespace_labels(&name)?.unwrap_or_default();
        namespaces.insert(name, labels);
    }
    let routing = Routing {
        gateway,
        routes,
        grants: grants.as_deref(),
        namespaces: &namespaces,
    };
    let decision = routing.decide(url);
    let of_it = |labels: &BTreeMap<String, String>| {
        OF_GATEWAY
            .iter()
            .any(|key| labels.get(*key) == Some(&gateway.meta.name))
    };
    let pods = pods(world, |pod| of_it(&pod.meta.labels))?;
    let mut services = services(world, &pods)?;
    if services.is_empty() {
        services.extend(
            world
                .services(&gateway.meta.namespace)?
                .iter()
                .flat_map(|all| all.iter())
                .filter(|one| of_it(&one.meta.labels))
                .cloned(),
        );
    }
    let addresses = items(&gateway.body, "/status/addresses");
    let addresses: Vec<IpAddr> = addresses
        .filter_map(|one| text(one, "/value")?.parse().ok())
        .collect();
    let stated = (!addresses.is_empty()).then(|| (addresses, gateway.meta.source.clone()));
    Ok(Plan {
        entrances: entrances(world, &services, &pods, stated.as_slice(), url)?,
        object: label("gateway", gateway),
        name: label("gateway", gateway),
        gateway: true,
        leaves_out: false,
        others: false,
        decision,
        pods,
        assumptions: vec![
            "the request is a plain GET, without headers that a rule looks for".to_owned(),
        ],
        findings: Vec::new(),
    })
}

pub(super) fn pods(world: &mut World<'_>, is_own: impl Fn(&Pod) -> bool) -> Result<Vec<Pod>, Halt> {
    let all = world.all_pods()?.unwrap_or_default();
    Ok(all.into_iter().filter(is_own).collect())
}

/// The services that select the pods.
pub(super) fn services(world: &mut World<'_>, pods: &[Pod]) -> Result<Vec<Service>, Halt> {
    let mut found: Vec<Service> = Vec::new();
    for pod in pods {
        let Some(all) = world.services(&pod.meta.namespace)? else {
            continue;
        };
        for service in all
            .iter()
            .filter(|service| service.meta.namespace == pod.meta.namespace)
        {
            let selects = service.selector.as_ref().is_some_and(|selector| {
                selector
                    .iter()
                    .all(|(key, value)| pod.meta.labels.get(key) == Some(value))
            });
            if selects
                && !found
                    .iter()
                    .any(|known| known.meta.name == service.meta.name)
            {
                found.push(service.clone());
            }
        }
    }
    Ok(found)
}

/// The proxies that the request comes to: where its walk ends, else those that labels name.
pub(super) fn of(first: &Verdict, plan: &Plan) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for branch in &first.branches {
        let delivered = branch.backend.is_some() && branch.outcome == Outcome::Connected;
        let Some(last) = branch.hops.last().filter(|_| delivered) else {
            continue;
        };
        if !found.contains(&last.object) {
            found.push(last.object.clone());
        }
    }
    if found.is_empty() {
        for pod in &plan.pods {
            found.push(format!("pod:{}/{}", pod.meta.namespace, pod.meta.name));
        }
    }
    found
}

/// Who takes a request that is sent to an address.
pub(super) enum Taker {
    Proxy,
    /// Another, in words.
    Other(String),
    Unsure(Doubt),
}

/// Whether the proxy of `plan` is what `first`, a request to an address, comes to.
pub(super) fn taker(first: &Verdict, plan: &Plan) -> Taker {
    let own = |object: &str| {
        plan.pods
            .iter()
            .any(|pod| object == format!("pod:{}/{}", pod.meta.namespace, pod.meta.name))
    };
    let connected = first
        .branches
        .iter()
        .filter(|branch| branch.outcome == Outcome::Connected);
    let takers: Vec<&str> = connected
        .filter_map(|branch| Some(branch.hops.last()?.object.as_str()))
        .collect();
    let Some(one) = takers.first() else {
        return Taker::Other("nothing is known to take the request".to_owned());
    };
    if takers.iter().all(|object| own(object)) {
        return Taker::Proxy;
    }
    // A node's own address may be that of a proxy in its network; unlabelled pods may be proxies, too.
    let pod = |object: &&str| object.starts_with("pod:") && !own(object);
    let elsewhere = plan.pods.iter().all(|pod| !pod.host_network);
    if !plan.pods.is_empty()
        && takers
            .iter()
            .all(|object| pod(object) || elsewhere && !own(object))
    {
        return Taker::Other(format!(
            "{one} takes the request, which is no pod of {}",
            plan.name
        ));
    }
    Taker::Unsure(doubt(
        &format!("whether {one} is {} is not known", plan.name),
        "kube/pods.json with the proxy's pods",
    ))
}
