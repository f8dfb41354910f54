//! The network state of one namespace, as iproute2, ss and sysctl print it.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::{NODES, Pod, TARGET_PORT, folder, host, node_address, octet, put};
use crate::corpus::Files;

/// The files whose state a capture gives.
pub(super) const FILES: &[&str] = &[
    "ip-link.json",
    "ip-addr.json",
    "ip-route.json",
    "ip6-route.json",
    "ip-rule.json",
    "ip6-rule.json",
    "ip-neigh.json",
    "ip-nexthop.json",
    "bridge-fdb.json",
    "bridge-link.json",
    "bridge-vlan.json",
    "iptables-save.txt",
    "ip6tables-save.txt",
    "iptables-legacy-save.txt",
    "ip6tables-legacy-save.txt",
    "nft-ruleset.json",
    "ipset-save.txt",
    "ipvsadm-save.txt",
    "ss.txt",
    "sysctl.txt",
    "netns.json",
    "tc.json",
    "bpf-net.json",
    "wg.txt",
    "conntrack-count.txt",
    "nft-ruleset.txt",
];

const POD_MTU: u32 = 1450;

/// One namespace.
pub(super) struct Machine {
    folder: String,
    links: Vec<Value>,
    addresses: Vec<Value>,
    routes: Vec<Value>,
    neighbours: Vec<Value>,
    fdb: Vec<Value>,
    netns: Value,
    sockets: String,
    forwards: bool,
    devices: Vec<String>,
}

/// A device, as `ip -d link` shows what all devices have.
struct Device<'a> {
    index: u32,
    name: &'a str,
    mac: &'a str,
    mtu: u32,
    kind: Value,
    /// Index and namespace id of the other end of its wire.
    peer: Option<(u32, u32)>,
    master: Option<&'a str>,
    addresses: &'a [(Ipv4Addr, u8)],
}

impl Machine {
    fn new(folder: String, netns: Value, forwards: bool) -> Self {
        let mut machine = Self {
            folder,
            links: Vec::new(),
            addresses: Vec::new(),
            routes: Vec::new(),
            neighbours: Vec::new(),
            fdb: Vec::new(),
            netns,
            sockets: String::new(),
            forwards,
            devices: vec!["all".to_owned(), "default".to_owned()],
        };
        machine.device(&Device {
            index: 1,
            name: "lo",
            mac: "00:00:00:00:00:00",
            mtu: 65536,
            kind: Value::Null,
            peer: None,
            master: None,
            addresses: &[(Ipv4Addr::LOCALHOST, 8)],
        });
        machine
    }

    /// The host's namespace of a node.
    pub(super) fn node(node: usize, pods: &[Pod]) -> Self {
        let other = (node + 1) % NODES.len();
        let own: Vec<&Pod> = pods.iter().filter(|pod| pod.node == node).collect();
        let ids: Vec<Value> = (own.iter())
            .map(|pod| json!({"nsid": pod.number, "name": netns_of(pod)}))
            .collect();
        let netns =
            json!({"name": format!("host-{node}"), "inode": 4_026_531_840_u64, "list_id": ids});
        let mut machine = Self::new(host(node), netns, true);
        let bridge = Ipv4Addr::new(10, 244, octet(node), 1);
        machine.device(&Device {
            index: 2,
            name: "eth0",
            mac: &nic(node),
            mtu: 1500,
            kind: Value::Null,
            peer: None,
            master: None,
            addresses: &[(node_address(node), 24)],
        });
        machine.device(&Device {
            index: 3,
            name: "cni0",
            mac: &bridge_mac(node),
            mtu: POD_MTU,
            kind: json!({"info_kind": "bridge", "info_data": {
                "stp_state": 0, "vlan_filtering": 0, "ageing_time": 30000,
                "nf_call_iptables": 0, "nf_call_ip6tables": 0, "nf_call_arptables": 0,
            }}),
            peer: None,
            master: None,
            addresses: &[(bridge, 24)],
        });
        machine.device(&Device {
            index: 4,
            name: "flannel.1",
            mac: &vtep(node),
            mtu: POD_MTU,
            kind: json!({"info_kind": "vxlan", "info_data": {
                "id": 1, "local": node_address(node), "link": "eth0", "port": 8472, "learning": false,
                "ttl": 0, "df": "unset", "ageing": 300, "udp_csum": true,
            }}),
            peer: None,
            master: None,
            addresses: &[(Ipv4Addr::new(10, 244, octet(node), 0), 32)],
        });
        for pod in own {
            machine.port(pod);
        }
        machine.route(json!({"dst": "default", "gateway": "192.168.0.1", "dev": "eth0", "protocol": "dhcp", "prefsrc": node_address(node), "metric": 100}));
        machine.route(json!({"dst": format!("10.244.{}.0/24", octet(other)), "gateway": format!("10.244.{}.0", octet(other)), "dev": "flannel.1", "protocol": "boot", "flags": ["onlink"]}));
        machine.neighbour(node_address(other), "eth0", &nic(other), "REACHABLE");
        let vtep_address = Ipv4Addr::new(10, 244, octet(other), 0);
        machine.neighbour(vtep_address, "flannel.1", &vtep(other), "PERMANENT");
        machine.fdb.push(json!({"mac": vtep(other), "ifname": "flannel.1", "dst": node_address(other), "flags": ["self"], "state": "permanent"}));
        machine.sockets = "udp UNCONN 0      0        0.0.0.0:8472  0.0.0.0:*\n\
            tcp LISTEN 0      4096   127.0.0.1:10249 0.0.0.0:* users:((\"kube-proxy\",fd=12))\n\
            tcp LISTEN 0      4096           *:10256       *:* users:((\"kube-proxy\",fd=11))\n\
            tcp LISTEN 0      512      0.0.0.0:22    0.0.0.0:* users:((\"sshd\",fd=6))\n\
            tcp LISTEN 0      512            *:10250       *:* users:((\"kubelet\",fd=6))\n"
            .to_owned();
        machine
    }

    /// The host's end of a pod's wire.
    fn port(&mut self, pod: &Pod) {
        let name = format!("veth{:02}{:02}", pod.node, pod.number);
        self.device(&Device {
            index: port_index(pod),
            name: &name,
            mac: &pod_mac(pod, 0xb0),
            mtu: POD_MTU,
            kind: json!({"info_kind": "veth", "info_slave_kind": "bridge", "info_slave_data": {
                "state": "forwarding", "priority": 32, "cost": 2, "hairpin": true, "guard": false,
                "learning": true, "flood": true, "proxy_arp": false, "mcast_flood": true, "bcast_flood": true,
                "neigh_suppress": false, "vlan_tunnel": false, "isolated": false, "locked": false,
            }}),
            peer: Some((2, u32::from(pod.number))),
            master: Some("cni0"),
            addresses: &[],
        });
        self.neighbour(pod.address, "cni0", &pod_mac(pod, 0xa0), "REACHABLE");
        self.fdb.push(json!({"mac": pod_mac(pod, 0xa0), "ifname": name, "flags": [], "master": "cni0", "state": ""}));
        self.fdb.push(json!({"mac": pod_mac(pod, 0xb0), "ifname": name, "flags": [], "master": "cni0", "state": "permanent"}));
    }

    /// A pod's namespace.
    pub(super) fn pod(pod: &Pod) -> Self {
        let host_id = json!([{"nsid": 0, "name": format!("host-{}", pod.node)}]);
        let netns = json!({"name": netns_of(pod), "inode": 4_026_532_000_u64 + u64::from(pod.number), "list_id": host_id});
        let mut machine = Self::new(folder(pod), netns, false);
        let gateway = Ipv4Addr::new(10, 244, octet(pod.node), 1);
        machine.device(&Device {
            index: 2,
            name: "eth0",
            mac: &pod_mac(pod, 0xa0),
            mtu: POD_MTU,
            kind: json!({"info_kind": "veth"}),
            peer: Some((port_index(pod), 0)),
            master: None,
            addresses: &[(pod.address, 24)],
        });
        machine.route(
            json!({"dst": "default", "gateway": gateway, "dev": "eth0", "protocol": "boot"}),
        );
        machine.route(
            json!({"dst": "10.244.0.0/16", "gateway": gateway, "dev": "eth0", "protocol": "boot"}),
        );
        machine.neighbour(gateway, "eth0", &bridge_mac(pod.node), "REACHABLE");
        if pod.listens {
            machine.sockets = format!(
                "tcp LISTEN 0      4096         *:{TARGET_PORT}     *:* users:((\"web\",fd=3))\n"
            );
        }
        machine
    }

    fn device(&mut self, device: &Device<'_>) {
        let Device {
            index,
            name,
            mac,
            mtu,
            ..
        } = device;
        let loopback = *index == 1;
        let flags = if loopback {
            json!(["LOOPBACK", "UP", "LOWER_UP"])
        } else {
            json!(["BROADCAST", "MULTICAST", "UP", "LOWER_UP"])
        };
        let mut common = json!({
            "ifindex": index, "ifname": name, "flags": flags, "mtu": mtu, "qdisc": "noqueue",
            "operstate": if loopback { "UNKNOWN" } else { "UP" }, "group": "default", "txqlen": 1000,
            "link_type": if loopback { "loopback" } else { "ether" }, "address": mac,
            "broadcast": if loopback { "00:00:00:00:00:00" } else { "ff:ff:ff:ff:ff:ff" },
        });
        let mut set = |key: &str, value: Value| {
            if let Some(object) = common.as_object_mut() {
                object.insert(key.to_owned(), value);
            }
        };
        if let Some((peer, nsid)) = device.peer {
            set("link_index", json!(peer));
            set("link_netnsid", json!(nsid));
        }
        if let Some(master) = device.master {
            set("master", json!(master));
        }
        let mut link = common.clone();
        if let (Some(object), false) = (link.as_object_mut(), device.kind.is_null()) {
            object.insert("linkinfo".to_owned(), device.kind.clone());
        }
        let scope = if loopback { "host" } else { "global" };
        let infos: Vec<Value> = (device.addresses.iter())
            .map(|(address, length)| {
                json!({
                    "family": "inet", "local": address, "prefixlen": length, "scope": scope, "label": name,
                    "valid_life_time": u32::MAX, "preferred_life_time": u32::MAX,
                })
            })
            .collect();
        if let Some(object) = common.as_object_mut() {
            object.insert("addr_info".to_owned(), Value::Array(infos));
        }
        self.links.push(link);
        self.addresses.push(common);
        self.devices.push(name.replace('.', "/"));
        for (address, length) in device.addresses {
            self.kernel_routes(name, *address, *length);
        }
    }

    /// What the kernel adds to the tables for an address (`fib_add_ifaddr`).
    fn kernel_routes(&mut self, device: &str, address: Ipv4Addr, length: u8) {
        let mask = u32::MAX
            .checked_shl(32 - u32::from(length))
            .unwrap_or_default();
        let network = Ipv4Addr::from(address.to_bits() & mask);
        let broadcast = Ipv4Addr::from(address.to_bits() | !mask);
        let local = |kind: &str, dst: String, scope: &str| json!({"type": kind, "dst": dst, "dev": device, "table": "local", "protocol": "kernel", "scope": scope, "prefsrc": address, "flags": []});
        if address.is_loopback() {
            self.routes
                .push(local("local", format!("{network}/{length}"), "host"));
        } else if length < 32 {
            self.routes.push(json!({"type": "unicast", "dst": format!("{network}/{length}"), "dev": device, "table": "main", "protocol": "kernel", "scope": "link", "prefsrc": address, "flags": []}));
        }
        self.routes
            .push(local("local", address.to_string(), "host"));
        if length < 32 {
            self.routes
                .push(local("broadcast", broadcast.to_string(), "link"));
        }
    }

    fn route(&mut self, mut route: Value) {
        if let Some(object) = route.as_object_mut() {
            for (key, value) in [("type", "unicast"), ("table", "main"), ("scope", "global")] {
                object.insert(key.to_owned(), json!(value));
            }
            object.entry("flags").or_insert(json!([]));
        }
        self.routes.push(route);
    }

    fn neighbour(&mut self, address: Ipv4Addr, device: &str, mac: &str, state: &str) {
        self.neighbours
            .push(json!({"dst": address, "dev": device, "lladdr": mac, "state": [state]}));
    }

    fn sysctl(&self) -> String {
        let mut lines = vec![
            "net.bridge.bridge-nf-call-arptables = 1".to_owned(),
            "net.bridge.bridge-nf-call-ip6tables = 1".to_owned(),
            "net.bridge.bridge-nf-call-iptables = 1".to_owned(),
            format!("net.ipv4.ip_forward = {}", u8::from(self.forwards)),
            "net.ipv4.ip_local_port_range = 32768\t60999".to_owned(),
            "net.ipv4.ip_nonlocal_bind = 0".to_owned(),
            "net.netfilter.nf_conntrack_count = 210".to_owned(),
            "net.netfilter.nf_conntrack_max = 262144".to_owned(),
            "net.netfilter.nf_conntrack_tcp_be_liberal = 0".to_owned(),
            "net.netfilter.nf_conntrack_tcp_loose = 1".to_owned(),
        ];
        for device in &self.devices {
            for key in [
                "accept_local",
                "arp_announce",
                "arp_filter",
                "arp_ignore",
                "proxy_arp",
                "proxy_arp_pvlan",
                "route_localnet",
                "rp_filter",
                "src_valid_mark",
            ] {
                lines.push(format!("net.ipv4.conf.{device}.{key} = 0"));
            }
            lines.push(format!(
                "net.ipv4.conf.{device}.forwarding = {}",
                u8::from(self.forwards)
            ));
            lines.push(format!("net.ipv4.conf.{device}.send_redirects = 1"));
        }
        lines.sort();
        lines.push(String::new());
        lines.join("\n")
    }

    /// Writes the files.
    pub(super) fn write(self, files: &mut Files) {
        let rules = json!([
            {"priority": 0, "src": "all", "table": "local"},
            {"priority": 32766, "src": "all", "table": "main"},
            {"priority": 32767, "src": "all", "table": "default"},
        ]);
        let nft = json!({"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}]});
        let sysctl = self.sysctl();
        let mut put =
            |name: &str, content: String| put(files, &format!("{}/{name}", self.folder), content);
        put("ip-link.json", Value::Array(self.links).to_string());
        put("ip-addr.json", Value::Array(self.addresses).to_string());
        put("ip-route.json", Value::Array(self.routes).to_string());
        put("ip-rule.json", rules.to_string());
        put("ip-neigh.json", Value::Array(self.neighbours).to_string());
        put("bridge-fdb.json", Value::Array(self.fdb).to_string());
        put("netns.json", self.netns.to_string());
        put("nft-ruleset.json", nft.to_string());
        put("ss.txt", self.sockets);
        put("sysctl.txt", sysctl);
        for empty in ["iptables-save.txt", "ip6tables-save.txt", "ipset-save.txt"] {
            put(empty, String::new());
        }
    }
}

fn netns_of(pod: &Pod) -> String {
    format!("pod-{}-{}", pod.node, pod.number)
}

fn port_index(pod: &Pod) -> u32 {
    5 + u32::from(pod.number)
}

fn nic(node: usize) -> String {
    format!("52:54:00:00:00:{:02x}", octet(node) + 0x10)
}

fn bridge_mac(node: usize) -> String {
    format!("ee:00:00:00:00:{:02x}", octet(node) + 0x10)
}

fn vtep(node: usize) -> String {
    format!("76:00:00:00:00:{:02x}", octet(node) + 0x10)
}

fn pod_mac(pod: &Pod, side: u8) -> String {
    format!(
        "{side:02x}:00:00:00:{:02x}:{:02x}",
        octet(pod.node),
        pod.number
    )
}
