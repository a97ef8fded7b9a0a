//! The whole server against a model that is too simple to be wrong: a list of what was booked and blocked, in which
//! everything is found by looking at all of it.
//!
//! Random people do random things to two exclusive resources and a pool. After each step the server has to have
//! answered as the model does, and to offer what the model has free. `SLOTWISE_MODEL_SEQUENCES` says how many sequences
//! are tried (each on resources of its own), `SLOTWISE_MODEL_SEED` with which the first of them begins: a failure tells
//! the seed that shows it again.
//!
//! To add an operation: a [`steps::Step`], what comes of it in [`naive::Naive::play`], and how it is asked for in
//! [`world::World::ask`].

mod naive;
mod steps;
mod world;

use std::collections::BTreeSet;

use crate::support::{Choices, TestServer};

use naive::Naive;
use steps::Step;
use world::World;

/// Steps of each sequence.
const STEPS: usize = 30;
/// How many sequences are tried unless it is said otherwise: few, so that the suite stays quick.
const SEQUENCES: usize = 12;
/// After how many sequences all that is stored is checked.
const CHECKED_EVERY: usize = 20;
/// What people are refused with now and then: otherwise nothing would be tried that can go wrong.
const REFUSALS: [&str; 9] = [
    "SLOT_TAKEN",
    "NOT_ENOUGH_UNITS",
    "IN_THE_PAST",
    "NOT_FOUND",
    "TOO_LATE_TO_CANCEL",
    "ILLEGAL_TRANSITION",
    "LIMIT_EXCEEDED",
    "INVALID",
    "FORBIDDEN",
];
/// What succeeds now and then.
const DONE: [&str; 18] = [
    "book",
    "book provisionally",
    "repeat all",
    "repeat what can be had",
    "see what a series would come to",
    "cancel a series",
    "confirm",
    "decline",
    "cancel",
    "complete",
    "mark as no-show",
    "move",
    "move to another resource",
    "move, ignoring the schedule",
    "block",
    "unblock",
    "resize",
    "wait",
];
/// Where bookings stand in the end.
const STATUSES: [&str; 8] =
    ["PROVISIONAL", "PENDING", "CONFIRMED", "DECLINED", "CANCELLED", "EXPIRED", "COMPLETED", "NO_SHOW"];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_people_do_the_server_answers_and_offers_as_the_model_does() {
    let (first, count) = (setting("SLOTWISE_MODEL_SEED", 0), setting("SLOTWISE_MODEL_SEQUENCES", SEQUENCES));
    let server = TestServer::start().await;
    let mut seen = BTreeSet::new();
    for seed in first..first + count {
        seen.extend(play(&server, seed).await);
        if (seed + 1 - first).is_multiple_of(CHECKED_EVERY) {
            server.assert_sound().await;
        }
    }
    server.assert_sound().await;
    // Few sequences of other seeds may have had no such luck.
    if first == 0 && count >= SEQUENCES {
        let expected = REFUSALS.into_iter().chain(DONE).chain(STATUSES);
        let missing: Vec<&str> = expected.filter(|expected| !seen.contains(*expected)).collect();
        assert!(missing.is_empty(), "it never came to {missing:?}");
    }
}

/// Plays the sequence of `seed`. What was done, with what people were refused, and where bookings stand in the end.
async fn play(server: &TestServer, seed: usize) -> BTreeSet<String> {
    let mut came_to = BTreeSet::new();
    let mut choices = Choices::new(seed);
    let mut world = World::new(server, seed).await;
    let mut model = Naive::new(world.minutes_now(), world::CAPACITIES);
    let mut story = Vec::new();
    for number in 0..STEPS {
        let step = steps::next(&mut choices, &model);
        story.push(format!("{number}: at {}: {step:?}", model.now));
        let expected = model.play(&step);
        let answered = world.ask(&step, &model).await;
        let told = || format!("seed {seed} (SLOTWISE_MODEL_SEED={seed}):\n{}", story.join("\n"));
        assert_eq!(answered.told, expected, "what is told (left), and should be, in {}", told());
        model.name(answered.made);
        came_to.insert(expected.refusal.unwrap_or_else(|| step.name().to_owned()));
        if matches!(step, Step::Wait { .. }) && choices.below(2) == 0 {
            // Nobody is to be stopped by what has lapsed, whether or not the worker was there first.
            world.assert_agrees(&model).await;
            continue;
        }
        world.wait_for_the_worker(&model).await;
        let question = steps::question(&mut choices, &step, &model);
        let (offered, expected) = (world.slots(&question, &model).await, model.slots(&question));
        let differing: Vec<_> =
            offered.iter().zip(&expected).filter(|(offered, expected)| offered != expected).collect();
        assert!(
            offered.len() == expected.len() && differing.is_empty(),
            "offered, and expected, for {question:?}: {differing:?} after {}",
            told()
        );
    }
    world.assert_agrees(&model).await;
    // The last step may have been to wait.
    world.wait_for_the_worker(&model).await;
    came_to.extend(model.bookings.iter().map(|booking| booking.status.to_owned()));
    came_to
}

/// A number from the environment.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the program")]
fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |given| given.parse().unwrap())
}
