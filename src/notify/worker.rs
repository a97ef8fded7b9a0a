//! The worker: has lanes visited on which something is due, each by itself, so that a slow receiver holds up nobody but
//! itself.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio::task::{self, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Notifier;
use super::lane::{Visit, Visited};
use super::planner::Planner;
use crate::clock::Monotonic;
use crate::domain::delivery::Lane;
use crate::store::StoreError;

/// How often everything is looked at, whoever wakes the worker: other servers may have died over what they were doing,
/// and the wall clock may have been set.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long to wait after a fault of the store.
pub(super) const AFTER_FAULT: Duration = Duration::from_secs(1);
/// How much longer than it has worked the worker rests. Whoever books comes first: while many do, work takes longer, and
/// so does the rest, and more is done at a time. It is a matter of the machine and not of what time it is: it is no
/// matter of the clock's.
const REST: u32 = 4;
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_millis(250);
/// Lanes that are visited at once, that of mails aside.
const LANES_AT_ONCE: usize = 256;

/// What is known of a lane.
#[derive(Copy, Clone, Debug, Default)]
struct Known {
    /// When to visit it; `None`: when something new is there.
    visit_at: Option<Monotonic>,
    /// What visits it.
    under_way: Option<task::Id>,
    /// Whether the last attempt failed.
    is_failing: bool,
    /// Whether something new has come while it was being visited.
    is_new: bool,
}

/// A visit that has ended.
struct Ended {
    lane: Lane,
    visited: Result<Visited, StoreError>,
}

/// The worker at work.
struct Work {
    notifier: Notifier,
    shutdown: CancellationToken,
    lanes: HashMap<Lane, Known>,
    visits: JoinSet<Ended>,
    /// On which lanes there is something new.
    news: mpsc::Receiver<BTreeSet<Lane>>,
    /// When it is looked at which lanes there are.
    look_at: Monotonic,
}

impl Notifier {
    /// Tells others what happened, until `shutdown`. What is under way then is brought to its end.
    pub async fn run(self, shutdown: CancellationToken) {
        let (lanes, news) = mpsc::channel(1);
        let planner = Planner::new(self.clone(), lanes);
        let work = Work {
            look_at: self.parts().clock.monotonic(),
            notifier: self,
            shutdown: shutdown.clone(),
            lanes: HashMap::new(),
            visits: JoinSet::new(),
            news,
        };
        tokio::join!(planner.run(shutdown), work.run());
    }
}

impl Work {
    async fn run(mut self) {
        while !self.shutdown.is_cancelled() {
            self.look().await;
            self.visit();
            self.wait().await;
        }
        while let Some(ended) = self.visits.join_next().await {
            self.end(ended);
        }
    }

    fn now(&self) -> Monotonic {
        self.notifier.parts().clock.monotonic()
    }

    /// Finds out on which lanes something is pending, if it is time to.
    async fn look(&mut self) {
        let now = self.now();
        if now < self.look_at {
            return;
        }
        match self.notifier.store().reader().pending_lanes().await {
            Ok(pending) => {
                self.look_at = now.plus(LOOK_EVERY);
                // Lanes with nothing to do are forgotten here, and those that are gone.
                self.lanes.retain(|lane, known| {
                    known.under_way.is_some()
                        || known.visit_at.is_some()
                        || pending.iter().any(|(pending, _)| pending == lane)
                });
                for (lane, due) in pending {
                    let at = now.plus(self.until(due));
                    self.visit_by(lane, at);
                }
            }
            Err(fault) => {
                tracing::warn!(error = fault.describe(), "what is to be told could not be read; trying again");
                self.look_at = now.plus(AFTER_FAULT);
            }
        }
    }

    /// Begins to visit the lanes that are due, whoever waits longest first.
    fn visit(&mut self) {
        let now = self.now();
        let idle = self.lanes.iter().filter(|(_, known)| known.under_way.is_none());
        let due = idle.filter_map(|(lane, known)| Some((known.visit_at.filter(|at| *at <= now)?, lane.clone())));
        let mut due: Vec<_> = due.collect();
        due.sort();
        for (_, lane) in due {
            let Some(known) = self.lanes.get_mut(&lane) else { continue };
            if lane != Lane::Mail && self.visits.len() >= LANES_AT_ONCE {
                continue;
            }
            let visit = Visit { is_failing: known.is_failing };
            let (notifier, shutdown) = (self.notifier.clone(), self.shutdown.clone());
            let task = self.visits.spawn(async move {
                let visited = notifier.visit(&lane, visit, &shutdown).await;
                if let Ok(Visited::More { .. }) = &visited {
                    let worked = notifier.parts().clock.monotonic().since(now);
                    let _ended = shutdown.run_until_cancelled(sleep(rest(worked))).await;
                }
                Ended { lane, visited }
            });
            *known = Known { visit_at: None, under_way: Some(task.id()), is_new: false, ..*known };
        }
    }

    /// Waits until there is something to do.
    async fn wait(&mut self) {
        let parts = self.notifier.parts();
        let (clock, wakes) = (&parts.clock, &parts.wakes);
        let now = clock.monotonic();
        let is_full = self.visits.len() >= LANES_AT_ONCE;
        // Without a place, a lane waits for the end of a visit, and not for its time.
        let waiting =
            self.lanes.iter().filter(|(lane, known)| known.under_way.is_none() && (!is_full || **lane == Lane::Mail));
        let next = waiting.filter_map(|(_, known)| known.visit_at).chain([self.look_at]).min().unwrap_or(now);
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            Some(ended) = self.visits.join_next() => self.end(ended),
            Some(lanes) = self.news.recv() => {
                for lane in lanes {
                    self.visit_by(lane, now);
                }
            }
            // Kept for us if it comes before we wait for it.
            () = wakes.deliveries.notified() => self.look_at = now,
            () = clock.sleep_until(next) => {}
        }
    }

    /// Notes what a visit has come to.
    fn end(&mut self, ended: Result<Ended, task::JoinError>) {
        let Ended { lane, visited } = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "a lane could not be visited");
                let again_at = self.now().plus(AFTER_FAULT);
                let visited = self.lanes.values_mut().find(|known| known.under_way == Some(error.id()));
                if let Some(known) = visited {
                    *known = Known { visit_at: Some(again_at), under_way: None, ..*known };
                }
                return;
            }
        };
        let now = self.now();
        let until = |due: DateTime<Utc>| now.plus(self.until(due));
        let (visit_at, is_failing) = match visited {
            Ok(Visited::More { is_failing }) => (Some(now), Some(is_failing)),
            Ok(Visited::Idle(next)) => (next.map(until), None),
            Ok(Visited::Off) => (None, Some(false)),
            Err(fault) => {
                tracing::warn!(%lane, error = fault.describe(), "a lane could not be visited; trying again");
                (Some(now.plus(AFTER_FAULT)), None)
            }
        };
        let known = self.lanes.entry(lane).or_default();
        let is_new = known.is_new.then_some(now);
        *known = Known {
            visit_at: visit_at.into_iter().chain(is_new).min(),
            under_way: None,
            is_failing: is_failing.unwrap_or(known.is_failing),
            is_new: false,
        };
    }

    /// Has a lane visited at `at` at the latest.
    fn visit_by(&mut self, lane: Lane, at: Monotonic) {
        let known = self.lanes.entry(lane).or_default();
        known.is_new |= known.under_way.is_some();
        known.visit_at = Some(known.visit_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// How long it is until `due`.
    fn until(&self, due: DateTime<Utc>) -> Duration {
        (due - self.notifier.parts().clock.now()).to_std().unwrap_or_default()
    }
}

/// How long to rest after so much work.
pub(super) fn rest(worked: Duration) -> Duration {
    (worked * REST).min(LONGEST_REST)
}
