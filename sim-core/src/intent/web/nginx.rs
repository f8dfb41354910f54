//! ingress-nginx: what its annotations change about who takes a request (its `annotations` and `template` packages).

use super::{HostFit, Url, host_fit, items, label, text};
use crate::evidence::kube::generic::Object;
use crate::linux::choice::Doubt;

pub(super) const PREFIX: &str = "nginx.ingress.kubernetes.io/";

/// Annotations of the Ingress that takes a request which may answer it otherwise, or pass it elsewhere.
const UNDECIDED: &[&str] = &[
    "allowlist-source-range",
    "app-root",
    "auth-tls-secret",
    "auth-type",
    "auth-url",
    "configuration-snippet",
    "default-backend",
    "denylist-source-range",
    "from-to-www-redirect",
    "global-rate-limit",
    "permanent-redirect",
    "server-snippet",
    "ssl-passthrough",
    "temporal-redirect",
    "whitelist-source-range",
];

/// The annotation's value; `None` where it is empty or `false`, which is as if it were not there.
fn set<'o>(ingress: &'o Object, name: &str) -> Option<&'o str> {
    let value = ingress.meta.annotations.get(&format!("{PREFIX}{name}"))?;
    Some(value.trim()).filter(|value| !value.is_empty() && *value != "false")
}

fn doubt(ingress: &Object, what: String) -> Doubt {
    Doubt {
        what,
        settle: String::new(),
        source: Some(ingress.meta.source.clone()),
    }
}

/// What keeps the rules of `ingresses` from being all that there is to the request's host.
pub(super) fn beside(ingresses: &[&Object], url: &Url, best: Option<HostFit>) -> Option<Doubt> {
    ingresses.iter().find_map(|ingress| {
        let fits = super::ingress::fit(ingress, url);
        if set(ingress, "canary").is_some() && fits.is_some() {
            return Some(doubt(
                ingress,
                format!(
                    "which requests {} takes, a canary, is not decided",
                    label("ingress", ingress)
                ),
            ));
        }
        // An alias does not take a host from a rule that names it.
        let aliases = set(ingress, "server-alias").filter(|_| best != Some(HostFit::Exact))?;
        let takes = |alias: &str| {
            let is_pattern = alias.contains(['~', '^', '(', '\\']);
            is_pattern || host_fit(alias, &url.host, true).is_some()
        };
        aliases.split(',').map(str::trim).any(takes).then(|| {
            doubt(
                ingress,
                format!(
                    "whether {} takes the host `{}` by its `server-alias` is not decided",
                    label("ingress", ingress),
                    url.host
                ),
            )
        })
    })
}

/// Whether all paths of the host are regular expressions: one Ingress of it says so for all (`enforceRegexModifier`).
pub(super) fn is_regex(ingresses: &[&Object], url: &Url, best: Option<HostFit>) -> bool {
    ingresses.iter().any(|ingress| {
        let named = items(&ingress.body, "/spec/rules").any(|rule| {
            host_fit(text(rule, "/host").unwrap_or_default(), &url.host, false) == best
        });
        named && (set(ingress, "use-regex").is_some() || set(ingress, "rewrite-target").is_some())
    })
}

/// Whether the expression `^own` takes `path` (`location ~*`); `None` where it is more than plain text.
pub(super) fn takes(own: &str, path: &str) -> Option<bool> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_~".contains(letter);
    own.chars().all(plain).then(|| {
        path.get(..own.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(own))
    })
}

/// Whether the host has a certificate, be it the default one: an Ingress with a rule for it has a `tls` list, whatever
/// stands there (`createServers`, `get_pem_cert_uid`).
pub(super) fn certified(ingresses: &[&Object], url: &Url) -> bool {
    ingresses.iter().any(|ingress| {
        let named = items(&ingress.body, "/spec/rules").any(|rule| {
            let fit = host_fit(text(rule, "/host").unwrap_or_default(), &url.host, false);
            fit > Some(HostFit::Any)
        });
        named && items(&ingress.body, "/spec/tls").next().is_some()
    })
}

/// Whether plain HTTP is sent on to HTTPS (`redirect_to_https`); `certified`: the host has a certificate.
pub(super) fn redirects(ingress: &Object, url: &Url, certified: bool) -> bool {
    let off = ingress
        .meta
        .annotations
        .get(&format!("{PREFIX}ssl-redirect"))
        .is_some_and(|value| value == "false");
    !url.tls && (set(ingress, "force-ssl-redirect").is_some() || certified && !off)
}

/// An annotation of the Ingress that takes the request, because of which what becomes of it is not decided.
pub(super) fn undecided(ingress: &Object) -> Option<Doubt> {
    let name = UNDECIDED.iter().find(|name| set(ingress, name).is_some())?;
    Some(unsaid(ingress, &[PREFIX, name].concat()))
}

/// That an annotation decides what is not known here.
pub(super) fn unsaid(ingress: &Object, annotation: &str) -> Doubt {
    doubt(
        ingress,
        format!(
            "what the annotation `{annotation}` of {} makes of the request is not decided",
            label("ingress", ingress)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::takes;

    #[test]
    fn plain_expressions_are_prefixes_in_any_letter_case() {
        assert_eq!(takes("/Api", "/api/x"), Some(true));
        assert_eq!(takes("/api", "/apix"), Some(true));
        assert_eq!(takes("/api", "/ap"), Some(false));
        assert_eq!(takes("/api(/|$)(.*)", "/api"), None);
    }
}
