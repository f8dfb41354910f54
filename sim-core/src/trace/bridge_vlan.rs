//! VLANs on a bridge that filters them (`net/bridge/br_vlan.c`).

use super::{Stage, Stop, Tag};
use crate::evidence::bridge::BridgeVlan;
use crate::evidence::link::{Bridge, LinkKind};
use crate::linux::choice::Doubt;
use crate::world::Namespace;

/// The bridge's settings.
pub(super) fn settings<'a>(ns: &'a Namespace, bridge: &str) -> Option<&'a Bridge> {
    match &ns.link(bridge)?.kind {
        LinkKind::Bridge(settings) => Some(settings),
        _ => None,
    }
}

/// Lets a frame in by `member`, a port or the bridge itself, and gives its VLAN: 0 where the bridge filters none.
/// `None` where the member does not take it (`br_allowed_ingress`).
pub(super) fn ingress(
    ns: &Namespace,
    bridge: &str,
    member: &str,
    tags: &mut Vec<Tag>,
) -> Stage<Option<u16>> {
    let Some(settings) = settings(ns, bridge).filter(|settings| settings.vlan_filtering) else {
        return Ok(Some(0));
    };
    known(ns, bridge, member)?;
    let protocol = protocol(settings);
    // A tag of another protocol is part of an untagged frame; VLAN 0 only carries a priority.
    let tagged = tags.last().filter(|tag| tag.protocol == protocol);
    let vid = match tagged.map(|tag| tag.id) {
        Some(0) => {
            tags.pop();
            pvid(ns, member)
        }
        Some(vid) => return Ok(member_of(ns, member, vid).map(|_| vid)),
        None => pvid(ns, member),
    };
    let Some(vid) = vid else { return Ok(None) };
    tags.push(Tag {
        protocol: protocol.to_owned(),
        id: vid,
    });
    Ok(Some(vid))
}

/// Whether `member` takes frames of the VLAN (`br_allowed_egress`).
pub(super) fn carries(ns: &Namespace, bridge: &str, member: &str, vid: u16) -> Stage<bool> {
    if !settings(ns, bridge).is_some_and(|settings| settings.vlan_filtering) {
        return Ok(true);
    }
    known(ns, bridge, member)?;
    Ok(member_of(ns, member, vid).is_some())
}

/// Takes the tag off where frames of the VLAN leave `member` untagged (`br_handle_vlan`).
pub(super) fn leave(ns: &Namespace, bridge: &str, member: &str, vid: u16, tags: &mut Vec<Tag>) {
    let filters = settings(ns, bridge).is_some_and(|settings| settings.vlan_filtering);
    if filters && member_of(ns, member, vid).is_some_and(|vlan| vlan.untagged) {
        tags.pop();
    }
}

fn protocol(settings: &Bridge) -> &str {
    settings.vlan_protocol.as_deref().unwrap_or("802.1Q")
}

fn member_of<'a>(ns: &'a Namespace, member: &str, vid: u16) -> Option<&'a BridgeVlan> {
    ns.vlans
        .iter()
        .find(|vlan| vlan.device == member && (vlan.first..=vlan.last).contains(&vid))
}

fn pvid(ns: &Namespace, member: &str) -> Option<u16> {
    let of = ns
        .vlans
        .iter()
        .find(|vlan| vlan.device == member && vlan.pvid);
    of.map(|vlan| vlan.first)
}

fn known(ns: &Namespace, bridge: &str, member: &str) -> Stage<()> {
    ns.known("bridge-vlan.json")?;
    let tunnelled = ns
        .link(member)
        .and_then(|link| link.port.as_ref())
        .is_some_and(|port| port.vlan_tunnel);
    if tunnelled {
        return Err(Stop::Undecided(Doubt {
            what: format!(
                "{bridge} of {} maps VLANs to tunnels, which is not modelled",
                ns.object
            ),
            settle: String::new(),
            source: ns.link(member).map(|link| link.source.clone()),
        }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file};
    use crate::evidence::{bridge, link};

    /// A bridge with a port of VLAN 10 (untagged) and one that carries it tagged.
    fn namespace() -> Namespace {
        let links = file(
            "ip-link.json",
            r#"[{"ifindex":2,"ifname":"br0","flags":["UP"],"mtu":1500,"link_type":"ether","linkinfo":{"info_kind":"bridge","info_data":{"vlan_filtering":1,"vlan_protocol":"802.1Q"}}},
                {"ifindex":3,"ifname":"pa","flags":["UP"],"mtu":1500,"link_type":"ether","master":"br0"},
                {"ifindex":4,"ifname":"pb","flags":["UP"],"mtu":1500,"link_type":"ether","master":"br0"}]"#,
        );
        let vlans = file(
            "bridge-vlan.json",
            r#"[{"ifname":"pa","vlans":[{"vlan":10,"flags":["PVID","Egress Untagged"]}]},{"ifname":"pb","vlans":[{"vlan":10,"vlanEnd":12}]}]"#,
        );
        let mut ns = Namespace::default();
        ns.links = clean(link::parse(&links));
        ns.vlans = clean(bridge::parse_vlans(&vlans));
        ns
    }

    fn tag(id: u16) -> Tag {
        Tag {
            protocol: "802.1Q".to_owned(),
            id,
        }
    }

    #[test]
    fn untagged_frames_get_the_ports_vlan_and_leave_as_the_other_port_says() {
        let ns = namespace();
        let mut tags = Vec::new();
        assert_eq!(ingress(&ns, "br0", "pa", &mut tags).unwrap(), Some(10));
        assert!(carries(&ns, "br0", "pb", 10).unwrap());
        leave(&ns, "br0", "pb", 10, &mut tags);
        assert_eq!(tags, [tag(10)]);
        leave(&ns, "br0", "pa", 10, &mut tags);
        assert!(tags.is_empty());
    }

    #[test]
    fn what_a_port_is_not_in_does_not_come_in() {
        let ns = namespace();
        assert_eq!(ingress(&ns, "br0", "pb", &mut Vec::new()).unwrap(), None);
        assert_eq!(ingress(&ns, "br0", "pa", &mut vec![tag(11)]).unwrap(), None);
        assert_eq!(
            ingress(&ns, "br0", "pb", &mut vec![tag(11)]).unwrap(),
            Some(11)
        );
        // A priority tag is no VLAN.
        assert_eq!(
            ingress(&ns, "br0", "pa", &mut vec![tag(0)]).unwrap(),
            Some(10)
        );
    }
}
