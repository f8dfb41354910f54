//! Payload each way, small and full-size.

use super::blocker::{Blocker, BlockerKind};
use super::exchange::{Ends, Exchanged, Question};
use super::script::Script;
use super::{Phase, Stage, Stop, Walk};
use crate::linux::packet::TcpFlags;
use crate::world::{Halt, World};

/// How payload of both sizes is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sizes {
    /// Full-size alone, without writing anything down: where that passes with nothing to be noted, a small one does too.
    AtOnce,
    /// One after the other.
    Apart,
}

/// Walks the whole exchange: payload of both sizes at once, and where they may part, all over with one after the other.
///
/// # Errors
/// When evidence has to be fetched first, or is damaged.
pub(crate) fn walk(
    world: &mut World<'_>,
    script: &mut Script,
    question: &Question,
) -> Result<Exchanged, Halt> {
    let done = Walk::new(world, script).exchange(question, Sizes::AtOnce)?;
    if !done.again {
        return Ok(done);
    }
    script.rewind();
    Walk::new(world, script).exchange(question, Sizes::Apart)
}

impl Walk<'_, '_> {
    /// Sends payload each way; gives whether a sender learned a smaller MTU.
    pub(super) fn payload(&mut self, ends: &Ends, lengths: [u32; 2]) -> Stage<bool> {
        let [request, response] = lengths;
        let mut learned = false;
        self.taught = None;
        for (phase, from, to, length) in [
            (Phase::Data, &ends.client, &ends.server, request),
            (Phase::DataResponse, &ends.server, &ends.client, response),
        ] {
            self.phase = phase;
            let mut length = length;
            // Each smaller MTU on the way is learned once.
            for _ in 0..8 {
                self.log.take();
                match self.send(from, to, TcpFlags::ACK | TcpFlags::PSH, length) {
                    Err(Stop::TooBig(mtu)) if mtu < length => {
                        learned = true;
                        length = mtu;
                        if phase == Phase::Data {
                            self.taught = Some(mtu);
                        }
                    }
                    other => {
                        other?;
                        break;
                    }
                }
            }
        }
        Ok(learned)
    }

    /// Whether full-size payload passes so that a small one does just the same.
    ///
    /// Only MTUs and rules that look at lengths tell the two apart, and no MTU is too small for the smaller one alone.
    pub(super) fn at_once(&mut self, ends: &Ends, largest: [u32; 2]) -> Result<bool, Halt> {
        let seen = self.world.seen();
        let n_taken = self.script.n_taken();
        self.length_seen = false;
        self.log.muted = true;
        self.script.is_trial = true;
        let passed = match self.payload(ends, largest) {
            Ok(learned) => !learned,
            Err(Stop::Halt(halt)) => return Err(halt),
            Err(Stop::Lost | Stop::TooBig(_) | Stop::Undecided(_)) => false,
        };
        let unnoted = self.blockers.is_empty() && self.script.n_taken() == n_taken;
        let passed = passed && unnoted && !self.length_seen;
        if !passed {
            self.world.unsee(seen);
        }
        Ok(passed)
    }

    /// Whether a later connection passes where the answers of this one are too long: its client has learned its path's MTU by
    /// then, and offers segments that fit (`ipv4_default_advmss`, `ip6_default_advmss`).
    pub(super) fn next_passes(&mut self, ends: &Ends, blockers: &[Blocker]) -> Result<bool, Halt> {
        let too_long = |blocker: &Blocker| {
            blocker.kind == BlockerKind::Mtu && blocker.phase == Phase::DataResponse
        };
        let Some(taught) = self.taught else {
            return Ok(false);
        };
        if blockers.is_empty() || !blockers.iter().all(too_long) {
            return Ok(false);
        }
        let n_taken = self.script.n_taken();
        self.log.muted = true;
        self.script.is_trial = true;
        self.phase = Phase::DataResponse;
        let flags = TcpFlags::ACK | TcpFlags::PSH;
        let passed = match self.send(&ends.server, &ends.client, flags, taught) {
            Ok(_) => self.blockers.is_empty(),
            Err(Stop::Halt(halt)) => return Err(halt),
            Err(Stop::Lost | Stop::TooBig(_) | Stop::Undecided(_)) => false,
        };
        self.blockers.clear();
        self.script.is_trial = false;
        self.log.muted = false;
        Ok(self.script.untake(n_taken) && passed)
    }

    pub(super) fn try_full_size(
        &mut self,
        ends: &Ends,
        largest: [u32; 2],
        done: &mut Exchanged,
    ) -> Result<(), Halt> {
        match self.payload(ends, largest) {
            Err(Stop::Halt(halt)) => return Err(halt),
            Ok(_) | Err(Stop::Lost | Stop::TooBig(_) | Stop::Undecided(_)) => {}
        }
        self.log.take();
        done.full_size = std::mem::take(&mut self.blockers);
        Ok(())
    }
}

/// The largest packet that an end with a route of `mtu` sends to one that offered `peer`'s segments (`tcp_sync_mss`).
pub(super) fn largest(ends: &Ends, mtu: u32, (peer_mtu, peer_mss): (u32, Option<u16>)) -> u32 {
    let known = |mtu: u32| if mtu == 0 { 1500 } else { mtu };
    let headers = if ends.client.tuple().src.is_ipv4() {
        40
    } else {
        60
    };
    let offered = peer_mss.map_or(known(peer_mtu), |mss| {
        u32::from(mss).saturating_add(headers)
    });
    known(mtu).min(offered)
}
