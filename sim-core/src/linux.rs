//! Kernel semantics; knows nothing of Kubernetes.
