//! The packet's way: routing, delivery, netfilter's outcome.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `evidence/kube/policy.rs`
    (
        "`{0}` is Calico's: its list is networkpolicies.crd.projectcalico.org",
        "`{0}` 属于 Calico：它的列表是 networkpolicies.crd.projectcalico.org",
    ),
    // `trace.rs`
    (
        "the packet to {0} goes in circles",
        "发往 {0} 的报文在循环转发",
    ),
    // `trace/balancing.rs`
    ("IPVS: the source becomes {0}", "IPVS：源地址变为 {0}"),
    (
        "whether connections that IPVS balances are tracked on {0}",
        "{0} 上由 IPVS 均衡的连接是否被跟踪",
    ),
    (
        "net.ipv4.vs.conntrack in {0}/sysctl.txt",
        "{0}/sysctl.txt 中的 net.ipv4.vs.conntrack",
    ),
    (
        "the IPVS scheduler {0} is not modelled",
        "IPVS 调度算法 {0} 尚未建模",
    ),
    (
        "the IPVS scheduler {0} gives the servers of {1} their shares: whose turn it is, is not captured",
        "IPVS 调度算法 {0} 按份额分配给 {1} 的后端：轮到哪一个没有采集",
    ),
    (
        "no IPVS server has reached its connection limit",
        "没有 IPVS 后端达到连接数上限",
    ),
    ("has no server", "没有后端"),
    (
        "has no server that takes new connections (weight 0)",
        "没有接受新连接的后端（权重为 0）",
    ),
    (
        "the IPVS service for {0} on {1} {2}",
        "{1} 上 {0} 的 IPVS 服务{2}",
    ),
    ("as it is", "保持原样"),
    ("in a tunnel", "经隧道"),
    ("IPVS: {0} goes to {1}, {2}", "IPVS：{0} 转到 {1}，{2}"),
    (
        "IPVS on {0} does not send packets from {1} to {2}",
        "{0} 上的 IPVS 不会把来自 {1} 的报文发往 {2}",
    ),
    ("route to {0}: {1}", "查找到 {0} 的路由：{1}"),
    ("translated", "经地址转换"),
    // `trace/blocker.rs`
    (
        "{0} (the ICMP error that would tell its sender is lost on its way back: {1})",
        "{0}（告知发送方的 ICMP 错误报文在回程丢失：{1}）",
    ),
    // `trace/circle.rs`
    ("within {0}", "{0} 内部"),
    ("between {0}", "{0} 之间"),
    (
        "the packet to {0} goes in circles {1} until its TTL runs out",
        "发往 {0} 的报文在 {1}循环转发，直到 TTL 耗尽",
    ),
    // `trace/delivery.rs`
    ("reaches the socket of the connection", "到达该连接的套接字"),
    (
        "{0} ignores echo requests ({1})",
        "{0} 不应答 echo 请求（{1}）",
    ),
    ("the kernel answers the echo request", "内核应答 echo 请求"),
    (
        "{0} is an anycast address of {1}: TCP takes no connections there",
        "{0} 是 {1} 的任播地址：TCP 不在其上接受连接",
    ),
    (
        "the socket on port {0} has {1} connections that its program does not accept, more than its backlog of {2}: it takes no more",
        "端口 {0} 的套接字有 {1} 个连接未被程序接受，超过其监听队列长度 {2}：不再接受新连接",
    ),
    ("a socket{0} listens on port {1}", "套接字{0} 监听端口 {1}"),
    ("this port", "该端口"),
    (
        "; what listens on that port listens on another address",
        "；监听该端口的进程监听的是另一个地址",
    ),
    (
        "nothing in {0} listens on {1} port {2}{3}",
        "{0} 中没有进程监听 {1} 端口 {2}{3}",
    ),
    (
        "a program in {0} cannot answer from {1}: a route makes it local, but no device has it",
        "{0} 中的程序无法用 {1} 应答：有路由把它当作本地地址，但没有网卡拥有它",
    ),
    (
        "the answer reaches {0} from {1}, but it asked another address: its stack does not know this connection",
        "应答从 {1} 到达 {0}，但它请求的是另一个地址：它的协议栈不认识这个连接",
    ),
    (
        "a packet for {0} ends at {1}, which does not know its connection",
        "发往 {0} 的报文止于 {1}，而它不认识该连接",
    ),
    // `trace/exchange.rs`
    (
        "the evidence contradicts itself: the packet cannot be followed further",
        "证据自相矛盾：无法继续跟踪报文",
    ),
    ("a capture taken anew", "重新采集一次"),
    (
        "the answer leaves {0} with other addresses than the question had: from {1}",
        "应答离开 {0} 时的地址与请求的不一致：来自 {1}",
    ),
    (
        "the answer leaves the captured world on its way to {0}",
        "应答在去往 {0} 的途中离开了已采集的范围",
    ),
    ("the files of the machines on the way", "途中各机器的文件"),
    // `trace/forwarding.rs`
    (
        "{0} is no unicast address on {1}",
        "{0} 在 {1} 上不是单播地址",
    ),
    (
        "{0} is a broadcast address on {1}, to which several may answer",
        "{0} 在 {1} 上是广播地址，可能有多台机器应答",
    ),
    (
        "{0} is a broadcast address on {1}, and no socket takes it",
        "{0} 在 {1} 上是广播地址，没有套接字接收",
    ),
    ("IPv6 is disabled on {0} of {1}", "{1} 的 {0} 禁用了 IPv6"),
    (
        "the loopback address ({0} to {1}) on {2}",
        "{2} 上出现环回地址（{0} 到 {1}）",
    ),
    (
        "the source {0} is no address of one machine",
        "源地址 {0} 不属于某一台机器",
    ),
    (
        "the source {0} is known on its own link only: {1} does not forward it",
        "源地址 {0} 只在它自己的链路上有效：{1} 不转发",
    ),
    (
        "{0} drops a packet from outside whose source {1} is its own address",
        "{0} 丢弃来自外部、源地址 {1} 却是自己地址的报文",
    ),
    (
        "rp_filter={0} on {1} drops the packet: the way back to {2} does not lead through {3}",
        "{1} 上的 rp_filter={0} 丢弃报文：回到 {2} 的路由不经过 {3}",
    ),
    (
        "{0} has no route of its own to {1} and sends it to its default router, and {2} has none either",
        "{0} 没有到 {1} 的路由，发给了默认路由器，而 {2} 也没有",
    ),
    ("forward to {0}: {1}", "转发到 {0}：{1}"),
    ("the packet's TTL runs out", "报文的 TTL 耗尽"),
    (
        "a packet of {0} bytes does not fit MTU {1} of {2} on {3}, and the sender does not learn of it",
        "{0} 字节的报文超过 {3} 的 {2} 的 MTU {1}，而发送方得不到通知",
    ),
    (
        "forwarding is off on {0} of {1}: packets for others are dropped",
        "{1} 的 {0} 没有打开转发：发给他人的报文被丢弃",
    ),
    // `trace/hooks.rs`
    (
        "nft's base chains of one priority were hooked in in the order of their tables' handles",
        "优先级相同的 nft 基链按所在表的 handle 顺序挂接",
    ),
    // `trace/judge.rs`
    (
        "the rules of {0} can be passed in too many ways that cannot be told apart",
        "经过 {0} 的规则的方式太多，无法彼此区分",
    ),
    (
        "{0}; with others like it, more than {1} results are possible",
        "{0}；加上其他类似情况，可能的结果超过 {1} 种",
    ),
    // `trace/nat.rs`
    (
        "conntrack: {0} {1} becomes {2}",
        "conntrack：{0} {1} 变为 {2}",
    ),
    (
        "two sets of nat rules of {0} translate the packet differently; which runs first is not known",
        "{0} 的两套 nat 规则对报文的转换不同；不知道哪一套先执行",
    ),
    (
        "MASQUERADE finds no address on the outgoing device: the packet is dropped",
        "MASQUERADE 在出口网卡上找不到地址：报文被丢弃",
    ),
    (
        "REDIRECT finds no address on the incoming device: the packet is dropped",
        "REDIRECT 在入口网卡上找不到地址：报文被丢弃",
    ),
    ("destination", "目的地址"),
    ("source", "源地址"),
    // `trace/ndisc.rs`
    (
        "what the nft chain {0} of family bridge does to ARP is not modelled",
        "bridge 族的 nft 链 {0} 对 ARP 的作用尚未建模",
    ),
    (
        "the nft chain {0} of family arp is not modelled",
        "arp 族的 nft 链 {0} 尚未建模",
    ),
    // `trace/neighbour.rs`
    (
        "several machines answer for {0}: which one is heard is not known",
        "有多台机器应答 {0}：不知道听到的是哪一台",
    ),
    // `trace/netfilter.rs`
    (
        "the nft chain {0} has a type or hook that is not known",
        "nft 链 {0} 的类型或挂接点未知",
    ),
    (
        "a rule hands the packet to {0}, which is not modelled",
        "有规则把报文交给：{0}，尚未建模",
    ),
    (
        "a TPROXY rule takes the packet to a local socket; what that program does with it is not known",
        "TPROXY 规则把报文交给本地套接字；不知道该程序如何处理",
    ),
    ("the policy", "默认策略"),
    ("rule {0}", "规则 {0}"),
    (
        "{0} of chain {1} (table {2}) {3} the packet to {4}",
        "链 {1}（表 {2}）的{0} {3}发往 {4} 的报文",
    ),
    (
        "netfilter {0} the packet to {1}",
        "netfilter {0}发往 {1} 的报文",
    ),
    (
        "the connection table of {0} is not full (how many entries it has was not captured)",
        "{0} 的连接跟踪表未满（没有采集其中有多少条目）",
    ),
    (
        "no unassured connection of {0} can be evicted from its full table",
        "{0} 的连接跟踪表已满，且没有可淘汰的非 assured 连接",
    ),
    (
        "the connection table is full ({0} of {1} entries): new connections are dropped",
        "连接跟踪表已满（{0}/{1} 个条目）：新连接被丢弃",
    ),
    ("drops", "丢弃"),
    ("rejects", "拒绝"),
    // `trace/no_route.rs`
    ("{0} has no route to {1}", "{0} 没有到 {1} 的路由"),
    (
        "a route of type {0} on {1} refuses packets to {2}",
        "{1} 上类型为 {0} 的路由拒绝发往 {2} 的报文",
    ),
    // `trace/order.rs`
    (
        "which of {0} rule sets with the same priority runs first on {1}: the one that was loaded last, and it makes a difference",
        "{1} 上优先级相同的 {0} 套规则哪一套先执行：取决于哪一套最后加载，且会影响结果",
    ),
    // `trace/output.rs`
    ("via {0} dev {1}", "下一跳 {0}，网卡 {1}"),
    ("dev {0}", "网卡 {0}"),
    (
        "no address of {0} can be the source for {1}",
        "{0} 没有地址可作为访问 {1} 的源地址",
    ),
    (
        "a packet from {0} may not leave by {1}, where route_localnet is off",
        "来自 {0} 的报文不能从 {1} 离开，那里 route_localnet 未打开",
    ),
    (
        "{0} is a broadcast address, to which no ordinary socket may send",
        "{0} 是广播地址，普通套接字不能向它发送",
    ),
    ("route again to {0}: {1}", "重新查找到 {0} 的路由：{1}"),
    // `trace/service.rs`
    ("service {0}/{1}", "名为 {0}/{1} 的 Service"),
    (
        "no rule on {0} translates {1}, and {2} shows that something else than kube-proxy may do it, which is not modelled",
        "{0} 上没有规则转换 {1}，而{2} 表明可能由 kube-proxy 以外的组件转换，这尚未建模",
    ),
    ("its device {0}", "它的网卡 {0}"),
    ("its pod {0}/{1}", "它的 Pod {0}/{1}"),
    // `trace/transmit.rs`
    ("lo of {0} is down", "{0} 的 lo 处于 down 状态"),
    (
        "the route leaves by {0}, which does not exist on {1}",
        "路由从 {0} 离开，而 {1} 上没有这块网卡",
    ),
    (
        "a packet of {0} bytes from {1} does not fit MTU {2} of {3}",
        "来自 {1} 的 {0} 字节报文超过 {3} 的 MTU {2}",
    ),
    ("{0} is at {1}", "{0} 的 MAC 是 {1}"),
    (
        "a classifier or BPF program on {0} of {1} is not modelled",
        "{1} 的 {0} 上的 tc 分类器或 BPF 程序尚未建模",
    ),
    (
        "no tc classifier or BPF program of {0} touches the packet ({1} was not captured)",
        "{0} 没有 tc 分类器或 BPF 程序处理这个报文（没有采集 {1}）",
    ),
    (
        "{0} is a device of kind `{1}`, which is not modelled",
        "{0} 是 `{1}` 类型的网卡，尚未建模",
    ),
    (
        "the sender has not learned the path's MTU yet: this connection teaches it, and those of the next ten minutes pass",
        "发送方尚未学到路径 MTU：这条连接使它学到，此后十分钟内的连接可以通过",
    ),
];
