//! Gateway API: listeners, the HTTPRoutes attached to them, and which of their rules takes a request.

mod host;
mod selector;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::Value;

use super::{Answer, Backend, Decision, Fault, HostFit, Url, below, host_fit, items, label, text};
use crate::evidence::kube::generic::Object;
use crate::evidence::kube::selector::LabelSelector;
use crate::linux::choice::Doubt;

/// What a Gateway's requests are decided by.
pub(crate) struct Routing<'r> {
    pub(crate) gateway: &'r Object,
    pub(crate) routes: &'r [Object],
    /// Permissions across namespaces; `None` where they are not known.
    pub(crate) grants: Option<&'r [Object]>,
    /// Labels of namespaces, as far as they are known.
    pub(crate) namespaces: &'r BTreeMap<String, BTreeMap<String, String>>,
}

/// The listener that takes a request: the one with the most specific host.
pub(crate) fn listener<'g>(gateway: &'g Object, url: &Url) -> Option<(&'g Value, HostFit)> {
    listeners(gateway, url).max_by_key(|(_, fit)| *fit)
}

fn listeners<'g>(gateway: &'g Object, url: &Url) -> impl Iterator<Item = (&'g Value, HostFit)> {
    let protocol = if url.tls { "HTTPS" } else { "HTTP" };
    items(&gateway.body, "/spec/listeners").filter_map(move |listener| {
        let port = listener.get("port").and_then(Value::as_u64) == Some(url.port.into());
        let speaks = text(listener, "/protocol") == Some(protocol);
        let host = host_fit(
            text(listener, "/hostname").unwrap_or_default(),
            &url.host,
            true,
        );
        host.filter(|_| port && speaks).map(|fit| (listener, fit))
    })
}

/// How well the route's own host names fit.
pub(crate) fn route_fit(route: &Object, url: &Url) -> Option<HostFit> {
    let mut names = items(&route.body, "/spec/hostnames")
        .filter_map(Value::as_str)
        .peekable();
    if names.peek().is_none() {
        return Some(HostFit::Any);
    }
    names
        .filter_map(|name| host_fit(name, &url.host, true))
        .max()
}

/// Whether the request fits `route` and `gateway` by name, whatever else keeps it away.
pub(crate) fn is_for(gateway: &Object, route: &Object, url: &Url) -> bool {
    route_fit(route, url).is_some() && parents(gateway, route).next().is_some()
}

fn parents<'r>(gateway: &'r Object, route: &'r Object) -> impl Iterator<Item = &'r Value> {
    items(&route.body, "/spec/parentRefs").filter(|parent| {
        let namespace = text(parent, "/namespace").unwrap_or(&route.meta.namespace);
        text(parent, "/kind").unwrap_or("Gateway") == "Gateway"
            && text(parent, "/name") == Some(&gateway.meta.name)
            && namespace == gateway.meta.namespace
    })
}

/// Why a route is not attached to a listener.
enum Off {
    No(String),
    Unknown(Doubt),
}

/// A match of a rule that takes the request; the greatest `order` wins.
struct Taking<'r> {
    route: &'r Object,
    rule: &'r Value,
    order: (HostFit, bool, usize, bool, usize),
    path: String,
}

impl Routing<'_> {
    /// What the Gateway does with a plain GET request.
    pub(crate) fn decide(&self, url: &Url) -> Decision {
        if host::passed_through(self.gateway, url) {
            return self.unknown(
                "a listener without HTTP takes it, whose TLSRoute or TCPRoute is not followed"
                    .to_owned(),
            );
        }
        let Some((listener, own)) = listener(self.gateway, url) else {
            let has = items(&self.gateway.body, "/spec/listeners").map(|listener| {
                format!(
                    "{} {} {}",
                    text(listener, "/protocol").unwrap_or_default(),
                    listener
                        .get("port")
                        .map(Value::to_string)
                        .unwrap_or_default(),
                    text(listener, "/hostname").unwrap_or("*")
                )
            });
            let has: Vec<String> = has.collect();
            return self.fixed(
                404,
                Fault::NoListener,
                label("gateway", self.gateway),
                format!(
                    "no listener of {} takes `{}` on port {}; it has {}",
                    label("gateway", self.gateway),
                    url.host,
                    url.port,
                    has.join(", ")
                ),
                &[],
            );
        };
        let mut misses = Vec::new();
        let mut taking: Vec<Taking<'_>> = Vec::new();
        let mut kept_off = None;
        // A route without host names has the listener's.
        let mut attached: Vec<(HostFit, &Object)> = Vec::new();
        for route in self.routes {
            let Some(fit) =
                route_fit(route, url).filter(|_| parents(self.gateway, route).next().is_some())
            else {
                continue;
            };
            match self.attached(route, listener) {
                Ok(()) => attached.push((fit.max(own), route)),
                Err(Off::Unknown(doubt)) => return Decision::Unknown(doubt),
                Err(Off::No(why)) => {
                    if let Some(doubt) = self.beside(route, fit, listener, url) {
                        return Decision::Unknown(doubt);
                    }
                    kept_off.get_or_insert((route, why));
                    continue;
                }
            }
            for rule in items(&route.body, "/spec/rules") {
                match takes(route, rule, fit, url) {
                    Ok(Some(taken)) => taking.push(taken),
                    Ok(None) => misses.push(route),
                    Err(what) => return self.unknown(what),
                }
            }
        }
        let key = |taken: &Taking<'_>| {
            let age = text(&taken.route.body, "/metadata/creationTimestamp")
                .unwrap_or_default()
                .to_owned();
            (Reverse(taken.order), age, label("httproute", taken.route))
        };
        if let Some(taken) = taking.iter().min_by_key(|taken| key(taken)) {
            return match host::beside(&attached, taken.route, url) {
                Some(doubt) => Decision::Unknown(doubt),
                None => self.pass(taken, url),
            };
        }
        if let Some((route, why)) = kept_off {
            let object = label("httproute", route);
            return self.fixed(
                404,
                Fault::NotAttached,
                object.clone(),
                format!("{object} is not attached: {why}"),
                &[route],
            );
        }
        let object = misses.first().map_or_else(
            || label("gateway", self.gateway),
            |route| label("httproute", route),
        );
        let what = if misses.is_empty() {
            format!(
                "no HTTPRoute of {} takes the host `{}`",
                label("gateway", self.gateway),
                url.host
            )
        } else {
            format!("no rule of {object} takes the path `{}`", url.path)
        };
        self.fixed(404, Fault::NoRule, object, what, &misses)
    }

    /// Why `route` may take the request though the most specific listener does not have it: not every implementation
    /// keeps the routes of less specific listeners away (listener isolation is an extended feature).
    fn beside(&self, route: &Object, fit: HostFit, own: &Value, url: &Url) -> Option<Doubt> {
        let may = |listener: &Value| !matches!(self.attached(route, listener), Err(Off::No(_)));
        let takes_it = items(&route.body, "/spec/rules")
            .any(|rule| !matches!(takes(route, rule, fit, url), Ok(None)));
        let (other, _) = listeners(self.gateway, url)
            .find(|(listener, _)| *listener != own && takes_it && may(listener))?;
        Some(Doubt {
            what: format!(
                "whether {} takes requests by listener `{}`, beside the more specific `{}`, is not known",
                label("httproute", route),
                text(other, "/name").unwrap_or_default(),
                text(own, "/name").unwrap_or_default(),
            ),
            settle: "whether the controller isolates listeners".to_owned(),
            source: Some(self.gateway.meta.source.clone()),
        })
    }

    /// Whether the listener lets the route attach; why not.
    fn attached(&self, route: &Object, listener: &Value) -> Result<(), Off> {
        let name = text(listener, "/name").unwrap_or_default();
        let named = parents(self.gateway, route).any(|parent| {
            let section = text(parent, "/sectionName").is_none_or(|section| section == name);
            let port = parent
                .get("port")
                .is_none_or(|port| listener.get("port") == Some(port));
            section && port
        });
        if !named {
            return Err(Off::No(format!(
                "its parentRefs name another listener than `{name}`"
            )));
        }
        let namespace = &route.meta.namespace;
        let own = *namespace == self.gateway.meta.namespace;
        let allowed = match text(listener, "/allowedRoutes/namespaces/from").unwrap_or("Same") {
            "All" => true,
            "Selector" => {
                let wanted = listener.pointer("/allowedRoutes/namespaces/selector");
                let unknown = |what: String| {
                    Off::Unknown(Doubt {
                        what,
                        settle: "kube/namespaces.json".to_owned(),
                        source: Some(self.gateway.meta.source.clone()),
                    })
                };
                let selector = wanted.map_or_else(|| Some(LabelSelector::default()), selector::of);
                let Some(selector) = selector else {
                    return Err(unknown(format!(
                        "the namespace selector of listener `{name}` cannot be read"
                    )));
                };
                let Some(labels) = self.namespaces.get(namespace) else {
                    return Err(unknown(format!(
                        "the labels of namespace `{namespace}`, which listener `{name}` selects by, are not known"
                    )));
                };
                selector.matches(labels)
            }
            _ => own,
        };
        if !allowed {
            return Err(Off::No(format!(
                "listener `{name}` allows no routes from namespace `{namespace}` (allowedRoutes)"
            )));
        }
        let kinds: Vec<&str> = items(listener, "/allowedRoutes/kinds")
            .filter_map(|kind| text(kind, "/kind"))
            .collect();
        if !kinds.is_empty() && !kinds.contains(&"HTTPRoute") {
            return Err(Off::No(format!(
                "listener `{name}` allows only routes of kind {}",
                kinds.join(", ")
            )));
        }
        Ok(())
    }

    fn pass(&self, taken: &Taking<'_>, url: &Url) -> Decision {
        let route = taken.route;
        let object = label("httproute", route);
        let rule = format!("{object} takes `{}` on host `{}`", taken.path, url.host);
        let filters = items(taken.rule, "/filters").filter_map(|filter| text(filter, "/type"));
        for filter in filters {
            match filter {
                "RequestRedirect" => {
                    return self.fixed(
                        302,
                        Fault::Redirect,
                        object,
                        format!("{rule}: it answers with a redirect"),
                        &[route],
                    );
                }
                "ExtensionRef" => {
                    return self.unknown(format!("{rule}, with a filter of the controller's own"));
                }
                // Headers, rewrites and mirrors do not change who is asked.
                _ => {}
            }
        }
        let mut backends = Vec::new();
        let mut lost = Vec::new();
        for reference in items(taken.rule, "/backendRefs") {
            let weight = reference.get("weight").and_then(Value::as_u64).unwrap_or(1);
            let kind = text(reference, "/kind").unwrap_or("Service");
            let name = text(reference, "/name").unwrap_or_default();
            let namespace = text(reference, "/namespace").unwrap_or(&route.meta.namespace);
            if weight == 0 {
                continue;
            }
            if kind != "Service" {
                return self.unknown(format!("{rule}, whose backend is a {kind}"));
            }
            if namespace != route.meta.namespace {
                let Some(grants) = self.grants else {
                    return Decision::Unknown(Doubt {
                        what: format!(
                            "whether {object} may use services of namespace `{namespace}` is not known"
                        ),
                        settle: "kube/referencegrants.json".to_owned(),
                        source: Some(route.meta.source.clone()),
                    });
                };
                if !grants
                    .iter()
                    .any(|grant| grants_it(grant, &route.meta.namespace, namespace, name))
                {
                    lost.push(self.answer(500, Fault::NotPermitted, object.clone(), format!(
                        "{object} names service {namespace}/{name}, and no ReferenceGrant there permits it"
                    ), &[route]));
                    continue;
                }
            }
            backends.push(Backend {
                namespace: namespace.to_owned(),
                service: name.to_owned(),
                port: reference
                    .get("port")
                    .and_then(super::word)
                    .unwrap_or_default(),
                or_target: false,
                weight,
            });
        }
        if backends.is_empty() && !lost.is_empty() {
            return Decision::Fixed(lost.swap_remove(0));
        }
        if backends.is_empty() {
            return self.fixed(
                500,
                Fault::Backend,
                object,
                format!("{rule}, but names no backend"),
                &[route],
            );
        }
        Decision::Pass {
            backends,
            lost,
            rule,
            object,
            sources: vec![route.meta.source.clone(), self.gateway.meta.source.clone()],
        }
    }

    fn fixed(
        &self,
        status: u16,
        why: Fault,
        object: String,
        message: String,
        routes: &[&Object],
    ) -> Decision {
        Decision::Fixed(self.answer(status, why, object, message, routes))
    }

    fn answer(
        &self,
        status: u16,
        why: Fault,
        object: String,
        message: String,
        routes: &[&Object],
    ) -> Answer {
        let mut sources: Vec<_> = routes
            .iter()
            .take(3)
            .map(|route| route.meta.source.clone())
            .collect();
        sources.push(self.gateway.meta.source.clone());
        Answer {
            status,
            why,
            object,
            message,
            sources,
        }
    }

    fn unknown(&self, what: String) -> Decision {
        Decision::Unknown(Doubt {
            what,
            settle: String::new(),
            source: Some(self.gateway.meta.source.clone()),
        })
    }
}

/// The best match of `rule` for a plain GET request: an exact path, then the longest, then one that names the method.
fn takes<'r>(
    route: &'r Object,
    rule: &'r Value,
    host: HostFit,
    url: &Url,
) -> Result<Option<Taking<'r>>, String> {
    let all = Value::Null;
    let mut matches: Vec<&Value> = items(rule, "/matches").collect();
    if matches.is_empty() {
        matches.push(&all);
    }
    let mut best: Option<Taking<'r>> = None;
    for one in matches {
        let path = text(one, "/path/value").unwrap_or("/");
        let kind = text(one, "/path/type").unwrap_or("PathPrefix");
        let method = text(one, "/method");
        let headers = items(one, "/headers").next().is_some();
        if headers || method.is_some_and(|method| method != "GET") {
            continue;
        }
        let fits = match kind {
            "Exact" => path == url.path,
            "PathPrefix" => below(&url.path, path),
            _ => {
                return Err(format!(
                    "whether the {kind} `{path}` of {} takes `{}` is not decided",
                    label("httproute", route),
                    url.path
                ));
            }
        };
        let order = (
            host,
            kind == "Exact",
            path.trim_end_matches('/').len(),
            method.is_some(),
            items(one, "/queryParams").count(),
        );
        if fits
            && !asked(one, url).ok_or_else(|| {
                format!(
                    "whether the query parameters of {} are those of `{}` is not decided",
                    label("httproute", route),
                    url.query
                )
            })?
        {
            continue;
        }
        if fits && best.as_ref().is_none_or(|best| best.order < order) {
            best = Some(Taking {
                route,
                rule,
                order,
                path: path.to_owned(),
            });
        }
    }
    Ok(best)
}

/// Whether the URL has the query parameters that a match names; `None` where they cannot be compared.
fn asked(one: &Value, url: &Url) -> Option<bool> {
    let mut all = true;
    for wanted in items(one, "/queryParams") {
        let exact = text(wanted, "/type").is_none_or(|kind| kind == "Exact");
        // Whether a controller decodes them first is its own.
        if !exact || url.query.contains(['%', '+']) {
            return None;
        }
        // Of a name that is given twice, the first counts.
        let own = url
            .query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .find(|(name, _)| Some(*name) == text(wanted, "/name"));
        all &= own.is_some_and(|(_, value)| Some(value) == text(wanted, "/value"));
    }
    Some(all)
}

/// Whether `grant` lets HTTPRoutes of namespace `from` use the service `to/name`.
fn grants_it(grant: &Object, from: &str, to: &str, name: &str) -> bool {
    let route = |entry: &Value| {
        text(entry, "/kind") == Some("HTTPRoute") && text(entry, "/namespace") == Some(from)
    };
    let service = |entry: &Value| {
        text(entry, "/kind") == Some("Service")
            && text(entry, "/name").is_none_or(|own| own == name)
    };
    grant.meta.namespace == to
        && items(&grant.body, "/spec/from").any(route)
        && items(&grant.body, "/spec/to").any(service)
}

#[cfg(test)]
mod tests;
