//! Packets for this machine: INPUT, then a tunnel, a socket, or nobody (`ip_local_deliver`).

use std::sync::Arc;

use super::balancing::Balancing;
use super::blocker::{Blocker, BlockerKind, Failure};
use super::netfilter::HookSite;
use super::{Arrival, Expected, Stage, Stop, Transit, Walk};
use crate::evidence::socket::Listener;
use crate::linux::choice::Choice as _;
use crate::linux::conntrack;
use crate::linux::icmp;
use crate::linux::netfilter::{AddressType, Hook, Surroundings as _};
use crate::linux::packet::{Family, Port, Transport};
use crate::linux::socket;
use crate::linux::sysctl;
use crate::verdict::StepStatus;
use crate::world::Namespace;

impl Walk<'_, '_> {
    /// `ip_local_deliver()`.
    pub(super) fn input(&mut self, ns: &Arc<Namespace>, mut transit: Transit) -> Stage<Arrival> {
        let iif = transit.iif.clone();
        let site = HookSite {
            iif: iif.as_deref(),
            ..HookSite::default()
        };
        self.run_hook(ns, Hook::Input, &site, &mut transit)?;
        self.log.now(&transit.packet, None);
        if let Balancing::Taken(connection) = transit.balancing {
            return self.send_balanced(ns, connection, transit);
        }
        if transit.inner.is_some() {
            return self.decapsulate(ns, transit);
        }
        match self.expected.clone() {
            Expected::Listener => self.listen(ns, transit),
            Expected::Connection { namespace, tuple } => {
                if namespace == ns.path && conntrack::tuple_of(&transit.packet) == Some(tuple) {
                    self.log.step(
                        StepStatus::Normal,
                        || "reaches the socket of the connection".to_owned(),
                        Vec::new,
                    );
                    return Ok(Arrival::Socket {
                        ns: Arc::clone(ns),
                        packet: transit.packet,
                    });
                }
                self.strange(ns, &namespace, &transit)
            }
            Expected::ErrorAbout { namespace, tuple } => {
                let about_it = matches!(&transit.packet.transport, Transport::IcmpError { about, .. } if *about == tuple);
                if namespace == ns.path && about_it {
                    return Ok(Arrival::Socket {
                        ns: Arc::clone(ns),
                        packet: transit.packet,
                    });
                }
                Err(Stop::Lost)
            }
            Expected::TunnelEnd | Expected::Asker { .. } => Err(Stop::Lost),
            Expected::Reset { namespace, tuple } => {
                if namespace == ns.path && conntrack::tuple_of(&transit.packet) == Some(tuple) {
                    return Ok(Arrival::Socket {
                        ns: Arc::clone(ns),
                        packet: transit.packet,
                    });
                }
                Err(Stop::Lost)
            }
        }
    }

    fn listen(&mut self, ns: &Arc<Namespace>, transit: Transit) -> Stage<Arrival> {
        let packet = &transit.packet;
        if let Transport::Icmp { .. } = packet.transport {
            ns.known("sysctl.txt")?;
            let key = match packet.family() {
                Family::V4 => "net.ipv4.icmp_echo_ignore_all",
                Family::V6 => "net.ipv6.icmp.echo_ignore_all",
            };
            let ignores = sysctl::integer(ns, key, 0);
            if ignores.value != 0 {
                let blocker = Blocker::new(BlockerKind::NoListener, ns)
                    .says(format!("{} ignores echo requests ({key})", ns.object))
                    .citing(ignores.source);
                self.block(blocker, Failure::Silent, &transit)?;
            }
            self.log.step(
                StepStatus::Normal,
                || "the kernel answers the echo request".to_owned(),
                Vec::new,
            );
            return Ok(Arrival::Socket {
                ns: Arc::clone(ns),
                packet: transit.packet,
            });
        }
        if matches!(packet.transport, Transport::Tcp { .. })
            && ns.address_type(packet.dst, None) == Ok(AddressType::Anycast)
        {
            let blocker = Blocker::new(BlockerKind::NoListener, ns).says(format!(
                "{} is an anycast address of {}: TCP takes no connections there",
                packet.dst, ns.object
            ));
            return self.end(blocker, Failure::Silent, &transit);
        }
        let listener = socket::find(ns, packet, transit.iif.as_deref())?;
        if let Some(listener) = listener.map(|found| self.member_of(ns, found)) {
            if socket::is_full(listener) {
                let blocker = Blocker::new(BlockerKind::BacklogFull, ns)
                    .says(format!(
                        "the socket on port {} has {} connections that its program does not accept, more than its backlog of {}: it takes no more",
                        listener.port, listener.recv_q, listener.send_q
                    ))
                    .citing([listener.source.clone()]);
                // `tcp_conn_request()`: the SYN is dropped, whatever tcp_abort_on_overflow says.
                self.block(blocker, Failure::Silent, &transit)?;
            }
            self.log.step(
                StepStatus::Normal,
                || {
                    let by = match listener.processes.join(", ") {
                        by if by.is_empty() => by,
                        by => format!(" ({by})"),
                    };
                    format!("a socket{by} listens on port {}", listener.port)
                },
                || vec![listener.source.clone()],
            );
            self.answerable(ns, &transit)?;
            self.server_device.clone_from(&listener.device);
            return Ok(Arrival::Socket {
                ns: Arc::clone(ns),
                packet: transit.packet,
            });
        }
        let port = match packet.dport() {
            Some(Port::Known(port)) => port.to_string(),
            Some(Port::Chosen { .. }) | None => "this port".to_owned(),
        };
        let near: Vec<_> = socket::near_misses(ns, packet)
            .map(|listener| listener.source.clone())
            .collect();
        let elsewhere = if near.is_empty() {
            ""
        } else {
            "; what listens on that port listens on another address"
        };
        let cited = if near.is_empty() {
            ns.listeners
                .first()
                .map(|listener| listener.source.clone())
                .into_iter()
                .collect()
        } else {
            near
        };
        let blocker = Blocker::new(BlockerKind::NoListener, ns)
            .says(format!(
                "nothing in {} listens on {} port {port}{elsewhere}",
                ns.object, packet.dst
            ))
            .citing(cited);
        let failure = match packet.transport {
            Transport::Tcp { .. } => Failure::Reset,
            // SCTP answers with an ABORT, which its sender takes as a refusal (RFC 9260 section 8.4).
            Transport::Sctp { .. } => Failure::Silent,
            Transport::Udp { .. }
            | Transport::Icmp { .. }
            | Transport::IcmpError { .. }
            | Transport::Other { .. } => {
                let (kind, code) = icmp::port_unreachable(packet.family());
                Failure::Icmp { kind, code }
            }
        };
        self.block(blocker, failure, &transit)?;
        // As if something listened: what keeps its answer from coming back is found too.
        Ok(Arrival::Socket {
            ns: Arc::clone(ns),
            packet: transit.packet,
        })
    }

    /// A datagram's answer takes its source from what was asked, which IPv6 wants to be an address, not only a local route
    /// (`ip6_datagram_send_ctl`); connections do not ask.
    fn answerable(&mut self, ns: &Arc<Namespace>, transit: &Transit) -> Stage<()> {
        let asked = transit.packet.dst;
        if !matches!(transit.packet.transport, Transport::Udp { .. }) || asked.is_ipv4() {
            return Ok(());
        }
        ns.known("ip-addr.json")?;
        ns.known("sysctl.txt")?;
        if ns.addresses.iter().any(|address| address.local == asked)
            || ns.address_type(asked, None) == Ok(AddressType::Anycast)
            || sysctl::integer(ns, "net.ipv6.ip_nonlocal_bind", 0).value != 0
        {
            return Ok(());
        }
        let blocker = Blocker::new(BlockerKind::AddressMissing, ns).says(format!(
            "a program in {} cannot answer from {asked}: a route makes it local, but no device has it",
            ns.object
        ));
        self.block(blocker, Failure::Silent, transit)
    }

    /// Of sockets that share a port, the one that takes the packet; they differ only in whether their backlog is full.
    fn member_of<'a>(&mut self, ns: &'a Namespace, found: &'a Listener) -> &'a Listener {
        let group = socket::group(ns, found);
        let n_full = group
            .iter()
            .filter(|member| socket::is_full(member))
            .count();
        if n_full == 0 || n_full == group.len() {
            return found;
        }
        let chosen = self.script.chance(&vec![1; group.len()], &found.source);
        group.get(chosen).copied().unwrap_or(found)
    }

    /// A packet of the exchange reached a stack that does not know its connection.
    fn strange(&mut self, ns: &Arc<Namespace>, wanted: &str, transit: &Transit) -> Stage<Arrival> {
        let packet = &transit.packet;
        let blocker = if ns.path == wanted {
            Blocker::new(BlockerKind::ReplyMismatch, ns).says(format!(
                "the answer reaches {} from {}, but it asked another address: its stack does not know this connection",
                ns.object, packet.src
            ))
        } else {
            Blocker::new(BlockerKind::Stranger, ns).says(format!(
                "a packet for {} ends at {}, which does not know its connection",
                packet.dst, ns.object
            ))
        };
        let device = transit.iif.as_deref().and_then(|iif| ns.link(iif));
        self.end(
            blocker.citing(device.map(|link| link.source.clone())),
            Failure::Stranger,
            transit,
        )
    }
}
