//! Alibaba Cloud.

mod actions;
pub mod credentials;
pub mod sign;

pub use actions::ACTIONS;
use serde_json::Value;

use super::table::{Host, Product, Style};

/// What its host names end in.
pub const DOMAIN: &str = "aliyuncs.com";

const fn product(
    name: &'static str,
    version: &'static str,
    permission: &'static str,
    style: Style,
    host: Host,
) -> Product {
    Product {
        name,
        version,
        permission,
        style,
        host,
    }
}

const ECS_HANGZHOU: &str = "ecs-cn-hangzhou.aliyuncs.com";
const VPC_BARE: &str = "vpc.aliyuncs.com";
const SLB_BARE: &str = "slb.aliyuncs.com";

/// Servers, network cards and security groups.
pub static ECS: Product = product(
    "ecs",
    "2014-05-26",
    "ecs",
    Style::Rpc,
    Host::Regional(&[
        ("cn-hangzhou", ECS_HANGZHOU),
        ("cn-shanghai-finance-1", ECS_HANGZHOU),
        ("cn-shenzhen-finance-1", ECS_HANGZHOU),
        ("cn-north-2-gov-1", "ecs.aliyuncs.com"),
    ]),
);

/// Networks, with NAT gateways, elastic addresses and VPNs.
pub static VPC: Product = product(
    "vpc",
    "2016-04-28",
    "vpc",
    Style::Rpc,
    Host::Regional(&[
        ("cn-hangzhou", VPC_BARE),
        ("cn-shanghai-finance-1", VPC_BARE),
        ("cn-shenzhen-finance-1", VPC_BARE),
        ("cn-north-2-gov-1", VPC_BARE),
    ]),
);

/// Classic load balancers (CLB).
pub static SLB: Product = product(
    "slb",
    "2014-05-15",
    "slb",
    Style::Rpc,
    Host::Regional(&[
        ("cn-qingdao", SLB_BARE),
        ("cn-beijing", SLB_BARE),
        ("cn-hangzhou", SLB_BARE),
        ("cn-shanghai", SLB_BARE),
        ("cn-shenzhen", SLB_BARE),
        ("cn-hongkong", SLB_BARE),
        ("ap-southeast-1", SLB_BARE),
        ("us-east-1", SLB_BARE),
        ("us-west-1", SLB_BARE),
        ("cn-shanghai-finance-1", SLB_BARE),
        ("cn-shenzhen-finance-1", SLB_BARE),
        ("cn-north-2-gov-1", SLB_BARE),
    ]),
);

/// Network load balancers; their lists take parameters as a form.
pub static NLB: Product = product(
    "nlb",
    "2022-04-30",
    "nlb",
    Style::Acs3Form,
    Host::Regional(&[]),
);

/// Application load balancers.
pub static ALB: Product = product(
    "alb",
    "2020-06-16",
    "alb",
    Style::Acs3Query,
    Host::Regional(&[]),
);

/// Transit routers (CEN); policies call it `cen`.
pub static CBN: Product = product("cbn", "2017-09-12", "cen", Style::Acs3Query, Host::Central);

/// Peerings of VPCs; their permissions are those of VPCs.
pub static VPCPEER: Product = product(
    "vpcpeer",
    "2022-01-01",
    "vpc",
    Style::Acs3Form,
    Host::Central,
);

/// Temporary credentials.
pub static STS: Product = product("sts", "2015-04-01", "sts", Style::Rpc, Host::Central);

/// The code and message of a refused call, and the request's id.
#[must_use]
pub fn refusal(body: &Value) -> Option<(&str, &str)> {
    let text = |names: [&str; 2]| names.iter().find_map(|name| body.get(name)?.as_str());
    Some((
        text(["Code", "code"])?,
        text(["Message", "message"]).unwrap_or_default(),
    ))
}
