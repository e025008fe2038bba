//! Sessions: the truth about who is logged in. Redis may speed a check up, this table decides it.

use aggregates::{SessionId, UserId};
use chrono::{DateTime, Utc};
use sqlx::Row;

use crate::{Error, Store};

/// An open session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub session_id: SessionId,
    pub user_id: UserId,
    pub expires_at: DateTime<Utc>,
    /// When the password was checked.
    pub auth_time: DateTime<Utc>,
}

impl Store {
    pub async fn open_session(&self, session: &Session, device_id: Option<&str>) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO sessions (session_id, user_id, device_id, auth_time, expires_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        )
        .bind(session.session_id.0)
        .bind(session.user_id.0)
        .bind(device_id)
        .bind(session.auth_time)
        .bind(session.expires_at)
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// The session if it is open: known, not expired, not revoked.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, Error> {
        let row = sqlx::query(
            "SELECT user_id, expires_at, auth_time FROM sessions
              WHERE session_id = $1 AND revoked_at IS NULL AND expires_at > now()",
        )
        .bind(id.0)
        .fetch_optional(self.pool())
        .await?;
        row.map(|row| {
            Ok(Session {
                session_id: id,
                user_id: UserId(row.try_get(0)?),
                expires_at: row.try_get(1)?,
                auth_time: row.try_get(2)?,
            })
        })
        .transpose()
    }

    /// Ends sessions for good. Unknown or ended ones are left as they are.
    pub async fn revoke_sessions(&self, ids: &[SessionId]) -> Result<(), Error> {
        let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
        sqlx::query("UPDATE sessions SET revoked_at = now() WHERE session_id = ANY ($1) AND revoked_at IS NULL")
            .bind(ids)
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// Deletes sessions that ended before `time`; how many.
    pub async fn delete_sessions_ended_before(&self, time: DateTime<Utc>) -> Result<u64, Error> {
        let deleted = sqlx::query("DELETE FROM sessions WHERE expires_at < $1").bind(time).execute(self.pool()).await?;
        Ok(deleted.rows_affected())
    }
}
