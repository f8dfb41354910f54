//! IPVS at the hooks: servers are chosen, packets sent to them, answers translated back (`ip_vs_core.c`, `ip_vs_xmit.c`).

mod tunnel;

use std::net::IpAddr;
use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure};
use super::netfilter::HookSite;
use super::no_route::no_route;
use super::output::Way;
use super::{Arrival, Stage, Stop, Transit, Walk};
use crate::evidence::ipvs::{Forwarding, VirtualService};
use crate::evidence::route::RouteKind;
use crate::linux::choice::{Choice, Doubt};
use crate::linux::conntrack::Ct;
use crate::linux::fib::FibKey;
use crate::linux::icmp;
use crate::linux::ipvs::{self, Balanced, Scheduled};
use crate::linux::netfilter::{CtDirection, Hook};
use crate::linux::packet::{Packet, Port, Transport, protocol};
use crate::verdict::StepStatus;
use crate::world::Namespace;

/// What IPVS did with a packet (`skb->ipvs_property`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Balancing {
    /// Nothing yet.
    #[default]
    Fresh,
    /// It looked at it: it does so once per machine.
    Done,
    /// It takes it from the hook, for this connection.
    Taken(usize),
}

/// The two sides of IPVS at a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// `ip_vs_in_hook`.
    In,
    /// `ip_vs_out_hook`.
    Out,
}

/// Where IPVS is hooked in, by priority (`ip_vs_ops4`, `ip_vs_ops6`).
pub(super) fn hooked(ns: &Namespace, hook: Hook) -> &'static [(i32, Side)] {
    // kube-proxy binds the addresses of its virtual services to this device.
    let unseen = || {
        ns.known("ipvsadm-save.txt").is_err()
            && (ns.addresses.iter()).any(|address| address.device == "kube-ipvs0")
    };
    if ns.ipvs.is_empty() && !unseen() {
        return &[];
    }
    match hook {
        Hook::Input => &[(98, Side::Out), (99, Side::In)],
        Hook::Forward => &[(100, Side::Out)],
        Hook::Output => &[(-99, Side::Out), (-98, Side::In)],
        Hook::Prerouting | Hook::Postrouting => &[],
    }
}

impl Walk<'_, '_> {
    /// `ip_vs_out_hook()` and `ip_vs_in_hook()`; gives whether the packet is taken from the hook.
    pub(super) fn balance(
        &mut self,
        ns: &Arc<Namespace>,
        side: Side,
        transit: &mut Transit,
    ) -> Stage<bool> {
        match (transit.balancing, side) {
            (Balancing::Done | Balancing::Taken(_), _) => Ok(false),
            (Balancing::Fresh, Side::Out) => {
                self.translate_back(ns, transit);
                Ok(false)
            }
            (Balancing::Fresh, Side::In) => {
                let known = self.balanced.iter().position(|connection| {
                    connection.namespace == ns.path && connection.is_request(&transit.packet)
                });
                match known {
                    Some(index) => self.steer(ns, index, transit),
                    None => match self.schedule(ns, transit)? {
                        Some(index) => self.steer(ns, index, transit),
                        None => Ok(false),
                    },
                }
            }
        }
    }

    /// `handle_response()`, `ip_vs_out_icmp()`: the answer comes from the address that was asked.
    fn translate_back(&mut self, ns: &Namespace, transit: &mut Transit) {
        let found = self.balanced.iter().find(|connection| {
            connection.namespace == ns.path
                && (connection.is_answer(&transit.packet)
                    || connection.is_error_of_server(&transit.packet))
        });
        let Some(connection) = found.cloned() else {
            return;
        };
        let (address, port) = connection.asked;
        transit.packet.src = address;
        match &mut transit.packet.transport {
            Transport::Tcp { sport, .. }
            | Transport::Udp { sport, .. }
            | Transport::Sctp { sport, .. } => *sport = port,
            Transport::IcmpError { about, .. } => {
                about.dst = address;
                about.dport = port;
            }
            Transport::Icmp { .. } | Transport::Other { .. } => {}
        }
        transit.balancing = Balancing::Done;
        if !connection.tracked {
            self.untrack(transit);
        }
        self.log.step(
            StepStatus::Normal,
            || format!("IPVS: the source becomes {}", end(connection.asked)),
            || vec![connection.source],
        );
    }

    /// `ip_vs_schedule()`: a new connection, if the packet begins one with a virtual service.
    fn schedule(&mut self, ns: &Arc<Namespace>, transit: &Transit) -> Stage<Option<usize>> {
        let packet = &transit.packet;
        if !ipvs::begins(packet) {
            return Ok(None);
        }
        let ns_ref = Arc::clone(ns);
        let Some(service) = ipvs::find(&ns_ref.ipvs, packet) else {
            return match (ns.addresses.iter())
                .find(|address| address.device == "kube-ipvs0" && address.local == packet.dst)
            {
                Some(_) => ns
                    .known("ipvsadm-save.txt")
                    .map(|()| None)
                    .map_err(Stop::from),
                None => Ok(None),
            };
        };
        let (Some(sport), Some(dport)) = (packet.sport(), packet.dport()) else {
            return Ok(None);
        };
        // What a server here answers is not scheduled again.
        let is_own_answer = self.balanced.iter().any(|connection| {
            connection.namespace == ns.path
                && connection.client == (packet.dst, dport)
                && connection.asked == (packet.src, sport)
        });
        if is_own_answer {
            return Ok(None);
        }
        let Some((server, port)) = self.server_for(ns, service, dport, transit)? else {
            return Ok(None);
        };
        let Some((tracked, _)) = ns.sysctl.integer("net.ipv4.vs.conntrack").ok().flatten() else {
            return Err(Stop::Undecided(Doubt {
                what: format!(
                    "whether connections that IPVS balances are tracked on {}",
                    ns.object
                ),
                settle: format!("net.ipv4.vs.conntrack in {}/sysctl.txt", ns.path),
                source: Some(service.source.clone()),
            }));
        };
        self.balanced.push(Balanced {
            namespace: ns.path.clone(),
            protocol: packet.protocol(),
            client: (packet.src, sport),
            asked: (packet.dst, dport),
            server: (server.address, port),
            forwarding: server.forwarding,
            tunnel: server.tunnel.clone(),
            tunnel_checksum: server.tunnel_checksum,
            one_packet: service.one_packet && packet.protocol() == protocol::UDP,
            tracked: tracked != 0,
            source: server.source.clone(),
        });
        Ok(Some(self.balanced.len() - 1))
    }

    /// The scheduler's choice; nobody is an error to the client (`ip_vs_leave`).
    fn server_for<'a>(
        &mut self,
        ns: &Arc<Namespace>,
        service: &'a VirtualService,
        asked: Port,
        transit: &Transit,
    ) -> Stage<Option<(&'a crate::evidence::ipvs::RealServer, Port)>> {
        let among = match ipvs::schedule(service) {
            Scheduled::Among(among) => among,
            Scheduled::Unknown => {
                return Err(Stop::Undecided(Doubt {
                    what: format!("the IPVS scheduler {} is not modelled", service.scheduler),
                    settle: String::new(),
                    source: Some(service.source.clone()),
                }));
            }
        };
        let (servers, weights): (Vec<_>, Vec<u64>) = among.into_iter().unzip();
        if servers.len() > 1 && ipvs::is_by_state(service) {
            self.assume(format!(
                "the IPVS scheduler {} gives the servers of {} their shares: whose turn it is, is not captured",
                service.scheduler, transit.packet.dst
            ));
        }
        if servers
            .iter()
            .flatten()
            .any(|server| server.upper_threshold > 0)
        {
            self.assume("no IPVS server has reached its connection limit".to_owned());
        }
        let chosen = match servers.len() {
            0 => None,
            1 => servers.first().copied().flatten(),
            _ => servers
                .get(Choice::chance(self.script, &weights, &service.source))
                .copied()
                .flatten(),
        };
        if let Some(server) = chosen {
            return Ok(Some((server, ipvs::server_port(service, server, asked))));
        }
        let (kind, code) = icmp::port_unreachable(transit.packet.family());
        let why = if service.servers.is_empty() {
            "has no server"
        } else {
            "has no server that takes new connections (weight 0)"
        };
        self.end(
            Blocker::new(BlockerKind::NoServer, ns)
                .says(format!(
                    "the IPVS service for {} on {} {why}",
                    transit.packet.dst, ns.object
                ))
                .citing([service.source.clone()])
                .citing(service.servers.iter().map(|server| server.source.clone())),
            Failure::Icmp { kind, code },
            transit,
        )
    }

    /// `ip_vs_nat_xmit()`, `ip_vs_dr_xmit()`, `ip_vs_tunnel_xmit()`, up to where the packet is sent.
    fn steer(&mut self, ns: &Arc<Namespace>, index: usize, transit: &mut Transit) -> Stage<bool> {
        let Some(connection) = self.balanced.get(index).cloned() else {
            return Ok(false);
        };
        let words = match connection.forwarding {
            Forwarding::Masquerade => "translated",
            Forwarding::Direct => "as it is",
            Forwarding::Tunnel => "in a tunnel",
        };
        self.log.step(
            StepStatus::Normal,
            || {
                format!(
                    "IPVS: {} goes to {}, {words}",
                    end(connection.asked),
                    end(connection.server)
                )
            },
            || vec![connection.source.clone()],
        );
        let way = self.way_to_server(ns, &connection, transit)?;
        let local = way.kind == RouteKind::Local;
        self.crosses(ns, &connection, local, transit)?;
        if !local {
            self.count_down(ns, &way, transit)?;
            match connection.forwarding {
                Forwarding::Tunnel => self.check_tunnel_mtu(ns, &connection, &way, transit)?,
                Forwarding::Masquerade | Forwarding::Direct => self.check_mtu(ns, &way, transit)?,
            }
        }
        if connection.forwarding == Forwarding::Masquerade {
            send_to(&mut transit.packet, connection.server);
        }
        if !connection.tracked {
            self.untrack(transit);
        } else if connection.forwarding == Forwarding::Masquerade
            && let Ct::Attached {
                conn,
                direction: CtDirection::Original,
                ..
            } = transit.ct
            && let Some(conn) = self.conns.get_mut(conn).filter(|conn| !conn.confirmed)
        {
            // `ip_vs_update_conntrack()`
            conn.expect_answer_from(connection.server.0, connection.server.1);
        }
        transit.balancing = if local {
            Balancing::Done
        } else {
            Balancing::Taken(index)
        };
        Ok(!local)
    }

    /// `__ip_vs_get_out_rt()`: by the server's address alone.
    fn way_to_server(
        &mut self,
        ns: &Arc<Namespace>,
        connection: &Balanced,
        transit: &Transit,
    ) -> Stage<Way> {
        let server = connection.server.0;
        match self.look_up(ns, &FibKey::to(server))? {
            Ok(way) => Ok(way),
            Err(no) => {
                let (blocker, _) = no_route(ns, server, &no)?;
                // `dst_link_failure()`
                let (kind, code) = icmp::host_unreachable(transit.packet.family());
                self.end(
                    blocker.citing([connection.source.clone()]),
                    Failure::Icmp { kind, code },
                    transit,
                )
            }
        }
    }

    /// `crosses_local_route_boundary()`: what may not go from here to elsewhere or from elsewhere to here.
    fn crosses(
        &mut self,
        ns: &Arc<Namespace>,
        connection: &Balanced,
        local: bool,
        transit: &Transit,
    ) -> Stage<()> {
        let was_input = transit.iif.is_some();
        let is_wrong = if local {
            let was_local = was_input
                || matches!(self.look_up(ns, &FibKey::to(transit.packet.dst))?, Ok(way) if way.kind == RouteKind::Local);
            (connection.forwarding != Forwarding::Masquerade && !was_local)
                || (connection.forwarding == Forwarding::Masquerade
                    && was_input
                    && connection.server.0.is_loopback())
        } else {
            transit.packet.src.is_loopback()
        };
        if !is_wrong {
            return Ok(());
        }
        self.block(
            Blocker::new(BlockerKind::Martian, ns)
                .says(format!(
                    "IPVS on {} does not send packets from {} to {}",
                    ns.object, transit.packet.src, connection.server.0
                ))
                .citing([connection.source.clone()]),
            Failure::Silent,
            transit,
        )
    }

    /// Takes the packet out of conntrack's hands (`ip_vs_notrack`); an entry that nobody confirmed is gone.
    fn untrack(&mut self, transit: &mut Transit) {
        if let Ct::Attached { conn, .. } = transit.ct
            && let Some(conn) = self.conns.get_mut(conn).filter(|conn| !conn.confirmed)
        {
            conn.forget();
        }
        transit.ct = Ct::Untracked;
    }

    /// Sends what IPVS took from a hook, through OUTPUT (`ip_vs_nat_send_or_cont`, `ip_vs_send_or_cont`).
    pub(super) fn send_balanced(
        &mut self,
        ns: &Arc<Namespace>,
        index: usize,
        mut transit: Transit,
    ) -> Stage<Arrival> {
        let Some(connection) = self.balanced.get(index).cloned() else {
            return Err(Stop::Lost);
        };
        transit.balancing = Balancing::Done;
        transit.local = transit.iif.is_none();
        let mut way = self.way_to_server(ns, &connection, &transit)?;
        match connection.forwarding {
            Forwarding::Masquerade => {}
            // `FLOWI_FLAG_KNOWN_NH`: the server's own hardware address, whatever the packet's destination.
            Forwarding::Direct => way.gateway = Some(way.next(connection.server.0)),
            Forwarding::Tunnel => return self.send_tunnelled(ns, &connection, &way, transit),
        }
        self.log.step(
            StepStatus::Normal,
            || format!("route to {}: {}", connection.server.0, way.words()),
            || vec![way.source.clone()],
        );
        let site = HookSite {
            oif: Some(&way.device),
            gateway: way.gateway,
            mtu: Some(way.mtu),
            ..HookSite::default()
        };
        let before = transit.packet.clone();
        transit.rerouted = false;
        self.run_hook(ns, Hook::Output, &site, &mut transit)?;
        let rerouted = transit.rerouted || transit.packet.dst != before.dst;
        if rerouted && connection.forwarding == Forwarding::Masquerade {
            way = self.route_again(ns, &transit, None)?;
        }
        self.leave(ns, &way, transit)
    }
}

/// `tcp_dnat_handler()`, `udp_dnat_handler()`, `sctp_dnat_handler()`.
fn send_to(packet: &mut Packet, (address, port): (IpAddr, Port)) {
    packet.dst = address;
    match &mut packet.transport {
        Transport::Tcp { dport, .. }
        | Transport::Udp { dport, .. }
        | Transport::Sctp { dport, .. } => *dport = port,
        Transport::Icmp { .. } | Transport::IcmpError { .. } | Transport::Other { .. } => {}
    }
}

fn end((address, port): (IpAddr, Port)) -> String {
    match port {
        Port::Known(port) => std::net::SocketAddr::new(address, port).to_string(),
        Port::Chosen { .. } => address.to_string(),
    }
}
