//! What is asked for, against the rules of form and the catalogue.

use std::sync::Arc;

use chrono_tz::Europe::Berlin;

use super::super::{Request, Terms, TermsError};
use super::{EventType, Resource, add_on, event_type, request, resource, under};
use crate::domain::id::OrganizationId;
use crate::domain::refusal::Refusal;
use crate::domain::schedule::OpenHours;

fn ask() -> Request {
    request(resource("studio", Berlin, 1), OpenHours::Always(Berlin), 60)
}

fn primary(change: impl FnOnce(&mut Resource)) -> Arc<Resource> {
    let mut studio = resource("studio", Berlin, 1);
    change(&mut studio);
    Arc::new(studio)
}

/// The field of a malformed request.
fn malformed(request: Request) -> String {
    match Terms::resolve(request) {
        Err(TermsError::Malformed { field, .. }) => field.join("."),
        other => panic!("expected malformed input, got {other:?}"),
    }
}

fn refused(request: Request) -> Refusal {
    match Terms::resolve(request) {
        Err(TermsError::Refused(error)) => error.refusal,
        Ok(terms) => terms.require_offered().expect_err("expected a refusal").refusal,
        other @ Err(TermsError::Malformed { .. }) => panic!("expected a refusal, got {other:?}"),
    }
}

fn interval(request: Request) -> u32 {
    Terms::resolve(request).unwrap().interval_minutes
}

#[test]
fn numbers_have_limits() {
    for minutes in [0, 4, 44_641, u32::MAX] {
        assert_eq!(malformed(Request { duration_minutes: Some(minutes), ..ask() }), "durationMinutes");
    }
    for minutes in [0, 1, 20, 1_455, u32::MAX] {
        assert_eq!(malformed(Request { interval_minutes: Some(minutes), ..ask() }), "intervalMinutes");
    }
    for units in [0, 10_001, u32::MAX] {
        assert_eq!(malformed(Request { quantity: units, ..ask() }), "quantity");
        let add_ons = vec![add_on(resource("mic", Berlin, 3), OpenHours::Always(Berlin), units)];
        assert_eq!(malformed(Request { add_ons, ..ask() }), "addOns.0.quantity");
    }
    for minutes in [5, 44_640] {
        assert!(Terms::resolve(Request { duration_minutes: Some(minutes), ..ask() }).is_ok());
    }
}

#[test]
fn without_an_event_type_a_duration_has_to_be_given() {
    assert_eq!(malformed(Request { duration_minutes: None, ..ask() }), "durationMinutes");
    let terms = Terms::resolve(under(event_type(&[120, 60]), Request { duration_minutes: None, ..ask() })).unwrap();
    assert_eq!(terms.duration_minutes, 120);
}

#[test]
fn the_interval_is_the_event_types_else_its_shortest_duration_else_the_duration() {
    let own = EventType { interval_minutes: Some(30), ..event_type(&[120, 60]) };
    assert_eq!(interval(under(own.clone(), ask())), 30);
    assert_eq!(interval(under(own.clone(), Request { interval_minutes: Some(90), ..ask() })), 90);
    assert_eq!(malformed(under(own, Request { interval_minutes: Some(45), ..ask() })), "intervalMinutes");
    assert_eq!(interval(under(event_type(&[120, 50, 60]), ask())), 60);
    assert_eq!(interval(Request { duration_minutes: Some(50), ..ask() }), 60);
    assert_eq!(interval(Request { duration_minutes: Some(5), ..ask() }), 15);
}

#[test]
fn a_resource_is_named_once_and_not_too_many_are() {
    let named = |ids: &[&str]| Request {
        add_ons: ids.iter().map(|id| add_on(resource(id, Berlin, 1), OpenHours::Always(Berlin), 1)).collect(),
        ..ask()
    };
    assert_eq!(malformed(named(&["mic", "studio"])), "addOns.1.resourceId");
    assert_eq!(malformed(named(&["mic", "mic"])), "addOns.1.resourceId");
    let ids: Vec<String> = (0..20).map(|number| format!("mic{number}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert!(Terms::resolve(named(&ids[..19])).is_ok());
    assert_eq!(malformed(named(&ids)), "addOns");
}

#[test]
fn of_several_reasons_the_first_is_given() {
    let elsewhere = OrganizationId::from("elsewhere");
    let mut asked = Request { resource: primary(|studio| studio.standalone = false), ..ask() };
    let session = EventType { active: false, organization_id: elsewhere, ..event_type(&[90]) };
    asked = Request { linked: false, ..under(session.clone(), asked) };
    asked.resource = primary(|studio| {
        studio.standalone = false;
        studio.active = false;
    });
    assert_eq!(refused(asked.clone()), Refusal::NotFound);
    let session = EventType { organization_id: OrganizationId::fallback(), ..session };
    asked.event_type = Some(Arc::new(session.clone()));
    assert_eq!(refused(asked.clone()), Refusal::ResourceInactive);
    asked.resource = primary(|studio| studio.standalone = false);
    assert_eq!(refused(asked.clone()), Refusal::EventTypeInactive);
    asked.event_type = Some(Arc::new(EventType { active: true, ..session }));
    assert_eq!(refused(asked.clone()), Refusal::ResourceNotOffered);
    asked.linked = true;
    assert_eq!(refused(asked.clone()), Refusal::ResourceNotOffered, "it is an add-on only");
    asked.resource = primary(|_| ());
    assert_eq!(refused(asked.clone()), Refusal::DurationNotOffered);
    asked.duration_minutes = Some(90);
    assert!(Terms::resolve(asked).is_ok());
}

#[test]
fn add_ons_are_of_the_same_organization_and_active() {
    let with = |change: fn(&mut Resource)| {
        let mut mic = resource("mic", Berlin, 3);
        change(&mut mic);
        Request { add_ons: vec![add_on(mic, OpenHours::Always(Berlin), 1)], ..ask() }
    };
    assert_eq!(refused(with(|mic| mic.organization_id = OrganizationId::from("elsewhere"))), Refusal::NotFound);
    assert_eq!(refused(with(|mic| mic.active = false)), Refusal::ResourceInactive);
    assert!(Terms::resolve(with(|mic| mic.standalone = false)).is_ok());
}
