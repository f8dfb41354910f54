//! Matching against ip sets.

use crate::evidence::ipset::IpsetSave;

/// A namespace's ip sets, made ready for lookups.
#[derive(Debug, Clone, Default)]
pub struct IpSets {
    save: Option<IpsetSave>,
}

impl IpSets {
    /// Indexes what was captured; `None` where `ipset save` was not captured: every match is unknown.
    #[must_use]
    pub fn new(save: Option<IpsetSave>) -> Self {
        Self { save }
    }
}
