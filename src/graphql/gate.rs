//! The check before execution: linear in the length of the document, whatever the document says.
//!
//! A kilobyte of fragments that each spread the next one twice keeps the library's validation busy for minutes, so
//! nothing reaches it before it is known how large the operation is once its fragments are expanded. Each fragment
//! is measured once, and sums saturate.

mod text;

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::parser::{self, parse_query};
use async_graphql::{Name, Pos, Positioned, ServerError, Value, Variables};

use super::execute::OperationKind;
use super::mask::{self, Code};

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
    /// Variables without a value that give the size of a page. Set them to null, which says the same there: the
    /// library needs the value to reckon what a list comes to, and takes one that was left out for a mistake.
    pub unset_sizes: Vec<Name>,
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

/// Checks a document, and that the operation of that name (the only one, if none is named) can be executed.
///
/// # Errors
///
/// The document is too large, too deep or malformed, its fragments go round in circles, there is a NUL in its text or in
/// that of its variables, there is no such operation,
/// a variable that it needs has no value (which the library would find out half-way through), or a mutation asks for
/// two things under one name (which the library would do both).
pub fn check(
    query: &str,
    operation_name: Option<&str>,
    variables: &Variables,
    limits: &Limits,
) -> Result<Passed, Refused> {
    if query.len() > limits.bytes {
        return Err(Refused::new(format!(
            "The document has {} bytes; at most {} are accepted. Ask for less at once.",
            query.len(),
            limits.bytes
        )));
    }
    scan(query, limits)?;
    let document = parse_query(query).map_err(|error| syntax_error(&error))?;
    measure(&document, limits)?;
    if text::has_nul(&document, variables) {
        return Err(Refused::new("Text must not contain the character U+0000 (NUL). Leave it out."));
    }
    let operation = chosen(&document.operations, operation_name)?;
    refuse_missing_variables(operation, variables)?;
    if operation.ty == OperationType::Mutation {
        refuse_repeated_keys(&document, &operation.selection_set.node, &mut HashSet::new())?;
    }
    let kind = operation.ty.into();
    let unset_sizes = unset_sizes(&document, variables);
    Ok(Passed { document, kind, unset_sizes })
}

/// Counts tokens and brackets without understanding them.
fn scan(query: &str, limits: &Limits) -> Result<(), Refused> {
    let (mut tokens, mut nesting) = (0_usize, 0_usize);
    let mut rest = query.as_bytes();
    while let Some(&first) = rest.first() {
        let length = match first {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                rest = &rest[1..];
                continue;
            }
            b'#' => {
                rest = &rest[run(rest, |byte| !matches!(byte, b'\n' | b'\r'))..];
                continue;
            }
            b'"' => string_length(rest),
            b'{' | b'(' | b'[' => {
                nesting += 1;
                1
            }
            b'}' | b')' | b']' => {
                nesting = nesting.saturating_sub(1);
                1
            }
            _ if is_word(first) => run(rest, is_word),
            _ if rest.starts_with(b"...") => 3,
            _ => 1,
        };
        tokens += 1;
        if tokens > limits.tokens {
            return Err(Refused::new(format!(
                "The document has more than {} tokens. Ask for less at once.",
                limits.tokens
            )));
        }
        if nesting > limits.nesting {
            return Err(too_deep(limits));
        }
        rest = &rest[length.min(rest.len())..];
    }
    Ok(())
}

fn too_deep(limits: &Limits) -> Refused {
    Refused::new(format!("The document is nested too deeply; {} levels of fields are accepted.", limits.depth))
}

/// What names and whole numbers are made of; other numbers count as several tokens.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|&byte| !belongs(byte)).unwrap_or(bytes.len())
}

/// The length of the string, or block string, that `bytes` begins with; an unfinished one reaches to the end.
fn string_length(bytes: &[u8]) -> usize {
    let (quotes, mut at): (&[u8], usize) = if bytes.starts_with(b"\"\"\"") { (b"\"\"\"", 3) } else { (b"\"", 1) };
    while at < bytes.len() {
        if bytes[at..].starts_with(quotes) {
            return at + quotes.len();
        }
        at += match bytes[at] {
            b'\\' if quotes.len() == 1 => 2,
            b'\\' if bytes[at..].starts_with(b"\\\"\"\"") => 4,
            _ => 1,
        };
    }
    bytes.len()
}

/// What a selection set comes to, expanded.
#[derive(Copy, Clone, Default)]
struct Size {
    selections: u32,
    aliases: u32,
    directives: u32,
    depth: u32,
}

impl Size {
    /// Both, one beside the other.
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.depth = self.depth.max(other.depth);
    }
}

/// Measures all operations and fragments, those that are not used as well: the library looks at all of them.
fn measure(document: &ExecutableDocument, limits: &Limits) -> Result<(), Refused> {
    let mut measuring = Measuring { document, known: HashMap::new() };
    let mut total = Size::default();
    for (_, operation) in document.operations.iter() {
        total.add(Size { directives: count(operation.node.directives.len()), ..Size::default() });
        total.add(measuring.selection_set(&operation.node.selection_set.node)?);
    }
    within(total, limits)?;
    for name in document.fragments.keys() {
        within(measuring.fragment(name)?, limits)?;
    }
    Ok(())
}

fn within(size: Size, limits: &Limits) -> Result<(), Refused> {
    let too_many = |what: &str, limit: u32| {
        Err(Refused::new(format!(
            "The document has more than {limit} {what} once its fragments are expanded. Ask for less at once."
        )))
    };
    if size.depth > limits.depth {
        Err(too_deep(limits))
    } else if size.selections > limits.selections {
        too_many("fields", limits.selections)
    } else if size.aliases > limits.aliases {
        too_many("aliases", limits.aliases)
    } else if size.directives > limits.directives {
        too_many("directives", limits.directives)
    } else {
        Ok(())
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

struct Measuring<'a> {
    document: &'a ExecutableDocument,
    /// The sizes of the fragments measured so far; `None` while one is being measured.
    known: HashMap<&'a Name, Option<Size>>,
}

impl<'a> Measuring<'a> {
    fn fragment(&mut self, name: &Name) -> Result<Size, Refused> {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            // Validation tells about fragments that do not exist.
            return Ok(Size::default());
        };
        match self.known.get(name) {
            Some(Some(size)) => Ok(*size),
            Some(None) => {
                Err(Refused::new(format!("The fragment `{}` contains itself.", shortened(name))).at(fragment.pos))
            }
            None => {
                self.known.insert(name, None);
                let mut size = self.selection_set(&fragment.node.selection_set.node)?;
                size.add(Size { directives: count(fragment.node.directives.len()), ..Size::default() });
                self.known.insert(name, Some(size));
                Ok(size)
            }
        }
    }

    fn selection_set(&mut self, set: &'a SelectionSet) -> Result<Size, Refused> {
        let mut size = Size::default();
        for selection in &set.items {
            let directives = count(selection.node.directives().len());
            size.add(Size { selections: 1, directives, ..Size::default() });
            match &selection.node {
                Selection::Field(field) => {
                    let mut inner = self.selection_set(&field.node.selection_set.node)?;
                    inner.depth = inner.depth.saturating_add(1);
                    inner.aliases = inner.aliases.saturating_add(u32::from(field.node.alias.is_some()));
                    size.add(inner);
                }
                Selection::FragmentSpread(spread) => size.add(self.fragment(&spread.node.fragment_name.node)?),
                Selection::InlineFragment(inline) => {
                    size.add(self.selection_set(&inline.node.selection_set.node)?);
                }
            }
        }
        Ok(size)
    }
}

fn chosen<'a>(operations: &'a DocumentOperations, name: Option<&str>) -> Result<&'a OperationDefinition, Refused> {
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

/// The variables that have neither value nor default and give the size of a page, in any of the operations: the library
/// reckons all of them.
fn unset_sizes(document: &ExecutableDocument, variables: &Variables) -> Vec<Name> {
    let mut sizes = HashSet::new();
    for fragment in document.fragments.values() {
        note_sizes(&fragment.node.selection_set.node, &mut sizes);
    }
    for (_, operation) in document.operations.iter() {
        note_sizes(&operation.node.selection_set.node, &mut sizes);
    }
    sizes.retain(|name| !variables.contains_key(name));
    for (_, operation) in document.operations.iter() {
        for definition in &operation.node.variable_definitions {
            if definition.node.default_value.is_some() {
                sizes.remove(&definition.node.name.node);
            }
        }
    }
    sizes.into_iter().collect()
}

/// Notes the variables that are given for the size of a page.
fn note_sizes(set: &SelectionSet, sizes: &mut HashSet<Name>) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                for size in ["first", "last"].into_iter().filter_map(|name| field.node.get_argument(name)) {
                    // The library does not export the type of what is given, but resolves it.
                    let _given = size.node.clone().into_const_with(|name| {
                        sizes.insert(name);
                        Ok::<_, Infallible>(Value::Null)
                    });
                }
                note_sizes(&field.node.selection_set.node, sizes);
            }
            Selection::InlineFragment(inline) => note_sizes(&inline.node.selection_set.node, sizes),
            // Fragments are looked at by themselves.
            Selection::FragmentSpread(_) => {}
        }
    }
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
