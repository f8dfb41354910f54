//! Routes of which one has a more specific host than another.

use crate::evidence::kube::generic::Object;
use crate::intent::web::{HostFit, Url, label};
use crate::linux::choice::Doubt;

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
