//! From what the walk recorded to the verdict's own types.

use super::{Evidence, FiveTuple, Hop, HopStep, Shared};
use crate::linux::packet::{Packet, Port, Transport, Words, protocol};
use crate::source::{Position, Source};
use crate::trace::LoggedHop;

/// Longer cited text is cut.
const LONGEST: usize = 400;

/// A source as cited evidence.
pub(super) fn evidence(source: &Source) -> Shared<Evidence> {
    source.cited(|| cite(source)).clone()
}

fn cite(source: &Source) -> Evidence {
    let (line, pointer) = match source.position() {
        Position::Line(line) => (Some(*line), None),
        Position::Pointer(pointer) => (None, Some(pointer.to_string())),
    };
    let text = source.text().trim_end();
    let cut = (text.len() > LONGEST).then(|| text.char_indices().nth(LONGEST));
    let text = match cut.flatten() {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
        None => text.to_owned(),
    };
    Evidence {
        file: source.file().to_owned(),
        line,
        pointer,
        text,
    }
}

/// Sources as evidence, each once.
pub(crate) fn evidences(sources: &[Source]) -> Vec<Shared<Evidence>> {
    let mut cited: Vec<Shared<Evidence>> = Vec::with_capacity(sources.len());
    for source in sources {
        let item = evidence(source);
        // Places differ more often than files and texts do, and are compared sooner.
        let same = |other: &Shared<Evidence>| {
            other.line == item.line && other.pointer == item.pointer && *other == item
        };
        if !cited.iter().any(same) {
            cited.push(item);
        }
    }
    cited
}

/// The packets that were put into words so far, each once.
#[derive(Debug, Default)]
pub(super) struct Tuples(Vec<(Packet, Shared<FiveTuple>)>);

impl Tuples {
    fn of(&mut self, packet: &Packet) -> Shared<FiveTuple> {
        // Most packets look as they did a moment ago.
        let known = (self.0.iter().rev()).find(|(other, _)| is_same(other, packet));
        if let Some((_, known)) = known {
            return known.clone();
        }
        let new = Shared::from(tuple(packet));
        self.0.push((packet.clone(), new.clone()));
        new
    }
}

/// Recorded hops.
pub(super) fn hops(logged: Vec<LoggedHop>, tuples: &mut Tuples) -> Vec<Hop> {
    let hops = logged.into_iter();
    hops.map(|logged| Hop {
        namespace: logged.ns.path.clone(),
        object: logged.ns.object.clone(),
        device_in: logged.device_in,
        device_out: logged.device_out,
        before: tuples.of(&logged.before),
        after: tuples.of(&logged.after),
        steps: logged
            .steps
            .into_iter()
            .map(|step| HopStep {
                text: step.text,
                status: step.status,
                evidence: evidences(&step.sources),
            })
            .collect(),
        as_if_passed: logged.as_if_passed,
    })
    .collect()
}

/// Whether the two read the same.
fn is_same(a: &Packet, b: &Packet) -> bool {
    a.transport == b.transport && a.src == b.src && a.dst == b.dst
}

/// A packet's addresses.
pub(super) fn tuple(packet: &Packet) -> FiveTuple {
    let name = match packet.protocol() {
        protocol::TCP => "tcp".to_owned(),
        protocol::UDP => "udp".to_owned(),
        protocol::SCTP => "sctp".to_owned(),
        protocol::ICMP => "icmp".to_owned(),
        protocol::ICMPV6 => "icmpv6".to_owned(),
        other => other.to_string(),
    };
    let (sport, dport) = match &packet.transport {
        Transport::Icmp { .. } | Transport::IcmpError { .. } | Transport::Other { .. } => {
            (None, None)
        }
        Transport::Tcp { sport, dport, .. }
        | Transport::Udp { sport, dport }
        | Transport::Sctp { sport, dport } => (Some(port(*sport)), Some(port(*dport))),
    };
    FiveTuple {
        protocol: name,
        src: Words(packet.src).to_string(),
        sport,
        dst: Words(packet.dst).to_string(),
        dport,
    }
}

fn port(port: Port) -> String {
    match port {
        Port::Known(port) => port.to_string(),
        Port::Chosen { low, high, .. } => format!("{low}-{high}"),
    }
}
