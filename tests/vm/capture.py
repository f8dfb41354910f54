"""Captures namespaces as the standard tools print them, in the capture's layout."""

import glob
import json
import os
import platform
import subprocess
import time

# What bears on forwarding, addressing and tracking; a whole sysctl.txt would be most of a capture.
SYSCTLS = """net/ipv4/ip_forward net/ipv4/ip_default_ttl net/ipv4/ip_local_port_range net/ipv4/ip_local_reserved_ports
    net/ipv4/ip_no_pmtu_disc net/ipv4/ip_forward_use_pmtu net/ipv4/ip_nonlocal_bind net/ipv4/fib_multipath_*
    net/ipv4/fwmark_reflect net/ipv4/icmp_echo_ignore_all net/ipv4/icmp_errors_use_inbound_ifaddr net/ipv4/tcp_ecn
    net/ipv4/tcp_mtu_probing net/ipv4/tcp_base_mss net/ipv4/tcp_l3mdev_accept net/ipv4/udp_l3mdev_accept
    net/ipv4/tcp_fwmark_accept net/ipv4/ip_early_demux net/ipv4/ping_group_range net/ipv4/vs/*
    net/ipv4/conf/*/accept_local net/ipv4/conf/*/arp_announce net/ipv4/conf/*/arp_filter net/ipv4/conf/*/arp_ignore
    net/ipv4/conf/*/forwarding net/ipv4/conf/*/proxy_arp net/ipv4/conf/*/proxy_arp_pvlan
    net/ipv4/conf/*/route_localnet net/ipv4/conf/*/rp_filter net/ipv4/conf/*/src_valid_mark
    net/ipv4/conf/*/drop_unicast_in_l2_multicast
    net/ipv6/conf/*/disable_ipv6 net/ipv6/conf/*/forwarding net/ipv6/conf/*/proxy_ndp net/ipv6/conf/*/ndisc_notify
    net/ipv6/bindv6only net/bridge/* net/netfilter/nf_conntrack_max net/netfilter/nf_conntrack_count
    net/netfilter/nf_conntrack_checksum net/netfilter/nf_conntrack_tcp_be_liberal
    net/netfilter/nf_conntrack_tcp_loose net/netfilter/nf_conntrack_buckets""".split()

IP = [
    ("-d", {"ip-link.json": "link show"}),
    ("-d -4", {"ip-route.json": "route show table all"}),
    ("-d -6", {"ip6-route.json": "route show table all"}),
    ("", {"ip-addr.json": "addr", "ip-rule.json": "rule", "ip-neigh.json": "neigh", "ip-nexthop.json": "nexthop",
          "list_id": "netns list-id"}),
    ("-6", {"ip6-rule.json": "rule"}),
]


def sysctls():
    """As `sysctl -a` prints them; `net.ipv4` of a thread is that of its namespace."""
    lines = []
    for pattern in SYSCTLS:
        for path in sorted(glob.glob("/proc/sys/" + pattern)):
            try:
                with open(path, encoding="ascii") as file:
                    value = file.read().strip()
            except OSError:
                continue
            key = path.removeprefix("/proc/sys/").replace(".", "\0").replace("/", ".").replace("\0", "/")
            lines += [f"{key} = {line}" for line in value.splitlines() or [""]]
    return "\n".join(sorted(lines)) + "\n"


def namespace(folder, name, used, run):
    """Captures the calling thread's namespace; gives each file's state."""
    os.makedirs(folder)
    states = {}

    def keep(file, text):
        empty = not text.strip() or text.strip() in ("[]", "[ ]")
        states[file] = "empty" if empty else "captured"
        if not empty:
            with open(f"{folder}/{file}", "w", encoding="utf-8") as out:
                out.write(text)

    def take(file, command):
        try:
            keep(file, run(command.split()))
        except RuntimeError as error:
            print(f"  {name} {file}: {error}")
            states[file] = "failed"

    # Programs start slowly here, so one `ip` prints several files.
    for options, parts in IP:
        lines = run(["ip", "-j", *options.split(), "-batch", "-"], "\n".join(parts.values()) + "\n").splitlines()
        assert len(lines) == len(parts), f"{name}: ip {options} printed {lines}"
        for file, line in zip(parts, lines):
            keep(file, line + "\n")
    with open(f"{folder}/ip-link.json", encoding="utf-8") as file:
        kinds = {link.get("linkinfo", {}).get("info_kind") for link in json.load(file)}
    for file, command in (("bridge-fdb.json", "bridge -j fdb"), ("bridge-link.json", "bridge -j -d link"),
                          ("bridge-vlan.json", "bridge -j vlan")):
        if kinds & {"bridge", "vxlan", "macvlan", "geneve"}:
            take(file, command)
        else:
            states[file] = "absent"
    for family in ("iptables", "ip6tables"):
        if family in used:
            take(f"{family}-save.txt", f"{family}-nft-save -c")
        else:
            states[f"{family}-save.txt"] = "empty"
        states[f"{family}-legacy-save.txt"] = "absent"
    if "nft" in used:
        take("nft-ruleset.json", "nft -j list ruleset")
        take("nft-ruleset.txt", "nft list ruleset")
    else:
        # The back end of iptables is nf_tables, and nothing else wrote there.
        states["nft-ruleset.json"] = "redundant" if used & {"iptables", "ip6tables"} else "empty"
    for tool, file, command in (("ipset", "ipset-save.txt", "ipset save"),
                                ("ipvsadm", "ipvsadm-save.txt", "ipvsadm -Sn")):
        if tool in used:
            take(file, command)
        else:
            states[file] = "empty"
    if "wireguard" in kinds:
        dump = [line.split("\t") for line in run("wg show all dump".split()).splitlines()]
        keep("wg.txt", "".join("\t".join([line[0], "(hidden)", "(hidden)", *line[3:]]) + "\n" for line in dump))
    else:
        states["wg.txt"] = "absent"
    take("ss.txt", "ss -H -n -l -t -u -S -p -O")
    keep("sysctl.txt", sysctls())
    ids = []
    if states.pop("list_id") == "captured":
        with open(f"{folder}/list_id", encoding="utf-8") as file:
            ids = json.load(file)
        os.remove(f"{folder}/list_id")
    inode = os.stat("/proc/thread-self/ns/net").st_ino
    keep("netns.json", json.dumps({"name": name, "inode": inode, "list_id": ids}) + "\n")
    states["tc.json"] = states["bpf-net.json"] = "absent"
    return states


def address_of(run, name):
    for link in json.loads(run(["ip", "-n", name, "-j", "addr"])):
        for entry in link.get("addr_info", []):
            if entry["scope"] == "global" and link["ifname"].startswith("eth"):
                yield entry["local"]


def kube(lab, folder, run):
    """The nodes and pods as objects, with what a diagnosis needs to find them."""
    lists = {"nodes": [], "pods": [], **{resource: list(items) for resource, items in lab.objects.items()}}
    for name, path in lab.folders.items():
        parts = path.split("/")
        details = lab.details.get(name, {})
        addresses = details.get("addresses") or list(address_of(run, name))
        if parts[0] != "nodes":
            continue
        if parts[2] == "host":
            lists["nodes"].append({
                "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
                "spec": {}, "status": {
                    "addresses": [{"type": "InternalIP", "address": address} for address in addresses],
                    "conditions": [{"type": "Ready", "status": "True"}]}})
        else:
            lists["pods"].append({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": name, "namespace": parts[3].partition("_")[0], "labels": details.get("labels", {})},
                "spec": {"nodeName": parts[1], "containers": [{"name": name, "image": "example/probe:1"}]},
                "status": {"phase": "Running", "podIP": addresses[0] if addresses else "",
                           "podIPs": [{"ip": address} for address in addresses],
                           "conditions": [{"type": "Ready", "status": "True"}]}})
    os.makedirs(f"{folder}/kube")
    for resource, items in lists.items():
        with open(f"{folder}/kube/{resource}.json", "w", encoding="ascii") as file:
            json.dump({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}, file)


def write(lab, folder, within, run):
    """Captures every namespace of the lab."""
    states = {}
    for name, path in lab.folders.items():
        states[path] = within(name, namespace, f"{folder}/{path}", name, lab.tools[name], run)
    kube(lab, folder, run)
    with open(f"{folder}/capture.json", "w", encoding="ascii") as file:
        json.dump({"schema": "pathglass.capture/1", "cluster": lab.name, "captured_by": "tests/vm/record.sh",
                   "captured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                   "kernel": platform.release(),
                   **({"constructed": lab.constructed} if lab.constructed else {}), "namespaces": states}, file, indent=1)
