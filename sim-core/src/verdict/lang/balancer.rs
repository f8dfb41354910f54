//! Load balancers of clouds.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `cloud/balancer/aliyun/clb.rs`, `cloud/balancer/aliyun/layers.rs`, `cloud/balancer/tencent.rs`
    ("the default server group", "默认服务器组"),
    ("it redirects to port {0}", "它重定向到端口 {0}"),
    (
        "forwarding within one zone only (CrossZoneEnabled false)",
        "只在一个可用区内转发（CrossZoneEnabled 为 false）",
    ),
    ("backends of type {0}", "{0} 类型的后端"),
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
    ("GetLoadBalancerAttribute of {0}", "{0} 的 GetLoadBalancerAttribute"),
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
    ("backend {0} of {1} is none of {2}", "{1}的后端 {0} 不在{2}之中"),
    (
        "{0} has {1} backends of the expected {2}: {3}{4} missing",
        "{0}有 {1} 个后端，应有 {2} 个：缺少 {3}{4}",
    ),
    (" and {0} more", "等另外 {0} 个"),
    (
        "the nodes that hold a ready endpoint",
        "有就绪端点的节点",
    ),
    ("the nodes that may be backends", "可以作为后端的节点"),
    ("the service's endpoints", "该 Service 的端点"),
];
