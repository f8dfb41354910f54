//! Tables, scopes, types and TOS by the names that iproute2 prints (`lib/rt_names.c`).

use crate::evidence::json::{Fault, Object, integer};

/// A routing table's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub u32);

impl TableId {
    /// RT_TABLE_DEFAULT.
    pub const DEFAULT: Self = Self(253);
    /// RT_TABLE_MAIN.
    pub const MAIN: Self = Self(254);
    /// RT_TABLE_LOCAL.
    pub const LOCAL: Self = Self(255);

    /// Tables whose printed name is not the kernel's get numbers from here on.
    const NAMED: u32 = 0xff00_0000;

    /// The table that iproute2 prints as `name`.
    ///
    /// A name from a machine's own `/etc/iproute2/rt_tables` has a number that the capture does not tell: it gets one
    /// made of the name, which is the same for its rules and its routes, and that is all that lookups need.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "unspec" => Self(0),
            "local" => Self::LOCAL,
            "main" => Self::MAIN,
            "default" => Self::DEFAULT,
            _ => match integer(name).and_then(|number| u32::try_from(number).ok()) {
                Some(number) => Self(number),
                None => Self(Self::NAMED | (fnv(name) & !Self::NAMED)),
            },
        }
    }

    /// Whether the number was made of a name: a table that is known elsewhere by its number (a VRF's) may be this one.
    #[must_use]
    pub fn is_made_of_a_name(self) -> bool {
        self.0 & Self::NAMED == Self::NAMED
    }
}

/// FNV-1a.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// A scope (`enum rt_scope_t`): the higher the number, the nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(pub u8);

impl Scope {
    /// RT_SCOPE_UNIVERSE.
    pub const GLOBAL: Self = Self(0);
    /// RT_SCOPE_SITE.
    pub const SITE: Self = Self(200);
    /// RT_SCOPE_LINK.
    pub const LINK: Self = Self(253);
    /// RT_SCOPE_HOST.
    pub const HOST: Self = Self(254);
    /// RT_SCOPE_NOWHERE.
    pub const NOWHERE: Self = Self(255);

    /// The scope that iproute2 prints as `name` (`/etc/iproute2/rt_scopes`).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "global" | "universe" => Some(Self::GLOBAL),
            "site" => Some(Self::SITE),
            "link" => Some(Self::LINK),
            "host" => Some(Self::HOST),
            "nowhere" => Some(Self::NOWHERE),
            _ => integer(name)
                .and_then(|number| u8::try_from(number).ok())
                .map(Self),
        }
    }

    /// The scope in `item`; `missing` where none is printed.
    pub(in crate::evidence) fn of(item: &Object<'_>, missing: Self) -> Result<Self, Fault> {
        match item.name("scope")? {
            None => Ok(missing),
            Some(name) => Self::named(&name)
                .ok_or_else(|| item.fault("scope", format!("`{name}` is no scope"))),
        }
    }
}

/// A route's type (`RTN_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteKind {
    /// A gateway or a direct route.
    Unicast,
    /// To this machine.
    Local,
    /// A broadcast address.
    Broadcast,
    /// An anycast address.
    Anycast,
    /// Multicast.
    Multicast,
    /// Dropped silently.
    Blackhole,
    /// Dropped with ICMP host unreachable.
    Unreachable,
    /// Dropped with ICMP administratively prohibited.
    Prohibit,
    /// The lookup goes on in the next rule's table.
    Throw,
    /// Obsolete stateless NAT.
    Nat,
    /// Decided by an external resolver.
    Xresolve,
}

impl RouteKind {
    /// The type that iproute2 prints as `name` (`rtnl_rtntype_n2a`).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "unicast" => Self::Unicast,
            "local" => Self::Local,
            "broadcast" => Self::Broadcast,
            "anycast" => Self::Anycast,
            "multicast" => Self::Multicast,
            "blackhole" => Self::Blackhole,
            "unreachable" => Self::Unreachable,
            "prohibit" => Self::Prohibit,
            "throw" => Self::Throw,
            "nat" => Self::Nat,
            "xresolve" => Self::Xresolve,
            _ => return None,
        })
    }
}

/// The TOS that a packet must have: `0x10`, or a name of `/etc/iproute2/rt_dsfield`.
pub(in crate::evidence) fn tos(item: &Object<'_>) -> Result<u8, Fault> {
    // An encapsulation's TOS has the same name and is printed as a bare number.
    if item.has("encap")
        && item
            .get("tos")
            .is_some_and(|raw| !raw.get().starts_with('"'))
    {
        return Ok(0);
    }
    let Some(text) = item.name("tos")? else {
        return Ok(0);
    };
    integer(&text)
        .and_then(|number| u8::try_from(number).ok())
        .or_else(|| dsfield(&text))
        .ok_or_else(|| item.fault("tos", format!("`{text}` is no TOS that is known here")))
}

/// iproute2's `rt_dsfield`, old and new names.
pub(in crate::evidence) fn dsfield(name: &str) -> Option<u8> {
    let class = |prefix: &str| name.strip_prefix(prefix)?.parse::<u8>().ok();
    if let Some(number) = class("CS").filter(|number| *number < 8) {
        return Some(number << 5);
    }
    if let Some(number) = class("AF") {
        let (class, drop) = (number / 10, number % 10);
        return ((1..=4).contains(&class) && (1..=3).contains(&drop))
            .then_some((class << 5) | (drop << 3));
    }
    match name {
        "default" => Some(0),
        "EF" => Some(0xb8),
        "VOICE-ADMIT" => Some(0xb0),
        "LE" => Some(0x04),
        "lowdelay" => Some(0x10),
        "throughput" => Some(0x08),
        "reliability" => Some(0x04),
        "mincost" => Some(0x02),
        _ => None,
    }
}
