//! The sweep: removes what has run out and tells its watchers, without ever looking at what has not.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Presence;
use crate::clock::Monotonic;
use crate::domain::id::ResourceId;

/// When which board needs to be tended next.
///
/// A board is on it at least at its earliest due time. Renewals do not touch it: a board that turns out to be due later
/// is put back then.
#[derive(Default)]
pub(super) struct Agenda {
    due: Mutex<BinaryHeap<Reverse<(Monotonic, ResourceId)>>>,
    earlier: Notify,
}

impl Agenda {
    /// Has `resource` tended at `at`.
    pub(super) fn add(&self, at: Monotonic, resource: ResourceId) {
        let mut due = self.lock();
        let is_first = due.peek().is_none_or(|Reverse((first, _))| at < *first);
        due.push(Reverse((at, resource)));
        drop(due);
        if is_first {
            self.earlier.notify_one();
        }
    }

    fn take_due(&self, now: Monotonic) -> Option<ResourceId> {
        let mut due = self.lock();
        if due.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            due.pop().map(|Reverse((_, resource))| resource)
        } else {
            None
        }
    }

    fn next(&self) -> Option<Monotonic> {
        self.lock().peek().map(|Reverse((at, _))| *at)
    }

    fn lock(&self) -> MutexGuard<'_, BinaryHeap<Reverse<(Monotonic, ResourceId)>>> {
        // A panic cannot leave a heap half changed.
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence {
    /// Removes holds as they run out, and tells their watchers, until `shutdown` is cancelled.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            self.sweep();
            let next = async {
                match self.agenda.next() {
                    Some(at) => self.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.agenda.earlier.notified() => {}
                () = next => {}
            }
        }
    }

    /// Tends every board that is due.
    pub(super) fn sweep(&self) {
        let now = self.clock.monotonic();
        while let Some(resource) = self.agenda.take_due(now) {
            self.tend(&resource);
        }
    }
}
