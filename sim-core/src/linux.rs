//! Kernel semantics; knows nothing of Kubernetes.

pub mod arp;
pub mod bytes;
pub mod choice;
pub mod conntrack;
pub mod fib;
pub mod icmp;
pub mod ipvs;
pub mod nat_range;
pub mod netfilter;
pub mod packet;
pub mod socket;
pub mod source_address;
mod surroundings;
pub mod sysctl;
