//! Addresses, routes, neighbours and the kernel's sanity checks.

use super::{Entry, Severity, Text, entries};

entries! {
    ROUTING

    ADDRESS_MISSING = "address.missing", Cause {
        en: "the sender has no address that can be the packet's source",
        zh: "发送方没有可以用作源地址的地址",
        confirm: "ip addr show",
        fix: "give the device an address",
        fix_zh: "给该网卡配置地址",
    }
    ADDRESS_UNKNOWN = "address.wrong-source", Cause {
        en: "the node sends from another address than Kubernetes knows it by, and answers to that do not come back",
        zh: "节点使用的源地址不是 Kubernetes 所知的节点地址，应答无法返回该地址",
        confirm: "ip route get {destination}; kubectl get node {name} -o wide",
        fix: "make the node send from its known address: remove the other one (DHCP), or name the source in its routes (`src`)",
        fix_zh: "让节点使用已知的地址发送：删除另一个地址（DHCP），或在路由中指定源地址（`src`）",
    }
    ROUTE_MISSING = "route.missing", Cause {
        en: "there is no route to the destination",
        zh: "没有到目的地址的路由",
        confirm: "ip route get {destination}",
        fix: "add the route; the network plugin or the cloud's route controller on that node should have",
        fix_zh: "补上这条路由；它本应由该节点上的网络插件或云的路由控制器写入",
        drop: "SKB_DROP_REASON_IP_OUTNOROUTES",
    }
    ROUTE_REFUSED = "route.refused", Cause {
        en: "a blackhole, unreachable or prohibit route or rule refuses the destination",
        zh: "一条 blackhole、unreachable 或 prohibit 类型的路由或策略路由规则拒绝了目的地址",
        confirm: "ip route get {destination}; ip rule show; ip route show table all",
        fix: "remove that route, or the reason why it was put there",
        fix_zh: "删除该路由，或消除写入它的原因",
    }
    ROUTE_LOOP = "route.loop", Cause {
        en: "the packet goes in circles",
        zh: "报文在几台机器之间循环转发",
        confirm: "ip route get {destination}",
        fix: "correct the routes that point at one another",
        fix_zh: "改正互相指向对方的路由",
    }
    TTL_EXCEEDED = "route.ttl-exceeded", Cause {
        en: "the packet's TTL runs out",
        zh: "报文的 TTL 耗尽",
        confirm: "tracepath -n {destination}",
        fix: "look for a routing loop",
        fix_zh: "检查是否存在路由环路",
        drop: "SKB_DROP_REASON_IP_INHDR",
    }
    NEIGHBOUR_UNRESOLVED = "neighbour.unresolved", Cause {
        en: "nobody on the link answers for the next hop's address",
        zh: "链路上没有机器应答下一跳的地址解析",
        confirm: "ip neigh show dev {device}",
        fix: "correct the route's gateway, or bring the machine with that address back",
        fix_zh: "改正路由的网关，或恢复拥有该地址的机器",
        drop: "SKB_DROP_REASON_NEIGH_FAILED",
    }
    NEIGHBOUR_WRONG = "neighbour.wrong-address", Cause {
        en: "frames are sent to a hardware address that the receiver does not have",
        zh: "帧被发往一个接收方并不拥有的 MAC 地址",
        confirm: "ip neigh show; bridge fdb show",
        fix: "delete the wrong entry (`ip neigh del`, `bridge fdb del`) and let it be learned again",
        fix_zh: "删除错误的表项（`ip neigh del`、`bridge fdb del`），让它重新学习",
        drop: "SKB_DROP_REASON_OTHERHOST",
    }
    SYSCTL_BRIDGE_NF_OFF = "sysctl.bridge-nf-off", Warning {
        en: "bridged packets pass netfilter by: answers of services between pods of one bridge are not translated back",
        zh: "网桥上的报文绕过 netfilter：同一网桥上 Pod 之间经 Service 的应答不会被转换回来",
        confirm: "sysctl net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables",
        fix: "load `br_netfilter` and set `net.bridge.bridge-nf-call-iptables=1`",
        fix_zh: "加载 `br_netfilter` 并设置 `net.bridge.bridge-nf-call-iptables=1`",
    }
    SYSCTL_FORWARDING = "sysctl.forwarding-off", Cause {
        en: "the node does not forward packets",
        zh: "该节点没有开启转发",
        confirm: "sysctl net.ipv4.ip_forward net.ipv4.conf.{device}.forwarding net.ipv6.conf.all.forwarding",
        fix: "set `net.ipv4.ip_forward=1` and the device's `forwarding` (IPv6: `net.ipv6.conf.all.forwarding=1`)",
        fix_zh: "设置 `net.ipv4.ip_forward=1` 和该网卡的 `forwarding`（IPv6：`net.ipv6.conf.all.forwarding=1`）",
    }
    SYSCTL_MARTIAN = "sysctl.martian", Cause {
        en: "a packet with an impossible source or destination for its device is dropped",
        zh: "报文的源或目的地址对收到它的网卡来说不可能出现，被丢弃",
        confirm: "sysctl net.ipv4.conf.{device}.accept_local net.ipv4.conf.{device}.route_localnet; nstat -az TcpExtIPReversePathFilter IpExtInNoRoutes",
        fix: "find who sends from that address; `accept_local` and `route_localnet` allow the special cases",
        fix_zh: "查明是谁用这个地址发包；`accept_local` 和 `route_localnet` 可放行特殊情形",
        drop: "SKB_DROP_REASON_IP_LOCAL_SOURCE",
    }
    SYSCTL_RP_FILTER = "sysctl.rp-filter", Cause {
        en: "reverse path filtering drops the packet: the way back leads elsewhere",
        zh: "反向路径过滤丢弃了报文：回程走的是另一块网卡",
        confirm: "sysctl net.ipv4.conf.all.rp_filter net.ipv4.conf.{device}.rp_filter; ip route get {source}",
        fix: "set `rp_filter` to 2 or 0 on that device and on `all`, or make routing symmetric",
        fix_zh: "把该网卡和 `all` 的 `rp_filter` 设为 2 或 0，或使往返路由对称",
        drop: "SKB_DROP_REASON_IP_RPFILTER",
    }
}
