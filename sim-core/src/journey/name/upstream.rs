//! The servers that a name server asks itself.

use std::net::IpAddr;

use super::lookup::{Server, config_of, of_name};
use super::settings::{HANDED_OUT, handed_out, resolv_conf};
use crate::evidence::kube::pod::Pod;
use crate::evidence::resolv::ResolvConf;
use crate::intent::dns::server::{Corefile, Forward, Upstream};
use crate::journey::merge;
use crate::linux::choice::Doubt;
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::world::{Halt, World, machine_of};

pub(super) type Target = (IpAddr, u16, Option<crate::source::Source>);

/// The addresses that a question is passed on to.
pub(super) fn targets(
    world: &mut World<'_>,
    server: &Server,
    corefile: &Corefile,
    forward: &Forward,
    assumptions: &mut Vec<String>,
) -> Result<Result<Vec<Target>, Doubt>, Halt> {
    let mut all = Vec::new();
    for upstream in &forward.to {
        match upstream {
            Upstream::Address(address, port) => all.push((*address, *port, None)),
            Upstream::File(_) => match file_of(world, server, assumptions)? {
                Ok(file) => all.extend(
                    file.nameservers
                        .iter()
                        .map(|named| (named.address, 53, Some(named.source.clone()))),
                ),
                Err(doubt) => return Ok(Err(doubt)),
            },
            Upstream::ClusterDns => {
                let found =
                    world.by_name(ObjectKind::Service, "kube-system", "kube-dns-upstream")?;
                let Some(IndexRecord::Object { addresses, .. }) = found.first() else {
                    return Ok(Err(Doubt {
                        what:
                            "which address NodeLocal DNS asks for names of the cluster is not known"
                                .to_owned(),
                        settle: "kube/services.json with kube-system/kube-dns-upstream".to_owned(),
                        source: Some(corefile.source.clone()),
                    }));
                };
                all.extend(addresses.first().map(|address| (*address, 53, None)));
            }
            Upstream::Other(word) => {
                return Ok(Err(Doubt {
                    what: format!(
                        "who stands behind `{word}`, which {} asks for names, is not known",
                        server.object
                    ),
                    settle: "what the name resolves to: ask for that address".to_owned(),
                    source: Some(corefile.source.clone()),
                }));
            }
        }
    }
    Ok(Ok(all))
}

/// The server's own `resolv.conf`; a pod of policy `Default` has its node's.
fn file_of(
    world: &mut World<'_>,
    server: &Server,
    assumptions: &mut Vec<String>,
) -> Result<Result<ResolvConf, Doubt>, Halt> {
    let own = resolv_conf(world, &server.path)?;
    // The file of a node's own network is not that of a pod in it.
    let of_pod = server.path.contains("/pods/");
    if own.is_ok() && of_pod {
        return Ok(own);
    }
    let not_known = || of_name(format!("the resolv.conf of {} is not known", server.object));
    let Some(pods) = world.all_pods()? else {
        return Ok(Err(not_known()));
    };
    let pod = pods.iter().find(|pod| match server.object.split_once(':') {
        Some(("pod", name)) => name == format!("{}/{}", pod.meta.namespace, pod.meta.name),
        Some(("node", node)) => {
            pod.host_network && pod.node.as_deref() == Some(node) && config_of(pod).is_some()
        }
        _ => false,
    });
    let of_node = |pod: &&Pod| {
        let policy = pod.dns_policy.as_deref();
        let taken = policy == Some("Default") || (policy == Some("ClusterFirst") && !of_pod);
        taken && pod.dns_config.nameservers.is_empty()
    };
    if pod.filter(of_node).is_none() {
        return Ok(Err(not_known()));
    }
    let host = resolv_conf(world, &format!("{}/host", machine_of(&server.path)))?;
    let host = handed_out(host);
    if host.is_ok() {
        merge::add(assumptions, &[HANDED_OUT.to_owned()]);
    }
    Ok(host)
}
