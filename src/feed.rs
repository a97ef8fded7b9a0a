//! The one change feed: who watches which days of what, or a catalogue, and what has changed.
//!
//! A watch tells *that* something changed, never what: whoever is woken reads the present state. So nothing
//! queues up for a slow watcher, and the last change is never missed. (What happens to bookings is told event by event:
//! see `bookings`.)

mod bookings;
mod recent;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use futures_util::future::select_all;
use tokio::sync::{broadcast, watch};

pub use bookings::{BookingWatch, FellBehind};
pub use recent::Mark;

use recent::Recent;

use crate::domain::booking::BookingEvent;
use crate::domain::id::{OrganizationId, ResourceId};
use crate::domain::quantum::QuantumSpan;

/// What kind of change is told.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Holds came, went or changed.
    Holds,
    /// Time was occupied or let go.
    Occupancy,
}

/// Those who watch one topic of one resource: a channel for each span, shared by all who watch the same.
type Channels = HashMap<QuantumSpan, Channel>;
/// What wakes all who watch the same.
type Channel = Arc<watch::Sender<()>>;

#[derive(Debug, Default)]
struct Shared {
    topics: DashMap<(Topic, ResourceId), Channels>,
    catalogues: DashMap<OrganizationId, Channel>,
    bookings: DashMap<OrganizationId, broadcast::Sender<Arc<BookingEvent>>>,
    watchers: AtomicUsize,
    recent: Recent,
}

/// Where changes are told and watched. Clones are the same feed.
#[derive(Clone, Debug, Default)]
pub struct ChangeFeed(Arc<Shared>);

impl ChangeFeed {
    /// A feed that nobody watches yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches the changes of `topic` that touch any of `interests`, each a span of a resource.
    ///
    /// To miss nothing, watch first and read the state then. Dropping the watch leaves nothing behind.
    #[must_use]
    pub fn watch(&self, topic: Topic, interests: impl IntoIterator<Item = (ResourceId, QuantumSpan)>) -> Watch {
        self.0.watchers.fetch_add(1, Ordering::Relaxed);
        let mut watch = Watch { feed: self.clone(), topic, interests: Vec::new() };
        for (resource, span) in interests {
            let mut channels = self.0.topics.entry((topic, resource.clone())).or_default();
            let changes = channels.entry(span).or_default().subscribe();
            drop(channels);
            watch.interests.push(Interest { resource, span, changes });
        }
        watch
    }

    /// Wakes whoever watches `topic` on a span of `resource` that overlaps `span`. Call it after the change is there
    /// to be read.
    pub fn publish(&self, topic: Topic, resource: &ResourceId, span: QuantumSpan) {
        if topic == Topic::Occupancy {
            self.0.recent.occupancy(resource, span);
        }
        let touched: Vec<_> = match self.0.topics.get(&(topic, resource.clone())) {
            None => return,
            Some(channels) => channels
                .iter()
                .filter(|(watched, _)| watched.overlaps(span))
                .map(|(_, sender)| sender.clone())
                .collect(),
        };
        // Waking thousands takes a while; nobody who comes or goes meanwhile waits for it.
        for sender in touched {
            sender.send_replace(());
        }
    }

    /// Watches what an organization offers, and by which rules: its resources, event types and schedules.
    ///
    /// To miss nothing, watch first and read the state then. Dropping the watch leaves nothing behind.
    #[must_use]
    pub fn watch_catalogue(&self, organization: OrganizationId) -> CatalogueWatch {
        let changes = self.0.catalogues.entry(organization.clone()).or_default().subscribe();
        CatalogueWatch { feed: self.clone(), organization, changes: Some(changes) }
    }

    /// Wakes whoever watches the catalogue of `organization`. Call it after the change is there to be read.
    pub fn publish_catalogue(&self, organization: &OrganizationId) {
        self.0.recent.catalogue(organization);
        let channel = self.0.catalogues.get(organization).map(|channel| Arc::clone(&channel));
        if let Some(channel) = channel {
            channel.send_replace(());
        }
    }

    /// The present moment, for [`ChangeFeed::is_unchanged`].
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.0.recent.mark()
    }

    /// Whether the catalogue of `organization` and what is occupied in `spans` have not changed since `mark`, for certain.
    /// Whoever begins to watch them before asking misses nothing afterwards.
    #[must_use]
    pub fn is_unchanged(&self, mark: Mark, organization: &OrganizationId, spans: &[(ResourceId, QuantumSpan)]) -> bool {
        self.0.recent.is_unchanged(mark, organization, spans)
    }

    /// How many watches of time and of bookings there are.
    #[must_use]
    pub fn watchers(&self) -> usize {
        self.0.watchers.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Interest {
    resource: ResourceId,
    span: QuantumSpan,
    changes: watch::Receiver<()>,
}

/// One who waits for changes. Made by [`ChangeFeed::watch`].
#[derive(Debug)]
pub struct Watch {
    feed: ChangeFeed,
    topic: Topic,
    interests: Vec<Interest>,
}

impl Watch {
    /// Ends once something has changed since the watch was made, or since the last call ended. However much has
    /// changed, it ends once. Never ends for a watch without interests.
    ///
    /// Cancel-safe: a call that is dropped loses no change.
    pub async fn changed(&mut self) {
        if self.interests.is_empty() {
            std::future::pending::<()>().await;
        }
        // The map's sender and so the channel live as long as this watch: the result is never an error.
        let _ = select_all(self.interests.iter_mut().map(|interest| Box::pin(interest.changes.changed()))).await;
        // Whoever is woken reads everything, so that what else has changed by now is no news.
        for interest in &mut self.interests {
            interest.changes.mark_unchanged();
        }
    }
}

impl Watch {
    /// Whether anything has changed since the watch was made, or since [`Watch::changed`] ended.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        // Where the other end is gone, nobody would tell.
        self.interests.iter().any(|interest| interest.changes.has_changed().unwrap_or(true))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for Interest { resource, span, changes } in self.interests.drain(..) {
            drop(changes);
            self.feed.0.topics.remove_if_mut(&(self.topic, resource), |_, channels| {
                if channels.get(&span).is_some_and(|sender| sender.receiver_count() == 0) {
                    channels.remove(&span);
                }
                channels.is_empty()
            });
        }
        self.feed.0.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One who waits for changes of a catalogue. Made by [`ChangeFeed::watch_catalogue`].
#[derive(Debug)]
pub struct CatalogueWatch {
    feed: ChangeFeed,
    organization: OrganizationId,
    /// There until it is dropped.
    changes: Option<watch::Receiver<()>>,
}

impl CatalogueWatch {
    /// Ends once something has changed since the watch was made, or since the last call ended. However much has
    /// changed, it ends once.
    ///
    /// Cancel-safe: a call that is dropped loses no change.
    pub async fn changed(&mut self) {
        if let Some(changes) = &mut self.changes {
            // The map's sender and so the channel live as long as this watch: the result is never an error.
            let _ = changes.changed().await;
        }
    }
}

impl CatalogueWatch {
    /// Whether anything has changed since the watch was made, or since [`CatalogueWatch::changed`] ended.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.changes.as_ref().is_none_or(|changes| changes.has_changed().unwrap_or(true))
    }
}

impl Drop for CatalogueWatch {
    fn drop(&mut self) {
        drop(self.changes.take());
        self.feed.0.catalogues.remove_if(&self.organization, |_, channel| channel.receiver_count() == 0);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::domain::quantum::UtcDay;

    fn studio() -> ResourceId {
        ResourceId::from("studio")
    }

    fn day(number: i32) -> QuantumSpan {
        UtcDay(number).span()
    }

    #[tokio::test]
    async fn a_change_wakes_whoever_waits() {
        let feed = ChangeFeed::new();
        let mut watch = feed.watch(Topic::Holds, [(studio(), day(1)), (studio(), day(2))]);
        let waiting = tokio::spawn(async move { watch.changed().await });
        tokio::task::yield_now().await;
        feed.publish(Topic::Holds, &studio(), day(2));
        waiting.await.expect("it is woken");
    }

    #[test]
    fn a_change_before_the_call_is_not_missed_and_told_once() {
        let feed = ChangeFeed::new();
        let mut watch = feed.watch(Topic::Holds, [(studio(), day(1)), (studio(), day(2))]);
        assert!(watch.changed().now_or_never().is_none());
        feed.publish(Topic::Holds, &studio(), day(1));
        feed.publish(Topic::Holds, &studio(), day(2));
        assert!(watch.changed().now_or_never().is_some());
        assert!(watch.changed().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_loses_no_change() {
        let feed = ChangeFeed::new();
        let mut watch = feed.watch(Topic::Occupancy, [(studio(), day(1))]);
        tokio::select! {
            biased;
            () = watch.changed() => unreachable!("nothing has changed"),
            () = async {} => {}
        }
        feed.publish(Topic::Occupancy, &studio(), day(1));
        assert!(watch.changed().now_or_never().is_some());
    }

    #[test]
    fn a_catalogue_is_watched_by_organization() {
        let feed = ChangeFeed::new();
        let (ours, theirs) = (OrganizationId::from("ours"), OrganizationId::from("theirs"));
        let mut watch = feed.watch_catalogue(ours.clone());
        feed.publish_catalogue(&theirs);
        assert!(watch.changed().now_or_never().is_none());
        feed.publish_catalogue(&ours);
        feed.publish_catalogue(&ours);
        assert!(watch.changed().now_or_never().is_some());
        assert!(watch.changed().now_or_never().is_none());
        drop(watch);
        assert!(feed.0.catalogues.is_empty());
    }

    #[test]
    fn a_watch_of_nothing_is_never_told() {
        let feed = ChangeFeed::new();
        assert!(feed.watch(Topic::Holds, []).changed().now_or_never().is_none());
    }

    #[test]
    fn watchers_of_one_span_share_a_channel_and_leave_nothing_behind() {
        let feed = ChangeFeed::new();
        let mut watches: Vec<Watch> =
            (0..10_000).map(|_| feed.watch(Topic::Holds, [(studio(), day(1)), (studio(), day(1))])).collect();
        let other = feed.watch(Topic::Holds, [(studio(), day(2))]);
        assert_eq!(feed.0.topics.get(&(Topic::Holds, studio())).map(|channels| channels.len()), Some(2));
        feed.publish(Topic::Holds, &studio(), day(1));
        assert!(watches.iter_mut().all(|watch| watch.changed().now_or_never().is_some()));
        assert_eq!(feed.watchers(), 10_001);
        drop(watches);
        assert_eq!(feed.0.topics.get(&(Topic::Holds, studio())).map(|channels| channels.len()), Some(1));
        drop(other);
        assert_eq!(feed.watchers(), 0);
        assert!(feed.0.topics.is_empty());
    }
}
