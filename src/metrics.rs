//! What the server counts, so that what is said of it can be watched while it works.
//!
//! Names and units are as Prometheus wants them. Whatever tells one count from another comes from a list of ours, never
//! from a client: there are never more than the schema and the code have.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The form of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What tells one count from the others of its family.
type Label = [(&'static str, String); 1];
type Histograms = Family<Label, Histogram, fn() -> Histogram>;

/// What there is at one moment.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// Live queries that are shared.
    pub live_queries: usize,
    /// WebSockets, and executions of live queries.
    pub sockets: usize,
    /// Holds.
    pub holds: usize,
}

/// All counts. What is counted costs an atomic addition, and of a family the look for its member.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    executions: Family<Label, Counter>,
    kept: Counter,
    states: Counter,
    skipped: Counter,
    refusals: Family<Label, Counter>,
    user_errors: Family<Label, Counter>,
    bookings: Family<Label, Counter>,
    durations: Histograms,
    live_queries: Gauge,
    sockets: Gauge,
    holds: Gauge,
}

impl Metrics {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let mut metrics = Self {
            registry: Registry::with_prefix("slotwise"),
            executions: Family::default(),
            kept: Counter::default(),
            states: Counter::default(),
            skipped: Counter::default(),
            refusals: Family::default(),
            user_errors: Family::default(),
            bookings: Family::default(),
            // From a tenth of a millisecond to three seconds.
            durations: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.0001, 2.0, 15))),
            live_queries: Gauge::default(),
            sockets: Gauge::default(),
            holds: Gauge::default(),
        };
        metrics.register();
        Arc::new(metrics)
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("field_executions", "Fields executed at the root of operations", self.executions.clone());
        registry.register("kept_answers", "Answers that were kept and sent again", self.kept.clone());
        registry.register("live_states", "States sent to watchers of shared live queries", self.states.clone());
        registry.register("live_states_skipped", "States that slow watchers were not sent", self.skipped.clone());
        registry.register("refusals", "Errors at the top level of answers, by their codes", self.refusals.clone());
        registry.register("user_errors", "Refusals by the rules, by their codes", self.user_errors.clone());
        registry.register("booking_events", "What has happened to bookings", self.bookings.clone());
        let durations = self.durations.clone();
        registry.register_with_unit("execution_duration", "How long executing took", Unit::Seconds, durations);
        registry.register("live_queries", "Live queries that are shared", self.live_queries.clone());
        registry.register("sockets", "WebSockets that are open, and shared live queries", self.sockets.clone());
        registry.register("holds", "Holds, as they are in memory", self.holds.clone());
    }

    /// A field at the root has been executed.
    pub fn executed(&self, field: &str) {
        self.executions.get_or_create(&[("field", field.to_owned())]).inc();
    }

    /// An answer was found among those that are kept.
    pub fn kept(&self) {
        self.kept.inc();
    }

    /// A watcher was sent a state of a shared live query, and not the `skipped` ones before.
    pub fn state_sent(&self, skipped: u64) {
        self.states.inc();
        // Nearly always none: all watchers share the counts.
        if skipped > 0 {
            self.skipped.inc_by(skipped);
        }
    }

    /// An error with this code, one of ours, has left.
    pub fn refused(&self, code: &str) {
        self.refusals.get_or_create(&[("code", code.to_owned())]).inc();
    }

    /// A client was told that the rules refuse something, with this code, one of ours.
    pub fn refused_by_rules(&self, code: &str) {
        self.user_errors.get_or_create(&[("code", code.to_owned())]).inc();
    }

    /// That has happened to a booking.
    pub fn booking(&self, event: &'static str) {
        self.bookings.get_or_create(&[("event", event.to_owned())]).inc();
    }

    /// Executing an operation of that kind took so long.
    pub fn took(&self, kind: &'static str, duration: Duration) {
        self.durations.get_or_create(&[("kind", kind.to_owned())]).observe(duration.as_secs_f64());
    }

    /// All of it in the text of `OpenMetrics`, with what there is now.
    #[must_use]
    pub fn text(&self, present: Present) -> String {
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.live_queries.set(gauge(present.live_queries));
        self.sockets.set(gauge(present.sockets));
        self.holds.set(gauge(present.holds));
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            tracing::error!(%error, "what was counted cannot be written");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told_in_the_words_of_prometheus() {
        let metrics = Metrics::new();
        metrics.executed("daySlots");
        metrics.executed("daySlots");
        metrics.kept();
        metrics.state_sent(3);
        metrics.refused("NOT_FOUND");
        metrics.refused_by_rules("SLOT_TAKEN");
        metrics.booking("created");
        metrics.took("query", Duration::from_millis(3));
        let text = metrics.text(Present { live_queries: 1, sockets: 2, holds: 3 });
        for line in [
            "slotwise_field_executions_total{field=\"daySlots\"} 2",
            "slotwise_kept_answers_total 1",
            "slotwise_live_states_total 1",
            "slotwise_live_states_skipped_total 3",
            "slotwise_refusals_total{code=\"NOT_FOUND\"} 1",
            "slotwise_user_errors_total{code=\"SLOT_TAKEN\"} 1",
            "slotwise_booking_events_total{event=\"created\"} 1",
            "slotwise_execution_duration_seconds_bucket{le=\"0.0032\",kind=\"query\"} 1",
            "slotwise_live_queries 1",
            "slotwise_sockets 2",
            "slotwise_holds 3",
            "# EOF",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} in\n{text}");
        }
    }
}
