//! One call: signed, sent, tried again, within limits.

use std::collections::BTreeMap;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use chrono::Utc;
use serde_json::{Map, Value};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep, sleep_until};

use super::credentials::{CredentialError, Credentials, Environment, Keyring};
use super::endpoint::{Answer, Endpoint, Overrides, Transport};
use super::error::{CallError, Failure, Meaning, meaning, refusal};
use super::sign::Signed;
use super::table::{Action, Style};
use super::{Provider, aliyun, tencent};

/// The limits of a pull.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The time for all calls together.
    pub budget: Duration,
    /// The time for one request.
    pub timeout: Duration,
    /// How often a call is tried.
    pub tries: usize,
    /// The first wait between two tries; later ones are longer.
    pub first_wait: Duration,
    /// Calls under way at once.
    pub at_once: usize,
    /// Requests per second to one product.
    pub per_second: u32,
}

/// Calls a cloud's API.
#[derive(Debug)]
pub struct Client {
    provider: Provider,
    region: String,
    transport: Transport,
    keyring: Keyring,
    limits: Limits,
    end: Instant,
    slots: Semaphore,
    /// By product: when the next request may go out.
    next: Mutex<BTreeMap<&'static str, Instant>>,
}

/// How often a call that the key is refused for gets another key.
const RENEWALS: usize = 3;

/// One try that brought no answer.
struct Setback {
    meaning: Meaning,
    text: String,
    request_id: Option<String>,
}

impl Setback {
    /// A connection that broke, or something that is no answer.
    fn cut(text: impl Into<String>) -> Self {
        Self {
            meaning: Meaning::Later,
            text: text.into(),
            request_id: None,
        }
    }
}

impl Client {
    /// A client whose time runs from now.
    ///
    /// # Errors
    /// When no key is set up, or TLS cannot be.
    pub fn new(
        provider: Provider,
        region: &str,
        overrides: Overrides,
        environment: &Environment,
        limits: Limits,
    ) -> Result<Self, Failure> {
        Ok(Self {
            provider,
            region: region.to_owned(),
            transport: Transport::new(provider, overrides, limits.timeout)
                .map_err(|error| Failure::Refused(error.to_string()))?,
            keyring: Keyring::find(provider, environment)?,
            limits,
            end: Instant::now() + limits.budget,
            slots: Semaphore::new(limits.at_once),
            next: Mutex::new(BTreeMap::new()),
        })
    }

    /// Calls `action` once, however many tries that takes.
    ///
    /// # Errors
    /// When it is refused, keeps failing, or time is over.
    pub async fn call(
        &self,
        action: &Action,
        parameters: &Map<String, Value>,
    ) -> Result<Value, CallError> {
        let error = |failure, request_id| CallError {
            action: action.permission(),
            failure,
            request_id,
        };
        let mut waits = ExponentialBuilder::new()
            .with_min_delay(self.limits.first_wait)
            .with_max_delay(Duration::from_secs(20))
            .with_jitter()
            .without_max_times()
            .build();
        let mut last: Option<Setback> = None;
        let mut refused: Option<Credentials> = None;
        let mut renewals = 0;
        for _ in 0..self.limits.tries {
            let over = || {
                let after = last.as_ref().map(|last| format!(", after: {}", last.text));
                let id = last.as_ref().and_then(|last| last.request_id.clone());
                error(Failure::OutOfTime(after.unwrap_or_default()), id)
            };
            if Instant::now() >= self.end {
                return Err(over());
            }
            let key = tokio::time::timeout_at(
                self.end,
                self.keyring.key(&self.transport, refused.as_ref()),
            );
            let (key, setback) = match key.await {
                Err(_) => return Err(over()),
                Ok(Err(problem @ CredentialError::Passing { .. })) => {
                    (None, Setback::cut(problem.to_string()))
                }
                Ok(Err(problem)) => return Err(error(problem.into(), None)),
                Ok(Ok(key)) => match self.once(action, parameters, &key).await {
                    Ok(body) => return Ok(body),
                    Err(setback) => (Some(key), setback),
                },
            };
            let (text, id) = (setback.text.clone(), setback.request_id.clone());
            match setback.meaning {
                Meaning::Denied => return Err(error(Failure::Denied(text), id)),
                Meaning::Refused => return Err(error(Failure::Refused(text), id)),
                Meaning::Clock => {
                    let why = format!("this machine's clock is not the cloud's ({text})");
                    return Err(error(Failure::Key(why), id));
                }
                Meaning::Key if renewals == RENEWALS || !self.keyring.renews() => {
                    return Err(error(
                        Failure::Key(format!("the key is refused ({text})")),
                        id,
                    ));
                }
                Meaning::Key => {
                    refused = key;
                    renewals += 1;
                }
                Meaning::Later => {}
            }
            // A key that was over is renewed at once; one that is refused again is not.
            if setback.meaning == Meaning::Later || renewals > 1 {
                let wait = waits.next().unwrap_or(self.limits.first_wait);
                sleep_until((Instant::now() + wait).min(self.end)).await;
            }
            last = Some(setback);
        }
        let (text, id) = last.map_or_else(Default::default, |last| (last.text, last.request_id));
        let failure = Failure::GaveUp {
            tries: self.limits.tries,
            last: text,
        };
        Err(error(failure, id))
    }

    /// One try.
    async fn once(
        &self,
        action: &Action,
        parameters: &Map<String, Value>,
        key: &Credentials,
    ) -> Result<Value, Setback> {
        let _slot = self.slots.acquire().await;
        let product = action.product;
        self.pace(product.name).await;
        let endpoint = self
            .transport
            .endpoint(product, &self.region)
            .map_err(|error| Setback::cut(error.to_string()))?;
        let signed = self.sign(action, parameters, key, &endpoint);
        let left = self.end.saturating_duration_since(Instant::now());
        let Answer { status, body } = self
            .transport
            .post(&endpoint, signed, left)
            .await
            .map_err(|error| Setback::cut(error.to_string()))?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let request_id = body
            .get("RequestId")
            .or_else(|| body.get("requestId"))
            .or_else(|| body.get("Response")?.get("RequestId"))
            .and_then(Value::as_str)
            .map(str::to_owned);
        match refusal(self.provider, &body) {
            Some((code, message)) => Err(Setback {
                meaning: meaning(self.provider, status, code),
                // The message of a wrong signature repeats what was signed, the token too.
                text: match code.contains("Signature") {
                    true => code.to_owned(),
                    false => key.redact(&format!("{code}: {message}")),
                },
                request_id,
            }),
            None if status != 200 => Err(Setback {
                meaning: meaning(self.provider, status, ""),
                text: format!("status {status}"),
                request_id,
            }),
            // Whatever answered: not the cloud.
            None if request_id.is_none() => {
                Err(Setback::cut("what was answered has no request id"))
            }
            None => Ok(body),
        }
    }

    fn sign(
        &self,
        action: &Action,
        parameters: &Map<String, Value>,
        key: &Credentials,
        endpoint: &Endpoint,
    ) -> Signed {
        let nonce = nonce();
        let product = action.product;
        let request = aliyun::sign::Request {
            host: &endpoint.host,
            path: endpoint.url.path(),
            version: product.version,
            action: action.name,
            now: Utc::now(),
            nonce: &nonce,
        };
        let flat = || {
            let mut flat = vec![("RegionId".to_owned(), self.region.clone())];
            flatten("", &Value::Object(parameters.clone()), &mut flat);
            flat
        };
        match product.style {
            Style::Rpc => aliyun::sign::rpc(request, flat(), key),
            Style::Acs3Query => aliyun::sign::acs3(request, &flat(), false, key),
            Style::Acs3Form => aliyun::sign::acs3(request, &flat(), true, key),
            Style::Tc3 => {
                let request = tencent::sign::Request {
                    host: &endpoint.host,
                    service: product.name,
                    version: product.version,
                    action: action.name,
                    region: &self.region,
                    now: Utc::now(),
                };
                tencent::sign::tc3(request, Value::Object(parameters.clone()).to_string(), key)
            }
        }
    }

    /// Waits until another request may go out.
    async fn pace(&self, product: &'static str) {
        let turn = {
            let (mut all, now) = (self.next.lock().await, Instant::now());
            let next = all.entry(product).or_insert(now);
            let turn = (*next).max(now);
            *next = turn + Duration::from_secs(1) / self.limits.per_second.max(1);
            turn
        };
        let wait = turn.min(self.end).saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }
}

/// A number that no other request has.
#[must_use]
pub fn nonce() -> String {
    format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

/// Lists as `Name.1`, fields as `Name.Field`.
fn flatten(name: &str, value: &Value, flat: &mut Vec<(String, String)>) {
    let below = |part: &str| match name {
        "" => part.to_owned(),
        name => format!("{name}.{part}"),
    };
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                flatten(&below(field), value, flat);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&below(&(index + 1).to_string()), item, flat);
            }
        }
        Value::String(text) => flat.push((name.to_owned(), text.clone())),
        Value::Null => {}
        scalar @ (Value::Bool(_) | Value::Number(_)) => {
            flat.push((name.to_owned(), scalar.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_and_objects_become_flat_parameters() {
        let mut flat = Vec::new();
        flatten(
            "",
            &json!({"A": ["x", "y"], "Filter": [{"Key": "k", "Value": ["v"]}], "N": 5}),
            &mut flat,
        );
        let flat: Vec<String> = flat
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            flat,
            [
                "A.1=x",
                "A.2=y",
                "Filter.1.Key=k",
                "Filter.1.Value.1=v",
                "N=5"
            ]
        );
    }
}
