//! Answers that are kept as long as they are true.
//!
//! The answer to a public query is made of what is booked, of what is held, and of the catalogue, and it changes with
//! them and with the clock alone. So it is kept as the bytes that were sent, together with what it was made of, and sent
//! again while all of that is as it was. It is looked at each time: whoever has booked and asks again is told of it.
//!
//! Only what says what it was made of is kept: a resolver that records nothing has its whole operation executed anew.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet};
use async_graphql::{Context, Positioned};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use dashmap::{DashMap, Entry};
use tokio_util::sync::CancellationToken;

use super::gate::chosen;
use super::key::{OperationKey, depends_on_who_asks};
use crate::least_used::LeastUsed;
use crate::service::source::Source;
use crate::throttle::Demand;

/// The fields whose answers may be kept.
const KEEPABLE: [&str; 10] = [
    "daySlots",
    "monthAvailability",
    "datePresence",
    "presenceBetween",
    "resource",
    "resourceBySlug",
    "resources",
    "eventType",
    "eventTypeBySlug",
    "eventTypes",
];
/// What is in an answer though it changes without anybody being told: when a hold was renewed.
const UNTOLD: &str = "updatedAt";
/// What an answer that is kept takes beside its text and its question, by estimate.
const OVERHEAD: usize = 1024;

/// Whether the answer to the operation of that name may be kept.
pub(super) fn is_keepable(document: &ExecutableDocument, operation_name: Option<&str>) -> bool {
    let Ok(operation) = chosen(&document.operations, operation_name) else { return false };
    let is_public = |root: &Positioned<Selection>| match &root.node {
        Selection::Field(field) => {
            KEEPABLE.contains(&field.node.name.node.as_str()) && !depends_on_who_asks(&field.node)
        }
        _ => false,
    };
    operation.ty == OperationType::Query
        && operation.selection_set.node.items.iter().all(is_public)
        && !names(&operation.selection_set.node, UNTOLD)
        && !document.fragments.values().any(|fragment| names(&fragment.node.selection_set.node, UNTOLD))
}

/// Whether a field of this name is selected; how deep things are nested is known to be within the limits.
fn names(set: &SelectionSet, name: &str) -> bool {
    set.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => field.node.name.node == name || names(&field.node.selection_set.node, name),
        Selection::InlineFragment(inline) => names(&inline.node.selection_set.node, name),
        Selection::FragmentSpread(_) => false,
    })
}

/// Takes down what the fields at the root were made of. Resolvers find it in the context.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources(Arc<Mutex<Vec<Option<Source>>>>);

impl Sources {
    /// All of them, if there are `fields` of them and each is known.
    pub(super) fn of(&self, fields: usize) -> Option<Vec<Source>> {
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recorded = std::mem::take(&mut *recorded);
        (recorded.len() == fields).then(|| recorded.into_iter().collect())?
    }
}

/// Records what a field at the root was made of; `None`: it cannot be said.
pub(super) fn record(ctx: &Context<'_>, source: Option<Source>) {
    if let Some(Sources(sources)) = ctx.data_opt::<Sources>() {
        sources.lock().unwrap_or_else(PoisonError::into_inner).push(source);
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Kept {
    answer: Bytes,
    sources: Vec<Source>,
    /// What the operation takes from the budgets of whoever asks.
    queries: u32,
}

impl Kept {
    /// The whole response.
    pub(super) fn answer(&self) -> Bytes {
        self.answer.clone()
    }

    /// What the operation takes from the budgets of whoever asks.
    pub(super) fn demand(&self) -> Demand {
        Demand { queries: self.queries, ..Demand::default() }
    }

    fn is_true(&self, now: DateTime<Utc>) -> bool {
        self.sources.iter().all(|source| source.is_true(now))
    }

    /// What it takes in memory, by a question of that length, by estimate.
    fn weight(&self, question: usize) -> usize {
        self.answer.len() + question + OVERHEAD * (1 + self.sources.len())
    }
}

/// The answers that are kept.
#[derive(Debug)]
pub(super) struct KeptAnswers {
    answers: LeastUsed<OperationKey, Arc<Kept>>,
    /// Those that somebody who is not signed in has asked for more than once, by what they sent.
    by_sent: LeastUsed<Bytes, Arc<Kept>>,
    keeps: bool,
    /// What is being found out just now: ends when it is known.
    under_way: DashMap<OperationKey, CancellationToken>,
}

impl KeptAnswers {
    /// At most `most_bytes` of them; none, if that is 0.
    pub(super) fn new(most_bytes: usize) -> Self {
        let half = most_bytes / 2;
        Self {
            answers: LeastUsed::new(most_bytes - half),
            by_sent: LeastUsed::new(half),
            keeps: most_bytes > 0,
            under_way: DashMap::new(),
        }
    }

    /// Whether any are.
    pub(super) fn keeps(&self) -> bool {
        self.keeps
    }

    /// The answer to what `key` asks, if it is still true at `now`.
    pub(super) fn find(&self, key: &OperationKey, now: DateTime<Utc>) -> Option<Arc<Kept>> {
        true_one(&self.answers, key, now)
    }

    /// The answer to what was `sent`, if that was sent before, and it is still true at `now`.
    pub(super) fn find_sent(&self, sent: &[u8], now: DateTime<Utc>) -> Option<Arc<Kept>> {
        true_one(&self.by_sent, sent, now)
    }

    /// Keeps `answer` to what `key` asks.
    pub(super) fn keep(&self, key: OperationKey, answer: Bytes, sources: Vec<Source>, queries: u32) {
        let kept = Kept { answer, sources, queries };
        let weight = kept.weight(key.weight());
        self.answers.keep(key, Arc::new(kept), weight);
    }

    /// Keeps it as the answer to what was `sent` as well.
    pub(super) fn keep_sent(&self, sent: &Bytes, kept: &Arc<Kept>) {
        // As they were read there may be room for more behind them.
        let sent = Bytes::copy_from_slice(sent);
        let weight = kept.weight(sent.len());
        self.by_sent.keep(sent, Arc::clone(kept), weight);
    }

    /// Finds out what `key` asks for, unless somebody does so already: then waits until they have, and gives nothing.
    pub(super) async fn turn(&self, key: &OperationKey) -> Option<Turn<'_>> {
        let other = match self.under_way.entry(key.clone()) {
            Entry::Occupied(under_way) => under_way.get().clone(),
            Entry::Vacant(vacant) => {
                let ends = CancellationToken::new();
                vacant.insert(ends.clone());
                return Some(Turn { answers: self, key: key.clone(), ends });
            }
        };
        other.cancelled().await;
        None
    }
}

/// What `answers` have by `key`, if it is still true at `now`.
fn true_one<K, Q>(answers: &LeastUsed<K, Arc<Kept>>, key: &Q, now: DateTime<Utc>) -> Option<Arc<Kept>>
where
    K: Borrow<Q> + Hash + Eq,
    Q: Hash + Eq + ?Sized,
{
    let kept = answers.get(key)?;
    if kept.is_true(now) {
        return Some(kept);
    }
    answers.forget_if(key, |there| Arc::ptr_eq(there, &kept));
    None
}

/// Somebody's turn to find something out; others wait until this is dropped.
pub(super) struct Turn<'a> {
    answers: &'a KeptAnswers,
    key: OperationKey,
    ends: CancellationToken,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.answers.under_way.remove(&self.key);
        self.ends.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::operation::Operation;

    #[test]
    fn an_answer_is_found_by_exactly_the_bytes_that_were_sent() {
        let answers = KeptAnswers::new(1024 * 1024);
        let (now, key) = (DateTime::UNIX_EPOCH, OperationKey::anonymous("{ a }", &Operation::default()));
        answers.keep(key.clone(), Bytes::from_static(b"{}"), Vec::new(), 1);
        let sent = Bytes::from_static(br#"{"query":"{ a }"}"#);
        assert!(answers.find_sent(&sent, now).is_none(), "it was not asked for so");
        let kept = answers.find(&key, now).unwrap();
        answers.keep_sent(&sent, &kept);
        assert!(Arc::ptr_eq(&answers.find_sent(&sent, now).unwrap(), &kept));
        for other in [&b""[..], b"{}", br#"{"query":"{ a }"} "#, br#"{"query":"{ A }"}"#, &sent[1..]] {
            assert!(answers.find_sent(other, now).is_none());
        }
    }
}
