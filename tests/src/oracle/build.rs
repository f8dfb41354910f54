//! Makes a world: namespaces, then each op's tool with the op's text.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Problem;
use super::netns::{self, Namespaces};
use super::spec::{Deed, Spec, Tool};

/// How long devices may take to come up: some never do, where an op forbids it.
const SETTLED: Duration = Duration::from_secs(3);

/// Switched on in every namespace before there are devices: what makes the kernel answer soon and always.
///
/// No duplicate address detection, no limit on ICMP errors.
const GROUND: &[(&str, &str)] = &[
    ("net/ipv4/icmp_ratelimit", "0"),
    ("net/ipv4/icmp_ratemask", "0"),
    ("net/ipv6/icmp/ratelimit", "0"),
    ("net/ipv6/conf/all/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/all/accept_ra", "0"),
    ("net/ipv6/conf/default/accept_ra", "0"),
    ("net/ipv6/conf/default/router_solicitations", "0"),
    ("net/ipv6/conf/default/dad_transmits", "0"),
];

/// Switched on for every device (namespaces have no `default` to inherit from): proxies answer at once, and what waits for
/// a neighbour does not push others out.
const NEIGHBOURS: &[(&str, &str)] = &[("proxy_delay", "0"), ("unres_qlen_bytes", "4194304")];

/// A line or text that a tool refused: a flaw of the grammar, or what an op that was left out took along.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Which tool.
    pub tool: Tool,
    /// Where.
    pub at: String,
    /// What it was given.
    pub text: String,
    /// What it said.
    pub said: String,
}

/// A world that is there, until this goes.
#[derive(Debug)]
pub struct Built {
    /// Its namespaces.
    pub namespaces: Namespaces,
    /// What did not work.
    pub refused: Vec<Refused>,
}

/// Makes the world of `spec`.
///
/// # Errors
/// When namespaces cannot be made. What a tool refuses is noted, not fatal: the capture shows what is there.
pub fn build(spec: &Spec) -> Result<Built, Problem> {
    let namespaces = Namespaces::make(&spec.places())?;
    let mut refused = Vec::new();
    for (_, name) in namespaces.all() {
        netns::within(name, || {
            for (key, value) in GROUND {
                let _ = std::fs::write(format!("/proc/sys/{key}"), value);
            }
            feed("ip", &["-batch", "-"], "link set lo up\n")
        })??;
    }
    for (place, _) in namespaces.all() {
        refused.extend(perform(spec, &namespaces, place, true)?);
    }
    let done: Vec<Result<Vec<Refused>, Problem>> = std::thread::scope(|scope| {
        let threads: Vec<_> = namespaces
            .all()
            .iter()
            .map(|(place, _)| scope.spawn(|| perform(spec, &namespaces, place, false)))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(Problem("a thread panicked".to_owned())))
            })
            .collect()
    });
    for result in done {
        refused.extend(result?);
    }
    settle(&namespaces)?;
    Ok(Built {
        namespaces,
        refused,
    })
}

/// Waits until every device's operational state says what its carrier does, and addresses are usable.
///
/// `linkwatch_event` tells the stack of carriers at most once a second: before it did, IPv6 has no routes there.
fn settle(namespaces: &Namespaces) -> Result<(), Problem> {
    let deadline = Instant::now() + SETTLED;
    for (_, name) in namespaces.all() {
        let printed = loop {
            let printed = netns::within(name, || feed("ip", &["-j", "addr"], ""))??;
            let routes = netns::within(name, || {
                feed("ip", &["-j", "-6", "route", "show", "table", "local"], "")
            })??;
            let is_ready = is_settled(&printed) && has_routes(&printed, &routes);
            if is_ready || Instant::now() > deadline {
                break printed;
            }
            std::thread::sleep(Duration::from_millis(40));
        };
        let listed: Vec<Value> = serde_json::from_slice(&printed).unwrap_or_default();
        let devices = listed.iter().filter_map(|it| it.get("ifname")?.as_str());
        let devices: Vec<&str> = devices.collect();
        netns::within(name, || {
            // Some devices know no segments.
            let _ = feed("ip", &["-force", "-batch", "-"], &one_by_one(&devices));
            ask_soon(&devices);
        })?;
    }
    Ok(())
}

/// No socket sends segments that stay together: on a wire between cards there are none.
fn one_by_one(devices: &[&str]) -> String {
    let mut lines = String::new();
    for name in devices {
        let _ = writeln!(lines, "link set dev {name} gso_max_segs 1");
    }
    lines
}

fn ask_soon(devices: &[&str]) {
    for device in devices {
        for (key, value) in NEIGHBOURS {
            for family in ["ipv4", "ipv6"] {
                // A device without IPv6 has no such file.
                let path = format!("/proc/sys/net/{family}/neigh/{device}/{key}");
                let _ = std::fs::write(path, value);
            }
        }
    }
}

fn is_settled(addresses: &[u8]) -> bool {
    let devices: Vec<Value> = serde_json::from_slice(addresses).unwrap_or_default();
    devices.iter().all(|device| {
        let has = |flag: &str| {
            let flags = device.get("flags").and_then(Value::as_array);
            flags.is_some_and(|flags| flags.iter().any(|own| own == flag))
        };
        let state = device.get("operstate").and_then(Value::as_str);
        let is_tentative = device
            .get("addr_info")
            .and_then(Value::as_array)
            .is_some_and(|all| {
                all.iter()
                    .any(|one| one.get("tentative") == Some(&true.into()))
            });
        let should_be_up = has("UP") && has("LOWER_UP");
        let is_up = matches!(state, Some("UP" | "UNKNOWN"));
        !is_tentative && should_be_up == (is_up && has("UP"))
    })
}

/// Whether each IPv6 address has its local route: the kernel adds it when it comes round to it (`addrconf_dad_work`).
fn has_routes(addresses: &[u8], routes: &[u8]) -> bool {
    let devices: Vec<Value> = serde_json::from_slice(addresses).unwrap_or_default();
    let routes: Vec<Value> = serde_json::from_slice(routes).unwrap_or_default();
    let is_up = |device: &&Value| device.get("operstate").and_then(Value::as_str) == Some("UP");
    let all = devices.iter().filter(is_up);
    let mut addresses = all
        .filter_map(|device| device.get("addr_info")?.as_array())
        .flatten()
        .filter(|address| address.get("family").and_then(Value::as_str) == Some("inet6"))
        .filter_map(|address| address.get("local"));
    addresses.all(|address| routes.iter().any(|route| route.get("dst") == Some(address)))
}

/// The ops of one place, the wires' (`wires`) or the rest, as few processes as the order allows.
fn perform(
    spec: &Spec,
    namespaces: &Namespaces,
    place: &str,
    wires: bool,
) -> Result<Vec<Refused>, Problem> {
    let mut runs: Vec<(Tool, Vec<String>)> = Vec::new();
    for op in spec.ops.iter().filter(|op| op.at == place) {
        let Deed::Run { tool, text } = &op.deed else {
            continue;
        };
        if (*tool == Tool::Wire) != wires {
            continue;
        }
        let text = namespaces.fill(text);
        match runs.last_mut() {
            Some((last, texts)) if last == tool => texts.push(text),
            _ => runs.push((*tool, vec![text])),
        }
    }
    let Some(name) = namespaces.name(place) else {
        return Ok(Vec::new());
    };
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    netns::within(name, || {
        let mut refused = Vec::new();
        for (tool, texts) in &runs {
            refused.extend(run(*tool, place, texts));
        }
        refused
    })
}

/// Runs `texts` at once and, where the tool takes all or nothing and took nothing, one by one.
fn run(tool: Tool, place: &str, texts: &[String]) -> Vec<Refused> {
    let refuse = |text: &str, said: String| Refused {
        tool,
        at: place.to_owned(),
        text: text.to_owned(),
        said,
    };
    if tool == Tool::Sysctl {
        let lines = texts.iter().flat_map(|text| text.lines());
        return lines
            .filter_map(|line| {
                let error = write_sysctl(line).err()?;
                Some(refuse(line, error.to_string()))
            })
            .collect();
    }
    let (program, arguments) = command(tool);
    let whole = texts.join("");
    let Err(problem) = feed(program, arguments, &whole) else {
        return Vec::new();
    };
    let is_batch = arguments.contains(&"-force");
    if is_batch || texts.len() == 1 {
        return vec![refuse(&whole, problem.to_string())];
    }
    texts
        .iter()
        .filter_map(|text| {
            let problem = feed(program, arguments, text).err()?;
            Some(refuse(text, problem.to_string()))
        })
        .collect()
}

fn command(tool: Tool) -> (&'static str, &'static [&'static str]) {
    match tool {
        Tool::Wire | Tool::Ip | Tool::Sysctl => ("ip", &["-force", "-batch", "-"]),
        Tool::Ip6 => ("ip", &["-6", "-force", "-batch", "-"]),
        Tool::Bridge => ("bridge", &["-force", "-batch", "-"]),
        Tool::Tc => ("tc", &["-force", "-batch", "-"]),
        Tool::Iptables => ("iptables-nft-restore", &["--noflush"]),
        Tool::Ip6tables => ("ip6tables-nft-restore", &["--noflush"]),
        Tool::IptablesLegacy => ("iptables-legacy-restore", &["--noflush"]),
        Tool::Ip6tablesLegacy => ("ip6tables-legacy-restore", &["--noflush"]),
        Tool::Nft => ("nft", &["-f", "-"]),
        Tool::Ipset => ("ipset", &["restore"]),
    }
}

/// `net.ipv4.conf.eth0.rp_filter=1`, or with slashes where a device's name has dots.
fn write_sysctl(line: &str) -> std::io::Result<()> {
    let Some((key, value)) = line.split_once('=') else {
        return Err(std::io::Error::other("no `=`"));
    };
    let key = key.trim();
    let path = if key.contains('/') {
        key.to_owned()
    } else {
        key.replace('.', "/")
    };
    std::fs::write(format!("/proc/sys/{path}"), value.trim())
}

/// Starts `program` in this thread's namespace, gives it `input`, and returns what it printed.
///
/// # Errors
/// When it is missing or fails; its own words are in the problem.
pub fn feed(program: &str, arguments: &[&str], input: &str) -> Result<Vec<u8>, Problem> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Problem::of(program, &error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that ends early says itself why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| Problem::of(program, &error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let mut said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if said.is_empty() {
        let _ = write!(said, "{}", output.status);
    }
    Err(Problem(format!("{program}: {said}")))
}
