//! nft's data types: which symbols a value may be written with.

/// The type of a value, as `nft describe` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataType {
    /// `ipv4_addr`.
    Ipv4,
    /// `ipv6_addr`.
    Ipv6,
    /// `ether_addr`.
    Ether,
    /// `ether_type`.
    EtherType,
    /// `inet_proto`.
    Protocol,
    /// `inet_service`.
    Service,
    /// `mark`.
    Mark,
    /// `ifname`.
    IfName,
    /// `iface_index`.
    IfIndex,
    /// `iface_type`.
    IfType,
    /// `icmp_type`.
    IcmpType,
    /// `icmpv6_type`.
    Icmpv6Type,
    /// `icmp_code`.
    IcmpCode,
    /// `icmpv6_code`.
    Icmpv6Code,
    /// `icmpx_code`.
    IcmpxCode,
    /// `ct_state`.
    CtState,
    /// `ct_dir`.
    CtDirection,
    /// `ct_status`.
    CtStatus,
    /// `tcp_flag`.
    TcpFlag,
    /// `fib_addrtype`.
    FibAddressType,
    /// `nf_proto`.
    NfProto,
    /// `pkt_type`.
    PacketType,
    /// `dscp`.
    Dscp,
    /// `ecn`.
    Ecn,
    /// `boolean`.
    Boolean,
    /// A plain number.
    Integer,
    /// A type whose symbols are not known here: numbers only.
    Other,
}
