//! The clouds' APIs: what is asked of them, how it is signed, paged and tried again, and what is kept of the answers.
//!
//! `table` says what an action is, `aliyun/actions.rs` and `tencent/actions.rs` list them, a row each; `plan` goes
//! through the rows, `client` and `page` make the calls, `write` puts the answers into the capture.

pub mod aliyun;
pub mod client;
pub mod credentials;
pub mod document;
pub mod endpoint;
pub mod error;
pub mod page;
pub mod plan;
pub mod seed;
pub mod sign;
pub mod table;
pub mod tencent;
pub mod write;

use table::Action;

/// A cloud, by the name that its folder has in a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Provider {
    /// Alibaba Cloud.
    Aliyun,
    /// Tencent Cloud.
    Tencent,
}

impl Provider {
    /// Both, for what goes through all.
    pub const ALL: [Self; 2] = [Self::Aliyun, Self::Tencent];

    /// The name of its folder.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Aliyun => "aliyun",
            Self::Tencent => "tencent",
        }
    }

    /// The actions that a pull may call, in the order of their calls.
    #[must_use]
    pub fn actions(self) -> &'static [Action] {
        match self {
            Self::Aliyun => aliyun::ACTIONS,
            Self::Tencent => tencent::ACTIONS,
        }
    }

    /// What its access policies are called.
    #[must_use]
    pub fn policies(self) -> &'static str {
        match self {
            Self::Aliyun => "RAM",
            Self::Tencent => "CAM",
        }
    }
}
