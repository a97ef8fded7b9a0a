//! What is on its way to others: by which way, and what becomes of it.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::id::{DeliveryId, OrganizationId, WebhookId};

/// How long something is tried again that does not arrive.
pub const PATIENCE: TimeDelta = TimeDelta::days(1);
/// The shortest pause before something is tried again.
const SHORTEST_PAUSE: TimeDelta = TimeDelta::seconds(5);
/// The longest.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(4);
/// How often something is tried at least before it is given up.
const FEWEST_ATTEMPTS: u32 = 5;
/// What a webhook's receiver answers that has something against what is delivered, and may take everything else.
pub const ABOUT_THE_DELIVERY: [u16; 4] = [400, 413, 415, 422];

/// How long to wait at `now` before something is tried again that has failed `attempts` times and is tried until
/// `retry_until`; `None`: it is given up.
///
/// The longer it has been failing, the longer the pause: as long as that, from seconds to hours. What has hardly been
/// tried by `retry_until`, because the server was away, is tried a few times more. `jitter`, any number, makes it up to a
/// tenth longer, so that what has failed together does not come back together.
#[must_use]
pub fn pause(retry_until: DateTime<Utc>, now: DateTime<Utc>, attempts: u32, jitter: u16) -> Option<TimeDelta> {
    let failing_for = now - (retry_until - PATIENCE);
    let pause = match attempts {
        _ if now < retry_until => failing_for.clamp(SHORTEST_PAUSE, LONGEST_PAUSE),
        1..FEWEST_ATTEMPTS => SHORTEST_PAUSE * 6_i32.pow(attempts - 1),
        _ => return None,
    };
    Some(pause + pause / 10 * i32::from(jitter % 1_000) / 1_000)
}

/// What goes the same way: one queue, of which nothing holds up another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// The mail server.
    Mail,
    /// One webhook.
    Webhook(WebhookId),
}

/// What the lane of mails is called; ids of webhooks have a prefix.
const MAIL: &str = "mail";

impl Lane {
    /// Its name in the store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Mail => MAIL,
            Self::Webhook(id) => id.as_str(),
        }
    }

    /// The lane of that name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        if name == MAIL { Self::Mail } else { Self::Webhook(name.into()) }
    }

    /// Whether `status_code`, as the answer to a delivery, says nothing about others on this lane. (Of mail servers no
    /// other answers are known.)
    #[must_use]
    pub fn is_about_the_delivery(&self, status_code: Option<u16>) -> bool {
        match self {
            Self::Mail => status_code.is_some(),
            Self::Webhook(_) => status_code.is_some_and(|code| ABOUT_THE_DELIVERY.contains(&code)),
        }
    }

    /// The webhook, if it is one's.
    #[must_use]
    pub fn webhook(&self) -> Option<&WebhookId> {
        match self {
            Self::Mail => None,
            Self::Webhook(id) => Some(id),
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that is to be delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// By which way.
    pub lane: Lane,
    /// What arrives on one lane in the order of `sequence`; `None`: in any order.
    pub chain: Option<String>,
    /// The number of the outbox's row that it comes from.
    pub sequence: i64,
    /// What happened, as the receiver knows it.
    pub event: String,
    /// What names the event, wherever it is told.
    pub event_id: String,
    /// JSON, byte for byte as it is sent.
    pub payload: String,
    /// When it was written down, which is when it is due.
    pub created_at: DateTime<Utc>,
}

/// Something that one worker is delivering just now.
#[derive(Clone, Debug, PartialEq)]
pub struct LeasedDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// What happened, as the receiver knows it.
    pub event: String,
    /// What names the event.
    pub event_id: String,
    /// JSON, byte for byte as it is sent.
    pub payload: String,
    /// How often it has been tried.
    pub attempts: u32,
    /// Until when it is tried again if it fails.
    pub retry_until: DateTime<Utc>,
}

/// What has become of a delivery that was leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was not tried.
    Untried,
    /// It has arrived.
    Arrived(DeliveryAttempt),
    /// There is nothing to deliver any more: what it announces no longer happens.
    Dropped,
    /// It did not arrive, and is tried again.
    Again(DeliveryAttempt, DateTime<Utc>),
    /// It did not arrive, and is given up.
    GivenUp(DeliveryAttempt),
}

impl Settled {
    /// The attempt, if there was one.
    #[must_use]
    pub fn attempt(&self) -> Option<&DeliveryAttempt> {
        match self {
            Self::Arrived(attempt) | Self::Again(attempt, _) | Self::GivenUp(attempt) => Some(attempt),
            Self::Untried | Self::Dropped => None,
        }
    }
}

/// One attempt to deliver something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// Counts those of one delivery, from 1.
    pub number: u32,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub duration_millis: u64,
    /// What the receiver answered, if it did.
    pub status_code: Option<u16>,
    /// Why it failed, in words of ours; `None`: it did not.
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::hours(hours)
    }

    #[test]
    fn what_fails_is_tried_again_after_growing_pauses_for_about_a_day() {
        let until = at(24);
        let (mut now, mut pauses) = (at(0), Vec::new());
        while let Some(pause) = pause(until, now, u32::try_from(pauses.len()).unwrap() + 1, 0) {
            pauses.push(pause.num_seconds());
            now += pause;
        }
        assert_eq!(pauses[..6], [5, 5, 10, 20, 40, 80]);
        assert!(pauses.is_sorted(), "{pauses:?}");
        assert_eq!(pauses.last(), Some(&LONGEST_PAUSE.num_seconds()));
        assert!((15..25).contains(&pauses.len()), "{pauses:?}");
        assert!(now < until + LONGEST_PAUSE);
    }

    #[test]
    fn what_has_hardly_been_tried_while_the_server_was_away_is_tried_a_few_times_more() {
        let pauses = (1..=4).map(|attempts| pause(at(24), at(100), attempts, 0).unwrap().num_seconds());
        assert_eq!(pauses.collect::<Vec<_>>(), [5, 30, 180, 1_080]);
        assert_eq!(pause(at(24), at(100), 5, 0), None);
    }

    #[test]
    fn what_failed_together_does_not_come_back_together() {
        let pause = |jitter| pause(at(24), at(1), 1, jitter).unwrap();
        assert_eq!(pause(0), TimeDelta::hours(1));
        assert!((0..=u16::MAX).all(|jitter| (TimeDelta::minutes(60)..TimeDelta::minutes(66)).contains(&pause(jitter))));
        assert_ne!(pause(1), pause(500));
    }

    #[test]
    fn the_lane_of_mails_is_no_webhooks() {
        for lane in [Lane::Mail, Lane::Webhook("whk_1".into())] {
            assert_eq!(Lane::named(lane.as_str()), lane);
        }
    }
}
