//! Keys that look like secrets, in JSON whose fields nobody has listed.

use serde_json::Value;

/// Words that make a key a secret's, in lower case and without separators.
const SECRET_WORDS: &[&str] = &[
    "accesskey",
    "apikey",
    "authkey",
    "authorization",
    "bearer",
    "cadata",
    "certificatedata",
    "credential",
    "encryptionkey",
    "keydata",
    "passphrase",
    "passwd",
    "password",
    "presharedkey",
    "privatekey",
    "psk",
    "secret",
    "sharedkey",
    "sessionkey",
    "signature",
    "token",
    "userdata",
];

/// `value` without the fields whose keys look like secrets; a private key in PEM is dropped under any key.
pub(crate) fn without_secrets(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let keep = map.into_iter().filter(|(key, _)| !is_secret(key));
            Value::Object(
                keep.map(|(key, value)| (key, without_secrets(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_secrets).collect()),
        Value::String(text) if text.contains("PRIVATE KEY-----") => Value::Null,
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => scalar,
    }
}

/// Whether `key` looks like a secret's. Names that only refer to one (`secretName`) do too: nobody misses them.
fn is_secret(key: &str) -> bool {
    let letters: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters = letters.to_ascii_lowercase();
    // A page marker is no secret, and tells whether a list is complete.
    letters != "nexttoken" && SECRET_WORDS.iter().any(|word| letters.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_go_at_any_depth() {
        let value = json!({"VpcId": "vpc-1", "NextToken": "", "Tunnels": [{"PreSharedKey": "x", "Ip": "192.0.2.1"}],
            "access_secret": "x", "UserData": "x", "note": "-----BEGIN PRIVATE KEY-----"});
        let pruned = json!({"VpcId": "vpc-1", "NextToken": "", "Tunnels": [{"Ip": "192.0.2.1"}], "note": null});
        assert_eq!(without_secrets(value), pruned);
    }
}
