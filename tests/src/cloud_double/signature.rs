//! Checking requests as the clouds' documentation says, without a line of the client's code.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderMap, Response};
use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Digest as _;

/// A request as it came.
#[derive(Debug)]
pub struct Request<'a> {
    /// `POST`.
    pub method: &'a str,
    /// E.g. `/ecs/`.
    pub path: &'a str,
    /// Raw, as it came.
    pub query: &'a str,
    /// All of them.
    pub headers: &'a HeaderMap,
    /// Raw, as it came.
    pub body: &'a [u8],
    /// E.g. `ecs`.
    pub product: &'a str,
}

/// A request that holds.
#[derive(Debug)]
pub struct Checked {
    /// The action.
    pub action: String,
    /// The key that signed it.
    pub key: String,
    /// Its nonce, where the signature has one.
    pub nonce: Option<String>,
    /// Its parameters, flat: `Name`, `Name.1`, `Filter.1.Key`.
    pub parameters: BTreeMap<String, String>,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    aliyun: String,
    tencent: String,
    message: String,
}

impl Refusal {
    fn new(status: u16, aliyun: &str, tencent: &str, message: &str) -> Self {
        Self {
            status,
            aliyun: aliyun.to_owned(),
            tencent: tencent.to_owned(),
            message: message.to_owned(),
        }
    }

    fn signature(text: &str) -> Self {
        let message = format!("server string to sign is:{text}");
        Self::new(
            400,
            "SignatureDoesNotMatch",
            "AuthFailure.SignatureFailure",
            &message,
        )
    }

    pub(super) fn throttled() -> Self {
        let message = "Request was denied due to user flow control.";
        Self::new(400, "Throttling.User", "RequestLimitExceeded", message)
    }

    pub(super) fn internal() -> Self {
        Self::new(
            500,
            "InternalError",
            "InternalError",
            "The request processing has failed.",
        )
    }

    pub(super) fn denied(action: &str) -> Self {
        let message = format!("you are not authorized to perform {action}");
        Self::new(
            403,
            "Forbidden.RAM",
            "AuthFailure.UnauthorizedOperation",
            &message,
        )
    }

    pub(super) fn nonce_used() -> Self {
        Self::new(
            400,
            "SignatureNonceUsed",
            "AuthFailure",
            "Specified signature nonce was used already.",
        )
    }

    pub(super) fn token_expired() -> Self {
        Self::new(
            403,
            "InvalidSecurityToken.Expired",
            "AuthFailure.TokenFailure",
            "Specified SecurityToken is expired.",
        )
    }

    fn key() -> Self {
        let message = "Specified access key is not found.";
        Self::new(
            404,
            "InvalidAccessKeyId.NotFound",
            "AuthFailure.SecretIdNotFound",
            message,
        )
    }

    fn time() -> Self {
        let message = "Specified time stamp or date value is expired.";
        Self::new(
            400,
            "InvalidTimeStamp.Expired",
            "AuthFailure.SignatureExpire",
            message,
        )
    }

    /// In the shape of the cloud that was asked.
    pub(super) fn response(&self, headers: &HeaderMap, number: u64) -> Response<Body> {
        let id = format!("REQUEST-{number}");
        if headers.contains_key("x-tc-action") {
            let error = json!({"Code": self.tencent, "Message": self.message});
            return super::text(
                200,
                &json!({"Response": {"Error": error, "RequestId": id}}).to_string(),
            );
        }
        let body = json!({"RequestId": id, "HostId": "double", "Code": self.aliyun, "Message": self.message});
        super::text(self.status, &body.to_string())
    }
}

/// The secret of a key by its id, and the token that must come with it.
type Keys<'a> = &'a dyn Fn(&str) -> Option<(String, Option<String>)>;

/// Checks `request` by the signature that it says it has.
pub(super) fn check(request: &Request<'_>, keys: Keys<'_>) -> Result<Checked, Refusal> {
    let authorization = header(request, "authorization");
    match authorization.split_once(' ') {
        Some(("ACS3-HMAC-SHA256", rest)) => acs3(request, rest, keys),
        Some(("TC3-HMAC-SHA256", rest)) => tc3(request, rest, keys),
        _ => rpc(request, keys),
    }
}

/// Signature 1.0: `HMAC-SHA1(secret + "&", METHOD & %2F & encoded(sorted encoded pairs))`.
fn rpc(request: &Request<'_>, keys: Keys<'_>) -> Result<Checked, Refusal> {
    let raw = std::str::from_utf8(request.body).unwrap_or_default();
    let mut parameters = pairs(raw);
    parameters.extend(pairs(request.query));
    let given = parameters.remove("Signature").unwrap_or_default();
    let get = |name: &str| parameters.get(name).cloned().unwrap_or_default();
    let (secret, token) = keys(&get("AccessKeyId")).ok_or_else(Refusal::key)?;
    if token != parameters.get("SecurityToken").cloned() {
        return Err(Refusal::token_expired());
    }
    near(&get("Timestamp"))?;
    let canonical: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", quote(name), quote(value)))
        .collect();
    let text = format!("{}&%2F&{}", request.method, quote(&canonical.join("&")));
    let mut mac =
        Hmac::<sha1::Sha1>::new_from_slice(format!("{secret}&").as_bytes()).expect("any length");
    mac.update(text.as_bytes());
    let expected = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    let is_right = given == expected
        && get("SignatureMethod") == "HMAC-SHA1"
        && get("SignatureVersion") == "1.0";
    if !is_right {
        return Err(Refusal::signature(&text));
    }
    if get("Format") != "JSON" {
        return Err(Refusal::new(
            400,
            "UnsupportedFormat",
            "",
            "this double speaks JSON",
        ));
    }
    Ok(Checked {
        action: get("Action"),
        key: get("AccessKeyId"),
        nonce: Some(get("SignatureNonce")),
        parameters,
    })
}

/// ACS3: the canonical request's hash, signed with the plain secret.
fn acs3(request: &Request<'_>, rest: &str, keys: Keys<'_>) -> Result<Checked, Refusal> {
    let part = |name: &str| field(rest, ",", name);
    let (id, names, given) = (part("Credential"), part("SignedHeaders"), part("Signature"));
    let (secret, token) = keys(&id).ok_or_else(Refusal::key)?;
    if token.is_some_and(|token| header(request, "x-acs-security-token") != token) {
        return Err(Refusal::token_expired());
    }
    near(&header(request, "x-acs-date"))?;
    // All of the request that matters must be signed.
    let must = request.headers.keys().map(|name| name.as_str().to_owned());
    let must =
        must.filter(|name| name.starts_with("x-acs-") || name == "host" || name == "content-type");
    if must
        .into_iter()
        .any(|name| !names.split(';').any(|signed| signed == name))
    {
        return Err(Refusal::signature("a header is not signed"));
    }
    let hash = hex(&sha2::Sha256::digest(request.body));
    if header(request, "x-acs-content-sha256") != hash {
        return Err(Refusal::signature("the body's hash"));
    }
    let query: Vec<String> = pairs(request.query)
        .iter()
        .map(|(name, value)| format!("{}={}", quote(name), quote(value)))
        .collect();
    let lines: String = names
        .split(';')
        .map(|name| format!("{name}:{}\n", header(request, name).trim()))
        .collect();
    let canonical = [
        request.method,
        request.path,
        &query.join("&"),
        &lines,
        &names,
        &hash,
    ]
    .join("\n");
    let text = format!(
        "ACS3-HMAC-SHA256\n{}",
        hex(&sha2::Sha256::digest(canonical.as_bytes()))
    );
    if given != hex(&mac256(secret.as_bytes(), &text)) {
        return Err(Refusal::signature(&text));
    }
    let mut parameters = pairs(request.query);
    parameters.extend(pairs(std::str::from_utf8(request.body).unwrap_or_default()));
    Ok(Checked {
        action: header(request, "x-acs-action"),
        key: id,
        nonce: Some(header(request, "x-acs-signature-nonce")),
        parameters,
    })
}

/// TC3: a key derived from date, service and `tc3_request`.
fn tc3(request: &Request<'_>, rest: &str, keys: Keys<'_>) -> Result<Checked, Refusal> {
    let part = |name: &str| field(rest, ", ", name);
    let (credential, names, given) = (part("Credential"), part("SignedHeaders"), part("Signature"));
    let mut scope = credential.split('/');
    let id = scope.next().unwrap_or_default().to_owned();
    let (date, service) = (
        scope.next().unwrap_or_default(),
        scope.next().unwrap_or_default(),
    );
    let (secret, token) = keys(&id).ok_or_else(Refusal::key)?;
    if token.is_some_and(|token| header(request, "x-tc-token") != token) {
        return Err(Refusal::token_expired());
    }
    let stamp = header(request, "x-tc-timestamp");
    let seconds: i64 = stamp.parse().unwrap_or_default();
    let now = chrono::Utc::now().timestamp();
    let day = chrono::DateTime::from_timestamp(seconds, 0)
        .map(|time| time.format("%Y-%m-%d").to_string());
    if (now - seconds).abs() > 300 || day.as_deref() != Some(date) {
        return Err(Refusal::time());
    }
    if !(names.contains("content-type") && names.contains("host")) || service != request.product {
        return Err(Refusal::signature(
            "content-type and host must be signed, for this service",
        ));
    }
    let lines: String = names
        .split(';')
        .map(|name| format!("{name}:{}\n", header(request, name).trim().to_lowercase()))
        .collect();
    let hash = hex(&sha2::Sha256::digest(request.body));
    let canonical = [request.method, "/", "", &lines, &names, &hash].join("\n");
    let text = format!(
        "TC3-HMAC-SHA256\n{stamp}\n{date}/{service}/tc3_request\n{}",
        hex(&sha2::Sha256::digest(canonical.as_bytes()))
    );
    let day_key = mac256(format!("TC3{secret}").as_bytes(), date);
    let signing = mac256(&mac256(&day_key, service), "tc3_request");
    if given != hex(&mac256(&signing, &text)) {
        return Err(Refusal::signature(&text));
    }
    Ok(Checked {
        action: header(request, "x-tc-action"),
        key: id,
        nonce: None,
        parameters: parameters_of(request.headers, request.body),
    })
}

/// The parameters in a body, a form or JSON, flat.
pub(super) fn parameters_of(headers: &HeaderMap, body: &[u8]) -> BTreeMap<String, String> {
    let is_json = headers
        .get("content-type")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_json {
        return pairs(std::str::from_utf8(body).unwrap_or_default());
    }
    let mut flat = BTreeMap::new();
    flatten(
        String::new(),
        &serde_json::from_slice(body).unwrap_or_default(),
        &mut flat,
    );
    flat
}

fn flatten(name: String, value: &Value, flat: &mut BTreeMap<String, String>) {
    let join = |part: &str| {
        if name.is_empty() {
            part.to_owned()
        } else {
            format!("{name}.{part}")
        }
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(field, value)| flatten(join(field), value, flat)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(join(&(index + 1).to_string()), item, flat);
            }
        }
        Value::String(text) => {
            flat.insert(name, text.clone());
        }
        other => {
            flat.insert(name, other.to_string());
        }
    }
}

fn header(request: &Request<'_>, name: &str) -> String {
    let value = request
        .headers
        .get(name)
        .and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn field(text: &str, divider: &str, name: &str) -> String {
    let parts = text.split(divider).filter_map(|part| part.split_once('='));
    let found = parts
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
        .next();
    found.unwrap_or_default()
}

/// Within a quarter of an hour.
fn near(time: &str) -> Result<(), Refusal> {
    let has_form = time.len() == 20 && time.ends_with('Z');
    match time.parse::<chrono::DateTime<chrono::Utc>>() {
        Ok(time) if has_form && (chrono::Utc::now() - time).num_minutes().abs() < 15 => Ok(()),
        _ => Err(Refusal::time()),
    }
}

/// The pairs of a query or form, decoded.
fn pairs(text: &str) -> BTreeMap<String, String> {
    let decode = |part: &str| {
        let part = part.replace('+', " ");
        percent_encoding::percent_decode_str(&part)
            .decode_utf8_lossy()
            .into_owned()
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// RFC 3986: everything but the unreserved characters as `%XX`.
fn quote(text: &str) -> String {
    let mut quoted = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                quoted.push(byte.into());
            }
            other => quoted.push_str(&format!("%{other:02X}")),
        }
    }
    quoted
}

fn mac256(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
