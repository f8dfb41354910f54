//! What a public load balancer's traffic costs its backends (Tencent's account types, cloud.tencent.com 214/36999, 215/86509).

use super::Inside;
use crate::cloud::balancer::Balancer;
use crate::cloud::{Instance, Interface};
use crate::linux::choice::{Choice as _, Doubt};
use crate::trace::blocker::{Blocker, BlockerKind, Failure};
use crate::trace::{Frame, Stage, Walk};

impl Walk<'_, '_> {
    /// In some accounts a public balancer's traffic takes the bandwidth of its backend, which may have none.
    pub(super) fn own_bandwidth(
        &mut self,
        inside: Inside<'_>,
        balancer: &Balancer,
        to: &Interface,
        frame: &Frame,
    ) -> Stage<()> {
        let region = inside.region;
        let machine = to.instance.as_deref().and_then(|id| region.instance(id));
        let without = |own: &&Instance| balancer.public && own.bandwidth == Some(0);
        let Some(machine) = machine.filter(without) else {
            return Ok(());
        };
        let takes = match region.own_bandwidth {
            Some(known) => known,
            None => self.script.unknown(Doubt {
                what: format!(
                    "whether the account is of the traditional type, in which traffic of public load balancers takes the bandwidth of their backends: {} has none of its own",
                    machine.id
                ),
                settle: format!("{}/vpc/DescribeNetworkAccountType.json", region.folder),
                source: Some(machine.source.clone()),
            }),
        };
        if !takes {
            return Ok(());
        }
        let blocker = Blocker::new(BlockerKind::CloudNoBandwidth, inside.ns)
            .says(format!(
                "the account is of the traditional type, in which traffic of {} takes the public bandwidth of its backends, and {} has none",
                balancer.words(),
                machine.id
            ))
            .blames(machine.object())
            .citing([machine.source.clone(), balancer.source.clone()]);
        self.block(blocker, Failure::Silent, &frame.transit)
    }
}
