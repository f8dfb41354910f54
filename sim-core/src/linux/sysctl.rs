//! Kernel settings as the code that uses them combines them (`include/linux/inetdevice.h`).

use super::packet::Family;
use crate::source::Source;
use crate::world::Namespace;

/// A setting's value and where it stands; a key that the kernel has but the capture lacks takes the kernel's default.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Its value.
    pub value: i64,
    /// Where it was read.
    pub source: Option<Source>,
}

/// The value of `key`, or `default`.
#[must_use]
pub fn integer(ns: &Namespace, key: &str, default: i64) -> Setting {
    match ns.sysctl.integer(key) {
        Ok(Some((value, source))) => Setting {
            value,
            source: Some(source),
        },
        Ok(None) | Err(_) => Setting {
            value: default,
            source: None,
        },
    }
}

/// `net.<family>.conf.<device>.<name>`; a dot in a device's name is written as a slash.
#[must_use]
pub fn device(ns: &Namespace, family: Family, device: &str, name: &str, default: i64) -> Setting {
    let family = match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    let slashed = integer(
        ns,
        &format!("net.{family}.conf.{}.{name}", device.replace('.', "/")),
        default,
    );
    if slashed.source.is_some() || !device.contains('.') {
        return slashed;
    }
    integer(ns, &format!("net.{family}.conf.{device}.{name}"), default)
}

/// `IN_DEV_MAXCONF`: the larger of the device's and `all`'s.
#[must_use]
pub fn larger(ns: &Namespace, of: &str, name: &str, default: i64) -> Setting {
    let all = device(ns, Family::V4, "all", name, 0);
    let own = device(ns, Family::V4, of, name, default);
    if all.value > own.value { all } else { own }
}

/// `IN_DEV_ORCONF`: set on the device or on `all`.
#[must_use]
pub fn either(ns: &Namespace, of: &str, name: &str) -> bool {
    device(ns, Family::V4, "all", name, 0).value != 0
        || device(ns, Family::V4, of, name, 0).value != 0
}

/// `IN_DEV_FORWARD`: packets that come in by the device are forwarded.
#[must_use]
pub fn forwarding(ns: &Namespace, family: Family, of: &str) -> Setting {
    match family {
        Family::V4 => {
            let own = device(ns, family, of, "forwarding", 0);
            if own.source.is_some() {
                return own;
            }
            integer(ns, "net.ipv4.ip_forward", 0)
        }
        // IPv6 decides by `all`, or by the device's `force_forwarding` (`ip6_forward`).
        Family::V6 => {
            let all = device(ns, family, "all", "forwarding", 0);
            let forced = device(ns, family, of, "force_forwarding", 0);
            if all.value == 0 && forced.value != 0 {
                forced
            } else {
                all
            }
        }
    }
}
