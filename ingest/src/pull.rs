//! `pathglass pull`: what the cluster's cloud says of the network around it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::cloud::client::{Client, Limits};
use crate::cloud::credentials::Environment;
use crate::cloud::endpoint::Overrides;
use crate::cloud::plan::{File, Pulled};
use crate::cloud::table::Kind;
use crate::cloud::{Provider, plan, seed, write};
use crate::error::CommandError;
use crate::{Exit, output};

const EXAMPLES: &str = "\
Reads what the cluster touches, and nothing else: its servers, network cards, subnets, route
tables, security groups, ACLs, gateways and load balancers, found from the nodes' provider ids and
the Services in the capture's kube/ folder. Changes nothing. deploy/ has the smallest policy.
The key is found as the cloud's own tools find it: environment, profile, pod identity, server role.

Examples:
  pathglass pull --cloud aliyun --region cn-hangzhou --capture capture
  pathglass pull --cloud tencent --region ap-guangzhou --capture capture
  pathglass pull … --cloud-endpoint ecs=https://ecs-vpc.cn-hangzhou.aliyuncs.com      one product's address";

/// The arguments of `pathglass pull`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The cloud
    #[arg(long)]
    pub cloud: Provider,
    /// The cluster's region
    #[arg(long, value_name = "REGION")]
    pub region: String,
    /// The capture's folder, with kube/ in it
    #[arg(long, value_name = "FOLDER")]
    pub capture: PathBuf,
    /// Where to ask instead: `URL` for all products, each below a path of its name, or `PRODUCT=URL`; may be given several times
    #[arg(long, value_name = "[PRODUCT=]URL")]
    pub cloud_endpoint: Vec<String>,
    /// Seconds that the pull may take
    #[arg(long, default_value_t = 600, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub budget: u64,
    /// Seconds that one request may take
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
    /// Calls under way at once
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub at_once: u16,
    /// Requests per second and product
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub per_second: u32,
    /// Milliseconds before a call is tried a second time; later waits are longer
    #[arg(long, default_value_t = 500, value_name = "MS", hide = true)]
    pub first_wait: u64,
}

/// Tries of one call: with back-off, these outlast a minute of throttling.
const TRIES: usize = 12;

/// Pulls a cloud's state into a capture.
///
/// # Errors
/// When the folder has no nodes, no key is found or taken, or something cannot be written.
pub fn run(args: &Args) -> Result<Exit, CommandError> {
    output::print(&pull(args, &Environment::of_process())?)?;
    Ok(Exit::Yes)
}

/// The same with keys found in `environment`; gives what there is to say.
///
/// # Errors
/// As [`run`].
pub fn pull(args: &Args, environment: &Environment) -> Result<String, CommandError> {
    let is_region = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if args.region.is_empty() || !args.region.chars().all(is_region) {
        return Err(CommandError::Usage(format!(
            "--region: `{}` is no region",
            args.region
        )));
    }
    let seeds = seed::read(&args.capture, args.cloud, &args.region)?;
    if !seeds.ids.contains_key(&Kind::Instance) {
        let message = format!(
            "names no server of {} in {}",
            args.cloud.name(),
            args.region
        );
        return Err(CommandError::input(
            &args.capture.join("kube/nodes.json"),
            message,
        ));
    }
    let overrides = Overrides::parse(&args.cloud_endpoint)
        .map_err(|error| CommandError::Usage(format!("--cloud-endpoint: {error}")))?;
    let limits = Limits {
        budget: Duration::from_secs(args.budget),
        timeout: Duration::from_secs(args.timeout),
        tries: TRIES,
        first_wait: Duration::from_millis(args.first_wait),
        at_once: args.at_once.into(),
        per_second: args.per_second,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CommandError::io("start", &args.capture))?;
    let pulled = runtime.block_on(async {
        let client = Client::new(args.cloud, &args.region, overrides, environment, limits)
            .map_err(|failure| CommandError::Usage(failure.to_string()))?;
        plan::run(Arc::new(client), args.cloud, seeds)
            .await
            .map_err(|error| CommandError::Usage(error.to_string()))
    })?;
    for note in &pulled.notes {
        output::note(&format!("note: {note}"));
    }
    write::write(&args.capture, args.cloud, &args.region, &pulled)?;
    Ok(summary(args, &pulled))
}

/// What was pulled, and what could not be, a line each.
fn summary(args: &Args, pulled: &Pulled) -> String {
    let is_captured = |file: &&File| matches!(file, File::Captured(_));
    let mut text = format!(
        "pulled {} answers of {} in {} into {}\n",
        pulled.files.values().filter(is_captured).count(),
        args.cloud.name(),
        args.region,
        args.capture.display()
    );
    for ((product, name), file) in &pulled.files {
        if let File::Failed(why) | File::NotTried(why) = file {
            text.push_str(&format!("{product}/{name}: {why}\n"));
        }
    }
    text
}
