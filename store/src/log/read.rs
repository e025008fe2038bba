use std::sync::Arc;

use aggregates::{Envelope, Fact, Kind, Root, UserId};
use chrono::{DateTime, Utc};
use futures::{Stream, TryStreamExt, stream};
use serde_json::value::RawValue;
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{cache::Loaded, snapshots};
use crate::{Error, Store};

const COLUMNS: &str = "position, kind, aggregate_id, sequence, event_id, name, version, recorded_at, correlation_id, \
                       causation_id, traceparent, actor, data::text";

/// Events fetched at once by [`Store::replay`].
const PAGE: i64 = 2_000;

impl Store {
    /// An aggregate's state, from memory if it is there. Decide on it and append: if somebody else was faster, the
    /// append conflicts. Where nothing is appended to the stream, use [`Store::load_latest`].
    pub async fn load<A: Root>(&self, id: impl Into<Uuid>) -> Result<Loaded<A>, Error> {
        let id = id.into();
        match self.inner.log.cache.get::<A>(id) {
            Some(loaded) => Ok(loaded),
            None => self.load_latest(id).await,
        }
    }

    /// An aggregate's state as it is in the log now.
    pub async fn load_latest<A: Root>(&self, id: impl Into<Uuid>) -> Result<Loaded<A>, Error> {
        let id = id.into();
        let (mut version, mut state) = match self.inner.log.cache.get::<A>(id) {
            Some(cached) => (cached.version, A::clone(&cached.state)),
            None => snapshots::read::<A>(self.pool(), id).await?.unwrap_or_default(),
        };
        let rows = sqlx::query("SELECT sequence, name, version, data::text FROM stream_events($1, $2, $3)")
            .bind(A::KIND.as_str())
            .bind(id)
            .bind(version)
            .fetch_all(self.pool())
            .await?;
        for row in rows {
            let event = A::Event::read(row.try_get(1)?, row.try_get(2)?, row.try_get(3)?)
                .map_err(|source| Error::Event { kind: A::KIND, id, source })?;
            state.evolve(&event);
            version = row.try_get(0)?;
        }
        let loaded = Loaded { id, version, state: Arc::new(state) };
        if version > 0 {
            self.inner.log.cache.put_loaded(&loaded);
        }
        Ok(loaded)
    }

    /// Forgets what is in memory of a stream, so that the next `load` reads it.
    pub fn forget<A: Root>(&self, id: impl Into<Uuid>) {
        self.inner.log.cache.forget(A::KIND, id.into());
    }

    /// All events of one stream in order.
    pub async fn stream(&self, kind: Kind, id: Uuid) -> Result<Vec<Envelope>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM stream_events($1, $2, 0)");
        let rows = sqlx::query(&sql).bind(kind.as_str()).bind(id).fetch_all(self.pool()).await?;
        rows.iter().map(envelope).collect()
    }

    /// The newest `limit` events of several streams, in the log's order.
    pub async fn events_of(&self, streams: &[(Kind, Uuid)], limit: i64) -> Result<Vec<Envelope>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM unnest($1::text[], $2::uuid[]) AS s (of_kind, of_id),
                    LATERAL stream_events(s.of_kind, s.of_id, 0) ORDER BY position DESC LIMIT $3"
        );
        let (kinds, ids): (Vec<_>, Vec<_>) = streams.iter().map(|(kind, id)| (kind.as_str(), *id)).unzip();
        let rows = sqlx::query(&sql).bind(kinds).bind(ids).bind(limit).fetch_all(self.pool()).await?;
        rows.iter().rev().map(envelope).collect()
    }

    /// Up to `limit` events after `position`, in order and without a hole: what is missing at the end is not
    /// written yet. For the role that owns the log.
    pub async fn read_after(&self, position: i64, limit: i64) -> Result<Vec<Envelope>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM events WHERE position > $1 ORDER BY position LIMIT $2");
        let rows = sqlx::query(&sql).bind(position).bind(limit).fetch_all(self.pool()).await?;
        rows.iter().map(envelope).collect()
    }

    /// The same as [`Store::read_after`], for whoever serves auditors; 1000 at most.
    pub async fn audited_events(&self, position: i64, limit: i64) -> Result<Vec<Envelope>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM audited_events($1, $2)");
        let rows = sqlx::query(&sql).bind(position).bind(limit).fetch_all(self.pool()).await?;
        rows.iter().map(envelope).collect()
    }

    /// Everybody whose roles were ever changed: few people, staff and merchants.
    pub async fn people_with_role_changes(&self) -> Result<Vec<UserId>, Error> {
        let sql = "SELECT DISTINCT aggregate_id FROM events
                    WHERE kind = 'user' AND name IN ('role_granted', 'role_revoked')";
        let rows = sqlx::query(sql).fetch_all(self.pool()).await?;
        rows.iter().map(|row| Ok(UserId(row.try_get(0)?))).collect()
    }

    /// The position of the last event, 0 in an empty log.
    pub async fn head(&self) -> Result<i64, Error> {
        let row = sqlx::query("SELECT log_head()").fetch_one(self.pool()).await?;
        Ok(row.try_get(0)?)
    }

    /// Everything after `position` up to what is there at the end, page by page: memory stays bounded however long
    /// the log is. A database error ends the stream with that error, never silently.
    pub fn replay(&self, position: i64) -> impl Stream<Item = Result<Vec<Envelope>, Error>> + Send {
        stream::try_unfold((self.clone(), position), |(store, position)| async move {
            let page = store.read_after(position, PAGE).await?;
            let last = page.last().map(|event| event.position);
            Ok(last.map(|last| (page, (store, last))))
        })
    }

    /// Calls `each` for every event after `position`.
    pub async fn replay_each(&self, position: i64, mut each: impl FnMut(&Envelope)) -> Result<(), Error> {
        let mut pages = std::pin::pin!(self.replay(position));
        while let Some(page) = pages.try_next().await? {
            page.iter().for_each(&mut each);
        }
        Ok(())
    }
}

fn envelope(row: &PgRow) -> Result<Envelope, Error> {
    let position: i64 = row.try_get(0)?;
    let broken = |reason: String| Error::BrokenLog { position, reason };
    let kind: &str = row.try_get(1)?;
    let recorded_at: DateTime<Utc> = row.try_get(7)?;
    let data: String = row.try_get(12)?;
    Ok(Envelope {
        position,
        kind: Kind::parse(kind).ok_or_else(|| broken(format!("unknown kind `{kind}`")))?,
        aggregate_id: row.try_get(2)?,
        sequence: row.try_get(3)?,
        id: row.try_get(4)?,
        name: row.try_get(5)?,
        version: row.try_get(6)?,
        recorded_at,
        correlation_id: row.try_get(8)?,
        causation_id: row.try_get(9)?,
        traceparent: row.try_get(10)?,
        actor: row.try_get(11)?,
        data: RawValue::from_string(data).map_err(|e| broken(e.to_string()))?,
    })
}
