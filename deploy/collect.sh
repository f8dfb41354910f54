#!/bin/sh
# Captures this Linux node's network state, and its pods', as the standard tools print it:
# the same folder as `pathglass collect` makes, with a POSIX shell alone.
#
#   sudo sh collect.sh -o FOLDER [--node NAME] [--pod NS/NAME=NETNS]... [--no-pods] [--timeout SECONDS]
#
# It changes nothing on the node, sends nothing anywhere, and leaves out WireGuard keys, process ids and
# secret sysctls. What could not be had is said in FOLDER/capture.json. Complete the capture with
# `kubectl get <resource> -A -o json > FOLDER/kube/<resource>.json`, policies of the network plugin's own kinds included
# (`networkpolicies.crd.projectcalico.org`, `globalnetworkpolicies`, `tiers`, `ciliumnetworkpolicies` ...).

set -u
umask 077
LC_ALL=C
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
export LC_ALL PATH

die() {
    printf 'error: %s\n' "$1" >&2
    exit 2
}

# --- what is asked for -------------------------------------------------------------------------------------

output='' node='' no_pods='' seconds=30 tab=$(printf '\t')
newline='
'
pods='' # lines of: folder name, TAB, namespace file, TAB, process or -, TAB, how it was found

is_plain() {
    case $1 in
    '' | .* | *[!A-Za-z0-9._-]*) return 1 ;;
    esac
}

name_pod() { # NS/NAME=NETNS
    named_pod=${1%%=*}
    named_file=${1#*=}
    case $1 in
    */*=?*) ;;
    *) die "--pod: \`$1\`: write it like shop/web-1=web-netns or shop/web-1=/proc/4711/ns/net" ;;
    esac
    if ! is_plain "${named_pod%%/*}" || ! is_plain "${named_pod#*/}"; then
        die "--pod: \`$named_pod\` is no namespace/name"
    fi
    case $named_file in
    /*) ;;
    *) named_file=/run/netns/$named_file ;;
    esac
    [ -e "$named_file" ] || die "--pod: there is no network namespace \`$named_file\`"
    named_process=-
    case $named_file in
    /proc/[0-9]*/ns/net) named_process=${named_file#/proc/} named_process=${named_process%%/*} ;;
    esac
    pods="$pods${named_pod%%/*}_${named_pod#*/}$tab$named_file$tab$named_process${tab}the command line names it$newline"
}

while [ $# -gt 0 ]; do
    case $1 in
    -o | --output | --node | --pod | --timeout)
        [ $# -ge 2 ] || die "$1 needs a value"
        case $1 in
        -o | --output) output=$2 ;;
        --node) node=$2 ;;
        --pod) name_pod "$2" ;;
        --timeout) seconds=$2 ;;
        esac
        shift 2
        ;;
    --no-pods) no_pods=yes && shift ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) die "unknown argument \`$1\` (--help says what there is)" ;;
    esac
done

[ -n "$output" ] || die 'name the folder to write to: -o FOLDER'
[ "$(id -u)" = 0 ] || die "collect needs root, to enter the pods' network namespaces: run it with sudo"
[ -d /proc/self/ns ] || die 'collect runs on Linux nodes only'
case $seconds in
'' | *[!0-9]*) die "--timeout: \`$seconds\` is no number of seconds" ;;
esac
[ -n "$node" ] || node=$(tr '[:upper:]' '[:lower:]' </proc/sys/kernel/hostname)
is_plain "$node" || die "--node: \`$node\` is no node name"
if [ -e "$output" ] && [ -n "$(ls -A "$output" 2>/dev/null)" ]; then
    die "\`$output\` is not empty: name a new folder, nothing is overwritten"
fi
mkdir -p "$output" || die "cannot make \`$output\`"
# The notes on each file, gathered here and written as capture.json at the end.
work=$(mktemp -d "$output/.collect.XXXXXX") || die "cannot write to \`$output\`"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- running tools -----------------------------------------------------------------------------------------

have() { command -v "$1" >/dev/null 2>&1; }
# shellcheck disable=SC2012 # stat is not POSIX, and find does not print inodes everywhere
inode_of() { ls -diL "$1" 2>/dev/null | awk '{ print $1; exit }'; }
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

netns='' # the file of the namespace that is captured; empty for the collector's own

within() { # a command, in that namespace and within the time
    if have timeout; then
        set -- timeout "$seconds" "$@"
    fi
    if [ -n "$netns" ]; then
        nsenter --net="$netns" -- "$@"
    else
        "$@"
    fi </dev/null
}

note() { # FILE STATE [REASON [COMMAND]]
    printf '%s\t%s\t%s\t%s\t%s\n' "$namespace" "$1" "$2" \
        "$(printf '%s' "${3-}" | tr '\t\n\r' '   ')" "${4-}" >>"$work/files"
}

# What kernels and tools say where a feature is not there at all.
ABSENT='Operation not supported|Protocol not supported|Address family not supported|not supported by the kernel|do you need to insmod|Failed to initialize nft|Module not found|disabled on this kernel'

keep() { # FILE COMMAND: files the output that is in $work/out
    if grep -q '[^[:space:]]' "$work/out"; then
        note "$1" captured '' "$2"
    else
        note "$1" empty '' "$2"
    fi
    mv "$work/out" "$target/$1"
}

refuse() { # FILE COMMAND: notes why there is no output
    reason=$(cat "$work/err")
    if printf '%s' "$reason" | grep -Eq "$ABSENT"; then
        note "$1" absent "$reason" "$2"
    else
        note "$1" failed "${reason:-it ended with an error or took longer than $seconds s}" "$2"
    fi
}

take() { # FILE COMMAND…
    file=$1
    shift
    if ! have "$1"; then
        note "$file" not-tried "$1 is not installed" "$*"
    elif within "$@" >"$work/out" 2>"$work/err"; then
        filter "$file"
        keep "$file" "$*"
    else
        refuse "$file" "$*"
    fi
}

filter() { # FILE: takes out of $work/out what is secret or only noise
    case $1 in
    ss.txt) sed 's/,pid=[0-9][0-9]*//g' "$work/out" ;;
    wg.txt) awk 'BEGIN { FS = OFS = "\t" } { $2 = $3 = "(hidden)"; print }' "$work/out" ;;
    sysctl.txt) grep -Ev '^(net\.ipv4\.tcp_fastopen_key|.*\.stable_secret)[[:space:]]*=' "$work/out" ;;
    *) return ;;
    esac >"$work/filtered"
    mv "$work/filtered" "$work/out"
}

has() { grep -Eq "\"$2\": ?\"$3\"" "$target/$1" 2>/dev/null; } # FILE KEY VALUE

# --- the files of a namespace ------------------------------------------------------------------------------

iptables_back_ends() { # PLAIN NFT LEGACY: which command speaks to which back end, into $nft and $legacy
    nft='' legacy=''
    plain=$($1 -V 2>/dev/null)
    have "$2" && nft=$2
    have "$3" && legacy=$3
    case $plain in
    *nf_tables*) nft=$1 ;;
    ?*) [ -n "$legacy" ] || legacy=$1 ;;
    esac
}

iptables_files() { # PREFIX NAMES-FILE
    iptables_back_ends "$1-save" "$1-nft-save" "$1-legacy-save"
    loaded=$(within cat "$2" 2>/dev/null)
    if [ -n "$nft$legacy" ]; then
        take "$1-save.txt" "${nft:-$legacy}" -c
    else
        note "$1-save.txt" not-tried 'iptables is not installed'
    fi
    # The legacy tool is run only where legacy tables are loaded: it never loads any.
    if [ -z "$loaded" ]; then
        note "$1-legacy-save.txt" absent 'no legacy tables are loaded'
    elif [ -n "$legacy" ] && [ -z "$nft" ]; then
        note "$1-legacy-save.txt" redundant 'the other file holds the legacy tables: there is no nf_tables back end here'
    elif [ -n "$legacy" ]; then
        take "$1-legacy-save.txt" "$legacy" -c
    else
        note "$1-legacy-save.txt" not-tried "legacy tables are loaded, but $1-legacy-save is not installed"
    fi
}

sysctl_file() { # sysctl fails as a whole where one branch is not there: what it printed is complete all the same
    set -- sysctl net.ipv4 net.ipv6.conf net.ipv6.bindv6only net.bridge net.netfilter
    if ! have sysctl; then
        note sysctl.txt not-tried 'sysctl is not installed' "$*"
        return
    fi
    if within "$@" >"$work/out" 2>"$work/err" || {
        [ -s "$work/out" ] &&
            ! grep -Evq 'cannot stat|permission denied on key|reading key|No such file or directory' "$work/err"
    }; then
        filter sysctl.txt
        keep sysctl.txt "$*"
    else
        refuse sysctl.txt "$*"
    fi
}

netns_file() { # the namespace's inode, and the ids by which it knows others
    command='ip -j netns list-id; lsns -t net -J -o NS,NETNSID'
    inode=$(inode_of "${netns:-/proc/self/ns/net}")
    if ! have ip; then
        note netns.json not-tried 'ip is not installed' "$command"
        return
    fi
    if ! within ip netns list-id >"$work/ids" 2>"$work/err"; then
        refuse netns.json "$command"
        return
    fi
    : >"$work/inodes"
    have lsns && within lsns -t net -r -n -o NETNSID,NS >"$work/inodes" 2>/dev/null
    for file in /run/netns/*; do
        [ -e "$file" ] && printf 'name %s %s\n' "${file##*/}" "$(inode_of "$file")"
    done >>"$work/inodes"
    awk -v inode="$inode" '
        NR == FNR && $1 == "name" { of_name[$2] = $3; next }
        NR == FNR { if ($1 ~ /^[0-9]+$/) of_id[$1] = $2; next }
        $1 == "nsid" {
            name = ""
            if (match($0, /iproute2 netns name: [^)]*/)) name = substr($0, RSTART + 21, RLENGTH - 21)
            sub(/ +$/, "", name)
            entry = "{\"nsid\":" $2
            if (name != "") entry = entry ",\"name\":\"" name "\""
            if ($2 in of_id) entry = entry ",\"inode\":" of_id[$2]
            else if (name in of_name) entry = entry ",\"inode\":" of_name[name]
            list = list (list == "" ? "" : ",") entry "}"
        }
        END { print "{\"inode\":" inode ",\"list_id\":[" list "]}" }
    ' "$work/inodes" "$work/ids" >"$work/out"
    keep netns.json "$command"
}

tc_file() { # queueing disciplines, and the filters of those that take some
    command='tc -j qdisc; tc -j filter show dev … ingress|egress'
    if ! have tc; then
        note tc.json not-tried 'tc is not installed' "$command"
        return
    fi
    if ! within tc -j qdisc >"$work/qdiscs" 2>"$work/err" || ! within tc qdisc >"$work/list" 2>"$work/err"; then
        refuse tc.json "$command"
        return
    fi
    grep -q '[^[:space:]]' "$work/qdiscs" || printf '[]' >"$work/qdiscs"
    separator=''
    {
        printf '{"qdiscs":'
        cat "$work/qdiscs"
        printf ',"filters":['
        awk '$2 == "clsact" || $2 == "ingress" {
            for (i = 3; i < NF; i++) if ($i == "dev") print $2, $(i + 1)
        }' "$work/list" | while read -r kind device; do
            for direction in ingress egress; do
                [ "$kind $direction" = 'ingress egress' ] && continue
                filters=$(within tc -j filter show dev "$device" "$direction" 2>>"$work/err") || : >"$work/broken"
                printf '%s{"dev":"%s","direction":"%s","filters":%s}' "$separator" "$device" "$direction" "${filters:-[]}"
                separator=,
            done
        done
        printf ']}\n'
    } >"$work/out"
    if [ -e "$work/broken" ]; then
        rm -f "$work/broken"
        refuse tc.json "$command"
    else
        keep tc.json "$command"
    fi
}

resolv_conf() {
    root=''
    if [ -n "$netns" ]; then
        if [ "$process" = - ]; then
            note resolv.conf not-tried 'no process of this namespace is visible'
            return
        fi
        root=/proc/$process/root
        # A link would be followed on the node, not in the pod.
        if [ -L "$root/etc" ] || [ -L "$root/etc/resolv.conf" ]; then
            note resolv.conf not-tried 'it is a link in the pod, which this script does not follow'
            return
        fi
    fi
    if [ -f "$root/etc/resolv.conf" ] && cat "$root/etc/resolv.conf" >"$work/out" 2>/dev/null; then
        note resolv.conf captured '' 'cat /etc/resolv.conf'
        mv "$work/out" "$target/resolv.conf"
    else
        note resolv.conf not-tried 'there is none'
    fi
}

capture() { # NAMESPACE NETNS-FILE PROCESS FOUND-BY
    namespace=$1 netns=$2 process=$3 target=$output/$1
    printf '%s\n' "$namespace" >&2
    printf '%s\t%s\t%s\t%s\n' "$namespace" "$(now)" "${netns:-/proc/self/ns/net}" "$4" >>"$work/taken"
    mkdir -p "$target" || die "cannot make \`$target\`"

    take ip-link.json ip -j -d link show
    take ip-addr.json ip -j addr
    take ip-route.json ip -j -4 -d route show table all
    take ip6-route.json ip -j -6 -d route show table all
    take ip-rule.json ip -j rule
    take ip6-rule.json ip -j -6 rule
    take ip-neigh.json ip -j neigh show nud all
    take ip-neigh-proxy.json ip -j neigh show proxy
    take ip-nexthop.json ip -j nexthop
    take bridge-fdb.json bridge -j fdb
    take bridge-link.json bridge -j -d link
    if [ -s "$target/ip-link.json" ] && ! has ip-link.json info_kind bridge; then
        note bridge-vlan.json absent 'there is no bridge here'
    else
        take bridge-vlan.json bridge -j vlan
    fi
    iptables_files iptables /proc/net/ip_tables_names
    iptables_files ip6tables /proc/net/ip6_tables_names
    take nft-ruleset.json nft -j list ruleset
    # nft 1.0.6's JSON leaves out the device of netdev chains.
    has nft-ruleset.json family netdev && take nft-ruleset.txt nft list ruleset
    if [ -e /sys/module/ip_set ]; then
        take ipset-save.txt ipset save
    else
        note ipset-save.txt absent 'the module ip_set is not loaded'
    fi
    if [ -e /proc/net/ip_vs ]; then
        take ipvsadm-save.txt ipvsadm -Sn
    else
        note ipvsadm-save.txt absent 'the module ip_vs is not loaded'
    fi
    take ss.txt ss -H -n -l -t -u -S -p -O
    sysctl_file
    netns_file
    tc_file
    take bpf-net.json bpftool -j net
    if [ -s "$target/ip-link.json" ] && ! has ip-link.json info_kind wireguard; then
        note wg.txt absent 'there is no WireGuard device here'
    else
        take wg.txt wg show all dump
    fi
    resolv_conf
    take nstat.json nstat -a -s -j
    if [ -e /proc/sys/net/netfilter/nf_conntrack_count ]; then
        take conntrack-count.txt cat /proc/sys/net/netfilter/nf_conntrack_count
    else
        note conntrack-count.txt absent 'connections are not tracked here'
    fi
    if [ -n "$netns" ]; then
        # The counters are the processors', not the namespace's.
        note softnet_stat.txt redundant "the node's own namespace has the same file"
    else
        take softnet_stat.txt cat /proc/net/softnet_stat
    fi
}

# --- pods --------------------------------------------------------------------------------------------------

logged_pod() { # UID: the pod that kubelet keeps logs of under this uid, as ns_name
    for folder in /var/log/pods/*_*_"$1"; do
        [ -d "$folder" ] || continue
        folder=${folder##*/}
        printf '%s' "${folder%_*}"
        return
    done
}

cgroup_uid() { # PROCESS: …/pod<uid>/… or …-pod<uid>.slice
    tr '/' '\n' 2>/dev/null <"/proc/$1/cgroup" |
        sed -n 's/\.slice$//; s/^pod\([0-9a-f_-]\{32,\}\)$/\1/p; s/^.*-pod\([0-9a-f_-]\{32,\}\)$/\1/p' |
        tr '_' '-' | head -n 1
}

find_pods() { # every network namespace but the collector's own
    own=$(inode_of /proc/self/ns/net)
    {
        for file in /run/netns/* /run/docker/netns/*; do
            # What is not mounted there any more is a plain, empty file.
            [ -e "$file" ] && nsenter --net="$file" -- true 2>/dev/null &&
                printf '%s 0 %s -\n' "$(inode_of "$file")" "$file"
        done
        for folder in /proc/[0-9]*; do
            inode=$(readlink "$folder/ns/net" 2>/dev/null) || continue
            inode=${inode#net:\[}
            printf '%s 1 %s/ns/net %s\n' "${inode%\]}" "$folder" "${folder#/proc/}"
        done
    } | sort -k1,1n -k2,2n -k4,4n | awk -v own="$own" '
        $1 == own { next }
        $1 != inode { if (inode) print inode, file, process; inode = $1; file = $3; process = $4 }
        process == "-" { process = $4 }
        END { if (inode) print inode, file, process }
    ' | while read -r inode file process; do
        pod='' found='' uid=''
        [ "$process" = - ] || uid=$(cgroup_uid "$process")
        if [ -n "$uid" ]; then
            pod=$(logged_pod "$uid")
            found="pod uid $uid in its cgroup"
        fi
        if [ -z "$pod" ] && [ "$process" != - ] && [ ! -L "/proc/$process/root/etc" ] &&
            [ ! -L "/proc/$process/root/etc/hostname" ] && [ -f "/proc/$process/root/etc/hostname" ]; then
            host=$(head -n 1 "/proc/$process/root/etc/hostname" 2>/dev/null)
            if is_plain "$host"; then
                set -- /var/log/pods/*_"$host"_*
                if [ $# = 1 ] && [ -d "$1" ]; then
                    pod=${1##*/} pod=${pod%_*} found="its host name $host, one pod's of that name"
                fi
            fi
        fi
        if [ -z "$pod" ]; then
            found='its pod is not known: named after the namespace'
            pod=$inode
            case $file in
            /run/*) is_plain "${file##*/}" && pod=${file##*/} ;;
            esac
            pod=netns_$pod
        fi
        printf '%s\t%s\t%s\t%s\n' "$pod" "$file" "$process" "$found"
    done | awk -F '\t' 'BEGIN { OFS = FS } seen[$1]++ { $1 = $1 "." seen[$1] } { print }'
}

# --- the capture -------------------------------------------------------------------------------------------

began=$(now)
: >"$work/files"
: >"$work/taken"
if [ -z "$pods" ] && [ -z "$no_pods" ]; then
    have nsenter || die 'nsenter (util-linux) is not installed: --no-pods captures the node alone'
    pods=$(find_pods)
fi
capture "nodes/$node/host" '' - 'the namespace that the collector ran in'
printf '%s\n' "$pods" >"$work/pods"
while IFS=$tab read -r pod file process found; do
    [ -z "$pod" ] || capture "nodes/$node/pods/$pod" "$file" "$process" "$found"
done <"$work/pods"

for tool in 'ip -V' 'bridge -V' 'tc -V' 'ss -V' 'iptables-save -V' 'nft -v' 'ipset -v' 'ipvsadm -v' 'sysctl -V' \
    'nsenter -V' 'bpftool version' 'wg --version'; do
    have "${tool%% *}" || continue
    # shellcheck disable=SC2086 # the tool and its flag are two words
    printf '%s\t%s\n' "${tool%% *}" "$(netns='' within $tool 2>&1 | head -n 1 | tr '\t' ' ')"
done >"$work/tools"

awk -F '\t' -v node="nodes/$node" -v began="$began" -v kernel="$(cat /proc/sys/kernel/osrelease)" '
    function text(value) {
        gsub(/\\/, "\\\\", value)
        gsub(/"/, "\\\"", value)
        gsub(/[[:cntrl:]]/, " ", value)
        return "\"" value "\""
    }
    function add(list, entry) { return list (list == "" ? "" : ",\n") entry }
    function group(heads, n,   list, i) {
        for (i = 1; i <= n; i++) list = add(list, "    " text(heads[i]) ": {\n" states[heads[i]] "\n    }")
        return list
    }
    function reasons_of(heads, n,   list, i) {
        for (i = 1; i <= n; i++)
            if (reasons[heads[i]] != "")
                list = add(list, "    " text(heads[i]) ": {\n" reasons[heads[i]] "\n    }")
        return list
    }
    FILENAME ~ /files$/ {
        if (!($1 in states)) order[++n] = $1
        states[$1] = add(states[$1], "      " text($2) ": " text($3))
        if ($4 != "") reasons[$1] = add(reasons[$1], "      " text($2) ": " text($4))
        if ($5 != "" && !($2 in command)) { command[$2] = 1; commands = add(commands, "    " text($2) ": " text($5)) }
    }
    FILENAME ~ /taken$/ {
        taken = add(taken, "    " text($1) ": {\"captured_at\": " text($2) ", \"netns\": " text($3) ", \"found_by\": " text($4) "}")
    }
    FILENAME ~ /tools$/ { tools = add(tools, "        " text($1) ": " text($2)) }
    END {
        print "{"
        print "  \"schema\": \"pathglass.capture/1\","
        print "  \"collector\": \"collect.sh\","
        print "  \"captured_at\": " text(began) ","
        print "  \"kernel\": " text(kernel) ","
        print "  \"machines\": {\n    " text(node) ": {"
        print "      \"collector\": \"collect.sh\", \"captured_at\": " text(began) ", \"kernel\": " text(kernel) ","
        print "      \"tools\": {\n" tools "\n      }\n    }\n  },"
        print "  \"commands\": {\n" commands "\n  },"
        print "  \"namespaces\": {\n" group(order, n) "\n  },"
        print "  \"reasons\": {\n" reasons_of(order, n) "\n  },"
        print "  \"taken\": {\n" taken "\n  }"
        print "}"
    }
' "$work/files" "$work/taken" "$work/tools" >"$work/capture.json" || die 'cannot write capture.json'
mv "$work/capture.json" "$output/capture.json"

n_namespaces=$(awk 'END { print NR }' "$work/taken")
printf 'captured %s network namespaces into %s\n' "$n_namespaces" "$output"
awk -F '\t' '$3 == "failed" || $3 == "not-tried" { count[$2 ": " $3]++ }
    END { for (what in count) print what " in " count[what] " namespace" (count[what] == 1 ? "" : "s") ", capture.json says why" }' \
    "$work/files" | sort
