//! Devices, bridges and tunnels.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `trace/balancing/tunnel.rs`
    (
        "IPVS on {0} sends nothing in tunnels by {1}, whose MTU leaves {2} bytes",
        "{0} 上的 IPVS 不会经 {1} 的隧道发送，其 MTU 只留下 {2} 字节",
    ),
    (
        "IPVS on {0} sends packets to {1} by {2}: who unpacks them there is not captured",
        "{0} 上的 IPVS 用 {2} 把报文发往 {1}：没有采集那里由谁解封装",
    ),
    (
        "the tunnel of IPVS on {0} to {1}",
        "{0} 上的 IPVS 到 {1} 的隧道",
    ),
    (
        "whether IPVS on {0} discovers its tunnels' path MTU",
        "{0} 上的 IPVS 是否为其隧道探测路径 MTU",
    ),
    (
        "net.ipv4.vs.pmtu_disc in {0}/sysctl.txt",
        "{0}/sysctl.txt 中的 net.ipv4.vs.pmtu_disc",
    ),
    // `trace/blame.rs`
    (
        "{0}: its other end, {1} of {2}, is down",
        "{0}：它的对端，{2} 的 {1}，处于 down 状态",
    ),
    (
        "{0} does not have the address that Kubernetes says it has",
        "{0} 并没有 Kubernetes 所说的地址",
    ),
    ("{0} of {1} is down", "{1} 的 {0} 处于 down 状态"),
    (
        "{0} of {1}, its other end, is down",
        "它的对端，{1} 的 {0}，处于 down 状态",
    ),
    (
        "{0} of {1}, its other end, is in no bridge",
        "它的对端，{1} 的 {0}，不在任何网桥中",
    ),
    (
        "{0} of {1} is isolated from the other ports",
        "{1} 的 {0} 与其他端口隔离",
    ),
    (
        "{0} answers for others on {1} (proxy_arp), but neither forwards from there nor knows a way",
        "{0} 在 {1} 上代他人应答（proxy_arp），但既不从那里转发，也没有路由",
    ),
    // `trace/bridge_vlan.rs`
    (
        "{0} of {1} maps VLANs to tunnels, which is not modelled",
        "{1} 的 {0} 把 VLAN 映射到隧道，尚未建模",
    ),
    // `trace/bridging.rs`
    (
        "bridge port {0} of {1} is {2}, not forwarding",
        "{1} 的网桥端口 {0} 处于 {2} 状态，不转发",
    ),
    ("frames of VLAN {0}", "VLAN {0} 的帧"),
    ("untagged frames", "不带标签的帧"),
    ("{0} of {1} takes no {2}", "{1} 的 {0} 不接收{2}"),
    (
        "bridge port {0} of {1} is locked, and {2} is not known behind it",
        "{1} 的网桥端口 {0} 已锁定（locked），且不认为 {2} 在它后面",
    ),
    (
        "stays on the bridge: {0} is at {1}",
        "留在网桥内：{0} 的 MAC 是 {1}",
    ),
    (
        "nobody answers for {0} on {1} of {2}",
        "{2} 的 {1} 上没有机器应答 {0}",
    ),
    ("bridge {0} of {1} is down", "{1} 的网桥 {0} 处于 down 状态"),
    (
        "{0} of {1} is not in VLAN {2}",
        "{1} 的 {0} 不在 VLAN {2} 中",
    ),
    ("{0} passes it from {1} to {2}", "{0} 把它从 {1} 转到 {2}"),
    ("{0} sends it by {1}", "{0} 从 {1} 把它发出"),
    (
        "a packet of {0} bytes is dropped by bridge port {1} of {2}, whose MTU is {3}",
        "{0} 字节的报文被 {2} 的网桥端口 {1} 丢弃，其 MTU 为 {3}",
    ),
    (
        "bridge {0} of {1}, whose MTU is {2}, drops fragments of {3} bytes after its IP rules",
        "{1} 的网桥 {0}（MTU 为 {2}）在其 IP 规则之后丢弃 {3} 字节的分片",
    ),
    (
        "bridge {0} of {1}, whose MTU is {2}, drops a packet of {3} bytes after its IP rules",
        "{1} 的网桥 {0}（MTU 为 {2}）在其 IP 规则之后丢弃 {3} 字节的报文",
    ),
    (
        "hairpin mode is off on {0} of {1}: the packet may not go back out by the port that it came in by",
        "{1} 的 {0} 没有打开 hairpin：报文不能从来的端口再发出去",
    ),
    (
        "{0} and {1} of {2} are isolated bridge ports: nothing passes between them",
        "{2} 的 {0} 和 {1} 都是隔离的网桥端口：彼此之间不通",
    ),
    ("the frame's address", "帧的地址"),
    (
        "nobody behind {0} of {1} has {2}, which is taken to be {3}",
        "{1} 的 {0} 后面没有机器拥有 {2}，而它被当作 {3} 的地址",
    ),
    // `trace/device.rs`
    ("has no carrier", "没有载波"),
    ("is down", "处于 down 状态"),
    ("{0} of {1} {2}", "{1} 的 {0} {2}"),
    (
        "{0} is a dummy device: what is sent by it is gone",
        "{0} 是 dummy 网卡：从它发出的报文就此消失",
    ),
    (
        "{0} of {1} hands packets to a program, and what that does with them is not known",
        "{1} 的 {0} 把报文交给程序，而程序如何处理未知",
    ),
    (
        "{0} of {1} has no program and the policy `{2}`: what is sent by it is gone",
        "{1} 的 {0} 没有程序，策略为 `{2}`：从它发出的报文就此消失",
    ),
    (
        "a packet of {0} bytes is dropped by {1} of {2}, whose MTU is {3}",
        "{0} 字节的报文被 {2} 的 {1} 丢弃，其 MTU 为 {3}",
    ),
    (
        "TCP segments pass virtual devices one by one, as they do on a network card (segmentation offload, which is not captured, would carry larger ones through)",
        "TCP 报文段逐个经过虚拟网卡，如同在物理网卡上一样（分段卸载没有采集，它能让更大的报文通过）",
    ),
    (
        "{0} of {1} belongs to {2}, a device of a kind that is not modelled",
        "{1} 的 {0} 属于 {2}，而这种网卡尚未建模",
    ),
    (
        "a frame of VLAN {0} comes in by {1} of {2}, which has no device for that VLAN that is up",
        "VLAN {0} 的帧从 {2} 的 {1} 进入，而那里没有该 VLAN 的已启用网卡",
    ),
    (
        "{0} of {1} ({2}) gets a frame for {3} and ignores it: the sender knows a wrong address for {4}",
        "{1} 的 {0}（{2}）收到发给 {3} 的帧并忽略它：发送方所知的 {4} 的 MAC 地址是错的",
    ),
    (
        "{0} is not among the captured devices of {1}",
        "{0} 不在 {1} 已采集的网卡之中",
    ),
    (
        "which device {0} of {1} lies on was not captured",
        "没有采集 {1} 的 {0} 依附于哪块网卡",
    ),
    // `trace/device/bond.rs`
    (
        "no slave of the bond {0} of {1} is up",
        "{1} 的 bond {0} 没有已启用的 slave",
    ),
    (
        "{0} of {1} is a backup slave of {2}: what comes in by it is dropped",
        "{1} 的 {0} 是 {2} 的备用 slave：从它进入的报文被丢弃",
    ),
    // `trace/device/carrier.rs`
    (
        "{0} packs it into a packet to {1}",
        "{0} 把它封装进发往 {1} 的报文",
    ),
    (
        "which namespace sends the packets of the tunnel {0} of {1} was not captured",
        "没有采集 {1} 的隧道 {0} 的报文由哪个网络命名空间发出",
    ),
    (
        "{0} sends from {1}, which is no address of {2}",
        "{0} 以 {1} 为源地址发送，而它不是 {2} 的地址",
    ),
    (
        "the route to the far end {0} leads into the tunnel {1} itself",
        "到对端 {0} 的路由又指向隧道 {1} 自身",
    ),
    (
        "a packet of {0} bytes does not fit the tunnel {1} of {2}, whose path takes {3}, and the sender does not learn of it",
        "{0} 字节的报文放不进 {2} 的隧道 {1}，其路径只容 {3} 字节，而发送方得不到通知",
    ),
    ("{0} unpacks the tunnelled packet", "{0} 解封装隧道报文"),
    (
        "{0}: the tunnelled packet is dropped",
        "{0}：隧道报文被丢弃",
    ),
    ("the tunnel {0} of {1}", "{1} 的隧道 {0}"),
    (
        "a packet of {0} bytes does not fit {1}, whose path takes {2}",
        "{0} 字节的报文放不进{1}，其路径只容 {2} 字节",
    ),
    // `trace/device/ipvlan.rs`
    (
        "{0} of {1} is a private ipvlan: nothing passes between it and others on {2}",
        "{1} 的 {0} 是 private 模式的 ipvlan：它与 {2} 上的其他接口互不相通",
    ),
    // `trace/device/macvlan.rs`
    (
        "a packet of {0} bytes does not pass {1} of {2} (MTU {3}) to another macvlan on it",
        "{0} 字节的报文不能经 {2} 的 {1}（MTU {3}）到达其上的另一个 macvlan",
    ),
    // `trace/device/tunnel.rs`
    (
        "{0} of {1} does not carry packets of this family",
        "{1} 的 {0} 不承载该地址族的报文",
    ),
    (
        "{0} of {1} has no far end, and {2} names none",
        "{1} 的 {0} 没有对端地址，{2} 也没有给出",
    ),
    (
        "{0} has no tunnel device that is up and takes packets from {1} to {2}",
        "{0} 没有接收从 {1} 到 {2} 的报文的已启用隧道网卡",
    ),
    (
        "{0} of {1} expects GRE packets with other options",
        "{1} 的 {0} 要求带其他选项的 GRE 报文",
    ),
    (
        "{0} of {1} takes no packets of this family",
        "{1} 的 {0} 不接收该地址族的报文",
    ),
    // `trace/device/vxlan.rs`
    ("the frame", "该帧"),
    (
        "{0} of {1} knows no peer for {2}",
        "{1} 的 {0} 不知道 {2} 的对端",
    ),
    (
        "{0} of {1} sends to a nexthop group, which is not modelled",
        "{1} 的 {0} 发往 nexthop 组，尚未建模",
    ),
    (
        "{0} sends to the multicast group {1}, which is not modelled",
        "{0} 发往组播组 {1}，尚未建模",
    ),
    (
        "has no VXLAN device for this VNI that is up",
        "没有该 VNI 的已启用 VXLAN 网卡",
    ),
    (
        "has no VXLAN device on that port that is up",
        "没有使用该端口的已启用 VXLAN 网卡",
    ),
    (
        "gets a frame with its own address {0} as source",
        "收到以自己的地址 {0} 为源的帧",
    ),
    (
        "learns, and a fixed entry says that {0} is not behind {1}",
        "会学习地址，但有固定表项说明 {0} 不在 {1} 后面",
    ),
    (
        "{0} has no Geneve device for VNI {1} from {2} that is up",
        "{0} 没有 VNI {1}、来自 {2} 的已启用 Geneve 网卡",
    ),
    ("{0} {1} (VNI {2})", "{0} {1} (VNI {2})"),
    // `trace/device/wireguard.rs`
    (
        "no WireGuard peer of {0} on {1} is allowed {2}",
        "{1} 的 {0} 没有允许 {2} 的 WireGuard 对端",
    ),
    (
        "the WireGuard peer of {0} on {1} for {2} has no endpoint",
        "{1} 的 {0} 上负责 {2} 的 WireGuard 对端没有 endpoint",
    ),
    (
        "{0} of {1} has no peer for {2}: no handshake is possible",
        "{1} 的 {0} 没有 {2} 这个对端：无法握手",
    ),
    (
        "{0} of {1} allows {2} to another WireGuard peer than {3}",
        "{1} 的 {0} 把 {2} 许给了 {3} 以外的 WireGuard 对端",
    ),
    (
        "{0} of {1} allows no WireGuard peer to send from {2}",
        "{1} 的 {0} 不允许任何 WireGuard 对端以 {2} 为源发送",
    ),
    (
        "no WireGuard device of {0} that is up listens on that port",
        "{0} 没有监听该端口的已启用 WireGuard 网卡",
    ),
    (
        "the WireGuard peer at {0} is {1}, seen through a translation",
        "{0} 处的 WireGuard 对端是 {1}，看到的是经过地址转换的它",
    ),
    (
        "which WireGuard peer {0} is to {1} cannot be told without their public keys",
        "没有双方的公钥，无法判断 {0} 对 {1} 来说是哪个 WireGuard 对端",
    ),
    (
        "no UDP socket of {0} has the port of {1}: the device may belong to another namespace",
        "{0} 没有 UDP 套接字使用 {1} 的端口：该网卡可能属于另一个网络命名空间",
    ),
    (
        "the WireGuard peers of {0} of {1} are not known",
        "不知道 {1} 的 {0} 的 WireGuard 对端",
    ),
    (
        "{0} of {1} sent to its WireGuard peer, and no handshake came of it: whether they know each other's keys is not captured",
        "{1} 的 {0} 向它的 WireGuard 对端发送过报文，但没有握手成功：双方是否知道对方的公钥没有采集",
    ),
    ("public keys in {0}/wg.txt", "{0}/wg.txt 中的公钥"),
    // `trace/fdb.rs`
    (
        "several ports of {0} on {1} lead to what was not captured",
        "{1} 的 {0} 有多个端口通向没有采集的地方",
    ),
    (
        "the files of the pods and machines behind these ports",
        "这些端口后面的 Pod 和机器的文件",
    ),
    // `trace/wire.rs`
    (
        "devices of {0} and {1} that name each other by index are the ends of one wire (a netns.json that would prove it was not captured)",
        "{0} 和 {1} 中以 index 互指的网卡是同一条线的两端（没有采集能够证明这一点的 netns.json）",
    ),
    ("several machines have {0}", "有多台机器拥有 {0}"),
    (
        "{0} answers for {1} in place of {2}",
        "{0} 代替 {2} 应答 {1}",
    ),
    (
        "the network between the nodes: the cloud's route tables, or the router's own files",
        "节点之间的网络：云的路由表，或路由器自身的文件",
    ),
    (
        "{0} {1} and {2} {3} are on one network segment (each has the other's address in a connected prefix)",
        "{0} 的 {1} 和 {2} 的 {3} 在同一网段（双方的地址都在对方的直连网段内）",
    ),
    (
        "the network behind {0} {1} carries packets to {2} and back, and the remote host answers",
        "{0} 的 {1} 后面的网络能把报文送到 {2} 并送回，且远端主机应答",
    ),
    (
        "what is at the other end of {0} of {1} was not captured",
        "没有采集 {1} 的 {0} 的另一端是什么",
    ),
    (
        "the files of the machine there, or the cloud's route tables",
        "那里的机器的文件，或云的路由表",
    ),
];
