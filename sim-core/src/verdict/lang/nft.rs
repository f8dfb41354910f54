//! nftables.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `linux/netfilter/nft/conntrack.rs`
    (
        "the zone of one direction is not modelled",
        "单方向的 zone 尚未建模",
    ),
    (
        "match `ct {0}` is not captured or not modelled",
        "匹配 `ct {0}` 没有采集或尚未建模",
    ),
    (
        "match `ct status`: only seen-reply, snat and dnat are known",
        "匹配 `ct status`：只知道 seen-reply、snat 和 dnat",
    ),
    // `linux/netfilter/nft/field.rs`
    (
        "the transport header of a protocol without ports is not modelled",
        "没有端口的协议的传输层头部尚未建模",
    ),
    (
        "this part of the ICMP header is not modelled",
        "ICMP 头部的这一部分尚未建模",
    ),
    (
        "the source MAC address is not known here",
        "此处不知道源 MAC 地址",
    ),
    (
        "the destination MAC address is not modelled",
        "目的 MAC 地址尚未建模",
    ),
    ("`{0} {1}` is not modelled", "`{0} {1}` 尚未建模"),
    // `linux/netfilter/nft/load.rs`
    ("a range is used as a value", "把范围用作值"),
    ("a range", "一个范围"),
    ("the map holds no value", "映射中没有值"),
    ("the value of `{0}`", "`{0}` 的值"),
    ("`socket {0}` is not modelled", "`socket {0}` 尚未建模"),
    ("`{0}` is not captured", "没有采集 `{0}`"),
    ("`{0}` is not modelled", "`{0}` 尚未建模"),
    ("a set is used as a value", "把集合用作值"),
    (
        "the bits at {0} that a rule looks at are not simulated",
        "规则查看的 {0} 处的比特没有模拟",
    ),
    ("the segment size", "报文段大小"),
    ("a calculation with a concatenation", "含有拼接的运算"),
    ("a calculation", "一个运算"),
    ("a random number", "一个随机数"),
    // `linux/netfilter/nft/lookup.rs`
    (
        "no more connections are open than `ct count` rules allow",
        "打开的连接数没有超过 `ct count` 规则允许的数目",
    ),
    (
        "match `xt {0}`: its arguments are not printed",
        "匹配 `xt {0}`：它的参数没有打印出来",
    ),
    ("statement `{0}` is not modelled", "语句 `{0}` 尚未建模"),
    (
        "the rate limits of rules are not reached by other traffic",
        "规则的速率限制没有被其他流量用满",
    ),
    ("whether a named quota is used up", "命名配额是否已用完"),
    (
        "whether the flowtable takes the flow with this packet",
        "流表是否在这个报文上接管这条流",
    ),
    ("the quotas of rules are not used up", "规则的配额没有用完"),
    ("the map holds no limits", "映射中没有 limit"),
    ("a limit that is not understood", "无法理解的 limit"),
    (
        "limit `{0}` is not in the listing",
        "列表中没有 limit `{0}`",
    ),
    (
        "a concatenation is compared to a single value",
        "把拼接与单个值比较",
    ),
    ("the sides have different lengths", "两边的长度不同"),
    ("set `{0}` is not in the listing", "列表中没有集合 `{0}`"),
    (
        "set `{0}` was written to by this packet",
        "集合 `{0}` 已被这个报文写入",
    ),
    (
        "set `{0}`, which rules fill as packets pass, holds what was captured and nothing about this flow",
        "集合 `{0}` 由规则在报文经过时填充，它只含采集到的内容，不含与这条流有关的内容",
    ),
    ("element `{0}` is not modelled", "元素 `{0}` 尚未建模"),
    ("map `{0}` is not in the listing", "列表中没有映射 `{0}`"),
    ("`{0}` is no map", "`{0}` 不是映射"),
    (
        "map `{0}` was written to by this packet",
        "映射 `{0}` 已被这个报文写入",
    ),
    (
        "`{0}` of an element: it depends on the traffic",
        "元素的 `{0}`：取决于流量",
    ),
    // `linux/netfilter/nft/machine.rs`
    (
        "whether table `{0}` is dormant",
        "表 `{0}` 是否处于 dormant",
    ),
    (
        "which devices chain `{0}` belongs to",
        "链 `{0}` 属于哪些网卡",
    ),
    ("the chains form a loop", "链之间形成循环"),
    ("queued to user space", "排队交给用户态程序"),
    ("chain `{0}` is not in the listing", "列表中没有链 `{0}`"),
    ("policy drop", "默认策略丢弃"),
    (
        "sent out by another device (`fwd`)",
        "由另一块网卡发出（`fwd`）",
    ),
    (
        "answered by the kernel (`synproxy`)",
        "由内核应答（`synproxy`）",
    ),
    (
        "given to the xtables target `{0}`",
        "交给 xtables 目标 `{0}`",
    ),
    ("verdict `{0}` is not modelled", "裁决 `{0}` 尚未建模"),
    ("the map holds no verdicts", "映射中没有裁决"),
    (
        "whether a program takes packets from the queue",
        "是否有程序从该队列取走报文",
    ),
    ("jump {0}", "跳转到 {0}"),
    ("goto {0}", "转到 {0}（goto）"),
    // `linux/netfilter/nft/mangle.rs`
    ("mark {0}", "mark 设为 {0}"),
    (
        "taken off the bridge (`meta broute set`)",
        "从网桥上取下（`meta broute set`）",
    ),
    ("`meta {0} set` is not modelled", "`meta {0} set` 尚未建模"),
    ("ct mark {0}", "连接 mark 设为 {0}"),
    ("ct zone {0}", "连接跟踪 zone 设为 {0}"),
    (
        "a rewrite of the packet that is not modelled",
        "尚未建模的报文改写",
    ),
    (
        "`meta pkttype set` is not modelled on a bridge",
        "网桥上的 `meta pkttype set` 尚未建模",
    ),
    ("dscp {0}", "dscp 设为 {0}"),
    ("ecn {0}", "ecn 设为 {0}"),
    ("ttl {0}", "ttl 设为 {0}"),
    (
        "an address is rewritten without conntrack: not modelled",
        "不经连接跟踪改写地址：尚未建模",
    ),
    (
        "a rewrite of this header field is not modelled",
        "对该头部字段的改写尚未建模",
    ),
    ("notrack", "不做连接跟踪"),
    ("mss to the path mtu", "把 MSS 限制为路径 MTU"),
    ("mss {0}", "MSS 设为 {0}"),
    ("a value is written that is not known", "写入了未知的值"),
    // `linux/netfilter/nft/meta.rs`
    ("a device's name is too long", "网卡名过长"),
    (
        "kernels before 6.15 look routes up for loopback traffic at input",
        "6.15 之前的内核在 input 处会为环回流量查找路由",
    ),
    (
        "which of several next hops the kernel's hash takes",
        "内核的散列会选择多个下一跳中的哪一个",
    ),
    ("the kind of device `{0}`", "网卡 `{0}` 的类型"),
    ("the link type of device `{0}`", "网卡 `{0}` 的链路类型"),
    (
        "`meta pkttype` of such a frame is not modelled",
        "这种帧的 `meta pkttype` 尚未建模",
    ),
    ("a device's group", "网卡的组"),
    (
        "match `meta {0}`: the sender's user is not captured",
        "匹配 `meta {0}`：没有采集发送者的用户",
    ),
    (
        "match `meta cgroup`: the sender's cgroup is not captured",
        "匹配 `meta cgroup`：没有采集发送者的 cgroup",
    ),
    (
        "match `meta {0}` is not captured or not modelled",
        "匹配 `meta {0}` 没有采集或尚未建模",
    ),
    // `linux/netfilter/nft/nat.rs`
    (
        "a translation of prefixes that is not understood",
        "无法理解的前缀转换",
    ),
    ("DNAT to {0}", "DNAT 到 {0}"),
    ("SNAT to {0}", "SNAT 到 {0}"),
    (
        "a translation to something that is no address",
        "转换的目标不是地址",
    ),
    (
        "a translation to an address of another family",
        "转换的目标地址属于另一地址族",
    ),
    (
        "a translation to something that is no port",
        "转换的目标不是端口",
    ),
    ("the map holds no addresses", "映射中没有地址"),
    (
        "a translation to something that is not known",
        "转换的目标未知",
    ),
    ("a reject code that is not known", "未知的 reject 代码"),
    ("reject with tcp reset", "以 tcp reset 拒绝"),
    ("reject with icmp {0}/{1}", "以 icmp {0}/{1} 拒绝"),
    ("copied to {0}", "复制一份到 {0}"),
    ("{0} to {1}", "{0} 到 {1}"),
    ("masquerade", "源地址伪装（masquerade）"),
    ("redirect", "重定向（redirect）"),
    // `linux/netfilter/nft/route.rs`
    ("what `fib` finds", "`fib` 查找的结果"),
    // `linux/netfilter/nft/value.rs`
    (
        "the kernel chooses the port out of {0}",
        "内核从 {0} 中选择端口",
    ),
];
