//! The board of one resource: its holds, the bookings of it that are under way, and what is remembered of sessions
//! and client addresses.
//!
//! A board is only ever touched under its entry's lock, and first tended: what is past its time is removed before
//! anything else is looked at. So nobody ever sees a hold that has expired, whether or not the sweep has run.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::hold::{Hold, RanOut};
use super::limits::{Allowance, Budget, cost, weight};
use super::room::{Owner, Stake};
use super::session::{Holder, SessionKey};
use super::spans::{SpanIndex, SpanKey};
use super::{HoldSettings, micros};
use crate::address::AddressGroup;
use crate::clock::Monotonic;
use crate::domain::id::{EventTypeId, ResourceId};
use crate::domain::quantum::QuantumSpan;

/// Most bytes of `data` that one answer carries.
const MAX_DATA_BYTES: usize = 64 * 1024;

/// One visit to a board: the instant at which it happens, and what must follow once the lock is let go.
pub(super) struct Turn<'a> {
    pub(super) settings: &'a HoldSettings,
    pub(super) now: Monotonic,
    pub(super) wall: DateTime<Utc>,
    /// Spans whose published holds are no longer what they were.
    pub(super) changed: Vec<QuantumSpan>,
    /// How many of them the board's revision counts already.
    pub(super) bumped: usize,
    /// What sessions no longer hold, in quanta times units.
    pub(super) freed: Vec<(SessionKey, u32)>,
    /// What ran out unattended.
    pub(super) ran_out: Vec<RanOut>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Board {
    pub(super) revision: u64,
    pub(super) holds: SpanIndex<Held>,
    pub(super) claims: SpanIndex<Claimed>,
    pub(super) sessions: HashMap<SessionKey, Session>,
    pub(super) budgets: HashMap<AddressGroup, Budget>,
    /// Before this nothing runs out and nothing can be forgotten.
    pub(super) due: Option<Monotonic>,
}

/// What a session keeps of the resource.
pub(super) struct Held {
    pub(super) session: SessionKey,
    pub(super) address: AddressGroup,
    /// When it can no longer be booked.
    pub(super) latest: Monotonic,
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
    pub(super) quantity: u32,
    pub(super) event_type_id: Option<EventTypeId>,
    /// The resource that it was taken with, for an add-on.
    pub(super) taken_with: Option<ResourceId>,
    /// The add-ons that were taken with it.
    pub(super) add_ons: Arc<[ResourceId]>,
    /// What it has reserved of the address's budget.
    pub(super) reserved: u64,
    pub(super) stage: Stage,
}

/// How far a hold has come.
pub(super) enum Stage {
    /// Keeps others out, but is not seen: its heartbeat is still reading what is occupied.
    Unseen {
        /// Whether it has been found to fit beside what is occupied.
        settled: bool,
        /// Bookings that went through meanwhile, perhaps after the heartbeat read.
        booked: Vec<(QuantumSpan, u32)>,
    },
    /// Granted.
    Seen(Seen),
}

/// What a granted hold has beside its span.
#[derive(Copy, Clone)]
pub(super) struct Seen {
    /// Since when it counts as used.
    pub(super) taken: Monotonic,
    /// It lives before this.
    pub(super) expiry: Monotonic,
    pub(super) since: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// What a booking under way is about to take.
pub(super) struct Claimed {
    pub(super) session: Option<SessionKey>,
    pub(super) quantity: u32,
    /// Whether its booking no longer looks at holds: those that come now have to look at it.
    pub(super) settled: bool,
}

/// What is known of a session on this resource.
pub(super) struct Session {
    pub(super) holder: Holder,
    pub(super) data: Option<Said>,
    /// Its granted holds by their start.
    pub(super) starts: BTreeMap<DateTime<Utc>, SpanKey>,
    /// How many holds it has that are not seen yet.
    pub(super) unseen: usize,
    pub(super) allowance: Allowance,
}

/// What a session says, and how much it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) value: Arc<Value>,
    pub(super) bytes: usize,
}

impl Held {
    pub(super) fn seen(&self) -> Option<&Seen> {
        match &self.stage {
            Stage::Seen(seen) => Some(seen),
            Stage::Unseen { .. } => None,
        }
    }

    /// Since when it counts as used. What is not seen yet is the newest.
    pub(super) fn taken(&self) -> Monotonic {
        self.seen().map_or(Monotonic(std::time::Duration::MAX), |seen| seen.taken)
    }

    /// Whether it stands against what is asked only now: granted, or about to be.
    pub(super) fn is_settled(&self) -> bool {
        !matches!(self.stage, Stage::Unseen { settled: false, .. })
    }
}

impl Session {
    fn forgotten_at(&self, settings: &HoldSettings) -> Option<Monotonic> {
        if self.unseen > 0 { None } else { self.allowance.forgotten_at(settings.renewable) }
    }
}

impl Board {
    /// An empty board whose revision goes on from `revision`.
    pub(super) fn from_revision(revision: u64) -> Self {
        Self { revision, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.holds.is_empty() && self.claims.is_empty() && self.sessions.is_empty() && self.budgets.is_empty()
    }

    /// How many sessions and client addresses are remembered.
    pub(super) fn remembered(&self) -> usize {
        self.sessions.len() + self.budgets.len()
    }

    /// Gives the board a new revision, higher than any before, across restarts too, if holds have changed since the
    /// last one.
    pub(super) fn bump(&mut self, turn: &mut Turn<'_>) {
        if turn.changed.len() > turn.bumped {
            turn.bumped = turn.changed.len();
            self.revision = (self.revision + 1).max(micros(turn.wall));
        }
    }

    /// Whether something has run out or can be forgotten.
    pub(super) fn is_due(&self, now: Monotonic) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// Removes what has run out, and forgets what need not be remembered.
    pub(super) fn tend(&mut self, turn: &mut Turn<'_>) {
        if !self.is_due(turn.now) {
            return;
        }
        let mut ended: Vec<(Monotonic, SpanKey)> = self
            .holds
            .iter()
            .filter_map(|(key, _, held)| held.seen().map(|seen| (seen.expiry, key)))
            .filter(|(expiry, _)| *expiry <= turn.now)
            .collect();
        // In order, so that the last one tells since when its session has held nothing.
        ended.sort_unstable();
        for (expiry, key) in ended {
            turn.ran_out.extend(self.ran_out(key, turn));
            self.end(key, expiry, turn);
        }
        let (now, settings) = (turn.now, turn.settings);
        let forgotten = |at: Option<Monotonic>| at.is_some_and(|at| at <= now);
        self.sessions.retain(|_, session| !forgotten(session.forgotten_at(settings)));
        self.budgets.retain(|_, budget| !forgotten(budget.forgotten_at(settings)));
        self.due = self.next_due(settings);
    }

    /// Forgets the sessions that hold nothing, although they have not rested long enough: they could as well come
    /// back under another name, so that nothing but convenience is lost.
    pub(super) fn forget_idle_sessions(&mut self) {
        self.sessions.retain(|_, session| session.unseen > 0 || !session.starts.is_empty());
    }

    fn next_due(&self, settings: &HoldSettings) -> Option<Monotonic> {
        let expiries = self.holds.iter().filter_map(|(_, _, held)| held.seen().map(|seen| seen.expiry));
        let sessions = self.sessions.values().filter_map(|session| session.forgotten_at(settings));
        let budgets = self.budgets.values().filter_map(|budget| budget.forgotten_at(settings));
        expiries.chain(sessions).chain(budgets).min()
    }

    pub(super) fn due_by(&mut self, at: Monotonic) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// What there is to tell of a hold that runs out. What was held with another resource is told of with that one.
    fn ran_out(&self, key: SpanKey, turn: &Turn<'_>) -> Option<RanOut> {
        let (_, held) = self.holds.get(key).filter(|(_, held)| held.taken_with.is_none())?;
        let seen = held.seen()?;
        Some(RanOut {
            start: held.start,
            end: held.end,
            quantity: held.quantity,
            event_type_id: held.event_type_id.clone(),
            holder: self.sessions.get(&held.session)?.holder.clone(),
            since: seen.since,
            at: turn.wall - turn.now.since(seen.expiry),
        })
    }

    /// Ends a hold, and tells its watchers if it was granted.
    pub(super) fn end(&mut self, key: SpanKey, at: Monotonic, turn: &mut Turn<'_>) {
        if let Some((span, held)) = self.remove(key, at, turn)
            && held.seen().is_some()
        {
            turn.changed.push(span);
        }
    }

    /// Takes a hold off the board, as of `at`, and settles what its session and its address have used.
    pub(super) fn remove(&mut self, key: SpanKey, at: Monotonic, turn: &mut Turn<'_>) -> Option<(QuantumSpan, Held)> {
        let (span, held) = self.holds.remove(key)?;
        let weight = weight(span, held.quantity);
        turn.freed.push((held.session, weight));

        if let Some(budget) = self.budgets.get_mut(&held.address) {
            let used = held.seen().map_or(0, |seen| cost(weight, at.since(seen.taken)));
            budget.settle(held.reserved, used, at, turn.settings);
            match budget.forgotten_at(turn.settings) {
                Some(forgotten) if forgotten <= turn.now => drop(self.budgets.remove(&held.address)),
                Some(forgotten) => self.due_by(forgotten),
                None => {}
            }
        }
        if let Some(session) = self.sessions.get_mut(&held.session) {
            if held.seen().is_none() {
                session.unseen -= 1;
            } else if session.starts.get(&held.start) == Some(&key) {
                session.starts.remove(&held.start);
                if session.starts.is_empty() {
                    session.allowance.stop(at);
                }
            }
            match session.forgotten_at(turn.settings) {
                Some(forgotten) if forgotten <= turn.now => drop(self.sessions.remove(&held.session)),
                Some(forgotten) => self.due_by(forgotten),
                None => {}
            }
        }
        Some((span, held))
    }

    /// How many sessions have granted holds.
    pub(super) fn active_sessions(&self) -> usize {
        self.sessions.values().filter(|session| !session.starts.is_empty()).count()
    }

    /// The granted holds that overlap `span`, by start, end and holder. Beyond 64 KiB in all, `data` is left out.
    pub(super) fn list(&self, span: QuantumSpan) -> Vec<Hold> {
        let mut listed: Vec<(Hold, usize)> = self
            .holds
            .overlapping(span)
            .filter_map(|(_, occupied, held)| {
                let seen = held.seen()?;
                let session = self.sessions.get(&held.session)?;
                let hold = Hold {
                    start: held.start,
                    end: held.end,
                    occupied,
                    holder: session.holder.clone(),
                    quantity: held.quantity,
                    since: seen.since,
                    updated_at: seen.updated_at,
                    data: session.data.as_ref().map(|said| said.value.clone()),
                };
                Some((hold, session.data.as_ref().map_or(0, |said| said.bytes)))
            })
            .collect();
        listed.sort_by(|(a, _), (b, _)| (a.start, a.end, &a.holder).cmp(&(b.start, b.end, &b.holder)));
        let mut carried = 0usize;
        let carry = |(mut hold, bytes): (Hold, usize)| {
            carried = carried.saturating_add(bytes);
            if carried > MAX_DATA_BYTES {
                hold.data = None;
            }
            hold
        };
        listed.into_iter().map(carry).collect()
    }

    /// What sessions other than `me` hold in `span`: all of it, or only what `counts`.
    pub(super) fn held_by_others(
        &self,
        span: QuantumSpan,
        me: Option<SessionKey>,
        counts: impl Fn(&Held) -> bool,
    ) -> impl Iterator<Item = Stake> {
        let counted = move |held: &Held| Some(held.session) != me && counts(held);
        let others = self.holds.overlapping(span).filter(move |(_, _, held)| counted(held));
        others.map(|(_, span, held)| self.stake(span, held))
    }

    /// What a hold keeps over its span.
    pub(super) fn stake(&self, span: QuantumSpan, held: &Held) -> Stake {
        Stake {
            owner: Owner::Session(held.session),
            span,
            quantity: held.quantity,
            holder: self.sessions.get(&held.session).map(|session| session.holder.clone()),
        }
    }

    /// What bookings by others than `me` are about to take in `span`: all of it, or only what `counts`.
    pub(super) fn claimed_by_others(
        &self,
        span: QuantumSpan,
        me: SessionKey,
        counts: impl Fn(&Claimed) -> bool,
    ) -> impl Iterator<Item = Stake> {
        self.claims.overlapping(span).filter(move |(_, _, claimed)| claimed.session != Some(me) && counts(claimed)).map(
            |(key, span, claimed)| Stake {
                owner: claimed.session.map_or(Owner::Booking(key), Owner::Session),
                span,
                quantity: claimed.quantity,
                holder: None,
            },
        )
    }
}
