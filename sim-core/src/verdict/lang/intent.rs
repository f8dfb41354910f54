//! What Kubernetes says, and what the verdict makes of it.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `intent/node.rs`
    (
        "node:{0} has the condition {1} = {2}{3}",
        "node:{0} 的状况 {1} 为 {2}{3}",
    ),
    (
        "node:{0} has the pod address block {1}, node:{2} has {3}",
        "node:{0} 的 Pod 网段是 {1}，node:{2} 的是 {3}",
    ),
    // `intent/policy.rs`
    ("policies isolate pods only", "网络策略只隔离 Pod"),
    (
        "policies do not bear on pods of the host's network",
        "网络策略对使用主机网络的 Pod 不生效",
    ),
    ("a pod always reaches itself", "Pod 总能访问自己"),
    (
        "a pod and its own node always reach each other",
        "Pod 与它所在的节点总能互通",
    ),
    (
        "no policy isolates the pod in this direction",
        "这个方向上没有策略隔离该 Pod",
    ),
    (
        "NetworkPolicy does not say what becomes of ICMP where ports are given",
        "给出端口时，NetworkPolicy 没有规定如何处理 ICMP",
    ),
    (
        "the labels of the other pod's namespace were not captured",
        "没有采集对端 Pod 所在命名空间的标签",
    ),
    // `intent/service.rs`
    ("is not ready", "未就绪"),
    (
        "it has no selector, and nobody gave it endpoints",
        "它没有 selector，也没有人为它提供端点",
    ),
    (
        "its selector {0} matches no pod of {1}",
        "它的 selector {0} 没有选中 {1} 中的任何 Pod",
    ),
    (
        " (the nearest, pod:{0}/{1}, has {2})",
        "（最接近的是 pod:{0}/{1}，标签为 {2}）",
    ),
    ("is ready", "已就绪"),
    ("pod:{0}/{1} {2}", "pod:{0}/{1} {2}"),
    (
        "its selector {0} matches {1}",
        "它的 selector {0} 选中了 {1}",
    ),
    // `intent/workload.rs`
    ("1 restart", "重启 1 次"),
    ("{0} restarts", "重启 {0} 次"),
    ("container {0}{1}{2}", "容器 {0}{1}{2}"),
    ("is being deleted", "正在被删除"),
    ("is not ready ({0})", "未就绪（{0}）"),
    (", and has no priority class", "，且没有 priorityClass"),
    ("is Pending{0}{1}", "处于 Pending{0}{1}"),
    ("is {0}{1}", "处于 {0}{1}"),
    // `verdict/assemble.rs`
    (
        "there are more ways than can be walked one by one",
        "报文可走的路径太多，无法逐一推演",
    ),
    (
        "{0}{1}; it would be settled by {2}",
        "{0}{1}；可由以下证据确定：{2}",
    ),
    (
        "the packet leaves the captured world: it would be settled by the files of the machines beyond",
        "报文离开了已采集的范围：可由外面机器的文件确定",
    ),
    // `verdict/attribution.rs`
    ("has no endpoints", "没有端点"),
    ("no local endpoints", "没有本地端点"),
    (
        "{0} sends only to endpoints of the node itself, and {1} has none that is ready",
        "{0} 只转发到本节点的端点，而 {1} 没有就绪的端点",
    ),
    (
        "{0} is in none of the loadBalancerSourceRanges of {1}",
        "{0} 不在 {1} 的 loadBalancerSourceRanges 之内",
    ),
    ("{0} has no endpoint: {1}", "{0} 没有端点：{1}"),
    (
        "{0} has no endpoint for this port",
        "{0} 没有这个端口的端点",
    ),
    (
        "{0} has {1} endpoints, none of them ready{2}",
        "{0} 有 {1} 个端点，都未就绪{2}",
    ),
    (
        "no pod of the network plugin runs on node:{0}",
        "node:{0} 上没有运行网络插件的 Pod",
    ),
    (
        "the network plugin's {0} on node:{1} {2}",
        "node:{1} 上网络插件的 {0} {2}",
    ),
    ("out of", "离开"),
    (
        "{0} isolates {1} and nothing allows this connection {2} it",
        "{0} 隔离了 {1}，且没有策略允许这个连接{2}它",
    ),
    (
        "the endpoint of {0} is no pod, and nothing listens there",
        "{0} 的端点不是 Pod，且那里没有进程监听",
    ),
    (
        "a rule of {0} sends it to {1} port {2}, which nothing in Kubernetes asks for",
        "{0} 的规则把它转到 {1} 端口 {2}，而 Kubernetes 中没有任何对象要求这样做",
    ),
    (
        "{0} sends to port {1}, which {2} does not declare",
        "{0} 转到端口 {1}，而 {2} 没有声明该端口",
    ),
    (
        "{0} translated the destination {1}, but does not see to it that the answer comes back through it",
        "{0} 转换了目的地址 {1}，但没有保证应答经它返回",
    ),
    ("into", "进入"),
    // `verdict/findings.rs`
    (
        "the packet leaves it with the service's address untranslated",
        "报文离开它时仍带着 Service 地址，没有被转换",
    ),
    (
        "kube-proxy on {0} has not written rules for {1} ({2} {3}): {4}",
        "{0} 上的 kube-proxy 没有为 {1} 写入规则（{2} {3}）：{4}",
    ),
    (
        "{0} has no rules for {1}, since no kube-proxy pod runs on it: {2}",
        "{0} 没有 {1} 的规则，因为其上没有运行 kube-proxy 的 Pod：{2}",
    ),
    ("{0} has no rules for {1}: {2}", "{0} 没有 {1} 的规则：{2}"),
    (
        "{0} has no such port with that protocol: no node translates it",
        "{0} 没有该协议的这个端口：没有节点转换它",
    ),
    (
        "{0} is an endpoint of {1} and {2}",
        "{0} 是 {1} 的端点，{2}",
    ),
];
