//! A bridge port's settings, as `ip -d link` (`info_slave_data`) and `bridge -d link` print them.

use super::BridgePort;
use crate::evidence::json::{Fault, Object};

/// Settings that a tool or kernel does not print have the kernel's default (`br_port_flags_change`, `new_nbp`):
/// learning and flooding on, everything else off.
pub(in crate::evidence) fn bridge_port(data: &Object<'_>) -> Result<BridgePort, Fault> {
    Ok(BridgePort {
        state: state(data)?,
        hairpin: data.flag("hairpin")?,
        learning: data.flag_or("learning", true)?,
        flood: data.flag_or("flood", true)?,
        mcast_flood: data.flag_or("mcast_flood", true)?,
        bcast_flood: data.flag_or("bcast_flood", true)?,
        isolated: data.flag("isolated")?,
        proxy_arp: data.flag("proxy_arp")?,
        proxy_arp_wifi: data.flag("proxy_arp_wifi")?,
        neigh_suppress: data.flag("neigh_suppress")?,
        guard: data.flag("guard")?,
        locked: data.flag("locked")?,
        mab: data.flag("mab")?,
        vlan_tunnel: data.flag("vlan_tunnel")?,
        mcast_to_unicast: data.flag("mcast_to_unicast")?,
        backup_port: data.text("backup_port")?,
    })
}

/// The STP state; numbers are printed for states that a tool has no name for.
fn state(data: &Object<'_>) -> Result<String, Fault> {
    let state = data.required("state", data.name("state")?)?;
    Ok(match state.as_str() {
        "0" => "disabled".to_owned(),
        "1" => "listening".to_owned(),
        "2" => "learning".to_owned(),
        "3" => "forwarding".to_owned(),
        "4" => "blocking".to_owned(),
        _ => state,
    })
}
