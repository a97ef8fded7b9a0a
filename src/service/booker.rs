//! Who a booking is for, by who asks for it.

use super::booking::BookerDetails;
use super::input::Problems;
use crate::domain::access::{Caller, Role, Viewer};
use crate::domain::booking::Booker;
use crate::domain::person::MAX_NAME;

/// Characters of a phone number.
const MAX_PHONE: usize = 30;
/// Characters of notes.
const MAX_NOTES: usize = 2_000;

/// Notes what is wrong with `details` for a booking by `caller`: guests give name and email, a customer's email is the
/// one that they signed in with, staff book for anybody.
pub(super) fn check(problems: &mut Problems, caller: &Caller, details: Option<&BookerDetails>) {
    if let Some(BookerDetails { name, email, phone, notes }) = details {
        problems.text(&["booker", "name"], name.as_deref(), MAX_NAME, false);
        problems.email(&["booker", "email"], email.as_deref());
        problems.text(&["booker", "phone"], phone.as_deref(), MAX_PHONE, false);
        problems.text(&["booker", "notes"], notes.as_deref(), MAX_NOTES, true);
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
