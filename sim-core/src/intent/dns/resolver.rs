//! A program's resolver: its settings (resolv.conf, as kubelet writes it) and the names that it asks for.

use std::net::IpAddr;

use super::Reply;
use crate::evidence::corefile::normal;
use crate::evidence::kube::pod::Pod;
use crate::evidence::resolv::ResolvConf;
use crate::linux::choice::Doubt;
use crate::source::Source;

/// Further name servers are not asked (`MAXNS` of glibc and musl, `MaxDNSNameservers` of kubelet).
const MOST_SERVERS: usize = 3;
/// What kubelet sets for `ClusterFirst` (`defaultDNSOptions`).
const CLUSTER_NDOTS: u32 = 5;
/// Higher values are cut to it (`RES_MAXNDOTS`).
const MOST_NDOTS: u32 = 15;
/// The option for TCP.
const BY_TCP: &str = "use-vc";

/// Where a program asks for names, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolver {
    pub(crate) nameservers: Vec<IpAddr>,
    pub(crate) search: Vec<String>,
    pub(crate) ndots: u32,
    /// glibc asks over TCP only (`RES_USEVC`); musl does not know the option.
    pub(crate) by_tcp: bool,
    /// Addresses with their names, looked at before any server is asked.
    pub(crate) hosts: Vec<(IpAddr, Vec<String>)>,
    /// What all that rests on.
    pub(crate) sources: Vec<Source>,
    /// Of it, what the search list rests on.
    pub(crate) search_sources: Vec<Source>,
}

/// What kubelet hands to pods of policy `ClusterFirst`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClusterDns {
    pub(crate) nameservers: Vec<IpAddr>,
    pub(crate) domain: String,
    pub(crate) sources: Vec<Source>,
}

impl Resolver {
    /// As the file says.
    pub(crate) fn of_file(file: &ResolvConf) -> Self {
        let servers = file.nameservers.iter();
        let sources = servers.clone().map(|server| server.source.clone());
        Self {
            nameservers: servers.map(|server| server.address).collect(),
            search: file.search.iter().map(|domain| normal(domain)).collect(),
            ndots: file.ndots.unwrap_or(1),
            by_tcp: file.options.iter().any(|option| option == BY_TCP),
            hosts: Vec::new(),
            sources: sources.chain(file.search_source.clone()).collect(),
            search_sources: file.search_source.iter().cloned().collect(),
        }
        .within_limits()
    }

    /// As kubelet writes it for `pod` (`Configurer.GetPodDNS`).
    ///
    /// # Errors
    /// The doubt where what it would be made of is not known.
    pub(crate) fn of_pod(
        pod: &Pod,
        cluster: &Result<ClusterDns, Doubt>,
        host: &Result<ResolvConf, Doubt>,
    ) -> Result<Self, Doubt> {
        let policy = pod.dns_policy.as_deref().unwrap_or("ClusterFirst");
        let of_host = || host.as_ref().map(Self::of_file).map_err(Doubt::clone);
        let mut resolver = match policy {
            "None" => Self {
                nameservers: Vec::new(),
                search: Vec::new(),
                ndots: 1,
                by_tcp: false,
                hosts: Vec::new(),
                sources: Vec::new(),
                search_sources: Vec::new(),
            },
            "ClusterFirstWithHostNet" => Self::cluster_first(pod, cluster, host)?,
            // Pods in the node's network get the node's settings.
            "ClusterFirst" if !pod.host_network => Self::cluster_first(pod, cluster, host)?,
            _ => of_host()?,
        };
        let own = &pod.dns_config;
        for server in &own.nameservers {
            if !resolver.nameservers.contains(server) {
                resolver.nameservers.push(*server);
            }
        }
        for domain in own.searches.iter().map(|domain| normal(domain)) {
            if !resolver.search.contains(&domain) {
                resolver.search.push(domain);
            }
        }
        let ndots = own.options.iter().rev().find(|(name, _)| name == "ndots");
        if let Some(dots) = ndots.and_then(|(_, value)| value.as_ref()?.parse().ok()) {
            resolver.ndots = u32::min(dots, MOST_NDOTS);
        }
        resolver.by_tcp |= own.options.iter().any(|(name, _)| name == BY_TCP);
        resolver.sources.push(pod.meta.source.clone());
        resolver.search_sources.push(pod.meta.source.clone());
        Ok(resolver.within_limits())
    }

    fn cluster_first(
        pod: &Pod,
        cluster: &Result<ClusterDns, Doubt>,
        host: &Result<ResolvConf, Doubt>,
    ) -> Result<Self, Doubt> {
        let cluster = cluster.as_ref().map_err(Doubt::clone)?;
        let domain = &cluster.domain;
        let mut search = vec![
            format!("{}.svc.{domain}", pod.meta.namespace),
            format!("svc.{domain}"),
            domain.clone(),
        ];
        let mut sources = cluster.sources.clone();
        if let Ok(host) = host {
            for own in host.search.iter().map(|domain| normal(domain)) {
                if !search.contains(&own) {
                    search.push(own);
                }
            }
            sources.extend(host.search_source.clone());
        }
        Ok(Self {
            nameservers: cluster.nameservers.clone(),
            search,
            ndots: CLUSTER_NDOTS,
            by_tcp: false,
            hosts: Vec::new(),
            search_sources: sources.clone(),
            sources,
        })
    }

    fn within_limits(mut self) -> Self {
        self.nameservers.truncate(MOST_SERVERS);
        self
    }

    /// The address that the hosts file has for `name`.
    pub(crate) fn in_hosts(&self, name: &str) -> Vec<IpAddr> {
        let wanted = normal(name);
        let has = |names: &[String]| names.iter().any(|name| normal(name) == wanted);
        let named = self.hosts.iter().filter(|(_, names)| has(names));
        named.map(|(address, _)| *address).collect()
    }

    /// The names that are asked for in turn until one is found.
    pub(crate) fn queries(&self, name: &str, library: Library) -> Vec<String> {
        let plain = normal(name);
        let dots = plain.matches('.').count();
        let many = u32::try_from(dots).is_ok_and(|dots| dots >= self.ndots);
        if name.ends_with('.') || (many && library == Library::Musl) {
            return vec![plain];
        }
        let searched = self.search.iter().filter(|domain| !domain.is_empty());
        let mut names: Vec<String> = searched.map(|domain| format!("{plain}.{domain}")).collect();
        let place = if many { 0 } else { names.len() };
        names.insert(place, plain);
        names
    }
}

/// Whose resolver it is; where they differ, the capture does not say which one a program uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    /// glibc's `__res_context_search`.
    Glibc,
    /// musl's `name_from_dns_search`.
    Musl,
}

/// What was asked and answered, in order; the last answer decides.
pub(crate) type Asked = Vec<(String, Reply)>;

/// Asks for `queries` in turn, as the library does: it stops at the first name that has an address, musl also at the
/// first that exists or cannot be answered.
pub(crate) fn ask<E>(
    queries: &[String],
    library: Library,
    mut answer: impl FnMut(&str) -> Result<Reply, E>,
) -> Result<Asked, E> {
    let mut asked = Asked::new();
    for name in queries {
        let reply = answer(name)?;
        let ends = match (&reply, library) {
            (Reply::Found(_) | Reply::Outside(_) | Reply::Unknown(_), _) => true,
            (Reply::NoData(_) | Reply::Failure(_), Library::Musl) => true,
            (Reply::NoData(_) | Reply::Failure(_), Library::Glibc) | (Reply::NoName(_), _) => false,
        };
        asked.push((name.clone(), reply));
        if ends {
            break;
        }
    }
    Ok(asked)
}

/// Whether glibc puts a name's IPv6 addresses, `wanted`, before its IPv4 ones for a program with the global addresses
/// `own` (`rfc3484_sort`): only where the source's label is the destination's (unique local addresses have one of their
/// own), or where there is no IPv4 address to send from.
pub(crate) fn ipv6_first(own: &[IpAddr], wanted: &[IpAddr]) -> bool {
    let is_unique_local = |address: &IpAddr| match address {
        IpAddr::V6(address) => {
            let [first, ..] = address.octets();
            Some(first & 0xfe == 0xfc)
        }
        IpAddr::V4(_) => None,
    };
    let same = |label: bool| {
        own.iter()
            .filter_map(is_unique_local)
            .any(|own| own == label)
    };
    let has_v6 = own.iter().any(IpAddr::is_ipv6);
    let has_v4 = own.iter().any(IpAddr::is_ipv4);
    has_v6 && (!has_v4 || wanted.iter().filter_map(is_unique_local).any(same))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file};
    use crate::intent::dns::{Why, WhyKind};

    fn pod(spec: &str) -> Pod {
        let text = format!(
            r#"{{"items":[{{"kind":"Pod","metadata":{{"name":"a","namespace":"shop"}},"spec":{spec}}}]}}"#
        );
        clean(crate::evidence::kube::pod::parse(&file(
            "kube/pods.json",
            &text,
        )))
        .remove(0)
    }

    fn cluster() -> ClusterDns {
        ClusterDns {
            nameservers: vec![IpAddr::from([10, 96, 0, 10])],
            domain: "cluster.local".to_owned(),
            sources: Vec::new(),
        }
    }

    fn host() -> ResolvConf {
        let text = "nameserver 192.0.2.53\nsearch corp.example\n";
        clean(crate::evidence::resolv::parse(&file("resolv.conf", text)))
    }

    fn resolver(spec: &str) -> Resolver {
        Resolver::of_pod(&pod(spec), &Ok(cluster()), &Ok(host())).unwrap()
    }

    #[test]
    fn kubelet_writes_resolv_conf_by_policy() {
        let first = resolver(r#"{"dnsPolicy":"ClusterFirst"}"#);
        assert_eq!(
            first.search,
            [
                "shop.svc.cluster.local",
                "svc.cluster.local",
                "cluster.local",
                "corp.example"
            ]
        );
        assert_eq!(
            (first.ndots, first.nameservers),
            (5, vec![IpAddr::from([10, 96, 0, 10])])
        );
        let on_host = resolver(r#"{"dnsPolicy":"ClusterFirst","hostNetwork":true}"#);
        assert_eq!(
            (on_host.ndots, on_host.search),
            (1, vec!["corp.example".to_owned()])
        );
        let with_net = resolver(r#"{"dnsPolicy":"ClusterFirstWithHostNet","hostNetwork":true}"#);
        assert_eq!(with_net.ndots, 5);
        let own = resolver(
            r#"{"dnsPolicy":"None","dnsConfig":{"nameservers":["192.0.2.1"],"searches":["x.example"],"options":[{"name":"ndots","value":"2"},{"name":"edns0"}]}}"#,
        );
        assert_eq!((own.ndots, own.search), (2, vec!["x.example".to_owned()]));
        assert_eq!(own.nameservers, [IpAddr::from([192, 0, 2, 1])]);
    }

    #[test]
    fn names_with_few_dots_are_searched_first() {
        let first = resolver("{}");
        let short = first.queries("web", Library::Glibc);
        assert_eq!(short.first().unwrap(), "web.shop.svc.cluster.local");
        assert_eq!(short.last().unwrap(), "web");
        assert_eq!(
            first.queries("web.shop.svc.cluster.local.", Library::Glibc),
            ["web.shop.svc.cluster.local"]
        );
        let many = "a.b.c.d.e.example";
        assert_eq!(first.queries(many, Library::Musl), [many]);
        let glibc = first.queries(many, Library::Glibc);
        assert_eq!((glibc.len(), glibc[0].as_str()), (5, many));
    }

    #[test]
    fn ipv6_goes_first_where_the_labels_agree() {
        let all = |texts: &[&str]| -> Vec<IpAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let service = all(&["fd00:96::7"]);
        assert!(ipv6_first(&all(&["10.244.0.5", "fd00:244::5"]), &service));
        assert!(!ipv6_first(&all(&["10.244.0.5", "2a00:db8::5"]), &service));
        assert!(ipv6_first(&all(&["2a00:db8::5"]), &service));
        assert!(!ipv6_first(&all(&["10.244.0.5"]), &service));
        assert!(ipv6_first(
            &all(&["10.244.0.5", "2a00:db8::5"]),
            &all(&["2a00:db8::9"])
        ));
    }

    #[test]
    fn an_empty_answer_ends_the_search_of_musl_only() {
        let queries = ["a.x".to_owned(), "a".to_owned()];
        let empty = |_: &str| {
            Ok::<_, ()>(Reply::NoData(Why::new(
                WhyKind::OtherRecords,
                "",
                Vec::new(),
            )))
        };
        assert_eq!(ask(&queries, Library::Glibc, empty).unwrap().len(), 2);
        assert_eq!(ask(&queries, Library::Musl, empty).unwrap().len(), 1);
    }
}
