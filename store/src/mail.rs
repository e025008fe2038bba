//! Mail that waits to be sent, sealed under its reader's key: whoever reads the table learns nothing, and erasing a
//! person erases what they were about to be told.
//!
//! Several processes may send: taking a mail moves it out of the others' sight for the time of a lease. A process that
//! dies meanwhile leaves it to the next one, and the provider tells the second copy by the mail's id.

use std::time::Duration;

use aggregates::{Sealed, UserId};
use chrono::Utc;
use sqlx::Row;
use uuid::Uuid;

use crate::{Error, PersonalData, Store, new_id};

/// A mail whose turn it is.
#[derive(Clone, Debug)]
pub struct DueMail {
    pub mail_id: Uuid,
    pub user_id: UserId,
    /// Opened as [`PersonalData::Mail`].
    pub content: Sealed,
    /// This attempt included.
    pub attempts: u32,
}

impl Store {
    /// Puts a mail in the queue, to be sent within `lifetime` or not at all. Durable when this returns.
    pub async fn queue_mail(&self, user: UserId, content: &str, lifetime: Duration) -> Result<(), Error> {
        let sealed = self.seal(user, PersonalData::Mail, content).await?;
        sqlx::query("INSERT INTO mail_queue (mail_id, user_id, content, expires_at) VALUES ($1, $2, $3, $4)")
            .bind(new_id())
            .bind(user.0)
            .bind(sealed.ciphertext())
            .bind(Utc::now() + lifetime)
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// Takes up to `limit` mails that are due, the longest waiting first. Nobody else is given them within `lease`.
    pub async fn take_due_mail(&self, limit: i64, lease: Duration) -> Result<Vec<DueMail>, Error> {
        let rows = sqlx::query(
            "UPDATE mail_queue m SET due_at = now() + $2 * interval '1 millisecond', attempts = attempts + 1
               FROM (SELECT mail_id FROM mail_queue
                      WHERE due_at <= now() AND expires_at > now()
                      ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED) AS due
              WHERE m.mail_id = due.mail_id
             RETURNING m.mail_id, m.user_id, m.content, m.attempts",
        )
        .bind(limit)
        .bind(milliseconds(lease))
        .fetch_all(self.pool())
        .await?;
        let read = |row: &sqlx::postgres::PgRow| {
            Ok(DueMail {
                mail_id: row.try_get(0)?,
                user_id: UserId(row.try_get(1)?),
                content: Sealed::from_ciphertext(row.try_get(2)?),
                attempts: u32::try_from(row.try_get::<i32, _>(3)?).unwrap_or(u32::MAX),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Tries a mail again after `wait`.
    pub async fn postpone_mail(&self, mail: Uuid, wait: Duration) -> Result<(), Error> {
        sqlx::query("UPDATE mail_queue SET due_at = now() + $2 * interval '1 millisecond' WHERE mail_id = $1")
            .bind(mail)
            .bind(milliseconds(wait))
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// Forgets a mail: it was sent, or never can be.
    pub async fn delete_mail(&self, mail: Uuid) -> Result<(), Error> {
        sqlx::query("DELETE FROM mail_queue WHERE mail_id = $1").bind(mail).execute(self.pool()).await?;
        Ok(())
    }

    /// Forgets mails that could not be sent in time; how many.
    pub async fn delete_expired_mail(&self) -> Result<u64, Error> {
        let deleted = sqlx::query("DELETE FROM mail_queue WHERE expires_at <= now()").execute(self.pool()).await?;
        Ok(deleted.rows_affected())
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
