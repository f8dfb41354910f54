//! From a question to its verdict: most are one flow, some take several, one after another.

mod merge;
mod name;
mod one;
mod probe;
mod web;

use crate::flow::{FlowRequest, Unresolved};
use crate::verdict::Verdict;
use crate::world::World;

/// The verdict on `request`; receipt and seal are the session's to fill in.
pub(crate) fn answer(world: &mut World<'_>, request: &FlowRequest) -> Result<Verdict, Unresolved> {
    if let Some(name) = request.to.strip_prefix("dns:") {
        return name::answer(world, request, name);
    }
    if request.to.contains("://") {
        return web::answer(world, request);
    }
    one::answer(world, request)
}
