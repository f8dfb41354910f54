//! What the service that is asked for and its cloud's load balancer do not agree on.

use std::net::IpAddr;

use super::service::Known;
use crate::cloud::balancer::service::{Difference, differences, missing, of_service};
use crate::evidence::kube::node::Node;
use crate::evidence::kube::service::ServiceKind;
use crate::world::{Halt, World};

/// The differences that bear on a flow to `asked`, an address of the load balancer of `known`.
pub(super) fn of(
    world: &mut World<'_>,
    known: &Known,
    asked: IpAddr,
) -> Result<Vec<Difference>, Halt> {
    if known.service.kind != ServiceKind::LoadBalancer {
        return Ok(Vec::new());
    }
    let Some(cloud) = world.cloud()? else {
        return Ok(Vec::new());
    };
    let listed = known.service.load_balancer.iter();
    let mut is_asked = listed
        .filter_map(|ingress| ingress.ip)
        .any(|ip| ip == asked);
    for region in &cloud.regions {
        let own = of_service(&region.balancers, region.provider, &known.service);
        is_asked |= own.is_some_and(|(own, _)| own.addresses.contains(&asked));
    }
    if !is_asked {
        return Ok(Vec::new());
    }
    let lists = world.all_nodes()?;
    let nodes: Vec<&Node> = lists.iter().flat_map(|list| list.iter()).collect();
    let mut found = Vec::new();
    let mut is_matched = false;
    for region in &cloud.regions {
        if let Some((own, _)) = of_service(&region.balancers, region.provider, &known.service) {
            is_matched = true;
            found.extend(differences(own, region.provider, known, &nodes));
        }
    }
    if !is_matched {
        found.extend(missing(&cloud.regions, known));
    }
    Ok(found)
}
