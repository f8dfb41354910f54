//! A cloud in a test: it checks signatures by its own reading of the documentation, serves state from files in the
//! API's shapes, page by page, and fails as it is told to.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a double that cannot go on ends the test"
)]

pub mod signature;
pub mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use serde_json::{Value, json};

use signature::{Checked, Refusal};

/// What a double is told to do.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    /// The folder of its state: `<product>/<Action>[.<id>].json`.
    pub state: PathBuf,
    /// Of a hundred requests, how many fail.
    pub faults: u64,
    /// How long a slow answer takes.
    pub slow: Duration,
    /// Actions that nobody permits.
    pub denied: Vec<&'static str>,
    /// Actions whose second page is the first one again.
    pub repeating: Vec<&'static str>,
    /// Actions that always say that they are overloaded.
    pub overloaded: Vec<&'static str>,
    /// Temporary keys are over after so many requests.
    pub key_lasts: Option<usize>,
}

/// The long-lived key that it knows: id and secret.
pub const KEY: (&str, &str) = ("LTAIdoubleKeyName0001", "double+secret/of=the&key");
/// The text in the token file of a pod.
pub const POD_TOKEN: &str = "double.pod.identity-token";

/// A running double; it ends with its value.
#[derive(Debug)]
pub struct Double {
    address: SocketAddr,
    seen: Arc<Seen>,
    runtime: Option<tokio::runtime::Runtime>,
}

/// What happened so far.
#[derive(Debug, Default)]
struct Seen {
    record: Mutex<Record>,
}

#[derive(Debug, Default, Clone)]
struct Record {
    requests: u64,
    actions: Vec<String>,
    nonces: BTreeSet<String>,
    /// Temporary keys by id: secret, token, uses.
    keys: BTreeMap<String, (String, String, usize)>,
    failed: BTreeMap<&'static str, usize>,
}

#[derive(Clone)]
struct Server {
    orders: Arc<Orders>,
    seen: Arc<Seen>,
}

impl Double {
    /// Starts a double.
    ///
    /// # Panics
    /// When this machine gives it no port.
    #[must_use]
    pub fn start(orders: Orders) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Seen::default());
        let server = Server {
            orders: Arc::new(orders),
            seen: Arc::clone(&seen),
        };
        let app = axum::Router::new().fallback(answer).with_state(server);
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self {
            address,
            seen,
            runtime: Some(runtime),
        }
    }

    /// Its address, for `--cloud-endpoint`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The actions that were answered, in their order.
    #[must_use]
    pub fn actions(&self) -> Vec<String> {
        self.seen.record(|record| record.actions.clone())
    }

    /// How many requests came.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.seen.record(|record| record.requests)
    }

    /// How often it failed, by kind.
    #[must_use]
    pub fn failed(&self) -> BTreeMap<&'static str, usize> {
        self.seen.record(|record| record.failed.clone())
    }

    /// Every text that must not be found anywhere: secrets and tokens.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = vec![KEY.1.to_owned(), POD_TOKEN.to_owned()];
        for (secret, token, _) in self.seen.record(|record| record.keys.clone()).into_values() {
            secrets.extend([secret, token]);
        }
        secrets
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Seen {
    fn record<T>(&self, read: impl FnOnce(&mut Record) -> T) -> T {
        read(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A new temporary key.
    fn new_key(&self) -> (String, String, String) {
        self.record(|record| {
            let number = record.keys.len() + 1;
            let id = format!("STS.double{number}");
            let secret = format!("temporary+secret/{number}=");
            let token = format!("temporary/token+{number} *~=");
            record
                .keys
                .insert(id.clone(), (secret.clone(), token.clone(), 0));
            (id, secret, token)
        })
    }
}

async fn answer(
    State(server): State<Server>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let number = server.seen.record(|record| {
        record.requests += 1;
        record.requests
    });
    let path = uri.path().trim_start_matches('/');
    if let Some(path) = path.strip_prefix("metadata/") {
        return match server.hiccup(number) {
            Some(response) => response,
            None => server.metadata(&method, path, &headers),
        };
    }
    let product = path.split('/').next().unwrap_or_default();
    if product == "sts" {
        return match server.hiccup(number) {
            Some(response) => response,
            None => server.sts(&headers, &body),
        };
    }
    let request = signature::Request {
        method: method.as_str(),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        headers: &headers,
        body: &body,
        product,
    };
    let checked = match server.check(&request) {
        Ok(checked) => checked,
        Err(refusal) => return refusal.response(&headers, number),
    };
    let action = checked.action.clone();
    if let Some(fault) = server.fault(number, &action) {
        server
            .seen
            .record(|record| *record.failed.entry(fault).or_default() += 1);
        return match fault {
            "throttled" => Refusal::throttled().response(&headers, number),
            "internal" => Refusal::internal().response(&headers, number),
            "gateway" => text(503, "<html>503 Service Temporarily Unavailable</html>"),
            "cut" => cut(&server.good(product, &checked, number).to_string()),
            _ => {
                tokio::time::sleep(server.orders.slow).await;
                text(200, &server.good(product, &checked, number).to_string())
            }
        };
    }
    if server
        .orders
        .denied
        .iter()
        .any(|denied| *denied == format!("{product}:{action}"))
    {
        return Refusal::denied(&format!("{product}:{action}")).response(&headers, number);
    }
    server
        .seen
        .record(|record| record.actions.push(format!("{product}:{action}")));
    text(200, &server.good(product, &checked, number).to_string())
}

impl Server {
    fn check(&self, request: &signature::Request<'_>) -> Result<Checked, Refusal> {
        let lasts = self.orders.key_lasts.unwrap_or(usize::MAX);
        self.seen.record(|record| {
            let checked = signature::check(request, &|id| {
                if id == KEY.0 {
                    return Some((KEY.1.to_owned(), None));
                }
                let (secret, token, _) = record.keys.get(id)?;
                Some((secret.clone(), Some(token.clone())))
            })?;
            if let Some(nonce) = &checked.nonce
                && !record.nonces.insert(nonce.clone())
            {
                return Err(Refusal::nonce_used());
            }
            if let Some((_, _, uses)) = record.keys.get_mut(&checked.key) {
                *uses += 1;
                if *uses > lasts {
                    return Err(Refusal::token_expired());
                }
            }
            Ok(checked)
        })
    }

    fn fault(&self, number: u64, action: &str) -> Option<&'static str> {
        if self.orders.overloaded.contains(&action) {
            return Some("throttled");
        }
        // A new draw for each request, the same in each run.
        let draw = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        if draw % 100 >= self.orders.faults {
            return None;
        }
        const KINDS: [&str; 9] = [
            "throttled",
            "cut",
            "internal",
            "throttled",
            "gateway",
            "cut",
            "internal",
            "gateway",
            "slow",
        ];
        // One after the other, so that few faults are of all kinds.
        let sofar: usize = self.seen.record(|record| record.failed.values().sum());
        KINDS.get(sofar % KINDS.len()).copied()
    }

    /// A failure of those who hand out keys, of as many requests as of others.
    fn hiccup(&self, number: u64) -> Option<Response<Body>> {
        self.fault(number, "")?;
        Some(match number % 2 {
            0 => text(503, "<html>503 Service Temporarily Unavailable</html>"),
            _ => cut(r#"{"RequestId": "r", "Credentials": {}}"#),
        })
    }

    /// The answer when all goes well.
    fn good(&self, product: &str, checked: &Checked, number: u64) -> Value {
        let repeats = self.orders.repeating.contains(&checked.action.as_str());
        let mut body = state::answer(
            &self.orders.state,
            product,
            &checked.action,
            &checked.parameters,
            repeats,
        );
        let fields = match body.get_mut("Response") {
            Some(response) => response.as_object_mut(),
            None => body.as_object_mut(),
        };
        if let Some(fields) = fields {
            fields.insert("RequestId".to_owned(), format!("REQUEST-{number}").into());
        }
        body
    }

    /// The server's metadata service, the hardened kind: a token first.
    fn metadata(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response<Body> {
        const TOKEN: &str = "double-metadata-token";
        let has = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
        let keys = || {
            let (id, secret, token) = self.seen.new_key();
            let end = (chrono::Utc::now() + chrono::TimeDelta::hours(6)).to_rfc3339();
            (id, secret, token, end)
        };
        match (method.as_str(), path) {
            ("PUT", "latest/api/token") => text(200, TOKEN),
            ("GET", "latest/meta-data/cam/security-credentials/") => text(200, "double-role"),
            ("GET", "latest/meta-data/cam/security-credentials/double-role") => {
                let (id, secret, token, end) = keys();
                let body = json!({"Code": "Success", "TmpSecretId": id, "TmpSecretKey": secret, "Token": token, "Expiration": end});
                text(200, &body.to_string())
            }
            _ if !has("x-aliyun-ecs-metadata-token", TOKEN) => text(403, "forbidden"),
            ("GET", "latest/meta-data/ram/security-credentials/") => text(200, "double-role"),
            ("GET", "latest/meta-data/ram/security-credentials/double-role") => {
                let (id, secret, token, end) = keys();
                let body = json!({"Code": "Success", "AccessKeyId": id, "AccessKeySecret": secret, "SecurityToken": token, "Expiration": end});
                text(200, &body.to_string())
            }
            _ => text(404, "not found"),
        }
    }

    /// `AssumeRoleWithOIDC` and `AssumeRoleWithWebIdentity`: the pod's token for a temporary key.
    fn sts(&self, headers: &HeaderMap, body: &[u8]) -> Response<Body> {
        let parameters = signature::parameters_of(headers, body);
        let is = |name: &str, value: &str| parameters.get(name).is_some_and(|found| found == value);
        let end = (chrono::Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339();
        if is("OIDCToken", POD_TOKEN) && is("Action", "AssumeRoleWithOIDC") {
            let (id, secret, token) = self.seen.new_key();
            let key = json!({"AccessKeyId": id, "AccessKeySecret": secret, "SecurityToken": token, "Expiration": end});
            return text(
                200,
                &json!({"RequestId": "r", "Credentials": key}).to_string(),
            );
        }
        if is("WebIdentityToken", POD_TOKEN) {
            let (id, secret, token) = self.seen.new_key();
            let key = json!({"TmpSecretId": id, "TmpSecretKey": secret, "Token": token});
            return text(
                200,
                &json!({"Response": {"RequestId": "r", "Credentials": key, "Expiration": end}})
                    .to_string(),
            );
        }
        Refusal::token_expired().response(headers, 0)
    }
}

/// A plain answer.
fn text(status: u16, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = axum::http::StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// An answer whose connection breaks in the middle.
fn cut(body: &str) -> Response<Body> {
    let half = Bytes::copy_from_slice(body.as_bytes().get(..body.len() / 2).unwrap_or_default());
    let parts = futures_util::stream::iter([Ok(half), Err(std::io::Error::other("cut"))]);
    let mut response = Response::new(Body::from_stream(parts));
    response
        .headers_mut()
        .insert("content-length", body.len().into());
    response
}
