//! NLB 2022-04-30 and ALB 2020-06-16: the same shapes, of layers 4 and 7.

use std::collections::BTreeMap;

use super::super::body::{Body, Responses};
use super::super::{
    Acl, AclKind, Action, Backend, Balancer, Captured, Check, Health, Listener, Listeners, Pool,
    Prober, Product, Scheduler, Speaks, Target, Unread,
};
use super::zones::zones;
use super::{entries, scheduler, state, state_of_business};

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

/// What is not modelled: an NLB, or a group of an ALB, that stays within the zone.
const ONE_ZONE: &str = "forwarding within one zone only (CrossZoneEnabled false)";

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
            state: state_of_business(body),
            groups: body.texts("SecurityGroupIds", "SecurityGroupId"),
            vouches: false,
            own: zones.own,
            tags: body.tags(),
            listeners: self.listeners(id, crossed),
            source: body.source(),
        }
    }

    fn listeners(&self, id: &str, crossed: bool) -> Listeners {
        let folder = self.kind.folder();
        let lists = self.responses.all(folder, "ListListeners");
        let attributes = self.responses.all(folder, "GetListenerAttribute");
        let mut found = BTreeMap::new();
        let mut listeners = Listeners::default();
        let listed = lists
            .iter()
            .flat_map(|list| list.list("Listeners", "Listener"));
        let all = attributes.into_iter().chain(listed);
        for body in all.filter(|body| body.text("LoadBalancerId").as_deref() == Some(id)) {
            let Some(listener) = body.text("ListenerId") else {
                listeners.lacks(body.source().file().to_owned());
                continue;
            };
            match self.listener(&listener, &body, crossed) {
                Ok(read) => {
                    found.entry(listener).or_insert(read);
                }
                Err(unread) => listeners.unread.push(unread),
            }
        }
        listeners.read = found.into_values().collect();
        let own = self.responses.path(folder, "ListListeners", id);
        let of_all = self.responses.path(folder, "ListListeners", "");
        let is_complete =
            |list: &Body<'_>| [own.as_str(), of_all.as_str()].contains(&list.source().file());
        if !lists.iter().any(is_complete) {
            listeners.lacks(own);
        }
        listeners
    }

    fn listener(&self, id: &str, body: &Body<'_>, crossed: bool) -> Result<Listener, Unread> {
        let ports = match body.port("ListenerPort") {
            Some(port) => Some(port..=port),
            None => (body.port("StartPort").zip(body.port("EndPort")))
                .map(|(first, last)| first..=last)
                .filter(|ports| !ports.is_empty()),
        };
        let speaks = Speaks::named(&body.word("ListenerProtocol"));
        let (ports, speaks) = match (ports, speaks) {
            (Some(ports), Some(speaks)) => (ports, speaks),
            (ports, _) => return Err(Unread::of(body, ports, "ListenerProtocol")),
        };
        let group = match self.kind {
            Kind::Network => body.text("ServerGroupId").map(|id| self.settings(&id)),
            Kind::Application => None,
        };
        let (check, scheduler, keeps_client) = match group {
            Some(group) => (group.check, group.scheduler, group.keeps_client),
            None => (self.unset(), Scheduler::Weighted, Ok(false)),
        };
        let actions = match self.kind {
            _ if !crossed => vec![Action::Unknown(ONE_ZONE.to_owned())],
            Kind::Network => vec![match body.text("ServerGroupId") {
                Some(group) => Action::Pool(self.pool(&group, id, body)),
                None => Action::Unknown(body.source().file().to_owned()),
            }],
            Kind::Application => self.by_rules(id, body),
        };
        Ok(Listener {
            id: id.to_owned(),
            speaks,
            ports,
            state: state(body, "ListenerStatus", &["running", "configuring"]),
            acls: self.acls(id, body),
            scheduler,
            sticky: false,
            check,
            keeps_client: if speaks.is_proxied() {
                Ok(false)
            } else {
                keeps_client
            },
            actions,
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
        let keeps_client = match &body {
            None => Err(self
                .responses
                .path(self.kind.folder(), "ListServerGroups", "")),
            Some(body) => match body.flag("PreserveClientIpEnabled") {
                Some(keeps) => Ok(keeps),
                // B.4: the default of groups of instances; G.8: that of others is not confirmed.
                None if body.word("ServerGroupType") == "instance" => Ok(true),
                None => Err(body.source().file().to_owned()),
            },
        };
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
            keeps_client,
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
        let flag = |key: &str| body.as_ref().and_then(|body| body.flag(key));
        let any_port = flag("AnyPortEnabled") == Some(true);
        let is_split = self.kind == Kind::Application && flag("CrossZoneEnabled") == Some(false);
        let servers = self.responses.must(folder, "ListServerGroupServers", group);
        let reported = self.reported(listener, group);
        let source = servers
            .as_ref()
            .map_or_else(|_| named.source(), Body::source);
        let backends = servers.and_then(|list| {
            let servers = list.list("Servers", "Server");
            // How an NLB shares them out, and at which port, is the group's.
            if body.is_none() && self.kind == Kind::Network && !servers.is_empty() {
                return Err(self.responses.path(folder, "ListServerGroups", ""));
            }
            if is_split && !servers.is_empty() {
                return Err(ONE_ZONE.to_owned());
            }
            let read = servers
                .iter()
                .map(|server| self.backend(server, any_port, settings.check.on, &reported));
            Ok(read.collect())
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
            // Those that are not listed are well; where every port is served, which one is checked is not the server's.
            (_, Ok(reported)) if any_port => {
                let (id, address, _) = &key;
                let mut listed = reported.not_normal.iter();
                let own = listed.find(|((own, at, _), _)| own == id && at == address);
                own.map_or(Health::Healthy, |(_, health)| health.clone())
            }
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

    /// What an ALB's rules and its default do.
    fn by_rules(&self, listener: &str, body: &Body<'_>) -> Vec<Action> {
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
            let file = self.responses.path("alb", "ListRules", &balancer);
            return vec![Action::Unknown(file)];
        }
        let rules = lists.iter().flat_map(|list| list.list("Rules", "Rule"));
        let of_this = rules.filter(|rule| {
            // What a rule does to answers sends no request anywhere.
            rule.text("ListenerId").as_deref() == Some(listener)
                && !rule.word("Direction").starts_with("response")
        });
        let done =
            of_this.map(|rule| self.done(listener, &rule, &rule.list("RuleActions", "RuleAction")));
        let default = body.list("DefaultActions", "DefaultAction");
        let default = self.done(listener, body, &default);
        let mut all: Vec<Action> = done.collect();
        // ACK's controller makes a default group that stays empty: requests without a rule are none of its services'.
        let is_empty = matches!(&default, Action::Pool(pool) if matches!(&pool.backends, Ok(all) if all.is_empty()));
        if all.is_empty() || !is_empty {
            all.push(default);
        }
        all
    }

    /// What several actions together, a rule's or the listener's, come to.
    fn done(&self, listener: &str, named: &Body<'_>, actions: &[Body<'_>]) -> Action {
        let mut all = actions.iter();
        if let Some(pool) = all.find_map(|action| self.forwards(listener, action)) {
            return Action::Pool(pool);
        }
        let answers = |action: &Body<'_>| {
            let kind = action.word("Type");
            ["redirect", "fixedresponse"].contains(&kind.as_str())
        };
        if actions.iter().any(answers) {
            return Action::Answers;
        }
        Action::Unknown(named.source().file().to_owned())
    }

    /// The pool that an action forwards to: of several, all of them.
    fn forwards(&self, listener: &str, action: &Body<'_>) -> Option<Pool> {
        let groups = action
            .at("ForwardGroupConfig")?
            .list("ServerGroupTuples", "ServerGroupTuple");
        let pools = groups.iter().filter_map(|group| {
            let id = group.text("ServerGroupId")?;
            Some((group.number("Weight"), self.pool(&id, listener, group)))
        });
        super::groups::joined(pools.collect())
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
            let entries =
                answer.and_then(|answer| entries(&answer, ("AclEntries", "AclEntry"), "Entry"));
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
    keeps_client: Captured<bool>,
}

/// What a listener reports of a group's servers: those that are not well, by id, address and port.
#[derive(Default)]
struct Reported {
    on: Option<bool>,
    not_normal: BTreeMap<(String, String, u16), Health>,
}
