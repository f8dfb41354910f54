//! `ip-link.json`: devices, as `ip -j -d link show` prints them.

use std::net::IpAddr;
use std::sync::Arc;

use super::json::{self, Fault, Object};
use super::mac::Mac;
use crate::source::{Parsed, Source, SourceFile};

mod kind;
pub(super) mod port;
#[cfg(test)]
mod tests;

/// A network device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its index in its namespace.
    pub index: u32,
    /// Its name.
    pub name: Arc<str>,
    /// Alternative names.
    pub altnames: Vec<String>,
    /// What it is.
    pub kind: LinkKind,
    /// Its hardware type, e.g. `ether`, `loopback`, `none`, `ipip`.
    pub link_type: String,
    /// Its Ethernet address; `None` for devices without one (tunnels, WireGuard).
    pub mac: Option<Mac>,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// IFF_UP: an administrator wants it up.
    pub up: bool,
    /// IFF_LOWER_UP: it has a carrier.
    pub lower_up: bool,
    /// IFF_NOARP: its neighbours need no address resolution.
    pub noarp: bool,
    /// IFF_POINTOPOINT.
    pub pointopoint: bool,
    /// RFC 2863 state: `UP`, `DOWN`, `LOWERLAYERDOWN`, `DORMANT`, `UNKNOWN` …
    pub operstate: String,
    /// All interface flags as printed.
    pub flags: Vec<String>,
    /// The bridge, bond or VRF that it is enslaved to.
    pub master: Option<String>,
    /// The device below it or, for a veth whose peer is in this namespace, that peer; by name.
    ///
    /// Only present where that device is in this namespace.
    pub link: Option<String>,
    /// The index of the device below it, or of its veth peer, in the namespace that `link_netnsid` names.
    pub link_index: Option<u32>,
    /// The namespace of the device below it, or of its veth peer, by this namespace's own numbering.
    pub link_netnsid: Option<i32>,
    /// What it is as a port of a bridge.
    pub port: Option<BridgePort>,
    /// What it is as a bond's slave.
    pub bond_slave: Option<BondSlave>,
    /// The VRF table that it belongs to as a VRF's slave.
    pub vrf_table: Option<u32>,
    /// An XDP program is attached: packets may never reach the kernel's stack.
    pub xdp: bool,
    /// Its queueing discipline.
    pub qdisc: Option<String>,
    /// Group name or number (matched by nft's `iifgroup` and `devgroup`).
    pub group: Option<String>,
    /// Largest GSO packet.
    pub gso_max_size: Option<u32>,
    /// Where it was read.
    pub source: Source,
}

/// What a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkKind {
    /// `lo`.
    Loopback,
    /// No kind is printed: a NIC, virtual or not.
    Physical,
    /// One end of a pair.
    Veth,
    /// A bridge.
    Bridge(Bridge),
    /// A VXLAN tunnel.
    Vxlan(Vxlan),
    /// IPv4 in IPv4.
    Ipip(Tunnel),
    /// GRE over IPv4, or GRETAP where `tap` is set; also ERSPAN.
    Gre {
        /// Its ends.
        tunnel: Tunnel,
        /// Carries Ethernet frames.
        tap: bool,
    },
    /// IPv6 in IPv4.
    Sit(Tunnel),
    /// Anything in IPv6 (ip6tnl, ip6gre, ip6gretap).
    Ip6Tunnel(Tunnel),
    /// A Geneve tunnel.
    Geneve(Geneve),
    /// WireGuard.
    Wireguard,
    /// ipvlan.
    Ipvlan {
        /// `l2`, `l3` or `l3s`.
        mode: String,
        /// `bridge`, `private` or `vepa`.
        flags: Vec<String>,
    },
    /// macvlan or macvtap.
    Macvlan {
        /// `bridge`, `private`, `vepa`, `passthru` or `source`.
        mode: String,
    },
    /// A VLAN on another device.
    Vlan {
        /// VLAN id.
        id: u16,
        /// `802.1Q` or `802.1ad`.
        protocol: String,
    },
    /// A bond.
    Bond {
        /// E.g. `active-backup`.
        mode: String,
        /// The slave in use, in modes that use one at a time.
        active_slave: Option<String>,
    },
    /// A dummy device: swallows what is sent by it.
    Dummy,
    /// A tun or tap device: the other end is a program.
    Tun {
        /// Carries Ethernet frames.
        tap: bool,
    },
    /// An intermediate functional block (traffic shaping).
    Ifb,
    /// A VRF.
    Vrf {
        /// Its routing table.
        table: u32,
    },
    /// netkit: a pair as veth, with BPF at its ends.
    Netkit {
        /// `l2` or `l3`.
        mode: String,
        /// What happens to packets that this end sends, without a program's verdict: `forward` or `blackhole`.
        policy: String,
        /// This is the primary end.
        primary: bool,
    },
    /// Another kind, as printed.
    Other(String),
}

impl LinkKind {
    /// The kind's name as the kernel has it (`rtnl_link_ops.kind`); empty for devices without one.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Loopback | Self::Physical => "",
            Self::Veth => "veth",
            Self::Bridge(_) => "bridge",
            Self::Vxlan(_) => "vxlan",
            Self::Ipip(_) => "ipip",
            Self::Gre { tap: false, .. } => "gre",
            Self::Gre { tap: true, .. } => "gretap",
            Self::Sit(_) => "sit",
            Self::Ip6Tunnel(_) => "ip6tnl",
            Self::Geneve(_) => "geneve",
            Self::Wireguard => "wireguard",
            Self::Ipvlan { .. } => "ipvlan",
            Self::Macvlan { .. } => "macvlan",
            Self::Vlan { .. } => "vlan",
            Self::Bond { .. } => "bond",
            Self::Dummy => "dummy",
            Self::Tun { .. } => "tun",
            Self::Ifb => "ifb",
            Self::Vrf { .. } => "vrf",
            Self::Netkit { .. } => "netkit",
            Self::Other(kind) => kind,
        }
    }
}

/// A bridge's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// Spanning tree runs.
    pub stp: bool,
    /// VLANs are filtered.
    pub vlan_filtering: bool,
    /// The VLAN of untagged frames.
    pub vlan_default_pvid: Option<u16>,
    /// The VLAN protocol, `802.1Q` unless changed.
    pub vlan_protocol: Option<String>,
    /// Per-bridge switch: iptables sees bridged IPv4 even if the sysctl says no.
    pub nf_call_iptables: bool,
    /// The same for ip6tables.
    pub nf_call_ip6tables: bool,
    /// The same for arptables.
    pub nf_call_arptables: bool,
    /// How long a learned address is kept, in 1/100 s.
    pub ageing_time: u64,
    /// Multicast snooping.
    pub mcast_snooping: bool,
    /// Link-local groups that are forwarded (bit mask).
    pub group_fwd_mask: u16,
    /// Addresses are not learned from link-local frames.
    pub no_linklocal_learn: bool,
}

/// A VXLAN tunnel's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vxlan {
    /// VNI; `None` with `external`.
    pub id: Option<u32>,
    /// Source address of the outer packets.
    pub local: Option<IpAddr>,
    /// Destination of what the fdb does not know: a unicast `remote` or a multicast `group`.
    pub remote: Option<IpAddr>,
    /// UDP port of the far ends.
    pub port: u16,
    /// UDP source ports; 0-0 means the kernel's local port range.
    pub source_ports: (u16, u16),
    /// The device that outer packets are bound to.
    pub lower: Option<String>,
    /// Learns addresses from what arrives.
    pub learning: bool,
    /// Answers ARP from its neighbour table.
    pub proxy: bool,
    /// Route short circuit.
    pub rsc: bool,
    /// Reports missing neighbours to user space.
    pub l2miss: bool,
    /// Reports missing fdb entries' IP addresses to user space.
    pub l3miss: bool,
    /// Outer TTL; 0 is the route's default, `None` inherits the inner.
    pub ttl: Option<u8>,
    /// Outer TOS; `None` inherits the inner.
    pub tos: Option<u8>,
    /// Outer DF: `unset`, `set` or `inherit`.
    pub df: String,
    /// Ageing of learned addresses, in seconds.
    pub ageing: Option<u32>,
    /// Collect metadata: VNI and addresses come from routes or BPF (`external`).
    pub external: bool,
    /// VNI filtering.
    pub vnifilter: bool,
    /// Group based policy extension.
    pub gbp: bool,
    /// Outer UDP checksum for IPv4.
    pub udp_csum: bool,
    /// IPv6: outer UDP checksum is left out on sending.
    pub udp_zero_csum6_tx: bool,
    /// IPv6: packets without outer checksum are accepted.
    pub udp_zero_csum6_rx: bool,
}

/// An IP tunnel's ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// The kind as printed, e.g. `ipip`, `gre`, `ip6tnl`.
    pub kind: String,
    /// Source of the outer packets; `None` is any (chosen by the route).
    pub local: Option<IpAddr>,
    /// The far end; `None` is any: the inner next hop's address or metadata decides.
    pub remote: Option<IpAddr>,
    /// The device that outer packets are bound to.
    pub lower: Option<String>,
    /// Outer TTL; `None` inherits the inner.
    pub ttl: Option<u8>,
    /// Outer TOS; `None` inherits the inner.
    pub tos: Option<u8>,
    /// DF is set on outer packets as the inner says (path MTU discovery).
    pub pmtudisc: bool,
    /// DF of inner packets is ignored.
    pub ignore_df: bool,
    /// Key for sent packets.
    pub okey: Option<u32>,
    /// Key that received packets must have.
    pub ikey: Option<u32>,
    /// GRE: received packets must have a checksum, sent ones do.
    pub checksums: (bool, bool),
    /// GRE: received packets must be numbered, sent ones are.
    pub sequence: (bool, bool),
    /// Collect metadata (`external`).
    pub external: bool,
    /// Foo-over-UDP encapsulation: its kind (`fou`, `gue`) and ports.
    pub encap: Option<Encapsulation>,
    /// ip6tnl's mode: `ipip6`, `ip6ip6`, `any`.
    pub mode: Option<String>,
    /// ip6tnl: a header with the encapsulation limit is put in.
    pub encap_limit: bool,
}

/// A second encapsulation (fou, gue) of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encapsulation {
    /// `fou` or `gue`.
    pub kind: String,
    /// UDP source port; 0 is automatic.
    pub sport: u16,
    /// UDP destination port.
    pub dport: u16,
}

/// A Geneve tunnel's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geneve {
    /// VNI; `None` with `external`.
    pub id: Option<u32>,
    /// The far end; `None` with `external`.
    pub remote: Option<IpAddr>,
    /// UDP port.
    pub port: u16,
    /// Outer TTL; `None` inherits the inner.
    pub ttl: Option<u8>,
    /// Outer DF: `unset`, `set` or `inherit`.
    pub df: String,
    /// Collect metadata.
    pub external: bool,
    /// Carries IP packets, not Ethernet frames.
    pub inner_proto_inherit: bool,
}

/// A device as a bond's slave (`struct slave`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BondSlave {
    /// It may be used: `ACTIVE`, not `BACKUP`.
    pub active: bool,
    /// The bond takes its link to be up.
    pub up: bool,
}

/// A bridge port's settings (`struct net_bridge_port`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgePort {
    /// STP state: `disabled`, `listening`, `learning`, `forwarding` or `blocking`.
    pub state: String,
    /// A frame may go back out where it came in.
    pub hairpin: bool,
    /// Source addresses are learned.
    pub learning: bool,
    /// Frames to unknown unicast addresses are flooded to it.
    pub flood: bool,
    /// Multicast is flooded to it.
    pub mcast_flood: bool,
    /// Broadcast is flooded to it.
    pub bcast_flood: bool,
    /// Isolated ports reach only ports that are not.
    pub isolated: bool,
    /// The bridge answers ARP for what is behind other ports.
    pub proxy_arp: bool,
    /// The same, for Wi-Fi.
    pub proxy_arp_wifi: bool,
    /// ARP and ND are answered by the bridge, not flooded to it.
    pub neigh_suppress: bool,
    /// BPDU guard.
    pub guard: bool,
    /// Only known source addresses may send (802.1X).
    pub locked: bool,
    /// MAC authentication bypass.
    pub mab: bool,
    /// VLAN to tunnel mapping.
    pub vlan_tunnel: bool,
    /// Multicast is sent as unicast copies.
    pub mcast_to_unicast: bool,
    /// A backup port takes over without carrier.
    pub backup_port: Option<String>,
}

/// Reads `ip-link.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Link>> {
    json::items(file, link)
}

fn link(item: &Object<'_>) -> Result<Link, Fault> {
    let flags = item.strings("flags")?;
    let has = |flag: &str| flags.iter().any(|name| name == flag);
    let link_type = item.text("link_type")?.unwrap_or_default();
    let info = item.object("linkinfo")?;
    let kind = kind::of(info.as_ref(), &link_type)?;
    let mac = match item.text("address")? {
        // Tunnels and InfiniBand have addresses of other lengths; only Ethernet's are hardware addresses here.
        Some(address) if matches!(link_type.as_str(), "ether" | "loopback") => Some(
            address
                .parse::<Mac>()
                .map_err(|error| item.fault("address", error.to_string()))?,
        ),
        _ => None,
    };
    let Slave {
        port,
        vrf_table,
        bond_slave,
    } = slave(info.as_ref())?;
    Ok(Link {
        index: item.required("ifindex", item.number("ifindex")?)?,
        name: item.required("ifname", item.text("ifname")?)?.into(),
        altnames: item.strings("altnames")?,
        kind,
        mac,
        mtu: item.required("mtu", item.number("mtu")?)?,
        up: has("UP"),
        lower_up: has("LOWER_UP"),
        noarp: has("NOARP"),
        pointopoint: has("POINTOPOINT"),
        operstate: item.text("operstate")?.unwrap_or_default(),
        master: item.text("master")?,
        link: item.text("link")?,
        link_index: item.number("link_index")?,
        link_netnsid: item.number("link_netnsid")?,
        port,
        bond_slave,
        vrf_table,
        xdp: item.has("xdp"),
        qdisc: item.text("qdisc")?,
        group: item.name("group")?,
        gso_max_size: item.number("gso_max_size")?,
        link_type,
        flags,
        source: item.source(),
    })
}

/// What a device is to its master.
#[derive(Default)]
struct Slave {
    port: Option<BridgePort>,
    vrf_table: Option<u32>,
    bond_slave: Option<BondSlave>,
}

/// What a device is to its master (`linkinfo.info_slave_data`).
fn slave(info: Option<&Object<'_>>) -> Result<Slave, Fault> {
    let mut slave = Slave::default();
    let Some(info) = info else {
        return Ok(slave);
    };
    let data = info.object("info_slave_data")?;
    match (info.text("info_slave_kind")?.as_deref(), data) {
        (Some("bridge"), Some(data)) => slave.port = Some(port::bridge_port(&data)?),
        (Some("vrf"), Some(data)) => slave.vrf_table = data.number("table")?,
        (Some("bond"), Some(data)) => {
            let is = |key: &str, value: &str| -> Result<bool, Fault> {
                Ok(data.text(key)?.is_none_or(|text| text == value))
            };
            slave.bond_slave = Some(BondSlave {
                active: is("state", "ACTIVE")?,
                up: is("mii_status", "UP")?,
            });
        }
        _ => {}
    }
    Ok(slave)
}
