//! `sysctl.txt`: kernel settings, as `sysctl` prints them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::by_name::ByName;
use super::text;
use crate::source::{Parsed, Source, SourceFile};

/// A setting that is a number, and where it stands.
type Number = (i64, Source);

/// The kernel settings of a namespace.
#[derive(Debug, Clone, Default)]
pub struct Sysctl {
    entries: BTreeMap<String, (String, Source)>,
    /// Those that are numbers.
    numbers: ByName<Number>,
    /// `net.<family>.conf.<device>.<name>` that are numbers, for IPv4 and IPv6, by device (with dots, however the key
    /// writes them) and name.
    devices: [ByName<ByName<Number>>; 2],
}

/// A setting whose value is no integer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` is `{value}`, not an integer")]
pub struct NotAnInteger {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl Sysctl {
    /// The value of `key`, e.g. `net.ipv4.ip_forward`, and where it stands.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<(&str, Source)> {
        self.entries
            .get(key)
            .map(|(value, source)| (value.as_str(), source.clone()))
    }

    /// The value of `key` as an integer.
    pub fn integer(&self, key: &str) -> Result<Option<(i64, Source)>, NotAnInteger> {
        if let Some(number) = self.numbers.get(key) {
            return Ok(Some(number.clone()));
        }
        match self.get(key) {
            None => Ok(None),
            Some((value, _)) => Err(NotAnInteger {
                key: key.to_owned(),
                value: value.to_owned(),
            }),
        }
    }

    /// The value of `net.ipv4.conf.<device>.<name>` (`net.ipv6` if `v6`), and where it stands.
    #[must_use]
    pub fn device(&self, v6: bool, device: &str, name: &str) -> Option<(i64, &Source)> {
        let [v4_settings, v6_settings] = &self.devices;
        let settings = if v6 { v6_settings } else { v4_settings };
        let (value, source) = settings.get(device)?.get(name)?;
        Some((*value, source))
    }

    /// Makes the numbers ready to be looked up.
    fn index(&mut self) {
        let entries = self.entries.iter();
        let numbers = entries.filter_map(|(key, (value, source))| {
            Some((key.as_str(), (value.parse().ok()?, source.clone())))
        });
        self.numbers = numbers.collect();
        self.devices = ["net.ipv4.conf.", "net.ipv6.conf."].map(|prefix| {
            let mut settings: BTreeMap<(String, &str), (i64, &Source)> = BTreeMap::new();
            let entries = self.entries.iter();
            let numbers = entries.filter_map(|(key, (value, source))| {
                let (device, name) = key.strip_prefix(prefix)?.rsplit_once('.')?;
                Some((device, name, value.parse::<i64>().ok()?, source))
            });
            for (device, name, value, source) in numbers {
                // A dot of the device's name is printed as a slash; where both spellings are there, that one counts.
                let slashed = device.contains('/');
                let key = (device.replace('/', "."), name);
                if slashed || !settings.contains_key(&key) {
                    settings.insert(key, (value, source));
                }
            }
            let mut devices: BTreeMap<String, Vec<(&str, Number)>> = BTreeMap::new();
            for ((device, name), (value, source)) in settings {
                let settings = devices.entry(device).or_default();
                settings.push((name, (value, source.clone())));
            }
            let devices = devices.into_iter();
            devices
                .map(|(device, settings)| (device, settings.into_iter().collect()))
                .collect()
        });
    }

    /// Whether any key begins with `prefix`: a complete `sysctl.txt` without `net.bridge.` means that
    /// br_netfilter is not loaded.
    #[must_use]
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.entries
            .range::<str, _>((
                std::ops::Bound::Included(prefix),
                std::ops::Bound::Unbounded,
            ))
            .next()
            .is_some_and(|(key, _)| key.starts_with(prefix))
    }

    /// All keys with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Source)> {
        self.entries
            .iter()
            .map(|(key, (value, source))| (key.as_str(), value.as_str(), source))
    }
}

/// Reads `sysctl.txt`: `key = value` or `key=value` lines; of a doubled key the last counts, as a later read would.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Sysctl> {
    let mut parsed = Parsed::<Sysctl>::default();
    for line in text::lines(file) {
        let trimmed = line.text.trim();
        // What sysctl says of keys that it may not read; nobody needs them.
        if trimmed.starts_with("sysctl: ") {
            continue;
        }
        match trimmed.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                let entry = (value.trim().to_owned(), line.source());
                parsed.value.entries.insert(dotted(key.trim()), entry);
            }
            _ => parsed
                .problems
                .push(line.problem(format!("`{trimmed}` is not `key = value`"))),
        }
    }
    parsed.value.index();
    parsed
}

/// sysctl(8) takes `net/ipv4/conf/eth0.5/rp_filter` and prints dots for slashes and slashes for dots.
///
/// A file made from /proc's paths is brought to the same form.
fn dotted(key: &str) -> String {
    let dot = key.find('.').unwrap_or(usize::MAX);
    let slash = key.find('/').unwrap_or(usize::MAX);
    if slash < dot {
        key.chars()
            .map(|c| match c {
                '/' => '.',
                '.' => '/',
                c => c,
            })
            .collect()
    } else {
        key.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file, problems};

    #[test]
    fn both_spellings_and_device_names_with_dots() {
        let file = file(
            "sysctl.txt",
            "net.ipv4.ip_forward = 1\nnet.ipv4.conf.flannel/1.rp_filter=0\nnet/ipv4/conf/eth0.5/rp_filter = 2\nnet.ipv4.ip_local_port_range = 32768\t60999\n",
        );
        let sysctl = clean(parse(&file));
        assert_eq!(sysctl.integer("net.ipv4.ip_forward").unwrap().unwrap().0, 1);
        assert_eq!(
            sysctl.get("net.ipv4.conf.flannel/1.rp_filter").unwrap().0,
            "0"
        );
        assert_eq!(sysctl.get("net.ipv4.conf.eth0/5.rp_filter").unwrap().0, "2");
        let (range, source) = sysctl.get("net.ipv4.ip_local_port_range").unwrap();
        assert_eq!(range, "32768\t60999");
        assert_eq!(source.to_string(), "sysctl.txt:4");
        assert!(sysctl.integer("net.ipv4.ip_local_port_range").is_err());
        assert_eq!(sysctl.device(false, "eth0.5", "rp_filter").unwrap().0, 2);
        assert_eq!(sysctl.device(false, "flannel.1", "rp_filter").unwrap().0, 0);
        assert!(sysctl.device(true, "eth0.5", "rp_filter").is_none());
        assert!(sysctl.has_prefix("net.ipv4."));
        assert!(!sysctl.has_prefix("net.bridge."));
    }

    #[test]
    fn a_line_without_a_value_is_a_problem_with_its_number() {
        let parsed = parse(&file(
            "sysctl.txt",
            "\nnet.ipv4.ip_forward\nnet.ipv4.tcp_ecn = 2\n",
        ));
        assert!(parsed.value.get("net.ipv4.tcp_ecn").is_some());
        assert_eq!(
            problems(&parsed),
            ["sysctl.txt:2: `net.ipv4.ip_forward` is not `key = value`"]
        );
    }
}
