//! Notices questions that take too long: a hang is a failure with a name, not a silent build.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// What each thread is at, and since when.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    at_work: Arc<Mutex<BTreeMap<String, (String, Instant)>>>,
}

/// One question that is being asked; ends with this value.
#[derive(Debug)]
pub struct Watched {
    watch: Watch,
    thread: String,
}

impl Watch {
    /// Starts a thread that calls `overdue` with the name of the first question that takes longer than `limit`.
    #[must_use]
    pub fn start(limit: Duration, overdue: impl Fn(&str) + Send + 'static) -> Self {
        let watch = Self::default();
        let watched = watch.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_secs(1));
                if let Some(name) = watched.overdue(limit) {
                    overdue(&name);
                    return;
                }
            }
        });
        watch
    }

    /// Begins the question `name` on this thread.
    #[must_use]
    pub fn begin(&self, name: &str) -> Watched {
        let thread = thread_name(std::thread::current().id());
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        at_work.insert(thread.clone(), (name.to_owned(), Instant::now()));
        drop(at_work);
        Watched {
            watch: self.clone(),
            thread,
        }
    }

    fn overdue(&self, limit: Duration) -> Option<String> {
        let at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let mut late = at_work
            .values()
            .filter(|(_, since)| since.elapsed() > limit);
        late.next().map(|(name, _)| name.clone())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut at_work = (self.watch.at_work.lock()).unwrap_or_else(PoisonError::into_inner);
        at_work.remove(&self.thread);
    }
}

fn thread_name(id: ThreadId) -> String {
    format!("{id:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_takes_too_long_is_named() {
        let watch = Watch::default();
        let question = watch.begin("a flow");
        assert_eq!(watch.overdue(Duration::from_secs(60)), None);
        assert_eq!(watch.overdue(Duration::ZERO).as_deref(), Some("a flow"));
        drop(question);
        assert_eq!(watch.overdue(Duration::ZERO), None);
    }
}
