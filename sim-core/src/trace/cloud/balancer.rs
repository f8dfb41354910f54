//! Load balancers: a client's packet is handed to a backend, its answer back to the client (reference B.3, B.4, C.4).

use std::net::IpAddr;
use std::sync::Arc;

use super::Inside;
use super::edge::{self, Edge};
use crate::cloud::balancer::choose::{self, End, Seen, Shares, Why};
use crate::cloud::balancer::{Backend, Balancer, Health, Listener, Pool, Target};
use crate::cloud::{Direction, Interface, InterfaceAddress, Provider, is_shared};
use crate::flow::Protocol;
use crate::linux::choice::{Choice as _, Doubt};
use crate::linux::conntrack;
use crate::linux::packet::{Packet, Port, Transport, Tuple, protocol};
use crate::trace::blocker::{Blocker, BlockerKind, Failure};
use crate::trace::{Arrival, Frame, Phase, Stage, Stop, Walk};
use crate::verdict::{Outcome, StepStatus};

/// A connection that a load balancer handed on, as its first packet was.
#[derive(Debug, Clone)]
pub(super) struct Handed {
    balancer: Arc<Balancer>,
    asked: Tuple,
    given: Tuple,
    /// The backend's interface.
    backend: String,
    /// The client's; none for one in the internet.
    client: Option<String>,
    /// The backend's security group is not asked.
    vouched: bool,
}

impl Walk<'_, '_> {
    /// A client's packet is at the load balancer whose address it asks; `client` is its interface, where it has one here.
    pub(super) fn hand_on(
        &mut self,
        inside: Inside<'_>,
        balancer: &Arc<Balancer>,
        client: Option<&Interface>,
        frame: Frame,
    ) -> Stage<Arrival> {
        self.tick(inside.ns, &frame.transit)?;
        let Some(tuple) = conntrack::tuple_of(&frame.transit.packet) else {
            return Err(Stop::Lost);
        };
        let known = self.clouded.handed.iter().find(|one| one.asked == tuple);
        if let Some(known) = known.cloned() {
            return self.give(inside, &known, frame);
        }
        self.own_groups(inside, balancer, &frame)?;
        let listener = self.listener(inside, balancer, tuple, &frame)?;
        let (pool, backend, shares) = self.backend(inside, balancer, &listener, tuple, &frame)?;
        let address = self.backend_address(inside, &backend)?;
        let backend = Backend {
            address: Some(address),
            ..backend
        };
        let to = interface_of(inside, balancer, client, &backend, address);
        let Some(to) = to else {
            return Err(Stop::Undecided(super::unlisted(inside.region, address)));
        };
        self.own_bandwidth(inside, balancer, to, &frame)?;
        let seen = balancer
            .seen(&listener, &backend, tuple.src)
            .map_err(Stop::Undecided)?;
        let (src, sport, own) = match seen {
            Seen::Client => (tuple.src, tuple.sport, false),
            Seen::Own(own, stands) => {
                if let Some(stands) = stands {
                    self.assume(stands);
                }
                (own, self.fresh_port(1024, u16::MAX), true)
            }
        };
        if listener.speaks.is_proxied() {
            self.assume(format!(
                "the client's connection ends at {}: what is said of its backends is of the request that it passes on",
                balancer.words()
            ));
            if !own && balancer.product.is_tencent() {
                let rule = crate::cloud::Unconfirmed::LayerSevenSource;
                self.assume(rule.text().to_owned());
            }
        }
        let given = Tuple {
            src,
            sport,
            dst: address,
            dport: backend.port.map_or(tuple.dport, Port::Known),
            ..tuple
        };
        self.log.step(
            StepStatus::Normal,
            || {
                format!(
                    "cloud: {}, listener {}: one of {shares} backends, {}",
                    balancer.words(),
                    listener.words(),
                    backend.words()
                )
            },
            || {
                vec![
                    listener.source.clone(),
                    pool.source.clone(),
                    backend.source.clone(),
                ]
            },
        );
        let handed = Handed {
            balancer: Arc::clone(balancer),
            asked: tuple,
            given,
            backend: to.id.clone(),
            client: client.map(|client| client.id.clone()),
            vouched: balancer.vouches || (own && is_shared(src)),
        };
        self.clouded.handed.push(handed.clone());
        let n_before = self.blockers.len();
        let given = self.give(inside, &handed, frame);
        // C.4, loopback (3): at layer 7 the balancer asks the next backend after some four seconds.
        let asks_next = balancer.product.is_tencent() && listener.speaks.is_proxied() && shares > 1;
        if asks_next && self.phase == Phase::Request {
            for blocker in self.blockers.iter_mut().skip(n_before) {
                blocker.retries = true;
            }
        }
        given
    }

    /// The packet goes to the backend of its connection.
    fn give(&mut self, inside: Inside<'_>, handed: &Handed, mut frame: Frame) -> Stage<Arrival> {
        let Some(to) = inside.region.interface(&handed.backend) else {
            return Err(Stop::Lost);
        };
        let balancer = &handed.balancer;
        let far = subnet_of_client(inside, handed);
        let asked = (balancer.as_ref(), Some(handed.asked.dst));
        self.balancer_acl(inside, asked, Direction::Ingress, far, &frame.transit)?;
        super::internet::readdress(&mut frame.transit.packet, handed.given);
        if handed.vouched {
            let known = (to.id.clone(), Direction::Ingress, handed.given);
            self.clouded.admitted.insert(known);
        }
        let (out, transit) = (Direction::Egress, &frame.transit);
        self.balancer_acl(inside, asked, out, Some(&to.subnet), transit)?;
        edge::routes_straight(inside, balancer, to, handed.given.dst)?;
        self.enter_interface(inside, to, backend_edge(inside, handed, to), frame)
    }

    /// The answer of a backend goes back to the client by the balancer.
    pub(super) fn answer_of_backend(
        &mut self,
        inside: Inside<'_>,
        from: &Interface,
        frame: &Frame,
    ) -> Stage<Option<Arrival>> {
        let packet = &frame.transit.packet;
        if let Some(arrival) = self.answer_of_probe(inside, from, frame)? {
            return Ok(Some(arrival));
        }
        if let Transport::IcmpError { about, .. } = &packet.transport {
            if self.clouded.handed.iter().any(|one| one.given == *about) {
                self.assume("load balancers pass no ICMP errors back to clients".to_owned());
                return Err(Stop::Lost);
            }
            return Ok(None);
        }
        let Some(tuple) = conntrack::tuple_of(packet) else {
            return Ok(None);
        };
        let mut all = self.clouded.handed.iter();
        let is_answer = |one: &&Handed| one.given.inverted() == tuple && one.backend == from.id;
        let Some(handed) = all.find(is_answer).cloned() else {
            return Ok(None);
        };
        let (balancer, leaving) = (&handed.balancer, (from, Direction::Egress));
        let leaves = backend_edge(inside, &handed, from);
        self.acl_gate(inside, leaving, leaves, &frame.transit)?;
        let far = Some(from.subnet.as_str());
        let asked = (balancer.as_ref(), Some(handed.asked.dst));
        self.balancer_acl(inside, asked, Direction::Ingress, far, &frame.transit)?;
        if let Some(client) = client_of(inside, &handed) {
            let asker = (client, handed.asked.src);
            edge::routes_back(inside, (balancer, handed.asked.dst), asker, from)?;
        }
        let mut frame = frame.clone();
        super::internet::readdress(&mut frame.transit.packet, handed.asked.inverted());
        let far = subnet_of_client(inside, &handed);
        self.balancer_acl(inside, asked, Direction::Egress, far, &frame.transit)?;
        self.log.step(
            StepStatus::Normal,
            || {
                format!(
                    "cloud: {} sends the answer to the client",
                    handed.balancer.words()
                )
            },
            || vec![handed.balancer.source.clone()],
        );
        let client = handed.client.as_deref();
        match client.and_then(|id| inside.region.interface(id)) {
            Some(client) => {
                let edge = edge::of(balancer, &client.subnet);
                self.enter_interface(inside, client, edge, frame)
            }
            None => self.across_internet(inside, frame, None),
        }
        .map(Some)
    }

    /// Whether a packet is of a connection that a balancer made or handed on.
    pub(super) fn is_balanced(&self, packet: &Packet) -> bool {
        let tuple = conntrack::tuple_of(packet);
        let is_its = |tuple: Tuple| {
            let mut handed = self.clouded.handed.iter();
            handed.any(|one| one.given == tuple || one.given.inverted() == tuple)
        };
        self.clouded.probing.is_some() || tuple.is_some_and(is_its)
    }

    /// The balancer's own security groups let the client in.
    fn own_groups(&mut self, inside: Inside<'_>, balancer: &Balancer, frame: &Frame) -> Stage<()> {
        if balancer.groups.is_empty() {
            return Ok(());
        }
        let addresses = balancer.addresses.iter().map(|address| InterfaceAddress {
            address: *address,
            primary: false,
            public: None,
        });
        let face = Interface {
            id: balancer.id.clone(),
            instance: None,
            primary: true,
            mac: None,
            vpc: balancer.vpc.clone().unwrap_or_default(),
            subnet: balancer.subnets.first().cloned().unwrap_or_default(),
            addresses: addresses.collect(),
            prefixes: Vec::new(),
            groups: balancer.groups.clone(),
            source_dest_check: false,
            source: balancer.source.clone(),
        };
        self.group_gate(inside, &face, Direction::Ingress, &frame.transit)
    }

    /// The listener that takes the packet; what does not let it in is noted, and the walk goes on with the listener.
    fn listener(
        &mut self,
        inside: Inside<'_>,
        balancer: &Balancer,
        tuple: Tuple,
        frame: &Frame,
    ) -> Stage<Listener> {
        let (protocol, port) = asked(tuple)?;
        match balancer.listen(protocol, port, tuple.src) {
            Ok(listener) => Ok(listener.clone()),
            Err(end) => {
                self.turned_away(inside, balancer, end, frame)?;
                let listener = balancer.listeners.at(protocol, port);
                listener.ok().flatten().cloned().ok_or(Stop::Lost)
            }
        }
    }

    /// The backend that gets the packet this time, its pool, and how many there are.
    fn backend(
        &mut self,
        inside: Inside<'_>,
        balancer: &Balancer,
        listener: &Listener,
        tuple: Tuple,
        frame: &Frame,
    ) -> Stage<(Pool, Backend, usize)> {
        let lost = |walk: &mut Self, end| {
            let n_before = walk.blockers.len();
            walk.turned_away(inside, balancer, end, frame)?;
            if !listener.speaks.is_proxied() {
                return Err(Stop::Lost);
            }
            // The client's connection ends there, whoever is behind.
            if n_before == 0
                && let Some(blocker) = walk.blockers.last_mut()
            {
                blocker.outcome = Outcome::Unknown;
            }
            Err(Stop::Undecided(by_itself(balancer)))
        };
        let actions = match choose::actions(balancer, listener) {
            Ok(actions) => actions,
            Err(end) => return lost(self, end),
        };
        let chosen = match actions.len() {
            0 | 1 => 0,
            several => {
                let doubt = Doubt {
                    what: "which rule takes the request depends on its host and path".to_owned(),
                    settle: String::new(),
                    source: Some(listener.source.clone()),
                };
                self.script.alternative(several, vec![doubt])
            }
        };
        let Some(action) = actions.get(chosen) else {
            return Err(Stop::Lost);
        };
        let pool = match choose::pool(balancer, listener, action) {
            Ok(pool) => pool,
            Err(end) => return lost(self, end),
        };
        let (_, port) = asked(tuple)?;
        let Shares {
            backends,
            unhealthy,
            fails_open,
            assumptions,
        } = match balancer.share(listener, pool, tuple.src, port) {
            Ok(shares) => shares,
            Err(end) => return lost(self, end),
        };
        for assumption in assumptions {
            self.assume(assumption);
        }
        if fails_open {
            self.log.step(
                StepStatus::Normal,
                || {
                    format!(
                        "cloud: no backend of {} is healthy: all are asked",
                        balancer.words()
                    )
                },
                || unhealthy.iter().map(|one| one.source.clone()).collect(),
            );
        }
        let weights: Vec<u64> = backends.iter().map(|(_, weight)| *weight).collect();
        let place = self.script.chance(&weights, &pool.source);
        let Some((backend, _)) = backends.get(place) else {
            return Err(Stop::Lost);
        };
        if let Health::Unknown(file) = &backend.health {
            let doubt = Doubt {
                what: format!(
                    "whether backend {} of {} is healthy",
                    backend.words(),
                    balancer.words()
                ),
                settle: file.clone(),
                source: Some(backend.source.clone()),
            };
            if !self.script.unknown(doubt.clone()) {
                return Err(Stop::Undecided(doubt));
            }
        }
        Ok((pool.clone(), (*backend).clone(), backends.len()))
    }

    /// The balancer hands the packet to nobody.
    fn turned_away(
        &mut self,
        inside: Inside<'_>,
        balancer: &Balancer,
        end: End,
        frame: &Frame,
    ) -> Stage<()> {
        match end {
            End::Unknown(doubt) => Err(Stop::Undecided(doubt)),
            End::Answers => Err(Stop::Undecided(by_itself(balancer))),
            End::Refused {
                why,
                message,
                sources,
            } => {
                let kind = match why {
                    Why::Inactive => BlockerKind::BalancerInactive,
                    Why::NoListener => BlockerKind::ListenerMissing,
                    Why::Stopped => BlockerKind::ListenerStopped,
                    Why::AclDenies => BlockerKind::BalancerAcl,
                    Why::NoBackends => BlockerKind::NoBackends,
                    Why::OwnBackend => BlockerKind::Loopback,
                };
                let n_before = self.blockers.len();
                let blocker = Blocker::new(kind, inside.ns)
                    .says(message)
                    .blames(format!("cloud:{}", balancer.id))
                    .citing(sources);
                self.block(blocker, Failure::Silent, &frame.transit)?;
                // Whether a port without a listener is silent or resets is not documented.
                if why == Why::NoListener
                    && n_before == 0
                    && let Some(blocker) = self.blockers.last_mut()
                {
                    blocker.also = Some(Outcome::Refused);
                }
                Ok(())
            }
        }
    }

    /// A backend's address: an instance's may be left out, it is the first of its first interface.
    fn backend_address(&self, inside: Inside<'_>, backend: &Backend) -> Stage<IpAddr> {
        if let Some(address) = backend.address {
            return Ok(address);
        }
        let primary = match &backend.target {
            Target::Instance(id) => inside.region.primary_of(id),
            Target::Interface(id) => inside.region.interface(id),
            Target::Address => None,
        };
        let own = primary.and_then(|own| {
            let mut all = own.addresses.iter();
            all.find(|own| own.primary).map(|own| own.address)
        });
        own.ok_or_else(|| {
            Stop::Undecided(Doubt {
                what: format!("which address backend {} has", backend.words()),
                settle: format!("{}/{}", inside.region.folder, interfaces_file(inside)),
                source: Some(backend.source.clone()),
            })
        })
    }
}

/// The same for what passes between a backend and its client, whose address it may see.
fn backend_edge(inside: Inside<'_>, handed: &Handed, backend: &Interface) -> Edge {
    match edge::of(&handed.balancer, &backend.subnet) {
        Edge::Crossed if subnet_of_client(inside, handed) == Some(backend.subnet.as_str()) => {
            Edge::Unsure
        }
        edge => edge,
    }
}

fn client_of<'r>(inside: Inside<'r>, handed: &Handed) -> Option<&'r Interface> {
    inside.region.interface(handed.client.as_deref()?)
}

fn subnet_of_client<'r>(inside: Inside<'r>, handed: &Handed) -> Option<&'r str> {
    client_of(inside, handed).map(|client| client.subnet.as_str())
}

/// What a balancer answers without asking a backend.
fn by_itself(balancer: &Balancer) -> Doubt {
    Doubt {
        what: format!(
            "what {} answers by itself is not modelled",
            balancer.words()
        ),
        settle: String::new(),
        source: Some(balancer.source.clone()),
    }
}

fn interfaces_file(inside: Inside<'_>) -> &'static str {
    match inside.region.provider {
        Provider::Aliyun => "ecs/DescribeNetworkInterfaces.json",
        Provider::Tencent => "vpc/DescribeNetworkInterfaces.json",
    }
}

/// The interface of a backend.
fn interface_of<'r>(
    inside: Inside<'r>,
    balancer: &Balancer,
    client: Option<&Interface>,
    backend: &Backend,
    address: IpAddr,
) -> Option<&'r Interface> {
    let region = inside.region;
    let vpc = balancer
        .vpc
        .as_deref()
        .or(client.map(|client| client.vpc.as_str()));
    let at = || {
        let mut all = region.interfaces.iter();
        all.find(|one| one.has(address) && vpc.is_none_or(|vpc| one.vpc == vpc))
    };
    match &backend.target {
        Target::Interface(id) => region.interface(id).or_else(at),
        Target::Instance(id) => region.primary_of(id).or_else(at),
        Target::Address => at(),
    }
}

/// The protocol and port that a packet asks.
fn asked(tuple: Tuple) -> Stage<(Protocol, u16)> {
    let protocol = match tuple.protocol {
        protocol::TCP => Protocol::Tcp,
        protocol::UDP => Protocol::Udp,
        protocol::SCTP => Protocol::Sctp,
        _ => Protocol::Icmp,
    };
    match tuple.dport {
        Port::Known(port) => Ok((protocol, port)),
        Port::Chosen { .. } if protocol == Protocol::Icmp => Ok((protocol, 0)),
        Port::Chosen { .. } => Err(Stop::Lost),
    }
}
