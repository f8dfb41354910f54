//! What the evidence describes: machines, their network namespaces, kube objects; with its gaps.

mod namespace;

pub use namespace::Namespace;
