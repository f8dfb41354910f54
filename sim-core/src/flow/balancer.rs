//! A service asked from beyond the captured cluster: by its cloud's load balancer.

use std::net::IpAddr;

use super::resolve::{Name, owner};
use crate::cloud::balancer::service::of_service;
use crate::evidence::kube::service::ServiceKind;
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::world::{Halt, World};

/// The load balancer's address by which `from` asks the service `to`, where it is one of a captured cloud's.
pub(super) fn entrance(
    world: &mut World<'_>,
    from: &Name,
    to: &Name,
) -> Result<Option<IpAddr>, Halt> {
    let (Name::Address(client), Name::Object(ObjectKind::Service, namespace, name)) = (from, to)
    else {
        return Ok(None);
    };
    let Some(cloud) = world.cloud()? else {
        return Ok(None);
    };
    let (_, captured) = owner(world, *client)?;
    let records = world.by_name(ObjectKind::Service, namespace, name)?;
    let (None, Some(IndexRecord::Object { entry, .. })) = (captured, records.into_iter().next())
    else {
        return Ok(None);
    };
    let service = world.service(&entry, namespace, name)?;
    let Some(service) = service.filter(|one| one.kind == ServiceKind::LoadBalancer) else {
        return Ok(None);
    };
    for region in &cloud.regions {
        let Some((balancer, _)) = of_service(&region.balancers, region.provider, &service) else {
            continue;
        };
        let listed = service
            .load_balancer
            .iter()
            .filter_map(|ingress| ingress.ip);
        let listed = listed.filter(|ip| balancer.addresses.contains(ip));
        let own = listed.chain(balancer.addresses.iter().copied());
        // An address of the other family cannot be asked.
        let own: Vec<IpAddr> = own.filter(|ip| ip.is_ipv4() == client.is_ipv4()).collect();
        // Who is in the internet asks what is.
        let is_outside = crate::trace::is_public(*client);
        let public = own
            .iter()
            .find(|ip| is_outside && crate::trace::is_public(**ip));
        return Ok(public.or_else(|| own.first()).copied());
    }
    Ok(None)
}
