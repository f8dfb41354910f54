//! Devices of every kind, as real tools print them.

use std::net::IpAddr;

use super::*;
use crate::evidence::testing::{clean, file, problems};

/// A device with this `linkinfo`, and what every device has.
fn device(name: &str, link_type: &str, more: &str) -> String {
    format!(
        r#"{{"ifindex":7,"ifname":"{name}","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"qdisc":"noqueue","operstate":"UNKNOWN","linkmode":"DEFAULT","group":"default","txqlen":1000,"link_type":"{link_type}","address":"3a:a2:ec:64:fe:14","broadcast":"ff:ff:ff:ff:ff:ff"{more}}}"#
    )
}

fn kind_of(linkinfo: &str) -> LinkKind {
    let text = device("x", "ether", &format!(r#","linkinfo":{linkinfo}"#));
    let file = file("ip-link.json", &format!("[{text}]"));
    clean(parse(&file)).remove(0).kind
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_pods_eth0_knows_where_its_peer_is() {
    let more =
        r#","link_index":4,"link_netnsid":0,"altnames":["enp0"],"linkinfo":{"info_kind":"veth"}"#;
    let file = file(
        "nodes/n/pods/a_b/ip-link.json",
        &format!(
            "[{},\n {}]",
            device("eth0", "ether", more),
            device("v", "ether", "")
        ),
    );
    let all = clean(parse(&file));
    let eth0 = &all[0];
    assert_eq!(
        (eth0.index, eth0.link_index, eth0.link_netnsid),
        (7, Some(4), Some(0))
    );
    assert_eq!(eth0.kind, LinkKind::Veth);
    assert!(eth0.up && eth0.lower_up && !eth0.noarp && !eth0.xdp);
    assert_eq!(eth0.mac.unwrap().to_string(), "3a:a2:ec:64:fe:14");
    assert_eq!(eth0.altnames, ["enp0"]);
    assert_eq!(all[1].kind, LinkKind::Physical);
    assert_eq!(
        all[1].source.to_string(),
        "nodes/n/pods/a_b/ip-link.json /1"
    );
    assert!(
        all[1]
            .source
            .text()
            .starts_with(r#"{"ifindex":7,"ifname":"v""#)
    );
}

#[test]
fn a_bridge_and_its_port() {
    let bridge = device(
        "cni0",
        "ether",
        r#","linkinfo":{"info_kind":"bridge","info_data":{"ageing_time":30000,"stp_state":1,"vlan_filtering":1,"vlan_protocol":"802.1Q","hello_timer":0.00,"gc_timer":298.61,"group_fwd_mask":"4","mcast_snooping":1,"vlan_default_pvid":1,"nf_call_iptables":1,"nf_call_ip6tables":0,"nf_call_arptables":0}}"#,
    );
    let port = device(
        "veth1",
        "ether",
        r#","master":"cni0","linkinfo":{"info_kind":"veth","info_slave_kind":"bridge","info_slave_data":{"state":"forwarding","hairpin":true,"learning":true,"flood":true,"isolated":true,"proxy_arp":false,"guard":false}}"#,
    );
    let file = file("ip-link.json", &format!("[{bridge},{port}]"));
    let all = clean(parse(&file));
    let LinkKind::Bridge(bridge) = &all[0].kind else {
        panic!("no bridge")
    };
    assert!(
        bridge.stp && bridge.vlan_filtering && bridge.nf_call_iptables && !bridge.nf_call_ip6tables
    );
    assert_eq!(
        (bridge.group_fwd_mask, bridge.vlan_default_pvid),
        (4, Some(1))
    );
    let port = all[1].port.as_ref().unwrap();
    assert!(port.hairpin && port.isolated && port.mcast_flood && !port.proxy_arp);
    assert_eq!(all[1].master.as_deref(), Some("cni0"));
}

#[test]
fn vxlan_by_flannel_multicast_ipv6_and_external() {
    let LinkKind::Vxlan(flannel) = kind_of(
        r#"{"info_kind":"vxlan","info_data":{"id":1,"local":"10.99.0.11","link":"eth0","port_range":{"low":0,"high":0},"port":8472,"learning":false,"ttl":0,"df":"unset","ageing":300,"udp_csum":true,"udp_zero_csum6_tx":false,"udp_zero_csum6_rx":false}}"#,
    ) else {
        panic!("no vxlan")
    };
    assert_eq!(
        (flannel.id, flannel.port, flannel.learning),
        (Some(1), 8472, false)
    );
    assert_eq!(
        (flannel.local, flannel.remote),
        (Some(ip("10.99.0.11")), None)
    );
    assert_eq!(
        (flannel.lower.as_deref(), flannel.ttl, flannel.tos),
        (Some("eth0"), Some(0), Some(0))
    );

    let LinkKind::Vxlan(group) = kind_of(
        r#"{"info_kind":"vxlan","info_data":{"id":9,"group":"239.1.1.1","link":"va","port_range":{"low":1024,"high":2048},"port":4789,"learning":true,"proxy":true,"l2miss":true,"l3miss":true,"tos":"0x1","df":"unset"}}"#,
    ) else {
        panic!("no vxlan")
    };
    assert_eq!(
        (group.remote, group.source_ports),
        (Some(ip("239.1.1.1")), (1024, 2048))
    );
    assert!(group.proxy && group.l2miss && group.l3miss);
    assert_eq!((group.ttl, group.tos), (None, None));

    let LinkKind::Vxlan(six) = kind_of(
        r#"{"info_kind":"vxlan","info_data":{"id":10,"remote6":"fd00::3","local6":"fd00::1","port":4789,"learning":true,"ttl":"inherit"}}"#,
    ) else {
        panic!("no vxlan")
    };
    assert_eq!(
        (six.local, six.remote, six.ttl),
        (Some(ip("fd00::1")), Some(ip("fd00::3")), None)
    );

    let LinkKind::Vxlan(external) = kind_of(
        r#"{"info_kind":"vxlan","info_data":{"external":true,"vnifilter":true,"id":0,"port":4789,"learning":false,"ttl":0}}"#,
    ) else {
        panic!("no vxlan")
    };
    assert!(external.external && external.vnifilter);
    assert_eq!(external.id, None);
    // Old iproute2 says no more of it.
    let old = kind_of(r#"{"info_kind":"vxlan","info_data":{"external":true}}"#);
    assert_eq!(old, LinkKind::Other("vxlan".to_owned()));
}

#[test]
fn ip_tunnels() {
    let LinkKind::Ipip(calico) = kind_of(
        r#"{"info_kind":"ipip","info_data":{"proto":"ipip","remote":"any","local":"any","ttl":0,"pmtudisc":false}}"#,
    ) else {
        panic!("no ipip")
    };
    assert_eq!(
        (calico.local, calico.remote, calico.ttl, calico.pmtudisc),
        (None, None, None, false)
    );
    let LinkKind::Gre { tunnel, tap } = kind_of(
        r#"{"info_kind":"gretap","info_data":{"remote":"10.0.0.3","local":"10.0.0.1","link":"va","ttl":64,"tos":"0x1","pmtudisc":true,"ignore_df":true,"ikey":"0.0.0.5","okey":"0x6"}}"#,
    ) else {
        panic!("no gre")
    };
    assert!(tap && tunnel.ignore_df);
    assert_eq!(
        (tunnel.ikey, tunnel.okey, tunnel.ttl, tunnel.tos),
        (Some(5), Some(6), Some(64), None)
    );
    let LinkKind::Sit(sit) = kind_of(
        r#"{"info_kind":"sit","info_data":{"proto":"ip6ip","remote":"10.0.0.2","local":"10.0.0.1","ttl":64,"pmtudisc":true,"encap":{"type":"fou","sport":0,"dport":5555,"csum":false}}}"#,
    ) else {
        panic!("no sit")
    };
    assert_eq!(sit.encap.unwrap().dport, 5555);
    let LinkKind::Ip6Tunnel(six) = kind_of(
        r#"{"info_kind":"ip6tnl","info_data":{"proto":"any","remote":"fd00::2","local":"fd00::1","ttl":64,"encap_limit":4,"encap":{"type":"none","sport":0,"dport":0}}}"#,
    ) else {
        panic!("no ip6tnl")
    };
    assert_eq!((six.mode.as_deref(), six.encap), (Some("any"), None));
    let LinkKind::Geneve(geneve) = kind_of(
        r#"{"info_kind":"geneve","info_data":{"id":7,"remote":"10.0.0.5","ttl":0,"port":6081,"udp_csum":true}}"#,
    ) else {
        panic!("no geneve")
    };
    assert_eq!(
        (geneve.id, geneve.remote, geneve.port),
        (Some(7), Some(ip("10.0.0.5")), 6081)
    );
}

#[test]
fn the_other_kinds() {
    let mode = |mode: &str| mode.to_owned();
    assert_eq!(kind_of(r#"{"info_kind":"dummy"}"#), LinkKind::Dummy);
    assert_eq!(kind_of(r#"{"info_kind":"ifb"}"#), LinkKind::Ifb);
    assert_eq!(kind_of(r#"{"info_kind":"wireguard"}"#), LinkKind::Wireguard);
    assert_eq!(
        kind_of(r#"{"info_kind":"vrf","info_data":{"table":77}}"#),
        LinkKind::Vrf { table: 77 }
    );
    assert_eq!(
        kind_of(r#"{"info_kind":"macvlan","info_data":{"mode":"bridge","bcqueuelen":1000}}"#),
        LinkKind::Macvlan {
            mode: mode("bridge")
        }
    );
    assert_eq!(
        kind_of(r#"{"info_kind":"ipvlan","info_data":{"mode":"l3s","mode_flag":"private"}}"#),
        LinkKind::Ipvlan {
            mode: mode("l3s"),
            flags: vec!["private".to_owned()]
        }
    );
    assert_eq!(
        kind_of(
            r#"{"info_kind":"vlan","info_data":{"protocol":"802.1ad","id":5,"flags":["REORDER_HDR"]}}"#
        ),
        LinkKind::Vlan {
            id: 5,
            protocol: "802.1ad".to_owned()
        }
    );
    assert_eq!(
        kind_of(r#"{"info_kind":"bond","info_data":{"mode":"active-backup","miimon":100}}"#),
        LinkKind::Bond {
            mode: mode("active-backup"),
            active_slave: None,
        }
    );
    assert_eq!(
        kind_of(r#"{"info_kind":"tun","info_data":{"type":"tap","pi":false}}"#),
        LinkKind::Tun { tap: true }
    );
    assert_eq!(
        kind_of(
            r#"{"info_kind":"netkit","info_data":{"mode":"l3","type":"peer","policy":"forward","peer_policy":"blackhole"}}"#
        ),
        LinkKind::Netkit {
            mode: mode("l3"),
            policy: mode("forward"),
            primary: false
        }
    );
    assert_eq!(kind_of(r#"{"info_kind":"nlmon"}"#).name(), "nlmon");
}

#[test]
fn tunnels_have_no_ethernet_address_and_loopback_is_told_by_its_type() {
    let tunnel = device(
        "tunl0",
        "ipip",
        r#","linkinfo":{"info_kind":"ipip","info_data":{"remote":"any"}}"#,
    )
    .replace("3a:a2:ec:64:fe:14", "0.0.0.0");
    let lo = device("lo", "loopback", "").replace("3a:a2:ec:64:fe:14", "00:00:00:00:00:00");
    let file = file("ip-link.json", &format!("[{tunnel},{lo}]"));
    let all = clean(parse(&file));
    assert_eq!(
        (all[0].mac, all[1].kind.clone()),
        (None, LinkKind::Loopback)
    );
}

#[test]
fn xdp_and_a_vrfs_slave() {
    let text = device(
        "eth0",
        "ether",
        r#","xdp":{"mode":1,"prog":{"id":5}},"master":"vrf1","linkinfo":{"info_slave_kind":"vrf","info_slave_data":{"table":77}}"#,
    );
    let file = file("ip-link.json", &format!("[{text}]"));
    let all = clean(parse(&file));
    assert!(all[0].xdp);
    assert_eq!(
        (all[0].vrf_table, all[0].kind.clone()),
        (Some(77), LinkKind::Physical)
    );
}

#[test]
fn a_value_out_of_range_costs_its_device_only() {
    let good = device("good", "ether", "");
    let bad = device(
        "bad",
        "ether",
        r#","linkinfo":{"info_kind":"vlan","info_data":{"id":70000}}"#,
    );
    let worse = device("worse", "ether", "").replace(r#""mtu":1500"#, r#""mtu":-1"#);
    let parsed = parse(&file("ip-link.json", &format!("[{bad},{worse},7,{good}]")));
    assert_eq!(parsed.value.len(), 1);
    assert_eq!(
        problems(&parsed),
        [
            "ip-link.json /0/linkinfo/info_data/id: `70000` is out of range",
            "ip-link.json /1/mtu: `-1` is out of range",
            "ip-link.json /2: invalid type: integer `7`, expected an object",
        ]
    );
}
