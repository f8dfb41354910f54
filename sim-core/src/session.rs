//! One opened capture, asked many questions.

use crate::flow::{FlowRequest, Unresolved};
use crate::intent::all_pairs::{self, IntendedMatrix, IntendedRequest, MatrixRequest};
use crate::journey;
use crate::snapshot::{IndexRecord, SnapshotError, Step, Store};
use crate::verdict::{Intended, Intention, Verdict};
use crate::world::{Halt, Parses, World};

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

/// The engine's name and version, as receipts give it.
pub const ENGINE: &str = concat!("pathglass-sim ", env!("CARGO_PKG_VERSION"));

/// An opened capture with everything that was parsed of it so far.
#[derive(Debug)]
pub struct Session<S> {
    store: S,
    parses: Parses,
}

impl<S: Store> Session<S> {
    /// Starts a session on `store`.
    pub fn new(store: S) -> Self {
        Self {
            store,
            parses: Parses::default(),
        }
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
        let mut world = World::new(&mut self.store, &mut self.parses);
        let mut verdict = match journey::answer(&mut world, flow) {
            Ok(verdict) => verdict,
            Err(Unresolved::Wrong { field, message }) => {
                return Err(AskError::Flow { field, message });
            }
            Err(Unresolved::Halt(Halt::Snapshot(error))) => return Err(AskError::Snapshot(error)),
            Err(Unresolved::Halt(Halt::Needs(ranges))) => return Ok(Step::Needs(ranges)),
        };
        verdict.receipt.entries = world.entries();
        verdict.receipt.manifest_sha256 = match self.store.manifest_sha256()? {
            Step::Done(hash) => hash,
            Step::Needs(ranges) => return Ok(Step::Needs(ranges)),
        };
        verdict.seal = self.store.seal();
        Ok(Step::Done(verdict))
    }

    /// What network policies intend between all pairs of pods: never what is so.
    ///
    /// # Errors
    /// When the snapshot is damaged.
    pub fn intended_matrix(
        &mut self,
        request: MatrixRequest,
    ) -> Result<Step<IntendedMatrix>, AskError> {
        let mut world = World::new(&mut self.store, &mut self.parses);
        step(all_pairs::matrix(&mut world, request))
    }

    /// What network policies intend for one connection, and each direction's part in it.
    ///
    /// # Errors
    /// When a name means nothing here, or the snapshot is damaged.
    pub fn intended(
        &mut self,
        request: &IntendedRequest,
    ) -> Result<Step<(Intention, Vec<Intended>)>, AskError> {
        let mut world = World::new(&mut self.store, &mut self.parses);
        match step(all_pairs::one(&mut world, request))? {
            Step::Done(Some(intended)) => Ok(Step::Done(intended)),
            Step::Done(None) => Err(AskError::Flow {
                field: "from",
                message: "no pod, node or address of this capture is called so".to_owned(),
            }),
            Step::Needs(ranges) => Ok(Step::Needs(ranges)),
        }
    }

    /// Every pod, node and service that a flow can name, sorted.
    ///
    /// # Errors
    /// When the snapshot is damaged.
    pub fn objects(&mut self) -> Result<Step<Vec<IndexRecord>>, AskError> {
        Ok(self.store.objects()?)
    }
}

fn step<T>(answer: Result<T, Halt>) -> Result<Step<T>, AskError> {
    match answer {
        Ok(answer) => Ok(Step::Done(answer)),
        Err(Halt::Needs(ranges)) => Ok(Step::Needs(ranges)),
        Err(Halt::Snapshot(error)) => Err(AskError::Snapshot(error)),
    }
}
