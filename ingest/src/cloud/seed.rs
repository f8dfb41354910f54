//! Where a pull begins: the servers and load balancers that a cluster's own objects name.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::Provider;
use super::plan::is_plain;
use super::table::{Ids, Kind};
use crate::error::CommandError;

/// What the objects in `kube/` tell.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seeds {
    /// Servers, load balancers and their addresses.
    pub ids: Ids,
    /// Kinds of which ids may be missing, and why.
    pub incomplete: BTreeMap<Kind, String>,
    /// Nodes that are left out, and why.
    pub left_out: Vec<String>,
}

impl Seeds {
    fn add(&mut self, kind: Kind, id: &str) {
        if is_plain(id) {
            self.ids.entry(kind).or_default().insert(id.to_owned());
        }
    }

    /// Notes what cannot be known without `resource`.
    fn lack(&mut self, provider: Provider, resource: &str, why: &str) {
        use Kind::{Alb, AlbHost, Clb, ClbAddress, Nlb, NlbHost};
        let kinds: &[Kind] = match (provider, resource) {
            (Provider::Aliyun, "ingresses") => &[Alb, AlbHost],
            (Provider::Aliyun, _) => &[Clb, ClbAddress, Nlb, NlbHost],
            (Provider::Tencent, _) => &[Clb, ClbAddress],
        };
        for kind in kinds {
            let reason = format!("kube/{resource}.json {why}, which names load balancers");
            self.incomplete.entry(*kind).or_insert(reason);
        }
    }
}

/// Reads the `kube/` folder of the capture at `folder`.
///
/// # Errors
/// When there are no nodes in it.
pub fn read(folder: &Path, provider: Provider, region: &str) -> Result<Seeds, CommandError> {
    let nodes = objects(folder, "nodes")?;
    if nodes.is_empty() {
        let message = "has no kube/nodes.json: put the cluster's objects there first, kubectl get nodes -A -o json > \
                       kube/nodes.json, and services and ingresses likewise";
        return Err(CommandError::input(folder, message));
    }
    let mut seeds = Seeds::default();
    for node in &nodes {
        add_node(&mut seeds, node, provider, region);
    }
    for resource in ["services", "ingresses"] {
        if let Some(why) = lacking(folder, resource)? {
            seeds.lack(provider, resource, why);
        }
    }
    for service in objects(folder, "services")? {
        if text(&service, "/spec/type") == Some("LoadBalancer") {
            add_balancer(&mut seeds, &service, provider);
        }
    }
    for ingress in objects(folder, "ingresses")? {
        add_balancer(&mut seeds, &ingress, provider);
    }
    Ok(seeds)
}

/// Why the objects of `resource` are not all there, if so.
fn lacking(folder: &Path, resource: &str) -> Result<Option<&'static str>, CommandError> {
    let file = folder.join("capture.json");
    let capture: Value = match std::fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| CommandError::input(&file, format!("is no JSON: {error}")))?,
        Err(_) => Value::Null,
    };
    let state = capture
        .pointer(&format!("/namespaces/kube/{resource}.json"))
        .map(|file| file.get("state").unwrap_or(file));
    let kube = folder.join("kube");
    let is_there = kube.join(format!("{resource}.json")).is_file() || kube.join(resource).is_dir();
    Ok(match state.and_then(Value::as_str) {
        Some("failed" | "not-tried") => Some("was not captured"),
        Some("absent" | "empty") => None,
        Some(_) | None if is_there => None,
        Some(_) | None => Some("is missing"),
    })
}

/// The objects of a resource: one list, or its parts.
fn objects(folder: &Path, resource: &str) -> Result<Vec<Value>, CommandError> {
    let kube = folder.join("kube");
    let mut files = vec![kube.join(format!("{resource}.json"))];
    if let Ok(parts) = std::fs::read_dir(kube.join(resource)) {
        files.extend(parts.flatten().map(|part| part.path()));
    }
    files.sort();
    let mut objects = Vec::new();
    for file in files.iter().filter(|file| file.is_file()) {
        let bytes = std::fs::read(file).map_err(CommandError::io("read", file))?;
        let list: Value = serde_json::from_slice(&bytes)
            .map_err(|error| CommandError::input(file, format!("is no JSON: {error}")))?;
        if let Some(Value::Array(items)) = list.get("items") {
            objects.extend(items.iter().cloned());
        }
    }
    Ok(objects)
}

fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object
        .pointer(pointer)?
        .as_str()
        .filter(|text| !text.is_empty())
}

fn add_node(seeds: &mut Seeds, node: &Value, provider: Provider, region: &str) {
    let name = text(node, "/metadata/name").unwrap_or("?").to_owned();
    let provider_id = text(node, "/spec/providerID").unwrap_or_default();
    let instance = match provider {
        // `cn-hangzhou.i-…`, or `alicloud://cn-hangzhou.i-…`.
        Provider::Aliyun => {
            let id = provider_id
                .strip_prefix("alicloud://")
                .unwrap_or(provider_id);
            match id.split_once('.') {
                Some((at, id)) if at == region => Some(id).filter(|id| id.starts_with("i-")),
                _ => None,
            }
        }
        // `qcloud:///<zone>/ins-…`, or `tencentcloud:///<zone>/ins-…`.
        Provider::Tencent => provider_id
            .split_once("cloud:///")
            .and_then(|(_, rest)| rest.rsplit('/').next())
            .filter(|id| id.starts_with("ins-")),
    };
    match instance {
        Some(id) => seeds.add(Kind::Instance, id),
        None => seeds.left_out.push(match provider_id {
            "" => format!("node {name} has no provider id"),
            id => format!(
                "node {name} is no server of {} in {region}: {id}",
                provider.name()
            ),
        }),
    }
}

/// Where a Service's or Ingress's load balancer is named: labels and annotations, the first that is there.
const ALIYUN_IDS: &[&str] = &[
    "/metadata/labels/service.k8s.alibaba~1loadbalancer-id",
    "/metadata/annotations/service.beta.kubernetes.io~1alibaba-cloud-loadbalancer-id",
    "/metadata/annotations/service.beta.kubernetes.io~1alicloud-loadbalancer-id",
];
const TENCENT_IDS: &[&str] = &[
    "/metadata/annotations/service.kubernetes.io~1loadbalance-id",
    "/metadata/annotations/service.kubernetes.io~1tke-existed-lbid",
    "/metadata/annotations/kubernetes.io~1ingress.qcloud-loadbalance-id",
    "/metadata/annotations/kubernetes.io~1ingress.existLbId",
];

fn add_balancer(seeds: &mut Seeds, object: &Value, provider: Provider) {
    let places = match provider {
        Provider::Aliyun => ALIYUN_IDS,
        Provider::Tencent => TENCENT_IDS,
    };
    if let Some(id) = places.iter().find_map(|place| text(object, place)) {
        let kind = match provider {
            Provider::Aliyun if id.starts_with("nlb-") => Kind::Nlb,
            Provider::Aliyun if id.starts_with("alb-") => Kind::Alb,
            Provider::Aliyun | Provider::Tencent => Kind::Clb,
        };
        seeds.add(kind, id);
        return;
    }
    let points = object.pointer("/status/loadBalancer/ingress");
    for point in points.and_then(Value::as_array).into_iter().flatten() {
        if let Some(address) = text(point, "/ip") {
            seeds.add(Kind::ClbAddress, address);
        }
        match text(point, "/hostname") {
            Some(name) if name.contains(".nlb.") => seeds.add(Kind::NlbHost, name),
            Some(name) if name.contains(".alb.") => seeds.add(Kind::AlbHost, name),
            Some(_) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read_kube(lists: &[(&str, Value)], provider: Provider, region: &str) -> Seeds {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("kube")).unwrap();
        for (resource, items) in lists {
            let file = folder.path().join(format!("kube/{resource}.json"));
            std::fs::write(file, json!({"items": items}).to_string()).unwrap();
        }
        read(folder.path(), provider, region).unwrap()
    }

    fn node(name: &str, id: &str) -> Value {
        json!({"metadata": {"name": name}, "spec": {"providerID": id}})
    }

    #[test]
    fn nodes_and_services_name_servers_and_load_balancers() {
        let id = |id| json!({"metadata": {"labels": {"service.k8s.alibaba/loadbalancer-id": id}}, "spec": {"type": "LoadBalancer"}});
        let at = |point: Value| json!({"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [point]}}});
        let seeds = read_kube(
            &[
                (
                    "nodes",
                    json!([
                        node("a", "cn-hangzhou.i-1"),
                        node("b", "alicloud://cn-hangzhou.i-2"),
                        node("c", "cn-beijing.i-3"),
                        node("d", "")
                    ]),
                ),
                (
                    "services",
                    json!([id("lb-1"), id("nlb-1"), at(json!({"ip": "192.0.2.1"})),
                    at(json!({"hostname": "nlb-2.cn-hangzhou.nlb.aliyuncs.com"})), {"spec": {"type": "ClusterIP"}}]),
                ),
                (
                    "ingresses",
                    json!([at(
                        json!({"hostname": "alb-2.cn-hangzhou.alb.aliyuncs.com"})
                    )]),
                ),
            ],
            Provider::Aliyun,
            "cn-hangzhou",
        );
        let of = |kind| {
            seeds
                .ids
                .get(&kind)
                .into_iter()
                .flatten()
                .cloned()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(of(Kind::Instance), "i-1 i-2");
        assert_eq!(
            (of(Kind::Clb).as_str(), of(Kind::Nlb).as_str()),
            ("lb-1", "nlb-1")
        );
        assert_eq!(of(Kind::ClbAddress), "192.0.2.1");
        assert_eq!(of(Kind::NlbHost), "nlb-2.cn-hangzhou.nlb.aliyuncs.com");
        assert_eq!(of(Kind::AlbHost), "alb-2.cn-hangzhou.alb.aliyuncs.com");
        assert_eq!(
            seeds.left_out,
            [
                "node c is no server of aliyun in cn-hangzhou: cn-beijing.i-3",
                "node d has no provider id"
            ]
        );
    }

    #[test]
    fn tencents_names() {
        let service = json!({"metadata": {"annotations": {"service.kubernetes.io/loadbalance-id": "lb-1"}},
            "spec": {"type": "LoadBalancer"}});
        let seeds = read_kube(
            &[
                (
                    "nodes",
                    json!([
                        node("a", "qcloud:///100003/ins-1"),
                        node("b", "tencentcloud:///ap-guangzhou-3/ins-2")
                    ]),
                ),
                ("services", json!([service])),
            ],
            Provider::Tencent,
            "ap-guangzhou",
        );
        assert_eq!(seeds.ids[&Kind::Instance].len(), 2);
        assert_eq!(seeds.ids[&Kind::Clb].len(), 1);
    }
}
