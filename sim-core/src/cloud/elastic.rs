//! Public addresses (EIPs) and what they stand for.

use std::net::IpAddr;

use super::{Interface, Region, Works};
use crate::source::Source;

/// A public address.
#[derive(Debug, Clone)]
pub struct Elastic {
    /// Its id.
    pub id: String,
    /// The address.
    pub address: IpAddr,
    /// What it is bound to.
    pub holder: ElasticHolder,
    /// The private address that it stands for, where the API says it.
    pub private: Option<IpAddr>,
    /// The interface itself carries it (Alibaba's cut-through mode).
    pub cut_through: bool,
    /// Whether it carries anything: a lock, arrears, a state in between.
    pub works: Works,
    /// Where it stands.
    pub source: Source,
}

/// What a public address is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElasticHolder {
    /// A machine's first interface.
    Instance(String),
    /// An interface.
    Interface(String),
    /// A NAT gateway.
    Nat(String),
    /// A load balancer.
    Balancer(String),
    /// Something that is not modelled, e.g. a HaVip.
    Other(String),
    /// Nothing.
    Nobody,
}

/// A public address of an interface.
#[derive(Debug, Clone, Copy)]
pub struct OwnPublic<'r> {
    /// The public address.
    pub public: IpAddr,
    /// The private one.
    pub private: IpAddr,
    /// Its own object, where it is an elastic one.
    pub elastic: Option<&'r Elastic>,
    /// Where it stands.
    pub source: &'r Source,
}

impl Region {
    /// Every public address that stands for one of `interface`'s.
    #[must_use]
    pub fn public_of<'r>(&'r self, interface: &'r Interface) -> Vec<OwnPublic<'r>> {
        let primary = (interface.addresses.iter())
            .find(|own| own.primary && own.address.is_ipv4())
            .map(|own| own.address);
        let mut found: Vec<OwnPublic<'r>> = Vec::new();
        let mut add = |own: OwnPublic<'r>| {
            if !found.iter().any(|known| known.public == own.public) {
                found.push(own);
            }
        };
        for elastic in &self.elastics {
            let bound = match &elastic.holder {
                ElasticHolder::Instance(id) => {
                    interface.primary && interface.instance.as_ref() == Some(id)
                }
                ElasticHolder::Interface(id) => *id == interface.id,
                _ => false,
            };
            if let Some(private) = elastic.private.or(primary).filter(|_| bound) {
                add(OwnPublic {
                    public: elastic.address,
                    private,
                    elastic: Some(elastic),
                    source: &elastic.source,
                });
            }
        }
        for own in &interface.addresses {
            if let Some(public) = own.public {
                add(OwnPublic {
                    public,
                    private: own.address,
                    elastic: None,
                    source: &interface.source,
                });
            }
        }
        let instance = interface.instance.as_deref().filter(|_| interface.primary);
        if let (Some(instance), Some(private)) =
            (instance.and_then(|id| self.instance(id)), primary)
        {
            for public in &instance.public {
                add(OwnPublic {
                    public: *public,
                    private,
                    elastic: None,
                    source: &instance.source,
                });
            }
        }
        found
    }

    /// The public address that stands for `private` of `interface`.
    #[must_use]
    pub fn public_for<'r>(
        &'r self,
        interface: &'r Interface,
        private: IpAddr,
    ) -> Option<OwnPublic<'r>> {
        let mut all = self.public_of(interface).into_iter();
        all.find(|own| own.private == private)
    }

    /// The interface behind a public address, and its private one.
    #[must_use]
    pub fn behind(&self, public: IpAddr) -> Option<(&Interface, OwnPublic<'_>)> {
        self.interfaces.iter().find_map(|interface| {
            let mut all = self.public_of(interface).into_iter();
            let own = all.find(|own| own.public == public)?;
            Some((interface, own))
        })
    }

    /// Whether `address` is one by which the internet comes in.
    #[must_use]
    pub fn is_public(&self, address: IpAddr) -> bool {
        self.elastic(address).is_some()
            || self.behind(address).is_some()
            || self.nats.iter().any(|nat| nat.addresses.contains(&address))
    }

    /// The elastic address's own object.
    #[must_use]
    pub fn elastic(&self, public: IpAddr) -> Option<&Elastic> {
        self.elastics.iter().find(|own| own.address == public)
    }
}
