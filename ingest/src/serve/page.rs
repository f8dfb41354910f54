//! The page that is embedded in the binary, or what stands for it where it was not built.

use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};

use super::failure::Failure;

#[derive(rust_embed::RustEmbed)]
#[folder = "../web-demo/dist"]
#[allow_missing = true]
struct Page;

const MISSING: &str = "<!doctype html>
<html lang=\"en\"><meta charset=\"utf-8\"><title>Pathglass</title>
<h1>Pathglass</h1>
<p>This binary was built without its page. <code>cargo xtask run</code> builds both.</p>
<p>The API is there: <a href=\"/api/v1/snapshots\">/api/v1/snapshots</a></p>
";

/// The file of the page at the request's path.
pub(super) async fn page(uri: Uri) -> Response {
    let path = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    if path.starts_with("api/") {
        return Failure::not_found("such endpoint").into_response();
    }
    match (Page::get(path), path) {
        (Some(file), _) => {
            let kind = content_type(path, file.metadata.mimetype());
            ([(header::CONTENT_TYPE, kind)], file.data).into_response()
        }
        (None, "index.html") => {
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            (StatusCode::OK, [(header::CONTENT_TYPE, kind)], MISSING).into_response()
        }
        (None, _) => Failure::not_found("such file").into_response(),
    }
}

/// Scripts and Wasm must have these types, whatever a table says: with `nosniff` a browser runs nothing else.
fn content_type(path: &str, guessed: &str) -> HeaderValue {
    let known = match path.rsplit('.').next() {
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json" | "map") => "application/json",
        Some(_) | None => {
            return HeaderValue::from_str(guessed)
                .unwrap_or(HeaderValue::from_static("application/octet-stream"));
        }
    };
    HeaderValue::from_static(known)
}
