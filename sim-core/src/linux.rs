//! Kernel semantics; knows nothing of Kubernetes.

pub mod choice;
pub mod netfilter;
pub mod packet;
