//! The real binary: exit codes, messages, files.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

fn pathglass(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pathglass"))
        .args(args)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn fails(args: &[&str], code: i32, message: &str) {
    let output = pathglass(args);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    assert!(stderr.contains(message), "{args:?}: {stderr}");
}

fn succeeds(args: &[&str]) -> String {
    let output = pathglass(args);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
    text(&output.stdout)
}

const CAPTURE: &str = r#"{"schema": "pathglass.capture/1", "captured_at": "2026-01-31T12:00:00Z",
    "namespaces": {"nodes/n1/host": {"ipvsadm-save.txt": "absent"}}}"#;
const PODS: &str = r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod",
    "metadata": {"name": "web-1", "namespace": "default", "uid": "u1", "annotations": {"secret": "CANARY"}},
    "spec": {"nodeName": "n1", "containers": [{"name": "c", "env": [{"name": "X", "value": "CANARY"}]}]},
    "status": {"podIP": "10.77.0.2", "podIPs": [{"ip": "10.77.0.2"}], "phase": "Running"}}]}"#;

/// A capture of one node with one pod, made by hand.
fn capture() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture");
    for (path, content) in [
        ("capture.json", CAPTURE),
        ("kube/pods.json", PODS),
        ("nodes/n1/host/ip-addr.json", "[]"),
        ("nodes/n1/pods/default_web-1/ip-addr.json", "[]"),
    ] {
        let file = capture.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
    (folder, capture)
}

/// The path of `name` in `folder`, as an argument.
fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

/// An expectations file of `flows` in `folder`.
fn expectations(folder: &TempDir, flows: &str) -> String {
    let file = path(folder, "expectations.json");
    let text = format!(r#"{{"schema": "pathglass.expectations/v1", "flows": [{flows}]}}"#);
    std::fs::write(&file, text).unwrap();
    file
}

const NO_SUCH: &str = r#"{"id": "a", "from": "pod:default/no-such", "to": "10.77.0.2", "port": 80, "expect": "timeout"}"#;

#[test]
fn help_teaches_by_example() {
    for command in [
        "diagnose", "assert", "matrix", "collect", "seal", "open", "verify", "inspect", "keygen",
        "serve",
    ] {
        let help = succeeds(&[command, "--help"]);
        assert!(help.contains(&format!("pathglass {command}")), "{help}");
        assert!(help.contains("Example"), "{help}");
    }
}

#[test]
fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            succeeds(&["completions", shell]).contains("diagnose"),
            "{shell}"
        );
    }
}

#[test]
fn a_usage_error_exits_with_2() {
    fails(&["diagnose"], 2, "--from");
    fails(&["no-such-command"], 2, "unrecognized subcommand");
    let ask = ["--from", "a", "--to", "b"];
    let no_such = ["diagnose", "/no/such", ask[0], ask[1], ask[2], ask[3]];
    fails(&no_such, 2, "cannot read `/no/such`: No such file");
    fails(
        &["serve", "x", "--listen", "0.0.0.0:80"],
        2,
        "is not a loopback address",
    );
}

#[test]
fn a_folder_of_something_else_is_no_capture() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    fails(
        &["diagnose", folder, "--from", "pod:a/b", "--to", "10.0.0.1"],
        2,
        "is no capture",
    );
    fails(&["seal", folder, "-o", "/dev/null/x"], 2, "is no capture");
}

#[test]
fn a_name_that_is_not_there_gets_near_names() {
    let (_folder, capture) = capture();
    let capture = capture.to_str().unwrap();
    let ask = [
        "--from",
        "pod:default/wbe-1",
        "--to",
        "10.77.0.2",
        "--port",
        "80",
    ];
    let output = pathglass(&[&["diagnose", capture], &ask[..]].concat());
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("--from: ") && stderr.contains("default/web-1"),
        "{stderr}"
    );
}

#[test]
fn an_unknown_field_of_the_expectations_names_its_place() {
    let (folder, capture) = capture();
    let file = path(&folder, "e.json");
    std::fs::write(
        &file,
        "{\"schema\": \"pathglass.expectations/v1\",\n \"flow\": []}",
    )
    .unwrap();
    let message = "line 2, column 7: unknown field `flow`";
    fails(&["assert", capture.to_str().unwrap(), &file], 2, message);
}

#[test]
fn an_empty_file_of_expectations_is_an_error() {
    let (folder, capture) = capture();
    let file = expectations(&folder, "");
    let message = "`flows` is empty: there is nothing to check";
    fails(&["assert", capture.to_str().unwrap(), &file], 2, message);
}

#[test]
fn a_flow_that_cannot_be_asked_does_not_hold() {
    let (folder, capture) = capture();
    let file = expectations(&folder, NO_SUCH);
    for (format, part) in [
        ("text", "0 of 1 flows hold"),
        ("json", "\"held\": false"),
        ("junit", "<failure message=\"from: "),
    ] {
        let output = pathglass(&[
            "assert",
            capture.to_str().unwrap(),
            &file,
            "--format",
            format,
        ]);
        let stdout = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        assert!(stdout.contains(part), "{stdout}");
    }
}

#[test]
fn a_pipe_gets_no_colour_unless_it_is_forced() {
    let (folder, capture) = capture();
    let file = expectations(&folder, NO_SUCH);
    let run = |variable: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pathglass"));
        command.args(["assert", capture.to_str().unwrap(), &file]);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        text(&command.env(variable, "1").output().unwrap().stdout)
    };
    assert!(!run("PATHGLASS_NOTHING").contains('\u{1b}'));
    assert!(run("CLICOLOR_FORCE").contains('\u{1b}'));
    assert!(!run("NO_COLOR").contains('\u{1b}'));
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pathglass"))
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn keygen_writes_a_private_file_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let key = path(&folder, "key.pem");
    let public = succeeds(&["keygen", "-o", &key, "--name", "ops"]);
    assert!(
        public.starts_with("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"),
        "{public}"
    );
    assert!(public.ends_with(" ops\n"), "{public}");
    assert_eq!(
        std::fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let before = std::fs::read(&key).unwrap();
    fails(&["keygen", "-o", &key], 2, "keys are not overwritten");
    assert_eq!(std::fs::read(&key).unwrap(), before);
}

#[test]
fn a_key_that_is_none_is_an_input_error() {
    let (folder, capture) = capture();
    let (out, bad) = (path(&folder, "out.pathglass"), path(&folder, "bad.pem"));
    std::fs::write(&bad, "not a key").unwrap();
    let capture = capture.to_str().unwrap();
    fails(
        &["seal", capture, "-o", &out, "--key", &bad],
        2,
        "is no Ed25519 private key",
    );
    fails(
        &["seal", capture, "-o", &out, "--recipient", "age1nonsense"],
        2,
        "is no age recipient",
    );
    let ask = ["--from", "a", "--to", "b", "--trust", "nonsense"];
    fails(&[&["diagnose", capture], &ask[..]].concat(), 2, "--trust: ");
    assert!(!Path::new(&out).exists());
}

#[test]
fn inspect_counts_and_tells_the_age() {
    let (_folder, capture) = capture();
    let printed = succeeds(&["inspect", capture.to_str().unwrap()]);
    for part in [
        "pods 1",
        "2026-01-31T12:00:00Z (",
        "nodes/n1: 2 files, 1 pods",
        "ip-link.json not-tried: 2 namespaces",
        "ipvsadm-save.txt not-tried: nodes/n1/pods/default_web-1",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
}

#[test]
fn a_sealed_capture_verifies_opens_and_is_pruned() {
    let (folder, capture) = capture();
    let [key, out, trust, opened] =
        ["key.pem", "out.pathglass", "trust.pub", "opened"].map(|name| path(&folder, name));
    let public = succeeds(&["keygen", "-o", &key, "--name", "ops"]);
    std::fs::write(&trust, &public).unwrap();
    succeeds(&["seal", capture.to_str().unwrap(), "-o", &out, "--key", &key]);
    assert!(succeeds(&["verify", &out]).contains("signed by an unknown key"));
    for trust in [trust.as_str(), public.trim()] {
        let printed = succeeds(&["verify", &out, "--trust", trust, "--require-trusted"]);
        assert!(printed.contains("signed by ops"), "{printed}");
    }
    assert_eq!(
        pathglass(&["verify", &out, "--require-trusted"])
            .status
            .code(),
        Some(1)
    );
    succeeds(&["open", &out, "-o", &opened]);
    let pods = std::fs::read_to_string(Path::new(&opened).join("kube/pods.json")).unwrap();
    assert!(pods.contains("web-1") && !pods.contains("CANARY"), "{pods}");
    fails(&["open", &out, "-o", &opened], 2, "is not empty");
    let printed = succeeds(&["inspect", &out]);
    assert!(
        printed.contains("pods 1") && printed.contains("2026-01-31T12:00:00Z"),
        "{printed}"
    );
}

#[test]
fn a_changed_byte_is_damage() {
    let (folder, capture) = capture();
    let (out, opened) = (path(&folder, "out.pathglass"), path(&folder, "opened"));
    succeeds(&["seal", capture.to_str().unwrap(), "-o", &out]);
    let mut bytes = std::fs::read(&out).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&out, bytes).unwrap();
    fails(&["verify", &out], 1, "DAMAGED");
    fails(&["open", &out, "-o", &opened], 2, "error: ");
    assert!(!Path::new(&opened).exists());
}

#[test]
fn an_encrypted_snapshot_opens_with_its_passphrase_only() {
    let (folder, capture) = capture();
    let [out, right, wrong] = ["out.age", "right", "wrong"].map(|name| path(&folder, name));
    std::fs::write(&right, "correct horse\n").unwrap();
    std::fs::write(&wrong, "battery staple\n").unwrap();
    succeeds(&[
        "seal",
        capture.to_str().unwrap(),
        "-o",
        &out,
        "--passphrase-file",
        &right,
    ]);
    assert!(
        std::fs::read(&out)
            .unwrap()
            .starts_with(b"age-encryption.org/v1")
    );
    fails(&["verify", &out], 2, "is encrypted: give --identity");
    fails(
        &["verify", &out, "--passphrase-file", &wrong],
        2,
        "encrypted",
    );
    succeeds(&["verify", &out, "--passphrase-file", &right]);
}

/// A reader never sees a part of a snapshot, whenever sealing is killed.
#[test]
fn a_killed_seal_leaves_no_half_file() {
    let (folder, capture) = capture();
    let mut rules = String::new();
    for index in 0..100_000_u64 {
        let noise = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        rules.push_str(&format!(
            "-A KUBE-SVC -m comment --comment {noise:x} -j KUBE-SEP-{noise:X}\n"
        ));
    }
    std::fs::write(capture.join("nodes/n1/host/iptables-save.txt"), rules).unwrap();
    let out = path(&folder, "out.pathglass");
    let mut n_killed = 0;
    for milliseconds in [1, 10, 30, 60, 100, 150, 250, 400] {
        let _ = std::fs::remove_file(&out);
        let mut child = Command::new(env!("CARGO_BIN_EXE_pathglass"))
            .args(["seal", capture.to_str().unwrap(), "-o", &out])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        child.kill().unwrap();
        n_killed += usize::from(!child.wait().unwrap().success());
        if Path::new(&out).exists() {
            succeeds(&["verify", &out]);
        }
    }
    assert!(n_killed > 0, "sealing was always quicker than the kill");
}
