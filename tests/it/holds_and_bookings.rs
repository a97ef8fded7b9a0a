//! Holds against bookings of the same hour, interleaved at random: nobody is ever shown both.
//!
//! Only what clients can know is looked at. A hold is in force for sure from the answer that granted it until its
//! session asks to leave or to book; a booking from the answer that made it until somebody asks to cancel it. A counter
//! that all share puts those moments in order, and there may never be more in force than there is to be had.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use slotwise::config::HoldSettings;

use crate::support::{Actor, Choices, EventTypeSpec, ResourceSpec, ServerOptions, TestServer, at_once};

/// Starts that get into each other's way.
const STARTS: [&str; 3] = ["2026-12-02T23:00:00Z", "2026-12-02T23:30:00Z", "2026-12-03T00:00:00Z"];

/// Somebody who holds or books one unit.
struct Player {
    actor: Actor,
    session: Option<String>,
    moments: Arc<AtomicU64>,
    choices: Choices,
    /// Since when it surely holds something.
    holds_since: Option<u64>,
    /// What it has booked, and since when that is sure.
    booked: Option<(Value, u64)>,
    /// Between which moments something was in force.
    in_force: Vec<(u64, u64)>,
    heartbeats: usize,
    refusals: usize,
}

impl Player {
    fn moment(&self) -> u64 {
        self.moments.fetch_add(1, Ordering::SeqCst)
    }

    /// What a session does in turn.
    async fn hold_and_book(mut self, heartbeats: usize) -> Self {
        while self.heartbeats < heartbeats {
            match self.choices.below(10) {
                0 | 1 if self.holds_since.is_some() => self.leave().await,
                2 | 3 if self.holds_since.is_some() => self.book(0).await,
                4..=7 if self.booked.is_some() => self.cancel().await,
                _ => self.heartbeat().await,
            }
        }
        self.finish().await
    }

    /// What somebody does who holds nothing.
    async fn book_and_cancel(mut self, bookings: usize) -> Self {
        for _ in 0..bookings {
            let start = self.choices.below(STARTS.len());
            self.book(start).await;
            if self.booked.is_some() {
                self.cancel().await;
            }
        }
        self.finish().await
    }

    async fn heartbeat(&mut self) {
        let granted = self
            .actor
            .heartbeat(json!({
                "resourceId": "res_a", "eventTypeId": "evt_hour", "sessionSecret": self.session,
                "slots": [{ "start": STARTS[0], "durationMinutes": 60 }],
            }))
            .await;
        self.heartbeats += 1;
        if granted["granted"] == true {
            if self.holds_since.is_none() {
                self.holds_since = Some(self.moment());
            }
        } else {
            self.refused(&granted);
            assert!(self.holds_since.is_none(), "a hold was lost to somebody else: {granted}");
        }
    }

    async fn leave(&mut self) {
        self.end_hold();
        let left = self.actor.leave(json!({ "resourceId": "res_a", "sessionSecret": self.session })).await;
        assert_eq!(left["released"], 1, "{left}");
    }

    async fn book(&mut self, start: usize) {
        let held = self.end_hold();
        let input = json!({
            "resourceId": "res_a", "eventTypeId": "evt_hour", "start": STARTS[start],
            "sessionSecret": self.session,
        });
        let booked = self.actor.book(input).await;
        if booked["booking"].is_object() {
            self.cancel().await;
            self.booked = Some((booked["booking"]["id"].clone(), self.moment()));
        } else {
            self.refused(&booked);
            assert!(!held, "what was granted could not be booked: {booked}");
        }
    }

    /// Gives up what it has booked, if anything.
    async fn cancel(&mut self) {
        let Some((id, since)) = self.booked.take() else { return };
        self.in_force.push((since, self.moment()));
        let cancelled = self.actor.cancel(json!({ "id": id })).await;
        assert_eq!(cancelled["booking"]["status"], "CANCELLED", "{cancelled}");
    }

    /// From now on the hold may be gone; whether there was one.
    fn end_hold(&mut self) -> bool {
        let Some(since) = self.holds_since.take() else { return false };
        self.in_force.push((since, self.moment()));
        true
    }

    fn refused(&mut self, payload: &Value) {
        let code = &payload["userErrors"][0]["code"];
        assert!(code == "SLOT_TAKEN" || code == "SLOT_HELD", "{payload}");
        self.refusals += 1;
    }

    async fn finish(mut self) -> Self {
        if self.holds_since.is_some() {
            self.leave().await;
        }
        self.cancel().await;
        self
    }
}

/// The most that was in force at one moment.
fn most_at_once(in_force: &[(u64, u64)]) -> usize {
    let at = |moment: u64| in_force.iter().filter(|(from, to)| *from <= moment && moment < *to).count();
    in_force.iter().map(|(from, _)| at(*from)).max().unwrap_or(0)
}

/// Lets two sessions, with so many heartbeats each, and two others have it out over a resource of `quantity` units.
async fn play(quantity: u32, heartbeats: usize) {
    let holds = HoldSettings { address_budget: 10_000_000, ..HoldSettings::default() };
    let server = TestServer::start_with(ServerOptions { holds, ..ServerOptions::default() }).await;
    server.resources([ResourceSpec { quantity, ..ResourceSpec::named("a") }]).await;
    server.event_types([EventTypeSpec { buffers: (15, 15), ..EventTypeSpec::named("hour", &[60], &["a"]) }]).await;

    let people = ["ada", "bob", "eve", "joan"].map(|name| server.customer(name));
    let moments = Arc::new(AtomicU64::new(0));
    let players = at_once(people.len(), |number| {
        let player = Player {
            actor: people[number].clone(),
            session: (number < 2).then(|| format!("session {number}, a secret of a session")),
            moments: Arc::clone(&moments),
            choices: Choices::new(number),
            holds_since: None,
            booked: None,
            in_force: Vec::new(),
            heartbeats: 0,
            refusals: 0,
        };
        async move {
            match player.session {
                Some(_) => player.hold_and_book(heartbeats).await,
                None => player.book_and_cancel(heartbeats / 4).await,
            }
        }
    })
    .await;

    for player in &players {
        assert!(!player.in_force.is_empty(), "somebody never got anything: the test shows nothing");
        assert!(player.refusals > 0, "somebody was never in another's way: the test shows nothing");
    }
    let in_force: Vec<(u64, u64)> = players.into_iter().flat_map(|player| player.in_force).collect();
    let most = most_at_once(&in_force);
    assert!(most <= quantity as usize, "{most} were in force at once, of {quantity}");
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_is_never_held_and_booked_nor_held_or_booked_by_two() {
    play(1, 500).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn never_more_units_of_a_pool_are_held_and_booked_than_there_are() {
    play(2, 150).await;
}
