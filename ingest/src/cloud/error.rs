//! What can go wrong with a call, and what is done about it.

use super::credentials::CredentialError;
use super::{Provider, aliyun, tencent};

/// A call that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// E.g. `ecs:DescribeInstances`.
    pub action: String,
    /// What happened.
    pub failure: Failure,
    /// The request's id, for the cloud's support.
    pub request_id: Option<String>,
}

/// What happened to a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The permission is missing.
    #[error("not permitted ({0})")]
    Denied(String),
    /// The cloud will not answer this, ever.
    #[error("refused ({0})")]
    Refused(String),
    /// There is no key, or none that the cloud takes.
    #[error("{0}")]
    Key(String),
    /// It failed too often.
    #[error("failed {tries} times, at last with: {last}")]
    GaveUp {
        /// How often.
        tries: usize,
        /// The last failure.
        last: String,
    },
    /// The pull's time is over.
    #[error("no time left{0}")]
    OutOfTime(String),
    /// The pages make no whole list.
    #[error("{0}")]
    Pages(String),
}

impl std::error::Error for CallError {}

impl std::fmt::Display for CallError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.action, self.failure)?;
        match &self.request_id {
            Some(id) => write!(formatter, ", request {id}"),
            None => Ok(()),
        }
    }
}

impl From<CredentialError> for Failure {
    fn from(error: CredentialError) -> Self {
        Self::Key(error.to_string())
    }
}

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Asking again later may help.
    Later,
    /// The key is over, or no key.
    Key,
    /// The time of a request is not the cloud's: no other key helps.
    Clock,
    /// The permission is missing.
    Denied,
    /// Nothing helps.
    Refused,
}

/// Codes and what they mean, the first that fits; a `*` at either end stands for anything.
type Codes = &'static [(&'static str, Meaning)];

const ALIYUN: Codes = &[
    ("*Throttling*", Meaning::Later),
    ("InternalError*", Meaning::Later),
    ("InternalServerError*", Meaning::Later),
    ("ServiceUnavailable*", Meaning::Later),
    ("SystemBusy", Meaning::Later),
    ("ServiceIsConfiguring", Meaning::Later),
    ("OperationBusy", Meaning::Later),
    ("*Processing", Meaning::Later),
    ("*.configuring", Meaning::Later),
    ("SignatureNonceUsed", Meaning::Later),
    ("InvalidSecurityToken*", Meaning::Key),
    ("InvalidAccessKeyId*", Meaning::Key),
    ("*Signature*", Meaning::Key),
    ("InvalidTimeStamp*", Meaning::Clock),
    ("Forbidden*", Meaning::Denied),
    // Sic: the load balancers' API.
    ("Forbbiden*", Meaning::Denied),
    ("NoPermission*", Meaning::Denied),
];

const TENCENT: Codes = &[
    ("RequestLimitExceeded*", Meaning::Later),
    ("InternalError*", Meaning::Later),
    ("ResourceUnavailable*", Meaning::Later),
    ("ServiceUnavailable*", Meaning::Later),
    ("*UnauthorizedOperation*", Meaning::Denied),
    ("AuthFailure.SignatureExpire*", Meaning::Clock),
    ("AuthFailure*", Meaning::Key),
];

/// What `code`, with an HTTP status, means.
#[must_use]
pub fn meaning(provider: Provider, status: u16, code: &str) -> Meaning {
    let codes = match provider {
        Provider::Aliyun => ALIYUN,
        Provider::Tencent => TENCENT,
    };
    let found = codes.iter().find(|(pattern, _)| fits(pattern, code));
    match (found, status) {
        (Some((_, meaning)), _) => *meaning,
        (None, 429 | 449 | 500..) => Meaning::Later,
        (None, 403) => Meaning::Denied,
        (None, _) => Meaning::Refused,
    }
}

fn fits(pattern: &str, code: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => code.contains(rest.trim_end_matches('*')),
        (Some(end), None) => code.ends_with(end),
        (None, Some(start)) => code.starts_with(start),
        (None, None) => code == pattern,
    }
}

/// The code and message of a refused call.
#[must_use]
pub fn refusal(provider: Provider, body: &serde_json::Value) -> Option<(&str, &str)> {
    match provider {
        Provider::Aliyun => aliyun::refusal(body),
        Provider::Tencent => tencent::refusal(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_the_documentation_says() {
        let check = |provider, status, code, expected| {
            assert_eq!(meaning(provider, status, code), expected, "{code}");
        };
        check(Provider::Aliyun, 400, "Throttling.User", Meaning::Later);
        check(
            Provider::Aliyun,
            400,
            "VServerGroupProcessing",
            Meaning::Later,
        );
        check(Provider::Aliyun, 403, "Forbidden.RAM", Meaning::Denied);
        check(
            Provider::Aliyun,
            403,
            "InvalidSecurityToken.Expired",
            Meaning::Key,
        );
        check(Provider::Aliyun, 400, "SignatureDoesNotMatch", Meaning::Key);
        check(Provider::Aliyun, 400, "SignatureNonceUsed", Meaning::Later);
        check(Provider::Aliyun, 503, "Odd", Meaning::Later);
        check(Provider::Aliyun, 404, "InvalidParameter", Meaning::Refused);
        check(
            Provider::Tencent,
            200,
            "RequestLimitExceeded.UinLimitExceeded",
            Meaning::Later,
        );
        check(
            Provider::Tencent,
            200,
            "AuthFailure.UnauthorizedOperation",
            Meaning::Denied,
        );
        check(
            Provider::Tencent,
            200,
            "AuthFailure.TokenFailure",
            Meaning::Key,
        );
        check(Provider::Tencent, 200, "ResourceNotFound", Meaning::Refused);
    }
}
