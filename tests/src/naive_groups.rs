//! Security groups as the providers' documents describe them, in the simplest words: no index, no sorting in place, no
//! shared code with the simulator. Written from the project's reference of cloud APIs, sections B.1 and C.4.

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The group that it is in.
    pub group: usize,
    /// It is for what comes in.
    pub ingress: bool,
    /// It lets pass.
    pub accepts: bool,
    /// Alibaba: 1 to 100. Tencent: its place in the group.
    pub priority: u32,
    /// TCP (6), UDP (17), ICMP (1); every protocol where there is none.
    pub protocol: Option<u8>,
    /// First and last destination port; every one where there are none.
    pub ports: Option<(u16, u16)>,
    /// The other side.
    pub peer: Peer,
}

/// The other side of a rule.
#[derive(Debug, Clone)]
pub enum Peer {
    /// An IPv4 block: address and prefix length.
    Block(u32, u8),
    /// A group, by its number.
    Group(usize),
}

/// A group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Alibaba's advanced kind.
    pub advanced: bool,
    /// Its inner policy accepts.
    pub inner: bool,
}

/// An interface: its address, and the numbers of its groups in order.
#[derive(Debug, Clone)]
pub struct Interface {
    /// Its address.
    pub address: u32,
    /// Its groups.
    pub groups: Vec<usize>,
}

/// A packet as one interface sees it.
#[derive(Debug, Clone, Copy)]
pub struct Packet {
    /// It comes in.
    pub ingress: bool,
    /// The other side's address.
    pub peer: u32,
    /// The protocol.
    pub protocol: u8,
    /// The destination port.
    pub port: u16,
}

/// Whether `rule` is for `packet`; `all` are the interfaces whose groups peers are looked for in.
fn is_for(rule: &Rule, packet: &Packet, all: &[Interface]) -> bool {
    if rule.ingress != packet.ingress {
        return false;
    }
    if let Some(protocol) = rule.protocol {
        if protocol != packet.protocol {
            return false;
        }
        // ICMP has no port.
        if let (Some((first, last)), true) = (rule.ports, protocol != 1)
            && (packet.port < first || packet.port > last)
        {
            return false;
        }
    }
    match rule.peer {
        Peer::Block(_, 0) => true,
        Peer::Block(net, length) => (net ^ packet.peer) >> (32 - u32::from(length)) == 0,
        Peer::Group(group) => {
            let mut owners = all.iter().filter(|own| own.address == packet.peer);
            owners.any(|own| own.groups.contains(&group))
        }
    }
}

/// Alibaba Cloud, B.1 "Security-group evaluation".
#[must_use]
pub fn alibaba(
    own: &Interface,
    all: &[Interface],
    groups: &[Group],
    rules: &[Rule],
    packet: &Packet,
) -> bool {
    // (5) Members of a basic group whose inner policy accepts reach one another, whatever the rules say.
    for other in all.iter().filter(|other| other.address == packet.peer) {
        for (number, group) in groups.iter().enumerate() {
            let both = own.groups.contains(&number) && other.groups.contains(&number);
            if both && group.inner && !group.advanced {
                return true;
            }
        }
    }
    // (1), (2) One list of all groups' rules: by priority, at equal priority Drop first.
    for priority in 1..=100 {
        for accepts in [false, true] {
            let decides = rules.iter().any(|rule| {
                own.groups.contains(&rule.group)
                    && rule.priority == priority
                    && rule.accepts == accepts
                    && is_for(rule, packet, all)
            });
            if decides {
                return accepts;
            }
        }
    }
    // (4) Nothing matched.
    let advanced = |number: &usize| groups.get(*number).is_some_and(|group| group.advanced);
    !packet.ingress && !own.groups.iter().any(advanced)
}

/// Tencent Cloud, C.4 "Security groups".
#[must_use]
pub fn tencent(own: &Interface, all: &[Interface], rules: &[Rule], packet: &Packet) -> bool {
    // The groups in their order, the rules of each from the top, the first match decides.
    for group in &own.groups {
        for place in 0..100 {
            let at = |rule: &&Rule| rule.group == *group && rule.priority == place;
            let mut here = rules.iter().filter(at);
            if let Some(rule) = here.find(|rule| is_for(rule, packet, all)) {
                return rule.accepts;
            }
        }
    }
    // The implicit last rule refuses, both ways.
    false
}
