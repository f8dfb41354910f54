//! The kernel oracle: random worlds in network namespaces, real packets through them, and the simulator's
//! answer on their capture beside what the kernel did.
//!
//! A [`spec::Spec`] is a world as data: *ops* (one step in its making each, tagged with the feature that it exercises) and
//! flows. [`grammar::world`] draws one from a seed; [`build`] makes it; [`probe`] sends packets; [`capture`] captures it;
//! [`measure`] compares. See `README.md` beside this module's folder for how to add an op.

pub mod build;
pub mod capture;
pub mod command;
pub mod decisive;
pub mod draft;
pub mod grammar;
pub mod measure;
pub mod netns;
pub mod probe;
pub mod report;
pub mod shrink;
pub mod spec;

use std::fmt::Display;

/// Why a world could not be made or measured: the machine's fault or the harness's, never the simulator's.
#[derive(Debug, Clone)]
pub struct Problem(pub String);

impl Problem {
    fn of(what: impl Display, error: &dyn std::error::Error) -> Self {
        Self(format!("{what}: {error}"))
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
