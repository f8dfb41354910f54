//! What is asked of Alibaba Cloud, in the order of the calls: later rows ask for what earlier rows found.

use super::{ALB, CBN, ECS, NLB, SLB, VPC, VPCPEER};
use crate::cloud::table::Ask::{Batch, Each, Once};
use crate::cloud::table::Kind::{
    AccessList, Alb, AlbAccessList, AlbHost, AlbListener, AlbServerGroup, Clb, ClbAddress,
    ClbProxy, EgressGateway, GatewayRouteTable, Instance, Interface, MasterSlaveGroup, NatGateway,
    NetworkAcl, Nlb, NlbHost, NlbListener, NlbServerGroup, NodeInterface, Peering, PortList,
    PrefixList, RouteTable, SecurityGroup, ServerGroup, TransitAttachment, TransitRouteTable, Vpc,
    VpcPrefixList, VpnGateway,
};
use crate::cloud::table::Wire::{Comma, Field, Filter, JsonText, List, Pair};
use crate::cloud::table::{Action, Ask, Paging, When, find, find_pair, find_when};

const OF_VPC: &[Ask] = &[Each(Vpc, Field("VpcId"))];
const PAGES: Paging = Paging::Number("PageNumber", 50, "TotalCount");
const TOKENS: Paging = Paging::Token("MaxResults", 100);
const SINGLE: Paging = Paging::Single;
const WHOLE: (&str, &str) = ("", "");

/// A next hop of a route entry of this type.
const fn next_hop(kind: crate::cloud::table::Kind, of: &'static str) -> crate::cloud::table::Find {
    find_when(
        kind,
        "NextHops.NextHop.NextHopId",
        When::Is("NextHopType", of),
    )
}

/// The rows.
#[rustfmt::skip]
pub const ACTIONS: &[Action] = &[
    Action::new(&ECS, "DescribeInstances", &[Batch(Instance, 100, JsonText("InstanceIds"))], TOKENS,
        ("Instances.Instance", "InstanceId"), "the cluster's servers: their state, groups and network")
        .finds(&[find(Vpc, "VpcAttributes.VpcId"), find(SecurityGroup, "SecurityGroupIds.SecurityGroupId")]),
    Action::new(&VPC, "DescribeVpcs", OF_VPC, PAGES, ("Vpcs.Vpc", "VpcId"), "the network's address ranges"),
    Action::new(&VPC, "DescribeVSwitches", OF_VPC, PAGES, ("VSwitches.VSwitch", "VSwitchId"),
        "subnets: their range, route table and network ACL")
        .finds(&[find(NetworkAcl, "NetworkAclId")]),
    Action::new(&ECS, "DescribeNetworkInterfaces", OF_VPC, Paging::Token("MaxResults", 500),
        ("NetworkInterfaceSets.NetworkInterfaceSet", "NetworkInterfaceId"),
        "network cards with all addresses, pods' among them, and who is in which security group")
        .finds(&[find(Interface, "NetworkInterfaceId"),
            find_when(NodeInterface, "NetworkInterfaceId", When::Known("InstanceId", Instance)),
            find_when(SecurityGroup, "SecurityGroupIds.SecurityGroupId", When::Known("InstanceId", Instance)),
            find_when(SecurityGroup, "SecurityGroupIds.SecurityGroupId", When::Known("Attachment.InstanceId", Instance)),
            find_when(SecurityGroup, "SecurityGroupIds.SecurityGroupId",
                When::Known("Attachment.TrunkNetworkInterfaceId", NodeInterface))]),

    Action::new(&VPC, "DescribeRouteTableList", OF_VPC, PAGES,
        ("RouterTableList.RouterTableListType", "RouteTableId"), "which route table is bound to which subnet")
        .finds(&[find_when(RouteTable, "RouteTableId", When::IsNot("AssociateType", "Gateway")),
            find_when(GatewayRouteTable, "RouteTableId", When::Is("AssociateType", "Gateway"))]),
    Action::new(&VPC, "DescribeRouteEntryList", &[Each(RouteTable, Field("RouteTableId"))],
        Paging::Token("MaxResult", 100), ("RouteEntrys.RouteEntry", "RouteEntryId"), "routes")
        .keyed()
        .finds(&[find_when(VpcPrefixList, "DestinationCidrBlock", When::Begins("pl-")),
            next_hop(TransitAttachment, "Attachment"), next_hop(Peering, "VpcPeer"),
            next_hop(VpnGateway, "VpnGateway")]),
    Action::new(&VPC, "ListGatewayRouteTableEntries", &[Each(GatewayRouteTable, Field("GatewayRouteTableId"))],
        TOKENS, ("GatewayRouteEntryModels", "DestinationCidrBlock"), "routes of what comes in through a gateway").keyed(),
    Action::new(&VPC, "DescribeNetworkAclAttributes", &[Each(NetworkAcl, Field("NetworkAclId"))], SINGLE,
        WHOLE, "network ACLs, in their order").keyed()
        .finds(&[
            find_when(VpcPrefixList, "NetworkAclAttribute.IngressAclEntries.IngressAclEntry.SourceCidrIp", When::Begins("pl-")),
            find_when(VpcPrefixList, "NetworkAclAttribute.EgressAclEntries.EgressAclEntry.DestinationCidrIp", When::Begins("pl-")),
        ]),
    Action::new(&VPC, "GetVpcPrefixListEntries", &[Each(VpcPrefixList, Field("PrefixListId"))], TOKENS,
        ("PrefixListEntry", "Cidr"), "prefix lists of routes and ACLs").keyed(),
    Action::new(&VPC, "DescribeNatGateways", OF_VPC, PAGES, ("NatGateways.NatGateway", "NatGatewayId"), "NAT gateways")
        .finds(&[find(NatGateway, "NatGatewayId")]),
    Action::new(&VPC, "DescribeSnatTableEntries", &[Each(NatGateway, Field("NatGatewayId"))], PAGES,
        ("SnatTableEntries.SnatTableEntry", "SnatEntryId"), "whose sources NAT gateways translate, and to what"),
    Action::new(&VPC, "DescribeForwardTableEntries", &[Each(NatGateway, Field("NatGatewayId"))], PAGES,
        ("ForwardTableEntries.ForwardTableEntry", "ForwardEntryId"), "what NAT gateways forward"),
    Action::new(&VPC, "DescribeIpv6Gateways", OF_VPC, PAGES, ("Ipv6Gateways.Ipv6Gateway", "Ipv6GatewayId"), "IPv6 gateways")
        .finds(&[find(EgressGateway, "Ipv6GatewayId")]),
    Action::new(&VPC, "DescribeIpv6EgressOnlyRules", &[Each(EgressGateway, Field("Ipv6GatewayId"))], PAGES,
        ("Ipv6EgressOnlyRules.Ipv6EgressOnlyRule", "Ipv6EgressOnlyRuleId"), "IPv6 addresses that may only go out"),
    Action::new(&VPC, "DescribeIpv6Addresses", OF_VPC, PAGES, ("Ipv6Addresses.Ipv6Address", "Ipv6AddressId"),
        "IPv6 addresses, and whether they are public"),
    Action::new(&VPC, "ListIpv4Gateways", OF_VPC, TOKENS, ("Ipv4GatewayModels", "Ipv4GatewayId"), "IPv4 gateways"),
    Action::new(&VPC, "DescribeHaVips", &[Each(Vpc, Filter("VpcId"))], PAGES, ("HaVips.HaVip", "HaVipId"),
        "addresses that move between servers"),
    Action::new(&VPC, "DescribeVpnGateways", &[Each(VpnGateway, Field("VpnGatewayId"))], PAGES,
        ("VpnGateways.VpnGateway", "VpnGatewayId"), "VPN gateways that routes lead to"),
    Action::new(&VPC, "DescribeVpnRouteEntries", &[Each(VpnGateway, Field("VpnGatewayId"))], PAGES,
        ("VpnRouteEntries.VpnRouteEntry", ""), "their routes").keyed(),
    Action::new(&VPCPEER, "ListVpcPeerConnections", &[Each(Peering, Field("InstanceId"))], TOKENS,
        ("VpcPeerConnects", "InstanceId"), "peerings that routes lead to"),
    Action::new(&CBN, "ListTransitRouterVpcAttachments",
        &[Each(TransitAttachment, Field("TransitRouterAttachmentId"))], TOKENS,
        ("TransitRouterAttachments", "TransitRouterAttachmentId"), "transit routers that routes lead to"),
    Action::new(&CBN, "ListTransitRouterRouteTableAssociations",
        &[Each(TransitAttachment, Field("TransitRouterAttachmentId"))], TOKENS,
        ("TransitRouterAssociations", "TransitRouterRouteTableId"), "which of their route tables is used")
        .finds(&[find(TransitRouteTable, "TransitRouterRouteTableId")]),
    Action::new(&CBN, "ListTransitRouterRouteEntries",
        &[Each(TransitRouteTable, Field("TransitRouterRouteTableId"))], TOKENS,
        ("TransitRouterRouteEntries", "TransitRouterRouteEntryId"), "their routes").keyed(),

    Action::new(&SLB, "DescribeLoadBalancers",
        &[Batch(Clb, 10, Comma("LoadBalancerId")), Each(ClbAddress, Field("Address"))],
        Paging::Number("PageNumber", 100, "TotalCount"),
        ("LoadBalancers.LoadBalancer", "LoadBalancerId"), "the Services' classic load balancers")
        .finds(&[find(Clb, "LoadBalancerId")]),
    Action::new(&SLB, "DescribeLoadBalancerAttribute", &[Each(Clb, Field("LoadBalancerId"))], SINGLE, WHOLE,
        "their state and default backends").keyed(),
    Action::new(&SLB, "DescribeLoadBalancerListeners", &[Each(Clb, List("LoadBalancerId"))], TOKENS,
        ("Listeners", "ListenerPort"), "their listeners").keyed()
        .finds(&[find(ServerGroup, "VServerGroupId"), find(AccessList, "AclId"), find(AccessList, "AclIds"),
            find(MasterSlaveGroup, "TCPListenerConfig.MasterSlaveServerGroupId"),
            find(MasterSlaveGroup, "UDPListenerConfig.MasterSlaveServerGroupId"),
            find_pair(ClbProxy, "LoadBalancerId", "ListenerPort", When::Is("ListenerProtocol", "http")),
            find_pair(ClbProxy, "LoadBalancerId", "ListenerPort", When::Is("ListenerProtocol", "https"))]),
    Action::new(&SLB, "DescribeRules", &[Each(ClbProxy, Pair("LoadBalancerId", "ListenerPort"))], SINGLE,
        ("Rules.Rule", "RuleId"), "which host and path their listeners of layer 7 send where").keyed()
        .finds(&[find(ServerGroup, "VServerGroupId")]),
    Action::new(&SLB, "DescribeVServerGroups", &[Each(Clb, Field("LoadBalancerId"))], SINGLE,
        ("VServerGroups.VServerGroup", "VServerGroupId"), "their server groups").keyed()
        .finds(&[find(ServerGroup, "VServerGroupId")]),
    Action::new(&SLB, "DescribeVServerGroupAttribute", &[Each(ServerGroup, Field("VServerGroupId"))], SINGLE,
        ("BackendServers.BackendServer", ""), "the groups' backends").keyed(),
    Action::new(&SLB, "DescribeMasterSlaveServerGroupAttribute",
        &[Each(MasterSlaveGroup, Field("MasterSlaveServerGroupId"))], SINGLE, WHOLE, "pairs of a server and its stand-in").keyed(),
    Action::new(&SLB, "DescribeHealthStatus", &[Each(Clb, Field("LoadBalancerId"))], SINGLE,
        ("BackendServers.BackendServer", ""), "which backends are healthy").keyed(),
    Action::new(&SLB, "DescribeAccessControlListAttribute", &[Each(AccessList, Field("AclId"))],
        Paging::Number("Page", 50, "TotalAclEntry"),
        ("AclEntrys.AclEntry", "AclEntryIP"), "whom listeners let in").keyed(),
    Action::new(&NLB, "ListLoadBalancers", &[Batch(Nlb, 20, List("LoadBalancerIds")), Each(NlbHost, Field("DNSName"))],
        TOKENS, ("LoadBalancers", "LoadBalancerId"), "the Services' network load balancers")
        .finds(&[find(Nlb, "LoadBalancerId")]),
    Action::new(&NLB, "GetLoadBalancerAttribute", &[Each(Nlb, Field("LoadBalancerId"))], SINGLE, WHOLE,
        "their zones, addresses and groups").keyed()
        .finds(&[find(SecurityGroup, "SecurityGroupIds")]),
    Action::new(&NLB, "ListListeners", &[Each(Nlb, List("LoadBalancerIds"))], TOKENS, ("Listeners", "ListenerId"),
        "their listeners").keyed()
        .finds(&[find(NlbListener, "ListenerId"), find(NlbServerGroup, "ServerGroupId")]),
    Action::new(&NLB, "GetListenerHealthStatus", &[Each(NlbListener, Field("ListenerId"))], SINGLE,
        ("ListenerHealthStatus", "ListenerId"), "which backends are unhealthy").keyed(),
    Action::new(&NLB, "ListServerGroups", &[Batch(NlbServerGroup, 20, List("ServerGroupIds"))], TOKENS,
        ("ServerGroups", "ServerGroupId"), "their server groups"),
    Action::new(&NLB, "ListServerGroupServers", &[Each(NlbServerGroup, Field("ServerGroupId"))], TOKENS,
        ("Servers", ""), "the groups' backends").keyed(),
    Action::new(&ALB, "ListLoadBalancers", &[Batch(Alb, 20, List("LoadBalancerIds")), Each(AlbHost, Field("DNSName"))],
        TOKENS, ("LoadBalancers", "LoadBalancerId"), "the Ingresses' application load balancers")
        .finds(&[find(Alb, "LoadBalancerId")]),
    Action::new(&ALB, "GetLoadBalancerAttribute", &[Each(Alb, Field("LoadBalancerId"))], SINGLE, WHOLE,
        "their zones, addresses and groups").keyed()
        .finds(&[find(SecurityGroup, "SecurityGroupIds")]),
    Action::new(&ALB, "ListListeners", &[Each(Alb, List("LoadBalancerIds"))], TOKENS, ("Listeners", "ListenerId"),
        "their listeners").keyed()
        .finds(&[find(AlbListener, "ListenerId"),
            find(AlbServerGroup, "DefaultActions.ForwardGroupConfig.ServerGroupTuples.ServerGroupId")]),
    Action::new(&ALB, "GetListenerAttribute", &[Each(AlbListener, Field("ListenerId"))], SINGLE, WHOLE,
        "whom listeners let in").keyed()
        .finds(&[find(AlbAccessList, "AclConfig.AclRelations.AclId")]),
    Action::new(&ALB, "ListRules", &[Each(Alb, List("LoadBalancerIds"))], TOKENS, ("Rules", "RuleId"),
        "which host and path go where").keyed()
        .finds(&[find(AlbServerGroup, "RuleActions.ForwardGroupConfig.ServerGroupTuples.ServerGroupId")]),
    Action::new(&ALB, "GetListenerHealthStatus", &[Each(AlbListener, Field("ListenerId"))], TOKENS,
        ("ListenerHealthStatus", "ListenerId"), "which backends are unhealthy").keyed()
        .with(&[("IncludeRule", "true")]),
    Action::new(&ALB, "ListServerGroups", &[Batch(AlbServerGroup, 20, List("ServerGroupIds"))], TOKENS,
        ("ServerGroups", "ServerGroupId"), "their server groups"),
    Action::new(&ALB, "ListServerGroupServers", &[Each(AlbServerGroup, Field("ServerGroupId"))], TOKENS,
        ("Servers", ""), "the groups' backends").keyed(),
    Action::new(&ALB, "ListAclEntries", &[Each(AlbAccessList, Field("AclId"))], TOKENS, ("AclEntries", "Entry"),
        "whom listeners let in").keyed(),

    Action::new(&ECS, "DescribeSecurityGroups", OF_VPC, TOKENS, ("SecurityGroups.SecurityGroup", "SecurityGroupId"),
        "the kinds of security groups"),
    Action::new(&ECS, "DescribeSecurityGroupAttribute", &[Each(SecurityGroup, Field("SecurityGroupId"))],
        Paging::Token("MaxResults", 1000), ("Permissions.Permission", "SecurityGroupRuleId"),
        "the rules of the groups that servers and load balancers are in").keyed()
        .finds(&[find(PrefixList, "SourcePrefixListId"), find(PrefixList, "DestPrefixListId"),
            find(PortList, "PortRangeListId")]),
    Action::new(&ECS, "DescribePrefixListAttributes", &[Each(PrefixList, Field("PrefixListId"))], SINGLE,
        ("Entries.Entry", "Cidr"), "prefix lists of security groups").keyed(),
    Action::new(&ECS, "DescribePortRangeListEntries", &[Each(PortList, Field("PortRangeListId"))], SINGLE,
        ("Entries", "PortRange"), "port lists of security groups").keyed(),
    Action::new(&VPC, "DescribeEipAddresses", &[Once], Paging::Number("PageNumber", 100, "TotalCount"),
        ("EipAddresses.EipAddress", "AllocationId"),
        "elastic addresses of the servers, network cards, gateways and load balancers above")
        .keep(&[("InstanceId", Instance), ("InstanceId", Interface), ("InstanceId", NatGateway), ("InstanceId", Clb)]),
];
