//! Load balancers: what forwards to which backends.

use super::{Files, Provider};

/// The load balancers of a region.
#[derive(Debug, Default)]
pub struct Balancers {}

/// Reads a region's load balancers.
pub(super) fn read(_provider: Provider, _files: &mut Files<'_>) -> Balancers {
    Balancers {}
}
