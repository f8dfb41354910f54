//! `pathglass pull` against a double of each cloud, which checks signatures by itself and fails on command.
#![cfg(test)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pathglass::cloud::credentials::Environment;
use pathglass::cloud::{Provider, document};
use pathglass::pull::{Args, pull};
use pathglass_tests::cloud_double::{Double, KEY, Orders, POD_TOKEN};
use pathglass_tests::corpus::{Case, workspace};
use pathglass_tests::{ask, unhashed};
use serde_json::{Value, json};

/// A capture in the making, its double, and what is asked of them.
struct Pull {
    double: Double,
    folder: tempfile::TempDir,
    args: Args,
    environment: Vec<(&'static str, String)>,
}

impl Pull {
    fn new(provider: Provider, orders: Orders) -> Self {
        let state = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("cloud")
            .join(provider.name());
        let double = Double::start(Orders { state, ..orders });
        let folder = tempfile::tempdir().unwrap();
        write_kube(folder.path(), provider);
        let (region, [id, secret]) = match provider {
            Provider::Aliyun => (
                "cn-hangzhou",
                [
                    "ALIBABA_CLOUD_ACCESS_KEY_ID",
                    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
                ],
            ),
            Provider::Tencent => (
                "ap-guangzhou",
                ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"],
            ),
        };
        Self {
            args: Args {
                cloud: provider,
                region: region.to_owned(),
                capture: folder.path().to_owned(),
                cloud_endpoint: vec![double.url()],
                budget: 60,
                timeout: 1,
                at_once: 8,
                per_second: 100_000,
                first_wait: 1,
            },
            double,
            folder,
            environment: vec![(id, KEY.0.to_owned()), (secret, KEY.1.to_owned())],
        }
    }

    fn run(&self) -> Result<String, String> {
        let pairs = self
            .environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        let environment: Environment = pairs.collect();
        pull(&self.args, &environment).map_err(|error| pathglass::error::chain(&error))
    }

    /// All files, by their paths; times are left out of `capture.json`.
    fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        gather(self.folder.path(), self.folder.path(), &mut files);
        let capture = files.get_mut("capture.json").expect("it is written");
        let mut json: Value = serde_json::from_str(capture).unwrap();
        without_times(&mut json);
        *capture = json.to_string();
        files
    }

    /// What `capture.json` says of each file below `cloud/`: its state and reason.
    fn states(&self) -> BTreeMap<String, (String, String)> {
        let capture: Value = serde_json::from_str(&self.files()["capture.json"]).unwrap();
        let mut states = BTreeMap::new();
        for (namespace, files) in capture["namespaces"].as_object().unwrap() {
            for (file, state) in files.as_object().unwrap() {
                let text = |name: &str| state[name].as_str().unwrap_or_default().to_owned();
                let product = namespace.rsplit('/').next().unwrap();
                states.insert(format!("{product}/{file}"), (text("state"), text("reason")));
            }
        }
        states
    }
}

fn gather(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn without_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| name != "captured_at");
            fields.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

/// The cluster's own objects, which lead to the state in `tests/cloud`.
fn write_kube(folder: &Path, provider: Provider) {
    let service = |label: &str, status: Value| {
        json!({"metadata": {"name": "s", "labels": {"service.k8s.alibaba/loadbalancer-id": label}},
            "spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [status]}}})
    };
    let (nodes, services, ingresses) = match provider {
        Provider::Aliyun => (
            [
                "cn-hangzhou.i-bp1demo00000000node1",
                "cn-hangzhou.i-bp1demo00000000node2",
            ],
            vec![
                service("lb-bp1demo0000000000int1", json!({"ip": "10.0.1.200"})),
                service("", json!({"ip": "47.96.0.100"})),
                service("nlb-bp1demo000000001", json!({})),
            ],
            vec![service(
                "",
                json!({"hostname": "alb-demo0000000001.cn-hangzhou.alb.aliyuncs.com"}),
            )],
        ),
        Provider::Tencent => (
            [
                "qcloud:///100003/ins-demonod1",
                "qcloud:///100004/ins-demonod2",
            ],
            vec![
                json!({"metadata": {"annotations": {"service.kubernetes.io/loadbalance-id": "lb-demoint1"}},
                    "spec": {"type": "LoadBalancer"}}),
                service("", json!({"ip": "43.139.0.200"})),
            ],
            vec![],
        ),
    };
    let nodes = nodes.map(|id| json!({"metadata": {"name": id}, "spec": {"providerID": id}}));
    std::fs::create_dir(folder.join("kube")).unwrap();
    let write = |resource: &str, items: Value| {
        let file = folder.join(format!("kube/{resource}.json"));
        std::fs::write(file, json!({"items": items}).to_string()).unwrap();
    };
    write("nodes", json!(nodes));
    write("services", json!(services));
    write("ingresses", json!(ingresses));
}

#[test]
fn nothing_is_lost_whether_or_not_requests_fail() {
    for provider in Provider::ALL {
        let calm = Pull::new(provider, Orders::default());
        let said = calm.run().unwrap();
        let gaps: Vec<_> = calm
            .states()
            .into_iter()
            .filter(|(_, (state, _))| state == "failed")
            .collect();
        assert!(gaps.is_empty(), "{gaps:?}");
        let rough = Pull::new(
            provider,
            Orders {
                faults: 30,
                slow: Duration::from_millis(1500),
                ..Orders::default()
            },
        );
        rough.run().unwrap();
        let (calm_files, rough_files) = (calm.files(), rough.files());
        let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&calm_files), names(&rough_files));
        for (name, text) in &calm_files {
            assert_eq!(Some(text), rough_files.get(name), "{name}");
        }
        let failed = rough.double.failed();
        assert!(
            failed.len() >= 4,
            "all kinds of faults were met: {failed:?}"
        );
        println!(
            "{}: {} files, {} requests calm, {} rough, of which failed {failed:?}\n{said}",
            provider.name(),
            calm_files.len(),
            calm.double.requests(),
            rough.double.requests()
        );
    }
}

#[test]
fn every_item_of_the_state_that_the_cluster_touches_is_there() {
    let check = |provider, file: &str, list: &str, count: usize| {
        let pull = Pull::new(provider, Orders::default());
        pull.run().unwrap();
        let files = pull.files();
        let text = files
            .get(&format!("cloud/{file}"))
            .unwrap_or_else(|| panic!("{file} of {:?}", files.keys()));
        let body: Value = serde_json::from_str(text).unwrap();
        let items = body.pointer(list).and_then(Value::as_array).unwrap();
        assert_eq!(items.len(), count, "{file}");
        assert!(
            !text.contains("NextToken") && !text.contains("REQUEST-"),
            "{file}"
        );
    };
    let aliyun = |file: &str, list, count| {
        check(
            Provider::Aliyun,
            &format!("aliyun/cn-hangzhou/{file}"),
            list,
            count,
        );
    };
    aliyun("ecs/DescribeInstances.json", "/Instances/Instance", 2);
    aliyun(
        "ecs/DescribeNetworkInterfaces.json",
        "/NetworkInterfaceSets/NetworkInterfaceSet",
        4,
    );
    // A pod's own card on a server's trunk, which names no server.
    aliyun(
        "ecs/DescribeSecurityGroupAttribute.sg-bp1demo00000000memb1.json",
        "/Permissions/Permission",
        1,
    );
    aliyun("vpc/DescribeVSwitches.json", "/VSwitches/VSwitch", 3);
    aliyun(
        "slb/DescribeLoadBalancers.json",
        "/LoadBalancers/LoadBalancer",
        2,
    );
    aliyun(
        "slb/DescribeLoadBalancerListeners.lb-bp1demo0000000000int1.json",
        "/Listeners",
        3,
    );
    aliyun(
        "slb/DescribeRules.lb-bp1demo0000000000int1.8080.json",
        "/Rules/Rule",
        2,
    );
    aliyun(
        "nlb/ListListeners.nlb-bp1demo000000001.json",
        "/Listeners",
        1,
    );
    aliyun("alb/ListListeners.alb-demo0000000001.json", "/Listeners", 2);
    let routes = "cbn/ListTransitRouterRouteEntries.vtb-bp1demo00000000trtb1.json";
    aliyun(routes, "/TransitRouterRouteEntries", 2);
    let tencent = |file: &str, list, count| {
        check(
            Provider::Tencent,
            &format!("tencent/ap-guangzhou/{file}"),
            list,
            count,
        );
    };
    tencent("cvm/DescribeInstances.json", "/Response/InstanceSet", 2);
    tencent("vpc/DescribeSubnets.json", "/Response/SubnetSet", 2);
    tencent(
        "clb/DescribeLoadBalancers.json",
        "/Response/LoadBalancerSet",
        2,
    );
    tencent(
        "tke/DescribeClusterRoutes.cls-demo0001.json",
        "/Response/RouteSet",
        2,
    );
}

#[test]
fn a_missing_permission_is_a_gap_that_names_it() {
    for (provider, denied, file, grant) in [
        (
            Provider::Aliyun,
            "vpc:DescribeNatGateways",
            "vpc/DescribeNatGateways.json",
            "grant vpc:DescribeNatGateways to the RAM",
        ),
        (
            Provider::Aliyun,
            "cbn:ListTransitRouterVpcAttachments",
            "cbn/ListTransitRouterVpcAttachments.json",
            "grant cen:ListTransitRouterVpcAttachments to the RAM",
        ),
        (
            Provider::Tencent,
            "clb:DescribeTargets",
            "clb/DescribeTargets.lb-demoint1.json",
            "grant clb:DescribeTargets to the CAM",
        ),
    ] {
        let pull = Pull::new(
            provider,
            Orders {
                denied: vec![denied],
                ..Orders::default()
            },
        );
        let said = pull.run().unwrap();
        assert!(said.contains(grant), "{said}");
        let states = pull.states();
        let (state, reason) = &states[file];
        assert_eq!(state, "failed");
        assert!(
            reason.contains(grant) && reason.contains("request REQUEST-"),
            "{reason}"
        );
        let captured = states
            .values()
            .filter(|(state, _)| state == "captured")
            .count();
        assert!(captured > 15, "the rest goes on: {captured}");
        if file == "vpc/DescribeNatGateways.json" {
            let (state, reason) = &states["vpc/DescribeSnatTableEntries.json"];
            assert_eq!(
                state, "not-tried",
                "it is not known whether there are NAT gateways"
            );
            assert!(reason.contains("DescribeNatGateways"), "{reason}");
        }
    }
}

#[test]
fn what_hangs_on_a_refused_answer_is_unknown_and_not_short() {
    for (provider, denied, unknown) in [
        (
            Provider::Aliyun,
            "vpc:DescribeNatGateways",
            "vpc/DescribeEipAddresses.json",
        ),
        // One balancer's id is known, the other's is in the answer that did not come.
        (
            Provider::Aliyun,
            "slb:DescribeLoadBalancers",
            "slb/DescribeLoadBalancerListeners.json",
        ),
        (
            Provider::Tencent,
            "cvm:DescribeInstances",
            "tke/DescribeClusterRouteTables.json",
        ),
        (
            Provider::Tencent,
            "vpc:DescribeNetworkInterfaces",
            "vpc/DescribeAddresses.json",
        ),
    ] {
        let orders = Orders {
            denied: vec![denied],
            ..Orders::default()
        };
        let pull = Pull::new(provider, orders);
        pull.run().unwrap();
        let states = pull.states();
        let (state, reason) = &states[unknown];
        assert!(
            matches!(state.as_str(), "failed" | "not-tried"),
            "{unknown}: {state}"
        );
        assert!(reason.contains(denied), "{unknown}: {reason}");
        if denied == "slb:DescribeLoadBalancers" {
            let known = "slb/DescribeLoadBalancerListeners.lb-bp1demo0000000000int1.json";
            assert_eq!(states[known].0, "captured");
        }
    }
}

#[test]
fn services_and_ingresses_that_are_missing_are_not_none() {
    let pull = Pull::new(Provider::Aliyun, Orders::default());
    std::fs::remove_file(pull.folder.path().join("kube/ingresses.json")).unwrap();
    pull.run().unwrap();
    let states = pull.states();
    for file in ["alb/ListLoadBalancers.json", "alb/ListListeners.json"] {
        let (state, reason) = &states[file];
        assert_eq!(state, "not-tried", "{file}");
        assert!(
            reason.contains("kube/ingresses.json is missing"),
            "{reason}"
        );
    }
    assert_eq!(states["slb/DescribeLoadBalancers.json"].0, "captured");
}

#[test]
fn servers_that_the_cloud_does_not_know_are_told_of() {
    for provider in Provider::ALL {
        let pull = Pull::new(provider, Orders::default());
        let file = pull.folder.path().join("kube/nodes.json");
        let mut nodes: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let stranger = match provider {
            Provider::Aliyun => "cn-hangzhou.i-stranger",
            Provider::Tencent => "qcloud:///100003/ins-stranger",
        };
        nodes["items"][0]["spec"]["providerID"] = stranger.into();
        std::fs::write(&file, nodes.to_string()).unwrap();
        pull.run().unwrap();
        let capture: Value = serde_json::from_str(&pull.files()["capture.json"]).unwrap();
        assert!(
            capture["notes"]
                .to_string()
                .contains("-stranger is not known"),
            "{capture}"
        );
        nodes["items"].as_array_mut().unwrap().truncate(1);
        std::fs::write(&file, nodes.to_string()).unwrap();
        let said = pull.run().unwrap_err();
        assert!(said.contains("every server is not known"), "{said}");
    }
}

#[test]
fn a_temporary_key_that_ends_is_renewed() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), POD_TOKEN).unwrap();
    let file = token.path().display().to_string();
    let pods = [
        (
            Provider::Aliyun,
            vec![
                (
                    "ALIBABA_CLOUD_ROLE_ARN",
                    "acs:ram::1:role/reader".to_owned(),
                ),
                (
                    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
                    "acs:ram::1:oidc-provider/ack-rrsa".to_owned(),
                ),
                ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", file.clone()),
            ],
        ),
        (
            Provider::Tencent,
            vec![
                ("TKE_PROVIDER_ID", "provider".to_owned()),
                ("TKE_WEB_IDENTITY_TOKEN_FILE", file),
                ("TKE_ROLE_ARN", "qcs::cam::uin/1:roleName/reader".to_owned()),
            ],
        ),
        // The server's role, where nothing else is set up.
        (Provider::Aliyun, vec![]),
        (Provider::Tencent, vec![]),
    ];
    for (provider, environment) in pods {
        let orders = Orders {
            key_lasts: Some(9),
            ..Orders::default()
        };
        let pull = Pull {
            environment,
            ..Pull::new(provider, orders)
        };
        pull.run().unwrap();
        let calm = Pull::new(provider, Orders::default());
        calm.run().unwrap();
        assert_eq!(pull.files(), calm.files());
        if !pull.environment.is_empty() {
            // Who hands out keys fails too, and is asked again.
            let orders = Orders {
                faults: 30,
                key_lasts: Some(9),
                ..Orders::default()
            };
            let rough = Pull {
                environment: pull.environment.clone(),
                ..Pull::new(provider, orders)
            };
            rough.run().unwrap();
            assert_eq!(rough.files(), calm.files());
        }
        assert!(
            pull.double.secrets().len() > 2 + 2 * 2,
            "several keys were needed"
        );
        no_secret(&pull, "");
    }
}

#[test]
fn a_wrong_key_ends_the_pull_and_writes_nothing() {
    for provider in Provider::ALL {
        let mut pull = Pull::new(provider, Orders::default());
        pull.environment[1].1 = "wrong-secret-of-somebody".to_owned();
        let said = pull.run().unwrap_err();
        assert!(
            said.contains("the key is refused") && said.contains("Signature"),
            "{said}"
        );
        assert!(
            !said.contains("wrong-secret") && !said.contains("AccessKeyId"),
            "{said}"
        );
        assert!(!pull.folder.path().join("cloud").exists());
        assert!(!pull.folder.path().join("capture.json").exists());
    }
}

#[test]
fn pages_that_repeat_are_an_error_and_not_a_loop() {
    for (provider, action, file) in [
        (
            Provider::Aliyun,
            "DescribeVSwitches",
            "vpc/DescribeVSwitches.json",
        ),
        (
            Provider::Aliyun,
            "DescribeNetworkInterfaces",
            "ecs/DescribeNetworkInterfaces.json",
        ),
        (Provider::Tencent, "DescribeSecurityGroupPolicies", ""),
    ] {
        let pull = Pull::new(
            provider,
            Orders {
                repeating: vec![action],
                ..Orders::default()
            },
        );
        pull.run().unwrap();
        if file.is_empty() {
            continue;
        }
        let (state, reason) = &pull.states()[file];
        assert_eq!(state, "failed");
        assert!(
            reason.contains("page 2 repeats an earlier page"),
            "{reason}"
        );
    }
}

#[test]
fn the_pull_ends_when_its_time_is_over() {
    let orders = Orders {
        overloaded: vec!["DescribeInstances"],
        ..Orders::default()
    };
    let mut pull = Pull::new(Provider::Aliyun, orders);
    pull.args.budget = 1;
    pull.args.first_wait = 400;
    pull.run().unwrap();
    let states = pull.states();
    let (state, reason) = &states["ecs/DescribeInstances.json"];
    assert_eq!(state, "failed");
    assert!(
        reason.contains("no time left, after: Throttling.User"),
        "{reason}"
    );
    assert_eq!(states["vpc/DescribeVSwitches.json"].0, "not-tried");
}

/// No key, token, password or free text in files or in what was said.
fn no_secret(pull: &Pull, said: &str) {
    let mut secrets = pull.double.secrets();
    secrets.extend([
        "MARKER".to_owned(),
        KEY.0.to_owned(),
        "STS.double".to_owned(),
    ]);
    let all = pull.files().into_values().chain([said.to_owned()]);
    for text in all {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{secret} in {text}");
        }
    }
}

#[test]
fn secrets_are_nowhere() {
    for provider in Provider::ALL {
        let orders = Orders {
            faults: 30,
            denied: vec!["vpc:DescribeVpcs"],
            ..Orders::default()
        };
        let pull = Pull::new(provider, orders);
        let said = pull.run().unwrap();
        no_secret(&pull, &said);
    }
}

#[test]
fn what_is_pulled_is_what_sealing_keeps() {
    for provider in Provider::ALL {
        let pull = Pull::new(provider, Orders::default());
        pull.run().unwrap();
        for (path, text) in pull
            .files()
            .iter()
            .filter(|(path, _)| path.starts_with("cloud/"))
        {
            let pathglass_sim::snapshot::Pruned::Kept(kept) =
                pathglass_sim::snapshot::prune(path, text.as_bytes())
            else {
                panic!("{path} is dropped")
            };
            let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
            assert_eq!(read(&kept), read(text.as_bytes()), "{path}");
        }
    }
}

#[test]
fn documents_and_policies_say_what_the_tables_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let update = std::env::var_os("UPDATE").is_some();
    let check = |path: PathBuf, expected: String| {
        if update {
            std::fs::write(&path, &expected).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == expected,
            "{} is stale: UPDATE=1 cargo test -p pathglass-tests --test pull documents",
            path.display()
        );
    };
    for (provider, file) in [
        (Provider::Aliyun, "aliyun-ram-policy.json"),
        (Provider::Tencent, "tencent-cam-policy.json"),
    ] {
        let policy = serde_json::to_string_pretty(&document::policy(provider)).unwrap() + "\n";
        check(root.join("deploy").join(file), policy);
    }
    let page = root.join("docs/cloud.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let mut expected = String::new();
    let mut providers = Provider::ALL.into_iter();
    let mut is_table = false;
    for line in text.lines() {
        if line.starts_with("| ") {
            if !is_table {
                expected.push_str(&document::table(providers.next().expect("two tables")));
            }
            is_table = true;
            continue;
        }
        is_table = false;
        expected.push_str(line);
        expected.push('\n');
    }
    check(page, expected);
}

/// The stories with a cloud (`docs/stories.md`), their clouds served by the double and pulled from it: what sealing and the
/// pull keep, ask for and name must be enough for the same verdicts.
#[test]
fn what_is_pulled_explains_the_stories() {
    let stories = workspace().join("tests/captures/cloud");
    let mut names: Vec<String> = std::fs::read_dir(&stories)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut wrong = Vec::new();
    for name in &names {
        let case = Case {
            name: name.clone(),
            folder: stories.join(name),
        };
        let provider = if case.folder.join("cloud/aliyun").is_dir() {
            Provider::Aliyun
        } else {
            Provider::Tencent
        };
        let mut pull = Pull::new(provider, Orders::default());
        let region = format!("cloud/{}/{}", provider.name(), pull.args.region);
        pull.double = Double::start(Orders {
            state: case.folder.join(region),
            ..Orders::default()
        });
        pull.args.cloud_endpoint = vec![pull.double.url()];
        let files = case.files().unwrap();
        for (path, bytes) in &files {
            if !path.starts_with("cloud/") {
                let path = pull.folder.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
        }
        let said = pull.run().unwrap();
        let pulled = Case {
            name: name.clone(),
            folder: pull.folder.path().to_owned(),
        };
        let pulled = pulled.files().unwrap();
        for flow in case.expectations().unwrap().flows {
            let found = [&files, &pulled].map(|files| {
                let request = flow.request();
                let verdict = ask::diagnose(&mut unhashed::open(files), &request).unwrap();
                let first = verdict.findings.first();
                let first = first.map(|first| format!("{} {}", first.code, first.object));
                (verdict.outcome, first, verdict.settle)
            });
            if found[0] != found[1] {
                wrong.push(format!("{name} {}: {found:#?}\n{said}", flow.id));
            }
        }
    }
    assert!(names.len() > 5, "{names:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
