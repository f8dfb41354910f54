//! Routes, addresses and ARP; what was captured of a namespace.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `linux/arp.rs`
    (
        "whether {0} on {1} of {2} is a duplicate was still being found out",
        "{2} 的 {1} 上的 {0} 是否重复，当时仍在检测",
    ),
    (
        "for which addresses {0} answers on {1} in place of others is not known",
        "不知道 {0} 在 {1} 上代替他人应答哪些地址",
    ),
    // `linux/fib.rs`
    (
        "the kernel's own rules were deleted, and whether others were ever added, without which they count all the same, is not shown",
        "内核自带的策略路由规则已被删除，而是否曾添加过其他规则（没有添加过时它们仍然有效）并未显示",
    ),
    // `linux/fib/rule.rs`
    (
        "the sending program does not run as a user that a routing rule's `uidrange` names (senders' ids are not captured)",
        "发送程序的运行用户不是路由规则 `uidrange` 所指的用户（没有采集发送者的 ID）",
    ),
    (
        "rule `uidrange`: the sender's user id is not captured",
        "路由规则 `uidrange`：没有采集发送者的用户 ID",
    ),
    (
        "rule condition `{0}` is not modelled",
        "路由规则的条件 `{0}` 尚未建模",
    ),
    (
        "the group of the route's device is not known",
        "不知道路由所用网卡的组",
    ),
    // `linux/fib/table.rs`
    (
        "the route's lightweight tunnel `encap {0}` is not modelled",
        "路由的轻量隧道 `encap {0}` 尚未建模",
    ),
    (
        "the route's nexthop object is not known",
        "不知道路由的 nexthop 对象",
    ),
    // `linux/socket.rs`
    (
        "which port of {0} to {1} the kernel chooses",
        "内核在 {0} 到 {1} 中选择哪个端口",
    ),
    // `linux/source_address.rs`
    (
        "the source {0} is a multicast or broadcast address",
        "源地址 {0} 是组播或广播地址",
    ),
    ("{0} to {1}: no address", "{0} 到 {1}：不是有效地址"),
    (
        "a loopback address ({0} to {1}) on {2}, where route_localnet is off",
        "{2} 上出现环回地址（{0} 到 {1}），而 route_localnet 未打开",
    ),
    // `world/load.rs`
    (
        "captured, but not in this capture",
        "已采集，但不在此采集中",
    ),
    (
        "{0}: `{1}` is `{2}`, not a number",
        "{0}：`{1}` 为 `{2}`，不是数字",
    ),
    (
        "it holds no `net.ipv4.conf` settings, which every kernel has",
        "其中没有 `net.ipv4.conf` 设置，而每个内核都有",
    ),
    (
        "nft lists iptables' table `{0}`, which is not in this file",
        "nft 列出了 iptables 的表 `{0}`，而它不在此文件中",
    ),
    ("failed", "采集失败"),
    ("not-tried", "未采集"),
    // `world/namespace.rs`
    ("{0} is not read here", "这里没有读取 {0}"),
    ("{0} is not known: {1}", "{0} 无法得知：{1}"),
    // `world/policies.rs`
    (
        "{0}'s own policies were not captured: taken to be none",
        "没有采集 {0} 自己的策略：按没有处理",
    ),
];
