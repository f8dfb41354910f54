//! Ingress: classes, host and path rules, default backends (the API's own rules; where controllers part from them, it is
//! said).

use serde_json::Value;

use super::{
    Answer, Backend, Decision, Fault, HostFit, Url, below, host_fit, items, label, nginx, text,
    word,
};
use crate::evidence::kube::generic::Object;
use crate::linux::choice::Doubt;
use crate::snapshot::PROXY_ANNOTATIONS;

/// An ingress class as an Ingress names it, with its controller where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) name: String,
    /// `spec.controller`, e.g. `k8s.io/ingress-nginx`.
    pub(crate) controller: Option<String>,
}

/// Reads `HostFit`s and paths of one rule that takes a request.
struct Taking<'i> {
    ingress: &'i Object,
    host: HostFit,
    exact: bool,
    length: usize,
    path: String,
    backend: &'i Value,
}

const ANNOTATED: &str = "kubernetes.io/ingress.class";

/// How a controller reads what the API leaves to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `k8s.io/ingress-nginx`.
    IngressNginx,
    /// Another that writes nginx's `location`s.
    Nginx,
    /// Any other.
    Other,
}

impl Dialect {
    /// The dialect of a class's controller.
    pub(crate) fn of(class: &Class) -> Self {
        match class.controller.as_deref() {
            Some("k8s.io/ingress-nginx") => Self::IngressNginx,
            None if class.name == "nginx" => Self::IngressNginx,
            Some(name) if name.contains("nginx") => Self::Nginx,
            Some(_) | None => Self::Other,
        }
    }
}

/// The class of `ingress`; `None` where it has none.
///
/// A default class is written into an Ingress when it is made (`DefaultIngressClass` admission): one without a class
/// was made before there was a default.
pub(crate) fn class(ingress: &Object, classes: &[Object]) -> Option<Class> {
    let own = text(&ingress.body, "/spec/ingressClassName");
    let name = own.or_else(|| ingress.meta.annotations.get(ANNOTATED).map(String::as_str));
    let name = name?;
    let found = classes.iter().find(|class| class.meta.name == name);
    let controller = found.and_then(|class| text(&class.body, "/spec/controller"));
    Some(Class {
        name: name.to_owned(),
        controller: controller.map(str::to_owned),
    })
}

/// How well any rule of `ingress` fits the host.
pub(crate) fn fit(ingress: &Object, url: &Url) -> Option<HostFit> {
    let rules = items(&ingress.body, "/spec/rules");
    let fits = rules
        .filter_map(|rule| host_fit(text(rule, "/host").unwrap_or_default(), &url.host, false));
    let default = default_backend(ingress).map(|_| HostFit::Any);
    fits.max().max(default)
}

fn default_backend(ingress: &Object) -> Option<&Value> {
    let new = ingress.body.pointer("/spec/defaultBackend");
    new.or_else(|| ingress.body.pointer("/spec/backend"))
}

/// What the controller does with a request, by `ingresses`, those of its class.
pub(crate) fn decide(ingresses: &[&Object], url: &Url, dialect: Dialect) -> Decision {
    let best = ingresses
        .iter()
        .filter_map(|ingress| fit(ingress, url))
        .max();
    let own = dialect == Dialect::IngressNginx;
    if let Some(doubt) = nginx::beside(ingresses, url, best).filter(|_| own) {
        return Decision::Unknown(doubt);
    }
    let paths = match dialect {
        Dialect::IngressNginx if nginx::is_regex(ingresses, url, best) => Paths::Expressions,
        Dialect::IngressNginx | Dialect::Nginx => Paths::Locations,
        Dialect::Other => Paths::Unsaid,
    };
    // The server of the best host takes the request: a worse one is not looked at any more.
    let named = best.filter(|best| *best > HostFit::Any);
    let mut taking: Vec<Taking<'_>> = Vec::new();
    let mut misses: Vec<String> = Vec::new();
    for ingress in ingresses {
        for rule in items(&ingress.body, "/spec/rules") {
            let pattern = text(rule, "/host").unwrap_or_default();
            let Some(host) = host_fit(pattern, &url.host, false) else {
                if strsim::jaro_winkler(pattern, &url.host) > 0.85 {
                    misses.push(format!(
                        "{} has the host `{pattern}`",
                        label("ingress", ingress)
                    ));
                }
                continue;
            };
            if named.is_some_and(|best| host < best) {
                continue;
            }
            for path in items(rule, "/http/paths") {
                match take(ingress, host, path, url, paths) {
                    Ok(Some(taken)) => taking.push(taken),
                    Ok(None) => misses.push(missed(ingress, pattern, path)),
                    Err(doubt) => return Decision::Unknown(doubt),
                }
            }
        }
    }
    // An exact path first, then the longest; of equal ones the oldest Ingress.
    let key = |taken: &Taking<'_>| {
        let age = text(&taken.ingress.body, "/metadata/creationTimestamp")
            .unwrap_or_default()
            .to_owned();
        let order = (taken.host, taken.exact, taken.length);
        (
            std::cmp::Reverse(order),
            age,
            taken.ingress.meta.name.clone(),
        )
    };
    if let Some(taken) = taking.iter().min_by_key(|taken| key(taken)) {
        let ahead = match dialect {
            Dialect::IngressNginx => ahead(ingresses, taken.ingress, url),
            Dialect::Nginx | Dialect::Other => foreign(taken.ingress).map(Decision::Unknown),
        };
        if let Some(decision) = ahead {
            return decision;
        }
        let rule = format!(
            "{} takes `{}` on host `{}`",
            label("ingress", taken.ingress),
            taken.path,
            url.host
        );
        return pass(taken.ingress, taken.backend, rule, dialect);
    }
    let mut defaults = ingresses.iter().filter(|ingress| {
        let own = items(&ingress.body, "/spec/rules").next().is_none();
        let fits = fit(ingress, url).is_some_and(|fit| named.is_none_or(|best| fit == best));
        default_backend(ingress).is_some() && (own && named.is_none() || fits)
    });
    if let Some(ingress) = defaults.next()
        && let Some(backend) = default_backend(ingress)
    {
        let rule = format!(
            "no rule takes it: the default backend of {}",
            label("ingress", ingress)
        );
        return pass(ingress, backend, rule, dialect);
    }
    let what = match named {
        Some(_) => format!(
            "rules for the host `{}` exist, but none takes the path `{}`",
            url.host, url.path
        ),
        None => format!("no rule of an Ingress takes the host `{}`", url.host),
    };
    misses.truncate(4);
    let near = match misses.as_slice() {
        [] => String::new(),
        misses => format!("; nearest: {}", misses.join(", ")),
    };
    let nearest = ingresses.iter().max_by_key(|ingress| fit(ingress, url));
    Decision::Fixed(Answer {
        status: 404,
        why: Fault::NoRule,
        object: nearest.map_or_else(String::new, |ingress| label("ingress", ingress)),
        message: format!("{what}{near}"),
        sources: ingresses
            .iter()
            .take(4)
            .map(|ingress| ingress.meta.source.clone())
            .collect(),
    })
}

fn missed(ingress: &Object, host: &str, path: &Value) -> String {
    format!(
        "{} takes {} `{}` on host `{host}`",
        label("ingress", ingress),
        text(path, "/pathType").unwrap_or("ImplementationSpecific"),
        text(path, "/path").unwrap_or("/")
    )
}

/// What ingress-nginx does with a request before it passes it on.
fn ahead(ingresses: &[&Object], taken: &Object, url: &Url) -> Option<Decision> {
    if nginx::redirects(taken, url, nginx::certified(ingresses, url)) {
        return Some(Decision::Fixed(Answer {
            status: 308,
            why: Fault::Redirect,
            object: label("ingress", taken),
            message: format!(
                "{} sends plain HTTP on to `https://{}` (`ssl-redirect`)",
                label("ingress", taken),
                url.host
            ),
            sources: vec![taken.meta.source.clone()],
        }));
    }
    nginx::undecided(taken).map(Decision::Unknown)
}

/// An annotation by which another controller may be told anything.
fn foreign(ingress: &Object) -> Option<Doubt> {
    let keys = ingress.meta.annotations.keys();
    let key = keys
        .filter(|key| !key.starts_with(nginx::PREFIX))
        .find(|key| {
            PROXY_ANNOTATIONS
                .iter()
                .any(|prefix| key.starts_with(prefix))
        })?;
    Some(nginx::unsaid(ingress, key))
}

/// How paths without a type of the API's own are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paths {
    /// As nginx's plain `location`s.
    Locations,
    /// As regular expressions, all of them.
    Expressions,
    /// By rules of the controller's own.
    Unsaid,
}

/// Whether `path`, an entry of a rule, takes the request.
fn take<'i>(
    ingress: &'i Object,
    host: HostFit,
    path: &'i Value,
    url: &Url,
    paths: Paths,
) -> Result<Option<Taking<'i>>, Doubt> {
    let own = text(path, "/path").unwrap_or("/");
    let kind = text(path, "/pathType").unwrap_or("ImplementationSpecific");
    let doubt = |what: String| Doubt {
        what,
        settle: String::new(),
        source: Some(ingress.meta.source.clone()),
    };
    let taken = match kind {
        _ if paths == Paths::Expressions => nginx::takes(own, &url.path).ok_or_else(|| {
            doubt(format!(
                "whether the regular expression `{own}` takes `{}` is not decided",
                url.path
            ))
        })?,
        "Exact" => own == url.path,
        "Prefix" => below(&url.path, own),
        // nginx makes it a prefix of the text (`location /path`).
        _ if paths == Paths::Locations => url.path.starts_with(own),
        _ if below(&url.path, own) == url.path.starts_with(own) => below(&url.path, own),
        _ => {
            return Err(doubt(format!(
                "whether the controller's own rules let `{own}` take `{}` is not known",
                url.path
            )));
        }
    };
    let Some(backend) = path.get("backend").filter(|_| taken) else {
        return Ok(None);
    };
    Ok(Some(Taking {
        ingress,
        host,
        exact: kind == "Exact" && paths != Paths::Expressions,
        length: own.trim_end_matches('/').len(),
        path: own.to_owned(),
        backend,
    }))
}

fn pass(ingress: &Object, backend: &Value, rule: String, dialect: Dialect) -> Decision {
    let new = text(backend, "/service/name");
    let old = text(backend, "/serviceName");
    let port = ["/service/port/number", "/service/port/name", "/servicePort"];
    let port = port
        .iter()
        .find_map(|at| backend.pointer(at).and_then(word));
    match (new.or(old), port) {
        (Some(service), Some(port)) => Decision::Pass {
            backends: vec![Backend {
                namespace: ingress.meta.namespace.clone(),
                service: service.to_owned(),
                port,
                or_target: dialect == Dialect::IngressNginx,
                weight: 1,
            }],
            lost: Vec::new(),
            rule,
            object: label("ingress", ingress),
            sources: vec![ingress.meta.source.clone()],
        },
        _ => Decision::Unknown(Doubt {
            what: format!("{rule}, whose backend is no service"),
            settle: String::new(),
            source: Some(ingress.meta.source.clone()),
        }),
    }
}

/// The secret that holds the host's certificate; `None` where no Ingress names one for it.
pub(crate) fn secret(ingresses: &[&Object], url: &Url) -> Option<String> {
    ingresses.iter().find_map(|ingress| {
        items(&ingress.body, "/spec/tls").find_map(|tls| {
            let mut hosts = items(tls, "/hosts").filter_map(Value::as_str).peekable();
            let any = hosts.peek().is_none();
            let fits = any || hosts.any(|host| host_fit(host, &url.host, false).is_some());
            let name = text(tls, "/secretName").filter(|_| fits)?;
            Some(format!("{}/{name}", ingress.meta.namespace))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file};

    fn ingresses(items: &str) -> Vec<Object> {
        clean(crate::evidence::kube::generic::parse(&file(
            "kube/ingresses.json",
            &format!("{{\"items\":[{items}]}}"),
        )))
    }

    fn path(kind: &str, path: &str, service: &str) -> String {
        format!(
            r#"{{"path":"{path}","pathType":"{kind}","backend":{{"service":{{"name":"{service}","port":{{"number":80}}}}}}}}"#
        )
    }

    fn ingress(host: &str, paths: &[String]) -> String {
        format!(
            r#"{{"kind":"Ingress","metadata":{{"name":"i","namespace":"shop"}},"spec":{{"rules":[{{"host":"{host}","http":{{"paths":[{}]}}}}]}}}}"#,
            paths.join(",")
        )
    }

    fn taken(all: &[Object], url: &str) -> String {
        let all: Vec<&Object> = all.iter().collect();
        match decide(&all, &Url::of(url).unwrap(), Dialect::IngressNginx) {
            Decision::Pass { backends, .. } => backends[0].service.clone(),
            Decision::Fixed(answer) => format!("{}: {}", answer.status, answer.message),
            Decision::Unknown(doubt) => doubt.what,
        }
    }

    #[test]
    fn the_best_host_then_the_exact_then_the_longest_path() {
        let all = ingresses(
            &[
                ingress(
                    "a.example",
                    &[
                        path("Prefix", "/", "root"),
                        path("Prefix", "/api", "api"),
                        path("Exact", "/api", "exact"),
                    ],
                ),
                ingress(
                    "*.example",
                    &[path("Prefix", "/", "wild"), path("Prefix", "/only", "only")],
                ),
                ingress("", &[path("Prefix", "/", "any")]),
            ]
            .join(","),
        );
        assert_eq!(taken(&all, "http://a.example/api"), "exact");
        assert_eq!(taken(&all, "http://a.example/api/x"), "api");
        assert_eq!(taken(&all, "http://a.example/apix"), "root");
        assert_eq!(taken(&all, "http://a.example/only"), "root");
        assert_eq!(taken(&all, "http://b.example/only/x"), "only");
        assert_eq!(taken(&all, "http://other/"), "any");
    }

    #[test]
    fn what_no_rule_takes_names_its_nearest() {
        let all = ingresses(&ingress("shop.example", &[path("Exact", "/a", "web")]));
        let miss = taken(&all, "http://shop.example/a/");
        assert!(
            miss.starts_with("404: rules for the host") && miss.contains("Exact `/a`"),
            "{miss}"
        );
        let miss = taken(&all, "http://shop.exampel/a");
        assert!(miss.contains("has the host `shop.example`"), "{miss}");
    }

    #[test]
    fn implementation_specific_paths_are_nginx_prefixes() {
        let all = ingresses(&ingress(
            "a.example",
            &[path("ImplementationSpecific", "/a", "web")],
        ));
        assert_eq!(taken(&all, "http://a.example/ab"), "web");
    }

    fn annotated(annotations: &str, body: &str) -> Vec<Object> {
        let plain = r#""namespace":"shop"}"#;
        let annotated = format!(r#""namespace":"shop","annotations":{{{annotations}}}}}"#);
        ingresses(&body.replacen(plain, &annotated, 1))
    }

    #[test]
    fn annotations_of_ingress_nginx_count() {
        let one = ingress(
            "a.example",
            &[path("Prefix", "/api", "web"), path("Exact", "/x", "x")],
        );
        let with = |name: &str, value: &str| {
            let annotation = format!(r#""nginx.ingress.kubernetes.io/{name}":"{value}""#);
            annotated(&annotation, &one)
        };
        // One rewrite makes all paths of the host expressions, which know neither types nor letter case.
        let rewrite = with("rewrite-target", "/");
        assert_eq!(taken(&rewrite, "http://a.example/APIx"), "web");
        assert_eq!(taken(&rewrite, "http://a.example/xy"), "x");
        assert!(taken(&with("rewrite-target", ""), "http://a.example/xy").starts_with("404"));
        assert!(taken(&with("canary", "true"), "http://a.example/api").contains("a canary"));
        assert!(
            taken(&with("server-alias", "b.example"), "http://b.example/api")
                .contains("server-alias")
        );
        assert_eq!(
            taken(&with("server-alias", "b.example"), "http://a.example/api"),
            "web"
        );
        assert!(taken(&with("auth-url", "(pruned)"), "http://a.example/api").contains("auth-url"));
        assert!(
            taken(&with("force-ssl-redirect", "true"), "http://a.example/api").starts_with("308")
        );
        assert_eq!(
            taken(&with("force-ssl-redirect", "true"), "https://a.example/api"),
            "web"
        );
    }

    #[test]
    fn a_host_with_a_certificate_redirects_plain_http() {
        let plain = ingress("a.example", &[path("Prefix", "/", "web")]);
        let secured = plain.replacen(
            r#""spec":{"#,
            r#""spec":{"tls":[{"hosts":["a.example"],"secretName":"t"}],"#,
            1,
        );
        assert!(taken(&ingresses(&secured), "http://a.example/").starts_with("308"));
        assert_eq!(taken(&ingresses(&secured), "https://a.example/"), "web");
        // Without a secret it has the default certificate.
        let bare = secured.replacen(r#","secretName":"t""#, "", 1);
        assert!(taken(&ingresses(&bare), "http://a.example/").starts_with("308"));
        let off = annotated(
            r#""nginx.ingress.kubernetes.io/ssl-redirect":"false""#,
            &secured,
        );
        assert_eq!(taken(&off, "http://a.example/"), "web");
    }

    #[test]
    fn annotations_of_other_proxies_are_not_decided() {
        let one = ingress("a.example", &[path("Prefix", "/", "web")]);
        let all = annotated(r#""haproxy.org/path-rewrite":"(pruned)""#, &one);
        let refs: Vec<&Object> = all.iter().collect();
        let url = Url::of("http://a.example/").unwrap();
        let decided = decide(&refs, &url, Dialect::Other);
        assert!(
            matches!(decided, Decision::Unknown(doubt) if doubt.what.contains("haproxy.org/path-rewrite"))
        );
    }
}
