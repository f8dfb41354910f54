//! `bridge-fdb.json`, `bridge-link.json`, `bridge-vlan.json`: bridges' forwarding tables, ports and VLANs.

use std::net::IpAddr;
use std::sync::Arc;

use super::json::{self, Fault, Object};
use super::link::{BridgePort, port};
use super::mac::Mac;
use crate::source::{Parsed, Source, SourceFile};

/// A bridge port, as `bridge -j -d link` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeLink {
    /// Index of the port's device.
    pub index: u32,
    /// The port's device.
    pub device: String,
    /// The bridge.
    pub master: Option<String>,
    /// Settings.
    pub port: BridgePort,
    /// Where it was read.
    pub source: Source,
}

/// An entry of a bridge's or a VXLAN device's forwarding table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FdbEntry {
    /// The hardware address.
    pub mac: Mac,
    /// The bridge port, or the VXLAN device.
    pub device: String,
    /// VXLAN: the far end.
    pub dst: Option<IpAddr>,
    /// VXLAN: a nexthop group instead of a far end.
    pub nexthop_id: Option<u32>,
    /// The VLAN.
    pub vlan: Option<u16>,
    /// VXLAN: the far end's UDP port, where it differs from the device's.
    pub port: Option<u16>,
    /// VXLAN: the VNI, where it differs from the device's.
    pub vni: Option<u32>,
    /// VXLAN: the VNI under which it is looked up (external devices).
    pub src_vni: Option<u32>,
    /// VXLAN: the device that outer packets leave by.
    pub via: Option<String>,
    /// NTF_SELF: the entry is the device's own (VXLAN, or a NIC's filter), not the bridge's.
    pub self_: bool,
    /// NTF_MASTER or a printed master: the bridge whose table holds it.
    pub master: Option<String>,
    /// How it came to be.
    pub state: FdbState,
    /// All flags as printed, e.g. `self`, `router`, `offload`, `extern_learn`, `sticky`.
    pub flags: Vec<String>,
    /// The namespace id of `via`.
    pub link_netnsid: Option<i32>,
    /// Where it was read.
    pub source: Source,
}

/// How an fdb entry came to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FdbState {
    /// Learned (an empty state is printed).
    Learned,
    /// Local: the frame is for this machine (bridge), or set by hand (VXLAN).
    Permanent,
    /// Set by hand.
    Static,
    /// Not used for long.
    Stale,
    /// Another state, as printed.
    Other(String),
}

/// The VLANs of one bridge port (or of the bridge itself).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeVlan {
    /// The device.
    pub device: String,
    /// First VLAN of the range.
    pub first: u16,
    /// Last VLAN of the range; equal to `first` for a single one.
    pub last: u16,
    /// Untagged frames belong to it.
    pub pvid: bool,
    /// It leaves untagged.
    pub untagged: bool,
    /// Where it was read.
    pub source: Source,
}

/// Reads `bridge-link.json`.
#[must_use]
pub fn parse_links(file: &Arc<SourceFile>) -> Parsed<Vec<BridgeLink>> {
    let mut value = Vec::new();
    let problems = json::each(file, |item| {
        // A bridge itself and a NIC with an embedded switch are listed too, without a port's state.
        if item.has("state") {
            value.push(BridgeLink {
                index: item.required("ifindex", item.number("ifindex")?)?,
                device: item.required("ifname", item.text("ifname")?)?,
                master: item.text("master")?,
                port: port::bridge_port(item)?,
                source: item.source(),
            });
        }
        Ok(())
    });
    Parsed { value, problems }
}

/// Reads `bridge-fdb.json`.
#[must_use]
pub fn parse_fdb(file: &Arc<SourceFile>) -> Parsed<Vec<FdbEntry>> {
    let mut value = Vec::new();
    let problems = json::each(file, |item| {
        // IPoIB and other tunnels list entries whose addresses are no Ethernet addresses; no bridge uses them.
        let mac = item.required("mac", item.text("mac")?)?;
        if mac.matches(':').count() == 5 {
            value.push(fdb_entry(item, &mac)?);
        }
        Ok(())
    });
    Parsed { value, problems }
}

fn fdb_entry(item: &Object<'_>, mac: &str) -> Result<FdbEntry, Fault> {
    let flags = item.strings("flags")?;
    let state = match item.name("state")?.as_deref() {
        None | Some("" | "reachable") => FdbState::Learned,
        Some("permanent") => FdbState::Permanent,
        Some("static") => FdbState::Static,
        Some("stale") => FdbState::Stale,
        Some(other) => FdbState::Other(other.to_owned()),
    };
    // iproute2 before 4.18 prints `dev`, later ones `ifname`.
    let device = item.text("ifname")?.or(item.text("dev")?);
    Ok(FdbEntry {
        mac: mac
            .parse()
            .map_err(|error: super::mac::InvalidMac| item.fault("mac", error.to_string()))?,
        device: item.required("ifname", device)?,
        dst: item.parse("dst", "an IP address")?,
        nexthop_id: item.number("nhid")?,
        vlan: item.number("vlan")?,
        port: item.number("port")?,
        vni: item.number("vni")?,
        src_vni: item.number("src_vni")?,
        via: item.text("viaIf")?,
        self_: flags.iter().any(|flag| flag == "self"),
        master: item.text("master")?,
        state,
        flags,
        link_netnsid: item.number("linkNetNsId")?,
        source: item.source(),
    })
}

/// Reads `bridge-vlan.json`.
#[must_use]
pub fn parse_vlans(file: &Arc<SourceFile>) -> Parsed<Vec<BridgeVlan>> {
    let mut value = Vec::new();
    let problems = json::each(file, |item| {
        let device = item.required("ifname", item.text("ifname")?)?;
        for vlan in item.objects("vlans")? {
            let first = vlan.required("vlan", vlan.number("vlan")?)?;
            let flags = vlan.strings("flags")?;
            let has = |name: &str| flags.iter().any(|flag| flag == name);
            value.push(BridgeVlan {
                device: device.clone(),
                first,
                last: vlan.number("vlanEnd")?.unwrap_or(first),
                pvid: has("PVID"),
                untagged: has("Egress Untagged"),
                source: vlan.source(),
            });
        }
        Ok(())
    });
    Parsed { value, problems }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file};

    #[test]
    fn vxlan_entries_of_old_and_new_iproute2() {
        let file = file(
            "bridge-fdb.json",
            r#"[{"mac":"00:00:00:00:00:00","ifname":"vx2","dst":"fd00::9","port":99,"vni":3,"viaIf":"va","flags":["self"],"state":"permanent"},
                {"mac":"16:fe:cc:a3:f1:0c","dev":"veth1","vlan":10,"flags":[],"master":"cni0","state":""},
                {"mac":"16:fe:cc:a3:f1:0d","ifname":"veth1","flags":["sticky"],"master":"cni0","state":"static"},
                {"mac":"00:00:00:00:fe:80:00:00","ifname":"ib0","flags":["self"],"state":"permanent"}]"#,
        );
        let all = clean(parse_fdb(&file));
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].mac, Mac::ZERO);
        assert_eq!(
            (all[0].port, all[0].vni, all[0].via.as_deref()),
            (Some(99), Some(3), Some("va"))
        );
        assert!(all[0].self_);
        assert_eq!((all[1].device.as_str(), all[1].vlan), ("veth1", Some(10)));
        assert_eq!(all[1].state, FdbState::Learned);
        assert_eq!(all[2].state, FdbState::Static);
        assert_eq!(all[2].master.as_deref(), Some("cni0"));
    }

    #[test]
    fn ports_keep_their_switches() {
        let file = file(
            "bridge-link.json",
            r#"[{"ifindex":5,"link":"eth0","ifname":"veth1","flags":["UP"],"mtu":1450,"master":"cni0","state":"forwarding","priority":32,"cost":2,"hairpin":true,"guard":false,"learning":true,"flood":false,"isolated":true},
                {"ifindex":3,"ifname":"cni0","flags":["UP"],"mtu":1450,"master":"cni0"}]"#,
        );
        let all = clean(parse_links(&file));
        assert_eq!(all.len(), 1);
        let port = &all[0].port;
        assert!(port.hairpin && port.learning && port.isolated && port.bcast_flood);
        assert!(!port.flood);
    }

    #[test]
    fn vlan_ranges_keep_their_ends_and_flags() {
        let file = file(
            "bridge-vlan.json",
            r#"[{"ifname":"vb","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"]},{"vlan":10,"vlanEnd":12}]},{"ifname":"br1","vlans":[{"vlan":1}]}]"#,
        );
        let all = clean(parse_vlans(&file));
        assert_eq!(all.len(), 3);
        assert!(all[0].pvid && all[0].untagged);
        assert_eq!((all[1].first, all[1].last), (10, 12));
        assert_eq!(all[2].source.to_string(), "bridge-vlan.json /1/vlans/0");
    }
}
