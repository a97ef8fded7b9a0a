//! Documents that have been read before: clients send the same few again and again, and reading one takes longer than
//! all the rest of the check.

use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;

use crate::least_used::LeastUsed;

/// Bytes of what was read, by estimate.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// What a byte of a document becomes when it is read, at the most (a field of one letter); and what each has beside
/// that.
const EACH: usize = 128;
const OVERHEAD: usize = 512;

/// Documents by their texts, the least used of which go first.
#[derive(Debug)]
pub(super) struct ParsedDocuments(LeastUsed<Box<str>, Arc<ExecutableDocument>>);

impl Default for ParsedDocuments {
    fn default() -> Self {
        Self(LeastUsed::new(MOST_BYTES))
    }
}

impl ParsedDocuments {
    /// The document of that text, if it was read before.
    pub(super) fn find(&self, text: &str) -> Option<Arc<ExecutableDocument>> {
        self.0.get(text)
    }

    /// Keeps the document of that text, which has passed the check.
    pub(super) fn keep(&self, text: &str, document: Arc<ExecutableDocument>) {
        self.0.keep(text.into(), document, EACH * text.len() + OVERHEAD);
    }
}
