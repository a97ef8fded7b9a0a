//! The worker: shares out what is in the outbox, and has lanes visited on which something is due, each by itself, so
//! that a slow receiver holds up nobody but itself.

use std::collections::HashMap;
use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

use super::Notifier;
use super::lane::{Visit, Visited};
use crate::clock::Monotonic;
use crate::domain::delivery::Lane;
use crate::store::StoreError;

/// How often everything is looked at, whoever wakes the worker: other servers may have died over what they were doing,
/// and the wall clock may have been set.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long to wait after a fault of the store.
const AFTER_FAULT: Duration = Duration::from_secs(1);
/// How much longer than it has worked the worker rests. Whoever books comes first: while many do, work takes longer, and
/// so does the rest, and more is done at a time. It is a matter of the machine and not of what time it is: it is no
/// matter of the clock's.
const REST: u32 = 4;
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_millis(250);
/// Lanes that are visited at once.
const LANES_AT_ONCE: usize = 256;

/// What is known of a lane.
#[derive(Copy, Clone, Debug, Default)]
struct Known {
    /// When to visit it; `None`: when something new is there.
    visit_at: Option<Monotonic>,
    is_under_way: bool,
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
    /// When the outbox is looked at even if nobody says that there is something in it.
    plan_at: Monotonic,
    /// Whether there is something in the outbox.
    is_filled: bool,
    /// How much longer the outbox is left alone, whatever is in it.
    rest: Option<Pin<Box<Sleep>>>,
    /// When it is looked at which lanes there are.
    look_at: Monotonic,
}

impl Notifier {
    /// Tells others what happened, until `shutdown`. What is under way then is brought to its end.
    pub async fn run(self, shutdown: CancellationToken) {
        let now = self.parts().clock.monotonic();
        let mut work = Work {
            notifier: self,
            shutdown,
            lanes: HashMap::new(),
            visits: JoinSet::new(),
            plan_at: now,
            is_filled: false,
            rest: None,
            look_at: now,
        };
        while !work.shutdown.is_cancelled() {
            work.look().await;
            work.plan().await;
            work.visit();
            work.wait().await;
        }
        while let Some(ended) = work.visits.join_next().await {
            work.end(ended);
        }
    }
}

impl Work {
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
                    known.is_under_way || known.visit_at.is_some() || pending.iter().any(|(pending, _)| pending == lane)
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

    /// Shares out what is in the outbox, if it is time to.
    async fn plan(&mut self) {
        let started = self.now();
        let is_rested = self.rest.is_none();
        if !(self.is_filled && is_rested || started >= self.plan_at) {
            return;
        }
        self.is_filled = false;
        let planned = self.notifier.plan().await;
        let now = self.now();
        self.rest = Some(Box::pin(sleep(rest(now.since(started)))));
        match planned {
            Ok(planned) => {
                self.plan_at = now.plus(LOOK_EVERY);
                self.is_filled = planned.is_more;
                for lane in planned.lanes {
                    self.visit_by(lane, now);
                }
            }
            Err(fault) => {
                tracing::warn!(error = fault.describe(), "what happened could not be shared out; trying again");
                self.plan_at = now.plus(AFTER_FAULT);
            }
        }
    }

    /// Begins to visit the lanes that are due.
    fn visit(&mut self) {
        let now = self.now();
        for (lane, known) in &mut self.lanes {
            let is_due = known.visit_at.is_some_and(|at| at <= now);
            if !is_due || known.is_under_way || self.visits.len() >= LANES_AT_ONCE {
                continue;
            }
            *known = Known { visit_at: None, is_under_way: true, is_new: false, ..*known };
            let (notifier, lane, shutdown) = (self.notifier.clone(), lane.clone(), self.shutdown.clone());
            let visit = Visit { is_failing: known.is_failing };
            self.visits.spawn(async move {
                let visited = notifier.visit(&lane, visit, &shutdown).await;
                if let Ok(Visited::More { .. }) = &visited {
                    let worked = notifier.parts().clock.monotonic().since(now);
                    let _ended = shutdown.run_until_cancelled(sleep(rest(worked))).await;
                }
                Ended { lane, visited }
            });
        }
    }

    /// Waits until there is something to do.
    async fn wait(&mut self) {
        let rest = self.rest.as_mut();
        let rested = async {
            match rest {
                Some(rest) => rest.await,
                None => pending().await,
            }
        };
        let parts = self.notifier.parts();
        let (clock, wakes) = (&parts.clock, &parts.wakes);
        let now = clock.monotonic();
        let visits = self.lanes.values().filter(|known| !known.is_under_way).filter_map(|known| known.visit_at);
        let next = visits.chain([self.plan_at, self.look_at]).min().unwrap_or(now);
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            Some(ended) = self.visits.join_next() => self.end(ended),
            // Both are kept for us if they come before we wait for them.
            () = wakes.outbox.notified() => self.is_filled = true,
            () = rested => self.rest = None,
            () = wakes.deliveries.notified() => self.look_at = now,
            () = clock.sleep_until(next) => {}
        }
    }

    /// Notes what a visit has come to.
    fn end(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let Ended { lane, visited } = match ended {
            Ok(ended) => ended,
            Err(error) => {
                // Which lane it was nobody knows: all are looked at anew.
                tracing::error!(%error, "a lane could not be visited");
                self.lanes.clear();
                self.look_at = self.now().plus(AFTER_FAULT);
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
            is_under_way: false,
            is_failing: is_failing.unwrap_or(known.is_failing),
            is_new: false,
        };
    }

    /// Has a lane visited at `at` at the latest.
    fn visit_by(&mut self, lane: Lane, at: Monotonic) {
        let known = self.lanes.entry(lane).or_default();
        known.is_new |= known.is_under_way;
        known.visit_at = Some(known.visit_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// How long it is until `due`.
    fn until(&self, due: DateTime<Utc>) -> Duration {
        (due - self.notifier.parts().clock.now()).to_std().unwrap_or_default()
    }
}

fn rest(worked: Duration) -> Duration {
    (worked * REST).min(LONGEST_REST)
}
