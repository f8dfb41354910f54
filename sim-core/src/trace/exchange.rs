//! The whole exchange: the first packet, its answer, then payload each way.

use std::net::IpAddr;
use std::sync::Arc;

use super::blocker::Blocker;
use super::log::LoggedHop;
use super::payload::{Sizes, largest};
use super::{Arrival, Expected, Phase, Stage, Stop, Walk};
use crate::flow::Protocol;
use crate::linux::choice::Doubt;
use crate::linux::conntrack::{self, Ct};
use crate::linux::packet::{Packet, Port, TcpFlags, Transport, Tuple};
use crate::verdict::Outcome;
use crate::world::{Halt, Namespace};

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    /// A program in this namespace, bound to an address if it names one.
    Namespace { path: String, bound: Option<IpAddr> },
    /// A host beyond what was captured, whose packets come in by this device.
    Outside {
        path: String,
        device: String,
        address: IpAddr,
    },
}

/// The exchange to walk.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) from: Asked,
    pub(crate) to: IpAddr,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    /// Payload bytes each way; `None` for a small packet, with a full-size one tried besides.
    pub(crate) bytes: Option<u32>,
}

/// What came of one walk.
#[derive(Debug)]
pub(crate) struct Exchanged {
    pub(crate) outcome: Outcome,
    pub(crate) also: Option<Outcome>,
    pub(crate) retries: bool,
    pub(crate) backend: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) request: Vec<LoggedHop>,
    pub(crate) response: Vec<LoggedHop>,
    pub(crate) blockers: Vec<Blocker>,
    /// What only a full-size packet meets.
    pub(crate) full_size: Vec<Blocker>,
    pub(crate) doubt: Option<Doubt>,
    /// The packet left the captured world.
    pub(crate) boundary: bool,
    /// Both sizes of payload at once do not do.
    pub(super) again: bool,
}

/// How far the phases of an exchange came.
enum Connected {
    /// To their end.
    Done,
    /// Small payload passes between these ends, whose largest packets each way are these.
    Small(Ends, [u32; 2]),
    /// Both sizes at once do not do.
    Again,
}

/// Both ends as they know the connection.
pub(super) struct Ends {
    pub(super) client: Side,
    pub(super) server: Side,
}

pub(super) enum Side {
    /// A socket: its namespace and the tuple of the packets that it sends.
    Socket { ns: Arc<Namespace>, tuple: Tuple },
    /// Beyond this device.
    Outside {
        ns: Arc<Namespace>,
        device: String,
        tuple: Tuple,
    },
}

impl Side {
    pub(super) fn tuple(&self) -> Tuple {
        match self {
            Self::Socket { tuple, .. } | Self::Outside { tuple, .. } => *tuple,
        }
    }
}

/// A small payload.
const SMALL: u32 = 100;
/// TCP's header with the options of a SYN, and with timestamps only.
const SYN_HEADER: u32 = 40;
const TCP_HEADER: u32 = 32;
/// UDP's header, and that of an echo.
const UDP_HEADER: u32 = 8;

/// The length of an IP header.
fn ip_header(address: IpAddr) -> u32 {
    if address.is_ipv4() { 20 } else { 40 }
}

/// The length of an exchange's first packet and its answer.
fn first_length(question: &Question) -> u32 {
    let rest = match question.protocol {
        Protocol::Tcp => SYN_HEADER,
        Protocol::Udp | Protocol::Sctp | Protocol::Icmp => {
            UDP_HEADER.saturating_add(question.bytes.unwrap_or(SMALL))
        }
    };
    ip_header(question.to).saturating_add(rest)
}

impl Walk<'_, '_> {
    /// Walks the whole exchange.
    ///
    /// # Errors
    /// When evidence has to be fetched first, or is damaged.
    pub(super) fn exchange(
        &mut self,
        question: &Question,
        sizes: Sizes,
    ) -> Result<Exchanged, Halt> {
        let mut done = Exchanged {
            outcome: Outcome::Connected,
            also: None,
            retries: false,
            backend: None,
            client: None,
            request: Vec::new(),
            response: Vec::new(),
            blockers: Vec::new(),
            full_size: Vec::new(),
            doubt: None,
            boundary: false,
            again: false,
        };
        let mut finished = false;
        let connected = match self.phases(question, sizes, &mut done) {
            Ok(Connected::Again) => {
                done.again = true;
                return Ok(done);
            }
            Ok(Connected::Done) => {
                finished = true;
                None
            }
            Ok(Connected::Small(ends, largest)) => {
                finished = true;
                Some((ends, largest))
            }
            Err(Stop::Halt(halt)) => return Err(halt),
            Err(Stop::Undecided(doubt)) => {
                done.doubt = Some(doubt);
                None
            }
            Err(Stop::Lost | Stop::TooBig(_)) => None,
        };
        let rest = self.log.take();
        if self.phase == Phase::Request {
            done.request.extend(rest);
        } else {
            done.response.extend(rest);
        }
        done.blockers = std::mem::take(&mut self.blockers);
        match (done.blockers.first(), &done.doubt) {
            (Some(first), _) => {
                done.outcome = first.outcome;
                done.also = first.also;
                done.retries = first.retries;
            }
            (None, Some(_)) => done.outcome = Outcome::Unknown,
            (None, None) if finished => {}
            // A packet that is gone without a reason is one that could not be followed.
            (None, None) => {
                done.outcome = Outcome::Unknown;
                done.doubt = Some(Doubt {
                    what: "the evidence contradicts itself: the packet cannot be followed further"
                        .to_owned(),
                    settle: "a capture taken anew".to_owned(),
                    source: None,
                });
            }
        }
        if let Some((ends, largest)) = connected {
            if done.outcome == Outcome::Connected && question.bytes.is_none() {
                self.try_full_size(&ends, largest, &mut done)?;
            } else if done.outcome == Outcome::Timeout
                && done.also.is_none()
                && self.next_passes(&ends, &done.blockers)?
            {
                done.also = Some(Outcome::Connected);
                self.assume(
                    "the sender has not learned the path's MTU yet: this connection teaches it, and those of the next ten minutes pass"
                        .to_owned(),
                );
            }
        }
        Ok(done)
    }

    /// The phases up to small payload, or up to payload of both sizes at once.
    fn phases(
        &mut self,
        question: &Question,
        sizes: Sizes,
        done: &mut Exchanged,
    ) -> Stage<Connected> {
        let arrival = self.request(question)?;
        let client = (self.sent_mtu, self.mss);
        done.request = self.log.take();
        let ends = self.ends(question, &arrival, done)?;
        self.phase = Phase::Response;
        let mut length = first_length(question);
        let flags = TcpFlags::SYN | TcpFlags::ACK;
        loop {
            match self.send(&ends.server, &ends.client, flags, length) {
                Err(Stop::TooBig(mtu)) if mtu < length => {
                    self.log.take();
                    length = mtu;
                }
                other => break other?,
            }
        }
        let server = (self.sent_mtu, self.mss);
        done.response = self.log.take();
        if question.protocol != Protocol::Tcp {
            return Ok(Connected::Done);
        }
        let largest = [
            largest(&ends, client.0, server),
            largest(&ends, server.0, client),
        ];
        let plain = question.bytes.is_none() && !self.is_as_if_passed();
        if plain && sizes == Sizes::AtOnce {
            let passed = self.at_once(&ends, largest)?;
            return Ok(if passed {
                Connected::Done
            } else {
                Connected::Again
            });
        }
        let length = ip_header(question.to)
            .saturating_add(TCP_HEADER)
            .saturating_add(question.bytes.unwrap_or(SMALL));
        self.payload(&ends, largest.map(|largest| largest.min(length)))?;
        self.log.take();
        if self.is_as_if_passed() && question.bytes.is_none() {
            self.payload(&ends, largest)?;
            self.log.take();
        }
        Ok(Connected::Small(ends, largest))
    }

    fn request(&mut self, question: &Question) -> Stage<Arrival> {
        let path = match &question.from {
            Asked::Namespace { path, .. } | Asked::Outside { path, .. } => path,
        };
        let ns = self.world.namespace(path)?;
        let (low, high) = local_port_range(&ns);
        let sport = self.fresh_port(low, high);
        let dport = Port::Known(question.port);
        let transport = match question.protocol {
            Protocol::Tcp => Transport::Tcp {
                sport,
                dport,
                flags: TcpFlags(TcpFlags::SYN),
            },
            Protocol::Udp => Transport::Udp { sport, dport },
            Protocol::Sctp => Transport::Sctp { sport, dport },
            Protocol::Icmp => Transport::Icmp {
                kind: if question.to.is_ipv4() { 8 } else { 128 },
                code: 0,
                id: sport,
            },
        };
        let length = first_length(question);
        let unspecified = match question.to {
            IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        };
        let mut packet = Packet {
            src: unspecified,
            dst: question.to,
            transport,
            length,
            dont_fragment: true,
            ttl: 64,
            tos: 0,
            mark: 0,
        };
        match &question.from {
            Asked::Namespace { bound, .. } => {
                packet.src = bound
                    .filter(|bound| bound.is_ipv4() == question.to.is_ipv4())
                    .unwrap_or(unspecified);
                self.send_datagram(&ns, packet)
            }
            Asked::Outside {
                device, address, ..
            } => {
                packet.src = *address;
                self.enter_from_outside(&ns, device, packet)
            }
        }
    }

    fn ends(
        &mut self,
        question: &Question,
        arrival: &Arrival,
        done: &mut Exchanged,
    ) -> Stage<Ends> {
        let Some((path, asked)) = self.sender.clone() else {
            return Err(Stop::Lost);
        };
        let server = match arrival {
            Arrival::Socket { ns, packet } => {
                let Some(tuple) = conntrack::tuple_of(packet) else {
                    return Err(Stop::Lost);
                };
                let backend = match packet.dport() {
                    Some(Port::Known(port)) => socket_text(packet.dst, port),
                    Some(Port::Chosen { .. }) | None => packet.dst.to_string(),
                };
                // What was blocked on the way was not delivered.
                let delivered = !self.is_as_if_passed();
                done.backend = delivered.then_some(backend);
                done.client = delivered.then(|| packet.src.to_string());
                Side::Socket {
                    ns: Arc::clone(ns),
                    tuple: tuple.inverted(),
                }
            }
            Arrival::Boundary { ns, device, packet } => {
                done.boundary = true;
                let Some(tuple) = conntrack::tuple_of(packet) else {
                    return Err(Stop::Lost);
                };
                Side::Outside {
                    ns: Arc::clone(ns),
                    device: device.clone(),
                    tuple: tuple.inverted(),
                }
            }
        };
        let client = match &question.from {
            Asked::Namespace { .. } => Side::Socket {
                ns: self.world.namespace(&path)?,
                tuple: asked,
            },
            Asked::Outside { path, device, .. } => {
                done.boundary = true;
                Side::Outside {
                    ns: self.world.namespace(path)?,
                    device: device.clone(),
                    tuple: asked,
                }
            }
        };
        Ok(Ends { client, server })
    }

    /// Sends one packet of an established exchange from one side to the other.
    pub(super) fn send(&mut self, from: &Side, to: &Side, flags: u8, length: u32) -> Stage<()> {
        let tuple = from.tuple();
        let transport = match tuple.protocol {
            crate::linux::packet::protocol::TCP => Transport::Tcp {
                sport: tuple.sport,
                dport: tuple.dport,
                flags: TcpFlags(flags),
            },
            crate::linux::packet::protocol::UDP => Transport::Udp {
                sport: tuple.sport,
                dport: tuple.dport,
            },
            crate::linux::packet::protocol::SCTP => Transport::Sctp {
                sport: tuple.sport,
                dport: tuple.dport,
            },
            _ => Transport::Icmp {
                kind: if tuple.dst.is_ipv4() { 0 } else { 129 },
                code: 0,
                id: tuple.sport,
            },
        };
        let packet = Packet {
            src: tuple.src,
            dst: tuple.dst,
            transport,
            length,
            dont_fragment: true,
            ttl: 64,
            tos: 0,
            mark: 0,
        };
        self.expected = match to {
            Side::Socket { ns, tuple } => Expected::Connection {
                namespace: ns.path.clone(),
                tuple: tuple.inverted(),
            },
            Side::Outside { .. } => Expected::Connection {
                namespace: String::new(),
                tuple: to.tuple().inverted(),
            },
        };
        self.passages.clear();
        let arrival = match from {
            Side::Socket { ns, tuple } => {
                self.sender = Some((ns.path.clone(), *tuple));
                let answers = matches!(self.phase, Phase::Response | Phase::DataResponse);
                let device = self.server_device.clone().filter(|_| answers);
                self.originate(ns, packet, Ct::None, device)?
            }
            Side::Outside { ns, device, .. } => {
                self.sender = Some((String::new(), tuple));
                self.enter_from_outside(ns, device, packet)?
            }
        };
        match (to, arrival) {
            (Side::Socket { .. }, Arrival::Socket { .. }) => Ok(()),
            // Beyond the boundary, the answer must look as the question did.
            (Side::Outside { .. }, Arrival::Boundary { ns, packet, .. }) => {
                if conntrack::tuple_of(&packet) == Some(to.tuple().inverted()) {
                    return Ok(());
                }
                let blocker = Blocker::new(super::BlockerKind::ReplyMismatch, &ns)
                    .says(format!(
                        "the answer leaves {} with other addresses than the question had: from {}",
                        ns.object, packet.src
                    ))
                    .citing(ns.links.first().map(|link| link.source.clone()));
                let transit = super::Transit::new(packet);
                self.end(blocker, super::Failure::Silent, &transit)
            }
            (
                Side::Socket { ns, .. } | Side::Outside { ns, .. },
                Arrival::Socket { .. } | Arrival::Boundary { .. },
            ) => Err(Stop::Undecided(Doubt {
                what: format!(
                    "the answer leaves the captured world on its way to {}",
                    ns.object
                ),
                settle: "the files of the machines on the way".to_owned(),
                source: None,
            })),
        }
    }
}

fn socket_text(address: IpAddr, port: u16) -> String {
    std::net::SocketAddr::new(address, port).to_string()
}

/// `net.ipv4.ip_local_port_range`.
pub(super) fn local_port_range(ns: &Namespace) -> (u16, u16) {
    if ns.known("sysctl.txt").is_err() {
        return (1, u16::MAX);
    }
    let parsed = ns
        .sysctl
        .get("net.ipv4.ip_local_port_range")
        .and_then(|(text, _)| {
            let mut words = text.split_whitespace();
            Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
        });
    parsed.unwrap_or((32768, 60999))
}
