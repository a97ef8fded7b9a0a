//! One budget for each client: it holds a burst, and fills up again at an even pace (the generic cell rate
//! algorithm, by `governor`).

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::{NotUntil, Quota, RateLimiter};

use super::cells::{Beyond, Cells, Looking, Taking};
use crate::clock::SharedClock;

/// How often something may be asked for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In how much time how many come back.
    period: Duration,
    per_period: NonZeroU32,
    burst: NonZeroU32,
}

impl Rate {
    /// `burst` at once, and `per_minute` in the long run; `None` where either is zero.
    #[must_use]
    pub fn new(per_minute: u32, burst: u32) -> Option<Self> {
        Self::in_each(Duration::from_mins(1), per_minute, burst)
    }

    /// `burst` at once, and `per_hour` in the long run; `None` where either is zero.
    #[must_use]
    pub fn hourly(per_hour: u32, burst: u32) -> Option<Self> {
        Self::in_each(Duration::from_hours(1), per_hour, burst)
    }

    fn in_each(period: Duration, per_period: u32, burst: u32) -> Option<Self> {
        Some(Self { period, per_period: NonZeroU32::new(per_period)?, burst: NonZeroU32::new(burst)? })
    }

    /// `None` where so many come back that they need not be counted.
    fn quota(self) -> Option<Quota> {
        Some(Quota::with_period(self.period / self.per_period.get())?.allow_burst(self.burst))
    }
}

/// How long to wait before it is worth asking again.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RetryAfter(Duration);

impl RetryAfter {
    /// After that long.
    #[must_use]
    pub const fn new(wait: Duration) -> Self {
        Self(wait)
    }

    /// In whole seconds, rounded up, at least one.
    #[must_use]
    pub fn seconds(self) -> u64 {
        let begun = u64::from(self.0.subsec_nanos() > 0);
        self.0.as_secs().saturating_add(begun).max(1)
    }

    /// What the client is told.
    #[must_use]
    pub fn message(self) -> String {
        format!("Too many requests. Wait {} s, then try again.", self.seconds())
    }
}

/// The limiter's view of our clock.
#[derive(Clone)]
struct Ticks(SharedClock);

impl Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic().0
    }
}

type Limiter<K, S> = RateLimiter<K, S, Ticks, NoOpMiddleware<Duration>>;

/// Counts by client; without a rate, it does not.
pub(super) struct Meter<K: Eq + Hash + Copy>(Option<Counting<K>>);

struct Counting<K: Eq + Hash + Copy> {
    cells: Arc<Cells<K>>,
    taking: Limiter<K, Taking<K>>,
    looking: Limiter<K, Looking<K>>,
    burst: NonZeroU32,
    /// The second of the clock in which room was last made.
    cleared_at: AtomicU64,
}

impl<K: Eq + Hash + Copy> Meter<K> {
    pub(super) fn new(rate: Option<Rate>, beyond: Beyond, clock: &SharedClock) -> Self {
        let quota = rate.and_then(|rate| rate.quota().map(|quota| (quota, rate.burst)));
        Self(quota.map(|(quota, burst)| {
            let cells = Arc::new(Cells::new(beyond));
            Counting {
                cells: Arc::clone(&cells),
                taking: RateLimiter::new(quota, Taking(Arc::clone(&cells)), Ticks(Arc::clone(clock))),
                looking: RateLimiter::new(quota, Looking(cells), Ticks(Arc::clone(clock))),
                burst,
                cleared_at: AtomicU64::new(0),
            }
        }))
    }

    /// Takes `count` from the budget of `client`. What is more than a whole budget takes a whole one: otherwise it
    /// could never be had.
    pub(super) fn take(&self, client: &K, count: u32) -> Result<(), RetryAfter> {
        let (Some(counting), Some(count)) = (&self.0, NonZeroU32::new(count)) else { return Ok(()) };
        counting.make_room();
        let Counting { taking, burst, .. } = counting;
        let outcome = match taking.check_key_n(client, count.min(*burst)) {
            Ok(outcome) => outcome,
            // Not more than the burst is asked for.
            Err(_insufficient_capacity) => taking.check_key(client),
        };
        outcome.map_err(|not_until| retry_after(&not_until, taking.clock()))
    }

    /// Whether there is anything left in the budget of `client`.
    pub(super) fn look(&self, client: &K) -> Result<(), RetryAfter> {
        let Some(Counting { looking, .. }) = &self.0 else { return Ok(()) };
        looking.check_key(client).map_err(|not_until| retry_after(&not_until, looking.clock()))
    }

    /// Forgets the clients whose budgets are full again.
    pub(super) fn forget_the_rested(&self) {
        if let Some(Counting { taking, .. }) = &self.0 {
            taking.retain_recent();
        }
    }

    /// How many clients are remembered.
    #[cfg(test)]
    pub(super) fn clients(&self) -> usize {
        self.0.as_ref().map_or(0, |counting| counting.taking.len())
    }
}

impl<K: Eq + Hash + Copy> Counting<K> {
    /// Forgets the rested at once where somebody has found no room, at most once a second: in a flood of clients most
    /// have asked for little, and are rested soon.
    fn make_room(&self) {
        let second = self.taking.clock().now().as_secs();
        if self.cleared_at.load(Ordering::Relaxed) != second && self.cells.was_crowded() {
            self.cleared_at.store(second, Ordering::Relaxed);
            self.taking.retain_recent();
        }
    }
}

fn retry_after(not_until: &NotUntil<Duration>, clock: &Ticks) -> RetryAfter {
    RetryAfter(not_until.wait_time_from(clock.now()))
}
