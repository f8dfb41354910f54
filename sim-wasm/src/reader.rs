//! A snapshot that is read in part: the host supplies the ranges that a question needs.

use std::cell::RefCell;

use pathglass_sim::flow::FlowRequest;
use pathglass_sim::snapshot::{ByteRange, Step};
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
use crate::snapshot::to_js;
use crate::store;

/// A range of the snapshot's bytes, `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Tsify)]
pub struct ByteSpan {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

/// A snapshot of which only the parts that a question needs are fetched.
///
/// Every question answers `undefined` when bytes are missing: `supply()` what `needs()` names, then ask again.
#[wasm_bindgen]
#[derive(Debug)]
pub struct SnapshotReader {
    core: Core,
    needs: RefCell<Vec<ByteRange>>,
}

#[wasm_bindgen]
impl SnapshotReader {
    /// Starts on a snapshot of `length` bytes.
    ///
    /// # Errors
    /// When the options are not well-formed.
    pub fn open(length: f64, options: Option<Ts<OpenOptions>>) -> Result<Self, ErrorInfo> {
        guard::check()?;
        let options = options::read(options)?;
        Ok(Self {
            core: Core::new(store::ranged(bytes(length)?, &options)?),
            needs: RefCell::default(),
        })
    }

    /// What the last question lacks.
    ///
    /// # Errors
    /// When the module has stopped.
    pub fn needs(&self) -> Result<Vec<Ts<ByteSpan>>, ErrorInfo> {
        guard::check()?;
        self.needs
            .borrow()
            .iter()
            .map(|&ByteRange { start, end }| to_js(&ByteSpan { start, end }))
            .collect()
    }

    /// Supplies the snapshot's bytes from `start` on.
    ///
    /// # Errors
    /// When they do not belong there.
    pub fn supply(&self, start: f64, data: &[u8]) -> Result<(), ErrorInfo> {
        let start = bytes(start)?;
        let end = start.saturating_add(data.len() as u64);
        let range = ByteRange { start, end };
        Ok(self.core.session()?.store_mut().supply(range, data)?)
    }

    /// As `Snapshot.info`.
    ///
    /// # Errors
    /// When the snapshot is damaged or locked.
    pub fn info(&self) -> Result<Option<Ts<SnapshotInfo>>, ErrorInfo> {
        self.settle(self.core.info()?)
            .as_ref()
            .map(to_js)
            .transpose()
    }

    /// As `Snapshot.objects`.
    ///
    /// # Errors
    /// When the snapshot is damaged.
    pub fn objects(&self) -> Result<Option<Ts<Objects>>, ErrorInfo> {
        self.settle(self.core.objects()?)
            .as_ref()
            .map(to_js)
            .transpose()
    }

    /// As `Snapshot.ports`.
    ///
    /// # Errors
    /// When the snapshot is damaged.
    pub fn ports(&self, object: &str) -> Result<Option<Vec<Ts<Port>>>, ErrorInfo> {
        self.settle(self.core.ports(object)?)
            .map(|ports| ports.iter().map(to_js).collect())
            .transpose()
    }

    /// As `Snapshot.diagnose`.
    ///
    /// # Errors
    /// As `Snapshot.diagnose`.
    pub fn diagnose(&self, request: &Ts<FlowRequest>) -> Result<Option<Ts<Verdict>>, ErrorInfo> {
        self.settle(self.core.diagnose(&input::read(request, "request")?)?)
            .as_ref()
            .map(to_js)
            .transpose()
    }

    /// As `Snapshot.diagnoseJson`.
    ///
    /// # Errors
    /// As `Snapshot.diagnose`.
    #[wasm_bindgen(js_name = diagnoseJson)]
    pub fn diagnose_json(&self, request: &Ts<FlowRequest>) -> Result<Option<String>, ErrorInfo> {
        let verdict = self.settle(self.core.diagnose(&input::read(request, "request")?)?);
        Ok(verdict.map(|verdict| verdict.to_json()))
    }

    /// The answer, or none with the ranges kept for `needs`.
    fn settle<T>(&self, step: Step<T>) -> Option<T> {
        match step {
            Step::Done(value) => {
                self.needs.take();
                Some(value)
            }
            Step::Needs(ranges) => {
                self.needs.replace(ranges);
                None
            }
        }
    }
}

/// A JavaScript number as a byte count: whole, not negative, exact.
fn bytes(number: f64) -> Result<u64, ErrorInfo> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    if !(0.0..LIMIT).contains(&number) || number.fract() != 0.0 {
        return Err(ErrorInfo::flow(
            "request",
            format!("`{number}` is not a byte count"),
        ));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above: whole and between 0 and 2^53"
    )]
    Ok(number as u64)
}
