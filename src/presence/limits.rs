//! How long a session may hold, and how much a client address may.

use std::time::Duration;

use super::HoldSettings;
use crate::clock::Monotonic;
use crate::domain::quantum::QuantumSpan;

/// Milliseconds in a minute: budgets are kept in quantum-milliseconds.
const MINUTE_MILLIS: u64 = 60_000;

/// What `quantity` units over `span` weigh: quanta times units.
pub(super) fn weight(span: QuantumSpan, quantity: u32) -> u32 {
    u32::try_from(span.len()).unwrap_or(u32::MAX).saturating_mul(quantity)
}

/// What `weight` for `time` takes from a budget, in quantum-milliseconds.
pub(super) fn cost(weight: u32, time: Duration) -> u64 {
    u64::from(weight).saturating_mul(millis(time))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// How long a session has held on a resource.
#[derive(Debug)]
pub(super) struct Allowance {
    /// Before the present stretch of holding.
    used: Duration,
    since: Monotonic,
    holding: bool,
}

impl Allowance {
    /// Of a session that has held nothing.
    pub(super) fn fresh(now: Monotonic) -> Self {
        Self { used: Duration::ZERO, since: now, holding: false }
    }

    /// When a session that holds from now on has held for as long as it may; not after `now` if it has already.
    pub(super) fn runs_out(&self, now: Monotonic, limit: Duration) -> Monotonic {
        if self.holding {
            self.since.plus(limit.saturating_sub(self.used))
        } else if self.is_rested(now, limit) {
            now.plus(limit)
        } else {
            now.plus(limit.saturating_sub(self.used))
        }
    }

    /// The session holds something from now on.
    pub(super) fn start(&mut self, now: Monotonic, limit: Duration) {
        if self.holding {
            return;
        }
        if self.is_rested(now, limit) {
            self.used = Duration::ZERO;
        }
        self.holding = true;
        self.since = now;
    }

    /// The session holds nothing since `at`.
    pub(super) fn stop(&mut self, at: Monotonic) {
        if self.holding {
            self.used += at.since(self.since);
            self.holding = false;
            self.since = at;
        }
    }

    /// When there is no need to remember it any longer; `None` while the session holds something.
    pub(super) fn forgotten_at(&self, limit: Duration) -> Option<Monotonic> {
        let rest = if self.used.is_zero() { Duration::ZERO } else { limit };
        (!self.holding).then(|| self.since.plus(rest))
    }

    fn is_rested(&self, now: Monotonic, limit: Duration) -> bool {
        !self.holding && now.since(self.since) >= limit
    }
}

/// What a client address has taken of a resource, in quantum-milliseconds.
///
/// A hold reserves what it may use at most; when it ends, what it did not use comes back at once, and what it did use
/// drains away at the pace at which a whole budget would in the time that a session may hold.
#[derive(Debug, Default)]
pub(super) struct Budget {
    reserved: u64,
    used: u64,
    as_of: Monotonic,
}

impl Budget {
    /// What can still be reserved.
    pub(super) fn room(&self, now: Monotonic, settings: &HoldSettings) -> u64 {
        total(settings).saturating_sub(self.used_at(now, settings)).saturating_sub(self.reserved)
    }

    pub(super) fn reserve(&mut self, amount: u64) {
        self.reserved = self.reserved.saturating_add(amount);
    }

    /// A hold that had `reserved` has ended at `at`, having used `used`.
    pub(super) fn settle(&mut self, reserved: u64, used: u64, at: Monotonic, settings: &HoldSettings) {
        let at = at.max(self.as_of);
        self.reserved = self.reserved.saturating_sub(reserved);
        self.used = self.used_at(at, settings).saturating_add(used);
        self.as_of = at;
    }

    /// When there is no need to remember it any longer; `None` while something is reserved.
    pub(super) fn forgotten_at(&self, settings: &HoldSettings) -> Option<Monotonic> {
        let wait =
            (u128::from(self.used) * settings.renewable.as_millis()).div_ceil(u128::from(total(settings)).max(1));
        let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(u64::MAX));
        (self.reserved == 0).then(|| self.as_of.plus(wait))
    }

    fn used_at(&self, now: Monotonic, settings: &HoldSettings) -> u64 {
        let passed = now.since(self.as_of).as_millis();
        let drained = u128::from(total(settings)) * passed / settings.renewable.as_millis().max(1);
        self.used.saturating_sub(u64::try_from(drained).unwrap_or(u64::MAX))
    }
}

fn total(settings: &HoldSettings) -> u64 {
    u64::from(settings.address_budget) * MINUTE_MILLIS
}
