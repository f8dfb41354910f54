//! `ss.txt`: listening sockets, as `ss -H -n -l -t -u -S -p -O` prints them.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::text::{self, Line};
use crate::flow::Protocol;
use crate::source::{Parsed, Source, SourceFile};

#[cfg(test)]
mod tests;

/// A socket that accepts what arrives at its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// TCP, UDP or SCTP.
    pub protocol: Protocol,
    /// Where it listens.
    pub address: ListenAddress,
    /// The device that it is bound to.
    pub device: Option<String>,
    /// Its port.
    pub port: u16,
    /// The far end that a UDP socket is connected to; it takes packets from nobody else.
    pub peer: Option<(IpAddr, u16)>,
    /// TCP: connections that wait to be accepted; UDP: bytes not read.
    pub recv_q: u32,
    /// TCP: the backlog.
    pub send_q: u32,
    /// Names of the processes that hold it.
    pub processes: Vec<String>,
    /// Where it was read.
    pub source: Source,
}

/// The address that a socket listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListenAddress {
    /// `*`: an IPv6 socket that takes IPv4 too.
    Any,
    /// `0.0.0.0`.
    V4Any,
    /// `[::]`: `v6only` where ss says so; ss prints `*` for dual-stack sockets, and `[::]` for IPv6-only ones.
    V6Any {
        /// IPv4 is not taken.
        v6only: bool,
    },
    /// One address.
    Ip(IpAddr),
}

impl ListenAddress {
    /// Whether a packet to `address` can be for this socket, as far as the address goes.
    #[must_use]
    pub fn accepts(self, address: IpAddr) -> bool {
        match self {
            Self::Any | Self::V6Any { v6only: false } => true,
            Self::V4Any => address.is_ipv4(),
            Self::V6Any { v6only: true } => address.is_ipv6(),
            Self::Ip(IpAddr::V6(bound)) => match (bound.to_ipv4_mapped(), address) {
                (Some(mapped), IpAddr::V4(v4)) => mapped == v4,
                (_, IpAddr::V6(v6)) => bound == v6,
                (None, IpAddr::V4(_)) => false,
            },
            Self::Ip(bound) => bound == address,
        }
    }

    /// The unspecified IPv6 address, for callers that need one address.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        match self {
            Self::Any | Self::V6Any { .. } => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            Self::V4Any => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            Self::Ip(ip) => ip,
        }
    }
}

/// Reads `ss.txt`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Listener>> {
    let mut parsed = Parsed::<Vec<Listener>>::default();
    for line in text::lines(file) {
        match listener(&line) {
            Ok(Some(listener)) => parsed.value.push(listener),
            Ok(None) => {}
            Err(message) => parsed.problems.push(line.problem(message)),
        }
    }
    parsed
}

fn listener(line: &Line<'_>) -> Result<Option<Listener>, String> {
    let mut fields = line.text.split_whitespace();
    let mut next = |what: &str| fields.next().ok_or_else(|| format!("{what} is missing"));
    let netid = next("the protocol")?;
    let protocol = match netid {
        // The header, which `-H` leaves out.
        "Netid" => return Ok(None),
        "tcp" | "mptcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        other => return Err(format!("`{other}` is no protocol that is known here")),
    };
    let state = next("the state")?;
    // A connected UDP socket takes packets too; a connected TCP socket is no listener.
    let listens = match protocol {
        Protocol::Udp => matches!(state, "UNCONN" | "ESTAB"),
        _ => state == "LISTEN",
    };
    if !listens {
        return Ok(None);
    }
    let recv_q = queue(next("Recv-Q")?)?;
    let send_q = queue(next("Send-Q")?)?;
    let (host, port) = split(next("the local address")?)?;
    let (peer_host, peer_port) = split(next("the peer address")?)?;
    let rest: Vec<&str> = fields.collect();
    let Some(port) = port else {
        return Err("the local port is `*`".to_owned());
    };
    let (host, device) = match host.split_once('%') {
        Some((host, device)) => (host, Some(device.trim_end_matches(']').to_owned())),
        None => (host, None),
    };
    Ok(Some(Listener {
        protocol,
        address: address(host, &rest)?,
        device,
        port,
        peer: match peer_port {
            Some(port) => Some((ip(peer_host)?, port)),
            None => None,
        },
        recv_q,
        send_q,
        processes: processes(&rest),
        source: line.source(),
    }))
}

fn queue(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is no queue length"))
}

/// `host:port`; a port of `*` or 0 is none.
fn split(text: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = text
        .rsplit_once(':')
        .ok_or_else(|| format!("`{text}` is not `address:port`"))?;
    match port {
        "*" | "0" => Ok((host, None)),
        _ => match port.parse() {
            Ok(port) => Ok((host, Some(port))),
            Err(_) => Err(format!("`{port}` is no port; run ss with `-n`")),
        },
    }
}

/// ss prints `*` for an IPv6 socket that takes IPv4 too, `[::]` for one that does not (`-e` says which, as well).
fn address(host: &str, rest: &[&str]) -> Result<ListenAddress, String> {
    match host {
        "*" => Ok(ListenAddress::Any),
        "0.0.0.0" => Ok(ListenAddress::V4Any),
        "[::]" | "::" => Ok(ListenAddress::V6Any {
            v6only: !rest.contains(&"v6only:0"),
        }),
        _ => ip(host).map(ListenAddress::Ip),
    }
}

/// An address, in brackets or not, without a device.
fn ip(host: &str) -> Result<IpAddr, String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let bare = bare.split('%').next().unwrap_or(bare);
    bare.parse()
        .map_err(|_| format!("`{host}` is no IP address"))
}

/// The names in `users:(("nginx",pid=1,fd=6),("nginx",fd=6))`, each once.
fn processes(rest: &[&str]) -> Vec<String> {
    let text = rest.join(" ");
    let Some((_, users)) = text.split_once("users:(") else {
        return Vec::new();
    };
    let mut names: Vec<String> = users
        .split("(\"")
        .skip(1)
        .filter_map(|part| part.split_once('"'))
        .map(|(name, _)| name.to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}
