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

/// `net.<family>.conf.<device>.<name>`.
#[must_use]
pub fn device(ns: &Namespace, family: Family, device: &str, name: &str, default: i64) -> Setting {
    match ns.sysctl.device(family == Family::V6, device, name) {
        Some((value, source)) => Setting {
            value,
            source: Some(source.clone()),
        },
        None => Setting {
            value: default,
            source: None,
        },
    }
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
    let is_set = |device: &str| {
        let setting = ns.sysctl.device(false, device, name);
        setting.is_some_and(|(value, _)| value != 0)
    };
    is_set("all") || is_set(of)
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

/// The longest packet that a family sends by a device: IPv6 has a setting of its own, which a router's advertisement
/// makes smaller (`ip6_mtu`: `cnf.mtu6`).
#[must_use]
pub fn mtu(ns: &Namespace, family: Family, of: &str) -> u32 {
    let mtu = ns.link(of).map_or(1500, |link| link.mtu);
    match family {
        Family::V4 => mtu,
        Family::V6 => {
            let own = device(ns, family, of, "mtu", i64::from(mtu)).value;
            u32::try_from(own).map_or(mtu, |own| own.min(mtu))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_has_an_mtu_of_its_own() {
        let links = r#"[{"ifindex":2,"ifname":"eth0","flags":["UP"],"mtu":1500,"link_type":"ether"},
            {"ifindex":3,"ifname":"eth1","flags":["UP"],"mtu":9000,"link_type":"ether"}]"#;
        let settings = "net.ipv6.conf.eth0.mtu = 1450\n";
        let ns = Namespace::of(&[("ip-link.json", links), ("sysctl.txt", settings)]);
        assert_eq!(mtu(&ns, Family::V6, "eth0"), 1450);
        assert_eq!(mtu(&ns, Family::V4, "eth0"), 1500);
        assert_eq!(mtu(&ns, Family::V6, "eth1"), 9000);
    }
}
