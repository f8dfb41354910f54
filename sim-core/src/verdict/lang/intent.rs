//! What Kubernetes says, and what the verdict makes of it.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `verdict/policies.rs`
    (
        "; admin policies, which might allow it, were not captured",
        "；可能放行它的管理员策略未采集",
    ),
    // `intent.rs`
    (
        "the source is translated on the way, and NetworkPolicy leaves open whether it is seen before or after that",
        "源地址在途中被转换，而 NetworkPolicy 没有规定按转换前还是转换后的地址判断",
    ),
    (
        "the destination is translated on the way, and NetworkPolicy leaves open whether it is seen before or after that",
        "目的地址在途中被转换，而 NetworkPolicy 没有规定按转换前还是转换后的地址判断",
    ),
    (
        "the destination is an address of the pod's own node too, and plugins differ in whether policies bear on that",
        "目的地址也是 Pod 所在节点自己的地址，而各插件对策略是否管到它做法不一",
    ),
    // `intent/all_pairs.rs`
    (
        "kube/pods.json was not captured, or cannot be read: pods are missing here",
        "未采集到 kube/pods.json，或无法读取：这里缺少 Pod",
    ),
    ("it has ended ({0})", "它已结束（{0}）"),
    ("it has no address ({0})", "它没有地址（{0}）"),
    (
        "it has no address of this IP version",
        "它没有该 IP 版本的地址",
    ),
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
        "NetworkPolicy leaves open whether a pod of the host's network counts as a pod or as its node",
        "NetworkPolicy 没有规定使用主机网络的 Pod 算作 Pod 还是算作它的节点",
    ),
    // `intent/policy/condition.rs`
    (
        "NetworkPolicy leaves open what becomes of ICMP: plugins differ",
        "NetworkPolicy 没有规定如何处理 ICMP：各插件做法不同",
    ),
    (
        "the labels of the node were not captured",
        "没有采集节点的标签",
    ),
    (
        "the labels of namespace {0} were not captured",
        "没有采集命名空间 {0} 的标签",
    ),
    (
        "the labels of service account {0}/{1} were not captured",
        "没有采集服务账号 {0}/{1} 的标签",
    ),
    // `intent/policy/decide.rs`
    (
        "plugins differ in whether this policy bears on traffic with the pod's own node",
        "该策略是否作用于 Pod 与其所在节点之间的流量，各插件做法不同",
    ),
    ("others pass it on", "其他策略交由后续处理"),
    ("{0} allows it", "{0} 允许它"),
    (
        "policies of the same rank disagree, and nothing says which comes first: {0}, {1} denies it",
        "同级策略相互冲突，且没有规定先后：{0}，而 {1} 拒绝它",
    ),
    // `intent/policy/misses.rs`
    ("the rule names nobody", "该规则没有指定任何对象"),
    ("it excludes {0}", "它排除了{0}"),
    ("protocol {0}, not {1}", "协议 {0}，而不是 {1}"),
    ("{0}, not {1}", "{0}，而不是 {1}"),
    ("which {0} does not declare", "{0} 没有声明它"),
    ("which is {0} of {1}", "在 {1} 上为 {0}"),
    ("port `{0}`, {1}; not {2}", "端口 `{0}`，{1}；而不是 {2}"),
    ("{0}, which {1} is not in", "{0}，而 {1} 不在其中"),
    ("{0}, where {1} has `{2}`", "{0}，而 {1} 的是 `{2}`"),
    ("{0}, which {1} lacks", "{0}，而 {1} 没有"),
    ("{0}, which {1} is not", "{0}，而 {1} 不是"),
    ("not {0}", "不是{0}"),
    ("the pod's own node", "Pod 自己所在的节点"),
    ("protocol {0}", "协议 {0}"),
    ("port {0}", "端口 {0}"),
    ("ports {0}-{1}", "端口 {0}-{1}"),
    ("port `{0}`", "端口 `{0}`"),
    (
        "a protocol that NetworkPolicy speaks of",
        "NetworkPolicy 涉及的协议",
    ),
    ("addresses {0}", "地址 {0}"),
    ("a pod", "某个 Pod"),
    ("a node", "某个节点"),
    ("a pod of namespace {0}", "命名空间 {0} 的 Pod"),
    ("namespace label", "命名空间标签"),
    ("service account label", "服务账号标签"),
    ("node label", "节点标签"),
    ("a service account `{0}`", "服务账号 `{0}`"),
    ("a pod of a namespace `{0}`", "命名空间 `{0}` 的 Pod"),
    ("label", "标签"),
    ("{0} `{1}{2}`", "{0} `{1}{2}`"),
    // `intent/policy/network.rs`
    (
        "`endPort` has no meaning beside the named port `{0}`",
        "`endPort` 与命名端口 `{0}` 同时给出没有意义",
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
    (
        "the rules of {0} send connections to {1} on to {2} port {3}, which is none of its endpoints",
        "{0} 的规则把到 {1} 的连接转到 {2} 端口 {3}，而它不是 {1} 的端点",
    ),
    ("into", "进入"),
    // `verdict/attribution.rs`
    (
        "{0} sends from {1}, a second{2} address on {3}, while Kubernetes knows it by {4}: the answer to {5} does not come back",
        "{0} 以 {1} 为源地址发送，它是 {3} 上的另一个{2}地址，而 Kubernetes 所知的是 {4}：发往 {5} 的应答回不来",
    ),
    (" (dynamic)", "（动态）"),
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
    (
        "{0} has no rules for {1}, since no kube-proxy pod runs on it (those elsewhere do not tolerate its taint `{2}`): {3}",
        "{0} 没有 {1} 的规则，因为其上没有运行 kube-proxy 的 Pod（其他节点上的不容忍它的污点 `{2}`）：{3}",
    ),
    (
        "no pod of the network plugin runs on node:{0}: those elsewhere do not tolerate its taint `{1}`",
        "node:{0} 上没有运行网络插件的 Pod：其他节点上的不容忍它的污点 `{1}`",
    ),
    (
        "{0} has the host port {1}, but no rule of {2} sends it there",
        "{0} 声明了 hostPort {1}，但 {2} 没有规则把它转过去",
    ),
    (
        "{0} pods of node:{1} have addresses of its block {2}, which has room for {3}",
        "node:{1} 有 {0} 个 Pod 使用其网段 {2} 的地址，而该网段只能容纳 {3} 个",
    ),
    ("{0} has no rules for {1}: {2}", "{0} 没有 {1} 的规则：{2}"),
    (
        "{0} has no such port with that protocol: no node translates it",
        "{0} 没有该协议的这个端口：没有节点转换它",
    ),
    (
        "no endpoint of {0} is ready: connections go to those that are terminating",
        "{0} 没有就绪的端点：连接转给正在终止的端点",
    ),
    // `intent/service.rs`
    (
        "{0} keeps connections in their zone: node:{1} (zone {2}) sends them to {3} of its {4} ready endpoints",
        "{0} 让连接留在所在可用区：node:{1}（可用区 {2}）只把连接转给其 {4} 个就绪端点中的 {3} 个",
    ),
    (
        "{0} keeps connections on their node: node:{1} sends them to {2} of its {3} ready endpoints",
        "{0} 让连接留在所在节点：node:{1} 只把连接转给其 {3} 个就绪端点中的 {2} 个",
    ),
    (
        "{0} is an endpoint of {1} and {2}",
        "{0} 是 {1} 的端点，{2}",
    ),
    // `verdict/policies.rs`
    (
        "{0} forbids this connection ({1} of {2}), but no rule on {3} drops it",
        "{0} 禁止这个连接（{2} 的 {1}），但 {3} 上没有规则丢弃它",
    ),
    (
        "a rule of {0} denies this connection {1} {2}",
        "{0} 的规则拒绝这个连接{1} {2}",
    ),
    (
        "{0} (a rule of {1} comes nearest; it asks for {2})",
        "{0}（{1} 的规则最接近；它要求{2}）",
    ),
    (
        "{0} allows this connection, but the rules on {1} that enforce the policies of {2} do not",
        "{0} 允许这个连接，但 {1} 上执行 {2} 的策略的规则不允许",
    ),
    (
        "; its policies of the other direction do not bear on answers",
        "；它另一方向的策略对应答不生效",
    ),
    // `verdict/warnings.rs`
    (
        "the connection table of {0} held {1} of {2} connections when it was captured",
        "{0} 的连接跟踪表在采集时有 {1} 个连接，上限为 {2}",
    ),
    (
        "bridge-nf-call-iptables is 0 on {0}: between two of its pods on one bridge, a service's answer is not translated back",
        "{0} 上的 bridge-nf-call-iptables 为 0：它同一网桥上的两个 Pod 之间，Service 的应答不会被转换回来",
    ),
];
