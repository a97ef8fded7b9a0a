//! Lists of slots: asked for more often than anything else, and as long as lists get here.
//!
//! The library resolves each field of each object by a future of its own, and makes a value of each. A slot has nothing but
//! plain values: here the selection is read once, and each slot written by it.

use std::borrow::Cow;

use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::enum_value;
use async_graphql::{ContextSelectionSet, Name, OutputType, Positioned, ScalarType as _, ServerResult, Value};
use chrono::{DateTime as Instant, Utc};
use serde::Serialize;

use super::availability::{Slot, UnavailableReason};
use crate::domain::availability::OfferedSlot;
use crate::graphql::scalar::DateTime;
use crate::graphql::written::{self, TakesText};

/// A list of [`Slot`]s, which is the same to clients as any other list of them.
#[derive(Copy, Clone, Debug)]
pub struct SlotList<'a>(pub &'a [OfferedSlot]);

impl OutputType for SlotList<'_> {
    fn type_name() -> Cow<'static, str> {
        <Vec<Slot> as OutputType>::type_name()
    }

    fn qualified_type_name() -> String {
        <Vec<Slot> as OutputType>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Vec<Slot> as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let columns = columns(ctx, &ctx.item.node);
        if ctx.data_opt::<TakesText>().is_some() && is_one_text(ctx, &field.node, &columns) {
            return Ok(written::text(self.text(&columns)));
        }
        let row = |slot: &OfferedSlot| columns.iter().map(|(key, column)| (key.clone(), column.of(slot))).collect();
        Ok(Value::List(self.0.iter().map(|slot| Value::Object(row(slot))).collect()))
    }
}

impl SlotList<'_> {
    /// As JSON. Names need no escapes, nor does anything in a slot.
    fn text(&self, columns: &Columns) -> Vec<u8> {
        let before = |index| if index == 0 { "" } else { "," };
        let keys: Vec<_> =
            columns.iter().enumerate().map(|(index, (key, _))| format!("{}\"{key}\":", before(index))).collect();
        let width: usize = keys.iter().map(|key| key.len() + WIDTH).sum();
        let mut json = Vec::with_capacity(2 + self.0.len() * (width + 3));
        let mut instants = Instants::default();
        json.push(b'[');
        for (index, slot) in self.0.iter().enumerate() {
            json.extend_from_slice(if index == 0 { b"{" } else { b",{" });
            for (key, (_, column)) in keys.iter().zip(columns) {
                json.extend_from_slice(key.as_bytes());
                column.write(slot, &mut json, &mut instants);
            }
            json.push(b'}');
        }
        json.push(b']');
        json
    }
}

/// What a column takes beside its name, mostly, in bytes: an instant.
const WIDTH: usize = 22;

/// What a selection asks of each slot, and by what name.
type Columns = Vec<(Name, Column)>;

/// What can be asked of a slot.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Column {
    TypeName,
    Start,
    End,
    Remaining,
    Unavailable,
}

impl Column {
    /// The one of that name; `None`: validation knows no such field either.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "__typename" => Self::TypeName,
            "start" => Self::Start,
            "end" => Self::End,
            "remaining" => Self::Remaining,
            "unavailable" => Self::Unavailable,
            _ => return None,
        })
    }

    fn of(self, slot: &OfferedSlot) -> Value {
        match self {
            Self::TypeName => Slot::type_name().into_owned().into(),
            Self::Start => DateTime::from(slot.start).to_value(),
            Self::End => DateTime::from(slot.end).to_value(),
            Self::Remaining => slot.remaining.into(),
            Self::Unavailable => slot.unavailable.map_or(Value::Null, |why| enum_value(UnavailableReason::of(why))),
        }
    }

    /// The same as JSON.
    fn write(self, slot: &OfferedSlot, json: &mut Vec<u8>, instants: &mut Instants) {
        match self {
            Self::Start => instants.write(slot.start, json),
            Self::End => instants.write(slot.end, json),
            Self::Remaining => write_value(&slot.remaining, json),
            Self::TypeName | Self::Unavailable => write_value(&self.of(slot), json),
        }
    }
}

fn write_value(value: &impl Serialize, json: &mut Vec<u8>) {
    // Memory takes everything.
    let _written = serde_json::to_writer(json, value);
}

/// Writes instants. The next one is on the same day, mostly: its date is not worked out again.
#[derive(Default)]
struct Instants {
    /// A day since the epoch.
    day: i64,
    /// Its date, and what separates it from the time of day; nothing: no day has been written yet.
    date: String,
}

impl Instants {
    fn write(&mut self, instant: Instant<Utc>, json: &mut Vec<u8>) {
        if instant.timestamp_subsec_nanos() != 0 {
            return write_value(&DateTime::from(instant).to_value(), json);
        }
        let seconds = instant.timestamp();
        let (day, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        if self.date.is_empty() || day != self.day {
            (self.day, self.date) = (day, instant.format("\"%Y-%m-%dT").to_string());
        }
        let [[h, hh], [m, mm], [s, ss]] = [second / 3600, second / 60 % 60, second % 60].map(digits);
        json.extend_from_slice(self.date.as_bytes());
        json.extend_from_slice(&[h, hh, b':', m, mm, b':', s, ss, b'Z', b'"']);
    }
}

/// The two digits of a number below a hundred.
fn digits(number: i64) -> [u8; 2] {
    let number = u8::try_from(number).unwrap_or_default();
    [b'0' + number / 10, b'0' + number % 10]
}

/// Seconds.
const DAY: i64 = 24 * 60 * 60;

/// What `set` selects, each key once: where it is there twice, it is the same field. What is to be left out is not in `set`
/// any more, and every fragment that passed validation is one of slots.
fn columns(ctx: &ContextSelectionSet<'_>, set: &SelectionSet) -> Columns {
    let mut columns = Columns::new();
    collect(ctx, set, &mut columns);
    columns
}

fn collect(ctx: &ContextSelectionSet<'_>, set: &SelectionSet, columns: &mut Columns) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                if let Some(column) = Column::named(&field.node.name.node)
                    && columns.iter().all(|(known, _)| known != key)
                {
                    columns.push((key.clone(), column));
                }
            }
            Selection::InlineFragment(inline) => collect(ctx, &inline.node.selection_set.node, columns),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = ctx.query_env.fragments.get(&spread.node.fragment_name.node) {
                    collect(ctx, &fragment.node.selection_set.node, columns);
                }
            }
        }
    }
}

/// Whether the list is the same text wherever the document asks for it by the name that `field` has. If not, the library
/// may have to make one list of two, as of two fragments that want different things of the same slots; of texts it takes
/// the first.
fn is_one_text(ctx: &ContextSelectionSet<'_>, field: &Field, columns: &Columns) -> bool {
    let env = ctx.query_env;
    let fragments = env.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    let sets = fragments.chain([&env.operation.node.selection_set.node]);
    sets.into_iter().all(|set| is_same_in(ctx, set, (field, columns)))
}

fn is_same_in(ctx: &ContextSelectionSet<'_>, set: &SelectionSet, (field, columns): (&Field, &Columns)) -> bool {
    set.items.iter().all(|selection| match &selection.node {
        Selection::Field(other) => {
            let (other, selected) = (&other.node, &other.node.selection_set.node);
            let is_other_list =
                other.name.node != field.name.node || other.response_key().node != field.response_key().node;
            if is_other_list {
                is_same_in(ctx, selected, (field, columns))
            } else {
                self::columns(ctx, selected) == *columns
            }
        }
        Selection::InlineFragment(inline) => is_same_in(ctx, &inline.node.selection_set.node, (field, columns)),
        Selection::FragmentSpread(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Request, Schema};
    use proptest::collection::vec;
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;
    use crate::domain::refusal::Refusal;

    struct Both(Vec<OfferedSlot>);

    #[Object]
    impl Both {
        async fn ours(&self) -> SlotList<'_> {
            SlotList(&self.0)
        }

        async fn theirs(&self) -> Vec<Slot> {
            let slot = |slot: &OfferedSlot| Slot {
                start: slot.start.into(),
                end: slot.end.into(),
                remaining: slot.remaining,
                unavailable: slot.unavailable.map(UnavailableReason::of),
            };
            self.0.iter().map(slot).collect()
        }
    }

    fn both() -> Both {
        let slot = |hour: u32, unavailable| OfferedSlot {
            start: format!("2026-12-01T{hour:02}:00:00Z").parse().unwrap(),
            end: format!("2026-12-01T{hour:02}:45:00Z").parse().unwrap(),
            remaining: hour % 3,
            unavailable,
        };
        Both(vec![slot(9, None), slot(10, Some(Refusal::SlotTaken)), slot(23, Some(Refusal::TooSoon))])
    }

    const SELECTIONS: [&str; 9] = [
        "start end remaining unavailable",
        "__typename remaining",
        "from: start to: end end start kind: __typename",
        "start start end start",
        "... { end } ... on Slot { start end }",
        "...Parts unavailable",
        "start @skip(if: true) end @include(if: false) remaining @include(if: true)",
        "... @skip(if: true) { start } ... on Slot @include(if: true) { __typename }",
        "start @skip(if: true)",
    ];

    /// The answers to what `document` makes of each selection, where `LIST` stands for `ours` and for `theirs`, are the same;
    /// `ours` is text as far as it may be.
    async fn is_the_same(document: &str, is_text: bool) {
        let schema = Schema::new(both(), EmptyMutation, EmptySubscription);
        for selection in SELECTIONS {
            let lists = ["ours", "theirs"].map(|list| document.replace("LIST", list).replace("SELECTION", selection));
            let mut query = format!("{{ {} }}", lists.join(" "));
            // Fragments that are not used are nothing to execute.
            if selection.contains("...Parts") {
                query += " fragment Parts on Slot { end ...More } fragment More on Slot { again: end __typename }";
            }
            for takes_text in [false, true] {
                let request = Request::new(&query);
                let answer = schema.execute(if takes_text { request.data(TakesText) } else { request }).await;
                assert!(answer.errors.is_empty(), "{query}: {:?}", answer.errors);
                let Value::Object(data) = &answer.data else { panic!("{query}") };
                assert_eq!(matches!(data["ours"], Value::Binary(_)), takes_text && is_text, "{query}");
                let text = String::from_utf8(written::to_vec(&answer).unwrap()).unwrap();
                let (ours, theirs) =
                    text.strip_prefix(r#"{"data":{"ours":"#).unwrap().split_once(r#","theirs":"#).unwrap();
                assert_eq!(ours, theirs.strip_suffix("}}").unwrap(), "{query}");
            }
        }
    }

    #[tokio::test]
    async fn a_list_is_the_same_as_the_librarys_however_it_is_asked_for() {
        is_the_same("LIST { SELECTION }", true).await;
    }

    #[tokio::test]
    async fn the_same_list_twice_is_one_list() {
        is_the_same("LIST { SELECTION } LIST { SELECTION }", true).await;
        is_the_same("LIST { other: end } LIST { SELECTION }", false).await;
        is_the_same("LIST { SELECTION } ... { LIST { other: remaining } }", false).await;
        is_the_same("LIST { start @skip(if: true) } LIST { other: remaining SELECTION }", false).await;
    }

    #[tokio::test]
    async fn other_lists_do_not_matter() {
        let schema = Schema::new(both(), EmptyMutation, EmptySubscription);
        let query = "{ ours { start } others: ours { end } theirs { end } }";
        let answer = schema.execute(Request::new(query).data(TakesText)).await;
        let Value::Object(data) = answer.data else { panic!("{:?}", answer.errors) };
        let is_text: Vec<bool> = data.values().map(|value| matches!(value, Value::Binary(_))).collect();
        assert_eq!(is_text, [true, true, false]);
    }

    proptest! {
        #[test]
        fn instants_are_written_as_everywhere_else(seconds in vec(946_684_800_i64..4_102_444_800, 1..20), nanos in 0_u32..3) {
            let mut instants = Instants::default();
            for second in seconds {
                let instant = Instant::from_timestamp(second, nanos / 2).unwrap();
                let mut json = Vec::new();
                instants.write(instant, &mut json);
                prop_assert_eq!(json, serde_json::to_vec(&DateTime::from(instant).to_value()).unwrap());
            }
        }
    }
}
