//! What a person left behind in the tables beside the log, as an export shows it to them. No secrets, no hashes.

use aggregates::UserId;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Error, Store};

/// An entry of the record of authentications.
#[derive(Clone, Debug, Serialize, FromRow)]
pub struct Attempt {
    pub at: DateTime<Utc>,
    pub action: String,
    pub outcome: String,
    pub reason: Option<String>,
    pub session_id: Option<Uuid>,
    pub device_id: Option<String>,
    /// Where it came from.
    pub address: Option<String>,
}

#[derive(Clone, Debug, Serialize, FromRow)]
pub struct ApiKey {
    pub key_id: Uuid,
    pub scopes: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Store {
    /// The person's newest entries in the record of authentications, newest first.
    pub async fn attempts_of(&self, user: UserId, limit: i64) -> Result<Vec<Attempt>, Error> {
        let sql = "SELECT at, action, outcome, reason, session_id, device_id, host(address) AS address
                     FROM authentications WHERE user_id = $1 ORDER BY entry_id DESC LIMIT $2";
        let rows = self.rows_of(user, sqlx::query(sql).bind(user.0).bind(limit)).await?;
        Ok(rows.iter().map(Attempt::from_row).collect::<Result<_, _>>()?)
    }

    /// The person's API keys, ended ones too, the oldest first; the newest hundred.
    pub async fn api_keys_of(&self, user: UserId) -> Result<Vec<ApiKey>, Error> {
        let sql = "SELECT * FROM (
                       SELECT key_id, scopes, created_at, expires_at, revoked_at, last_used_at
                         FROM api_keys WHERE user_id = $1 ORDER BY created_at DESC LIMIT 100) AS newest
                    ORDER BY created_at";
        let rows = self.rows_of(user, sqlx::query(sql).bind(user.0)).await?;
        Ok(rows.iter().map(ApiKey::from_row).collect::<Result<_, _>>()?)
    }
}
