//! Load balancers of clouds.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `cloud/balancer/aliyun/clb.rs`, `cloud/balancer/aliyun/layers.rs`, `cloud/balancer/tencent.rs`
    ("the default server group", "默认服务器组"),
    (
        "forwarding within one zone only (CrossZoneEnabled false)",
        "只在一个可用区内转发（CrossZoneEnabled 为 false）",
    ),
    ("backends of type {0}", "{0} 类型的后端"),
    ("the classic kind (Forward 0)", "传统型（Forward 为 0）"),
    ("the protocol {0}", "协议 {0}"),
    ("the entry `{0}`", "条目 `{0}`"),
    ("being created", "创建中"),
    // `cloud/balancer/choose.rs`
    ("{0} was not captured", "没有采集{0}"),
    ("{0}: {1} is not modelled", "{0}：{1}尚未建模"),
    (
        "{0} is {1}: it forwards nothing",
        "{0} 的状态是 {1}：它不转发任何报文",
    ),
    ("the state of {0}", "{0} 的状态"),
    (
        "whether {0} answers echo requests",
        "{0} 是否应答 ICMP echo 请求",
    ),
    ("which listeners {0} has", "{0} 有哪些监听"),
    ("it has none", "它没有监听"),
    ("it has {0}", "它有 {0}"),
    (
        "{0} has no listener for {1} port {2}: {3}",
        "{0} 没有 {1} 端口 {2} 的监听：{3}",
    ),
    (
        "the listener {0} of {1} is {2}",
        "{1} 的监听 {0} 的状态是 {2}",
    ),
    (
        "the state of the listener {0} of {1}",
        "{1} 的监听 {0} 的状态",
    ),
    (
        "the access list {0} (black) of {1} refuses {2} at listener {3}",
        "{1} 的访问控制列表 {0}（黑名单）在监听 {3} 上拒绝 {2}",
    ),
    (
        "the access list {0} (white) of {1} does not hold {2}: listener {3} refuses it",
        "{1} 的访问控制列表 {0}（白名单）中没有 {2}：监听 {3} 拒绝它",
    ),
    (
        "what the access list {0} of {1} holds",
        "{1} 的访问控制列表 {0} 的内容",
    ),
    ("the listener {0} of {1}", "{1} 的监听 {0}"),
    ("which backends {0} has", "{0}有哪些后端"),
    ("{0} has no backend", "{0}没有后端"),
    (
        "{0} has no backend that takes new connections: the weight of all {1} is 0",
        "{0}没有接收新连接的后端：全部 {1} 个的权重都是 0",
    ),
    (
        "to which port of its backends port {0} of {1} leads",
        "{1}的端口 {0} 对应其后端的哪个端口",
    ),
    (
        "whether backends of {0} see the client's address",
        "{0} 的后端是否看到客户端地址",
    ),
    (
        "{0} has no other backend than {1}, which is the client: a backend is not handed its own packets",
        "{0}除 {1} 外没有别的后端，而它就是客户端：不会把后端自己的报文交给它",
    ),
    (
        "the scheduler {0} of {1} gives the backends their shares: whose turn it is, is not captured",
        "{1} 的调度算法 {0} 按份额分配后端：轮到谁没有采集",
    ),
    (
        "{0} has no session of this client: it would stay with its backend",
        "{0} 没有该客户端的会话：有会话时会固定在其后端",
    ),
    (
        "{0} stands for the addresses that {1} uses towards backends",
        "{0} 代表 {1} 访问后端所用的各个地址",
    ),
    (
        "{0} stands for the addresses in {1} that {2} uses",
        "{0} 代表 {2} 所用的 {1} 中的地址",
    ),
    (
        "by which addresses {0} reaches its backends",
        "{0} 用哪些地址访问其后端",
    ),
    (
        "by which IPv6 address {0} reaches its backends",
        "{0} 用哪个 IPv6 地址访问其后端",
    ),
    (
        "GetLoadBalancerAttribute of {0}",
        "{0} 的 GetLoadBalancerAttribute",
    ),
    ("to whom {0} forwards", "{0}转发给谁"),
    (
        "{0} has no rule and no default backends",
        "{0}没有规则，也没有默认后端",
    ),
    // `cloud/balancer/decide.rs`, `trace/cloud/balancer.rs`
    (
        "which rule takes the request depends on its host and path",
        "由哪条规则处理请求取决于其主机名和路径",
    ),
    // `cloud/balancer/service.rs`
    (
        "{0} belongs to the load balancer {1}, which is not among those of the region",
        "{0} 属于负载均衡 {1}，而该地域中没有它",
    ),
    (
        "{0} has no listener for {1} port {2} of {3}",
        "{0} 没有 {3} 的 {1} 端口 {2} 的监听",
    ),
    (
        "{0} has a listener {1} that was made for {2}, which has no such port",
        "{0} 有一个为 {2} 创建的监听 {1}，而该 Service 没有这个端口",
    ),
    (
        "the status of {0} lists no address, while {1} has {2}",
        "{0} 的 status 中没有地址，而 {1} 的地址是 {2}",
    ),
    (
        "the status of {0} lists {1}, while {2} has {3}",
        "{0} 的 status 中是 {1}，而 {2} 的地址是 {3}",
    ),
    (
        "backend {0} of {1} is unhealthy ({2})",
        "{1}的后端 {0} 不健康（{2}）",
    ),
    (
        "backend {0} of {1} is asked at port {2}, while the node port of {3} is {4}",
        "{1}的后端 {0} 使用端口 {2}，而 {3} 的 NodePort 是 {4}",
    ),
    (
        "backend {0} of {1} is none of {2}",
        "{1}的后端 {0} 不在{2}之中",
    ),
    (
        "{0} has {1} backends of the expected {2}: {3}{4} missing",
        "{0}有 {1} 个后端，应有 {2} 个：缺少 {3}{4}",
    ),
    (" and {0} more", "等另外 {0} 个"),
    ("the nodes that hold a ready endpoint", "有就绪端点的节点"),
    ("the nodes that may be backends", "可以作为后端的节点"),
    ("the service's endpoints", "该 Service 的端点"),
    // `cloud/ruling.rs`
    (
        "G.7: a load balancer of Alibaba Cloud whose backends are all abnormal forwards to all of them",
        "G.7：阿里云负载均衡的后端全部异常时，会转发给所有后端",
    ),
    (
        "G.20: at layer 7 Tencent's CLB reaches backends from 100.127.0.0/16 where it keeps connections alive, else with the client's address",
        "G.20：腾讯云 CLB 七层在开启长连接时以 100.127.0.0/16 访问后端，否则使用客户端地址",
    ),
    // `journey/probe.rs`
    (
        "the probe of {0} from {1} to {2} is lost: {3}",
        "{0} 从 {1} 到 {2} 的探测报文丢失：{3}",
    ),
    // `trace/cloud/balancer.rs`
    (
        "the client's connection ends at {0}: what is said of its backends is of the request that it passes on",
        "客户端的连接终止于 {0}：关于其后端的结论针对它转发的请求",
    ),
    (
        "cloud: {0}, listener {1}: one of {2} backends, {3}",
        "云：{0}，监听 {1}：{2} 个后端之一，{3}",
    ),
    (
        "cloud: {0} sends the answer to the client",
        "云：{0} 把应答发给客户端",
    ),
    (
        "cloud: no backend of {0} is healthy: all are asked",
        "云：{0} 没有健康的后端：向全部后端转发",
    ),
    (
        "whether backend {0} of {1} is healthy",
        "{1} 的后端 {0} 是否健康",
    ),
    (
        "what {0} answers by itself is not modelled",
        "{0} 自己的应答尚未建模",
    ),
    (
        "load balancers pass no ICMP errors back to clients",
        "负载均衡不把 ICMP 错误传回客户端",
    ),
    ("which address backend {0} has", "后端 {0} 的地址"),
    // `trace/cloud/bandwidth.rs`
    (
        "whether the account is of the traditional type, in which traffic of public load balancers takes the bandwidth of their backends: {0} has none of its own",
        "账户是否为传统账户类型（该类型下公网负载均衡的流量占用后端的公网带宽）：{0} 没有自己的公网带宽",
    ),
    (
        "the account is of the traditional type, in which traffic of {0} takes the public bandwidth of its backends, and {1} has none",
        "账户为传统账户类型，{0} 的流量占用其后端的公网带宽，而 {1} 没有公网带宽",
    ),
    // `verdict/loopback.rs`
    (
        "the load balancer at {0} hands the packet of {1} back to {2}, the client's own node, with its source {3} kept",
        "地址为 {0} 的负载均衡把 {1} 的报文送回客户端自己所在的节点 {2}，源地址仍是 {3}",
    ),
];
