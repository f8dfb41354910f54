//! Paths inside a capture: which are safe, and what machine and namespace they belong to.

/// The longest path that a capture may hold, in bytes.
const MAX_LENGTH: usize = 1024;

/// Where a file of a machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MachineFile<'a> {
    /// `nodes/<node>` or `fabric/<name>`.
    pub(crate) machine: &'a str,
    /// The path below the machine, e.g. `host/ip-addr.json`.
    pub(crate) rest: &'a str,
    /// The network namespace, e.g. `nodes/n1/host`; none for files of the machine as a whole.
    pub(crate) namespace: Option<&'a str>,
}

/// What is wrong with `path` as a name in an archive; nothing where it is safe on every system.
pub(crate) fn complaint(path: &str) -> Option<&'static str> {
    if path.is_empty() || path.len() > MAX_LENGTH {
        return Some("a path must have 1 to 1024 bytes");
    }
    if path.contains('\\') {
        return Some("a path must not contain a backslash");
    }
    if path.chars().any(char::is_control) {
        return Some("a path must not contain control characters");
    }
    if path.starts_with('/') || path.as_bytes().get(1) == Some(&b':') {
        return Some("a path must not be absolute");
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Some("a path must not contain empty, `.` or `..` components");
    }
    None
}

/// Splits `path` where it is a file of a node or of the fabric.
pub(crate) fn machine_file(path: &str) -> Option<MachineFile<'_>> {
    let (area, rest) = path.split_once('/')?;
    if area != "nodes" && area != "fabric" {
        return None;
    }
    let (name, rest) = rest.split_once('/')?;
    let machine = path.get(..area.len() + 1 + name.len())?;
    let namespace = match (area, rest.split_once('/')) {
        ("fabric", _) => Some(machine).filter(|_| rest != "capture.json"),
        (_, Some(("host", _))) => path.get(..machine.len() + "/host".len()),
        (_, Some(("pods", below))) => (below.split_once('/'))
            .and_then(|(pod, _)| path.get(..machine.len() + "/pods/".len() + pod.len())),
        (_, Some(_) | None) => None,
    };
    Some(MachineFile {
        machine,
        rest,
        namespace,
    })
}

/// The machine that the namespace path `namespace` belongs to.
pub(crate) fn machine_of(namespace: &str) -> Option<&str> {
    let (area, rest) = namespace.split_once('/')?;
    if area != "nodes" && area != "fabric" {
        return None;
    }
    let name = rest.split('/').next()?;
    namespace.get(..area.len() + 1 + name.len())
}

/// The resource and the part's name where `path` is a part of a split list: `kube/pods/n1.json`.
pub(crate) fn list_part(path: &str) -> Option<(&str, &str)> {
    let (resource, part) = path.strip_prefix("kube/")?.split_once('/')?;
    Some((resource, part.strip_suffix(".json")?)).filter(|(_, part)| !part.contains('/'))
}

/// The resource where `path` is a whole list: `pods` for `kube/pods.json`.
pub(crate) fn list(path: &str) -> Option<&str> {
    let resource = path.strip_prefix("kube/")?.strip_suffix(".json")?;
    Some(resource).filter(|resource| !resource.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_know_their_machine_and_namespace() {
        let check = |path, expected| {
            let got = machine_file(path).map(|file| (file.machine, file.rest, file.namespace));
            assert_eq!(got, expected, "{path}");
        };
        check(
            "nodes/n1/host/ss.txt",
            Some(("nodes/n1", "host/ss.txt", Some("nodes/n1/host"))),
        );
        check(
            "nodes/n1/pods/a_b/ss.txt",
            Some(("nodes/n1", "pods/a_b/ss.txt", Some("nodes/n1/pods/a_b"))),
        );
        check(
            "fabric/router/ss.txt",
            Some(("fabric/router", "ss.txt", Some("fabric/router"))),
        );
        check(
            "nodes/n1/capture.json",
            Some(("nodes/n1", "capture.json", None)),
        );
        check(
            "nodes/n1/pods/stray.txt",
            Some(("nodes/n1", "pods/stray.txt", None)),
        );
        check("nodes/stray.txt", None);
        check("kube/pods.json", None);
    }

    #[test]
    fn unsafe_paths_are_refused() {
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a/./b",
            "a\\b",
            "C:/x",
            "a\0b",
            "a/",
        ] {
            assert!(complaint(path).is_some(), "{path}");
        }
        assert_eq!(complaint("nodes/n1/pods/ns_pod/ip-addr.json"), None);
    }
}
