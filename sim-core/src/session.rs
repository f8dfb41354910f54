//! One opened capture, asked many questions.

use crate::flow::FlowRequest;
use crate::snapshot::{IndexRecord, SnapshotError, Step, Store};
use crate::verdict::Verdict;

/// Why a question cannot be asked: the question is at fault, not the network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// A name or address of the question means nothing in this capture.
    #[error("{message}")]
    Flow {
        /// Which part of the question: `from`, `to` or `port`.
        field: &'static str,
        /// What is wrong, with near names ("did you mean").
        message: String,
    },
    /// The snapshot cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// An opened capture with everything that was parsed of it so far.
#[derive(Debug)]
pub struct Session<S> {
    store: S,
}

impl<S: Store> Session<S> {
    /// Starts a session on `store`.
    pub fn new(store: S) -> Self {
        Self { store }
    }

    /// The store, to supply what a step needed.
    pub fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// What becomes of `flow`, or which bytes are needed to tell.
    ///
    /// # Errors
    /// When the question means nothing here, or the snapshot is damaged.
    pub fn diagnose(&mut self, flow: &FlowRequest) -> Result<Step<Verdict>, AskError> {
        let _ = flow;
        Err(AskError::Flow {
            field: "from",
            message: "not built yet".into(),
        })
    }

    /// Every pod, node and service that a flow can name, sorted.
    ///
    /// # Errors
    /// When the snapshot is damaged.
    pub fn objects(&mut self) -> Result<Step<Vec<IndexRecord>>, AskError> {
        Ok(self.store.objects()?)
    }
}
