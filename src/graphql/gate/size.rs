//! What a document comes to once its fragments are expanded, without expanding them.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use super::{Limits, Refused, shortened, too_deep};

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
pub(super) fn measure(document: &ExecutableDocument, limits: &Limits) -> Result<(), Refused> {
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
