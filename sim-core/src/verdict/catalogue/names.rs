//! Names and HTTP: what keeps a name from being resolved, or a request from its backend.

use super::{Entry, Severity, Text, entries};

entries! {
    NAMES

    DNS_FORWARD_LOOP = "dns.forward-loop", Cause {
        en: "a name server passes questions on to itself",
        zh: "域名服务器把查询转发回了自己",
        confirm: "kubectl get configmap -n {namespace} {name} -o yaml",
        fix: "let CoreDNS forward to servers outside the cluster (`forward . <address>`), not to a resolv.conf that leads back to it",
        fix_zh: "让 CoreDNS 转发到集群外的服务器（`forward . <地址>`），而不是指回自己的 resolv.conf",
    }
    DNS_HEADLESS_EMPTY = "dns.headless-empty", Cause {
        en: "a headless service has no ready endpoint, so that its name does not exist",
        zh: "无头 Service 没有就绪的端点，因此它的域名不存在",
        confirm: "kubectl get endpointslices -n {namespace} -l kubernetes.io/service-name={name}",
        fix: "make its selector match pods that are ready, or set `publishNotReadyAddresses`",
        fix_zh: "让它的选择器匹配到就绪的 Pod，或设置 `publishNotReadyAddresses`",
    }
    DNS_NO_ADDRESS = "dns.no-address", Cause {
        en: "the name exists, but has no address",
        zh: "域名存在，但没有地址",
        confirm: "kubectl get service -n {namespace} {name} -o yaml",
        fix: "ask for a name of a service or pod; correct an ExternalName's target",
        fix_zh: "改用 Service 或 Pod 的域名；更正 ExternalName 的目标",
    }
    DNS_NO_SUCH_NAME = "dns.no-such-name", Cause {
        en: "no name server knows the name",
        zh: "没有域名服务器知道这个域名",
        confirm: "kubectl get services -A",
        fix: "correct the name (`<service>.<namespace>.svc.<cluster domain>`), or create the service",
        fix_zh: "更正域名（`<service>.<namespace>.svc.<集群域>`），或创建该 Service",
    }
    DNS_OUTSIDE = "dns.outside", Info {
        en: "the name is resolved by servers outside the cluster, whose answer is not in the capture",
        zh: "域名由集群外的服务器解析，其结果不在采集数据中",
        confirm: "kubectl get configmap -n kube-system coredns -o yaml",
        fix: "give the address that it resolves to",
        fix_zh: "给出它解析到的地址",
    }
    DNS_QUERY_FAILED = "dns.query-failed", Contributing {
        en: "the question for the name does not reach a name server, or its answer does not come back",
        zh: "域名查询到不了域名服务器，或其应答回不来",
        confirm: "kubectl get pods -n kube-system -l k8s-app=kube-dns -o wide",
        fix: "mend the way to the name server: the finding above it says where it breaks",
        fix_zh: "修复到域名服务器的路径：上面的结果指出了断点",
    }
    DNS_SEARCH_COST = "dns.search-cost", Info {
        en: "the search list makes the program ask for other names first",
        zh: "搜索列表使程序先查询其他域名",
        confirm: "kubectl exec -n {namespace} {name} -- cat /etc/resolv.conf",
        fix: "end the name with a dot, or set a smaller `ndots` in the pod's dnsConfig",
        fix_zh: "让域名以点结尾，或在 Pod 的 dnsConfig 中设置更小的 `ndots`",
    }
    DNS_SERVER_NOT_READY = "dns.server-not-ready", Cause {
        en: "no pod of the cluster's name server is ready",
        zh: "集群域名服务器的 Pod 没有一个就绪",
        confirm: "kubectl describe pod -n {namespace} {name}",
        fix: "find out why the CoreDNS pods are not ready (`kubectl -n kube-system describe pod -l k8s-app=kube-dns`)",
        fix_zh: "查明 CoreDNS Pod 为何未就绪（`kubectl -n kube-system describe pod -l k8s-app=kube-dns`）",
    }
    DNS_SETUP = "dns.setup", Cause {
        en: "the name server's configuration keeps it from answering",
        zh: "域名服务器的配置使它无法应答",
        confirm: "kubectl get configmap -n {namespace} {name} -o yaml",
        fix: "correct the Corefile",
        fix_zh: "更正 Corefile",
    }
    DNS_TCP_FAILS = "dns.tcp-fails", Warning {
        en: "questions over TCP do not get through: large answers are lost",
        zh: "TCP 的域名查询不通：较大的应答会丢失",
        confirm: "kubectl get networkpolicies -A",
        fix: "let 53/tcp pass wherever 53/udp does",
        fix_zh: "凡放行 53/udp 的地方也放行 53/tcp",
    }
    DNS_UPSTREAM_UNREACHABLE = "dns.upstream-unreachable", Cause {
        en: "a name server cannot reach the servers that it asks itself",
        zh: "域名服务器到不了它自己要查询的上游",
        confirm: "kubectl get configmap -n kube-system coredns -o yaml",
        fix: "correct the addresses that it forwards to, or the way to them",
        fix_zh: "更正它转发的地址，或修复到上游的路径",
    }
    GATEWAY_NO_LISTENER = "gateway.no-listener", Cause {
        en: "no listener of the Gateway takes this host, port and protocol",
        zh: "Gateway 没有监听器接受这个主机名、端口和协议",
        confirm: "kubectl get gateway -n {namespace} {name} -o yaml",
        fix: "add a listener, or ask on the port and host of one",
        fix_zh: "添加监听器，或使用已有监听器的端口和主机名",
    }
    GATEWAY_NOT_ATTACHED = "gateway.route-not-attached", Cause {
        en: "the HTTPRoute is not attached to the listener",
        zh: "HTTPRoute 没有挂接到监听器",
        confirm: "kubectl get httproute -n {namespace} {name} -o yaml",
        fix: "name the listener in parentRefs, and let the listener's allowedRoutes admit the route's namespace",
        fix_zh: "在 parentRefs 中写对监听器，并让监听器的 allowedRoutes 接纳该路由的命名空间",
    }
    GATEWAY_NOT_PERMITTED = "gateway.reference-not-permitted", Cause {
        en: "the HTTPRoute names a service of another namespace, which no ReferenceGrant permits",
        zh: "HTTPRoute 引用了其他命名空间的 Service，而没有 ReferenceGrant 允许",
        confirm: "kubectl get referencegrants -A",
        fix: "add a ReferenceGrant in the service's namespace",
        fix_zh: "在该 Service 的命名空间添加 ReferenceGrant",
    }
    HTTP_BACKEND = "http.backend-missing", Cause {
        en: "the rule's backend does not exist, lacks that port, or has no ready endpoint",
        zh: "规则的后端不存在、没有该端口，或没有就绪的端点",
        confirm: "kubectl get services,endpointslices -n {namespace}",
        fix: "correct the rule's service and port, or make the service's pods ready",
        fix_zh: "更正规则中的 Service 和端口，或让该 Service 的 Pod 就绪",
    }
    HTTP_NO_RULE = "http.no-rule", Cause {
        en: "no rule takes this host and path",
        zh: "没有规则接受这个主机名和路径",
        confirm: "kubectl get ingresses -A; kubectl get httproutes -A",
        fix: "add a rule for the host and path, or correct the one that comes nearest",
        fix_zh: "为该主机名和路径添加规则，或更正最接近的规则",
    }
    HTTP_REDIRECT = "http.redirect", Info {
        en: "the proxy answers with a redirect",
        zh: "代理返回重定向",
        confirm: "kubectl get ingresses -A; kubectl get httproutes -A",
        fix: "ask for the address that it redirects to",
        fix_zh: "改为访问重定向的目标地址",
    }
    INGRESS_NO_CLASS = "ingress.no-class", Cause {
        en: "no controller takes the Ingress: its class is missing",
        zh: "没有控制器处理该 Ingress：缺少 ingress class",
        confirm: "kubectl get ingressclasses",
        fix: "set `ingressClassName` to a class that exists, or mark a class as default",
        fix_zh: "把 `ingressClassName` 设为存在的类，或将某个类标为默认",
    }
    INGRESS_NO_TLS = "ingress.no-certificate", Warning {
        en: "no Ingress names a certificate for this host",
        zh: "没有 Ingress 为该主机名指定证书",
        confirm: "kubectl get ingress -n {namespace} {name} -o yaml",
        fix: "name a secret for the host in `spec.tls`",
        fix_zh: "在 `spec.tls` 中为该主机名指定 Secret",
    }
    PROXY_BAD_GATEWAY = "proxy.bad-gateway", Contributing {
        en: "the proxy cannot connect to its backend: the client is told 502 (503 by Envoy and HAProxy)",
        zh: "代理连不上后端：客户端收到 502（Envoy 和 HAProxy 为 503）",
        confirm: "kubectl logs -n {namespace} {name}",
        fix: "mend what keeps the proxy's connection from its backend: the finding above it",
        fix_zh: "修复代理到后端的连接：见上面的结果",
    }
    PROXY_TIMEOUT = "proxy.gateway-timeout", Contributing {
        en: "the proxy's connection to its backend gets no answer: the client is told 504 (503 by Envoy)",
        zh: "代理到后端的连接没有应答：客户端收到 504（Envoy 为 503）",
        confirm: "kubectl logs -n {namespace} {name}",
        fix: "mend what keeps the proxy's connection from its backend: the finding above it",
        fix_zh: "修复代理到后端的连接：见上面的结果",
    }
}
