//! A snapshot that is held as a whole.

use pathglass_sim::flow::FlowRequest;
use pathglass_sim::snapshot::Step;
use pathglass_sim::verdict::Verdict;
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::core::Core;
use crate::error::ErrorInfo;
use crate::guard;
use crate::input;
use crate::options::{self, OpenOptions};
use crate::pick::{Objects, Port, SnapshotInfo};
use crate::store;

/// An opened snapshot, asked many questions. Call `free()` when it is no longer needed.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Snapshot {
    core: Core,
}

#[wasm_bindgen]
impl Snapshot {
    /// Opens a sealed snapshot (throws `PathglassError`).
    ///
    /// # Errors
    /// When the bytes are no snapshot, were changed after sealing, are too new or locked.
    pub fn open(bytes: Vec<u8>, options: Option<Ts<OpenOptions>>) -> Result<Self, ErrorInfo> {
        guard::check()?;
        let options = options::read(options)?;
        let core = Core::new(store::whole(bytes, &options)?);
        let snapshot = Self { core };
        // What is damaged or locked shows here, not with the first question.
        whole(snapshot.core.info()?)?;
        Ok(snapshot)
    }

    /// Who sealed it, when it was captured, how large it is.
    ///
    /// # Errors
    /// When the snapshot is damaged.
    pub fn info(&self) -> Result<Ts<SnapshotInfo>, ErrorInfo> {
        to_js(&whole(self.core.info()?)?)
    }

    /// Every pod, node and service that a flow can name.
    ///
    /// # Errors
    /// When the snapshot is damaged.
    pub fn objects(&self) -> Result<Ts<Objects>, ErrorInfo> {
        to_js(&whole(self.core.objects()?)?)
    }

    /// The ports that a flow to `object` can ask for, as far as the capture tells.
    ///
    /// # Errors
    /// When the snapshot is damaged.
    pub fn ports(&self, object: &str) -> Result<Vec<Ts<Port>>, ErrorInfo> {
        whole(self.core.ports(object)?)?.iter().map(to_js).collect()
    }

    /// What becomes of the flow.
    ///
    /// # Errors
    /// When the question means nothing in this capture (kind `flow`), or the snapshot is damaged.
    pub fn diagnose(&self, request: &Ts<FlowRequest>) -> Result<Ts<Verdict>, ErrorInfo> {
        to_js(&whole(
            self.core.diagnose(&input::read(request, "request")?)?,
        )?)
    }

    /// The verdict's JSON: byte for byte what the native engine writes.
    ///
    /// # Errors
    /// As `diagnose`.
    #[wasm_bindgen(js_name = diagnoseJson)]
    pub fn diagnose_json(&self, request: &Ts<FlowRequest>) -> Result<String, ErrorInfo> {
        let verdict = whole(self.core.diagnose(&input::read(request, "request")?)?)?;
        Ok(verdict.to_json())
    }
}

/// Whether a file that begins with `head` (64 bytes will do) is an encrypted snapshot: it is opened as a whole.
#[wasm_bindgen(js_name = isEncrypted)]
#[must_use]
pub fn is_encrypted(head: &[u8]) -> bool {
    pathglass_sim::snapshot::is_encrypted(head)
}

/// `value` as a JavaScript value.
pub(crate) fn to_js<T: Tsify + Serialize>(value: &T) -> Result<Ts<T>, ErrorInfo> {
    value
        .into_ts()
        .map_err(|error| ErrorInfo::internal(error.to_string()))
}

fn whole<T>(step: Step<T>) -> Result<T, ErrorInfo> {
    match step {
        Step::Done(value) => Ok(value),
        Step::Needs(_) => Err(ErrorInfo::internal(
            "a snapshot that is held as a whole asked for more bytes",
        )),
    }
}
