//! The addresses by which clients reach a proxy.

use std::net::IpAddr;

use crate::evidence::kube::pod::Pod;
use crate::evidence::kube::service::Service;
use crate::intent::web::Url;
use crate::source::Source;
use crate::world::{Halt, World};

/// A way by which clients reach the proxy: any of these addresses.
pub(super) struct Entrance {
    pub(super) to: Vec<(IpAddr, u16)>,
    pub(super) assumption: String,
    pub(super) source: Source,
}

/// The ways to the proxy, the one that the world outside takes first.
pub(super) fn entrances(
    world: &mut World<'_>,
    services: &[Service],
    pods: &[Pod],
    stated: &[(Vec<IpAddr>, Source)],
    url: &Url,
) -> Result<Vec<Entrance>, Halt> {
    let mut all = Vec::new();
    let mut add = |to: Vec<(IpAddr, u16)>, what: String, source: &Source| {
        let list: Vec<String> = to
            .iter()
            .map(|(address, port)| format!("{address} port {port}"))
            .collect();
        if !to.is_empty() {
            all.push(Entrance {
                assumption: format!("`{}` leads to {}, {what}", url.host, list.join(" or ")),
                to,
                source: source.clone(),
            });
        }
    };
    for (addresses, source) in stated {
        let to = addresses
            .iter()
            .map(|address| (*address, url.port))
            .collect();
        add(to, "as the Gateway's status says".to_owned(), source);
    }
    let fitting = |service: &&Service| service.ports.iter().any(|port| port.port == url.port);
    let mut nodes = Vec::new();
    for record in world.objects()? {
        if let crate::snapshot::IndexRecord::Object {
            object: crate::snapshot::ObjectKind::Node,
            addresses,
            ..
        } = record
        {
            nodes.extend(addresses.first().copied());
        }
    }
    for service in services.iter().filter(fitting) {
        let name = format!("service {}/{}", service.meta.namespace, service.meta.name);
        let source = &service.meta.source;
        let own: Vec<_> = service
            .load_balancer
            .iter()
            .filter_map(|one| one.ip)
            .map(|address| (address, url.port))
            .collect();
        add(own, format!("the load balancer of {name}"), source);
        let own: Vec<_> = service
            .external_ips
            .iter()
            .map(|address| (*address, url.port))
            .collect();
        add(own, format!("an external address of {name}"), source);
        let port = service
            .ports
            .iter()
            .find(|port| port.port == url.port)
            .and_then(|port| port.node_port);
        let own: Vec<_> = port
            .iter()
            .flat_map(|port| nodes.iter().map(|node| (*node, *port)))
            .collect();
        add(own, format!("the node port of {name}"), source);
    }
    let on_host: Vec<&Pod> = pods.iter().filter(|pod| pod.host_network).collect();
    if let Some(first) = on_host.first() {
        let own = on_host
            .iter()
            .filter_map(|pod| pod.ips.first().or(pod.host_ip.as_ref()))
            .map(|address| (*address, url.port))
            .collect();
        add(
            own,
            "where the proxy runs in its node's network".to_owned(),
            &first.meta.source,
        );
    }
    for service in services.iter().filter(fitting) {
        let name = format!("service {}/{}", service.meta.namespace, service.meta.name);
        let own = service
            .cluster_ips
            .first()
            .map(|address| (*address, url.port));
        add(
            own.into_iter().collect(),
            format!("the cluster's own address of {name}"),
            &service.meta.source,
        );
    }
    Ok(all)
}
