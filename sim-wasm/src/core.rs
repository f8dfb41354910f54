//! What both handles do, once: ask the session, turn errors into the module's own.

use std::cell::{RefCell, RefMut};

use pathglass_sim::evidence::manifest;
use pathglass_sim::flow::FlowRequest;
use pathglass_sim::session::Session;
use pathglass_sim::snapshot::{Reader, Step, Store};
use pathglass_sim::verdict::Verdict;

use crate::error::ErrorInfo;
use crate::guard;
use crate::pick::{self, Objects, Port, SnapshotInfo};
use crate::ports;

/// Unwraps a [`Step`], or hands its `Needs` on.
macro_rules! done {
    ($step:expr) => {
        match $step {
            Step::Done(value) => value,
            Step::Needs(ranges) => return Ok(Step::Needs(ranges)),
        }
    };
}
pub(crate) use done;

/// A session that can be entered from a shared reference, since a panic leaves the handle borrowed.
#[derive(Debug)]
pub(crate) struct Core(RefCell<Session<Reader>>);

impl Core {
    pub(crate) fn new(reader: Reader) -> Self {
        Self(RefCell::new(Session::new(reader)))
    }

    pub(crate) fn session(&self) -> Result<RefMut<'_, Session<Reader>>, ErrorInfo> {
        guard::check()?;
        self.0
            .try_borrow_mut()
            .map_err(|_| ErrorInfo::internal("the snapshot is in use by another call"))
    }

    pub(crate) fn diagnose(&self, flow: &FlowRequest) -> Result<Step<Verdict>, ErrorInfo> {
        Ok(self.session()?.diagnose(flow)?)
    }

    pub(crate) fn objects(&self) -> Result<Step<Objects>, ErrorInfo> {
        let records = done!(self.session()?.objects()?);
        Ok(Step::Done(pick::objects(records)))
    }

    pub(crate) fn ports(&self, object: &str) -> Result<Step<Vec<Port>>, ErrorInfo> {
        ports::of(self.session()?.store_mut(), object)
    }

    pub(crate) fn info(&self) -> Result<Step<SnapshotInfo>, ErrorInfo> {
        let mut session = self.session()?;
        let store = session.store_mut();
        done!(store.open()?);
        let manifest_sha256 = done!(store.manifest_sha256()?);
        let machines = done!(store.machines()?).len();
        let capture = done!(ports::file(store, "capture.json")?);
        let captured_at = capture.and_then(|file| manifest::parse(&file).value.captured_at);
        Ok(Step::Done(SnapshotInfo {
            seal: store.seal(),
            manifest_sha256,
            captured_at,
            machines: u32::try_from(machines).unwrap_or(u32::MAX),
        }))
    }
}
