//! NAT gateways.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{PortSet, Provider, Region, Unconfirmed, Works};
use crate::linux::choice::{Doubt, Tri};
use crate::linux::packet::Port;
use crate::source::Source;

/// A NAT gateway.
#[derive(Debug, Clone)]
pub struct NatGateway {
    /// Its id.
    pub id: String,
    /// Its private network.
    pub vpc: String,
    /// It leads to the internet, not to other private networks.
    pub is_public: bool,
    /// Whether it forwards.
    pub works: Works,
    /// It forwards only what one of its rules names (Alibaba: always; Tencent: strict mode).
    pub strict: bool,
    /// Its public addresses.
    pub addresses: Vec<IpAddr>,
    /// Rules for what leaves; not known where they were not captured.
    pub snats: Option<Vec<Snat>>,
    /// Rules for what comes in; not known where they were not captured.
    pub dnats: Option<Vec<Dnat>>,
    /// Where it stands.
    pub source: Source,
}

/// A rule for what leaves.
#[derive(Debug, Clone)]
pub struct Snat {
    /// Its id.
    pub id: String,
    /// The sources that it is for.
    pub sources: IpNet,
    /// It names an interface (Tencent): such rules come first.
    pub is_interface: bool,
    /// The addresses that stand for them.
    pub addresses: Vec<IpAddr>,
    /// A source keeps its address.
    pub affinity: bool,
    /// Whether it is in force.
    pub works: Works,
    /// Where it stands.
    pub source: Source,
}

/// A rule for what comes in.
#[derive(Debug, Clone)]
pub struct Dnat {
    /// Its id.
    pub id: String,
    /// The public address.
    pub public: IpAddr,
    /// Its ports; every one for a mapping of addresses.
    pub public_ports: PortSet,
    /// The private address.
    pub private: IpAddr,
    /// The first private port; none for a mapping of addresses.
    pub private_port: Option<u16>,
    /// The first public port.
    pub public_port: Option<u16>,
    /// The protocol; any where there is none.
    pub protocol: Option<u8>,
    /// Whether it is in force.
    pub works: Works,
    /// Where it stands.
    pub source: Source,
}

/// What a NAT gateway makes of a packet that leaves by it.
#[derive(Debug)]
pub struct Translated<'r> {
    /// The addresses of which one stands for the source; none where no rule is for it.
    pub addresses: &'r [IpAddr],
    /// The rule.
    pub rule: Option<&'r Snat>,
    /// Unconfirmed rules that it rests on.
    pub rests_on: Vec<Unconfirmed>,
}

impl Region {
    /// Which addresses stand for `src` behind `nat` (reference B.2 "NAT semantics", C.4, G.10, G.19).
    ///
    /// # Errors
    /// What is not known.
    pub fn snat<'r>(&'r self, nat: &'r NatGateway, src: IpAddr) -> Result<Translated<'r>, Doubt> {
        if nat.dnats.is_none() && self.provider == Provider::Aliyun {
            // An address mapping there would go before.
            return Err(self.missing(
                "vpc/DescribeForwardTableEntries.json",
                &format!("it does not hold those of {}", nat.id),
            ));
        }
        let dnats = nat.dnats.iter().flatten();
        let mut mapped =
            dnats.filter(|rule| rule.works.may() && rule.private == src && rule.is_mapping());
        if let Some(mapping) = mapped.next() {
            mapping.in_force()?;
            // B.2 NAT (1): a mapping of addresses is the source's own public address.
            return Ok(Translated {
                addresses: std::slice::from_ref(&mapping.public),
                rule: None,
                rests_on: Vec::new(),
            });
        }
        let Some(snats) = &nat.snats else {
            let file = match self.provider {
                Provider::Aliyun => "vpc/DescribeSnatTableEntries.json",
                Provider::Tencent => "vpc/DescribeNatGatewaySourceIpTranslationNatRules.json",
            };
            return Err(self.missing(file, &format!("it does not hold those of {}", nat.id)));
        };
        let own = snats
            .iter()
            .filter(|rule| rule.works.may() && rule.sources.contains(&src));
        let mut own: Vec<&Snat> = own.collect();
        own.sort_by_key(|rule| (!rule.is_interface, u8::MAX - rule.sources.prefix_len()));
        let several = own.len() > 1;
        if let Some(rule) = own.first() {
            let what = format!("SNAT entry {}", rule.id);
            rule.works.stopped(&what, &rule.source)?;
        }
        Ok(match own.first() {
            Some(rule) => Translated {
                addresses: &rule.addresses,
                rule: Some(rule),
                rests_on: match self.provider {
                    _ if !several => Vec::new(),
                    Provider::Aliyun => vec![Unconfirmed::LongestSnatMask],
                    Provider::Tencent => vec![Unconfirmed::SnatOrder],
                },
            },
            None => Translated {
                addresses: if nat.strict { &[] } else { &nat.addresses },
                rule: None,
                rests_on: Vec::new(),
            },
        })
    }

    /// The rule by which `nat` lets in what is sent to its address `dst`; mappings of single ports come first.
    ///
    /// # Errors
    /// What is not known.
    pub fn dnat<'r>(
        &'r self,
        nat: &'r NatGateway,
        dst: IpAddr,
        protocol: u8,
        port: Option<Port>,
    ) -> Result<Option<&'r Dnat>, Doubt> {
        let Some(dnats) = &nat.dnats else {
            let file = match self.provider {
                Provider::Aliyun => "vpc/DescribeForwardTableEntries.json",
                Provider::Tencent => {
                    "vpc/DescribeNatGatewayDestinationIpPortTranslationNatRules.json"
                }
            };
            return Err(self.missing(file, &format!("it does not hold those of {}", nat.id)));
        };
        let own = dnats.iter().filter(|rule| {
            rule.works.may()
                && rule.public == dst
                && rule.protocol.is_none_or(|own| own == protocol)
                && (rule.is_mapping() || port.is_some())
                && rule.public_ports.has(port) == Tri::Yes
        });
        let first = own.min_by_key(|rule| rule.is_mapping());
        if let Some(rule) = first {
            rule.in_force()?;
        }
        Ok(first)
    }
}

impl Dnat {
    /// For a rule that may be in force: the doubt where that is not known.
    fn in_force(&self) -> Result<(), Doubt> {
        let what = format!("DNAT entry {}", self.id);
        self.works.stopped(&what, &self.source).map(|_| ())
    }

    /// It maps an address with all of its ports.
    #[must_use]
    pub fn is_mapping(&self) -> bool {
        self.private_port.is_none()
    }

    /// The private port for a public one.
    #[must_use]
    pub fn port_for(&self, public: u16) -> u16 {
        match (self.public_port, self.private_port) {
            (Some(first), Some(private)) => private.saturating_add(public.saturating_sub(first)),
            (None, Some(private)) => private,
            (_, None) => public,
        }
    }
}
