//! NLB 2022-04-30 and ALB 2020-06-16: the same shapes, of layers 4 and 7.

use std::collections::BTreeMap;

use super::super::body::{Body, Responses};
use super::super::{
    Acl, AclKind, Action, Backend, Balancer, Captured, Check, Health, Listener, Pool, Prober,
    Product, Rule, Scheduler, Speaks, Target,
};
use super::zones::{texts, zones};
use super::{scheduler, state};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Network,
    Application,
}

impl Kind {
    const fn folder(self) -> &'static str {
        match self {
            Self::Network => "nlb",
            Self::Application => "alb",
        }
    }
}

pub(super) fn balancers(responses: Responses<'_>, kind: Kind) -> Vec<Balancer> {
    let api = Api { responses, kind };
    let lists = responses.all(kind.folder(), "ListLoadBalancers");
    let listed = lists
        .iter()
        .flat_map(|body| body.list("LoadBalancers", "LoadBalancer"));
    let alone = responses.all(kind.folder(), "GetLoadBalancerAttribute");
    let mut found: BTreeMap<String, Balancer> = BTreeMap::new();
    for body in listed.chain(alone) {
        if let Some(id) = body.text("LoadBalancerId") {
            found
                .entry(id.clone())
                .or_insert_with(|| api.balancer(&body, &id));
        }
    }
    found.into_values().collect()
}

struct Api<'r> {
    responses: Responses<'r>,
    kind: Kind,
}

impl Api<'_> {
    fn balancer(&self, body: &Body<'_>, id: &str) -> Balancer {
        let attribute = self
            .responses
            .get(self.kind.folder(), "GetLoadBalancerAttribute", id);
        let zones = zones(attribute.as_ref().unwrap_or(body));
        let crossed = body.flag("CrossZoneEnabled") != Some(false);
        Balancer {
            product: match self.kind {
                Kind::Network => Product::AliyunNlb,
                Kind::Application => Product::AliyunAlb,
            },
            folder: self.responses.folder.to_owned(),
            id: id.to_owned(),
            name: body.text("LoadBalancerName").unwrap_or_default(),
            addresses: zones.asked,
            public: body.word("AddressType") == "internet",
            host: body.text("DNSName"),
            vpc: body.text("VpcId"),
            subnets: zones.subnets,
            state: state(body, "LoadBalancerStatus", &["active", "configuring"]),
            groups: texts(body, "SecurityGroupIds"),
            vouches: false,
            own: zones.own,
            tags: body.tags(),
            listeners: self.listeners(id, crossed),
            source: body.source(),
        }
    }

    fn listeners(&self, id: &str, crossed: bool) -> Captured<Vec<Listener>> {
        let folder = self.kind.folder();
        let lists = self.responses.all(folder, "ListListeners");
        let attributes = self.responses.all(folder, "GetListenerAttribute");
        let mut found = BTreeMap::new();
        let listed = lists
            .iter()
            .flat_map(|list| list.list("Listeners", "Listener"));
        for body in attributes.into_iter().chain(listed) {
            if body.text("LoadBalancerId").as_deref() != Some(id) {
                continue;
            }
            let Some(listener) = body.text("ListenerId") else {
                continue;
            };
            if let Some(read) = self.listener(&listener, &body, crossed) {
                found.entry(listener).or_insert(read);
            }
        }
        let own = self.responses.path(folder, "ListListeners", id);
        let of_all = self.responses.path(folder, "ListListeners", "");
        let known = lists
            .iter()
            .any(|list| [own.as_str(), of_all.as_str()].contains(&list.source().file()));
        if known || !found.is_empty() {
            Ok(found.into_values().collect())
        } else {
            Err(own)
        }
    }

    fn listener(&self, id: &str, body: &Body<'_>, crossed: bool) -> Option<Listener> {
        let speaks = match body.word("ListenerProtocol").as_str() {
            "tcp" => Speaks::Tcp,
            "udp" => Speaks::Udp,
            "tcpssl" => Speaks::Tls,
            "http" => Speaks::Http,
            "https" => Speaks::Https,
            "quic" => Speaks::Quic,
            _ => return None,
        };
        let ports = match body.port("ListenerPort") {
            Some(port) => port..=port,
            None => body.port("StartPort")?..=body.port("EndPort")?,
        };
        let group = match self.kind {
            Kind::Network => body.text("ServerGroupId").map(|id| self.settings(&id)),
            Kind::Application => None,
        };
        let (check, scheduler, keeps_client) = match &group {
            Some(group) => (
                group.check.clone(),
                group.scheduler.clone(),
                group.keeps_client,
            ),
            None => (self.unset(), Scheduler::Weighted, false),
        };
        let action = if crossed {
            match self.kind {
                Kind::Network => match body.text("ServerGroupId") {
                    Some(group) => Action::Pool(self.pool(&group, id, body)),
                    None => Action::Unknown(body.source().file().to_owned()),
                },
                Kind::Application => self.by_rules(id, body),
            }
        } else {
            Action::Unknown("forwarding within one zone only (CrossZoneEnabled false)".to_owned())
        };
        Some(Listener {
            id: id.to_owned(),
            speaks,
            ports,
            state: state(body, "ListenerStatus", &["running", "configuring"]),
            acls: self.acls(id, body),
            scheduler,
            sticky: false,
            check,
            keeps_client: keeps_client && !speaks.is_proxied(),
            action,
            description: body.text("ListenerDescription").unwrap_or_default(),
            source: body.source(),
        })
    }

    /// What is known of a check of which nothing was captured.
    fn unset(&self) -> Check {
        Check {
            on: None,
            port: None,
            prober: Prober::Own,
        }
    }

    fn settings(&self, group: &str) -> Settings {
        let body = self.group(group);
        let check = body.as_ref().and_then(|body| {
            body.at("HealthCheck")
                .or_else(|| body.at("HealthCheckConfig"))
        });
        let instances = body
            .as_ref()
            .is_none_or(|body| body.word("ServerGroupType") == "instance");
        let keeps = body
            .as_ref()
            .and_then(|body| body.flag("PreserveClientIpEnabled"));
        let word = body
            .as_ref()
            .map(|body| body.word("Scheduler"))
            .unwrap_or_default();
        Settings {
            check: Check {
                on: check
                    .as_ref()
                    .and_then(|check| check.flag("HealthCheckEnabled")),
                port: check
                    .as_ref()
                    .and_then(|check| check.port("HealthCheckConnectPort")),
                prober: Prober::Own,
            },
            scheduler: scheduler(&word),
            // B.4: the default of groups of instances.
            keeps_client: keeps.unwrap_or(instances),
        }
    }

    fn group(&self, id: &str) -> Option<Body<'_>> {
        let lists = self.responses.all(self.kind.folder(), "ListServerGroups");
        let groups = lists
            .into_iter()
            .flat_map(|list| list.list("ServerGroups", "ServerGroup"));
        let mut groups = groups.filter(|group| group.text("ServerGroupId").as_deref() == Some(id));
        groups.next()
    }

    fn pool(&self, group: &str, listener: &str, named: &Body<'_>) -> Pool {
        let folder = self.kind.folder();
        let settings = self.settings(group);
        let body = self.group(group);
        let any_port = body.as_ref().and_then(|body| body.flag("AnyPortEnabled")) == Some(true);
        let servers = self.responses.must(folder, "ListServerGroupServers", group);
        let reported = self.reported(listener, group);
        let source = servers
            .as_ref()
            .map_or_else(|_| named.source(), Body::source);
        let backends = servers.map(|body| {
            let servers = body.list("Servers", "Server");
            let read = servers
                .iter()
                .map(|server| self.backend(server, any_port, settings.check.on, &reported));
            read.collect()
        });
        Pool {
            id: group.to_owned(),
            name: (body.and_then(|body| body.text("ServerGroupName"))).unwrap_or_default(),
            backends,
            source,
        }
    }

    fn backend(
        &self,
        server: &Body<'_>,
        any_port: bool,
        checked: Option<bool>,
        reported: &Captured<Reported>,
    ) -> Backend {
        let id = server.text("ServerId").unwrap_or_default();
        let port = server.port("Port").filter(|_| !any_port);
        let address = server.address("ServerIp");
        let key = (
            id.clone(),
            address
                .map(|address| address.to_string())
                .unwrap_or_default(),
            port.unwrap_or_default(),
        );
        let health = match (checked, reported) {
            (Some(false), _) => Health::Unchecked,
            (_, Err(file)) => Health::Unknown(file.clone()),
            (
                _,
                Ok(Reported {
                    on: Some(false), ..
                }),
            ) => Health::Unchecked,
            // Those that are not listed are well.
            (_, Ok(reported)) => reported
                .not_normal
                .get(&key)
                .cloned()
                .unwrap_or(Health::Healthy),
        };
        let serves = matches!(
            server.word("Status").as_str(),
            "available" | "configuring" | ""
        );
        let weight = server
            .number("Weight")
            .and_then(|weight| u64::try_from(weight).ok());
        Backend {
            target: match server.word("ServerType").as_str() {
                "eni" | "eci" => Target::Interface(id),
                "ip" => Target::Address,
                _ => Target::Instance(id),
            },
            address,
            port,
            weight: if serves { weight.unwrap_or(100) } else { 0 },
            health,
            source: server.source(),
        }
    }

    fn reported(&self, listener: &str, group: &str) -> Captured<Reported> {
        let folder = self.kind.folder();
        let body = self
            .responses
            .must(folder, "GetListenerHealthStatus", listener)?;
        let mut reported = Reported::default();
        let direct = body.list("ListenerHealthStatus", "ListenerHealthStatu");
        let of_rules = body.list("RuleHealthStatus", "RuleHealthStatu");
        let infos = direct
            .iter()
            .chain(&of_rules)
            .flat_map(|status| status.list("ServerGroupInfos", "ServerGroupInfo"));
        let mut is_told = false;
        for info in infos.filter(|info| info.text("ServerGroupId").as_deref() == Some(group)) {
            is_told = true;
            let on = info
                .flag("HeathCheckEnabled")
                .or_else(|| info.flag("HealthCheckEnabled"));
            reported.on = reported.on.or(on);
            for server in info.list("NonNormalServers", "NonNormalServer") {
                let reason = server
                    .at("Reason")
                    .and_then(|reason| reason.text("ReasonCode"));
                let word = server.word("Status");
                let health = match word.as_str() {
                    "initial" => Health::Checking(server.source()),
                    "unused" => Health::Unchecked,
                    "unavailable" if reported.on == Some(false) => Health::Unchecked,
                    _ => Health::Unhealthy(reason.unwrap_or(word), server.source()),
                };
                let key = (
                    server.text("ServerId").unwrap_or_default(),
                    server.text("ServerIp").unwrap_or_default(),
                    server.port("Port").unwrap_or_default(),
                );
                reported.not_normal.insert(key, health);
            }
        }
        // Groups of rules are told on request only.
        if is_told {
            Ok(reported)
        } else {
            Err(self
                .responses
                .path(folder, "GetListenerHealthStatus", listener))
        }
    }

    /// An ALB's rules, small priorities first, and its default action.
    fn by_rules(&self, listener: &str, body: &Body<'_>) -> Action {
        let lists = self.responses.all("alb", "ListRules");
        let balancer = body.text("LoadBalancerId").unwrap_or_default();
        let known = lists.iter().any(|list| {
            let rules = list.list("Rules", "Rule");
            let of_this = |rule: &Body<'_>| rule.text("ListenerId").as_deref() == Some(listener);
            let file = list.source();
            rules.iter().any(of_this)
                || file.file() == self.responses.path("alb", "ListRules", "")
                || file.file() == self.responses.path("alb", "ListRules", listener)
                || file.file() == self.responses.path("alb", "ListRules", &balancer)
        });
        if !known {
            return Action::Unknown(self.responses.path("alb", "ListRules", listener));
        }
        let rules = lists.iter().flat_map(|list| list.list("Rules", "Rule"));
        let of_this = rules.filter(|rule| rule.text("ListenerId").as_deref() == Some(listener));
        let mut sorted: Vec<(i64, Rule)> = of_this
            .map(|rule| {
                (
                    rule.number("Priority").unwrap_or_default(),
                    self.rule(listener, &rule),
                )
            })
            .collect();
        sorted.sort_by_key(|(priority, _)| *priority);
        let otherwise = body
            .list("DefaultActions", "DefaultAction")
            .iter()
            .find_map(|action| self.forwards(listener, action));
        Action::Rules {
            rules: sorted.into_iter().map(|(_, rule)| rule).collect(),
            otherwise: otherwise.map(Box::new),
        }
    }

    fn rule(&self, listener: &str, rule: &Body<'_>) -> Rule {
        let conditions = rule.list("RuleConditions", "RuleCondition");
        let values = |kind: &str, config: &str| {
            let of_kind = conditions.iter().filter(|one| one.word("Type") == kind);
            let values: Vec<String> = of_kind
                .filter_map(|one| one.at(config))
                .flat_map(|config| config.texts("Values", "Value"))
                .collect();
            values.join(" ")
        };
        let actions = rule.list("RuleActions", "RuleAction");
        Rule {
            host: values("host", "HostConfig"),
            path: values("path", "PathConfig"),
            pool: actions
                .iter()
                .find_map(|action| self.forwards(listener, action)),
            source: rule.source(),
        }
    }

    /// The pool that an action forwards to: of several, all of them.
    fn forwards(&self, listener: &str, action: &Body<'_>) -> Option<Pool> {
        let groups = action
            .at("ForwardGroupConfig")?
            .list("ServerGroupTuples", "ServerGroupTuple");
        let mut pools = groups.iter().filter_map(|group| {
            let id = group.text("ServerGroupId")?;
            Some(self.pool(&id, listener, group))
        });
        let mut first = pools.next()?;
        for other in pools {
            first.backends = match (first.backends, other.backends) {
                (Ok(mut all), Ok(more)) => {
                    all.extend(more);
                    Ok(all)
                }
                (Err(file), _) | (_, Err(file)) => Err(file),
            };
        }
        Some(first)
    }

    fn acls(&self, listener: &str, body: &Body<'_>) -> Vec<Acl> {
        if self.kind == Kind::Network {
            return Vec::new();
        }
        let attribute = self.responses.get("alb", "GetListenerAttribute", listener);
        let config = attribute
            .as_ref()
            .and_then(|attribute| attribute.at("AclConfig"))
            .or_else(|| body.at("AclConfig"));
        let Some(config) = config else {
            // Only the listener's own answer has it.
            let unknown = Acl {
                id: listener.to_owned(),
                kind: AclKind::White,
                entries: Err(self.responses.path("alb", "GetListenerAttribute", listener)),
                source: body.source(),
            };
            return match attribute {
                Some(_) => Vec::new(),
                None => vec![unknown],
            };
        };
        let kind = match config.word("AclType").as_str() {
            "black" => AclKind::Black,
            _ => AclKind::White,
        };
        let relations = config.list("AclRelations", "AclRelation");
        let acl = |id: String| {
            let answer = self.responses.must("alb", "ListAclEntries", &id);
            let source = answer
                .as_ref()
                .map_or_else(|_| config.source(), Body::source);
            let entries = answer.map(|answer| {
                let entries = answer.list("AclEntries", "AclEntry");
                let nets = entries.iter().filter_map(|entry| entry.text("Entry"));
                nets.filter_map(|text| super::super::net(&text)).collect()
            });
            Acl {
                id,
                kind,
                entries,
                source,
            }
        };
        let ids = relations
            .iter()
            .filter_map(|relation| relation.text("AclId"));
        ids.map(acl).collect()
    }
}

struct Settings {
    check: Check,
    scheduler: Scheduler,
    keeps_client: bool,
}

/// What a listener reports of a group's servers: those that are not well, by id, address and port.
#[derive(Default)]
struct Reported {
    on: Option<bool>,
    not_normal: BTreeMap<(String, String, u16), Health>,
}
