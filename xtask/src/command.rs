//! Starting programs: quiet while they work, with signs of life, and with their last words when they fail.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use crate::failure::{Failure, OrFail};
use crate::project::Project;
use crate::say;

/// How long a program may be silent before a sign of life is printed for it.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// How many of its last lines are shown when a program fails.
const LAST_WORDS: usize = 60;

/// A program to run in the project, without standard input.
#[derive(Debug)]
pub(crate) struct Program {
    command: Command,
    shown: String,
    log: PathBuf,
    loud: bool,
}

/// How a program ended and what it had printed, both streams in order of arrival.
#[derive(Debug)]
pub(crate) struct Ended {
    /// It ended well.
    pub(crate) well: bool,
    /// Its lines.
    pub(crate) printed: String,
    failure: String,
}

impl Ended {
    /// What it printed, or a failure with its last words.
    pub(crate) fn or_fail(self, remedy: &str) -> Result<String, Failure> {
        if self.well {
            Ok(self.printed)
        } else {
            Err(Failure::new(self.failure, remedy))
        }
    }
}

impl Program {
    /// `name`, started in the project's root, with the project's own tools first on the PATH.
    pub(crate) fn new(project: &Project, name: &str) -> Self {
        let mut command = Command::new(name);
        command
            .current_dir(project.root())
            .env("PATH", project.search_path())
            .env("CARGO_TERM_COLOR", "never")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        Self {
            command,
            shown: name.to_owned(),
            log: project.log_file(name),
            loud: project.is_loud(),
        }
    }

    /// The `cargo` that started this program.
    pub(crate) fn cargo(project: &Project) -> Self {
        let mut program = Self::new(project, "cargo");
        if let Some(cargo) = std::env::var_os("CARGO") {
            let command = std::mem::replace(&mut program.command, Command::new(cargo));
            program.command.current_dir(project.root());
            program.command.stdin(Stdio::null());
            for (name, value) in command.get_envs() {
                program.command.env(name, value.unwrap_or_default());
            }
        }
        // Set for the package that cargo runs, these would make every other build look changed.
        for name in [
            "CARGO_MANIFEST_DIR",
            "CARGO_MANIFEST_PATH",
            "CARGO_PKG_NAME",
        ] {
            program.command.env_remove(name);
        }
        program
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        let shown = argument.as_ref().to_string_lossy().into_owned();
        self.shown.push(' ');
        self.shown.push_str(&shown);
        self.command.arg(argument);
        self
    }

    /// Adds arguments that are separated by blanks.
    pub(crate) fn args(mut self, arguments: &str) -> Self {
        for argument in arguments.split_whitespace() {
            self = self.arg(argument);
        }
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts in `folder`.
    pub(crate) fn current_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Shows every line as it is printed.
    pub(crate) fn loud(mut self) -> Self {
        self.loud = true;
        self
    }

    /// Starts it, its standard output for the caller to read and the process for the caller to end.
    pub(crate) fn spawn_reading(mut self) -> Result<Child, Failure> {
        self.command.stdout(Stdio::piped()).spawn().or_fail(
            format!("`{}` could not be started", self.shown),
            "install that program, or put it on the PATH",
        )
    }

    /// What it prints on standard output, if it ends well; nothing is shown.
    pub(crate) fn read(mut self) -> Option<String> {
        let output = self.command.stderr(Stdio::null()).output().ok()?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(printed)
    }

    /// Whether it ends well; nothing is shown.
    pub(crate) fn succeeds(self) -> bool {
        self.read().is_some()
    }

    /// Runs it to its end; what it printed is in the log, and at the end of a failure.
    pub(crate) fn run(self, remedy: &str) -> Result<String, Failure> {
        self.finish()?.or_fail(remedy)
    }

    /// Runs it to its end, well or not.
    pub(crate) fn finish(mut self) -> Result<Ended, Failure> {
        if let Some(folder) = self.log.parent() {
            std::fs::create_dir_all(folder)
                .or_fail(folder.display(), "make the folder writable")?;
        }
        let mut log =
            File::create(&self.log).or_fail(self.log.display(), "make the folder writable")?;
        let _ = writeln!(log, "$ {}", self.shown);
        if self.loud {
            say::detail(&format!("$ {}", self.shown));
        }

        let mut child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .or_fail(
                format!("`{}` could not be started", self.shown),
                "install that program, or put it on the PATH",
            )?;
        let (sender, lines) = mpsc::channel();
        if let Some(out) = child.stdout.take() {
            forward(out, sender.clone());
        }
        if let Some(err) = child.stderr.take() {
            forward(err, sender);
        }
        let printed = self.listen(&lines, &mut log);
        let status = child
            .wait()
            .or_fail(&self.shown, "start the same command again")?;
        let failure = format!(
            "`{}` failed ({status}); its last lines:\n{}\n  Whole output: {}",
            self.shown,
            last_words(&printed),
            self.log.display()
        );
        Ok(Ended {
            well: status.success(),
            printed,
            failure,
        })
    }

    fn listen(&self, lines: &mpsc::Receiver<String>, log: &mut File) -> String {
        let start = Instant::now();
        let mut shown_at = Instant::now();
        let mut printed = String::new();
        let mut last = String::new();
        loop {
            match lines.recv_timeout(Duration::from_millis(500)) {
                Ok(line) => {
                    let _ = writeln!(log, "{line}");
                    if self.loud {
                        say::detail(&line);
                        shown_at = Instant::now();
                    }
                    printed.push_str(&line);
                    printed.push('\n');
                    if !line.trim().is_empty() {
                        last = line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return printed,
            }
            if shown_at.elapsed() >= SIGN_OF_LIFE {
                shown_at = Instant::now();
                say::detail(&format!(
                    "{:>4} s  {}",
                    start.elapsed().as_secs(),
                    last.trim()
                ));
            }
        }
    }
}

fn forward(stream: impl Read + Send + 'static, sender: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line)
                .trim_end_matches('\r')
                .to_owned();
            if sender.send(line).is_err() {
                return;
            }
        }
    });
}

fn last_words(printed: &str) -> String {
    let mut last: VecDeque<&str> = VecDeque::new();
    for line in printed.lines() {
        if last.len() == LAST_WORDS {
            last.pop_front();
        }
        last.push_back(line);
    }
    let mut text = String::new();
    for line in last {
        text.push_str("    ");
        text.push_str(line);
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}
