//! `pathglass assert`: many expected outcomes, checked at once.

pub mod expectation;
pub mod judge;

pub use expectation::{Expectations, FlowExpectation, InvalidExpectations, Observation};
pub use judge::{judge, names_the_cause};
