//! `meta` (`nft_meta_get_eval()`).

use super::machine::Machine;
use super::value::Loaded;
use crate::evidence::nft::{MetaKey, Rule, TableFamily, device};
use crate::linux::netfilter::{CtState, Hook};
use crate::linux::packet::Family;
use std::net::IpAddr;

impl Machine<'_> {
    pub(super) fn meta(&mut self, rule: &Rule, key: &MetaKey) -> Loaded {
        match key {
            MetaKey::L4Proto => Loaded::is(self.packet.protocol()),
            MetaKey::NfProto => Loaded::is(self.nfproto()),
            MetaKey::Protocol => Loaded::is(self.ether_type()),
            MetaKey::Mark => Loaded::is(self.packet.mark),
            MetaKey::Length => {
                self.ctx.looks_at_length();
                Loaded::is(self.packet.length)
            }
            // Without a device the name is empty and the index zero (`nft_meta_store_ifname()`).
            MetaKey::IifName | MetaKey::Iif => self.name(rule, self.ctx.iif),
            MetaKey::OifName | MetaKey::Oif => self.name(rule, self.ctx.oif),
            MetaKey::IifKind => self.kind(rule, self.ctx.iif),
            MetaKey::OifKind => self.kind(rule, self.ctx.oif),
            MetaKey::IifType => self.link_type(rule, self.ctx.iif),
            MetaKey::OifType => self.link_type(rule, self.ctx.oif),
            MetaKey::PacketType => self.packet_type(rule),
            MetaKey::Other(key) => self.other_meta(rule, key),
        }
    }

    fn nfproto(&self) -> u8 {
        match (self.chain.family, self.packet.family()) {
            (TableFamily::Bridge, _) => 7,
            (TableFamily::Netdev, _) => 5,
            (_, Family::V4) => 2,
            (_, Family::V6) => 10,
        }
    }

    fn name(&self, rule: &Rule, name: Option<&str>) -> Loaded {
        match device(name.unwrap_or_default()) {
            Some(name) => Loaded::is(name),
            None => Loaded::any(self.doubt("a device's name is too long", "", &rule.source)),
        }
    }

    fn kind(&self, rule: &Rule, name: Option<&str>) -> Loaded {
        let Some(name) = name else {
            return Loaded::Break;
        };
        match self.ctx.surroundings.device_kind(name) {
            Some(kind) => self.name(rule, Some(&kind)),
            // A device without a kind has no `rtnl_link_ops`.
            None if self.ctx.surroundings.device_index(name).is_some() => Loaded::Break,
            None => Loaded::any(self.doubt(
                format!("the kind of device `{name}`"),
                "ip-link.json",
                &rule.source,
            )),
        }
    }

    /// `ARPHRD_*`.
    fn link_type(&self, rule: &Rule, name: Option<&str>) -> Loaded {
        let Some(name) = name else {
            return Loaded::Break;
        };
        if name == "lo" {
            return Loaded::is(772_u32);
        }
        match self.ctx.surroundings.device_kind(name).as_deref() {
            Some(
                "veth" | "bridge" | "vxlan" | "geneve" | "dummy" | "macvlan" | "macvtap" | "ipvlan"
                | "bond" | "team" | "vlan" | "ifb" | "gretap",
            ) => Loaded::is(1_u32),
            Some("ipip") => Loaded::is(768_u32),
            Some("sit") => Loaded::is(776_u32),
            Some("gre") => Loaded::is(778_u32),
            Some("wireguard") => Loaded::is(65534_u32),
            _ => Loaded::any(self.doubt(
                format!("the link type of device `{name}`"),
                "ip-link.json",
                &rule.source,
            )),
        }
    }

    fn packet_type(&self, rule: &Rule) -> Loaded {
        let unicast = match self.packet.dst {
            IpAddr::V4(ip) => !ip.is_multicast() && !ip.is_broadcast(),
            IpAddr::V6(ip) => !ip.is_multicast(),
        };
        // A bridge sees frames for others too; a subnet's broadcast address looks like any other here.
        let by_ip = !self.ctx.bridged && self.chain.family != TableFamily::Netdev;
        if unicast && by_ip {
            let kind = self.ctx.surroundings.address_type(self.packet.dst, None);
            if kind != Ok(crate::linux::netfilter::AddressType::Broadcast) {
                return Loaded::is(0_u32);
            }
        }
        Loaded::any(self.doubt(
            "`meta pkttype` of such a frame is not modelled",
            "",
            &rule.source,
        ))
    }

    fn other_meta(&self, rule: &Rule, key: &str) -> Loaded {
        if matches!(key, "skuid" | "skgid" | "cgroup") && !self.may_have_socket() {
            return Loaded::Break;
        }
        if let Some(device) = match key {
            "iifgroup" => Some(self.ctx.iif),
            "oifgroup" => Some(self.ctx.oif),
            _ => None,
        } {
            let Some(device) = device else {
                return Loaded::Break;
            };
            return match self.ctx.surroundings.device_group(device) {
                Some(group) => Loaded::is(group),
                None => Loaded::any(self.doubt("a device's group", "ip-link.json", &rule.source)),
            };
        }
        let what = match key {
            "skuid" | "skgid" => format!("match `meta {key}`: the sender's user is not captured"),
            "cgroup" => "match `meta cgroup`: the sender's cgroup is not captured".to_owned(),
            _ => format!("match `meta {key}` is not captured or not modelled"),
        };
        Loaded::any(self.doubt(what, "", &rule.source))
    }

    /// Whether the packet carries its socket: when sent from here, or when early demux found an established one.
    fn may_have_socket(&self) -> bool {
        match self.ctx.hook {
            Hook::Prerouting | Hook::Forward => false,
            Hook::Output | Hook::Postrouting => self.ctx.local_socket,
            Hook::Input => (self.ctx.ct.as_ref()).is_none_or(|ct| ct.state != CtState::New),
        }
    }
}
