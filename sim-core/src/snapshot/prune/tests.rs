//! The canary: a marker in every string field; only allow-listed ones survive.

use super::*;
use serde_json::json;

const CANARY: &str = "CANARY";

/// Every resource as a real cluster has it, a marker in each place where a secret has been seen or could be.
const WORLD: &str = include_str!("canary.json");

#[test]
fn markers_survive_in_allow_listed_fields_only() {
    let Value::Object(world) = serde_json::from_str(WORLD).unwrap() else {
        panic!("the world is a map")
    };
    for (resource, item) in world {
        let mut marked = item;
        // The kind and the name decide what the object is.
        let (kind, name) = (marked["kind"].clone(), marked["metadata"]["name"].clone());
        mark(&mut marked, "");
        (marked["kind"], marked["metadata"]["name"]) = (kind, name);
        let list = json!({"items": [marked]}).to_string();
        let Pruned::Kept(kept) = prune(&format!("kube/{resource}.json"), list.as_bytes()) else {
            assert!(
                matches!(resource.as_str(), "secrets" | "events" | "leases"),
                "{resource} is dropped"
            );
            continue;
        };
        let kept: Value = serde_json::from_slice(&kept).unwrap();
        let mut survivors = Vec::new();
        survived(&kept["items"][0], "", &mut survivors);
        let allowed: Vec<&str> = Resource::find(&resource).unwrap().patterns().collect();
        for survivor in &survivors {
            let is_data = resource == "configmaps" && survivor.starts_with("data.");
            assert!(
                is_data || allowed.iter().any(|pattern| fits(pattern, survivor)),
                "{resource}: {survivor} survived"
            );
        }
        assert!(
            survivors.len() >= 8,
            "{resource}: only {survivors:?} survived"
        );
        for forbidden in [
            "env",
            "args",
            "command",
            "volumes",
            "volumeMounts",
            "managedFields",
            "stringData",
            "token",
        ] {
            let stands = |path: &String| path.split(['.', '[']).any(|part| part == forbidden);
            assert!(
                !survivors.iter().any(stands),
                "{resource}: {forbidden} survived"
            );
        }
    }
}

#[test]
fn a_secret_in_any_list_does_not_survive() {
    for resource in kube::RESOURCES
        .iter()
        .filter(|resource| !resource.kind.is_empty())
    {
        let secret = json!({"kind": "Secret", "metadata": {"name": "kube-proxy"}, "data": {"config.conf": CANARY},
            "stringData": {"a": CANARY}, "spec": {"a": CANARY}, "status": {"a": CANARY}});
        let list = json!({"items": [secret]}).to_string();
        let Pruned::Kept(kept) = prune(&format!("kube/{}.json", resource.name), list.as_bytes())
        else {
            continue;
        };
        assert!(
            !String::from_utf8_lossy(&kept).contains(CANARY),
            "{}",
            resource.name
        );
        assert!(
            String::from_utf8_lossy(&kept).contains("[\nnull\n]"),
            "it keeps its place: {}",
            resource.name
        );
    }
    for path in [
        "kube/secrets.json",
        "kube/unheardof.json",
        "kube/nested/deep/x.json",
        "kube/readme.txt",
    ] {
        assert!(
            matches!(prune(path, br#"{"items":[]}"#), Pruned::Dropped(_)),
            "{path}"
        );
    }
}

#[test]
fn config_maps_keep_listed_names_and_keys() {
    let config_map = |name: &str, data: Value| {
        let list =
            json!({"items": [{"kind": "ConfigMap", "metadata": {"name": name}, "data": data}]})
                .to_string();
        let Pruned::Kept(kept) = prune("kube/configmaps.json", list.as_bytes()) else {
            panic!("dropped")
        };
        serde_json::from_slice::<Value>(&kept).unwrap()["items"][0]["data"].clone()
    };
    let proxy = config_map(
        "kube-proxy",
        json!({"config.conf": "mode: ipvs", "kubeconfig.conf": CANARY}),
    );
    assert_eq!(proxy, json!({"config.conf": "mode: ipvs"}));
    let eni = json!({"version": "1", "access_key": CANARY, "access_secret": CANARY, "vswitches": {"z": ["vsw-1"]}});
    let eni = config_map(
        "eni-config",
        json!({"eni_conf": eni.to_string(), "other": CANARY}),
    );
    assert_eq!(
        eni,
        json!({"eni_conf": "{\"version\":\"1\",\"vswitches\":{\"z\":[\"vsw-1\"]}}"})
    );
    assert_eq!(
        config_map("app-config", json!({"password": CANARY})),
        Value::Null
    );
}

#[test]
fn pruning_twice_is_pruning_once() {
    let Value::Object(world) = serde_json::from_str(WORLD).unwrap() else {
        panic!("the world is a map")
    };
    for (resource, item) in world {
        let path = format!("kube/{resource}.json");
        let list = json!({"items": [item, null, 7]}).to_string();
        let Pruned::Kept(once) = prune(&path, list.as_bytes()) else {
            continue;
        };
        assert_eq!(
            prune(&path, &once),
            Pruned::Kept(once.as_ref().into()),
            "{resource}"
        );
    }
}

#[test]
fn a_folder_is_pruned_when_nothing_would_be_taken_away() {
    let folder = |path: &str, text: &str| Files::from([(path.to_owned(), text.as_bytes().into())]);
    let pod = |more: &str| {
        format!(r#"{{ "items": [ {{"kind": "Pod", "metadata": {{"name": "a"}}{more} }} ] }}"#)
    };
    assert!(is_pruned(&folder("kube/pods.json", &pod(""))));
    assert!(!is_pruned(&folder(
        "kube/pods.json",
        &pod(r#","spec":{"volumes":[{"name":"v"}]}"#)
    )));
    assert!(!is_pruned(&folder("kube/secrets.json", r#"{"items":[]}"#)));
    assert!(!is_pruned(&folder(
        "nodes/n/host/wg.txt",
        "wg0\tKEY\tPUB\t1\toff\n"
    )));
    assert!(is_pruned(&folder(
        "nodes/n/host/wg.txt",
        "wg0\t(hidden)\tPUB\t1\toff\n"
    )));
}

#[test]
fn unknown_files_stay_unless_they_look_like_secrets() {
    assert_eq!(
        prune("nodes/n/host/new.json", b"{}"),
        Pruned::Kept(b"{}".into())
    );
    assert!(matches!(
        prune("id_rsa", b"-----BEGIN OPENSSH PRIVATE KEY-----"),
        Pruned::Dropped(_)
    ));
    assert!(matches!(
        prune("dump.yaml", b"apiVersion: v1\nkind: Secret\n"),
        Pruned::Dropped(_)
    ));
    assert!(matches!(
        prune("kube-dump.json", br#"{"kind": "Secret"}"#),
        Pruned::Dropped(_)
    ));
}

/// Puts a marker into every string, with its path.
fn mark(value: &mut Value, path: &str) {
    match value {
        Value::String(text) => *text = format!("{CANARY} {path}"),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| mark(item, &format!("{path}[]"))),
        Value::Object(map) => {
            for (key, value) in map {
                mark(value, format!("{path}.{key}").trim_start_matches('.'));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn survived(value: &Value, path: &str, survivors: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with(CANARY) => survivors.push(path.to_owned()),
        Value::Array(items) => items
            .iter()
            .for_each(|item| survived(item, &format!("{path}[]"), survivors)),
        Value::Object(map) => {
            for (key, value) in map {
                survived(
                    value,
                    format!("{path}.{key}").trim_start_matches('.'),
                    survivors,
                );
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether the allow-list's `pattern` names `path`, judged apart from the code under test.
fn fits(pattern: &str, path: &str) -> bool {
    if let Some(above) = pattern.strip_suffix(".<network>") {
        let key = path
            .strip_prefix(above)
            .and_then(|rest| rest.strip_prefix('.'));
        return key.is_some_and(|key| {
            allow::ANNOTATIONS
                .iter()
                .any(|allowed| key == *allowed || key.starts_with(allowed.trim_end_matches('*')))
        });
    }
    if let Some(above) = pattern.strip_suffix(".**") {
        return path.starts_with(&format!("{above}."));
    }
    if let Some(above) = pattern.strip_suffix(".*") {
        // Label keys have stops in them, but are not maps.
        return path
            .strip_prefix(&format!("{above}."))
            .is_some_and(|key| !key.contains("[]"));
    }
    pattern == path
}
