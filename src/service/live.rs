//! Live states: the present one first, then each new one. What is sent, apart from how it is sent.
//!
//! A stream waits for the change feed, or for the instant at which the clock alone changes its answer; then it reads
//! the whole state anew and sends it if it differs from the last one sent. It watches before it reads, and remembers
//! nothing but the last state: a slow reader skips states in between and never misses the latest.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};

use super::Services;
use super::availability::{DayQuestion, DaySlots, MonthAvailability, MonthQuestion};
use super::presence::{DatePresence, PresenceDay, PresenceQuestion};
use crate::clock::{Monotonic, SharedClock};
use crate::domain::id::{BookingId, OrganizationId, ResourceId};
use crate::domain::quantum::QuantumSpan;
use crate::error::Error;
use crate::feed::{BookingWatch, CatalogueWatch, ChangeFeed, Topic, Watch};
use crate::presence::Hold;

/// Changes of a day's holds that follow each other within this time are sent together.
const TOGETHER: Duration = Duration::from_millis(50);
/// How long a stream waits before it reads again what could not be read.
pub(super) const AFTER_FAULT: Duration = Duration::from_secs(1);
/// How long a stream relies on the wall clock not having been set.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// States as they come; ends with the server.
pub type States<T> = BoxStream<'static, Result<T, Error>>;

/// What an answer was read from: a change there, and only there, may change the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Whose catalogue.
    pub catalogue: OrganizationId,
    /// Which time of which resources.
    pub occupancy: Vec<(ResourceId, QuantumSpan)>,
    /// The booking that is to be moved, and whose it is: that it may no longer be changes no time.
    pub booking: Option<(OrganizationId, BookingId)>,
}

/// An answer that can be kept current.
trait LiveAnswer: Clone + Send + Sync + Sized + 'static {
    /// What asks for it.
    type Question: Send + Sync + 'static;

    /// Reads it as it is now.
    fn read(
        services: &Services,
        question: &Self::Question,
    ) -> impl Future<Output = Result<(Self, Footprint), Error>> + Send;

    /// When the clock alone changes it.
    fn valid_until(&self) -> Option<DateTime<Utc>>;

    /// Whether `other` says the same: the answer itself, not its revision or for how long it is valid.
    fn says_the_same(&self, other: &Self) -> bool;
}

impl LiveAnswer for DaySlots {
    type Question = DayQuestion;

    async fn read(services: &Services, question: &DayQuestion) -> Result<(Self, Footprint), Error> {
        services.read_day_slots(question, services.now()).await
    }

    fn valid_until(&self) -> Option<DateTime<Utc>> {
        self.valid_until
    }

    fn says_the_same(&self, other: &Self) -> bool {
        // The question stays.
        self.time_zone == other.time_zone
            && self.duration_minutes == other.duration_minutes
            && self.interval_minutes == other.interval_minutes
            && self.slots == other.slots
    }
}

impl LiveAnswer for MonthAvailability {
    type Question = MonthQuestion;

    async fn read(services: &Services, question: &MonthQuestion) -> Result<(Self, Footprint), Error> {
        services.read_month_availability(question, services.now()).await
    }

    fn valid_until(&self) -> Option<DateTime<Utc>> {
        self.valid_until
    }

    fn says_the_same(&self, other: &Self) -> bool {
        self.time_zone == other.time_zone && self.days == other.days
    }
}

impl Services {
    /// `daySlots`, kept current.
    ///
    /// # Errors
    /// As [`Services::day_slots`], at once.
    pub async fn watch_day_slots(&self, question: DayQuestion) -> Result<States<DaySlots>, Error> {
        self.watch_answer(question).await
    }

    /// `monthAvailability`, kept current.
    ///
    /// # Errors
    /// As [`Services::month_availability`], at once.
    pub async fn watch_month_availability(&self, question: MonthQuestion) -> Result<States<MonthAvailability>, Error> {
        self.watch_answer(question).await
    }

    async fn watch_answer<A: LiveAnswer>(&self, question: A::Question) -> Result<States<A>, Error> {
        let mut watcher = AnswerWatcher::new(self.clone(), question);
        let first: A = watcher.next().await?;
        let later = stream::unfold(Some(watcher), |watcher| async {
            let mut watcher = watcher?;
            match watcher.next().await {
                Ok(state) => Some((Ok(state), Some(watcher))),
                // Whoever watches is told why, and the stream ends.
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(self.until_shutdown(stream::once(async { Ok(first) }).chain(later)))
    }

    /// The holds of each day of the question, and then of each day that changes.
    ///
    /// # Errors
    /// As [`Services::presence_between`], at once.
    pub async fn watch_presence(&self, question: PresenceQuestion) -> Result<States<DatePresence>, Error> {
        let (_, days) = self.presence_days(&question).await?;
        let watcher = PresenceWatcher::new(self.clone(), days);
        let states = stream::unfold(watcher, |mut watcher| async move {
            let state = watcher.next().await;
            Some((Ok(state), watcher))
        });
        Ok(self.until_shutdown(states))
    }

    /// The same until the server ends.
    pub(super) fn until_shutdown<T: 'static>(
        &self,
        states: impl Stream<Item = Result<T, Error>> + Send + 'static,
    ) -> States<T> {
        states.take_until(self.parts().shutdown.clone().cancelled_owned()).boxed()
    }
}

/// Keeps one answer current.
struct AnswerWatcher<A: LiveAnswer> {
    services: Services,
    question: A::Question,
    /// What the last answer was read from, and the watch over it.
    watched: Option<Watched>,
    sent: Option<A>,
}

/// A footprint and the watches over it.
struct Watched {
    footprint: Footprint,
    occupancy: Watch,
    catalogue: CatalogueWatch,
    booking: Option<(BookingWatch, BookingId)>,
}

impl Watched {
    fn new(feed: &ChangeFeed, footprint: Footprint) -> Self {
        let occupancy = feed.watch(Topic::Occupancy, footprint.occupancy.iter().cloned());
        let catalogue = feed.watch_catalogue(footprint.catalogue.clone());
        let booking = footprint.booking.clone().map(|(organization, id)| (feed.watch_bookings(organization), id));
        Self { footprint, occupancy, catalogue, booking }
    }

    async fn changed(&mut self) {
        tokio::select! {
            () = self.occupancy.changed() => {}
            () = self.catalogue.changed() => {}
            () = changed(self.booking.as_mut()) => {}
        }
    }
}

/// Ends once something has happened to the booking, or may have; never, when there is none.
async fn changed(booking: Option<&mut (BookingWatch, BookingId)>) {
    let Some((watch, id)) = booking else { return std::future::pending().await };
    // Whoever has missed something looks for themselves.
    while watch.next().await.is_ok_and(|event| event.booking.id != *id) {}
}

impl<A: LiveAnswer> AnswerWatcher<A> {
    fn new(services: Services, question: A::Question) -> Self {
        Self { services, question, watched: None, sent: None }
    }

    /// The next state that differs from the last one.
    async fn next(&mut self) -> Result<A, Error> {
        loop {
            self.wait().await;
            let answer = self.read().await?;
            let differs = self.sent.as_ref().is_none_or(|sent| !sent.says_the_same(&answer));
            // Also when it says the same: it may do so for longer.
            self.sent = Some(answer.clone());
            if differs {
                return Ok(answer);
            }
        }
    }

    /// Waits until the answer may have changed. There is nothing to wait for before the first one.
    async fn wait(&mut self) {
        let (Some(sent), Some(watched)) = (&self.sent, &mut self.watched) else { return };
        tokio::select! {
            () = watched.changed() => {}
            () = wait_for(&self.services.parts().clock, sent.valid_until()) => {}
        }
    }

    /// Reads the answer, and sees to it that what it was read from has been watched since before it was read.
    async fn read(&mut self) -> Result<A, Error> {
        loop {
            let (answer, footprint) = match A::read(&self.services, &self.question).await {
                // A watcher need not hear of a fault that passes: the state it has is the last that was known.
                Err(Error::Internal(fault)) if self.sent.is_some() => {
                    tracing::warn!(?fault, "a live answer could not be read; trying again");
                    let clock = &self.services.parts().clock;
                    clock.sleep_until(clock.monotonic().plus(AFTER_FAULT)).await;
                    continue;
                }
                read => read?,
            };
            if self.watched.as_ref().is_some_and(|watched| watched.footprint == footprint) {
                return Ok(answer);
            }
            self.watched = Some(Watched::new(&self.services.parts().feed, footprint));
        }
    }
}

/// Ends once the wall clock shows `instant`; never, when there is none.
pub(super) async fn wait_for(clock: &SharedClock, instant: Option<DateTime<Utc>>) {
    let Some(instant) = instant else { return std::future::pending().await };
    // The wall clock may be set while this waits on the monotonic one, so it looks again now and then.
    while let Ok(left) = (instant - clock.now()).to_std()
        && !left.is_zero()
    {
        clock.sleep_until(clock.monotonic().plus(left.min(LONGEST_SLEEP))).await;
    }
}

/// Keeps the holds of some days current.
struct PresenceWatcher {
    services: Services,
    days: Vec<PresenceDay>,
    watch: Watch,
    /// What was last sent of each day.
    sent: Vec<Option<DatePresence>>,
    /// Days that have to be sent.
    waiting: VecDeque<usize>,
    /// When the days were last looked at.
    looked_at: Option<Monotonic>,
}

impl PresenceWatcher {
    fn new(services: Services, days: Vec<PresenceDay>) -> Self {
        let interests: Vec<_> = days.iter().map(PresenceDay::footprint).collect();
        let watch = services.parts().feed.watch(Topic::Holds, interests);
        Self { watch, sent: vec![None; days.len()], waiting: VecDeque::new(), looked_at: None, services, days }
    }

    /// The next day whose holds differ from what was last sent of it.
    async fn next(&mut self) -> DatePresence {
        loop {
            if let Some(day) = self.waiting.pop_front() {
                // It may have changed again, or back, while it waited for its turn.
                let now = self.services.presence_of(&self.days[day]);
                if self.differs(day, &now) {
                    self.sent[day] = Some(now.clone());
                    return now;
                }
                continue;
            }
            self.wait().await;
            self.look();
        }
    }

    /// Waits until holds of the days may have changed, and until what changes with them has come together.
    async fn wait(&mut self) {
        let Some(looked_at) = self.looked_at else { return };
        self.watch.changed().await;
        self.services.parts().clock.sleep_until(looked_at.plus(TOGETHER)).await;
    }

    fn look(&mut self) {
        self.looked_at = Some(self.services.parts().clock.monotonic());
        let changed = |day: &usize| self.differs(*day, &self.services.presence_of(&self.days[*day]));
        self.waiting = (0..self.days.len()).filter(changed).collect();
    }

    /// Whether `now` says something else than what was last sent of the day.
    fn differs(&self, day: usize, now: &DatePresence) -> bool {
        self.sent[day].as_ref().is_none_or(|sent| !tell_the_same(&sent.holds, &now.holds))
    }
}

/// Whether two lists tell a watcher the same: all but the last heartbeats, which are not sent.
fn tell_the_same(one: &[Hold], other: &[Hold]) -> bool {
    let without_heartbeat = |hold: &Hold| Hold { updated_at: DateTime::UNIX_EPOCH, ..hold.clone() };
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| without_heartbeat(a) == without_heartbeat(b))
}
