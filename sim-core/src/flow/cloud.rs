//! Sources beyond what was captured, in a captured cloud.

use std::net::IpAddr;

use super::Unresolved;
use crate::trace::Asked;
use crate::verdict::FlowEnd;
use crate::world::World;

/// A source beyond what was captured, in a captured cloud: the interface that has it, or the internet where one of the
/// cloud's public addresses is asked for.
pub(super) fn outside(
    world: &mut World<'_>,
    address: IpAddr,
    to: IpAddr,
) -> Result<Option<(FlowEnd, Asked)>, Unresolved> {
    let Some(cloud) = world.cloud()? else {
        return Ok(None);
    };
    let all = cloud.regions.iter().flat_map(|region| {
        let own = region.interfaces.iter().filter(|own| own.has(address));
        own.map(move |own| (region, own))
    });
    let found: Vec<_> = all.collect();
    let interfaces = match found.as_slice() {
        [] => None,
        [(region, own)] => Some((*region, own.id.clone())),
        several => {
            let ids: Vec<&str> = several.iter().map(|(_, own)| own.id.as_str()).collect();
            return super::wrong(
                "from",
                format!(
                    "several interfaces of the cloud have {address} ({}): name the machine instead",
                    ids.join(", ")
                ),
            );
        }
    };
    let internet = || {
        let asked = cloud.regions.iter().find(|region| {
            region.is_public(to)
                || region
                    .balancers
                    .at(to)
                    .is_some_and(|_| crate::trace::is_public(to))
        })?;
        crate::trace::is_public(address).then(|| (asked, crate::trace::INTERNET.to_owned()))
    };
    let Some((region, device)) = interfaces.or_else(internet) else {
        let is_inside = cloud.regions.iter().any(|region| {
            region.interfaces.iter().any(|own| own.has(to)) || region.balancers.at(to).is_some()
        });
        if crate::trace::is_public(address) && is_inside {
            return super::wrong(
                "to",
                format!(
                    "no way leads from the internet to {to}, an address inside the cloud's network: ask for a public address"
                ),
            );
        }
        return Ok(None);
    };
    let end = FlowEnd {
        object: format!("ip:{address}"),
        address: address.to_string(),
        namespace: None,
    };
    let asked = Asked::Outside {
        path: region.folder.clone(),
        device,
        address,
    };
    Ok(Some((end, asked)))
}
