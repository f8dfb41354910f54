//! The service as a browser or a stranger meets it, over a real socket.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic, and says what it skips"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A running service.
struct Service {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: String,
    /// The bytes of `c.pathglass`.
    snapshot: Vec<u8>,
    _folder: TempDir,
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Service {
    /// A service of a folder with one snapshot, and things that are none.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let capture = folder.path().join("capture");
        std::fs::create_dir_all(capture.join("kube")).unwrap();
        std::fs::create_dir_all(capture.join("nodes/n1/host")).unwrap();
        std::fs::write(
            capture.join("kube/pods.json"),
            r#"{"kind": "List", "items": []}"#,
        )
        .unwrap();
        std::fs::write(capture.join("nodes/n1/host/ip-addr.json"), "[]").unwrap();
        let served = folder.path().join("served");
        std::fs::create_dir(&served).unwrap();
        let snapshot = served.join("c.pathglass");
        let mut seal = Command::new(env!("CARGO_BIN_EXE_pathglass"));
        seal.arg("seal")
            .arg(&capture)
            .arg("-o")
            .arg(&snapshot)
            .stdout(Stdio::null());
        assert!(seal.status().unwrap().success());
        std::fs::write(served.join("notes.txt"), "not a snapshot").unwrap();
        std::os::unix::fs::symlink(&snapshot, served.join("link")).unwrap();
        let bytes = std::fs::read(&snapshot).unwrap();
        Self::run(&served, bytes, folder)
    }

    fn run(source: &Path, snapshot: Vec<u8>, folder: TempDir) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pathglass"))
            .arg("serve")
            .arg(source)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line
            .trim_end()
            .strip_prefix("pathglass: listening on http://")
            .and_then(|rest| rest.strip_suffix('/'))
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned();
        Self {
            child,
            stdout,
            address,
            snapshot,
            _folder: folder,
        }
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request.push_str(&format!("Host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let split = answer
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8_lossy(&answer[..split]).to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer {
            status,
            head,
            body: answer[split + 4..].to_vec(),
        }
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers, "")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}\n{}", self.head, String::from_utf8_lossy(&self.body)))
    }

    /// The status with the error's code.
    fn error(&self) -> (u16, String) {
        let body = self.json();
        assert!(body["error"]["message"].is_string(), "{body}");
        (
            self.status,
            body["error"]["code"].as_str().unwrap().to_owned(),
        )
    }
}

#[test]
fn the_list_has_snapshots_and_nothing_else() {
    let service = Service::start();
    let expected = serde_json::json!({"snapshots": [
        {"name": "c.pathglass", "bytes": service.snapshot.len(), "encrypted": false}]});
    assert_eq!(service.get("/api/v1/snapshots", &[]).json(), expected);
    for name in ["notes.txt", "link", "..%2Fcapture", "%2Fetc%2Fpasswd"] {
        let answer = service.get(&format!("/api/v1/snapshots/{name}"), &[]);
        assert_eq!(answer.error(), (404, "not-found".to_owned()), "{name}");
    }
}

#[test]
fn a_snapshot_is_served_in_ranges() {
    let service = Service::start();
    let path = "/api/v1/snapshots/c.pathglass";
    let whole = service.get(path, &[]);
    assert_eq!((whole.status, &whole.body), (200, &service.snapshot));
    assert!(whole.head.contains("accept-ranges: bytes"));
    let length = service.snapshot.len();
    let tail = service.get(path, &[("Range", "bytes=-16")]);
    assert_eq!(
        (tail.status, tail.body.as_slice()),
        (206, &service.snapshot[length - 16..])
    );
    let shown = format!(
        "content-range: bytes {}-{}/{length}",
        length - 16,
        length - 1
    );
    assert!(tail.head.contains(&shown), "{}", tail.head);
    let outside = service.get(path, &[("Range", "bytes=999999999-")]);
    assert_eq!((outside.status, outside.body.len()), (416, 0));
    assert!(
        outside
            .head
            .contains(&format!("content-range: bytes */{length}"))
    );
    let etag = whole
        .head
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .unwrap();
    let same = service.get(path, &[("Range", "bytes=0-3"), ("If-Range", etag)]);
    assert_eq!((same.status, same.body.len()), (206, 4));
    let other = service.get(path, &[("Range", "bytes=0-3"), ("If-Range", "\"other\"")]);
    assert_eq!((other.status, other.body.len()), (200, length));
}

#[test]
fn foreign_hosts_and_origins_are_refused() {
    let service = Service::start();
    let port = service.address.rsplit(':').next().unwrap().to_owned();
    for path in ["/", "/healthz", "/api/v1/snapshots", "/no/such"] {
        for host in [
            "evil.example",
            &format!("evil.example:{port}"),
            "127.0.0.1:1",
        ] {
            let answer = service.get(path, &[("Host", host)]);
            assert_eq!(answer.error(), (403, "host".to_owned()), "{path} {host}");
        }
        for origin in ["http://evil.example", "null", "https://localhost"] {
            let answer = service.get(path, &[("Origin", origin)]);
            assert_eq!(
                answer.error(),
                (403, "origin".to_owned()),
                "{path} {origin}"
            );
        }
    }
    let own = format!("http://{}", service.address);
    let with_port = format!("localhost:{port}");
    for header in [
        ("Host", "localhost"),
        ("Host", &with_port),
        ("Origin", &own),
    ] {
        assert_eq!(service.get("/healthz", &[header]).status, 200, "{header:?}");
    }
}

#[test]
fn every_answer_keeps_a_browser_strict() {
    let service = Service::start();
    for path in ["/", "/healthz", "/api/v1/snapshots", "/api/v1/no", "/no.js"] {
        let head = service.get(path, &[]).head;
        assert!(head.contains("x-content-type-options: nosniff"), "{head}");
        assert!(
            head.contains("script-src 'self' 'wasm-unsafe-eval'"),
            "{head}"
        );
        assert!(!head.contains("access-control-allow-origin"), "{head}");
    }
    let page = service.get("/", &[]);
    assert_eq!(page.status, 200);
    assert!(
        page.head.contains("content-type: text/html"),
        "{}",
        page.head
    );
}

#[test]
fn bad_questions_are_json_errors() {
    let service = Service::start();
    let path = "/api/v1/snapshots/c.pathglass/diagnose";
    let json = ("Content-Type", "application/json");
    let unknown_pod = r#"{"from": "pod:a/no-such", "to": "10.0.0.1", "port": 1}"#;
    for (method, path, header, body, status, code) in [
        ("POST", path, json, "{", 400, "json"),
        (
            "POST",
            path,
            json,
            r#"{"from": "a", "to": "b", "form": 1}"#,
            400,
            "json",
        ),
        (
            "POST",
            path,
            ("Content-Type", "text/plain"),
            "{}",
            415,
            "content-type",
        ),
        ("POST", path, json, unknown_pod, 422, "question"),
        (
            "POST",
            "/api/v1/snapshots/no/diagnose",
            json,
            unknown_pod,
            404,
            "not-found",
        ),
        ("DELETE", "/api/v1/snapshots", json, "", 405, "method"),
    ] {
        let answer = service.ask(method, path, &[header], body);
        assert_eq!(answer.error(), (status, code.to_owned()), "{body}");
    }
    assert_eq!(
        service
            .ask("POST", path, &[json], &"x".repeat(100_000))
            .status,
        413
    );
}

#[test]
fn a_capture_is_pruned_and_sealed_before_it_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("mine");
    std::fs::create_dir_all(capture.join("kube")).unwrap();
    let pods = r#"{"kind": "List", "items": [{"kind": "Pod", "metadata": {"name": "p", "namespace": "n"}}]}"#;
    std::fs::write(capture.join("kube/pods.json"), pods).unwrap();
    let service = Service::run(&capture, Vec::new(), folder);
    let list = service.get("/api/v1/snapshots", &[]).json();
    assert_eq!(list["snapshots"][0]["name"], "mine.pathglass");
    let bytes = service.get("/api/v1/snapshots/mine.pathglass", &[]).body;
    assert!(bytes.starts_with(b"PK\x03\x04"));
    assert_eq!(
        service.get("/api/v1/snapshots/capture.json", &[]).status,
        404
    );
}

#[test]
fn a_signal_ends_the_service_in_good_order() {
    let mut service = Service::start();
    let id = service.child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    service.stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "one line is all that is printed");
}
