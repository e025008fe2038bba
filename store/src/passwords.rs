//! Passwords: Argon2id on a small pool of threads, so that a flood of logins cannot starve payments.

use std::sync::Arc;

use aggregates::{SessionId, UserId};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Postgres, Row, Transaction};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{
    Error, Store,
    one_time::{Purpose, void_all},
};

/// OWASP's minimum for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Password checks that may wait for a thread; one more is [`Error::Busy`].
const WAITING: usize = 64;

/// How many of a person's last passwords are remembered (PCI DSS 4.0.1, 8.3.7).
const REMEMBERED: i64 = 4;

/// A hash of no password at all: checked when there is no account, so that both cases take the same time.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password's hash, ready to be stored.
#[derive(Clone)]
pub struct HashedPassword(String);

/// How a person came to a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// By knowing the old one.
    Changed,
    /// By a token that was mailed.
    Reset,
}

/// A password that was replaced, and whose event is not in the log yet.
#[derive(Clone, Copy, Debug)]
pub struct Unrecorded {
    pub user_id: UserId,
    pub replacement: Replacement,
    pub changed_at: DateTime<Utc>,
}

pub(crate) struct Hasher {
    /// Half of the cores at most hash at any time.
    threads: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Hasher {
    pub fn new() -> Hasher {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (cores / 2).max(1);
        Hasher { threads: Arc::new(Semaphore::new(threads)), places: Arc::new(Semaphore::new(threads + WAITING)) }
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Argon2<'_>) -> T + Send + 'static) -> Result<T, Error> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
        let thread = self.threads.clone().acquire_owned().await.map_err(|_| Error::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            // Held here, not by the caller: a caller that goes away leaves the thread busy all the same.
            let _held = (place, thread);
            let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("constant parameters are in range");
            work(&Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
        });
        done.await.map_err(|_| Error::Busy)
    }
}

impl Replacement {
    const fn as_str(self) -> &'static str {
        match self {
            Replacement::Changed => "changed",
            Replacement::Reset => "reset",
        }
    }
}

impl Store {
    pub async fn hash_password(&self, password: SecretString) -> Result<HashedPassword, Error> {
        let hashed = self.inner.passwords.run(move |argon2| hash(argon2, &password));
        hashed.await?.map(HashedPassword)
    }

    /// Gives the person a first password, or another one without any of what a replacement brings with it.
    pub async fn set_password(&self, user: UserId, password: &HashedPassword) -> Result<(), Error> {
        let mut transaction = self.as_person(user).await?;
        write(&mut transaction, user, password, Utc::now(), None).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Replaces the person's password and, in the same step, ends all of their sessions but `except` and voids what
    /// was mailed to reset it, and logins that are half done; the sessions that ended. [`Error::Void`] where a reset
    /// finds nothing to void: its token was used. Until [`Store::password_recorded`] is told the same `at` it counts as
    /// unrecorded.
    pub async fn replace_password(
        &self,
        user: UserId,
        password: &HashedPassword,
        (replacement, at): (Replacement, DateTime<Utc>),
        except: Option<SessionId>,
    ) -> Result<Vec<SessionId>, Error> {
        let mut transaction = self.as_person(user).await?;
        let voided = void_all(&mut *transaction, user, &[Purpose::ResetPassword]).await?;
        if replacement == Replacement::Reset && voided == 0 {
            return Err(Error::Void);
        }
        write(&mut transaction, user, password, at, Some(replacement)).await?;
        let ended = crate::sessions::revoke_all(&mut transaction, user, except).await?;
        transaction.commit().await?;
        Ok(ended)
    }

    /// The event of the replacement at this moment is in the log. That of a later one is still to come.
    pub async fn password_recorded(&self, user: UserId, at: DateTime<Utc>) -> Result<(), Error> {
        let query = sqlx::query("UPDATE credentials SET unrecorded = NULL WHERE user_id = $1 AND changed_at = $2");
        self.write_as(user, query.bind(user.0).bind(at)).await?;
        Ok(())
    }

    /// For workers. Replacements between `after` and `before` whose event is missing, the oldest first.
    pub async fn unrecorded_passwords(
        &self,
        after: DateTime<Utc>,
        before: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Unrecorded>, Error> {
        let rows = sqlx::query(
            "SELECT user_id, unrecorded = 'reset', changed_at FROM credentials
              WHERE unrecorded IS NOT NULL AND changed_at > $1 AND changed_at < $2 ORDER BY changed_at LIMIT $3",
        )
        .bind(after)
        .bind(before)
        .bind(limit)
        .fetch_all(self.pool())
        .await?;
        let read = |row: &sqlx::postgres::PgRow| {
            let replacement = if row.try_get(1)? { Replacement::Reset } else { Replacement::Changed };
            Ok(Unrecorded { user_id: UserId(row.try_get(0)?), replacement, changed_at: row.try_get(2)? })
        };
        rows.iter().map(read).collect()
    }

    /// The person's replacement whose event is missing, if there is one, and when it was.
    pub async fn unrecorded_password(&self, user: UserId) -> Result<Option<(Replacement, DateTime<Utc>)>, Error> {
        let query = sqlx::query(
            "SELECT unrecorded = 'reset', changed_at FROM credentials WHERE user_id = $1 AND unrecorded IS NOT NULL",
        );
        let row = self.row_of(user, query.bind(user.0)).await?;
        let Some(row) = row else { return Ok(None) };
        let replacement = if row.try_get(0)? { Replacement::Reset } else { Replacement::Changed };
        Ok(Some((replacement, row.try_get(1)?)))
    }

    /// Leaves the person without a password: none is right until another is set.
    pub async fn void_password(&self, user: UserId) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM credentials WHERE user_id = $1");
        self.write_as(user, query.bind(user.0)).await?;
        Ok(())
    }

    /// When the person's password was set; none if they have none.
    pub async fn password_set_at(&self, user: UserId) -> Result<Option<DateTime<Utc>>, Error> {
        let query = sqlx::query("SELECT changed_at FROM credentials WHERE user_id = $1");
        let row = self.row_of(user, query.bind(user.0)).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// Whether the person has a password at all.
    pub async fn has_password(&self, user: UserId) -> Result<bool, Error> {
        Ok(self.password_set_at(user).await?.is_some())
    }

    /// Whether `password` is the person's. Takes as long for nobody as for somebody. A right one whose hash was made
    /// with other parameters than today's is hashed anew.
    pub async fn check_password(&self, user: Option<UserId>, password: SecretString) -> Result<bool, Error> {
        let query = sqlx::query("SELECT password_hash FROM credentials WHERE user_id = $1");
        let row = self.row_of(user.unwrap_or(UserId(Uuid::nil())), query.bind(user.map(|user| user.0))).await?;
        let known = row.is_some();
        let stored: String = row.map_or_else(|| Ok(NOBODY.to_owned()), |row| row.try_get(0))?;
        let (matches, stored, fresh) = self
            .inner
            .passwords
            .run(move |argon2| {
                let matches = known & verify(argon2, &password, &stored);
                let fresh = (matches && is_outdated(&stored)).then(|| hash(argon2, &password));
                (matches, stored, fresh)
            })
            .await?;
        if let (Some(user), Some(Ok(fresh))) = (user, fresh) {
            // Only if it is still the one that was checked. Set again, not changed: its age stays.
            let query =
                sqlx::query("UPDATE credentials SET password_hash = $3 WHERE user_id = $1 AND password_hash = $2");
            self.write_as(user, query.bind(user.0).bind(stored).bind(fresh)).await?;
        }
        Ok(matches)
    }

    /// Whether `password` is one of the person's last four, the current one included.
    pub async fn is_recent_password(&self, user: UserId, password: SecretString) -> Result<bool, Error> {
        let query = sqlx::query(
            "SELECT password_hash FROM password_history WHERE user_id = $1 ORDER BY set_at DESC, ctid DESC LIMIT $2",
        );
        let rows = self.rows_of(user, query.bind(user.0).bind(REMEMBERED)).await?;
        let hashes = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
        self.inner.passwords.run(move |argon2| hashes.iter().any(|hash| verify(argon2, &password, hash))).await
    }
}

async fn write(
    transaction: &mut Transaction<'_, Postgres>,
    user: UserId,
    HashedPassword(hash): &HashedPassword,
    at: DateTime<Utc>,
    unrecorded: Option<Replacement>,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO credentials (user_id, password_hash, unrecorded, changed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE
         SET password_hash = excluded.password_hash, changed_at = excluded.changed_at, unrecorded = excluded.unrecorded",
    )
    .bind(user.0)
    .bind(hash)
    .bind(unrecorded.map(Replacement::as_str))
    .bind(at)
    .execute(&mut **transaction)
    .await?;
    sqlx::query("INSERT INTO password_history (user_id, password_hash) VALUES ($1, $2)")
        .bind(user.0)
        .bind(hash)
        .execute(&mut **transaction)
        .await?;
    sqlx::query(
        "DELETE FROM password_history WHERE user_id = $1 AND ctid NOT IN
             (SELECT ctid FROM password_history WHERE user_id = $1 ORDER BY set_at DESC, ctid DESC LIMIT $2)",
    )
    .bind(user.0)
    .bind(REMEMBERED)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

fn hash(argon2: &Argon2<'_>, password: &SecretString) -> Result<String, Error> {
    let hash = argon2.hash_password(password.expose_secret().as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|e| Error::Keys(e.to_string()))
}

fn verify(argon2: &Argon2<'_>, password: &SecretString, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| argon2.verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
}

/// Whether a hash was made by another algorithm or with other parameters than we use today.
fn is_outdated(hash: &str) -> bool {
    !hash.starts_with(&format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"))
}
