//! Reading what is occupied for many who ask at once: whoever asks while statements are under way shares the next one.
//!
//! A statement's way to the database and back costs many times what it does there. Whoever asks joins a queue, and waits
//! for an answer or for one of few turns, whichever comes first. Whoever's turn it is asks in one statement for all who
//! have come by then, and hands out the answers: every statement begins after the question came, so an answer is never
//! older than its question. Alone, one asks at once.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use entity::{occupancy, organization};
use sea_orm::QueryResult;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query, SelectStatement};
use tokio::sync::{Semaphore, oneshot};

use super::{OccupiedDay, days_of, occupied_day};
use crate::domain::id::{OrganizationId, ResourceId};
use crate::domain::quantum::{QuantumSpan, UtcDay};
use crate::store::{Store, StoreError, convert};

/// How many questions share a statement at most. There are as many texts of it, and each connection remembers each.
const MOST_AT_ONCE: usize = 16;

/// The questions, as the statement calls them, and their columns: which one of them it is, and what it asks for.
const ASKED: &str = "asked";
const NUMBER: &str = "column1";
const ORGANIZATION: &str = "column2";
const RESOURCE: &str = "column3";
const FIRST: &str = "column4";
const LAST: &str = "column5";

/// What a row says of a day, behind the question's number and the count of the catalogue's changes.
const OCCUPIED: [occupancy::Column; 6] = [
    occupancy::Column::ResourceId,
    occupancy::Column::Day,
    occupancy::Column::BeforeNoon,
    occupancy::Column::FromNoon,
    occupancy::Column::Units,
    occupancy::Column::Revision,
];

/// How often the catalogue has changed, and what is occupied.
type Answer = (u64, Vec<OccupiedDay>);

/// What is occupied of a resource on some days.
#[derive(Clone, Debug)]
struct Question {
    organization: OrganizationId,
    resource: ResourceId,
    first: UtcDay,
    last: UtcDay,
}

/// Somebody who waits for an answer.
#[derive(Debug)]
struct Waiting {
    question: Question,
    told: oneshot::Sender<Result<Answer, StoreError>>,
}

/// Those who wait, and the turns to ask for them.
#[derive(Debug)]
pub(in crate::store) struct SharedReads {
    waiting: Mutex<VecDeque<Waiting>>,
    turns: Semaphore,
}

impl SharedReads {
    /// With so many statements at once.
    pub(in crate::store) fn new(turns: u32) -> Self {
        Self { waiting: Mutex::default(), turns: Semaphore::new(usize::try_from(turns).unwrap_or(1)) }
    }

    /// Joins the queue.
    fn join(&self, question: Question) -> oneshot::Receiver<Result<Answer, StoreError>> {
        let (told, answer) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(Waiting { question, told });
        answer
    }

    /// Those who have waited longest, as many as share a statement; whoever has gone away is left out.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Vec::with_capacity(waiting.len().min(MOST_AT_ONCE));
        while next.len() < MOST_AT_ONCE
            && let Some(first) = waiting.pop_front()
        {
            if !first.told.is_closed() {
                next.push(first);
            }
        }
        next
    }
}

impl Store {
    /// What is occupied of a resource of `organization` on the UTC days that `span` touches, with how often its catalogue
    /// has changed (0: it does not exist), as of one moment. Days come in order; those of which nothing has ever been
    /// occupied are left out.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn occupancy_in(
        &self,
        organization: &OrganizationId,
        resource: &ResourceId,
        span: QuantumSpan,
    ) -> Result<Answer, StoreError> {
        // An empty span is one of no day.
        let (first, last) = days_of(span).unwrap_or((UtcDay(1), UtcDay(0)));
        let question = Question { organization: organization.clone(), resource: resource.clone(), first, last };
        loop {
            let answer = self.shared_reads.join(question.clone());
            if let Some(answer) = self.wait_or_ask(answer).await {
                return answer;
            }
        }
    }

    /// Waits for `answer`, or asks for all who wait. `None`: whoever asked for us has gone away.
    async fn wait_or_ask(
        &self,
        mut answer: oneshot::Receiver<Result<Answer, StoreError>>,
    ) -> Option<Result<Answer, StoreError>> {
        loop {
            let turn = tokio::select! {
                biased;
                told = &mut answer => return told.ok(),
                // Turns are never closed.
                turn = self.shared_reads.turns.acquire() => turn,
            };
            // Whoever is about to ask as well gets to join.
            tokio::task::yield_now().await;
            let all = self.shared_reads.next();
            if all.is_empty() {
                drop(turn);
                // Somebody has begun to ask for us.
                return answer.await.ok();
            }
            self.ask_for(all).await;
            drop(turn);
        }
    }

    /// Asks for `all` of them, and tells each.
    async fn ask_for(&self, all: Vec<Waiting>) {
        let rows = self.reader().rows(&statement(all.iter().map(|waiting| &waiting.question))).await;
        let answers = rows.and_then(|rows| answers(&rows, all.len()));
        // Whoever has gone away meanwhile is not told.
        match answers {
            Ok(answers) => {
                for (waiting, answer) in all.into_iter().zip(answers) {
                    let _gone = waiting.told.send(answer);
                }
            }
            Err(error) => {
                for waiting in all {
                    let _gone = waiting.told.send(Err(error.clone()));
                }
            }
        }
    }
}

/// The statement that answers all of `questions`, of which there is one at least.
fn statement<'a>(questions: impl Iterator<Item = &'a Question>) -> SelectStatement {
    use occupancy::Column;
    let values = (0_i32..).zip(questions).map(|(number, Question { organization, resource, first, last })| {
        (number, organization.as_str(), resource.as_str(), first.0, last.0)
    });
    let asked = |column: &'static str| Expr::col((ASKED, column));
    let occupied = |column: Column| Expr::col((occupancy::Entity, column));
    let catalogue = |column: organization::Column| Expr::col((organization::Entity, column));
    let mut select = Query::select();
    select
        .expr(asked(NUMBER))
        .expr(catalogue(organization::Column::CatalogueRevision))
        .columns(OCCUPIED.map(|column| (occupancy::Entity, column)))
        .from_values(values, ASKED)
        .inner_join(organization::Entity, catalogue(organization::Column::Id).eq(asked(ORGANIZATION)))
        .left_join(
            occupancy::Entity,
            occupied(Column::ResourceId)
                .eq(asked(RESOURCE))
                .and(occupied(Column::Day).between(asked(FIRST), asked(LAST))),
        );
    select
}

/// What `rows` answer to each of so many questions. A row of which the occupancy cannot be read is the fault of the
/// question that it answers alone.
fn answers(rows: &[QueryResult], questions: usize) -> Result<Vec<Result<Answer, StoreError>>, StoreError> {
    let mut answers: Vec<Result<Answer, StoreError>> = (0..questions).map(|_| Ok((0, Vec::new()))).collect();
    for row in rows {
        let number: i32 = row.try_get_by_index(0)?;
        let catalogue: u64 = convert::number(row.try_get_by_index::<i64>(1)?)?;
        let unasked = || StoreError::corrupt(format!("question {number} was answered, of {questions}"));
        let index = usize::try_from(number).map_err(|_| unasked())?;
        let answer = answers.get_mut(index).ok_or_else(unasked)?;
        let read = occupied_row(row);
        if let Ok((revision, days)) = answer {
            *revision = catalogue;
            match read {
                Ok(day) => days.extend(day),
                Err(error) => *answer = Err(error),
            }
        }
    }
    for (_, days) in answers.iter_mut().flatten() {
        days.sort_unstable_by_key(|day| day.day);
    }
    Ok(answers)
}

/// The day of a row: `None` where there is none; a row that cannot be read is an error. Columns are found by their places:
/// by their names each one would be searched for in each row.
fn occupied_row(row: &QueryResult) -> Result<Option<OccupiedDay>, StoreError> {
    let Some(resource_id) = row.try_get_by_index(2)? else { return Ok(None) };
    let day = occupancy::Model {
        resource_id,
        day: row.try_get_by_index(3)?,
        before_noon: row.try_get_by_index(4)?,
        from_noon: row.try_get_by_index(5)?,
        units: row.try_get_by_index(6)?,
        revision: row.try_get_by_index(7)?,
    };
    occupied_day(day).map(Some)
}

#[cfg(test)]
mod tests;
