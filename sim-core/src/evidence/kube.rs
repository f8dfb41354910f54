//! `kube/<resource>.json`: Kubernetes objects, as `kubectl get <resource> -A -o json` prints them.

pub mod config;
pub mod endpoints;
pub mod generic;
pub mod meta;
pub mod node;
pub mod pod;
pub mod policy;
pub mod selector;
pub mod service;
