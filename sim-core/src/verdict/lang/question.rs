//! Questions: names, addresses and ports that cannot be asked about.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `flow/resolve.rs`
    (
        "`{0}` is no destination: name the address that the program connects to",
        "`{0}` 不能作为目的地址：请写出程序要连接的地址",
    ),
    (
        "a datagram carries at most {0} bytes",
        "一个数据报最多承载 {0} 字节",
    ),
    ("`{0}` is no IP address", "`{0}` 不是 IP 地址"),
    (
        "`{0}` names nothing: write `pod:namespace/name`, `node:name`, `service:namespace/name` or an IP address",
        "`{0}` 不指代任何对象：请写 `pod:namespace/name`、`node:name`、`service:namespace/name` 或 IP 地址",
    ),
    (
        "`{0}` needs a namespace and a name, e.g. `pod:default/web-1`",
        "`{0}` 需要写明命名空间和名称，例如 `pod:default/web-1`",
    ),
    (
        "what `{0}` is cannot be told: {1} was not captured",
        "无法得知 `{0}` 是什么：没有采集 {1}",
    ),
    ("; did you mean {0}?", "；是否指 {0}？"),
    ("this capture has no `{0}`{1}", "此采集中没有 `{0}`{1}"),
    ("`{0}` has no address", "`{0}` 没有地址"),
    (
        " (it is headless or of type ExternalName: name one of its pods)",
        "（它是 headless 或 ExternalName 类型：请指定它的某个 Pod）",
    ),
    ("`{0}` has no address{1}", "`{0}` 没有地址{1}"),
    (
        "ICMP echo has no ports: ask without port {0}, or with another protocol",
        "ICMP echo 没有端口：请去掉端口 {0}，或换用其他协议",
    ),
    (
        "which port of `{0}`? give `--port`",
        "访问 `{0}` 的哪个端口？请给出 `--port`",
    ),
    (
        "`{0}` has the ports {1}: give `--port`",
        "`{0}` 有端口 {1}：请给出 `--port`",
    ),
    (
        "a service sends nothing: name a pod behind `service:{0}/{1}`",
        "Service 不会发送报文：请指定 `service:{0}/{1}` 后面的某个 Pod",
    ),
    (
        "the network namespace of `{0}` was not captured: collect it on its node",
        "没有采集 `{0}` 的网络命名空间：请在它所在的节点上采集",
    ),
    (
        "nothing in this capture has the private address `{0}`",
        "此采集中没有私有地址 `{0}` 的所有者",
    ),
    (
        "how packets from `{0}` come to {1} is not in this capture: no captured machine has that address",
        "来自 `{0}` 的报文如何到达 {1} 不在此采集中：已采集的机器都没有该地址",
    ),
    (
        "no way leads from the internet to {0}, an address inside the cloud's network: ask for a public address",
        "没有从互联网到 {0} 的路径，它是云内网地址：请查询公网地址",
    ),
    (
        "packets from {0} to {1} come in by {2} of {3}",
        "从 {0} 发往 {1} 的报文由 {3} 的 {2} 进入",
    ),
    // `flow/sender.rs`
    (
        "what `{0}` does with a name is not in this capture: ask from a captured pod or node, or for an address",
        "`{0}` 如何解析名称不在此采集中：请从已采集的 Pod 或节点发问，或直接给出地址",
    ),
    // `session.rs`
    (
        "no pod, node or address of this capture is called so",
        "此采集中没有叫这个名字的 Pod、节点或地址",
    ),
];
