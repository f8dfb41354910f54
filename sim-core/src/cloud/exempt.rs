//! What a provider passes or blocks before any rule of a security group.

use std::net::IpAddr;

use super::admission::View;
use super::{Destination, Direction, HopKind, Region, RouteEntry, Ruling};
use crate::linux::choice::Doubt;
use crate::linux::packet::{Port, protocol};

/// Of the block that providers keep for themselves (RFC 6598).
pub(crate) fn is_shared(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            a == 100 && (64..128).contains(&b)
        }
        IpAddr::V6(_) => false,
    }
}

impl Region {
    /// Whether an address of 100.64.0.0/10 is the cloud's own in `vpc`: no block or route of the network has it.
    fn is_own_service(&self, vpc: &str, address: IpAddr) -> bool {
        let covers = |entry: &RouteEntry| match &entry.destination {
            Destination::Net(net) => {
                net.prefix_len() > 0
                    && net.contains(&address)
                    && entry.hops.iter().any(|hop| hop.kind != HopKind::Service)
            }
            Destination::List(_) => false,
        };
        let own = self.tables.iter().filter(|table| table.vpc == vpc);
        let mut routes = own.flat_map(|table| table.entries.iter().flatten());
        is_shared(address)
            && !self.vpc(vpc).is_some_and(|vpc| vpc.contains(address))
            && !self.may_be_unlisted(vpc, address)
            && !routes.any(covers)
    }

    /// What the provider itself passes or blocks before any rule.
    pub(super) fn aliyun_exempt(&self, vpc: &str, view: &View<'_>) -> Option<Ruling> {
        if view.direction == Direction::Ingress && self.is_own_service(vpc, view.peer) {
            // B.1 (10): the cloud's own addresses need no rule.
            return Some(Ruling::passes(
                "what comes from the cloud's own addresses (100.64.0.0/10) needs no rule of a security group",
            ));
        }
        let smtp =
            view.packet.protocol() == protocol::TCP && view.packet.dport() == Some(Port::Known(25));
        if view.direction == Direction::Egress && smtp && crate::trace::is_public(view.peer) {
            // B.1 (9).
            return Some(Ruling::unknown(Doubt {
            what:
                "Alibaba Cloud blocks TCP port 25 to the internet unless the account was unblocked"
                    .to_owned(),
            settle: String::new(),
            source: None,
        }));
        }
        None
    }
}
