//! CLB: SLB 2014-05-15.

use std::collections::BTreeMap;

use super::super::body::{Body, Responses};
use super::super::{
    Acl, AclKind, Action, Backend, Balancer, Captured, Check, Health, Listener, Listeners, Pool,
    Prober, Product, Scheduler, Speaks, State, Target, Unread,
};
use super::reported::{Reported, reported};
use super::{entries, scheduler, state};

pub(super) const SLB: &str = "slb";

pub(super) fn balancers(responses: Responses<'_>) -> Vec<Balancer> {
    let mut found: BTreeMap<String, Balancer> = BTreeMap::new();
    let lists = responses.all(SLB, "DescribeLoadBalancers");
    let listed = lists
        .iter()
        .flat_map(|body| body.list("LoadBalancers", "LoadBalancer"));
    let alone = responses.all(SLB, "DescribeLoadBalancerAttribute");
    for body in listed.chain(alone) {
        let Some(id) = body.text("LoadBalancerId") else {
            continue;
        };
        found
            .entry(id)
            .or_insert_with_key(|id| balancer(responses, &body, id));
    }
    found.into_values().collect()
}

fn balancer(responses: Responses<'_>, body: &Body<'_>, id: &str) -> Balancer {
    let attribute = responses.get(SLB, "DescribeLoadBalancerAttribute", id);
    Balancer {
        product: Product::AliyunClb,
        folder: responses.folder.to_owned(),
        id: id.to_owned(),
        name: body.text("LoadBalancerName").unwrap_or_default(),
        addresses: body.address("Address").into_iter().collect(),
        public: body.word("AddressType") == "internet",
        host: None,
        vpc: body.text("VpcId"),
        subnets: body.text("VSwitchId").into_iter().collect(),
        state: state(body, "LoadBalancerStatus", &["active"]),
        groups: Vec::new(),
        vouches: false,
        own: Vec::new(),
        tags: body.tags(),
        listeners: listeners(responses, id, attribute.as_ref()),
        source: body.source(),
    }
}

/// The keys of a balancer's own list of its listeners, the second as the API misspells it.
const NAMED: [(&str, &str); 2] = [
    ("ListenerPortsAndProtocol", "ListenerPortAndProtocol"),
    ("ListenerPortsAndProtocal", "ListenerPortAndProtocal"),
];

fn listeners(responses: Responses<'_>, id: &str, attribute: Option<&Body<'_>>) -> Listeners {
    let reported = reported(responses, id);
    let default = attribute.map(|attribute| {
        let source = attribute.source();
        (attribute.list("BackendServers", "BackendServer"), source)
    });
    let context = Context {
        responses,
        id,
        reported: &reported,
        default: default
            .as_ref()
            .map(|(servers, source)| (servers.as_slice(), source)),
    };
    let mut found: BTreeMap<(Speaks, u16), Listener> = BTreeMap::new();
    let mut unread = Vec::new();
    for (speaks, kind) in [
        (Speaks::Tcp, "TCP"),
        (Speaks::Udp, "UDP"),
        (Speaks::Http, "HTTP"),
        (Speaks::Https, "HTTPS"),
    ] {
        let action = format!("DescribeLoadBalancer{kind}ListenerAttribute");
        let bodies = responses.all(SLB, &action).into_iter();
        for body in bodies.filter(|body| body.text("LoadBalancerId").as_deref() == Some(id)) {
            match body.port("ListenerPort") {
                Some(port) => {
                    found.insert((speaks, port), context.listener(speaks, port, &body, None));
                }
                None => unread.push(Unread::of(&body, None, "ListenerProtocol")),
            }
        }
    }
    let lists = responses.all(SLB, "DescribeLoadBalancerListeners");
    let listed = lists.iter();
    let listed = listed.flat_map(|list| list.list("Listeners", "Listener"));
    for body in listed.filter(|body| body.text("LoadBalancerId").as_deref() == Some(id)) {
        match (
            body.port("ListenerPort"),
            Speaks::named(&body.word("ListenerProtocol")),
        ) {
            (Some(port), Some(speaks)) => {
                let config = body.at(&format!("{}ListenerConfig", speaks.words()));
                found
                    .entry((speaks, port))
                    .or_insert_with(|| context.listener(speaks, port, &body, config.as_ref()));
            }
            (port, _) => {
                let ports = port.map(|port| port..=port);
                unread.push(Unread::of(&body, ports, "ListenerProtocol"));
            }
        }
    }
    let own = responses.path(SLB, "DescribeLoadBalancerListeners", id);
    let of_all = responses.path(SLB, "DescribeLoadBalancerListeners", "");
    let is_complete =
        |list: &Body<'_>| [own.as_str(), of_all.as_str()].contains(&list.source().file());
    let mut known = lists.iter().any(is_complete);
    // What only the balancer itself names has no settings here.
    if let Some(attribute) = attribute {
        known |= NAMED.iter().any(|(list, _)| attribute.has(list));
        let entries = NAMED
            .iter()
            .flat_map(|(list, item)| attribute.list(list, item));
        for entry in entries {
            let speaks = Speaks::named(&entry.word("ListenerProtocol"))
                .or_else(|| Speaks::named(&entry.word("ListenerProtocal")));
            match (entry.port("ListenerPort"), speaks) {
                (Some(port), Some(speaks)) => {
                    found
                        .entry((speaks, port))
                        .or_insert_with(|| context.named_only(speaks, port, &entry));
                }
                (port, _) => {
                    let ports = port.map(|port| port..=port);
                    unread.push(Unread::of(&entry, ports, "ListenerProtocol"));
                }
            }
        }
    }
    let mut listeners = Listeners {
        read: found.into_values().collect(),
        unread,
    };
    if !known {
        listeners.lacks(own);
    }
    listeners
}

/// What listeners of one balancer have in common.
struct Context<'c, 'r> {
    responses: Responses<'r>,
    id: &'c str,
    reported: &'c Option<Reported>,
    /// The servers of the default group, and where they are listed.
    default: Option<(&'c [Body<'r>], &'c crate::source::Source)>,
}

impl Context<'_, '_> {
    /// A listener; some of its settings stand in `config`, by how it was asked for.
    fn listener(
        &self,
        speaks: Speaks,
        port: u16,
        body: &Body<'_>,
        config: Option<&Body<'_>>,
    ) -> Listener {
        let either = |key: &str| {
            config
                .and_then(|config| config.text(key))
                .or_else(|| body.text(key))
        };
        let on = either("HealthCheck").map(|word| word.eq_ignore_ascii_case("on"));
        let check_port = config
            .and_then(|config| config.port("HealthCheckConnectPort"))
            .or_else(|| body.port("HealthCheckConnectPort"));
        let stays = either("PersistenceTimeout").is_some_and(|seconds| seconds != "0")
            || either("StickySession").is_some_and(|word| word == "on");
        let redirects = either("ListenerForward").is_some_and(|word| word == "on");
        let layer7 = matches!(speaks, Speaks::Http | Speaks::Https);
        let check = Check {
            on,
            port: check_port,
            prober: Prober::Shared,
        };
        let rules = if layer7 {
            self.rules(speaks, port, body, &check)
        } else {
            Ok(Vec::new())
        };
        let actions = match rules {
            _ if redirects => vec![Action::Answers],
            Err(file) => vec![Action::Unknown(file)],
            Ok(mut actions) => {
                actions.push(self.pool(speaks, port, body, config, &check).into());
                actions
            }
        };
        Listener {
            id: format!("{}:{port}", speaks.words().to_ascii_lowercase()),
            speaks,
            ports: port..=port,
            state: state(body, "Status", &["running"]),
            acls: self.acls(body),
            scheduler: scheduler(&body.word("Scheduler")),
            sticky: stays,
            check,
            keeps_client: Ok(!speaks.is_proxied()),
            actions,
            description: body.text("Description").unwrap_or_default(),
            source: body.source(),
        }
    }

    /// A listener of which only port and protocol are known.
    fn named_only(&self, speaks: Speaks, port: u16, entry: &Body<'_>) -> Listener {
        let file = self
            .responses
            .path(SLB, "DescribeLoadBalancerListeners", self.id);
        Listener {
            id: format!("{}:{port}", speaks.words().to_ascii_lowercase()),
            speaks,
            ports: port..=port,
            state: State::Unknown(file.clone()),
            acls: Vec::new(),
            scheduler: Scheduler::Weighted,
            sticky: false,
            check: Check {
                on: None,
                port: None,
                prober: Prober::Shared,
            },
            keeps_client: Ok(!speaks.is_proxied()),
            actions: vec![Action::Unknown(file)],
            description: entry.text("Description").unwrap_or_default(),
            source: entry.source(),
        }
    }

    fn acls(&self, body: &Body<'_>) -> Vec<Acl> {
        if body.word("AclStatus") != "on" {
            return Vec::new();
        }
        let mut ids = body.texts("AclIds", "AclId");
        if let Some(id) = body.text("AclId").filter(|id| !ids.contains(id)) {
            ids.push(id);
        }
        let kind = match body.word("AclType").as_str() {
            "black" => AclKind::Black,
            _ => AclKind::White,
        };
        let acl = |id: String| {
            let answer = self
                .responses
                .must(SLB, "DescribeAccessControlListAttribute", &id);
            let source = answer.as_ref().map_or_else(|_| body.source(), Body::source);
            let entries =
                answer.and_then(|answer| entries(&answer, ("AclEntrys", "AclEntry"), "AclEntryIP"));
            Acl {
                id,
                kind,
                entries,
                source,
            }
        };
        ids.into_iter().map(acl).collect()
    }

    /// The listener's own group, or the file that would tell it.
    fn pool(
        &self,
        speaks: Speaks,
        port: u16,
        body: &Body<'_>,
        config: Option<&Body<'_>>,
        check: &Check,
    ) -> Captured<Pool> {
        let either = |key: &str| {
            body.text(key)
                .or_else(|| config.and_then(|config| config.text(key)))
        };
        if let Some(id) = either("VServerGroupId") {
            return Ok(self.group(speaks, port, &id, check, body));
        }
        if let Some(id) = either("MasterSlaveServerGroupId") {
            return Ok(self.pair(speaks, port, &id, check, body));
        }
        let Some((servers, source)) = self.default else {
            return Err(self
                .responses
                .path(SLB, "DescribeLoadBalancerAttribute", self.id));
        };
        let own = body.port("BackendServerPort");
        if own.is_none() && !servers.is_empty() {
            // Its servers have no ports of their own, unlike those of groups.
            return Err(body.source().file().to_owned());
        }
        let backends = servers.iter().map(|server| {
            let mut backend = self.backend(speaks, port, server, check);
            backend.port = own;
            if let Some(own) = own {
                backend.health = self.health(speaks, port, server, own, check);
            }
            backend
        });
        Ok(Pool {
            id: String::new(),
            name: "the default server group".to_owned(),
            backends: Ok(backends.collect()),
            source: source.clone(),
        })
    }

    fn group(&self, speaks: Speaks, port: u16, id: &str, check: &Check, named: &Body<'_>) -> Pool {
        let answer = self
            .responses
            .must(SLB, "DescribeVServerGroupAttribute", id);
        let name = answer
            .as_ref()
            .ok()
            .and_then(|answer| answer.text("VServerGroupName"));
        let source = answer
            .as_ref()
            .map_or_else(|_| named.source(), Body::source);
        let backends = answer.map(|answer| {
            let servers = answer.list("BackendServers", "BackendServer");
            let read = servers
                .iter()
                .map(|server| self.backend(speaks, port, server, check));
            read.collect()
        });
        Pool {
            id: id.to_owned(),
            name: name.unwrap_or_default(),
            backends,
            source,
        }
    }

    /// A master and its slave: the slave takes over where the master is unhealthy.
    fn pair(&self, speaks: Speaks, port: u16, id: &str, check: &Check, named: &Body<'_>) -> Pool {
        let answer = self
            .responses
            .must(SLB, "DescribeMasterSlaveServerGroupAttribute", id);
        let source = answer
            .as_ref()
            .map_or_else(|_| named.source(), Body::source);
        let backends = answer.map(|answer| {
            let servers = answer.list("MasterSlaveBackendServers", "MasterSlaveBackendServer");
            let is_master = |server: &Body<'_>| server.word("ServerType") == "master";
            let mut backends: Vec<(bool, Backend)> = (servers.iter())
                .map(|server| (is_master(server), self.backend(speaks, port, server, check)))
                .collect();
            let master_is_down = (backends.iter()).any(|(master, backend)| {
                *master && matches!(backend.health, Health::Unhealthy(..))
            });
            for (master, backend) in &mut backends {
                backend.weight = u64::from(*master != master_is_down);
            }
            backends.into_iter().map(|(_, backend)| backend).collect()
        });
        Pool {
            id: id.to_owned(),
            name: String::new(),
            backends,
            source,
        }
    }

    /// What the rules of a listener of layer 7 do, or the file that would tell them.
    fn rules(
        &self,
        speaks: Speaks,
        port: u16,
        body: &Body<'_>,
        check: &Check,
    ) -> Captured<Vec<Action>> {
        let keys = [format!("{}.{port}", self.id), format!("{}-{port}", self.id)];
        let apart = (keys.iter()).find_map(|key| self.responses.get(SLB, "DescribeRules", key));
        let file = body.source();
        // A listener's own answer without rules has none; the list of listeners never tells them.
        let is_own = !file.file().contains("DescribeLoadBalancerListeners");
        let listed = match (&apart, body.has("Rules")) {
            (_, true) => body.list("Rules", "Rule"),
            (Some(apart), false) => apart.list("Rules", "Rule"),
            // A rule sends to a group of the balancer's: where there is but the listener's own, none sends elsewhere.
            (None, false) if is_own || self.has_one_group(body) => Vec::new(),
            (None, false) => {
                let key = format!("{}.{port}", self.id);
                return Err(self.responses.path(SLB, "DescribeRules", &key));
            }
        };
        let rule = |rule: &Body<'_>| match rule.text("VServerGroupId") {
            Some(id) => Action::Pool(self.group(speaks, port, &id, check, rule)),
            None => Action::Unknown(rule.source().file().to_owned()),
        };
        Ok(listed.iter().map(rule).collect())
    }

    /// Whether the balancer has no server group but the one of the listener `body`.
    fn has_one_group(&self, body: &Body<'_>) -> bool {
        let own = body.text("VServerGroupId");
        let listed = self.responses.get(SLB, "DescribeVServerGroups", self.id);
        listed.is_some_and(|listed| {
            let groups = listed.list("VServerGroups", "VServerGroup");
            let mut groups = groups.iter();
            groups.all(|group| group.text("VServerGroupId") == own)
        })
    }

    fn backend(&self, speaks: Speaks, listener: u16, server: &Body<'_>, check: &Check) -> Backend {
        let id = server.text("ServerId").unwrap_or_default();
        let port = server.port("Port");
        Backend {
            target: match server.word("Type").as_str() {
                "eni" | "eci" => Target::Interface(id),
                _ => Target::Instance(id),
            },
            address: server.address("ServerIp"),
            port,
            weight: server
                .number("Weight")
                .and_then(|weight| weight.try_into().ok())
                .unwrap_or(100),
            health: self.health(speaks, listener, server, port.unwrap_or(listener), check),
            source: server.source(),
        }
    }

    fn health(
        &self,
        speaks: Speaks,
        listener: u16,
        server: &Body<'_>,
        port: u16,
        check: &Check,
    ) -> Health {
        if check.on == Some(false) {
            return Health::Unchecked;
        }
        let file = || self.responses.path(SLB, "DescribeHealthStatus", self.id);
        let Some(reported) = self.reported else {
            return Health::Unknown(file());
        };
        let protocol = speaks.words().to_ascii_lowercase();
        let id = server.text("ServerId").unwrap_or_default();
        let address = server.text("ServerIp");
        let same = |(of, by, server, ip, own): &(u16, String, String, String, u16)| {
            let addresses_agree = match &address {
                Some(address) => ip == address || ip.is_empty(),
                None => true,
            };
            *of == listener
                && (*by == protocol || by.is_empty())
                && *server == id
                && addresses_agree
                && *own == port
        };
        let found = reported.iter().find(|(key, _)| same(key));
        found.map_or_else(|| Health::Unknown(file()), |(_, health)| health.clone())
    }
}
