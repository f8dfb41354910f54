//! Alibaba's keys, in the order of its tools: environment, RRSA, the `aliyun` command's profile, the INI file, the
//! server's role, a local service.

use std::path::Path;

use chrono::Utc;
use serde_json::Value;

use super::{STS, sign};
use crate::cloud::Provider;
use crate::cloud::credentials::{
    CredentialError, Credentials, Environment, Way, hiccup, ini, is_passing,
};
use crate::cloud::endpoint::{Answer, Transport};

const LOOKED_FOR: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID with …_SECRET, RRSA (ALIBABA_CLOUD_OIDC_TOKEN_FILE), \
    ~/.aliyun/config.json, ~/.alibabacloud/credentials and the server's role";
const NAMES: [&str; 4] = [
    "AccessKeyId",
    "AccessKeySecret",
    "SecurityToken",
    "Expiration",
];
const SESSION: &str = "pathglass";

/// How the key is got; nothing is asked over the network yet.
///
/// # Errors
/// When a profile cannot be used.
pub fn find(environment: &Environment) -> Result<Way, CredentialError> {
    let get = |name: &str| environment.get(&format!("ALIBABA_CLOUD_{name}"));
    if let (Some(id), Some(secret)) = (get("ACCESS_KEY_ID"), get("ACCESS_KEY_SECRET")) {
        let token = get("SECURITY_TOKEN");
        return Ok(Way::Key(Credentials::fixed(&id, &secret, token)));
    }
    if let (Some(role), Some(provider), Some(file)) = (
        get("ROLE_ARN"),
        get("OIDC_PROVIDER_ARN"),
        get("OIDC_TOKEN_FILE"),
    ) {
        let session = get("ROLE_SESSION_NAME");
        return Ok(identity(role, provider, &file, session, get("STS_REGION")));
    }
    let profile = get("PROFILE");
    if !environment.is_true("ALIBABA_CLOUD_CLI_PROFILE_DISABLED") {
        let file = get("CONFIG_FILE").map(Into::into);
        let file = file.or_else(|| environment.at_home(".aliyun/config.json"));
        // The next place is looked at where this one has no key, unless its profile was asked for.
        if let Some(text) = file.as_deref().and_then(read) {
            let way = cli(&text, profile.as_deref());
            if way.is_ok() || profile.is_some() {
                return way;
            }
        }
    }
    let files = match get("CREDENTIALS_FILE") {
        Some(file) => vec![Some(file.into())],
        None => vec![
            environment.at_home(".alibabacloud/credentials"),
            environment.at_home(".alibabacloud/credentials.ini"),
        ],
    };
    if let Some(text) = files.iter().flatten().find_map(|file| read(file)) {
        let sections = ini(&text);
        let name = profile.as_deref().unwrap_or("default");
        let way = match sections.get(name) {
            Some(keys) => by_fields(name, &|key| keys.get(key).cloned(), None),
            None => Err(no_profile(name)),
        };
        if way.is_ok() || profile.is_some() {
            return way;
        }
    }
    if let Some(url) = get("CREDENTIALS_URI") {
        return Ok(Way::Service(url));
    }
    if environment.is_true("ALIBABA_CLOUD_ECS_METADATA_DISABLED") {
        return Err(CredentialError::Nothing(LOOKED_FOR));
    }
    Ok(Way::Server {
        role: get("ECS_METADATA"),
        bare: !environment.is_true("ALIBABA_CLOUD_IMDSV1_DISABLED"),
    })
}

fn read(file: &Path) -> Option<String> {
    std::fs::read_to_string(file).ok()
}

fn no_profile(name: &str) -> CredentialError {
    CredentialError::unusable(format!("the profile `{name}`"), "there is no such profile")
}

fn identity(
    role: String,
    provider: String,
    token_file: &str,
    session: Option<String>,
    region: Option<String>,
) -> Way {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    Way::Identity {
        token_file: token_file.into(),
        parameters: vec![
            pair("RoleArn", role),
            pair("OIDCProviderArn", provider),
            pair(
                "RoleSessionName",
                session.unwrap_or_else(|| SESSION.to_owned()),
            ),
        ],
        region,
    }
}

/// A profile of the `aliyun` command.
fn cli(text: &str, profile: Option<&str>) -> Result<Way, CredentialError> {
    let broken = |_| CredentialError::unusable("the aliyun command", "its config.json is no JSON");
    let config: Value = serde_json::from_str(text).map_err(broken)?;
    let current = config.get("current").and_then(Value::as_str);
    let name = profile.or(current).unwrap_or("default");
    cli_profile(&config, name, 0)
}

fn cli_profile(config: &Value, name: &str, depth: usize) -> Result<Way, CredentialError> {
    let profiles = config.get("profiles").and_then(Value::as_array);
    let of_name = |profile: &&Value| profile.get("name").and_then(Value::as_str) == Some(name);
    let found = profiles.into_iter().flatten().find(of_name);
    let profile = found.ok_or_else(|| no_profile(name))?;
    let get = |key: &str| match profile.get(key)? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()).filter(|text| text != "0"),
        _ => None,
    };
    let base = match get("source_profile") {
        Some(source) if depth < 8 => Some(cli_profile(config, &source, depth + 1)?),
        _ => None,
    };
    by_fields(name, &get, base)
}

/// A profile by its fields, as the `aliyun` command or the INI file names them.
fn by_fields(
    profile: &str,
    get: &dyn Fn(&str) -> Option<String>,
    base: Option<Way>,
) -> Result<Way, CredentialError> {
    let from = format!("the profile `{profile}`");
    let any = |names: &[&str]| names.iter().find_map(|name| get(name));
    let need = |names: &[&str]| {
        let missing = || format!("`{}` is missing", names.first().unwrap_or(&""));
        any(names).ok_or_else(|| CredentialError::unusable(&from, missing()))
    };
    let key = |token| {
        let (id, secret) = (need(&["access_key_id"])?, need(&["access_key_secret"])?);
        Ok(Way::Key(Credentials::fixed(&id, &secret, token)))
    };
    let mode = any(&["mode", "type"]).unwrap_or_else(|| "AK".to_owned());
    match mode.as_str() {
        "AK" | "access_key" => key(None),
        "StsToken" | "sts" => key(Some(need(&["sts_token", "security_token"])?)),
        "EcsRamRole" | "ecs_ram_role" => Ok(Way::Server {
            role: any(&["ram_role_name", "role_name"]),
            bare: true,
        }),
        "OIDC" => Ok(identity(
            need(&["ram_role_arn"])?,
            need(&["oidc_provider_arn"])?,
            &need(&["oidc_token_file"])?,
            any(&["ram_session_name"]),
            any(&["sts_region"]),
        )),
        "RamRoleArn" | "ram_role_arn" | "ChainableRamRoleArn" => {
            let optional = [
                (
                    "DurationSeconds",
                    any(&["expired_seconds", "role_session_expiration"]),
                ),
                ("Policy", any(&["policy"])),
                ("ExternalId", any(&["external_id"])),
            ];
            let session = any(&["ram_session_name", "role_session_name"]);
            let mut parameters = vec![
                ("RoleArn".to_owned(), need(&["ram_role_arn", "role_arn"])?),
                (
                    "RoleSessionName".to_owned(),
                    session.unwrap_or_else(|| SESSION.to_owned()),
                ),
            ];
            let given = optional
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)));
            parameters.extend(given);
            let with = match base {
                Some(base) => base,
                None => key(any(&["sts_token"]))?,
            };
            Ok(Way::Assume {
                with: Box::new(with),
                parameters,
            })
        }
        other => Err(CredentialError::unusable(
            from,
            format!(
                "its mode `{other}` is not supported; use AK, StsToken, RamRoleArn, EcsRamRole or OIDC"
            ),
        )),
    }
}

/// Gets the key.
///
/// # Errors
/// When it cannot be had.
pub async fn obtain(way: &Way, transport: &Transport) -> Result<Credentials, CredentialError> {
    match way {
        Way::Key(key) => Ok(key.clone()),
        Way::Assume { with, parameters } => {
            let with = Box::pin(obtain(with, transport)).await?;
            let sign = |request: sign::Request<'_>| sign::rpc(request, parameters.clone(), &with);
            sts("AssumeRole", None, transport, sign).await
        }
        Way::Identity {
            token_file,
            parameters,
            region,
        } => {
            let token = std::fs::read_to_string(token_file).map_err(|error| {
                CredentialError::unusable("RRSA", format!("its token file: {error}"))
            })?;
            let mut parameters = parameters.clone();
            parameters.push(("OIDCToken".to_owned(), token.trim().to_owned()));
            let sign = |request: sign::Request<'_>| sign::anonymous(request, parameters);
            sts("AssumeRoleWithOIDC", region.as_deref(), transport, sign).await
        }
        Way::Server { role, bare } => server(role.as_deref(), *bare, transport).await,
        Way::Service(url) => {
            let from = "ALIBABA_CLOUD_CREDENTIALS_URI";
            let answer = transport.get(url).await;
            let answer =
                answer.map_err(|error| CredentialError::passing(from, error.to_string()))?;
            read_key(&answer, from, None)
        }
    }
}

async fn sts(
    action: &str,
    region: Option<&str>,
    transport: &Transport,
    sign: impl FnOnce(sign::Request<'_>) -> crate::cloud::sign::Signed,
) -> Result<Credentials, CredentialError> {
    let failed =
        |error: crate::cloud::endpoint::Cut| CredentialError::passing(action, error.to_string());
    let regional = crate::cloud::table::Product {
        host: crate::cloud::table::Host::Regional(&[]),
        ..STS
    };
    let endpoint = match region {
        Some(region) => transport.endpoint(&regional, region),
        None => transport.endpoint(&STS, ""),
    };
    let endpoint = endpoint.map_err(failed)?;
    let signed = sign(sign::Request {
        host: &endpoint.host,
        path: endpoint.url.path(),
        version: STS.version,
        action,
        now: Utc::now(),
        nonce: &crate::cloud::client::nonce(),
    });
    let answer = transport.post(&endpoint, signed, transport.timeout()).await;
    read_key(&answer.map_err(failed)?, action, Some("Credentials"))
}

async fn server(
    role: Option<&str>,
    bare: bool,
    transport: &Transport,
) -> Result<Credentials, CredentialError> {
    const ROLES: &str = "latest/meta-data/ram/security-credentials/";
    let ttl = Some(("X-aliyun-ecs-metadata-token-ttl-seconds", "21600"));
    let token = match transport.metadata("PUT", "latest/api/token", ttl).await {
        Ok(Answer { status: 200, body }) => Some(String::from_utf8_lossy(&body).into_owned()),
        Ok(answer) if is_passing(answer.status) => return Err(hiccup(answer.status)),
        Ok(_) | Err(_) if bare => None,
        Ok(_) | Err(_) => return Err(CredentialError::Nothing(LOOKED_FOR)),
    };
    let header = token
        .as_deref()
        .map(|token| ("X-aliyun-ecs-metadata-token", token));
    let role = match role {
        Some(role) => role.to_owned(),
        None => match transport.metadata("GET", ROLES, header).await {
            Ok(Answer { status: 200, body }) => String::from_utf8_lossy(&body).trim().to_owned(),
            Ok(answer) if is_passing(answer.status) => return Err(hiccup(answer.status)),
            Ok(_) | Err(_) => return Err(CredentialError::Nothing(LOOKED_FOR)),
        },
    };
    let from = format!("the server's role `{role}`");
    let answer = transport
        .metadata("GET", &format!("{ROLES}{role}"), header)
        .await;
    let answer = answer.map_err(|error| CredentialError::passing(&from, error.to_string()))?;
    read_key(&answer, &from, None)
}

/// The key in an answer, at its root or in `part`.
fn read_key(
    answer: &Answer,
    from: &str,
    part: Option<&str>,
) -> Result<Credentials, CredentialError> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let key = match part {
        Some(part) => body.get(part),
        None => Some(&body),
    };
    if let Some(key) = key.and_then(|key| Credentials::read(key, NAMES)) {
        return Ok(key);
    }
    let code = super::refusal(&body).map(|(code, _)| code);
    let code = code.filter(|code| *code != "Success");
    Err(CredentialError::answered(
        Provider::Aliyun,
        from,
        answer.status,
        code,
    ))
}

#[cfg(test)]
mod tests;
