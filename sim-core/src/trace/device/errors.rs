//! What becomes of errors about a tunnel's outer packets (`ipip_err`, `ip_tunnel_xmit`, `vxlan_err_lookup`).

use super::super::blocker::{Blocker, Failure};
use super::super::{Encapsulated, Phase, Stage, Transit, Walk};
use crate::linux::icmp;
use crate::verdict::Outcome;

impl Walk<'_, '_> {
    /// What the inner packet's sender notices of a lost outer packet: most tunnels are silent; those with `err_count`
    /// tell the next one that is sent (`ipip_err`, `ip_tunnel_xmit`).
    pub(in crate::trace) fn noticed_through(
        &mut self,
        inner: &Encapsulated,
        blocker: &Blocker,
        failure: Failure,
        outer: &Transit,
    ) -> Stage<(Outcome, Option<Outcome>)> {
        let lost = (Outcome::Timeout, None);
        if !inner.reports || self.phase != Phase::Request {
            return Ok(lost);
        }
        let heard = match failure {
            Failure::Icmp { kind, code } => {
                let error = icmp::error(&outer.packet, kind, code);
                self.error_returns(&blocker.ends_at, error, outer)?
            }
            Failure::Neighbour if outer.local => true,
            Failure::Neighbour => {
                let (kind, code) = icmp::host_unreachable(outer.packet.family());
                let error = icmp::error(&outer.packet, kind, code);
                self.error_returns(&blocker.ends_at, error, outer)?
            }
            Failure::Silent
            | Failure::Stranger
            | Failure::TooBig { .. }
            | Failure::Reset
            | Failure::Local(_) => false,
        };
        if !heard {
            return Ok(lost);
        }
        let about = &inner.frame.transit;
        let (kind, code) = icmp::host_unreachable(about.packet.family());
        let kept = std::mem::replace(&mut self.sender, inner.sender.clone());
        let noticed = self.error_noticed(&inner.device.ns, kind, code, about);
        self.sender = kept;
        Ok(match noticed? {
            Outcome::Unreachable => (Outcome::Unreachable, Some(Outcome::Timeout)),
            other => (other, None),
        })
    }
}
