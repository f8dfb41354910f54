//! What is asked of Tencent Cloud, in the order of the calls: later rows ask for what earlier rows found.

use super::{CLB, CVM, TKE, VPC};
use crate::cloud::table::Ask::{Batch, Each, Once};
use crate::cloud::table::Kind::{
    AddressTemplate, AddressTemplateGroup, Ccn, Clb, ClbAddress, ClusterRouteTable, Instance,
    Interface, NatGateway, Peering, QuintupleAcl, SecurityGroup, ServiceTemplate,
    ServiceTemplateGroup, Vpc, VpnGateway,
};
use crate::cloud::table::Wire::{Field, Filter, List};
use crate::cloud::table::{Action, Ask, Find, Kind, Paging, When, find, find_when};

const OF_VPC: &[Ask] = &[Each(Vpc, Filter("vpc-id"))];
const NUMBERS: Paging = Paging::Offset(100);
const TEXTS: Paging = Paging::OffsetText(100);
const SINGLE: Paging = Paging::Single;

/// A next hop of a route of this type.
const fn next_hop(kind: Kind, of: &'static str) -> Find {
    find_when(kind, "RouteSet.GatewayId", When::Is("GatewayType", of))
}

/// The rows.
#[rustfmt::skip]
pub const ACTIONS: &[Action] = &[
    Action::new(&CVM, "DescribeInstances", &[Batch(Instance, 100, List("InstanceIds"))], NUMBERS,
        ("Response.InstanceSet", "InstanceId"), "the cluster's servers: their state, groups and network")
        .finds(&[find(Vpc, "VirtualPrivateCloud.VpcId"), find(SecurityGroup, "SecurityGroupIds")]),
    Action::new(&VPC, "DescribeVpcs", &[Batch(Vpc, 100, List("VpcIds"))], TEXTS, ("Response.VpcSet", "VpcId"),
        "the network's address ranges"),
    Action::new(&VPC, "DescribeSubnets", OF_VPC, TEXTS, ("Response.SubnetSet", "SubnetId"),
        "subnets: their range, route table and network ACL"),
    Action::new(&VPC, "DescribeNetworkInterfaces", OF_VPC, NUMBERS,
        ("Response.NetworkInterfaceSet", "NetworkInterfaceId"),
        "network cards with all addresses, pods' among them, and who is in which security group")
        .finds(&[find(Interface, "NetworkInterfaceId"),
            find_when(SecurityGroup, "GroupSet", When::Known("Attachment.InstanceId", Instance))]),
    Action::new(&VPC, "DescribeRouteTables", OF_VPC, TEXTS, ("Response.RouteTableSet", "RouteTableId"), "routes")
        .finds(&[next_hop(Ccn, "CCN"), next_hop(Ccn, "USER_CCN"),
            next_hop(Peering, "PEERCONNECTION"), next_hop(VpnGateway, "VPN")]),
    Action::new(&VPC, "DescribeNetworkAcls", OF_VPC, NUMBERS, ("Response.NetworkAclSet", "NetworkAclId"),
        "network ACLs, in their order")
        .finds(&[find_when(QuintupleAcl, "NetworkAclId", When::Is("NetworkAclType", "QUINTUPLE"))]),
    Action::new(&VPC, "DescribeNetworkAclQuintupleEntries", &[Each(QuintupleAcl, Field("NetworkAclId"))], NUMBERS,
        ("Response.NetworkAclQuintupleSet", "NetworkAclQuintupleEntryId"), "ACLs that look at both ends").keyed(),
    Action::new(&VPC, "DescribeNatGateways", OF_VPC, NUMBERS, ("Response.NatGatewaySet", "NatGatewayId"), "NAT gateways")
        .finds(&[find(NatGateway, "NatGatewayId")]),
    Action::new(&VPC, "DescribeNatGatewaySourceIpTranslationNatRules", &[Each(NatGateway, Field("NatGatewayId"))],
        NUMBERS, ("Response.SourceIpTranslationNatRuleSet", "NatGatewaySnatId"),
        "whose sources NAT gateways translate, and to what"),
    Action::new(&VPC, "DescribeNatGatewayDestinationIpPortTranslationNatRules",
        &[Batch(NatGateway, 10, List("NatGatewayIds"))], NUMBERS,
        ("Response.NatGatewayDestinationIpPortTranslationNatRuleSet", ""), "what NAT gateways forward"),
    Action::new(&VPC, "DescribeHaVips", OF_VPC, NUMBERS, ("Response.HaVipSet", "HaVipId"),
        "addresses that move between servers"),
    Action::new(&VPC, "DescribeVpcPeeringConnections", &[Each(Peering, List("PeeringConnectionIds"))], NUMBERS,
        ("Response.PeerConnectionSet", "PeeringConnectionId"), "peerings that routes lead to"),
    Action::new(&VPC, "DescribeCcnAttachedInstances", &[Each(Ccn, Filter("ccn-id"))], NUMBERS,
        ("Response.InstanceSet", "InstanceId"), "what is attached to the CCNs that routes lead to").keyed(),
    Action::new(&VPC, "DescribeCcnRoutes", &[Each(Ccn, Field("CcnId"))], NUMBERS, ("Response.RouteSet", "RouteId"),
        "their routes").keyed(),
    Action::new(&VPC, "DescribeVpnGateways", &[Batch(VpnGateway, 100, List("VpnGatewayIds"))], NUMBERS,
        ("Response.VpnGatewaySet", "VpnGatewayId"), "VPN gateways that routes lead to"),
    Action::new(&TKE, "DescribeClusters", OF_VPC, NUMBERS, ("Response.Clusters", "ClusterId"),
        "the network mode and ranges of the clusters in the network"),
    Action::new(&TKE, "DescribeClusterRouteTables", &[Once], SINGLE, ("Response.RouteTableSet", "RouteTableName"),
        "the route tables of container networks")
        .keep(&[("VpcId", Vpc)])
        .finds(&[find(ClusterRouteTable, "RouteTableName")]),
    Action::new(&TKE, "DescribeClusterRoutes", &[Each(ClusterRouteTable, Field("RouteTableName"))], SINGLE,
        ("Response.RouteSet", "DestinationCidrBlock"), "which node has which pod range").keyed(),

    Action::new(&CLB, "DescribeLoadBalancers",
        &[Batch(Clb, 20, List("LoadBalancerIds")), Batch(ClbAddress, 10, List("LoadBalancerVips"))], NUMBERS,
        ("Response.LoadBalancerSet", "LoadBalancerId"), "the Services' and Ingresses' load balancers")
        .finds(&[find(Clb, "LoadBalancerId"), find(SecurityGroup, "SecureGroups")]),
    Action::new(&CLB, "DescribeListeners", &[Each(Clb, Field("LoadBalancerId"))], SINGLE,
        ("Response.Listeners", "ListenerId"), "their listeners").keyed(),
    Action::new(&CLB, "DescribeTargets", &[Each(Clb, Field("LoadBalancerId"))], SINGLE,
        ("Response.Listeners", "ListenerId"), "their backends").keyed(),
    Action::new(&CLB, "DescribeTargetHealth", &[Each(Clb, List("LoadBalancerIds"))], SINGLE,
        ("Response.LoadBalancers", "LoadBalancerId"), "which backends are healthy").keyed(),

    Action::new(&VPC, "DescribeSecurityGroups", &[Batch(SecurityGroup, 100, List("SecurityGroupIds"))], TEXTS,
        ("Response.SecurityGroupSet", "SecurityGroupId"), "the groups that servers and load balancers are in"),
    Action::new(&VPC, "DescribeSecurityGroupPolicies", &[Each(SecurityGroup, Field("SecurityGroupId"))], SINGLE,
        ("", ""), "their rules, in their order").keyed()
        .finds(&[
            find(AddressTemplate, "Response.SecurityGroupPolicySet.Ingress.AddressTemplate.AddressId"),
            find(AddressTemplate, "Response.SecurityGroupPolicySet.Egress.AddressTemplate.AddressId"),
            find(AddressTemplateGroup, "Response.SecurityGroupPolicySet.Ingress.AddressTemplate.AddressGroupId"),
            find(AddressTemplateGroup, "Response.SecurityGroupPolicySet.Egress.AddressTemplate.AddressGroupId"),
            find(ServiceTemplate, "Response.SecurityGroupPolicySet.Ingress.ServiceTemplate.ServiceId"),
            find(ServiceTemplate, "Response.SecurityGroupPolicySet.Egress.ServiceTemplate.ServiceId"),
            find(ServiceTemplateGroup, "Response.SecurityGroupPolicySet.Ingress.ServiceTemplate.ServiceGroupId"),
            find(ServiceTemplateGroup, "Response.SecurityGroupPolicySet.Egress.ServiceTemplate.ServiceGroupId"),
        ]),
    Action::new(&VPC, "DescribeAddressTemplateGroups",
        &[Each(AddressTemplateGroup, Filter("address-template-group-id"))], TEXTS,
        ("Response.AddressTemplateGroupSet", "AddressTemplateGroupId"), "groups of address templates in rules")
        .finds(&[find(AddressTemplate, "AddressTemplateIdSet")]),
    Action::new(&VPC, "DescribeAddressTemplates", &[Each(AddressTemplate, Filter("address-template-id"))], TEXTS,
        ("Response.AddressTemplateSet", "AddressTemplateId"), "address templates in rules"),
    Action::new(&VPC, "DescribeServiceTemplateGroups",
        &[Each(ServiceTemplateGroup, Filter("service-template-group-id"))], TEXTS,
        ("Response.ServiceTemplateGroupSet", "ServiceTemplateGroupId"), "groups of port templates in rules")
        .finds(&[find(ServiceTemplate, "ServiceTemplateIdSet")]),
    Action::new(&VPC, "DescribeServiceTemplates", &[Each(ServiceTemplate, Filter("service-template-id"))], TEXTS,
        ("Response.ServiceTemplateSet", "ServiceTemplateId"), "port templates in rules"),
    Action::new(&VPC, "DescribeNetworkAccountType", &[Once], SINGLE, ("", ""),
        "whether public load balancers take the bandwidth of their backends"),
    Action::new(&VPC, "DescribeAddresses", &[Once], NUMBERS, ("Response.AddressSet", "AddressId"),
        "elastic addresses of the servers, network cards, gateways and load balancers above")
        .keep(&[("InstanceId", Instance), ("InstanceId", NatGateway), ("InstanceId", Clb),
            ("NetworkInterfaceId", Interface)]),
];
