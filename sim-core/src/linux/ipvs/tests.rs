//! Schedulers and services of IPVS.

use super::*;
use crate::evidence::ipvs::parse;
use crate::evidence::testing::file;

const SERVICES: &str = "\
-A -t 10.96.0.10:80 -s rr
-a -t 10.96.0.10:80 -r 10.244.1.3:8080 -m -w 1
-a -t 10.96.0.10:80 -r 10.244.2.3:8080 -m -w 0
-A -u 10.96.0.10:80 -s sh
-a -u 10.96.0.10:80 -r 10.244.1.3:8080 -m -w 3
-a -u 10.96.0.10:80 -r 10.244.2.3:8080 -m -w 0
-A -f 7 -s wrr -p 300
-a -f 7 -r 10.244.1.3:0 -m -w 2
-a -f 7 -r 10.244.2.3:0 -m -w 5
-A -f 7 -6 -s made-up
";

fn services() -> Vec<VirtualService> {
    let parsed = parse(&file("ipvsadm-save.txt", SERVICES));
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    parsed.value
}

fn packet(dst: &str, transport: Transport, mark: u32) -> Packet {
    Packet {
        src: "10.244.1.2".parse().unwrap(),
        dst: dst.parse().unwrap(),
        transport,
        length: 60,
        dont_fragment: true,
        ttl: 64,
        tos: 0,
        mark,
    }
}

fn syn(port: u16) -> Transport {
    Transport::Tcp {
        sport: Port::Known(40_000),
        dport: Port::Known(port),
        flags: TcpFlags(TcpFlags::SYN),
    }
}

fn shares(service: &VirtualService) -> Vec<u64> {
    match schedule(service) {
        Scheduled::Among(among) => among.into_iter().map(|(_, share)| share).collect(),
        Scheduled::Unknown => panic!("{} is known", service.scheduler),
    }
}

#[test]
fn a_mark_wins_over_an_address_and_only_the_asked_port_and_protocol_match() {
    let services = services();
    let key = |packet: &Packet| find(&services, packet).map(|service| service.key);
    let by_address = key(&packet("10.96.0.10", syn(80), 0)).unwrap();
    assert!(matches!(
        by_address,
        ServiceKey::Address {
            protocol: Protocol::Tcp,
            ..
        }
    ));
    let by_mark = key(&packet("10.96.0.10", syn(80), 7)).unwrap();
    assert_eq!(by_mark, ServiceKey::Fwmark { mark: 7, v6: false });
    assert_eq!(key(&packet("10.96.0.10", syn(81), 0)), None);
}

#[test]
fn weight_0_takes_no_connections_but_keeps_a_hash_bucket() {
    let services = services();
    assert_eq!(shares(&services[0]), [1]);
    let Scheduled::Among(among) = schedule(&services[1]) else {
        panic!("sh is known");
    };
    assert_eq!(
        among
            .iter()
            .map(|(server, share)| (server.is_some(), *share))
            .collect::<Vec<_>>(),
        [(true, 3), (false, 1)]
    );
    assert_eq!(shares(&services[2]), [2, 5]);
    assert_eq!(schedule(&services[3]), Scheduled::Unknown);
}

#[test]
fn a_server_without_a_port_keeps_the_asked_one() {
    let services = services();
    let asked = Port::Known(80);
    assert_eq!(
        server_port(&services[0], &services[0].servers[0], asked),
        Port::Known(8080)
    );
    assert_eq!(
        server_port(&services[2], &services[2].servers[0], asked),
        asked
    );
}
