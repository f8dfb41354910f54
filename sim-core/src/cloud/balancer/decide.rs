//! What a load balancer does with one client, in plain words: what tables of cases ask.

use std::net::IpAddr;

use super::choose::{self, End, Seen, Shares, Why};
use super::{Balancer, Balancers, Health};
use crate::flow::Protocol;

/// A client's first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The client's address.
    pub address: IpAddr,
    /// The address that it asks.
    pub asked: IpAddr,
    /// The port that it asks.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handed {
    /// No load balancer has the address.
    NotHere,
    /// The load balancer answers itself.
    Answers,
    /// Nobody gets it.
    Refused {
        /// The finding's code.
        code: &'static str,
        /// Why.
        message: String,
    },
    /// The evidence does not tell.
    Unknown(String),
    /// One of these gets it.
    Among {
        /// Each with its share.
        backends: Vec<(String, u64)>,
        /// The client's address as a backend sees it.
        client: String,
        /// What that rests on.
        assumptions: Vec<String>,
        /// Backends of which it is not known whether they are healthy.
        unsettled: Vec<String>,
    },
}

impl Why {
    /// The code of the finding.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Inactive => "lb.inactive",
            Self::NoListener => "lb.listener-missing",
            Self::Stopped => "lb.listener-stopped",
            Self::AclDenies => "lb.acl-denied",
            Self::NoBackends => "lb.no-backends",
            Self::OwnBackend => "lb.loopback",
        }
    }
}

impl Balancers {
    /// What the one that has the address asked does with `client`.
    #[must_use]
    pub fn decide(&self, client: Client) -> Handed {
        let Some(balancer) = self.at(client.asked) else {
            return Handed::NotHere;
        };
        match among(balancer, client) {
            Ok(handed) => handed,
            Err(End::Answers) => Handed::Answers,
            Err(End::Refused { why, message, .. }) => Handed::Refused {
                code: why.code(),
                message,
            },
            Err(End::Unknown(doubt)) => Handed::Unknown(doubt.what),
        }
    }
}

fn among(balancer: &Balancer, client: Client) -> Result<Handed, End> {
    let listener = balancer.listen(client.protocol, client.port, client.address)?;
    let actions = choose::actions(balancer, listener)?;
    let [action] = actions.as_slice() else {
        return Ok(Handed::Unknown(
            "which rule takes the request depends on its host and path".to_owned(),
        ));
    };
    let pool = choose::pool(balancer, listener, action)?;
    let Shares {
        backends,
        mut assumptions,
        ..
    } = balancer.share(listener, pool, client.address, client.port)?;
    let mut seen_as = Vec::new();
    let mut unsettled = Vec::new();
    for (backend, _) in &backends {
        let seen = balancer.seen(listener, backend, client.address);
        let (seen, stands) = match seen.map_err(End::Unknown)? {
            Seen::Client => (client.address.to_string(), None),
            Seen::Own(own, stands) => (own.to_string(), stands),
        };
        assumptions.extend(stands.filter(|stands| !assumptions.contains(stands)));
        if !seen_as.contains(&seen) {
            seen_as.push(seen);
        }
        if let Health::Unknown(_) = backend.health {
            unsettled.push(backend.words());
        }
    }
    let shares = backends.iter();
    Ok(Handed::Among {
        backends: shares.map(|(one, share)| (one.words(), *share)).collect(),
        client: seen_as.join(", "),
        assumptions,
        unsettled,
    })
}
