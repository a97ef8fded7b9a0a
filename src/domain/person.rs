//! People: who somebody is, by what their tokens and the identity provider say.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::access::Role;
use super::id::{MAX_ID_LENGTH, OrganizationId, UserId};

/// Characters of a name.
pub const MAX_NAME: usize = 120;
/// Bytes of an email address (RFC 5321, 4.5.3.1.3, less the angle brackets).
pub const MAX_EMAIL: usize = 254;

/// Bytes of what is before the `@` (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL_PART: usize = 64;
/// Bytes between two dots of a domain (RFC 1035, 2.3.4).
const MAX_LABEL: usize = 63;

/// Whether `text` is a mail address as mail servers take them: words with dots between them (RFC 5321, `Dot-string`), an
/// `@`, and a domain. Letters of any script may be in it. Quoted words and addresses of machines, which hardly anybody has,
/// are not taken: what is taken here can be written to. Whether mail arrives, mail will tell.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.chars().all(|c| c.is_alphanumeric() || c.is_ascii() && "!#$%&'*+-/=?^_`{|}~".contains(c))
    };
    let is_label = |label: &str| {
        label.len() <= MAX_LABEL
            && label.starts_with(char::is_alphanumeric)
            && label.ends_with(char::is_alphanumeric)
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.len() <= MAX_EMAIL
        && text.split_once('@').is_some_and(|(local, domain)| {
            local.len() <= MAX_LOCAL_PART && local.split('.').all(is_word) && domain.split('.').all(is_label)
        })
}

/// Whether `text` can be kept as the id of a person or of an organization of theirs.
#[must_use]
pub fn is_usable_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ID_LENGTH && !text.chars().any(char::is_control)
}

/// How somebody is called and reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonalDetails {
    /// Their address, at most [`MAX_EMAIL`] bytes.
    pub email: Option<String>,
    /// Whether whoever signs people in vouches for the address.
    pub email_verified: bool,
    /// Their name, at most [`MAX_NAME`] characters on one line.
    pub name: Option<String>,
}

impl PersonalDetails {
    /// The details that others tell of somebody. What could not be a name or an address, or is too long for one, is
    /// passed over: half an address reaches nobody, and half a name is none.
    #[must_use]
    pub fn told(email: Option<&str>, email_verified: bool, name: Option<&str>) -> Self {
        let email = email.map(str::trim).filter(|email| is_email(email));
        let fits =
            |name: &&str| !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
        Self {
            email_verified: email_verified && email.is_some(),
            email: email.map(str::to_owned),
            name: name.map(str::trim).filter(fits).map(str::to_owned),
        }
    }

    /// These, and of `others` what is missing here.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        let with_email = if self.email.is_some() { self } else { others };
        Self {
            email: with_email.email.clone(),
            email_verified: with_email.email_verified,
            name: self.name.clone().or_else(|| others.name.clone()),
        }
    }

    /// The address, where somebody vouches for it.
    fn verified_email(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| self.email_verified)
    }
}

/// Somebody in one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Whose they are.
    pub organization_id: OrganizationId,
    /// The subject of their tokens.
    pub id: UserId,
    /// How they are called and reached.
    pub details: PersonalDetails,
    /// What they may do, where their token does not say.
    pub role: Role,
    /// What their last token said they may do, where the server relied on it: for what is asked without one.
    pub token_role: Option<Role>,
    /// When they were first heard of here.
    pub created_at: DateTime<Utc>,
    /// When something last changed.
    pub updated_at: DateTime<Utc>,
}

impl User {
    /// By what lists are ordered, before the id: the address in lower case, nothing where there is none.
    #[must_use]
    pub fn email_key(&self) -> String {
        self.details.email.as_deref().unwrap_or_default().to_lowercase()
    }

    /// Them as they are to be kept once a token has said `details`: what was empty is filled, and who is named an admin
    /// is one. What the identity provider told is left alone: it is newer than any token, or will be.
    #[must_use]
    pub fn filled(&self, details: &PersonalDetails, admins: &NamedAdmins) -> Self {
        let filled = self.details.or(details);
        let is_named = admins.name(&self.id, details) || admins.name(&self.id, &filled);
        Self { details: filled, role: if is_named { Role::Admin } else { self.role }, ..self.clone() }
    }
}

/// Who is an admin whatever else is said of them: whoever runs the server names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedAdmins {
    subjects: HashSet<UserId>,
    /// In lower case.
    emails: HashSet<String>,
}

impl NamedAdmins {
    /// Those of a list of subjects and addresses: an entry with an `@` is an address.
    ///
    /// # Errors
    /// The first entry that is neither.
    pub fn from_entries<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut admins = Self::default();
        for entry in entries {
            if entry.contains('@') && is_email(entry) {
                admins.emails.insert(entry.to_ascii_lowercase());
            } else if !entry.contains('@') && is_usable_id(entry) {
                admins.subjects.insert(UserId::from(entry));
            } else {
                return Err(entry);
            }
        }
        Ok(admins)
    }

    /// Whether they name whoever has this subject or this address, if somebody vouches for the address.
    #[must_use]
    pub fn name(&self, id: &UserId, details: &PersonalDetails) -> bool {
        // In ASCII only: a letter that merely looks like another when it is small is not the same address.
        self.subjects.contains(id)
            || details.verified_email().is_some_and(|email| self.emails.contains(&email.to_ascii_lowercase()))
    }
}

/// Somebody's account with the identity provider, whatever organizations they are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The subject of their tokens.
    pub id: UserId,
    /// What the provider has told of them.
    pub details: PersonalDetails,
    /// How new that is; `None` where the provider never told anything.
    pub told_at: Option<DateTime<Utc>>,
    /// Whether the provider has deleted it: its tokens are refused.
    pub deleted: bool,
}

/// Something that the identity provider tells of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountEvent {
    /// What the provider calls the event; sent again, it is the same.
    pub id: String,
    /// Whose account.
    pub subject: UserId,
    /// How new the news is, by the provider's clock.
    pub at: DateTime<Utc>,
    /// Where they belong, if the provider says so.
    pub organization_id: Option<OrganizationId>,
    /// What has become of it.
    pub news: AccountNews,
}

/// What has become of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountNews {
    /// It was made.
    Created(PersonalDetails),
    /// It was changed.
    Updated(PersonalDetails),
    /// It is gone.
    Deleted,
}

impl Account {
    /// The account of somebody of whom the provider has told nothing yet.
    #[must_use]
    pub fn unheard_of(id: UserId) -> Self {
        Self { id, details: PersonalDetails::default(), told_at: None, deleted: false }
    }

    /// What `event` makes of it; `None` where it tells nothing new. Events come late and in any order: one that is older
    /// than what is known undoes nothing. What is deleted stays so whatever is said about changes, until the provider
    /// makes it anew.
    #[must_use]
    pub fn after(&self, event: &AccountEvent) -> Option<Self> {
        let is_newer = self.told_at.is_none_or(|told| told < event.at);
        let is_as_new = is_newer || self.told_at == Some(event.at);
        let told = |details: &PersonalDetails| Self {
            id: self.id.clone(),
            details: details.clone(),
            told_at: Some(event.at),
            deleted: false,
        };
        match &event.news {
            // The first thing that is told: what comes in the same millisecond comes after it.
            AccountNews::Created(details) => is_newer.then(|| told(details)),
            AccountNews::Updated(details) => (is_as_new && !self.deleted).then(|| told(details)),
            AccountNews::Deleted => {
                let gone = Self { deleted: true, ..told(&PersonalDetails::default()) };
                is_as_new.then_some(gone).filter(|gone| gone != self)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn named(name: &str) -> PersonalDetails {
        PersonalDetails::told(Some("ada@example.org"), true, Some(name))
    }

    fn event(second: i64, news: AccountNews) -> AccountEvent {
        AccountEvent {
            id: format!("event_{second}"),
            subject: UserId::from("ada"),
            at: at(second),
            organization_id: None,
            news,
        }
    }

    fn admins(entries: &[&'static str]) -> Result<NamedAdmins, &'static str> {
        NamedAdmins::from_entries(entries.iter().copied())
    }

    /// What an account is called after these events in this order; `None` once it is gone.
    fn called_after(events: &[(i64, AccountNews)]) -> Option<String> {
        let mut account = Account::unheard_of(UserId::from("ada"));
        for (second, news) in events {
            account = account.after(&event(*second, news.clone())).unwrap_or(account);
        }
        (!account.deleted).then(|| account.details.name.unwrap_or_default())
    }

    #[test]
    fn the_newest_state_wins_in_whatever_order_it_is_told() {
        use AccountNews::{Created, Deleted, Updated};
        let (created, updated) = (Created(named("new")), Updated(named("newer")));
        let (again, gone) = (Created(named("again")), None);
        for (events, expected) in [
            (vec![(1, created.clone()), (2, updated.clone())], Some("newer")),
            (vec![(2, updated.clone()), (1, created.clone())], Some("newer")),
            (vec![(1, created.clone()), (1, updated.clone())], Some("newer")),
            (vec![(1, updated.clone()), (1, created.clone())], Some("newer")),
            (vec![(2, updated.clone()), (1, Deleted)], Some("newer")),
            (vec![(1, created.clone()), (3, Deleted), (2, updated.clone())], gone),
            (vec![(3, Deleted), (1, created.clone()), (2, updated.clone())], gone),
            (vec![(3, Deleted), (3, created.clone())], gone),
            (vec![(3, Deleted), (4, updated.clone())], gone),
            (vec![(3, Deleted), (4, again.clone()), (2, updated.clone())], Some("again")),
            (vec![(4, again.clone()), (3, Deleted)], Some("again")),
        ] {
            assert_eq!(called_after(&events).as_deref(), expected, "{events:?}");
        }
    }

    #[test]
    fn of_an_account_that_is_gone_nothing_is_kept() {
        let known = Account { details: named("Ada"), ..Account::unheard_of(UserId::from("ada")) };
        let gone = known.after(&event(1, AccountNews::Deleted)).unwrap();
        assert_eq!((gone.details.clone(), gone.told_at), (PersonalDetails::default(), Some(at(1))));
        assert_eq!(gone.after(&event(1, AccountNews::Deleted)), None);
    }

    #[test]
    fn what_is_no_name_or_address_is_passed_over() {
        let told = |email: &str, name: &str| {
            let details = PersonalDetails::told(Some(email), true, Some(name));
            (details.email, details.email_verified, details.name)
        };
        assert_eq!(told(" ada@example.org ", " Ada "), (Some("ada@example.org".into()), true, Some("Ada".into())));
        let label = "b".repeat(63);
        let long_email = format!("{}@{label}.{label}.{}.org", "a".repeat(64), "b".repeat(58));
        let long_name = "é".repeat(MAX_NAME + 1);
        for (email, name) in [("", ""), (" ", "\t"), ("ada", "A\0"), ("a@b@c", "A\nB"), (&long_email, &long_name)] {
            assert_eq!(told(email, name), (None, false, None), "{email:?} {name:?}");
        }
        assert!(told(&long_email[1..], &long_name[2..]).2.is_some());
        assert!(told(&long_email[1..], &long_name[2..]).0.is_some());
    }

    #[test]
    fn admins_are_named_by_subject_or_by_an_address_that_is_vouched_for() {
        let admins = admins(&["usr_1", "Boss@Example.org"]).unwrap();
        let details = |email, verified| PersonalDetails::told(Some(email), verified, None);
        for (id, email, verified, expected) in [
            ("usr_1", "x@example.org", false, true),
            ("usr_2", "bOSS@example.ORG", true, true),
            ("usr_2", "boss@example.org", false, false),
            ("usr_2", "x@example.org", true, false),
            ("boss@example.org", "x@example.org", true, false),
            ("USR_1", "x@example.org", true, false),
        ] {
            assert_eq!(admins.name(&UserId::from(id), &details(email, verified)), expected, "{id} {email}");
        }
    }

    #[test]
    fn a_named_admin_is_an_address_or_a_subject() {
        let long = "x".repeat(MAX_ID_LENGTH + 1);
        for wrong in ["@", "a@", "@b", "a b@c", "a@b@c", "", &long] {
            assert_eq!(NamedAdmins::from_entries([wrong]), Err(wrong));
        }
        assert!(admins(&["auth0|5f7c8ec7c33c6c004bbafe82", "a@b.c"]).is_ok());
    }

    #[test]
    fn a_token_fills_what_is_empty_and_changes_nothing_else() {
        let user = User {
            organization_id: OrganizationId::fallback(),
            id: UserId::from("ada"),
            details: PersonalDetails::told(Some("ada@example.org"), false, None),
            role: Role::Staff,
            token_role: None,
            created_at: at(0),
            updated_at: at(0),
        };
        let token = PersonalDetails::told(Some("other@example.org"), true, Some("Ada"));
        let filled = user.filled(&token, &NamedAdmins::default());
        let expected = PersonalDetails::told(Some("ada@example.org"), false, Some("Ada"));
        assert_eq!((filled.details, filled.role), (expected, Role::Staff));
        // The token's address is vouched for all the same, and the one that is kept is not.
        assert_eq!(user.filled(&token, &admins(&["other@example.org"]).unwrap()).role, Role::Admin);
        assert_eq!(user.filled(&token, &admins(&["ada@example.org"]).unwrap()).role, Role::Staff);
    }
}
