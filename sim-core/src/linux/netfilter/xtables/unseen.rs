//! Matches whose state no capture shows: what they come to for the first packets of a flow, and what is assumed for it.

use super::condition::{Deferred, Scene, doubt};
use super::content::{self, option};
use super::time;
use crate::evidence::xtables::{Extension, Match, value};
use crate::linux::choice::Tri;
use crate::linux::packet::{Family, Transport};
use crate::source::Source;
use std::net::IpAddr;

const RATE: &str =
    "the rate limits of rules (`limit`, `hashlimit`) are not reached by other traffic";
const QUOTA: &str = "the quotas of rules are not used up";
const FEW: &str = "no more connections are open than `connlimit` rules allow";
const SHORT: &str = "the flow is short: it stays below what `connbytes` rules ask for";
const NOW: &str = "the flow is made at the time of the capture, which `time` rules look at";

/// Whether a match that is known by its name holds.
pub(super) fn opaque(
    extension: &Extension,
    item: &Match,
    scene: &Scene<'_>,
    source: &Source,
    later: &mut Vec<Deferred<'_>>,
) -> Tri {
    let Scene { packet, ctx, .. } = scene;
    let has = |name: &str| option(extension, name).is_some();
    let mut assume = |text, holds| {
        later.push(Deferred::Assume(text, holds));
        Tri::Yes
    };
    let not_captured = || {
        doubt(
            item,
            "its state is not captured or not modelled",
            "",
            source,
        )
    };
    match &*extension.name {
        "u32" => content::u32_holds(extension, item, scene, source),
        "string" => content::string_holds(extension, item, scene, source, later),
        // `limit_mt()`, `hashlimit_mt()`: a fresh bucket holds the burst.
        "limit" => assume(RATE, true),
        "hashlimit" => assume(RATE, !has("--hashlimit-above")),
        "quota" => match option(extension, "--quota") {
            Some((text, negated)) if value::number(text) == Some(0) => Tri::from(negated),
            Some((_, negated)) => assume(QUOTA, !negated),
            None => not_captured(),
        },
        "connlimit" => connlimit(extension, &mut assume).unwrap_or_else(not_captured),
        "time" => match time::holds(extension, None) {
            Some(certain) => Tri::from(certain),
            None => match ctx
                .surroundings
                .captured_at()
                .and_then(|now| time::holds(extension, Some(now)))
            {
                Some(holds) => assume(NOW, holds),
                None => doubt(
                    item,
                    "when the flow is made is not known",
                    "the time of the attempt",
                    source,
                ),
            },
        },
        "connbytes" => connbytes(extension, &mut assume).unwrap_or_else(not_captured),
        // `nfacct_mt()`: counts, and holds unless a quota is set that is used up.
        "nfacct" => assume(QUOTA, true),
        // `cgroup_mt_v1()`: packets without a socket of this namespace never match.
        "cgroup" if !ctx.local_socket => Tri::No,
        // `osf_mt()`: looks at SYNs only.
        "osf" if !matches!(packet.transport, Transport::Tcp { flags, .. } if flags.is_syn()) => {
            Tri::No
        }
        "devgroup" => devgroup(extension, scene).unwrap_or_else(not_captured),
        "ipv6header" => {
            content::ipv6_header(extension, packet).map_or_else(not_captured, Tri::from)
        }
        "eui64" => eui64(scene).unwrap_or_else(not_captured),
        _ => not_captured(),
    }
}

/// `connlimit_mt()`: the flow's own connection counts.
fn connlimit(
    extension: &Extension,
    assume: &mut impl FnMut(&'static str, bool) -> Tri,
) -> Option<Tri> {
    let above = option(extension, "--connlimit-above");
    let (text, negated) = above.or_else(|| option(extension, "--connlimit-upto"))?;
    let exceeds = above.is_some() != negated;
    Some(match value::number(text)? {
        0 => Tri::from(exceeds),
        _ => assume(FEW, !exceeds),
    })
}

/// `connbytes_mt()`: only bounds that no short flow reaches are decided.
fn connbytes(
    extension: &Extension,
    assume: &mut impl FnMut(&'static str, bool) -> Tri,
) -> Option<Tri> {
    let (text, negated) = option(extension, "--connbytes")?;
    let low: u64 = text.split(':').next()?.parse().ok()?;
    let enough = match option(extension, "--connbytes-mode")? {
        ("packets", _) => 1_000,
        _ => 1_000_000,
    };
    (low >= enough).then(|| assume(SHORT, negated))
}

/// `devgroup_mt()`
fn devgroup(extension: &Extension, scene: &Scene<'_>) -> Option<Tri> {
    let mut result = Tri::Yes;
    for (name, device) in [
        ("--src-group", scene.ctx.iif),
        ("--dst-group", scene.ctx.oif),
    ] {
        let Some((text, negated)) = option(extension, name) else {
            continue;
        };
        let (wanted, mask) = text.split_once('/').unwrap_or((text, "0xffffffff"));
        let (wanted, mask) = (value::number(wanted)?, value::number(mask)?);
        let own = scene.ctx.surroundings.device_group(device?)?;
        result = result.and(Tri::from((own & mask == wanted) != negated));
    }
    Some(result)
}

/// `eui64_mt6()`: the source's interface identifier is made of the frame's source address.
fn eui64(scene: &Scene<'_>) -> Option<Tri> {
    let (IpAddr::V6(source), Family::V6) = (scene.packet.src, scene.ctx.family) else {
        return Some(Tri::No);
    };
    let [a, b, c, d, e, f] = scene.ctx.source_mac?.0;
    let wanted = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    Some(Tri::from(source.octets().ends_with(&wanted)))
}
