//! The whole server against a model that is too simple to be wrong: a list of what was booked and blocked, in which
//! everything is found by looking at all of it.
//!
//! Random people do random things to two exclusive resources and a pool. After each step the server has to have
//! answered as the model does, and to offer what the model has free. `SLOTWISE_MODEL_SEQUENCES` says how many sequences
//! are tried (each on resources of its own), `SLOTWISE_MODEL_SEED` with which the first of them begins: a failure tells
//! the seed that shows it again.
//!
//! To add an operation: a [`steps::Step`], what comes of it in [`naive::Naive::expect`], and how it is asked for in
//! [`world::World::ask`].

mod naive;
mod steps;
mod world;

use std::collections::BTreeSet;

use crate::support::{Choices, TestServer};

use naive::Naive;
use world::World;

/// Steps of each sequence.
const STEPS: usize = 30;
/// How many sequences are tried unless it is said otherwise: few, so that the suite stays quick.
const SEQUENCES: usize = 12;
/// After how many sequences all that is stored is checked.
const CHECKED_EVERY: usize = 20;
/// What people are refused with now and then: otherwise nothing would be tried that can go wrong.
const REFUSALS: [&str; 6] =
    ["SLOT_TAKEN", "NOT_ENOUGH_UNITS", "IN_THE_PAST", "NOT_FOUND", "TOO_LATE_TO_CANCEL", "ILLEGAL_TRANSITION"];

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
    if count >= SEQUENCES {
        let missing: Vec<&str> = REFUSALS.into_iter().filter(|refusal| !seen.contains(refusal)).collect();
        assert!(missing.is_empty(), "nobody was ever refused with {missing:?}");
    }
}

/// Plays the sequence of `seed`. Which refusals there were.
async fn play(server: &TestServer, seed: usize) -> BTreeSet<&'static str> {
    let mut refusals = BTreeSet::new();
    let mut choices = Choices::new(seed);
    let mut world = World::new(server, seed).await;
    let mut model = Naive::new(world.minutes_now(), world::CAPACITIES);
    let mut story = Vec::new();
    for number in 0..STEPS {
        let step = steps::next(&mut choices, &model);
        story.push(format!("{number}: at {}: {step:?}", model.now));
        let expected = model.expect(&step);
        let answered = world.ask(&step, &model).await;
        let told = || format!("seed {seed} (SLOTWISE_MODEL_SEED={seed}):\n{}", story.join("\n"));
        match (&expected, &answered) {
            (Ok(()), Ok(_)) => {}
            (Err(expected), Err(answered)) if expected == answered => {
                refusals.insert(*expected);
            }
            _ => panic!("expected {expected:?}, got {answered:?} in {}", told()),
        }
        if let Ok(id) = answered {
            model.apply(&step, id);
        }
        world.wait_for_the_worker(&model).await;
        let question = steps::question(&mut choices, &step, &model);
        assert_eq!(
            world.slots(&question).await,
            model.slots(&question),
            "what is offered for {question:?} after {}",
            told()
        );
    }
    world.assert_agrees(&model).await;
    refusals
}

/// A number from the environment.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the program")]
fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |given| given.parse().unwrap())
}
