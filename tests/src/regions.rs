//! How long diagnoses take in a region with many security groups, rules and routes.

use std::io;
use std::time::Instant;

use pathglass_sim::flow::FlowRequest;
use pathglass_sim::verdict::Outcome;
use serde_json::{Value, json};

use crate::ask;
use crate::clouds::Results;
use crate::cluster::edit;
use crate::corpus::Files;
use crate::large::median;

/// Rules of each group, groups, entries of the route table.
const SIZES: [(u16, u16, u16); 3] = [(1, 1, 5), (10, 20, 50), (1_000, 200, 500)];
/// As many groups as both clouds let an interface be in.
const MEMBERSHIPS: usize = 5;
const PROVIDERS: [(&str, &str); 2] = [("aliyun", "Alibaba Cloud"), ("tencent", "Tencent Cloud")];
const ROUNDS: usize = 15;
/// Diagnoses of one round.
const QUESTIONS: u16 = 40;

/// Measures regions of all sizes side by side and gives the table for people.
///
/// # Errors
/// When a region cannot be made or read, or a flow in it does not connect.
pub fn measure() -> io::Result<String> {
    let mut table = "\n| cloud | security groups × rules | routes | first diagnosis | **each further diagnosis** | as a multiple of the smallest |\n\
        | :--- | ---: | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for (provider, name) in PROVIDERS {
        let mut sessions = Vec::new();
        for size in SIZES {
            let files = region(provider, size).map_err(io::Error::other)?;
            let bytes = ask::sealed_bytes(&files).map_err(io::Error::other)?;
            let mut session = ask::sealed(bytes);
            let start = Instant::now();
            let verdict = ask::diagnose(&mut session, &flow(0)).map_err(io::Error::other)?;
            sessions.push((session, micros(start), Vec::new()));
            if verdict.outcome != Outcome::Connected {
                let message = format!("{name}, {size:?}: {}", ask::bytes(&verdict));
                return Err(io::Error::other(message));
            }
        }
        // The sizes take turns, so that a busy moment of the machine does not fall on one of them.
        for _ in 0..ROUNDS {
            for (session, _, times) in &mut sessions {
                let start = Instant::now();
                for number in 0..QUESTIONS {
                    let verdict = ask::diagnose(session, &flow(number));
                    let verdict = verdict.map_err(io::Error::other)?;
                    std::hint::black_box(ask::bytes(&verdict));
                }
                times.push(micros(start) / f64::from(QUESTIONS));
            }
        }
        let mut smallest = None;
        for ((rules, groups, routes), (_, first, times)) in SIZES.into_iter().zip(sessions) {
            let further = median(times);
            let times = further / *smallest.get_or_insert(further);
            table.push_str(&format!(
                "| {name} | {groups} × {rules} | {routes} | {:.1} ms | **{further:.0} µs** | {times:.2} |\n",
                first / 1e3
            ));
        }
    }
    table.push_str(
        "\nTwo nodes whose interfaces are in up to five of the groups; a pod asks a pod of the other node, and a host in the internet by a NAT gateway, \
         in turn. Medians, the sizes taking turns; the first diagnosis reads the region.\n",
    );
    Ok(table)
}

fn flow(number: u16) -> FlowRequest {
    let (to, port) = if number.is_multiple_of(2) {
        ("pod:default/w2", 8080)
    } else {
        ("ip:203.0.113.9", 443)
    };
    FlowRequest {
        from: "pod:default/c".to_owned(),
        to: to.to_owned(),
        port: Some(port),
        ..FlowRequest::default()
    }
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

/// A healthy capture with so many more rules, groups and routes, none of which is for the flows.
fn region(provider: &str, (n_rules, n_groups, n_routes): (u16, u16, u16)) -> Result<Files, String> {
    let mut files = Results::read(provider)?.healthy()?;
    let lists = if provider == "aliyun" {
        &ALIYUN
    } else {
        &TENCENT
    };
    let rules: Vec<Value> = (0..n_rules).map(lists.rule).collect();
    let names: Vec<String> = (1..n_groups).map(|number| format!("sg-{number}")).collect();
    let path = |file: &str| format!("{}/{file}", lists.folder);
    for name in &names {
        let file = path(&lists.group.replace("{}", name));
        let body = (lists.body)(name, &rules).to_string();
        files.insert(file, body.into_bytes().into());
    }
    // Before its own rules: those are found last.
    let own = path(&lists.group.replace("{}", "sg-nodes"));
    grow(&mut files, &own, lists.rules, |list| {
        list.splice(0..0, rules);
        for (place, rule) in list.iter_mut().enumerate() {
            if let Some(index) = rule.get_mut("PolicyIndex") {
                *index = json!(place);
            }
        }
    })?;
    for interface in ["0", "1"] {
        let at = lists.memberships.replace("{}", interface);
        grow(&mut files, &path(lists.interfaces), &at, |list| {
            list.extend(
                names
                    .iter()
                    .rev()
                    .take(MEMBERSHIPS - 1)
                    .map(|name| json!(name)),
            );
        })?;
    }
    grow(&mut files, &path(lists.routes), lists.entries, |list| {
        let missing = usize::from(n_routes).saturating_sub(list.len());
        list.extend((0..n_routes).take(missing).map(lists.route));
    })?;
    grow(&mut files, &path(lists.groups), lists.listed, |list| {
        let listed = |name| json!({"SecurityGroupId": name, "SecurityGroupType": "normal"});
        list.extend(names.iter().map(listed));
    })?;
    Ok(files)
}

/// Where a cloud's API tells what, and in which shape.
struct Lists {
    folder: &'static str,
    group: &'static str,
    rules: &'static str,
    interfaces: &'static str,
    memberships: &'static str,
    routes: &'static str,
    entries: &'static str,
    groups: &'static str,
    listed: &'static str,
    rule: fn(u16) -> Value,
    route: fn(u16) -> Value,
    body: fn(&str, &[Value]) -> Value,
}

const ALIYUN: Lists = Lists {
    folder: "cloud/aliyun/cn-hangzhou",
    group: "ecs/DescribeSecurityGroupAttribute.{}.json",
    rules: "/Permissions/Permission",
    interfaces: "ecs/DescribeNetworkInterfaces.json",
    memberships: "/NetworkInterfaceSets/NetworkInterfaceSet/{}/SecurityGroupIds/SecurityGroupId",
    routes: "vpc/DescribeRouteEntryList.vtb-1.json",
    entries: "/RouteEntrys/RouteEntry",
    groups: "ecs/DescribeSecurityGroups.json",
    listed: "/SecurityGroups/SecurityGroup",
    rule: |number| {
        let (block, port) = peer(number);
        json!({"Direction": "ingress", "IpProtocol": "TCP", "PortRange": format!("{port}/{port}"),
            "SourceCidrIp": block, "Policy": "Accept", "Priority": "1", "NicType": "intranet"})
    },
    route: |number| {
        let block = block(number);
        json!({"DestinationCidrBlock": block, "Type": "Custom", "Status": "Available", "IpVersion": "ipv4",
            "RouteTableId": "vtb-1", "RouteEntryId": format!("rte-{number}"),
            "NextHops": {"NextHop": [{"NextHopType": "Instance", "NextHopId": "i-node1", "Enabled": 1, "Weight": 0}]}})
    },
    body: |name, rules| {
        json!({"SecurityGroupId": name, "SecurityGroupName": name, "InnerAccessPolicy": "Drop", "VpcId": "vpc-1",
            "Permissions": {"Permission": rules}})
    },
};

const TENCENT: Lists = Lists {
    folder: "cloud/tencent/ap-guangzhou",
    group: "vpc/DescribeSecurityGroupPolicies.{}.json",
    rules: "/Response/SecurityGroupPolicySet/Ingress",
    interfaces: "vpc/DescribeNetworkInterfaces.json",
    memberships: "/Response/NetworkInterfaceSet/{}/GroupSet",
    routes: "vpc/DescribeRouteTables.json",
    entries: "/Response/RouteTableSet/0/RouteSet",
    groups: "vpc/DescribeSecurityGroups.json",
    listed: "/Response/SecurityGroupSet",
    rule: |number| {
        let (block, port) = peer(number);
        json!({"PolicyIndex": number, "Protocol": "TCP", "Port": port.to_string(), "CidrBlock": block, "Action": "ACCEPT"})
    },
    route: |number| {
        let block = block(number);
        json!({"DestinationCidrBlock": block, "GatewayType": "NAT", "GatewayId": "nat-1",
            "RouteItemId": format!("rti-{number}"), "Enabled": true, "RouteType": "USER"})
    },
    body: |_, rules| json!({"Response": {"SecurityGroupPolicySet": {"Version": "1", "Ingress": rules, "Egress": []}}}),
};

/// Whom rule `number` is for: every other one is for a block of its own, the others for a port of their own.
fn peer(number: u16) -> (String, u16) {
    if number.is_multiple_of(2) {
        (block(number), 8080)
    } else {
        ("0.0.0.0/0".to_owned(), 20_000 + number)
    }
}

fn block(number: u16) -> String {
    let [high, low] = number.to_be_bytes();
    format!("10.{}.{low}.0/24", 100 + high)
}

fn grow(
    files: &mut Files,
    path: &str,
    at: &str,
    change: impl FnOnce(&mut Vec<Value>),
) -> Result<(), String> {
    let mut found = false;
    edit(files, path, |text| {
        let mut body: Value = serde_json::from_str(text).unwrap_or_default();
        if let Some(list) = body.pointer_mut(at).and_then(Value::as_array_mut) {
            change(list);
            found = true;
        }
        *text = body.to_string();
    });
    found
        .then_some(())
        .ok_or_else(|| format!("{path} has no list {at}"))
}
