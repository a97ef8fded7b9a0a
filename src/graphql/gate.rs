//! The check before execution: linear in the length of the document, whatever the document says.
//!
//! A kilobyte of fragments that each spread the next one twice keeps the library's validation busy for minutes, so
//! nothing reaches it before it is known how large the operation is once its fragments are expanded. Each fragment
//! is measured once, and sums saturate.

mod arguments;
mod complexity;
mod demand;
mod introspection;
mod known;
mod scan;
mod size;
mod text;
mod variables;

use std::collections::HashSet;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::parser::{self, parse_query};
use async_graphql::{Name, Pos, Positioned, ServerError, Value, Variables};

use super::mask::{self, Code};
use super::operation::OperationKind;
use crate::throttle::Demand;

use arguments::Arguments;
use complexity::Weights;
use known::{Known, KnownDocuments};
use variables::VariableSizes;

pub use known::Validity;

/// How large a document may be, and what it may come to once its fragments are expanded.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of the document.
    pub bytes: usize,
    /// Tokens of the document.
    pub tokens: usize,
    /// How deep brackets of any kind may be nested: the parser works its way down one call each.
    pub nesting: usize,
    /// Fields, spreads and inline fragments, expanded.
    pub selections: u32,
    /// Aliases, expanded.
    pub aliases: u32,
    /// Directives, expanded.
    pub directives: u32,
    /// How deep fields may be nested, expanded. The standard introspection query needs 15.
    pub depth: u32,
    /// Bytes of arguments, expanded, each variable counted wherever it is used. What a value is counts eight beside
    /// its text, so that a variable with all of a body of 1 MiB can be used once, whatever it is.
    pub arguments: u64,
    /// What the operation may come to, its lists counted by their sizes: see [`Weights`].
    pub complexity: u64,
    /// Whether the schema may be asked for.
    pub introspection: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            tokens: 4_000,
            nesting: 60,
            selections: 5_000,
            aliases: 60,
            directives: 100,
            depth: 20,
            arguments: 4 * 1024 * 1024,
            complexity: 20_000,
            introspection: true,
        }
    }
}

/// A document that may be validated and executed.
#[derive(Debug)]
pub struct Passed {
    /// The document, parsed.
    pub document: ExecutableDocument,
    /// What its chosen operation does.
    pub kind: OperationKind,
    /// What it takes from the budgets of whoever asks.
    pub demand: Demand,
    /// Whether it is known to be valid; `None`: that has to be found out.
    pub validity: Option<Validity>,
}

/// Why a document is not executed.
#[derive(Debug)]
pub struct Refused {
    message: String,
    positions: Vec<Pos>,
}

impl Refused {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), positions: Vec::new() }
    }

    fn at(self, position: Pos) -> Self {
        Self { positions: vec![position], ..self }
    }
}

impl From<Refused> for ServerError {
    fn from(refused: Refused) -> Self {
        let mut error = mask::error(Code::BadUserInput, refused.message);
        error.locations = refused.positions;
        error
    }
}

/// The check of documents for one schema.
#[derive(Debug)]
pub struct Gate {
    limits: Limits,
    weights: Weights,
    documents: KnownDocuments,
}

impl Gate {
    /// For the schema that is written as `sdl`.
    ///
    /// # Panics
    /// `sdl` is not a schema.
    #[must_use]
    pub fn new(limits: Limits, sdl: &str) -> Self {
        Self { limits, weights: Weights::of(sdl), documents: KnownDocuments::default() }
    }

    /// Checks a document, and that the operation of that name (the only one, if none is named) can be executed.
    ///
    /// # Errors
    ///
    /// The document is too large, too deep or malformed, its fragments go round in circles, its variables
    /// are too large for how often they are used, there is a NUL in its text
    /// or in that of its variables, there is no such operation, it asks for too much, or for the schema where that may
    /// not be, a variable that it needs has no value (which the library would find out half-way through), or a mutation
    /// asks for two things under one name (which the library would do both).
    pub fn check(&self, query: &str, operation_name: Option<&str>, variables: &Variables) -> Result<Passed, Refused> {
        let Self { limits, weights, documents } = self;
        if query.len() > limits.bytes {
            return Err(Refused::new(format!(
                "The document has {} bytes; at most {} are accepted. Ask for less at once.",
                query.len(),
                limits.bytes
            )));
        }
        let found = documents.find(query);
        let is_new = found.is_none();
        let known = found.map_or_else(|| read(query, limits).map(Known::new), Ok)?;
        let document = &known.document;
        let sizes = VariableSizes::of(document, variables);
        size::measure(document, &sizes, limits)?;
        if !limits.introspection {
            introspection::refuse(document)?;
        }
        if text::has_nul(document, variables) {
            return Err(Refused::new("Text must not contain the character U+0000 (NUL). Leave it out."));
        }
        let operation = chosen(&document.operations, operation_name)?;
        refuse_missing_variables(operation, variables)?;
        if operation.ty == OperationType::Mutation {
            refuse_repeated_keys(document, &operation.selection_set.node, &mut HashSet::new())?;
        }
        let arguments = Arguments { operation, variables, sizes };
        if weights.complexity(document, &arguments) > limits.complexity {
            return Err(Refused::new(format!(
                "The operation comes to more than {}, its lists counted by their sizes. Ask for smaller pages, fewer \
                 fields, or in several operations.",
                limits.complexity
            )));
        }
        let kind = operation.ty.into();
        let demand = demand::of(document, &arguments);
        let passed = Passed { document: document.clone(), kind, demand, validity: known.validity(variables) };
        if is_new {
            documents.keep(query, known);
        }
        Ok(passed)
    }
}

/// Reads a document, if it is not too large for that.
fn read(query: &str, limits: &Limits) -> Result<ExecutableDocument, Refused> {
    scan::scan(query, limits)?;
    parse_query(query).map_err(|error| syntax_error(&error))
}

fn too_deep(limits: &Limits) -> Refused {
    Refused::new(format!("The document is nested too deeply; {} levels of fields are accepted.", limits.depth))
}

/// The operation of that name; the only one, if none is named.
pub(super) fn chosen<'a>(
    operations: &'a DocumentOperations,
    name: Option<&str>,
) -> Result<&'a OperationDefinition, Refused> {
    match (operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(&operation.node),
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get(name).map(|operation| &operation.node).ok_or_else(|| unknown_operation(name))
        }
        (DocumentOperations::Single(_), Some(name)) => Err(unknown_operation(name)),
        (DocumentOperations::Multiple(operations), None) => match operations.values().next() {
            Some(operation) if operations.len() == 1 => Ok(&operation.node),
            _ => Err(Refused::new("The document has several operations: say in `operationName` which one to execute.")),
        },
    }
}

fn unknown_operation(name: &str) -> Refused {
    Refused::new(format!("There is no operation named `{}` in the document. Check `operationName`.", shortened(name)))
}

fn refuse_missing_variables(operation: &OperationDefinition, variables: &Variables) -> Result<(), Refused> {
    for definition in &operation.variable_definitions {
        let name = &definition.node.name.node;
        let missing = match variables.get(name) {
            None => definition.node.default_value.is_none(),
            Some(value) => *value == Value::Null,
        };
        if missing && !definition.node.var_type.node.nullable {
            let message = format!("The variable `${}` needs a value that is not null.", shortened(name));
            return Err(Refused::new(message).at(definition.pos));
        }
    }
    Ok(())
}

/// Walks the expanded root of a mutation, whose size is known to be within the limits.
fn refuse_repeated_keys<'a>(
    document: &'a ExecutableDocument,
    root: &'a SelectionSet,
    seen: &mut HashSet<&'a str>,
) -> Result<(), Refused> {
    for selection in &root.items {
        match &selection.node {
            Selection::Field(field) => {
                let key: &'a Positioned<Name> = field.node.response_key();
                if !seen.insert(key.node.as_str()) {
                    let message = format!(
                        "The mutation asks for `{}` twice. Give one of them an alias of its own.",
                        shortened(&key.node)
                    );
                    return Err(Refused::new(message).at(key.pos));
                }
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    refuse_repeated_keys(document, &fragment.node.selection_set.node, seen)?;
                }
            }
            Selection::InlineFragment(inline) => {
                refuse_repeated_keys(document, &inline.node.selection_set.node, seen)?;
            }
        }
    }
    Ok(())
}

/// What the parser found, in one line. Its own text is a drawing of several.
fn syntax_error(error: &parser::Error) -> Refused {
    let positions: Vec<Pos> = error.positions().collect();
    let what = match error {
        parser::Error::Syntax { message, .. } => {
            let reason = message.lines().rev().find_map(|line| line.trim().strip_prefix("= ")).unwrap_or("not GraphQL");
            reason.replace("EOI", "the end of the document").replace('_', " ")
        }
        parser::Error::RecursionLimitExceeded => "nested too deeply".to_owned(),
        parser::Error::OperationDuplicated { operation, .. } => {
            format!("the operation `{}` is there twice", shortened(operation))
        }
        parser::Error::FragmentDuplicated { fragment, .. } => {
            format!("the fragment `{}` is there twice", shortened(fragment))
        }
        parser::Error::MultipleOperations { .. } => {
            "an operation without a name must be the only one in its document".to_owned()
        }
        parser::Error::MissingOperation => "there is no operation in it".to_owned(),
        other => other.to_string(),
    };
    let place = positions
        .first()
        .map(|position| format!(" at line {}, column {}", position.line, position.column))
        .unwrap_or_default();
    Refused { message: format!("The document cannot be read{place}: {what}."), positions }
}

/// A name of the client's, at a length that suits a message.
fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
