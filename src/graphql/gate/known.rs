//! Documents that are known: clients send the same few again and again, and reading one and validating it take longer
//! than most of them take to be executed.
//!
//! Of the values of variables validation asks what kind they are, and nothing else, as long as they are of [`PLAIN`]
//! types and are whole arguments: what was valid once is valid with all values of the same kinds. Within a list or an
//! object a variable may stand for what is not of its type, which is found out by its value alone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::parser::types::{
    BaseType, ExecutableDocument, OperationDefinition, Selection, SelectionSet, VariableDefinition,
};
use async_graphql::{Value, Variables};
use async_graphql_value::Value as Literal;

use crate::least_used::LeastUsed;

/// Bytes of what is known, by estimate.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// What a byte of a document becomes when it is read, at the most (a field of one letter); and what each has beside
/// that.
const EACH: usize = 128;
const OVERHEAD: usize = 1024;

/// The types of which a value is valid by its kind: that of an enumeration or of an input object is by what is in it.
const PLAIN: [&str; 7] = ["ID", "String", "Int", "Boolean", "Date", "DateTime", "TimeZone"];
/// How many combinations of kinds are known of a document, those that were found last: clients use one or two.
const MOST_CASES: usize = 8;

/// Documents by their texts, the least used of which go first.
#[derive(Debug)]
pub(super) struct KnownDocuments(LeastUsed<Box<str>, Arc<Known>>);

impl Default for KnownDocuments {
    fn default() -> Self {
        Self(LeastUsed::new(MOST_BYTES))
    }
}

impl KnownDocuments {
    /// The document of that text, if it is known.
    pub(super) fn find(&self, text: &str) -> Option<Arc<Known>> {
        self.0.get(text)
    }

    /// Keeps the document of that text, which has passed the check.
    pub(super) fn keep(&self, text: &str, known: Arc<Known>) {
        self.0.keep(text.into(), known, EACH * text.len() + OVERHEAD);
    }
}

/// A document, and with what it was found valid.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) document: ExecutableDocument,
    /// Whether variables are nothing but whole arguments.
    is_plain: bool,
    valid: Mutex<VecDeque<Case>>,
}

/// The kinds of the values of all variables, in their order.
type Case = Box<[Kind]>;

/// What validation asks of a value.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Kind {
    Missing,
    Null,
    Text,
    Natural,
    Negative,
    Boolean,
}

impl Kind {
    /// `None`: of others more is asked.
    fn of(value: Option<&Value>) -> Option<Self> {
        match value {
            None => Some(Self::Missing),
            Some(Value::Null) => Some(Self::Null),
            Some(Value::String(_)) => Some(Self::Text),
            Some(Value::Boolean(_)) => Some(Self::Boolean),
            // Of numbers it is asked whether they are whole, fit 64 bits, and are below zero.
            Some(Value::Number(number)) if number.is_i64() => {
                Some(if number.is_u64() { Self::Natural } else { Self::Negative })
            }
            Some(_) => None,
        }
    }
}

impl Known {
    /// Of which nothing is known yet but how it reads.
    pub(super) fn new(document: ExecutableDocument) -> Arc<Self> {
        let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
        let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
        let is_plain = operations.chain(fragments).all(is_plain);
        Arc::new(Self { document, is_plain, valid: Mutex::default() })
    }

    /// What is known of the document with these variables; `None`: that can only be found out each time.
    pub(super) fn validity(self: &Arc<Self>, variables: &Variables) -> Option<Validity> {
        let operation = only_operation(&self.document).filter(|_| self.is_plain)?;
        let case = case(operation, variables)?;
        let is_known = self.valid().contains(&case);
        Some(Validity { known: Arc::clone(self), case, is_known })
    }

    fn valid(&self) -> MutexGuard<'_, VecDeque<Case>> {
        self.valid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether no variable is part of an argument, as far as `set` goes. Those of directives are always whole: they have no
/// lists and no objects.
fn is_plain(set: &SelectionSet) -> bool {
    let whole = |value: &Literal| matches!(value, Literal::Variable(_)) || value.clone().into_const().is_some();
    set.items.iter().all(|selection| match &selection.node {
        Selection::Field(field) => {
            field.node.arguments.iter().all(|(_, value)| whole(&value.node)) && is_plain(&field.node.selection_set.node)
        }
        Selection::InlineFragment(inline) => is_plain(&inline.node.selection_set.node),
        Selection::FragmentSpread(_) => true,
    })
}

/// Of several operations, those that are not asked for are validated as well, by values that are not theirs.
fn only_operation(document: &ExecutableDocument) -> Option<&OperationDefinition> {
    let mut operations = document.operations.iter();
    let (_, operation) = operations.next()?;
    operations.next().is_none().then_some(&operation.node)
}

fn case(operation: &OperationDefinition, variables: &Variables) -> Option<Case> {
    let kind = |definition: &VariableDefinition| {
        let VariableDefinition { name, var_type, .. } = definition;
        match &var_type.node.base {
            BaseType::Named(plain) if PLAIN.contains(&plain.as_str()) => Kind::of(variables.get(&name.node)),
            _ => None,
        }
    };
    operation.variable_definitions.iter().map(|definition| kind(&definition.node)).collect()
}

/// Whether a document is known to be valid with some values.
#[derive(Debug)]
pub struct Validity {
    known: Arc<Known>,
    case: Case,
    is_known: bool,
}

impl Validity {
    /// Whether it is.
    pub(in crate::graphql) fn is_known(&self) -> bool {
        self.is_known
    }

    /// It was found valid.
    pub(in crate::graphql) fn found(self) {
        if self.is_known {
            return;
        }
        let mut valid = self.known.valid();
        if !valid.contains(&self.case) {
            valid.truncate(MOST_CASES - 1);
            valid.push_front(self.case);
        }
    }
}
