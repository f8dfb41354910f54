//! Random security groups: the simulator says what a naive evaluator says that was written from the documents' text.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::{IpAddr, Ipv4Addr};

use pathglass_sim::cloud::Direction;
use pathglass_sim::linux::choice::Tri;
use pathglass_sim::linux::packet::{self, Port, TcpFlags, Transport};
use pathglass_tests::clouds;
use pathglass_tests::naive_groups::{self, Group, Interface, Packet, Peer, Rule};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Interfaces are 10.0.1.1, .2, .3; peers are those and a few others, so that rules meet them often.
const N_INTERFACES: usize = 3;
const N_GROUPS: usize = 3;

fn address(number: u32) -> u32 {
    u32::from(Ipv4Addr::new(10, 0, 1, 0)) + number
}

fn peer() -> impl Strategy<Value = u32> {
    prop_oneof![
        (1_u32..=3).prop_map(address),
        // Outside the subnet: nobody's interface can have it.
        (0_u32..4).prop_map(|low| u32::from(Ipv4Addr::new(10, 9, 0, 0)) + low),
        (0_u32..4).prop_map(|low| u32::from(Ipv4Addr::new(203, 0, 113, 0)) + low),
    ]
}

/// A rule; `place` tells its place in its group.
fn rule() -> impl Strategy<Value = Rule> {
    let peers = prop_oneof![
        (
            peer(),
            prop_oneof![Just(0_u8), Just(8), Just(24), Just(31), Just(32)]
        )
            .prop_map(|(address, length)| Peer::Block(address, length)),
        (0..N_GROUPS).prop_map(Peer::Group),
    ];
    (
        0..N_GROUPS,
        any::<bool>(),
        any::<bool>(),
        1_u32..4,
        prop_oneof![Just(None), Just(Some(6)), Just(Some(17)), Just(Some(1))],
        prop_oneof![
            Just(None),
            (78_u16..82, 0_u16..3).prop_map(|(low, more)| Some((low, low + more)))
        ],
        peers,
    )
        .prop_map(
            |(group, ingress, accepts, priority, protocol, ports, peer)| Rule {
                group,
                ingress,
                accepts,
                priority,
                protocol,
                // Only TCP and UDP have ports.
                ports: ports.filter(|_| matches!(protocol, Some(6 | 17))),
                peer,
            },
        )
}

fn interfaces() -> impl Strategy<Value = Vec<Interface>> {
    let groups = proptest::sample::subsequence((0..N_GROUPS).collect::<Vec<_>>(), 1..=N_GROUPS);
    let groups = groups.prop_shuffle();
    prop::collection::vec(groups, N_INTERFACES).prop_map(|all| {
        let numbered = all.into_iter().zip(1_u32..);
        numbered
            .map(|(groups, number)| Interface {
                address: address(number),
                groups,
            })
            .collect()
    })
}

fn asked() -> impl Strategy<Value = Packet> {
    let protocol = prop_oneof![Just(6_u8), Just(17), Just(1)];
    (any::<bool>(), peer(), protocol, 77_u16..85).prop_map(|(ingress, peer, protocol, port)| {
        Packet {
            ingress,
            peer,
            protocol,
            port,
        }
    })
}

fn packet(own: &Interface, asked: &Packet) -> packet::Packet {
    let (own, peer): (IpAddr, IpAddr) = (
        Ipv4Addr::from(own.address).into(),
        Ipv4Addr::from(asked.peer).into(),
    );
    let sport = Port::Chosen {
        id: 1,
        low: 32768,
        high: 60999,
    };
    let dport = Port::Known(asked.port);
    packet::Packet {
        src: if asked.ingress { peer } else { own },
        dst: if asked.ingress { own } else { peer },
        transport: match asked.protocol {
            6 => Transport::Tcp {
                sport,
                dport,
                flags: TcpFlags(TcpFlags::SYN),
            },
            17 => Transport::Udp { sport, dport },
            _ => Transport::Icmp {
                kind: 8,
                code: 0,
                id: sport,
            },
        },
        length: 60,
        dont_fragment: true,
        ttl: 64,
        tos: 0,
        mark: 0,
    }
}

fn block(address: u32, length: u8) -> String {
    format!("{}/{length}", Ipv4Addr::from(address))
}

/// A name per protocol; the two providers agree on them.
fn protocol_name(protocol: Option<u8>) -> &'static str {
    match protocol {
        None => "ALL",
        Some(6) => "TCP",
        Some(17) => "UDP",
        Some(_) => "ICMP",
    }
}

fn alibaba_files(all: &[Interface], groups: &[Group], rules: &[Rule]) -> Map<String, Value> {
    let mut files = Map::new();
    let interfaces: Vec<Value> = all
        .iter()
        .zip(1..)
        .map(|(own, number)| {
            json!({"NetworkInterfaceId": format!("eni-{number}"), "VpcId": "vpc-1", "VSwitchId": "vsw-1",
                "PrivateIpSets": {"PrivateIpSet": [{"PrivateIpAddress": Ipv4Addr::from(own.address), "Primary": true}]},
                "SecurityGroupIds": {"SecurityGroupId": own.groups.iter().map(|group| format!("sg-{group}")).collect::<Vec<_>>()}})
        })
        .collect();
    let mut put = |name: String, body: Value| files.insert(name, body);
    put(
        "ecs/DescribeNetworkInterfaces.json".to_owned(),
        json!({"NetworkInterfaceSets": {"NetworkInterfaceSet": interfaces}}),
    );
    let subnet = json!({"VSwitchId": "vsw-1", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24"});
    put(
        "vpc/DescribeVSwitches.json".to_owned(),
        json!({"VSwitches": {"VSwitch": [subnet]}}),
    );
    let mut listed = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        let kind = if group.advanced {
            "enterprise"
        } else {
            "normal"
        };
        listed.push(json!({"SecurityGroupId": format!("sg-{number}"), "SecurityGroupType": kind}));
        let own = rules.iter().filter(|rule| rule.group == number);
        let permissions: Vec<Value> = own
            .map(|rule| {
                let side = if rule.ingress { "Source" } else { "Dest" };
                let ports = rule
                    .ports
                    .map_or("-1/-1".to_owned(), |(low, high)| format!("{low}/{high}"));
                let mut permission = json!({
                    "Direction": if rule.ingress { "ingress" } else { "egress" },
                    "IpProtocol": protocol_name(rule.protocol), "PortRange": ports,
                    "Policy": if rule.accepts { "Accept" } else { "Drop" },
                    "Priority": rule.priority.to_string(),
                });
                let (key, value) = match rule.peer {
                    Peer::Block(address, length) => {
                        (format!("{side}CidrIp"), block(address, length))
                    }
                    Peer::Group(group) => (format!("{side}GroupId"), format!("sg-{group}")),
                };
                permission
                    .as_object_mut()
                    .unwrap()
                    .insert(key, json!(value));
                permission
            })
            .collect();
        put(
            format!("ecs/DescribeSecurityGroupAttribute.sg-{number}.json"),
            json!({"SecurityGroupId": format!("sg-{number}"),
                "InnerAccessPolicy": if group.inner { "Accept" } else { "Drop" },
                "Permissions": {"Permission": permissions}}),
        );
    }
    put(
        "ecs/DescribeSecurityGroups.json".to_owned(),
        json!({"SecurityGroups": {"SecurityGroup": listed}}),
    );
    files
}

fn tencent_files(all: &[Interface], rules: &[Rule]) -> Map<String, Value> {
    let mut files = Map::new();
    let interfaces: Vec<Value> = all
        .iter()
        .zip(1..)
        .map(|(own, number)| {
            json!({"NetworkInterfaceId": format!("eni-{number}"), "VpcId": "vpc-1", "SubnetId": "subnet-1", "Primary": true,
                "PrivateIpAddressSet": [{"PrivateIpAddress": Ipv4Addr::from(own.address), "Primary": true}],
                "GroupSet": own.groups.iter().map(|group| format!("sg-{group}")).collect::<Vec<_>>()})
        })
        .collect();
    let mut put = |name: String, body: Value| files.insert(name, json!({"Response": body}));
    put(
        "vpc/DescribeNetworkInterfaces.json".to_owned(),
        json!({"NetworkInterfaceSet": interfaces}),
    );
    let subnet = json!({"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24"});
    put(
        "vpc/DescribeSubnets.json".to_owned(),
        json!({"SubnetSet": [subnet]}),
    );
    for number in 0..N_GROUPS {
        let own = |ingress: bool| -> Vec<Value> {
            let own = rules
                .iter()
                .filter(|rule| rule.group == number && rule.ingress == ingress);
            own.map(|rule| {
                let ports = rule.ports.map_or("ALL".to_owned(), |(low, high)| format!("{low}-{high}"));
                let (key, value) = match rule.peer {
                    Peer::Block(address, length) => ("CidrBlock", block(address, length)),
                    Peer::Group(group) => ("SecurityGroupId", format!("sg-{group}")),
                };
                json!({"PolicyIndex": rule.priority, "Protocol": protocol_name(rule.protocol), "Port": ports,
                    "Action": if rule.accepts { "ACCEPT" } else { "DROP" }, key: value})
            })
            .collect()
        };
        let set = json!({"Ingress": own(true), "Egress": own(false)});
        put(
            format!("vpc/DescribeSecurityGroupPolicies.sg-{number}.json"),
            json!({"SecurityGroupPolicySet": set}),
        );
    }
    files
}

fn says(folder: &str, files: &Map<String, Value>, own: &Interface, asked: &Packet) -> Tri {
    let cloud = clouds::cloud(folder, files);
    let region = cloud.regions.first().unwrap();
    let interface = region.interface("eni-1").unwrap();
    let direction = if asked.ingress {
        Direction::Ingress
    } else {
        Direction::Egress
    };
    region
        .groups_admit(interface, direction, &packet(own, asked))
        .admits
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn alibaba_clouds_groups_are_as_documented(
        all in interfaces(),
        kinds in prop::collection::vec((any::<bool>(), any::<bool>()), N_GROUPS),
        rules in prop::collection::vec(rule(), 0..12),
        asked in asked(),
    ) {
        // B.1 (4): the inner policy of an advanced group is always `Drop`.
        let groups: Vec<Group> = kinds
            .into_iter()
            .map(|(advanced, inner)| Group { advanced, inner: inner && !advanced })
            .collect();
        let own = all.first().unwrap();
        let expected = naive_groups::alibaba(own, &all, &groups, &rules, &asked);
        let files = alibaba_files(&all, &groups, &rules);
        let found = says("cloud/aliyun/cn-hangzhou", &files, own, &asked);
        prop_assert_eq!(found, Tri::from(expected));
    }

    #[test]
    fn tencent_clouds_groups_are_as_documented(
        all in interfaces(),
        mut rules in prop::collection::vec(rule(), 0..12),
        asked in asked(),
    ) {
        // Each rule of a group has a place of its own.
        for (place, rule) in (0_u32..).zip(&mut rules) {
            rule.priority = place;
        }
        let own = all.first().unwrap();
        let expected = naive_groups::tencent(own, &all, &rules, &asked);
        let files = tencent_files(&all, &rules);
        let found = says("cloud/tencent/ap-guangzhou", &files, own, &asked);
        prop_assert_eq!(found, Tri::from(expected));
    }
}
