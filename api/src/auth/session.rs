//! Whether a session is still open, asked on every request.
//!
//! PostgreSQL has the truth; Redis answers first. `{ns}:session:<id>` holds the session as JSON for at most 30
//! minutes, or `revoked`. A session that ends is not deleted there but overwritten, after PostgreSQL, and what
//! PostgreSQL says is written only where nothing stands (`SET NX`): so a slow reader cannot bring an ended session
//! back. If Redis does not answer, PostgreSQL does.

use std::{sync::Arc, time::Duration};

use aggregates::{SessionId, UserId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use store::{Store, sessions::Session};
use tokio::sync::Semaphore;

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

    /// Lets the request pass if the session is open and belongs to the token's person.
    pub async fn check(&self, remembered: Remembered, id: SessionId, user: UserId) -> Result<(), Problem> {
        let open = match remembered {
            Remembered::Open { user_id, expires_at } => user_id == user && Utc::now() < expires_at,
            Remembered::Ended => false,
            Remembered::Unknown => self.ask_store(id).await?.is_some_and(|session| session.user_id == user),
        };
        if open { Ok(()) } else { Err(Problem::unauthenticated()) }
    }

    async fn ask_store(&self, id: SessionId) -> Result<Option<Session>, Problem> {
        let session = self.store.session(id).await.map_err(|error| {
            tracing::warn!(%error, "sessions cannot be checked");
            Problem::from(flows::Error::Unavailable { what: "The session store", resource: None })
        })?;
        match &session {
            Some(session) => self.remember(session).await,
            // Ids are never opened again, so an absent session stays absent.
            None => _ = self.write(id, REVOKED, TOMBSTONE, true).await,
        }
        Ok(session)
    }

    /// Spares later requests the way to PostgreSQL. Failing to is no harm.
    pub async fn remember(&self, session: &Session) {
        let left = (session.expires_at - Utc::now()).to_std().unwrap_or_default().min(REMEMBERED);
        if left.is_zero() {
            return;
        }
        let entry = Entry { user_id: session.user_id, expires_at: session.expires_at };
        if let Ok(json) = serde_json::to_string(&entry) {
            let _ = self.write(session.session_id, &json, left, true).await;
        }
    }

    /// Makes Redis say that a session has ended. Called after PostgreSQL knows.
    ///
    /// If Redis is away, requests are checked against PostgreSQL; but Redis may come back with what it knew before,
    /// so the tombstone is tried until it stands or cannot matter any more.
    pub async fn ended(&self, id: SessionId) {
        if self.write(id, REVOKED, TOMBSTONE, false).await.is_ok() {
            return;
        }
        let Ok(place) = self.waiting.clone().try_acquire_owned() else {
            tracing::error!(session_id = %id, "too many ended sessions wait for Redis; this one may live on there");
            return;
        };
        let (redis, key) = (self.redis.clone(), self.key(id));
        tokio::spawn(async move {
            let _place = place;
            let give_up = tokio::time::Instant::now() + TOMBSTONE;
            while tokio::time::Instant::now() < give_up {
                tokio::time::sleep(RETRY_EVERY).await;
                if set(&redis, &key, REVOKED, TOMBSTONE, false).await.is_ok() {
                    return;
                }
            }
        });
    }

    /// The same for several at once.
    pub async fn all_ended(&self, ids: &[SessionId]) {
        futures::future::join_all(ids.iter().map(|id| self.ended(*id))).await;
    }

    async fn write(&self, id: SessionId, value: &str, ttl: Duration, only_if_absent: bool) -> Result<(), Down> {
        set(&self.redis, &self.key(id), value, ttl, only_if_absent).await
    }
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
