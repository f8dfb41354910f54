//! Network ACLs: stateless lists of rules at a subnet's edge.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Direction, PortSet, Provider, Region, Ruling, Subnet, Unconfirmed};
use crate::linux::choice::{Doubt, Tri};
use crate::linux::packet::Packet;
use crate::source::Source;

/// A network ACL.
#[derive(Debug, Clone)]
pub struct Acl {
    /// Its id.
    pub id: String,
    /// The subnets that it is bound to, where it lists them itself.
    pub subnets: Vec<String>,
    /// Its rules in the order in which they are tried; not known where they were not captured.
    pub rules: Option<Vec<AclRule>>,
    /// Its entries name source, destination and both ports (Tencent's five-part kind).
    pub is_quintuple: bool,
    /// Where it stands.
    pub source: Source,
}

/// A rule of a network ACL.
#[derive(Debug, Clone)]
pub struct AclRule {
    /// Which way it is for.
    pub direction: Direction,
    /// It lets pass.
    pub accepts: bool,
    /// The protocol; any where there is none.
    pub protocol: Option<u8>,
    /// Where from; anywhere of `family` where there is none.
    pub from: Option<AclPeer>,
    /// Where to.
    pub to: Option<AclPeer>,
    /// Source ports.
    pub source_ports: PortSet,
    /// Destination ports.
    pub ports: PortSet,
    /// It is for IPv6.
    pub is_v6: bool,
    /// Where it stands.
    pub source: Source,
}

/// Addresses that an entry names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclPeer {
    /// A block.
    Net(IpNet),
    /// A prefix list.
    List(String),
}

impl Region {
    /// What the network ACL of `subnet` says of a packet (reference B.2 "Network ACL semantics", C.4 "Network ACL").
    ///
    /// It keeps no state: an answer is looked at like a question.
    #[must_use]
    pub fn acl_admits(&self, subnet: &Subnet, direction: Direction, packet: &Packet) -> Ruling {
        let Some(id) = &subnet.acl else {
            return Ruling::passes(format!("subnet {} has no network ACL", subnet.id));
        };
        let acl = self.acls.iter().find(|acl| acl.id == *id);
        let Some((acl, rules)) = acl.and_then(|acl| Some((acl, acl.rules.as_ref()?))) else {
            let file = match (self.provider, acl.is_some_and(|acl| acl.is_quintuple)) {
                (Provider::Aliyun, _) => format!("vpc/DescribeNetworkAclAttributes.{id}.json"),
                (Provider::Tencent, false) => "vpc/DescribeNetworkAcls.json".to_owned(),
                (Provider::Tencent, true) => {
                    format!("vpc/DescribeNetworkAclQuintupleEntries.{id}.json")
                }
            };
            return Ruling::unknown(self.missing(&file, "it was not captured"));
        };
        let own = rules
            .iter()
            .filter(|rule| rule.direction == direction && rule.is_v6 == packet.dst.is_ipv6());
        let own: Vec<&AclRule> = own.collect();
        let ruling = self.first_match(acl, &own, direction, packet);
        if self.provider == Provider::Aliyun {
            let reversed: Vec<&AclRule> = own.into_iter().rev().collect();
            let other = self.first_match(acl, &reversed, direction, packet);
            if other.admits != ruling.admits {
                return ruling.resting_on(Unconfirmed::AclOrder);
            }
            return ruling;
        }
        // Which end's port a three-part entry names is not confirmed for what leaves.
        let by_port = |rule: &&&AclRule| {
            rule.ports != PortSet::ALL && self.acl_matches(rule, packet, true) != Tri::No
        };
        if direction == Direction::Egress
            && !acl.is_quintuple
            && own.iter().any(|rule| by_port(&rule))
        {
            return ruling.resting_on(Unconfirmed::AclEgressPort);
        }
        ruling
    }

    fn first_match(
        &self,
        acl: &Acl,
        rules: &[&AclRule],
        direction: Direction,
        packet: &Packet,
    ) -> Ruling {
        let mut open: Vec<(bool, Doubt)> = Vec::new();
        let decided = rules
            .iter()
            .find(|rule| match self.acl_matches(rule, packet, false) {
                Tri::Yes | Tri::Assumed(true, _) => true,
                Tri::No | Tri::Assumed(false, _) => false,
                Tri::Unknown(doubt) => {
                    open.push((rule.accepts, doubt));
                    false
                }
            });
        let accepts = decided.is_some_and(|rule| rule.accepts);
        if let Some((_, doubt)) = open.into_iter().find(|(own, _)| *own != accepts) {
            return Ruling::unknown(doubt);
        }
        let id = &acl.id;
        let text = decided.map(|rule| rule.words());
        let why = match (&text, accepts, direction) {
            (Some(text), true, Direction::Ingress) => {
                format!("network ACL {id} lets it into the subnet: `{text}`")
            }
            (Some(text), true, Direction::Egress) => {
                format!("network ACL {id} lets it out of the subnet: `{text}`")
            }
            (Some(text), false, Direction::Ingress) => {
                format!("network ACL {id} drops what enters the subnet: `{text}`")
            }
            (Some(text), false, Direction::Egress) => {
                format!("network ACL {id} drops what leaves the subnet: `{text}`")
            }
            (None, _, Direction::Ingress) => {
                let packet = super::admission::packet_words(packet, direction);
                format!("no entry of network ACL {id} lets `{packet}` into the subnet")
            }
            (None, _, Direction::Egress) => {
                let packet = super::admission::packet_words(packet, direction);
                format!("no entry of network ACL {id} lets `{packet}` out of the subnet")
            }
        };
        Ruling {
            admits: accepts.into(),
            why,
            object: format!("cloud:{}", acl.id),
            rule: text,
            sources: vec![decided.map_or(&acl.source, |rule| &rule.source).clone()],
            rests_on: Vec::new(),
        }
    }

    fn acl_matches(&self, rule: &AclRule, packet: &Packet, any_port: bool) -> Tri {
        if rule.protocol.is_some_and(|own| own != packet.protocol()) {
            return Tri::No;
        }
        let peers = self
            .acl_peer(rule.from.as_ref(), packet.src)
            .and(self.acl_peer(rule.to.as_ref(), packet.dst));
        if any_port || rule.protocol.is_none() || peers == Tri::No {
            return peers;
        }
        let sport = crate::linux::conntrack::tuple_of(packet).map(|tuple| tuple.sport);
        let sport = packet.dport().and(sport);
        peers
            .and(rule.ports.has(packet.dport()))
            .and(rule.source_ports.has(sport))
    }

    fn acl_peer(&self, peer: Option<&AclPeer>, address: IpAddr) -> Tri {
        match peer {
            None => Tri::Yes,
            Some(AclPeer::Net(net)) => net.contains(&address).into(),
            Some(AclPeer::List(id)) => match self.lists.get(id) {
                Some(ranges) => ranges.iter().any(|range| range.contains(address)).into(),
                None => Tri::Unknown(self.missing(
                    &format!("vpc/GetVpcPrefixListEntries.{id}.json"),
                    "it was not captured",
                )),
            },
        }
    }
}

impl AclRule {
    fn words(&self) -> String {
        let action = if self.accepts { "accept" } else { "drop" };
        let side = |peer: &Option<AclPeer>| match peer {
            None => "any".to_owned(),
            Some(AclPeer::Net(net)) => net.to_string(),
            Some(AclPeer::List(id)) => id.clone(),
        };
        format!(
            "{action} {} {} {} > {}",
            super::admission::protocol_name(self.protocol),
            self.ports.words(),
            side(&self.from),
            side(&self.to)
        )
    }
}
