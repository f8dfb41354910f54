//! What the walk writes down: hops and their steps.

use std::sync::Arc;

use crate::linux::packet::Packet;
use crate::source::Source;
use crate::verdict::StepStatus;
use crate::world::Namespace;

/// One step as recorded, before it is rendered.
#[derive(Debug, Clone)]
pub(crate) struct LoggedStep {
    pub(crate) text: String,
    pub(crate) status: StepStatus,
    pub(crate) sources: Vec<Source>,
}

/// One namespace's part of the way, as recorded.
#[derive(Debug, Clone)]
pub(crate) struct LoggedHop {
    pub(crate) ns: Arc<Namespace>,
    pub(crate) device_in: Option<String>,
    pub(crate) device_out: Option<String>,
    pub(crate) before: Packet,
    pub(crate) after: Packet,
    pub(crate) steps: Vec<LoggedStep>,
    pub(crate) as_if_passed: bool,
}

/// The hops of the packet under way.
#[derive(Debug, Default)]
pub(crate) struct Log {
    hops: Vec<LoggedHop>,
    pub(crate) muted: bool,
}

impl Log {
    /// The packet enters a namespace (or is made there).
    pub(crate) fn enter(
        &mut self,
        ns: &Arc<Namespace>,
        device: Option<&str>,
        packet: &Packet,
        as_if_passed: bool,
    ) {
        if self.muted {
            return;
        }
        self.hops.push(LoggedHop {
            ns: Arc::clone(ns),
            device_in: device.map(str::to_owned),
            device_out: None,
            before: packet.clone(),
            after: packet.clone(),
            steps: Vec::new(),
            as_if_passed,
        });
    }

    /// The packet made here is complete: its source is chosen.
    pub(crate) fn made(&mut self, packet: &Packet) {
        if !self.muted
            && let Some(hop) = self.hops.last_mut()
        {
            hop.before = packet.clone();
            hop.after = packet.clone();
        }
    }

    /// Something happened to it there; words are made only where somebody will read them.
    pub(crate) fn step(
        &mut self,
        status: StepStatus,
        text: impl FnOnce() -> String,
        sources: impl FnOnce() -> Vec<Source>,
    ) {
        if self.muted {
            return;
        }
        if let Some(hop) = self.hops.last_mut() {
            hop.steps.push(LoggedStep {
                text: text(),
                status,
                sources: sources(),
            });
        }
    }

    /// It is as `packet` now; it leaves by `device` if that is given.
    pub(crate) fn now(&mut self, packet: &Packet, device: Option<&str>) {
        if self.muted {
            return;
        }
        if let Some(hop) = self.hops.last_mut() {
            hop.after = packet.clone();
            if let Some(device) = device {
                hop.device_out = Some(device.to_owned());
            }
        }
    }

    /// Takes what was recorded since the last time.
    pub(crate) fn take(&mut self) -> Vec<LoggedHop> {
        std::mem::take(&mut self.hops)
    }
}
