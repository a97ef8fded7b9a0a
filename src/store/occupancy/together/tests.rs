//! Reading what is occupied for many who ask at once.

use std::pin::pin;

use futures_util::future::join_all;
use futures_util::poll;

use crate::domain::quantum::QuantumSpan;
use crate::store::test_database::{TestStore, on_each_database};
use crate::store::tests::{add_catalogue, hours, need, occupy, organization};

/// Runs `test` on each database, with a catalogue, where one statement is asked at a time.
async fn with_one_turn<R>(test: fn(TestStore) -> R)
where
    R: Future<Output = ()> + Send + 'static,
{
    on_each_database(|original| async move {
        add_catalogue(&original.store).await;
        let one_turn = original.with_connections(2).await;
        let store = one_turn.store.clone();
        test(one_turn).await;
        store.close().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_answered_what_they_asked_and_many_by_one_statement() {
    on_each_database(|TestStore { store, statements, .. }| async move {
        add_catalogue(&store).await;
        for hour in [1, 13, 25, 37, 49] {
            occupy(&store, vec![need("studio-a", 1)], hours(hour, hour + 1)).await.unwrap();
        }
        occupy(&store, vec![need("studio-b", 1)], hours(0, 72)).await.unwrap();
        let revision = store.reader().catalogue_revision(&organization()).await.unwrap();
        let mut questions = Vec::new();
        for resource in ["studio-a", "studio-b", "nothing"] {
            for (from, to) in [(0, 24), (0, 72), (24, 25), (23, 25), (71, 73), (96, 120), (5, 5)] {
                questions.push((resource, hours(from, to)));
            }
        }
        statements.take();
        let ask = |(resource, span): &(&'static str, QuantumSpan)| {
            let (store, resource, span) = (store.clone(), (*resource).into(), *span);
            async move { store.occupancy_in(&organization(), &resource, span).await.unwrap() }
        };
        let answers = join_all(questions.iter().map(ask)).await;
        let shared = statements.take();
        for ((resource, span), answer) in questions.iter().zip(answers) {
            let days = store.reader().occupancy(&[(*resource).into()], *span).await.unwrap();
            assert_eq!(answer, (revision, days), "{resource} {span:?}");
        }
        assert!(shared.len() < questions.len(), "{}", shared.len());

        let unknown = store.occupancy_in(&"nobody".into(), &"studio-a".into(), hours(0, 24)).await.unwrap();
        assert_eq!(unknown, (0, Vec::new()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_as_fit_share_a_statement_and_the_others_the_next() {
    with_one_turn(|TestStore { store, statements, .. }| async move {
        let (organization, resource) = (organization(), "studio-a".into());
        // Before the first one asks, it lets the others join.
        let all = (0..40).map(|_| store.occupancy_in(&organization, &resource, hours(0, 24)));
        assert!(join_all(all).await.iter().all(Result::is_ok));
        let questions = |statement: &String| statement.matches("), (").count() + 1;
        assert_eq!(statements.take().iter().map(questions).collect::<Vec<_>>(), [16, 16, 8]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_away_while_they_ask_for_others_keeps_nobody_from_an_answer() {
    with_one_turn(|TestStore { store, .. }| async move {
        let (organization, resource) = (organization(), "studio-a".into());
        let turn = store.shared_reads.turns.acquire().await.unwrap();
        let mut other = pin!(store.occupancy_in(&organization, &resource, hours(0, 24)));
        assert!(poll!(&mut other).is_pending());
        let asked_for = store.shared_reads.next();
        assert_eq!(asked_for.len(), 1);
        drop((asked_for, turn));
        other.await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn for_whoever_has_gone_away_nobody_asks() {
    with_one_turn(|TestStore { store, .. }| async move {
        let (organization, resource) = (organization(), "studio-a".into());
        let _turn = store.shared_reads.turns.acquire().await.unwrap();
        let ask = || Box::pin(store.occupancy_in(&organization, &resource, hours(0, 24)));
        let (mut gone, mut there) = (ask(), ask());
        assert!(poll!(&mut gone).is_pending() && poll!(&mut there).is_pending());
        drop(gone);
        assert_eq!(store.shared_reads.next().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_told_to_all_who_share_it() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        store.close().await.unwrap();
        let (organization, resource) = (organization(), "studio-a".into());
        let all = (0..20).map(|_| store.occupancy_in(&organization, &resource, hours(0, 24)));
        assert!(join_all(all).await.iter().all(Result::is_err));
    })
    .await;
}
