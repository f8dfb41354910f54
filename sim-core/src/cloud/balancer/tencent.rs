//! Tencent Cloud's load balancers: CLB 2018-03-17, layers 4 and 7.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::body::{Body, Responses};
use super::{
    Action, Backend, Balancer, Captured, Check, Health, Listener, Listeners, Pool, Prober, Product,
    Scheduler, Speaks, State, Target, Unread,
};

const CLB: &str = "clb";

/// All load balancers of a region.
pub(crate) fn balancers(responses: Responses<'_>) -> Vec<Balancer> {
    let mut found: BTreeMap<String, Balancer> = BTreeMap::new();
    for list in responses.all(CLB, "DescribeLoadBalancers") {
        for body in list.list("LoadBalancerSet", "LoadBalancer") {
            if let Some(id) = body.text("LoadBalancerId") {
                found
                    .entry(id.clone())
                    .or_insert_with(|| balancer(responses, &body, &id));
            }
        }
    }
    for (id, addresses) in elastic_addresses(responses) {
        if let Some(balancer) = found.get_mut(&id) {
            let known = balancer.addresses.clone();
            let more = addresses
                .into_iter()
                .filter(|address| !known.contains(address));
            balancer.addresses.extend(more);
        }
    }
    found.into_values().collect()
}

/// Elastic addresses of load balancers, by their ids.
fn elastic_addresses(responses: Responses<'_>) -> BTreeMap<String, Vec<IpAddr>> {
    let mut elastic: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for body in responses.all("vpc", "DescribeAddresses") {
        for address in body.list("AddressSet", "Address") {
            let of_balancer = address.word("InstanceType") == "clb";
            if let (true, Some(id), Some(own)) = (
                of_balancer,
                address.text("InstanceId"),
                address.address("AddressIp"),
            ) {
                elastic.entry(id).or_default().push(own);
            }
        }
    }
    elastic
}

fn balancer(responses: Responses<'_>, body: &Body<'_>, id: &str) -> Balancer {
    let vips = body.texts("LoadBalancerVips", "LoadBalancerVips");
    let addresses = vips.iter().filter_map(|text| text.parse().ok());
    let translates = body.flag("SnatPro") == Some(true) || body.flag("Snat") == Some(true);
    let mut listeners = listeners(responses, id, translates);
    if body.number("Forward") == Some(0) {
        // Other actions tell of theirs (DescribeClassicalLBListeners), which nobody asks for.
        listeners.lacks("the classic kind (Forward 0)".to_owned());
    }
    let own = body.list("SnatIps", "SnatIp");
    Balancer {
        product: Product::TencentClb,
        folder: responses.folder.to_owned(),
        id: id.to_owned(),
        name: body.text("LoadBalancerName").unwrap_or_default(),
        addresses: addresses.chain(body.address("AddressIPv6")).collect(),
        public: body.word("LoadBalancerType") == "open",
        host: body
            .text("LoadBalancerDomain")
            .or_else(|| body.text("Domain")),
        vpc: body.text("VpcId"),
        subnets: body.text("SubnetId").into_iter().collect(),
        state: state(body),
        groups: body.texts("SecureGroups", "SecureGroup"),
        vouches: body.flag("LoadBalancerPassToTarget") == Some(true),
        own: own.iter().filter_map(|one| one.address("Ip")).collect(),
        tags: body.tags(),
        listeners,
        source: body.source(),
    }
}

fn state(body: &Body<'_>) -> State {
    // 1: isolated for unpaid bills; blocked: under attack.
    if body.number("Isolation") == Some(1) {
        return State::Not("isolated".to_owned());
    }
    if body.flag("IsBlock") == Some(true) {
        return State::Not("blocked".to_owned());
    }
    match body.number("Status") {
        Some(1) => State::Running,
        Some(0) => State::Not("being created".to_owned()),
        Some(other) => State::Not(other.to_string()),
        None => State::Unknown(body.source().file().to_owned()),
    }
}

fn listeners(responses: Responses<'_>, id: &str, translates: bool) -> Listeners {
    let mut listeners = Listeners::default();
    let answer = match responses.must(CLB, "DescribeListeners", id) {
        Ok(answer) => answer,
        Err(file) => {
            listeners.lacks(file);
            return listeners;
        }
    };
    let health = health(responses, id);
    for body in answer.list("Listeners", "Listener") {
        match listener(responses, id, &body, translates, &health) {
            Ok(read) => listeners.read.push(read),
            Err(unread) => listeners.unread.push(unread),
        }
    }
    listeners
}

/// What the checks found, by listener, rule, address and port; or the file that would tell.
type Reported = Captured<BTreeMap<(String, String, IpAddr, u16), Health>>;

fn health(responses: Responses<'_>, id: &str) -> Reported {
    let answer = responses.must(CLB, "DescribeTargetHealth", id)?;
    let mut found = BTreeMap::new();
    for balancer in answer.list("LoadBalancers", "LoadBalancer") {
        if balancer.text("LoadBalancerId").is_some_and(|own| own != id) {
            continue;
        }
        for listener in balancer.list("Listeners", "Listener") {
            for rule in listener.list("Rules", "Rule") {
                for target in rule.list("Targets", "Target") {
                    let (Some(address), Some(port)) = (target.address("IP"), target.port("Port"))
                    else {
                        continue;
                    };
                    let detail = target
                        .text("HealthStatusDetail")
                        .or_else(|| target.text("HealthStatusDetial"));
                    let health = match (detail.as_deref(), target.flag("HealthStatus")) {
                        (Some("Alive"), _) | (None, Some(true)) => Health::Healthy,
                        (Some("Close"), _) => Health::Unchecked,
                        (Some("Unknown"), _) => Health::Checking(target.source()),
                        // It tells nothing of this one.
                        (None, None) => continue,
                        (detail, _) => {
                            Health::Unhealthy(detail.unwrap_or("Dead").to_owned(), target.source())
                        }
                    };
                    let text = |body: &Body<'_>, key: &str| body.text(key).unwrap_or_default();
                    let key = (
                        text(&listener, "ListenerId"),
                        text(&rule, "LocationId"),
                        address,
                        port,
                    );
                    found.insert(key, health);
                }
            }
        }
    }
    Ok(found)
}

fn listener(
    responses: Responses<'_>,
    id: &str,
    body: &Body<'_>,
    translates: bool,
    health: &Reported,
) -> Result<Listener, Unread> {
    let ports = body.port("Port").map(|first| {
        let last = body.port("EndPort").filter(|last| *last >= first);
        first..=last.unwrap_or(first)
    });
    let speaks = Speaks::named(&body.word("Protocol"));
    let (ports, speaks) = match (ports, speaks) {
        (Some(ports), Some(speaks)) => (ports, speaks),
        (ports, _) => return Err(Unread::of(body, ports, "Protocol")),
    };
    let own = body.text("ListenerId").unwrap_or_default();
    let flags = body.texts("AttrFlags", "AttrFlag");
    let stopped = flags.iter().find(|flag| flag.eq_ignore_ascii_case("stop"));
    let check = check(body);
    let targets = Targets {
        responses,
        balancer: id,
        listener: &own,
        asked: *ports.start(),
        health,
    };
    let actions = if let Some(groups) = target_groups(body) {
        vec![groups]
    } else if matches!(speaks, Speaks::Http | Speaks::Https | Speaks::Quic) {
        let rules = body.list("Rules", "Rule");
        let of_rule = |rule: &Body<'_>| targets.of_rule(rule, &check);
        rules.iter().map(of_rule).collect()
    } else {
        vec![targets.pool(body, None, &check)]
    };
    Ok(Listener {
        id: own.clone(),
        speaks,
        ports,
        state: match stopped {
            Some(_) => State::Not("stopped".to_owned()),
            None => State::Running,
        },
        acls: Vec::new(),
        scheduler: scheduler(&body.word("Scheduler")),
        sticky: body
            .number("SessionExpireTime")
            .is_some_and(|seconds| seconds > 0),
        check,
        // G.20: without connections that are kept alive, layer 7 shows backends the client's address, too.
        keeps_client: Ok(!translates
            && match speaks {
                Speaks::Tcp | Speaks::Udp => true,
                Speaks::Tls => false,
                Speaks::Http | Speaks::Https | Speaks::Quic => {
                    body.number("KeepaliveEnable") != Some(1)
                }
            }),
        actions,
        description: body.text("ListenerName").unwrap_or_default(),
        source: body.source(),
    })
}

fn check(body: &Body<'_>) -> Check {
    let check = body.at("HealthCheck");
    let check = check.as_ref();
    Check {
        on: check.and_then(|check| check.flag("HealthSwitch")),
        port: check.and_then(|check| check.port("CheckPort")),
        prober: match check.and_then(|check| check.number("SourceIpType")) {
            Some(1) => Prober::Shared,
            _ => Prober::Vip,
        },
    }
}

fn scheduler(word: &str) -> Scheduler {
    match word {
        "" | "wrr" => Scheduler::Weighted,
        other => Scheduler::ByState(other.to_ascii_uppercase()),
    }
}

/// A listener or rule that is bound to target groups, which no captured answer tells, or to what else is not modelled.
fn target_groups(named: &Body<'_>) -> Option<Action> {
    let group = named.at("TargetGroup");
    let group = group.and_then(|group| group.text("TargetGroupId"));
    let is_bound = group.is_some() || !named.list("TargetGroupList", "TargetGroup").is_empty();
    match (named.word("TargetType").as_str(), is_bound) {
        ("" | "node", false) => None,
        ("" | "node", true) => Some(of_type("TARGETGROUP")),
        (other, _) => Some(of_type(&other.to_ascii_uppercase())),
    }
}

/// Backends that are no machines.
fn of_type(kind: &str) -> Action {
    Action::Unknown(format!("backends of type {kind}"))
}

/// Where a listener's backends are looked up.
struct Targets<'t, 'r> {
    responses: Responses<'r>,
    balancer: &'t str,
    listener: &'t str,
    asked: u16,
    health: &'t Reported,
}

impl Targets<'_, '_> {
    /// What a rule of layer 7 does.
    fn of_rule(&self, rule: &Body<'_>, check: &Check) -> Action {
        let redirects = rule
            .at("RewriteTarget")
            .is_some_and(|target| target.text("TargetListenerId").is_some());
        if redirects {
            return Action::Answers;
        }
        let location = rule.text("LocationId").unwrap_or_default();
        let own = match rule.at("HealthCheck") {
            Some(_) => self::check(rule),
            None => check.clone(),
        };
        self.pool(rule, Some(&location), &own)
    }

    /// What `named`, a listener or one of its rules, forwards to.
    fn pool(&self, named: &Body<'_>, location: Option<&str>, check: &Check) -> Action {
        if let Some(groups) = target_groups(named) {
            return groups;
        }
        let file = self.responses.path(CLB, "DescribeTargets", self.balancer);
        let answer = self.responses.get(CLB, "DescribeTargets", self.balancer);
        let own = answer.and_then(|answer| {
            let mut listeners = answer.list("Listeners", "Listener").into_iter();
            let own =
                listeners.find(|one| one.text("ListenerId").as_deref() == Some(self.listener));
            let Some(location) = location else {
                return own;
            };
            let mut rules = own?.list("Rules", "Rule").into_iter();
            rules.find(|rule| rule.text("LocationId").as_deref() == Some(location))
        });
        let functions = own
            .as_ref()
            .map(|own| own.list("FunctionTargets", "FunctionTarget"));
        if functions.is_some_and(|functions| !functions.is_empty()) {
            return of_type("FUNCTION");
        }
        let source = own.as_ref().map_or_else(|| named.source(), Body::source);
        let backends = own.ok_or(file).map(|own| {
            let targets = own.list("Targets", "Target");
            let read = targets.iter();
            read.map(|target| self.backend(target, location, check))
                .collect()
        });
        Action::Pool(Pool {
            id: location.unwrap_or(self.listener).to_owned(),
            name: String::new(),
            backends,
            source,
        })
    }

    fn backend(&self, target: &Body<'_>, location: Option<&str>, check: &Check) -> Backend {
        let addresses = target.texts("PrivateIpAddresses", "PrivateIpAddress");
        let address: Option<IpAddr> = addresses.first().and_then(|text| text.parse().ok());
        let port = target.port("Port");
        let file = || {
            self.responses
                .path(CLB, "DescribeTargetHealth", self.balancer)
        };
        let health = match (check.on, self.health, address) {
            (Some(false), _, _) => Health::Unchecked,
            (_, Err(file), _) => Health::Unknown(file.clone()),
            (_, Ok(found), Some(address)) => self
                .reported(found, location, (address, port.unwrap_or(self.asked)))
                .unwrap_or_else(|| Health::Unknown(file())),
            (_, Ok(_), None) => Health::Unknown(file()),
        };
        let id = |key: &str| target.text(key).unwrap_or_default();
        Backend {
            target: match target.word("Type").as_str() {
                "cvm" => Target::Instance(id("InstanceId")),
                "eni" => Target::Interface(id("EniId")),
                _ => Target::Address,
            },
            address,
            port,
            weight: (target.number("Weight"))
                .and_then(|weight| u64::try_from(weight).ok())
                .unwrap_or(10),
            health,
            source: target.source(),
        }
    }

    /// What the checks found at `end`; at layer 4 the one rule that they tell of may have an id, though there are none.
    fn reported(
        &self,
        found: &BTreeMap<(String, String, IpAddr, u16), Health>,
        location: Option<&str>,
        end: (IpAddr, u16),
    ) -> Option<Health> {
        let mut all = found.iter();
        let own = all.find(|((listener, rule, address, port), _)| {
            listener == self.listener
                && location.is_none_or(|own| own == rule)
                && (*address, *port) == end
        });
        own.map(|(_, health)| health.clone())
    }
}
