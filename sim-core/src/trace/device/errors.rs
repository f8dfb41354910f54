//! What becomes of errors about a tunnel's outer packets (`ipip_err`, `ip_tunnel_xmit`, `vxlan_err_lookup`, `ip_vs_in_icmp`).

use super::super::blocker::{Blocker, Failure};
use super::super::{Encapsulated, Phase, Reports, Stage, Transit, Walk};
use crate::linux::icmp;
use crate::verdict::Outcome;

impl Walk<'_, '_> {
    /// What the inner packet's sender notices of a lost outer packet: most tunnels are silent; those with `err_count`
    /// tell the next one that is sent (`ipip_err`, `ip_tunnel_xmit`), IPVS passes the error on (`ip_vs_in_icmp`).
    pub(in crate::trace) fn noticed_through(
        &mut self,
        inner: &Encapsulated,
        blocker: &Blocker,
        failure: Failure,
        outer: &Transit,
    ) -> Stage<(Outcome, Option<Outcome>)> {
        let lost = (Outcome::Timeout, None);
        if inner.reports == Reports::Nobody || self.phase != Phase::Request {
            return Ok(lost);
        }
        let host_unreachable = icmp::host_unreachable(outer.packet.family());
        let ((kind, code), is_here) = match failure {
            Failure::Icmp { kind, code } => ((kind, code), false),
            // An error of this stack's own meets IPVS while it is being sent: the next one finds `icmp_xmit_lock()` taken.
            Failure::Neighbour if outer.local && inner.reports == Reports::Sender => {
                return Ok(lost);
            }
            Failure::Neighbour => (host_unreachable, outer.local),
            Failure::Silent
            | Failure::Stranger
            | Failure::TooBig { .. }
            | Failure::Reset
            | Failure::Local(_) => return Ok(lost),
        };
        let error = icmp::error(&outer.packet, kind, code);
        if !is_here && !self.error_returns(&blocker.ends_at, error, outer)? {
            return Ok(lost);
        }
        let about = &inner.frame.transit;
        let (kind, code) = match inner.reports {
            Reports::Sender => (kind, code),
            Reports::NextSender | Reports::Nobody => icmp::host_unreachable(about.packet.family()),
        };
        let kept = std::mem::replace(&mut self.sender, inner.sender.clone());
        let noticed = self.error_noticed(&inner.device.ns, kind, code, about);
        self.sender = kept;
        Ok(match (noticed?, inner.reports) {
            // Only the next packet tells of it.
            (Outcome::Unreachable, Reports::NextSender) => {
                (Outcome::Unreachable, Some(Outcome::Timeout))
            }
            (other, _) => (other, None),
        })
    }
}
