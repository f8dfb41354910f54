//! HTTP from outside: which rule of which Ingress or HTTPRoute takes a request, and to which service.

pub(crate) mod gateway;
pub(crate) mod ingress;
mod nginx;
pub(crate) mod traefik;

use serde_json::Value;

use crate::evidence::kube::generic::Object;
use crate::linux::choice::Doubt;
use crate::source::Source;

/// What is asked for: a scheme, a host, a port and a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) tls: bool,
    /// In small letters.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Begins with a slash; without query.
    pub(crate) path: String,
    /// What stands behind the question mark.
    pub(crate) query: String,
}

impl Url {
    /// Reads `http(s)://host[:port][/path]`.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = path.split('#').next().unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
            _ => (authority, if tls { 443 } else { 80 }),
        };
        let host = host.trim_matches(['[', ']']).trim_end_matches('.');
        (!host.is_empty()).then(|| Self {
            tls,
            host: host.to_ascii_lowercase(),
            port,
            path: if path.is_empty() {
                "/".to_owned()
            } else {
                path.to_owned()
            },
            query: query.to_owned(),
        })
    }
}

/// A service and its port, as a rule names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backend {
    pub(crate) namespace: String,
    pub(crate) service: String,
    /// A number, or a port's name.
    pub(crate) port: String,
    /// It may also be the port's `targetPort`, as ingress-nginx reads it (`serviceEndpoints`).
    pub(crate) or_target: bool,
    pub(crate) weight: u64,
}

/// What a proxy does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is passed on to one of these.
    Pass {
        backends: Vec<Backend>,
        /// What the proxy answers itself to the requests that would go to backends it may not use.
        lost: Vec<Answer>,
        /// The rule, in words.
        rule: String,
        object: String,
        sources: Vec<Source>,
    },
    /// The proxy answers itself.
    Fixed(Answer),
    /// The evidence does not tell.
    Unknown(Doubt),
}

/// An answer that a proxy gives itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The HTTP status; 0 for a redirect.
    pub(crate) status: u16,
    pub(crate) why: Fault,
    pub(crate) object: String,
    pub(crate) message: String,
    pub(crate) sources: Vec<Source>,
}

/// Why a proxy answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    NoRule,
    NoClass,
    NotAttached,
    NoListener,
    NotPermitted,
    Backend,
    Redirect,
}

/// How well a host pattern fits; the better is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HostFit {
    /// No host is named.
    Any,
    /// `*.example.com`, by the length of what follows the star.
    Wildcard(usize),
    Exact,
}

/// Whether `pattern` takes `host`; `deep` wildcards take several labels (Gateway API), others one (Ingress).
pub(crate) fn host_fit(pattern: &str, host: &str, deep: bool) -> Option<HostFit> {
    let pattern = pattern.to_ascii_lowercase();
    if pattern.is_empty() {
        return Some(HostFit::Any);
    }
    if let Some(suffix) = pattern.strip_prefix('*') {
        let label = host.strip_suffix(suffix)?;
        let fits = !label.is_empty() && (deep || !label.contains('.'));
        return fits.then_some(HostFit::Wildcard(suffix.len()));
    }
    (pattern == host).then_some(HostFit::Exact)
}

/// Whether `path` lies below `prefix`, element by element.
pub(crate) fn below(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    let rest = path.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A string field by JSON pointer.
pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// The items of an array by JSON pointer.
pub(crate) fn items<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// A number or a string, as a string.
pub(crate) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `kind:ns/name`.
pub(crate) fn label(kind: &str, object: &Object) -> String {
    match object.meta.namespace.as_str() {
        "" => format!("{kind}:{}", object.meta.name),
        namespace => format!("{kind}:{namespace}/{}", object.meta.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let url = Url::of("https://Shop.Example:8443/a/b?c#d").unwrap();
        assert_eq!(
            (url.tls, url.host.as_str(), url.port, url.path.as_str()),
            (true, "shop.example", 8443, "/a/b")
        );
        assert_eq!(url.query, "c");
        assert_eq!(Url::of("http://a?x").unwrap().path, "/");
        assert_eq!(Url::of("http://[2001:db8::1]").unwrap().host, "2001:db8::1");
        assert!(
            Url::of("ftp://a").is_none()
                && Url::of("http://").is_none()
                && Url::of("http://a:b/").is_none()
        );
    }

    #[test]
    fn hosts_and_paths() {
        assert_eq!(
            host_fit("*.example.com", "a.example.com", false),
            Some(HostFit::Wildcard(12))
        );
        assert_eq!(host_fit("*.example.com", "a.b.example.com", false), None);
        assert!(host_fit("*.example.com", "a.b.example.com", true).is_some());
        assert_eq!(host_fit("*.example.com", "example.com", true), None);
        assert!(
            below("/a/b", "/a") && below("/a", "/a/") && below("/x", "/") && !below("/ab", "/a")
        );
        assert!(HostFit::Exact > HostFit::Wildcard(99) && HostFit::Wildcard(3) > HostFit::Any);
    }
}
