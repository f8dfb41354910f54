//! What the cloud's own network does to packets.

use super::{Entry, Severity, Text, entries};

entries! {
    CLOUDS

    CLOUD_ACL_DENIED = "cloud.acl-denied", Cause {
        en: "a network ACL of a subnet drops the packet; it keeps no state, so answers need entries of their own",
        zh: "子网的网络 ACL 丢弃了该报文；它是无状态的，回包也需要自己的规则",
        confirm: "aliyun vpc DescribeNetworkAclAttributes --NetworkAclId {aliyun}; tccli vpc DescribeNetworkAcls --NetworkAclIds {tencent}",
        fix: "add an entry that lets the packet pass, and one for its answers to the ports 1024-65535",
        fix_zh: "添加放行该报文的规则，并为发往 1024-65535 端口的回包添加规则",
    }
    CLOUD_GROUP_DENIED = "cloud.security-group-denied", Cause {
        en: "a security group of the cloud lets no such packet pass",
        zh: "云上的安全组不放行该报文",
        confirm: "aliyun ecs DescribeSecurityGroupAttribute --SecurityGroupId {aliyun}; tccli vpc DescribeSecurityGroupPolicies --SecurityGroupId {tencent}",
        fix: "add a rule to the security group that accepts this protocol, port and address, before the rule that drops it",
        fix_zh: "在安全组中添加放行该协议、端口和地址的规则，并使其先于拒绝它的规则",
    }
    CLOUD_NO_COMMON_GROUP = "cloud.no-common-security-group", Cause {
        en: "the two machines have no security group in common, and no rule lets one reach the other",
        zh: "两台机器不属于同一安全组，也没有规则允许其中一台访问另一台",
        confirm: "aliyun ecs DescribeSecurityGroupAttribute --SecurityGroupId {aliyun}; tccli vpc DescribeSecurityGroupPolicies --SecurityGroupId {tencent}",
        fix: "put both machines into one security group, or add a rule that accepts the other's group or addresses",
        fix_zh: "把两台机器加入同一安全组，或添加放行对方安全组或地址的规则",
    }
    CLOUD_INSTANCE_STOPPED = "cloud.instance-stopped", Cause {
        en: "the packet is for a machine that does not run",
        zh: "报文发往一台没有运行的机器",
        confirm: "aliyun ecs DescribeInstances --InstanceIds '[\"{aliyun}\"]'; tccli cvm DescribeInstances --InstanceIds {tencent}",
        fix: "start the machine, or remove what still leads to it",
        fix_zh: "启动该机器，或删除仍指向它的配置",
    }
    CLOUD_NO_FORWARD_ENTRY = "cloud.no-forward-entry", Cause {
        en: "a NAT gateway has no DNAT entry for the address and port that is asked for",
        zh: "NAT 网关没有与所访问地址和端口对应的 DNAT 条目",
        confirm: "aliyun vpc DescribeNatGateways --NatGatewayId {aliyun}; tccli vpc DescribeNatGateways --NatGatewayIds {tencent}",
        fix: "add a DNAT entry for this address, port and protocol to the NAT gateway",
        fix_zh: "在 NAT 网关上为该地址、端口和协议添加 DNAT 条目",
    }
    CLOUD_NAT_HAIRPIN = "cloud.nat-hairpin", Cause {
        en: "what leaves by a NAT gateway asks for an address of the same gateway, which does not send it back in",
        zh: "经 NAT 网关出去的报文访问同一网关的地址，网关不会再把它转发回来",
        confirm: "aliyun vpc DescribeNatGateways --NatGatewayId {aliyun}; tccli vpc DescribeNatGateways --NatGatewayIds {tencent}",
        fix: "use the private address inside the private network",
        fix_zh: "在专有网络内改用私网地址访问",
    }
    CLOUD_NO_PUBLIC_ADDRESS = "cloud.no-public-address", Cause {
        en: "there is no public address to leave or enter by, or it does not work",
        zh: "没有可用于进出公网的公网地址，或该地址不可用",
        confirm: "aliyun vpc DescribeEipAddresses --AllocationId {aliyun}; tccli vpc DescribeAddresses --AddressIds {tencent}",
        fix: "bind a public address to the machine, unlock the one that it has, or route through a NAT gateway with an SNAT entry",
        fix_zh: "为机器绑定公网地址、解除其现有地址的锁定，或改经配置了 SNAT 条目的 NAT 网关",
    }
    CLOUD_NO_BANDWIDTH = "cloud.no-public-bandwidth", Cause {
        en: "in an account of Tencent Cloud's traditional type a public load balancer's traffic takes its backend's own public bandwidth, and the machine has none",
        zh: "腾讯云传统账户类型下，公网负载均衡的流量占用后端机器自己的公网带宽，而该机器没有公网带宽",
        confirm: "tccli vpc DescribeNetworkAccountType; tccli cvm DescribeInstances --InstanceIds {tencent}",
        fix: "give the machine public bandwidth, or have the account upgraded to the standard type",
        fix_zh: "为该机器购买公网带宽，或把账户升级为标准账户类型",
    }
    CLOUD_NO_SNAT = "cloud.no-snat-entry", Cause {
        en: "a NAT gateway has no SNAT entry for the source, and drops what it sends",
        zh: "NAT 网关没有与源地址对应的 SNAT 条目，丢弃其报文",
        confirm: "aliyun vpc DescribeNatGateways --NatGatewayId {aliyun}; tccli vpc DescribeNatGateways --NatGatewayIds {tencent}",
        fix: "add an SNAT entry for the source's subnet or address to the NAT gateway",
        fix_zh: "在 NAT 网关上为该源所在子网或其地址添加 SNAT 条目",
    }
    CLOUD_NEXT_HOP = "cloud.next-hop-unavailable", Cause {
        en: "a route of the private network leads to a machine or gateway that does not exist or does not work",
        zh: "专有网络的路由指向不存在或不可用的机器或网关",
        confirm: "aliyun vpc DescribeRouteEntryList --RouteTableId {aliyun}; tccli vpc DescribeRouteTables --RouteTableIds {tencent}",
        fix: "point the route at a next hop that works; for a node's pods the cloud controller manager should have",
        fix_zh: "把路由指向可用的下一跳；节点 Pod 网段的路由本应由 cloud controller manager 维护",
    }
    CLOUD_ROUTE_ELSEWHERE = "cloud.route-elsewhere", Cause {
        en: "a route of the private network leads to another machine than the one behind which the destination is",
        zh: "专有网络的路由指向了另一台机器，而不是目的地址所在的机器",
        confirm: "aliyun vpc DescribeRouteEntryList --RouteTableId {aliyun}; tccli vpc DescribeRouteTables --RouteTableIds {tencent}",
        fix: "correct the route's next hop; for a node's pods the cloud controller manager should have",
        fix_zh: "更正该路由的下一跳；节点 Pod 网段的路由本应由 cloud controller manager 维护",
    }
    CLOUD_ROUTE_MISSING = "cloud.route-missing", Cause {
        en: "the route table of the sender's subnet has no entry for the destination",
        zh: "发送方所在子网的路由表没有到目的地址的条目",
        confirm: "aliyun vpc DescribeRouteEntryList --RouteTableId {aliyun}; tccli vpc DescribeRouteTables --RouteTableIds {tencent}",
        fix: "add the route to the table of that subnet; for a node's pods check the cloud controller manager and its route tables",
        fix_zh: "在该子网的路由表中添加路由；若目的是节点的 Pod，请检查 cloud controller manager 及其路由表配置",
    }
    CLOUD_SOURCE_CHECK = "cloud.source-dest-check", Cause {
        en: "a network interface takes and sends packets of its own addresses only, and the packet has a pod's",
        zh: "网卡只收发自身地址的报文，而该报文带的是 Pod 等其他地址",
        confirm: "aliyun ecs DescribeNetworkInterfaceAttribute --NetworkInterfaceId {aliyun}",
        fix: "switch the interface's source and destination check off",
        fix_zh: "关闭该网卡的源/目的地址检查",
    }
}
