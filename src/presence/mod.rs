//! The registry of holds: who keeps which time for a moment, and for how long.
//!
//! Each resource has a board (see `board.rs`), an entry of one concurrent map. Every operation visits one board at a
//! time, under its lock, and never waits while it does. What spans several resources is placed unseen on one after
//! the other, so that it already keeps others out, and made seen or undone as a whole.
//!
//! Holds meet bookings, which the database decides, from both sides: a booking claims its time here before it writes,
//! and a hold is placed here before it reads what is occupied. Whichever comes second finds the first.

mod board;
mod claim;
mod expiry;
mod fitting;
mod hold;
mod limits;
mod placement;
mod room;
mod session;
mod spans;
mod taking;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use dashmap::DashMap;
use dashmap::mapref::one::RefMut;
use secrecy::SecretSlice;
use tokio::sync::mpsc;

use crate::clock::SharedClock;
use crate::domain::id::ResourceId;
use crate::domain::quantum::{Quantum, QuantumSpan};
use crate::feed::{ChangeFeed, Topic};

use board::{Board, Turn};
use expiry::Agenda;
use session::{Pseudonyms, SessionKey};

pub use claim::Claim;
pub use hold::{ClaimRequest, Granted, Hold, HoldItem, HoldLimit, HoldRefusal, HoldRequest, HoldSlot, RanOut, Renewal};
pub use placement::Placement;
pub use session::{Holder, SessionSecret};

/// How long holds live and how much can be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldSettings {
    /// How long a hold lives from its last heartbeat.
    pub ttl: Duration,
    /// How long a session may hold on one resource in all, and how long it must then hold nothing there.
    pub renewable: Duration,
    /// Most slots in one call.
    pub max_slots_per_call: usize,
    /// Most quanta times units that a session may hold, over all resources.
    pub max_quanta_per_session: u32,
    /// Most quantum-minutes that a client address may hold on one resource.
    pub address_budget: u32,
    /// Most holds that are kept at all.
    pub max_holds: usize,
    /// Most sessions and client addresses that are remembered, each once for each resource.
    pub max_remembered: usize,
}

impl Default for HoldSettings {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(10),
            renewable: Duration::from_mins(15),
            max_slots_per_call: 100,
            max_quanta_per_session: 400,
            address_budget: 12_000,
            max_holds: 100_000,
            max_remembered: 100_000,
        }
    }
}

/// The registry of holds.
pub struct Presence {
    settings: HoldSettings,
    pseudonyms: Pseudonyms,
    clock: SharedClock,
    feed: ChangeFeed,
    boards: DashMap<ResourceId, Board>,
    agenda: Agenda,
    /// What each session holds on which resource, in quanta times units; unseen holds count.
    weights: DashMap<SessionKey, HashMap<ResourceId, u32>>,
    holds: AtomicUsize,
    /// Sessions and client addresses that are remembered, once for each resource.
    remembered: AtomicUsize,
    /// The second, counted from one, in which sessions were last forgotten to make room.
    forgot_in_second: AtomicU64,
    /// The revision of a resource that has had no board yet.
    first_revision: u64,
    /// The revisions of boards that are gone. Only resources that exist ever have a board, so these are not many.
    last_revisions: DashMap<ResourceId, u64>,
    /// Who wants to know what runs out unattended.
    ran_out: OnceLock<mpsc::Sender<(ResourceId, RanOut)>>,
}

impl Presence {
    /// An empty registry that tells its changes to `feed`. `key` is the server's, for the pseudonyms of sessions.
    #[must_use]
    pub fn new(settings: HoldSettings, key: &SecretSlice<u8>, clock: SharedClock, feed: ChangeFeed) -> Arc<Self> {
        Arc::new(Self {
            // Revisions go on from what they can have been before a restart.
            first_revision: micros(clock.now()),
            last_revisions: DashMap::new(),
            pseudonyms: Pseudonyms::new(key),
            settings,
            clock,
            feed,
            boards: DashMap::new(),
            agenda: Agenda::default(),
            weights: DashMap::new(),
            holds: AtomicUsize::new(0),
            remembered: AtomicUsize::new(0),
            forgot_in_second: AtomicU64::new(0),
            ran_out: OnceLock::new(),
        })
    }

    /// What runs out unattended from now on, at most `waiting` of it waiting to be read: what is beyond is lost. `None`
    /// if somebody else reads it already.
    #[must_use]
    pub fn ran_out(&self, waiting: usize) -> Option<mpsc::Receiver<(ResourceId, RanOut)>> {
        let (sender, receiver) = mpsc::channel(waiting);
        self.ran_out.set(sender).ok().map(|()| receiver)
    }

    /// The public name of a session on `resource`.
    #[must_use]
    pub fn holder(&self, resource: &ResourceId, session: &SessionSecret) -> Holder {
        self.pseudonyms.holder(resource, session)
    }

    /// The holds of `resource` that overlap `span`, by start, end and holder, and the revision that grows with every
    /// change of the resource's holds.
    ///
    /// What is past its time is not among them. They carry at most 64 KiB of `data` in all; beyond, it is left out.
    #[must_use]
    pub fn holds(&self, resource: &ResourceId, span: QuantumSpan) -> (u64, Vec<Hold>) {
        let read = |board: &Board| (board.revision, if span.is_empty() { Vec::new() } else { board.list(span) });
        let present = self.boards.get(resource).and_then(|board| {
            // A due board has to be changed first, and its watchers told.
            (!board.is_due(self.clock.monotonic())).then(|| read(&board))
        });
        present
            .or_else(|| self.visit_existing(resource, |board, _| read(board)))
            .unwrap_or_else(|| (self.revision_without_board(resource), Vec::new()))
    }

    /// The revision of the holds of `resource`, which grows with every change of them, also when one runs out.
    #[must_use]
    pub fn revision(&self, resource: &ResourceId) -> u64 {
        let nothing = QuantumSpan::new(Quantum(0), Quantum(0));
        self.holds(resource, nothing).0
    }

    /// How many holds there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.holds.load(Ordering::Relaxed)
    }

    /// The holds of `resource` that cover `instant`, buffers included.
    #[must_use]
    pub fn holds_at(&self, resource: &ResourceId, instant: DateTime<Utc>) -> Vec<Hold> {
        let quantum = Quantum::containing(instant);
        self.holds(resource, QuantumSpan::new(quantum, quantum.plus(1))).1
    }

    /// How many sessions hold something on `resource` now.
    #[must_use]
    pub fn active_sessions(&self, resource: &ResourceId) -> usize {
        self.visit_existing(resource, |board, _| board.active_sessions()).unwrap_or(0)
    }

    /// Visits the board of `resource`, which is made if there is none.
    fn visit<R>(&self, resource: &ResourceId, act: impl FnOnce(&mut Board, &mut Turn<'_>) -> R) -> R {
        let fresh = || Board::from_revision(self.revision_without_board(resource));
        self.act_on(self.boards.entry(resource.clone()).or_insert_with(fresh), act)
    }

    /// Visits the board of `resource`, if there is one.
    fn visit_existing<R>(&self, resource: &ResourceId, act: impl FnOnce(&mut Board, &mut Turn<'_>) -> R) -> Option<R> {
        self.boards.get_mut(resource).map(|board| self.act_on(board, act))
    }

    /// The revision of `resource` while it has no board: its own last one, which nothing elsewhere changes.
    fn revision_without_board(&self, resource: &ResourceId) -> u64 {
        self.last_revisions.get(resource).map_or(self.first_revision, |last| *last)
    }

    /// Ends what has run out on `resource`.
    fn tend(&self, resource: &ResourceId) {
        self.visit_existing(resource, |_, _| ());
    }

    /// Tends the board, acts on it, lets its lock go, and does what must follow.
    fn act_on<R>(
        &self,
        mut board: RefMut<'_, ResourceId, Board>,
        act: impl FnOnce(&mut Board, &mut Turn<'_>) -> R,
    ) -> R {
        let mut turn = Turn {
            settings: &self.settings,
            // Read under the lock, so that nobody acts at an instant before one that the board has seen.
            now: self.clock.monotonic(),
            wall: self.clock.now(),
            changed: Vec::new(),
            bumped: 0,
            freed: Vec::new(),
            ran_out: Vec::new(),
        };
        let (due, holds, remembered) = (board.due, board.holds.len(), board.remembered());
        board.tend(&mut turn);
        board.bump(&mut turn);
        let result = act(&mut board, &mut turn);
        board.bump(&mut turn);
        recount(&self.holds, holds, board.holds.len());
        recount(&self.remembered, remembered, board.remembered());
        let next = board.due.filter(|next| due != Some(*next));
        let is_empty = board.is_empty();
        let resource = board.key().clone();
        let Turn { freed, changed, ran_out, .. } = turn;
        drop(board);

        if let Some(reader) = self.ran_out.get() {
            for ran_out in ran_out {
                // Holds are told of as far as that costs nobody anything.
                let _lost = reader.try_send((resource.clone(), ran_out));
            }
        }

        if let Some(next) = next {
            self.agenda.add(next, resource.clone());
        }
        for (session, weight) in freed {
            self.count_released(session, &resource, weight);
        }
        if is_empty {
            self.boards.remove_if(&resource, |_, board| {
                let is_empty = board.is_empty();
                if is_empty {
                    // Whoever finds no board finds its revision here.
                    self.last_revisions.insert(resource.clone(), board.revision);
                }
                is_empty
            });
        }
        for span in changed {
            self.feed.publish(Topic::Holds, &resource, span);
        }
        result
    }

    /// Whether `more` holds can be kept; makes room as far as that costs nobody anything.
    fn has_room_for(&self, more: usize) -> bool {
        let has_room = || self.holds.load(Ordering::Relaxed).saturating_add(more) <= self.settings.max_holds;
        let can_remember = || self.remembered.load(Ordering::Relaxed) < self.settings.max_remembered;
        if !has_room() || !can_remember() {
            self.sweep();
        }
        if has_room() && !can_remember() {
            self.forget_idle_sessions();
        }
        has_room() && can_remember()
    }

    /// Has all boards forget sessions that hold nothing; not more than once a second, for it visits every board.
    fn forget_idle_sessions(&self) {
        let second = self.clock.monotonic().0.as_secs();
        if self.forgot_in_second.swap(second + 1, Ordering::Relaxed) == second + 1 {
            return;
        }
        let resources: Vec<ResourceId> = self.boards.iter().map(|board| board.key().clone()).collect();
        for resource in resources {
            self.visit_existing(&resource, |board, _| board.forget_idle_sessions());
        }
    }

    fn count_held(&self, session: SessionKey, resource: &ResourceId, weight: u32) {
        *self.weights.entry(session).or_default().entry(resource.clone()).or_default() += weight;
    }

    fn count_released(&self, session: SessionKey, resource: &ResourceId, weight: u32) {
        self.weights.remove_if_mut(&session, |_, weights| {
            if let Some(held) = weights.get_mut(resource) {
                *held = held.saturating_sub(weight);
                if *held == 0 {
                    weights.remove(resource);
                }
            }
            weights.is_empty()
        });
    }

    fn held_weight(&self, session: SessionKey) -> u32 {
        self.weights.get(&session).map_or(0, |weights| weights.values().sum())
    }

    fn held_resources(&self, session: SessionKey) -> Vec<ResourceId> {
        self.weights.get(&session).map(|weights| weights.keys().cloned().collect()).unwrap_or_default()
    }
}

/// Corrects a count of all boards by what one of them had and has.
fn recount(count: &AtomicUsize, had: usize, has: usize) {
    if has >= had {
        count.fetch_add(has - had, Ordering::Relaxed);
    } else {
        count.fetch_sub(had - has, Ordering::Relaxed);
    }
}

fn micros(instant: DateTime<Utc>) -> u64 {
    u64::try_from(instant.timestamp_micros()).unwrap_or(0)
}
