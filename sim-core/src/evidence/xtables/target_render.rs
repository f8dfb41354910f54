//! Targets as `iptables-save` prints them.

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

use super::target_parse::REJECTS;
use super::words::Words;
use super::{ConnmarkAction, ConnmarkTarget, MarkChange, NatTarget, PortRange, Target, TtlChange};

impl Display for Target {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Accept => f.write_str("-j ACCEPT"),
            Self::Drop => f.write_str("-j DROP"),
            Self::Return => f.write_str("-j RETURN"),
            Self::Jump(chain) => write!(f, "-j {chain}"),
            Self::Goto(chain) => write!(f, "-g {chain}"),
            Self::Queue { extension, .. }
            | Self::Set { extension, .. }
            | Self::Harmless(extension)
            | Self::Unknown(extension) => write!(f, "-j {extension}"),
            Self::Ct(ct) => write!(f, "-j {}", ct.extension),
            Self::Reject(kind) => {
                let name = REJECTS.iter().find(|(_, known)| known == kind);
                let name = name.map_or("", |(name, _)| name);
                write!(f, "-j REJECT --reject-with {name}")
            }
            Self::Mark(change) => write!(f, "-j MARK --set-xmark {change}"),
            Self::Connmark(connmark) => write!(f, "-j CONNMARK {connmark}"),
            Self::Dnat(nat) => nat_terms(f, "DNAT", "--to-destination", nat),
            Self::Snat(nat) => nat_terms(f, "SNAT", "--to-source", nat),
            Self::Masquerade(nat) => nat_terms(f, "MASQUERADE", "", nat),
            Self::Redirect(nat) => nat_terms(f, "REDIRECT", "", nat),
            Self::Netmap { network, prefix } => write!(f, "-j NETMAP --to {network}/{prefix}"),
            Self::Tproxy(tproxy) => {
                write!(f, "-j TPROXY --on-port {}", tproxy.port)?;
                if let Some(address) = tproxy.address {
                    write!(f, " --on-ip {address}")?;
                }
                write!(f, " --tproxy-mark {}", tproxy.mark)
            }
            Self::Tcpmss(None) => f.write_str("-j TCPMSS --clamp-mss-to-pmtu"),
            Self::Tcpmss(Some(size)) => write!(f, "-j TCPMSS --set-mss {size}"),
            Self::Tos { value, mask } => {
                write!(f, "-j TOS --set-tos 0x{value:02x}/0x{mask:02x}")
            }
            Self::Dscp(dscp) => write!(f, "-j DSCP --set-dscp 0x{dscp:02x}"),
            Self::Ttl { v6, change, value } => {
                let change = match change {
                    TtlChange::Set => "set",
                    TtlChange::Increase => "inc",
                    TtlChange::Decrease => "dec",
                };
                let (target, name) = if *v6 { ("HL", "hl") } else { ("TTL", "ttl") };
                write!(f, "-j {target} --{name}-{change} {value}")
            }
            Self::Tee { gateway, oif } => {
                write!(f, "-j TEE --gateway {gateway}")?;
                match oif {
                    Some(oif) => write!(f, " --oif {oif}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Display for MarkChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}/0x{:x}", self.value, self.mask)
    }
}

impl Display for ConnmarkTarget {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.action {
            ConnmarkAction::Set(change) => write!(f, "--set-xmark {change}")?,
            ConnmarkAction::Save { nfmask, ctmask } => {
                write!(f, "--save-mark --nfmask 0x{nfmask:x} --ctmask 0x{ctmask:x}")?;
            }
            ConnmarkAction::Restore { nfmask, ctmask } => {
                write!(
                    f,
                    "--restore-mark --nfmask 0x{nfmask:x} --ctmask 0x{ctmask:x}"
                )?;
            }
        }
        match self.shift {
            0 => Ok(()),
            left @ 1.. => write!(f, " --left-shift-mark {left}"),
            right => write!(f, " --right-shift-mark {}", right.unsigned_abs()),
        }
    }
}

fn nat_terms(f: &mut Formatter<'_>, target: &str, to: &str, nat: &NatTarget) -> fmt::Result {
    let mut out = Words::new(f);
    out.word("-j")?;
    out.word(target)?;
    if to.is_empty() {
        if let Some(ports) = nat.ports {
            out.word("--to-ports")?;
            out.word(&dashed(ports))?;
        }
    } else {
        out.word(to)?;
        out.word(&nat.goal())?;
    }
    out.switch("--random", nat.random)?;
    out.switch("--random-fully", nat.random_fully)?;
    out.switch("--persistent", nat.persistent)
}

impl NatTarget {
    /// Where to, as `--to-destination` writes it, e.g. `10.0.0.1:80`.
    #[must_use]
    pub fn goal(&self) -> String {
        let addresses = match self.addresses {
            Some((low, high)) if low == high => low.to_string(),
            Some((low, high)) => format!("{low}-{high}"),
            None => String::new(),
        };
        let Some(ports) = self.ports else {
            return addresses;
        };
        let ports = match self.base_port {
            Some(base) => format!("{}/{base}", dashed(ports)),
            None => dashed(ports),
        };
        if matches!(self.addresses, Some((IpAddr::V6(_), _))) {
            format!("[{addresses}]:{ports}")
        } else {
            format!("{addresses}:{ports}")
        }
    }
}

fn dashed(PortRange { low, high }: PortRange) -> String {
    if low == high {
        low.to_string()
    } else {
        format!("{low}-{high}")
    }
}
