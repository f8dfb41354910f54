//! Nodes, pods and what is between them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fastrand::Rng;
use pathglass_sim::flow::Protocol;

use crate::oracle::draft::{Draft, pick, server};
use crate::oracle::spec::{NodeObject, PodObject};

/// The port that every pod and node listens on.
pub const PORT: u16 = 8080;
/// The captured machine that bears the cluster's network.
pub const SWITCH: &str = "fabric/switch";
/// A captured machine outside of the cluster: the nodes' default gateway.
pub const OUTSIDE: &str = "fabric/outside";
/// All pods.
pub const PODS4: &str = "10.244.0.0/16";
/// All pods.
pub const PODS6: &str = "fd44::/16";

/// How pods are wired to their node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wiring {
    /// Ports of a bridge cni0, as flannel does.
    Bridge,
    /// A veth each with /32 routes and `proxy_arp`, as Calico does.
    Routed,
}

/// How pods' packets get from node to node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// Routes by the nodes' addresses.
    HostGateway,
    /// A VXLAN with permanent neighbours and forwarding entries.
    Vxlan,
}

/// A node.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub place: String,
    /// Its number, from 1.
    pub number: u8,
    /// Its address on the fabric.
    pub v4: Ipv4Addr,
    /// Its address on the fabric.
    pub v6: Ipv6Addr,
}

/// A pod.
#[derive(Debug, Clone)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub place: String,
    /// Its node's index.
    pub node: usize,
    /// Its number on its node, from 1.
    pub number: u8,
    /// Its address.
    pub v4: Ipv4Addr,
    /// Its address.
    pub v6: Ipv6Addr,
    /// The device on the node that leads to it.
    pub host_device: String,
}

/// A service-like destination, served by pods.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its virtual address.
    pub v4: Ipv4Addr,
    /// Its virtual address.
    pub v6: Ipv6Addr,
    /// Its port; the backends' is [`PORT`].
    pub port: u16,
    /// Its port on every node.
    pub node_port: u16,
    /// The pods behind it, by index.
    pub backends: Vec<usize>,
}

/// What there is.
#[derive(Debug, Clone)]
pub struct Topology {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The pods.
    pub pods: Vec<Pod>,
    /// The services.
    pub services: Vec<Service>,
    /// How pods are wired to nodes.
    pub wiring: Wiring,
    /// How packets get from node to node.
    pub between: Between,
}

impl Node {
    /// Its address of a family.
    #[must_use]
    pub fn ip(&self, v6: bool) -> IpAddr {
        if v6 { self.v6.into() } else { self.v4.into() }
    }

    /// Its pods' block.
    #[must_use]
    pub fn block(&self, v6: bool) -> String {
        if v6 {
            format!("fd44:{}::/64", self.number)
        } else {
            format!("10.244.{}.0/24", self.number)
        }
    }

    /// The hardware address of its eth0.
    #[must_use]
    pub fn mac(&self) -> String {
        format!("02:00:00:00:63:{:02x}", self.number)
    }
}

impl Pod {
    /// Its address of a family.
    #[must_use]
    pub fn ip(&self, v6: bool) -> IpAddr {
        if v6 { self.v6.into() } else { self.v4.into() }
    }

    /// The hardware address of its eth0.
    #[must_use]
    pub fn mac(&self) -> String {
        format!("02:00:00:44:{:02x}:{:02x}", self.node + 1, self.number)
    }
}

impl Service {
    /// Its virtual address of a family.
    #[must_use]
    pub fn ip(&self, v6: bool) -> IpAddr {
        if v6 { self.v6.into() } else { self.v4.into() }
    }
}

impl Topology {
    /// The node of a pod.
    #[must_use]
    pub fn node_of(&self, pod: &Pod) -> &Node {
        #[expect(clippy::indexing_slicing, reason = "a pod's node is one of the nodes")]
        &self.nodes[pod.node]
    }

    /// Every client: pods and nodes.
    #[must_use]
    pub fn clients(&self) -> Vec<String> {
        let pods = self.pods.iter().map(|pod| pod.place.clone());
        pods.chain(self.nodes.iter().map(|node| node.place.clone()))
            .collect()
    }
}

/// Draws what there is; [`ops`] makes it.
pub fn draw(rng: &mut Rng) -> Topology {
    let n_nodes: u8 = pick(rng, &[1, 2, 2, 3, 3, 4]);
    let mut topology = Topology {
        nodes: Vec::new(),
        pods: Vec::new(),
        services: Vec::new(),
        wiring: pick(rng, &[Wiring::Bridge, Wiring::Bridge, Wiring::Routed]),
        between: pick(rng, &[Between::HostGateway, Between::Vxlan]),
    };
    for number in 1..=n_nodes {
        let name = format!("node-{number}");
        let place = format!("nodes/{name}/host");
        topology.nodes.push(Node {
            place,
            number,
            v4: Ipv4Addr::new(10, 99, 0, 10 + number),
            v6: Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 10 + u16::from(number)),
            name: name.clone(),
        });
        for pod in 1..=rng.u8(1..=3) {
            let pod_name = format!("p{number}{pod}");
            topology.pods.push(Pod {
                place: format!("nodes/{name}/pods/default_{pod_name}"),
                node: usize::from(number - 1),
                number: pod,
                v4: Ipv4Addr::new(10, 244, number, 1 + pod),
                v6: Ipv6Addr::new(0xfd44, number.into(), 0, 0, 0, 0, 0, 1 + u16::from(pod)),
                host_device: format!("veth{pod}"),
                name: pod_name,
            });
        }
    }
    for number in 0..rng.u8(1..=2) {
        let mut backends: Vec<usize> = (0..topology.pods.len()).collect();
        rng.shuffle(&mut backends);
        backends.truncate(rng.usize(1..=3));
        topology.services.push(Service {
            v4: Ipv4Addr::new(10, 96, 0, 10 + number),
            v6: Ipv6Addr::new(0xfd96, 0, 0, 0, 0, 0, 0, 10 + u16::from(number)),
            port: 80,
            node_port: 30080 + u16::from(number),
            backends,
        });
    }
    topology
}

/// Makes the devices, addresses and routes of a healthy cluster.
pub fn ops(draft: &mut Draft) {
    let topology = draft.topology.clone();
    draft.spec.shape = format!("{:?} {:?}", topology.wiring, topology.between).to_lowercase();
    switch(draft, &topology);
    for node in &topology.nodes {
        draft.spec.nodes.push(NodeObject {
            name: node.name.clone(),
            addresses: vec![node.v4.into(), node.v6.into()],
        });
        self::node(draft, &topology, node);
    }
    for pod in &topology.pods {
        let node = topology.node_of(pod);
        draft.spec.pods.push(PodObject {
            name: pod.name.clone(),
            node: node.name.clone(),
            addresses: vec![pod.v4.into(), pod.v6.into()],
        });
        match topology.wiring {
            Wiring::Bridge => bridged_pod(draft, node, pod),
            Wiring::Routed => routed_pod(draft, node, pod),
        }
    }
    let pods = topology.pods.iter().map(|pod| &pod.place);
    let nodes = topology.nodes.iter().map(|node| &node.place);
    for place in pods.chain(nodes).chain([&OUTSIDE.to_owned()]) {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            // Half of the servers have one socket for both families.
            let both = draft.chance(50);
            let any = server(Ipv6Addr::UNSPECIFIED.into(), PORT, protocol);
            if both {
                draft.listen("sockets.dual-stack", place, any);
            } else {
                let mut v6 = any;
                v6.v6_only = true;
                draft.listen("sockets.v6-only", place, v6);
                let v4 = server(Ipv4Addr::UNSPECIFIED.into(), PORT, protocol);
                draft.listen("sockets.v4", place, v4);
            }
        }
    }
}

fn switch(draft: &mut Draft, topology: &Topology) {
    draft.run(
        "devices.bridge",
        SWITCH,
        crate::oracle::spec::Tool::Wire,
        "link add br0 type bridge",
    );
    draft.ip("devices.bridge", SWITCH, "link set br0 up");
    let ends = topology
        .nodes
        .iter()
        .map(|node| (node.place.clone(), node.name.clone(), node.mac()))
        .chain([(
            OUTSIDE.to_owned(),
            "outside".to_owned(),
            "02:00:00:00:63:00".to_owned(),
        )]);
    for (index, (place, port, mac)) in ends.enumerate() {
        let port_mac = format!("02:00:00:00:62:{index:02x}");
        draft.wire(
            "devices.veth",
            [SWITCH, &port, &port_mac],
            [&place, "eth0", &mac],
        );
        draft.ip(
            "devices.bridge",
            SWITCH,
            format!("link set {port} up master br0"),
        );
    }
    draft.ip(
        "fib.address",
        OUTSIDE,
        "link set eth0 up\naddr add 10.99.0.1/24 dev eth0\naddr add fd99::1/64 dev eth0 nodad",
    );
}

fn node(draft: &mut Draft, topology: &Topology, node: &Node) {
    let at = &node.place;
    draft.sysctl(
        "sanity.forwarding",
        at,
        "net.ipv4.ip_forward=1\nnet.ipv6.conf.all.forwarding=1",
    );
    draft.ip(
        "fib.address",
        at,
        format!(
            "link set eth0 up\naddr add {}/24 dev eth0\naddr add {}/64 dev eth0 nodad",
            node.v4, node.v6
        ),
    );
    draft.ip(
        "fib.default",
        at,
        "route add default via 10.99.0.1\nroute add default via fd99::1",
    );
    if topology.wiring == Wiring::Bridge {
        draft.run(
            "devices.bridge",
            at,
            crate::oracle::spec::Tool::Wire,
            format!(
                "link add cni0 address 02:00:00:00:61:{:02x} type bridge",
                node.number
            ),
        );
        draft.ip(
            "fib.address",
            at,
            format!(
                "link set cni0 up\naddr add 10.244.{0}.1/24 dev cni0\naddr add fd44:{0}::1/64 dev cni0 nodad",
                node.number
            ),
        );
    }
    match topology.between {
        Between::HostGateway => {
            for other in others(topology, node) {
                for v6 in [false, true] {
                    draft.ip(
                        "fib.route",
                        at,
                        format!("route add {} via {}", other.block(v6), other.ip(v6)),
                    );
                }
            }
        }
        Between::Vxlan => vxlan(draft, topology, node),
    }
}

fn others<'a>(topology: &'a Topology, node: &Node) -> impl Iterator<Item = &'a Node> {
    let own = node.number;
    topology
        .nodes
        .iter()
        .filter(move |other| other.number != own)
}

/// flannel's layout: an address of its own, permanent neighbours, `onlink` routes.
fn vxlan(draft: &mut Draft, topology: &Topology, node: &Node) {
    let at = &node.place;
    let mac = |node: &Node| format!("02:00:00:00:60:{:02x}", node.number);
    draft.ip(
        "devices.vxlan",
        at,
        format!(
            "link add flannel.1 address {} type vxlan id 1 local {} dev eth0 dstport 8472 nolearning\n\
             link set flannel.1 up mtu 1450\naddr add 10.244.{}.0/32 dev flannel.1\naddr add fd44:{}::/128 dev flannel.1 nodad",
            mac(node), node.v4, node.number, node.number
        ),
    );
    for other in others(topology, node) {
        let number = other.number;
        draft.ip(
            "fib.onlink",
            at,
            format!(
                "route add {} via 10.244.{number}.0 dev flannel.1 onlink\nroute add {} via fd44:{number}:: dev flannel.1 onlink",
                other.block(false), other.block(true)
            ),
        );
        draft.ip(
            "neighbours.permanent",
            at,
            format!(
                "neigh add 10.244.{number}.0 dev flannel.1 lladdr {0} nud permanent\nneigh add fd44:{number}:: dev flannel.1 lladdr {0} nud permanent",
                mac(other)
            ),
        );
        draft.run(
            "devices.vxlan-fdb",
            at,
            crate::oracle::spec::Tool::Bridge,
            format!("fdb append {} dev flannel.1 dst {}", mac(other), other.v4),
        );
    }
}

fn bridged_pod(draft: &mut Draft, node: &Node, pod: &Pod) {
    let host_mac = format!("02:00:00:45:{:02x}:{:02x}", node.number, pod.number);
    let device = &pod.host_device;
    draft.wire(
        "devices.veth",
        [&node.place, device, &host_mac],
        [&pod.place, "eth0", &pod.mac()],
    );
    draft.ip(
        "devices.bridge",
        &node.place,
        format!("link set {device} up master cni0"),
    );
    if draft.topology.wiring == Wiring::Bridge && draft.chance(70) {
        draft.ip(
            "devices.hairpin",
            &node.place,
            format!("link set dev {device} type bridge_slave hairpin on"),
        );
    }
    let number = node.number;
    draft.ip(
        "fib.address",
        &pod.place,
        format!(
            "link set eth0 up\naddr add {}/24 dev eth0\naddr add {}/64 dev eth0 nodad",
            pod.v4, pod.v6
        ),
    );
    draft.ip(
        "fib.default",
        &pod.place,
        format!("route add default via 10.244.{number}.1\nroute add default via fd44:{number}::1"),
    );
}

fn routed_pod(draft: &mut Draft, node: &Node, pod: &Pod) {
    let device = &pod.host_device;
    draft.wire(
        "devices.veth",
        [&node.place, device, "ee:ee:ee:ee:ee:ee"],
        [&pod.place, "eth0", &pod.mac()],
    );
    let at = &node.place;
    draft.ip(
        "fib.address",
        at,
        // Its hardware address makes it fe80::ecee:eeff:feee:eeee.
        format!("link set {device} up"),
    );
    draft.sysctl(
        "neighbours.proxy-arp",
        at,
        format!("net.ipv4.conf.{device}.proxy_arp=1"),
    );
    draft.ip(
        "fib.route",
        at,
        format!(
            "route add {} dev {device}\nroute add {} dev {device}",
            pod.v4, pod.v6
        ),
    );
    draft.ip(
        "fib.address",
        &pod.place,
        format!(
            "link set eth0 up\naddr add {}/32 dev eth0\naddr add {}/128 dev eth0 nodad",
            pod.v4, pod.v6
        ),
    );
    draft.ip(
        "fib.default",
        &pod.place,
        "route add 169.254.1.1 dev eth0\nroute add default via 169.254.1.1 dev eth0\n\
         route add default via fe80::ecee:eeff:feee:eeee dev eth0",
    );
}
