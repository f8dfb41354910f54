//! Network namespaces of our own: made, entered, and always removed.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, setns};

use super::Problem;

/// What our namespaces' names begin with; the process's id follows, so that those of dead processes can be told.
const PREFIX: &str = "pgo";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Some network namespaces, removed when this goes.
#[derive(Debug)]
pub struct Namespaces {
    names: Vec<(String, String)>,
}

impl Namespaces {
    /// One for each place.
    ///
    /// # Errors
    /// When this kernel or user cannot.
    pub fn make(places: &[String]) -> Result<Self, Problem> {
        let world = COUNT.fetch_add(1, Ordering::Relaxed);
        let names: Vec<(String, String)> = places
            .iter()
            .enumerate()
            .map(|(index, place)| (place.clone(), name(std::process::id(), world, index)))
            .collect();
        let made = Self { names };
        let lines: String = made
            .names
            .iter()
            .map(|(_, name)| format!("netns add {name}\n"))
            .collect();
        super::build::feed("ip", &["-batch", "-"], &lines)?;
        Ok(made)
    }

    /// The name of a place's namespace, as `ip netns` knows it.
    #[must_use]
    pub fn name(&self, place: &str) -> Option<&str> {
        self.names
            .iter()
            .find(|(own, _)| own == place)
            .map(|(_, name)| name.as_str())
    }

    /// Every place with its namespace's name.
    #[must_use]
    pub fn all(&self) -> &[(String, String)] {
        &self.names
    }

    /// Puts the names of namespaces where `text` has `{place}`.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        let mut filled = text.to_owned();
        for (place, name) in &self.names {
            filled = filled.replace(&format!("{{{place}}}"), name);
        }
        filled
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        let names: Vec<&str> = self.names.iter().map(|(_, name)| name.as_str()).collect();
        remove(&names);
    }
}

fn name(process: u32, world: u32, index: usize) -> String {
    format!("{PREFIX}{process}-{world}-{index}")
}

/// The file that stands for a namespace.
#[must_use]
pub fn file(name: &str) -> PathBuf {
    PathBuf::from("/run/netns").join(name)
}

/// Puts this thread, and what it starts, into a namespace for good.
///
/// # Errors
/// When it is gone.
pub fn enter(name: &str) -> Result<(), Problem> {
    let path = file(name);
    let file = File::open(&path).map_err(|error| Problem::of(path.display(), &error))?;
    setns(file, CloneFlags::CLONE_NEWNET).map_err(|error| Problem::of(path.display(), &error))
}

/// Does `work` in a namespace, in a thread of its own.
///
/// # Errors
/// When the namespace is gone or `work` panics.
pub fn within<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> Result<T, Problem> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| enter(name).map(|()| work()));
        thread
            .join()
            .map_err(|_| Problem(format!("{name}: a thread panicked")))?
    })
}

fn remove(names: &[&str]) {
    if names.is_empty() {
        return;
    }
    let lines: String = names
        .iter()
        .map(|name| format!("netns del {name}\n"))
        .collect();
    // What is not there any more need not be removed.
    let _ = super::build::feed("ip", &["-force", "-batch", "-"], &lines);
}

/// Removes what processes that are dead left behind, and with `own` also what this process has.
pub fn sweep(own: bool) {
    let Ok(listed) = std::fs::read_dir("/run/netns") else {
        return;
    };
    let names: Vec<String> = listed
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                return false;
            };
            let Some(process) = rest
                .split_once('-')
                .and_then(|(process, _)| process.parse::<u32>().ok())
            else {
                return false;
            };
            if process == std::process::id() {
                return own;
            }
            !PathBuf::from(format!("/proc/{process}")).exists()
        })
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    remove(&names);
}

/// Why worlds cannot be made here; `None` if they can.
#[must_use]
pub fn obstacle() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("network namespaces need root".to_owned());
    }
    for tool in ["ip", "iptables-restore", "nft", "ipset"] {
        let started = Command::new(tool)
            .arg("-V")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if started.is_err() {
            return Some(format!("there is no `{tool}`"));
        }
    }
    let tried = Namespaces::make(&["fabric/try".to_owned()]);
    tried
        .err()
        .map(|problem| format!("network namespaces cannot be made here: {problem}"))
}
