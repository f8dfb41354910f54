//! How long the real kernel takes to establish a connection through the rules of a made cluster.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::cluster::{Cluster, SERVICE_PORT, TARGET_PORT};
use crate::large::median;

/// Connections of one round.
const CONNECTIONS: u32 = 200;

/// A network namespace with the rules of one node and the pods' addresses on its loopback device.
#[derive(Debug)]
pub struct Kernel {
    namespace: String,
    n_services: u32,
}

impl Kernel {
    /// Makes the namespace.
    ///
    /// # Errors
    /// When this machine does not let us, or lacks the tools.
    pub fn new(n_services: u32) -> io::Result<Self> {
        let namespace = format!("pathglass-bench-{}-{n_services}", std::process::id());
        run(Command::new("ip").args(["netns", "add", &namespace]))?;
        let kernel = Self {
            namespace,
            n_services,
        };
        kernel.ip("link set lo up")?;
        for address in Cluster::backends() {
            kernel.ip(&format!("addr add {address}/32 dev lo"))?;
        }
        // The way to the Services' addresses: any, since the rules give another destination before it is used.
        kernel.ip("route add default dev lo")?;
        kernel.restore(&Cluster::new(n_services).rules())?;
        Ok(kernel)
    }

    fn ip(&self, words: &str) -> io::Result<()> {
        let mut command = Command::new("ip");
        command.args(["-n", &self.namespace]);
        run(command.args(words.split(' ')))
    }

    fn restore(&self, rules: &str) -> io::Result<()> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, "iptables-restore", "-c"]);
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(rules.as_bytes())?;
        }
        succeeded(child.wait()?.success(), "iptables-restore")
    }

    /// The median time of a connection, in microseconds.
    ///
    /// # Errors
    /// When this program cannot be run in the namespace, or does not connect.
    pub fn connect(&self) -> io::Result<f64> {
        let output = Command::new("ip")
            .args(["netns", "exec", &self.namespace])
            .arg(std::env::current_exe()?)
            .args(["--connect", &self.n_services.to_string()])
            .output()?;
        let printed = String::from_utf8_lossy(&output.stdout);
        printed.trim().parse().map_err(|_| {
            let message = String::from_utf8_lossy(&output.stderr);
            io::Error::other(format!(
                "no connection in the namespace: {printed}{message}"
            ))
        })
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // What cannot be removed is left to the person who looks at `ip netns`.
        let _ = run(Command::new("ip").args(["netns", "del", &self.namespace]));
    }
}

/// Connects to many of `n_services` Services, one after the other, from inside the namespace; gives the median.
///
/// # Errors
/// When a connection fails.
pub fn connect(n_services: u32) -> io::Result<f64> {
    let listener = TcpListener::bind(("0.0.0.0", TARGET_PORT))?;
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            drop(stream);
        }
    });
    let mut times = Vec::new();
    for connection in 0..CONNECTIONS {
        let service = Cluster::service_address(connection * 7919 % n_services);
        let to = SocketAddr::from((service, SERVICE_PORT));
        let start = Instant::now();
        let stream = TcpStream::connect(to)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        drop(stream);
    }
    Ok(median(times))
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    let message = String::from_utf8_lossy(&output.stderr);
    succeeded(output.status.success(), message.trim())
}

fn succeeded(success: bool, what: &str) -> io::Result<()> {
    if success {
        Ok(())
    } else {
        Err(io::Error::other(format!("failed: {what}")))
    }
}
