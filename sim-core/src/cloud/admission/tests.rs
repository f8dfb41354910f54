//! What the index finds decides as the whole list does.

use proptest::prelude::*;

use super::*;
use crate::cloud::{AddressRange, InterfaceAddress, PortSet, Subnet};
use crate::linux::netfilter::test_support::{file, packet};
use crate::source::Source;

fn source() -> Source {
    Source::whole(&file("cloud/made.json", "{}"))
}

fn peer() -> impl Strategy<Value = Peer> {
    let net = prop_oneof![
        Just("0.0.0.0/0"),
        Just("10.0.0.0/8"),
        Just("10.0.1.0/24"),
        Just("10.0.1.2/32"),
        Just("10.9.0.0/16"),
        Just("::/0"),
    ]
    .prop_map(|text| Peer::Net(text.parse().unwrap()));
    prop_oneof![
        8 => net.clone(),
        1 => prop_oneof![Just("sg-0"), Just("sg-1")].prop_map(|id| Peer::Group(id.to_owned())),
        1 => prop_oneof![Just("pl-1"), Just("pl-lost")].prop_map(|id| Peer::List(id.to_owned())),
        1 => net.prop_map(|net| Peer::Any(vec![net, Peer::Group("sg-1".to_owned())])),
    ]
}

fn ports() -> impl Strategy<Value = PortSet> {
    let range = (78_u16..84, 0_u16..4).prop_map(|(low, more)| (low, low + more));
    prop_oneof![
        1 => Just(PortSet::ALL),
        1 => Just(PortSet::of(vec![(0, u16::MAX)])),
        6 => prop::collection::vec(range, 0..4).prop_map(PortSet::of),
    ]
}

fn rule() -> impl Strategy<Value = GroupRule> {
    let protocol = prop_oneof![
        Just(None),
        Just(Some(protocol::TCP)),
        Just(Some(protocol::UDP)),
        Just(Some(protocol::ICMP)),
    ];
    let one = (protocol, ports())
        .prop_map(|(protocol, ports)| Services::One(Service { protocol, ports }));
    let services = prop_oneof![
        8 => one,
        1 => Just(Services::PortList(Some(protocol::TCP), "lost".to_owned())),
    ];
    let sources = prop_oneof![8 => Just(PortSet::ALL), 1 => ports()];
    let own = prop_oneof![8 => Just(None), 1 => Just(Some("10.0.1.1/32")), 1 => Just(Some("10.0.1.9/32"))];
    (
        any::<bool>(),
        any::<bool>(),
        0_u32..4,
        services,
        sources,
        peer(),
        own,
    )
        .prop_map(
            |(ingress, accepts, priority, services, source_ports, peer, own)| GroupRule {
                id: String::new(),
                direction: if ingress {
                    Direction::Ingress
                } else {
                    Direction::Egress
                },
                accepts,
                priority,
                services,
                source_ports,
                peer,
                own: own.map(|text| text.parse().unwrap()),
                source: source(),
            },
        )
}

fn group(number: usize, rules: Vec<GroupRule>) -> Group {
    Group {
        id: format!("sg-{number}"),
        name: String::new(),
        kind: Some(GroupKind::Basic),
        inner: Some(false),
        rules: Some(rules),
        source: source(),
        index: std::sync::OnceLock::new(),
    }
}

fn interface(number: u8, groups: &[&str]) -> Interface {
    Interface {
        id: format!("eni-{number}"),
        instance: None,
        primary: true,
        mac: None,
        vpc: "vpc-1".to_owned(),
        subnet: "subnet-1".to_owned(),
        addresses: vec![InterfaceAddress {
            address: format!("10.0.1.{number}").parse().unwrap(),
            primary: true,
            public: None,
        }],
        prefixes: Vec::new(),
        groups: groups.iter().map(|id| (*id).to_owned()).collect(),
        source_dest_check: false,
        source: source(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_index_decides_as_the_whole_list(
        provider in prop_oneof![Just(Provider::Aliyun), Just(Provider::Tencent)],
        rules in prop::collection::vec(prop::collection::vec(rule(), 0..40), 2),
        ingress in any::<bool>(),
        other in prop_oneof![Just("10.0.1.2"), Just("10.0.1.7"), Just("10.9.0.1"), Just("203.0.113.9")],
        carries in prop_oneof![3 => Just("tcp"), 1 => Just("udp"), 1 => Just("icmp"), 1 => Just("gre")],
        port in 76_u16..90,
        chosen in any::<bool>(),
    ) {
        let region = Region {
            provider,
            interfaces: vec![interface(1, &["sg-1", "sg-0"]), interface(2, &["sg-0"])],
            subnets: vec![Subnet { id: "subnet-1".to_owned(), vpc: "vpc-1".to_owned(), blocks: vec!["10.0.1.0/24".parse().unwrap()], table: None, acl: None, source: source() }],
            groups: rules.into_iter().enumerate().map(|(number, rules)| group(number, rules)).collect(),
            lists: [("pl-1".to_owned(), vec![AddressRange::parse("10.0.1.0/30").unwrap()])].into(),
            ..Region::default()
        };
        let own = "10.0.1.1";
        let (from, to) = if ingress { (other, own) } else { (own, other) };
        let mut packet = packet(&format!("{from}:40000"), &format!("{carries} {to}:{port}"));
        if let (true, crate::linux::packet::Transport::Tcp { dport, .. }) = (chosen, &mut packet.transport) {
            *dport = Port::Chosen { id: 1, low: port, high: port + 3 };
        }
        let (own, peer) = if ingress { (packet.dst, packet.src) } else { (packet.src, packet.dst) };
        let direction = if ingress { Direction::Ingress } else { Direction::Egress };
        let view = View { packet: &packet, own, peer, direction };
        let interface = region.interface("eni-1").unwrap();
        let groups: Vec<&Group> = region.groups.iter().rev().collect();
        let mut all: Vec<Candidate<'_>> = Vec::new();
        for group in &groups {
            let rules = group.rules.iter().flatten().filter(|rule| rule.direction == direction);
            let mut rules: Vec<Candidate<'_>> = rules.map(|rule| (*group, rule)).collect();
            rules.sort_by_key(|(_, rule)| rule.priority);
            all.extend(rules);
        }
        if provider == Provider::Aliyun {
            all.sort_by_key(|(_, rule)| (rule.priority, rule.accepts));
        }
        let scanned = region.first(all, interface, &groups, &view);
        prop_assert_eq!(region.decide(interface, &groups, &view), scanned);
    }
}
