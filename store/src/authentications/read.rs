//! The record of authentications as auditors read it.

use std::net::IpAddr;

use aggregates::{ClientId, SessionId, UserId};
use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, Row, postgres::PgRow};
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
        let mut sql = QueryBuilder::new(
            "SELECT entry_id, at, action, outcome, reason, user_id, client_id, convert_from(subject, 'UTF8'),
                    session_id, device_id, host(address), request_id
               FROM authentications WHERE entry_id < ",
        );
        sql.push_bind(filter.before.unwrap_or(i64::MAX));
        if let Some(user_id) = filter.user_id {
            sql.push(" AND user_id = ").push_bind(user_id.0);
        }
        if let Some(action) = &filter.action {
            sql.push(" AND action = ").push_bind(action);
        }
        if let Some(outcome) = &filter.outcome {
            sql.push(" AND outcome = ").push_bind(outcome);
        }
        if let Some(from) = filter.from {
            sql.push(" AND at >= ").push_bind(from);
        }
        if let Some(to) = filter.to {
            sql.push(" AND at < ").push_bind(to);
        }
        sql.push(" ORDER BY entry_id DESC LIMIT ").push_bind(limit);
        let rows = sql.build().fetch_all(self.pool()).await?;
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
