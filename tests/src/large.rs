//! How long questions about a node with many Services take, natively and in Wasm.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use pathglass_sim::flow::FlowRequest;
use serde::Deserialize;

use crate::ask;
use crate::cluster::{Cluster, SERVICE_PORT};
use crate::corpus::workspace;

/// Questions of one round: each about another Service.
const QUESTIONS: u32 = 400;
/// Questions before the clock starts: a JavaScript engine compiles what runs often while it runs.
const WARM_UP: usize = 100;

/// A sealed cluster and the questions about it.
#[derive(Debug)]
pub struct Large {
    /// How many Services it has.
    pub n_services: u32,
    /// How many rules each node has.
    pub n_rules: usize,
    snapshot: Arc<[u8]>,
    folder: PathBuf,
    flows: Vec<FlowRequest>,
}

/// What one round took, in microseconds.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Times {
    /// Opening: directory, manifest, signature.
    pub open: f64,
    /// The first diagnosis: both nodes' files are checked, unpacked and parsed.
    pub first: f64,
    /// A further diagnosis, flow in and verdict's JSON out: the median.
    pub further: f64,
}

impl Large {
    /// A cluster with `n_services`, written into `folder` for the Wasm half.
    ///
    /// # Errors
    /// When it cannot be sealed or written.
    pub fn new(n_services: u32, folder: &Path) -> io::Result<Self> {
        let cluster = Cluster::new(n_services);
        let rules = cluster.rules();
        let snapshot = ask::sealed_bytes(&cluster.files()).map_err(io::Error::other)?;
        // A stride that is coprime to the numbers of Services: no question is asked twice before all were.
        let services = (0..QUESTIONS).map(|question| question * 7919 % n_services);
        let flows: Vec<FlowRequest> = services.map(flow).collect();
        let folder = folder.join(format!("services-{n_services}"));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("cluster.pathglass"), &snapshot)?;
        std::fs::write(folder.join("flows.json"), serde_json::to_vec(&flows)?)?;
        Ok(Self {
            n_services,
            n_rules: rules.matches("-A ").count(),
            snapshot,
            folder,
            flows,
        })
    }

    /// One round natively.
    ///
    /// # Errors
    /// When a question is not answered.
    pub fn natively(&self) -> io::Result<Times> {
        let start = Instant::now();
        let mut session = ask::sealed(Arc::clone(&self.snapshot));
        session.store_mut().identity().map_err(io::Error::other)?;
        let open = micros(start);
        let mut answer = |flow: &FlowRequest| {
            let start = Instant::now();
            let verdict = ask::diagnose(&mut session, flow).map_err(io::Error::other)?;
            std::hint::black_box(ask::bytes(&verdict));
            Ok::<f64, io::Error>(micros(start))
        };
        let mut flows = self.flows.iter();
        let first = flows.next().map_or(Ok(0.0), &mut answer)?;
        let warm = self.flows.iter().take(WARM_UP);
        for flow in warm {
            answer(flow)?;
        }
        let further: io::Result<Vec<f64>> = flows.map(answer).collect();
        Ok(Times {
            open,
            first,
            further: median(further?),
        })
    }

    /// One round in Wasm, under Node.js.
    ///
    /// # Errors
    /// When it does not run.
    pub fn in_wasm(&self) -> io::Result<Times> {
        let output = Command::new("node")
            .arg(workspace().join("tests/node/large.mjs"))
            .arg(&self.folder)
            .arg(WARM_UP.to_string())
            .output()?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(io::Error::other(message));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

impl Times {
    /// The median of each over `rounds`.
    #[must_use]
    pub fn median(rounds: &[Self]) -> Self {
        let of = |part: fn(&Self) -> f64| median(rounds.iter().map(part).collect());
        Self {
            open: of(|times| times.open),
            first: of(|times| times.first),
            further: of(|times| times.further),
        }
    }
}

fn flow(service: u32) -> FlowRequest {
    FlowRequest {
        from: Cluster::client(),
        to: Cluster::service(service),
        port: Some(SERVICE_PORT),
        ..FlowRequest::default()
    }
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

/// The middle one of `values`.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
