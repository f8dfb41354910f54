//! IP sets of every type that this kernel has (it lacks hash:mac, hash:ip,mark, hash:ip,mac, hash:net,net and
//! hash:net,port,net), and the rules that ask them.

use super::spot::{Spot, put};
use super::topology::PORT;
use crate::oracle::draft::Draft;
use crate::oracle::spec::Tool;

/// Adds a few.
pub fn ops(draft: &mut Draft) {
    for _ in 0..draft.rng.usize(2..=4) {
        one(draft);
    }
}

fn one(draft: &mut Draft) {
    let spot = Spot::draw(draft);
    let set = format!("s{}", draft.rng.u32(0..1_000_000));
    let pods = draft.topology.pods.clone();
    let other = draft.pick(&pods).ip(spot.v6);
    let (ip, block) = (spot.ip(), spot.block(draft));
    let all = if spot.v6 {
        "fd44::/16"
    } else {
        "10.244.0.0/16"
    };
    let side = if spot.from { "src" } else { "dst" };
    let far = if spot.from { "dst" } else { "src" };
    let family = if spot.v6 { " family inet6" } else { "" };
    let protocol = draft.pick(&["tcp", "udp"]);
    let port = draft.pick(&["dst", "src"]);
    let more = draft.pick(&["", " timeout 900", " counters", " comment", " skbinfo"]);
    let device = draft.pick(&["eth0", "cni0", "lo"]);
    let (feature, members, directions) = match draft.rng.u32(0..13) {
        0 => (
            "hash-ip",
            format!("hash:ip{family}\nadd {set} {ip}"),
            side.to_owned(),
        ),
        1 => (
            "hash-net",
            format!("hash:net{family}\nadd {set} {block}"),
            side.to_owned(),
        ),
        2 => (
            "hash-net-nomatch",
            format!("hash:net{family}\nadd {set} {all}\nadd {set} {ip} nomatch"),
            side.to_owned(),
        ),
        3 => (
            "hash-ip-port",
            format!("hash:ip,port{family}\nadd {set} {ip},{protocol}:{PORT}"),
            format!("{side},{port}"),
        ),
        4 => (
            "hash-net-port",
            format!("hash:net,port{family}\nadd {set} {block},{protocol}:{PORT}"),
            format!("{side},{port}"),
        ),
        5 => (
            "hash-ip-port-ip",
            format!("hash:ip,port,ip{family}\nadd {set} {ip},{protocol}:{PORT},{other}"),
            format!("{side},{port},{far}"),
        ),
        6 => (
            "hash-ip-port-net",
            format!("hash:ip,port,net{family}\nadd {set} {ip},{protocol}:{PORT},{all}"),
            format!("{side},{port},{far}"),
        ),
        7 => (
            "hash-net-iface",
            format!("hash:net,iface{family}\nadd {set} {block},{device}"),
            format!("{side},{}", draft.pick(&["src", "dst"])),
        ),
        8 if !spot.v6 => (
            "bitmap-ip",
            format!("bitmap:ip range 10.244.0.0-10.244.255.255\nadd {set} {ip}"),
            side.to_owned(),
        ),
        9 => (
            "bitmap-port",
            format!("bitmap:port range 0-65535\nadd {set} {PORT}"),
            port.to_owned(),
        ),
        10 if !spot.v6 => {
            let pod = draft.pick(&pods);
            (
                "bitmap-ip-mac",
                format!(
                    "bitmap:ip,mac range 10.244.0.0-10.244.255.255\nadd {set} {},{}",
                    pod.ip(false),
                    pod.mac()
                ),
                "src,src".to_owned(),
            )
        }
        11 => {
            let inner = format!("i{}", draft.rng.u32(0..1_000_000));
            let text = format!(
                "create {inner} hash:ip{family}\nadd {inner} {ip}\ncreate {set} list:set\nadd {set} {inner}"
            );
            draft.run("ipset.list-set", &spot.place, Tool::Ipset, text);
            ask(draft, "ipset.list-set", &spot, &set, side);
            return;
        }
        _ => (
            "hash-ip-netmask",
            format!(
                "hash:ip{family} netmask {}\nadd {set} {ip}",
                if spot.v6 { 64 } else { 24 }
            ),
            side.to_owned(),
        ),
    };
    let feature = format!("ipset.{feature}");
    let (kind, adds) = members.split_once('\n').unwrap_or((members.as_str(), ""));
    draft.run(
        &feature,
        &spot.place,
        Tool::Ipset,
        format!("create {set} {kind}{more}\n{adds}"),
    );
    ask(draft, &feature, &spot, &set, &directions);
}

fn ask(draft: &mut Draft, feature: &str, spot: &Spot, set: &str, directions: &str) {
    let not = if draft.chance(25) { "! " } else { "" };
    let nomatch = if draft.chance(15) {
        " --return-nomatch"
    } else {
        ""
    };
    let condition = if draft.chance(60) {
        spot.condition()
    } else {
        "-p tcp".to_owned()
    };
    let target = draft.pick(&["DROP", "REJECT"]);
    let rule = format!(
        "-A {} {condition} -m set {not}--match-set {set} {directions}{nomatch} -j {target}",
        spot.chain
    );
    put(draft, feature, spot, "filter", &rule);
}
