use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::domain::booking::Booker;
use crate::domain::quantum::QuantumSpan;

fn start() -> DateTime<Utc> {
    "2027-03-01T10:00:00Z".parse().unwrap()
}

fn booking(status: BookingStatus) -> Booking {
    let (start, end) = (start(), start() + TimeDelta::hours(1));
    Booking {
        id: "bkg_1".into(),
        organization_id: "org".into(),
        status,
        start,
        end,
        occupied: QuantumSpan::covering(start, end),
        time_zone: chrono_tz::UTC,
        title: "Recording".to_owned(),
        location: None,
        event_type_id: "evt_1".into(),
        items: Vec::new(),
        booker: Booker::default(),
        reference: None,
        metadata: None,
        revision: 1,
        cancellation_reason: None,
        expires_at: (status == BookingStatus::Provisional).then(|| start - TimeDelta::minutes(30)),
        series_id: None,
        created_at: start - TimeDelta::days(1),
        updated_at: start - TimeDelta::days(1),
    }
}

const STATUSES: [BookingStatus; 8] = [
    BookingStatus::Provisional,
    BookingStatus::Pending,
    BookingStatus::Confirmed,
    BookingStatus::Declined,
    BookingStatus::Cancelled,
    BookingStatus::Completed,
    BookingStatus::NoShow,
    BookingStatus::Expired,
];
const ACTIONS: [Action; 7] = [
    Action::Confirm,
    Action::Decline,
    Action::Cancel,
    Action::Expire,
    Action::Reschedule,
    Action::Complete,
    Action::MarkNoShow,
];
const DOERS: [Doer; 4] =
    [Doer::Person(Standing::Staff), Doer::Person(Standing::Booker), Doer::Person(Standing::TokenBearer), Doer::System];

#[test]
fn time_is_let_go_exactly_where_a_status_that_holds_time_becomes_one_that_does_not() {
    for rule in RULES {
        assert!(rule.from.holds_time(), "{rule:?}");
        assert_eq!(rule.time == Time::LetGo, !rule.to.holds_time(), "{rule:?}");
    }
}

#[test]
fn nothing_leaves_a_status_that_has_let_its_time_go() {
    for status in STATUSES.into_iter().filter(|status| !status.holds_time()) {
        for (action, doer) in ACTIONS.into_iter().flat_map(|action| DOERS.map(|doer| (action, doer))) {
            for minutes in [-60, 0, 60] {
                let now = start() + TimeDelta::minutes(minutes);
                assert!(!matches!(booking(status).decide(action, doer, now), Ok(Decision::Happens(_))));
            }
        }
    }
}

#[test]
fn a_transition_into_the_status_that_it_has_changes_nothing_whoever_asks_and_whenever() {
    for (action, status) in [
        (Action::Confirm, BookingStatus::Confirmed),
        (Action::Decline, BookingStatus::Declined),
        (Action::Cancel, BookingStatus::Cancelled),
        (Action::Complete, BookingStatus::Completed),
        (Action::MarkNoShow, BookingStatus::NoShow),
    ] {
        let late = start() + TimeDelta::days(1);
        assert_eq!(booking(status).decide(action, DOERS[0], late), Ok(Decision::AlreadySo));
    }
}

#[test]
fn each_pair_has_one_rule_at_the_most() {
    for (number, rule) in RULES.iter().enumerate() {
        let twin = RULES[number + 1..].iter().find(|other| (other.from, other.action) == (rule.from, rule.action));
        assert_eq!(twin, None);
    }
}

#[test]
fn what_has_lapsed_is_expired_and_can_only_be_expired() {
    let provisional = booking(BookingStatus::Provisional);
    let (before, at) = (start() - TimeDelta::minutes(31), start() - TimeDelta::minutes(30));
    let staff = Doer::Person(Standing::Staff);
    assert!(matches!(provisional.decide(Action::Confirm, staff, before), Ok(Decision::Happens(_))));
    assert_eq!(provisional.decide(Action::Expire, Doer::System, before), Err(Refusal::IllegalTransition));
    assert_eq!(provisional.decide(Action::Confirm, staff, at), Err(Refusal::IllegalTransition));
    assert!(matches!(provisional.decide(Action::Expire, Doer::System, at), Ok(Decision::Happens(_))));
    assert_eq!(provisional.status_at(at), BookingStatus::Expired);

    let pending = booking(BookingStatus::Pending);
    assert_eq!(pending.decide(Action::Cancel, staff, start()), Err(Refusal::IllegalTransition));
    assert!(matches!(pending.decide(Action::Expire, Doer::System, start()), Ok(Decision::Happens(_))));
}

#[test]
fn booker_and_token_may_cancel_and_move_until_the_start_and_nothing_else() {
    for doer in [DOERS[1], DOERS[2]] {
        for action in ACTIONS {
            let now = start() - TimeDelta::milliseconds(1);
            let may = booking(BookingStatus::Confirmed).decide(action, doer, now);
            match action {
                Action::Cancel | Action::Reschedule => assert!(matches!(may, Ok(Decision::Happens(_)))),
                Action::Confirm => assert_eq!(may, Ok(Decision::AlreadySo)),
                _ => assert_eq!(may, Err(Refusal::IllegalTransition)),
            }
        }
        let confirmed = booking(BookingStatus::Confirmed);
        assert_eq!(confirmed.decide(Action::Cancel, doer, start()), Err(Refusal::TooLateToCancel));
        assert_eq!(confirmed.decide(Action::Reschedule, doer, start()), Err(Refusal::IllegalTransition));
        // What is over is over: there is nothing to ask staff for.
        let completed = booking(BookingStatus::Completed);
        assert_eq!(completed.decide(Action::Cancel, doer, start()), Err(Refusal::IllegalTransition));
    }
}

#[test]
fn a_booking_is_over_only_after_its_start() {
    let (confirmed, staff) = (booking(BookingStatus::Confirmed), DOERS[0]);
    let before = start() - TimeDelta::milliseconds(1);
    assert_eq!(confirmed.decide(Action::Complete, staff, before), Err(Refusal::IllegalTransition));
    assert!(matches!(confirmed.decide(Action::MarkNoShow, staff, start()), Ok(Decision::Happens(_))));
}

/// The table as docs/bookings.md shows it.
fn rendered() -> String {
    let lines = RULES.iter().map(|rule| {
        let action = match rule.action {
            Action::Confirm => "confirm",
            Action::Decline => "decline",
            Action::Cancel => "cancel",
            Action::Expire => "expire",
            Action::Reschedule => "reschedule",
            Action::Complete => "complete",
            Action::MarkNoShow => "mark as no-show",
        };
        let who = match (rule.who, rule.when) {
            (Who::Staff, When::Always) => "staff",
            (Who::Staff, When::AfterTheStart) => "staff, from the start on",
            (Who::AnyoneBeforeTheStart, When::Always) => "staff; booker and token before the start",
            (Who::AnyoneBeforeTheStart, When::AfterTheStart) => "nobody",
            (Who::System, _) => "the server, when its time to be confirmed is up",
        };
        let time = match rule.time {
            Time::Kept => "kept",
            Time::LetGo => "free again",
            Time::Moved => "moved",
        };
        format!("| `{}` | {action} | `{}` | {who} | {time} |\n", rule.from.name(), rule.to.name())
    });
    format!(
        "| From | What happens | To | Who may | Its time |\n| --- | --- | --- | --- | --- |\n{}",
        lines.collect::<String>()
    )
}

#[test]
fn the_docs_show_this_table() {
    let docs = include_str!("../../../docs/bookings.md");
    let (begin, end) = ("<!-- the table of src/domain/transition.rs -->\n\n", "\n<!-- end of the table -->");
    let shown = docs.split_once(begin).and_then(|(_, rest)| rest.split_once(end)).map(|(shown, _)| shown);
    let expected = rendered();
    assert!(shown == Some(expected.as_str()), "docs/bookings.md is stale. Put this between its marks:\n\n{expected}");
}
