//! Between the private network and the internet: own public addresses and NAT gateways (reference B.2 "NAT semantics", B.6).

use std::net::IpAddr;
use std::sync::Arc;

use super::edge::Edge;
use super::{INTERNET, Inside, own};
use crate::cloud::balancer::lists;
use crate::cloud::{Direction, ElasticHolder, Interface, NatGateway, Onward, Region};
use crate::linux::choice::{Choice as _, Doubt};
use crate::linux::conntrack;
use crate::linux::packet::{Packet, Port, Transport, Tuple};
use crate::source::Source;
use crate::trace::blocker::{Blocker, BlockerKind, Failure};
use crate::trace::{Arrival, Frame, Stage, Stop, Walk, is_public};
use crate::verdict::StepStatus;

/// Addresses that a NAT gateway translated, as the first packet of the connection had them.
#[derive(Debug, Clone)]
pub(super) struct Translation {
    /// The gateway.
    pub(super) nat: String,
    /// As it is in the private network.
    pub(super) inside: Tuple,
    /// As it is in the internet.
    outside: Tuple,
    /// The connection came from the internet.
    pub(super) inbound: bool,
}

impl Walk<'_, '_> {
    /// A packet leaves by a NAT gateway.
    pub(super) fn leave_by_nat(
        &mut self,
        inside: Inside<'_>,
        from: &Interface,
        nat: &NatGateway,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        if !nat.is_public {
            return Err(Stop::Undecided(Doubt {
                what: format!(
                    "{} is a NAT gateway for private networks, which is not modelled",
                    nat.id
                ),
                settle: String::new(),
                source: Some(nat.source.clone()),
            }));
        }
        own::untranslated_error(&frame, frame.transit.packet.src, &nat.source)?;
        let Some(tuple) = conntrack::tuple_of(&frame.transit.packet) else {
            return Err(Stop::Lost);
        };
        if let Some(outside) = self.known_translation(nat, tuple) {
            readdress(&mut frame.transit.packet, outside);
            return self.across_internet(inside, frame, Some(nat));
        }
        let found = inside.region.snat(nat, tuple.src)?;
        for rule in &found.rests_on {
            self.assume(rule.text().to_owned());
        }
        if found.addresses.is_empty() {
            let blocker = Blocker::new(BlockerKind::CloudNoSnat, inside.ns)
                .says(format!(
                    "NAT gateway {} has no SNAT entry for {}: it drops what {} sends to {}",
                    nat.id, tuple.src, from.id, tuple.dst
                ))
                .blames(format!("cloud:{}", nat.id))
                .citing([nat.source.clone()]);
            return self.end(blocker, Failure::Silent, &frame.transit);
        }
        let rule = found.rule;
        let address = self.address_of(
            found.addresses,
            rule.map(|rule| (&rule.source, rule.affinity)),
        )?;
        self.is_in_order(inside, address, &frame.transit)?;
        self.log.step(
            StepStatus::Normal,
            || format!("cloud: NAT gateway {} sends it from {address}", nat.id),
            || vec![rule.map_or(&nat.source, |rule| &rule.source).clone()],
        );
        let sport = match tuple.sport {
            // Protocols without ports keep none.
            Port::Known(0) => tuple.sport,
            Port::Known(_) | Port::Chosen { .. } => self.fresh_port(1024, u16::MAX),
        };
        let is_echo = matches!(frame.transit.packet.transport, Transport::Icmp { .. });
        let outside = Tuple {
            src: address,
            sport,
            dport: if is_echo { sport } else { tuple.dport },
            ..tuple
        };
        self.clouded.translated.push(Translation {
            nat: nat.id.clone(),
            inside: tuple,
            outside,
            inbound: false,
        });
        readdress(&mut frame.transit.packet, outside);
        self.across_internet(inside, frame, Some(nat))
    }

    /// What a packet of a connection that `nat` knows is outside.
    fn known_translation(&self, nat: &NatGateway, tuple: Tuple) -> Option<Tuple> {
        let known = self.clouded.translated.iter();
        let mut known = known.filter(|known| known.nat == nat.id);
        known.find_map(|known| {
            if !known.inbound && known.inside == tuple {
                Some(known.outside)
            } else if known.inbound && known.inside.inverted() == tuple {
                Some(known.outside.inverted())
            } else {
                None
            }
        })
    }

    /// Which of several addresses stands for a source: any, or always the same one, which no file names.
    fn address_of(&mut self, addresses: &[IpAddr], rule: Option<(&Source, bool)>) -> Stage<IpAddr> {
        let chosen = match (addresses.len(), rule) {
            (1, _) => 0,
            // B.2 NAT (4).
            (several, Some((source, false))) => self.script.chance(&vec![1; several], source),
            (several, rule) => {
                let doubt = Doubt {
                    what: "which of its addresses a NAT gateway takes for a source".to_owned(),
                    settle: String::new(),
                    source: rule.map(|(source, _)| source.clone()),
                };
                self.script.alternative(several, vec![doubt])
            }
        };
        addresses.get(chosen).copied().ok_or(Stop::Lost)
    }

    /// A packet with public addresses is in the internet: it comes back in where one of the cloud's addresses is asked
    /// for, else it has left what was captured.
    pub(super) fn across_internet(
        &mut self,
        inside: Inside<'_>,
        frame: Frame,
        by: Option<&NatGateway>,
    ) -> Stage<Arrival> {
        let packet = &frame.transit.packet;
        self.log.now(packet, Some(INTERNET));
        let (src, dst) = (packet.src, packet.dst);
        let region = inside.region;
        let mut nats = region.nats.iter();
        let nat = nats.find(|nat| nat.addresses.contains(&dst));
        if let (Some(by), Some(nat)) = (by, nat)
            && by.id == nat.id
            && self.back_inside(packet).is_none()
        {
            // B.2 NAT (5).
            let blocker = Blocker::new(BlockerKind::CloudNatHairpin, inside.ns)
                .says(format!(
                    "NAT gateway {} does not send back in what left by it: {dst} is its own address",
                    by.id
                ))
                .blames(format!("cloud:{}", by.id))
                .citing([by.source.clone()]);
            return self.end(blocker, Failure::Silent, &frame.transit);
        }
        let has = |region: &Region| {
            region.is_public(dst) || (is_public(dst) && region.balancers.at(dst).is_some())
        };
        if has(region) {
            return self.enter_from_internet(inside, frame);
        }
        let cloud = self.world.cloud()?;
        let regions = cloud.iter().flat_map(|cloud| &cloud.regions);
        let mut others = regions.filter(|other| other.folder != region.folder);
        if let Some(region) = others.find(|other| has(other)) {
            let ns = &self.world.namespace(&region.folder)?;
            return self.enter_from_internet(Inside { region, ns }, frame);
        }
        if frame.transit.inner.is_some() {
            return Err(Stop::Undecided(Doubt {
                what: format!("who unpacks a tunnel's packet at {dst} was not captured"),
                settle: "the files of the machine there".to_owned(),
                source: None,
            }));
        }
        self.no_service(inside, dst)?;
        self.assume(format!(
            "the internet carries packets from {src} to {dst} and back, and the remote host answers"
        ));
        Ok(at_edge(inside, frame))
    }

    /// What a service tells its clients to ask is no remote host, though no captured load balancer has it.
    fn no_service(&mut self, inside: Inside<'_>, address: IpAddr) -> Stage<()> {
        let Some(service) = self.service_at(address)? else {
            return Ok(());
        };
        let lists = lists(inside.region.provider).iter();
        let mut lists = lists.map(|(list, _)| format!("{list}.json"));
        let missing = lists.find(|list| inside.region.known(list).is_err());
        Err(Stop::Undecided(Doubt {
            what: format!("no captured load balancer has {address}, an address of {service}"),
            settle: missing.map_or_else(String::new, |list| {
                format!("{}/{list}", inside.region.folder)
            }),
            source: None,
        }))
    }

    /// The answer to what a gateway let in goes back the way it came, where the table leads to that gateway.
    pub(super) fn answer_of_gateway(
        &mut self,
        inside: Inside<'_>,
        from: &Interface,
        frame: &Frame,
    ) -> Stage<Option<Arrival>> {
        let Some(tuple) = conntrack::tuple_of(&frame.transit.packet) else {
            return Ok(None);
        };
        let is_answer = |known: &&Translation| known.inbound && known.inside.inverted() == tuple;
        let Some(known) = self.clouded.translated.iter().find(is_answer).cloned() else {
            return Ok(None);
        };
        let way = inside.region.way(from, tuple.src, tuple.dst)?;
        match way.onward {
            Onward::Nat(nat) if nat.id == known.nat => {
                let leaving = (from, Direction::Egress);
                self.acl_gate(inside, leaving, Edge::Crossed, &frame.transit)?;
                let mut frame = frame.clone();
                readdress(&mut frame.transit.packet, known.outside.inverted());
                self.across_internet(inside, frame, Some(nat)).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// What a packet from the internet is in the private network, where it belongs to a connection that left by a NAT
    /// gateway.
    fn back_inside(&self, packet: &Packet) -> Option<(String, Tuple)> {
        let tuple = conntrack::tuple_of(packet)?;
        let known = self.clouded.translated.iter();
        let mut known = known.filter(|known| !known.inbound);
        let known = known.find(|known| known.outside.inverted() == tuple)?;
        Some((known.nat.clone(), known.inside.inverted()))
    }

    /// A packet comes in from the internet, to one of the cloud's public addresses.
    pub(super) fn enter_from_internet(
        &mut self,
        inside: Inside<'_>,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        self.tick(inside.ns, &frame.transit)?;
        let region = inside.region;
        let dst = frame.transit.packet.dst;
        let nat_of = |id: &str| region.nats.iter().find(|own| own.id == id);
        if let Some((nat, tuple)) = self.back_inside(&frame.transit.packet) {
            readdress(&mut frame.transit.packet, tuple);
            let vpc = nat_of(&nat).map(|nat| nat.vpc.as_str());
            return self.inward(inside, vpc.unwrap_or_default(), frame);
        }
        if let Some(balancer) = region.balancers.at(dst).filter(|_| is_public(dst)) {
            self.is_in_order(inside, dst, &frame.transit)?;
            return self.hand_on(inside, balancer, None, frame);
        }
        let gateway = region.gateways.iter().find(|gateway| {
            let mut tables = region.tables.iter();
            !gateway.is_v6 && tables.any(|table| table.gateways.contains(&gateway.id))
        });
        if let Some(gateway) = gateway {
            return Err(Stop::Undecided(Doubt {
                what: format!("the route table of gateway {} is not modelled", gateway.id),
                settle: String::new(),
                source: Some(gateway.source.clone()),
            }));
        }
        if let Some((to, own)) = region.behind(dst) {
            self.is_carried(inside, own, &frame)?;
            let private = own.private;
            self.log.step(
                StepStatus::Normal,
                || format!("cloud: {dst} stands for {private} of interface {}", to.id),
                || vec![own.source.clone()],
            );
            frame.transit.packet.dst = private;
            if let Some(tuple) = conntrack::tuple_of(&frame.transit.packet) {
                self.clouded.by_own.push((tuple, dst));
            }
            return self.enter_interface(inside, to, Edge::Crossed, frame);
        }
        let holds = |nat: &&NatGateway| nat.addresses.contains(&dst);
        if let Some(nat) = region.nats.iter().find(holds) {
            self.is_in_order(inside, dst, &frame.transit)?;
            return self.enter_by_nat(inside, nat, frame);
        }
        match region.elastic(dst) {
            Some(elastic) if elastic.holder == ElasticHolder::Nobody => {
                let blocker = Blocker::new(BlockerKind::CloudNoPublicAddress, inside.ns)
                    .says(format!("the public address {dst} is bound to nothing"))
                    .blames(format!("cloud:{}", elastic.id))
                    .citing([elastic.source.clone()]);
                self.end(blocker, Failure::Silent, &frame.transit)
            }
            Some(elastic) => Err(Stop::Undecided(Doubt {
                what: format!("what holds the public address {dst} is not modelled"),
                settle: String::new(),
                source: Some(elastic.source.clone()),
            })),
            None => Err(Stop::Undecided(Doubt {
                what: format!("no captured public address of the cloud is {dst}"),
                settle: format!("{}/vpc", region.folder),
                source: None,
            })),
        }
    }

    fn enter_by_nat(
        &mut self,
        inside: Inside<'_>,
        nat: &NatGateway,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        let packet = &frame.transit.packet;
        own::untranslated_error(&frame, packet.dst, &nat.source)?;
        let Some(tuple) = conntrack::tuple_of(packet) else {
            return Err(Stop::Lost);
        };
        let (dst, port) = (packet.dst, packet.dport());
        let rule = inside.region.dnat(nat, dst, packet.protocol(), port)?;
        let blocked = |kind| {
            let blocker = Blocker::new(kind, inside.ns).blames(format!("cloud:{}", nat.id));
            blocker.citing([nat.source.clone()])
        };
        let what = format!("NAT gateway {}", nat.id);
        if let Some(state) = nat.works.stopped(&what, &nat.source)? {
            let blocker = blocked(BlockerKind::CloudNextHop);
            let blocker = blocker.says(format!("NAT gateway {} is {state}", nat.id));
            self.block(blocker, Failure::Silent, &frame.transit)?;
        }
        let Some(rule) = rule else {
            let blocker = blocked(BlockerKind::CloudNoDnat);
            let blocker = blocker.says(format!(
                "NAT gateway {} has no DNAT entry for {dst}",
                nat.id
            ));
            return self.end(blocker, Failure::Silent, &frame.transit);
        };
        let private = Tuple {
            dst: rule.private,
            dport: match port {
                Some(Port::Known(port)) => Port::Known(rule.port_for(port)),
                Some(Port::Chosen { .. }) | None => tuple.dport,
            },
            ..tuple
        };
        self.log.step(
            StepStatus::Normal,
            || format!("cloud: NAT gateway {} sends it to {}", nat.id, rule.private),
            || vec![rule.source.clone()],
        );
        self.clouded.translated.push(Translation {
            nat: nat.id.clone(),
            inside: private,
            outside: tuple,
            inbound: true,
        });
        readdress(&mut frame.transit.packet, private);
        self.inward(inside, &nat.vpc, frame)
    }

    /// A gateway hands a packet into the private network.
    fn inward(&mut self, inside: Inside<'_>, vpc: &str, frame: Frame) -> Stage<Arrival> {
        let region = inside.region;
        let dst = frame.transit.packet.dst;
        if let Some(to) = region.interface_at(vpc, dst) {
            return self.enter_interface(inside, to, Edge::Crossed, frame);
        }
        // A pod behind a machine: the private network's own table leads there.
        let main = region.subnets.iter().find(|subnet| {
            let table = region.table_of(&subnet.id);
            subnet.vpc == vpc && table.is_some_and(|table| table.main)
        });
        let Some(main) = main else {
            return Err(Stop::Undecided(super::unlisted(region, dst)));
        };
        let way = region.way_in(&main.id, None, dst)?;
        match &way.onward {
            Onward::Via(hops) => match self.one_of(hops, &way, (frame.transit.packet.src, dst)) {
                Some(to) => self.enter_interface(inside, to, Edge::Crossed, frame),
                None => Err(Stop::Lost),
            },
            _ => Err(Stop::Undecided(super::unlisted(region, dst))),
        }
    }
}

/// A packet leaves what was captured.
pub(super) fn at_edge(inside: Inside<'_>, frame: Frame) -> Arrival {
    Arrival::Boundary {
        ns: Arc::clone(inside.ns),
        device: INTERNET.to_owned(),
        packet: frame.transit.packet,
    }
}

/// Gives a packet the addresses and ports of `tuple`.
pub(super) fn readdress(packet: &mut Packet, tuple: Tuple) {
    packet.src = tuple.src;
    packet.dst = tuple.dst;
    match &mut packet.transport {
        Transport::Tcp { sport, dport, .. }
        | Transport::Udp { sport, dport }
        | Transport::Sctp { sport, dport } => {
            *sport = tuple.sport;
            *dport = tuple.dport;
        }
        Transport::Icmp { id, .. } => *id = tuple.sport,
        Transport::IcmpError { .. } | Transport::Other { .. } => {}
    }
}
