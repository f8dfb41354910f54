//! Alibaba Cloud's load balancers: CLB (`slb`), NLB and ALB, as their APIs describe them.

mod clb;
mod groups;
mod layers;
mod reported;
mod zones;

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::body::{Body, Responses};
use super::{Balancer, Captured, Scheduler, State};

/// All load balancers of a region.
pub(crate) fn balancers(responses: Responses<'_>) -> Vec<Balancer> {
    let mut all = clb::balancers(responses);
    all.extend(layers::balancers(responses, layers::Kind::Network));
    all.extend(layers::balancers(responses, layers::Kind::Application));
    let elastic = elastic_addresses(responses);
    for balancer in &mut all {
        let own = elastic.get(&balancer.id).into_iter().flatten();
        for address in own {
            if !balancer.addresses.contains(address) {
                balancer.addresses.push(*address);
            }
        }
    }
    all
}

/// Elastic addresses that stand for a load balancer's private one, by its id.
fn elastic_addresses(responses: Responses<'_>) -> BTreeMap<String, Vec<IpAddr>> {
    let mut elastic: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for body in responses.all("vpc", "DescribeEipAddresses") {
        for eip in body.list("EipAddresses", "EipAddress") {
            let of_balancer = eip.word("InstanceType") == "slbinstance";
            if let (true, Some(id), Some(address)) = (
                of_balancer,
                eip.text("InstanceId"),
                eip.address("IpAddress"),
            ) {
                elastic.entry(id).or_default().push(address);
            }
        }
    }
    elastic
}

/// Between two states: whether anything is taken meanwhile is not documented.
const BETWEEN: &[&str] = &["starting", "stopping"];

/// A state by the word that means it works.
fn state(body: &Body<'_>, key: &str, works: &[&str]) -> State {
    let is_of = |word: &str, all: &[&str]| all.iter().any(|one| word.eq_ignore_ascii_case(one));
    match body.text(key) {
        None => State::Unknown(body.source().file().to_owned()),
        Some(word) if is_of(&word, works) => State::Running,
        Some(word) if is_of(&word, BETWEEN) => State::Unknown(format!("{key} {word}")),
        Some(word) => State::Not(word),
    }
}

/// The state of an NLB or ALB: one whose business is `Abnormal`, for bills or for safety, may do nothing.
fn state_of_business(body: &Body<'_>) -> State {
    let keys = ["LoadBalancerBusinessStatus", "LoadBalancerBussinessStatus"];
    let abnormal = keys.iter().filter_map(|key| Some((key, body.text(key)?)));
    let mut abnormal = abnormal.filter(|(_, word)| !word.eq_ignore_ascii_case("normal"));
    match (
        state(body, "LoadBalancerStatus", &["active", "configuring"]),
        abnormal.next(),
    ) {
        (State::Running, Some((key, word))) => State::Unknown(format!("{key} {word}")),
        (state, _) => state,
    }
}

/// The entries of an access list; where one cannot be read, whom the list holds is not known.
fn entries(answer: &Body<'_>, (list, item): (&str, &str), key: &str) -> Captured<Vec<IpNet>> {
    let all = answer.list(list, item);
    let texts = all.iter().map(|entry| entry.text(key).unwrap_or_default());
    texts
        .map(|text| super::net(&text).ok_or_else(|| format!("the entry `{text}`")))
        .collect()
}

fn scheduler(word: &str) -> Scheduler {
    match word {
        "rr" => Scheduler::Even,
        "" | "wrr" => Scheduler::Weighted,
        other => Scheduler::ByState(other.to_owned()),
    }
}
