//! The cloud's own network.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `cloud.rs`
    ("{0}/{1} is not known: {2}", "{0}/{1} 无法得知：{2}"),
    // `cloud/acl.rs`
    ("subnet {0} has no network ACL", "子网 {0} 没有网络 ACL"),
    ("it was not captured", "没有采集"),
    (
        "network ACL {0} lets it into the subnet: `{1}`",
        "网络 ACL {0} 允许其进入子网：`{1}`",
    ),
    (
        "network ACL {0} lets it out of the subnet: `{1}`",
        "网络 ACL {0} 允许其离开子网：`{1}`",
    ),
    (
        "network ACL {0} drops what enters the subnet: `{1}`",
        "网络 ACL {0} 丢弃进入子网的报文：`{1}`",
    ),
    (
        "network ACL {0} drops what leaves the subnet: `{1}`",
        "网络 ACL {0} 丢弃离开子网的报文：`{1}`",
    ),
    (
        "no entry of network ACL {0} lets `{1}` into the subnet",
        "网络 ACL {0} 没有允许 `{1}` 进入子网的条目",
    ),
    (
        "no entry of network ACL {0} lets `{1}` out of the subnet",
        "网络 ACL {0} 没有允许 `{1}` 离开子网的条目",
    ),
    // `cloud/admission.rs`
    (
        "no security group of interface {0} is known",
        "不知道网卡 {0} 的安全组",
    ),
    (
        "interfaces {0} and {1} are members of security group {2}, whose members reach one another",
        "网卡 {0} 与 {1} 同属安全组 {2}，组内互通",
    ),
    ("it does not hold {0}", "其中没有 {0}"),
    (
        "it does not hold the interface of {0}",
        "其中没有 {0} 的网卡",
    ),
    (
        "security group {0} lets it in: `{1}`",
        "安全组 {0} 允许其进入：`{1}`",
    ),
    (
        "security group {0} lets it out: `{1}`",
        "安全组 {0} 允许其发出：`{1}`",
    ),
    (
        "security group {0} drops what comes in: `{1}`",
        "安全组 {0} 丢弃入方向报文：`{1}`",
    ),
    (
        "security group {0} drops what leaves: `{1}`",
        "安全组 {0} 丢弃出方向报文：`{1}`",
    ),
    ("priority {0}", "优先级 {0}"),
    (
        "no rule of security group {0} is for what leaves: it passes",
        "安全组 {0} 没有针对该出方向报文的规则：放行",
    ),
    (
        "no rule of security group {0} lets `{1}` out",
        "安全组 {0} 没有允许 `{1}` 发出的规则",
    ),
    (
        "no rule of security group {0} lets `{1}` in",
        "安全组 {0} 没有允许 `{1}` 进入的规则",
    ),
    (
        "what comes from the cloud's own addresses (100.64.0.0/10) needs no rule of a security group",
        "来自云平台自身地址（100.64.0.0/10）的报文无需安全组规则",
    ),
    (
        "Alibaba Cloud blocks TCP port 25 to the internet unless the account was unblocked",
        "阿里云默认封禁发往公网的 TCP 25 端口，除非账号已申请解封",
    ),
    // `cloud/aliyun/filter.rs`, `cloud/aliyun/network.rs`, `cloud/tencent/filter.rs`, `cloud/files.rs`
    ("a block", "网段"),
    ("an address", "地址"),
    ("a hardware address", "硬件地址"),
    ("a port", "端口"),
    ("a protocol", "协议"),
    ("a range of ports", "端口范围"),
    ("a list of ports", "端口列表"),
    ("`{0}` is no protocol", "`{0}` 不是协议"),
    ("is no protocol", "不是协议"),
    ("is missing", "缺失"),
    ("`{0}` is not a block", "`{0}` 不是网段"),
    ("`{0}` is not an address", "`{0}` 不是地址"),
    ("`{0}` is no address", "`{0}` 不是地址"),
    ("`{0}` is no service", "`{0}` 不是服务"),
    (
        "`{0}` is neither `accept` nor `drop`",
        "`{0}` 既不是 `accept` 也不是 `drop`",
    ),
    (
        "`{0}` is neither `ACCEPT` nor `DROP`",
        "`{0}` 既不是 `ACCEPT` 也不是 `DROP`",
    ),
    ("the rule names no other side", "规则没有指明对端"),
    (
        "the file's name must hold the group's id",
        "文件名中必须有安全组 ID",
    ),
    ("in arrears", "欠费"),
    // `cloud/nat.rs`
    ("it does not hold those of {0}", "其中没有 {0} 的条目"),
    // `cloud/portset.rs`
    (
        "which of the ports {0} to {1} the sender chooses decides whether a rule of the cloud matches",
        "云上的规则是否匹配，取决于发送方在 {0} 到 {1} 中选择哪个端口",
    ),
    // `cloud/route.rs`
    ("instance {0}", "实例 {0}"),
    ("the machine at {0}", "位于 {0} 的机器"),
    ("interface {0}", "网卡 {0}"),
    ("NAT gateway {0}", "NAT 网关 {0}"),
    ("SNAT entry {0}", "SNAT 条目 {0}"),
    ("DNAT entry {0}", "DNAT 条目 {0}"),
    ("IPv4 gateway {0}", "IPv4 网关 {0}"),
    ("IPv6 gateway {0}", "IPv6 网关 {0}"),
    ("peering {0}", "对等连接 {0}"),
    ("the own public address", "自身公网地址"),
    // `cloud/ruling.rs`
    (
        "G.5: a security group rule that names a group matches addresses of its interfaces only, not the pods behind them",
        "G.5：以安全组为对端的规则只匹配组内网卡的地址，不匹配其后的 Pod",
    ),
    (
        "G.6: members of a security group reach one another by addresses of their interfaces only, not from the pods behind them",
        "G.6：安全组组内互通只针对网卡地址，不含其后的 Pod",
    ),
    (
        "G.9: a machine's own public address wins over a route to a NAT gateway",
        "G.9：机器自身的公网地址优先于指向 NAT 网关的路由",
    ),
    (
        "G.10: an Internet NAT gateway takes the SNAT entry with the longest mask",
        "G.10：公网 NAT 网关采用掩码最长的 SNAT 条目",
    ),
    (
        "G.11: a network ACL's entries are tried in the order in which the API lists them",
        "G.11：网络 ACL 的条目按 API 返回的顺序匹配",
    ),
    (
        "G.16: several security groups of an interface are tried in the order in which the API lists them",
        "G.16：网卡的多个安全组按 API 返回的顺序匹配",
    ),
    (
        "G.17: the port of a network ACL's three-part egress entry is the destination's",
        "G.17：三元组网络 ACL 出站条目的端口是目的端口",
    ),
    (
        "G.19: of overlapping SNAT rules those of interfaces come first, then the longest prefix",
        "G.19：SNAT 规则重叠时，网卡级规则优先，其次是最长前缀",
    ),
    // `cloud/way.rs`
    ("the table of {0}", "{0} 的路由表"),
    ("it has no next hop in order", "没有正常的下一跳"),
    ("NAT gateway {0} is {1}", "NAT 网关 {0} 处于 {1} 状态"),
    ("peering {0} is {1}", "对等连接 {0} 处于 {1} 状态"),
    (
        "the first interface of instance {0} was not captured",
        "没有采集实例 {0} 的主网卡",
    ),
    (
        "what lies behind the next hop {0} is not modelled",
        "下一跳 {0} 之后的网络尚未建模",
    ),
    // `trace/cloud.rs`
    (
        "no captured network interface of the cloud is {0} of {1}",
        "采集到的云上网卡中没有 {1} 的 {0}",
    ),
    (
        "what the cloud does with tagged and multicast frames of {0} is not modelled",
        "云平台如何处理 {0} 的带标签帧和组播帧尚未建模",
    ),
    (
        "interface {0} drops what it is sent from {1}, which is none of its addresses (SourceDestCheck)",
        "网卡 {0} 丢弃源地址为 {1} 的报文：这不是它自己的地址（SourceDestCheck）",
    ),
    (
        "interface {0} drops what is sent to {1}, which is none of its addresses (SourceDestCheck)",
        "网卡 {0} 丢弃目的地址为 {1} 的报文：这不是它自己的地址（SourceDestCheck）",
    ),
    (
        "the cloud's own service at {0} answers",
        "假定云平台自身的服务 {0} 会应答",
    ),
    ("instance {0} is {1}", "实例 {0} 处于 {1} 状态"),
    (
        "what the machine of interface {0} does with packets to {1} was not captured",
        "没有采集网卡 {0} 所在机器如何处理发往 {1} 的报文",
    ),
    ("the files of that machine", "那台机器的文件"),
    (
        "cloud: subnet {0}, route table {1}: {2} -> {3}",
        "云：子网 {0}，路由表 {1}：{2} -> {3}",
    ),
    (
        "cloud: subnet {0}, route of the container network {1}: {2} -> {3}",
        "云：子网 {0}，容器网络 {1} 的路由：{2} -> {3}",
    ),
    (
        "cloud: subnet {0}, route table {1}: no entry of its own",
        "云：子网 {0}，路由表 {1}：没有单独的条目",
    ),
    ("cloud: subnet {0}", "云：子网 {0}"),
    (
        "the captured answers of {0} hold every machine and gateway of the private network",
        "假定 {0} 的采集结果包含该专有网络的全部机器和网关",
    ),
    (
        "the cloud's route for {0} leads to {1}, which does not exist",
        "云上到 {0} 的路由指向 {1}，而它并不存在",
    ),
    (
        "the cloud's route for {0} leads nowhere: {1}",
        "云上到 {0} 的路由不通：{1}",
    ),
    (
        "interface {0} has no public address to reach {1} by",
        "网卡 {0} 没有可用于访问 {1} 的公网地址",
    ),
    (
        "route table {0} of subnet {1} has no entry for {2}",
        "子网 {1} 的路由表 {0} 没有到 {2} 的条目",
    ),
    (
        "the container network has no route for {0}",
        "容器网络没有到 {0} 的路由",
    ),
    (
        "{0} (entry {1} is {2}, not in force)",
        "{0}（条目 {1} 处于 {2} 状态，未生效）",
    ),
    (
        "{0}: the next hop should be instance {1}, behind which {2} is",
        "{0}：下一跳应为实例 {1}，{2} 在其后",
    ),
    (
        "what has {0} in the private network: no captured interface does",
        "专有网络中谁拥有 {0}：采集到的网卡都没有",
    ),
    // `trace/cloud/astray.rs`
    (
        "the cloud's route {0} leads to {1}, not to {2}, behind which {3} is",
        "云上的路由 {0} 指向 {1}，而不是 {3} 所在的 {2}",
    ),
    // `trace/cloud/gate.rs`
    (
        "ICMP errors about a connection that a security group let pass do so too",
        "假定安全组放行的连接，其 ICMP 差错报文也被放行",
    ),
    (
        "subnet {0} of {1} was not captured",
        "没有采集 {1} 所在的子网 {0}",
    ),
    (
        "whether a network ACL looks at what stays inside subnet {0} or is a load balancer's",
        "网络 ACL 是否检查子网 {0} 内部的报文或负载均衡的报文",
    ),
    ("cloud: {0}", "云：{0}"),
    // `trace/cloud/internet.rs`
    (
        "no captured load balancer has {0}, an address of {1}",
        "采集到的负载均衡都没有 {0}，而它是 {1} 的地址",
    ),
    (
        "whether the answer to what {0} let in leaves by it or by the own public address {1}",
        "经 {0} 进来的连接，其回包是经它返回还是经自身公网地址 {1} 发出",
    ),
    (
        "cloud: leaves with the public address {0}",
        "云：以公网地址 {0} 发出",
    ),
    (
        "{0} is a NAT gateway for private networks, which is not modelled",
        "{0} 是私网 NAT 网关，尚未建模",
    ),
    (
        "NAT gateway {0} has no SNAT entry for {1}: it drops what {2} sends to {3}",
        "NAT 网关 {0} 没有 {1} 的 SNAT 条目：丢弃 {2} 发往 {3} 的报文",
    ),
    (
        "cloud: NAT gateway {0} sends it from {1}",
        "云：NAT 网关 {0} 以 {1} 为源地址发出",
    ),
    (
        "which of its addresses a NAT gateway takes for a source",
        "NAT 网关为某个源地址选用哪个公网地址",
    ),
    (
        "NAT gateway {0} does not send back in what left by it: {1} is its own address",
        "NAT 网关 {0} 不会把经它出去的报文再送回来：{1} 是它自己的地址",
    ),
    (
        "who unpacks a tunnel's packet at {0} was not captured",
        "没有采集 {0} 处由谁解封装隧道报文",
    ),
    ("the files of the machine there", "那里的机器的文件"),
    (
        "the internet carries packets from {0} to {1} and back, and the remote host answers",
        "假定公网能在 {0} 与 {1} 之间往返传送报文，且远端主机会应答",
    ),
    (
        "the route table of gateway {0} is not modelled",
        "网关 {0} 的路由表尚未建模",
    ),
    (
        "cloud: {0} stands for {1} of interface {2}",
        "云：{0} 对应网卡 {2} 的 {1}",
    ),
    (
        "the public address {0} is bound to nothing",
        "公网地址 {0} 没有绑定任何资源",
    ),
    (
        "what holds the public address {0} is not modelled",
        "持有公网地址 {0} 的资源尚未建模",
    ),
    (
        "no captured public address of the cloud is {0}",
        "采集到的云上公网地址中没有 {0}",
    ),
    (
        "NAT gateway {0} has no DNAT entry for {1}",
        "NAT 网关 {0} 没有 {1} 的 DNAT 条目",
    ),
    (
        "cloud: NAT gateway {0} sends it to {1}",
        "云：NAT 网关 {0} 转发到 {1}",
    ),
    (
        "the public address {0} is {1}",
        "公网地址 {0} 处于 {1} 状态",
    ),
    (
        "whether the interface of {0} is a member of security group {1}: it was not captured",
        "{0} 的网卡是否属于安全组 {1}：没有采集",
    ),
    ("in no known state", "未知状态"),
    (
        "whether {0} works while it is {1}",
        "{0} 处于 {1} 状态时是否工作",
    ),
    (
        "which flows go to {0}, one of several next hops, which does not exist",
        "哪些流量会发往多个下一跳之一的 {0}（它不存在）",
    ),
    (
        "which of several routes of one length leads to {0}",
        "多条前缀长度相同的路由中哪一条通往 {0}",
    ),
    (
        "several interfaces of the cloud have {0} ({1}): name the machine instead",
        "云上有多个网卡拥有 {0}（{1}）：请改用机器的名称",
    ),
    (
        "whether {0} follows the route table of its subnet {1}, which leads elsewhere for {2}",
        "{0} 是否遵循其子网 {1} 的路由表（该表把 {2} 引向别处）",
    ),
    (
        "whether the answer to what came in by {0} leaves by it or by its route",
        "经 {0} 进入的连接，其应答是经它还是按路由离开",
    ),
    (
        "what its machine does with the public address {0}, which is on the interface itself (cut-through mode)",
        "机器如何处理直接位于网卡上的公网地址 {0}（直通模式）",
    ),
    ("the public address {0}", "公网地址 {0}"),
    (
        "how an ICMP error passes the translation to {0}",
        "ICMP 差错报文如何通过到 {0} 的地址转换",
    ),
    ("by which route {0} answers {1}", "{0} 按哪条路由应答 {1}"),
];
