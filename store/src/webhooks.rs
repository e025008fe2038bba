//! What third parties delivered by webhook: sealed as it came, and known for ever by its hash, so that nothing is made
//! of it twice.

use chrono::{DateTime, Utc};
use sqlx::Row;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    Error, Store, new_id,
    seal::{DataKey, WrappedKey},
    tables::Span,
};

/// A delivery that waits to be acted on.
pub struct StoredWebhook {
    pub source: String,
    /// As it arrived. May hold personal data.
    pub body: Zeroizing<Vec<u8>>,
}

/// How a delivery is told from others of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryMark<'a> {
    /// The sender's own id.
    Id(&'a str),
    /// Whatever has the same body.
    Body,
}

impl Store {
    /// Keeps a delivery; none where it is known already. Durable when this returns.
    pub async fn put_webhook(&self, source: &str, mark: DeliveryMark<'_>, body: &[u8]) -> Result<Option<Uuid>, Error> {
        let keys = &self.inner.keys;
        let hash = match mark {
            DeliveryMark::Id(id) => keys.keyed_hash(&format!("webhook-id:{source}"), id),
            DeliveryMark::Body => keys.keyed_hash(&format!("webhook-body:{source}"), body),
        };
        let (delivery, key) = (new_id(), DataKey::generate());
        let wrapped = self.wrap(&key, &owner(delivery)).await?;
        let put = sqlx::query(
            "INSERT INTO webhook_deliveries (delivery_id, source, delivery_hash, body, kek_id, wrapped_key)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(delivery)
        .bind(source)
        .bind(hash.as_slice())
        .bind(key.seal(body, &bound(source, delivery)))
        .bind(&wrapped.kek_id)
        .bind(&wrapped.bytes)
        .execute(self.pool())
        .await?;
        Ok((put.rows_affected() == 1).then_some(delivery))
    }

    /// A delivery that was not acted on yet. None: it was, or its time is over.
    pub async fn open_webhook(&self, delivery: Uuid) -> Result<Option<StoredWebhook>, Error> {
        let row = sqlx::query(
            "SELECT source, body, kek_id, wrapped_key FROM webhook_deliveries
              WHERE delivery_id = $1 AND handled_at IS NULL AND body IS NOT NULL",
        )
        .bind(delivery)
        .fetch_optional(self.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let source: String = row.try_get(0)?;
        let wrapped = WrappedKey { kek_id: row.try_get(2)?, bytes: row.try_get(3)? };
        let key = self.inner.keys.unwrap(&wrapped, &owner(delivery))?;
        let body = key.open(row.try_get(1)?, &bound(&source, delivery))?;
        Ok(Some(StoredWebhook { source, body }))
    }

    /// Notes that a delivery was acted on.
    pub async fn webhook_handled(&self, delivery: Uuid) -> Result<(), Error> {
        sqlx::query("UPDATE webhook_deliveries SET handled_at = now() WHERE delivery_id = $1")
            .bind(delivery)
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// Deliveries within `span` that were not acted on, the oldest first.
    pub async fn open_webhooks(&self, span: Span, limit: i64) -> Result<Vec<(Uuid, DateTime<Utc>)>, Error> {
        let rows = sqlx::query(
            "SELECT delivery_id, received_at FROM webhook_deliveries
              WHERE handled_at IS NULL AND body IS NOT NULL AND received_at > $1 AND received_at < $2
              ORDER BY received_at LIMIT $3",
        )
        .bind(span.after)
        .bind(span.before)
        .bind(limit)
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// Forgets what deliveries from before `before` said, acted on or not; how many. That they came stays known.
    pub async fn forget_webhooks(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        let forgotten = sqlx::query(
            "UPDATE webhook_deliveries SET body = NULL, kek_id = NULL, wrapped_key = NULL
              WHERE received_at < $1 AND body IS NOT NULL",
        )
        .bind(before)
        .execute(self.pool())
        .await?;
        Ok(forgotten.rows_affected())
    }
}

fn owner(delivery: Uuid) -> String {
    format!("webhook:{delivery}")
}

fn bound(source: &str, delivery: Uuid) -> String {
    format!("webhook:{source}:{delivery}:body")
}
