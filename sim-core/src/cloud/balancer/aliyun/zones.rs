//! The zones of an NLB or ALB.

use std::net::IpAddr;

use super::super::body::Body;

/// The addresses of a balancer in its zones.
#[derive(Default)]
pub(super) struct Zones {
    pub(super) asked: Vec<IpAddr>,
    pub(super) own: Vec<IpAddr>,
    pub(super) subnets: Vec<String>,
}

pub(super) fn zones(body: &Body<'_>) -> Zones {
    let mut zones = Zones::default();
    for zone in body.list("ZoneMappings", "ZoneMapping") {
        zones.subnets.extend(zone.text("VSwitchId"));
        let serves = matches!(zone.word("Status").as_str(), "active" | "");
        for address in zone.list("LoadBalancerAddresses", "LoadBalancerAddress") {
            let of = |key: &str| {
                let texts = address.texts(key, key).into_iter();
                texts.filter_map(|text| text.parse::<IpAddr>().ok())
            };
            zones
                .own
                .extend(of("Ipv4LocalAddresses").chain(of("Ipv6LocalAddresses")));
            let asked = [
                "PrivateIPv4Address",
                "PublicIPv4Address",
                "IntranetAddress",
                "Address",
                "Ipv6Address",
            ];
            for asked in asked.into_iter().filter_map(|key| address.address(key)) {
                if serves && !zones.asked.contains(&asked) {
                    zones.asked.push(asked);
                }
            }
        }
    }
    zones
}
