//! The catalogue of findings: code, what it means, what usually mends it.

use crate::trace::BlockerKind;

/// One entry of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its stable code.
    pub code: &'static str,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// What usually mends it.
    pub fix: &'static str,
    /// The kernel's name for the drop, where it has one.
    pub skb_drop_reason: Option<&'static str>,
}

macro_rules! catalogue {
    ($($name:ident = $code:literal, $meaning:literal, $fix:literal, $reason:expr;)*) => {
        $(pub(crate) const $name: Entry = Entry { code: $code, meaning: $meaning, fix: $fix, skb_drop_reason: $reason };)*
        /// Every entry, by code.
        pub const ALL: &[Entry] = &[$($name),*];
    };
}

catalogue! {
    ADDRESS_MISSING = "address.missing", "the sender has no address that can be the packet's source", "give the device an address", None;
    BRIDGE_ISOLATED = "bridge.isolated", "both bridge ports are isolated: nothing passes between them", "clear the `isolated` flag of one of the two ports", None;
    BRIDGE_PORT = "bridge.port-not-forwarding", "a bridge port is not in the forwarding state", "wait for STP to settle, or bring the port into the forwarding state", None;
    BRIDGE_HAIRPIN = "bridge.hairpin-off", "a pod reaches itself through a service, but the bridge may not send a frame back out of its port", "set hairpin mode on the pod's bridge port (`bridge link set dev <port> hairpin on`; the CNI plugin's `hairpinMode`)", None;
    CONNTRACK_FULL = "conntrack.table-full", "the connection table is full: packets of new connections are dropped", "raise `net.netfilter.nf_conntrack_max`, or find what opens so many connections", None;
    DEVICE_DOWN = "device.down", "a device on the way is down", "bring the device (or its other end) up: `ip link set <device> up`", Some("SKB_DROP_REASON_DEV_READY");
    DEVICE_MISSING = "device.missing", "a route names a device that does not exist", "restart the network plugin on that node so that it makes the device again", None;
    NEIGHBOUR_UNRESOLVED = "neighbour.unresolved", "nobody on the link answers for the next hop's address", "correct the route's gateway, or bring the machine with that address back", Some("SKB_DROP_REASON_NEIGH_FAILED");
    NEIGHBOUR_WRONG = "neighbour.wrong-address", "frames are sent to a hardware address that the receiver does not have", "delete the wrong entry (`ip neigh del`, `bridge fdb del`) and let it be learned again", Some("SKB_DROP_REASON_OTHERHOST");
    MTU_BLACKHOLE = "mtu.blackhole", "large packets are lost, and their sender does not learn the smaller MTU", "make the MTUs along the path agree, or let ICMP \"fragmentation needed\" pass", Some("SKB_DROP_REASON_PKT_TOO_BIG");
    DNS_FORWARD_LOOP = "dns.forward-loop", "a name server passes questions on to itself", "let CoreDNS forward to servers outside the cluster (`forward . <address>`), not to a resolv.conf that leads back to it", None;
    DNS_HEADLESS_EMPTY = "dns.headless-empty", "a headless service has no ready endpoint, so that its name does not exist", "make its selector match pods that are ready, or set `publishNotReadyAddresses`", None;
    DNS_NO_ADDRESS = "dns.no-address", "the name exists, but has no address", "ask for a name of a service or pod; correct an ExternalName's target", None;
    DNS_NO_SUCH_NAME = "dns.no-such-name", "no name server knows the name", "correct the name (`<service>.<namespace>.svc.<cluster domain>`), or create the service", None;
    DNS_OUTSIDE = "dns.outside", "the name is resolved by servers outside the cluster, whose answer is not in the capture", "give the address that it resolves to", None;
    DNS_QUERY_FAILED = "dns.query-failed", "the question for the name does not reach a name server, or its answer does not come back", "mend the way to the name server: the finding above it says where it breaks", None;
    DNS_SEARCH_COST = "dns.search-cost", "the search list makes the program ask for other names first", "end the name with a dot, or set a smaller `ndots` in the pod's dnsConfig", None;
    DNS_SERVER_NOT_READY = "dns.server-not-ready", "no pod of the cluster's name server is ready", "find out why the CoreDNS pods are not ready (`kubectl -n kube-system describe pod -l k8s-app=kube-dns`)", None;
    DNS_SETUP = "dns.setup", "the name server's configuration keeps it from answering", "correct the Corefile", None;
    DNS_TCP_FAILS = "dns.tcp-fails", "questions over TCP do not get through: large answers are lost", "let 53/tcp pass wherever 53/udp does", None;
    DNS_UPSTREAM_UNREACHABLE = "dns.upstream-unreachable", "a name server cannot reach the servers that it asks itself", "correct the addresses that it forwards to, or the way to them", None;
    FOREIGN_DNAT = "netfilter.foreign-dnat", "a rule that belongs to no service sends the packet elsewhere", "remove that rule, or what writes it", None;
    GATEWAY_NO_LISTENER = "gateway.no-listener", "no listener of the Gateway takes this host, port and protocol", "add a listener, or ask on the port and host of one", None;
    GATEWAY_NOT_ATTACHED = "gateway.route-not-attached", "the HTTPRoute is not attached to the listener", "name the listener in parentRefs, and let the listener's allowedRoutes admit the route's namespace", None;
    GATEWAY_NOT_PERMITTED = "gateway.reference-not-permitted", "the HTTPRoute names a service of another namespace, which no ReferenceGrant permits", "add a ReferenceGrant in the service's namespace", None;
    HTTP_BACKEND = "http.backend-missing", "the rule's backend does not exist, lacks that port, or has no ready endpoint", "correct the rule's service and port, or make the service's pods ready", None;
    HTTP_NO_RULE = "http.no-rule", "no rule takes this host and path", "add a rule for the host and path, or correct the one that comes nearest", None;
    HTTP_REDIRECT = "http.redirect", "the proxy answers with a redirect", "ask for the address that it redirects to", None;
    INGRESS_NO_CLASS = "ingress.no-class", "no controller takes the Ingress: its class is missing", "set `ingressClassName` to a class that exists, or mark a class as default", None;
    INGRESS_NO_TLS = "ingress.no-certificate", "no Ingress names a certificate for this host", "name a secret for the host in `spec.tls`", None;
    POLICY_EGRESS_DENIED = "policy.egress-denied", "a network policy isolates the sending pod and none allows this connection", "allow it in an egress rule of a policy that selects the pod, if it should be allowed", Some("SKB_DROP_REASON_NETFILTER_DROP");
    POLICY_INGRESS_DENIED = "policy.ingress-denied", "a network policy isolates the receiving pod and none allows this connection", "allow it in an ingress rule of a policy that selects the pod, if it should be allowed", Some("SKB_DROP_REASON_NETFILTER_DROP");
    PROXY_BAD_GATEWAY = "proxy.bad-gateway", "the proxy cannot connect to its backend: the client is told 502", "mend what keeps the proxy's connection from its backend: the finding above it", None;
    PROXY_TIMEOUT = "proxy.gateway-timeout", "the proxy's connection to its backend gets no answer: the client is told 504", "mend what keeps the proxy's connection from its backend: the finding above it", None;
    REPLY_MISMATCH = "reply.address-mismatch", "the answer comes from another address than the client asked: it is not translated back", "let answers pass the node that translated the request (bridge-nf-call-iptables, masquerading, routing)", None;
    REPLY_STRANGER = "reply.stranger", "a packet ends at a machine that does not know its connection", "correct the address or route that leads it there", None;
    ROUTE_LOOP = "route.loop", "the packet goes in circles", "correct the routes that point at one another", None;
    ROUTE_MISSING = "route.missing", "there is no route to the destination", "add the route; the network plugin or the cloud's route controller on that node should have", Some("SKB_DROP_REASON_IP_OUTNOROUTES");
    ROUTE_REFUSED = "route.refused", "a blackhole, unreachable or prohibit route or rule refuses the destination", "remove that route, or the reason why it was put there", None;
    RULE_DROP = "netfilter.drop", "a netfilter rule drops the packet", "change that rule, or what writes it", Some("SKB_DROP_REASON_NETFILTER_DROP");
    RULE_REJECT = "netfilter.reject", "a netfilter rule rejects the packet", "change that rule, or what writes it", Some("SKB_DROP_REASON_NETFILTER_DROP");
    SERVICE_NO_ENDPOINTS = "service.no-endpoints", "the service has no endpoint that is ready", "make its selector match pods that are ready", Some("SKB_DROP_REASON_NETFILTER_DROP");
    SERVICE_NOT_PROGRAMMED = "service.not-programmed", "the node does not translate the service's address: kube-proxy (or its replacement) has not written rules for it there", "see that kube-proxy runs on that node and can write its rules", None;
    SERVICE_PORT_MISSING = "service.port-missing", "the service has no such port with that protocol", "ask for one of the service's ports, or add the port to the service", None;
    SERVICE_SOURCE_DENIED = "service.source-range-denied", "the client is in none of the service's loadBalancerSourceRanges", "add the client's range to `loadBalancerSourceRanges`, if it should be allowed", Some("SKB_DROP_REASON_NETFILTER_DROP");
    SERVICE_TARGET_PORT = "service.target-port-wrong", "the service sends to a port that its pods do not declare and on which nothing listens", "correct the service's `targetPort`", Some("SKB_DROP_REASON_NO_SOCKET");
    SOCKET_BACKLOG_FULL = "socket.backlog-full", "the program does not accept the connections that wait for it, and its backlog is full", "find out why the program does not accept connections (overload, a deadlock), or give it a larger backlog", Some("SKB_DROP_REASON_TCP_LISTEN_OVERFLOW");
    SOCKET_NO_LISTENER = "socket.no-listener", "nothing listens on that address and port", "start the program, or let it listen on this address and port (the service's targetPort)", Some("SKB_DROP_REASON_NO_SOCKET");
    SYSCTL_FORWARDING = "sysctl.forwarding-off", "the node does not forward packets", "set `net.ipv4.ip_forward=1` and the device's `forwarding`", None;
    SYSCTL_MARTIAN = "sysctl.martian", "a packet with an impossible source or destination for its device is dropped", "find who sends from that address; `accept_local` and `route_localnet` allow the special cases", Some("SKB_DROP_REASON_IP_LOCAL_SOURCE");
    SYSCTL_RP_FILTER = "sysctl.rp-filter", "reverse path filtering drops the packet: the way back leads elsewhere", "set `rp_filter` to 2 or 0 on that device, or make routing symmetric", Some("SKB_DROP_REASON_IP_RPFILTER");
    TTL_EXCEEDED = "route.ttl-exceeded", "the packet's TTL runs out", "look for a routing loop", Some("SKB_DROP_REASON_IP_INHDR");
    TUNNEL_PEER = "tunnel.peer-missing", "a tunnelled packet reaches a machine that has no such tunnel", "make the tunnel's two ends agree: addresses, keys, ports; and bring both devices up", None;
    TUNNEL_SOURCE = "tunnel.source-missing", "a tunnel sends from an address that its machine does not have", "correct the tunnel's local address, or give the machine that address back", None;
    VLAN_MISSING = "vlan.missing", "a bridge port or device does not take frames of that VLAN", "add the VLAN to the port (`bridge vlan add`), or make the VLAN device", None;
    WIREGUARD_PEER = "wireguard.peer", "WireGuard has no peer that is allowed this address", "add the peer, or the prefix to its allowed addresses, on both sides", None;
    VXLAN_FDB_MISSING = "vxlan.fdb-missing", "the VXLAN device knows no peer for the hardware address", "restart the network plugin on that node so that it writes the entry", None;
    VXLAN_PEER = "vxlan.peer-missing", "the VXLAN packet reaches a machine that has no such tunnel", "restart the network plugin on the peer, or correct the entry that names it", None;
}

/// The entry for what the walk met.
pub(crate) fn entry(kind: BlockerKind) -> Entry {
    match kind {
        BlockerKind::RouteMissing => ROUTE_MISSING,
        BlockerKind::RouteRefused => ROUTE_REFUSED,
        BlockerKind::ReversePath => SYSCTL_RP_FILTER,
        BlockerKind::Martian => SYSCTL_MARTIAN,
        BlockerKind::ForwardingOff => SYSCTL_FORWARDING,
        BlockerKind::RuleDrop => RULE_DROP,
        BlockerKind::RuleReject => RULE_REJECT,
        BlockerKind::DeviceDown => DEVICE_DOWN,
        BlockerKind::DeviceMissing => DEVICE_MISSING,
        BlockerKind::NeighbourUnresolved => NEIGHBOUR_UNRESOLVED,
        BlockerKind::NeighbourWrong => NEIGHBOUR_WRONG,
        BlockerKind::BridgePort => BRIDGE_PORT,
        BlockerKind::HairpinOff => BRIDGE_HAIRPIN,
        BlockerKind::BridgeIsolated => BRIDGE_ISOLATED,
        BlockerKind::VxlanFdbMissing => VXLAN_FDB_MISSING,
        BlockerKind::VxlanPeer => VXLAN_PEER,
        BlockerKind::TunnelPeer => TUNNEL_PEER,
        BlockerKind::TunnelSource => TUNNEL_SOURCE,
        BlockerKind::WireguardPeer => WIREGUARD_PEER,
        BlockerKind::VlanMissing => VLAN_MISSING,
        BlockerKind::Mtu => MTU_BLACKHOLE,
        BlockerKind::AddressMissing => ADDRESS_MISSING,
        BlockerKind::BacklogFull => SOCKET_BACKLOG_FULL,
        BlockerKind::NoListener => SOCKET_NO_LISTENER,
        BlockerKind::NoServer => SERVICE_NO_ENDPOINTS,
        BlockerKind::ConntrackFull => CONNTRACK_FULL,
        BlockerKind::ReplyMismatch => REPLY_MISMATCH,
        BlockerKind::Stranger => REPLY_STRANGER,
        BlockerKind::Ttl => TTL_EXCEEDED,
        BlockerKind::Loop => ROUTE_LOOP,
    }
}
