//! The allow-list of each kube resource. What is not named here never gets into a snapshot.

/// One resource: its file's name, its items' kind, and the fields that stay.
pub(crate) struct Resource {
    /// `pods` for `kube/pods.json`.
    pub(crate) name: &'static str,
    /// Items of another kind are dropped; empty where several API groups use the name.
    pub(crate) kind: &'static str,
    /// Beside [`COMMON`].
    pub(crate) fields: &'static [&'static str],
}

/// What stays of every object.
pub(crate) const COMMON: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata.annotations.<network>",
    "metadata.creationTimestamp",
    "metadata.deletionTimestamp",
    "metadata.generateName",
    "metadata.generation",
    "metadata.labels.*",
    "metadata.name",
    "metadata.namespace",
    "metadata.ownerReferences[].controller",
    "metadata.ownerReferences[].kind",
    "metadata.ownerReferences[].name",
    "metadata.ownerReferences[].uid",
    "metadata.resourceVersion",
    "metadata.uid",
];

/// What the network sees of a pod's spec; env, args, commands and volumes are not here.
macro_rules! pod_spec {
    ($at:literal) => {
        pod_spec!(@containers $at, "containers", "initContainers", "ephemeralContainers";
            "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[].matchFields[].key",
            "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[].matchFields[].operator",
            "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[].matchFields[].values[]",
            "dnsConfig.nameservers[]", "dnsConfig.options[].name", "dnsConfig.options[].value",
            "dnsConfig.searches[]", "dnsPolicy", "enableServiceLinks", "hostAliases[].hostnames[]", "hostAliases[].ip",
            "hostNetwork", "hostname", "nodeName", "nodeSelector.*", "overhead.*", "preemptionPolicy", "priority",
            "priorityClassName", "readinessGates[].conditionType", "restartPolicy", "runtimeClassName",
            "schedulerName", "securityContext.sysctls[].name", "securityContext.sysctls[].value",
            "serviceAccountName", "setHostnameAsFQDN", "shareProcessNamespace", "subdomain",
            "terminationGracePeriodSeconds", "tolerations[].effect", "tolerations[].key", "tolerations[].operator",
            "tolerations[].tolerationSeconds", "tolerations[].value")
    };
    (@containers $at:literal, $($list:literal),*; $($field:literal),*) => {
        &[
            $(concat!($at, $field),)*
            $(
                concat!($at, $list, "[].image"), concat!($at, $list, "[].name"),
                concat!($at, $list, "[].ports[].containerPort"), concat!($at, $list, "[].ports[].hostIP"),
                concat!($at, $list, "[].ports[].hostPort"), concat!($at, $list, "[].ports[].name"),
                concat!($at, $list, "[].ports[].protocol"), concat!($at, $list, "[].resources.limits.*"),
                concat!($at, $list, "[].resources.requests.*"), concat!($at, $list, "[].restartPolicy"),
                concat!($at, $list, "[].securityContext.capabilities.add[]"),
                concat!($at, $list, "[].securityContext.privileged"),
                concat!($at, $list, "[].livenessProbe.failureThreshold"), concat!($at, $list, "[].livenessProbe.grpc.port"),
                concat!($at, $list, "[].livenessProbe.httpGet.host"), concat!($at, $list, "[].livenessProbe.httpGet.path"),
                concat!($at, $list, "[].livenessProbe.httpGet.port"), concat!($at, $list, "[].livenessProbe.httpGet.scheme"),
                concat!($at, $list, "[].livenessProbe.periodSeconds"), concat!($at, $list, "[].livenessProbe.tcpSocket.host"),
                concat!($at, $list, "[].livenessProbe.tcpSocket.port"), concat!($at, $list, "[].livenessProbe.timeoutSeconds"),
                concat!($at, $list, "[].readinessProbe.failureThreshold"), concat!($at, $list, "[].readinessProbe.grpc.port"),
                concat!($at, $list, "[].readinessProbe.httpGet.host"), concat!($at, $list, "[].readinessProbe.httpGet.path"),
                concat!($at, $list, "[].readinessProbe.httpGet.port"), concat!($at, $list, "[].readinessProbe.httpGet.scheme"),
                concat!($at, $list, "[].readinessProbe.periodSeconds"), concat!($at, $list, "[].readinessProbe.tcpSocket.host"),
                concat!($at, $list, "[].readinessProbe.tcpSocket.port"), concat!($at, $list, "[].readinessProbe.timeoutSeconds"),
            )*
        ]
    };
}

const POD_SPEC: &[&str] = pod_spec!("spec.");
const TEMPLATE_SPEC: &[&str] = pod_spec!("spec.template.spec.");

/// The list shape of a status: what controllers report of their pods.
const WORKLOAD: &[&str] = &[
    "spec.replicas",
    "spec.selector.matchExpressions[].key",
    "spec.selector.matchExpressions[].operator",
    "spec.selector.matchExpressions[].values[]",
    "spec.selector.matchLabels.*",
    "spec.template.metadata.labels.*",
    "spec.template.metadata.annotations.<network>",
    "spec.updateStrategy.rollingUpdate.*",
    "spec.updateStrategy.type",
    "status.*",
    "status.conditions[].lastTransitionTime",
    "status.conditions[].message",
    "status.conditions[].reason",
    "status.conditions[].status",
    "status.conditions[].type",
];

const POD: &[&str] = &[
    "status.conditions[].lastTransitionTime",
    "status.conditions[].message",
    "status.conditions[].reason",
    "status.conditions[].status",
    "status.conditions[].type",
    "status.hostIP",
    "status.hostIPs[].ip",
    "status.message",
    "status.nominatedNodeName",
    "status.phase",
    "status.podIP",
    "status.podIPs[].ip",
    "status.qosClass",
    "status.reason",
    "status.startTime",
    "status.containerStatuses[].lastState.terminated.exitCode",
    "status.containerStatuses[].lastState.terminated.finishedAt",
    "status.containerStatuses[].lastState.terminated.reason",
    "status.containerStatuses[].lastState.terminated.startedAt",
    "status.containerStatuses[].name",
    "status.containerStatuses[].ready",
    "status.containerStatuses[].restartCount",
    "status.containerStatuses[].started",
    "status.containerStatuses[].state.running.startedAt",
    "status.containerStatuses[].state.terminated.exitCode",
    "status.containerStatuses[].state.terminated.finishedAt",
    "status.containerStatuses[].state.terminated.reason",
    "status.containerStatuses[].state.terminated.startedAt",
    "status.containerStatuses[].state.waiting.reason",
    "status.initContainerStatuses[].name",
    "status.initContainerStatuses[].ready",
    "status.initContainerStatuses[].restartCount",
    "status.initContainerStatuses[].started",
    "status.initContainerStatuses[].state.running.startedAt",
    "status.initContainerStatuses[].state.terminated.exitCode",
    "status.initContainerStatuses[].state.terminated.reason",
    "status.initContainerStatuses[].state.waiting.reason",
];

const NODE: &[&str] = &[
    "spec.podCIDR",
    "spec.podCIDRs[]",
    "spec.providerID",
    "spec.taints[].effect",
    "spec.taints[].key",
    "spec.taints[].timeAdded",
    "spec.taints[].value",
    "spec.unschedulable",
    "status.addresses[].address",
    "status.addresses[].type",
    "status.allocatable.*",
    "status.capacity.*",
    "status.conditions[].lastHeartbeatTime",
    "status.conditions[].lastTransitionTime",
    "status.conditions[].message",
    "status.conditions[].reason",
    "status.conditions[].status",
    "status.conditions[].type",
    "status.nodeInfo.architecture",
    "status.nodeInfo.containerRuntimeVersion",
    "status.nodeInfo.kernelVersion",
    "status.nodeInfo.kubeProxyVersion",
    "status.nodeInfo.kubeletVersion",
    "status.nodeInfo.operatingSystem",
    "status.nodeInfo.osImage",
];

const SERVICE: &[&str] = &[
    "spec.allocateLoadBalancerNodePorts",
    "spec.clusterIP",
    "spec.clusterIPs[]",
    "spec.externalIPs[]",
    "spec.externalName",
    "spec.externalTrafficPolicy",
    "spec.healthCheckNodePort",
    "spec.internalTrafficPolicy",
    "spec.ipFamilies[]",
    "spec.ipFamily",
    "spec.ipFamilyPolicy",
    "spec.loadBalancerClass",
    "spec.loadBalancerIP",
    "spec.loadBalancerSourceRanges[]",
    "spec.ports[].appProtocol",
    "spec.ports[].name",
    "spec.ports[].nodePort",
    "spec.ports[].port",
    "spec.ports[].protocol",
    "spec.ports[].targetPort",
    "spec.publishNotReadyAddresses",
    "spec.selector.*",
    "spec.sessionAffinity",
    "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
    "spec.topologyKeys[]",
    "spec.trafficDistribution",
    "spec.type",
    "status.conditions[].message",
    "status.conditions[].reason",
    "status.conditions[].status",
    "status.conditions[].type",
    "status.loadBalancer.ingress[].hostname",
    "status.loadBalancer.ingress[].ip",
    "status.loadBalancer.ingress[].ipMode",
    "status.loadBalancer.ingress[].ports[].error",
    "status.loadBalancer.ingress[].ports[].port",
    "status.loadBalancer.ingress[].ports[].protocol",
];

macro_rules! endpoint_addresses {
    ($($list:literal),*) => {
        &[
            "subsets[].ports[].appProtocol", "subsets[].ports[].name", "subsets[].ports[].port",
            "subsets[].ports[].protocol",
            $(
                concat!("subsets[].", $list, "[].hostname"), concat!("subsets[].", $list, "[].ip"),
                concat!("subsets[].", $list, "[].nodeName"), concat!("subsets[].", $list, "[].targetRef.kind"),
                concat!("subsets[].", $list, "[].targetRef.name"), concat!("subsets[].", $list, "[].targetRef.namespace"),
                concat!("subsets[].", $list, "[].targetRef.uid"),
            )*
        ]
    };
}

const ENDPOINTS: &[&str] = endpoint_addresses!("addresses", "notReadyAddresses");

const ENDPOINT_SLICE: &[&str] = &[
    "addressType",
    "endpoints[].addresses[]",
    "endpoints[].conditions.ready",
    "endpoints[].conditions.serving",
    "endpoints[].conditions.terminating",
    "endpoints[].deprecatedTopology.*",
    "endpoints[].hints.forNodes[].name",
    "endpoints[].hints.forZones[].name",
    "endpoints[].hostname",
    "endpoints[].nodeName",
    "endpoints[].targetRef.kind",
    "endpoints[].targetRef.name",
    "endpoints[].targetRef.namespace",
    "endpoints[].targetRef.uid",
    "endpoints[].topology.*",
    "endpoints[].zone",
    "ports[].appProtocol",
    "ports[].name",
    "ports[].port",
    "ports[].protocol",
];

const INGRESS: &[&str] = &[
    "spec.backend.serviceName",
    "spec.backend.servicePort",
    "spec.defaultBackend.resource.*",
    "spec.defaultBackend.service.name",
    "spec.defaultBackend.service.port.*",
    "spec.ingressClassName",
    "spec.rules[].host",
    "spec.rules[].http.paths[].backend.resource.*",
    "spec.rules[].http.paths[].backend.service.name",
    "spec.rules[].http.paths[].backend.service.port.*",
    "spec.rules[].http.paths[].backend.serviceName",
    "spec.rules[].http.paths[].backend.servicePort",
    "spec.rules[].http.paths[].path",
    "spec.rules[].http.paths[].pathType",
    "spec.tls[].hosts[]",
    "spec.tls[].secretName",
    "status.loadBalancer.ingress[].hostname",
    "status.loadBalancer.ingress[].ip",
    "status.loadBalancer.ingress[].ports[].error",
    "status.loadBalancer.ingress[].ports[].port",
    "status.loadBalancer.ingress[].ports[].protocol",
];

/// A custom resource whose spec configures the network.
const SPEC: &[&str] = &["spec.**"];
/// A custom resource whose status tells what the network agent did.
const SPEC_AND_STATUS: &[&str] = &["spec.**", "status.**"];

/// Cilium's policies hold one rule, or several.
const RULES_AND_STATUS: &[&str] = &["spec.**", "specs.**", "status.**"];

/// ConfigMaps are listed by name and key, in `config_map.rs`; this is what stays beside their data.
const NOTHING_MORE: &[&str] = &[];

/// Every resource that a snapshot can hold.
pub(crate) const RESOURCES: &[Resource] = &[
    resource(
        "adminnetworkpolicies",
        "AdminNetworkPolicy",
        SPEC_AND_STATUS,
    ),
    resource(
        "baselineadminnetworkpolicies",
        "BaselineAdminNetworkPolicy",
        SPEC_AND_STATUS,
    ),
    resource("bgpconfigurations", "BGPConfiguration", SPEC),
    resource("bgppeers", "BGPPeer", SPEC),
    resource("blockaffinities", "BlockAffinity", SPEC),
    resource(
        "ciliumclusterwidenetworkpolicies",
        "CiliumClusterwideNetworkPolicy",
        RULES_AND_STATUS,
    ),
    resource("ciliumendpoints", "CiliumEndpoint", SPEC_AND_STATUS),
    resource("ciliumidentities", "CiliumIdentity", &["security-labels.*"]),
    resource(
        "ciliumnetworkpolicies",
        "CiliumNetworkPolicy",
        RULES_AND_STATUS,
    ),
    resource("ciliumnodes", "CiliumNode", SPEC_AND_STATUS),
    resource(
        "clusternetworkpolicies",
        "ClusterNetworkPolicy",
        SPEC_AND_STATUS,
    ),
    resource("clusterinformations", "ClusterInformation", SPEC),
    resource("configmaps", "ConfigMap", NOTHING_MORE),
    resource("daemonsets", "DaemonSet", WORKLOAD),
    resource("deployments", "Deployment", WORKLOAD),
    resource("endpoints", "Endpoints", ENDPOINTS),
    resource("endpointslices", "EndpointSlice", ENDPOINT_SLICE),
    resource("felixconfigurations", "FelixConfiguration", SPEC),
    resource("gatewayclasses", "GatewayClass", SPEC_AND_STATUS),
    resource("gateways", "Gateway", SPEC_AND_STATUS),
    resource("globalnetworkpolicies", "GlobalNetworkPolicy", SPEC),
    resource("globalnetworksets", "GlobalNetworkSet", SPEC),
    resource("hostendpoints", "HostEndpoint", SPEC),
    resource("httproutes", "HTTPRoute", SPEC_AND_STATUS),
    resource(
        "ingressclasses",
        "IngressClass",
        &["spec.controller", "spec.parameters.*"],
    ),
    resource("ingresses", "Ingress", INGRESS),
    resource("ipaddresses", "IPAddress", SPEC),
    resource("ipamblocks", "IPAMBlock", SPEC),
    resource("ippools", "IPPool", SPEC),
    resource("ipreservations", "IPReservation", SPEC),
    resource("namespaces", "Namespace", &["status.phase"]),
    resource(
        "network-attachment-definitions",
        "NetworkAttachmentDefinition",
        SPEC,
    ),
    resource("networkpolicies", "NetworkPolicy", SPEC),
    resource(
        "networkpolicies.crd.projectcalico.org",
        "NetworkPolicy",
        SPEC,
    ),
    resource("networks", "", SPEC),
    resource("networksets", "NetworkSet", SPEC),
    resource("nodenetworkings", "NodeNetworking", SPEC_AND_STATUS),
    resource("nodes", "Node", NODE),
    resource("podenis", "PodENI", SPEC_AND_STATUS),
    resource("podnetworkings", "PodNetworking", SPEC_AND_STATUS),
    resource("pods", "Pod", POD),
    resource("referencegrants", "ReferenceGrant", SPEC),
    resource("replicasets", "ReplicaSet", WORKLOAD),
    resource("serviceaccounts", "ServiceAccount", NOTHING_MORE),
    resource("servicecidrs", "ServiceCIDR", SPEC_AND_STATUS),
    resource("services", "Service", SERVICE),
    resource("statefulsets", "StatefulSet", WORKLOAD),
    resource("tcproutes", "TCPRoute", SPEC_AND_STATUS),
    resource("tiers", "Tier", SPEC),
    resource("vpcenis", "", SPEC_AND_STATUS),
    resource("vpcipclaims", "", SPEC_AND_STATUS),
    resource("vpcips", "", SPEC_AND_STATUS),
];

const fn resource(
    name: &'static str,
    kind: &'static str,
    fields: &'static [&'static str],
) -> Resource {
    Resource { name, kind, fields }
}

impl Resource {
    /// The resource of the list `kube/<name>.json`; `<plural>.<group>` is that of `<plural>` where not listed itself.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        let plural = name.split('.').next().unwrap_or(name);
        let find = |name: &str| RESOURCES.iter().find(|resource| resource.name == name);
        find(name).or_else(|| find(plural))
    }

    /// Every pattern of the resource.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = &'static str> + use<> {
        let shared: &[&str] = match self.name {
            "pods" => POD_SPEC,
            "daemonsets" | "deployments" | "replicasets" | "statefulsets" => TEMPLATE_SPEC,
            _ => &[],
        };
        COMMON.iter().chain(self.fields).chain(shared).copied()
    }
}
