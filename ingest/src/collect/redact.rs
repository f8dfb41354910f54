//! Takes out of tools' output what is secret or only noise: keys and process ids.

/// Keys of `sysctl` whose values are secrets.
const SECRET_SYSCTLS: [&str; 2] = ["net.ipv4.tcp_fastopen_key", ".stable_secret"];

/// `wg show all dump` with its keys removed: the columns stay.
pub(super) fn wireguard_keys(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut columns: Vec<&str> = line.split('\t').collect();
        // A device's line: device, private key, public key, port, mark. A peer's: device, public key,
        // preshared key, endpoint and five more.
        for column in columns.iter_mut().skip(1).take(2) {
            *column = "(hidden)";
        }
        out.push_str(&columns.join("\t"));
        out.push('\n');
    }
    out
}

/// `ss -p` without process ids: `("nginx",pid=7,fd=6)` becomes `("nginx",fd=6)`.
pub(super) fn process_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split(",pid=");
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let rest = part.trim_start_matches(|symbol: char| symbol.is_ascii_digit());
        if rest.len() == part.len() {
            // No number: the words are part of a process's name.
            out.push_str(",pid=");
        }
        out.push_str(rest);
    }
    out
}

/// `sysctl` without the secret ones.
pub(super) fn secret_sysctls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let key = line.split('=').next().unwrap_or_default().trim();
        if !SECRET_SYSCTLS.iter().any(|secret| key.ends_with(secret)) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wireguard_keys_are_hidden_and_columns_stay() {
        let dump = "wg0\tPRIV=\tPUB=\t51820\toff\nwg0\tPEER=\tPSK=\t192.0.2.1:51820\t10.42.1.0/24\t1\t2\t3\toff\n";
        let hidden = wireguard_keys(dump);
        assert_eq!(
            hidden,
            "wg0\t(hidden)\t(hidden)\t51820\toff\nwg0\t(hidden)\t(hidden)\t192.0.2.1:51820\t10.42.1.0/24\t1\t2\t3\toff\n"
        );
    }

    #[test]
    fn process_names_stay_without_their_ids() {
        assert_eq!(
            process_ids(
                "tcp LISTEN 0 4096 *:80 *:* users:((\"nginx\",pid=7,fd=6),(\"nginx\",pid=12,fd=6))\n"
            ),
            "tcp LISTEN 0 4096 *:80 *:* users:((\"nginx\",fd=6),(\"nginx\",fd=6))\n"
        );
        assert_eq!(process_ids("x,pid=y"), "x,pid=y");
    }

    #[test]
    fn secret_sysctls_are_left_out() {
        let text = "net.ipv4.ip_forward = 1\nnet.ipv4.tcp_fastopen_key = 0-1-2-3\nnet.ipv6.conf.eth0.stable_secret = fd00::1\n";
        assert_eq!(secret_sysctls(text), "net.ipv4.ip_forward = 1\n");
    }
}
