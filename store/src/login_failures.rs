//! Failed attempts to log in, counted by keyed hashes of what was tried: the floor below the counters in Redis, which
//! may forget.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Row;

use crate::{Error, Store};

/// What failures are counted for: an account's address, known or not, or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject([u8; 32]);

/// From which failure on a subject is locked, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Lock {
    pub from: u32,
    /// After that failure; each one that follows doubles it.
    pub first: Duration,
    pub longest: Duration,
    /// A subject whose last failure is older begins anew.
    pub forget_after: Duration,
}

/// What became of a failure that was to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    Open,
    /// This failure has locked the subject.
    Locked {
        until: DateTime<Utc>,
    },
    /// Others had locked it meanwhile; this failure counts nothing.
    Already {
        until: DateTime<Utc>,
    },
}

impl Store {
    pub fn failure_subject(&self, kind: &'static str, value: &str) -> Subject {
        Subject(self.inner.keys.keyed_hash(kind, value))
    }

    /// Until when one of the subjects is locked.
    pub async fn locked_until(&self, subjects: &[Subject]) -> Result<Option<DateTime<Utc>>, Error> {
        let subjects: Vec<&[u8]> = subjects.iter().map(|Subject(hash)| hash.as_slice()).collect();
        let row = sqlx::query(
            "SELECT max(locked_until) FROM login_failures WHERE subject = ANY ($1) AND locked_until > now()",
        )
        .bind(subjects)
        .fetch_one(self.pool())
        .await?;
        Ok(row.try_get(0)?)
    }

    /// Counts a failure, one at a time under any concurrency.
    pub async fn count_failure(&self, subject: Subject, lock: Lock) -> Result<Counted, Error> {
        let row = sqlx::query(
            "INSERT INTO login_failures AS f (subject, failures, last_failure, locked_until)
             VALUES ($1, 1, now(), CASE WHEN 1 >= $2 THEN now() + $3 * interval '1 second' END)
             ON CONFLICT (subject) DO UPDATE SET (failures, last_failure, locked_until) = (
                 SELECT n, now(), CASE WHEN n >= $2 THEN
                     now() + least($4, $3 * 2 ^ least(n - $2, 30)) * interval '1 second' END
                   FROM (SELECT CASE WHEN f.last_failure < now() - $5 * interval '1 second'
                                     THEN 1 ELSE f.failures + 1 END) AS counted (n))
              WHERE f.locked_until IS NULL OR f.locked_until <= now()
             RETURNING locked_until",
        )
        .bind(subject.0)
        .bind(i32::try_from(lock.from).unwrap_or(i32::MAX))
        .bind(lock.first.as_secs_f64())
        .bind(lock.longest.as_secs_f64())
        .bind(lock.forget_after.as_secs_f64())
        .fetch_optional(self.pool())
        .await?;
        match row {
            Some(row) => Ok(row.try_get::<Option<_>, _>(0)?.map_or(Counted::Open, |until| Counted::Locked { until })),
            // Locked when this was tried; should the lock have ended since, it ends now.
            None => {
                let until = self.locked_until(&[subject]).await?;
                Ok(Counted::Already { until: until.unwrap_or_else(Utc::now) })
            }
        }
    }

    /// Forgets a subject's failures, unless it is locked: then until when.
    pub async fn forget_failures(&self, subject: Subject) -> Result<Option<DateTime<Utc>>, Error> {
        let row = sqlx::query(
            "WITH forgotten AS (
                 DELETE FROM login_failures WHERE subject = $1 AND (locked_until IS NULL OR locked_until <= now()))
             SELECT locked_until FROM login_failures WHERE subject = $1 AND locked_until > now()",
        )
        .bind(subject.0)
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// Deletes what is not locked and had its last failure before `time`; how many.
    pub async fn delete_failures_before(&self, time: DateTime<Utc>) -> Result<u64, Error> {
        let deleted = sqlx::query(
            "DELETE FROM login_failures WHERE last_failure < $1 AND (locked_until IS NULL OR locked_until <= now())",
        )
        .bind(time)
        .execute(self.pool())
        .await?;
        Ok(deleted.rows_affected())
    }
}
