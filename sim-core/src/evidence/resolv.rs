//! `resolv.conf`: how names are resolved (resolv.conf(5)).

use std::net::IpAddr;
use std::sync::Arc;

use super::text;
use crate::source::{Parsed, Source, SourceFile};

/// A resolver's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolvConf {
    /// Name servers in order, with the device of a scoped address (`fe80::1%eth0`).
    pub nameservers: Vec<Nameserver>,
    /// Search domains; the last `search` or `domain` line counts.
    pub search: Vec<String>,
    /// Names with fewer dots than this are tried with the search domains first; 1 unless set.
    pub ndots: Option<u32>,
    /// All options as written.
    pub options: Vec<String>,
    /// Where the search domains stand.
    pub search_source: Option<Source>,
}

/// A name server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nameserver {
    /// Its address.
    pub address: IpAddr,
    /// The device of a link-local address.
    pub device: Option<String>,
    /// Where it was read.
    pub source: Source,
}

/// Reads `resolv.conf`; as the resolver does, unknown keywords are passed over.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<ResolvConf> {
    let mut parsed = Parsed::<ResolvConf>::default();
    for line in text::lines(file) {
        // Comments begin a line only; `nameserver 1.1.1.1 # x` has its address first.
        if line.text.starts_with([';', '#']) {
            continue;
        }
        let mut words = line.text.split_whitespace();
        match words.next() {
            Some("nameserver") => {
                let text = words.next().unwrap_or_default();
                let (address, device) = match text.split_once('%') {
                    Some((address, device)) => (address, Some(device.to_owned())),
                    None => (text, None),
                };
                match address.parse() {
                    Ok(address) => parsed.value.nameservers.push(Nameserver {
                        address,
                        device,
                        source: line.source(),
                    }),
                    Err(_) => parsed
                        .problems
                        .push(line.problem(format!("`{text}` is no IP address"))),
                }
            }
            Some("search") => {
                parsed.value.search = words.map(str::to_owned).collect();
                parsed.value.search_source = Some(line.source());
            }
            Some("domain") => {
                parsed.value.search = words.take(1).map(str::to_owned).collect();
                parsed.value.search_source = Some(line.source());
            }
            Some("options") => {
                for option in words {
                    // The resolver caps it at 15 (RES_MAXNDOTS).
                    if let Some(dots) = option.strip_prefix("ndots:").and_then(|n| n.parse().ok()) {
                        parsed.value.ndots = Some(u32::min(dots, 15));
                    }
                    parsed.value.options.push(option.to_owned());
                }
            }
            _ => {}
        }
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file, problems};

    #[test]
    fn a_pods_resolv_conf() {
        let file = file(
            "resolv.conf",
            "# made by kubelet\nsearch default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\nnameserver fe80::1%eth0\noptions ndots:5 timeout:2\n",
        );
        let resolv = clean(parse(&file));
        assert_eq!(resolv.nameservers[0].address, IpAddr::from([10, 96, 0, 10]));
        assert_eq!(resolv.nameservers[1].device.as_deref(), Some("eth0"));
        assert_eq!(resolv.nameservers[1].source.to_string(), "resolv.conf:4");
        assert_eq!(resolv.search.len(), 3);
        assert_eq!(resolv.ndots, Some(5));
        assert_eq!(resolv.options, ["ndots:5", "timeout:2"]);
    }

    #[test]
    fn the_last_search_or_domain_line_counts() {
        let file = file("resolv.conf", "search a b\ndomain c\n");
        assert_eq!(clean(parse(&file)).search, ["c"]);
    }

    #[test]
    fn a_name_server_that_is_no_address_is_a_problem() {
        let parsed = parse(&file("resolv.conf", "nameserver dns.example\n"));
        assert_eq!(
            problems(&parsed),
            ["resolv.conf:1: `dns.example` is no IP address"]
        );
    }
}
