//! What is repeated of what people typed, by who causes a mail.

use super::reading::read;
use super::samples::{booking, job, reason, staff, told};
use crate::domain::booking::{Actor, BookingEventType, BookingStatus};
use crate::notify::mail::job::{MailKind, Told};
use crate::notify::mail::repeating::Repeats;

fn caused(by: Option<Actor>, has_account: bool) -> Told {
    let mut told = told(BookingEventType::Cancelled, BookingStatus::Cancelled, Actor::System);
    told.transition =
        by.map(|by| super::samples::transition(BookingEventType::Cancelled, BookingStatus::Cancelled, by));
    if !has_account {
        told.booking.booker.user_id = None;
    }
    told
}

#[test]
fn only_what_an_account_stands_for_is_repeated() {
    let customer = || Actor::User("usr_ada".into());
    for (by, has_account, (moved, called_off)) in [
        (Some(customer()), true, (Repeats::All, Repeats::All)),
        (Some(staff()), true, (Repeats::All, Repeats::All)),
        (Some(staff()), false, (Repeats::All, Repeats::Reason)),
        (Some(Actor::Guest), false, (Repeats::Name, Repeats::Name)),
        (Some(Actor::TokenBearer), false, (Repeats::Name, Repeats::Name)),
        (Some(Actor::TokenBearer), true, (Repeats::All, Repeats::All)),
        (Some(Actor::System), true, (Repeats::All, Repeats::All)),
        (Some(Actor::System), false, (Repeats::Name, Repeats::Name)),
        (None, true, (Repeats::All, Repeats::All)),
        (None, false, (Repeats::Name, Repeats::Name)),
    ] {
        let repeats = |kind| Repeats::of(&job(kind, [caused(by.clone(), has_account)]));
        assert_eq!(repeats(MailKind::Rescheduled), moved, "{by:?}, account: {has_account}");
        assert_eq!(repeats(MailKind::Cancelled), called_off, "{by:?}, account: {has_account}");
        assert_eq!(repeats(MailKind::Declined), called_off, "{by:?}, account: {has_account}");
    }
}

#[test]
fn one_booking_that_nobody_stands_for_is_enough() {
    let about = [caused(Some(staff()), true), caused(Some(Actor::Guest), false)];
    assert_eq!(Repeats::of(&job(MailKind::Cancelled, about)), Repeats::Name);
    let about = [caused(Some(staff()), true), caused(Some(staff()), false)];
    assert_eq!(Repeats::of(&job(MailKind::Cancelled, about)), Repeats::Reason);
}

/// Everything that people typed of a booking, and a reason.
fn typed() -> Vec<String> {
    let booking = booking(BookingStatus::Pending);
    let notes = booking.booker.notes.unwrap();
    let mut typed: Vec<_> = notes.lines().map(str::to_owned).collect();
    typed.extend([booking.location.unwrap(), booking.reference.unwrap(), "A reason of ours".to_owned()]);
    typed
}

#[test]
fn a_mail_that_somebody_signed_in_causes_repeats_what_was_typed() {
    let told = reason(caused(Some(staff()), false), "A reason of ours");
    let mail = read(&job(MailKind::Rescheduled, [told]));
    for typed in typed() {
        assert!(mail.plain.contains(&typed) && mail.html.contains(&typed), "{typed}");
    }
    assert!(mail.ics.unwrap().contains("LOCATION:Hofgarten 3\\, second floor"));
}

#[test]
fn whoever_is_turned_away_without_an_account_is_told_why_and_nothing_that_they_typed() {
    for kind in [MailKind::Declined, MailKind::Cancelled] {
        let mail = read(&job(kind, [reason(caused(Some(staff()), false), "A reason of ours")]));
        let everything = format!("{}{}{}", mail.plain, mail.html, mail.ics.unwrap_or_default());
        for typed in typed() {
            assert_eq!(everything.contains(&typed), typed == "A reason of ours", "{typed}");
        }
    }
}

#[test]
fn a_mail_that_a_guest_causes_repeats_nothing_but_the_name() {
    for by in [Actor::Guest, Actor::TokenBearer, Actor::System] {
        for kind in [MailKind::Cancelled, MailKind::ApprovalWanted] {
            let told = reason(caused(Some(by.clone()), false), "A reason of ours");
            let mail = read(&job(kind, [told]));
            assert!(mail.plain.contains("Ada Lovelace"));
            let everything = format!("{}{}{}", mail.plain, mail.html, mail.ics.unwrap_or_default());
            for typed in typed().iter().map(String::as_str).chain(["+49 30 1234"]) {
                assert!(!everything.contains(typed), "{typed} by {by:?}");
            }
            assert!(!everything.contains("LOCATION"));
        }
    }
}

#[test]
fn the_operator_is_told_how_to_reach_who_is_signed_in() {
    let told = told(BookingEventType::Created, BookingStatus::Pending, Actor::User("usr_ada".into()));
    let mail = read(&job(MailKind::ApprovalWanted, [told]));
    assert!(mail.plain.contains("Mail:      ada@example.org\nPhone:     +49 30 1234\n"), "{}", mail.plain);
}
