"""Builds small clusters in network namespaces, tries real connections in them, and captures what there is.

Runs in the virtual machine that record.sh boots: `lab.py [SCENARIO-PART]...`; `--modules` says what kernel modules it loads.
"""

import ctypes
import json
import subprocess
import sys
import tarfile
import threading
import traceback

import capture
import probe

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
MCL_CURRENT, MCL_FUTURE = 1, 2
# busybox's modprobe knows no soft dependencies, so theirs come first.
MODULES = """crc32c_generic ip_gre ipip sit ip6_tunnel ip6_gre nf_tables nft_compat nft_chain_nat nft_fib_inet nft_ct nft_masq nft_nat nft_numgen
    nft_reject_inet nft_log nft_limit nf_conntrack ip_set ip_set_hash_ip ip_set_hash_ipport ip_set_hash_ipportip
    ip_set_hash_ipportnet ip_set_hash_net ip_set_bitmap_port xt_set xt_comment xt_conntrack xt_mark xt_connmark
    xt_MASQUERADE xt_nat xt_addrtype xt_statistic xt_physdev xt_multiport xt_tcpudp xt_TCPMSS xt_ipvs xt_CT
    ipt_REJECT ip6t_REJECT bridge br_netfilter veth vxlan geneve dummy curve25519-x86_64 chacha20poly1305 wireguard ipvlan macvlan 8021q bonding tun
    ip_vs ip_vs_rr ip_vs_wrr ip_vs_lc ip_vs_wlc ip_vs_sh ip_vs_dh ip_vs_mh ip_vs_sed ip_vs_nq ip_vs_fo ip_vs_ovf
    ip_vs_lblc ip_vs_lblcr
    """.split()

# Each of these makes a device of its own in every namespace, unless told not to before.
LATER = {"ip_gre", "ipip", "sit", "ip6_tunnel", "ip6_gre"}


def within(name, work, *arguments):
    """`work(*arguments)` in the namespace, in a thread of its own: only that thread moves."""
    result = []

    def run():
        try:
            with open(f"/run/netns/{name}", encoding="ascii") as file:
                if LIBC.setns(file.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"setns to {name}")
            result.append((work(*arguments), None))
        except BaseException as error:  # pylint: disable=broad-except # handed to the caller
            result.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    value, error = result[0]
    if error:
        raise error
    return value


def run(command, text=None):
    """Runs a command and gives its output; what it complains about is an error."""
    ended = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {ended.stderr.strip()}\n{text or ''}")
    return ended.stdout


def load(*modules):
    for module in modules:
        run(["modprobe", module])


def commands(text):
    """Lines of `ip …` run as one batch; `sysctl key=value …` and others one by one."""
    batch = []

    def flush():
        if batch:
            run(["ip", "-batch", "-"], "\n".join(batch) + "\n")
            batch.clear()

    for line in text.splitlines():
        line = line.strip()
        if line.startswith("ip ") and not line.startswith("ip -"):
            batch.append(line[3:])
            continue
        flush()
        if line.startswith("sysctl "):
            for setting in line.split()[1:]:
                key, value = setting.split("=")
                with open("/proc/sys/" + key.replace(".", "/"), "w", encoding="ascii") as file:
                    file.write(value)
        elif line:
            run(["sh", "-c", line])
    flush()


class Lab:
    """One scenario's machines, pods and flows."""

    run, load, commands = staticmethod(run), staticmethod(load), staticmethod(commands)

    def __init__(self, name):
        self.name = name
        self.folders = {}  # namespace → folder in the capture
        self.tools = {}  # namespace → tools whose state is worth capturing
        self.flows = []
        self.addresses = {}  # address → namespace, of those who ask as `ip:`
        self.servers = probe.Servers()
        self.objects = {}  # resource → objects of Kubernetes beside the nodes and pods that are here
        self.details = {}  # namespace → what its object has beyond the least
        self.constructed = None  # what of the capture no real cluster wrote

    # --- machines ---

    def machine(self, name, folder):
        run(["ip", "netns", "add", name])
        self.folders[name] = folder
        self.tools[name] = set()
        self.on(name, "ip link set lo up\nsysctl net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0")
        return name

    def fabric(self, name):
        return self.machine(name, f"fabric/{name}")

    def node(self, name):
        return self.machine(name, f"nodes/{name}/host")

    def pod(self, node, name, namespace="default"):
        """A pod without wires."""
        return self.machine(name, f"nodes/{node}/pods/{namespace}_{name}")

    def wire(self, name, device, peer_name, peer_device):
        """A veth pair; who configures the ends sets them up."""
        run(["ip", "link", "add", device, "netns", name, "type", "veth", "peer", "name", peer_device, "netns", peer_name])

    def cluster(self, *nodes, v6=False):
        """Nodes 192.0.2.11, .12 … on a switch that is the router 192.0.2.1 too."""
        self.fabric("switch")
        self.on("switch", """
            ip link add br0 type bridge mcast_snooping 0
            ip link set br0 up
            ip addr add 192.0.2.1/24 dev br0
            sysctl net.ipv4.ip_forward=1""")
        for number, name in enumerate(nodes, 11):
            self.node(name)
            self.plug(name, f"192.0.2.{number}/24", f"2001:db8::{number}/64" if v6 else None)
            self.on(name, "sysctl net.ipv4.ip_forward=1" + (" net.ipv6.conf.all.forwarding=1" if v6 else ""))

    def plug(self, name, v4, v6=None):
        """An eth0 on the switch."""
        self.wire(name, "eth0", "switch", name)
        self.on("switch", f"ip link set {name} up master br0")
        self.on(name, f"""
            ip link set eth0 up
            ip addr add {v4} dev eth0
            {f"ip addr add {v6} dev eth0 nodad" if v6 else ""}
            ip route add default via 192.0.2.1""")

    def outside(self, name="outside", v4="192.0.2.100", v6=None):
        """A machine beside the cluster that asks as `ip:<address>`."""
        self.fabric(name)
        self.plug(name, f"{v4}/24", v6 and f"{v6}/64")
        self.addresses[v4] = name
        if v6:
            self.addresses[v6] = name
        return name

    def routed_pod(self, node, name, v4, v6=None, mtu=1500, namespace="default"):
        """A pod on a routed veth as Calico makes it: a route to it, and a neighbour that answers for everything."""
        self.pod(node, name, namespace)
        device = f"cali{name}"[:15]
        self.wire(name, "eth0", node, device)
        self.on(node, f"""
            ip link set {device} up mtu {mtu}
            ip route add {v4}/32 dev {device} scope link
            {f"ip addr add fe80::1/64 dev {device} nodad" if v6 else ""}
            {f"ip route add {v6}/128 dev {device}" if v6 else ""}
            sysctl net.ipv4.conf.{device}.proxy_arp=1""")
        self.on(name, f"""
            ip link set eth0 up mtu {mtu}
            ip addr add {v4}/32 dev eth0
            ip route add 169.254.1.1 dev eth0 scope link
            ip route add default via 169.254.1.1 dev eth0
            {f"ip addr add {v6}/128 dev eth0 nodad" if v6 else ""}
            {f"ip route add default via fe80::1 dev eth0" if v6 else ""}""")
        return name

    # --- what runs on them ---

    def on(self, name, text):
        within(name, commands, text)

    def feed(self, name, command, text):
        """Feeds text to a tool such as `iptables-restore`, `nft -f -`, `ipset restore` or `ipvsadm -R`."""
        text = "\n".join(line.strip() for line in text.strip().splitlines()) + "\n"
        within(name, run, command.split(), text)
        self.tools[name].add(command.split()[0].split("-")[0])

    def serve(self, name, *ports):
        """TCP and UDP listeners on every address, of both families."""
        for port in ports or (8080,):
            within(name, self.servers.add, port)

    # --- what Kubernetes says ---

    def object(self, resource, namespace, name, labels=None, **rest):
        """An object that no machine here stands for."""
        kind, version = {"pods": ("Pod", "v1"), "services": ("Service", "v1"),
                         "endpointslices": ("EndpointSlice", "discovery.k8s.io/v1")}[resource]
        self.objects.setdefault(resource, []).append({
            "apiVersion": version, "kind": kind,
            "metadata": {"name": name, "namespace": namespace, "labels": labels or {}}, **rest})

    def service(self, namespace, name, address, ports, pods, kind="ClusterIP"):
        """A service and its slice; `ports` are its ports' objects, `pods` (name, node, address)."""
        selector = {"k8s-app": name}
        self.object("services", namespace, name, selector, spec={
            "type": kind, "clusterIP": address, "clusterIPs": [address], "ipFamilies": ["IPv4"], "selector": selector,
            "externalTrafficPolicy": "Cluster", "internalTrafficPolicy": "Cluster", "sessionAffinity": "None", "ports": ports})
        self.object("endpointslices", namespace, f"{name}-x7k2p", {"kubernetes.io/service-name": name},
                    addressType="IPv4",
                    ports=[{"name": port.get("name", ""), "port": port["targetPort"], "protocol": port["protocol"]} for port in ports],
                    endpoints=[{"addresses": [at], "nodeName": node, "conditions": {"ready": True, "serving": True, "terminating": False},
                                "targetRef": {"kind": "Pod", "namespace": namespace, "name": pod}} for pod, node, at in pods])
        for pod, _, _ in pods:
            self.details[pod] = {"labels": selector}

    # --- questions ---

    def flow(self, sender, to, port=8080, proto="tcp", size=None, attempts=3, cause=None, sequential=False):
        """One flow to measure; `cause` names the objects of which the first finding should name one."""
        self.flows.append({
            "id": f"f{len(self.flows) + 1:02}", "from": sender, "to": to, "port": port, "protocol": proto,
            "bytes": size, "attempts": attempts, "sequential": sequential,
            "cause": [cause] if isinstance(cause, str) else cause,
        })

    def try_all(self, senders, to, port=8080, sizes=(None,), protos=("tcp",), **rest):
        """The flow for each sender, size and protocol."""
        for sender in [senders] if isinstance(senders, str) else senders:
            for proto in protos:
                for size in sizes:
                    self.flow(sender, to, port, proto, size, **rest)

    def namespace_of(self, sender):
        kind, _, name = sender.partition(":")
        if kind == "ip":
            return self.addresses[name]
        return name.rpartition("/")[2]

    def measure(self):
        asked = [(self.namespace_of(flow["from"]), flow) for flow in self.flows]
        sequels = probe.measure(asked, within)
        flows = []
        for flow, observed in zip(self.flows, sequels):
            entry = {key: flow[key] for key in ("id", "from", "to", "port", "protocol")}
            if flow["bytes"]:
                entry["bytes"] = flow["bytes"]
            entry["observed"] = observed
            if flow["sequential"]:
                observed["sequential"] = True
            if flow["cause"]:
                entry["cause"] = {"objects": flow["cause"]}
            flows.append(entry)
        return flows

    # --- the whole scenario ---

    def clean(self):
        self.servers.close()
        if self.folders:
            run(["ip", "-batch", "-"], "".join(f"netns delete {name}\n" for name in self.folders))


def record(name, build, output):
    """Builds, measures and captures one scenario, as one file: waiting for the host's disk would make time jump."""
    lab = Lab(name)
    print(name)
    try:
        build(lab)
        flows = lab.measure()
        folder = f"/tmp/captures/{name}"
        capture.write(lab, folder, within, run)
        with open(f"{folder}/expectations.json", "w", encoding="ascii") as file:
            lines = ",\n  ".join(json.dumps(flow) for flow in flows)
            file.write(f'{{"schema": "pathglass.expectations/v1",\n "flows": [\n  {lines}]}}\n')
        with tarfile.open(f"{output}/{name}.tar", "w") as archive:
            archive.add(folder, name)
        for flow in flows:
            seen = flow["observed"]
            print(f"  {flow['id']} {flow['from']} {flow['protocol']} {flow['to']}:{flow['port']} {flow.get('bytes', '')}: "
                  f"{seen['outcomes']} {seen['backends']} {seen['clients']}")
    finally:
        lab.clean()


def main(wanted):
    load(*(module for module in MODULES if module not in LATER))
    # With instruction-counted time, waiting for a page to be read would make time jump.
    threading.stack_size(256 * 1024)
    LIBC.mlockall(MCL_CURRENT | MCL_FUTURE)
    # ICMP errors are rate-limited for the machine as a whole too, and each tunnel module would make a device in
    # each namespace.
    commands("sysctl net.ipv4.icmp_msgs_per_sec=100000 net.core.fb_tunnels_only_for_init_net=1")
    import scenarios  # pylint: disable=import-outside-toplevel # it needs this module

    failed = []
    names = [name for part in wanted or [""]
             for name in ([part] if part in scenarios.ALL else [name for name in scenarios.ALL if part in name])]
    for name in dict.fromkeys(names):
        try:
            record(name, scenarios.ALL[name], "/out")
        except Exception:  # pylint: disable=broad-except # the other scenarios go on
            traceback.print_exc(file=sys.stdout)
            failed.append(name)
    print(f"failed: {' '.join(failed)}" if failed else "recorded all")
    with open("/out/done", "w", encoding="ascii") as file:
        file.write(" ".join(failed))


if __name__ == "__main__":
    if sys.argv[1:] == ["--modules"]:
        print(" ".join(MODULES))
    else:
        main(sys.argv[1:])
