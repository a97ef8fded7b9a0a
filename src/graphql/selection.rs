//! Selections on `BookingEvent`: what webhooks want to be told, in the language that clients ask in.
//!
//! A selection is executed by a schema of its own, whose root is the event itself: so a selection is a whole document,
//! and what the library says of it is true of what the admin has typed. It passes the same check as every operation.
//! Clients never see this schema.

use std::borrow::Cow;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationType, Selection, SelectionSet,
};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::resolve_container;
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, Data, EmptyMutation, EmptySubscription, ObjectType, OutputType, Pos,
    Positioned, Request, Response, ScalarType as _, Schema, ServerError, ServerResult, Value, Variables,
};
use async_graphql_value::Value as Literal;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::arguments::date;
use super::execute::{RequestId, StartedAt};
use super::gate::{Gate, Limits};
use super::loader::Loads;
use super::mask;
use super::scalar::Date;
use super::types::booking_event::BookingEvent;
use crate::domain::access::{Caller, Role, Standing, Viewer};
use crate::domain::booking::{self as domain, Booking, BookingTransition};
use crate::domain::id::{BookingId, OrganizationId};
use crate::error::Internal;
use crate::service::Services;
use crate::service::booking_events::SeenEvent;
use crate::service::page::MAX_SIZE;
use crate::service::selections::{SelectionFault, Selections};

/// What a selection may come to: it is executed for each event anew.
const MAX_COMPLEXITY: u64 = 2_000;

/// How many bytes are sent of an event.
const MAX_PAYLOAD: usize = 64 * 1024;

/// The schema of selections.
pub struct SelectionSchema {
    schema: Schema<EventRoot, EmptyMutation, EmptySubscription>,
    gate: Gate,
}

impl SelectionSchema {
    /// As it is now.
    #[must_use]
    pub fn new() -> Self {
        let schema = Schema::build(EventRoot, EmptyMutation, EmptySubscription).disable_introspection().finish();
        let limits = Limits { complexity: MAX_COMPLEXITY, introspection: false, ..Limits::default() };
        let gate = Gate::new(limits, &schema.sdl());
        Self { schema, gate }
    }

    /// The selection as a document that may be executed.
    fn read(&self, selection: &str) -> Result<ExecutableDocument, String> {
        if !begins_with_brace(selection) {
            return Err("`selection` must be one selection set, like `{ id event booking { id start } }`.".to_owned());
        }
        let passed = self.gate.check(selection, None, &Variables::default()).map_err(|refused| {
            let refused = ServerError::from(refused);
            let words =
                [("The document", "The selection"), ("The operation", "The selection"), ("document", "selection")];
            words.into_iter().fold(refused.message, |message, (theirs, ours)| message.replace(theirs, ours))
        })?;
        let DocumentOperations::Single(operation) = &passed.document.operations else {
            return Err("`selection` must be one selection set, and nothing beside it.".to_owned());
        };
        if operation.node.ty != OperationType::Query || !passed.document.fragments.is_empty() {
            return Err("`selection` must not have fragments with a name: write out what they would select.".to_owned());
        }
        check_arguments(&operation.node.selection_set.node)?;
        Ok(passed.document)
    }

    async fn execute(&self, selection: &str, data: Data) -> Result<Response, String> {
        let mut request = Request::new(selection);
        request.set_parsed_query(self.read(selection)?);
        request.data = data;
        let response = mask::masked(self.schema.execute(request).await, &RequestId::new("of a webhook's selection"));
        if mask::is_request_error(&response) {
            let said = response.errors.first();
            return Err(said.map_or_else(String::new, |error| located(error.locations.first(), &error.message)));
        }
        Ok(response)
    }
}

impl Default for SelectionSchema {
    fn default() -> Self {
        Self::new()
    }
}

impl Selections for SelectionSchema {
    fn check<'a>(&'a self, selection: &'a str) -> BoxFuture<'a, Result<(), String>> {
        // Without an event nothing is resolved, but all is validated.
        async { self.execute(selection, Data::default()).await.map(|_| ()) }.boxed()
    }

    fn render<'a>(
        &'a self,
        services: &'a Services,
        selection: &'a str,
        event: domain::BookingEvent,
    ) -> BoxFuture<'a, Result<String, SelectionFault>> {
        async move {
            let response = self.execute(selection, data(services, event)).await.map_err(SelectionFault::Unusable)?;
            let Some(error) = response.errors.first() else {
                let payload = serde_json::to_string(&response.data).map_err(|error| failed(&error.to_string()))?;
                return if payload.len() <= MAX_PAYLOAD { Ok(payload) } else { Err(too_large(payload.len())) };
            };
            let is_fault = response.errors.iter().any(mask::is_fault);
            Err(if is_fault {
                failed("a field of it could not be resolved")
            } else {
                SelectionFault::Unusable(located(error.locations.first(), &error.message))
            })
        }
        .boxed()
    }
}

fn too_large(bytes: usize) -> SelectionFault {
    SelectionFault::Unusable(format!("It comes to {bytes} bytes; at most {MAX_PAYLOAD} are sent. Select less."))
}

fn failed(why: &str) -> SelectionFault {
    SelectionFault::Failed(Internal::new(format!("a selection could not be executed: {why}")).into())
}

/// All that resolvers want to know: the event, and that staff of its organization ask.
fn data(services: &Services, event: domain::BookingEvent) -> Data {
    let mut data = Data::default();
    data.insert(Snapshot {
        booking: event.booking.id.clone(),
        revision: event.booking.revision,
        transition: event.transition.clone(),
    });
    data.insert(system(event.booking.organization_id.clone()));
    data.insert(BookingEvent::from(SeenEvent { event: event.into(), standing: Standing::Staff }));
    data.insert(StartedAt(services.clock().now()));
    data.insert(Loads::new(services.clone()));
    data.insert(services.clone());
    data
}

/// The server itself, with the rights of staff.
fn system(organization_id: OrganizationId) -> Caller {
    Caller::User(Viewer { id: "system".into(), organization_id, role: Role::Staff, email: None, name: None })
}

/// Which booking is told as it was right after something happened to it. Resolvers find it in the context.
#[derive(Clone, Debug)]
pub struct Snapshot {
    booking: BookingId,
    revision: u32,
    transition: BookingTransition,
}

impl Snapshot {
    /// The history of `booking`, of which `history` is all that is known now: what came later had not happened yet.
    #[must_use]
    pub fn history(&self, booking: &Booking, mut history: Vec<BookingTransition>) -> Vec<BookingTransition> {
        if booking.id != self.booking || booking.revision != self.revision {
            return history;
        }
        // Each change is one line.
        history.truncate(usize::try_from(self.revision).unwrap_or(usize::MAX));
        if history.is_empty() {
            // It has not happened: somebody tries a webhook.
            history.push(self.transition.clone());
        }
        history
    }
}

/// The event of the context, as the root of a schema.
struct EventRoot;

impl ContainerType for EventRoot {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        match ctx.data_opt::<BookingEvent>() {
            Some(event) => event.resolve_field(ctx).await,
            None => Ok(None),
        }
    }
}

impl OutputType for EventRoot {
    fn type_name() -> Cow<'static, str> {
        BookingEvent::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        BookingEvent::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _field: &Positioned<Field>) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl ObjectType for EventRoot {}

/// Whether the first thing in `text` that is not passed over is a brace.
fn begins_with_brace(text: &str) -> bool {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', ',', '\u{feff}']);
        match rest.strip_prefix('#') {
            Some(comment) => rest = comment.trim_start_matches(|letter| !matches!(letter, '\n' | '\r')),
            None => return rest.starts_with('{'),
        }
    }
}

/// Refuses arguments that would be found wrong only when the selection is executed. Its size is known to be within the
/// limits.
fn check_arguments(set: &SelectionSet) -> Result<(), String> {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                check_page(&field.node)?;
                for (name, value) in &field.node.arguments {
                    check_argument(&name.node, &value.node).map_err(|message| located(Some(&name.pos), &message))?;
                }
                check_arguments(&field.node.selection_set.node)?;
            }
            Selection::InlineFragment(inline) => check_arguments(&inline.node.selection_set.node)?,
            Selection::FragmentSpread(_) => {}
        }
    }
    Ok(())
}

fn check_page(field: &Field) -> Result<(), String> {
    let is_given = |name: &str| field.get_argument(name).filter(|given| given.node != Literal::Null);
    match (is_given("first"), is_given("last")) {
        (Some(_), Some(last)) => Err(located(Some(&last.pos), "Give `first` or `last`, not both.")),
        _ => Ok(()),
    }
}

fn check_argument(name: &str, value: &Literal) -> Result<(), String> {
    match (name, value) {
        (_, Literal::Null) => Ok(()),
        ("first" | "last", Literal::Number(size)) if !size.as_u64().is_some_and(is_page_size) => {
            Err(format!("`{name}` must be from 1 to {MAX_SIZE}."))
        }
        ("after" | "before", _) => Err(format!("Leave `{name}` out: whose list it is differs from event to event.")),
        ("from" | "to", Literal::String(text)) => {
            let given = Date::parse(Value::String(text.clone())).unwrap_or(Date(Err(text.clone())));
            date(name, &given).map(|_| ())
        }
        _ => Ok(()),
    }
}

fn is_page_size(size: u64) -> bool {
    (1..=u64::from(MAX_SIZE)).contains(&size)
}

/// What is wrong with a selection, and where.
fn located(place: Option<&Pos>, message: &str) -> String {
    let full_stop = if message.ends_with(['.', '?']) { "" } else { "." };
    match place {
        Some(place) => {
            format!("At line {}, column {} of the selection: {message}{full_stop}", place.line, place.column)
        }
        None => format!("In the selection: {message}{full_stop}"),
    }
}
