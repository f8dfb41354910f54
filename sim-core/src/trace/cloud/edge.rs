//! The edges of subnets on a packet's way: network ACLs, which keep no state (reference B.2 "Network ACL semantics", C.4).

use std::net::IpAddr;

use super::Inside;
use crate::cloud::balancer::{Balancer, Product};
use crate::cloud::{Direction, Interface, Onward, Provider, Ruling};
use crate::linux::choice::{Doubt, Tri};
use crate::source::Source;
use crate::trace::blocker::BlockerKind;
use crate::trace::{Stage, Stop, Transit, Walk};

/// Whether a packet crosses the edge of a subnet, where its network ACL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// It does.
    Crossed,
    /// It goes from one interface of the subnet to another.
    Inside,
    /// A load balancer that is no interface has an address in the subnet: whether that counts is not documented.
    Unsure,
}

impl Edge {
    /// Between interfaces of two subnets.
    pub(super) fn between(one: &str, other: &str) -> Self {
        if one == other {
            Self::Inside
        } else {
            Self::Crossed
        }
    }
}

impl Walk<'_, '_> {
    /// The network ACL of an interface's subnet: for every packet anew.
    pub(super) fn acl_gate(
        &mut self,
        inside: Inside<'_>,
        (interface, direction): (&Interface, Direction),
        edge: Edge,
        transit: &Transit,
    ) -> Stage<()> {
        let region = inside.region;
        if edge == Edge::Inside && region.provider == Provider::Aliyun {
            // B.2 ACL (6): traffic between two interfaces of one vSwitch is not controlled.
            return Ok(());
        }
        // B.2 ACL (1): nor is a further interface that carries its public address itself.
        let public = region.public_of(interface).into_iter();
        let mut elastic = public.filter_map(|own| own.elastic);
        if !interface.primary && elastic.any(|own| own.cut_through) {
            return Ok(());
        }
        let owner = (interface.id.as_str(), &interface.source);
        let Some(ruling) = acl_ruling(inside, owner, &interface.subnet, direction, transit)? else {
            return Ok(());
        };
        if edge != Edge::Crossed {
            sure(&ruling, &interface.subnet)?;
        }
        self.obey(inside, ruling, BlockerKind::CloudAclDenied, transit)
    }

    /// The network ACLs of the subnets that a load balancer has an address in, of a packet between it and `far`, a subnet;
    /// of several it is that of the address which the client asked.
    ///
    /// B.2 ACL (1): an NLB's interfaces are controlled, a CLB of Alibaba Cloud is not; of the others no document says.
    pub(super) fn balancer_acl(
        &mut self,
        inside: Inside<'_>,
        (balancer, asked): (&Balancer, Option<IpAddr>),
        direction: Direction,
        far: Option<&str>,
        transit: &Transit,
    ) -> Stage<()> {
        if balancer.product == Product::AliyunClb {
            return Ok(());
        }
        let asked = zones(inside, balancer, asked);
        let is_several = asked.len() > 1;
        for id in asked {
            let stays = far == Some(id.as_str());
            if stays && balancer.product.has_interfaces() {
                continue;
            }
            let owner = (balancer.id.as_str(), &balancer.source);
            let Some(ruling) = acl_ruling(inside, owner, id, direction, transit)? else {
                continue;
            };
            if stays || is_several || balancer.product != Product::AliyunNlb {
                // Which of its zones takes the packet is not known, either.
                sure(&ruling, id)?;
            }
            self.obey(inside, ruling, BlockerKind::CloudAclDenied, transit)?;
        }
        Ok(())
    }
}

/// The subnets of a balancer's one of which takes what a client sends to `asked`.
fn zones<'b>(inside: Inside<'_>, balancer: &'b Balancer, asked: Option<IpAddr>) -> Vec<&'b String> {
    let holds = |id: &&String| asked.is_some_and(|asked| inside.region.is_in_subnet(id, asked));
    let own: Vec<&String> = balancer.subnets.iter().filter(holds).collect();
    if own.is_empty() {
        balancer.subnets.iter().collect()
    } else {
        own
    }
}

/// The answer to a client takes a route back to it: an NLB's that of its own subnet (B.4), and to another network each needs
/// its own (B.5).
pub(super) fn routes_back(
    inside: Inside<'_>,
    (balancer, asked): (&Balancer, IpAddr),
    (client, address): (&Interface, IpAddr),
    backend: &Interface,
) -> Stage<()> {
    let is_far = client.vpc != backend.vpc;
    if !is_far && !balancer.product.has_interfaces() {
        return Ok(());
    }
    let mut from = zones(inside, balancer, Some(asked));
    if from.is_empty() {
        from.push(&backend.subnet);
    }
    for subnet in from {
        let way = inside.region.way_in(subnet, None, address)?;
        let leads_back = match &way.onward {
            Onward::Inside => !is_far,
            Onward::Via(hops) => hops.iter().all(|(hop, _)| hop.id == client.id),
            Onward::Peer(vpc) => *vpc == client.vpc,
            _ => false,
        };
        if !leads_back {
            return Err(Stop::Undecided(Doubt {
                what: format!("by which route {} answers {address}", balancer.words()),
                settle: String::new(),
                source: way.entry.map(|entry| entry.source.clone()),
            }));
        }
    }
    Ok(())
}

/// Whether what passes between a balancer and an interface in `subnet` crosses the subnet's edge.
pub(super) fn of(balancer: &Balancer, subnet: &str) -> Edge {
    let has = |own: &String| own == subnet;
    match (
        balancer.subnets.iter().any(has),
        balancer.product.has_interfaces(),
    ) {
        (false, _) => Edge::Crossed,
        // Of several zones, which one's address it uses is not known.
        (true, true) if balancer.subnets.iter().all(has) => Edge::Inside,
        (true, _) => Edge::Unsure,
    }
}

/// An NLB's packets follow the route table of its interface's subnet (B.3): how, where that leads elsewhere, is open.
pub(super) fn routes_straight(
    inside: Inside<'_>,
    balancer: &Balancer,
    to: &Interface,
    dst: IpAddr,
) -> Stage<()> {
    let own = balancer.subnets.iter();
    for subnet in own.filter(|_| balancer.product.has_interfaces()) {
        let way = inside.region.way_in(subnet, None, dst)?;
        let leads_there = match &way.onward {
            Onward::Inside => true,
            Onward::Via(hops) => hops.iter().all(|(hop, _)| hop.id == to.id),
            _ => false,
        };
        if !leads_there {
            return Err(Stop::Undecided(Doubt {
                what: format!(
                    "whether {} follows the route table of its subnet {subnet}, which leads elsewhere for {dst}",
                    balancer.words()
                ),
                settle: String::new(),
                source: way.entry.map(|entry| entry.source.clone()),
            }));
        }
    }
    Ok(())
}

/// What the network ACL of a subnet says, where it has one.
fn acl_ruling(
    inside: Inside<'_>,
    (owner, source): (&str, &Source),
    subnet: &str,
    direction: Direction,
    transit: &Transit,
) -> Stage<Option<Ruling>> {
    let region = inside.region;
    let Some(subnet) = region.subnet(subnet) else {
        return Err(Stop::Undecided(Doubt {
            what: format!("subnet {subnet} of {owner} was not captured"),
            settle: format!("{}/vpc", region.folder),
            source: Some(source.clone()),
        }));
    };
    if subnet.acl.is_none() {
        return Ok(None);
    }
    Ok(Some(region.acl_admits(subnet, direction, &transit.packet)))
}

/// What an ACL says where it may not be asked: only that it lets the packet pass settles anything.
fn sure(ruling: &Ruling, subnet: &str) -> Stage<()> {
    if ruling.admits == Tri::Yes {
        return Ok(());
    }
    Err(Stop::Undecided(Doubt {
        what: format!(
            "whether a network ACL looks at what stays inside subnet {subnet} or is a load balancer's"
        ),
        settle: String::new(),
        source: ruling.sources.first().cloned(),
    }))
}
