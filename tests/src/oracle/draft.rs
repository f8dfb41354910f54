//! A world in the making: what the grammar adds to.

use std::net::IpAddr;

use fastrand::Rng;
use pathglass_sim::flow::Protocol;

use super::grammar::topology::Topology;
use super::spec::{Deed, Flow, Listener, Op, Spec, Tool};

/// A world in the making.
#[derive(Debug)]
pub struct Draft {
    /// Where every choice comes from.
    pub rng: Rng,
    /// The nodes, pods and services that there are.
    pub topology: Topology,
    /// What was added so far.
    pub spec: Spec,
}

impl Draft {
    /// True with this probability.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(0..100) < percent
    }

    /// One of `choices`, each as likely.
    pub fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        pick(&mut self.rng, choices)
    }

    /// Adds a run of a tool.
    pub fn run(&mut self, feature: &str, at: &str, tool: Tool, text: impl Into<String>) {
        let mut text = text.into();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        self.spec.ops.push(Op {
            feature: feature.to_owned(),
            at: at.to_owned(),
            deed: Deed::Run { tool, text },
        });
    }

    /// Adds lines for `ip -batch`: `route add …`.
    pub fn ip(&mut self, feature: &str, at: &str, lines: impl Into<String>) {
        self.run(feature, at, Tool::Ip, lines);
    }

    /// The same for `ip -6 -batch`, where the family does not show.
    pub fn ip6(&mut self, feature: &str, at: &str, lines: impl Into<String>) {
        self.run(feature, at, Tool::Ip6, lines);
    }

    /// Adds lines `key=value`.
    pub fn sysctl(&mut self, feature: &str, at: &str, lines: impl Into<String>) {
        self.run(feature, at, Tool::Sysctl, lines);
    }

    /// Adds rules (`-A FORWARD …`, `:CHAIN - [0:0]`) to a table, of iptables or ip6tables.
    pub fn iptables(&mut self, feature: &str, at: &str, v6: bool, table: &str, rules: &str) {
        let tool = if v6 { Tool::Ip6tables } else { Tool::Iptables };
        self.run(
            feature,
            at,
            tool,
            format!("*{table}\n{}\nCOMMIT\n", rules.trim_end()),
        );
    }

    /// Adds text for `nft -f`.
    pub fn nft(&mut self, feature: &str, at: &str, text: impl Into<String>) {
        self.run(feature, at, Tool::Nft, text);
    }

    /// Adds a veth between two places.
    pub fn wire(&mut self, feature: &str, [at, device, mac]: [&str; 3], peer: [&str; 3]) {
        let [peer_at, peer_device, peer_mac] = peer;
        self.run(
            feature,
            at,
            Tool::Wire,
            format!(
                "link add {device} address {mac} type veth peer name {peer_device} address {peer_mac} netns {{{peer_at}}}"
            ),
        );
    }

    /// Adds a server.
    pub fn listen(&mut self, feature: &str, at: &str, listener: Listener) {
        self.spec.ops.push(Op {
            feature: feature.to_owned(),
            at: at.to_owned(),
            deed: Deed::Listen(listener),
        });
    }

    /// Adds a question. `choices`: how many backends the world may choose of (1: no choice).
    pub fn flow(
        &mut self,
        from: &str,
        (to, port): (IpAddr, u16),
        protocol: Protocol,
        bytes: Option<u32>,
        choices: usize,
    ) {
        let attempts = match choices {
            0 | 1 => 2,
            2 => 10,
            _ => 16,
        };
        self.spec.flows.push(Flow {
            id: format!("f{:02}", self.spec.flows.len() + 1),
            from: from.to_owned(),
            to,
            port,
            protocol,
            bytes,
            attempts,
            sequential: false,
        });
    }
}

/// One of `choices`, each as likely.
///
/// # Panics
/// When there are none: a flaw of the grammar.
pub fn pick<T: Clone>(rng: &mut Rng, choices: &[T]) -> T {
    #[expect(
        clippy::indexing_slicing,
        reason = "the index is drawn below the length"
    )]
    choices[rng.usize(0..choices.len())].clone()
}

/// A server on all addresses of a family, or one.
#[must_use]
pub fn server(address: IpAddr, port: u16, protocol: Protocol) -> Listener {
    Listener {
        address,
        port,
        protocol,
        v6_only: false,
        device: None,
        reuse_port: false,
        transparent: false,
    }
}
