//! What a load balancer does with a client's first packet: whether it takes it, who may get it, and what that backend sees.
//!
//! Rules by the reference's sections: CLB B.3 (1)–(9), NLB and ALB B.4, Tencent's CLB C.4.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    AclKind, Action, Backend, Balancer, Health, Listener, Pool, Product, Scheduler, State,
};
use crate::cloud::Unconfirmed;
use crate::flow::Protocol;
use crate::linux::choice::Doubt;
use crate::source::Source;

/// Why a balancer hands a client to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It does no work.
    Inactive,
    NoListener,
    Stopped,
    AclDenies,
    /// There is no backend, or none that takes new connections.
    NoBackends,
    /// The one backend there is, is the client itself.
    OwnBackend,
}

/// The end of a client's packet at a balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Refused {
        why: Why,
        message: String,
        sources: Vec<Source>,
    },
    Unknown(Doubt),
    /// The balancer answers itself.
    Answers,
}

/// Who may get a client.
#[derive(Debug)]
pub(crate) struct Shares<'b> {
    /// With their shares.
    pub(crate) backends: Vec<(&'b Backend, u64)>,
    /// Backends that are left out since they are unhealthy.
    pub(crate) unhealthy: Vec<&'b Backend>,
    /// All are unhealthy: they are asked all the same.
    pub(crate) fails_open: bool,
    pub(crate) assumptions: Vec<String>,
}

/// A client's address as the backend sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Client,
    /// One of the balancer's own, with what that rests on.
    Own(IpAddr, Option<String>),
}

fn refused<T>(
    why: Why,
    message: String,
    sources: impl IntoIterator<Item = Source>,
) -> Result<T, End> {
    Err(End::Refused {
        why,
        message,
        sources: sources.into_iter().collect(),
    })
}

fn unknown<T>(what: String, settle: &str, source: &Source) -> Result<T, End> {
    Err(End::Unknown(Doubt {
        what,
        settle: settle.to_owned(),
        source: Some(source.clone()),
    }))
}

/// What is missing is a file, or something that no file tells.
pub(crate) fn is_file(missing: &str) -> bool {
    missing.starts_with("cloud/")
}

fn missing<T>(what: &str, missing: &str, source: &Source) -> Result<T, End> {
    if is_file(missing) {
        unknown(format!("{what} was not captured"), missing, source)
    } else {
        unknown(format!("{what}: {missing} is not modelled"), "", source)
    }
}

impl Balancer {
    /// `CLB lb-1 (web)`.
    pub(crate) fn words(&self) -> String {
        format!("{} {}", self.product.words(), self.id)
    }

    /// The listener that takes `client`'s packet to `port`.
    pub(crate) fn listen(
        &self,
        protocol: Protocol,
        port: u16,
        client: IpAddr,
    ) -> Result<&Listener, End> {
        let words = self.words();
        match &self.state {
            State::Running => {}
            State::Not(state) => {
                let message = format!("{words} is {state}: it forwards nothing");
                return refused(Why::Inactive, message, [self.source.clone()]);
            }
            State::Unknown(file) => {
                return missing(&format!("the state of {words}"), file, &self.source);
            }
        }
        if protocol == Protocol::Icmp {
            // B.3 (6); nothing is said of the others.
            return match self.product {
                Product::AliyunClb => Err(End::Answers),
                Product::AliyunNlb | Product::AliyunAlb | Product::TencentClb => unknown(
                    format!("whether {words} answers echo requests"),
                    "",
                    &self.source,
                ),
            };
        }
        let Some(listener) = self.listener_for(protocol, port)? else {
            let all = self.listeners.read.iter();
            let have: Vec<String> = all.map(Listener::words).collect();
            let have = match have.as_slice() {
                [] => "it has none".to_owned(),
                have => format!("it has {}", have.join(", ")),
            };
            return refused(
                Why::NoListener,
                format!("{words} has no listener for {protocol} port {port}: {have}"),
                [self.source.clone()],
            );
        };
        match &listener.state {
            State::Running => {}
            State::Not(state) => {
                return refused(
                    Why::Stopped,
                    format!("the listener {} of {words} is {state}", listener.words()),
                    [listener.source.clone()],
                );
            }
            State::Unknown(file) => {
                let what = format!("the state of the listener {} of {words}", listener.words());
                return missing(&what, file, &listener.source);
            }
        }
        self.admits(listener, client)?;
        Ok(listener)
    }

    /// The listener for a port, whatever its state; `None` where there is certainly none.
    pub(crate) fn listener_for(
        &self,
        protocol: Protocol,
        port: u16,
    ) -> Result<Option<&Listener>, End> {
        let found = self.listeners.at(protocol, port);
        let what = || format!("which listeners {} has", self.words());
        found.or_else(|why| missing(&what(), &why, &self.source))
    }

    /// The listener's ACL: a list without entries lets everyone pass (B.3).
    fn admits(&self, listener: &Listener, client: IpAddr) -> Result<(), End> {
        let words = self.words();
        for kind in [AclKind::White, AclKind::Black] {
            let acls: Vec<_> = listener
                .acls
                .iter()
                .filter(|acl| acl.kind == kind)
                .collect();
            let mut has_entries = false;
            let mut holder = None;
            let mut untold = None;
            for acl in &acls {
                match &acl.entries {
                    Ok(entries) => {
                        has_entries |= !entries.is_empty();
                        if entries.iter().any(|entry| entry.contains(&client)) {
                            holder = Some(*acl);
                        }
                    }
                    Err(file) => untold = Some((*acl, file)),
                }
            }
            let sources = || {
                let own = acls.iter().map(|acl| acl.source.clone());
                own.chain([listener.source.clone()])
            };
            let names: Vec<&str> = acls.iter().map(|acl| acl.id.as_str()).collect();
            let names = names.join(", ");
            match (kind, holder, untold) {
                (AclKind::Black, Some(acl), _) => {
                    let message = format!(
                        "the access list {} (black) of {words} refuses {client} at listener {}",
                        acl.id,
                        listener.words()
                    );
                    return refused(Why::AclDenies, message, sources());
                }
                (AclKind::White, None, None) if has_entries => {
                    let message = format!(
                        "the access list {names} (white) of {words} does not hold {client}: listener {} refuses it",
                        listener.words()
                    );
                    return refused(Why::AclDenies, message, sources());
                }
                (AclKind::White | AclKind::Black, None, Some((acl, file))) => {
                    let what = format!("what the access list {} of {words} holds", acl.id);
                    return missing(&what, file, &acl.source);
                }
                (AclKind::White, Some(_), _) | (_, None, None) => {}
            }
        }
        Ok(())
    }

    /// Who of `pool` may get what `client` asks at `port`, and with which shares.
    pub(crate) fn share<'b>(
        &self,
        listener: &'b Listener,
        pool: &'b Pool,
        client: IpAddr,
        port: u16,
    ) -> Result<Shares<'b>, End> {
        let of = format!("the listener {} of {}", listener.words(), self.words());
        let backends = match &pool.backends {
            Ok(backends) => backends,
            Err(file) => return missing(&format!("which backends {of} has"), file, &pool.source),
        };
        let cited = || [pool.source.clone(), listener.source.clone()];
        if backends.is_empty() {
            return refused(Why::NoBackends, format!("{of} has no backend"), cited());
        }
        let mut candidates: Vec<&Backend> = backends.iter().filter(|one| one.weight > 0).collect();
        if candidates.is_empty() {
            let n = backends.len();
            let message = format!(
                "{of} has no backend that takes new connections: the weight of all {n} is 0"
            );
            return refused(Why::NoBackends, message, cited());
        }
        // Which of a range leads to which port of a backend is not documented, but for the first.
        if port != *listener.ports.start() && candidates.iter().any(|one| one.port.is_some()) {
            let what = format!("to which port of its backends port {port} of {of} leads");
            return unknown(what, "", &pool.source);
        }
        // C.4, loopback (2): a backend with the client's own address, which it would see, is not chosen.
        if self.product.is_tencent() && listener.keeps_client == Ok(true) {
            candidates.retain(|one| one.address != Some(client));
            if candidates.is_empty() {
                let message = format!(
                    "{of} has no other backend than {client}, which is the client: a backend is not handed its own packets"
                );
                return refused(Why::OwnBackend, message, cited());
            }
        }
        let mut assumptions = Vec::new();
        let (serving, unhealthy): (Vec<&Backend>, Vec<&Backend>) =
            candidates.iter().partition(|one| serves(one));
        let fails_open = serving.is_empty();
        if fails_open && let Some(rule) = fails_open_by(self.product) {
            assumptions.push(rule.text().to_owned());
        }
        let taking = if fails_open { candidates } else { serving };
        if let Scheduler::ByState(word) = &listener.scheduler
            && taking.len() > 1
        {
            assumptions.push(format!(
                "the scheduler {word} of {} gives the backends their shares: whose turn it is, is not captured",
                self.words()
            ));
        }
        if listener.sticky && taking.len() > 1 {
            assumptions.push(format!(
                "{} has no session of this client: it would stay with its backend",
                self.words()
            ));
        }
        let weight = |one: &Backend| match listener.scheduler {
            Scheduler::Even => 1,
            Scheduler::Weighted | Scheduler::ByState(_) => one.weight,
        };
        Ok(Shares {
            backends: taking.into_iter().map(|one| (one, weight(one))).collect(),
            unhealthy,
            fails_open,
            assumptions,
        })
    }

    /// What a backend sees as the client's address.
    pub(crate) fn seen(
        &self,
        listener: &Listener,
        backend: &Backend,
        client: IpAddr,
    ) -> Result<Seen, Doubt> {
        let families_differ = backend
            .address
            .is_some_and(|address| address.is_ipv4() != client.is_ipv4());
        let keeps = match &listener.keeps_client {
            // It cannot.
            _ if families_differ => false,
            Ok(keeps) => *keeps,
            Err(file) => {
                return Err(Doubt {
                    what: format!(
                        "whether backends of {} see the client's address",
                        self.words()
                    ),
                    settle: file.clone(),
                    source: Some(listener.source.clone()),
                });
            }
        };
        if keeps {
            return Ok(Seen::Client);
        }
        let v4 = backend.address.is_none_or(|address| address.is_ipv4());
        if let Some(own) = self.own.iter().find(|own| own.is_ipv4() == v4) {
            let others = self.own.iter().filter(|own| own.is_ipv4() == v4).count() > 1;
            let stands = others.then(|| {
                format!(
                    "{own} stands for the addresses that {} uses towards backends",
                    self.words()
                )
            });
            return Ok(Seen::Own(*own, stands));
        }
        // B.3 (2); C.4.
        let block = match self.product {
            Product::AliyunClb => "100.64.0.0/10",
            Product::TencentClb => "100.127.0.0/16",
            Product::AliyunNlb | Product::AliyunAlb => {
                return Err(Doubt {
                    what: format!("by which addresses {} reaches its backends", self.words()),
                    settle: format!("GetLoadBalancerAttribute of {}", self.id),
                    source: Some(self.source.clone()),
                });
            }
        };
        let Some(first) = first_of(block).filter(|_| v4) else {
            return Err(Doubt {
                what: format!(
                    "by which IPv6 address {} reaches its backends",
                    self.words()
                ),
                settle: String::new(),
                source: Some(self.source.clone()),
            });
        };
        let stands = match self.product {
            Product::TencentClb => Unconfirmed::LayerSevenSource.text().to_owned(),
            _ => format!(
                "{first} stands for the addresses in {block} that {} uses",
                self.words()
            ),
        };
        Ok(Seen::Own(first, Some(stands)))
    }
}

/// Whether the health check lets a backend take clients; one of which that is not known counts until the walk asks.
pub(super) fn serves(backend: &Backend) -> bool {
    matches!(
        backend.health,
        Health::Healthy | Health::Unchecked | Health::Unknown(_)
    )
}

/// Tencent documents it (product/214/6097); of Alibaba's it is not confirmed.
fn fails_open_by(product: Product) -> Option<Unconfirmed> {
    match product {
        Product::TencentClb => None,
        Product::AliyunClb | Product::AliyunNlb | Product::AliyunAlb => {
            Some(Unconfirmed::AllAbnormal)
        }
    }
}

/// The first address of a block that a machine can have.
pub(crate) fn first_of(block: &str) -> Option<IpAddr> {
    let block: IpNet = block.parse().ok()?;
    block.hosts().next()
}

/// What a listener may do with a client; more than one where the request decides.
pub(crate) fn actions<'b>(
    balancer: &Balancer,
    listener: &'b Listener,
) -> Result<Vec<&'b Action>, End> {
    let mut different: Vec<&Action> = Vec::new();
    let words = format!("the listener {} of {}", listener.words(), balancer.words());
    for action in &listener.actions {
        let same = |known: &&Action| match (*known, action) {
            (Action::Pool(a), Action::Pool(b)) => a.backends == b.backends,
            (a, b) => a == b,
        };
        if !different.iter().any(same) {
            different.push(action);
        }
    }
    if different.is_empty() {
        return refused(
            Why::NoBackends,
            format!("{words} has no rule and no default backends"),
            [listener.source.clone()],
        );
    }
    Ok(different)
}

/// The pool that `action`, one of the listener's, hands a client to.
pub(crate) fn pool<'b>(
    balancer: &Balancer,
    listener: &Listener,
    action: &'b Action,
) -> Result<&'b Pool, End> {
    match action {
        Action::Pool(pool) => Ok(pool),
        Action::Answers => Err(End::Answers),
        Action::Unknown(what) => {
            let words = format!("the listener {} of {}", listener.words(), balancer.words());
            missing(&format!("to whom {words} forwards"), what, &listener.source)
        }
    }
}
