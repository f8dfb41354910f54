//! One opened capture, asked many questions.

use crate::flow::{FlowRequest, Protocol, Resolved, Unresolved, ports_of, resolve};
use crate::intent::all_pairs::{self, IntendedMatrix, IntendedRequest, MatrixRequest};
use crate::intent::{Asked, Intent};
use crate::snapshot::{IndexRecord, ObjectKind, SnapshotError, Step, Store};
use crate::source::Source;
use crate::trace::{Completeness, Exchanged, Limit, Question, Run, explore, walk};
use crate::verdict::{
    AskedService, Intended, Intention, Receipt, ReceiptEntry, Shared, Verdict, Walked, assemble,
};
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
    service: Option<AskedService>,
    intent: Intent,
    /// What was read for it.
    entries: Vec<Shared<ReceiptEntry>>,
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
        let receipt = Receipt {
            manifest_sha256,
            engine: ENGINE.to_owned(),
            entries: answer.entries,
        };
        let Answer {
            resolved,
            runs,
            completeness,
            service,
            intent,
            ..
        } = answer;
        let walked = Walked {
            resolved,
            runs,
            completeness,
            service,
            intent,
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
            walk(&mut world, script, &resolved.question)
        })?;
        let results = runs.iter().map(|run| &run.result);
        let asked = Asked {
            from: &resolved.from.object,
            to: &resolved.to.object,
            service: service
                .as_ref()
                .and_then(|service| service.object.strip_prefix("service:")),
        };
        let intent = Intent::of(&mut world, resolved.question.protocol, asked, results)?;
        Ok(Answer {
            intent,
            resolved,
            runs,
            completeness,
            service,
            entries: world.entries(),
        })
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

/// The service that has the destination address, and where its object stands.
fn service_of(world: &mut World<'_>, resolved: &Resolved) -> Result<Option<AskedService>, Halt> {
    for record in world.by_address(resolved.question.to)?.iter() {
        if let IndexRecord::Object {
            object: ObjectKind::Service,
            namespace,
            name,
            entry,
            pointer,
            ..
        } = record
        {
            let file = world.file(entry)?;
            let has_port = has_port(world.item(entry, pointer)?, &resolved.question);
            let source = file.map(|file| Source::pointer(&file, pointer.as_str(), ""));
            return Ok(Some(AskedService {
                object: format!("service:{namespace}/{name}"),
                source,
                has_port,
            }));
        }
    }
    Ok(None)
}

/// Whether the service `item` has the port that is asked for; one that cannot be read is taken to have it.
fn has_port(item: Option<&str>, question: &Question) -> bool {
    let Some(ports) = item.and_then(ports_of) else {
        return true;
    };
    let protocol = match question.protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Sctp => "SCTP",
        Protocol::Icmp => return true,
    };
    ports.iter().any(|port| {
        let number = |name: &str| port.get(name).and_then(serde_json::Value::as_u64);
        let asked = Some(u64::from(question.port));
        let own = port.get("protocol").and_then(serde_json::Value::as_str);
        own.unwrap_or("TCP") == protocol && (number("port") == asked || number("nodePort") == asked)
    })
}
