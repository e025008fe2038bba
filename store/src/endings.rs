//! The end of an account: what is taken from a person who closes it, and destroyed when they have it erased.
//!
//! An ending is put down before its event and taken out by a worker once nothing is left to do, so that what a crash
//! cut short is found without looking at every account.

use aggregates::{CardId, UserId};
use chrono::{DateTime, Utc};
use sqlx::Row;

use crate::{Error, Store, tables::Span};

impl Store {
    /// Puts down that an account is about to end. A repeat begins anew.
    pub async fn begin_ending(&self, user: UserId) -> Result<(), Error> {
        let query = sqlx::query(
            "INSERT INTO account_endings (user_id) VALUES ($1)
             ON CONFLICT (user_id) DO UPDATE SET begun_at = clock_timestamp()",
        );
        self.write_as(user, query.bind(user.0)).await?;
        Ok(())
    }

    /// Endings begun in `span`, the oldest first. For workers.
    pub async fn endings(&self, span: Span, limit: i64) -> Result<Vec<(UserId, DateTime<Utc>)>, Error> {
        let sql = "SELECT user_id, begun_at FROM account_endings
                    WHERE begun_at > $1 AND begun_at < $2 ORDER BY begun_at LIMIT $3";
        let rows = sqlx::query(sql).bind(span.after).bind(span.before).bind(limit).fetch_all(self.pool()).await?;
        rows.iter().map(|row| Ok((UserId(row.try_get(0)?), row.try_get(1)?))).collect()
    }

    /// When the account's ending began, none where none is under way.
    pub async fn ending_begun_at(&self, user: UserId) -> Result<Option<DateTime<Utc>>, Error> {
        let query = sqlx::query("SELECT begun_at FROM account_endings WHERE user_id = $1");
        Ok(self.row_of(user, query.bind(user.0)).await?.map(|row| row.try_get(0)).transpose()?)
    }

    /// Takes an ending out, unless it began anew after `begun_at`. For workers.
    pub async fn forget_ending(&self, user: UserId, begun_at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query("DELETE FROM account_endings WHERE user_id = $1 AND begun_at = $2")
            .bind(user.0)
            .bind(begun_at)
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// Destroys the person's key and every other secret of theirs, and the secrets of their cards: all or nothing, and
    /// only once their erasure is in the log. `cards` are forgotten here at once.
    ///
    /// What is sealed under the key, in the log, in read models and on the bus, cannot be opened from then on;
    /// processes that have just read the key may go on for as long as they remember it, 10 s. Copies in backups, in the
    /// write-ahead log and in free space of the tables' files live as long as those do (see
    /// [`Store::clear_away_destroyed`]). A repeat destroys what came to be meanwhile.
    pub async fn destroy_person(&self, user: UserId, cards: &[CardId]) -> Result<(), Error> {
        self.write_as(user, sqlx::query("SELECT destroy_person($1)").bind(user.0)).await?;
        self.inner.people.forget(user);
        cards.iter().for_each(|card| self.inner.vault.forget(*card));
        Ok(())
    }

    /// Begins the ending of every erased person anew whose key is there: a restored backup brought it back. How many.
    /// For workers.
    pub async fn find_resurrected(&self) -> Result<u64, Error> {
        let found = sqlx::query(
            "INSERT INTO account_endings (user_id)
             SELECT u.user_id FROM read.users u JOIN person_keys k ON k.user_id = u.user_id
              WHERE u.erased_at IS NOT NULL
             ON CONFLICT DO NOTHING",
        );
        Ok(found.execute(self.pool()).await?.rows_affected())
    }
}
