//! The controller that serves an ingress class: which one it is, and where its proxies run.

use super::entrance::entrances;
use super::proxy::{Plan, doubt, pods, services};
use crate::evidence::kube::generic::Object;
use crate::evidence::kube::pod::Pod;
use crate::intent::web::ingress::Class;
use crate::intent::web::{Decision, Url, text};
use crate::linux::choice::Doubt;
use crate::verdict::Finding;
use crate::world::{Halt, World};

/// Controllers, and the label that their pods have wherever they are installed as documented.
const CONTROLLERS: &[(&str, &str, &str)] = &[
    (
        "k8s.io/ingress-nginx",
        "app.kubernetes.io/name",
        "ingress-nginx",
    ),
    (
        "nginx.org/ingress-controller",
        "app.kubernetes.io/name",
        "nginx-ingress",
    ),
    (
        "traefik.io/ingress-controller",
        "app.kubernetes.io/name",
        "traefik",
    ),
    (
        "haproxy.org/ingress-controller",
        "app.kubernetes.io/name",
        "kubernetes-ingress",
    ),
    (
        "haproxy-ingress.github.io/controller",
        "app.kubernetes.io/name",
        "haproxy-ingress",
    ),
    (
        "konghq.com/ingress-controller",
        "app.kubernetes.io/name",
        "kong",
    ),
    (
        "ingress-controllers.konghq.com/kong",
        "app.kubernetes.io/name",
        "kong",
    ),
    (
        "projectcontour.io/ingress-controller",
        "app.kubernetes.io/component",
        "envoy",
    ),
    ("istio.io/ingress-controller", "istio", "ingressgateway"),
];

/// The controller of `class`, or of the only class where none is named.
pub(super) fn plan(
    world: &mut World<'_>,
    classes: &[Object],
    class: Option<Class>,
    url: &Url,
    decision: Decision,
    findings: Vec<Finding>,
) -> Result<Result<Plan, Doubt>, Halt> {
    let only = match classes {
        [only] => text(&only.body, "/spec/controller"),
        _ => None,
    };
    let of_class = class.as_ref().and_then(|class| class.controller.clone());
    let by_name = class
        .as_ref()
        .filter(|class| class.name == "nginx")
        .map(|_| "k8s.io/ingress-nginx".to_owned());
    let only = only.filter(|_| class.is_none()).map(str::to_owned);
    let Some(name) = of_class.or(by_name).or(only) else {
        let otherwise = doubt(
            "which controller takes the request is not known",
            "kube/ingressclasses.json",
        );
        return Ok(unplaced(decision, findings, otherwise));
    };
    let known = CONTROLLERS
        .iter()
        .find(|(controller, ..)| *controller == name);
    let Some((_, key, value)) = known else {
        return Ok(Err(doubt(
            &format!("where the controller `{name}` runs is not known"),
            "the address of its proxy: ask for a flow to it",
        )));
    };
    let mut assumptions = Vec::new();
    let pods = pods(world, |pod| {
        pod.meta.labels.get(*key).is_some_and(|own| own == value)
    })?;
    let pods = leading(pods);
    if pods.is_empty() {
        return Ok(Err(doubt(
            &format!("no pod of the controller `{name}` is in this capture (label {key}={value})"),
            "kube/pods.json of the whole cluster",
        )));
    }
    let of_class = class.as_ref().map(|class| class.name.as_str());
    let of_class = classes
        .iter()
        .find(|one| Some(one.meta.name.as_str()) == of_class);
    let Some(pods) = of_one(pods, of_class) else {
        let otherwise = doubt(
            &format!(
                "which of several installations of the controller `{name}` takes the request is not known"
            ),
            "the address that the host's name has",
        );
        return Ok(unplaced(decision, findings, otherwise));
    };
    assumptions.push(format!(
        "the pods labelled {key}={value} are the controller `{name}`"
    ));
    let services = services(world, &pods)?;
    let title = class.map_or_else(|| name.clone(), |class| class.name);
    Ok(Ok(Plan {
        entrances: entrances(world, &services, &pods, &[], url)?,
        object: format!("ingressclass:{title}"),
        name: format!("the controller of ingress class {title}"),
        gateway: false,
        leaves_out: false,
        others: false,
        decision,
        pods,
        assumptions,
        findings,
    }))
}

/// What is left to say where it is not known which proxy takes the request: what any of them answers, else the doubt.
fn unplaced(decision: Decision, findings: Vec<Finding>, otherwise: Doubt) -> Result<Plan, Doubt> {
    let Decision::Fixed(answer) = &decision else {
        return Err(otherwise);
    };
    Ok(Plan {
        name: "the ingress controller".to_owned(),
        object: answer.object.clone(),
        gateway: false,
        leaves_out: false,
        others: false,
        decision,
        entrances: Vec::new(),
        pods: Vec::new(),
        assumptions: Vec::new(),
        findings,
    })
}

/// Names the installation on all that a Helm chart makes, the ingress class too.
const INSTANCE: &str = "app.kubernetes.io/instance";

/// The pods of one installation: of several, beside one another for different classes, that of `class`.
fn of_one(pods: Vec<Pod>, class: Option<&Object>) -> Option<Vec<Pod>> {
    let place = |pod: &Pod| {
        let instance = pod.meta.labels.get(INSTANCE).cloned();
        (pod.meta.namespace.clone(), instance)
    };
    let several = |pods: &[Pod]| {
        let first = pods.first().map(place);
        pods.iter().any(|pod| Some(place(pod)) != first)
    };
    if !several(&pods) {
        return Some(pods);
    }
    let named = class?.meta.labels.get(INSTANCE)?;
    let own = pods
        .into_iter()
        .filter(|pod| pod.meta.labels.get(INSTANCE) == Some(named));
    let own: Vec<Pod> = own.collect();
    (!own.is_empty() && !several(&own)).then_some(own)
}

/// Without those that only check objects for the API server.
fn leading(pods: Vec<Pod>) -> Vec<Pod> {
    let component = |pod: &Pod| pod.meta.labels.get("app.kubernetes.io/component").cloned();
    pods.into_iter()
        .filter(|pod| {
            component(pod).is_none_or(|own| !own.contains("webhook") && own != "default-backend")
        })
        .collect()
}
