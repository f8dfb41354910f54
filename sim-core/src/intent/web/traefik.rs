//! Traefik: a rule whose backend is missing is left out, as if it were not there (`loadConfigurationFromIngresses`).

use super::ingress::Class;
use super::{Url, host_fit, items, text};
use crate::evidence::kube::generic::Object;

/// Whether `class` is of Traefik.
pub(crate) fn has(class: &Class) -> bool {
    match class.controller.as_deref() {
        Some(controller) => controller == "traefik.io/ingress-controller",
        None => class.name == "traefik",
    }
}

/// Whether more than one path, or default backend, of `ingresses` may take the request.
pub(crate) fn several(ingresses: &[&Object], url: &Url) -> bool {
    let rules = ingresses
        .iter()
        .flat_map(|ingress| items(&ingress.body, "/spec/rules"));
    let own = rules.filter(|rule| {
        let host = text(rule, "/host").unwrap_or_default();
        host_fit(host, &url.host, true).is_some()
    });
    let paths = own.flat_map(|rule| items(rule, "/http/paths"));
    let taking = paths.filter(|path| {
        let path = text(path, "/path").unwrap_or_default();
        url.path.starts_with(path.trim_end_matches('/'))
    });
    let defaults = ingresses.iter().filter(|ingress| {
        let keys = ["/spec/defaultBackend", "/spec/backend"];
        keys.iter().any(|key| ingress.body.pointer(key).is_some())
    });
    taking.count() + defaults.count() > 1
}
