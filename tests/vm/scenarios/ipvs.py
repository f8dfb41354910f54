"""IPVS: as kube-proxy sets it up, and by hand (direct routing, tunnels, marks)."""

from functools import partial

A, B, W1, W2 = "pod:default/a", "pod:default/b", "pod:default/w1", "pod:default/w2"
NODE, OUTSIDE = "node:node-1", "ip:192.0.2.100"
VIP = "10.96.0.10"
BIG = 4000
SERVERS = ("10.244.1.3", "10.244.2.3", "10.244.2.4")

NAT = """*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-LOAD-BALANCER - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODE-PORT - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-NODE-PORT -p tcp -m set --match-set KUBE-NODE-PORT-TCP dst -j KUBE-MARK-MASQ
-A KUBE-POSTROUTING -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -j MASQUERADE
-A KUBE-SERVICES ! -s 10.244.0.0/16 -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT
-A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-FORWARD - [0:0]
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT"""


def nodes(lab, v6=False):
    """Two nodes, a client and three servers, routes of host-gw; someone outside."""
    lab.cluster("node-1", "node-2", v6=v6)
    lab.outside(v6="2001:db8::100" if v6 else None)
    for node, name, last in (("node-1", "a", "1.2"), ("node-1", "w1", "1.3"), ("node-2", "w2", "2.3"), ("node-2", "w3", "2.4")):
        block, host = last.split(".")
        lab.routed_pod(node, name, f"10.244.{last}", f"fd00:{block}::{host}" if v6 else None)
    lab.on("node-1", "ip route add 10.244.2.0/24 via 192.0.2.12")
    lab.on("node-2", "ip route add 10.244.1.0/24 via 192.0.2.11")
    if v6:
        lab.on("node-1", "ip route add fd00:2::/64 via 2001:db8::12")
        lab.on("node-2", "ip route add fd00:1::/64 via 2001:db8::11")
    for name in ("w1", "w2", "w3", "node-1", "node-2"):
        lab.serve(name)


def service(lab, key, scheduler, servers, method="-m", extra=""):
    """One virtual service on node-1; servers are (address with port, weight)."""
    lines = [f"-A {key} -s {scheduler} {extra}"]
    lines += [f"-a {key} -r {server} {method} -w {weight}" for server, weight in servers]
    lab.feed("node-1", "ipvsadm -R", "\n".join(lines))


def kube(lab, scheduler="rr", weights=(1, 1, 1), conntrack=1, dummy=True, masquerade=True, extra="", fault=None, port=8080):
    """kube-proxy's way on node-1."""
    nodes(lab)
    lab.on("node-1", f"sysctl net.ipv4.vs.conntrack={conntrack} net.ipv4.vs.conn_reuse_mode=0")
    if dummy:
        lab.on("node-1", f"""
            ip link add kube-ipvs0 type dummy
            ip addr add {VIP}/32 dev kube-ipvs0
            ip addr add 10.96.0.11/32 dev kube-ipvs0""")
    servers = [(f"{server}:{port}", weight) for server, weight in zip(SERVERS, weights)]
    if fault == "dead-server":
        servers[2] = (f"10.244.2.77:{port}", 1)
    elif fault == "closed-port":
        servers[2] = (f"{SERVERS[2]}:9", 1)
    elif fault == "no-route":
        lab.on("node-1", "ip route add unreachable 10.244.2.4/32")
    for key in (f"-t {VIP}:80", f"-u {VIP}:80", "-t 192.0.2.11:30080"):
        service(lab, key, scheduler, servers, extra=extra)
    # A service without endpoints.
    service(lab, "-t 10.96.0.11:80", scheduler, [])
    loopback = "\n".join(f"add KUBE-LOOP-BACK {server},tcp:{port},{server}" for server in SERVERS)
    lab.feed("node-1", "ipset restore", f"""
        create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536
        add KUBE-CLUSTER-IP {VIP},tcp:80
        add KUBE-CLUSTER-IP {VIP},udp:80
        add KUBE-CLUSTER-IP 10.96.0.11,tcp:80
        create KUBE-LOOP-BACK hash:ip,port,ip family inet hashsize 1024 maxelem 65536
        {loopback}
        create KUBE-NODE-PORT-TCP bitmap:port range 0-65535
        add KUBE-NODE-PORT-TCP 30080""")
    rules = NAT
    if fault == "forward-drop":
        rules = rules.replace(":FORWARD ACCEPT", ":FORWARD DROP")
    elif fault == "input-drop":
        rules = rules.replace("-A FORWARD -m comment", f"-A INPUT -d {VIP}/32 -p tcp -j DROP\n-A FORWARD -m comment")
    elif fault == "output-drop":
        rules = rules.replace("-A FORWARD -m comment", f"-A OUTPUT -d {SERVERS[1]}/32 -p tcp -j DROP\n-A FORWARD -m comment")
    elif fault == "invalid-drop":
        rules = rules.replace("-A KUBE-FORWARD -m mark", "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP\n-A KUBE-FORWARD -m mark")
    if masquerade:
        lab.feed("node-1", "iptables-nft-restore", rules)
    if fault == "forwarding-off":
        lab.on("node-1", "sysctl net.ipv4.ip_forward=0 net.ipv4.conf.calia.forwarding=1 net.ipv4.conf.caliw1.forwarding=1")
    sticky = scheduler in ("sh", "dh", "mh") or extra
    ask = partial(lab.flow, attempts=18, sequential=bool(sticky))
    ask(A, VIP, 80)
    ask(A, VIP, 80, "udp")
    ask(A, VIP, 80, size=BIG)
    ask(NODE, VIP, 80)
    ask(W1, VIP, 80)
    ask(OUTSIDE, "192.0.2.11", 30080)
    ask(A, "192.0.2.11", 30080)
    lab.flow(A, VIP, 81)
    lab.flow(A, "10.96.0.11", 80)
    lab.flow(NODE, "10.96.0.11", 80)
    lab.flow(A, SERVERS[1], port)


def marked(lab, fault=None):
    """A service by mark: what comes for a block of addresses goes to the servers."""
    nodes(lab)
    lab.on("node-1", """
        sysctl net.ipv4.vs.conntrack=1
        ip route add local 10.97.0.0/24 dev lo""")
    service(lab, "-f 7", "wrr", [(f"{SERVERS[0]}:0", 1), (f"{SERVERS[1]}:0", 3)])
    mark = 8 if fault == "other-mark" else 7
    lab.feed("node-1", "iptables-nft-restore", f"""*mangle
        :PREROUTING ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        -A PREROUTING -d 10.97.0.0/24 -p tcp --dport 8080 -j MARK --set-mark {mark}
        -A OUTPUT -d 10.97.0.0/24 -p tcp --dport 8080 -j MARK --set-mark {mark}
        COMMIT""")
    for sender in (A, NODE):
        lab.flow(sender, "10.97.0.5", attempts=20)
        lab.flow(sender, "10.97.0.5", port=8081)


def direct(lab, fault=None):
    """A director and servers on one segment, the address on each server's lo."""
    vip = "192.0.2.200"
    lab.cluster("node-1", "node-2", "node-3")
    lab.outside()
    for node in ("node-1", "node-2", "node-3"):
        lab.serve(node)
    lab.on("node-1", f"ip addr add {vip}/32 dev eth0\nsysctl net.ipv4.vs.conntrack=1")
    for node in ("node-2", "node-3"):
        if not (fault == "no-address" and node == "node-3"):
            lab.on(node, f"""
                sysctl net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
                ip addr add {vip}/32 dev lo""")
    servers = [("192.0.2.12:8080", 1), ("192.0.2.13:8080", 1)]
    if fault == "nobody":
        servers[1] = ("192.0.2.77:8080", 1)
    elif fault == "itself":
        servers[1] = ("192.0.2.11:8080", 1)
    service(lab, f"-t {vip}:8080", "rr", servers, "-g")
    service(lab, f"-u {vip}:8080", "rr", servers, "-g")
    lab.flow(OUTSIDE, vip, attempts=18)
    lab.flow(OUTSIDE, vip, proto="udp", attempts=18)
    lab.flow(OUTSIDE, vip, size=BIG, attempts=18)
    lab.flow(NODE, vip, attempts=18)
    lab.flow(OUTSIDE, vip, port=9)


def six(lab):
    """IPv6 services."""
    nodes(lab, v6=True)
    lab.on("node-1", """
        sysctl net.ipv4.vs.conntrack=1
        ip link add kube-ipvs0 type dummy
        ip addr add fd00:96::10/128 dev kube-ipvs0 nodad
        ip addr add fd00:96::11/128 dev kube-ipvs0 nodad""")
    servers = [("[fd00:1::3]:8080", 1), ("[fd00:2::3]:8080", 1)]
    for key in ("-t [fd00:96::10]:80", "-u [fd00:96::10]:80"):
        service(lab, key, "rr", servers)
    service(lab, "-t [fd00:96::11]:80", "rr", [])
    lab.flow(A, "fd00:96::10", 80, attempts=16)
    lab.flow(A, "fd00:96::10", 80, "udp", attempts=16)
    lab.flow(W1, "fd00:96::10", 80, attempts=16)
    lab.flow(NODE, "fd00:96::10", 80, attempts=16)
    lab.flow(A, "fd00:96::11", 80)
    lab.flow(NODE, "fd00:96::11", 80)
    lab.flow(A, "fd00:96::10", 81)


ALL = {
    "ipvs-kube-rr": kube,
    "ipvs-kube-conntrack-0": partial(kube, conntrack=0),
    "ipvs-kube-conntrack-0-invalid-drop": partial(kube, conntrack=0, fault="invalid-drop"),
    "ipvs-kube-wrr": partial(kube, scheduler="wrr", weights=(3, 1, 0)),
    "ipvs-kube-weight-0": partial(kube, weights=(0, 0, 0)),
    "ipvs-kube-sh": partial(kube, scheduler="sh"),
    "ipvs-kube-sh-weight-0": partial(kube, scheduler="sh", weights=(1, 0, 0)),
    "ipvs-kube-lc": partial(kube, scheduler="lc"),
    "ipvs-kube-persistent": partial(kube, extra="-p 300"),
    "ipvs-kube-no-dummy": partial(kube, dummy=False),
    "ipvs-kube-no-masquerade": partial(kube, masquerade=False),
    "ipvs-fwmark": marked,
    "ipvs-fwmark-other-mark": partial(marked, fault="other-mark"),
    "ipvs-v6": six,
    "ipvs-direct": direct,
}
for name in ("dead-server", "closed-port", "no-route", "forward-drop", "input-drop", "output-drop", "forwarding-off"):
    ALL[f"ipvs-kube-{name}"] = partial(kube, fault=name)
for name in ("no-address", "nobody", "itself"):
    ALL[f"ipvs-direct-{name}"] = partial(direct, fault=name)
ALL["ipvs-kube-dh"] = partial(kube, scheduler="dh")
ALL["ipvs-kube-fo"] = partial(kube, scheduler="fo", weights=(1, 3, 2))
ALL["ipvs-kube-wlc"] = partial(kube, scheduler="wlc", weights=(2, 1, 1))
