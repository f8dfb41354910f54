"""The stories of user-needs.md that need no cloud: what happened there, built again."""

A, B = "pod:default/a", "pod:default/b"
NEW, OLD = "node:node-3", "node:node-1"
BIG = 20000

CHAINS = """*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
"""
LAST = """-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-FORWARD - [0:0]
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
"""


def proxied(lab, node, name, address, ports, endpoint, cluster_cidr=True):
    """kube-proxy's rules on the node for a service of one endpoint; `ports` are the service's."""
    rules = CHAINS
    for port in ports:
        tag = f"{name}:{port['name']}" if port.get("name") else name
        proto, code = port["protocol"].lower(), f"{port['protocol']}{port['port']:013}"
        svc, sep = f"KUBE-SVC-{code}", f"KUBE-SEP-{code}"
        target = f"{endpoint}:{port['targetPort']}"
        outsiders = f"""-A {svc} ! -s 10.244.0.0/16 -d {address}/32 -p {proto} -m comment --comment "{tag} cluster IP" -m {proto} --dport {port['port']} -j KUBE-MARK-MASQ\n"""
        rules += f""":{svc} - [0:0]
            :{sep} - [0:0]
            -A KUBE-SERVICES -d {address}/32 -p {proto} -m comment --comment "{tag} cluster IP" -m {proto} --dport {port['port']} -j {svc}
            {outsiders if cluster_cidr else ""}
            -A {svc} -m comment --comment "{tag} -> {target}" -j {sep}
            -A {sep} -s {endpoint}/32 -m comment --comment "{tag}" -j KUBE-MARK-MASQ
            -A {sep} -p {proto} -m comment --comment "{tag}" -m {proto} -j DNAT --to-destination {target}
            """
        if "nodePort" in port:
            ext = f"KUBE-EXT-{code}"
            rules += f""":{ext} - [0:0]
            -A KUBE-NODEPORTS -p {proto} -m comment --comment "{tag}" -m {proto} --dport {port['nodePort']} -j {ext}
            -A {ext} -m comment --comment "masquerade traffic for {tag} external destinations" -j KUBE-MARK-MASQ
            -A {ext} -j {svc}
            """
    lab.feed(node, "iptables-nft-restore", rules + LAST)


def second_address(lab):
    """1: flannel vxlan; the new node's NIC has a static address, which all know, and one by DHCP, which comes first."""
    lab.constructed = ("Story 1 of the user needs, built in network namespaces: node-3's eth0 has an address of DHCP beside its static "
                       "one, whose route the kernel prefers. kube-proxy has no cluster CIDR and flannel no --ip-masq.")
    lab.cluster("node-1", "node-2", "node-3")
    for number, (node, pod) in enumerate((("node-1", "b"), ("node-2", "web"), ("node-3", "a")), 1):
        lab.routed_pod(node, pod, f"10.244.{number}.2", mtu=1450)
        lab.serve(pod)
        local = "10.50.0.13" if number == 3 else f"192.0.2.{10 + number}"
        lab.on(node, f"""
            {"ip addr add 10.50.0.13/24 dev eth0 valid_lft 86400 preferred_lft 86400" if number == 3 else ""}
            {"ip route replace default via 192.0.2.1 dev eth0 src 10.50.0.13" if number == 3 else ""}
            ip link add flannel.1 address 02:00:00:00:01:0{number} type vxlan id 1 local {local} dev eth0 dstport 8472 nolearning
            ip link set flannel.1 up mtu 1450
            ip addr add 10.244.{number}.0/32 dev flannel.1""")
        lab.details[node] = {"addresses": [f"192.0.2.{10 + number}"]}
        for other in {1, 2, 3} - {number}:
            lab.on(node, f"""
                ip neigh add 10.244.{other}.0 lladdr 02:00:00:00:01:0{other} dev flannel.1 nud permanent
                bridge fdb append 02:00:00:00:01:0{other} dev flannel.1 dst 192.0.2.{10 + other}
                ip route add 10.244.{other}.0/24 via 10.244.{other}.0 dev flannel.1 onlink""")
    ports = [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]
    lab.service("default", "web", "10.96.0.20", ports, [("web", "node-2", "10.244.2.2")])
    for node in ("node-1", "node-2", "node-3"):
        proxied(lab, node, "default/web", "10.96.0.20", ports, "10.244.2.2", cluster_cidr=False)
    lab.flow(A, "10.244.2.2")
    lab.flow(A, "10.244.1.2")
    lab.flow(B, "10.244.3.2")
    lab.flow(A, "10.96.0.20", 80)
    lab.flow(OLD, "10.96.0.20", 80)
    lab.flow(NEW, "10.96.0.20", 80, cause=NEW)


def tunl0_mtu(lab):
    """2: Calico ipip; a machine outside sends 1500 bytes to a node port, and a firewall keeps the node's ICMP from it."""
    lab.constructed = ("Story 2 of the user needs, built in network namespaces: the tunnel's MTU is 1440, the pods' and that of the machine "
                       "outside 1500, and the router between them lets no ICMP pass.")
    lab.commands("sysctl net.core.fb_tunnels_only_for_init_net=0")
    lab.load("ipip")
    lab.cluster("node-1", "node-2")
    lab.commands("sysctl net.core.fb_tunnels_only_for_init_net=1")
    lab.fabric("vm")
    lab.wire("vm", "eth0", "switch", "vm")
    lab.on("switch", "ip link set vm up\nip addr add 198.51.100.1/24 dev vm")
    lab.on("vm", "ip link set eth0 up\nip addr add 198.51.100.20/24 dev eth0\nip route add default via 198.51.100.1")
    lab.addresses["198.51.100.20"] = "vm"
    lab.feed("switch", "iptables-nft-restore", """*filter
        :FORWARD ACCEPT [0:0]
        -A FORWARD -o vm -p icmp -j DROP
        COMMIT""")
    lab.routed_pod("node-1", "a", "10.244.1.2")
    lab.routed_pod("node-2", "web", "10.244.2.2")
    lab.serve("web")
    for node, own, other, there in (("node-1", 1, 2, 12), ("node-2", 2, 1, 11)):
        lab.on(node, f"""
            ip link set tunl0 up mtu 1440
            ip addr add 10.244.{own}.1/32 dev tunl0
            ip route add blackhole 10.244.{own}.0/26 proto bird
            ip route add 10.244.{other}.0/26 via 192.0.2.{there} dev tunl0 proto bird onlink""")
    ports = [{"port": 80, "targetPort": 8080, "nodePort": 30080, "protocol": "TCP"}]
    lab.service("default", "web", "10.96.0.20", ports, [("web", "node-2", "10.244.2.2")], "NodePort")
    for node in ("node-1", "node-2"):
        proxied(lab, node, "default/web", "10.96.0.20", ports, "10.244.2.2")
    outside = "ip:198.51.100.20"
    lab.flow(outside, "192.0.2.11", 30080)
    lab.flow(outside, "192.0.2.11", 30080, size=BIG, cause=["node:node-1", "fabric:switch"])
    lab.flow(outside, "192.0.2.12", 30080, size=BIG)
    lab.flow(A, "10.96.0.20", 80, size=BIG)


def kube_proxy_pending(lab):
    """3: kube-proxy has no priority class and does not fit on the new node, which has no rules of services then."""
    lab.constructed = ("Story 3 of the user needs, built in network namespaces: node-3 was added and has no rules of kube-proxy; the objects "
                       "of kube-proxy, CoreDNS and kube-dns are written as their controllers write them.")
    lab.cluster("node-1", "node-2", "node-3")
    # The data centre knows neither pods nor services.
    lab.on("switch", "ip route add blackhole 10.0.0.0/8")
    for number, (node, pod) in enumerate((("node-1", "coredns"), ("node-2", "b"), ("node-3", "a")), 1):
        lab.routed_pod(node, pod, f"10.244.{number}.2", namespace="kube-system" if pod == "coredns" else "default")
        for other in {1, 2, 3} - {number}:
            lab.on(node, f"ip route add 10.244.{other}.0/24 via 192.0.2.{10 + other}")
    lab.serve("coredns", 53)
    ports = [{"name": "dns", "port": 53, "targetPort": 53, "protocol": "UDP"},
             {"name": "dns-tcp", "port": 53, "targetPort": 53, "protocol": "TCP"}]
    lab.service("kube-system", "kube-dns", "10.96.0.10", ports, [("coredns", "node-1", "10.244.1.2")])
    for node, pod in (("node-1", "kube-proxy-4xk8w"), ("node-2", "kube-proxy-pz6vd"), ("node-3", "kube-proxy-9c2tn")):
        spec = {"hostNetwork": True,
                "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                    {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]}}},
                "containers": [{"name": "kube-proxy", "image": "example/kube-proxy:1", "resources": {"requests": {"cpu": "100m"}}}]}
        status = {"phase": "Pending", "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]."}]}
        if node != "node-3":
            proxied(lab, node, "kube-system/kube-dns", "10.96.0.10", ports, "10.244.1.2")
            at = f"192.0.2.1{node[-1]}"
            spec["nodeName"] = node
            status = {"phase": "Running", "hostIP": at, "podIP": at, "podIPs": [{"ip": at}],
                      "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
                      "containerStatuses": [{"name": "kube-proxy", "ready": True, "restartCount": 0,
                                             "state": {"running": {"startedAt": "2026-11-01T08:00:00Z"}}}]}
        lab.object("pods", "kube-system", pod, {"k8s-app": "kube-proxy", "pod-template-generation": "1"}, spec=spec, status=status)
    proxy = "pod:kube-system/kube-proxy-9c2tn"
    lab.flow(A, "10.96.0.10", 53, "udp", cause=proxy)
    lab.flow(A, "10.96.0.10", 53, "tcp", cause=proxy)
    lab.flow(A, "10.244.1.2", 53, "udp")
    lab.try_all(B, "10.96.0.10", 53, protos=("udp", "tcp"))


ALL = {"story-1-second-address": second_address, "story-2-tunl0-mtu": tunl0_mtu,
       "story-3-kube-proxy-pending": kube_proxy_pending}
