//! Which of several takes a host: routes of which one is more specific, and listeners of which one takes no HTTP.

use serde_json::Value;

use super::listener;
use crate::evidence::kube::generic::Object;
use crate::intent::web::{HostFit, Url, host_fit, items, label, text};
use crate::linux::choice::Doubt;

/// Whether a listener that takes no HTTP (TLSRoute, TCPRoute) has the port, and as specific a host as any that does.
pub(super) fn passed_through(gateway: &Object, url: &Url) -> bool {
    let http = listener(gateway, url).map(|(_, fit)| fit);
    items(&gateway.body, "/spec/listeners").any(|listener| {
        let port = listener.get("port").and_then(Value::as_u64) == Some(url.port.into());
        let raw = match text(listener, "/protocol") {
            Some("TCP") => true,
            Some("TLS") => url.tls,
            Some("HTTPS") => url.tls && text(listener, "/tls/mode") == Some("Passthrough"),
            _ => false,
        };
        let name = text(listener, "/hostname").unwrap_or_default();
        let fit = host_fit(name, &url.host, true);
        port && raw && fit.is_some() && fit >= http
    })
}

/// Why `taken` may not take the request though one of its rules fits: of `attached`, routes with how well their hosts
/// fit, another has a more specific host.
///
/// Envoy and nginx choose the most specific host first (`virtual_hosts`, `server`) and know no other rules then; the
/// specification only says whose rules go first.
pub(super) fn beside(attached: &[(HostFit, &Object)], taken: &Object, url: &Url) -> Option<Doubt> {
    let (own, _) = attached
        .iter()
        .find(|(_, route)| std::ptr::eq(*route, taken))?;
    let (_, other) = attached.iter().find(|(fit, _)| fit > own)?;
    Some(Doubt {
        what: format!(
            "{} has a more specific host than {}, and no rule for `{}`: whether the less specific one takes it is not known",
            label("httproute", other),
            label("httproute", taken),
            url.path
        ),
        settle: "whether the controller looks beyond the most specific host".to_owned(),
        source: Some(other.meta.source.clone()),
    })
}
