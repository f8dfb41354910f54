//! What netfilter's rule engines share: the hook, its surroundings, and what a rule set decides.

pub mod ipset;
pub mod near;
pub mod nft;
#[cfg(test)]
pub(crate) mod test_support;
pub mod xtables;

use std::cell::Cell;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::choice::{Doubt, Tri};
use super::packet::{Family, Packet, Port, Tuple};
use crate::evidence::mac::Mac;
use crate::source::Source;

/// Who sends is not captured; a rule that singles out a user (a sidecar's, say) is taken to mean another program.
pub(crate) const STRANGER: &str = "the sending program does not run as the user or group that an `owner` rule names (senders' ids are not captured)";

/// Where in the packet's way a rule set runs (`enum nf_inet_hooks`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// On arrival, before the route is looked up.
    Prerouting,
    /// To a local socket.
    Input,
    /// Through this machine.
    Forward,
    /// From a local socket.
    Output,
    /// On leaving, after the route is known.
    Postrouting,
}

/// Conntrack's verdict on a packet (`enum ip_conntrack_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CtState {
    /// The first packet of a connection.
    New,
    /// A packet of a connection that was seen in both directions, or a reply.
    Established,
    /// An ICMP error about a connection, or an expected one.
    Related,
    /// Fits no connection and may not begin one.
    Invalid,
    /// NOTRACK.
    Untracked,
}

/// Which way a packet goes in its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CtDirection {
    /// As the first packet.
    Original,
    /// The other way.
    Reply,
}

/// What rules can see of a packet's connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CtView {
    /// The state.
    pub state: CtState,
    /// The direction.
    pub direction: CtDirection,
    /// The original tuple; `None` for invalid and untracked packets.
    pub original: Option<Tuple>,
    /// The reply tuple as translated so far.
    pub reply: Option<Tuple>,
    /// Its source was translated (IPS_SRC_NAT).
    pub snat: bool,
    /// Its destination was translated (IPS_DST_NAT).
    pub dnat: bool,
    /// A reply was seen.
    pub seen_reply: bool,
    /// The connection's mark; rules may write it.
    pub mark: u32,
    /// The conntrack zone.
    pub zone: u16,
}

/// `fib_lookup`'s view of an address, as `addrtype` and nft's `fib … type` give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressType {
    /// 0.0.0.0 or ::.
    Unspec,
    /// Routed on.
    Unicast,
    /// One of this namespace's own.
    Local,
    /// A broadcast address.
    Broadcast,
    /// Anycast.
    Anycast,
    /// A multicast address.
    Multicast,
    /// A blackhole route.
    Blackhole,
    /// An unreachable route, or none at all.
    Unreachable,
    /// A prohibit route.
    Prohibit,
    /// A throw route.
    Throw,
}

/// How a reverse path is looked up (`xt_rpfilter`, nft's `fib`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReversePath {
    /// Any device will do.
    pub loose: bool,
    /// Use the packet's mark in the lookup.
    pub valid_mark: bool,
    /// Packets whose source is local are accepted.
    pub accept_local: bool,
}

/// What nft's `fib` looks up (`nft_fib4_eval()`, `nft_fib6_flowi_init()`).
#[derive(Debug, Clone, Copy)]
pub struct FibQuestion<'a> {
    /// The address that the route leads to.
    pub to: IpAddr,
    /// The packet's other address.
    pub from: IpAddr,
    /// The packet's mark, where it counts.
    pub mark: u32,
    /// The device that the packet is on now: a link-local address is looked up there.
    pub on: Option<&'a str>,
    /// The device that the route must leave by, where it is asked.
    pub by: Option<&'a str>,
}

/// What rules ask of the namespace that they run in.
pub trait Surroundings: fmt::Debug {
    /// The type of `address`, seen from `device` where given (`inet_addr_type_dev_table`).
    fn address_type(&self, address: IpAddr, device: Option<&str>) -> Result<AddressType, Tri>;

    /// What IPv6's route to an address, for packets from another one, makes of it (`nf_ip6_route`): `Unreachable` where
    /// there is none.
    fn route_type(
        &self,
        (to, _from): (Ipv6Addr, Ipv6Addr),
        _mark: u32,
        device: Option<&str>,
    ) -> Result<AddressType, Tri> {
        self.address_type(to.into(), device)
    }

    /// Whether the device has the address (`ipv6_chk_addr`).
    fn has_address(&self, address: IpAddr, device: &str) -> Result<bool, Tri> {
        Ok(self.address_type(address, Some(device))? == AddressType::Local)
    }

    /// Whether the packet's source would be reached back through the device it came in by.
    fn reverse_path(&self, packet: &Packet, iif: &str, how: ReversePath) -> Tri;

    /// The device that the route leaves by; `None` where there is none, or another device (nft's `fib … oif`).
    fn route_device(&self, asked: FibQuestion<'_>) -> Result<Option<String>, Tri>;

    /// The index of a device.
    fn device_index(&self, device: &str) -> Option<u32>;

    /// The kind of a device, as nft's `iifkind` and `iiftype` see it: e.g. `veth`, `bridge`, `vxlan`; network cards have none.
    fn device_kind(&self, device: &str) -> Option<String>;

    /// The device's group, a number (`ip link set … group`).
    fn device_group(&self, _device: &str) -> Option<u32> {
        None
    }

    /// When the namespace was captured, in seconds since 1970.
    fn captured_at(&self) -> Option<i64> {
        None
    }

    /// Whether a local socket (listening or bound) matches the packet; for `xt_socket` and nft's `socket`.
    fn socket(&self, packet: &Packet) -> Tri;
}

/// A packet at a hook, with all that rules may look at besides the packet itself.
#[derive(Debug)]
pub struct HookContext<'a> {
    /// The hook.
    pub hook: Hook,
    /// Family of the rule set's packets.
    pub family: Family,
    /// The device it came in by.
    pub iif: Option<&'a str>,
    /// The device it will leave by.
    pub oif: Option<&'a str>,
    /// The bridge port it came in by, for bridged traffic.
    pub physin: Option<&'a str>,
    /// The bridge port it will leave by, where known.
    pub physout: Option<&'a str>,
    /// The packet is being bridged, not routed.
    pub bridged: bool,
    /// The sending socket is of this namespace (OUTPUT, POSTROUTING of local packets).
    pub local_socket: bool,
    /// Source MAC, where the packet came by Ethernet.
    pub source_mac: Option<Mac>,
    /// What the packet's TCP option says of segments, where that is known.
    pub mss: Option<u16>,
    /// What rules wrote down about this flow before.
    pub notes: &'a Notes,
    /// Conntrack's view; `None` before conntrack has run (raw).
    pub ct: Option<CtView>,
    /// The namespace.
    pub surroundings: &'a dyn Surroundings,
    /// Set when a rule looks at the packet's length, for who wants to know.
    pub length_seen: Option<&'a Cell<bool>>,
}

impl HookContext<'_> {
    /// A rule looks at how long the packet is, or at bytes among which its length is.
    pub(crate) fn looks_at_length(&self) {
        if let Some(seen) = self.length_seen {
            seen.set(true);
        }
    }
}

/// An address range and a port range to translate to (`struct nf_nat_range2`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatRange {
    /// Lowest and highest address; `None` keeps the address (or, for masquerade and redirect, takes the device's).
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// Lowest and highest port.
    pub ports: Option<(u16, u16)>,
    /// `--random`, `--random-fully`.
    pub random: bool,
    /// `--persistent`.
    pub persistent: bool,
    /// NETMAP: only the network part, of this prefix length, is replaced.
    pub netmap: Option<u8>,
}

/// A translation that a rule asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NatAction {
    /// A new destination.
    Dnat(NatRange),
    /// A new source.
    Snat(NatRange),
    /// The source becomes the outgoing device's address.
    Masquerade(NatRange),
    /// The destination becomes this machine's own address.
    Redirect(NatRange),
    /// The connection keeps its addresses: `-j ACCEPT` in a nat chain.
    Keep,
}

/// How a packet is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectWith {
    /// An ICMP (ICMPv6) destination unreachable or the like, with type and code.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
    },
    /// A TCP reset.
    TcpReset,
}

/// What a rule set, or a single base chain, decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleVerdict {
    /// The packet passes this base chain.
    Accept,
    /// It is dropped silently.
    Drop,
    /// It is dropped and an error is sent.
    Reject(RejectWith),
    /// It passes, translated.
    Nat(NatAction),
    /// It is taken to user space, or somewhere else that is not modelled.
    Stolen(String),
    /// It is sent to a local socket, whatever its destination (TPROXY): address and port of it.
    Tproxy(Option<IpAddr>, Option<u16>),
}

/// What rules may change besides the packet itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    /// NOTRACK was set.
    pub notrack: bool,
    /// A new connection mark.
    pub ct_mark: Option<u32>,
    /// A conntrack zone was set.
    pub zone: Option<super::conntrack::Zone>,
    /// TCPMSS clamped the segment size to this value; `Some(0)`: to the path MTU.
    pub mss: Option<u16>,
    /// TEE: a copy goes there.
    pub copies_to: Option<Ipv4Addr>,
    /// What rules wrote down.
    pub notes: Notes,
}

/// What rules write down about a flow, beyond its packet and its connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notes {
    /// IP sets and nft sets that they changed.
    pub sets: Vec<Arc<str>>,
    /// Lists of `recent` that its address was noted in.
    pub recent: Vec<Arc<str>>,
}

impl Notes {
    /// Nothing yet.
    pub const NONE: &'static Self = &Self {
        sets: Vec::new(),
        recent: Vec::new(),
    };

    /// Adds what `more` has.
    pub fn extend(&mut self, more: &Self) {
        for (own, new) in [
            (&mut self.sets, &more.sets),
            (&mut self.recent, &more.recent),
        ] {
            for name in new {
                if !own.contains(name) {
                    own.push(Arc::clone(name));
                }
            }
        }
    }
}

/// One rule that the packet met and that did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleStep {
    /// Table, e.g. `nat` or `inet firewalld`.
    pub table: Arc<str>,
    /// Chain.
    pub chain: Arc<str>,
    /// The rule's number in its chain, from 1; 0 is the chain's policy.
    pub number: u32,
    /// What it did.
    pub action: Action,
    /// Where the rule stands.
    pub source: Source,
}

/// What a rule did, e.g. `jump KUBE-SERVICES`, `mark 0x4000`, `DNAT to 10.0.0.1:80`, `drop`: put into words when asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// In these words.
    Is(&'static str),
    /// Into another chain, and back.
    Jump(Arc<str>),
    /// Into another chain for good.
    Goto(Arc<str>),
    /// The packet's mark is this now.
    Mark(u32),
    /// In words of its own.
    Text(String),
}

impl Action {
    /// Adds it to `text`.
    pub fn write(&self, text: &mut String) {
        let words: [&str; 2] = match self {
            Self::Is(words) => [words, ""],
            Self::Jump(chain) => ["jump ", chain],
            Self::Goto(chain) => ["goto ", chain],
            Self::Mark(mark) => [&format!("mark 0x{mark:x}"), ""],
            Self::Text(words) => [words, ""],
        };
        words.into_iter().for_each(|words| text.push_str(words));
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        f.write_str(&text)
    }
}

impl From<String> for Action {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&'static str> for Action {
    fn from(words: &'static str) -> Self {
        Self::Is(words)
    }
}

/// What came out of running the rules of one hook and table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleOutcome {
    /// The verdict.
    pub verdict: RuleVerdict,
    /// The rule (or policy) that gave it; `None` where no rule did.
    pub decided_by: Option<RuleStep>,
    /// The packet afterwards (mark, TOS, TTL may differ; addresses never do: NAT is applied by conntrack).
    pub packet: Packet,
    /// Other changes.
    pub effects: Effects,
    /// The rules that did something, in order.
    pub steps: Vec<RuleStep>,
}

impl RuleOutcome {
    /// Nothing happens to `packet`.
    #[must_use]
    pub fn pass(packet: &Packet) -> Self {
        Self {
            verdict: RuleVerdict::Accept,
            decided_by: None,
            packet: packet.clone(),
            effects: Effects::default(),
            steps: Vec::new(),
        }
    }
}

/// Whether `port` lies in `low..=high`: a port still to be chosen may lie in it or not.
#[must_use]
pub fn port_in(port: Port, low: u16, high: u16) -> Option<bool> {
    match port {
        Port::Known(port) => Some((low..=high).contains(&port)),
        Port::Chosen {
            low: from,
            high: to,
            ..
        } => {
            if from >= low && to <= high {
                Some(true)
            } else if to < low || from > high {
                Some(false)
            } else {
                None
            }
        }
    }
}

/// One port in so many is taken not to be the one that the kernel chooses.
const RARE: u32 = 100;

/// The same, asked by the rule at `source`: what hardly ever happens is left out by an assumption.
#[must_use]
pub fn port_within(port: Port, low: u16, high: u16, source: &Source) -> Tri {
    if let Some(certain) = port_in(port, low, high) {
        return Tri::from(certain);
    }
    let Port::Chosen {
        low: from,
        high: to,
        ..
    } = port
    else {
        return Tri::No;
    };
    let count = |low: u16, high: u16| u32::from(high.saturating_sub(low)) + 1;
    let all = count(from, to);
    let within = count(low.max(from), high.min(to));
    let range = if low == high {
        low.to_string()
    } else {
        format!("{low}-{high}")
    };
    let assumed = |holds, is: &str| {
        let why = format!("the port that a kernel chooses out of {from}-{to} {is} {range}");
        Tri::Assumed(holds, why)
    };
    if within * RARE <= all {
        return assumed(false, "is not in");
    }
    if (all - within) * RARE <= all {
        return assumed(true, "is in");
    }
    Tri::Unknown(Doubt {
        what: format!("whether the port that a kernel chooses out of {from}-{to} is in {range}"),
        settle: String::new(),
        source: Some(source.clone()),
    })
}
