//! DNS, Ingress and Gateway.

use super::Sentence;

pub(super) const SENTENCES: &[Sentence] = &[
    // `intent/dns/records.rs`
    ("`{0}` names no object", "`{0}` 不指代任何对象"),
    (
        "CoreDNS's option `{0}` of the plugin `kubernetes` is not modelled",
        "CoreDNS 的插件 `kubernetes` 的选项 `{0}` 尚未建模",
    ),
    (
        "names of {0} end in `svc` or `pod` before it: `{1}` does not",
        "{0} 的名称在它之前以 `svc` 或 `pod` 结尾：`{1}` 不是",
    ),
    (
        "CoreDNS serves only the namespaces {0}",
        "CoreDNS 只服务命名空间 {0}",
    ),
    (
        "`{0}` has too many parts for a name of an object",
        "作为对象的名称，`{0}` 的段数过多",
    ),
    ("{0} is not known", "不知道 {0}"),
    (
        "`{0}` is a namespace: it has no address",
        "`{0}` 是命名空间：它没有地址",
    ),
    ("there is no namespace `{0}`", "没有命名空间 `{0}`"),
    ("the name spells the address {0}", "该名称拼写的是地址 {0}"),
    ("`{0}` spells no address", "`{0}` 没有拼写出地址"),
    (
        "no pod of namespace `{0}` has the address {1}",
        "命名空间 `{0}` 中没有 Pod 拥有地址 {1}",
    ),
    (
        "CoreDNS serves no names of pods (`pods` is not set)",
        "CoreDNS 不提供 Pod 的名称（没有设置 `pods`）",
    ),
    (
        "there is no service `{0}` in namespace `{1}`",
        "命名空间 `{1}` 中没有 Service `{0}`",
    ),
    (
        "{0} is an ExternalName for `{1}`, which is no domain name",
        "{0} 是指向 `{1}` 的 ExternalName，而它不是域名",
    ),
    (
        "{0} has no ready endpoint, and CoreDNS is told to `ignore empty_service`",
        "{0} 没有就绪的端点，而 CoreDNS 设置了 `ignore empty_service`",
    ),
    ("the address of {0}", "{0} 的地址"),
    (
        "CoreDNS is told to serve no endpoints (`noendpoints`)",
        "CoreDNS 被设置为不提供端点（`noendpoints`）",
    ),
    (
        "no ready endpoint of {0} is called `{1}`",
        "{0} 没有名为 `{1}` 的就绪端点",
    ),
    (
        "{0} is headless and has no ready endpoint",
        "{0} 是 headless，且没有就绪的端点",
    ),
    ("the endpoint `{0}` of {1}", "{1} 的端点 `{0}`"),
    (
        "the ready endpoints of {0}, which is headless",
        "headless 的 {0} 的就绪端点",
    ),
    // `intent/dns/server.rs`
    (
        "not all of {0}, or of the files that it imports, was captured",
        "{0} 或它 import 的文件没有全部采集",
    ),
    (
        "{0} has no port `{1}` of {2}",
        "{0} 没有 {2} 协议的端口 `{1}`",
    ),
    (
        "which of the server blocks of {0} takes a question is not decided",
        "{0} 的哪个 server 块接收该查询无法判定",
    ),
    (
        "not all options of the plugin `{0}` of {1} are known",
        "{1} 的插件 `{0}` 的选项没有全部已知",
    ),
    (
        "whether {0} takes requests by listener `{1}`, beside the more specific `{2}`, is not known",
        "除更具体的 `{2}` 之外，{0} 是否还经监听器 `{1}` 接收请求，尚不清楚",
    ),
    (
        "{0} has a more specific host than {1}, and no rule for `{2}`: whether the less specific one takes it is not known",
        "{0} 的主机名比 {1} 的更具体，却没有接收 `{2}` 的规则：不知道较不具体的那个是否接收",
    ),
    (
        "whether the controller looks beyond the most specific host",
        "控制器是否会在最具体的主机名之外继续查找",
    ),
    (
        "whether the controller isolates listeners",
        "控制器是否隔离监听器",
    ),
    (
        "the namespace selector of listener `{0}` cannot be read",
        "监听器 `{0}` 的命名空间选择器无法读取",
    ),
    (
        "the labels of namespace `{0}`, which listener `{1}` selects by, are not known",
        "监听器 `{1}` 据以选择的命名空间 `{0}` 的标签未知",
    ),
    (
        "whether the query parameters of {0} are those of `{1}` is not decided",
        "{0} 的查询参数是否与 `{1}` 一致无法判定",
    ),
    (
        "no server block of {0} serves `{1}` on port {2}: it is refused",
        "{0} 没有 server 块在端口 {2} 上服务 `{1}`：请求被拒绝",
    ),
    (
        "the plugin `{0}` of {1} is not modelled",
        "{1} 的插件 `{0}` 尚未建模",
    ),
    (
        "the plugin `template` of {0} is not modelled",
        "{0} 的插件 `template` 尚未建模",
    ),
    (
        "no plugin of {0} answers `{1}`: the server fails",
        "{0} 没有插件应答 `{1}`：服务器返回失败",
    ),
    (
        "what the name resolves to: ask for that address",
        "该名称解析到什么：请改问那个地址",
    ),
    (
        "a line of the plugin `hosts` of {0}",
        "{0} 的插件 `hosts` 中的一行",
    ),
    (
        "what the hosts file {0} of {1} holds was not captured",
        "没有采集 {1} 的 hosts 文件 {0} 的内容",
    ),
    (
        "the plugin `hosts` of {0} has no `{1}` and no `fallthrough`: the server fails",
        "{0} 的插件 `hosts` 中没有 `{1}`，也没有 `fallthrough`：服务器返回失败",
    ),
    (
        "whether the regular expression of `{0}` rewrites `{1}` is not decided",
        "`{0}` 的正则表达式是否改写 `{1}` 未作判断",
    ),
    (
        "the rule `rewrite {0}` is not modelled",
        "规则 `rewrite {0}` 尚未建模",
    ),
    // `intent/web/gateway.rs`
    (
        "no listener of {0} takes `{1}` on port {2}; it has {3}",
        "{0} 没有监听器在端口 {2} 上接收 `{1}`；它有 {3}",
    ),
    (
        "a listener without HTTP takes it, whose TLSRoute or TCPRoute is not followed",
        "由不处理 HTTP 的监听器接收，其 TLSRoute 或 TCPRoute 未跟踪",
    ),
    ("{0} is not attached: {1}", "{0} 没有挂接上：{1}"),
    (
        "no HTTPRoute of {0} takes the host `{1}`",
        "{0} 没有 HTTPRoute 接收主机 `{1}`",
    ),
    (
        "no rule of {0} takes the path `{1}`",
        "{0} 没有规则接收路径 `{1}`",
    ),
    (
        "its parentRefs name another listener than `{0}`",
        "它的 parentRefs 指的是 `{0}` 以外的监听器",
    ),
    (
        "listener `{0}` allows no routes from namespace `{1}` (allowedRoutes)",
        "监听器 `{0}` 不允许来自命名空间 `{1}` 的路由（allowedRoutes）",
    ),
    (
        "listener `{0}` allows only routes of kind {1}",
        "监听器 `{0}` 只允许 {1} 类型的路由",
    ),
    (
        "{0} takes `{1}` on host `{2}`",
        "{0} 接收主机 `{2}` 上的 `{1}`",
    ),
    ("{0}: it answers with a redirect", "{0}：它以重定向应答"),
    (
        "{0}, with a filter of the controller's own",
        "{0}，带有控制器自己的过滤器",
    ),
    ("{0}, whose backend is a {1}", "{0}，其后端是 {1}"),
    (
        "whether {0} may use services of namespace `{1}` is not known",
        "不知道 {0} 是否可以使用命名空间 `{1}` 的 Service",
    ),
    (
        "{0} names service {1}/{2}, and no ReferenceGrant there permits it",
        "{0} 指定了 Service {1}/{2}，而那里没有 ReferenceGrant 允许",
    ),
    ("{0}, but names no backend", "{0}，但没有指定后端"),
    (
        "whether the {0} `{1}` of {2} takes `{3}` is not decided",
        "{2} 的 {0} `{1}` 是否接收 `{3}` 未作判断",
    ),
    // `intent/web/ingress.rs`
    ("{0} has the host `{1}`", "{0} 的主机为 `{1}`"),
    (
        "no rule takes it: the default backend of {0}",
        "没有规则接收它：{0} 的默认后端",
    ),
    (
        "rules for the host `{0}` exist, but none takes the path `{1}`",
        "有主机 `{0}` 的规则，但没有一条接收路径 `{1}`",
    ),
    (
        "no rule of an Ingress takes the host `{0}`",
        "没有 Ingress 规则接收主机 `{0}`",
    ),
    ("; nearest: {0}", "；最接近的：{0}"),
    (
        "{0} takes {1} `{2}` on host `{3}`",
        "{0} 接收主机 `{3}` 上的 {1} `{2}`",
    ),
    (
        "whether the regular expression `{0}` takes `{1}` is not decided",
        "正则表达式 `{0}` 是否接收 `{1}` 未作判断",
    ),
    (
        "whether the controller's own rules let `{0}` take `{1}` is not known",
        "不知道控制器自己的规则是否让 `{0}` 接收 `{1}`",
    ),
    (
        "{0}, whose backend is no service",
        "{0}，其后端不是 Service",
    ),
];
