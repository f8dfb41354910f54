//! What is tested of the workspace as a whole: agreement with real connections, parity, schema, repository rules.

pub mod agreement;
pub mod ask;
pub mod cloud_double;
pub mod clouds;
pub mod cluster;
pub mod corpus;
pub mod doubts;
pub mod faults;
pub mod fuzzing;
pub mod honesty;
pub mod kernel;
pub mod large;
pub mod literals;
pub mod naive;
pub mod naive_groups;
#[cfg(target_os = "linux")]
pub mod oracle;
pub mod pairs;
pub mod parity;
pub mod readme;
pub mod regions;
pub mod report;
pub mod schema;
pub mod unhashed;
pub mod watch;
