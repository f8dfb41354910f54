//! iptables and ip sets.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `linux/netfilter.rs`
    (
        "the sending program does not run as the user or group that an `owner` rule names (senders' ids are not captured)",
        "发送程序的运行用户或组不是 `owner` 规则所指的（没有采集发送者的 ID）",
    ),
    ("mark 0x{0}", "mark 设为 0x{0}"),
    (
        "the port that a kernel chooses out of {0}-{1} {2} {3}",
        "内核从 {0}-{1} 中选择的端口{2} {3}",
    ),
    ("is not in", "不在"),
    ("is in", "在"),
    (
        "whether the port that a kernel chooses out of {0}-{1} is in {2}",
        "内核从 {0}-{1} 中选择的端口是否在 {2} 之内",
    ),
    ("accept", "接受"),
    ("drop", "丢弃"),
    ("return", "返回"),
    // `linux/netfilter/ipset.rs`
    ("its members' counters change", "它的成员计数器会变化"),
    ("ip sets were not captured", "没有采集 ipset"),
    (
        "it is not among the captured sets",
        "它不在已采集的 ipset 之中",
    ),
    ("not all of it could be read", "它没有全部读出"),
    (
        "sets of type `{0}` are not known to this version",
        "此版本不认识 `{0}` 类型的 ipset",
    ),
    ("a list within a list", "list 中又嵌套 list"),
    ("match against set `{0}`: {1}", "匹配集合 `{0}`：{1}"),
    // `linux/netfilter/ipset/query.rs`
    ("the packet's port is not known", "不知道报文的端口"),
    ("the frame's address is not known", "不知道帧的地址"),
    // `linux/netfilter/xtables.rs`
    (
        "the rules of table `{0}` that could not be read",
        "表 `{0}` 中无法读出的规则",
    ),
    (
        "rules of table `{0}` that could not be read",
        "表 `{0}` 中有无法读出的规则",
    ),
    ("the chains of table `{0}` loop", "表 `{0}` 的链形成循环"),
    ("policy accept", "默认策略接受"),
    // `linux/netfilter/xtables/condition.rs`
    (
        "a rule before it changed the set for this packet",
        "之前的规则已为这个报文修改了该集合",
    ),
    (
        "the extension is not known to this version",
        "此版本不认识该扩展",
    ),
    (
        "no recent-list entry (session affinity) exists for this client: recent lists are not captured",
        "recent 列表（会话保持）中没有这个客户端的条目：没有采集 recent 列表",
    ),
    ("match `{0}`: {1}", "匹配 `{0}`：{1}"),
    (
        "the frame's source address is not known",
        "不知道帧的源地址",
    ),
    ("IP_TRANSPARENT is not captured", "没有采集 IP_TRANSPARENT"),
    (
        "the socket may be bound to any address",
        "套接字可能绑定在任意地址",
    ),
    (
        "no IPsec policy applies to this packet: `ip xfrm` is not captured",
        "没有 IPsec 策略作用于这个报文：没有采集 `ip xfrm`",
    ),
    // `linux/netfilter/xtables/conntrack.rs`
    (
        "the entry's age is not captured",
        "没有采集该条目的存在时间",
    ),
    (
        "the connection's addresses are not known",
        "不知道连接的地址",
    ),
    ("the connection's ports are not known", "不知道连接的端口"),
    ("the connection's protocol is not known", "不知道连接的协议"),
    (
        "whether the entry is assured is not known",
        "不知道该条目是否为 assured",
    ),
    // `linux/netfilter/xtables/content.rs`
    (
        "the payload does not hold what a `string` rule looks for",
        "载荷中没有 `string` 规则要找的内容",
    ),
    (
        "it looks at bytes that are not simulated",
        "它查看没有模拟的字节",
    ),
    ("its pattern is not understood", "无法理解它的模式"),
    (
        "the packet's TCP options are not known",
        "不知道报文的 TCP 选项",
    ),
    // `linux/netfilter/xtables/device.rs`
    (
        "which bridge port the packet leaves by is not known",
        "不知道报文从哪个网桥端口离开",
    ),
    (
        "the sender's user and group are not captured",
        "没有采集发送者的用户和组",
    ),
    // `linux/netfilter/xtables/near.rs`
    (
        "rule {0} of chain {1} would let it pass, but {2}",
        "链 {1} 的规则 {0} 本可放行，但{2}",
    ),
    ("it is from {0}", "它来自 {0}"),
    ("it goes to {0}", "它发往 {0}"),
    ("it comes in by {0}", "它从 {0} 进入"),
    ("it goes out by {0}", "它从 {0} 离开"),
    ("its protocol is {0}", "它的协议是 {0}"),
    ("wants `{0}`, and {1}", "要求 `{0}`，而{1}"),
    ("it goes to port {0}", "它发往端口 {0}"),
    ("it goes from {0} to {1}", "它从 {0} 发往 {1}"),
    // `linux/netfilter/xtables/target.rs`
    ("reject with {0}", "以 {0} 拒绝"),
    ("redirect to this machine{0}", "重定向到本机{0}"),
    ("netmap to {0}/{1}", "netmap 到 {0}/{1}"),
    (
        "clamp the segment size to the path MTU",
        "把 MSS 限制为路径 MTU",
    ),
    ("set the segment size to {0}", "把 MSS 设为 {0}"),
    ("copy to {0}", "复制一份到 {0}"),
    (
        "what target `{0}` does is not known to this version",
        "此版本不知道目标 `{0}` 的行为",
    ),
    ("target `{0}`", "目标 `{0}`"),
    (
        "whether a program listens on the queue of `{0}`",
        "是否有程序监听 `{0}` 的队列",
    ),
    ("mark 0x{0} from the connection", "从连接恢复 mark 0x{0}"),
    ("connection mark 0x{0}", "连接 mark 设为 0x{0}"),
    ("no connection tracking", "不做连接跟踪"),
    ("conntrack zone {0}", "连接跟踪 zone 设为 {0}"),
    ("a local address", "本地地址"),
    (
        "to the local socket of {0}, port {1}",
        "交给 {0} 端口 {1} 的本地套接字",
    ),
    ("to the local socket of {0}", "交给 {0} 的本地套接字"),
    // `linux/netfilter/xtables/transport.rs`
    (
        "this part of the packet is not simulated",
        "报文的这一部分没有模拟",
    ),
    (
        "whether the TCP header has option `{0}`",
        "TCP 头部是否带有选项 `{0}`",
    ),
    ("SCTP chunks are not simulated", "SCTP 的 chunk 没有模拟"),
    ("the packet's ports are not simulated", "报文的端口没有模拟"),
    // `linux/netfilter/xtables/unseen.rs`
    (
        "the rate limits of rules (`limit`, `hashlimit`) are not reached by other traffic",
        "规则的速率限制（`limit`、`hashlimit`）没有被其他流量用满",
    ),
    (
        "no more connections are open than `connlimit` rules allow",
        "打开的连接数没有超过 `connlimit` 规则允许的数目",
    ),
    (
        "the flow is short: it stays below what `connbytes` rules ask for",
        "这条流很短：没有达到 `connbytes` 规则要求的数量",
    ),
    (
        "the flow is made at the time of the capture, which `time` rules look at",
        "这条流发生在采集的时刻，`time` 规则按此判断",
    ),
    (
        "its state is not captured or not modelled",
        "它的状态没有采集或尚未建模",
    ),
    ("when the flow is made is not known", "不知道这条流何时发生"),
    ("the time of the attempt", "尝试连接的时间"),
];
