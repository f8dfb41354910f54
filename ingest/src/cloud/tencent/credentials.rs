//! Tencent's keys, in the order of its tools: environment, TKE's pod identity, the INI file, the server's role.

use chrono::Utc;
use serde_json::{Map, Value};

use super::{STS, sign};
use crate::cloud::Provider;
use crate::cloud::credentials::{
    CredentialError, Credentials, Environment, Way, hiccup, ini, is_passing,
};
use crate::cloud::endpoint::{Answer, Transport};

const LOOKED_FOR: &str = "TENCENTCLOUD_SECRET_ID with …_KEY, TKE's pod identity (TKE_WEB_IDENTITY_TOKEN_FILE), \
    ~/.tencentcloud/credentials and the server's role";

/// How the key is got; nothing is asked over the network yet.
///
/// # Errors
/// When a profile cannot be used.
pub fn find(environment: &Environment) -> Result<Way, CredentialError> {
    let get = |name: &str| environment.get(name);
    if let (Some(id), Some(secret)) = (
        get("TENCENTCLOUD_SECRET_ID"),
        get("TENCENTCLOUD_SECRET_KEY"),
    ) {
        let token = get("TENCENTCLOUD_TOKEN").or_else(|| get("TENCENTCLOUD_SESSION_TOKEN"));
        return Ok(Way::Key(Credentials::fixed(&id, &secret, token)));
    }
    if let (Some(provider), Some(file), Some(role)) = (
        get("TKE_PROVIDER_ID"),
        get("TKE_WEB_IDENTITY_TOKEN_FILE"),
        get("TKE_ROLE_ARN"),
    ) {
        let pair = |name: &str, value: String| (name.to_owned(), value);
        return Ok(Way::Identity {
            token_file: file.into(),
            parameters: vec![
                pair("ProviderId", provider),
                pair("RoleArn", role),
                pair("RoleSessionName", "pathglass".to_owned()),
            ],
            region: get("TKE_REGION"),
        });
    }
    let file = environment.at_home(".tencentcloud/credentials");
    if let Some(text) = file.and_then(|file| std::fs::read_to_string(file).ok()) {
        let sections = ini(&text);
        let name = get("TENCENTCLOUD_PROFILE").unwrap_or_else(|| "default".to_owned());
        let from = format!("the profile `{name}`");
        let keys = sections
            .get(&name)
            .ok_or_else(|| CredentialError::unusable(&from, "there is no such profile"))?;
        let need = |key: &str| {
            keys.get(key)
                .ok_or_else(|| CredentialError::unusable(&from, format!("`{key}` is missing")))
        };
        let token = keys.get("token").cloned();
        return Ok(Way::Key(Credentials::fixed(
            need("secret_id")?,
            need("secret_key")?,
            token,
        )));
    }
    Ok(Way::Server {
        role: None,
        bare: true,
    })
}

/// Gets the key.
///
/// # Errors
/// When it cannot be had.
pub async fn obtain(way: &Way, transport: &Transport) -> Result<Credentials, CredentialError> {
    match way {
        Way::Key(key) => Ok(key.clone()),
        Way::Identity {
            token_file,
            parameters,
            region,
        } => {
            let from = "TKE's pod identity";
            let unusable = |why: String| CredentialError::unusable(from, why);
            let token = std::fs::read_to_string(token_file)
                .map_err(|error| unusable(format!("its token file: {error}")))?;
            let pairs = parameters.iter().cloned();
            let pairs = pairs.chain([("WebIdentityToken".to_owned(), token.trim().to_owned())]);
            let body: Map<String, Value> =
                pairs.map(|(name, value)| (name, value.into())).collect();
            let endpoint = transport
                .endpoint(&STS, "")
                .map_err(|error| unusable(error.to_string()))?;
            let request = sign::Request {
                host: &endpoint.host,
                service: STS.name,
                version: STS.version,
                action: "AssumeRoleWithWebIdentity",
                region: region.as_deref().unwrap_or("ap-guangzhou"),
                now: Utc::now(),
            };
            let signed = sign::anonymous(request, Value::Object(body).to_string());
            let answer = transport.post(&endpoint, signed, transport.timeout()).await;
            let answer =
                answer.map_err(|error| CredentialError::passing(from, error.to_string()))?;
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let response = body.get("Response").unwrap_or(&body);
            let names = ["TmpSecretId", "TmpSecretKey", "Token", "Expiration"];
            let mut key = response
                .get("Credentials")
                .and_then(|key| Credentials::read(key, names))
                .ok_or_else(|| {
                    let code = super::refusal(&body).map(|(code, _)| code);
                    CredentialError::answered(Provider::Tencent, from, answer.status, code)
                })?;
            let end = response.get("ExpiredTime").and_then(Value::as_i64);
            key.expires = key
                .expires
                .or_else(|| chrono::DateTime::from_timestamp(end?, 0));
            Ok(key)
        }
        Way::Server { role, .. } => server(role.as_deref(), transport).await,
        Way::Assume { .. } | Way::Service(_) => Err(CredentialError::Nothing(LOOKED_FOR)),
    }
}

async fn server(role: Option<&str>, transport: &Transport) -> Result<Credentials, CredentialError> {
    const ROLES: &str = "latest/meta-data/cam/security-credentials/";
    let role = match role {
        Some(role) => role.to_owned(),
        None => match transport.metadata("GET", ROLES, None).await {
            Ok(Answer { status: 200, body }) => String::from_utf8_lossy(&body).trim().to_owned(),
            Ok(answer) if is_passing(answer.status) => return Err(hiccup(answer.status)),
            Ok(_) | Err(_) => return Err(CredentialError::Nothing(LOOKED_FOR)),
        },
    };
    let from = format!("the server's role `{role}`");
    let answer = transport
        .metadata("GET", &format!("{ROLES}{role}"), None)
        .await;
    let answer = answer.map_err(|error| CredentialError::passing(&from, error.to_string()))?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    Credentials::read(
        &body,
        ["TmpSecretId", "TmpSecretKey", "Token", "ExpiredTime"],
    )
    .ok_or_else(|| CredentialError::answered(Provider::Tencent, from, answer.status, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_first_then_the_pod_then_the_server() {
        let find = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            find(&pairs.collect::<Environment>()).unwrap()
        };
        let pod = [
            ("TKE_PROVIDER_ID", "p"),
            ("TKE_WEB_IDENTITY_TOKEN_FILE", "/token"),
            ("TKE_ROLE_ARN", "r"),
        ];
        let key = [
            ("TENCENTCLOUD_SECRET_ID", "a"),
            ("TENCENTCLOUD_SECRET_KEY", "b"),
            ("TENCENTCLOUD_TOKEN", "c"),
        ];
        let both: Vec<_> = key.into_iter().chain(pod).collect();
        let token = Some("c".to_owned());
        assert_eq!(find(&both), Way::Key(Credentials::fixed("a", "b", token)));
        assert!(matches!(find(&pod), Way::Identity { .. }));
        assert!(matches!(find(&[]), Way::Server { role: None, .. }));
    }
}
