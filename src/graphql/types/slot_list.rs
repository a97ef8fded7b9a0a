//! Lists of slots: asked for more often than anything else, and as long as lists get here.
//!
//! The library resolves each field of each object by a future of its own. A slot has nothing but plain values: here the
//! selection is read once, and each slot written by it.

use std::borrow::Cow;

use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::enum_value;
use async_graphql::{ContextSelectionSet, Name, OutputType, Positioned, ScalarType as _, ServerResult, Value};

use super::availability::Slot;

/// A list of [`Slot`]s, which is the same to clients as any other list of them.
#[derive(Clone, Debug)]
pub struct SlotList(Vec<Slot>);

impl FromIterator<Slot> for SlotList {
    fn from_iter<T: IntoIterator<Item = Slot>>(slots: T) -> Self {
        Self(slots.into_iter().collect())
    }
}

impl OutputType for SlotList {
    fn type_name() -> Cow<'static, str> {
        <Vec<Slot> as OutputType>::type_name()
    }

    fn qualified_type_name() -> String {
        <Vec<Slot> as OutputType>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Vec<Slot> as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _field: &Positioned<Field>) -> ServerResult<Value> {
        let mut columns = Vec::new();
        collect(ctx, &ctx.item.node, &mut columns);
        let row = |slot: &Slot| columns.iter().map(|(key, column)| (key.clone(), column.of(slot))).collect();
        Ok(Value::List(self.0.iter().map(|slot| Value::Object(row(slot))).collect()))
    }
}

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

    fn of(self, slot: &Slot) -> Value {
        match self {
            Self::TypeName => Slot::type_name().into_owned().into(),
            Self::Start => slot.start.to_value(),
            Self::End => slot.end.to_value(),
            Self::Remaining => slot.remaining.into(),
            Self::Unavailable => slot.unavailable.map_or(Value::Null, enum_value),
        }
    }
}

/// Adds what `set` selects to `columns`, each key once: where it is there twice, it is the same field. What is to be left
/// out is not in `set` any more, and every fragment that passed validation is one of slots.
fn collect(ctx: &ContextSelectionSet<'_>, set: &SelectionSet, columns: &mut Vec<(Name, Column)>) {
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

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};

    use super::super::availability::UnavailableReason;
    use super::*;

    struct Both;

    #[Object]
    impl Both {
        async fn ours(&self) -> SlotList {
            slots().into_iter().collect()
        }

        async fn theirs(&self) -> Vec<Slot> {
            slots()
        }
    }

    fn slots() -> Vec<Slot> {
        let slot = |hour: u32, unavailable| Slot {
            start: format!("2026-12-01T{hour:02}:00:00Z").parse::<chrono::DateTime<chrono::Utc>>().unwrap().into(),
            end: format!("2026-12-01T{hour:02}:45:00Z").parse::<chrono::DateTime<chrono::Utc>>().unwrap().into(),
            remaining: hour % 3,
            unavailable,
        };
        vec![slot(9, None), slot(10, Some(UnavailableReason::SlotTaken)), slot(23, Some(UnavailableReason::TooSoon))]
    }

    #[tokio::test]
    async fn a_list_is_the_same_as_the_librarys_however_it_is_asked_for() {
        let schema = Schema::new(Both, EmptyMutation, EmptySubscription);
        for selection in [
            "start end remaining unavailable",
            "__typename remaining",
            "from: start to: end end start kind: __typename",
            "start start end start",
            "... { end } ... on Slot { start end }",
            "...Parts unavailable",
            "start @skip(if: true) end @include(if: false) remaining @include(if: true)",
            "... @skip(if: true) { start } ... on Slot @include(if: true) { __typename }",
        ] {
            let query = format!(
                "{{ ours {{ {selection} }} theirs {{ {selection} }} }} fragment Parts on Slot {{ end ...More }} \
                 fragment More on Slot {{ again: end __typename }}"
            );
            // Fragments that are not used are nothing to execute.
            let query = if selection.contains("...Parts") { &query } else { query.split(" fragment").next().unwrap() };
            // The same list twice is one list.
            let query =
                query.replacen("ours {", "ours { end } ours {", 1).replacen("theirs {", "theirs { end } theirs {", 1);
            let answer = schema.execute(query).await;
            assert!(answer.errors.is_empty(), "{selection}: {:?}", answer.errors);
            let text = serde_json::to_string(&answer.data).unwrap();
            let (ours, theirs) = text.strip_prefix(r#"{"ours":"#).unwrap().split_once(r#","theirs":"#).unwrap();
            assert_eq!(ours, theirs.strip_suffix('}').unwrap(), "{selection}");
        }
    }
}
