//! Kubernetes objects as real API servers give them.
