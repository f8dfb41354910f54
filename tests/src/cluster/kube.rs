//! The kube objects: as the API server lists them, without what no one reads.

use serde_json::{Value, json};

use super::{NODES, Pod, SERVICE_PORT, Service, TARGET_PORT, node_address, octet, put};
use crate::corpus::Files;

pub(super) fn write(files: &mut Files, pods: &[Pod], services: &[Service]) {
    let nodes: Vec<Value> = (0..NODES.len()).map(node).collect();
    list(files, "nodes", "NodeList", &nodes);
    list(
        files,
        "pods",
        "PodList",
        &pods.iter().map(pod).collect::<Vec<_>>(),
    );
    list(
        files,
        "services",
        "ServiceList",
        &services.iter().map(service).collect::<Vec<_>>(),
    );
    let slices: Vec<Value> = services.iter().map(slice).collect();
    list(files, "endpointslices", "EndpointSliceList", &slices);
}

fn list(files: &mut Files, name: &str, kind: &str, items: &[Value]) {
    let list = json!({"apiVersion": "v1", "kind": kind, "items": items, "metadata": {"resourceVersion": ""}});
    put(files, &format!("kube/{name}.json"), list.to_string());
}

fn node(node: usize) -> Value {
    let name = NODES.get(node);
    let cidr = format!("10.244.{}.0/24", octet(node));
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {"podCIDR": cidr, "podCIDRs": [cidr]},
        "status": {"addresses": [
            {"address": node_address(node), "type": "InternalIP"},
            {"address": name, "type": "Hostname"},
        ], "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

fn pod(pod: &Pod) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": pod.name, "namespace": "default", "labels": {"app": if pod.listens { "web" } else { "client" }}},
        "spec": {"nodeName": NODES.get(pod.node), "containers": [
            {"name": "web", "image": "registry.example/web:1", "ports": [{"containerPort": TARGET_PORT, "protocol": "TCP"}]},
        ]},
        "status": {
            "phase": "Running", "hostIP": node_address(pod.node),
            "podIP": pod.address, "podIPs": [{"ip": pod.address}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

fn service(service: &Service) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": service.name, "namespace": "bench"},
        "spec": {
            "clusterIP": service.address, "clusterIPs": [service.address],
            "ports": [{"name": "http", "port": SERVICE_PORT, "protocol": "TCP", "targetPort": TARGET_PORT}],
            "selector": {"app": "web"}, "sessionAffinity": "None", "type": "ClusterIP",
        },
        "status": {"loadBalancer": {}},
    })
}

fn slice(service: &Service) -> Value {
    let endpoints: Vec<Value> = (service.endpoints.iter())
        .map(|pod| {
            json!({
                "addresses": [pod.address], "conditions": {"ready": true}, "nodeName": NODES.get(pod.node),
                "targetRef": {"kind": "Pod", "name": pod.name, "namespace": "default"},
            })
        })
        .collect();
    json!({
        "addressType": "IPv4", "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "endpoints": endpoints,
        "metadata": {
            "name": format!("{}-abcde", service.name), "namespace": "bench",
            "labels": {"kubernetes.io/service-name": service.name},
        },
        "ports": [{"name": "http", "port": TARGET_PORT, "protocol": "TCP"}],
    })
}
