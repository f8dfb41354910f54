//! What CLB's health checks found.

use std::collections::BTreeMap;

use super::super::Health;
use super::super::body::Responses;
use super::clb::SLB;

/// What a listener reports of a backend: by port, protocol, server, address and its port.
pub(super) type Reported = BTreeMap<(u16, String, String, String, u16), Health>;

/// What the health checks of a balancer found; `None` where that was not captured.
pub(super) fn reported(responses: Responses<'_>, id: &str) -> Option<Reported> {
    let body = responses.get(SLB, "DescribeHealthStatus", id)?;
    let mut reported = Reported::new();
    for server in body.list("BackendServers", "BackendServer") {
        let (Some(port), Some(own)) = (server.port("ListenerPort"), server.port("Port")) else {
            continue;
        };
        let text = |key: &str| server.text(key).unwrap_or_default();
        let word = server.word("ServerHealthStatus");
        let health = match word.as_str() {
            "normal" => Health::Healthy,
            "unavailable" => Health::Checking(server.source()),
            _ => Health::Unhealthy(word, server.source()),
        };
        let key = (
            port,
            server.word("Protocol"),
            text("ServerId"),
            text("ServerIp"),
            own,
        );
        reported.insert(key, health);
    }
    Some(reported)
}
