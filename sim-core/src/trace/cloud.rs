//! Through the cloud: what leaves a captured machine by a network interface of the cloud passes that interface's security
//! groups, its subnet's ACL and route table, and comes in at another's, or leaves by a public address.
//!
//! What each of them says is [`crate::cloud`]'s; here is the order in which a packet meets them (reference B.6).

mod astray;
mod balancer;
mod bandwidth;
mod edge;
mod gate;
mod internet;
mod own;
mod prober;
mod routed;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use edge::Edge;

use super::blocker::{Blocker, BlockerKind, Failure};
use super::{Arrival, Expected, Frame, Stage, Stop, Walk};
use crate::cloud::balancer::Balancer;
use crate::cloud::{Cloud, Direction, Interface, Onward, Provider, Region, is_shared};
use crate::evidence::link::Link;
use crate::linux::choice::Doubt;
use crate::linux::conntrack;
use crate::linux::packet::Tuple;
use crate::source::Source;
use crate::world::Namespace;

/// What the cloud remembers of the connections of this walk.
#[derive(Debug, Default, Clone)]
pub(crate) struct Clouded {
    /// Connections that an interface's security groups let pass, by its id, as their packets looked there.
    admitted: BTreeSet<(String, Direction, Tuple)>,
    /// Addresses that gateways translated.
    translated: Vec<internet::Translation>,
    /// Connections to the cloud's own services, and the interfaces that they came from.
    served: Vec<(Tuple, String)>,
    /// Connections that came in by a public address of their server's: as they were behind it, and the address.
    by_own: Vec<(Tuple, IpAddr)>,
    /// Connections that load balancers handed on.
    handed: Vec<balancer::Handed>,
    /// The source of the health check's probe under way, and who sent it.
    probing: Option<(IpAddr, Arc<Balancer>)>,
    /// Which of several next hops a flow takes, by entry and addresses.
    hops: BTreeMap<(Source, IpAddr, IpAddr), usize>,
    /// The packet went by an entry that leads to another machine than the one behind which its destination is.
    astray: Option<astray::Astray>,
}

/// A packet in a region, between two machines.
#[derive(Debug, Clone, Copy)]
struct Inside<'r> {
    region: &'r Region,
    /// Stands for the region where a namespace is asked for.
    ns: &'r Arc<Namespace>,
}

/// The device of a region's namespace that stands for the internet.
pub(crate) const INTERNET: &str = "internet";

/// Whether a namespace stands for a region of a cloud.
pub(crate) fn is_region(path: &str) -> bool {
    path.starts_with("cloud/")
}

impl Walk<'_, '_> {
    /// A frame leaves a machine by a wire that no captured device is at the other end of.
    pub(super) fn leave_by_cloud(
        &mut self,
        cloud: &Cloud,
        ns: &Arc<Namespace>,
        link: &Link,
        frame: Frame,
    ) -> Stage<Arrival> {
        let addresses = ns.addresses.iter();
        let addresses = addresses.filter(|address| *address.device == *link.name);
        let addresses: Vec<IpAddr> = addresses.map(|address| address.local).collect();
        let Some((region, from)) = cloud.interface_of(link.mac, &addresses) else {
            let region = cloud.regions.first();
            let folder = region
                .map(|region| region.folder.as_str())
                .unwrap_or_default();
            return Err(Stop::Undecided(Doubt {
                what: format!(
                    "no captured network interface of the cloud is {} of {}",
                    link.name, ns.object
                ),
                settle: format!("{folder}/*/DescribeNetworkInterfaces.json"),
                source: Some(link.source.clone()),
            }));
        };
        let dst = frame.transit.packet.dst;
        let is_special = dst.is_multicast() || frame.dst.is_some_and(|mac| mac.is_multicast());
        if !frame.tags.is_empty() || is_special || frame.answer {
            // The cloud answers questions for hardware addresses by itself.
            return Err(Stop::Undecided(Doubt {
                what: format!(
                    "what the cloud does with tagged and multicast frames of {} is not modelled",
                    from.id
                ),
                settle: String::new(),
                source: Some(from.source.clone()),
            }));
        }
        let region_ns = self.world.namespace(&region.folder)?;
        let inside = Inside {
            region,
            ns: &region_ns,
        };
        let passed = self.is_as_if_passed();
        let packet = &frame.transit.packet;
        self.log.enter(&region_ns, Some(&from.id), packet, passed);
        self.leave_interface(inside, from, frame)
    }

    /// A packet leaves an interface.
    fn leave_interface(
        &mut self,
        inside: Inside<'_>,
        from: &Interface,
        frame: Frame,
    ) -> Stage<Arrival> {
        self.tick(inside.ns, &frame.transit)?;
        let region = inside.region;
        let (src, dst) = (frame.transit.packet.src, frame.transit.packet.dst);
        if from.source_dest_check && !from.has(src) {
            let blocker = Blocker::new(BlockerKind::CloudSourceCheck, inside.ns)
                .says(format!(
                    "interface {} drops what it is sent from {src}, which is none of its addresses (SourceDestCheck)",
                    from.id
                ))
                .blames(from.object())
                .citing([from.source.clone()]);
            self.block(blocker, Failure::Silent, &frame.transit)?;
        }
        self.group_gate(inside, from, Direction::Egress, &frame.transit)?;
        if let Some(arrival) = self.answer_of_backend(inside, from, &frame)? {
            return Ok(arrival);
        }
        if let Some(arrival) = self.answer_of_gateway(inside, from, &frame)? {
            return Ok(arrival);
        }
        let way = region.way(from, src, dst)?;
        self.answers_straight(inside, &way, &frame)?;
        for rule in &way.rests_on {
            self.assume(rule.text().to_owned());
        }
        let to = match &way.onward {
            Onward::Inside => region.interface_at(&from.vpc, dst),
            Onward::Via(hops) => self.one_of(hops, &way, (src, dst)),
            _ => None,
        };
        let balancer = match &way.onward {
            Onward::Inside | Onward::Service => region.balancers.within(&from.vpc, dst),
            Onward::Peer(vpc) => region.balancers.within(vpc, dst),
            _ => None,
        };
        let edge = match (balancer, to) {
            (Some(balancer), _) => edge::of(balancer, &from.subnet),
            (None, Some(to)) => Edge::between(&to.subnet, &from.subnet),
            // Whose interface it is was not captured.
            (None, None) if region.is_in_subnet(&from.subnet, dst) => Edge::Unsure,
            (None, None) => Edge::Crossed,
        };
        self.acl_gate(inside, (from, Direction::Egress), edge, &frame.transit)?;
        self.log_way(from, &way);
        if let Some(balancer) = balancer {
            return self.hand_on(inside, balancer, Some(from), frame);
        }
        match way.onward {
            Onward::Inside => match to {
                Some(to) => self.enter_interface(inside, to, edge, frame),
                None => Err(Stop::Undecided(unlisted(region, dst))),
            },
            Onward::Via(_) => match to {
                Some(to) => {
                    self.note_astray(inside, to, &way, dst)?;
                    self.enter_interface(inside, to, edge, frame)
                }
                None => Err(Stop::Lost),
            },
            Onward::Service => {
                self.assume(format!("the cloud's own service at {dst} answers"));
                if let Some(tuple) = conntrack::tuple_of(&frame.transit.packet) {
                    self.clouded.served.push((tuple, from.id.clone()));
                }
                Ok(internet::at_edge(inside, frame))
            }
            Onward::Public(own) => self.leave_by_own(inside, own, frame),
            Onward::Nat(nat) => self.leave_by_nat(inside, from, nat, frame),
            Onward::Peer(vpc) => match region.interface_at(&vpc, dst) {
                Some(to) => self.enter_interface(inside, to, Edge::Crossed, frame),
                None => Err(Stop::Undecided(unlisted(region, dst))),
            },
            Onward::Missing | Onward::Absent(_) | Onward::Broken(_) | Onward::NoPublic => {
                let blocker = self.no_way(inside, from, &way, dst)?;
                self.block(blocker, Failure::Silent, &frame.transit)?;
                match self.rightful(inside, &from.vpc, dst)? {
                    Some(to) => {
                        let edge = Edge::between(&to.subnet, &from.subnet);
                        self.enter_interface(inside, to, edge, frame)
                    }
                    None => Err(Stop::Lost),
                }
            }
        }
    }

    /// A packet comes in at an interface.
    fn enter_interface(
        &mut self,
        inside: Inside<'_>,
        to: &Interface,
        edge: Edge,
        frame: Frame,
    ) -> Stage<Arrival> {
        let dst = frame.transit.packet.dst;
        let instance = to.instance.as_deref();
        let instance = instance.and_then(|id| inside.region.instance(id));
        match instance {
            None if to.instance.is_some() => inside.region.known(match inside.region.provider {
                Provider::Aliyun => "ecs/DescribeInstances.json",
                Provider::Tencent => "cvm/DescribeInstances.json",
            })?,
            None => {}
            Some(instance) => {
                let what = format!("instance {}", instance.id);
                if let Some(state) = instance.works.stopped(&what, &instance.source)? {
                    let blocker = Blocker::new(BlockerKind::CloudInstanceDown, inside.ns)
                        .says(format!("instance {} is {state}", instance.id))
                        .blames(instance.object())
                        .citing([instance.source.clone()]);
                    self.block(blocker, Failure::Silent, &frame.transit)?;
                }
            }
        }
        self.acl_gate(inside, (to, Direction::Ingress), edge, &frame.transit)?;
        if to.source_dest_check && !to.has(dst) {
            let blocker = Blocker::new(BlockerKind::CloudSourceCheck, inside.ns)
                .says(format!(
                    "interface {} drops what is sent to {dst}, which is none of its addresses (SourceDestCheck)",
                    to.id
                ))
                .blames(to.object())
                .citing([to.source.clone()]);
            self.block(blocker, Failure::Silent, &frame.transit)?;
        }
        self.group_gate(inside, to, Direction::Ingress, &frame.transit)?;
        self.arrive_at(inside, to, frame)
    }

    /// A packet is handed to the machine that has an interface.
    fn arrive_at(
        &mut self,
        inside: Inside<'_>,
        to: &Interface,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        self.log.now(&frame.transit.packet, Some(&to.id));
        let Some((namespace, device)) = self.world.nic_of(inside.region, to)? else {
            let is_awaited = matches!(&self.expected, Expected::Connection { namespace, .. } if namespace.is_empty());
            if is_awaited && to.has(frame.transit.packet.dst) {
                return Ok(Arrival::Boundary {
                    ns: Arc::clone(inside.ns),
                    device: to.id.clone(),
                    packet: frame.transit.packet,
                });
            }
            return Err(Stop::Undecided(Doubt {
                what: format!(
                    "what the machine of interface {} does with packets to {} was not captured",
                    to.id, frame.transit.packet.dst
                ),
                settle: "the files of that machine".to_owned(),
                source: Some(to.source.clone()),
            }));
        };
        let other = self.world.namespace(&namespace)?;
        if let Some(rightful) = self.rightful(inside, &to.vpc, frame.transit.packet.dst)?
            && rightful.instance == to.instance
        {
            // It is where its destination is.
            self.clouded.astray = None;
        }
        frame.dst = other.mac_of(&device);
        frame.src = None;
        frame.next = frame.transit.packet.dst;
        frame.origin = None;
        self.enter(inside.ns, &other, &device, &mut frame);
        self.ingress(&other, &device, frame)
    }

    /// A packet comes in from beyond what was captured by an interface of the cloud, or from the internet.
    pub(super) fn enter_by_cloud(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        frame: Frame,
    ) -> Stage<Arrival> {
        let Some(cloud) = self.world.cloud()? else {
            return Err(Stop::Lost);
        };
        let Some(region) = cloud.region(&ns.path) else {
            return Err(Stop::Lost);
        };
        let inside = Inside { region, ns };
        if let Some(balancer) = region.balancers.iter().find(|one| one.id == *device) {
            return self.probe(inside, balancer, frame);
        }
        let tuple = conntrack::tuple_of(&frame.transit.packet);
        let mut served = self.clouded.served.iter();
        let asker = served.find(|(asked, _)| tuple == Some(asked.inverted()));
        if let Some(to) = asker.and_then(|(_, id)| region.interface(id)) {
            return self.enter_interface(inside, to, Edge::Crossed, frame);
        }
        match region.interface(device) {
            Some(from) => self.leave_interface(inside, from, frame),
            None if is_shared(frame.transit.packet.src) => {
                let dst = frame.transit.packet.dst;
                let mut own = region.interfaces.iter().filter(|own| own.has(dst));
                match (own.next(), own.next()) {
                    (Some(to), None) => self.enter_interface(inside, to, Edge::Crossed, frame),
                    _ => Err(Stop::Undecided(unlisted(region, dst))),
                }
            }
            None => self.enter_from_internet(inside, frame),
        }
    }
}

/// No captured interface has an address of the private network.
fn unlisted(region: &Region, dst: IpAddr) -> Doubt {
    let file = match region.provider {
        Provider::Aliyun => "ecs/DescribeNetworkInterfaces.json",
        Provider::Tencent => "vpc/DescribeNetworkInterfaces.json",
    };
    Doubt {
        what: format!("what has {dst} in the private network: no captured interface does"),
        settle: format!("{}/{file}", region.folder),
        source: None,
    }
}
