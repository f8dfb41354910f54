//! What security groups say of a packet at an interface (reference B.1 "Security-group evaluation", C.4 "Security groups").

use std::net::IpAddr;

use super::group::Services;
use super::index::order;
use super::{
    Direction, Group, GroupKind, GroupRule, Interface, Peer, Provider, Region, Ruling, Service,
    Unconfirmed,
};
use crate::linux::choice::{Doubt, Tri};
use crate::linux::packet::{Packet, Port, protocol};

/// A packet as one side of an interface's rules sees it.
pub(super) struct View<'p> {
    pub(super) packet: &'p Packet,
    own: IpAddr,
    pub(super) peer: IpAddr,
    pub(super) direction: Direction,
}

/// A rule that may decide, with its group.
type Candidate<'r> = (&'r Group, &'r GroupRule);

impl Region {
    /// Whether the security groups of `interface` let the first packet of a connection pass.
    #[must_use]
    pub fn groups_admit(
        &self,
        interface: &Interface,
        direction: Direction,
        packet: &Packet,
    ) -> Ruling {
        let (own, peer) = match direction {
            Direction::Ingress => (packet.dst, packet.src),
            Direction::Egress => (packet.src, packet.dst),
        };
        let view = View {
            packet,
            own,
            peer,
            direction,
        };
        if self.provider == Provider::Aliyun
            && let Some(ruling) = self.aliyun_exempt(&interface.vpc, &view)
        {
            return ruling;
        }
        if interface.groups.is_empty() {
            return Ruling::unknown(Doubt {
                what: format!("no security group of interface {} is known", interface.id),
                settle: format!("{}/{}", self.folder, self.interfaces_file()),
                source: Some(interface.source.clone()),
            });
        }
        let mut groups: Vec<&Group> = Vec::new();
        for id in &interface.groups {
            match self.group(id) {
                Some(group) => groups.push(group),
                None => return Ruling::unknown(self.rules_missing(id)),
            }
        }
        if let Some(ruling) = self.among_members(interface, &groups, &view) {
            return ruling;
        }
        if let Some(group) = groups.iter().find(|group| group.rules.is_none()) {
            return Ruling::unknown(self.rules_missing(&group.id));
        }
        let ruling = self.decide(interface, &groups, &view);
        let joins =
            |group: &&&Group| group.inner == Some(true) && group.kind != Some(GroupKind::Advanced);
        if ruling.admits == Tri::No
            && let Some(group) = groups.iter().find(joins)
            && self.may_be_unlisted(&interface.vpc, view.peer)
            && self.groups_at(&interface.vpc, view.peer).is_none()
        {
            // B.1 (5): members of the group reach one another.
            return Ruling::unknown(Doubt {
                what: format!(
                    "whether the interface of {} is a member of security group {}: it was not captured",
                    view.peer, group.id
                ),
                settle: format!("{}/{}", self.folder, self.interfaces_file()),
                source: Some(group.source.clone()),
            });
        }
        if self.provider == Provider::Tencent && groups.len() > 1 {
            groups.reverse();
            let other = self.decide(interface, &groups, &view);
            if other.admits != ruling.admits {
                return ruling.resting_on(Unconfirmed::GroupOrder);
            }
        }
        ruling
    }

    fn interfaces_file(&self) -> &'static str {
        match self.provider {
            Provider::Aliyun => "ecs/DescribeNetworkInterfaces.json",
            Provider::Tencent => "vpc/DescribeNetworkInterfaces.json",
        }
    }

    fn rules_missing(&self, group: &str) -> Doubt {
        let file = match self.provider {
            Provider::Aliyun => format!("ecs/DescribeSecurityGroupAttribute.{group}.json"),
            Provider::Tencent => format!("vpc/DescribeSecurityGroupPolicies.{group}.json"),
        };
        self.missing(&file, "it was not captured")
    }

    /// B.1 (5): members of one basic group whose inner policy accepts reach one another whatever the rules say.
    fn among_members(
        &self,
        interface: &Interface,
        groups: &[&Group],
        view: &View<'_>,
    ) -> Option<Ruling> {
        if !interface.has(view.own) {
            return None;
        }
        let (other, members) = self.groups_at(&interface.vpc, view.peer)?;
        let shared = groups
            .iter()
            .filter(|group| group.kind != Some(GroupKind::Advanced))
            .find(|group| group.inner == Some(true) && members.contains(&group.id))?;
        let mut ruling = Ruling::passes(format!(
            "interfaces {} and {} are members of security group {}, whose members reach one another",
            interface.id, other, shared.id
        ));
        ruling.sources.push(shared.source.clone());
        Some(ruling)
    }

    /// The rules of all groups in the provider's order; a rule that may match leaves the answer open only where it would
    /// change it.
    fn decide(&self, interface: &Interface, groups: &[&Group], view: &View<'_>) -> Ruling {
        let candidates = self.in_order(groups, view);
        self.first(candidates, interface, groups, view)
    }

    fn first(
        &self,
        candidates: Vec<Candidate<'_>>,
        interface: &Interface,
        groups: &[&Group],
        view: &View<'_>,
    ) -> Ruling {
        let mut open: Vec<(bool, Doubt)> = Vec::new();
        let mut unmatched_groups = false;
        for (group, rule) in candidates {
            match self.matches(interface, rule, view, &mut unmatched_groups) {
                Tri::No | Tri::Assumed(false, _) => {}
                Tri::Unknown(doubt) => open.push((rule.accepts, doubt)),
                Tri::Yes | Tri::Assumed(true, _) => {
                    let mut ruling = self.by_rule(group, rule, view);
                    if unmatched_groups {
                        ruling = ruling.resting_on(Unconfirmed::GroupPeers);
                    }
                    return settle(ruling, rule.accepts, open);
                }
            }
        }
        let mut ruling = self.by_default(interface, groups, view);
        if unmatched_groups {
            ruling = ruling.resting_on(Unconfirmed::GroupPeers);
        }
        let accepts = match &ruling.admits {
            Tri::Yes => true,
            Tri::No => false,
            Tri::Unknown(_) | Tri::Assumed(..) => return ruling,
        };
        settle(ruling, accepts, open)
    }

    /// The rules that may decide, in the order in which they do.
    fn in_order<'r>(&self, groups: &[&'r Group], view: &View<'_>) -> Vec<Candidate<'r>> {
        let (protocol, port) = (view.packet.protocol(), view.packet.dport());
        let mut all = Vec::new();
        for (group_idx, group) in groups.iter().enumerate() {
            let rules = group.rules.as_deref().unwrap_or_default();
            let index = group.index(self.provider);
            for place in index.may_decide(view.direction, view.peer, protocol, port) {
                let Some(rule) = rules.get(place) else {
                    continue;
                };
                let order = order(rule, self.provider);
                // B.1 (2): one list of all groups' rules. C.4: the groups in the order of the list.
                let (first, last) = match self.provider {
                    Provider::Aliyun => (0, group_idx),
                    Provider::Tencent => (group_idx, 0),
                };
                all.push(((first, order, last, place), (*group, rule)));
            }
        }
        all.sort_unstable_by_key(|(order, _)| *order);
        all.into_iter().map(|(_, candidate)| candidate).collect()
    }

    fn matches(
        &self,
        interface: &Interface,
        rule: &GroupRule,
        view: &View<'_>,
        unmatched_groups: &mut bool,
    ) -> Tri {
        if rule.own.is_some_and(|own| !own.contains(&view.own)) {
            return Tri::No;
        }
        let served = self.serves(&rule.services, view.packet);
        let served = served.and(rule.source_ports.has(sport(view.packet)));
        if served == Tri::No {
            return Tri::No;
        }
        let peer = self.is_peer(interface, &rule.peer, view.peer, unmatched_groups);
        served.and(peer)
    }

    fn serves(&self, services: &Services, packet: &Packet) -> Tri {
        match services {
            Services::One(service) => serves(service, packet),
            Services::Template(id) => match self.services.get(id) {
                Some(services) => services
                    .iter()
                    .fold(Tri::No, |any, service| any.or(serves(service, packet))),
                None => Tri::Unknown(self.missing(
                    "vpc/DescribeServiceTemplates.json",
                    &format!("it does not hold {id}"),
                )),
            },
            Services::PortList(number, _) if number.is_some_and(|own| own != packet.protocol()) => {
                Tri::No
            }
            Services::PortList(_, id) => match self.port_lists.get(id) {
                Some(ports) => ports.has(packet.dport()),
                None => Tri::Unknown(self.missing(
                    &format!("ecs/DescribePortRangeListEntries.{id}.json"),
                    "it was not captured",
                )),
            },
        }
    }

    fn is_peer(
        &self,
        interface: &Interface,
        peer: &Peer,
        address: IpAddr,
        unmatched_groups: &mut bool,
    ) -> Tri {
        match peer {
            Peer::Net(net) => net.contains(&address).into(),
            Peer::List(id) => match self.lists.get(id) {
                Some(ranges) => ranges.iter().any(|range| range.contains(address)).into(),
                None => Tri::Unknown(self.missing(
                    &match self.provider {
                        Provider::Aliyun => format!("ecs/DescribePrefixListAttributes.{id}.json"),
                        Provider::Tencent => "vpc/DescribeAddressTemplates.json".to_owned(),
                    },
                    &format!("it does not hold {id}"),
                )),
            },
            // B.1 (6): any interface of the group that has the address.
            Peer::Group(id) => match self.groups_at(&interface.vpc, address) {
                Some((_, groups)) => groups.contains(id).into(),
                None if self.may_be_unlisted(&interface.vpc, address) => {
                    Tri::Unknown(self.missing(
                        self.interfaces_file(),
                        &format!("it does not hold the interface of {address}"),
                    ))
                }
                None => {
                    *unmatched_groups |= !crate::trace::is_public(address);
                    Tri::No
                }
            },
            Peer::Any(peers) => peers.iter().fold(Tri::No, |any, peer| {
                any.or(self.is_peer(interface, peer, address, unmatched_groups))
            }),
        }
    }

    /// Who has `address` in a private network, and its security groups: an interface, or a load balancer.
    fn groups_at(&self, vpc: &str, address: IpAddr) -> Option<(&str, &[String])> {
        if let Some(own) = self.interface_at(vpc, address) {
            return Some((&own.id, &own.groups));
        }
        let balancer = self.balancers.owner(vpc, address)?;
        Some((&balancer.id, &balancer.groups))
    }

    /// Whether an interface that was not captured may have `address`: it is one of a subnet's.
    pub(super) fn may_be_unlisted(&self, vpc: &str, address: IpAddr) -> bool {
        let mut own = self.subnets.iter().filter(|subnet| subnet.vpc == vpc);
        own.any(|subnet| subnet.blocks.iter().any(|block| block.contains(&address)))
    }

    fn by_rule(&self, group: &Group, rule: &GroupRule, view: &View<'_>) -> Ruling {
        let text = self.rule_text(rule);
        let why = match (rule.accepts, view.direction) {
            (true, Direction::Ingress) => {
                format!("security group {} lets it in: `{text}`", group.id)
            }
            (true, Direction::Egress) => {
                format!("security group {} lets it out: `{text}`", group.id)
            }
            (false, Direction::Ingress) => {
                format!("security group {} drops what comes in: `{text}`", group.id)
            }
            (false, Direction::Egress) => {
                format!("security group {} drops what leaves: `{text}`", group.id)
            }
        };
        Ruling {
            admits: rule.accepts.into(),
            why,
            object: format!("cloud:{}", group.id),
            rule: Some(text),
            sources: vec![rule.source.clone()],
            rests_on: Vec::new(),
        }
    }

    /// The rule as its provider would write it.
    fn rule_text(&self, rule: &GroupRule) -> String {
        let action = if rule.accepts { "Accept" } else { "Drop" };
        let services = match &rule.services {
            Services::One(service) => format!(
                "{} {}",
                protocol_name(service.protocol),
                service.ports.words()
            ),
            Services::Template(id) | Services::PortList(_, id) => id.clone(),
        };
        let side = match rule.direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        let place = match self.provider {
            Provider::Aliyun => format!("priority {}", rule.priority),
            Provider::Tencent => format!("#{}", rule.priority),
        };
        format!(
            "{action} {services} {side} {} {place}",
            peer_text(&rule.peer)
        )
    }

    /// B.1 (4), C.4: what no rule names.
    fn by_default(&self, interface: &Interface, groups: &[&Group], view: &View<'_>) -> Ruling {
        let mut ids: Vec<&str> = groups.iter().map(|group| group.id.as_str()).collect();
        ids.dedup();
        let names = ids.join(", ");
        let object = groups.first().map(|group| format!("cloud:{}", group.id));
        let is_basic = |group: &&Group| group.kind == Some(GroupKind::Basic);
        let accepts = view.direction == Direction::Egress && groups.iter().all(is_basic);
        let unknown = groups.iter().find(|group| group.kind.is_none());
        if let Some(group) = unknown.filter(|_| view.direction == Direction::Egress) {
            return Ruling::unknown(self.missing(
                "ecs/DescribeSecurityGroups.json",
                &format!("it does not hold {}", group.id),
            ));
        }
        let why = match (accepts, view.direction) {
            (true, _) => format!("no rule of security group {names} is for what leaves: it passes"),
            (false, Direction::Egress) => {
                let packet = packet_words(view.packet, view.direction);
                format!("no rule of security group {names} lets `{packet}` out")
            }
            (false, Direction::Ingress) => {
                let packet = packet_words(view.packet, view.direction);
                format!("no rule of security group {names} lets `{packet}` in")
            }
        };
        let mut ruling = Ruling {
            admits: accepts.into(),
            why,
            object: object.unwrap_or_default(),
            rule: None,
            sources: groups.iter().map(|group| group.source.clone()).collect(),
            rests_on: Vec::new(),
        };
        let inner = groups.iter().any(|group| group.inner == Some(true));
        let is_pod = |address: IpAddr| {
            !crate::trace::is_public(address)
                && self.interface_at(&interface.vpc, address).is_none()
        };
        if !accepts && inner && (is_pod(view.peer) || is_pod(view.own)) {
            ruling = ruling.resting_on(Unconfirmed::IntraGroup);
        }
        ruling
    }
}

/// A ruling stands where every earlier rule that may match says the same.
fn settle(ruling: Ruling, accepts: bool, open: Vec<(bool, Doubt)>) -> Ruling {
    let other = open.into_iter().find(|(own, _)| *own != accepts);
    match other {
        Some((_, doubt)) => Ruling::unknown(doubt),
        None => ruling,
    }
}

fn serves(service: &Service, packet: &Packet) -> Tri {
    match service.protocol {
        // B.1 (8): `ALL` ignores ports.
        None => Tri::Yes,
        Some(number) if number != packet.protocol() => Tri::No,
        Some(_) => service.ports.has(packet.dport()),
    }
}

fn sport(packet: &Packet) -> Option<Port> {
    let tuple = crate::linux::conntrack::tuple_of(packet)?;
    packet.dport().map(|_| tuple.sport)
}

pub(super) fn protocol_name(number: Option<u8>) -> String {
    match number {
        None => "all".to_owned(),
        Some(protocol::TCP) => "tcp".to_owned(),
        Some(protocol::UDP) => "udp".to_owned(),
        Some(protocol::ICMP) => "icmp".to_owned(),
        Some(protocol::ICMPV6) => "icmpv6".to_owned(),
        Some(protocol::GRE) => "gre".to_owned(),
        Some(other) => other.to_string(),
    }
}

/// A packet as rules name such: `tcp 443 from 203.0.113.9`.
pub(super) fn packet_words(packet: &Packet, direction: Direction) -> String {
    let (side, peer) = match direction {
        Direction::Ingress => ("from", packet.src),
        Direction::Egress => ("to", packet.dst),
    };
    let protocol = protocol_name(Some(packet.protocol()));
    match packet.dport() {
        Some(Port::Known(port)) => format!("{protocol} {port} {side} {peer}"),
        Some(Port::Chosen { .. }) | None => format!("{protocol} {side} {peer}"),
    }
}

fn peer_text(peer: &Peer) -> String {
    match peer {
        Peer::Net(net) => net.to_string(),
        Peer::Group(id) | Peer::List(id) => id.clone(),
        Peer::Any(peers) => peers.iter().map(peer_text).collect::<Vec<_>>().join(","),
    }
}

#[cfg(test)]
mod tests;
