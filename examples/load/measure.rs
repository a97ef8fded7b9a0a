//! Sending requests as fast as they are answered, and what comes of it as a table.

#![expect(clippy::disallowed_methods, reason = "what is measured here is real time")]

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::api::Outcome;

/// How much is spent on one kind of request.
#[derive(Clone)]
pub struct Effort {
    /// Requests under way at once.
    pub connections: usize,
    /// Most requests.
    pub requests: usize,
    /// Most time.
    pub limit: Duration,
    /// Ends it before its time.
    pub stop: CancellationToken,
}

/// What was measured of one kind of request.
pub struct Row {
    name: String,
    /// How many were under way at once; `None` where they were not sent one after the other.
    connections: Option<usize>,
    /// In ascending order.
    latencies: Vec<Duration>,
    failures: usize,
    first_failure: Option<String>,
}

impl Effort {
    /// Calls `act` with the connection's number and a running number, on each connection as soon as it has ended
    /// there. It gives one latency for each of `names`.
    pub async fn spend<const N: usize, F, A>(&self, names: [&str; N], act: F) -> Vec<Row>
    where
        F: Fn(usize, usize) -> A + Send + Sync + 'static,
        A: Future<Output = Outcome<Vec<Duration>>> + Send,
    {
        let (act, next, begun) = (Arc::new(act), Arc::new(AtomicUsize::new(0)), Instant::now());
        let mut connections = JoinSet::new();
        for connection in 0..self.connections {
            let (act, next, effort) = (Arc::clone(&act), Arc::clone(&next), self.clone());
            connections.spawn(async move {
                let mut results = Vec::new();
                while begun.elapsed() < effort.limit && !effort.stop.is_cancelled() {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= effort.requests {
                        break;
                    }
                    results.push(act(connection, number).await);
                }
                results
            });
        }
        let mut rows: Vec<Row> = names.iter().map(|name| Row::new(name, Some(self.connections))).collect();
        for result in connections.join_all().await.into_iter().flatten() {
            match result {
                Ok(latencies) => {
                    rows.iter_mut().zip(latencies).for_each(|(row, latency)| row.latencies.push(latency));
                }
                Err(problem) => rows.iter_mut().for_each(|row| row.fail(&problem)),
            }
        }
        for row in &mut rows {
            row.latencies.sort_unstable();
        }
        rows
    }
}

impl Row {
    fn new(name: &str, connections: Option<usize>) -> Self {
        Self { name: name.to_owned(), connections, latencies: Vec::new(), failures: 0, first_failure: None }
    }

    /// Of latencies that were measured otherwise.
    pub fn of(name: &str, mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        Self { latencies, ..Self::new(name, None) }
    }

    /// Both as one.
    pub fn and(mut self, other: Self) -> Self {
        self.latencies.extend(other.latencies);
        self.latencies.sort_unstable();
        self.failures += other.failures;
        self.first_failure = self.first_failure.or(other.first_failure);
        self
    }

    fn fail(&mut self, problem: &str) {
        self.failures += 1;
        self.first_failure.get_or_insert_with(|| problem.to_owned());
    }

    /// Half of the requests took no longer.
    pub fn median(&self) -> Duration {
        self.percentile(50)
    }

    /// The latency that this share of the requests did not exceed.
    fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.latencies.len() * percent).div_ceil(100).max(1);
        self.latencies.get(rank - 1).copied().unwrap_or_default()
    }

    fn mean(&self) -> Option<Duration> {
        let count = u32::try_from(self.latencies.len()).ok().filter(|count| *count > 0)?;
        Some(self.latencies.iter().sum::<Duration>() / count)
    }

    /// What the connections come to in a second, each busy all the time: so the rows of one loop can be told apart.
    fn per_second(&self) -> Option<f64> {
        let connections = u32::try_from(self.connections?).ok()?;
        Some(f64::from(connections) / self.mean()?.as_secs_f64())
    }
}

impl Row {
    fn write(&self, f: &mut fmt::Formatter<'_>, base: &Self) -> fmt::Result {
        let millis = |percent| self.percentile(percent).as_secs_f64() * 1000.0;
        write!(f, "{:<34}{:>13}", self.name, self.latencies.len())?;
        match self.per_second() {
            Some(rate) => write!(f, "{rate:>13.0}")?,
            None => write!(f, "{:>13}", "")?,
        }
        for percent in [50, 90, 99, 100] {
            write!(f, "{:>13.2}", millis(percent))?;
        }
        write!(f, "{:>13.2}", self.median().as_secs_f64() / base.median().as_secs_f64())?;
        if let (Some(rate), Some(base)) = (self.per_second(), base.per_second()) {
            write!(f, "{:>13.2}", base / rate)?;
        }
        Ok(())
    }
}

/// All rows, in groups: the first of each is what its others are compared with.
pub struct Table(Vec<Vec<Row>>);

impl Table {
    /// A table of nothing yet.
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// A group whose rows are compared with `base`; those of which nothing was measured are left out.
    pub fn add(&mut self, base: Row, rows: impl IntoIterator<Item = Row>) {
        let measured = rows.into_iter().filter(|row| !row.latencies.is_empty() || row.failures > 0);
        self.0.push(std::iter::once(base).chain(measured).collect());
    }

    /// Whether any request failed.
    pub fn has_failures(&self) -> bool {
        self.failed().next().is_some()
    }

    fn failed(&self) -> impl Iterator<Item = &Row> {
        self.0.iter().flatten().filter(|row| row.failures > 0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["count", "per second", "p50 ms", "p90 ms", "p99 ms", "max ms", "× p50", "÷ per second"];
        write!(f, "{:<34}", "")?;
        header.iter().try_for_each(|name| write!(f, "{name:>13}"))?;
        for group in &self.0 {
            for row in group {
                writeln!(f)?;
                row.write(f, &group[0])?;
            }
            writeln!(f)?;
        }
        for row in self.failed() {
            let first = row.first_failure.as_deref().unwrap_or_default();
            writeln!(f, "{}: {} failed, the first: {first}", row.name, row.failures)?;
        }
        Ok(())
    }
}
