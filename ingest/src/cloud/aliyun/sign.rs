//! Alibaba's two signatures: 1.0 (HMAC-SHA1, over the parameters) and ACS3-HMAC-SHA256 (over the request).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use chrono::{DateTime, Utc};

use crate::cloud::credentials::Credentials;
use crate::cloud::sign::{Signed, encode, form, hex, hmac_sha1, hmac_sha256, sha256};

/// What a signature is made for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The host that is asked, as the `Host` header has it.
    pub host: &'a str,
    /// The path that is asked.
    pub path: &'a str,
    /// The API's version.
    pub version: &'a str,
    /// The action.
    pub action: &'a str,
    /// When.
    pub now: DateTime<Utc>,
    /// Different for each request.
    pub nonce: &'a str,
}

type Parameters = Vec<(String, String)>;

/// The RPC signature: parameters and signature are a form.
#[must_use]
pub fn rpc(request: Request<'_>, parameters: Parameters, credentials: &Credentials) -> Signed {
    let mut all = unsigned(request, parameters);
    let mut add = |name: &str, value: &str| all.push((name.to_owned(), value.to_owned()));
    add("AccessKeyId", &credentials.id);
    add("SignatureMethod", "HMAC-SHA1");
    add("SignatureVersion", "1.0");
    add("SignatureNonce", request.nonce);
    if let Some(token) = &credentials.token {
        add("SecurityToken", token.reveal());
    }
    let signature = rpc_signature("POST", &all, credentials.secret.reveal());
    all.push(("Signature".to_owned(), signature));
    form_request(&all)
}

/// The parameters of an RPC call that is not signed (`AssumeRoleWithOIDC`), as a form.
#[must_use]
pub fn anonymous(request: Request<'_>, parameters: Parameters) -> Signed {
    form_request(&unsigned(request, parameters))
}

fn unsigned(request: Request<'_>, parameters: Parameters) -> Parameters {
    let mut all = parameters;
    let mut add = |name: &str, value: &str| all.push((name.to_owned(), value.to_owned()));
    add("Action", request.action);
    add("Version", request.version);
    // Without it, the answer is XML.
    add("Format", "JSON");
    add("Timestamp", &time(request.now));
    all
}

fn form_request(parameters: &Parameters) -> Signed {
    Signed {
        query: String::new(),
        headers: vec![("content-type", FORM.to_owned())],
        body: form(parameters),
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn rpc_signature(method: &str, parameters: &Parameters, secret: &str) -> String {
    let text = string_to_sign(method, parameters);
    BASE64_STANDARD.encode(hmac_sha1(format!("{secret}&").as_bytes(), text.as_bytes()))
}

fn string_to_sign(method: &str, parameters: &Parameters) -> String {
    format!("{method}&%2F&{}", encode(&form(parameters)))
}

/// The ACS3 signature; the parameters are the query, or a form.
#[must_use]
pub fn acs3(
    request: Request<'_>,
    parameters: &Parameters,
    as_form: bool,
    credentials: &Credentials,
) -> Signed {
    let text = form(parameters);
    let (query, body) = if as_form {
        (String::new(), text)
    } else {
        (text, String::new())
    };
    let mut headers = vec![
        ("host", request.host.to_owned()),
        ("x-acs-action", request.action.to_owned()),
        ("x-acs-content-sha256", sha256(body.as_bytes())),
        ("x-acs-date", time(request.now)),
        ("x-acs-signature-nonce", request.nonce.to_owned()),
        ("x-acs-version", request.version.to_owned()),
    ];
    if as_form {
        headers.push(("content-type", FORM.to_owned()));
    }
    if let Some(token) = &credentials.token {
        headers.push(("x-acs-accesskey-id", credentials.id.clone()));
        headers.push(("x-acs-security-token", token.reveal().to_owned()));
    }
    let authorization = acs3_authorization(
        "POST",
        request.path,
        &query,
        &mut headers,
        &body,
        credentials,
    );
    headers.retain(|(name, _)| *name != "host");
    headers.push(("authorization", authorization));
    Signed {
        query,
        headers,
        body,
    }
}

fn acs3_authorization(
    method: &str,
    path: &str,
    query: &str,
    headers: &mut [(&'static str, String)],
    body: &str,
    credentials: &Credentials,
) -> String {
    headers.sort();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", value.trim()));
    let canonical = format!(
        "{method}\n{path}\n{query}\n{}\n{names}\n{}",
        lines.collect::<String>(),
        sha256(body.as_bytes())
    );
    let text = format!("ACS3-HMAC-SHA256\n{}", sha256(canonical.as_bytes()));
    let signature = hmac_sha256(credentials.secret.reveal().as_bytes(), text.as_bytes());
    format!(
        "ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={}",
        credentials.id,
        hex(&signature)
    )
}

fn time(now: DateTime<Utc>) -> String {
    now.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests;
