//! Where the causes that other tools name are found here.

/// One cause in another tool's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// In its words.
    pub asked: &'static str,
    /// The codes that say it here; none where nothing does yet.
    pub codes: &'static [&'static str],
}

const fn answer(asked: &'static str, codes: &'static [&'static str]) -> Answer {
    Answer { asked, codes }
}

/// The results that a managed service's diagnosis gives (ACK).
pub const ACK: &[Answer] = &[
    answer(
        "pod container … is not ready",
        &["pod.not-ready", "service.endpoint-not-ready"],
    ),
    answer(
        "network policy … deny the packet from …",
        &["policy.ingress-denied", "policy.egress-denied"],
    ),
    answer(
        "no process listening on …",
        &["socket.no-listener", "service.target-port-wrong"],
    ),
    answer(
        "no route to host / invalid route … for packet …",
        &[
            "route.missing",
            "route.refused",
            "route.loop",
            "neighbour.unresolved",
        ],
    ),
    answer(
        "service … has no valid endpoint",
        &["service.no-endpoints", "service.no-local-endpoints"],
    ),
    answer(
        "… do not have same security group",
        &["cloud.no-common-security-group"],
    ),
    answer(
        "security group … not allow packet …",
        &["cloud.security-group-denied"],
    ),
    answer(
        "no route entry for destination ip / no next hop for destination ip",
        &["cloud.route-missing", "cloud.next-hop-unavailable"],
    ),
    answer(
        "error route next hop for destination ip / expect next hop …",
        &["cloud.route-elsewhere"],
    ),
    answer("no snat entry on nat gateway …", &["cloud.no-snat-entry"]),
    answer(
        "backend … health status for port …, not \"normal\"",
        &["lb.backend-unhealthy", "lb.probe-dropped"],
    ),
    answer(
        "cannot find listener port … for slb …",
        &["lb.listener-missing"],
    ),
    answer(
        "status of loadbalancer for … port … not \"running\"",
        &["lb.listener-stopped"],
    ),
];

/// What KubeSkoop reports beside those.
pub const KUBESKOOP: &[Answer] = &[
    answer("IPVS service missing", &["service.not-programmed"]),
    answer(
        "IPVS real server missing, weight wrong",
        &["service.no-endpoints"],
    ),
    answer(
        "IPVS masquerade wrong, unexpected SNAT",
        &["reply.address-mismatch", "reply.stranger"],
    ),
    answer(
        "ip_forward or a device's forwarding differs",
        &["sysctl.forwarding-off"],
    ),
    answer("rp_filter differs", &["sysctl.rp-filter"]),
    answer(
        "bridge-nf-call-iptables differs",
        &["reply.address-mismatch"],
    ),
    answer("device missing or down", &["device.missing", "device.down"]),
    answer("wrong MTU", &["mtu.blackhole"]),
    answer(
        "veth without master or on the wrong bridge",
        &["neighbour.unresolved", "device.down"],
    ),
    answer(
        "no neighbour or FDB entry for a VTEP",
        &["neighbour.unresolved", "vxlan.fdb-missing"],
    ),
    answer(
        "a neighbour or FDB entry names another host",
        &["neighbour.wrong-address", "vxlan.peer-missing"],
    ),
    answer(
        "wrong IPIP device",
        &["tunnel.peer-missing", "tunnel.source-missing"],
    ),
    answer(
        "route of type blackhole, unreachable or prohibit",
        &["route.refused"],
    ),
    answer("missing default policy rule", &["route.missing"]),
    answer(
        "packet dropped by iptables",
        &["netfilter.drop", "netfilter.reject"],
    ),
    answer("loadBalancerSourceRanges", &["service.source-range-denied"]),
    answer("node not Ready", &["node.not-ready"]),
    answer(
        "ACL on the load balancer; its server groups; not active",
        &[
            "lb.acl-denied",
            "lb.no-backends",
            "lb.backend-unexpected",
            "lb.backend-missing",
            "lb.inactive",
        ],
    ),
];

/// The families of troubleshooting guides.
pub const GUIDES: &[Answer] = &[
    answer(
        "firewalls on either end",
        &["netfilter.drop", "netfilter.reject"],
    ),
    answer(
        "wrong routes",
        &[
            "route.missing",
            "route.refused",
            "route.loop",
            "neighbour.wrong-address",
        ],
    ),
    answer("connection table full", &["conntrack.table-full"]),
    answer(
        "link faults",
        &["device.down", "bridge.port-not-forwarding", "vlan.missing"],
    ),
    answer(
        "application not started, or bound to 127.0.0.1",
        &["socket.no-listener", "pod.not-ready"],
    ),
    answer("application does not accept", &["socket.backlog-full"]),
    answer("large packets lost", &["mtu.blackhole"]),
    answer("kube-proxy wrote no rules", &["service.not-programmed"]),
    answer("PodCIDR overlaps", &["node.pod-cidr-overlap"]),
    answer("NIC queue or softnet drops, port exhaustion", &[]),
];
