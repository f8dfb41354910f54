//! A walk's state, kept so that a packet can be tried and taken back.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Expected, Phase, Walk, output};
use crate::linux::choice::Doubt;
use crate::linux::conntrack::{Conn, TcpState};
use crate::linux::netfilter::{Hook, Notes};
use crate::linux::packet::Tuple;
use crate::source::Source;
use crate::world::Namespace;

/// Everything that a packet's walk may change but the log.
pub(super) struct Checkpoint {
    conns: Vec<Conn>,
    n_blockers: usize,
    phase: Phase,
    expected: Expected,
    sender: Option<(String, Tuple)>,
    budget: u32,
    next_port: u16,
    ways: BTreeMap<(String, Source, IpAddr, IpAddr), usize>,
    settled: BTreeMap<(String, Hook, IpAddr, IpAddr, Vec<Doubt>), usize>,
    chose_in: Vec<String>,
    mss: Option<u16>,
    notes: BTreeMap<String, Notes>,
    resolvers: usize,
    last_way: Option<(Arc<Namespace>, output::Way)>,
    sent_mtu: u32,
    progress: (usize, usize),
    seen: Vec<bool>,
}

impl Walk<'_, '_> {
    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            conns: self.conns.clone(),
            n_blockers: self.blockers.len(),
            phase: self.phase,
            expected: self.expected.clone(),
            sender: self.sender.clone(),
            budget: self.budget,
            next_port: self.next_port,
            ways: self.ways.clone(),
            settled: self.settled.clone(),
            chose_in: self.chose_in.clone(),
            mss: self.mss,
            notes: self.notes.clone(),
            resolvers: self.resolvers.len(),
            last_way: self.last_way.clone(),
            sent_mtu: self.sent_mtu,
            progress: self.script.progress(),
            seen: self.world.seen(),
        }
    }

    /// Whether nothing was decided, noted or connected since that a later packet could meet.
    pub(super) fn is_as_at(&self, before: &Checkpoint) -> bool {
        let open = |conn: &Conn| Conn {
            // A handshake that ends is all that payload changes.
            tcp: TcpState::Established,
            ..conn.clone()
        };
        let (decided, _) = self.script.progress();
        decided == before.progress.0
            && self.blockers.len() == before.n_blockers
            && self.mss == before.mss
            && self.notes == before.notes
            && self.conns.len() == before.conns.len()
            && (self.conns.iter().map(open)).eq(before.conns.iter().map(open))
    }

    pub(super) fn return_to(&mut self, before: Checkpoint) {
        self.conns = before.conns;
        self.blockers.truncate(before.n_blockers);
        self.phase = before.phase;
        self.expected = before.expected;
        self.sender = before.sender;
        self.budget = before.budget;
        self.next_port = before.next_port;
        self.ways = before.ways;
        self.settled = before.settled;
        self.chose_in = before.chose_in;
        self.mss = before.mss;
        self.notes = before.notes;
        self.resolvers.truncate(before.resolvers);
        self.last_way = before.last_way;
        self.sent_mtu = before.sent_mtu;
        self.script.back_to(before.progress);
        self.world.forget(before.seen);
    }
}
