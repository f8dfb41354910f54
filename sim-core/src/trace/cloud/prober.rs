//! Health checks of load balancers, and the answers to them (reference B.3 (3), C.4 "CLB").

use std::sync::Arc;

use super::{Inside, edge};
use crate::cloud::balancer::Balancer;
use crate::cloud::{Direction, Interface, is_shared};
use crate::linux::conntrack;
use crate::trace::{Arrival, Frame, Stage, Stop, Walk};

impl Walk<'_, '_> {
    /// A probe of a load balancer's is at its backend's interface.
    pub(super) fn probe(
        &mut self,
        inside: Inside<'_>,
        balancer: &Arc<Balancer>,
        frame: Frame,
    ) -> Stage<Arrival> {
        let (src, dst) = (frame.transit.packet.src, frame.transit.packet.dst);
        self.clouded.probing = Some((src, Arc::clone(balancer)));
        let vpc = balancer.vpc.as_deref();
        let mut all = inside.region.interfaces.iter();
        let to = all.find(|one| one.has(dst) && vpc.is_none_or(|vpc| one.vpc == vpc));
        let Some(to) = to else {
            return Err(Stop::Undecided(super::unlisted(inside.region, dst)));
        };
        // B.3 (3); Tencent's 214/54819: the provider's own block needs no rule.
        if (is_shared(src) || balancer.vouches)
            && let Some(tuple) = conntrack::tuple_of(&frame.transit.packet)
        {
            let known = (to.id.clone(), Direction::Ingress, tuple);
            self.clouded.admitted.insert(known);
        }
        let (out, transit) = (Direction::Egress, &frame.transit);
        self.balancer_acl(inside, (balancer, None), out, Some(&to.subnet), transit)?;
        self.enter_interface(inside, to, edge::of(balancer, &to.subnet), frame)
    }

    /// The answer to a probe goes back to the balancer.
    pub(super) fn answer_of_probe(
        &mut self,
        inside: Inside<'_>,
        from: &Interface,
        frame: &Frame,
    ) -> Stage<Option<Arrival>> {
        if let Some((prober, balancer)) = self.clouded.probing.clone()
            && prober == frame.transit.packet.dst
        {
            let (leaving, transit) = ((from, Direction::Egress), &frame.transit);
            self.acl_gate(inside, leaving, edge::of(&balancer, &from.subnet), transit)?;
            let far = Some(from.subnet.as_str());
            self.balancer_acl(inside, (&balancer, None), Direction::Ingress, far, transit)?;
            return Ok(Some(super::internet::at_edge(inside, frame.clone())));
        }
        Ok(None)
    }
}
