//! Tencent Cloud.

mod actions;
pub mod credentials;
pub mod sign;

pub use actions::ACTIONS;
use serde_json::Value;

use super::table::{Host, Product, Style};

/// What its host names end in.
pub const DOMAIN: &str = "tencentcloudapi.com";

const fn product(name: &'static str, version: &'static str) -> Product {
    Product {
        name,
        version,
        permission: name,
        style: Style::Tc3,
        host: Host::Central,
    }
}

/// Servers.
pub static CVM: Product = product("cvm", "2017-03-12");
/// Networks, with security groups, NAT gateways and elastic addresses.
pub static VPC: Product = product("vpc", "2017-03-12");
/// Load balancers.
pub static CLB: Product = product("clb", "2018-03-17");
/// Clusters.
pub static TKE: Product = product("tke", "2018-05-25");
/// Temporary credentials.
pub static STS: Product = product("sts", "2018-08-13");

/// The code and message of a refused call; errors too come with status 200.
#[must_use]
pub fn refusal(body: &Value) -> Option<(&str, &str)> {
    let error = body.get("Response")?.get("Error")?;
    let text = |name| error.get(name).and_then(Value::as_str).unwrap_or_default();
    Some((text("Code"), text("Message")))
}
