//! Group commit: one task, one connection, one transaction for all units that wait.
//!
//! While a batch commits, the next one gathers by itself, so batches grow with the load and an idle system answers
//! at once. What happens to a batch:
//! - stored: each unit is answered with its position, a refused one with its refusal;
//! - the connection broke: the same batch is sent again. Should the first attempt have been committed after all,
//!   its units come back as moved on, and their event ids in the log show that they are ours;
//! - the database refused the batch for its contents: it is halved until the poisonous unit stands alone.

use std::{collections::HashSet, time::Duration};

use aggregates::Kind;
use sqlx::{Connection, PgConnection, Row, postgres::PgConnectOptions};
use tokio::{sync::mpsc, time::Instant};
use uuid::Uuid;

use super::{
    Waiting,
    unit::{Appended, Rows},
};
use crate::AppendError;

/// Pause between attempts to reach the database again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn run(
    mut queue: mpsc::Receiver<Waiting>,
    options: PgConnectOptions,
    max_batch: usize,
    timeout: Duration,
) {
    let mut writer = Writer { options, connection: None, timeout };
    let mut taken = Vec::with_capacity(max_batch);
    let mut held_back: Vec<Waiting> = Vec::new();
    loop {
        if held_back.is_empty() && queue.recv_many(&mut taken, max_batch).await == 0 {
            return;
        }
        while held_back.len() + taken.len() < max_batch {
            match queue.try_recv() {
                Ok(waiting) => taken.push(waiting),
                Err(_) => break,
            }
        }
        let arrived = held_back.drain(..).chain(taken.drain(..));
        let (batch, later) = without_overlap(arrived);
        held_back = later;
        metrics::histogram!("append_batch_units").record(batch.len() as f64);
        let started = Instant::now();
        writer.write(batch).await;
        metrics::histogram!("append_batch_seconds").record(started.elapsed().as_secs_f64());
    }
}

/// Two units for one stream, or for one claim, cannot be checked in the same statement: the second waits.
fn without_overlap(arrived: impl Iterator<Item = Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
    let mut streams: HashSet<(Kind, Uuid)> = HashSet::new();
    let mut claims: HashSet<(&'static str, Vec<u8>)> = HashSet::new();
    let (mut batch, mut later) = (Vec::new(), Vec::new());
    for waiting in arrived {
        // A caller that has given up (its request timed out in the queue) must not be written behind its back.
        if waiting.answer.is_closed() {
            continue;
        }
        let rows = &waiting.rows;
        let overlaps = rows.streams.iter().any(|s| streams.contains(&(s.kind, s.id)))
            || rows.claims.iter().any(|c| claims.contains(&(c.scope, c.key.clone())));
        streams.extend(rows.streams.iter().map(|s| (s.kind, s.id)));
        claims.extend(rows.claims.iter().map(|c| (c.scope, c.key.clone())));
        match overlaps {
            true => later.push(waiting),
            false => batch.push(waiting),
        }
    }
    (batch, later)
}

struct Writer {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    timeout: Duration,
}

/// What the append function answered.
struct Outcome {
    tail: i64,
    moved: Vec<i32>,
    taken: Vec<i32>,
}

impl Writer {
    async fn write(&mut self, batch: Vec<Waiting>) {
        let deadline = Instant::now() + self.timeout;
        let mut pending = vec![(batch, false)];
        while let Some((batch, sent_before)) = pending.pop() {
            match self.try_write(&batch).await {
                Ok(outcome) => self.answer(batch, outcome, sent_before).await,
                Err(error) if is_about_contents(&error) => {
                    let mut first = batch;
                    if first.len() <= 1 {
                        tracing::error!(%error, "the database refused an append");
                        metrics::counter!("append_refused_total").increment(1);
                        first.into_iter().for_each(|w| {
                            let _ = w.answer.send(Err(AppendError::Refused(error.to_string())));
                        });
                        continue;
                    }
                    let second = first.split_off(first.len() / 2);
                    pending.push((second, sent_before));
                    pending.push((first, sent_before));
                }
                Err(error) => {
                    self.connection = None;
                    metrics::counter!("append_connection_failures_total").increment(1);
                    if Instant::now() >= deadline {
                        tracing::error!(%error, units = batch.len(), "appends have an unknown outcome");
                        batch.into_iter().for_each(|w| {
                            let _ = w.answer.send(Err(AppendError::Unknown));
                        });
                        continue;
                    }
                    tracing::warn!(%error, "append is tried again");
                    tokio::time::sleep(RECONNECT_PAUSE).await;
                    // Nobody waits for these any more: they have been told that the outcome is unknown.
                    let batch: Vec<_> = batch.into_iter().filter(|waiting| !waiting.answer.is_closed()).collect();
                    if !batch.is_empty() {
                        pending.push((batch, true));
                    }
                }
            }
        }
    }

    async fn try_write(&mut self, batch: &[Waiting]) -> Result<Outcome, sqlx::Error> {
        let (connection, options) = (&mut self.connection, &self.options);
        let call = async {
            let connection = match connection {
                Some(connection) => connection,
                none => none.insert(PgConnection::connect_with(options).await?),
            };
            append(connection, batch).await
        };
        tokio::time::timeout(self.timeout, call).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    async fn answer(&mut self, batch: Vec<Waiting>, outcome: Outcome, sent_before: bool) {
        let mut position = outcome.tail;
        for (unit, waiting) in batch.into_iter().enumerate() {
            let unit = i32::try_from(unit).unwrap_or(i32::MAX);
            let answer = if outcome.moved.contains(&unit) {
                match sent_before {
                    true => self.find(&waiting.rows).await,
                    false => Err(AppendError::Conflict),
                }
            } else if outcome.taken.contains(&unit) {
                Err(AppendError::Taken)
            } else {
                position += i64::try_from(waiting.rows.events.len()).unwrap_or(i64::MAX);
                Ok(Appended { position })
            };
            let _ = waiting.answer.send(answer);
        }
    }

    /// Whether a unit that was sent before is in the log after all.
    async fn find(&mut self, rows: &Rows) -> Result<Appended, AppendError> {
        let (Some(last), Some(connection)) = (rows.events.last(), &mut self.connection) else {
            return Err(AppendError::Conflict);
        };
        let found =
            sqlx::query("SELECT position FROM stream_events($1, $2, $3 - 1) WHERE sequence = $3 AND event_id = $4")
                .bind(last.kind.as_str())
                .bind(last.aggregate)
                .bind(last.sequence)
                .bind(last.id)
                .fetch_optional(connection)
                .await;
        match found {
            Ok(Some(row)) => Ok(Appended { position: row.get(0) }),
            Ok(None) => Err(AppendError::Conflict),
            Err(_) => Err(AppendError::Unknown),
        }
    }
}

/// Errors that the same units would meet again, as against a database that is away, starting, stopping or full.
fn is_about_contents(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            let class = error.code().map(|code| code.chars().take(2).collect::<String>()).unwrap_or_default();
            matches!(class.as_str(), "21" | "22" | "23" | "42" | "54" | "P0")
        }
        sqlx::Error::Encode(_) => true,
        _ => false,
    }
}

async fn append(connection: &mut PgConnection, batch: &[Waiting]) -> Result<Outcome, sqlx::Error> {
    let numbered = || batch.iter().enumerate().map(|(unit, w)| (i32::try_from(unit).unwrap_or(i32::MAX), &w.rows));
    let streams: Vec<_> = numbered().flat_map(|(unit, rows)| rows.streams.iter().map(move |s| (unit, s))).collect();
    let events: Vec<_> = numbered().flat_map(|(unit, rows)| rows.events.iter().map(move |e| (unit, e))).collect();
    let claims: Vec<_> = numbered().flat_map(|(unit, rows)| rows.claims.iter().map(move |c| (unit, c))).collect();
    let row = sqlx::query(
        "SELECT tail, moved, taken FROM append_units($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
         $15, $16, $17, $18, $19, $20, $21)",
    )
    .bind(streams.iter().map(|(unit, _)| *unit).collect::<Vec<_>>())
    .bind(streams.iter().map(|(_, s)| s.kind.as_str()).collect::<Vec<_>>())
    .bind(streams.iter().map(|(_, s)| s.id).collect::<Vec<_>>())
    .bind(streams.iter().map(|(_, s)| s.expected).collect::<Vec<_>>())
    .bind(events.iter().map(|(unit, _)| *unit).collect::<Vec<_>>())
    .bind(events.iter().map(|(_, e)| e.kind.as_str()).collect::<Vec<_>>())
    .bind(events.iter().map(|(_, e)| e.aggregate).collect::<Vec<_>>())
    .bind(events.iter().map(|(_, e)| e.sequence).collect::<Vec<_>>())
    .bind(events.iter().map(|(_, e)| e.id).collect::<Vec<_>>())
    .bind(events.iter().map(|(_, e)| e.name).collect::<Vec<_>>())
    .bind(events.iter().map(|(_, e)| e.version).collect::<Vec<_>>())
    .bind(events.iter().map(|(_, e)| e.correlation).collect::<Vec<_>>())
    .bind(events.iter().map(|(_, e)| e.causation).collect::<Vec<_>>())
    .bind(events.iter().map(|(_, e)| e.traceparent.as_deref()).collect::<Vec<_>>())
    .bind(events.iter().map(|(_, e)| e.actor.as_str()).collect::<Vec<_>>())
    .bind(events.iter().map(|(_, e)| e.data.as_str()).collect::<Vec<_>>())
    .bind(claims.iter().map(|(unit, _)| *unit).collect::<Vec<_>>())
    .bind(claims.iter().map(|(_, c)| c.scope).collect::<Vec<_>>())
    .bind(claims.iter().map(|(_, c)| c.key.as_slice()).collect::<Vec<_>>())
    .bind(claims.iter().map(|(_, c)| c.owner).collect::<Vec<_>>())
    .bind(claims.iter().map(|(_, c)| c.is_release).collect::<Vec<_>>())
    .fetch_one(connection)
    .await?;
    Ok(Outcome { tail: row.try_get(0)?, moved: row.try_get(1)?, taken: row.try_get(2)? })
}
