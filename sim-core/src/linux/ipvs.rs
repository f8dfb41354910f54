//! IPVS: virtual services, schedulers and its own connections (`net/netfilter/ipvs/`).

use std::net::IpAddr;

use super::packet::{Packet, Port, TcpFlags, Transport, protocol};
use crate::evidence::ipvs::{Forwarding, RealServer, ServiceKey, VirtualService};
use crate::flow::Protocol;
use crate::source::Source;

/// A connection that IPVS balances (`struct ip_vs_conn`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balanced {
    /// The namespace that balances it.
    pub namespace: String,
    /// TCP, UDP or SCTP, by number.
    pub protocol: u8,
    /// Who asks (`caddr`, `cport`).
    pub client: (IpAddr, Port),
    /// What was asked (`vaddr`, `vport`).
    pub asked: (IpAddr, Port),
    /// Who is to answer (`daddr`, `dport`).
    pub server: (IpAddr, Port),
    /// How packets get there.
    pub forwarding: Forwarding,
    /// What a tunnelled packet is wrapped in; `None` is ipip.
    pub tunnel: Option<String>,
    /// The tunnel's header has a checksum.
    pub tunnel_checksum: bool,
    /// `IP_VS_CONN_F_ONE_PACKET`: it is forgotten at once, so that nothing later is found to be of it (`ip_vs_conn_hash`).
    pub one_packet: bool,
    /// `IP_VS_CONN_F_NFCT`: netfilter goes on tracking its packets.
    pub tracked: bool,
    /// The server's line.
    pub source: Source,
}

impl Balanced {
    /// `conn_in_get`: a packet from the client.
    #[must_use]
    pub fn is_request(&self, packet: &Packet) -> bool {
        !self.one_packet
            && self.protocol == packet.protocol()
            && self.client.0 == packet.src
            && self.asked.0 == packet.dst
            && packet.sport() == Some(self.client.1)
            && packet.dport() == Some(self.asked.1)
    }

    /// `conn_out_get`: a packet from the server that is to be translated back.
    #[must_use]
    pub fn is_answer(&self, packet: &Packet) -> bool {
        !self.one_packet
            && self.forwarding == Forwarding::Masquerade
            && self.protocol == packet.protocol()
            && self.server.0 == packet.src
            && self.client.0 == packet.dst
            && packet.sport() == Some(self.server.1)
            && packet.dport() == Some(self.client.1)
    }

    /// An ICMP error about a packet to the server (`ip_vs_out_icmp`).
    #[must_use]
    pub fn is_error_of_server(&self, packet: &Packet) -> bool {
        let Transport::IcmpError { about, .. } = &packet.transport else {
            return false;
        };
        !self.one_packet
            && self.forwarding == Forwarding::Masquerade
            && about.protocol == self.protocol
            && (about.src, about.sport) == self.client
            && (about.dst, about.dport) == self.server
    }
}

/// What a scheduler may answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheduled<'a> {
    /// One of these, by weight; `None` stands for hash buckets without a server that takes connections.
    Among(Vec<(Option<&'a RealServer>, u64)>),
    /// No scheduler of that name is known here.
    Unknown,
}

/// `ip_vs_service_find()`: by mark, then by address and port, then for all ports.
#[must_use]
pub fn find<'a>(services: &'a [VirtualService], packet: &Packet) -> Option<&'a VirtualService> {
    let kind = match packet.protocol() {
        protocol::TCP => Protocol::Tcp,
        protocol::UDP => Protocol::Udp,
        protocol::SCTP => Protocol::Sctp,
        _ => return None,
    };
    let by_mark = |service: &&VirtualService| {
        service.key
            == ServiceKey::Fwmark {
                mark: packet.mark,
                v6: packet.dst.is_ipv6(),
            }
    };
    let by_address = |port: Option<Port>| {
        move |service: &&VirtualService| match service.key {
            ServiceKey::Address { protocol, address } => {
                protocol == kind
                    && address.ip() == packet.dst
                    && Some(Port::Known(address.port())) == port
            }
            ServiceKey::Fwmark { .. } => false,
        }
    };
    (packet.mark != 0)
        .then(|| services.iter().find(by_mark))
        .flatten()
        .or_else(|| services.iter().find(by_address(packet.dport())))
        .or_else(|| services.iter().find(by_address(Some(Port::Known(0)))))
}

/// Whether a packet without a connection begins one (`tcp_conn_schedule`, `udp_conn_schedule`, `sctp_conn_schedule`).
#[must_use]
pub fn begins(packet: &Packet) -> bool {
    match &packet.transport {
        Transport::Tcp { flags, .. } => flags.has_syn() && flags.0 & TcpFlags::ACK == 0,
        Transport::Udp { .. } | Transport::Sctp { .. } => true,
        Transport::Icmp { .. } | Transport::IcmpError { .. } | Transport::Other { .. } => false,
    }
}

/// Which servers a new connection may go to.
///
/// Schedulers that look at how busy the servers are (`lc`, `wlc`, `sed` …) or that hash the client or the
/// destination come out as the shares that they give their servers in the long run.
#[must_use]
pub fn schedule(service: &VirtualService) -> Scheduled<'_> {
    let weighted = |weight: fn(&RealServer) -> u64| -> Vec<(Option<&RealServer>, u64)> {
        (service.servers.iter())
            .map(|server| (Some(server), weight(server)))
            .filter(|(_, weight)| *weight > 0)
            .collect()
    };
    let has_flag =
        |names: [&str; 2]| (service.flags.iter()).any(|flag| names.contains(&flag.as_str()));
    Scheduled::Among(match service.scheduler.as_str() {
        "rr" | "lc" => weighted(|server| u64::from(server.weight > 0)),
        "wrr" | "wlc" | "sed" | "nq" | "lblc" | "lblcr" | "mh" | "twos" => {
            weighted(|server| u64::from(server.weight))
        }
        // The servers of the highest weight, one of them.
        "fo" | "ovf" => {
            let highest = service.servers.iter().map(|server| server.weight).max();
            (service.servers.iter())
                .filter(|server| server.weight > 0 && Some(server.weight) == highest)
                .map(|server| (Some(server), 1))
                .collect()
        }
        // `ip_vs_sh_reassign()` gives each server its weight in buckets, and one to those of weight 0.
        "sh" if !has_flag(["sh-fallback", "flag-1"]) => {
            hashed(service, |server| server.weight.max(1))
        }
        "sh" => weighted(|server| u64::from(server.weight)),
        // `ip_vs_dh_reassign()` gives each server the same.
        "dh" => hashed(service, |_| 1),
        _ => return Scheduled::Unknown,
    })
}

/// A bucket whose server takes no connections answers for nobody.
fn hashed(
    service: &VirtualService,
    share: impl Fn(&RealServer) -> u32,
) -> Vec<(Option<&RealServer>, u64)> {
    let (mut among, mut nobody) = (Vec::new(), 0_u64);
    for server in &service.servers {
        let share = u64::from(share(server));
        if server.weight > 0 {
            among.push((Some(server), share));
        } else {
            nobody = nobody.saturating_add(share);
        }
    }
    if nobody > 0 {
        among.push((None, nobody));
    }
    among
}

/// Whether the choice depends on more than chance, so that its shares are an assumption.
#[must_use]
pub fn is_by_state(service: &VirtualService) -> bool {
    !matches!(service.scheduler.as_str(), "rr" | "wrr")
}

/// The port that a connection to `server` gets (`ip_vs_schedule`, `ip_vs_sched_persist`).
#[must_use]
pub fn server_port(service: &VirtualService, server: &RealServer, asked: Port) -> Port {
    let own = match service.key {
        ServiceKey::Address { address, .. } => Port::Known(address.port()),
        ServiceKey::Fwmark { .. } => Port::Known(0),
    };
    if server.port == 0 || (service.persistent.is_some() && own != asked) {
        asked
    } else {
        Port::Known(server.port)
    }
}

#[cfg(test)]
mod tests;
