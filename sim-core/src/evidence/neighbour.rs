//! `ip-neigh.json`: neighbour entries, as `ip -j neigh` prints them.

use std::net::IpAddr;
use std::sync::Arc;

use super::json::{self, Fault, Object};
use super::mac::Mac;
use crate::source::{Parsed, Source, SourceFile};

/// A neighbour entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The neighbour's IP address.
    pub address: IpAddr,
    /// The device that it is reached by.
    pub device: String,
    /// Its hardware address; `None` where unknown or not Ethernet.
    pub mac: Option<Mac>,
    /// Its state.
    pub state: NeighbourState,
    /// It is a router (NTF_ROUTER).
    pub router: bool,
    /// A proxy entry (NTF_PROXY): this machine answers for the address.
    pub proxy: bool,
    /// Learned by a control plane.
    pub extern_learn: bool,
    /// Where it was read.
    pub source: Source,
}

/// A neighbour's state (`NUD_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeighbourState {
    /// Set by hand.
    Permanent,
    /// Needs no resolution.
    Noarp,
    /// Confirmed lately.
    Reachable,
    /// Not confirmed lately; used, then confirmed.
    Stale,
    /// About to be probed.
    Delay,
    /// Being probed.
    Probe,
    /// Being resolved, without an answer so far.
    Incomplete,
    /// Did not answer.
    Failed,
    /// No state.
    None,
}

/// Reads `ip-neigh.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Neighbour>> {
    json::items(file, neighbour)
}

fn neighbour(item: &Object<'_>) -> Result<Neighbour, Fault> {
    Ok(Neighbour {
        address: item.required("dst", item.parse("dst", "an IP address")?)?,
        device: item.required("dev", item.text("dev")?)?,
        mac: match item.text("lladdr")? {
            // Other lengths (an IPv4 address on a tunnel, InfiniBand) are no Ethernet addresses.
            Some(text) if text.matches(':').count() == 5 => {
                Some(text.parse().map_err(|error: super::mac::InvalidMac| {
                    item.fault("lladdr", error.to_string())
                })?)
            }
            _ => None,
        },
        state: state(item)?,
        router: item.flag("router")?,
        proxy: item.flag("proxy")?,
        extern_learn: item.flag("extern_learn")?,
        source: item.source(),
    })
}

/// The kernel sets one bit; `ip` prints an array.
fn state(item: &Object<'_>) -> Result<NeighbourState, Fault> {
    let states = item.strings("state")?;
    Ok(match states.first().map(String::as_str) {
        None | Some("NONE") => NeighbourState::None,
        Some("PERMANENT") => NeighbourState::Permanent,
        Some("NOARP") => NeighbourState::Noarp,
        Some("REACHABLE") => NeighbourState::Reachable,
        Some("STALE") => NeighbourState::Stale,
        Some("DELAY") => NeighbourState::Delay,
        Some("PROBE") => NeighbourState::Probe,
        Some("INCOMPLETE") => NeighbourState::Incomplete,
        Some("FAILED") => NeighbourState::Failed,
        Some(other) => {
            return Err(item.fault("state", format!("`{other}` is no neighbour state")));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file, problems};

    #[test]
    fn states_flags_and_missing_hardware_addresses() {
        let file = file(
            "ip-neigh.json",
            r#"[{"dst":"10.0.0.7","dev":"va","lladdr":"02:00:00:00:00:07","state":["PERMANENT"]},
                {"dst":"fd00::3","dev":"va","state":["INCOMPLETE"]},
                {"dst":"fd00::77","dev":"va","lladdr":"02:00:00:00:00:08","router":null,"state":["STALE"]},
                {"dst":"10.0.0.8","dev":"va","proxy":null}]"#,
        );
        let all = clean(parse(&file));
        assert_eq!(all[0].mac, Some(Mac([2, 0, 0, 0, 0, 7])));
        assert_eq!(all[1].state, NeighbourState::Incomplete);
        assert_eq!(all[1].mac, None);
        assert!(all[2].router);
        assert!(all[3].proxy);
        assert_eq!(all[3].state, NeighbourState::None);
    }

    #[test]
    fn an_unknown_state_is_a_problem_and_no_guess() {
        let parsed = parse(&file(
            "ip-neigh.json",
            r#"[{"dst":"10.0.0.7","dev":"va","state":["FROZEN"]},{"dst":"10.0.0.8","dev":"va","state":["FAILED"]}]"#,
        ));
        assert_eq!(parsed.value.len(), 1);
        assert_eq!(
            problems(&parsed),
            ["ip-neigh.json /0/state: `FROZEN` is no neighbour state"]
        );
    }
}
