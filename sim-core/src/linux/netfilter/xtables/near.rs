//! Rules that would have let a packet pass but for one field.

use super::CompiledTable;
use super::condition::{Scene, header_fields, match_holds};
use crate::evidence::xtables::{Chain, Header, Match, Rule, Target};
use crate::linux::choice::Tri;
use crate::linux::netfilter::ipset::IpSets;
use crate::linux::netfilter::near::{MOST, NearMiss, port, protocol_of};
use crate::linux::netfilter::{HookContext, Notes, RuleStep};
use crate::linux::packet::Packet;

impl CompiledTable {
    /// Rules of the chains that `steps` came by which would have let `packet` pass but for one field, nearest first.
    ///
    /// `last` is the step that ended the packet's way.
    #[must_use]
    pub fn near_misses(
        &self,
        last: &RuleStep,
        steps: &[RuleStep],
        packet: &Packet,
        ctx: &HookContext<'_>,
        sets: &IpSets,
    ) -> Vec<NearMiss> {
        let ender = self.rule(last);
        // Chains of a policy mark what they allow, and a rule behind them drops the rest by the mark.
        let by_mark = ender.is_some_and(|rule| {
            (rule.matches.iter()).any(|item| matches!(item, Match::Mark(_) | Match::Connmark(_)))
        });
        let lets_pass = |rule: &Rule| match rule.target {
            Target::Accept => true,
            Target::Mark(_) => by_mark,
            _ => false,
        };
        let mut chains: Vec<&Chain> = Vec::new();
        let own = self.table.chain(&last.chain);
        let entered = steps
            .iter()
            .rev()
            .filter_map(|step| match &self.rule(step)?.target {
                Target::Jump(name) | Target::Goto(name) => self.table.chain(name),
                _ => None,
            });
        for chain in own.into_iter().chain(entered) {
            if !chains.iter().any(|known| std::ptr::eq(*known, chain)) {
                chains.push(chain);
            }
        }
        let scene = Scene {
            packet,
            ctx,
            sets,
            noted: Notes::NONE,
        };
        let misses = chains.into_iter().flat_map(|chain| {
            let rules = (1u32..).zip(&chain.rules);
            let rules = rules.filter(|(_, rule)| lets_pass(rule));
            rules.filter_map(|(number, rule)| {
                let but = only_miss(rule, &scene)?;
                Some(NearMiss {
                    text: format!(
                        "rule {number} of chain {} would let it pass, but {but}",
                        chain.name
                    ),
                    source: rule.source.clone(),
                })
            })
        });
        misses.take(MOST).collect()
    }

    fn rule(&self, step: &RuleStep) -> Option<&Rule> {
        let number = usize::try_from(step.number.checked_sub(1)?).ok()?;
        self.table.chain(&step.chain)?.rules.get(number)
    }
}

/// What a rule wants and the packet has not, if it is one thing.
fn only_miss(rule: &Rule, scene: &Scene<'_>) -> Option<String> {
    let mut missed = None;
    let Header {
        src,
        dst,
        iif,
        oif,
        protocol,
        fragment: _,
    } = &rule.header;
    let packet = scene.packet;
    let [of_src, of_dst, of_iif, of_oif, of_protocol, of_fragment] =
        header_fields(&rule.header, scene);
    if !of_fragment {
        return None;
    }
    let only = |header: Header| header.to_string();
    let none = || Header {
        src: None,
        dst: None,
        iif: None,
        oif: None,
        protocol: None,
        fragment: None,
    };
    let device = |name: Option<&str>| name.unwrap_or("none").to_owned();
    let fields = [
        (
            of_src,
            only(Header {
                src: *src,
                ..none()
            }),
            format!("it is from {}", packet.src),
        ),
        (
            of_dst,
            only(Header {
                dst: *dst,
                ..none()
            }),
            format!("it goes to {}", packet.dst),
        ),
        (
            of_iif,
            only(Header {
                iif: iif.clone(),
                ..none()
            }),
            format!("it comes in by {}", device(scene.ctx.iif)),
        ),
        (
            of_oif,
            only(Header {
                oif: oif.clone(),
                ..none()
            }),
            format!("it goes out by {}", device(scene.ctx.oif)),
        ),
        (
            of_protocol,
            only(Header {
                protocol: *protocol,
                ..none()
            }),
            format!("its protocol is {}", protocol_of(packet)),
        ),
    ];
    for (holds, wants, has) in fields {
        if !holds
            && missed
                .replace(format!("wants `{wants}`, and {has}"))
                .is_some()
        {
            return None;
        }
    }
    for item in &rule.matches {
        // Ports of another protocol are told by the protocol.
        let transport = matches!(
            item,
            Match::Tcp(_) | Match::Udp(_) | Match::Sctp(_) | Match::Icmp(_)
        );
        if transport && !of_protocol {
            continue;
        }
        let mut later = Vec::new();
        match match_holds(item, &rule.source, scene, &mut later) {
            Tri::Yes if later.is_empty() => {}
            Tri::No => {
                // Every new connection misses the rule for established ones, every guest the one for the node itself;
                // and marks are the rules' own.
                let has = match item {
                    Match::Conntrack(_)
                    | Match::State(_)
                    | Match::Mark(_)
                    | Match::Connmark(_)
                    | Match::AddressType(_) => return None,
                    Match::Tcp(_) | Match::Udp(_) | Match::Sctp(_) | Match::Multiport(_) => {
                        format!("it goes to port {}", port(packet.dport()))
                    }
                    _ => format!("it goes from {} to {}", packet.src, packet.dst),
                };
                if missed
                    .replace(format!("wants `{item}`, and {has}"))
                    .is_some()
                {
                    return None;
                }
            }
            Tri::Yes | Tri::Unknown(_) | Tri::Assumed(..) => return None,
        }
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::super::CompiledTable;
    use super::NearMiss;
    use crate::evidence::{ipset, xtables};
    use crate::linux::netfilter::ipset::IpSets;
    use crate::linux::netfilter::test_support::{Script, context, file, packet};

    /// What TCP 10.0.0.1:40000 → 10.0.0.2:80 misses in FORWARD of these rules.
    fn missed(rules: &str) -> Vec<String> {
        let text =
            format!("*filter\n:FORWARD DROP [0:0]\n:A - [0:0]\n:B - [0:0]\n{rules}\nCOMMIT\n");
        let parsed = xtables::parse(&file("iptables-save.txt", &text));
        assert_eq!(parsed.problems, []);
        let table = CompiledTable::new(parsed.value.tables.into_iter().next().unwrap());
        let sets = "create s hash:ip family inet\nadd s 10.9.9.9\n";
        let sets = IpSets::new(Some(ipset::parse(&file("ipset-save.txt", sets)).value));
        let (packet, ctx) = (packet("10.0.0.1:40000", "10.0.0.2:80"), context());
        let outcome = table.run("FORWARD", &packet, &ctx, &sets, &mut Script::default());
        let misses = table.near_misses(
            &outcome.decided_by.unwrap(),
            &outcome.steps,
            &packet,
            &ctx,
            &sets,
        );
        misses
            .into_iter()
            .map(|NearMiss { text, .. }| text)
            .collect()
    }

    #[test]
    fn one_field_is_near_and_two_are_not() {
        assert_eq!(
            missed(
                "-A FORWARD -s 10.0.0.0/24 -p tcp -m tcp --dport 8080 -j ACCEPT\n-A FORWARD -s 10.1.0.0/24 -p udp -m udp --dport 80 -j ACCEPT"
            ),
            [
                "rule 1 of chain FORWARD would let it pass, but wants `-m tcp --dport 8080`, and it goes to port 80"
            ]
        );
        assert_eq!(
            missed("-A FORWARD -d 10.0.0.2/32 -p udp -m udp --dport 80 -j ACCEPT"),
            [
                "rule 1 of chain FORWARD would let it pass, but wants `-p udp`, and its protocol is tcp"
            ]
        );
        assert_eq!(
            missed("-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT"),
            [""; 0]
        );
    }

    #[test]
    fn a_drop_by_mark_asks_the_chains_that_mark() {
        let policies =
            "-A FORWARD -j A\n-A A -m set --match-set s src -j MARK --set-xmark 0x1/0x1\n";
        let by_mark = format!("{policies}-A FORWARD -m mark ! --mark 0x1/0x1 -j DROP");
        let expected = "rule 1 of chain A would let it pass, but wants `-m set --match-set s src`, and it goes from 10.0.0.1 to 10.0.0.2";
        assert_eq!(missed(&by_mark), [expected]);
        // A plain drop does not look at marks.
        assert_eq!(missed(&format!("{policies}-A FORWARD -j DROP")), [""; 0]);
    }
}
