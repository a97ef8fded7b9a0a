//! Who a booking is for, by who asks for it.

use super::administration::Change;
use super::booking::BookerDetails;
use super::input::Problems;
use crate::domain::access::{Caller, Role, Standing, Viewer};
use crate::domain::booking::Booker;
use crate::domain::person::MAX_NAME;
use crate::domain::refusal::UserError;

/// Characters of a phone number.
const MAX_PHONE: usize = 30;
/// Characters of notes.
const MAX_NOTES: usize = 2_000;

/// Notes what is wrong with `details` for a booking by `caller`: guests give name and email, a customer's email is the
/// one that they signed in with, staff book for anybody.
pub(super) fn check(problems: &mut Problems, caller: &Caller, details: Option<&BookerDetails>) {
    if let Some(details) = details {
        check_form(problems, details);
    }
    let given = |field: fn(&BookerDetails) -> Option<&String>| {
        details.and_then(field).map(String::as_str).filter(|text| !text.trim().is_empty())
    };
    let email = given(|details| details.email.as_ref());
    match caller {
        Caller::Anonymous => {
            if given(|details| details.name.as_ref()).is_none() {
                problems.note(&["booker", "name"], "Guests give their `name`.");
            }
            if email.is_none() {
                problems.note(&["booker", "email"], "Guests give their `email`.");
            }
        }
        Caller::User(viewer) if viewer.role == Role::Customer => {
            let is_own = |email: &str| viewer.email.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(email));
            if email.is_some_and(|email| !is_own(email)) {
                problems.note(
                    &["booker", "email"],
                    "`email` must be the one that you signed in with. Leave it out to use that.",
                );
            }
        }
        Caller::User(_) => {}
    }
}

/// Notes what of `details` is too long or malformed.
pub(super) fn check_form(problems: &mut Problems, details: &BookerDetails) {
    let BookerDetails { name, email, phone, notes } = details;
    problems.text(&["booker", "name"], name.as_deref(), MAX_NAME, false);
    problems.email(&["booker", "email"], email.as_deref());
    problems.text(&["booker", "phone"], phone.as_deref(), MAX_PHONE, false);
    problems.text(&["booker", "notes"], notes.as_deref(), MAX_NOTES, true);
}

/// What is to change of who a booking is for; `Change::To(None)` stands for null.
#[derive(Clone, Debug, Default)]
pub struct BookerChanges {
    /// Their name.
    pub name: Change<Option<String>>,
    /// Their email address.
    pub email: Change<Option<String>>,
    /// Their phone number.
    pub phone: Change<Option<String>>,
    /// What they want known.
    pub notes: Change<Option<String>>,
}

impl BookerChanges {
    /// What is given to be there afterwards.
    pub(super) fn given(&self) -> BookerDetails {
        let given = |change: &Change<Option<String>>| change.given().cloned().flatten();
        let Self { name, email, phone, notes } = self;
        BookerDetails { name: given(name), email: given(email), phone: given(phone), notes: given(notes) }
    }
}

/// Who a booking for `before` is for once `changes` are made by somebody of this `standing`. Whoever booked with an
/// account keeps the booking, with their email: none but themself can bring that up to date, by what they sign in with.
/// Other bookings can be given other names and emails, and only staff can leave those empty.
///
/// # Errors
/// What is not theirs to change, and what may not become empty.
pub(super) fn changed(
    caller: &Caller,
    standing: Standing,
    before: &Booker,
    changes: &BookerChanges,
) -> Result<Booker, Vec<UserError>> {
    let BookerChanges { name, email, phone, notes } = changes.clone();
    let after = Booker {
        user_id: before.user_id.clone(),
        name: name.applied_to(before.name.clone()),
        email: email.applied_to(before.email.clone()),
        phone: phone.applied_to(before.phone.clone()),
        notes: notes.applied_to(before.notes.clone()),
    };
    let mut problems = Problems::default();
    let has_account = before.user_id.is_some();
    if has_account && after.email != before.email && !is_email_of(caller, &after) {
        let message = "The booking belongs to an account and keeps its email. Leave `email` out.";
        problems.note(&["booker", "email"], message);
    }
    if !has_account && standing != Standing::Staff {
        for (field, was, is) in [("name", &before.name, &after.name), ("email", &before.email, &after.email)] {
            if is != was && is.as_deref().is_none_or(|text| text.trim().is_empty()) {
                problems
                    .note(&["booker", field], format!("`{field}` cannot be empty. Leave it out to keep what it is."));
            }
        }
    }
    problems.into_result().map(|()| after)
}

/// Whether `booker` is the caller, with the email that they signed in with.
fn is_email_of(caller: &Caller, booker: &Booker) -> bool {
    caller.viewer().is_some_and(|viewer| {
        let same = |own: &String, given: &String| own.eq_ignore_ascii_case(given);
        booker.user_id.as_ref() == Some(&viewer.id)
            && viewer.email.as_ref().zip(booker.email.as_ref()).is_some_and(|(own, given)| same(own, given))
    })
}

/// Who the booking is for, once [`check`] found nothing wrong.
pub(super) fn resolve(caller: &Caller, details: Option<&BookerDetails>) -> Booker {
    let given = details.cloned().unwrap_or_default();
    let Caller::User(viewer) = caller else { return somebody(given) };
    if viewer.role >= Role::Staff && details.is_some() && given.email != viewer.email {
        return somebody(given);
    }
    themself(viewer, given)
}

fn somebody(given: BookerDetails) -> Booker {
    let BookerDetails { name, email, phone, notes } = given;
    Booker { user_id: None, name, email, phone, notes }
}

fn themself(viewer: &Viewer, given: BookerDetails) -> Booker {
    let BookerDetails { name, email: _, phone, notes } = given;
    Booker {
        user_id: Some(viewer.id.clone()),
        name: name.or_else(|| viewer.name.clone()),
        email: viewer.email.clone(),
        phone,
        notes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{OrganizationId, UserId};

    fn viewer(role: Role) -> Caller {
        Caller::User(Viewer {
            id: UserId::from("ada"),
            organization_id: OrganizationId::fallback(),
            role,
            email: Some("ada@example.org".to_owned()),
            name: Some("Ada".to_owned()),
        })
    }

    fn details(name: Option<&str>, email: Option<&str>) -> BookerDetails {
        BookerDetails { name: name.map(str::to_owned), email: email.map(str::to_owned), ..BookerDetails::default() }
    }

    fn problems(caller: &Caller, details: Option<&BookerDetails>) -> usize {
        let mut problems = Problems::default();
        check(&mut problems, caller, details);
        problems.into_result().err().map_or(0, |problems| problems.len())
    }

    #[test]
    fn guests_give_name_and_email() {
        assert_eq!(problems(&Caller::Anonymous, None), 2);
        assert_eq!(problems(&Caller::Anonymous, Some(&details(Some("Ada"), None))), 1);
        assert_eq!(problems(&Caller::Anonymous, Some(&details(Some("Ada"), Some("a@b.c")))), 0);
    }

    #[test]
    fn a_customer_books_with_their_own_email_only() {
        let customer = viewer(Role::Customer);
        assert_eq!(problems(&customer, None), 0);
        assert_eq!(problems(&customer, Some(&details(None, Some("Ada@Example.org")))), 0);
        assert_eq!(problems(&customer, Some(&details(None, Some("eve@example.org")))), 1);
        assert_eq!(resolve(&customer, None).email.as_deref(), Some("ada@example.org"));
        assert_eq!(resolve(&customer, Some(&details(Some("A. L."), None))).name.as_deref(), Some("A. L."));
    }

    #[test]
    fn staff_book_for_themselves_or_for_others() {
        let staff = viewer(Role::Staff);
        assert!(resolve(&staff, None).user_id.is_some());
        let other = resolve(&staff, Some(&details(Some("Bob"), None)));
        assert_eq!((other.user_id, other.name.as_deref(), other.email), (None, Some("Bob"), None));
    }
}
