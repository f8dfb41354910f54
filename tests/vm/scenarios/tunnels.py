"""ipip, gre, wireguard: tunnels between nodes, whole and broken."""

from functools import partial

A, B = "pod:default/a", "pod:default/b"
BIG = 4000


def two_nodes(lab, mtu, v6=False):
    """Two nodes with a pod each; how they reach each other's pods is the scenario's matter."""
    lab.cluster("node-1", "node-2", v6=v6)
    lab.routed_pod("node-1", "a", "10.244.1.2", "fd00:1::2" if v6 else None, mtu=mtu)
    lab.routed_pod("node-2", "b", "10.244.2.2", "fd00:2::2" if v6 else None, mtu=mtu)
    for name in ("a", "b", "node-1", "node-2"):
        lab.serve(name)


def pod_flows(lab, cause=None):
    """Pod to pod, node to pod, both ways, small and large."""
    lab.try_all(A, "10.244.2.2", sizes=(None, BIG), protos=("tcp", "udp"), cause=cause)
    lab.try_all(B, "10.244.1.2", sizes=(None, BIG), cause=cause)
    lab.try_all("node:node-1", "10.244.2.2", sizes=(None, BIG), cause=cause)
    lab.flow("node:node-1", "10.244.2.2", proto="udp", cause=cause)
    lab.flow(A, "10.244.2.2", port=9)


def ipip(lab, fault=None):
    """Calico's ipip: a tunl0 without ends on each node, routes of bird through it."""
    # Each namespace gets its tunl0 by the module.
    lab.commands("sysctl net.core.fb_tunnels_only_for_init_net=0")
    lab.load("ipip")
    two_nodes(lab, 1480)
    lab.commands("sysctl net.core.fb_tunnels_only_for_init_net=1")
    for node, own, other, there in (("node-1", 1, 2, 12), ("node-2", 2, 1, 11)):
        lab.on(node, f"""
            ip link set tunl0 up mtu 1480
            ip addr add 10.244.{own}.1/32 dev tunl0
            ip route add blackhole 10.244.{own}.0/26 proto bird
            ip route add 10.244.{other}.0/26 via 192.0.2.{there} dev tunl0 proto bird onlink""")
    cause = None
    if fault == "wrong-remote":
        lab.on("node-1", "ip route replace 10.244.2.0/26 via 192.0.2.100 dev tunl0 proto bird onlink")
        lab.outside()
        cause = "node:node-1"
    elif fault == "remote-nobody":
        lab.on("node-1", "ip route replace 10.244.2.0/26 via 192.0.2.77 dev tunl0 proto bird onlink")
        cause = "node:node-1"
    elif fault == "no-route-back":
        lab.on("node-2", "ip route del 10.244.1.0/26")
        cause = "node:node-2"
    elif fault == "down":
        lab.on("node-2", "ip link set tunl0 down")
        cause = "node:node-2"
    elif fault == "rp-filter":
        lab.on("node-2", """
            ip route del 10.244.1.0/26
            ip route add 10.244.1.0/26 via 192.0.2.11 dev eth0
            sysctl net.ipv4.conf.tunl0.rp_filter=1""")
        cause = "node:node-2"
    elif fault == "drop-ipencap":
        lab.feed("node-2", "iptables-nft-restore", """*filter
            :INPUT ACCEPT [0:0]
            -A INPUT -p ipencap -j DROP
            COMMIT""")
        cause = "node:node-2"
    elif fault == "allow-peers":
        # Felix takes tunnelled packets from known nodes only.
        lab.feed("node-2", "ipset restore", "create all-hosts hash:net\nadd all-hosts 192.0.2.13")
        lab.feed("node-2", "iptables-nft-restore", """*filter
            :INPUT ACCEPT [0:0]
            -A INPUT -p ipencap -m set --match-set all-hosts src -m addrtype --dst-type LOCAL -j ACCEPT
            -A INPUT -p ipencap -j DROP
            COMMIT""")
        cause = "node:node-2"
    elif fault == "same-mtu":
        # Pods that believe in 1500 bytes learn better by ICMP.
        for pod in ("a", "b"):
            lab.on(pod, "ip link set eth0 mtu 1500")
        for node, pod in (("node-1", "a"), ("node-2", "b")):
            lab.on(node, f"ip link set cali{pod} mtu 1500")
    elif fault == "mtu-hole":
        # The tunnel promises more than the wire below carries.
        lab.on("node-1", "ip link set tunl0 mtu 1500")
        for node, pod in (("node-1", "a"), ("node-2", "b")):
            lab.on(pod, "ip link set eth0 mtu 1500")
            lab.on(node, f"ip link set cali{pod} mtu 1500")
    pod_flows(lab, cause)


def tunnel_pair(lab, kind, fault=None):
    """A tunnel with fixed ends, routes into it."""
    lab.load("ip_gre" if kind.startswith("gre") else kind)
    two_nodes(lab, 1400)
    options = {"ipip": "type ipip", "gre": "type gre", "gre-key": "type gre key 42", "gretap": "type gretap"}[kind]
    far = "192.0.2.77" if fault == "wrong-remote" else "192.0.2.12"
    extra = "nopmtudisc" if fault == "nopmtudisc" else ""
    ttl = "ttl 1" if fault == "ttl" else "" if fault == "nopmtudisc" else "ttl 64"
    lab.on("node-1", f"ip link add tun1 {options} local 192.0.2.11 remote {far} {ttl} {extra}")
    back = "type gre key 43" if fault == "wrong-key" else options
    near = "192.0.2.99" if fault == "wrong-local" else "192.0.2.11"
    lab.on("node-2", f"ip link add tun1 {back} local 192.0.2.12 remote {near} {extra}")
    lab.on("node-1", "ip link set tun1 up\nip addr add 10.255.0.1/30 dev tun1\nip route add 10.244.2.0/24 dev tun1"
           + (" via 10.255.0.2" if kind == "gretap" else ""))
    lab.on("node-2", "ip link set tun1 up\nip addr add 10.255.0.2/30 dev tun1\nip route add 10.244.1.0/24 dev tun1"
           + (" via 10.255.0.1" if kind == "gretap" else ""))
    if fault in ("nopmtudisc", "mtu"):
        for name, device in (("a", "eth0"), ("b", "eth0"), ("node-1", "calia"), ("node-2", "calib")):
            lab.on(name, f"ip link set {device} mtu 1500")
    if fault == "nopmtudisc":
        # Packets that fit the tunnel but not the wire are fragmented outside.
        lab.on("node-1", "ip link set tun1 mtu 1500")
        lab.on("node-2", "ip link set tun1 mtu 1500")
    cause = None if fault in (None, "nopmtudisc", "mtu", "ttl") else ["node:node-1", "node:node-2"]
    pod_flows(lab, cause)
    lab.flow("node:node-1", "10.255.0.2", cause=cause)


def six_tunnel(lab, kind, fault=None):
    """Tunnels that carry IPv6, or are carried by it."""
    lab.load({"gre": "ip_gre", "sit": "sit", "ip6gre": "ip6_gre", "ip6tnl": "ip6_tunnel"}[kind])
    carried_by_six = kind.startswith("ip6")
    mtu = 1500 if fault == "mtu" else 1400
    two_nodes(lab, mtu, v6=True)
    far = "77" if fault == "wrong-remote" else "12"
    prefix = "2001:db8::" if carried_by_six else "192.0.2."
    mode = {"ip6tnl": "mode any"}.get(kind, "")
    lab.on("node-1", f"ip link add tun1 type {kind} {mode} local {prefix}11 remote {prefix}{far} ttl 64")
    if fault == "other-mode":
        # Takes IPv4 only.
        mode = "mode ipip6"
    lab.on("node-2", f"ip link add tun1 type {kind} {mode} local {prefix}12 remote {prefix}11 ttl 64")
    for node, own, other in (("node-1", 1, 2), ("node-2", 2, 1)):
        lab.on(node, f"""
            ip link set tun1 up
            ip addr add fd00:255::{own}/64 dev tun1 nodad
            ip route add fd00:{other}::/64 dev tun1
            {"" if kind == "sit" else f"ip route add 10.244.{other}.0/24 dev tun1"}""")
    if fault == "drop":
        lab.feed("node-2", f"{'ip6' if carried_by_six else 'ip'}tables-nft-restore", f"""*filter
            :INPUT ACCEPT [0:0]
            -A INPUT -p {({"gre": 47, "sit": 41, "ip6gre": 47, "ip6tnl": 41})[kind]} -j DROP
            COMMIT""")
    elif fault == "down":
        lab.on("node-2", "ip link set tun1 down")
    cause = None if fault in (None, "mtu") else ["node:node-1", "node:node-2"]
    lab.try_all(A, "fd00:2::2", sizes=(None, BIG), protos=("tcp", "udp"), cause=cause)
    lab.flow(B, "fd00:1::2", size=BIG, cause=cause)
    lab.flow("node:node-1", "fd00:2::2", cause=cause)
    lab.flow("node:node-1", "fd00:255::2", proto="udp", cause=cause)
    lab.flow(A, "fd00:2::2", port=9)
    if kind != "sit":
        lab.try_all(A, "10.244.2.2", sizes=(None, BIG), protos=("tcp", "udp"))


def fresh_key(lab):
    """A file with a private key that nobody knows."""
    with open("/tmp/fresh.key", "w", encoding="ascii") as file:
        file.write(lab.run(["wg", "genkey"]))
    return "/tmp/fresh.key"


def mesh(lab, fault=None):
    """Three nodes with wireguard between their IPv6 addresses; prefixes of peers within one another."""
    lab.cluster("node-1", "node-2", "node-3", v6=True)
    keys = {}
    for number, (node, pod) in enumerate((("node-1", "a"), ("node-2", "b"), ("node-3", "c")), 1):
        lab.routed_pod(node, pod, f"10.244.{number}.2", f"fd00:{number}::2", mtu=1420)
        private = lab.run(["wg", "genkey"])
        keys[number] = lab.run(["wg", "pubkey"], private).strip()
        with open(f"/tmp/{node}.key", "w", encoding="ascii") as file:
            file.write(private)
        lab.on(node, f"""
            ip link add wg0 type wireguard
            wg set wg0 listen-port 51820 private-key /tmp/{node}.key {"fwmark 0x77" if fault == "fwmark" else ""}
            ip link set wg0 up mtu 1420
            ip addr add 10.255.0.{number}/24 dev wg0
            ip addr add fd00:255::{number}/64 dev wg0 nodad
            ip route add 10.244.0.0/16 dev wg0
            ip route add fd00::/16 dev wg0""")
        lab.serve(node, 8080)
        lab.serve(pod, 8080)
    if fault == "wrong-key":
        keys[2] = lab.run(["wg", "pubkey"], lab.run(["wg", "genkey"])).strip()
    for own in (1, 2, 3):
        for other in (1, 2, 3):
            if own == other:
                continue
            nets = f"10.244.{other}.0/24,10.255.0.{other}/32,fd00:{other}::/64,fd00:255::{other}/128"
            if own == 1 and other == 3:
                # Wider than node-2's: the longer one counts.
                nets = "10.244.0.0/16,10.255.0.3/32,fd00::/16,fd00:255::3/128"
            if fault == "longer-elsewhere" and own == 1 and other == 3:
                # Longer than node-2's: what is for its pod goes to node-3.
                nets += ",10.244.2.2/32,fd00:2::2/128"
            end = f"[2001:db8::{10 + other}]:51820"
            lab.on(f"node-{own}", f"wg set wg0 peer {keys[other]} allowed-ips {nets} endpoint {end}")
    if fault == "fwmark":
        # Packets of the tunnel itself have a table of their own, which leads nowhere on node-1.
        lab.on("node-1", "ip -6 rule add fwmark 0x77 lookup 77\nip -6 route add unreachable default table 77")
        lab.on("node-2", "ip -6 rule add fwmark 0x77 lookup 77\nip -6 route add default dev eth0 table 77")
    elif fault == "mtu":
        lab.on("switch", "ip link set node-2 mtu 1400")
    for to in ("10.244.2.2", "fd00:2::2"):
        lab.try_all(A, to, sizes=(None, BIG), protos=("tcp", "udp"))
        lab.flow("node:node-1", to)
    lab.try_all(A, "10.244.3.2", protos=("tcp", "udp"))
    lab.flow(A, "fd00:3::2")
    lab.flow("pod:default/b", "fd00:3::2", size=BIG)
    lab.flow("pod:default/c", "fd00:1::2", proto="udp")
    lab.flow("node:node-1", "fd00:255::2")
    lab.flow("node:node-1", "10.255.0.2")
    lab.flow(A, "fd00:4::2")
    lab.flow("node:node-2", "10.244.4.2")


def wireguard(lab, fault=None, v6=False):
    """A wireguard device per node, as Calico and flannel make them: the other's pods are its allowed addresses."""
    two_nodes(lab, 1420, v6)
    keys = {}
    for node in ("node-1", "node-2"):
        private = lab.run(["wg", "genkey"])
        keys[node] = lab.run(["wg", "pubkey"], private).strip()
        lab.on(node, "ip link add wg0 type wireguard")
        with open(f"/tmp/{node}.key", "w", encoding="ascii") as file:
            file.write(private)
        lab.on(node, f"wg set wg0 listen-port 51820 private-key /tmp/{node}.key")
    allowed = {"node-1": "10.244.1.0/24,192.0.2.11/32", "node-2": "10.244.2.0/24,192.0.2.12/32"}
    if v6:
        allowed = {"node-1": allowed["node-1"] + ",fd00:1::/64", "node-2": allowed["node-2"] + ",fd00:2::/64"}
    cause = None
    if fault == "wrong-allowed-sender":
        allowed["node-2"] = "10.244.3.0/24"
        cause = "node:node-1"
    elif fault == "wrong-allowed-receiver":
        allowed["node-1"] = "10.244.3.0/24,192.0.2.11/32"
        cause = "node:node-2"
    endpoint = {"node-1": "192.0.2.11:51820", "node-2": "192.0.2.12:51820"}
    if fault == "wrong-endpoint":
        endpoint["node-2"] = "192.0.2.12:51821"
        endpoint["node-1"] = "192.0.2.11:51821"
        cause = ["node:node-1", "node:node-2"]
    elif fault == "one-endpoint":
        endpoint["node-1"] = None
    for node, other, own, peer in (("node-1", "node-2", 1, 2), ("node-2", "node-1", 2, 1)):
        if not (fault == "no-peer" and node == "node-2"):
            far = f"endpoint {endpoint[other]}" if endpoint[other] else ""
            lab.on(node, f"wg set wg0 peer {keys[other]} allowed-ips {allowed[other]} {far}")
        lab.on(node, f"""
            ip link set wg0 up mtu 1420
            ip addr add 10.244.{own}.1/32 dev wg0
            ip route add 10.244.{peer}.0/24 dev wg0""")
        if v6:
            lab.on(node, f"ip route add fd00:{peer}::/64 dev wg0")
    if fault == "wrong-key":
        lab.on("node-2", f"wg set wg0 private-key {fresh_key(lab)}")
        cause = ["node:node-1", "node:node-2"]
    elif fault == "no-peer":
        cause = "node:node-2"
    elif fault == "down":
        lab.on("node-2", "ip link set wg0 down")
        cause = "node:node-2"
    elif fault == "port-blocked":
        lab.feed("node-2", "iptables-nft-restore", """*filter
            :INPUT ACCEPT [0:0]
            -A INPUT -p udp --dport 51820 -j DROP
            COMMIT""")
        cause = "node:node-2"
    elif fault == "mtu-hole":
        for node in ("node-1", "node-2"):
            lab.on(node, "ip link set wg0 mtu 1500")
        for name, device in (("a", "eth0"), ("b", "eth0"), ("node-1", "calia"), ("node-2", "calib")):
            lab.on(name, f"ip link set {device} mtu 1500")
    pod_flows(lab, cause)
    if v6:
        lab.try_all(A, "fd00:2::2", sizes=(None, BIG), protos=("tcp", "udp"), cause=cause)
        lab.flow(B, "fd00:1::2", cause=cause)


ALL = {"ipip-calico": ipip}
for name in ("wrong-remote", "remote-nobody", "no-route-back", "down", "rp-filter", "drop-ipencap", "allow-peers",
             "same-mtu", "mtu-hole"):
    ALL[f"ipip-calico-{name}"] = partial(ipip, fault=name)
for kind, faults in {"ipip": ("wrong-remote", "wrong-local", "nopmtudisc", "mtu"),
                     "gre": ("wrong-remote", "wrong-local", "mtu"),
                     "gre-key": ("wrong-key",), "gretap": ("wrong-remote",)}.items():
    ALL[f"{kind}-pair"] = partial(tunnel_pair, kind=kind)
    for name in faults:
        ALL[f"{kind}-pair-{name}"] = partial(tunnel_pair, kind=kind, fault=name)
ALL["wireguard"] = wireguard
ALL["wireguard-v6"] = partial(wireguard, v6=True)
for kind, faults in {"sit": ("wrong-remote", "drop", "mtu"), "gre": ("mtu",),
                     "ip6gre": ("wrong-remote", "mtu", "drop"), "ip6tnl": ("other-mode", "mtu", "down")}.items():
    ALL[f"{kind}-six"] = partial(six_tunnel, kind=kind)
    for name in faults:
        ALL[f"{kind}-six-{name}"] = partial(six_tunnel, kind=kind, fault=name)
ALL["wireguard-mesh"] = mesh
for name in ("wrong-key", "longer-elsewhere", "fwmark", "mtu"):
    ALL[f"wireguard-mesh-{name}"] = partial(mesh, fault=name)
for name in ("wrong-key", "wrong-allowed-sender", "wrong-allowed-receiver", "wrong-endpoint", "one-endpoint", "no-peer", "down",
             "port-blocked", "mtu-hole"):
    ALL[f"wireguard-{name}"] = partial(wireguard, fault=name)
