//! What a CoreDNS server does with a question: its Corefile, followed plugin by plugin in the order that CoreDNS is
//! built with (`plugin.cfg`), whatever the order in the file.

use std::net::IpAddr;

use super::records::{Answer, Setup, answer};
use super::{Found, Reply, Why, WhyKind, below, lies_in};
use crate::evidence::corefile::{Directive, ServerBlock, ZoneKey, normal};
use crate::linux::choice::Doubt;
use crate::source::Source;
use crate::world::{Halt, World};

/// A server's configuration.
#[derive(Debug, Clone)]
pub(crate) struct Corefile {
    pub(crate) blocks: Vec<ServerBlock>,
    pub(crate) source: Source,
    /// `configmap:ns/name`.
    pub(crate) object: String,
}

/// What becomes of a question at a server.
pub(crate) enum Step {
    Reply(Reply),
    /// The name is an alias of another, which the server looks up itself: that name, where it stands, whose it is.
    Alias(String, Source, String),
    /// Other servers are asked.
    Forward(Forward),
}

/// Where a question is passed on to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forward {
    pub(crate) to: Vec<Upstream>,
    pub(crate) tcp: bool,
    /// Whether they are asked in their order (`policy sequential`), not at random.
    pub(crate) in_turn: bool,
    /// The name that is passed on, where a rule rewrote it.
    pub(crate) name: String,
}

/// A server that questions are passed on to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Upstream {
    Address(IpAddr, u16),
    /// The name servers of this file of the server's own.
    File(String),
    /// NodeLocal DNS's `__PILLAR__CLUSTER__DNS__`: the service `kube-dns-upstream`.
    ClusterDns,
    /// What this word stands for is not known.
    Other(String),
}

/// Plugins that answer nothing and change no name.
const SILENT: &[&str] = &[
    "any",
    "autopath",
    "bind",
    "bufsize",
    "cache",
    "cancel",
    "chaos",
    "debug",
    "dnssec",
    "dnstap",
    "errors",
    "geoip",
    "header",
    "health",
    "loadbalance",
    "local",
    "log",
    "loop",
    "metadata",
    "minimal",
    "multisocket",
    "nsid",
    "on",
    "pprof",
    "prometheus",
    "quic",
    "ready",
    "reload",
    "root",
    "sign",
    "timeouts",
    "tls",
    "trace",
    "transfer",
    "tsig",
];

/// What pruning leaves in place of lines that it does not keep.
const LEFT_OUT: &str = "left-out";

/// The plugins that are followed, in the order in which they see a question.
const FOLLOWED: &[&str] = &[
    "rewrite",
    "template",
    "hosts",
    "kubernetes",
    "forward",
    "proxy",
];

/// Plugins whose answers are not modelled, with the place in the order before which they come.
const BEFORE: &[(&str, &str)] = &[
    ("view", "rewrite"),
    ("acl", "rewrite"),
    ("dns64", "rewrite"),
    ("import", "rewrite"),
    ("route53", "kubernetes"),
    ("azure", "kubernetes"),
    ("clouddns", "kubernetes"),
    ("k8s_external", "kubernetes"),
    ("nodes", "kubernetes"),
    ("file", "forward"),
    ("auto", "forward"),
    ("secondary", "forward"),
    ("etcd", "forward"),
];

impl Corefile {
    /// Whether it is told to listen at this address (the plugin `bind`).
    pub(crate) fn listens_at(&self, address: IpAddr) -> bool {
        let directives = self.blocks.iter().flat_map(|block| &block.directives);
        let binds = directives.filter(|directive| directive.name() == "bind");
        binds
            .flat_map(Directive::args)
            .any(|word| word.parse() == Ok(address))
    }

    /// The cluster's domain.
    pub(crate) fn domain(&self) -> Option<String> {
        let directives = self.blocks.iter().flat_map(|block| &block.directives);
        let kubernetes = directives.filter(|directive| directive.name() == "kubernetes");
        kubernetes
            .flat_map(Directive::args)
            .map(|zone| normal(zone))
            .find(|zone| !zone.ends_with("arpa"))
    }

    /// What becomes of the question for `name` that comes in on `port`.
    pub(crate) fn step(&self, world: &mut World<'_>, port: u16, name: &str) -> Result<Step, Halt> {
        let unknown = |what: String| Ok(Step::Reply(Reply::Unknown(self.doubt(what))));
        let part = |key: &ZoneKey| key.zone == LEFT_OUT || key.zone.contains(['{', '%', '(']);
        let whole = |block: &ServerBlock| !block.keys.is_empty() && !block.keys.iter().any(part);
        if !self.blocks.iter().all(whole) {
            return unknown(format!(
                "not all of {}, or of the files that it imports, was captured",
                self.object
            ));
        }
        let keys = self
            .blocks
            .iter()
            .flat_map(|block| block.keys.iter().map(move |key| (block, key)));
        let own = keys.filter(|(_, key)| key.scheme == "dns" && key.port == port);
        let fitting: Vec<_> = own.filter(|(_, key)| lies_in(name, &key.zone)).collect();
        let Some(&(block, key)) = fitting.iter().max_by_key(|(_, key)| key.zone.len()) else {
            let text = format!(
                "no server block of {} serves `{name}` on port {port}: it is refused",
                self.object
            );
            return Ok(Step::Reply(Reply::Failure(self.setup(text))));
        };
        let binds = |block: &ServerBlock| {
            let binds = block.directives.iter().filter(|own| own.name() == "bind");
            binds.flat_map(Directive::args).cloned().collect::<Vec<_>>()
        };
        let twin = |(other, same): &(&ServerBlock, &ZoneKey)| {
            binds(other) != binds(block) || (!std::ptr::eq(*same, key) && same.zone == key.zone)
        };
        if fitting.iter().any(twin) {
            return unknown(format!(
                "which of the server blocks of {} takes a question is not decided",
                self.object
            ));
        }
        // Where such a plugin comes in the order is not known.
        let strange = block.directives.iter().map(Directive::name).find(|name| {
            let known = SILENT.contains(name) || FOLLOWED.contains(name);
            !known && !BEFORE.iter().any(|(plugin, _)| plugin == name)
        });
        if let Some(plugin) = strange {
            return unknown(format!(
                "the plugin `{plugin}` of {} is not modelled",
                self.object
            ));
        }
        // Options that are not known may change who is asked, and for what.
        let followed = |own: &&Directive| FOLLOWED.contains(&own.name());
        let variable = |word: &String| word.starts_with(['{', '%']);
        let gap = block.directives.iter().filter(followed).find(|own| {
            let gaps = [LEFT_OUT, "import", "failover", "next"];
            own.args().iter().any(variable)
                || own.body.iter().any(|option| gaps.contains(&option.name()))
        });
        if let Some(own) = gap {
            return unknown(format!(
                "not all options of the plugin `{}` of {} are known",
                own.name(),
                self.object
            ));
        }
        let mut name = name.to_owned();
        for stage in FOLLOWED {
            let before = BEFORE.iter().filter(|(_, before)| before == stage);
            for (plugin, _) in before {
                if let Some(directive) = block.directives.iter().find(|own| own.name() == *plugin)
                    && may_answer(directive, &name)
                {
                    return unknown(format!(
                        "the plugin `{plugin}` of {} is not modelled",
                        self.object
                    ));
                }
            }
            let own = block.directives.iter().filter(|own| own.name() == *stage);
            let step = match *stage {
                "rewrite" => match rewrite(own, &name) {
                    Ok(rewritten) => {
                        name = rewritten;
                        None
                    }
                    Err(what) => return unknown(what),
                },
                "template" => {
                    if own
                        .into_iter()
                        .any(|directive| template_fits(directive, &name))
                    {
                        return unknown(format!(
                            "the plugin `template` of {} is not modelled",
                            self.object
                        ));
                    }
                    None
                }
                "hosts" => own
                    .into_iter()
                    .find_map(|directive| self.hosts(directive, &name)),
                "kubernetes" => {
                    let mut step = None;
                    for directive in own {
                        step = step.or(self.kubernetes(world, directive, &key.zone, &name)?);
                    }
                    step
                }
                _ => own
                    .into_iter()
                    .find_map(|directive| forward(directive, &name)),
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
        let text = format!(
            "no plugin of {} answers `{name}`: the server fails",
            self.object
        );
        Ok(Step::Reply(Reply::Failure(self.setup(text))))
    }

    fn doubt(&self, what: String) -> Doubt {
        Doubt {
            what,
            settle: "what the name resolves to: ask for that address".to_owned(),
            source: Some(self.source.clone()),
        }
    }

    fn setup(&self, text: String) -> Why {
        Why::new(WhyKind::Setup, text, vec![self.source.clone()]).of(self.object.clone())
    }

    /// `Hosts.ServeDNS`.
    fn hosts(&self, directive: &Directive, name: &str) -> Option<Step> {
        let mut args = directive.args().iter();
        let file = args.next();
        let mut zones = args.map(|zone| normal(zone)).peekable();
        if zones.peek().is_some() && !zones.any(|zone| lies_in(name, &zone)) {
            return None;
        }
        let lines = directive.body.iter().filter_map(|line| {
            let address: IpAddr = line.name().parse().ok()?;
            let named = line.args().iter().any(|own| normal(own) == name);
            named.then_some(address)
        });
        let addresses: Vec<IpAddr> = lines.collect();
        if !addresses.is_empty() {
            return Some(Step::Reply(Reply::Found(Found {
                addresses,
                object: None,
                sources: vec![self.source.clone()],
                text: format!("a line of the plugin `hosts` of {}", self.object),
            })));
        }
        if let Some(file) = file {
            let what = format!(
                "what the hosts file {file} of {} holds was not captured",
                self.object
            );
            return Some(Step::Reply(Reply::Unknown(self.doubt(what))));
        }
        if falls_through(directive, name) {
            return None;
        }
        let text = format!(
            "the plugin `hosts` of {} has no `{name}` and no `fallthrough`: the server fails",
            self.object
        );
        Some(Step::Reply(Reply::Failure(self.setup(text))))
    }

    /// `Kubernetes.ServeDNS`.
    fn kubernetes(
        &self,
        world: &mut World<'_>,
        directive: &Directive,
        of_block: &str,
        name: &str,
    ) -> Result<Option<Step>, Halt> {
        let own: Vec<String> = directive.args().iter().map(|zone| normal(zone)).collect();
        let zones = if own.is_empty() {
            vec![of_block.to_owned()]
        } else {
            own
        };
        let fits = zones.iter().filter(|zone| lies_in(name, zone));
        let Some(zone) = fits.max_by_key(|zone| zone.len()) else {
            return Ok(None);
        };
        Ok(
            match answer(world, &Setup::of(directive), zone, name, &self.source)? {
                Answer::Reply(Reply::NoName(_)) if falls_through(directive, name) => None,
                // What its options keep from being answered is the Corefile's to change.
                Answer::Reply(Reply::NoName(why)) if why.kind == WhyKind::Setup => {
                    Some(Step::Reply(Reply::NoName(why.of(self.object.clone()))))
                }
                Answer::Reply(reply) => Some(Step::Reply(reply)),
                Answer::Alias(name, source, object) => Some(Step::Alias(name, source, object)),
            },
        )
    }
}

/// Whether a plugin that is not modelled may have an answer for `name`: one that names its zones has none outside them.
fn may_answer(directive: &Directive, name: &str) -> bool {
    let zones: Vec<&String> = match directive.name() {
        "acl" => return !directive.body.is_empty(),
        "view" | "import" => return true,
        // It makes IPv6 addresses of IPv4 ones; programs that have an IPv4 address do not need them.
        "dns64" => return false,
        "file" | "auto" => directive.args().iter().skip(1).collect(),
        _ => directive.args().iter().collect(),
    };
    zones.is_empty()
        || zones.iter().any(|zone| {
            let zone = zone.split(':').next().unwrap_or_default();
            lies_in(name, &normal(zone))
        })
}

/// `fall.F.Through`.
fn falls_through(directive: &Directive, name: &str) -> bool {
    directive.option("fallthrough").is_some_and(|option| {
        let zones = option.args();
        zones.is_empty() || zones.iter().any(|zone| lies_in(name, &normal(zone)))
    })
}

fn template_fits(directive: &Directive, name: &str) -> bool {
    let kind = directive.args().get(1).map_or("ANY", String::as_str);
    let zones = directive.args().get(2..).unwrap_or_default();
    matches!(kind, "A" | "AAAA" | "ANY" | "CNAME")
        && (zones.is_empty() || zones.iter().any(|zone| lies_in(name, &normal(zone))))
}

/// The name after the rules of the plugin `rewrite`, each applied to what the ones before it left.
fn rewrite<'d>(rules: impl Iterator<Item = &'d Directive>, name: &str) -> Result<String, String> {
    let mut name = name.to_owned();
    for rule in rules {
        let mut words: Vec<&str> = rule.args().iter().map(String::as_str).collect();
        let goes_on = words.first() == Some(&"continue");
        if matches!(words.first(), Some(&"continue" | &"stop")) {
            words.remove(0);
        }
        if words.is_empty() {
            let first = rule
                .body
                .first()
                .map_or(&[][..], |line| line.words.as_slice());
            words = first.iter().map(String::as_str).collect();
        }
        let rewritten = match words.as_slice() {
            ["name", "exact", from, to, ..] => exact(&name, from, to),
            ["name", "prefix", from, to, ..] => name
                .strip_prefix(&from.to_ascii_lowercase())
                .map(|rest| format!("{to}{rest}")),
            ["name", "suffix", from, to, ..] => name
                .strip_suffix(&normal(from))
                .map(|rest| format!("{rest}{}", normal(to))),
            ["name", "substring", from, to, ..] => {
                let from = from.to_ascii_lowercase();
                let has = !from.is_empty() && name.contains(&from);
                has.then(|| name.replace(&from, to))
            }
            ["name", "regex", ..] => {
                return Err(format!(
                    "whether the regular expression of `{}` rewrites `{name}` is not decided",
                    words.join(" ")
                ));
            }
            ["name", from, to, ..] => exact(&name, from, to),
            ["class" | "edns0" | "ttl", ..] => None,
            other => {
                return Err(format!(
                    "the rule `rewrite {}` is not modelled",
                    other.join(" ")
                ));
            }
        };
        if let Some(rewritten) = rewritten {
            name = normal(&rewritten);
            if !goes_on {
                break;
            }
        }
    }
    Ok(name)
}

fn exact(name: &str, from: &str, to: &str) -> Option<String> {
    (name == normal(from)).then(|| to.to_owned())
}

/// `Forward.ServeDNS`, where it takes `name` on.
fn forward(directive: &Directive, name: &str) -> Option<Step> {
    let (from, to) = directive.args().split_first()?;
    let excepted = directive
        .body
        .iter()
        .filter(|option| option.name() == "except");
    let excepted = excepted
        .flat_map(Directive::args)
        .any(|zone| lies_in(name, &normal(zone)));
    if below(name, &normal(from)).is_none() || excepted {
        return None;
    }
    let policy = directive.option("policy");
    let in_turn = policy.is_some_and(|policy| policy.args() == ["sequential"]);
    Some(Step::Forward(Forward {
        in_turn,
        to: to.iter().map(|word| upstream(word)).collect(),
        tcp: directive.option("force_tcp").is_some(),
        name: name.to_owned(),
    }))
}

fn upstream(word: &str) -> Upstream {
    let plain = word.strip_prefix("dns://").unwrap_or(word);
    if let Ok(address) = plain.trim_matches(['[', ']']).parse() {
        return Upstream::Address(address, 53);
    }
    if let Ok(socket) = plain.parse::<std::net::SocketAddr>() {
        return Upstream::Address(socket.ip(), socket.port());
    }
    match plain {
        "__PILLAR__CLUSTER__DNS__" => Upstream::ClusterDns,
        // Replaced by the file where kube-dns's ConfigMap names no servers (`updateCorefile` of node-cache).
        "__PILLAR__UPSTREAM__SERVERS__" => Upstream::File("/etc/resolv.conf".to_owned()),
        file if file.starts_with('/') => Upstream::File(file.to_owned()),
        other => Upstream::Other(other.to_owned()),
    }
}

#[cfg(test)]
mod tests;
