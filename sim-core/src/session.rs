//! One opened capture, asked many questions.

use crate::flow::{FlowRequest, Resolved, Unresolved, resolve};
use crate::snapshot::{IndexRecord, ObjectKind, SnapshotError, Step, Store};
use crate::source::Source;
use crate::trace::{Completeness, Exchanged, Limit, Run, Walk, explore};
use crate::verdict::{Receipt, ReceiptEntry, Verdict, Walked, assemble};
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

/// More ways than any real flow has.
const MOST_RUNS: Limit = Limit {
    runs: 4096,
    doubtful: 256,
};

/// An opened capture with everything that was parsed of it so far.
#[derive(Debug)]
pub struct Session<S> {
    store: S,
    parses: Parses,
}

/// What a flow's walks came to, with the service that its destination belongs to.
struct Answer {
    resolved: Resolved,
    runs: Vec<Run<Exchanged>>,
    completeness: Completeness,
    service: Option<(String, Option<Source>)>,
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
        self.store.reset_entries_read();
        let answer = match self.answer(flow) {
            Ok(answer) => answer,
            Err(Unresolved::Wrong { field, message }) => {
                return Err(AskError::Flow { field, message });
            }
            Err(Unresolved::Halt(Halt::Snapshot(error))) => return Err(AskError::Snapshot(error)),
            Err(Unresolved::Halt(Halt::Needs(ranges))) => return Ok(Step::Needs(ranges)),
        };
        let manifest_sha256 = match self.store.manifest_sha256()? {
            Step::Done(hash) => hash,
            Step::Needs(ranges) => return Ok(Step::Needs(ranges)),
        };
        let entries = self.store.entries_read();
        let receipt = Receipt {
            manifest_sha256,
            engine: ENGINE.to_owned(),
            entries: entries
                .into_iter()
                .map(|(path, sha256)| ReceiptEntry { path, sha256 })
                .collect(),
        };
        let Answer {
            resolved,
            runs,
            completeness,
            service,
        } = answer;
        let walked = Walked {
            resolved,
            runs,
            completeness,
            service,
            receipt,
            seal: self.store.seal(),
        };
        Ok(Step::Done(assemble(flow, walked)))
    }

    fn answer(&mut self, flow: &FlowRequest) -> Result<Answer, Unresolved> {
        let mut world = World::new(&mut self.store, &mut self.parses);
        let resolved = resolve(&mut world, flow)?;
        let service = service_of(&mut world, &resolved)?;
        let (runs, completeness) = explore(MOST_RUNS, |script| {
            Walk::new(&mut world, script).exchange(&resolved.question)
        })?;
        Ok(Answer {
            resolved,
            runs,
            completeness,
            service,
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

/// The service that has the destination address, and where its object stands.
fn service_of(
    world: &mut World<'_>,
    resolved: &Resolved,
) -> Result<Option<(String, Option<Source>)>, Halt> {
    for record in world.by_address(resolved.question.to)? {
        if let IndexRecord::Object {
            object: ObjectKind::Service,
            namespace,
            name,
            entry,
            pointer,
            ..
        } = record
        {
            let source = world
                .file(&entry)?
                .map(|file| Source::pointer(&file, pointer, ""));
            return Ok(Some((format!("service:{namespace}/{name}"), source)));
        }
    }
    Ok(None)
}
