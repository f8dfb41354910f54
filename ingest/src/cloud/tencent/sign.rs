//! Tencent's signature TC3-HMAC-SHA256, of a JSON request.

use chrono::{DateTime, Utc};

use crate::cloud::credentials::Credentials;
use crate::cloud::sign::{Signed, hex, hmac_sha256, sha256};

const JSON: &str = "application/json";

/// What a signature is made for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The host that is asked, as the `Host` header has it.
    pub host: &'a str,
    /// The product, as the signature names it.
    pub service: &'a str,
    /// The API's version.
    pub version: &'a str,
    /// The action.
    pub action: &'a str,
    /// The region.
    pub region: &'a str,
    /// When.
    pub now: DateTime<Utc>,
}

/// The signed request of `body`; content type, host and action are signed, as the documentation has it.
#[must_use]
pub fn tc3(request: Request<'_>, body: String, credentials: &Credentials) -> Signed {
    let signed = [
        ("content-type", JSON),
        ("host", request.host),
        ("x-tc-action", request.action),
    ];
    let authorization = authorization(request.service, request.now, &signed, &body, credentials);
    let mut headers = anonymous_headers(request);
    headers.push(("authorization", authorization));
    if let Some(token) = &credentials.token {
        headers.push(("x-tc-token", token.reveal().to_owned()));
    }
    Signed {
        query: String::new(),
        headers,
        body,
    }
}

/// A request that is not signed (`AssumeRoleWithWebIdentity`).
#[must_use]
pub fn anonymous(request: Request<'_>, body: String) -> Signed {
    let mut headers = anonymous_headers(request);
    headers.push(("authorization", "SKIP".to_owned()));
    Signed {
        query: String::new(),
        headers,
        body,
    }
}

fn anonymous_headers(request: Request<'_>) -> Vec<(&'static str, String)> {
    vec![
        ("content-type", JSON.to_owned()),
        ("x-tc-action", request.action.to_owned()),
        ("x-tc-version", request.version.to_owned()),
        ("x-tc-region", request.region.to_owned()),
        ("x-tc-timestamp", request.now.timestamp().to_string()),
    ]
}

/// The `Authorization` header; `signed` are the signed headers, sorted by name.
fn authorization(
    service: &str,
    now: DateTime<Utc>,
    signed: &[(&str, &str)],
    body: &str,
    credentials: &Credentials,
) -> String {
    let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines = signed
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", value.trim().to_lowercase()));
    let canonical = format!(
        "POST\n/\n\n{}\n{names}\n{}",
        lines.collect::<String>(),
        sha256(body.as_bytes())
    );
    let date = now.format("%Y-%m-%d").to_string();
    let scope = format!("{date}/{service}/tc3_request");
    let text = format!(
        "TC3-HMAC-SHA256\n{}\n{scope}\n{}",
        now.timestamp(),
        sha256(canonical.as_bytes())
    );
    let key = format!("TC3{}", credentials.secret.reveal());
    let key = [date.as_str(), service, "tc3_request"]
        .into_iter()
        .fold(key.into_bytes(), |key, part| {
            hmac_sha256(&key, part.as_bytes())
        });
    format!(
        "TC3-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
        credentials.id,
        hex(&hmac_sha256(&key, text.as_bytes()))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &str =
        r#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#;

    fn check(
        service: &str,
        timestamp: i64,
        signed: &[(&str, &str)],
        body: &str,
        key: (&str, &str),
        expected: &str,
    ) {
        let now = DateTime::from_timestamp(timestamp, 0).unwrap();
        let credentials = Credentials::fixed(key.0, key.1, None);
        let line = authorization(service, now, signed, body, &credentials);
        assert!(line.ends_with(expected), "{line}");
    }

    #[test]
    fn published_signatures_come_out() {
        let cvm = ("host", "cvm.tencentcloudapi.com");
        let utf8 = ("content-type", "application/json; charset=utf-8");
        check(
            "cvm",
            1_551_113_065,
            &[utf8, cvm, ("x-tc-action", "DescribeInstances")],
            PAYLOAD,
            (
                "AKID********************************",
                "********************************",
            ),
            "SignedHeaders=content-type;host;x-tc-action, \
             Signature=10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f",
        );
        check(
            "cvm",
            1_551_113_065,
            &[utf8, cvm],
            PAYLOAD,
            (
                "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
                "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
            ),
            "Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
        );
        check(
            "vpc",
            1_767_323_045,
            &[
                ("content-type", "application/json"),
                ("host", "vpc.tencentcloudapi.com"),
            ],
            r#"{"Limit":"100","Offset":"0"}"#,
            (
                "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
                "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
            ),
            "2026-01-02/vpc/tc3_request, SignedHeaders=content-type;host, \
             Signature=c397fa8b414f866d40b52daede6b5003411f601366cae651ace98966df4acac4",
        );
    }
}
