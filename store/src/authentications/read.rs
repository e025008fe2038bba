//! The record of authentications as auditors read it.

use std::net::IpAddr;

use aggregates::{ClientId, SessionId, UserId};
use chrono::{DateTime, Utc};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use crate::{Error, Store};

/// Which entries; all conditions hold together.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub user_id: Option<UserId>,
    pub action: Option<String>,
    pub outcome: Option<String>,
    /// From this moment on.
    pub from: Option<DateTime<Utc>>,
    /// Up to this moment, without it.
    pub to: Option<DateTime<Utc>>,
    /// Entries older than this one.
    pub before: Option<i64>,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub entry_id: i64,
    pub at: DateTime<Utc>,
    pub action: String,
    pub outcome: String,
    pub reason: Option<String>,
    pub user_id: Option<UserId>,
    pub client_id: Option<ClientId>,
    /// The keyed hash of the address that was tried: equal ones are the same address.
    pub subject: Option<String>,
    pub session_id: Option<SessionId>,
    pub device_id: Option<String>,
    pub address: Option<IpAddr>,
    pub request_id: Uuid,
}

impl Store {
    /// The newest entries first, `limit` at most.
    pub async fn authentications(&self, filter: &Filter, limit: i64) -> Result<Vec<Recorded>, Error> {
        let rows = sqlx::query(
            "SELECT entry_id, at, action, outcome, reason, user_id, client_id, convert_from(subject, 'UTF8'),
                    session_id, device_id, host(address), request_id
               FROM audited_authentications($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(filter.user_id.map(|user| user.0))
        .bind(filter.action.as_deref())
        .bind(filter.outcome.as_deref())
        .bind(filter.from)
        .bind(filter.to)
        .bind(filter.before)
        .bind(limit)
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &PgRow) -> Result<Recorded, Error> {
    let address: Option<String> = row.try_get(10)?;
    Ok(Recorded {
        entry_id: row.try_get(0)?,
        at: row.try_get(1)?,
        action: row.try_get(2)?,
        outcome: row.try_get(3)?,
        reason: row.try_get(4)?,
        user_id: row.try_get::<Option<Uuid>, _>(5)?.map(UserId),
        client_id: row.try_get::<Option<Uuid>, _>(6)?.map(ClientId),
        subject: row.try_get(7)?,
        session_id: row.try_get::<Option<Uuid>, _>(8)?.map(SessionId),
        device_id: row.try_get(9)?,
        address: address.and_then(|text| text.parse().ok()),
        request_id: row.try_get(11)?,
    })
}
