//! Load balancers of clouds, and services beside them.

use super::{Entry, Severity, Text, entries};

entries! {
    BALANCERS

    LB_ACL_DENIED = "lb.acl-denied", Cause {
        en: "the load balancer's access list refuses the client",
        zh: "负载均衡的访问控制列表拒绝了该客户端",
        confirm: "kubectl get service -n {namespace} {name} -o yaml",
        fix: "add the client's address to the white list (or take it off the black list); on ACK the annotations `alibaba-cloud-loadbalancer-acl-*` of the service decide",
        fix_zh: "把客户端地址加入白名单（或移出黑名单）；在 ACK 上由 Service 的注解 `alibaba-cloud-loadbalancer-acl-*` 决定",
    }
    LB_ADDRESS_UNLISTED = "lb.address-unlisted", Warning {
        en: "the service's status does not list the address of its load balancer",
        zh: "Service 的 status 中没有列出其负载均衡的地址",
        confirm: "kubectl get service -n {namespace} {name} -o jsonpath='{.status.loadBalancer}'",
        fix: "look at the events of the service and the log of the cloud controller: it has not finished its work",
        fix_zh: "查看该 Service 的事件和云控制器的日志：它的工作没有完成",
    }
    LB_BACKEND_MISSING = "lb.backend-missing", Warning {
        en: "the load balancer has fewer backends than the service calls for",
        zh: "负载均衡的后端少于该 Service 应有的后端",
        confirm: "kubectl describe service -n {namespace} {name}",
        fix: "look at the events of the service and the log of the cloud controller; add the missing nodes or pods as backends",
        fix_zh: "查看该 Service 的事件和云控制器的日志；把缺少的节点或 Pod 加为后端",
    }
    LB_BACKEND_UNEXPECTED = "lb.backend-unexpected", Warning {
        en: "the load balancer has a backend that the service does not call for",
        zh: "负载均衡有一个该 Service 不需要的后端",
        confirm: "kubectl describe service -n {namespace} {name}; kubectl get nodes -o wide",
        fix: "remove the backend, or let the cloud controller do it: nobody but it should change the server group",
        fix_zh: "移除该后端，或交由云控制器处理：服务器组不应由他人修改",
    }
    LB_BACKEND_UNHEALTHY = "lb.backend-unhealthy", Warning {
        en: "a backend of the load balancer fails its health check",
        zh: "负载均衡的一个后端没有通过健康检查",
        confirm: "kubectl get endpointslices -n {namespace} -l kubernetes.io/service-name={name}",
        fix: "see that the backend answers the probe: the pod is ready, its port is open, and no rule on the node or in its security group drops the probe's source",
        fix_zh: "确认后端能应答探测：Pod 就绪、端口打开，且节点上或安全组中没有规则丢弃探测源",
    }
    LB_BACKEND_WRONG_PORT = "lb.backend-wrong-port", Warning {
        en: "the load balancer asks its backends at another port than the service's node port",
        zh: "负载均衡访问后端的端口不是该 Service 的 NodePort",
        confirm: "kubectl get service -n {namespace} {name} -o wide",
        fix: "let the cloud controller bring the server group up to date: its log says why it did not",
        fix_zh: "让云控制器更新服务器组：其日志会说明没有更新的原因",
    }
    LB_INACTIVE = "lb.inactive", Cause {
        en: "the load balancer does no work",
        zh: "负载均衡没有工作",
        confirm: "kubectl describe service -n {namespace} {name}",
        fix: "start the load balancer, or pay what is due for it",
        fix_zh: "启动该负载均衡，或结清欠费",
    }
    LB_LISTENER_MISSING = "lb.listener-missing", Cause {
        en: "the load balancer has no listener for the port",
        zh: "负载均衡没有该端口的监听",
        confirm: "kubectl describe service -n {namespace} {name}",
        fix: "add the port to the service, or see why the cloud controller has not made the listener (for a load balancer that existed before: `force-override-listeners`)",
        fix_zh: "在 Service 中加上该端口，或查明云控制器为何没有创建监听（复用已有负载均衡时需要 `force-override-listeners`）",
    }
    LB_LISTENER_STALE = "lb.listener-stale", Warning {
        en: "the load balancer has a listener for a port that the service does not have",
        zh: "负载均衡有一个监听，其端口不在该 Service 中",
        confirm: "kubectl get service -n {namespace} {name} -o wide",
        fix: "delete the listener, or see why the cloud controller has not",
        fix_zh: "删除该监听，或查明云控制器为何没有删除",
    }
    LB_LISTENER_STOPPED = "lb.listener-stopped", Cause {
        en: "the load balancer's listener is stopped",
        zh: "负载均衡的监听已停止",
        confirm: "kubectl describe service -n {namespace} {name}",
        fix: "start the listener",
        fix_zh: "启动该监听",
    }
    LB_LOOPBACK = "lb.loopback", Cause {
        en: "the load balancer sends the client's packet back to the client's own node, with the client's address as its source",
        zh: "负载均衡把客户端的报文送回客户端自己所在的节点，源地址仍是客户端的地址（回环）",
        confirm: "ip addr show kube-ipvs0; kubectl get service -n {namespace} {name} -o yaml",
        fix: "use the service's name or cluster address inside the cluster; on TKE set the annotation `service.cloud.tencent.com/prevent-loopback: \"true\"` (with a kube-proxy new enough), on ACK let kube-proxy take the address on the node (an address, not a host name, in the service's status); or use `externalTrafficPolicy: Local` and keep client and backend on different nodes",
        fix_zh: "在集群内使用 Service 的名称或 ClusterIP；在 TKE 上设置注解 `service.cloud.tencent.com/prevent-loopback: \"true\"`（kube-proxy 版本需足够新），在 ACK 上让 kube-proxy 在节点上接管该地址（Service 的 status 中应为地址而非主机名）；或使用 `externalTrafficPolicy: Local` 并让客户端与后端位于不同节点",
        drop: "SKB_DROP_REASON_IP_LOCAL_SOURCE",
    }
    LB_MISSING = "lb.missing", Warning {
        en: "the load balancer that the service names does not exist",
        zh: "Service 指明的负载均衡不存在",
        confirm: "kubectl describe service -n {namespace} {name}",
        fix: "correct the label or annotation that names it, or let the cloud controller make a new one",
        fix_zh: "改正指明它的标签或注解，或让云控制器新建一个",
    }
    LB_NO_BACKENDS = "lb.no-backends", Cause {
        en: "the load balancer's listener has no backend that takes connections",
        zh: "负载均衡的监听没有可以接收连接的后端",
        confirm: "kubectl get endpointslices -n {namespace} -l kubernetes.io/service-name={name}; kubectl describe service -n {namespace} {name}",
        fix: "see that the service has ready endpoints on nodes that may be backends, and that no weight is 0",
        fix_zh: "确认 Service 在可作为后端的节点上有就绪的端点，且权重不为 0",
    }
    LB_PROBE_DROPPED = "lb.probe-dropped", Cause {
        en: "the node drops the load balancer's health probe",
        zh: "节点丢弃了负载均衡的健康检查探测报文",
        confirm: "ip addr show kube-ipvs0; nstat -az IpExtInNoRoutes TcpExtIPReversePathFilter",
        fix: "let probes come from 100.64.0.0/10 (on TKE: `service.cloud.tencent.com/prevent-loopback: \"true\"`) and let the node take them: its firewall must admit the range, and the probe's source must not be an address of the node's own (`kube-ipvs0`)",
        fix_zh: "让探测来自 100.64.0.0/10（TKE：`service.cloud.tencent.com/prevent-loopback: \"true\"`），并让节点接收它们：节点防火墙要放行该网段，探测的源地址不能是节点自己的地址（`kube-ipvs0`）",
    }
}
