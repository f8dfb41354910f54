//! Who may ask: only what is addressed to this service by its own address, and only its own page.
//!
//! A page of another site can make a browser send requests to loopback, and can give its own name this
//! address (DNS rebinding). The first is told by `Origin`, the second by `Host`.

use std::net::SocketAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::failure::Failure;

/// Scripts, styles and connections of this service alone; Wasm may be compiled.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
    connect-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// Refuses foreign requests, and gives every answer the headers that keep a browser strict.
pub(super) async fn guard(
    State(address): State<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let authority = request.uri().authority().map(ToString::to_string);
    let mut response = match admit(address, authority.as_deref(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache"));
    response
}

fn admit(address: SocketAddr, authority: Option<&str>, headers: &HeaderMap) -> Result<(), Failure> {
    let forbidden = |code, message| Err(Failure::new(StatusCode::FORBIDDEN, code, message));
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return forbidden("host", "a request needs one Host header".to_owned());
    };
    let host = host.to_str().unwrap_or_default();
    let is_foreign = authority.is_some_and(|authority| !is_own(address, authority));
    if is_foreign || !is_own(address, host) {
        return forbidden(
            "host",
            format!("this service answers to {address} and localhost only"),
        );
    }
    for origin in headers.get_all(header::ORIGIN) {
        let own = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.strip_prefix("http://"))
            // Without a port it is another program's page, on port 80.
            .is_some_and(|origin| {
                is_own(address, origin) && (address.port() == 80 || origin.contains(':'))
            });
        if !own {
            return forbidden(
                "origin",
                "this service answers its own page only".to_owned(),
            );
        }
    }
    // Browsers that send no Origin with a plain GET say here that another site asks.
    let from_elsewhere = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == "cross-site");
    let is_visit = headers
        .get("sec-fetch-mode")
        .is_some_and(|mode| mode == "navigate");
    if from_elsewhere && !is_visit {
        return forbidden(
            "origin",
            "this service answers its own page only".to_owned(),
        );
    }
    Ok(())
}

/// Whether `host` is the bound address with its port, or localhost with that port or without one.
fn is_own(address: SocketAddr, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == address.to_string()
        || host == "localhost"
        || host == format!("localhost:{}", address.port())
        // Port 80 is left out of Host and Origin.
        || (address.port() == 80 && (host == address.ip().to_string() || host == format!("[{}]", address.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        admit("127.0.0.1:8080".parse().unwrap(), None, &map).is_ok()
    }

    #[test]
    fn only_the_own_address_and_localhost_are_hosts() {
        for host in [
            "127.0.0.1:8080",
            "localhost",
            "localhost:8080",
            "LOCALHOST:8080",
        ] {
            assert!(admitted(&[("host", host)]), "{host}");
        }
        for host in [
            "127.0.0.1",
            "127.0.0.1:8081",
            "localhost:8081",
            "evil.example",
            "localhost.evil.example:8080",
            "127.0.0.1:8080.evil.example",
            "evil.example:8080",
            "",
        ] {
            assert!(!admitted(&[("host", host)]), "{host}");
        }
        assert!(!admitted(&[]));
        assert!(!admitted(&[
            ("host", "localhost"),
            ("host", "evil.example")
        ]));
    }

    #[test]
    fn foreign_origins_are_refused() {
        let host = ("host", "127.0.0.1:8080");
        assert!(admitted(&[host, ("origin", "http://127.0.0.1:8080")]));
        assert!(admitted(&[host, ("origin", "http://localhost:8080")]));
        for origin in [
            "http://evil.example",
            "https://127.0.0.1:8080",
            "null",
            "http://127.0.0.1:8081",
            "",
        ] {
            assert!(!admitted(&[host, ("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn another_site_may_link_here_but_not_fetch() {
        let host = ("host", "127.0.0.1:8080");
        let site = ("sec-fetch-site", "cross-site");
        assert!(admitted(&[host, site, ("sec-fetch-mode", "navigate")]));
        assert!(!admitted(&[host, site, ("sec-fetch-mode", "no-cors")]));
        assert!(admitted(&[host, ("sec-fetch-site", "same-origin")]));
    }

    #[test]
    fn a_foreign_authority_in_the_request_line_is_refused() {
        let mut headers = HeaderMap::new();
        headers.insert("host", "127.0.0.1:8080".parse().unwrap());
        let address = "127.0.0.1:8080".parse().unwrap();
        assert!(admit(address, Some("127.0.0.1:8080"), &headers).is_ok());
        assert!(admit(address, Some("evil.example"), &headers).is_err());
    }
}
