//! The catalogue of findings: for each code what it means, how to confirm it by hand, and what usually mends it,
//! in English and Chinese.
//!
//! `docs/findings.md` is written from it (`cargo xtask findings`), and a test keeps the two equal.

mod balancer;
mod cloud;
pub mod coverage;
mod device;
mod names;
mod netfilter;
mod page;
mod routing;
mod workload;

pub(crate) use balancer::*;
pub(crate) use cloud::*;
pub(crate) use device::*;
pub(crate) use names::*;
pub(crate) use netfilter::*;
pub use page::page;
pub(crate) use routing::*;
pub(crate) use workload::*;

use super::{Lang, Severity};
use crate::trace::BlockerKind;

/// A text in every language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// English.
    pub en: &'static str,
    /// Chinese (simplified).
    pub zh: &'static str,
}

impl Text {
    /// It, in `lang`.
    #[must_use]
    pub const fn get(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::Zh => self.zh,
        }
    }
}

/// One entry of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its stable code.
    pub code: &'static str,
    /// How much it matters on a flow that it breaks.
    pub severity: Severity,
    /// What it means, in a sentence.
    pub meaning: Text,
    /// The command that shows it, with `{destination}`, `{source}`, `{port}`, `{protocol}`, `{device}`, `{namespace}`
    /// and `{name}` (of the object) to be filled in. Where it is not `kubectl`, it is run where the finding shows.
    pub confirm: &'static str,
    /// What usually mends it.
    pub fix: Text,
    /// The kernel's name for the drop, where it has one.
    pub skb_drop_reason: Option<&'static str>,
}

/// What `Entry::confirm` leaves to be filled in.
///
/// `{aliyun}` and `{tencent}` are an object's id in that cloud.
pub(crate) const PLACEHOLDERS: [&str; 10] = [
    "aliyun",
    "tencent",
    "destination",
    "source",
    "port",
    "protocol",
    "device",
    "namespace",
    "name",
    "policy",
];

/// Writes entries as constants, and a list of them all.
macro_rules! entries {
    ($list:ident $($name:ident = $code:literal, $severity:ident {
        en: $en:literal,
        zh: $zh:literal,
        confirm: $confirm:literal,
        fix: $fix:literal,
        fix_zh: $fix_zh:literal,
        $(drop: $drop:literal,)?
    })*) => {
        $(pub(crate) const $name: Entry = Entry {
            code: $code,
            severity: Severity::$severity,
            meaning: Text { en: $en, zh: $zh },
            confirm: $confirm,
            fix: Text { en: $fix, zh: $fix_zh },
            skb_drop_reason: entries!(@drop $($drop)?),
        };)*
        pub(super) const $list: &[Entry] = &[$($name),*];
    };
    (@drop) => { None };
    (@drop $drop:literal) => { Some($drop) };
}
use entries;

impl Entry {
    /// The commands that confirm it, filled in; those that need what is not known are left out.
    pub(crate) fn commands_with(&self, known: &[(&str, String)]) -> Vec<String> {
        let commands = self.confirm.split("; ").map(|command| {
            // A dot in a device's name (`eth0.100`) is a slash between a sysctl's dots (sysctl(8)).
            let by_sysctl = command.starts_with("sysctl ");
            known
                .iter()
                .fold(command.to_owned(), |text, (name, value)| {
                    let place = format!("{{{name}}}");
                    if by_sysctl && *name == "device" {
                        text.replace(&place, &value.replace('.', "/"))
                    } else {
                        text.replace(&place, value)
                    }
                })
        });
        commands
            .filter(|command| {
                !PLACEHOLDERS
                    .iter()
                    .any(|name| command.contains(&format!("{{{name}}}")))
            })
            .collect()
    }
}

/// Every entry, by code.
#[must_use]
pub fn all() -> Vec<Entry> {
    let mut all = [
        BALANCERS, CLOUDS, DEVICES, NAMES, NETFILTER, ROUTING, WORKLOADS,
    ]
    .concat();
    all.sort_by_key(|entry| entry.code);
    all
}

/// The entry with this code.
#[must_use]
pub fn find(code: &str) -> Option<Entry> {
    all().into_iter().find(|entry| entry.code == code)
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
        BlockerKind::BalancerInactive => LB_INACTIVE,
        BlockerKind::ListenerMissing => LB_LISTENER_MISSING,
        BlockerKind::ListenerStopped => LB_LISTENER_STOPPED,
        BlockerKind::BalancerAcl => LB_ACL_DENIED,
        BlockerKind::NoBackends => LB_NO_BACKENDS,
        BlockerKind::Loopback => LB_LOOPBACK,
        BlockerKind::CloudGroupDenied => CLOUD_GROUP_DENIED,
        BlockerKind::CloudNoCommonGroup => CLOUD_NO_COMMON_GROUP,
        BlockerKind::CloudAclDenied => CLOUD_ACL_DENIED,
        BlockerKind::CloudRouteMissing => CLOUD_ROUTE_MISSING,
        BlockerKind::CloudNextHop => CLOUD_NEXT_HOP,
        BlockerKind::CloudRouteElsewhere => CLOUD_ROUTE_ELSEWHERE,
        BlockerKind::CloudNoSnat => CLOUD_NO_SNAT,
        BlockerKind::CloudNoDnat => CLOUD_NO_FORWARD_ENTRY,
        BlockerKind::CloudNatHairpin => CLOUD_NAT_HAIRPIN,
        BlockerKind::CloudSourceCheck => CLOUD_SOURCE_CHECK,
        BlockerKind::CloudInstanceDown => CLOUD_INSTANCE_STOPPED,
        BlockerKind::CloudNoPublicAddress => CLOUD_NO_PUBLIC_ADDRESS,
        BlockerKind::CloudNoBandwidth => CLOUD_NO_BANDWIDTH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_with_a_dot_is_written_as_sysctl_reads_it() {
        let known = [
            ("device", "eth0.100".to_owned()),
            ("source", "10.0.0.1".to_owned()),
        ];
        assert_eq!(
            SYSCTL_RP_FILTER.commands_with(&known),
            [
                "sysctl net.ipv4.conf.all.rp_filter net.ipv4.conf.eth0/100.rp_filter",
                "ip route get 10.0.0.1"
            ]
        );
        assert_eq!(
            DEVICE_DOWN.commands_with(&known),
            ["ip link show dev eth0.100"]
        );
    }
}
