//! `ipvsadm-save.txt`: IPVS's virtual services, as `ipvsadm -Sn` prints them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::text::{self, Line};
use crate::flow::Protocol;
use crate::source::{Parsed, Source, SourceFile};

#[cfg(test)]
mod tests;

/// A virtual service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualService {
    /// What packets it takes.
    pub key: ServiceKey,
    /// The scheduler: `rr`, `wrr`, `lc`, `sh` …
    pub scheduler: String,
    /// The scheduler's flags, e.g. `sh-fallback`, `flag-1`.
    pub flags: Vec<String>,
    /// One client goes to one server for this many seconds.
    pub persistent: Option<u32>,
    /// Which clients count as one: an IPv4 netmask's or an IPv6 prefix length.
    pub netmask: Option<u8>,
    /// The persistence engine, e.g. `sip`.
    pub persistence_engine: Option<String>,
    /// One-packet scheduling (UDP).
    pub one_packet: bool,
    /// Its servers, in order.
    pub servers: Vec<RealServer>,
    /// Where it was read.
    pub source: Source,
}

/// What packets a virtual service takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceKey {
    /// A protocol, address and port; port 0 is all ports.
    Address {
        /// TCP, UDP or SCTP.
        protocol: Protocol,
        /// The address and port.
        address: SocketAddr,
    },
    /// Packets with this mark.
    Fwmark {
        /// The mark.
        mark: u32,
        /// IPv6 packets (`-6`).
        v6: bool,
    },
}

/// A real server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealServer {
    /// Its address.
    pub address: IpAddr,
    /// Its port; 0 keeps the packet's.
    pub port: u16,
    /// How packets get to it.
    pub forwarding: Forwarding,
    /// Its weight; 0 takes no new connections.
    pub weight: u32,
    /// No new connections above this many; 0 is no limit.
    pub upper_threshold: u32,
    /// New connections again below this many; 0 is no limit.
    pub lower_threshold: u32,
    /// Tunnel encapsulation of `Tunnel`: `ipip`, `gue` or `gre`.
    pub tunnel: Option<String>,
    /// The tunnel's header has a checksum (`--tun-csum`).
    pub tunnel_checksum: bool,
    /// Where it was read.
    pub source: Source,
}

/// How IPVS forwards (`IP_VS_CONN_F_FWD_MASK`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Forwarding {
    /// `-m`: the destination is translated.
    Masquerade,
    /// `-g`: the frame is sent to the server unchanged.
    Direct,
    /// `-i`: the packet is tunnelled.
    Tunnel,
}

/// Reads `ipvsadm-save.txt`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<VirtualService>> {
    let mut parsed = Parsed::<Vec<VirtualService>>::default();
    for line in text::lines(file) {
        if let Err(message) = command(&line, &mut parsed.value) {
            parsed.problems.push(line.problem(message));
        }
    }
    parsed
}

fn command(line: &Line<'_>, services: &mut Vec<VirtualService>) -> Result<(), String> {
    let mut words = line.text.split_whitespace();
    let verb = words.next().unwrap_or_default();
    let options: Vec<&str> = words.collect();
    match verb {
        "-A" | "--add-service" => {
            services.push(service(line, &options)?);
            Ok(())
        }
        "-a" | "--add-server" => {
            let (key, server) = server(line, &options)?;
            match services.iter_mut().find(|service| service.key == key) {
                Some(service) => {
                    service.servers.push(server);
                    Ok(())
                }
                None => Err("a server of a service that has no line before".to_owned()),
            }
        }
        other => Err(format!("`{other}` is neither `-A` nor `-a`")),
    }
}

/// The options' values, one after the other.
struct Options<'a> {
    words: std::slice::Iter<'a, &'a str>,
}

impl<'a> Options<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.words.next().copied()
    }

    fn value(&mut self, option: &str) -> Result<&'a str, String> {
        self.next()
            .ok_or_else(|| format!("`{option}` has no value"))
    }

    fn number<T: std::str::FromStr>(&mut self, option: &str) -> Result<T, String> {
        let text = self.value(option)?;
        text.parse()
            .map_err(|_| format!("`{text}` is no value of `{option}`"))
    }
}

/// What names a service (`-t`, `-u`, `--sctp-service`, `-f`, `-6`), wherever it stands among the options.
#[derive(Default)]
struct Name {
    address: Option<(Protocol, SocketAddr)>,
    mark: Option<u32>,
    v6: bool,
}

impl Name {
    fn take(&mut self, option: &str, options: &mut Options<'_>) -> Result<bool, String> {
        let protocol = match option {
            "-t" | "--tcp-service" => Protocol::Tcp,
            "-u" | "--udp-service" => Protocol::Udp,
            "--sctp-service" => Protocol::Sctp,
            "-f" | "--fwmark-service" => {
                self.mark = Some(options.number(option)?);
                return Ok(true);
            }
            "-6" | "--ipv6" => {
                self.v6 = true;
                return Ok(true);
            }
            _ => return Ok(false),
        };
        self.address = Some((protocol, socket(options.value(option)?)?));
        Ok(true)
    }

    fn key(&self) -> Result<ServiceKey, String> {
        match (self.address, self.mark) {
            (Some((protocol, address)), None) => Ok(ServiceKey::Address { protocol, address }),
            (None, Some(mark)) => Ok(ServiceKey::Fwmark { mark, v6: self.v6 }),
            _ => Err("expected one of `-t`, `-u`, `--sctp-service` and `-f`".to_owned()),
        }
    }
}

fn service(line: &Line<'_>, words: &[&str]) -> Result<VirtualService, String> {
    let mut options = Options {
        words: words.iter(),
    };
    let mut name = Name::default();
    // ipvsadm's defaults.
    let mut scheduler = "wlc".to_owned();
    let mut flags = Vec::new();
    let (mut persistent, mut netmask, mut engine, mut one_packet) = (None, None, None, false);
    while let Some(option) = options.next() {
        if name.take(option, &mut options)? {
            continue;
        }
        match option {
            "-s" | "--scheduler" => options.value(option)?.clone_into(&mut scheduler),
            "-b" | "--sched-flags" => {
                flags.extend(options.value(option)?.split(',').map(str::to_owned));
            }
            "-p" | "--persistent" => persistent = Some(options.number(option)?),
            "-M" | "--netmask" => netmask = Some(prefix_length(options.value(option)?)?),
            "--pe" => engine = Some(options.value(option)?.to_owned()),
            "-o" | "--ops" => one_packet = true,
            other => {
                return Err(format!(
                    "`{other}` is no option of a service that is known here"
                ));
            }
        }
    }
    Ok(VirtualService {
        key: name.key()?,
        scheduler,
        flags,
        persistent,
        netmask,
        persistence_engine: engine,
        one_packet,
        servers: Vec::new(),
        source: line.source(),
    })
}

fn server(line: &Line<'_>, words: &[&str]) -> Result<(ServiceKey, RealServer), String> {
    let mut options = Options {
        words: words.iter(),
    };
    let mut name = Name::default();
    let mut address = None;
    // ipvsadm's defaults.
    let (mut forwarding, mut weight) = (Forwarding::Direct, 1);
    let (mut upper, mut lower, mut tunnel) = (0, 0, None);
    let mut tunnel_checksum = false;
    while let Some(option) = options.next() {
        if name.take(option, &mut options)? {
            continue;
        }
        match option {
            "-r" | "--real-server" => address = Some(socket(options.value(option)?)?),
            "-m" | "--masquerading" => forwarding = Forwarding::Masquerade,
            "-g" | "--gatewaying" => forwarding = Forwarding::Direct,
            "-i" | "--ipip" => forwarding = Forwarding::Tunnel,
            "-w" | "--weight" => weight = options.number(option)?,
            "-x" | "--u-threshold" => upper = options.number(option)?,
            "-y" | "--l-threshold" => lower = options.number(option)?,
            "--tun-type" => tunnel = Some(options.value(option)?.to_owned()),
            "--tun-port" => {
                options.value(option)?;
            }
            "--tun-csum" => tunnel_checksum = true,
            "--tun-nocsum" | "--tun-remcsum" => {}
            other => {
                return Err(format!(
                    "`{other}` is no option of a server that is known here"
                ));
            }
        }
    }
    let address = address.ok_or_else(|| "`-r` is missing".to_owned())?;
    let server = RealServer {
        address: address.ip(),
        port: address.port(),
        forwarding,
        weight,
        upper_threshold: upper,
        lower_threshold: lower,
        tunnel,
        tunnel_checksum,
        source: line.source(),
    };
    Ok((name.key()?, server))
}

/// `10.0.0.1:80` or `[fd00::1]:80`; without a port it is all of them.
fn socket(text: &str) -> Result<SocketAddr, String> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    text.parse()
        .or_else(|_| bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0)))
        .map_err(|_| format!("`{text}` is no address and port; run ipvsadm with `-n`"))
}

/// An IPv4 netmask or an IPv6 prefix length.
fn prefix_length(text: &str) -> Result<u8, String> {
    let invalid = || format!("`{text}` is no netmask");
    match text.parse::<u8>() {
        Ok(length) if length <= 128 => Ok(length),
        Ok(_) => Err(invalid()),
        Err(_) => {
            let mask: std::net::Ipv4Addr = text.parse().map_err(|_| invalid())?;
            ipnet::ipv4_mask_to_prefix(mask).map_err(|_| invalid())
        }
    }
}
