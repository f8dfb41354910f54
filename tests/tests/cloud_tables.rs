//! What the clouds' documents say, case by case: `data/cloud/`, one file per topic; each case names its rule by section and
//! number of the project's reference of cloud APIs.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::net::IpAddr;

use pathglass_sim::cloud::{Cloud, Direction, Onward, Region, Unconfirmed};
use pathglass_sim::linux::choice::Tri;
use pathglass_sim::linux::packet::{Packet, Port, TcpFlags, Transport, protocol};
use pathglass_tests::clouds::{self, Change};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    rule: String,
    groups: Option<Groups>,
    acl: Option<Acl>,
    route: Option<Route>,
    snat: Option<Snat>,
    dnat: Option<Dnat>,
    expect: String,
    /// The number of the unconfirmed rule that it rests on; empty for none.
    rests_on: Option<String>,
    object: Option<String>,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Groups {
    interface: String,
    direction: String,
    packet: Asked,
}

#[derive(Deserialize)]
struct Acl {
    subnet: String,
    direction: String,
    packet: Asked,
}

#[derive(Deserialize)]
struct Route {
    from: String,
    src: IpAddr,
    dst: IpAddr,
}

#[derive(Deserialize)]
struct Snat {
    nat: String,
    src: IpAddr,
}

#[derive(Deserialize)]
struct Dnat {
    nat: String,
    dst: IpAddr,
    protocol: String,
    port: u16,
}

#[derive(Deserialize)]
struct Asked {
    src: IpAddr,
    dst: IpAddr,
    protocol: String,
    sport: Option<AskedPort>,
    dport: Option<AskedPort>,
}

/// A number, or what a kernel chooses from.
#[derive(Deserialize)]
#[serde(untagged)]
enum AskedPort {
    Known(u16),
    Chosen(u16, u16),
}

fn port(asked: Option<&AskedPort>) -> Port {
    match asked.unwrap() {
        AskedPort::Known(port) => Port::Known(*port),
        AskedPort::Chosen(low, high) => Port::Chosen {
            id: 1,
            low: *low,
            high: *high,
        },
    }
}

fn packet(asked: &Asked) -> Packet {
    let ports = || (port(asked.sport.as_ref()), port(asked.dport.as_ref()));
    let transport = match asked.protocol.as_str() {
        "tcp" => Transport::Tcp {
            sport: ports().0,
            dport: ports().1,
            flags: TcpFlags(TcpFlags::SYN),
        },
        "udp" => Transport::Udp {
            sport: ports().0,
            dport: ports().1,
        },
        "icmp" => Transport::Icmp {
            kind: 8,
            code: 0,
            id: Port::Known(7),
        },
        "gre" => Transport::Other {
            protocol: protocol::GRE,
        },
        other => panic!("{other}"),
    };
    Packet {
        src: asked.src,
        dst: asked.dst,
        transport,
        length: 60,
        dont_fragment: true,
        ttl: 64,
        tos: 0,
        mark: 0,
    }
}

fn direction(word: &str) -> Direction {
    match word {
        "ingress" => Direction::Ingress,
        "egress" => Direction::Egress,
        other => panic!("{other}"),
    }
}

fn word(admits: &Tri) -> String {
    match admits {
        Tri::Yes | Tri::Assumed(true, _) => "accept",
        Tri::No | Tri::Assumed(false, _) => "drop",
        Tri::Unknown(_) => "unknown",
    }
    .to_owned()
}

/// What was decided: in words, on which unconfirmed rules it rests, and whose rule it was.
type Found = (String, Vec<Unconfirmed>, Option<String>);

fn unknown() -> Found {
    ("unknown".to_owned(), Vec::new(), None)
}

fn decide(region: &Region, case: &Case) -> Found {
    if let Some(Groups {
        interface,
        direction: way,
        packet: asked,
    }) = &case.groups
    {
        let interface = region.interface(interface).unwrap();
        let ruling = region.groups_admit(interface, direction(way), &packet(asked));
        return (word(&ruling.admits), ruling.rests_on, Some(ruling.object));
    }
    if let Some(asked) = &case.acl {
        let subnet = region.subnet(&asked.subnet).unwrap();
        let ruling = region.acl_admits(subnet, direction(&asked.direction), &packet(&asked.packet));
        return (word(&ruling.admits), ruling.rests_on, Some(ruling.object));
    }
    if let Some(Route { from, src, dst }) = &case.route {
        let from = region.interface(from).unwrap();
        return match region.way(from, *src, *dst) {
            Ok(way) => (onward(&way.onward), way.rests_on, None),
            Err(_) => unknown(),
        };
    }
    let nat = |id: &str| region.nats.iter().find(|nat| nat.id == id).unwrap();
    if let Some(asked) = &case.snat {
        return match region.snat(nat(&asked.nat), asked.src) {
            Ok(found) if found.addresses.is_empty() => ("none".to_owned(), found.rests_on, None),
            Ok(found) => {
                let all: Vec<String> = found.addresses.iter().map(IpAddr::to_string).collect();
                (all.join(","), found.rests_on, None)
            }
            Err(_) => unknown(),
        };
    }
    let asked = case.dnat.as_ref().unwrap();
    let number = match asked.protocol.as_str() {
        "udp" => protocol::UDP,
        _ => protocol::TCP,
    };
    let port = Some(Port::Known(asked.port));
    match region.dnat(nat(&asked.nat), asked.dst, number, port) {
        Ok(None) => ("none".to_owned(), Vec::new(), None),
        Ok(Some(rule)) => {
            let to = format!("{}:{}", rule.private, rule.port_for(asked.port));
            (to, Vec::new(), None)
        }
        Err(_) => unknown(),
    }
}

fn onward(onward: &Onward<'_>) -> String {
    match onward {
        Onward::Inside => "inside".to_owned(),
        Onward::Via(several) => {
            let ids: Vec<&str> = several.iter().map(|(own, _)| own.id.as_str()).collect();
            format!("via {}", ids.join(","))
        }
        Onward::Public(own) => format!("public {}", own.public),
        Onward::Nat(nat) => format!("nat {}", nat.id),
        Onward::Peer(vpc) => format!("peer {vpc}"),
        Onward::Service => "service".to_owned(),
        Onward::Missing => "missing".to_owned(),
        Onward::Absent(gone) => format!("absent {gone}"),
        Onward::Broken(_) => "broken".to_owned(),
        Onward::NoPublic => "no-public".to_owned(),
    }
}

/// Runs a topic's cases and gives how many there were.
fn check(topic: &str) -> usize {
    let made = clouds::read::<Case>(topic).unwrap();
    let mut wrong = Vec::new();
    for case in &made.cases {
        let files = clouds::changed(&made.files, &case.changes).unwrap();
        let cloud: Cloud = clouds::cloud(&made.folder, &files);
        let (found, rests_on, object) = decide(cloud.regions.first().unwrap(), case);
        let rests = |rule: &str| match rule {
            "" => rests_on.is_empty(),
            rule => rests_on
                .iter()
                .any(|own| own.text().starts_with(&format!("{rule}:"))),
        };
        if found != case.expect
            || !case.rests_on.as_deref().is_none_or(rests)
            || (case.object.is_some() && case.object != object)
        {
            wrong.push(format!(
                "{} ({}): expected {}, got {found} resting on {rests_on:?} of {object:?}",
                case.name, case.rule, case.expect
            ));
        }
    }
    assert!(wrong.is_empty(), "{topic}:\n{}", wrong.join("\n"));
    made.cases.len()
}

#[test]
fn the_documented_rules_hold() {
    let topics = [
        "security-groups-aliyun",
        "security-groups-tencent",
        "routes-aliyun",
        "routes-tencent",
        "nat-aliyun",
        "nat-tencent",
        "acl-aliyun",
        "acl-tencent",
    ];
    let n_cases: usize = topics.iter().map(|topic| check(topic)).sum();
    assert!(n_cases >= 120, "{n_cases} cases");
}
