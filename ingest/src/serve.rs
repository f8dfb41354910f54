//! `pathglass serve`: snapshots and diagnoses over HTTP, on loopback, with the embedded page.

pub mod api;
mod catalogue;
mod failure;
mod guard;
mod page;
mod range;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;

pub use catalogue::Catalogue;

use crate::error::CommandError;
use crate::input::OpenArgs;
use crate::{Exit, output};

const EXAMPLES: &str = "\
Examples:
  pathglass serve cluster.pathglass
  pathglass serve snapshots --listen 127.0.0.1:8080
  pathglass serve capture                     seals it first, and serves the sealed one

The API:
  GET  /api/v1/snapshots                      the list
  GET  /api/v1/snapshots/{name}               the file, in ranges if asked
  POST /api/v1/snapshots/{name}/diagnose      {\"from\": …, \"to\": …, \"port\": …} gives the verdict
                                              (?lang=zh: its texts in Chinese)
  GET  /healthz

It listens on loopback only, and answers only what is addressed to it by that address or
localhost: no page of another site can ask it.";

/// How long requests may still run after a signal to stop.
const GRACE: Duration = Duration::from_secs(5);

/// The arguments of `pathglass serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A snapshot, a folder of snapshots, or a capture's folder
    pub source: PathBuf,
    /// The loopback address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// How snapshots are opened.
    #[command(flatten)]
    pub open: OpenArgs,
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// When the address is not loopback or taken, or the source cannot be read.
pub fn run(args: &Args) -> Result<Exit, CommandError> {
    if !args.listen.ip().is_loopback() {
        return Err(CommandError::Usage(format!(
            "--listen: `{}` is not a loopback address: this version serves this machine only (127.0.0.1 or [::1])",
            args.listen
        )));
    }
    let catalogue = Catalogue::open(&args.source, &args.open)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::Usage(format!("cannot start: {error}")))?;
    runtime.block_on(serve(args.listen, catalogue))?;
    runtime.shutdown_timeout(GRACE);
    Ok(Exit::Yes)
}

async fn serve(listen: SocketAddr, catalogue: Catalogue) -> Result<(), CommandError> {
    let cannot = |error| CommandError::Usage(format!("cannot listen on {listen}: {error}"));
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    // Before the address is printed: who reads it may signal at once.
    let signals = Signals::listen()
        .map_err(|error| CommandError::Usage(format!("cannot listen for signals: {error}")))?;
    output::print(&format!("pathglass: listening on http://{address}/\n"))?;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut until = stopped.clone();
    let server =
        axum::serve(listener, api::router(catalogue, address)).with_graceful_shutdown(async move {
            signals.wait().await;
            let _ = stop.send(true);
        });
    let overdue = async {
        let _ = until.wait_for(|stopped| *stopped).await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        result = server => result.map_err(|error| CommandError::Usage(format!("the server failed: {error}"))),
        () = overdue => Ok(()),
    }
}

/// The signals that end the service.
#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self(
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        ))
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

/// Elsewhere there is only Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn wait(self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
