//! `cargo xtask run`: everything built, the example sealed, and the page on loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use clap::Args;

use crate::build::{self, Profile};
use crate::command::Program;
use crate::failure::{Failure, OrFail};
use crate::project::Project;
use crate::say;
use crate::test::Tally;

/// How long the server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(20);

/// How to serve.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The port on loopback; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Seal and serve this capture instead of the bundled example
    #[arg(long, value_name = "FOLDER")]
    capture: Option<PathBuf>,
    /// End as soon as the page has answered once
    #[arg(long)]
    no_wait: bool,
    /// Build as the tests do: quicker to build, slower to run
    #[arg(long)]
    dev: bool,
}

/// The bundled example capture.
pub(crate) fn example_folder(project: &Project) -> PathBuf {
    project.root().join("examples").join("missing-route")
}

/// Builds, seals and serves; returns when the server ends.
pub(crate) fn run(project: &Project, options: &Options) -> Result<(), Failure> {
    let start = Instant::now();
    let profile = if options.dev {
        Profile::Dev
    } else {
        Profile::Release
    };
    say::heading("Building the Wasm module and the page");
    build::page(project)?;
    say::heading("Building pathglass with the page in it");
    let pathglass = build::pathglass(project, profile)?;
    say::heading("Sealing the example capture");
    let capture = (options.capture.clone()).unwrap_or_else(|| example_folder(project));
    let snapshot = seal(project, &pathglass, &capture)?;
    say::heading(&format!(
        "Serving it (everything took {} s)",
        start.elapsed().as_secs()
    ));
    let mut server = Server::start(project, &pathglass, &snapshot, options.port)?;
    say::line(&format!("\n    Open {} in a browser.", server.address));
    if options.no_wait {
        return Ok(());
    }
    say::line("    Ctrl-C ends it.\n");
    server.wait()
}

/// The test of this very command.
pub(crate) fn step(project: &Project) -> Result<Tally, Failure> {
    let options = Options {
        port: 0,
        capture: None,
        no_wait: true,
        dev: true,
    };
    run(project, &options).map(|()| Tally::one())
}

fn seal(project: &Project, pathglass: &Path, capture: &Path) -> Result<PathBuf, Failure> {
    let name = capture
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let folder = project.target().join("snapshots");
    std::fs::create_dir_all(&folder).or_fail(folder.display(), "make the folder writable")?;
    let snapshot = folder.join(format!("{name}.pathglass"));
    let _ = std::fs::remove_file(&snapshot);
    Program::new(project, &pathglass.to_string_lossy())
        .arg("seal")
        .arg(capture)
        .arg("--output")
        .arg(&snapshot)
        .run("see what `pathglass seal` says about the capture")?;
    Ok(snapshot)
}

/// A running server; it ends with this value.
#[derive(Debug)]
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(
        project: &Project,
        pathglass: &Path,
        snapshot: &Path,
        port: u16,
    ) -> Result<Self, Failure> {
        const REMEDY: &str = "choose another port with `--port`, or see what the server says above";
        let mut child = Program::new(project, &pathglass.to_string_lossy())
            .arg("serve")
            .arg(snapshot)
            .arg("--listen")
            .arg(format!("127.0.0.1:{port}"))
            .spawn_reading()?;
        let printed = child.stdout.take();
        let mut server = Self {
            child,
            address: String::new(),
        };
        let printed = printed.or_fail("the server has no output", REMEDY)?;
        let mut lines = BufReader::new(printed).lines();
        server.address = (lines.by_ref().map_while(Result::ok))
            .find_map(|line| address_in(&line))
            .or_fail("the server ended without naming its address", REMEDY)?;
        // Read on, so that the server never blocks on a full pipe.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                say::detail(&line);
            }
        });
        let page = get(&server.address).or_fail("the page does not answer", REMEDY)?;
        if page.contains(" 200 ") && page.contains("<pathglass-view") {
            return Ok(server);
        }
        let first: String = page.chars().take(300).collect();
        Err(Failure::new(
            format!("{} does not give the page but:\n{first}", server.address),
            "see that web-demo/dist was built before pathglass was",
        ))
    }

    fn wait(&mut self) -> Result<(), Failure> {
        let status = self.child.wait().or_fail("the server", "start it again")?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(
            format!("the server ended with {status}"),
            "see what it says above",
        ))
    }
}

fn address_in(line: &str) -> Option<String> {
    line.split_whitespace()
        .find(|word| word.starts_with("http://"))
        .map(|word| word.trim_end_matches(['.', ',', '/']).to_owned())
}

/// The answer to `GET /`, head and body.
fn get(address: &str) -> Result<String, std::io::Error> {
    let host = address.trim_start_matches("http://");
    let socket: SocketAddr = host
        .parse()
        .map_err(|error| std::io::Error::other(format!("`{host}`: {error}")))?;
    let start = Instant::now();
    let mut stream = loop {
        match TcpStream::connect_timeout(&socket, PATIENCE) {
            Ok(stream) => break stream,
            Err(error) if start.elapsed() > PATIENCE => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_what_the_server_says() {
        assert_eq!(
            address_in("serving x.pathglass on http://127.0.0.1:4321/").as_deref(),
            Some("http://127.0.0.1:4321")
        );
        assert_eq!(address_in("starting"), None);
    }
}
