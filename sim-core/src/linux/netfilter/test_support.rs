//! Packets and surroundings for the tests of the rule engines.

use std::net::IpAddr;
use std::sync::Arc;

use super::{
    AddressType, CtDirection, CtState, CtView, FibQuestion, Hook, HookContext, ReversePath,
    Surroundings,
};
use crate::linux::choice::{Choice, Doubt, Tri};
use crate::linux::packet::{Family, Packet, Port, TcpFlags, Transport};
use crate::source::{Source, SourceFile};

/// A namespace that owns 10.0.0.254.
#[derive(Debug)]
pub(crate) struct Own;

impl Surroundings for Own {
    fn address_type(&self, address: IpAddr, _device: Option<&str>) -> Result<AddressType, Tri> {
        Ok(match address.to_string().as_str() {
            "10.0.0.254" => AddressType::Local,
            "10.0.0.255" => AddressType::Broadcast,
            _ => AddressType::Unicast,
        })
    }

    fn reverse_path(&self, packet: &Packet, _iif: &str, _how: ReversePath) -> Tri {
        Tri::from(packet.src.to_string().starts_with("10."))
    }

    fn route_device(&self, _: FibQuestion<'_>) -> Result<Option<String>, Tri> {
        Ok(Some("eth0".into()))
    }

    fn device_index(&self, _device: &str) -> Option<u32> {
        None
    }

    fn device_kind(&self, _device: &str) -> Option<String> {
        None
    }

    fn socket(&self, _packet: &Packet) -> Tri {
        Tri::No
    }
}

/// FORWARD of a new connection, from eth0 to veth1.
pub(crate) fn context() -> HookContext<'static> {
    HookContext {
        hook: Hook::Forward,
        family: Family::V4,
        iif: Some("eth0"),
        oif: Some("veth1"),
        physin: None,
        physout: None,
        bridged: false,
        local_socket: false,
        source_mac: "00:11:22:33:44:55".parse().ok(),
        mss: None,
        notes: super::Notes::NONE,
        ct: Some(CtView {
            state: CtState::New,
            direction: CtDirection::Original,
            original: None,
            reply: None,
            snat: false,
            dnat: false,
            seen_reply: false,
            mark: 0,
            zone: 0,
        }),
        surroundings: &Own,
        length_seen: None,
    }
}

/// `packet("10.0.0.1:40000", "udp 10.0.0.2:53")`; TCP SYN unless said otherwise.
pub(crate) fn packet(from: &str, to: &str) -> Packet {
    let (protocol, to) = to.split_once(' ').unwrap_or(("tcp", to));
    let end = |text: &str| -> (IpAddr, Port) {
        match text.parse() {
            Ok(address) => (address, Port::Known(0)),
            Err(_) => {
                let end: std::net::SocketAddr = text.parse().unwrap();
                (end.ip(), Port::Known(end.port()))
            }
        }
    };
    let ((src, sport), (dst, dport)) = (end(from), end(to));
    let transport = match protocol {
        "udp" => Transport::Udp { sport, dport },
        "sctp" => Transport::Sctp { sport, dport },
        "icmp" => Transport::Icmp {
            kind: 8,
            code: 0,
            id: Port::Known(1),
        },
        "gre" => Transport::Other { protocol: 47 },
        _ => Transport::Tcp {
            sport,
            dport,
            flags: TcpFlags(TcpFlags::SYN),
        },
    };
    Packet {
        src,
        dst,
        transport,
        length: 60,
        dont_fragment: true,
        ttl: 64,
        tos: 0,
        mark: 0,
    }
}

pub(crate) fn file(name: &str, text: &str) -> Arc<SourceFile> {
    Arc::new(SourceFile {
        name: name.into(),
        text: text.into(),
    })
}

/// Answers from a list (no and the last where it is used up) and notes what was asked.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) answers: Vec<usize>,
    pub(crate) asked: Vec<String>,
}

impl Script {
    fn next(&mut self) -> Option<usize> {
        (!self.answers.is_empty()).then(|| self.answers.remove(0))
    }
}

impl Choice for Script {
    fn chance(&mut self, weights: &[u64], _source: &Source) -> usize {
        self.asked.push(format!("chance {weights:?}"));
        self.next().unwrap_or(weights.len() - 1)
    }

    fn unknown(&mut self, doubt: Doubt) -> bool {
        self.asked.push(format!("unknown {}", doubt.what));
        self.next().unwrap_or(0) == 1
    }

    fn assume(&mut self, assumption: String) {
        self.asked.push(format!("assume {assumption}"));
    }
}
