//! Load balancers, neutral of provider: who listens, who is behind, and what a backend sees of the client.

mod aliyun;
mod body;
pub(crate) mod choose;
mod decide;
pub(crate) mod service;
mod tencent;

pub use decide::{Client, Handed};

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use ipnet::IpNet;

use super::{Files, Provider};

use crate::flow::Protocol;
use crate::source::Source;

/// Something that was captured, or the file that would tell it.
pub(crate) type Captured<T> = Result<T, String>;

/// The load balancers of a region.
#[derive(Debug, Default)]
pub struct Balancers(Vec<Arc<Balancer>>);

impl Balancers {
    /// All of them, by id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Balancer>> {
        self.0.iter()
    }

    /// The one that clients of a private network ask at `address`.
    pub(crate) fn within(&self, vpc: &str, address: IpAddr) -> Option<&Arc<Balancer>> {
        let here = |one: &&Arc<Balancer>| one.vpc.as_ref().is_none_or(|own| own == vpc);
        let all = self.0.iter().filter(here);
        all.filter(|one| one.addresses.contains(&address))
            .max_by_key(|one| one.vpc.is_some())
    }

    /// The one of a private network that has `address`, towards clients or backends.
    pub(crate) fn owner(&self, vpc: &str, address: IpAddr) -> Option<&Balancer> {
        let mut all = self.0.iter();
        let own = all.find(|one| {
            one.vpc.as_deref() == Some(vpc)
                && (one.addresses.contains(&address) || one.own.contains(&address))
        });
        own.map(Arc::as_ref)
    }

    /// The one that clients ask at `address`.
    pub(crate) fn at(&self, address: IpAddr) -> Option<&Arc<Balancer>> {
        self.0.iter().find(|one| one.addresses.contains(&address))
    }
}

/// The lists of a provider's load balancers, and how the ids in each begin.
pub(crate) const fn lists(provider: Provider) -> &'static [(&'static str, &'static str)] {
    match provider {
        Provider::Aliyun => &[
            ("slb/DescribeLoadBalancers", "lb-"),
            ("nlb/ListLoadBalancers", "nlb-"),
            ("alb/ListLoadBalancers", "alb-"),
        ],
        Provider::Tencent => &[("clb/DescribeLoadBalancers", "lb-")],
    }
}

/// Reads a region's load balancers.
pub(super) fn read(provider: Provider, files: &mut Files<'_>) -> Balancers {
    // Without its list, who is a load balancer is not known.
    for (list, _) in lists(provider) {
        files.bodies(list, |_, _| Ok(()));
    }
    let all: Vec<_> = files.all().cloned().collect();
    let responses = body::Responses {
        folder: files.folder(),
        files: &all,
    };
    let found = match provider {
        Provider::Aliyun => aliyun::balancers(responses),
        Provider::Tencent => tencent::balancers(responses),
    };
    Balancers(found.into_iter().map(Arc::new).collect())
}

/// A provider's product: each has rules of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Product {
    /// Alibaba Cloud's classic load balancer (SLB).
    AliyunClb,
    /// Alibaba Cloud's network load balancer.
    AliyunNlb,
    /// Alibaba Cloud's application load balancer.
    AliyunAlb,
    /// Tencent Cloud's load balancer.
    TencentClb,
}

impl Product {
    /// As people call it.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::AliyunClb | Self::TencentClb => "CLB",
            Self::AliyunNlb => "NLB",
            Self::AliyunAlb => "ALB",
        }
    }

    /// Its addresses are those of network interfaces in its subnets.
    pub(crate) const fn has_interfaces(self) -> bool {
        matches!(self, Self::AliyunNlb | Self::AliyunAlb)
    }

    pub(crate) const fn is_tencent(self) -> bool {
        matches!(self, Self::TencentClb)
    }
}

/// Whether something does its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    /// It does not; the provider's word for its state.
    Not(String),
    /// The evidence lacks it; the file that would tell.
    Unknown(String),
}

/// A load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Balancer {
    pub(crate) product: Product,
    /// `cloud/<provider>/<region>`: where it was read.
    pub(crate) folder: String,
    pub(crate) id: String,
    pub(crate) name: String,
    /// Addresses that clients ask.
    pub(crate) addresses: Vec<IpAddr>,
    /// It is asked over the Internet.
    pub(crate) public: bool,
    /// Its name in the DNS.
    pub(crate) host: Option<String>,
    /// The VPC of its addresses; for a public one that of its backends, where it is known.
    pub(crate) vpc: Option<String>,
    /// The subnets that its addresses are in.
    pub(crate) subnets: Vec<String>,
    pub(crate) state: State,
    /// Security groups of its own: they say which clients may ask it.
    pub(crate) groups: Vec<String>,
    /// Clients that it lets in need not pass the backends' groups (Tencent's `LoadBalancerPassToTarget`).
    pub(crate) vouches: bool,
    /// Addresses that it uses towards backends.
    pub(crate) own: Vec<IpAddr>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) listeners: Listeners,
    pub(crate) source: Source,
}

/// A balancer's listeners.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Listeners {
    pub(crate) read: Vec<Listener>,
    /// Others that there are, or may be.
    pub(crate) unread: Vec<Unread>,
}

/// A listener that could not be read, or a list of them that was not captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    /// `None`: it may be at any port.
    pub(crate) ports: Option<RangeInclusive<u16>>,
    /// The file that would tell, or what of it is not modelled.
    pub(crate) why: String,
}

impl Unread {
    /// The listener `body`, whose port or protocol (at `key`) was not understood.
    fn of(body: &body::Body<'_>, ports: Option<RangeInclusive<u16>>, key: &str) -> Self {
        let word = body.text(key).filter(|_| ports.is_some());
        let why = match word {
            Some(word) => format!("the protocol {word}"),
            None => body.source().file().to_owned(),
        };
        Self { ports, why }
    }
}

impl Listeners {
    /// Notes that others may be there, which only `why` would tell.
    pub(crate) fn lacks(&mut self, why: String) {
        self.unread.push(Unread { ports: None, why });
    }

    /// The one for a port, whatever its state; `Ok(None)` where there is certainly none.
    pub(crate) fn at(&self, protocol: Protocol, port: u16) -> Captured<Option<&Listener>> {
        let takes = |one: &&Listener| one.takes(protocol, port);
        let found = self.read.iter().find(takes);
        let mut others = self.unread.iter();
        let may_be = |one: &&Unread| one.ports.as_ref().is_none_or(|own| own.contains(&port));
        match (found, others.find(may_be)) {
            (None, Some(other)) => Err(other.why.clone()),
            (found, _) => Ok(found),
        }
    }
}

/// What a listener speaks with clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Speaks {
    Tcp,
    Udp,
    /// TLS is ended at the balancer, TCP goes on.
    Tls,
    Http,
    Https,
    /// Over UDP.
    Quic,
}

impl Speaks {
    /// As the APIs of both providers write it, in small letters.
    pub(crate) fn named(word: &str) -> Option<Self> {
        match word {
            "tcp" => Some(Self::Tcp),
            "udp" => Some(Self::Udp),
            "tcpssl" | "tcp_ssl" => Some(Self::Tls),
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            "quic" => Some(Self::Quic),
            _ => None,
        }
    }

    pub(crate) const fn carrier(self) -> Protocol {
        match self {
            Self::Tcp | Self::Tls | Self::Http | Self::Https => Protocol::Tcp,
            Self::Udp | Self::Quic => Protocol::Udp,
        }
    }

    /// The balancer ends the client's connection and opens one of its own.
    pub(crate) const fn is_proxied(self) -> bool {
        !matches!(self, Self::Tcp | Self::Udp)
    }

    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Tls => "TLS",
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Quic => "QUIC",
        }
    }
}

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) id: String,
    pub(crate) speaks: Speaks,
    pub(crate) ports: RangeInclusive<u16>,
    pub(crate) state: State,
    pub(crate) acls: Vec<Acl>,
    pub(crate) scheduler: Scheduler,
    /// Connections of a client stay with its backend.
    pub(crate) sticky: bool,
    pub(crate) check: Check,
    /// The backend sees the client's address.
    pub(crate) keeps_client: Captured<bool>,
    /// What it may do with a client: at layer 7 the request's host and path decide which.
    pub(crate) actions: Vec<Action>,
    /// What its maker wrote, e.g. `k8s/80/web/default/c123`.
    pub(crate) description: String,
    pub(crate) source: Source,
}

impl Listener {
    /// `TCP 80`.
    pub(crate) fn words(&self) -> String {
        let (first, last) = (self.ports.start(), self.ports.end());
        if first == last {
            format!("{} {first}", self.speaks.words())
        } else {
            format!("{} {first}-{last}", self.speaks.words())
        }
    }

    pub(crate) fn takes(&self, protocol: Protocol, port: u16) -> bool {
        self.speaks.carrier() == protocol && self.ports.contains(&port)
    }

    /// The pools that it may hand a client to.
    pub(crate) fn pools(&self) -> impl Iterator<Item = &Pool> {
        self.actions.iter().filter_map(|action| match action {
            Action::Pool(pool) => Some(pool),
            Action::Answers | Action::Unknown(_) => None,
        })
    }
}

/// What a listener does with a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Pool(Pool),
    /// It answers itself, e.g. with a redirect.
    Answers,
    /// The evidence lacks it; the file that would tell, or why it is not modelled.
    Unknown(String),
}

impl From<Captured<Pool>> for Action {
    fn from(pool: Captured<Pool>) -> Self {
        pool.map_or_else(Self::Unknown, Self::Pool)
    }
}

/// A list of client addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acl {
    pub(crate) id: String,
    pub(crate) kind: AclKind,
    pub(crate) entries: Captured<Vec<IpNet>>,
    pub(crate) source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AclKind {
    /// Only those in the list may ask.
    White,
    /// Those in the list may not.
    Black,
}

/// How backends are chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scheduler {
    /// In turn, by weight.
    Weighted,
    /// In turn; the weight tells only whether a backend takes part.
    Even,
    /// By a hash or by how busy backends are: the provider's word.
    ByState(String),
}

/// The health check of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    /// `None` where it is not known.
    pub(crate) on: Option<bool>,
    /// The port, where it is not the backend's own.
    pub(crate) port: Option<u16>,
    pub(crate) prober: Prober,
}

/// Whose address a probe has as its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prober {
    /// The provider's block 100.64.0.0/10.
    Shared,
    /// The balancer's own client-side address.
    Vip,
    /// An address of the balancer in its subnet.
    Own,
}

/// A group of backends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) backends: Captured<Vec<Backend>>,
    pub(crate) source: Source,
}

/// What a backend is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// An instance, by its primary address.
    Instance(String),
    /// An address of a network interface.
    Interface(String),
    Address,
}

/// A backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backend {
    pub(crate) target: Target,
    /// An instance's may be left out: then it is the instance's primary address.
    pub(crate) address: Option<IpAddr>,
    /// `None`: the port that the client asked.
    pub(crate) port: Option<u16>,
    pub(crate) weight: u64,
    pub(crate) health: Health,
    pub(crate) source: Source,
}

impl Backend {
    /// `i-1 (10.0.1.10:30080)`.
    pub(crate) fn words(&self) -> String {
        let port = self
            .port
            .map_or_else(String::new, |port| format!(":{port}"));
        let address = match self.address {
            Some(IpAddr::V6(address)) => format!("[{address}]{port}"),
            Some(IpAddr::V4(address)) => format!("{address}{port}"),
            None => port.trim_start_matches(':').to_owned(),
        };
        match &self.target {
            Target::Instance(id) | Target::Interface(id) if !id.is_empty() => {
                format!("{id} ({address})")
            }
            Target::Instance(_) | Target::Interface(_) | Target::Address => address,
        }
    }
}

/// What the health check says of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Health {
    Healthy,
    /// In the provider's words.
    Unhealthy(String, Source),
    /// The check has not come to an end.
    Checking(Source),
    /// It is not checked.
    Unchecked,
    /// The evidence lacks it; the file that would tell.
    Unknown(String),
}

/// A block, or an address alone.
fn net(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
