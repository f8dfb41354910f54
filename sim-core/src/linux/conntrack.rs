//! Connection tracking and NAT (`nf_conntrack_core.c`, `nf_conntrack_proto_tcp.c`, `nf_nat_core.c`).

use std::net::IpAddr;

use super::netfilter::{CtDirection, CtState, CtView};
use super::packet::{Family, Packet, Port, TcpFlags, Transport, Tuple};

/// What conntrack thinks of a TCP connection (`enum tcp_conntrack`), as far as a handshake goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpState {
    /// A SYN was seen.
    SynSent,
    /// A SYN-ACK was seen.
    SynRecv,
    /// Data may pass.
    Established,
}

/// Which address a translation changes (`enum nf_nat_manip_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manip {
    /// The source: POSTROUTING, INPUT.
    Source,
    /// The destination: PREROUTING, OUTPUT.
    Destination,
}

impl Manip {
    fn other(self) -> Self {
        match self {
            Self::Source => Self::Destination,
            Self::Destination => Self::Source,
        }
    }
}

/// The conntrack zone of each direction (`struct nf_conntrack_zone`); 0 where a rule set none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Zone {
    /// Of packets that go as the first one.
    pub original: u16,
    /// Of those that go the other way.
    pub reply: u16,
}

impl Zone {
    /// The id, whichever directions it is for.
    #[must_use]
    pub fn id(self) -> u16 {
        self.original.max(self.reply)
    }
}

/// An entry of a namespace's connection table (`struct nf_conn`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conn {
    /// The namespace that tracks it.
    pub namespace: String,
    /// Its zone.
    pub zone: Zone,
    /// The tuple of its first packet.
    pub original: Tuple,
    /// The tuple that its replies will have here.
    pub reply: Tuple,
    /// IPS_SRC_NAT.
    pub snat: bool,
    /// IPS_DST_NAT.
    pub dnat: bool,
    /// The nat rules were asked for its source.
    pub source_done: bool,
    /// The nat rules were asked for its destination.
    pub destination_done: bool,
    /// Its mark.
    pub mark: u32,
    /// A reply was seen.
    pub seen_reply: bool,
    /// It is in the table: a packet of it left this namespace or reached a socket.
    pub confirmed: bool,
    /// TCP's state.
    pub tcp: TcpState,
}

/// What conntrack attached to a packet (`skb->_nfct`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ct {
    /// Nothing yet, or nothing tracks here.
    None,
    /// NOTRACK.
    Untracked,
    /// It fits no connection.
    Invalid,
    /// A connection, by its index in the table.
    Attached {
        /// The index.
        conn: usize,
        /// The packet's direction in it.
        direction: CtDirection,
        /// The state.
        state: CtState,
    },
}

/// What becomes of a packet that conntrack looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracked {
    /// Attached, or invalid.
    As(Ct),
    /// It begins a new connection: an entry must be made (unless the table is full).
    New(Tuple, TcpState),
}

/// The tuple of a packet; `None` for those that conntrack tracks generically only.
#[must_use]
pub fn tuple_of(packet: &Packet) -> Option<Tuple> {
    let (sport, dport) = match &packet.transport {
        Transport::Tcp { sport, dport, .. }
        | Transport::Udp { sport, dport }
        | Transport::Sctp { sport, dport } => (*sport, *dport),
        Transport::Icmp { id, .. } => (*id, *id),
        Transport::IcmpError { .. } => return None,
        Transport::Other { .. } => (Port::Known(0), Port::Known(0)),
    };
    Some(Tuple {
        protocol: packet.protocol(),
        src: packet.src,
        sport,
        dst: packet.dst,
        dport,
    })
}

/// ICMPv6's groups and neighbour discovery (`noct_valid_new` of `nf_conntrack_icmpv6_error`).
const NEVER_TRACKED: [u8; 8] = [130, 131, 132, 133, 134, 135, 136, 143];

/// Looks a packet up in the table of `namespace` (`nf_conntrack_in`, `nf_conntrack_tcp_packet`).
pub fn track(
    conns: &mut [Conn],
    namespace: &str,
    zone: Zone,
    packet: &Packet,
    loose: bool,
) -> Tracked {
    if let Transport::IcmpError { about, .. } = &packet.transport {
        return Tracked::As(track_error(conns, namespace, zone, *about));
    }
    if let Transport::Icmp { kind, .. } = &packet.transport
        && packet.family() == Family::V6
        && NEVER_TRACKED.contains(kind)
    {
        return Tracked::As(Ct::Untracked);
    }
    let Some(tuple) = tuple_of(packet) else {
        return Tracked::As(Ct::None);
    };
    let found = conns.iter_mut().enumerate().find_map(|(index, conn)| {
        (conn.namespace == namespace).then_some(())?;
        let direction = conn.direction_of(zone, tuple)?;
        Some((index, conn, direction))
    });
    let Some((index, conn, direction)) = found else {
        return begin(packet, tuple, loose);
    };
    if let Transport::Tcp { flags, .. } = &packet.transport {
        match next_state(conn.tcp, direction, *flags) {
            Some(state) => conn.tcp = state,
            // `nf_conntrack_tcp_be_liberal` forgives windows, not states.
            None => return Tracked::As(Ct::Invalid),
        }
    }
    let state = match direction {
        CtDirection::Reply => {
            conn.seen_reply = true;
            CtState::Established
        }
        CtDirection::Original if conn.seen_reply => CtState::Established,
        CtDirection::Original => CtState::New,
    };
    Tracked::As(Ct::Attached {
        conn: index,
        direction,
        state,
    })
}

/// An ICMP error belongs to the connection of the packet that it is about (`nf_conntrack_inet_error`).
fn track_error(conns: &[Conn], namespace: &str, zone: Zone, about: Tuple) -> Ct {
    let wanted = about.inverted();
    for (index, conn) in conns.iter().enumerate() {
        let found = (conn.namespace == namespace).then(|| conn.direction_of(zone, wanted));
        let Some(direction) = found.flatten() else {
            continue;
        };
        return Ct::Attached {
            conn: index,
            direction,
            state: CtState::Related,
        };
    }
    Ct::Invalid
}

/// What a packet without an entry begins (`tcp_new`: the row `sNO` of `tcp_conntracks`).
fn begin(packet: &Packet, tuple: Tuple, loose: bool) -> Tracked {
    let Transport::Tcp { flags, .. } = &packet.transport else {
        return match &packet.transport {
            // Only requests begin a connection (`nf_conntrack_icmp_packet`).
            Transport::Icmp { kind, .. } if !matches!(kind, 8 | 13 | 15 | 17 | 128) => {
                Tracked::As(Ct::Invalid)
            }
            Transport::Icmp { .. }
            | Transport::Udp { .. }
            | Transport::Sctp { .. }
            | Transport::Other { .. }
            | Transport::Tcp { .. }
            | Transport::IcmpError { .. } => Tracked::New(tuple, TcpState::Established),
        };
    };
    match kind_of(*flags) {
        SegmentKind::Syn => Tracked::New(tuple, TcpState::SynSent),
        SegmentKind::SynAck | SegmentKind::Reset => Tracked::As(Ct::Invalid),
        SegmentKind::Ack if loose => Tracked::New(tuple, TcpState::Established),
        SegmentKind::Ack => Tracked::As(Ct::Invalid),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SegmentKind {
    Syn,
    SynAck,
    Ack,
    Reset,
}

fn kind_of(flags: TcpFlags) -> SegmentKind {
    let has = |flag| flags.0 & flag != 0;
    if has(TcpFlags::RST) {
        SegmentKind::Reset
    } else if has(TcpFlags::SYN) && has(TcpFlags::ACK) {
        SegmentKind::SynAck
    } else if has(TcpFlags::SYN) {
        SegmentKind::Syn
    } else {
        SegmentKind::Ack
    }
}

/// The table `tcp_conntracks`, for the states of a handshake; `None` is `sIV`.
fn next_state(state: TcpState, direction: CtDirection, flags: TcpFlags) -> Option<TcpState> {
    use CtDirection::{Original, Reply};
    match (direction, kind_of(flags), state) {
        (Original, SegmentKind::Syn, state) => Some(state),
        (Original, SegmentKind::SynAck, TcpState::SynSent | TcpState::Established) => None,
        (Original, SegmentKind::SynAck, TcpState::SynRecv) => Some(TcpState::SynRecv),
        (Original, SegmentKind::Ack, TcpState::SynSent) => None,
        (Original, SegmentKind::Ack, TcpState::SynRecv | TcpState::Established) => {
            Some(TcpState::Established)
        }
        // A simultaneous open; not modelled beyond being valid.
        (Reply, SegmentKind::Syn, TcpState::SynSent) => Some(TcpState::SynRecv),
        (Reply, SegmentKind::Syn, TcpState::SynRecv | TcpState::Established) => None,
        (Reply, SegmentKind::SynAck, TcpState::SynSent) => Some(TcpState::SynRecv),
        // sIG: ignored, and let through.
        (Reply, SegmentKind::SynAck, state) => Some(state),
        (Reply, SegmentKind::Ack, TcpState::SynSent) => Some(TcpState::SynSent),
        (Reply, SegmentKind::Ack, state) => Some(state),
        (_, SegmentKind::Reset, state) => Some(state),
    }
}

impl Conn {
    /// A fresh entry for `tuple`.
    #[must_use]
    pub fn new(namespace: &str, zone: Zone, tuple: Tuple, tcp: TcpState) -> Self {
        Self {
            namespace: namespace.to_owned(),
            zone,
            original: tuple,
            reply: tuple.inverted(),
            snat: false,
            dnat: false,
            source_done: false,
            destination_done: false,
            mark: 0,
            seen_reply: false,
            confirmed: false,
            tcp,
        }
    }

    /// What rules see of it for a packet in `direction`.
    #[must_use]
    pub fn view(&self, direction: CtDirection, state: CtState) -> CtView {
        CtView {
            state,
            direction,
            original: Some(self.original),
            reply: Some(self.reply),
            snat: self.snat,
            dnat: self.dnat,
            seen_reply: self.seen_reply,
            mark: self.mark,
            zone: self.zone.id(),
        }
    }

    /// Which way a packet with this tuple and zone goes in it (`nf_ct_key_equal`).
    fn direction_of(&self, zone: Zone, tuple: Tuple) -> Option<CtDirection> {
        if self.original == tuple && self.zone.original == zone.original {
            return Some(CtDirection::Original);
        }
        (self.reply == tuple && self.zone.reply == zone.reply).then_some(CtDirection::Reply)
    }

    /// Whether the table has another connection whose packets its answers would be taken for
    /// (`nf_conntrack_tuple_taken`).
    #[must_use]
    pub fn is_taken(&self, conns: &[Self]) -> bool {
        conns.iter().any(|other| {
            other.confirmed
                && other.namespace == self.namespace
                && other.original != self.original
                && other.direction_of(self.zone, self.reply).is_some()
        })
    }

    /// Gives the connection a new destination (`nf_nat_setup_info` with NF_NAT_MANIP_DST).
    pub fn translate_destination(&mut self, address: IpAddr, port: Port) {
        self.dnat |= self.reply.src != address || self.reply.sport != port;
        self.reply.src = address;
        self.reply.sport = port;
        if self.is_echo() {
            self.reply.dport = port;
        }
    }

    /// Its answers will come from elsewhere, without netfilter translating anything (`nf_conntrack_alter_reply`).
    pub fn expect_answer_from(&mut self, address: IpAddr, port: Port) {
        self.reply.src = address;
        self.reply.sport = port;
    }

    /// It never got into the table (`nf_ct_put` of an unconfirmed entry).
    pub fn forget(&mut self) {
        self.namespace.clear();
    }

    /// Gives the connection a new source (`nf_nat_setup_info` with NF_NAT_MANIP_SRC).
    pub fn translate_source(&mut self, address: IpAddr, port: Port) {
        self.snat |= self.reply.dst != address || self.reply.dport != port;
        self.reply.dst = address;
        self.reply.dport = port;
        if self.is_echo() {
            self.reply.sport = port;
        }
    }

    fn is_echo(&self) -> bool {
        matches!(
            self.original.protocol,
            super::packet::protocol::ICMP | super::packet::protocol::ICMPV6
        )
    }

    /// Rewrites a packet of this connection at a hook of `manip` (`nf_nat_packet`, `nf_nat_icmp_reply_translation`).
    ///
    /// Gives whether anything changed.
    pub fn apply(&self, packet: &mut Packet, direction: CtDirection, manip: Manip) -> bool {
        let effective = match direction {
            CtDirection::Original => manip,
            CtDirection::Reply => manip.other(),
        };
        let translated = match effective {
            Manip::Source => self.snat,
            Manip::Destination => self.dnat,
        };
        if !translated {
            return false;
        }
        let target = match direction {
            CtDirection::Original => self.reply.inverted(),
            CtDirection::Reply => self.original.inverted(),
        };
        let before = packet.clone();
        rewrite(packet, manip, target);
        *packet != before
    }
}

fn rewrite(packet: &mut Packet, manip: Manip, target: Tuple) {
    match manip {
        Manip::Source => packet.src = target.src,
        Manip::Destination => packet.dst = target.dst,
    }
    match (&mut packet.transport, manip) {
        (
            Transport::Tcp { sport, .. }
            | Transport::Udp { sport, .. }
            | Transport::Sctp { sport, .. },
            Manip::Source,
        ) => *sport = target.sport,
        (
            Transport::Tcp { dport, .. }
            | Transport::Udp { dport, .. }
            | Transport::Sctp { dport, .. },
            Manip::Destination,
        ) => *dport = target.dport,
        (Transport::Icmp { id, .. }, Manip::Source) => *id = target.sport,
        (Transport::Icmp { id, .. }, Manip::Destination) => *id = target.dport,
        // The packet inside goes the other way: its far side is rewritten.
        (Transport::IcmpError { about, .. }, Manip::Source) => {
            about.dst = target.src;
            about.dport = target.sport;
        }
        (Transport::IcmpError { about, .. }, Manip::Destination) => {
            about.src = target.dst;
            about.sport = target.dport;
        }
        (Transport::Other { .. }, Manip::Source | Manip::Destination) => {}
    }
}

#[cfg(test)]
mod tests;
