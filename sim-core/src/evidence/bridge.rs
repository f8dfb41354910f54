//! `bridge-fdb.json`, `bridge-link.json`, `bridge-vlan.json`: bridges' forwarding tables, ports and VLANs.

use std::net::IpAddr;
use std::sync::Arc;

use super::link::BridgePort;
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
    let _ = file;
    Parsed::default()
}

/// Reads `bridge-fdb.json`.
#[must_use]
pub fn parse_fdb(file: &Arc<SourceFile>) -> Parsed<Vec<FdbEntry>> {
    let _ = file;
    Parsed::default()
}

/// Reads `bridge-vlan.json`.
#[must_use]
pub fn parse_vlans(file: &Arc<SourceFile>) -> Parsed<Vec<BridgeVlan>> {
    let _ = file;
    Parsed::default()
}
