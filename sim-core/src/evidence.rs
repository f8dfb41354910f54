//! One parser per captured format; every parsed item keeps its `Source`.

pub mod address;
pub mod bpf;
pub mod bridge;
pub mod cloud;
pub mod counters;
pub mod ipset;
pub mod ipvs;
pub mod kube;
pub mod link;
pub mod mac;
pub mod manifest;
pub mod neighbour;
pub mod netns;
pub mod nexthop;
pub mod nft;
pub mod resolv;
pub mod route;
pub mod rule;
pub mod socket;
pub mod sysctl;
pub mod tc;
pub mod wireguard;
pub mod xtables;
