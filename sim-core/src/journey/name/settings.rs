//! Where a program asks for names: its own resolv.conf where it was captured, else what kubelet writes.

use std::net::IpAddr;

use crate::evidence::kube::pod::Pod;
use crate::evidence::resolv::{ResolvConf, parse};
use crate::flow::Sender;
use crate::intent::dns::resolver::{ClusterDns, Resolver};
use crate::linux::choice::Doubt;
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::source::Source;
use crate::world::{Halt, World, machine_of};

/// Other pods whose settings are looked at.
const MOST_SIBLINGS: usize = 16;

/// A sender's resolver, and what finding it out took for granted.
pub(super) struct Settings {
    pub(super) resolver: Result<Resolver, Doubt>,
    pub(super) assumptions: Vec<String>,
    pub(super) domain: String,
}

pub(super) fn of(world: &mut World<'_>, sender: &Sender) -> Result<Settings, Halt> {
    let pod = match &sender.pod {
        Some(IndexRecord::Object {
            entry,
            namespace,
            name,
            ..
        }) => world.pod(entry, namespace, name)?,
        _ => None,
    };
    let mut assumptions = Vec::new();
    let own = match sender.path.contains("/pods/") || pod.is_none() {
        true => resolv_conf(world, &sender.path)?,
        false => Err(not_known(&sender.path)),
    };
    let (cluster, assumed) = cluster_dns(world, sender)?;
    let domain = match &cluster {
        Ok(cluster) => cluster.domain.clone(),
        Err(_) => DOMAIN.to_owned(),
    };
    let resolver = match (&own, &pod) {
        (Ok(own), _) => Ok(Resolver::of_file(own)),
        (Err(_), Some(pod)) => {
            let host = format!("{}/host", machine_of(&sender.path));
            let host = resolv_conf(world, &host)?;
            let policy = pod.dns_policy.as_deref().unwrap_or("ClusterFirst");
            let first = policy == "ClusterFirstWithHostNet"
                || (policy == "ClusterFirst" && !pod.host_network);
            let of_node = !first && policy != "None";
            let host = if of_node { handed_out(host) } else { host };
            let written = Resolver::of_pod(pod, &cluster, &host);
            if of_node && written.is_ok() {
                assumptions.push(HANDED_OUT.to_owned());
            }
            if written.is_ok() {
                assumptions.extend(assumed.filter(|_| first));
                if first && host.is_err() {
                    assumptions.push("the node's own search domains, which kubelet adds to the pod's, are not captured: none is taken to matter".to_owned());
                }
            }
            // The pod's own file would settle it best.
            written.map_err(|doubt| Doubt {
                settle: format!("{}/resolv.conf", sender.path),
                ..doubt
            })
        }
        (Err(doubt), None) => Err(doubt.clone()),
    };
    let resolver = resolver.map(|mut resolver| {
        if let Some(pod) = &pod {
            resolver.hosts = hosts(pod, &domain);
        }
        // In the node's network it is the node's, with the pod's own lines.
        if pod.as_ref().is_none_or(|pod| pod.host_network) {
            assumptions.push(format!(
                "the hosts file of {} does not have the name",
                sender.object
            ));
        }
        resolver
    });
    Ok(Settings {
        resolver,
        assumptions,
        domain,
    })
}

/// Where no configuration names it.
const DOMAIN: &str = "cluster.local";

/// The hosts file that kubelet mounts (`ensureHostsFile`).
fn hosts(pod: &Pod, domain: &str) -> Vec<(IpAddr, Vec<String>)> {
    let mut hosts = vec![(IpAddr::from([127, 0, 0, 1]), vec!["localhost".to_owned()])];
    let own = pod
        .hostname
        .clone()
        .unwrap_or_else(|| pod.meta.name.clone());
    // A pod with a subdomain knows its whole name itself, whether it is ready or not (`GeneratePodHostNameAndDomain`).
    let whole = pod
        .subdomain
        .iter()
        .map(|subdomain| format!("{own}.{subdomain}.{}.svc.{domain}", pod.meta.namespace));
    let names: Vec<String> = whole.chain([own.clone()]).collect();
    if !pod.host_network {
        hosts.extend(pod.ips.iter().map(|address| (*address, names.clone())));
    }
    hosts.extend(pod.host_aliases.iter().cloned());
    hosts
}

fn not_known(path: &str) -> Doubt {
    Doubt {
        what: format!("{path}/resolv.conf is not known"),
        settle: format!("{path}/resolv.conf"),
        source: None,
    }
}

/// The `resolv.conf` of the namespace at `path`.
pub(super) fn resolv_conf(
    world: &mut World<'_>,
    path: &str,
) -> Result<Result<ResolvConf, Doubt>, Halt> {
    let file = world.file(&format!("{path}/resolv.conf"))?;
    let parsed = file.map(|file| parse(&file));
    Ok(match parsed {
        Some(parsed) if parsed.problems.is_empty() => Ok(parsed.value),
        Some(_) | None => Err(not_known(path)),
    })
}

/// Kubelet's `--resolv-conf` may name another file.
pub(super) const HANDED_OUT: &str =
    "kubelet hands the node's /etc/resolv.conf to pods that have the node's settings";

/// What pods have of a node's file: kubelet is told of another one where a program of the node answers itself
/// (systemd-resolved).
pub(super) fn handed_out(host: Result<ResolvConf, Doubt>) -> Result<ResolvConf, Doubt> {
    let host = host?;
    let local = host
        .nameservers
        .iter()
        .find(|server| server.address.is_loopback());
    match local {
        Some(server) => Err(Doubt {
            what: "which file kubelet hands to pods in place of the node's resolv.conf, whose name server is the node itself, is not known".to_owned(),
            settle: "the pod's own resolv.conf".to_owned(),
            source: Some(server.source.clone()),
        }),
        None => Ok(host),
    }
}

/// What kubelet gives to pods of policy `ClusterFirst`: as another pod of the node shows it, else the service's address.
fn cluster_dns(
    world: &mut World<'_>,
    sender: &Sender,
) -> Result<(Result<ClusterDns, Doubt>, Option<String>), Halt> {
    let machine = machine_of(&sender.path).to_owned();
    let siblings = world.namespaces(&machine)?;
    let siblings = siblings.iter().filter(|path| path.contains("/pods/"));
    for path in siblings.take(MOST_SIBLINGS) {
        let Ok(file) = resolv_conf(world, path)? else {
            continue;
        };
        let first = file
            .search
            .first()
            .map(|first| first.split('.').collect::<Vec<_>>());
        if let Some([_, "svc", domain @ ..]) = first.as_deref()
            && !domain.is_empty()
        {
            let mut sources: Vec<Source> = file.search_source.iter().cloned().collect();
            sources.extend(file.nameservers.iter().map(|server| server.source.clone()));
            let dns = ClusterDns {
                nameservers: file
                    .nameservers
                    .iter()
                    .map(|server| server.address)
                    .collect(),
                domain: domain.join("."),
                sources,
            };
            let pod = crate::world::object_of(path);
            let assumed = format!(
                "kubelet writes the same name servers for every pod of the node as for {pod}"
            );
            return Ok((Ok(dns), Some(assumed)));
        }
    }
    let service = world.by_name(ObjectKind::Service, "kube-system", "kube-dns")?;
    let Some(IndexRecord::Object { entry, .. }) = service.first() else {
        let doubt = Doubt {
            what: "which name servers kubelet writes for pods is not known".to_owned(),
            settle: "kube/services.json with kube-system/kube-dns".to_owned(),
            source: None,
        };
        return Ok((Err(doubt), None));
    };
    let Some(service) = world.service(entry, "kube-system", "kube-dns")? else {
        return Ok((Err(not_known(&sender.path)), None));
    };
    let domain = super::lookup::corefile(world, "kube-system", "coredns")?
        .ok()
        .and_then(|corefile| corefile.domain());
    let of_domain = match &domain {
        Some(_) => String::new(),
        None => format!(" and the cluster's domain is {DOMAIN}"),
    };
    let assumed = format!(
        "kubelet gives pods the address of service kube-system/kube-dns as name server{of_domain}"
    );
    Ok((
        Ok(ClusterDns {
            nameservers: service.cluster_ips,
            domain: domain.unwrap_or_else(|| DOMAIN.to_owned()),
            sources: vec![service.meta.source],
        }),
        Some(assumed),
    ))
}
