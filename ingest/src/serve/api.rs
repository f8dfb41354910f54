//! The endpoints.

use std::io::SeekFrom;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use pathglass_sim::flow::FlowRequest;
use pathglass_sim::verdict::Lang;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::catalogue::{Catalogue, Entry, version};
use super::failure::Failure;
use super::range::{self, Part};
use super::{guard, page};
use crate::diagnose;

/// A question is a line or two.
const MAX_QUESTION: usize = 64 * 1024;

type Shared = State<Arc<Catalogue>>;

/// Everything that the service answers, bound to `address`.
pub fn router(catalogue: Catalogue, address: SocketAddr) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/api/v1/snapshots", get(list))
        .route("/api/v1/snapshots/{name}", get(bytes))
        .route("/api/v1/snapshots/{name}/diagnose", post(ask))
        .fallback(get(page::page))
        .method_not_allowed_fallback(async || {
            Failure::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                "this endpoint has no such method",
            )
        })
        .layer(DefaultBodyLimit::max(MAX_QUESTION))
        .layer(axum::middleware::from_fn_with_state(address, guard::guard))
        .with_state(Arc::new(catalogue))
}

async fn list(State(catalogue): Shared) -> Result<Response, Failure> {
    let list = blocking(move || Ok(catalogue.list()?)).await?;
    let body = format!("{}\n", json!({"snapshots": list}));
    Ok(json_response(body))
}

async fn bytes(
    State(catalogue): Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let entry = find(&catalogue, name).await?;
    let internal = |error: std::io::Error| Failure::internal(format!("`{}`: {error}", entry.name));
    let mut file = tokio::fs::File::open(&entry.path).await.map_err(internal)?;
    let metadata = file.metadata().await.map_err(internal)?;
    let length = metadata.len();
    let etag = format!("\"{}\"", version(&metadata));
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    // A part of another version is worse than the whole of this one.
    let is_same = text(header::IF_RANGE).is_none_or(|wanted| wanted == etag);
    let part = range::parse(text(header::RANGE).filter(|_| is_same), length);
    let (status, start, end, content_range) = match part {
        Part::Whole => (StatusCode::OK, 0, length, None),
        Part::Range { start, end } => {
            let shown = format!("bytes {start}-{}/{length}", end.saturating_sub(1));
            (StatusCode::PARTIAL_CONTENT, start, end, Some(shown))
        }
        Part::Outside => (
            StatusCode::RANGE_NOT_SATISFIABLE,
            0,
            0,
            Some(format!("bytes */{length}")),
        ),
    };
    file.seek(SeekFrom::Start(start)).await.map_err(internal)?;
    let body = Body::from_stream(ReaderStream::with_capacity(
        file.take(end - start),
        64 * 1024,
    ));
    let mut response = (status, body).into_response();
    let out = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_TYPE,
            Some("application/octet-stream".to_owned()),
        ),
        (header::ACCEPT_RANGES, Some("bytes".to_owned())),
        (header::CONTENT_LENGTH, Some((end - start).to_string())),
        (header::ETAG, Some(etag)),
        (header::CONTENT_RANGE, content_range),
    ] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            out.insert(name, value);
        }
    }
    Ok(response)
}

/// The language of the verdict's texts: `?lang=zh`.
fn language(query: Option<&str>) -> Result<Lang, Failure> {
    let mut parameters = query.unwrap_or_default().split('&');
    match parameters.find_map(|parameter| parameter.strip_prefix("lang=")) {
        None | Some("en") => Ok(Lang::En),
        Some("zh") => Ok(Lang::Zh),
        Some(_) => Err(Failure::new(
            StatusCode::BAD_REQUEST,
            "lang",
            "`lang` is `en` or `zh`",
        )),
    }
}

async fn ask(
    State(catalogue): Shared,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    // A form of a foreign page cannot send this type without asking first.
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-type",
            "send the question as application/json",
        ));
    }
    let lang = language(query.as_deref())?;
    let flow: FlowRequest = serde_json::from_slice(&body)
        .map_err(|error| Failure::new(StatusCode::BAD_REQUEST, "json", error.to_string()))?;
    let entry = find(&catalogue, name).await?;
    let verdict = blocking(move || {
        let capture = catalogue.capture(&entry)?;
        let answer = {
            let mut capture = capture.lock().unwrap_or_else(PoisonError::into_inner);
            capture.diagnose(&flow)
        };
        if matches!(answer, Err(crate::input::AskFailure::Capture(_))) {
            catalogue.forget(&entry.name);
        }
        let verdict = answer.map_err(|failure| failure.in_language(lang))?;
        Ok(diagnose::json(&verdict.in_language(lang)))
    })
    .await?;
    Ok(json_response(verdict))
}

async fn find(catalogue: &Arc<Catalogue>, name: String) -> Result<Entry, Failure> {
    let catalogue = Arc::clone(catalogue);
    blocking(move || {
        catalogue
            .find(&name)?
            .ok_or_else(|| Failure::not_found(&format!("snapshot `{name}`")))
    })
    .await
}

/// Reads files and simulates aside, so that other requests go on.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        Err(Failure::internal(
            "the work failed unexpectedly: please report it",
        ))
    })
}

fn json_response(body: String) -> Response {
    let kind = HeaderValue::from_static("application/json");
    let store = HeaderValue::from_static("no-store");
    (
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, store)],
        body,
    )
        .into_response()
}
