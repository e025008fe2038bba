//! Whether a session is still open, asked on every request.
//!
//! PostgreSQL has the truth; Redis answers first. `{ns}:session:<id>` holds the session as JSON for at most 30
//! minutes, or `revoked`. A session that ends is not deleted there but overwritten, after PostgreSQL, and what
//! PostgreSQL says is written only where nothing stands (`SET NX`): so a slow reader cannot bring an ended session
//! back. If Redis does not answer, PostgreSQL does.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use aggregates::{SessionId, UserId};
use chrono::{DateTime, Utc};
use flows::sessions::SessionCache;
use futures::future::join_all;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use store::{Store, sessions::Session};
use tokio::{sync::Semaphore, time::Instant};

use super::token::Claimed;
use crate::{
    problem::Problem,
    redis_link::{Down, RedisLink},
};

/// How long Redis may answer for PostgreSQL, as the product's original description has it.
const REMEMBERED: Duration = Duration::from_secs(30 * 60);
/// No access token lives longer (30 minutes and the clocks' leeway), so none can outlive its session's tombstone.
const TOMBSTONE: Duration = Duration::from_secs(31 * 60);
const REVOKED: &str = "revoked";
/// Ended sessions that may wait for Redis to come back. Beyond it they are logged and left to expire.
const WAITING_TOMBSTONES: usize = 10_000;
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// How long whoever ends a session waits for Redis to learn it, and between two attempts. Past it a task goes on.
const INSISTING: Duration = Duration::from_secs(1);
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);
/// How long a process with time to spare waits for Redis.
const PATIENCE: Duration = Duration::from_secs(5);

pub struct Sessions {
    redis: Arc<RedisLink>,
    store: Store,
    waiting: Arc<Semaphore>,
}

/// What Redis was asked about a session.
pub enum Remembered {
    Open {
        user_id: UserId,
        expires_at: DateTime<Utc>,
    },
    Ended,
    /// Nothing there, or no answer: PostgreSQL decides.
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    user_id: UserId,
    expires_at: DateTime<Utc>,
}

impl Entry {
    fn of(session: &Session) -> Entry {
        Entry { user_id: session.user_id, expires_at: session.expires_at }
    }
}

impl Remembered {
    pub fn read(value: Option<&str>) -> Remembered {
        match value {
            None => Remembered::Unknown,
            Some(REVOKED) => Remembered::Ended,
            Some(json) => match serde_json::from_str::<Entry>(json) {
                Ok(Entry { user_id, expires_at }) => Remembered::Open { user_id, expires_at },
                Err(_) => Remembered::Unknown,
            },
        }
    }
}

impl Sessions {
    pub fn new(redis: Arc<RedisLink>, store: Store) -> Sessions {
        Sessions { redis, store, waiting: Arc::new(Semaphore::new(WAITING_TOMBSTONES)) }
    }

    pub fn key(&self, id: SessionId) -> String {
        self.redis.key("session", id)
    }

    /// Lets the request pass if the session, or the API key, is open and belongs to the token's person.
    pub async fn check(&self, remembered: Remembered, claimed: &Claimed) -> Result<(), Problem> {
        let open = match remembered {
            Remembered::Open { user_id, expires_at } => user_id == claimed.user_id && Utc::now() < expires_at,
            Remembered::Ended => false,
            Remembered::Unknown => self.ask_store(claimed).await?.is_some_and(|entry| entry.user_id == claimed.user_id),
        };
        if open { Ok(()) } else { Err(Problem::invalid_token()) }
    }

    async fn ask_store(&self, claimed: &Claimed) -> Result<Option<Entry>, Problem> {
        let id = claimed.session_id;
        let entry = match claimed.api_key {
            None => self.store.session(id).await.map(|session| session.as_ref().map(Entry::of)),
            Some(key_id) => {
                let open = self.store.open_api_key(key_id).await;
                open.map(|open| open.map(|(user_id, expires_at)| Entry { user_id, expires_at }))
            }
        };
        let entry = entry.map_err(|error| {
            tracing::warn!(%error, "sessions cannot be checked");
            Problem::from(flows::Error::Unavailable { what: "The session store", resource: None })
        })?;
        match &entry {
            Some(entry) => self.keep(id, entry).await,
            // Ids are never opened again, so an absent session stays absent.
            None => _ = self.write(id, REVOKED, TOMBSTONE, true).await,
        }
        Ok(entry)
    }

    /// Spares later requests the way to PostgreSQL. Failing to is no harm.
    pub async fn remember(&self, session: &Session) {
        self.keep(session.session_id, &Entry::of(session)).await;
    }

    async fn keep(&self, id: SessionId, entry: &Entry) {
        let left = (entry.expires_at - Utc::now()).to_std().unwrap_or_default().min(REMEMBERED);
        if left.is_zero() {
            return;
        }
        if let Ok(json) = serde_json::to_string(entry) {
            let _ = self.write(id, &json, left, true).await;
        }
    }

    /// Makes Redis say that a session has ended. Called after PostgreSQL knows.
    ///
    /// If Redis is away, requests are checked against PostgreSQL; but Redis may come back with what it knew before,
    /// so the tombstone is tried until it stands or cannot matter any more.
    /// A machine that is busy for a moment is no reason to leave a session open, so this insists for a while first.
    pub async fn ended(&self, id: SessionId) {
        let give_up = Instant::now() + INSISTING;
        while Instant::now() < give_up {
            if self.entomb(id).await.is_ok() {
                return;
            }
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
        let Ok(place) = self.waiting.clone().try_acquire_owned() else {
            tracing::error!(session_id = %id, "too many ended sessions wait for Redis; this one may live on there");
            return;
        };
        let (redis, key) = (self.redis.clone(), self.key(id));
        tokio::spawn(async move {
            let _place = place;
            let give_up = Instant::now() + TOMBSTONE;
            while Instant::now() < give_up {
                tokio::time::sleep(RETRY_EVERY).await;
                if set(&redis, &key, REVOKED, TOMBSTONE, false).await.is_ok() {
                    return;
                }
            }
        });
    }

    async fn entomb(&self, id: SessionId) -> Result<(), Down> {
        let (key, mut connection) = (self.key(id), self.redis.connection());
        let milliseconds = TOMBSTONE.as_millis() as u64;
        let set = redis::cmd("SET").arg(key).arg(REVOKED).arg("PX").arg(milliseconds).to_owned();
        self.redis.insist(async move { set.query_async::<redis::Value>(&mut connection).await }).await.map(drop)
    }

    async fn write(&self, id: SessionId, value: &str, ttl: Duration, only_if_absent: bool) -> Result<(), Down> {
        set(&self.redis, &self.key(id), value, ttl, only_if_absent).await
    }
}

impl SessionCache for Sessions {
    fn forget(self: Arc<Self>, ended: Vec<SessionId>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            join_all(ended.into_iter().map(|id| self.ended(id))).await;
        })
    }
}

/// What keeps Redis informed for a process that serves no requests and yet ends sessions.
pub fn session_cache(redis_url: &SecretString, namespace: &str, store: Store) -> redis::RedisResult<Arc<Sessions>> {
    let redis = RedisLink::new(redis_url, namespace, PATIENCE)?;
    Ok(Arc::new(Sessions::new(Arc::new(redis), store)))
}

async fn set(redis: &RedisLink, key: &str, value: &str, ttl: Duration, only_if_absent: bool) -> Result<(), Down> {
    let mut command = redis::cmd("SET");
    command.arg(key).arg(value).arg("PX").arg(ttl.as_millis() as u64);
    if only_if_absent {
        command.arg("NX");
    }
    let mut connection = redis.connection();
    redis.run(async move { command.query_async::<redis::Value>(&mut connection).await }).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_holds_is_read_as_open_ended_or_unknown() {
        let user_id = UserId(uuid::Uuid::now_v7());
        let json = format!(r#"{{"user_id":"{user_id}","expires_at":"2026-11-01T10:00:00Z"}}"#);
        assert!(matches!(Remembered::read(Some(&json)), Remembered::Open { user_id: id, .. } if id == user_id));
        assert!(matches!(Remembered::read(Some("revoked")), Remembered::Ended));
        for unknown in [None, Some(""), Some("{}"), Some("garbage")] {
            assert!(matches!(Remembered::read(unknown), Remembered::Unknown), "{unknown:?}");
        }
    }
}
