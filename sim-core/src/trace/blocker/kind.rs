//! What can end a packet's way.

/// The kinds of blocker; each has an entry in the catalogue of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BlockerKind {
    /// No route to the destination.
    RouteMissing,
    /// No address can be the source.
    AddressMissing,
    /// A blackhole, unreachable or prohibit route or rule.
    RouteRefused,
    /// rp_filter.
    ReversePath,
    /// A martian source or destination.
    Martian,
    /// Forwarding is off.
    ForwardingOff,
    /// A rule (or policy) drops.
    RuleDrop,
    /// A rule rejects.
    RuleReject,
    /// A device is down.
    DeviceDown,
    /// A device that is needed does not exist.
    DeviceMissing,
    /// A neighbour does not resolve.
    NeighbourUnresolved,
    /// The frame reaches nobody with its hardware address.
    NeighbourWrong,
    /// A bridge does not pass it on.
    BridgePort,
    /// Hairpin mode is off.
    HairpinOff,
    /// Ports are isolated from one another.
    BridgeIsolated,
    /// No VXLAN peer is known for the address.
    VxlanFdbMissing,
    /// The VXLAN peer does not exist or does not take the packet.
    VxlanPeer,
    /// A tunnel's outer packet reaches a machine where nothing takes it.
    TunnelPeer,
    /// A tunnel sends from an address that its machine does not have.
    TunnelSource,
    /// A WireGuard peer is missing, or not allowed the address.
    WireguardPeer,
    /// A bridge or device does not take frames of a VLAN.
    VlanMissing,
    /// Too big for a link, and the sender does not learn of it.
    Mtu,
    /// Nothing listens.
    NoListener,
    /// A virtual service has no server.
    NoServer,
    /// The listening socket's backlog is full.
    BacklogFull,
    /// The connection table is full.
    ConntrackFull,
    /// The answer reaches the client from another address than it asked.
    ReplyMismatch,
    /// The packet reaches another machine than its connection is with.
    Stranger,
    /// TTL ran out.
    Ttl,
    /// The packet goes in circles.
    Loop,
    /// A cloud's security group lets nothing of the kind pass.
    CloudGroupDenied,
    /// The same, between machines that have no security group in common.
    CloudNoCommonGroup,
    /// A cloud's network ACL does not let it pass.
    CloudAclDenied,
    /// A cloud's route table has no entry for the destination.
    CloudRouteMissing,
    /// A cloud's route leads to what does not exist or work.
    CloudNextHop,
    /// A cloud's route leads to another machine.
    CloudRouteElsewhere,
    /// A NAT gateway has no entry for what leaves.
    CloudNoSnat,
    /// A NAT gateway has no entry for what comes in.
    CloudNoDnat,
    /// What leaves by a NAT gateway asks for an address of the same gateway.
    CloudNatHairpin,
    /// An interface takes packets of its own addresses only.
    CloudSourceCheck,
    /// The machine does not run.
    CloudInstanceDown,
    /// There is no public address, or it does not work.
    CloudNoPublicAddress,
    /// The machine has no bandwidth to the internet of its own, and needs it.
    CloudNoBandwidth,
    /// A load balancer does no work.
    BalancerInactive,
    /// It has no listener for the port.
    ListenerMissing,
    /// Its listener is stopped.
    ListenerStopped,
    /// Its access list refuses the client.
    BalancerAcl,
    /// It has nobody to send to.
    NoBackends,
    /// It would send the packet back to the client.
    Loopback,
}
