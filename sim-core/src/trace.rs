//! The walk of a packet through the world, step by step in kernel order; knows nothing of formats.

mod as_if;
mod balancing;
mod blame;
mod blocker;
mod bridge_mtu;
mod bridge_vlan;
mod bridging;
mod circle;
mod cloud;
mod delivery;
mod device;
mod exchange;
mod fdb;
mod forwarding;
mod hooks;
mod judge;
mod log;
mod nat;
mod ndisc;
mod neighbour;
mod netfilter;
mod no_route;
mod order;
mod output;
mod path_mtu;
mod payload;
mod ports;
mod script;
mod segment;
mod service;
mod transmit;
mod ways;
mod wire;

pub(crate) use blocker::{Blocker, BlockerKind, Failure};
pub(crate) use cloud::INTERNET;
pub(crate) use exchange::{Asked, Exchanged, Question};
pub(crate) use log::{LoggedHop, LoggedStep};
pub(crate) use payload::walk;
pub(crate) use script::{Completeness, Decision, Limit, Run, explore, plus, probability};
pub(crate) use wire::is_public;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::evidence::mac::Mac;
use crate::linux::choice::{Choice, Doubt};
use crate::linux::conntrack::{Conn, Ct, Zone};
use crate::linux::ipvs::Balanced;
use crate::linux::netfilter::{Hook, Notes};
use crate::linux::packet::{Packet, Tuple};
use crate::source::Source;
use crate::world::{Halt, Namespace, Place, World};
use script::Script;

/// Why a packet's walk ends before its destination.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The walk cannot be made now: bytes are missing, or the snapshot is damaged.
    Halt(Halt),
    /// The packet is gone; the blocker that did it is noted.
    Lost,
    /// It cannot be decided.
    Undecided(Doubt),
    /// The sender learned a smaller path MTU and sends again.
    TooBig(u32),
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl From<Doubt> for Stop {
    fn from(doubt: Doubt) -> Self {
        Self::Undecided(doubt)
    }
}

/// The result of a stage: goes on, or ends.
pub(crate) type Stage<T> = Result<T, Stop>;

/// A packet inside one namespace, with what the kernel attached to it (`struct sk_buff`).
#[derive(Debug, Clone)]
pub(crate) struct Transit {
    pub(crate) packet: Packet,
    /// The device that it came in by; `None` for packets made here.
    pub(crate) iif: Option<Arc<str>>,
    /// The bridge port that it came in by, while the bridge still has it.
    pub(crate) physin: Option<Arc<str>>,
    /// A bridge's netfilter has looked up its way already (`skb_valid_dst`).
    pub(crate) routed: bool,
    /// OUTPUT's mangle table changed what its route depends on (`ip_route_me_harder`).
    pub(crate) rerouted: bool,
    pub(crate) ct: Ct,
    /// The zone that a rule set.
    pub(crate) zone: Zone,
    /// A socket of this namespace made it.
    pub(crate) local: bool,
    /// The Ethernet source that it came with.
    pub(crate) source_mac: Option<Mac>,
    /// What IPVS did with it here.
    pub(crate) balancing: balancing::Balancing,
    /// What a tunnel carries in it.
    pub(crate) inner: Option<Box<Encapsulated>>,
    /// It stands for the largest of several fragments.
    pub(crate) fragmented: bool,
}

impl Transit {
    /// A packet that nothing happened to yet.
    pub(crate) const fn new(packet: Packet) -> Self {
        Self {
            packet,
            iif: None,
            physin: None,
            routed: false,
            rerouted: false,
            ct: Ct::None,
            zone: Zone {
                original: 0,
                reply: 0,
            },
            local: false,
            source_mac: None,
            balancing: balancing::Balancing::Fresh,
            inner: None,
            fragmented: false,
        }
    }
}

/// A packet or frame inside a tunnel's outer packet.
#[derive(Debug, Clone)]
pub(crate) struct Encapsulated {
    pub(crate) carrier: Carrier,
    pub(crate) frame: Frame,
    /// Who sent the inner packet.
    pub(crate) sender: Option<(String, Tuple)>,
    pub(crate) reports: Reports,
    /// The tunnel's device, or the one that an outer packet without such leaves by.
    pub(crate) device: Place,
}

/// Who is told of errors about a tunnel's outer packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reports {
    /// Nobody.
    Nobody,
    /// Who sends the next packet: that the host is unreachable (`ip_tunnel.err_count`).
    NextSender,
    /// The inner packet's sender: the same error (`ip_vs_in_icmp`).
    Sender,
}

/// What a tunnel writes between the outer and the inner packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// VXLAN: an Ethernet frame.
    Vxlan { vni: u32 },
    /// Geneve.
    Geneve { vni: u32 },
    /// IP in IP: nothing.
    Ip,
    /// GRE, with its key.
    Gre {
        key: Option<u32>,
        checksum: bool,
        sequence: bool,
        ethernet: bool,
    },
    /// WireGuard: data.
    Wireguard,
    /// WireGuard: an answer to a handshake.
    Handshake,
}

/// A packet on an Ethernet segment.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// `None` on links without addresses: whoever is at the other end takes it.
    pub(crate) dst: Option<Mac>,
    pub(crate) src: Option<Mac>,
    /// The address that the hardware address was asked for.
    pub(crate) next: IpAddr,
    /// VLAN tags, the outermost last.
    pub(crate) tags: Vec<Tag>,
    /// The device whose stack made it, where known.
    pub(crate) origin: Option<Place>,
    /// It is a question for a hardware address or the answer: no stack but the addressee's sees it.
    pub(crate) answer: bool,
    pub(crate) transit: Transit,
}

impl Frame {
    /// Whether rules on its way see it: of questions and answers for a hardware address, only IPv6's are IP packets.
    pub(crate) fn meets_rules(&self) -> bool {
        !self.answer || self.next.is_ipv6()
    }
}

/// A VLAN tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tag {
    /// `802.1Q` or `802.1ad`.
    pub(crate) protocol: String,
    pub(crate) id: u16,
}

/// Where a packet ended well.
#[derive(Debug, Clone)]
pub(crate) enum Arrival {
    /// At a socket (or, for echo, at the kernel) of this namespace.
    Socket { ns: Arc<Namespace>, packet: Packet },
    /// At the edge of what was captured.
    Boundary {
        ns: Arc<Namespace>,
        device: String,
        packet: Packet,
    },
}

/// Which packet of the exchange is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// The first packet.
    Request,
    /// Its answer.
    Response,
    /// Payload from the client.
    Data,
    /// Payload from the server.
    DataResponse,
}

/// What the packet under way must meet to have arrived.
#[derive(Debug, Clone)]
pub(crate) enum Expected {
    /// A socket that accepts it.
    Listener,
    /// The socket in this namespace that knows this tuple.
    Connection { namespace: String, tuple: Tuple },
    /// The socket in this namespace whose packet had this tuple: an ICMP error about it.
    ErrorAbout { namespace: String, tuple: Tuple },
    /// A reset for the socket with this tuple.
    Reset { namespace: String, tuple: Tuple },
    /// The device that asked for a hardware address.
    Asker { namespace: String, device: String },
    /// The far end of a tunnel: who hears a broadcast that goes through it.
    TunnelEnd,
}

/// One walk of one exchange, with everything it has learned so far.
pub(crate) struct Walk<'w, 's> {
    pub(crate) world: &'w mut World<'s>,
    pub(crate) script: &'w mut Script,
    pub(crate) conns: Vec<Conn>,
    /// What IPVS balances.
    balanced: Vec<Balanced>,
    pub(crate) log: log::Log,
    pub(crate) blockers: Vec<Blocker>,
    pub(crate) phase: Phase,
    pub(crate) expected: Expected,
    /// Sender of the packet under way: its namespace, and the tuple as it sent it.
    pub(crate) sender: Option<(String, Tuple)>,
    /// Depth of walks that only find out whether an error gets back.
    quiet: u32,
    /// Stages left before the walk is taken for a loop.
    budget: u32,
    /// Stages that the packet under way has gone through: each is called by the one before.
    depth: u32,
    /// Blockers that earlier packets of the exchange met.
    met_before: usize,
    next_port: u16,
    /// Ways chosen among several of equal cost stay chosen for a flow.
    ways: BTreeMap<(String, Source, IpAddr, IpAddr), usize>,
    /// Which of several machines was heard when a device asked for an address.
    heard: BTreeMap<(String, String, IpAddr), usize>,
    /// By which device packets from a link-local address came.
    link_scopes: BTreeMap<(usize, IpAddr), String>,
    /// Rules on the way of an answer that may drop it.
    arp_doubt: Option<Doubt>,
    /// Hardware addresses that were learned from questions.
    known_askers: BTreeMap<(String, String, IpAddr), Mac>,
    /// Hardware addresses that only one machine answered with.
    answered_by: BTreeMap<(String, String, IpAddr), Mac>,
    /// Routes that connected sockets keep.
    kept_ways: BTreeMap<(usize, Tuple), output::Way>,
    /// MTUs that senders have learned, by namespace and the destination asked.
    path_mtus: BTreeMap<(usize, IpAddr), u32>,
    /// The device that the server's socket is bound to.
    server_device: Option<String>,
    /// Who was told of a smaller MTU last: a tunnel, or who sends through it.
    told: Option<(String, Tuple)>,
    /// The sender knows already what a router tells of its MTU.
    has_learned: bool,
    /// The path's MTU that the client's payload taught it.
    taught: Option<u32>,
    /// Answers to what nobody knows stay the same for a flow at a hook.
    settled: BTreeMap<(String, Hook, IpAddr, IpAddr, Vec<Doubt>), usize>,
    /// Namespaces in which the world chose, for connections that are not confirmed yet.
    chose_in: Vec<String>,
    /// What the TCP option of the last SYN or SYN-ACK says, as rules on the way changed it.
    pub(crate) mss: Option<u16>,
    /// A rule looked at a packet's length.
    length_seen: bool,
    /// What rules wrote down, by namespace.
    notes: BTreeMap<String, Notes>,
    /// Who resolved (or was told) the hardware address of a next hop, and by which entry.
    resolvers: Vec<(IpAddr, Arc<Namespace>, Option<Source>)>,
    /// The last machine that sent the packet on, and by which way.
    last_way: Option<(Arc<Namespace>, output::Way)>,
    /// What lost the packet of a walk that only finds out whether something gets through.
    why_lost: Option<Blocker>,
    /// Far ends of tunnels that a broadcast came out of.
    tunnel_ends: Vec<Place>,
    /// What bridges and VXLAN devices learned from the frames of this walk.
    learned: device::Learned,
    /// MTU of the route that the last local packet took.
    pub(crate) sent_mtu: u32,
    /// The machines that sent the packet under way on, in order.
    passages: Vec<circle::Passage>,
    /// What the cloud remembers.
    clouded: cloud::Clouded,
}

/// More stages than any real path has: reaching it means that packets go in circles.
const BUDGET: u32 = 1200;
/// The same for one packet. A small stack (1 MiB in Wasm) has room for so many.
const DEPTH: u32 = 200;

impl<'w, 's> Walk<'w, 's> {
    pub(crate) fn new(world: &'w mut World<'s>, script: &'w mut Script) -> Self {
        Self {
            world,
            script,
            conns: Vec::new(),
            balanced: Vec::new(),
            log: log::Log::default(),
            blockers: Vec::new(),
            phase: Phase::Request,
            expected: Expected::Listener,
            sender: None,
            quiet: 0,
            budget: BUDGET,
            depth: 0,
            met_before: 0,
            next_port: 0,
            ways: BTreeMap::new(),
            heard: BTreeMap::new(),
            link_scopes: BTreeMap::new(),
            arp_doubt: None,
            known_askers: BTreeMap::new(),
            answered_by: BTreeMap::new(),
            kept_ways: BTreeMap::new(),
            path_mtus: BTreeMap::new(),
            has_learned: false,
            taught: None,
            told: None,
            server_device: None,
            settled: BTreeMap::new(),
            chose_in: Vec::new(),
            mss: None,
            length_seen: false,
            notes: BTreeMap::new(),
            resolvers: Vec::new(),
            last_way: None,
            why_lost: None,
            tunnel_ends: Vec::new(),
            learned: device::Learned::default(),
            sent_mtu: 0,
            passages: Vec::new(),
            clouded: cloud::Clouded::default(),
        }
    }

    /// Counts a stage; a walk that does not end is a loop.
    fn tick(&mut self, ns: &Arc<Namespace>, transit: &Transit) -> Stage<()> {
        self.budget = self.budget.saturating_sub(1);
        self.depth += 1;
        if self.budget > 0 && self.depth < DEPTH {
            return Ok(());
        }
        self.block(
            Blocker::new(BlockerKind::Loop, ns).says(format!(
                "the packet to {} goes in circles",
                transit.packet.dst
            )),
            Failure::Silent,
            transit,
        )?;
        Err(Stop::Lost)
    }

    /// A port that some kernel will choose from a range.
    fn fresh_port(&mut self, low: u16, high: u16) -> crate::linux::packet::Port {
        self.next_port = self.next_port.wrapping_add(1);
        crate::linux::packet::Port::Chosen {
            id: self.next_port,
            low,
            high,
        }
    }

    /// Notes an assumption for the verdict, unless only an error's way back is being tried.
    fn assume(&mut self, assumption: String) {
        self.script.assume(assumption);
    }
}

impl std::fmt::Debug for Walk<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walk")
            .field("phase", &self.phase)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
