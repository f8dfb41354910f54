//! Secrets and noise in the texts of host tools; lines stay where they are, so that they can still be cited.

use std::borrow::Cow;

/// What `wg show` itself writes in place of a key.
const HIDDEN: &str = "(hidden)";

/// sysctls whose values are keys.
const SECRET_SYSCTLS: &[&str] = &["tcp_fastopen_key", "stable_secret"];

/// `wg show all dump` without private and preshared keys (wg(8): an interface has 5 fields, a peer 9).
pub(super) fn wireguard(text: &str) -> Cow<'_, str> {
    Cow::Owned(map_lines(text, |line| {
        let mut fields: Vec<&str> = line.split('\t').collect();
        let secret_idx = if fields.len() <= 5 { 1 } else { 2 };
        match fields.get_mut(secret_idx) {
            Some(secret) if *secret != "(none)" => *secret = HIDDEN,
            Some(_) => {}
            // Not a dump's line: nothing says which word is a key.
            None if line.trim().is_empty() => {}
            None => return HIDDEN.to_owned(),
        }
        fields.join("\t")
    }))
}

/// `ss -p` with process names only.
pub(super) fn sockets(text: &str) -> Cow<'_, str> {
    if !text.contains("\",pid=") {
        return text.into();
    }
    Cow::Owned(map_lines(text, |line| {
        let mut kept = String::new();
        let mut rest = line;
        // users:(("nginx",pid=12,fd=6),("nginx",pid=13,fd=6))
        while let Some((before, after)) = rest.split_once("\",pid=") {
            kept.push_str(before);
            kept.push('"');
            let end = after.find(')').unwrap_or(after.len());
            rest = after.get(end..).unwrap_or_default();
        }
        kept.push_str(rest);
        kept
    }))
}

/// `sysctl` without the values that are keys.
pub(super) fn sysctls(text: &str) -> Cow<'_, str> {
    // Most are the same in thousands of namespaces and hold no key: they stay shared.
    if !SECRET_SYSCTLS.iter().any(|secret| text.contains(secret)) {
        return text.into();
    }
    Cow::Owned(map_lines(text, |line| match line.split_once('=') {
        Some((key, _))
            if SECRET_SYSCTLS
                .iter()
                .any(|secret| key.trim_end().ends_with(secret)) =>
        {
            format!("{key}= {HIDDEN}")
        }
        Some(_) | None => line.to_owned(),
    }))
}

fn map_lines(text: &str, prune: impl Fn(&str) -> String) -> String {
    let lines = text
        .split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => prune(line) + "\n",
            None => prune(line),
        });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wireguard_keys_are_hidden() {
        let dump = "wg0\tPRIV\tPUB\t51820\toff\nwg0\tPEER\tPSK\t192.0.2.1:51820\t10.0.0.0/8\t0\t0\t0\toff\n";
        let pruned = "wg0\t(hidden)\tPUB\t51820\toff\nwg0\tPEER\t(hidden)\t192.0.2.1:51820\t10.0.0.0/8\t0\t0\t0\toff\n";
        assert_eq!(wireguard(dump), pruned);
        assert_eq!(wireguard(pruned), pruned);
        assert_eq!(wireguard("private key: PRIV\n"), "(hidden)\n");
    }

    #[test]
    fn process_names_stay_without_pids() {
        let line =
            "tcp LISTEN 0 4096 *:80 *:* users:((\"nginx\",pid=12,fd=6),(\"nginx\",pid=13,fd=6))\n";
        assert_eq!(
            sockets(line),
            "tcp LISTEN 0 4096 *:80 *:* users:((\"nginx\"),(\"nginx\"))\n"
        );
        assert_eq!(
            sockets("udp UNCONN 0 0 *:53 *:*\n"),
            "udp UNCONN 0 0 *:53 *:*\n"
        );
    }

    #[test]
    fn secret_sysctls_lose_their_value() {
        assert_eq!(
            sysctls("net.ipv4.ip_forward = 1\nnet.ipv4.tcp_fastopen_key = 1-2-3-4\n"),
            "net.ipv4.ip_forward = 1\nnet.ipv4.tcp_fastopen_key = (hidden)\n"
        );
    }
}
