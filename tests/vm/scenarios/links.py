"""Devices on devices: vlan, bond, ipvlan, macvlan, dummy, geneve, vxlan."""

from functools import partial

A, B, C = "pod:default/a", "pod:default/b", "pod:default/c"
BIG = 4000


def six_on(lab, device, own, other):
    """IPv6 beside IPv4 between the nodes, by a device on each."""
    return f"""
        sysctl net.ipv6.conf.all.forwarding=1
        ip addr add fd00:172::{own}/64 dev {device} nodad
        ip route add fd00:{other}::/64 via fd00:172::{other}"""


def vlan(lab, fault=None, v6=False):
    """Pods' traffic between the nodes on VLAN 100 of eth0, the nodes' own without a tag."""
    lab.cluster("node-1", "node-2")
    lab.routed_pod("node-1", "a", "10.244.1.2", "fd00:1::2" if v6 else None)
    lab.routed_pod("node-2", "b", "10.244.2.2", "fd00:2::2" if v6 else None)
    number = {"node-1": 100, "node-2": 101 if fault == "other-tag" else 100}
    for node, own, other in (("node-1", 1, 2), ("node-2", 2, 1)):
        lab.on(node, f"""
            ip link add link eth0 name eth0.{number[node]} type vlan id {number[node]}
            ip link set eth0.{number[node]} up
            ip addr add 172.16.0.{own}/24 dev eth0.{number[node]}
            ip route add 10.244.{other}.0/24 via 172.16.0.{other}
            {six_on(lab, f"eth0.{number[node]}", own, other) if v6 else ""}""")
    cause = None
    if fault == "other-tag":
        cause = ["node:node-1", "node:node-2"]
    elif fault == "down":
        lab.on("node-2", "ip link set eth0.100 down")
        cause = "node:node-2"
    elif fault == "parent-down":
        lab.on("node-2", "ip link set eth0 down")
        cause = "node:node-2"
    elif fault == "mtu":
        # A tagged frame of 1500 bytes fits; the parent's smaller MTU bounds both.
        lab.on("node-1", "ip link set eth0.100 mtu 1400")
    elif fault == "switch-mtu":
        # The switch's port takes less than the nodes believe.
        lab.on("switch", "ip link set node-2 mtu 1400")
    elif fault == "input-drop":
        lab.feed("node-2", "iptables-nft-restore", """*filter
            :FORWARD ACCEPT [0:0]
            -A FORWARD -i eth0.100 -j DROP
            COMMIT""")
        cause = "node:node-2"
    for name in ("a", "b", "node-1", "node-2"):
        lab.serve(name)
    lab.try_all(A, "10.244.2.2", sizes=(None, BIG), protos=("tcp", "udp"), cause=cause)
    lab.try_all(B, "10.244.1.2", sizes=(None, BIG), cause=cause)
    lab.flow("node:node-1", "172.16.0.2", cause=cause if fault != "input-drop" else None)
    lab.flow("node:node-1", "10.244.2.2", cause=cause)
    lab.flow("node:node-1", "192.0.2.12", cause=cause if fault == "parent-down" else None)
    lab.flow(A, "10.244.2.2", port=9)
    if v6:
        lab.try_all(A, "fd00:2::2", sizes=(None, BIG), protos=("tcp", "udp"), cause=cause)
        lab.flow(B, "fd00:1::2", cause=cause)
        lab.flow("node:node-1", "fd00:172::2", cause=cause)


def vlan_on_bridge(lab, fault=None):
    """Pods on a node's bridge that filters VLANs, the node's addresses on VLAN devices of the bridge itself."""
    lab.cluster("node-1", "node-2")
    for node, block in (("node-1", 1), ("node-2", 2)):
        lab.on(node, """
            ip link add br0 type bridge mcast_snooping 0 vlan_filtering 1 vlan_default_pvid 0
            ip link set br0 up""")
        for number, name in ((10, "ab"[block - 1]), (20, "cd"[block - 1])):
            if fault == "not-self" and number == 20:
                own = ""
            else:
                own = f"bridge vlan add dev br0 vid {number} self"
            lab.pod(node, name)
            lab.wire(name, "eth0", node, f"veth{name}")
            lab.on(node, f"""
                ip link set veth{name} up master br0
                bridge vlan add dev veth{name} vid {number} {"" if fault == "tagged" and number == 20 else "pvid untagged"}
                {own}
                ip link add link br0 name br0.{number} type vlan id {number}
                ip link set br0.{number} up
                ip addr add 10.{number}.{block}.1/24 dev br0.{number}
                ip addr add fd00:{number}:{block}::1/64 dev br0.{number} nodad
                sysctl net.ipv6.conf.all.forwarding=1""")
            lab.on(name, f"""
                ip link set eth0 up
                ip addr add 10.{number}.{block}.2/24 dev eth0
                ip addr add fd00:{number}:{block}::2/64 dev eth0 nodad
                ip route add default via 10.{number}.{block}.1
                ip route add default via fd00:{number}:{block}::1""")
            lab.serve(name)
    for node, far, block in (("node-1", 12, 2), ("node-2", 11, 1)):
        lab.on(node, f"ip route add 10.10.{block}.0/24 via 192.0.2.{far}\nip route add 10.20.{block}.0/24 via 192.0.2.{far}")
    lab.try_all(A, "10.20.1.2", sizes=(None, BIG), protos=("tcp", "udp"))
    lab.try_all(A, "fd00:20:1::2", sizes=(None, BIG), protos=("tcp", "udp"))
    lab.try_all(A, "10.10.2.2", sizes=(None, BIG), protos=("tcp", "udp"))
    lab.try_all(A, "10.20.2.2", protos=("tcp", "udp"))
    lab.flow("pod:default/c", "10.10.1.2")
    lab.flow("pod:default/c", "fd00:10:1::2", proto="udp")
    lab.flow("node:node-1", "10.20.1.2")
    lab.flow("node:node-1", "fd00:20:1::2")
    lab.flow("node:node-1", "10.20.2.2")


def qinq(lab, fault=None):
    """A VLAN in a VLAN between the nodes."""
    lab.cluster("node-1", "node-2")
    for node, own in (("node-1", 1), ("node-2", 2)):
        lab.serve(node)
        outer = "802.1q" if fault == "protocol" and node == "node-2" else "802.1ad"
        inner = 31 if fault == "inner" and node == "node-2" else 30
        lab.on(node, f"""
            ip link add link eth0 name outer type vlan protocol {outer} id 100
            ip link set outer up
            ip link add link outer name inner type vlan id {inner}
            ip link set inner up
            ip addr add 172.16.0.{own}/24 dev inner
            ip addr add fd00:172::{own}/64 dev inner nodad
            {"ip link set outer mtu 1400" if fault == "mtu" and node == "node-2" else ""}""")
    for to in ("172.16.0.2", "fd00:172::2"):
        lab.try_all("node:node-1", to, sizes=(None, BIG), protos=("tcp", "udp"))
    lab.flow("node:node-2", "172.16.0.1", size=BIG)


def vlan_bridge(lab, fault=None):
    """A switch that filters VLANs: the nodes' ports carry VLAN 100 tagged, or each its own untagged."""
    lab.cluster("node-1", "node-2", "node-3")
    for node in ("node-1", "node-2", "node-3"):
        lab.serve(node)
    lab.on("switch", """
        ip link set br0 type bridge vlan_filtering 1
        bridge vlan add dev node-1 vid 100
        bridge vlan add dev node-2 vid 100""")
    if fault == "pvid":
        lab.on("switch", "bridge vlan del dev node-3 vid 1\nbridge vlan add dev node-3 vid 200 pvid untagged")
    elif fault == "untagged":
        lab.on("switch", "bridge vlan add dev node-3 vid 100 pvid untagged\nbridge vlan del dev node-3 vid 1")
    for node, number in (("node-1", 1), ("node-2", 2)):
        lab.on(node, f"""
            ip link add link eth0 name vl100 type vlan id 100
            ip link set vl100 up
            ip addr add 172.16.0.{number}/24 dev vl100""")
    lab.on("node-3", "ip addr add 172.16.0.3/24 dev eth0")
    if fault == "missing":
        lab.on("switch", "bridge vlan del dev node-2 vid 100")
    cause = ["fabric:switch", "node:node-2"] if fault == "missing" else None
    lab.flow("node:node-1", "172.16.0.2", cause=cause)
    lab.flow("node:node-1", "172.16.0.3")
    lab.flow("node:node-1", "192.0.2.12")
    lab.flow("node:node-1", "192.0.2.13")
    lab.flow("node:node-3", "192.0.2.11")
    lab.flow("node:node-3", "172.16.0.1")


def bond(lab, fault=None, mode="active-backup", v6=False):
    """Each node's address on a bond of two wires to the switch."""
    lab.cluster()
    for number, node in enumerate(("node-1", "node-2"), 11):
        lab.node(node)
        lab.wire(node, "eth0", "switch", f"{node}a")
        lab.wire(node, "eth1", "switch", f"{node}b")
        lab.on("switch", f"ip link set {node}a up master br0\nip link set {node}b up master br0")
        lab.on(node, f"""
            ip link add bond0 type bond mode {mode} miimon 100
            ip link set eth0 master bond0
            ip link set eth1 master bond0
            ip link set bond0 up
            ip addr add 192.0.2.{number}/24 dev bond0
            ip route add default via 192.0.2.1
            sysctl net.ipv4.ip_forward=1""")
    lab.routed_pod("node-1", "a", "10.244.1.2")
    lab.routed_pod("node-2", "b", "10.244.2.2")
    lab.on("node-1", "ip route add 10.244.2.0/24 via 192.0.2.12")
    lab.on("node-2", "ip route add 10.244.1.0/24 via 192.0.2.11")
    cause = None
    if fault == "one-down":
        lab.on("switch", "ip link set node-2a down")
    elif fault == "both-down":
        lab.on("switch", "ip link set node-2a down\nip link set node-2b down")
        cause = ["node:node-2", "fabric:switch"]
    elif fault == "bond-down":
        lab.on("node-2", "ip link set bond0 down")
        cause = "node:node-2"
    # The bond looks at its wires every 100 ms.
    lab.on("node-1", "sleep 1")
    for name in ("a", "b", "node-1", "node-2"):
        lab.serve(name)
    lab.try_all(A, "10.244.2.2", sizes=(None, BIG), cause=cause)
    lab.flow(B, "10.244.1.2", proto="udp", cause=cause)
    lab.flow("node:node-1", "192.0.2.12", cause=cause)
    lab.flow("node:node-2", "192.0.2.11", cause=cause)
    if v6:
        for node, own, other in (("node-1", 1, 2), ("node-2", 2, 1)):
            lab.on(node, f"ip addr add fd00:172::{own}/64 dev bond0 nodad")
        lab.try_all("node:node-1", "fd00:172::2", sizes=(None, BIG), protos=("tcp", "udp"), cause=cause)


def sub_pods(lab, kind, mode, fault=None, v6=False):
    """Pods whose eth0 is an ipvlan or macvlan device on the node's eth0 (or on a dummy)."""
    lab.cluster("node-1", "node-2", v6=v6)
    for node in ("node-1", "node-2"):
        lab.serve(node)
    l3 = mode in ("l3", "l3s")
    if l3:
        pods = (("node-1", "a", "10.244.1.2"), ("node-1", "c", "10.244.1.3"), ("node-2", "b", "10.244.2.2"))
    else:
        pods = (("node-1", "a", "192.0.2.51"), ("node-1", "c", "192.0.2.53"), ("node-2", "b", "192.0.2.52"))
    extra = {"bridge-private": " private", "bridge-vepa": " vepa"}.get(fault, "")
    for node, name, address in pods:
        lab.pod(node, name)
        # Not `name eth0` at once: the kernel looks for that name where its lower device is.
        lab.on(node, f"""
            ip link add link eth0 name {kind}0 type {kind} mode {mode}{extra}
            ip link set {kind}0 netns {name} name eth0""")
        last = address.rsplit(".", 1)[1]
        lab.on(name, f"""
            ip link set eth0 up
            ip addr add {address}/{32 if l3 else 24} dev eth0
            ip route add default {"dev eth0" if l3 else "via 192.0.2.1"}
            {f"ip addr add 2001:db8::1:{last}/64 dev eth0 nodad" if v6 and not l3 else ""}
            {f"ip addr add fd00:{node[-1]}::{last}/128 dev eth0 nodad" if v6 and l3 else ""}""")
        if v6 and l3:
            lab.on(name, "ip -6 route add default dev eth0")
        lab.serve(name)
    if l3:
        # In l3 mode nobody answers for the pods: the node and the router need routes to it.
        lab.on("node-1", "ip route add 10.244.2.0/24 via 192.0.2.12")
        lab.on("node-2", "ip route add 10.244.1.0/24 via 192.0.2.11")
        lab.on("switch", "ip route add 10.244.1.0/24 via 192.0.2.11\nip route add 10.244.2.0/24 via 192.0.2.12")
        if v6:
            lab.on("node-1", "ip route add fd00:2::/64 via 2001:db8::12")
            lab.on("node-2", "ip route add fd00:1::/64 via 2001:db8::11")
    cause = None
    if fault == "parent-down":
        lab.on("node-2", "ip link set eth0 down")
        cause = "node:node-2"
    elif fault == "no-route-back":
        lab.on("node-2", "ip route del 10.244.1.0/24\nip route del default")
        cause = "node:node-2"
    elif fault == "pod-down":
        lab.on("b", "ip link set eth0 down")
        cause = "pod:default/b"
    elif fault == "drop":
        lab.feed("node-2", "iptables-nft-restore", f"""*filter
            :INPUT ACCEPT [0:0]
            :FORWARD ACCEPT [0:0]
            -A INPUT -d {pods[2][2]} -p tcp -j DROP
            -A FORWARD -d {pods[2][2]} -p tcp -j DROP
            COMMIT""")
    elif fault == "no-address":
        lab.on("b", f"ip addr del {pods[2][2]}/{32 if l3 else 24} dev eth0")
        cause = "pod:default/b"
    elif fault == "sender-drop":
        # What goes out in mode l3 meets the node's OUTPUT and POSTROUTING; in l2 it meets nothing.
        lab.feed("node-1", "iptables-nft-restore", f"""*filter
            :OUTPUT ACCEPT [0:0]
            -A OUTPUT -s {pods[0][2]} -p tcp -j DROP
            COMMIT
            *nat
            :POSTROUTING ACCEPT [0:0]
            -A POSTROUTING -s {pods[0][2]} -p udp -j MASQUERADE
            COMMIT""")
    there = pods[2][2]
    lab.try_all(A, there, sizes=(None, BIG), protos=("tcp", "udp"), cause=cause)
    lab.flow(A, pods[1][2])
    lab.flow(B, pods[0][2], cause=cause)
    lab.flow("node:node-1", pods[0][2])
    lab.flow("node:node-1", there, cause=cause)
    lab.flow(A, "192.0.2.11")
    lab.flow(A, "192.0.2.12", cause=cause if fault == "parent-down" else None)
    lab.flow(A, there, port=9)
    if v6 and not l3:
        lab.flow(A, "2001:db8::1:52")
        lab.flow(A, "2001:db8::1:53", proto="udp")
        lab.flow("node:node-1", "2001:db8::1:51")
    if v6 and l3:
        lab.try_all(A, "fd00:2::2", sizes=(None, BIG), protos=("tcp", "udp"), cause=cause)
        lab.flow(A, "fd00:1::3")
        lab.flow(A, "2001:db8::11")
        lab.flow("node:node-1", "fd00:2::2")


def dummy(lab, fault=None):
    """Addresses on dummy devices: kube-ipvs0's, or a node-local DNS cache's."""
    lab.cluster("node-1", "node-2")
    lab.routed_pod("node-1", "a", "10.244.1.2")
    lab.on("node-1", "ip link add nodelocaldns type dummy\nip addr add 169.254.20.10/32 dev nodelocaldns")
    if fault != "down":
        lab.on("node-1", "ip link set nodelocaldns up")
    lab.on("node-2", """
        ip link add dummy0 type dummy
        ip link set dummy0 up
        ip addr add 10.99.0.1/24 dev dummy0""")
    lab.on("node-1", "ip route add 10.99.0.0/24 via 192.0.2.12")
    lab.on("node-2", "ip route add 10.244.1.0/24 via 192.0.2.11")
    lab.serve("node-1", 53)
    lab.serve("node-2")
    lab.flow(A, "169.254.20.10", port=53)
    lab.flow(A, "169.254.20.10", port=53, proto="udp")
    lab.flow("node:node-1", "169.254.20.10", port=53)
    lab.flow("node:node-2", "169.254.20.10", port=53)
    lab.flow(A, "10.99.0.1")
    # What is routed into a dummy is gone.
    lab.flow(A, "10.99.0.77")
    lab.flow("node:node-2", "10.99.0.77")


def geneve(lab, fault=None, v6=False):
    """A geneve pair between the nodes; with `v6` between their IPv6 addresses, and carrying both families."""
    lab.cluster("node-1", "node-2", v6=v6)
    mtu = 1500 if fault == "mtu-hole" else 1430 if v6 else 1450
    lab.routed_pod("node-1", "a", "10.244.1.2", "fd00:1::2" if v6 else None, mtu=mtu)
    lab.routed_pod("node-2", "b", "10.244.2.2", "fd00:2::2" if v6 else None, mtu=mtu)
    vni = {"node-1": 7, "node-2": 8 if fault == "other-vni" else 7}
    for node, own, other in (("node-1", 1, 2), ("node-2", 2, 1)):
        far = 77 if fault == "wrong-remote" and node == "node-1" else 10 + other
        port = "dstport 6082" if fault == "other-port" and node == "node-2" else ""
        lab.on(node, f"""
            ip link add gnv0 type geneve id {vni[node]} remote {"2001:db8::" if v6 else "192.0.2."}{far} {port}
            ip link set gnv0 up {"mtu 1500" if fault == "mtu-hole" else "mtu 1430" if v6 else ""}
            ip addr add 10.255.0.{own}/24 dev gnv0
            ip route add 10.244.{other}.0/24 via 10.255.0.{other}
            {six_on(lab, "gnv0", own, other) if v6 else ""}""")
    if fault == "down":
        lab.on("node-2", "ip link set gnv0 down")
    elif fault == "port-blocked":
        lab.feed("node-2", "iptables-nft-restore", """*filter
            :INPUT ACCEPT [0:0]
            -A INPUT -p udp --dport 6081 -j DROP
            COMMIT""")
    cause = None if fault is None else ["node:node-1", "node:node-2"]
    for name in ("a", "b", "node-1", "node-2"):
        lab.serve(name)
    lab.try_all(A, "10.244.2.2", sizes=(None, BIG), protos=("tcp", "udp"), cause=cause)
    lab.flow(B, "10.244.1.2", cause=cause)
    lab.flow("node:node-1", "10.255.0.2", cause=cause)
    if v6:
        lab.try_all(A, "fd00:2::2", sizes=(None, BIG), protos=("tcp", "udp"), cause=cause)
        lab.flow("node:node-1", "fd00:172::2", cause=cause)


ALL = {"vlan": vlan, "vlan-bridge": vlan_bridge, "bond": bond, "dummy": dummy, "geneve": geneve}
ALL["vlan-v6"] = partial(vlan, v6=True)
ALL["vlan-v6-other-tag"] = partial(vlan, fault="other-tag", v6=True)
ALL["vlan-v6-switch-mtu"] = partial(vlan, fault="switch-mtu", v6=True)
ALL["vlan-on-bridge"] = vlan_on_bridge
for name in ("not-self", "tagged"):
    ALL[f"vlan-on-bridge-{name}"] = partial(vlan_on_bridge, fault=name)
ALL["qinq"] = qinq
for name in ("protocol", "inner", "mtu"):
    ALL[f"qinq-{name}"] = partial(qinq, fault=name)
for name in ("other-tag", "down", "parent-down", "mtu", "input-drop"):
    ALL[f"vlan-{name}"] = partial(vlan, fault=name)
for name in ("pvid", "untagged", "missing"):
    ALL[f"vlan-bridge-{name}"] = partial(vlan_bridge, fault=name)
for name in ("one-down", "both-down", "bond-down"):
    ALL[f"bond-{name}"] = partial(bond, fault=name)
ALL["bond-802.3ad-no-partner"] = partial(bond, mode="802.3ad")
ALL["bond-balance-xor"] = partial(bond, mode="balance-xor")
ALL["bond-v6-one-down"] = partial(bond, fault="one-down", v6=True)
for mode in ("balance-rr", "broadcast", "balance-alb", "balance-tlb"):
    ALL[f"bond-{mode}"] = partial(bond, mode=mode, v6=True)
ALL["dummy-down"] = partial(dummy, fault="down")
ALL["geneve-v6"] = partial(geneve, v6=True)
ALL["geneve-v6-mtu-hole"] = partial(geneve, fault="mtu-hole", v6=True)
for name in ("other-vni", "wrong-remote", "other-port", "mtu-hole", "down", "port-blocked"):
    ALL[f"geneve-{name}"] = partial(geneve, fault=name)
for mode, faults in {"l2": ("parent-down", "pod-down", "drop", "sender-drop", "no-address"),
                     "l3": ("no-route-back", "drop", "sender-drop", "no-address"),
                     "l3s": ("parent-down", "drop", "sender-drop")}.items():
    ALL[f"ipvlan-{mode}"] = partial(sub_pods, kind="ipvlan", mode=mode, v6=mode == "l2")
    if mode != "l2":
        ALL[f"ipvlan-{mode}-v6"] = partial(sub_pods, kind="ipvlan", mode=mode, v6=True)
    for name in faults:
        ALL[f"ipvlan-{mode}-{name}"] = partial(sub_pods, kind="ipvlan", mode=mode, fault=name)
ALL["ipvlan-l2-private"] = partial(sub_pods, kind="ipvlan", mode="l2", fault="bridge-private")
for mode in ("bridge", "private", "vepa"):
    ALL[f"macvlan-{mode}"] = partial(sub_pods, kind="macvlan", mode=mode)
