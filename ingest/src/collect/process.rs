//! Runs a tool, perhaps in another network namespace, within limits of time and size.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// No tool prints this much about one namespace.
const MAX_OUTPUT: u64 = 256 << 20;

/// What a tool printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Printed {
    pub(super) succeeded: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

/// Why there is no output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunError {
    /// The tool is not on this machine.
    Missing,
    /// It could not be run to its end.
    Failed(String),
}

/// Runs `words`, in the namespace of the file `netns` where given.
pub(super) fn run(
    netns: Option<&Path>,
    words: &[&str],
    timeout: Duration,
) -> Result<Printed, RunError> {
    let Some((program, args)) = words.split_first() else {
        return Err(RunError::Missing);
    };
    if !is_installed(program) {
        return Err(RunError::Missing);
    }
    let mut command = match netns {
        Some(file) => {
            let mut command = Command::new("nsenter");
            command
                .arg(format!("--net={}", file.display()))
                .arg("--")
                .arg(program);
            command
        }
        None => Command::new(program),
    };
    // The formats are those of the C locale; root's PATH may lack the sbin folders.
    command
        .args(args)
        .env("LC_ALL", "C")
        .env("PATH", search_path());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command
        .spawn()
        .map_err(|error| RunError::Failed(format!("cannot run it: {error}")))?;
    finish(child, timeout)
}

/// Whether `program` is on the search path.
pub(super) fn is_installed(program: &str) -> bool {
    search_path()
        .split(':')
        .any(|folder| Path::new(folder).join(program).is_file())
}

fn search_path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin")
}

fn finish(mut child: Child, timeout: Duration) -> Result<Printed, RunError> {
    let stdout = read_aside(child.stdout.take());
    let stderr = read_aside(child.stderr.take());
    let deadline = Instant::now() + timeout;
    let mut pause = Duration::from_micros(500);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => thread::sleep(pause),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(RunError::Failed(format!(
                    "took longer than {} s",
                    timeout.as_secs()
                )));
            }
            Err(error) => return Err(RunError::Failed(error.to_string())),
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    };
    let stdout = stdout.join().unwrap_or_default();
    if stdout.len() as u64 > MAX_OUTPUT {
        return Err(RunError::Failed(format!(
            "printed more than {} MiB",
            MAX_OUTPUT >> 20
        )));
    }
    let stderr = stderr.join().unwrap_or_default();
    Ok(Printed {
        succeeded: status.success(),
        stdout,
        stderr: String::from_utf8_lossy(&stderr).trim().to_owned(),
    })
}

/// Reads a pipe in a thread of its own, so that a tool never blocks on the other pipe.
fn read_aside(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            let _ = pipe.take(MAX_OUTPUT + 1).read_to_end(&mut bytes);
        }
        bytes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_tool_that_hangs_is_stopped() {
        let result = run(None, &["sleep", "30"], Duration::from_millis(50));
        assert_eq!(
            result,
            Err(RunError::Failed("took longer than 0 s".to_owned()))
        );
    }

    #[test]
    fn a_tool_that_is_not_there_is_told_apart_from_one_that_fails() {
        assert_eq!(
            run(None, &["no-such-tool-here"], SECOND),
            Err(RunError::Missing)
        );
        let printed = run(
            None,
            &["sh", "-c", "echo out; echo err >&2; exit 3"],
            SECOND,
        )
        .unwrap();
        assert!(!printed.succeeded);
        assert_eq!(
            (printed.stdout.as_slice(), printed.stderr.as_str()),
            (&b"out\n"[..], "err")
        );
    }
}
