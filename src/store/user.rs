//! People: their accounts with the identity provider, and who they are in each organization.
//!
//! Locks: the event that tells of an account first, then the account, then the rows of users, by organization and id.
//! None of them is taken together with those of bookings.

use chrono::{DateTime, Utc};
use entity::{account, account_event, status, user};
use sea_orm::ActiveValue::NotSet;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, LockType, OnConflict, Order, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, FromQueryResult, Insert, IntoActiveModel, Iterable,
    QueryFilter, QueryTrait,
};

use super::convert;
use super::page::{Page, PageRequest};
use super::{Reader, StoreError, Tx};
use crate::domain::access::Role;
use crate::domain::id::{OrganizationId, UserId};
use crate::domain::person::{Account, PersonalDetails, User};

/// What an account's column is called in a row that is a user's otherwise.
const GONE: &str = "gone";

/// Who somebody with a valid token is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nobody has heard of them in this organization.
    Stranger,
    /// The identity provider has deleted their account.
    Deleted,
    /// One of the organization's.
    User(User),
}

impl Reader {
    /// Who `id` is in `organization`, in one statement.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn known(&self, organization: &OrganizationId, id: &UserId) -> Result<Known, StoreError> {
        let theirs = Condition::all()
            .add(Expr::col((user::Entity, user::Column::Id)).equals((account::Entity, account::Column::Id)))
            .add(Expr::col((user::Entity, user::Column::OrganizationId)).eq(organization.as_str()));
        let mut select = Query::select();
        select
            .expr_as(Expr::col((account::Entity, account::Column::Deleted)), Alias::new(GONE))
            .columns(user::Column::iter().map(|column| (user::Entity, column)))
            .from(account::Entity)
            .left_join(user::Entity, theirs)
            .and_where(Expr::col((account::Entity, account::Column::Id)).eq(id.as_str()));
        let rows = self.rows(&select).await?;
        let Some(row) = rows.first() else { return Ok(Known::Stranger) };
        if row.try_get("", GONE)? {
            return Ok(Known::Deleted);
        }
        if row.try_get::<Option<String>>("", "id")?.is_none() {
            return Ok(Known::Stranger);
        }
        Ok(Known::User(user_of(user::Model::from_query_result(row, "")?)?))
    }

    /// A page of an organization's users, by email and id.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn users(&self, organization: &OrganizationId, page: &PageRequest) -> Result<Page<User>, StoreError> {
        let mut select = user::Entity::find().filter(within(organization)).into_query();
        page.narrow(&mut select, (user::Entity, user::Column::EmailKey), (user::Entity, user::Column::Id));
        let found: Vec<user::Model> = self.models(&select).await?;
        Ok(page.page(found.into_iter().map(user_of).collect::<Result<_, _>>()?))
    }

    /// How many users an organization has.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn user_count(&self, organization: &OrganizationId) -> Result<u64, StoreError> {
        self.count(user::Entity::find().filter(within(organization))).await
    }
}

impl Tx {
    /// Notes that an event of the identity provider's is being taken; whether it is for the first time. The first thing
    /// in its transaction: a twin waits here.
    ///
    /// # Errors
    /// Faults of the database, as of all methods here.
    pub async fn take_account_event(&self, id: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let row = account_event::Model { id: id.to_owned(), taken_at: now.timestamp_millis() };
        let insert = Insert::one(row.into_active_model())
            .on_conflict(OnConflict::column(account_event::Column::Id).do_nothing().to_owned())
            .into_query();
        Ok(self.execute(&insert).await? == 1)
    }

    /// Forgets the events that were taken before `before`; how many.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn prune_account_events(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let delete = account_event::Entity::delete_many()
            .filter(account_event::Column::TakenAt.lt(before.timestamp_millis()))
            .into_query();
        self.execute(&delete).await
    }

    /// An account, made if there was none, that nobody else changes until the transaction ends.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_account(&self, id: &UserId, now: DateTime<Utc>) -> Result<Account, StoreError> {
        let unheard_of = account_model(&Account::unheard_of(id.clone()), now);
        // The row is made first, so that there is one to lock: of two writers one waits here for the other.
        let insert = Insert::one(unheard_of.into_active_model())
            .on_conflict(OnConflict::column(account::Column::Id).do_nothing().to_owned())
            .into_query();
        self.execute(&insert).await?;
        let mut select = account::Entity::find_by_id(id.as_str()).into_query();
        // SQLite has no row locks and needs none.
        select.lock(LockType::Update);
        let row = self.models::<account::Model>(&select).await?.pop();
        account_of(row.ok_or_else(|| StoreError::corrupt("an account that was made is not there"))?)
    }

    /// Saves what has become of an account since [`Tx::lock_account`].
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn save_account(&self, account: &Account, now: DateTime<Utc>) -> Result<(), StoreError> {
        let changed = account::ActiveModel {
            id: NotSet,
            created_at: NotSet,
            ..account_model(account, now).into_active_model().reset_all()
        };
        let update = account::Entity::update_many()
            .set(changed)
            .filter(account::Column::Id.eq(account.id.as_str()))
            .into_query();
        self.execute(&update).await.map(|_| ())
    }

    /// Whoever `id` is in all organizations, and keeps others from changing it until the transaction ends.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_users_of_account(&self, id: &UserId) -> Result<Vec<User>, StoreError> {
        self.lock_users(Condition::all().add(user::Column::Id.eq(id.as_str()))).await
    }

    /// Somebody of an organization, whom nobody else changes until the transaction ends.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_user(&self, organization: &OrganizationId, id: &UserId) -> Result<Option<User>, StoreError> {
        Ok(self.lock_users(within(organization).add(user::Column::Id.eq(id.as_str()))).await?.pop())
    }

    /// Somebody of an organization and all of its admins, whom nobody else changes until the transaction ends.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_user_and_admins(
        &self,
        organization: &OrganizationId,
        id: &UserId,
    ) -> Result<Vec<User>, StoreError> {
        let either =
            Condition::any().add(user::Column::Id.eq(id.as_str())).add(user::Column::Role.eq(stored_role(Role::Admin)));
        self.lock_users(within(organization).add(either)).await
    }

    async fn lock_users(&self, condition: Condition) -> Result<Vec<User>, StoreError> {
        let mut select = user::Entity::find().filter(condition).into_query();
        select
            .order_by(user::Column::OrganizationId, Order::Asc)
            .order_by(user::Column::Id, Order::Asc)
            // SQLite has no row locks and needs none.
            .lock(LockType::Update);
        self.models::<user::Model>(&select).await?.into_iter().map(user_of).collect()
    }

    /// Adds somebody to an organization. The organization exists, and their account is locked.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn insert_user(&self, user: &User) -> Result<(), StoreError> {
        self.insert(user_model(user)).await
    }

    /// Saves what has become of somebody since they were locked.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn save_user(&self, user: &User) -> Result<(), StoreError> {
        let changed = user::ActiveModel {
            organization_id: NotSet,
            id: NotSet,
            created_at: NotSet,
            ..user_model(user).into_active_model().reset_all()
        };
        let update = user::Entity::update_many()
            .set(changed)
            .filter(within(&user.organization_id).add(user::Column::Id.eq(user.id.as_str())))
            .into_query();
        self.execute(&update).await.map(|_| ())
    }

    /// Removes somebody from all organizations.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn delete_users_of_account(&self, id: &UserId) -> Result<(), StoreError> {
        let delete = user::Entity::delete_many().filter(user::Column::Id.eq(id.as_str())).into_query();
        self.execute(&delete).await.map(|_| ())
    }
}

fn within(organization: &OrganizationId) -> Condition {
    Condition::all().add(user::Column::OrganizationId.eq(organization.as_str()))
}

fn account_of(row: account::Model) -> Result<Account, StoreError> {
    let account::Model { id, email, email_verified, name, told_at, deleted, created_at: _ } = row;
    Ok(Account {
        id: id.into(),
        details: PersonalDetails { email, email_verified, name },
        told_at: told_at.map(convert::instant).transpose()?,
        deleted,
    })
}

fn account_model(account: &Account, created_at: DateTime<Utc>) -> account::Model {
    let Account { id, details: PersonalDetails { email, email_verified, name }, told_at, deleted } = account;
    account::Model {
        id: id.to_string(),
        email: email.clone(),
        email_verified: *email_verified,
        name: name.clone(),
        told_at: told_at.map(|told| told.timestamp_millis()),
        deleted: *deleted,
        created_at: created_at.timestamp_millis(),
    }
}

fn user_of(row: user::Model) -> Result<User, StoreError> {
    let user::Model {
        organization_id,
        id,
        email,
        email_verified,
        email_key: _,
        name,
        role,
        token_role,
        created_at,
        updated_at,
    } = row;
    Ok(User {
        organization_id: organization_id.into(),
        id: id.into(),
        details: PersonalDetails { email, email_verified, name },
        role: role_of(role),
        token_role: token_role.map(role_of),
        created_at: convert::instant(created_at)?,
        updated_at: convert::instant(updated_at)?,
    })
}

fn user_model(user: &User) -> user::Model {
    let User {
        organization_id,
        id,
        details: PersonalDetails { email, email_verified, name },
        role,
        token_role,
        created_at,
        updated_at,
    } = user;
    user::Model {
        organization_id: organization_id.to_string(),
        id: id.to_string(),
        email: email.clone(),
        email_verified: *email_verified,
        email_key: user.email_key(),
        name: name.clone(),
        role: stored_role(*role),
        token_role: token_role.map(stored_role),
        created_at: created_at.timestamp_millis(),
        updated_at: updated_at.timestamp_millis(),
    }
}

fn role_of(stored: status::Role) -> Role {
    match stored {
        status::Role::Customer => Role::Customer,
        status::Role::Staff => Role::Staff,
        status::Role::Admin => Role::Admin,
    }
}

fn stored_role(role: Role) -> status::Role {
    match role {
        Role::Customer => status::Role::Customer,
        Role::Staff => status::Role::Staff,
        Role::Admin => status::Role::Admin,
    }
}
