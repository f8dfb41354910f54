//! Services, policies and programs.

use super::{Entry, Severity, Text, entries};

entries! {
    WORKLOADS

    POLICY_EGRESS_DENIED = "policy.egress-denied", Cause {
        en: "a network policy isolates the sending pod and none allows this connection",
        zh: "网络策略隔离了发送方 Pod，且没有策略允许这个连接",
        confirm: "kubectl describe {policy}",
        fix: "allow it in an egress rule of a policy that selects the pod, if it should be allowed",
        fix_zh: "若应当放行，就在选中该 Pod 的策略的 egress 规则中放行它",
        drop: "SKB_DROP_REASON_NETFILTER_DROP",
    }
    POLICY_INGRESS_DENIED = "policy.ingress-denied", Cause {
        en: "a network policy isolates the receiving pod and none allows this connection",
        zh: "网络策略隔离了接收方 Pod，且没有策略允许这个连接",
        confirm: "kubectl describe {policy}",
        fix: "allow it in an ingress rule of a policy that selects the pod, if it should be allowed",
        fix_zh: "若应当放行，就在选中该 Pod 的策略的 ingress 规则中放行它",
        drop: "SKB_DROP_REASON_NETFILTER_DROP",
    }
    POLICY_NOT_ENFORCED = "policy.not-enforced", Warning {
        en: "a network policy forbids the connection, and the pod's node lets it pass",
        zh: "网络策略禁止这个连接，但 Pod 所在节点放行了它",
        confirm: "kubectl get pods -A -o wide --field-selector spec.nodeName={name}",
        fix: "see that the network plugin enforces policies of this kind and runs on that node",
        fix_zh: "检查网络插件是否支持执行这类策略，并在该节点上运行",
    }
    POLICY_STALE = "policy.stale-rules", Cause {
        en: "a network policy allows the connection, but the rules that enforce policies drop it",
        zh: "网络策略允许这个连接，但执行策略的规则丢弃了它",
        confirm: "kubectl get pods -A -o wide --field-selector spec.nodeName={name}",
        fix: "see that the network plugin runs on that node and keeps its rules and sets up to date",
        fix_zh: "检查网络插件是否在该节点上运行，并及时更新其规则和集合",
        drop: "SKB_DROP_REASON_NETFILTER_DROP",
    }
    NODE_NOT_READY = "node.not-ready", Contributing {
        en: "a node on the way is not ready, or its network is not set up",
        zh: "路径上的节点未就绪，或其网络尚未配置好",
        confirm: "kubectl describe node {name}",
        fix: "see what kubelet and the network's controllers report of the node",
        fix_zh: "查看 kubelet 和网络控制器对该节点的报告",
    }
    POD_CIDR_OVERLAP = "node.pod-cidr-overlap", Contributing {
        en: "two nodes have pod address blocks that overlap",
        zh: "两个节点的 Pod 网段重叠",
        confirm: "kubectl get nodes -o custom-columns=NAME:.metadata.name,CIDR:.spec.podCIDRs",
        fix: "give each node a block of its own, and delete the node object that came later so that it registers again",
        fix_zh: "让每个节点有独立的网段，并删除后加入的节点对象让它重新注册",
    }
    POD_CIDR_EXHAUSTED = "node.pod-cidr-exhausted", Warning {
        en: "all addresses of a node's pod address block are in use: no further pod gets a network there",
        zh: "节点的 Pod 网段地址已用完：其上的新 Pod 无法获得网络",
        confirm: "kubectl get pods -A -o wide --field-selector spec.nodeName={name}",
        fix: "remove pods from the node (or addresses that the plugin keeps for pods that are gone, below `/var/lib/cni/networks`), or give nodes larger blocks",
        fix_zh: "从该节点移走 Pod（或清理插件为已删除的 Pod 保留的地址，在 `/var/lib/cni/networks` 下），或为节点分配更大的网段",
    }
    HOST_PORT_NOT_PROGRAMMED = "pod.host-port-not-programmed", Cause {
        en: "a pod has a host port, but its node does not send connections to that port on to it",
        zh: "Pod 声明了 hostPort，但其节点没有把该端口的连接转给它",
        confirm: "iptables-save -t nat | grep -i hostport",
        fix: "see that the network plugin's list of plugins has `portmap`, and make the pod anew",
        fix_zh: "确认网络插件的配置列表里有 `portmap`，并重建该 Pod",
        drop: "SKB_DROP_REASON_NO_SOCKET",
    }
    POD_NOT_READY = "pod.not-ready", Cause {
        en: "a container of the pod does not run or is not ready",
        zh: "Pod 的容器没有运行或未就绪",
        confirm: "kubectl describe pod -n {namespace} {name}",
        fix: "see why the container does not run: `kubectl logs --previous`, its image, its probes",
        fix_zh: "查明容器为何没有运行：`kubectl logs --previous`、镜像、探针",
        drop: "SKB_DROP_REASON_NO_SOCKET",
    }
    SERVICE_ENDPOINT_UNREADY = "service.endpoint-not-ready", Warning {
        en: "some of the service's endpoints are not ready and take no traffic",
        zh: "Service 的部分端点未就绪，不接收流量",
        confirm: "kubectl get endpointslices -n {namespace} -l kubernetes.io/service-name={name}",
        fix: "see why these pods are not ready",
        fix_zh: "查明这些 Pod 为何未就绪",
    }
    SERVICE_TERMINATING_ONLY = "service.terminating-only", Warning {
        en: "no endpoint of the service is ready: kube-proxy sends connections to those that are terminating and still serve",
        zh: "Service 没有就绪的端点：kube-proxy 把连接转给正在终止但仍在服务的端点",
        confirm: "kubectl get endpointslices -n {namespace} -l kubernetes.io/service-name={name} -o yaml",
        fix: "see why no other pod of the service is ready: these will be gone soon",
        fix_zh: "查明 Service 的其他 Pod 为何未就绪：这些端点很快就会消失",
    }
    SERVICE_TOPOLOGY = "service.topology", Info {
        en: "the service keeps connections near: by topology hints, this node sends them to some of its endpoints only",
        zh: "Service 让连接就近：按拓扑提示，该节点只把连接转给它的部分端点",
        confirm: "kubectl get service -n {namespace} {name} -o jsonpath='{.spec.trafficDistribution} {.metadata.annotations}'; kubectl get endpointslices -n {namespace} -l kubernetes.io/service-name={name} -o yaml",
        fix: "remove `trafficDistribution` (or the annotation `service.kubernetes.io/topology-mode`) if connections should go to endpoints everywhere",
        fix_zh: "若连接应当去往各处的端点，就去掉 `trafficDistribution`（或注解 `service.kubernetes.io/topology-mode`）",
    }
    SERVICE_NO_LOCAL_ENDPOINTS = "service.no-local-endpoints", Cause {
        en: "the service sends only to endpoints of the node itself, and this node has none that is ready",
        zh: "Service 只转发到本节点的端点，而本节点没有就绪的端点",
        confirm: "kubectl get service -n {namespace} {name} -o jsonpath='{.spec.externalTrafficPolicy} {.spec.internalTrafficPolicy}'; kubectl get endpointslices -n {namespace} -l kubernetes.io/service-name={name} -o wide",
        fix: "ask a node that has an endpoint, run one on this node, or set the traffic policy to `Cluster`",
        fix_zh: "访问有端点的节点，在本节点运行一个端点，或把流量策略改为 `Cluster`",
        drop: "SKB_DROP_REASON_NETFILTER_DROP",
    }
    SERVICE_NO_ENDPOINTS = "service.no-endpoints", Cause {
        en: "the service has no endpoint that is ready",
        zh: "Service 没有就绪的端点",
        confirm: "kubectl get endpointslices -n {namespace} -l kubernetes.io/service-name={name}",
        fix: "make its selector match pods that are ready",
        fix_zh: "让它的 selector 选中就绪的 Pod",
        drop: "SKB_DROP_REASON_NETFILTER_DROP",
    }
    SERVICE_NOT_PROGRAMMED = "service.not-programmed", Cause {
        en: "the node does not translate the service's address: kube-proxy (or its replacement) has not written rules for it there",
        zh: "该节点没有转换 Service 的地址：kube-proxy（或它的替代者）没有在这里写入规则",
        confirm: "iptables-save -t nat | grep {destination}; ipvsadm -Ln; nft list ruleset | grep {destination}",
        fix: "see that kube-proxy runs on that node and can write its rules",
        fix_zh: "确认该节点上 kube-proxy 正在运行并能写入规则",
    }
    SERVICE_PORT_MISSING = "service.port-missing", Cause {
        en: "the service has no such port with that protocol",
        zh: "Service 没有该协议的这个端口",
        confirm: "kubectl get service -n {namespace} {name} -o jsonpath='{.spec.ports}'",
        fix: "ask for one of the service's ports, or add the port to the service",
        fix_zh: "改用 Service 已有的端口，或给 Service 增加这个端口",
    }
    SERVICE_RULES_STALE = "service.rules-stale", Cause {
        en: "the node's rules send a service's connections to an address that is none of its endpoints: they are out of date",
        zh: "该节点的规则把 Service 的连接转到一个不是其端点的地址：规则已过时",
        confirm: "kubectl get endpointslices -n {namespace} -l kubernetes.io/service-name={name}; iptables-save -t nat | grep {destination}",
        fix: "see that kube-proxy runs on that node and reaches the API server",
        fix_zh: "确认该节点上 kube-proxy 正在运行并能访问 API server",
    }
    SERVICE_SOURCE_DENIED = "service.source-range-denied", Cause {
        en: "the client is in none of the service's loadBalancerSourceRanges",
        zh: "客户端不在 Service 的 loadBalancerSourceRanges 之内",
        confirm: "kubectl get service -n {namespace} {name} -o jsonpath='{.spec.loadBalancerSourceRanges}'",
        fix: "add the client's range to `loadBalancerSourceRanges`, if it should be allowed",
        fix_zh: "若应当放行，就把客户端的网段加入 `loadBalancerSourceRanges`",
        drop: "SKB_DROP_REASON_NETFILTER_DROP",
    }
    SERVICE_TARGET_PORT = "service.target-port-wrong", Cause {
        en: "the service sends to a port that its pods do not declare and on which nothing listens",
        zh: "Service 转到一个 Pod 没有声明、也没有进程监听的端口",
        confirm: "kubectl get service -n {namespace} {name} -o jsonpath='{.spec.ports}'; kubectl get endpointslices -n {namespace} -l kubernetes.io/service-name={name}",
        fix: "correct the service's `targetPort`",
        fix_zh: "改正 Service 的 `targetPort`",
        drop: "SKB_DROP_REASON_NO_SOCKET",
    }
    SOCKET_BACKLOG_FULL = "socket.backlog-full", Cause {
        en: "the program does not accept the connections that wait for it, and its backlog is full",
        zh: "程序没有接受等待中的连接，监听队列已满",
        confirm: "ss -ltn 'sport = :{port}'; nstat -az TcpExtListenOverflows",
        fix: "find out why the program does not accept connections (overload, a deadlock), or give it a larger backlog",
        fix_zh: "查明程序为何不接受连接（过载、死锁），或加大它的监听队列",
        drop: "SKB_DROP_REASON_TCP_LISTEN_OVERFLOW",
    }
    SOCKET_NO_LISTENER = "socket.no-listener", Cause {
        en: "nothing listens on that address and port",
        zh: "没有进程监听该地址和端口",
        confirm: "ss -lntu 'sport = :{port}'",
        fix: "start the program, or let it listen on this address and port (the service's targetPort)",
        fix_zh: "启动程序，或让它监听这个地址和端口（Service 的 targetPort）",
        drop: "SKB_DROP_REASON_NO_SOCKET",
    }
}
