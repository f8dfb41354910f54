#!/usr/bin/env bash
# Builds a two-node cluster's network in network namespaces, breaks one route, measures what really
# happens to connections, and captures it all into examples/missing-route.
#
# Real: the kernel, its namespaces, bridges, routes and iptables rules, and every measured connection.
# By hand: the Kubernetes objects (kube/*.json, which this script leaves alone) and the rules, which are
# laid out as kube-proxy and flannel (host-gw) write them.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$here/missing-route
python=$(command -v python3)

nodes="node-1 node-2"
pod_block_2=10.244.2.0/24
# <node> <pod> <address> <port, or - for a client>
pods="node-1 shop_client 10.244.1.2 -
node-1 shop_web-1 10.244.1.3 8080
node-2 shop_web-2 10.244.2.3 8080"

# Namespaces are told apart from any others on this machine by this prefix.
ns() { echo "pathglass-example-$1"; }
in_ns() {
    local name=$1
    shift
    ip netns exec "$(ns "$name")" "$@"
}

clean() {
    for name in $(ip netns list | awk '/^pathglass-example-/ {print $1}'); do
        # Only processes that were started in our own namespaces: the servers.
        ip netns pids "$name" | xargs --no-run-if-empty kill
        ip netns del "$name"
    done
}
trap clean EXIT

add_namespace() {
    ip netns add "$(ns "$1")"
    in_ns "$1" ip link set lo up
    in_ns "$1" sysctl -qw net.ipv4.icmp_ratelimit=0
}

# wire <namespace> <device> <peer namespace> <peer device>
wire() {
    ip link add "$2" netns "$(ns "$1")" type veth peer name "$4" netns "$(ns "$3")"
    in_ns "$1" ip link set "$2" up
    in_ns "$3" ip link set "$4" up
}

echo "building the network"
clean 2>/dev/null
# The switch between the machines is a captured machine too: without it nobody could say what a wire leads to.
add_namespace switch
in_ns switch ip link add br0 type bridge
in_ns switch ip link set br0 up
for machine in router $nodes; do
    add_namespace "$machine"
    wire "$machine" eth0 switch "$machine"
    in_ns switch ip link set "$machine" master br0
    in_ns "$machine" sysctl -qw net.ipv4.ip_forward=1
done
in_ns router ip addr add 192.0.2.1/24 dev eth0
in_ns node-1 ip addr add 192.0.2.11/24 dev eth0
in_ns node-2 ip addr add 192.0.2.12/24 dev eth0

for node in $nodes; do
    in_ns "$node" ip route add default via 192.0.2.1
    in_ns "$node" ip link add cni0 type bridge
    in_ns "$node" ip link set cni0 up
    # Absent where the kernel has no br_netfilter.
    in_ns "$node" sysctl -qw net.bridge.bridge-nf-call-iptables=1 2>/dev/null || true
done
in_ns node-1 ip addr add 10.244.1.1/24 dev cni0
in_ns node-2 ip addr add 10.244.2.1/24 dev cni0
in_ns node-1 ip route add "$pod_block_2" via 192.0.2.12
# The fault: node-2 lacks the route that flannel would keep to node-1's pods.
#   ip route add 10.244.1.0/24 via 192.0.2.11

while read -r node pod address port; do
    add_namespace "$pod"
    device=veth${address##*.}
    wire "$pod" eth0 "$node" "$device"
    in_ns "$node" ip link set "$device" master cni0
    in_ns "$node" bridge link set dev "$device" hairpin on
    in_ns "$pod" ip addr add "$address/24" dev eth0
    in_ns "$pod" ip route add default via "${address%.*}.1"
    [ "$port" = - ] && continue
    in_ns "$pod" "$python" "$here/probe.py" serve "${pod#*_}" "$port" >/dev/null &
done <<<"$pods"
for node in $nodes; do
    in_ns "$node" "$python" "$here/probe.py" serve kubelet 10250 >/dev/null &
done

for node in $nodes; do
    in_ns "$node" iptables-restore <"$here/rules.iptables"
done
sleep 1

echo "measuring"
# measure <id> <from> <namespace> <to> <port> <attempts> [<faulted object>]
flows=()
measure() {
    local observed cause=""
    observed=$(in_ns "$3" "$python" "$here/probe.py" connect "$4" "$5" "$6")
    [ -n "${7-}" ] && cause=", \"cause\": {\"objects\": [\"$7\"]}"
    flows+=("{\"id\": \"$1\", \"from\": \"$2\", \"to\": \"$4\", \"port\": $5, \"protocol\": \"tcp\", \"observed\": $observed$cause}")
    echo "  $1: $observed"
}
measure pod-to-pod-here pod:shop/client shop_client 10.244.1.3 8080 4
measure pod-to-pod-there pod:shop/client shop_client 10.244.2.3 8080 3 node:node-2
measure pod-to-closed-port pod:shop/client shop_client 10.244.1.3 9 4
measure pod-to-service pod:shop/client shop_client 10.96.0.20 80 24 node:node-2
measure pod-to-nodeport pod:shop/client shop_client 192.0.2.12 30080 16 node:node-2
measure pod-back-to-pod pod:shop/web-2 shop_web-2 10.244.1.3 8080 3 node:node-2
measure pod-to-own-service pod:shop/web-2 shop_web-2 10.96.0.20 80 16 node:node-2
measure node-to-pod-there node:node-1 node-1 10.244.2.3 8080 4
measure node-to-service node:node-1 node-1 10.96.0.20 80 16
measure node-without-route node:node-2 node-2 10.244.1.3 8080 4 node:node-2
{
    echo '{"schema": "pathglass.expectations/v1",'
    echo ' "flows": ['
    for ((i = 0; i < ${#flows[@]}; i++)); do
        [ "$i" -gt 0 ] && echo ','
        printf '  %s' "${flows[$i]}"
    done
    printf ']}\n'
} >"$out/expectations.json"

echo "capturing"
rm -rf "$out/nodes" "$out/fabric"
states=()

# capture <namespace> <folder in the capture> <file> <command…>: records the file's state.
capture() {
    local name=$1 folder=$2 file=$3 state=captured
    shift 3
    if ! in_ns "$name" "$@" >"$out/$folder/$file" 2>/dev/null; then
        rm "$out/$folder/$file"
        state=failed
    elif [ ! -s "$out/$folder/$file" ]; then
        rm "$out/$folder/$file"
        state=empty
    fi
    states+=("$folder $file $state")
}
absent() { states+=("$1 $2 absent"); }

sysctl_values() {
    # tcp_fastopen_key and stable_secret are secrets, and no part of a diagnosis.
    sysctl net.ipv4 net.ipv6.conf net.ipv6.bindv6only net.bridge net.netfilter 2>/dev/null |
        grep -v -e fastopen_key -e stable_secret
}
netns_identity() {
    local inode nsids
    inode=$(stat -L -c %i /proc/self/ns/net)
    nsids=$(ip -j netns list-id | tr -d '\n')
    echo "{\"name\": \"$1\", \"inode\": $inode, \"list_id\": ${nsids:-[]}}"
}
export -f sysctl_values netns_identity

capture_namespace() {
    local name=$1 folder=$2
    mkdir -p "$out/$folder"
    capture "$name" "$folder" ip-link.json ip -j -d link show
    capture "$name" "$folder" ip-addr.json ip -j addr
    capture "$name" "$folder" ip-route.json ip -j -4 -d route show table all
    capture "$name" "$folder" ip6-route.json ip -j -6 -d route show table all
    capture "$name" "$folder" ip-rule.json ip -j rule
    capture "$name" "$folder" ip6-rule.json ip -j -6 rule
    capture "$name" "$folder" ip-neigh.json ip -j neigh
    capture "$name" "$folder" ip-nexthop.json ip -j nexthop
    capture "$name" "$folder" bridge-fdb.json bridge -j fdb
    capture "$name" "$folder" bridge-link.json bridge -j -d link
    capture "$name" "$folder" bridge-vlan.json bridge -j vlan
    capture "$name" "$folder" iptables-save.txt iptables-nft-save -c
    capture "$name" "$folder" ip6tables-save.txt ip6tables-nft-save -c
    if [ -s "$out/$folder/iptables-save.txt" ]; then
        # The iptables back end is nf_tables, and nothing else wrote there: the same rules again.
        states+=("$folder nft-ruleset.json redundant")
    else
        capture "$name" "$folder" nft-ruleset.json nft -j list ruleset
    fi
    capture "$name" "$folder" ipset-save.txt ipset save
    capture "$name" "$folder" ss.txt ss -H -n -l -t -u -S -p -O
    capture "$name" "$folder" sysctl.txt bash -c sysctl_values
    capture "$name" "$folder" netns.json bash -c "netns_identity $(ns "$name")"
    # Nothing here was made with the legacy tables, IPVS, classifiers, BPF or WireGuard.
    for file in iptables-legacy-save.txt ip6tables-legacy-save.txt ipvsadm-save.txt tc.json bpf-net.json wg.txt; do
        absent "$folder" "$file"
    done
}

for node in $nodes; do capture_namespace "$node" "nodes/$node/host"; done
while read -r node pod _ _; do capture_namespace "$pod" "nodes/$node/pods/$pod"; done <<<"$pods"
capture_namespace switch fabric/switch
capture_namespace router fabric/router

printf '%s\n' "${states[@]}" | "$python" -c '
import json, sys
namespaces = {}
for line in sys.stdin:
    folder, file, state = line.split()
    namespaces.setdefault(folder, {})[file] = state
print(json.dumps({
    "schema": "pathglass.capture/1",
    "cluster": "missing-route",
    "captured_by": "examples/make.sh",
    "captured_at": sys.argv[1],
    "kernel": sys.argv[2],
    "namespaces": namespaces,
}, indent=1))' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(uname -r)" >"$out/capture.json"

du -sh "$out"
