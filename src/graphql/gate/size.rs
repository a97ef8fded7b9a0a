//! What a document comes to once its fragments are expanded, without expanding them.

use std::collections::HashMap;

use async_graphql::parser::types::{Directive, ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Positioned};

use super::variables::{Argument, VariableSizes};
use super::{Limits, Refused, shortened, too_deep};

/// What a selection set comes to, expanded.
#[derive(Copy, Clone, Default)]
struct Size {
    selections: u32,
    aliases: u32,
    directives: u32,
    depth: u32,
    /// Bytes.
    arguments: u64,
}

impl Size {
    /// Both, one beside the other.
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.depth = self.depth.max(other.depth);
        self.arguments = self.arguments.saturating_add(other.arguments);
    }
}

/// Measures all operations and fragments, those that are not used as well: the library looks at all of them.
pub(super) fn measure(
    document: &ExecutableDocument,
    sizes: &VariableSizes<'_>,
    limits: &Limits,
) -> Result<(), Refused> {
    let mut measuring = Measuring { document, sizes, known: HashMap::new(), written: 0 };
    let mut total = Size::default();
    for (_, operation) in document.operations.iter() {
        for definition in &operation.node.variable_definitions {
            total.arguments = total.arguments.saturating_add(measuring.arguments(&[], &definition.node.directives));
        }
        let arguments = measuring.arguments(&[], &operation.node.directives);
        total.add(Size { directives: count(operation.node.directives.len()), arguments, ..Size::default() });
        total.add(measuring.selection_set(&operation.node.selection_set.node)?);
    }
    within(total, limits)?;
    for name in document.fragments.keys() {
        within(measuring.fragment(name)?, limits)?;
    }
    // Of fragments that are not used, each may be small and all of them large.
    within(Size { arguments: measuring.written, ..Size::default() }, limits)
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
    } else if size.arguments > limits.arguments {
        Err(Refused::new(format!(
            "The arguments come to more than {} bytes, each variable counted wherever it is used. Send less, or in \
             several operations.",
            limits.arguments
        )))
    } else {
        Ok(())
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

struct Measuring<'a> {
    document: &'a ExecutableDocument,
    sizes: &'a VariableSizes<'a>,
    /// The sizes of the fragments measured so far; `None` while one is being measured.
    known: HashMap<&'a Name, Option<Size>>,
    /// Bytes of all arguments that have been looked at, each where it is written.
    written: u64,
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
                let arguments = self.arguments(&[], &fragment.node.directives);
                size.add(Size { directives: count(fragment.node.directives.len()), arguments, ..Size::default() });
                self.known.insert(name, Some(size));
                Ok(size)
            }
        }
    }

    fn selection_set(&mut self, set: &'a SelectionSet) -> Result<Size, Refused> {
        let mut size = Size::default();
        for selection in &set.items {
            let directives = selection.node.directives();
            let arguments = match &selection.node {
                Selection::Field(field) => self.arguments(&field.node.arguments, directives),
                Selection::FragmentSpread(_) | Selection::InlineFragment(_) => self.arguments(&[], directives),
            };
            size.add(Size { selections: 1, directives: count(directives.len()), arguments, ..Size::default() });
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

    /// Bytes of what is given here to a field and to directives.
    fn arguments(&mut self, of_field: &[Argument], of_directives: &[Positioned<Directive>]) -> u64 {
        let directives = of_directives.iter().map(|directive| self.sizes.arguments(&directive.node.arguments));
        let arguments = directives.fold(self.sizes.arguments(of_field), u64::saturating_add);
        self.written = self.written.saturating_add(arguments);
        arguments
    }
}
