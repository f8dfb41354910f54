//! A generated cluster: every pod has its own addresses, MACs and inodes; what is the same everywhere is the same here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

pub(crate) const N_NODES: u32 = 5_000;
const N_PODS: u32 = 30;
const N_SERVICES: u32 = 500;

pub(crate) fn node_name(node: u32) -> String {
    format!(
        "cn-north-1.ip-10-{}-{}.internal",
        64 + node / 250,
        node % 250
    )
}

pub(crate) fn node_address(node: u32) -> String {
    format!("10.{}.{}.10", 64 + node / 250, node % 250)
}

pub(crate) fn pod_address(node: u32, pod: u32) -> String {
    format!("172.{}.{}.{}", 16 + node / 250, node % 250, pod + 2)
}

pub(crate) fn pod_namespace(node: u32, pod: u32) -> String {
    format!("team-{}", (node * N_PODS + pod) % 100)
}

pub(crate) fn pod_name(node: u32, pod: u32) -> String {
    format!(
        "app-{}-{:08x}-{:05x}",
        pod % 7,
        scramble(node),
        scramble(node * 64 + pod) & 0xf_ffff
    )
}

fn scramble(seed: u32) -> u32 {
    let mut x = seed.wrapping_mul(0x9e37_79b9) ^ 0x85eb_ca6b;
    x ^= x >> 15;
    x = x.wrapping_mul(0x2c1b_3c6d);
    x ^ x >> 12
}

fn mac(seed: u32) -> String {
    let [a, b, c, d] = scramble(seed).to_be_bytes();
    format!("0a:58:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

pub(crate) fn cluster() -> BTreeMap<String, Arc<[u8]>> {
    let mut files = BTreeMap::new();
    let sysctl: Arc<[u8]> = (0..80)
        .fold(String::new(), |mut text, line| {
            let _ = writeln!(
                text,
                "net.ipv4.conf.eth{}.setting_{line} = {}",
                line % 3,
                line % 2
            );
            text
        })
        .into_bytes()
        .into();
    let fixed: Vec<(&str, Arc<[u8]>)> = [
        ("bridge-fdb.json", "[]"),
        ("bridge-link.json", ""),
        ("ip-rule.json", r#"[{"priority":0,"src":"all","table":"local"},{"priority":32766,"src":"all","table":"main"}]"#),
        ("ip6-route.json", "[]"),
        ("ip6tables-save.txt", ""),
        ("ipset-save.txt", ""),
        ("iptables-save.txt", ""),
        ("nft-ruleset.json", r#"{"nftables":[{"metainfo":{"version":"1.0.6","json_schema_version":1}}]}"#),
    ]
    .into_iter()
    .map(|(name, text)| (name, Arc::from(text.as_bytes())))
    .collect();
    let mut states = String::from(
        "{\"schema\":\"pathglass.capture/1\",\"captured_at\":\"2026-01-01T00:00:00Z\",\"namespaces\":{\"kube\":{\"pods.json\":\"captured\"}",
    );
    let mut pods = Items::default();
    let mut nodes = Items::default();
    for node in 0..N_NODES {
        let host = format!("nodes/{}/host", node_name(node));
        nodes.add(&node_object(node));
        add_host(&mut files, node, &host);
        let mut namespaces = vec![host];
        for pod in 0..N_PODS {
            let (ns, name) = (pod_namespace(node, pod), pod_name(node, pod));
            pods.add(&pod_object(node, pod, &ns, &name));
            let namespace = format!("nodes/{}/pods/{ns}_{name}", node_name(node));
            add_pod(&mut files, node, pod, &namespace);
            namespaces.push(namespace);
        }
        for namespace in namespaces {
            for (name, bytes) in fixed
                .iter()
                .filter(|(name, _)| !files.contains_key(&format!("{namespace}/{name}")))
                .collect::<Vec<_>>()
            {
                files.insert(format!("{namespace}/{name}"), Arc::clone(bytes));
            }
            files.insert(format!("{namespace}/sysctl.txt"), Arc::clone(&sysctl));
            let _ = write!(
                states,
                ",\"{namespace}\":{{\"ip-addr.json\":\"captured\",\"wg.txt\":\"absent\",\"tc.json\":\"not-tried\"}}"
            );
        }
    }
    states.push_str("}}");
    files.insert("capture.json".to_owned(), states.into_bytes().into());
    files.insert("kube/pods.json".to_owned(), pods.list());
    files.insert("kube/nodes.json".to_owned(), nodes.list());
    add_services(&mut files);
    files
}

#[derive(Default)]
struct Items(String);

impl Items {
    fn add(&mut self, item: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(item);
    }

    fn list(self) -> Arc<[u8]> {
        format!(
            "{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{}]}}",
            self.0
        )
        .into_bytes()
        .into()
    }
}

fn add_host(files: &mut BTreeMap<String, Arc<[u8]>>, node: u32, host: &str) {
    let mut put =
        |name: &str, text: String| files.insert(format!("{host}/{name}"), text.into_bytes().into());
    let address = node_address(node);
    put(
        "ip-addr.json",
        format!(
            r#"[{{"ifindex":1,"ifname":"lo","addr_info":[{{"family":"inet","local":"127.0.0.1","prefixlen":8}}]}},{{"ifindex":2,"ifname":"eth0","address":"{}","addr_info":[{{"family":"inet","local":"{address}","prefixlen":24}}]}}]"#,
            mac(node)
        ),
    );
    let (mut links, mut routes, mut neighbours) =
        (String::from("["), String::from("["), String::from("["));
    for pod in 0..N_PODS {
        let id = scramble(node * 64 + pod);
        let comma = if pod == 0 { "" } else { "," };
        let _ = write!(
            links,
            r#"{comma}{{"ifindex":{},"ifname":"cali{id:08x}","link_netnsid":{pod},"link_index":3,"flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1450,"qdisc":"noqueue","operstate":"UP","linkmode":"DEFAULT","group":"default","link_type":"ether","address":"{}","promiscuity":0,"linkinfo":{{"info_kind":"veth"}}}}"#,
            pod + 10,
            mac(id)
        );
        let _ = write!(
            routes,
            r#"{comma}{{"type":"unicast","dst":"{}","dev":"cali{id:08x}","protocol":"boot","scope":"link","flags":[]}}"#,
            pod_address(node, pod)
        );
        let _ = write!(
            neighbours,
            r#"{comma}{{"dst":"{}","dev":"cali{id:08x}","lladdr":"{}","state":["REACHABLE"]}}"#,
            pod_address(node, pod),
            mac(id ^ 1)
        );
    }
    for (name, mut text) in [
        ("ip-link.json", links),
        ("ip-route.json", routes),
        ("ip-neigh.json", neighbours),
    ] {
        text.push(']');
        put(name, text);
    }
    // kube-proxy's rules: the same everywhere but for their counters.
    let mut rules = String::from("*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n");
    for service in 0..N_SERVICES {
        let count = scramble(node ^ service << 13) % 10_000;
        let _ = writeln!(
            rules,
            "[{count}:{}] -A KUBE-SERVICES -d 10.96.{}.{}/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-{:08X}",
            count * 60,
            service / 250,
            service % 250,
            scramble(service)
        );
    }
    rules.push_str("COMMIT\n");
    put("iptables-save.txt", rules);
    put(
        "ss.txt",
        format!(
            "tcp LISTEN 0 4096 {address}:10250 *:* users:((\"kubelet\",pid={},fd=9))\n",
            scramble(node) % 9999
        ),
    );
    put(
        "netns.json",
        format!(
            "{{\"inode\":{},\"nsids\":[]}}",
            4_026_531_840_u64 + u64::from(node)
        ),
    );
}

fn add_pod(files: &mut BTreeMap<String, Arc<[u8]>>, node: u32, pod: u32, namespace: &str) {
    let mut put = |name: &str, text: String| {
        files.insert(format!("{namespace}/{name}"), text.into_bytes().into())
    };
    let (address, id) = (pod_address(node, pod), scramble(node * 64 + pod));
    put(
        "ip-addr.json",
        format!(
            r#"[{{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"addr_info":[{{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo","valid_life_time":4294967295,"preferred_life_time":4294967295}}]}},{{"ifindex":3,"link_index":{},"ifname":"eth0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1450,"address":"{}","link_netnsid":0,"addr_info":[{{"family":"inet","local":"{address}","prefixlen":32,"scope":"global","label":"eth0","valid_life_time":4294967295,"preferred_life_time":4294967295}}]}}]"#,
            pod + 10,
            mac(id ^ 1)
        ),
    );
    put(
        "ip-link.json",
        format!(
            r#"[{{"ifindex":1,"ifname":"lo","mtu":65536,"operstate":"UNKNOWN","link_type":"loopback","address":"00:00:00:00:00:00"}},{{"ifindex":3,"link_index":{},"ifname":"eth0","mtu":1450,"operstate":"UP","link_type":"ether","address":"{}","link_netnsid":0,"linkinfo":{{"info_kind":"veth"}}}}]"#,
            pod + 10,
            mac(id ^ 1)
        ),
    );
    put(
        "ip-route.json",
        format!(
            r#"[{{"type":"unicast","dst":"default","gateway":"169.254.1.1","dev":"eth0","protocol":"boot","scope":"global","flags":[]}},{{"type":"local","dst":"{address}","dev":"eth0","table":"local","protocol":"kernel","scope":"host","prefsrc":"{address}","flags":[]}}]"#
        ),
    );
    put(
        "ip-neigh.json",
        format!(
            r#"[{{"dst":"169.254.1.1","dev":"eth0","lladdr":"{}","state":["REACHABLE"]}}]"#,
            mac(id)
        ),
    );
    put(
        "ss.txt",
        format!(
            "tcp LISTEN 0 511 *:8080 *:* users:((\"app\",pid={},fd={}))\n",
            id % 60_000,
            id % 61
        ),
    );
    put(
        "netns.json",
        format!(
            "{{\"inode\":{},\"nsids\":[{{\"nsid\":0,\"inode\":{}}}]}}",
            4_026_540_000_u64 + u64::from(id),
            4_026_531_840_u64 + u64::from(node)
        ),
    );
}

fn pod_object(node: u32, pod: u32, ns: &str, name: &str) -> String {
    let id = scramble(node * 64 + pod);
    format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","namespace":"{ns}","uid":"{id:08x}-0000-4000-8000-{node:012x}","resourceVersion":"{}","labels":{{"app":"app-{}","pod-template-hash":"{:08x}"}}}},"spec":{{"nodeName":"{}","containers":[{{"name":"app","image":"registry.example/app:1","env":[{{"name":"PASSWORD","value":"{id:x}"}}],"ports":[{{"containerPort":8080,"protocol":"TCP"}}]}}]}},"status":{{"phase":"Running","hostIP":"{}","podIP":"{}","podIPs":[{{"ip":"{}"}}],"conditions":[{{"type":"Ready","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z"}}]}}}}"#,
        id % 999_999,
        pod % 7,
        scramble(node),
        node_name(node),
        node_address(node),
        pod_address(node, pod),
        pod_address(node, pod)
    )
}

fn node_object(node: u32) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{}","uid":"{:08x}-0000-4000-8000-000000000000","labels":{{"topology.kubernetes.io/zone":"z{}"}}}},"spec":{{"podCIDR":"172.{}.{}.0/24"}},"status":{{"addresses":[{{"type":"InternalIP","address":"{}"}}],"conditions":[{{"type":"Ready","status":"True"}}]}}}}"#,
        node_name(node),
        scramble(node),
        node % 3,
        16 + node / 250,
        node % 250,
        node_address(node)
    )
}

fn add_services(files: &mut BTreeMap<String, Arc<[u8]>>) {
    let (mut services, mut slices, mut policies) =
        (Items::default(), Items::default(), Items::default());
    for service in 0..N_SERVICES {
        let namespace = format!("team-{}", service % 100);
        services.add(&format!(r#"{{"apiVersion":"v1","kind":"Service","metadata":{{"name":"svc-{service}","namespace":"{namespace}"}},"spec":{{"type":"ClusterIP","clusterIP":"10.96.{}.{}","selector":{{"app":"app-{}"}},"ports":[{{"port":80,"targetPort":8080,"protocol":"TCP"}}]}}}}"#, service / 250, service % 250, service % 7));
        let endpoints: Vec<String> = (0..100).map(|endpoint| {
            let node = scramble(service * 100 + endpoint) % N_NODES;
            format!(r#"{{"addresses":["{}"],"conditions":{{"ready":true}},"nodeName":"{}","targetRef":{{"kind":"Pod","name":"{}","namespace":"{namespace}"}}}}"#, pod_address(node, endpoint % N_PODS), node_name(node), pod_name(node, endpoint % N_PODS))
        }).collect();
        slices.add(&format!(r#"{{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{{"name":"svc-{service}-x","namespace":"{namespace}","labels":{{"kubernetes.io/service-name":"svc-{service}"}}}},"addressType":"IPv4","endpoints":[{}],"ports":[{{"port":8080,"protocol":"TCP"}}]}}"#, endpoints.join(",")));
        policies.add(&format!(r#"{{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{{"name":"p-{service}","namespace":"{namespace}"}},"spec":{{"podSelector":{{}},"policyTypes":["Ingress"]}}}}"#));
    }
    let config_map = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"kube-proxy","namespace":"kube-system"},"data":{"config.conf":"mode: iptables"}}"#;
    let mut config_maps = Items::default();
    config_maps.add(config_map);
    for (name, items) in [
        ("services", services),
        ("endpointslices", slices),
        ("networkpolicies", policies),
        ("configmaps", config_maps),
    ] {
        files.insert(format!("kube/{name}.json"), items.list());
    }
}
