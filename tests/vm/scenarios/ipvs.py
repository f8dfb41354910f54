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


def marked_six(lab, extra=""):
    """A service of IPv6 by mark, and one whose datagrams are each for themselves."""
    nodes(lab, v6=True)
    lab.on("node-1", """
        sysctl net.ipv4.vs.conntrack=1
        ip -6 route add local fd00:97::/64 dev lo""")
    service(lab, "-f 7 -6", "wrr", [("[fd00:1::3]:0", 1), ("[fd00:2::3]:0", 3)], extra=extra)
    service(lab, "-u [fd00:97::9]:8080", "rr", [("[fd00:1::3]:8080", 1), ("[fd00:2::3]:8080", 1)], extra="-o")
    lab.feed("node-1", "ip6tables-nft-restore", """*mangle
        :PREROUTING ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        -A PREROUTING -d fd00:97::/64 -p tcp -j MARK --set-mark 7
        -A OUTPUT -d fd00:97::/64 -p tcp -j MARK --set-mark 7
        COMMIT""")
    for sender in (A, NODE):
        lab.flow(sender, "fd00:97::5", attempts=12, sequential=bool(extra))
        lab.flow(sender, "fd00:97::5", port=9)
        lab.flow(sender, "fd00:97::5", proto="udp")
        lab.flow(sender, "fd00:97::9", proto="udp", attempts=8)
    lab.flow(A, "fd00:97::5", size=BIG, attempts=8, sequential=bool(extra))


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


SCHEDULERS = ("rr", "wrr", "lc", "wlc", "sh", "dh", "mh", "sed", "nq", "fo", "ovf", "lblc", "lblcr")


def schedulers(lab, weights, v6=False, extra=None):
    """A service for each scheduler, on ports of their own; clients by two addresses."""
    nodes(lab, v6)
    if v6:
        vip, servers = "fd00:96::10", ("[fd00:1::3]:8080", "[fd00:2::3]:8080", "[fd00:2::4]:8080")
    else:
        vip, servers = VIP, [f"{server}:8080" for server in SERVERS]
    lab.on("node-1", f"""
        sysctl net.ipv4.vs.conntrack=1
        ip link add kube-ipvs0 type dummy
        ip addr add {vip}/{128 if v6 else 32} dev kube-ipvs0 {"nodad" if v6 else ""}""")
    lines = []
    for number, scheduler in enumerate(SCHEDULERS):
        for protocol in "tu":
            key = f"-{protocol} {f'[{vip}]' if v6 else vip}:{8000 + number}"
            lines.append(f"-A {key} -s {scheduler} {(extra or {}).get(scheduler, '')}")
            lines += [f"-a {key} -r {server} -m -w {weight}" for server, weight in zip(servers, weights)]
    lab.feed("node-1", "ipvsadm -R", "\n".join(lines))
    for number in range(len(SCHEDULERS)):
        lab.flow(A, vip, 8000 + number, attempts=6, sequential=True)
        lab.flow(A, vip, 8000 + number, "udp", attempts=3, sequential=True)
    for number in (4, 5, 6):
        lab.flow(NODE, vip, 8000 + number, attempts=4, sequential=True)
        lab.flow(W1, vip, 8000 + number, attempts=4, sequential=True)


MODERN_SETS = f"""
    create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536
    add KUBE-CLUSTER-IP {VIP},tcp:80
    add KUBE-CLUSTER-IP {VIP},udp:80
    add KUBE-CLUSTER-IP 10.96.0.11,tcp:80
    add KUBE-CLUSTER-IP 10.96.0.12,tcp:80
    create KUBE-LOAD-BALANCER hash:ip,port family inet hashsize 1024 maxelem 65536
    add KUBE-LOAD-BALANCER 198.51.100.1,tcp:80
    add KUBE-LOAD-BALANCER 198.51.100.2,tcp:80
    create KUBE-LOAD-BALANCER-LOCAL hash:ip,port family inet hashsize 1024 maxelem 65536
    add KUBE-LOAD-BALANCER-LOCAL 198.51.100.2,tcp:80
    create KUBE-LOAD-BALANCER-FW hash:ip,port family inet hashsize 1024 maxelem 65536
    add KUBE-LOAD-BALANCER-FW 198.51.100.1,tcp:80
    create KUBE-LOAD-BALANCER-SOURCE-CIDR hash:ip,port,net family inet hashsize 1024 maxelem 65536
    add KUBE-LOAD-BALANCER-SOURCE-CIDR 198.51.100.1,tcp:80,192.0.2.96/28
    create KUBE-EXTERNAL-IP hash:ip,port family inet hashsize 1024 maxelem 65536
    add KUBE-EXTERNAL-IP 203.0.113.5,tcp:80
    create KUBE-LOOP-BACK hash:ip,port,ip family inet hashsize 1024 maxelem 65536
    add KUBE-LOOP-BACK 10.244.1.3,tcp:8080,10.244.1.3
    add KUBE-LOOP-BACK 10.244.1.3,udp:8080,10.244.1.3
    create KUBE-IPVS-IPS hash:ip family inet hashsize 1024 maxelem 65536
    add KUBE-IPVS-IPS {VIP}
    add KUBE-IPVS-IPS 10.96.0.11
    add KUBE-IPVS-IPS 10.96.0.12
    add KUBE-IPVS-IPS 198.51.100.1
    add KUBE-IPVS-IPS 198.51.100.2
    add KUBE-IPVS-IPS 203.0.113.5
    create KUBE-HEALTH-CHECK-NODE-PORT bitmap:port range 0-65535
    create KUBE-NODE-PORT-TCP bitmap:port range 0-65535
    add KUBE-NODE-PORT-TCP 30080
    add KUBE-NODE-PORT-TCP 30081
    create KUBE-NODE-PORT-LOCAL-TCP bitmap:port range 0-65535
    add KUBE-NODE-PORT-LOCAL-TCP 30081
    create KUBE-NODE-PORT-UDP bitmap:port range 0-65535
    add KUBE-NODE-PORT-UDP 30080"""

MODERN_RULES = """*nat
    :PREROUTING ACCEPT [0:0]
    :OUTPUT ACCEPT [0:0]
    :POSTROUTING ACCEPT [0:0]
    :KUBE-LOAD-BALANCER - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    :KUBE-NODE-PORT - [0:0]
    :KUBE-POSTROUTING - [0:0]
    :KUBE-SERVICES - [0:0]
    -A PREROUTING -j KUBE-SERVICES
    -A OUTPUT -j KUBE-SERVICES
    -A POSTROUTING -j KUBE-POSTROUTING
    -A KUBE-LOAD-BALANCER -m set --match-set KUBE-LOAD-BALANCER-LOCAL dst,dst -j RETURN
    -A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ
    -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
    -A KUBE-NODE-PORT -p tcp -m set --match-set KUBE-NODE-PORT-LOCAL-TCP dst -j RETURN
    -A KUBE-NODE-PORT -p tcp -m set --match-set KUBE-NODE-PORT-TCP dst -j KUBE-MARK-MASQ
    -A KUBE-NODE-PORT -p udp -m set --match-set KUBE-NODE-PORT-UDP dst -j KUBE-MARK-MASQ
    -A KUBE-POSTROUTING -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE
    -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
    -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
    -A KUBE-POSTROUTING -j MASQUERADE --random-fully
    -A KUBE-SERVICES -s 127.0.0.0/8 -j RETURN
    -A KUBE-SERVICES -m set --match-set KUBE-LOAD-BALANCER dst,dst -j KUBE-LOAD-BALANCER
    -A KUBE-SERVICES ! -s 10.244.0.0/16 -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ
    -A KUBE-SERVICES -m set --match-set KUBE-EXTERNAL-IP dst,dst -j KUBE-MARK-MASQ
    -A KUBE-SERVICES -m set --match-set KUBE-EXTERNAL-IP dst,dst -m addrtype --dst-type LOCAL -j ACCEPT
    -A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT
    -A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT
    -A KUBE-SERVICES -m set --match-set KUBE-LOAD-BALANCER dst,dst -j ACCEPT
    COMMIT
    *filter
    :INPUT ACCEPT [0:0]
    :FORWARD ACCEPT [0:0]
    :OUTPUT ACCEPT [0:0]
    :KUBE-FORWARD - [0:0]
    :KUBE-NODE-PORT - [0:0]
    :KUBE-PROXY-FIREWALL - [0:0]
    :KUBE-SOURCE-RANGES-FIREWALL - [0:0]
    :KUBE-IPVS-FILTER - [0:0]
    -A INPUT -j KUBE-IPVS-FILTER
    -A INPUT -j KUBE-PROXY-FIREWALL
    -A INPUT -j KUBE-NODE-PORT
    -A FORWARD -j KUBE-PROXY-FIREWALL
    -A FORWARD -j KUBE-FORWARD
    -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
    -A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    -A KUBE-NODE-PORT -m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j ACCEPT
    -A KUBE-PROXY-FIREWALL -m set --match-set KUBE-LOAD-BALANCER-FW dst,dst -j KUBE-SOURCE-RANGES-FIREWALL
    -A KUBE-SOURCE-RANGES-FIREWALL -m set --match-set KUBE-LOAD-BALANCER-SOURCE-CIDR dst,dst,src -j RETURN
    -A KUBE-SOURCE-RANGES-FIREWALL -j DROP
    -A KUBE-IPVS-FILTER -m set --match-set KUBE-LOAD-BALANCER dst,dst -j RETURN
    -A KUBE-IPVS-FILTER -m set --match-set KUBE-CLUSTER-IP dst,dst -j RETURN
    -A KUBE-IPVS-FILTER -m set --match-set KUBE-EXTERNAL-IP dst,dst -j RETURN
    -A KUBE-IPVS-FILTER -m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j RETURN
    -A KUBE-IPVS-FILTER -m conntrack --ctstate NEW -m set --match-set KUBE-IPVS-IPS dst -j REJECT --reject-with icmp-port-unreachable
    COMMIT"""


def modern(lab, fault=None):
    """All that a later kube-proxy sets up: load balancers with source ranges, local traffic policies, external addresses."""
    nodes(lab)
    lab.outside("inside", "192.0.2.97")
    for name in ("outside", "inside"):
        lab.on(name, "\n".join(f"ip route add {net} via 192.0.2.11" for net in ("10.96.0.0/16", "198.51.100.0/24", "203.0.113.0/24")))
    addresses = [VIP, "10.96.0.11", "10.96.0.12", "198.51.100.1", "198.51.100.2", "203.0.113.5"]
    if fault == "missing-address":
        addresses.remove("198.51.100.1")
        addresses.remove(VIP)
    lab.on("node-1", "sysctl net.ipv4.vs.conntrack=1\nip link add kube-ipvs0 type dummy\n"
           + "\n".join(f"ip addr add {address}/32 dev kube-ipvs0" for address in addresses))
    everybody = [(f"{server}:8080", 1) for server in SERVERS]
    here = everybody[:1]
    if fault == "no-local":
        here = []
    elif fault == "draining":
        everybody = [(server, 0) for server, _ in everybody]
    for key, servers in ((f"-t {VIP}:80", everybody), (f"-u {VIP}:80", everybody), ("-t 198.51.100.1:80", everybody),
                         ("-t 198.51.100.2:80", here), ("-t 203.0.113.5:80", everybody), ("-t 192.0.2.11:30080", everybody),
                         ("-u 192.0.2.11:30080", everybody), ("-t 192.0.2.11:30081", here), ("-t 10.96.0.11:80", [])):
        service(lab, key, "rr", servers)
    service(lab, "-t 10.96.0.12:80", "rr", everybody, extra="-p 10800")
    lab.feed("node-1", "ipset restore", MODERN_SETS)
    lab.feed("node-1", "iptables-nft-restore", MODERN_RULES)
    many = partial(lab.flow, attempts=12)
    for sender in (A, NODE, W1, OUTSIDE):
        many(sender, VIP, 80)
    many(A, VIP, 80, "udp")
    many(A, VIP, 80, size=BIG)
    lab.flow(A, VIP, 81)
    lab.flow(NODE, VIP, 81)
    lab.flow(A, VIP, 81, "udp")
    lab.flow(A, "10.96.0.11", 80)
    lab.flow(A, "10.96.0.12", 80, attempts=6, sequential=True)
    for sender in (OUTSIDE, "ip:192.0.2.97", A, NODE):
        many(sender, "198.51.100.1", 80)
    lab.flow(OUTSIDE, "198.51.100.2", 80)
    lab.flow(A, "198.51.100.2", 80)
    lab.flow("ip:192.0.2.97", "198.51.100.2", 81)
    many(OUTSIDE, "203.0.113.5", 80)
    many(OUTSIDE, "192.0.2.11", 30080)
    many(OUTSIDE, "192.0.2.11", 30080, "udp")
    lab.flow(OUTSIDE, "192.0.2.11", 30081)
    lab.flow(NODE, "192.0.2.11", 30081)


def tunnelled(lab, fault=None, kind="ipip", v6=False):
    """A director and servers on one segment; packets go to the servers in tunnels, answers straight to the client."""
    vip = "192.0.2.200"
    if v6:
        # An address of eth0 itself would be the tunnel's source: no prefix is longer.
        vip = "2001:db8::200" if fault == "source" else "fd00:200::1"
    bits = 128 if v6 else 32
    lab.load({"gre": "ip6_gre" if v6 else "ip_gre", "ipip": "ip6_tunnel" if v6 else "ipip"}[kind])
    lab.cluster("node-1", "node-2", "node-3", v6=v6)
    lab.outside(v6="2001:db8::100" if v6 else None)
    for node in ("node-1", "node-2", "node-3"):
        lab.serve(node)
    lab.on("node-1", f"ip addr add {vip}/{bits} dev {'lo' if v6 and fault != 'source' else 'eth0'} {'nodad' if v6 else ''}\n"
           "sysctl net.ipv4.vs.conntrack=1")
    if v6 and fault != "source":
        lab.on("outside", "ip route add fd00:200::/64 via 2001:db8::11")
    for node, last in (("node-2", 12), ("node-3", 13)):
        spare = fault if node == "node-3" else None
        own = f"2001:db8::{last}" if v6 else f"192.0.2.{last}"
        device = f"type {('ip6gre' if v6 else 'gre') if kind == 'gre' else 'ip6tnl mode any' if v6 else 'ipip'} local {own}"
        if v6:
            device += " remote 2001:db8::11"
        if spare != "no-device":
            lab.on(node, f"""
                ip link add tun1 {device}
                {"" if spare == "down" else "ip link set tun1 up"}
                sysctl net.ipv4.conf.tun1.rp_filter={1 if spare == "rp-filter" else 0}
                {"sysctl net.ipv4.conf.all.rp_filter=1" if spare == "rp-filter" else ""}""")
        lab.on(node, "sysctl net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2")
        if spare != "no-address":
            lab.on(node, f"ip addr add {vip}/{bits} dev lo {'nodad' if v6 else ''}")
        if spare == "drop":
            lab.feed(node, f"ip{'6' if v6 else ''}tables-nft-restore", f"""*filter
                :INPUT ACCEPT [0:0]
                -A INPUT -p {47 if kind == "gre" else 41 if v6 else 4} -j DROP
                COMMIT""")
    servers = [("[2001:db8::12]:8080" if v6 else "192.0.2.12:8080", 1), ("[2001:db8::13]:8080" if v6 else "192.0.2.13:8080", 1)]
    if fault == "nobody":
        servers[1] = ("[2001:db8::77]:8080" if v6 else "192.0.2.77:8080", 1)
    method = "-i" + (" --tun-type gre --tun-nocsum" if kind == "gre" else "")
    host = f"[{vip}]" if v6 else vip
    service(lab, f"-t {host}:8080", "rr", servers, method)
    service(lab, f"-u {host}:8080", "rr", servers, method)
    ask = "ip:2001:db8::100" if v6 else OUTSIDE
    lab.flow(ask, vip, attempts=12)
    lab.flow(ask, vip, proto="udp", attempts=12)
    lab.flow(ask, vip, size=BIG, attempts=12)
    lab.flow(ask, vip, size=BIG, proto="udp", attempts=12)
    lab.flow(NODE, vip, attempts=12)
    lab.flow(ask, vip, port=9)


def direct(lab, fault=None, v6=False):
    """A director and servers on one segment, the address on each server's lo."""
    vip = "2001:db8::200" if v6 else "192.0.2.200"
    lab.cluster("node-1", "node-2", "node-3", v6=v6)
    lab.outside(v6="2001:db8::100" if v6 else None)
    for node in ("node-1", "node-2", "node-3"):
        lab.serve(node)
    if v6:
        lab.on("node-1", f"ip addr add {vip}/128 dev eth0 nodad")
    else:
        lab.on("node-1", f"ip addr add {vip}/32 dev eth0")
    lab.on("node-1", "sysctl net.ipv4.vs.conntrack=1")
    for node in ("node-2", "node-3"):
        if not (fault == "no-address" and node == "node-3"):
            lab.on(node, f"""
                sysctl net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
                ip addr add {vip}/{"128 dev lo nodad" if v6 else "32 dev lo"}""")
    block = "[2001:db8::{}]:8080" if v6 else "192.0.2.{}:8080"
    servers = [(block.format(12), 1), (block.format(13), 1)]
    if fault == "nobody":
        servers[1] = (block.format(77), 1)
    elif fault == "itself":
        servers[1] = (block.format(11), 1)
    elif fault == "weight-0":
        servers = [(server, 0) for server, _ in servers]
    host = f"[{vip}]" if v6 else vip
    service(lab, f"-t {host}:8080", "rr", servers, "-g")
    service(lab, f"-u {host}:8080", "rr", servers, "-g")
    ask = "ip:2001:db8::100" if v6 else OUTSIDE
    lab.flow(ask, vip, attempts=18)
    lab.flow(ask, vip, proto="udp", attempts=18)
    lab.flow(ask, vip, size=BIG, attempts=18)
    lab.flow(NODE, vip, attempts=18)
    lab.flow(ask, vip, port=9)


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
    "ipvs-fwmark-v6": marked_six,
    "ipvs-fwmark-v6-persistent": partial(marked_six, extra="-p 300"),
    "ipvs-v6": six,
    "ipvs-direct": direct,
    "ipvs-direct-v6": partial(direct, v6=True),
    "ipvs-direct-weight-0": partial(direct, fault="weight-0"),
    "ipvs-direct-v6-no-address": partial(direct, fault="no-address", v6=True),
    "ipvs-schedulers": partial(schedulers, weights=(1, 2, 3)),
    "ipvs-schedulers-draining": partial(schedulers, weights=(2, 0, 1)),
    "ipvs-schedulers-flags": partial(schedulers, weights=(2, 0, 1), extra={
        "sh": "-b sh-fallback", "mh": "-b mh-fallback"}),
    "ipvs-schedulers-weight-0": partial(schedulers, weights=(0, 0, 0)),
    "ipvs-schedulers-v6": partial(schedulers, weights=(1, 2, 3), v6=True),
    "ipvs-modern": modern,
    "ipvs-tunnel": tunnelled,
    "ipvs-tunnel-gre": partial(tunnelled, kind="gre"),
    "ipvs-tunnel-v6": partial(tunnelled, v6=True),
    "ipvs-tunnel-v6-source": partial(tunnelled, v6=True, fault="source"),
    "ipvs-tunnel-v6-gre": partial(tunnelled, v6=True, kind="gre"),
}
for name in ("missing-address", "no-local", "draining"):
    ALL[f"ipvs-modern-{name}"] = partial(modern, fault=name)
for name in ("no-device", "down", "rp-filter", "no-address", "drop", "nobody"):
    ALL[f"ipvs-tunnel-{name}"] = partial(tunnelled, fault=name)
for name in ("dead-server", "closed-port", "no-route", "forward-drop", "input-drop", "output-drop", "forwarding-off"):
    ALL[f"ipvs-kube-{name}"] = partial(kube, fault=name)
for name in ("no-address", "nobody", "itself"):
    ALL[f"ipvs-direct-{name}"] = partial(direct, fault=name)
ALL["ipvs-kube-dh"] = partial(kube, scheduler="dh")
ALL["ipvs-kube-fo"] = partial(kube, scheduler="fo", weights=(1, 3, 2))
ALL["ipvs-kube-wlc"] = partial(kube, scheduler="wlc", weights=(2, 1, 1))
