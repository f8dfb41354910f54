//! What an action is: a row says all that the code needs to know of it.

use std::collections::{BTreeMap, BTreeSet};

/// A product of a cloud: a host name and a version of its API.
#[derive(Debug, PartialEq, Eq)]
pub struct Product {
    /// E.g. `ecs`: its folder, its path below a common endpoint, and the service that Tencent signs.
    pub name: &'static str,
    /// The API's version.
    pub version: &'static str,
    /// What its permissions begin with.
    pub permission: &'static str,
    /// How requests are signed and sent.
    pub style: Style,
    /// Where it listens.
    pub host: Host,
}

/// How a product's requests are signed, and where their parameters stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Alibaba's signature 1.0 (HMAC-SHA1) over the parameters, which are a form.
    Rpc,
    /// ACS3-HMAC-SHA256, the parameters in the query.
    Acs3Query,
    /// ACS3-HMAC-SHA256, the parameters as a form.
    Acs3Form,
    /// TC3-HMAC-SHA256, the parameters as JSON.
    Tc3,
}

/// The rule of a product's host names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// `<product>.<region>.<domain>`, but for these regions.
    Regional(&'static [(&'static str, &'static str)]),
    /// `<product>.<domain>` for every region.
    Central,
}

/// A kind of id that answers hold and calls ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    AccessList,
    AddressTemplate,
    AddressTemplateGroup,
    Alb,
    AlbAccessList,
    AlbHost,
    AlbListener,
    AlbServerGroup,
    Ccn,
    Clb,
    /// A listener of layer 7: balancer and port.
    ClbProxy,
    /// An address of a load balancer whose id nothing tells.
    ClbAddress,
    ClusterRouteTable,
    EgressGateway,
    GatewayRouteTable,
    Instance,
    Interface,
    MasterSlaveGroup,
    NatGateway,
    NetworkAcl,
    Nlb,
    NlbHost,
    NlbListener,
    NlbServerGroup,
    /// A network card of a server that is known.
    NodeInterface,
    Peering,
    PortList,
    PrefixList,
    QuintupleAcl,
    RouteTable,
    SecurityGroup,
    ServerGroup,
    ServiceTemplate,
    ServiceTemplateGroup,
    TransitAttachment,
    TransitRouteTable,
    Vpc,
    VpcPrefixList,
    VpnGateway,
}

/// The ids that are known so far.
pub type Ids = BTreeMap<Kind, BTreeSet<String>>;

/// One API action.
#[derive(Debug)]
pub struct Action {
    /// Whose it is.
    pub product: &'static Product,
    /// E.g. `DescribeInstances`.
    pub name: &'static str,
    /// Parameters of every call.
    pub with: &'static [(&'static str, &'static str)],
    /// What is asked for; the answers to all of it are one, unless each id has a file.
    pub asks: &'static [Ask],
    /// Whether each id has a file of its own.
    pub keyed: bool,
    /// How long answers are parted.
    pub paging: Paging,
    /// Where the list is, names joined by dots; empty where the answer is no list.
    pub list: &'static str,
    /// The items' id, by which they are sorted; empty where their order bears meaning.
    pub id: &'static str,
    /// Of a list that cannot be narrowed by asking: the fields of which one must hold a known id.
    pub keep: &'static [(&'static str, Kind)],
    /// Which ids the items tell.
    pub finds: &'static [Find],
    /// Why it is called, for those who have to permit it.
    pub purpose: &'static str,
}

/// What a call asks for.
#[derive(Debug, Clone, Copy)]
pub enum Ask {
    /// Everything in the region.
    Once,
    /// One id.
    Each(Kind, Wire),
    /// As many ids as fit.
    Batch(Kind, usize, Wire),
}

/// How ids stand among the parameters.
#[derive(Debug, Clone, Copy)]
pub enum Wire {
    /// As a text.
    Field(&'static str),
    /// Its parts, which a dot joins, as two texts.
    Pair(&'static str, &'static str),
    /// As a list (`Name.1`, `Name.2` where parameters are flat).
    List(&'static str),
    /// As a JSON list in a text.
    JsonText(&'static str),
    /// Joined by commas.
    Comma(&'static str),
    /// As a filter of this name.
    Filter(&'static str),
}

/// How an action pages.
#[derive(Debug, Clone, Copy)]
pub enum Paging {
    /// It does not.
    Single,
    /// By `NextToken`; the page's size has this name.
    Token(&'static str, u32),
    /// By number: the number's name, the page's size, and the total's name.
    Number(&'static str, u32, &'static str),
    /// By `Offset` and `Limit`, as numbers.
    Offset(u32),
    /// The same as texts.
    OffsetText(u32),
}

/// An id in an item.
#[derive(Debug, Clone, Copy)]
pub struct Find {
    /// Its kind.
    pub kind: Kind,
    /// Where it stands, names joined by dots, through lists.
    pub at: &'static str,
    /// The field beside it that a dot joins to it; empty where it stands alone.
    pub and: &'static str,
    /// When it counts.
    pub when: When,
}

/// When a found id counts.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// Always.
    Always,
    /// When this field of the item holds a known id.
    Known(&'static str, Kind),
    /// When this field beside it has this value.
    Is(&'static str, &'static str),
    /// When this field beside it has another value.
    IsNot(&'static str, &'static str),
    /// When it begins so.
    Begins(&'static str),
}

impl Action {
    /// A row: the list at `list`, whose items have the id `id`.
    #[must_use]
    pub const fn new(
        product: &'static Product,
        name: &'static str,
        asks: &'static [Ask],
        paging: Paging,
        list: (&'static str, &'static str),
        purpose: &'static str,
    ) -> Self {
        Self {
            product,
            name,
            with: &[],
            asks,
            keyed: false,
            paging,
            list: list.0,
            id: list.1,
            keep: &[],
            finds: &[],
            purpose,
        }
    }

    /// The same with a file for each id.
    #[must_use]
    pub const fn keyed(self) -> Self {
        Self {
            keyed: true,
            ..self
        }
    }

    /// The same with parameters of every call.
    #[must_use]
    pub const fn with(self, with: &'static [(&'static str, &'static str)]) -> Self {
        Self { with, ..self }
    }

    /// The same with items kept only where a field holds a known id.
    #[must_use]
    pub const fn keep(self, keep: &'static [(&'static str, Kind)]) -> Self {
        Self { keep, ..self }
    }

    /// The same with ids that its items tell.
    #[must_use]
    pub const fn finds(self, finds: &'static [Find]) -> Self {
        Self { finds, ..self }
    }

    /// The permission that it needs.
    #[must_use]
    pub fn permission(&self) -> String {
        format!("{}:{}", self.product.permission, self.name)
    }

    /// The name of the file of `key`'s answer.
    #[must_use]
    pub fn file(&self, key: Option<&str>) -> String {
        match key {
            Some(key) => format!("{}.{key}.json", self.name),
            None => format!("{}.json", self.name),
        }
    }
}

/// A [`Find`] that always counts.
#[must_use]
pub const fn find(kind: Kind, at: &'static str) -> Find {
    Find {
        kind,
        at,
        and: "",
        when: When::Always,
    }
}

/// A [`Find`] that counts on a condition.
#[must_use]
pub const fn find_when(kind: Kind, at: &'static str, when: When) -> Find {
    Find {
        kind,
        at,
        and: "",
        when,
    }
}

/// The same, joined with the field `and` beside it.
#[must_use]
pub const fn find_pair(kind: Kind, at: &'static str, and: &'static str, when: When) -> Find {
    Find {
        kind,
        at,
        and,
        when,
    }
}
