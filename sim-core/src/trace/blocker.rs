//! What ends a packet's way, and what its sender notices of it.

mod kind;

pub(crate) use kind::BlockerKind;

use std::sync::Arc;

use super::{Arrival, Expected, Phase, Stage, Stop, Transit, Walk};
use crate::linux::conntrack::Ct;
use crate::linux::icmp;
use crate::linux::netfilter::{CtDirection, CtState, near::NearMiss};
use crate::linux::packet::{Packet, TcpFlags, Transport, protocol};
use crate::linux::source_address;
use crate::source::Source;
use crate::verdict::{Outcome, StepStatus};
use crate::world::Namespace;

/// Something that ends a packet's way.
#[derive(Debug, Clone)]
pub(crate) struct Blocker {
    pub(crate) kind: BlockerKind,
    pub(crate) ns: Arc<Namespace>,
    /// Where the packet ends and errors come from, which may be elsewhere.
    pub(crate) ends_at: Arc<Namespace>,
    /// What a person must change, where it is not what the namespace belongs to.
    pub(crate) object: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) rule: Option<String>,
    pub(crate) message: String,
    pub(crate) sources: Vec<Source>,
    /// Rules that would have let the packet pass but for one field.
    pub(crate) near: Vec<NearMiss>,
    pub(crate) phase: Phase,
    pub(crate) outcome: Outcome,
    pub(crate) also: Option<Outcome>,
    pub(crate) retries: bool,
}

/// What the sender gets to know of the loss, if it gets back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing.
    Silent,
    /// An ICMP (ICMPv6) error from the blocker's namespace.
    Icmp { kind: u8, code: u8 },
    /// An ICMP error with the MTU that fits.
    TooBig { mtu: u32 },
    /// A TCP reset.
    Reset,
    /// A stack that does not know the connection: a reset to whom the packet says it is from (`tcp_v4_send_reset`).
    Stranger,
    /// The sending socket's own kernel refuses.
    Local(Outcome),
    /// The neighbour does not resolve: an error after some time, or none.
    Neighbour,
}

impl Blocker {
    pub(crate) fn new(kind: BlockerKind, ns: &Arc<Namespace>) -> Self {
        Self {
            kind,
            ns: Arc::clone(ns),
            ends_at: Arc::clone(ns),
            object: None,
            device: None,
            rule: None,
            message: String::new(),
            sources: Vec::new(),
            near: Vec::new(),
            phase: Phase::Request,
            outcome: Outcome::Timeout,
            also: None,
            retries: false,
        }
    }

    pub(crate) fn says(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    pub(crate) fn blames(mut self, object: String) -> Self {
        self.object = Some(object);
        self
    }

    pub(crate) fn on(mut self, device: &str) -> Self {
        self.device = Some(device.to_owned());
        self
    }

    pub(crate) fn rule(mut self, rule: String) -> Self {
        self.rule = Some(rule);
        self
    }

    pub(crate) fn citing(mut self, sources: impl IntoIterator<Item = Source>) -> Self {
        self.sources.extend(sources);
        self
    }
}

impl Walk<'_, '_> {
    /// Notes that the packet ends here, and goes on as if it did not: so that what else blocks it is found too.
    ///
    /// A walk that only tries whether an error gets back ends here instead.
    pub(crate) fn block(
        &mut self,
        mut blocker: Blocker,
        failure: Failure,
        transit: &Transit,
    ) -> Stage<()> {
        if self.quiet > 0 {
            self.why_lost.get_or_insert(blocker);
            return Err(Stop::Lost);
        }
        let again = |known: &Blocker| {
            known.kind == blocker.kind
                && known.ns.path == blocker.ns.path
                && known.message.starts_with(&blocker.message)
        };
        let met = self.blockers.iter().skip(self.met_before);
        if met.filter(|known| again(known)).count() > 2 {
            // What lies behind leads back here: everything there was found.
            return Err(Stop::Lost);
        }
        let first = self.blockers.is_empty();
        if let Failure::TooBig { mtu } = failure
            && !self.has_learned
        {
            let earlier = self.why_lost.take();
            let error = icmp::too_big(&transit.packet, mtu);
            let returns = self.error_returns(&blocker.ends_at, error, transit)?;
            let lost = std::mem::replace(&mut self.why_lost, earlier);
            if returns {
                self.told = self.sender.clone();
                return Err(Stop::TooBig(mtu));
            }
            if let Some(lost) = lost {
                blocker.message = format!(
                    "{} (the ICMP error that would tell its sender is lost on its way back: {})",
                    blocker.message, lost.message
                );
                blocker.sources.extend(lost.sources);
            }
        }
        let (outcome, also) = if first {
            self.noticed(&blocker, failure, transit)?
        } else {
            (Outcome::Timeout, None)
        };
        let unconfirmed = match transit.ct {
            Ct::Attached { conn, .. } => self.conns.get(conn).is_some_and(|conn| !conn.confirmed),
            Ct::None | Ct::Untracked | Ct::Invalid => false,
        };
        let retries = self.phase == Phase::Request
            && unconfirmed
            && self.chose_in.contains(&blocker.ends_at.path);
        let blocker = if first {
            self.blame_route(blocker)
        } else {
            blocker
        };
        self.log.step(
            StepStatus::Blocked,
            || blocker.message.clone(),
            || blocker.sources.clone(),
        );
        self.log.now(&transit.packet, None);
        self.blockers.push(Blocker {
            phase: self.phase,
            outcome,
            also,
            retries,
            ..blocker
        });
        Ok(())
    }

    /// As `block`, where there is no way on.
    pub(crate) fn end<T>(
        &mut self,
        blocker: Blocker,
        failure: Failure,
        transit: &Transit,
    ) -> Stage<T> {
        self.block(blocker, failure, transit)?;
        Err(Stop::Lost)
    }

    fn noticed(
        &mut self,
        blocker: &Blocker,
        failure: Failure,
        transit: &Transit,
    ) -> Stage<(Outcome, Option<Outcome>)> {
        let lost = (Outcome::Timeout, None);
        if let Some(inner) = &transit.inner {
            return self.noticed_through(inner, blocker, failure, transit);
        }
        if self.phase != Phase::Request {
            // The server's stack gets the error, if anybody: the client waits.
            return Ok(match (failure, self.phase) {
                (Failure::Reset, Phase::Data)
                    if self.reset_returns(&blocker.ends_at, transit)? =>
                {
                    (Outcome::Refused, None)
                }
                // A connection that is established only notes it (`sk_err_soft`): SO_ERROR shows it, and so does giving up.
                (Failure::Icmp { kind, code }, Phase::Data) => {
                    match self.error_noticed(&blocker.ends_at, kind, code, transit)? {
                        Outcome::Timeout => lost,
                        noticed => (Outcome::Timeout, Some(noticed)),
                    }
                }
                (Failure::Stranger, Phase::Data)
                    if self.reset_returns(&blocker.ends_at, transit)? =>
                {
                    (Outcome::Refused, None)
                }
                // The server's socket dies of it and answers what the client sends again with a reset of its own. Conntrack
                // may hold that for INVALID and leave it untranslated, so that the client believes it.
                (Failure::Stranger, Phase::DataResponse)
                    if self.reset_returns(&blocker.ends_at, transit)? =>
                {
                    (Outcome::Timeout, Some(Outcome::Refused))
                }
                _ => lost,
            });
        }
        match failure {
            Failure::Silent | Failure::Stranger => Ok(lost),
            Failure::Local(outcome) => Ok((outcome, None)),
            Failure::Icmp { kind, code } => {
                let noticed = self.error_noticed(&blocker.ends_at, kind, code, transit)?;
                // `ip_error()`: no more than one in a second to each sender, after a few.
                let limited = transit.packet.src.is_ipv4()
                    && noticed == Outcome::Unreachable
                    && matches!(
                        blocker.kind,
                        BlockerKind::RouteMissing | BlockerKind::RouteRefused
                    );
                Ok((noticed, limited.then_some(Outcome::Timeout)))
            }
            Failure::TooBig { mtu } => {
                let _ = mtu;
                Ok(lost)
            }
            Failure::Reset => {
                let returns = self.reset_returns(&blocker.ends_at, transit)?;
                Ok((
                    if returns {
                        Outcome::Refused
                    } else {
                        Outcome::Timeout
                    },
                    None,
                ))
            }
            Failure::Neighbour => {
                let (kind, code) = icmp::host_unreachable(transit.packet.family());
                let noticed = if transit.local {
                    icmp::local_neighbour_error(transit.packet.protocol())
                } else {
                    self.error_noticed(&blocker.ends_at, kind, code, transit)?
                };
                Ok(match noticed {
                    Outcome::Unreachable => (Outcome::Unreachable, Some(Outcome::Timeout)),
                    other => (other, None),
                })
            }
        }
    }

    pub(super) fn error_noticed(
        &mut self,
        ns: &Arc<Namespace>,
        kind: u8,
        code: u8,
        transit: &Transit,
    ) -> Stage<Outcome> {
        let noticed = icmp::noticed(
            transit.packet.family(),
            transit.packet.protocol(),
            kind,
            code,
        );
        if noticed == Outcome::Timeout {
            return Ok(noticed);
        }
        let error = icmp::error(&transit.packet, kind, code);
        Ok(if self.error_returns(ns, error, transit)? {
            noticed
        } else {
            Outcome::Timeout
        })
    }

    /// Whether an ICMP error about the packet under way reaches its sender.
    pub(super) fn error_returns(
        &mut self,
        ns: &Arc<Namespace>,
        error: Packet,
        transit: &Transit,
    ) -> Stage<bool> {
        let Some((namespace, tuple)) = self.sender.clone() else {
            return Ok(false);
        };
        if icmp::is_withheld(ns, error.dst)? {
            return Ok(false);
        }
        let error = Packet {
            src: source_address::of_error(ns, &transit.packet, transit.iif.as_deref())
                .unwrap_or(error.src),
            ..error
        };
        self.tries(
            ns,
            error,
            transit,
            Expected::ErrorAbout { namespace, tuple },
            CtState::Related,
        )
    }

    /// Whether a TCP reset in answer to the packet under way reaches its sender.
    pub(crate) fn reset_returns(&mut self, ns: &Arc<Namespace>, transit: &Transit) -> Stage<bool> {
        let Some((namespace, tuple)) = self.sender.clone() else {
            return Ok(false);
        };
        let Transport::Tcp { sport, dport, .. } = transit.packet.transport else {
            return Ok(false);
        };
        let reset = Packet {
            src: transit.packet.dst,
            dst: transit.packet.src,
            transport: Transport::Tcp {
                sport: dport,
                dport: sport,
                flags: TcpFlags(TcpFlags::RST | TcpFlags::ACK),
            },
            length: 40,
            dont_fragment: true,
            ttl: 64,
            tos: 0,
            mark: 0,
        };
        self.tries(
            ns,
            reset,
            transit,
            Expected::Reset {
                namespace,
                tuple: tuple.inverted(),
            },
            CtState::Established,
        )
    }

    /// Sends `packet`, made in `ns` in answer to `about`, without recording anything.
    fn tries(
        &mut self,
        ns: &Arc<Namespace>,
        packet: Packet,
        about: &Transit,
        expected: Expected,
        state: CtState,
    ) -> Stage<bool> {
        // `nf_ct_attach()`: the answer belongs to the connection of what it answers.
        let ct = match about.ct {
            Ct::Attached {
                conn, direction, ..
            } => Ct::Attached {
                conn,
                direction: match direction {
                    CtDirection::Original => CtDirection::Reply,
                    CtDirection::Reply => CtDirection::Original,
                },
                state,
            },
            other => other,
        };
        let result = self.quietly(expected, |walk| walk.originate(ns, packet, ct, None));
        match result {
            Ok(Arrival::Socket { .. }) => Ok(true),
            // What made the packet leave lets the error leave too.
            Ok(Arrival::Boundary { .. }) => Ok(true),
            Err(Stop::Lost | Stop::TooBig(_)) => Ok(false),
            Err(stop) => Err(stop),
        }
    }

    /// Walks something besides the packet under way, without recording anything.
    pub(super) fn quietly<T>(
        &mut self,
        expected: Expected,
        walk: impl FnOnce(&mut Self) -> Stage<T>,
    ) -> Stage<T> {
        // A neighbour's answer is really sent: bridges learn from it.
        let teaches = matches!(expected, Expected::Asker { .. });
        self.quiet += 1;
        let muted = std::mem::replace(&mut self.log.muted, true);
        let kept = (
            std::mem::replace(&mut self.expected, expected),
            self.phase,
            self.sender.clone(),
            self.sent_mtu,
        );
        let conns = self.conns.clone();
        let learned = self.learned.clone();
        let clouded = self.clouded.clone();
        let passages = std::mem::take(&mut self.passages);
        let result = walk(self);
        self.passages = passages;
        self.conns = conns;
        self.clouded = clouded;
        if !teaches {
            self.learned = learned;
        }
        (self.expected, self.phase, self.sender, self.sent_mtu) = kept;
        self.log.muted = muted;
        self.quiet -= 1;
        result
    }

    /// Whether the walk only finds out if an error gets back.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet > 0
    }

    /// Whether something blocked the packet already.
    pub(crate) fn is_as_if_passed(&self) -> bool {
        !self.blockers.is_empty()
    }
}

/// Whether a dropped first packet of this protocol is an error to the program that sent it.
pub(crate) fn local_drop(protocol: u8) -> Failure {
    // `udp_send_skb()` and `raw_sendmsg()` return EPERM; TCP retransmits.
    if protocol == protocol::TCP {
        Failure::Silent
    } else {
        Failure::Local(Outcome::Unreachable)
    }
}
