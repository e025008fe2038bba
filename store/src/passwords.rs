//! Passwords: Argon2id on a small pool of threads, so that a flood of logins cannot starve payments.

use std::sync::Arc;

use aggregates::UserId;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use secrecy::{ExposeSecret, SecretString};
use sqlx::Row;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{Error, Store};

/// OWASP's minimum for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Password checks that may wait for a thread; one more is [`Error::Busy`].
const WAITING: usize = 64;

/// A hash of no password at all: checked when there is no account, so that both cases take the same time.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

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

impl Store {
    /// Sets the person's password.
    pub async fn set_password(&self, user: UserId, password: SecretString) -> Result<(), Error> {
        let hash = self
            .inner
            .passwords
            .run(move |argon2| argon2.hash_password(password.expose_secret().as_bytes()).map(|hash| hash.to_string()));
        let hash = hash.await?.map_err(|e| Error::Keys(e.to_string()))?;
        let query = sqlx::query(
            "INSERT INTO credentials (user_id, password_hash) VALUES ($1, $2)
             ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, changed_at = now()",
        );
        self.write_as(user, query.bind(user.0).bind(hash)).await?;
        Ok(())
    }

    /// Whether the person has a password at all.
    pub async fn has_password(&self, user: UserId) -> Result<bool, Error> {
        let row = sqlx::query("SELECT EXISTS (SELECT FROM credentials WHERE user_id = $1)");
        Ok(self.one_row_of(user, row.bind(user.0)).await?.try_get(0)?)
    }

    /// Whether `password` is the person's. Takes as long for nobody as for somebody.
    pub async fn check_password(&self, user: Option<UserId>, password: SecretString) -> Result<bool, Error> {
        let query = sqlx::query("SELECT password_hash FROM credentials WHERE user_id = $1");
        let row = self.row_of(user.unwrap_or(UserId(Uuid::nil())), query.bind(user.map(|user| user.0))).await?;
        let known = row.is_some();
        let hash: String = row.map_or_else(|| Ok(NOBODY.to_owned()), |row| row.try_get(0))?;
        let matches = self.inner.passwords.run(move |argon2| {
            PasswordHash::new(&hash)
                .is_ok_and(|hash| argon2.verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
        });
        Ok(matches.await? && known)
    }
}
