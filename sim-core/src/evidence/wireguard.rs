//! `wg.txt`: WireGuard devices and peers, as `wg show all dump` prints them, keys removed.

use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::text::{self, Line};
use crate::source::{Parsed, Source, SourceFile};

/// A WireGuard device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireguardDevice {
    /// The device.
    pub device: String,
    /// Its public key, if the collector kept it.
    pub public_key: Option<String>,
    /// The UDP port that it listens on; 0 where it is down.
    pub listen_port: u16,
    /// The mark of its outer packets; `None` is off.
    pub fwmark: Option<u32>,
    /// Its peers, in order.
    pub peers: Vec<WireguardPeer>,
    /// Where it was read.
    pub source: Source,
}

/// A peer of a WireGuard device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireguardPeer {
    /// Its public key, if the collector kept it.
    pub public_key: Option<String>,
    /// Where its outer packets go; `None` until it has spoken.
    pub endpoint: Option<SocketAddr>,
    /// Inner destinations that are sent to it, and inner sources that are taken from it.
    pub allowed_ips: Vec<IpNet>,
    /// Unix time of the last handshake; `None` for never.
    pub latest_handshake: Option<u64>,
    /// Bytes received.
    pub received: u64,
    /// Bytes sent.
    pub sent: u64,
    /// Seconds between keep-alive packets; `None` is off.
    pub keepalive: Option<u16>,
    /// Where it was read.
    pub source: Source,
}

/// Reads `wg.txt`: tab-separated, four columns after the device for a device and eight for a peer (`dump_print`).
///
/// Removed keys may be empty columns, `(none)`, `(hidden)` or anything else: they are not read, but the columns must stay.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<WireguardDevice>> {
    let mut parsed = Parsed::<Vec<WireguardDevice>>::default();
    for line in text::lines(file) {
        if let Err(message) = read(&line, &mut parsed.value) {
            parsed.problems.push(line.problem(message));
        }
    }
    parsed
}

fn read(line: &Line<'_>, devices: &mut Vec<WireguardDevice>) -> Result<(), String> {
    let columns: Vec<&str> = line.text.split('\t').collect();
    match *columns.as_slice() {
        [device, _private, public, port, fwmark] => {
            devices.push(WireguardDevice {
                device: device.to_owned(),
                public_key: key(public),
                listen_port: number(port)?,
                fwmark: match fwmark {
                    "off" => None,
                    text => Some(hexadecimal(text)?),
                },
                peers: Vec::new(),
                source: line.source(),
            });
            Ok(())
        }
        [
            device,
            public,
            _preshared,
            endpoint,
            allowed,
            handshake,
            received,
            sent,
            keepalive,
        ] => {
            let peer = WireguardPeer {
                public_key: key(public),
                endpoint: match endpoint {
                    "(none)" | "" => None,
                    text => Some(
                        text.parse()
                            .map_err(|_| format!("`{text}` is no endpoint"))?,
                    ),
                },
                allowed_ips: allowed_ips(allowed)?,
                latest_handshake: Some(number(handshake)?).filter(|time| *time != 0),
                received: number(received)?,
                sent: number(sent)?,
                keepalive: match keepalive {
                    "off" => None,
                    text => Some(number(text)?),
                },
                source: line.source(),
            };
            match devices.iter_mut().find(|known| known.device == device) {
                Some(known) => {
                    known.peers.push(peer);
                    Ok(())
                }
                None => Err(format!("a peer of `{device}`, which has no line before")),
            }
        }
        _ => Err(format!(
            "expected 5 or 9 columns parted by tabs, found {}",
            columns.len()
        )),
    }
}

/// A key that was not removed.
fn key(text: &str) -> Option<String> {
    Some(text)
        .filter(|key| !key.is_empty() && !key.starts_with('('))
        .map(str::to_owned)
}

fn allowed_ips(text: &str) -> Result<Vec<IpNet>, String> {
    if text == "(none)" || text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(',')
        .map(|prefix| {
            prefix
                .parse()
                .map_err(|_| format!("`{prefix}` is no prefix"))
        })
        .collect()
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is no number in range"))
}

fn hexadecimal(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text.trim_start_matches("0x"), 16)
        .map_err(|_| format!("`{text}` is no mark"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file, problems};

    #[test]
    fn a_device_and_its_peers() {
        let file = file(
            "wg.txt",
            "wg0\t(hidden)\tpub=\t51820\t0xca6c\nwg0\tpeer1=\t(none)\t192.0.2.1:51820\t10.42.1.0/24,fd00::/64\t1700000000\t12\t34\t25\nwg0\t(hidden)\t(none)\t(none)\t(none)\t0\t0\t0\toff\nflannel-wg\t\t\t51821\toff\n",
        );
        let all = clean(parse(&file));
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].listen_port, all[0].fwmark), (51820, Some(0xca6c)));
        let [first, second] = all[0].peers.as_slice() else {
            panic!("two peers")
        };
        assert_eq!(first.endpoint, Some("192.0.2.1:51820".parse().unwrap()));
        assert_eq!(first.allowed_ips.len(), 2);
        assert_eq!(first.keepalive, Some(25));
        assert_eq!(
            (second.public_key.as_deref(), second.endpoint),
            (None, None)
        );
        assert_eq!(second.latest_handshake, None);
        assert_eq!(all[1].fwmark, None);
    }

    #[test]
    fn removed_columns_and_bad_prefixes_are_problems() {
        let parsed = parse(&file(
            "wg.txt",
            "wg0\t51820\toff\nwg1\t\t\t1\toff\nwg1\t\t\t(none)\t10.0.0.0/33\t0\t0\t0\toff\n",
        ));
        assert_eq!(parsed.value.len(), 1);
        assert_eq!(
            problems(&parsed),
            [
                "wg.txt:1: expected 5 or 9 columns parted by tabs, found 3",
                "wg.txt:3: `10.0.0.0/33` is no prefix",
            ]
        );
    }
}
