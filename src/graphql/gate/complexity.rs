//! What an operation comes to, its lists counted by their sizes.
//!
//! Each field counts one, and one more for each KiB that it is given; what is below a list counts as often as the list is expected to be long; lists within
//! lists multiply. How long a list is, is told by its arguments, else by the table here, else it is [`USUAL`]. The rest
//! comes from the schema itself, so that no new list can be forgotten. Each fragment is reckoned once, and everything
//! saturates.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, Field, FieldDefinition, OperationType, Selection, SelectionSet, Type, TypeKind,
    TypeSystemDefinition,
};
use chrono::NaiveDate;

use super::arguments::Arguments;
use crate::service::page::{DEFAULT_SIZE, MAX_SIZE};

/// How long a list is that nothing is known of.
const USUAL: u64 = 10;
/// What the whole schema comes to.
const SCHEMA: u64 = 2_000;
/// What one type of it comes to.
const TYPE: u64 = 100;
/// The lists by which a type leads to other types, and those to it again. The standard introspection query has none
/// of them within another; those within others multiply.
const TYPE_LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
/// How many bytes of arguments count as much as a field.
const ARGUMENTS: u64 = 1024;

/// How often what is below a field is answered.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Length {
    /// So often.
    Known(u64),
    /// Once for each entry of the page that is asked for.
    Page,
    /// Once for each day from `from` to `to`, so many at most.
    Days(u64),
}

/// What is known of lengths beside the schema: a day's slots, days, what statistics are by, the most that a series has.
const LENGTHS: [(&str, &str, Length); 14] = [
    ("DaySlots", "slots", Length::Known(48)),
    ("Query", "monthAvailability", Length::Days(93)),
    ("Subscription", "monthAvailabilityChanged", Length::Days(93)),
    ("MonthAvailability", "days", Length::Known(1)),
    ("Query", "presenceBetween", Length::Days(42)),
    ("Subscription", "presenceBetweenChanged", Length::Days(42)),
    ("BookingStats", "byStatus", Length::Known(8)),
    ("BookingStats", "byResource", Length::Known(100)),
    ("CreateBookingSeriesPayload", "occurrences", Length::Known(104)),
    // The first reason against it.
    ("SeriesOccurrence", "userErrors", Length::Known(1)),
    ("CancelBookingSeriesPayload", "cancelled", Length::Known(104)),
    // The most that an organization has.
    ("Query", "webhooks", Length::Known(20)),
    ("Query", "calendarFeeds", Length::Known(1_000)),
    // Those of a day and a half; more where somebody sends it again by hand.
    ("WebhookDelivery", "history", Length::Known(15)),
];

/// What fields come to by themselves that lay out days, whatever is asked of them.
const LABOURS: [(&str, u64); 7] = [
    ("daySlots", 20),
    ("daySlotsChanged", 20),
    ("monthAvailability", 50),
    ("monthAvailabilityChanged", 50),
    ("availableResources", 50),
    ("isAvailable", 10),
    ("bookingStats", 500),
];

/// What the fields of a schema come to.
#[derive(Debug)]
pub(super) struct Weights {
    types: HashMap<Name, HashMap<Name, Weight>>,
    /// What the root of its queries is called.
    query: Name,
}

#[derive(Debug)]
struct Weight {
    own: u64,
    length: Length,
    /// The type of what is below.
    below: Name,
}

impl Weights {
    /// Those of the schema that is written as `sdl`.
    pub(super) fn of(sdl: &str) -> Self {
        let document = parse_schema(sdl).expect("the schema was written by the library itself");
        let named_root = document.definitions.iter().find_map(|definition| match definition {
            TypeSystemDefinition::Schema(schema) => schema.node.query.as_ref().map(|query| query.node.clone()),
            TypeSystemDefinition::Type(_) | TypeSystemDefinition::Directive(_) => None,
        });
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(definition.node),
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        });
        let fields = types.filter_map(|definition| match definition.kind {
            TypeKind::Object(object) => Some((definition.name.node, object.fields)),
            TypeKind::Interface(interface) => Some((definition.name.node, interface.fields)),
            _ => None,
        });
        let weighed = fields.map(|(name, fields)| {
            let weights = fields.iter().map(|field| (field.node.name.node.clone(), Weight::of(&name, &field.node)));
            let weights = weights.collect();
            (name, weights)
        });
        Self { types: weighed.collect(), query: named_root.unwrap_or_else(|| Name::new("Query")) }
    }

    /// What the operation comes to.
    pub(super) fn complexity(&self, document: &ExecutableDocument, arguments: &Arguments<'_>) -> u64 {
        let root = match arguments.operation.ty {
            OperationType::Query => self.query.clone(),
            OperationType::Mutation => Name::new("Mutation"),
            OperationType::Subscription => Name::new("Subscription"),
        };
        let mut reckoning = Reckoning { weights: self, document, arguments, known: HashMap::new() };
        reckoning.selection_set(&arguments.operation.selection_set.node, &root)
    }
}

impl Weight {
    fn of(parent: &Name, field: &FieldDefinition) -> Self {
        let name = field.name.node.as_str();
        let told = LENGTHS.iter().find(|(of, list, _)| *of == parent.as_str() && *list == name);
        let is_page = field.arguments.iter().any(|argument| argument.node.name.node == "first");
        // A connection's lists have been counted where the page was asked for.
        let is_counted = parent.as_str().ends_with("Connection");
        let length = match told {
            Some((_, _, length)) => *length,
            None if is_page => Length::Page,
            None if is_list(&field.ty.node) && !is_counted => Length::Known(USUAL),
            None => Length::Known(1),
        };
        let own = LABOURS.iter().find(|(labour, _)| *labour == name).map_or(1, |(_, own)| *own);
        Self { own, length, below: named(&field.ty.node) }
    }
}

fn is_list(of: &Type) -> bool {
    matches!(of.base, BaseType::List(_))
}

fn named(of: &Type) -> Name {
    match &of.base {
        BaseType::Named(name) => name.clone(),
        BaseType::List(of) => named(of),
    }
}

struct Reckoning<'a> {
    weights: &'a Weights,
    document: &'a ExecutableDocument,
    arguments: &'a Arguments<'a>,
    /// What the fragments come to that have been reckoned.
    known: HashMap<&'a Name, u64>,
}

impl<'a> Reckoning<'a> {
    /// What is asked of a `parent`.
    fn selection_set(&mut self, set: &'a SelectionSet, parent: &Name) -> u64 {
        let mut sum = 0_u64;
        for selection in &set.items {
            sum = sum.saturating_add(match &selection.node {
                Selection::Field(field) => self.field(&field.node, parent),
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| &condition.node.on.node);
                    self.selection_set(&inline.node.selection_set.node, parent)
                }
            });
        }
        sum
    }

    fn field(&mut self, field: &'a Field, parent: &Name) -> u64 {
        let weights = self.weights;
        let Some(weight) = weights.types.get(parent).and_then(|fields| fields.get(&field.name.node)) else {
            // What the schema does not list is its own description, or a mistake that validation tells about.
            return match field.name.node.as_str() {
                "__schema" => SCHEMA.saturating_mul(self.nested_types(&field.selection_set.node)),
                "__type" => TYPE.saturating_mul(self.nested_types(&field.selection_set.node)),
                _ => 1,
            };
        };
        let below = self.selection_set(&field.selection_set.node, &weight.below);
        let length = match weight.length {
            Length::Known(length) => length,
            Length::Page => self.page(field),
            Length::Days(most) => self.days(field, most),
        };
        // Below a list, its arguments are read for each entry anew.
        let given = self.arguments.sizes.arguments(&field.arguments) / ARGUMENTS;
        weight.own.saturating_add(given).saturating_add(length.saturating_mul(below))
    }

    /// How often more than by the standard query types are described. Walks the expanded selection set, whose size is
    /// known to be within the limits.
    fn nested_types(&self, set: &SelectionSet) -> u64 {
        USUAL.saturating_pow(self.type_lists(set).saturating_sub(1))
    }

    /// How many lists of types are within one another.
    fn type_lists(&self, set: &SelectionSet) -> u32 {
        let lists = set.items.iter().map(|selection| match &selection.node {
            Selection::Field(field) => {
                let is_list = TYPE_LISTS.contains(&field.node.name.node.as_str());
                self.type_lists(&field.node.selection_set.node).saturating_add(u32::from(is_list))
            }
            Selection::FragmentSpread(spread) => {
                let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                fragment.map_or(0, |fragment| self.type_lists(&fragment.node.selection_set.node))
            }
            Selection::InlineFragment(inline) => self.type_lists(&inline.node.selection_set.node),
        });
        lists.max().unwrap_or(0)
    }

    fn fragment(&mut self, name: &Name) -> u64 {
        let document = self.document;
        let Some((name, fragment)) = document.fragments.get_key_value(name) else { return 0 };
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let sum = self.selection_set(&fragment.node.selection_set.node, &fragment.node.type_condition.node.on.node);
        self.known.insert(name, sum);
        sum
    }

    /// How many entries the page has at most.
    fn page(&self, field: &Field) -> u64 {
        let given = ["first", "last"].into_iter().filter_map(|name| self.arguments.of(field, name)?.integer());
        let most = u64::from(MAX_SIZE);
        given.max().map_or(u64::from(DEFAULT_SIZE), |given| u64::try_from(given).unwrap_or(1)).clamp(1, most)
    }

    /// How many days it is about; what cannot be read is refused when it is executed.
    fn days(&self, field: &Field, most: u64) -> u64 {
        let date = |name: &str| self.arguments.of(field, name)?.text()?.parse::<NaiveDate>().ok();
        let days = date("from").zip(date("to")).and_then(|(from, to)| u64::try_from((to - from).num_days()).ok());
        days.map_or(most, |days| days.saturating_add(1)).clamp(1, most)
    }
}

#[cfg(test)]
mod tests;
