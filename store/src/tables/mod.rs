//! The relational read tables: users, KYC verifications, cards, transactions. Complete, made from the log alone,
//! written in batches together with the position they have reached.

mod cases;
mod changes;
mod payments;
mod query;
mod write;

use std::collections::HashSet;

use aggregates::{Envelope, Kind};
use sqlx::{PgPool, Postgres, Row, Transaction};
use uuid::Uuid;

use crate::{Error, Store};
use changes::Changes;

pub use query::{CardRow, KycRow, Span, TransactionRow, TransitionRow, UserRow, WaitingCase};

/// The schema that readers use, and the one that a rebuild fills.
const LIVE: &str = "read";
const REBUILT: &str = "read_rebuild";

/// Writes the read tables. Any number of these may exist; the row lock on `progress` lets each batch in once.
pub struct ReadTables {
    pool: PgPool,
    schema: &'static str,
}

/// How far a batch brought the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub position: i64,
    /// Streams set aside because one of their events could not be read.
    pub parked: usize,
}

impl Store {
    pub fn read_tables(&self) -> ReadTables {
        ReadTables { pool: self.pool().clone(), schema: LIVE }
    }

    /// Begins a rebuild beside the live tables, throwing away an earlier one that was not finished.
    pub async fn rebuild_read_tables(&self) -> Result<ReadTables, Error> {
        let mut transaction = self.pool().begin().await?;
        sqlx::query(&format!("DROP SCHEMA IF EXISTS {REBUILT} CASCADE")).execute(&mut *transaction).await?;
        sqlx::query("SELECT create_read_tables($1)").bind(REBUILT).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(ReadTables { pool: self.pool().clone(), schema: REBUILT })
    }
}

impl ReadTables {
    pub async fn position(&self) -> Result<i64, Error> {
        let sql = format!("SELECT position FROM {}.progress", self.schema);
        Ok(sqlx::query(&sql).fetch_one(&self.pool).await?.try_get(0)?)
    }

    /// Applies a batch in one transaction. Events at or below the position are skipped; the others must follow it
    /// without a hole, else [`Error::Gap`] and nothing is changed.
    ///
    /// An event that cannot be read, or that the tables refuse, parks its stream: it and what follows of the stream
    /// is left out and listed in `parked`, while all other streams go on.
    pub async fn apply(&self, batch: &[Envelope]) -> Result<Progress, Error> {
        let mut waiting = vec![batch];
        let mut progress = None;
        while let Some(part) = waiting.pop() {
            match self.apply_together(part, false).await {
                Ok(reached) => progress = Some(reached),
                Err(Error::Database(sqlx::Error::Database(e))) if is_refusal(&*e) && part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    waiting.extend([second, first]);
                }
                Err(Error::Database(sqlx::Error::Database(e))) if is_refusal(&*e) => {
                    tracing::error!(error = %e, position = part[0].position, "the read tables refuse an event");
                    progress = Some(self.apply_together(part, true).await?);
                }
                Err(error) => return Err(error),
            }
        }
        match progress {
            Some(progress) => Ok(progress),
            None => Ok(Progress { position: self.position().await?, parked: 0 }),
        }
    }

    async fn apply_together(&self, batch: &[Envelope], park: bool) -> Result<Progress, Error> {
        let mut transaction = self.pool.begin().await?;
        let sql = format!("SELECT position FROM {}.progress FOR UPDATE", self.schema);
        let at: i64 = sqlx::query(&sql).fetch_one(&mut *transaction).await?.try_get(0)?;
        let fresh = &batch[batch.partition_point(|event| event.position <= at)..];
        let mut parked = self.parked(&mut transaction).await?;
        let Some(last) = fresh.last() else { return Ok(Progress { position: at, parked: parked.len() }) };
        if let Some((_, out_of_step)) = (at + 1..).zip(fresh).find(|(expected, event)| event.position != *expected) {
            return Err(Error::Gap { at, next: out_of_step.position });
        }
        let mut changes = Changes::default();
        for event in fresh {
            if parked.contains(&(event.kind, event.aggregate_id)) {
                continue;
            }
            let taken = if park { Err("refused by the tables".to_owned()) } else { changes.take(event) };
            if let Err(reason) = taken {
                parked.insert((event.kind, event.aggregate_id));
                self.park(&mut transaction, event, &reason).await?;
            }
        }
        changes.write(&mut transaction, self.schema).await?;
        let sql = format!("UPDATE {}.progress SET position = $1", self.schema);
        sqlx::query(&sql).bind(last.position).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Progress { position: last.position, parked: parked.len() })
    }

    /// Makes a finished rebuild the live tables, unless these have gone further meanwhile.
    pub async fn go_live(&self) -> Result<(), Error> {
        let mut transaction = self.pool.begin().await?;
        // Lets the writers of the old tables finish, those that wait for their turn too, and keeps new ones out. A row
        // lock would not do: whoever waited for it would hold the table that is to be dropped.
        sqlx::query(&format!("LOCK TABLE {LIVE}.progress IN ACCESS EXCLUSIVE MODE")).execute(&mut *transaction).await?;
        let sql = format!("SELECT l.position, r.position FROM {LIVE}.progress l, {REBUILT}.progress r");
        let row = sqlx::query(&sql).fetch_one(&mut *transaction).await?;
        let (live, rebuilt): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        if rebuilt < live {
            return Err(Error::RebuildBehind { rebuilt, live });
        }
        sqlx::query(&format!("DROP SCHEMA {LIVE} CASCADE")).execute(&mut *transaction).await?;
        sqlx::query(&format!("ALTER SCHEMA {REBUILT} RENAME TO {LIVE}")).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn parked(&self, transaction: &mut Transaction<'_, Postgres>) -> Result<HashSet<(Kind, Uuid)>, Error> {
        let sql = format!("SELECT kind, aggregate_id FROM {}.parked", self.schema);
        let rows = sqlx::query(&sql).fetch_all(&mut **transaction).await?;
        Ok(rows.iter().filter_map(|row| Some((Kind::parse(row.get(0))?, row.get(1)))).collect())
    }

    async fn park(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        event: &Envelope,
        reason: &str,
    ) -> Result<(), Error> {
        tracing::error!(position = event.position, kind = %event.kind, id = %event.aggregate_id, reason, "stream parked");
        metrics::counter!("projection_parked_events_total", "projection" => "tables").increment(1);
        let sql = format!(
            "INSERT INTO {}.parked (kind, aggregate_id, position, reason) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            self.schema
        );
        sqlx::query(&sql)
            .bind(event.kind.as_str())
            .bind(event.aggregate_id)
            .bind(event.position)
            .bind(reason)
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }
}

/// Data exceptions and broken constraints: the same rows would be refused again.
fn is_refusal(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}
