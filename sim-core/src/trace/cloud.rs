//! Through the cloud: what leaves a captured machine by a network interface of the cloud passes that interface's security
//! groups, its subnet's ACL and route table, and comes in at another's, or leaves by a public address.
//!
//! What each of them says is [`crate::cloud`]'s; here is the order in which a packet meets them (reference B.6).

mod astray;
mod balancer;
mod bandwidth;
mod gate;
mod internet;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure};
use super::{Arrival, Expected, Frame, Stage, Stop, Walk};
use crate::cloud::{Cloud, Direction, Interface, Onward, Provider, Region, Way};
use crate::evidence::link::Link;
use crate::linux::choice::{Choice as _, Doubt};
use crate::linux::packet::{Tuple, Words};
use crate::source::Source;
use crate::verdict::StepStatus;
use crate::world::Namespace;

/// What the cloud remembers of the connections of this walk.
#[derive(Debug, Default, Clone)]
pub(crate) struct Clouded {
    /// Connections that an interface's security groups let pass, by its id, as their packets looked there.
    admitted: BTreeSet<(String, Tuple)>,
    /// Addresses that gateways translated.
    translated: Vec<internet::Translation>,
    /// Connections that load balancers handed on.
    handed: Vec<balancer::Handed>,
    /// The source of the health check's probe under way.
    probing: Option<IpAddr>,
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
        if let Some(balancer) = region.balancers.at(dst)
            && !crate::trace::is_public(dst)
            && balancer.vpc.as_ref().is_none_or(|vpc| *vpc == from.vpc)
        {
            return self.hand_on(inside, balancer, Some(from), frame);
        }
        if let Some(arrival) = self.answer_of_gateway(inside, from, &frame)? {
            return Ok(arrival);
        }
        let way = region.way(from, src, dst)?;
        for rule in &way.rests_on {
            self.assume(rule.text().to_owned());
        }
        let to = match &way.onward {
            Onward::Inside => region.interface_at(&from.vpc, dst),
            Onward::Via(hops) => self.one_of(hops, &way, (src, dst)),
            _ => None,
        };
        let neighbours = to.is_some_and(|to| to.subnet == from.subnet);
        self.acl_gate(
            inside,
            (from, Direction::Egress),
            neighbours,
            &frame.transit,
        )?;
        self.log_way(from, &way);
        match way.onward {
            Onward::Inside => match to {
                Some(to) => self.enter_interface(inside, to, neighbours, frame),
                None => Err(Stop::Undecided(unlisted(region, dst))),
            },
            Onward::Via(_) => match to {
                Some(to) => {
                    self.note_astray(inside, to, &way, dst)?;
                    self.enter_interface(inside, to, neighbours, frame)
                }
                None => Err(Stop::Lost),
            },
            Onward::Service => {
                self.assume(format!("the cloud's own service at {dst} answers"));
                Ok(internet::at_edge(inside, frame))
            }
            Onward::Public(own) => self.leave_by_own(inside, own, frame),
            Onward::Nat(nat) => self.leave_by_nat(inside, from, nat, frame),
            Onward::Peer(vpc) => match region.interface_at(&vpc, dst) {
                Some(to) => self.enter_interface(inside, to, false, frame),
                None => Err(Stop::Undecided(unlisted(region, dst))),
            },
            Onward::Missing | Onward::Absent(_) | Onward::Broken(_) | Onward::NoPublic => {
                let blocker = self.no_way(inside, from, &way, dst)?;
                self.block(blocker, Failure::Silent, &frame.transit)?;
                match self.rightful(inside, dst)? {
                    Some(to) => self.enter_interface(inside, to, to.subnet == from.subnet, frame),
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
        neighbours: bool,
        frame: Frame,
    ) -> Stage<Arrival> {
        let dst = frame.transit.packet.dst;
        let instance = to.instance.as_deref();
        let instance = instance.and_then(|id| inside.region.instance(id));
        if let Some(instance) = instance.filter(|instance| !instance.running) {
            let blocker = Blocker::new(BlockerKind::CloudInstanceDown, inside.ns)
                .says(format!("instance {} is {}", instance.id, instance.status))
                .blames(instance.object())
                .citing([instance.source.clone()]);
            self.block(blocker, Failure::Silent, &frame.transit)?;
        }
        self.acl_gate(inside, (to, Direction::Ingress), neighbours, &frame.transit)?;
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
        if let Some(rightful) = self.rightful(inside, frame.transit.packet.dst)?
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

    /// Of several next hops, the one that this flow takes: the same for all of its packets.
    fn one_of<'r>(
        &mut self,
        hops: &[(&'r Interface, u64)],
        way: &Way<'_>,
        (src, dst): (IpAddr, IpAddr),
    ) -> Option<&'r Interface> {
        let several = way.entry.filter(|_| hops.len() > 1);
        let Some(entry) = several else {
            return hops.first().map(|(interface, _)| *interface);
        };
        let flow = (entry.source.clone(), src, dst);
        let chosen = match self.clouded.hops.get(&flow) {
            Some(chosen) => *chosen,
            None => {
                let weights: Vec<u64> = hops.iter().map(|(_, weight)| *weight).collect();
                let chosen = self.script.chance(&weights, &entry.source);
                self.clouded.hops.insert(flow, chosen);
                chosen
            }
        };
        hops.get(chosen).map(|(interface, _)| *interface)
    }

    fn log_way(&mut self, from: &Interface, way: &Way<'_>) {
        let sources = || -> Vec<Source> {
            let entry = way.entry.map(|entry| entry.source.clone());
            let table = way.table.map(|table| table.source.clone());
            entry.or(table).into_iter().collect()
        };
        self.log.step(
            StepStatus::Normal,
            || match (way.table, way.entry) {
                (Some(table), Some(entry)) => format!(
                    "cloud: subnet {}, route table {}: {} -> {}",
                    from.subnet,
                    table.id,
                    entry.destination.words(),
                    hop_words(entry)
                ),
                (None, Some(entry)) => format!(
                    "cloud: subnet {}, route of the container network {}: {} -> {}",
                    from.subnet,
                    entry.id,
                    entry.destination.words(),
                    hop_words(entry)
                ),
                (Some(table), None) => format!(
                    "cloud: subnet {}, route table {}: no entry of its own",
                    from.subnet, table.id
                ),
                (None, None) => format!("cloud: subnet {}", from.subnet),
            },
            sources,
        );
    }

    fn no_way(
        &mut self,
        inside: Inside<'_>,
        from: &Interface,
        way: &Way<'_>,
        dst: IpAddr,
    ) -> Stage<Blocker> {
        let to = Words(dst);
        let object = match (way.table, &way.onward) {
            (_, Onward::NoPublic) => from.object(),
            (table, _) => (inside.region.routes_object(table, way.entry))
                .unwrap_or_else(|| inside.ns.object.clone()),
        };
        let table = way.table.map(|table| table.id.as_str());
        let (kind, says) = match &way.onward {
            Onward::Absent(gone) => {
                self.assume(format!(
                    "the captured answers of {} hold every machine and gateway of the private network",
                    inside.region.folder
                ));
                let says =
                    format!("the cloud's route for {to} leads to {gone}, which does not exist");
                (BlockerKind::CloudNextHop, says)
            }
            Onward::Broken(why) => {
                let says = format!("the cloud's route for {to} leads nowhere: {why}");
                (BlockerKind::CloudNextHop, says)
            }
            Onward::NoPublic => (
                BlockerKind::CloudNoPublicAddress,
                format!(
                    "interface {} has no public address to reach {to} by",
                    from.id
                ),
            ),
            _ => (
                BlockerKind::CloudRouteMissing,
                match (table, inside.region.provider) {
                    (Some(table), _) => format!(
                        "route table {table} of subnet {} has no entry for {to}",
                        from.subnet
                    ),
                    (None, Provider::Aliyun | Provider::Tencent) => {
                        format!("the container network has no route for {to}")
                    }
                },
            ),
        };
        let says = match way.idle {
            Some(idle) => format!(
                "{says} (entry {} is {}, not in force)",
                idle.destination.words(),
                idle.status
            ),
            None => says,
        };
        let mut blocker = Blocker::new(kind, inside.ns).says(says).blames(object);
        if let Some(to) = self.rightful(inside, dst)?
            && let Some(instance) = &to.instance
            && !matches!(way.onward, Onward::NoPublic)
        {
            blocker.message = format!(
                "{}: the next hop should be instance {instance}, behind which {} is",
                blocker.message,
                Words(dst)
            );
            blocker.sources.push(to.source.clone());
        }
        let sources = [
            way.entry.map(|entry| &entry.source),
            way.idle.map(|idle| &idle.source),
            way.table.map(|table| &table.source),
        ];
        let mut cited: Vec<Source> = sources.into_iter().flatten().cloned().collect();
        if let Onward::NoPublic = way.onward {
            cited.insert(0, from.source.clone());
        }
        cited.append(&mut blocker.sources);
        Ok(blocker.citing(cited))
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
        match region.interface(device) {
            Some(from) => self.leave_interface(inside, from, frame),
            None if is_service_answer(&frame) => {
                let dst = frame.transit.packet.dst;
                match self.rightful(inside, dst)? {
                    Some(to) => self.enter_interface(inside, to, false, frame),
                    None => Err(Stop::Lost),
                }
            }
            None => self.enter_from_internet(inside, frame),
        }
    }
}

/// Whether it is from one of the cloud's own services (100.64.0.0/10).
fn is_service_answer(frame: &Frame) -> bool {
    match frame.transit.packet.src {
        IpAddr::V4(src) => {
            let [a, b, ..] = src.octets();
            a == 100 && (64..128).contains(&b)
        }
        IpAddr::V6(_) => false,
    }
}

fn hop_words(entry: &crate::cloud::RouteEntry) -> String {
    let hops = entry.hops.iter().map(|hop| hop.kind.words());
    hops.collect::<Vec<_>>().join(", ")
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
