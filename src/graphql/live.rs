//! Live queries: each distinct subscription is executed once, however many watch it.
//!
//! What a public subscription sends depends on nothing but its document, the operation's name, its variables, and the
//! organization and role of who asks. So whoever asks the same watches the same execution and is given the same bytes.
//! The last one's leaving ends it; who comes later is given the present state at once.
//!
//! A state replaces the one before. Whoever reads slowly is skipped ahead, and nothing queues up for them.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use async_graphql::Response;
use async_graphql::parser::types::{ExecutableDocument, OperationType, Selection};
use dashmap::{DashMap, Entry};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tokio_util::task::TaskTracker;

use super::execute::RequestId;
use super::gate::chosen;
use super::key::{OperationKey, depends_on_who_asks};
use super::responses::{Payload, payloads};
use crate::metrics::Metrics;

/// The fields that may be shared: what they send is made of nothing that belongs to one caller.
const PUBLIC: [&str; 4] = ["presenceChanged", "presenceBetweenChanged", "daySlotsChanged", "monthAvailabilityChanged"];

/// Whether the operation of that name is a subscription of which nothing that is sent belongs to one caller.
pub(super) fn is_public(document: &ExecutableDocument, operation_name: Option<&str>) -> bool {
    let Ok(operation) = chosen(&document.operations, operation_name) else { return false };
    let [root] = operation.selection_set.node.items.as_slice() else { return false };
    // A fragment at the root is rare, and executed for its client alone.
    let Selection::Field(field) = &root.node else { return false };
    operation.ty == OperationType::Subscription
        && PUBLIC.contains(&field.node.name.node.as_str())
        && !depends_on_who_asks(&field.node)
}

/// Which part of its state a live query has sent: those of several days have a state for each. Resolvers find it in the
/// context and set it before each response.
#[derive(Clone, Debug, Default)]
pub(super) struct LivePart(Arc<AtomicUsize>);

impl LivePart {
    /// The next response is the state of part `number`.
    pub(super) fn set(&self, number: usize) {
        self.0.store(number, Ordering::Relaxed);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// All live queries that are watched.
#[derive(Debug)]
pub(super) struct LiveQueries {
    running: DashMap<OperationKey, Arc<LiveQuery>>,
    /// What executes them: each ends with its last watcher, and with the server.
    drivers: TaskTracker,
    metrics: Arc<Metrics>,
}

/// One execution, and what it has sent last.
#[derive(Debug)]
struct LiveQuery {
    state: Mutex<State>,
    metrics: Arc<Metrics>,
    /// Counts the responses; the last number when it has ended is the same once more.
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// The last response of each part, and its number, from 1.
    parts: Vec<Option<(u64, Payload)>>,
    has_ended: bool,
}

impl LiveQuery {
    fn new(metrics: Arc<Metrics>) -> Self {
        Self { state: Mutex::default(), metrics, news: watch::Sender::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, part: usize, payload: Payload) {
        let number = *self.news.borrow() + 1;
        {
            let mut state = self.state();
            if state.parts.len() <= part {
                state.parts.resize(part + 1, None);
            }
            state.parts[part] = Some((number, payload));
        }
        self.news.send_replace(number);
    }

    fn end(&self) {
        self.state().has_ended = true;
        self.news.send_modify(|_| {});
    }
}

impl LiveQueries {
    /// None yet. What executes them is counted by `drivers`.
    pub(super) fn new(drivers: TaskTracker, metrics: Arc<Metrics>) -> Self {
        Self { running: DashMap::new(), drivers, metrics }
    }

    /// Watches the live query of `key`, which is begun by `start` unless somebody watches it already.
    pub(super) fn watch(
        self: &Arc<Self>,
        key: &OperationKey,
        fields: Vec<String>,
        start: impl FnOnce(LivePart) -> (BoxStream<'static, Response>, RequestId),
    ) -> LiveWatcher {
        match self.running.entry(key.clone()) {
            Entry::Occupied(running) => LiveWatcher::of(running.get()),
            Entry::Vacant(vacant) => {
                let query = Arc::new(LiveQuery::new(Arc::clone(&self.metrics)));
                let watcher = LiveWatcher::of(&query);
                vacant.insert(Arc::clone(&query));
                let part = LivePart::default();
                let (responses, request_id) = start(part.clone());
                let driving = Arc::clone(self).drive(
                    key.clone(),
                    query,
                    payloads(responses, request_id, (Arc::clone(&self.metrics), fields)).boxed(),
                    part,
                );
                self.drivers.spawn(driving);
                watcher
            }
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Tells what comes, as long as anybody watches.
    async fn drive(
        self: Arc<Self>,
        key: OperationKey,
        query: Arc<LiveQuery>,
        mut payloads: BoxStream<'static, Payload>,
        part: LivePart,
    ) {
        loop {
            let payload = tokio::select! {
                payload = payloads.next() => payload,
                () = query.news.closed() => {
                    // Whoever comes now holds the same lock, and begins anew.
                    if self.running.remove_if(&key, |_, query| query.news.is_closed()).is_some() {
                        return;
                    }
                    continue;
                }
            };
            let is_last = !matches!(payload, Some(Payload::Executed(_)));
            if is_last {
                // Nobody joins what has ended.
                self.running.remove(&key);
            }
            if let Some(payload) = payload {
                query.tell(part.get(), payload);
            }
            if is_last {
                query.end();
                return;
            }
        }
    }
}

/// One who watches a live query: gets the present state, and then each that differs from the last one got.
pub(super) struct LiveWatcher {
    query: Arc<LiveQuery>,
    news: WatchStream<u64>,
    /// The number of what was got last of each part.
    seen: Vec<u64>,
}

impl LiveWatcher {
    fn of(query: &Arc<LiveQuery>) -> Self {
        Self { query: Arc::clone(query), news: WatchStream::new(query.news.subscribe()), seen: Vec::new() }
    }

    /// What has not been got yet: the oldest of it.
    fn unseen(&mut self) -> Poll<Option<Payload>> {
        let state = self.query.state();
        if self.seen.len() < state.parts.len() {
            self.seen.resize(state.parts.len(), 0);
        }
        let parts = state.parts.iter().zip(&mut self.seen);
        let news = parts.filter_map(|(part, seen)| part.as_ref().filter(|(number, _)| number > seen).zip(Some(seen)));
        match news.min_by_key(|((number, _), _)| *number) {
            Some(((number, payload), seen)) => {
                // Of one state alone it is known how many there were in between.
                let skipped = if state.parts.len() == 1 && *seen > 0 { *number - *seen - 1 } else { 0 };
                self.query.metrics.state_sent(skipped);
                *seen = *number;
                Poll::Ready(Some(payload.clone()))
            }
            None if state.has_ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl Stream for LiveWatcher {
    type Item = Payload;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Payload>> {
        loop {
            if let Poll::Ready(news) = self.unseen() {
                return Poll::Ready(news);
            }
            // It goes on as long as this watches it.
            if ready!(self.news.poll_next_unpin(cx)).is_none() {
                return Poll::Ready(None);
            }
        }
    }
}
