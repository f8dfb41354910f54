//! Names that are looked up, proxies that pass requests on.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `journey/name.rs`
    ("`{0}` names another port", "`{0}` 写的是另一个端口"),
    ("`{0}` is no domain name", "`{0}` 不是域名"),
    (
        "a line of the hosts file of {0}",
        "{0} 的 hosts 文件中的一行",
    ),
    (
        "glibc and musl look `{0}` up in different ways, and come to different ends",
        "glibc 和 musl 解析 `{0}` 的方式不同，结果也不同",
    ),
    ("which C library the program uses", "程序使用哪种 C 库"),
    (
        "glibc asks for names over TCP (`use-vc`), musl over UDP, and these fare differently; it would be settled by which C library the program uses",
        "glibc 用 TCP 查询域名（`use-vc`），musl 用 UDP，两者结果不同；可由以下证据确定：程序使用哪种 C 库",
    ),
    ("the name servers", "域名服务器"),
    (
        "no name server outside the cluster knows `{0}`",
        "集群外没有域名服务器知道 `{0}`",
    ),
    (
        "it is asked outside, where nobody is taken to know it ({0})",
        "向集群外查询，按那里无人知道它处理（{0}）",
    ),
    (
        "the program takes any of the {0} addresses of `{1}`, each as likely",
        "程序等概率地使用 `{1}` 的 {0} 个地址之一",
    ),
    (
        "the program tries the name's IPv6 address first, as glibc sorts them",
        "程序按 glibc 的排序先尝试该名称的 IPv6 地址",
    ),
    ("no such name: {0}", "没有该名称：{0}"),
    ("no address: {0}", "没有地址：{0}"),
    ("no answer: {0}", "没有应答：{0}"),
    ("name lookup", "域名解析"),
    // `journey/name/explain.rs`
    ("DNS query over UDP", "经 UDP 的 DNS 查询"),
    ("DNS query over TCP", "经 TCP 的 DNS 查询"),
    (
        "{0}; it would be settled by giving the address",
        "{0}；给出地址即可确定",
    ),
    (
        "{0}; it would be settled by {1}",
        "{0}；可由以下证据确定：{1}",
    ),
    (
        "questions for names from {0} do not reach {1} ({2})",
        "{0} 的域名查询到不了 {1}（{2}）",
    ),
    (
        "{0}/{1} is {2}, not ready{3}",
        "{0}/{1} 处于 {2}，未就绪{3}",
    ),
    (
        "no name server behind service {0} is ready: {1}",
        "Service {0} 后面没有就绪的域名服务器：{1}",
    ),
    (
        "questions for names over TCP, for answers too large for UDP, do not get through: {0}",
        "应答过大、须经 TCP 的域名查询不通：{0}",
    ),
    (
        "{0}: give the address to go on from there",
        "{0}：给出地址即可从那里继续",
    ),
    ("`{0}` has no address: {1}{2}", "`{0}` 没有地址：{1}{2}"),
    ("there is no service", "没有 Service"),
    (
        "`{0}` has {1} dots, fewer than ndots ({2}): {3} other names are asked for first, each twice (A and AAAA)",
        "`{0}` 有 {1} 个点，少于 ndots（{2}）：先要查询另外 {3} 个名称，每个两次（A 和 AAAA）",
    ),
    // `journey/name/lookup.rs`
    (
        "which program answers there is not in this capture",
        "那里由哪个程序应答不在此采集中",
    ),
    (
        "{0} answer in different ways, and any of them may be asked",
        "{0} 的应答各不相同，而其中任何一个都可能被问到",
    ),
    (
        "which program answers names at {0} is not known",
        "不知道 {0} 上由哪个程序应答域名查询",
    ),
    (
        "what {0} answers to questions for names is not in this capture",
        "{0} 如何应答域名查询不在此采集中",
    ),
    (
        "{0} runs kube-dns, whose answers are not modelled",
        "{0} 运行 kube-dns，它的应答尚未建模",
    ),
    (
        "which program of {0} answers there is not known",
        "不知道 {0} 的哪个程序在那里应答",
    ),
    (
        "the Corefile of {0}/{1}, which says how names are answered, was not captured",
        "没有采集 {0}/{1} 的 Corefile，它决定如何应答域名查询",
    ),
    (
        "kube/configmaps.json with {0}/{1}",
        "含有 {0}/{1} 的 kube/configmaps.json",
    ),
    (
        "the name servers behind one address",
        "同一地址后面的各域名服务器",
    ),
    (
        "the question for `{0}` is passed on too often to be followed",
        "对 `{0}` 的查询转发次数过多，无法跟踪",
    ),
    (
        "the question for `{0}` goes in circles",
        "对 `{0}` 的查询在循环转发",
    ),
    ("{0} is an alias of `{1}`", "{0} 是 `{1}` 的别名"),
    ("{0}, which has no address: {1}", "{0}，而它没有地址：{1}"),
    (
        "`{0}` resolves outside, and {1}",
        "`{0}` 在集群外解析，而{1}",
    ),
    (
        "`{0}` resolves outside: {1} asks {2} for it",
        "`{0}` 在集群外解析：{1} 向 {2} 查询它",
    ),
    (
        "{0} passes questions for `{1}` on to {2}, which leads back to itself",
        "{0} 把对 `{1}` 的查询转发给 {2}，而那里又回到它自己",
    ),
    ("some of {0} lead back to {1}", "{0} 中有的又回到 {1}"),
    (
        "{0} cannot reach {1}, which it asks for `{2}`",
        "{0} 到不了 {1}，而它要向那里查询 `{2}`",
    ),
    ("DNS query passed on", "转发的 DNS 查询"),
    // `journey/name/settings.rs`
    (
        "the node's own search domains, which kubelet adds to the pod's, are not captured: none is taken to matter",
        "没有采集节点自己的搜索域（kubelet 会把它们加到 Pod 的搜索域中）：按都不影响处理",
    ),
    (
        "the hosts file of {0} does not have the name",
        "{0} 的 hosts 文件中没有该名称",
    ),
    ("{0}/resolv.conf is not known", "不知道 {0}/resolv.conf"),
    (
        "kubelet hands the node's /etc/resolv.conf to pods that have the node's settings",
        "kubelet 把节点的 /etc/resolv.conf 交给沿用节点设置的 Pod",
    ),
    (
        "which file kubelet hands to pods in place of the node's resolv.conf, whose name server is the node itself, is not known",
        "节点 resolv.conf 中的域名服务器是节点自己，不知道 kubelet 改把哪个文件交给 Pod",
    ),
    ("the pod's own resolv.conf", "Pod 自己的 resolv.conf"),
    (
        "kubelet writes the same name servers for every pod of the node as for {0}",
        "kubelet 为该节点的每个 Pod 写入与 {0} 相同的域名服务器",
    ),
    (
        "which name servers kubelet writes for pods is not known",
        "不知道 kubelet 为 Pod 写入哪些域名服务器",
    ),
    (
        "kube/services.json with kube-system/kube-dns",
        "含有 kube-system/kube-dns 的 kube/services.json",
    ),
    (" and the cluster's domain is {0}", "，集群域为 {0}"),
    (
        "kubelet gives pods the address of service kube-system/kube-dns as name server{0}",
        "kubelet 把 Service kube-system/kube-dns 的地址作为域名服务器交给 Pod{0}",
    ),
    // `journey/name/upstream.rs`
    (
        "which address NodeLocal DNS asks for names of the cluster is not known",
        "不知道 NodeLocal DNS 向哪个地址查询集群内的名称",
    ),
    (
        "kube/services.json with kube-system/kube-dns-upstream",
        "含有 kube-system/kube-dns-upstream 的 kube/services.json",
    ),
    (
        "who stands behind `{0}`, which {1} asks for names, is not known",
        "不知道 `{0}` 后面是谁，而 {1} 向它查询域名",
    ),
    (
        "the resolv.conf of {0} is not known",
        "不知道 {0} 的 resolv.conf",
    ),
    // `journey/web.rs`
    (
        "whether another rule takes the request is not known: the controller leaves out rules without a backend",
        "不知道是否有另一条规则接受该请求：该控制器会略去没有后端的规则",
    ),
    (
        "`{0}` is no URL: write `https://host/path`",
        "`{0}` 不是 URL：请写 `https://host/path`",
    ),
    ("HTTP is asked for over TCP", "HTTP 须经 TCP 查询"),
    (
        "by which address `{0}` leads to {1} is not known",
        "不知道 `{0}` 经哪个地址指向 {1}",
    ),
    (
        "the address: ask for a flow to it",
        "该地址：请查询到它的流",
    ),
    (
        "{0}: the connection is the answer, and no rule of {1} is asked",
        "{0}：以连接结果为准，没有查询 {1} 的规则",
    ),
    ("request to the proxy", "到代理的请求"),
    (
        "the shares of the endpoints have no common measure that can be counted with",
        "各端点的份额没有可用于计算的公共度量",
    ),
    (
        "which proxy passes the request on is not in this capture",
        "由哪个代理转发请求不在此采集中",
    ),
    ("the files of the proxy's pods", "代理各 Pod 的文件"),
    (
        "the proxy's way on cannot be followed: {0}",
        "无法跟踪代理之后的路径：{0}",
    ),
    ("the files of the proxy's pod", "代理 Pod 的文件"),
    ("request to the backend", "到后端的请求"),
    (
        "the proxy has {0} pods, of which {1} are followed",
        "代理有 {0} 个 Pod，跟踪了其中 {1} 个",
    ),
    (
        "a flow from each of the others to the backend",
        "其余各 Pod 到后端的流",
    ),
    (
        "{0} does not get through to {1}: the client is told 504 (503 by Envoy)",
        "{0} 到不了 {1}：客户端收到 504（Envoy 为 503）",
    ),
    (
        "{0} does not get through to {1}: the client is told 502 (503 by Envoy and HAProxy)",
        "{0} 到不了 {1}：客户端收到 502（Envoy 和 HAProxy 为 503）",
    ),
    (" (the client is told {0})", "（客户端收到 {0}）"),
    // `journey/web/backend.rs`
    (
        "{0} names service {1}/{2}, which does not exist",
        "{0} 指定了 Service {1}/{2}，而它不存在",
    ),
    (
        "service {0}/{1} stands for a name outside the cluster",
        "Service {0}/{1} 代表集群外的一个名称",
    ),
    (
        "the address that the name resolves to",
        "该名称解析到的地址",
    ),
    (
        "{0} names port {1} of service {2}/{3}, which has {4}",
        "{0} 指定了 Service {2}/{3} 的端口 {1}，而它有 {4}",
    ),
    (
        "the port of an endpoint slice that names none",
        "没有写明端口的 EndpointSlice 的端口",
    ),
    ("no endpoint", "没有端点"),
    ("{0} endpoints, none of them ready", "{0} 个端点，都未就绪"),
    (
        "service {0}/{1}, to which {2} sends, has {3}",
        "{2} 转到的 Service {0}/{1} 的情况：{3}",
    ),
    // `journey/web/entrance.rs`
    ("{0} port {1}", "{0} 端口 {1}"),
    ("`{0}` leads to {1}, {2}", "`{0}` 指向 {1}，即{2}"),
    ("as the Gateway's status says", "依据 Gateway 的状态"),
    ("the load balancer of {0}", "{0} 的负载均衡"),
    ("an external address of {0}", "{0} 的外部地址"),
    ("the node port of {0}", "{0} 的 NodePort"),
    (
        "where the proxy runs in its node's network",
        "代理使用主机网络运行之处",
    ),
    ("the cluster's own address of {0}", "{0} 的集群内地址"),
    // `journey/web/proxy.rs`
    (
        "which rules take HTTP requests is not known",
        "不知道哪些规则接收 HTTP 请求",
    ),
    (
        "kube/ingresses.json or kube/gateways.json",
        "kube/ingresses.json 或 kube/gateways.json",
    ),
    (
        "which HTTPRoutes the Gateways have is not known",
        "不知道各 Gateway 有哪些 HTTPRoute",
    ),
    (
        "which controller an Ingress is for is not known",
        "不知道 Ingress 归哪个控制器",
    ),
    (
        "there is no Ingress and no Gateway",
        "没有 Ingress 也没有 Gateway",
    ),
    ("the address that the host's name has", "该主机名的地址"),
    (
        "{0} and {1}, of different ingress classes, both take `{2}`",
        "{0} 和 {1} 属于不同的 IngressClass，都接收 `{2}`",
    ),
    (
        "{0} names no ingress class: whether a controller takes such Ingresses is not known",
        "{0} 没有指定 IngressClass：不知道是否有控制器处理这样的 Ingress",
    ),
    ("the controller's options", "控制器的启动参数"),
    ("{0} and {1} both take `{2}`", "{0} 和 {1} 都接收 `{2}`"),
    (
        "no Ingress takes the request (Ingresses were not captured)",
        "没有 Ingress 接收该请求（没有采集 Ingress）",
    ),
    (
        "no Gateway takes the request (Gateways were not captured)",
        "没有 Gateway 接收该请求（没有采集 Gateway）",
    ),
    ("an Ingress", "一个 Ingress"),
    ("the ingress controller", "Ingress 控制器"),
    (
        "the controller's ConfigMap does not turn `ssl-redirect` off",
        "控制器的 ConfigMap 没有关闭 `ssl-redirect`",
    ),
    // `intent/web/nginx.rs`
    (
        "which requests {0} takes, a canary, is not decided",
        "{0} 是金丝雀（canary）：它接收哪些请求无法判定",
    ),
    (
        "whether {0} takes the host `{1}` by its `server-alias` is not decided",
        "{0} 是否通过 `server-alias` 接收主机 `{1}` 无法判定",
    ),
    (
        "what the annotation `{0}` of {1} makes of the request is not decided",
        "{1} 的注解 `{0}` 如何处理该请求无法判定",
    ),
    (
        "{0} sends plain HTTP on to `https://{1}` (`ssl-redirect`)",
        "{0} 把明文 HTTP 重定向到 `https://{1}`（`ssl-redirect`）",
    ),
    (
        "{0} names the ingress class `{1}`, which does not exist",
        "{0} 指定了 IngressClass `{1}`，而它不存在",
    ),
    (
        "no Ingress names a certificate for `{0}`: the controller shows its default one",
        "没有 Ingress 为 `{0}` 指定证书：控制器出示它的默认证书",
    ),
    (
        "which controller takes the request is not known",
        "不知道由哪个控制器接收请求",
    ),
    (
        "which of several installations of the controller `{0}` takes the request is not known",
        "控制器 `{0}` 有多套安装，不知道由哪一套接收请求",
    ),
    (
        "where the controller `{0}` runs is not known",
        "不知道控制器 `{0}` 在哪里运行",
    ),
    (
        "the address of its proxy: ask for a flow to it",
        "它的代理的地址：请查询到该地址的流",
    ),
    (
        "no pod of the controller `{0}` is in this capture (label {1}={2})",
        "此采集中没有控制器 `{0}` 的 Pod（标签 {1}={2}）",
    ),
    (
        "kube/pods.json of the whole cluster",
        "整个集群的 kube/pods.json",
    ),
    (
        "the pods labelled {0}={1} are the controller `{2}`",
        "标签为 {0}={1} 的 Pod 是控制器 `{2}`",
    ),
    (
        "the controller of ingress class {0}",
        "IngressClass {0} 的控制器",
    ),
    (
        "the request is a plain GET, without headers that a rule looks for",
        "请求是普通的 GET，不带规则要找的头部",
    ),
    (
        "nothing is known to take the request",
        "不知道由什么接收请求",
    ),
    (
        "{0} takes the request, which is no pod of {1}",
        "由 {0} 接收请求，而它不是 {1} 的 Pod",
    ),
    ("whether {0} is {1} is not known", "不知道 {0} 是否为{1}"),
    (
        "kube/pods.json with the proxy's pods",
        "含有代理 Pod 的 kube/pods.json",
    ),
    // `journey/web/rule.rs`
    ("service {0}/{1} port {2}", "Service {0}/{1} 端口 {2}"),
];
