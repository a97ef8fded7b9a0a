use chrono::Duration;
use sea_orm::ConnectionTrait;

use super::super::test_database::{TestStore, on_each_database};
use super::{midnight, organization};
use crate::domain::access::Role;
use crate::domain::id::UserId;
use crate::domain::person::{Account, PersonalDetails, User};
use crate::store::{Known, Store, StoreError};

fn ada() -> User {
    User {
        organization_id: organization(),
        id: UserId::from("ada"),
        details: PersonalDetails::told(Some("Ada@example.org"), true, Some("Ada")),
        role: Role::Staff,
        token_role: Some(Role::Admin),
        created_at: midnight(),
        updated_at: midnight() + Duration::hours(1),
    }
}

async fn add(store: &Store, user: &User) {
    store
        .write(|tx| async move {
            tx.lock_account(&user.id, midnight()).await?;
            tx.ensure_organization(&user.organization_id, midnight()).await?;
            tx.insert_user(user).await
        })
        .await
        .map_err(|error: StoreError| error)
        .unwrap();
}

#[tokio::test]
async fn people_are_read_as_they_were_written() {
    on_each_database(|TestStore { store, statements, .. }| async move {
        let user = &ada();
        let elsewhere = "elsewhere".into();
        assert_eq!(store.reader().known(&user.organization_id, &user.id).await.unwrap(), Known::Stranger);
        add(&store, user).await;
        statements.take();
        assert_eq!(store.reader().known(&user.organization_id, &user.id).await.unwrap(), Known::User(user.clone()));
        assert_eq!(statements.take().len(), 1);
        assert_eq!(store.reader().known(&elsewhere, &user.id).await.unwrap(), Known::Stranger);

        let changed = &User { role: Role::Admin, details: PersonalDetails::default(), ..user.clone() };
        store.write(|tx| async move { tx.save_user(changed).await }).await.unwrap();
        assert_eq!(store.reader().known(&user.organization_id, &user.id).await.unwrap(), Known::User(changed.clone()));

        let gone = &Account { told_at: Some(midnight()), deleted: true, ..Account::unheard_of(user.id.clone()) };
        let locked = store
            .write(|tx| async move {
                tx.delete_users_of_account(&gone.id).await?;
                tx.save_account(gone, midnight()).await?;
                tx.lock_account(&gone.id, midnight()).await
            })
            .await
            .unwrap();
        assert_eq!(locked, *gone);
        for organization in [&user.organization_id, &elsewhere] {
            assert_eq!(store.reader().known(organization, &user.id).await.unwrap(), Known::Deleted);
        }
    })
    .await;
}

#[tokio::test]
async fn an_event_that_is_long_past_can_be_forgotten_and_no_other() {
    on_each_database(|TestStore { store, .. }| async move {
        let take = async |id: &'static str, hours: i64| {
            let at = midnight() + Duration::hours(hours);
            store.write(|tx| async move { tx.take_account_event(id, at).await }).await.unwrap()
        };
        assert!(take("early", 0).await && take("late", 2).await);
        assert!(!take("early", 3).await && !take("late", 3).await);
        let before = midnight() + Duration::hours(1);
        let pruned = store.write(|tx| async move { tx.prune_account_events(before).await }).await.unwrap();
        assert_eq!(pruned, 1);
        assert!(take("early", 4).await && !take("late", 4).await);
    })
    .await;
}

#[tokio::test]
async fn the_database_refuses_what_cannot_be_true_of_people() {
    on_each_database(|TestStore { store, .. }| async move {
        add(&store, &ada()).await;
        for sql in [
            "UPDATE users SET role = 'owner'",
            "UPDATE users SET id = 'nobody'",
            "UPDATE users SET organization_id = 'nowhere'",
            "UPDATE users SET email = NULL",
            "UPDATE users SET email_key = ''",
            "DELETE FROM accounts",
            "UPDATE accounts SET deleted = true",
            "UPDATE accounts SET deleted = true, told_at = 1, name = 'Ada'",
            "INSERT INTO account_events (id, taken_at) VALUES ('', 0)",
        ] {
            assert!(store.pools.writes.execute_unprepared(sql).await.is_err(), "{sql}");
        }
    })
    .await;
}
