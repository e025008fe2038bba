//! Rotation of key-encryption keys, while everything goes on: each data key that an old one wraps is wrapped anew under
//! the current one, and an old one that wraps nothing any more is retired. What the data keys seal stays as it is.

use std::collections::BTreeMap;

use sqlx::{Executor, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{Error, Store, seal::WrappedKey};

/// Rows that are read and written at once.
const BATCH: i64 = 500;

/// A table is gone over again while others still write with an old key, this often at most.
const PASSES: usize = 10;

/// How long retiring waits for writers before it gives up.
const LOCK_PATIENCE: &str = "5s";

/// A table whose rows have a data key each.
struct Wrapping {
    table: &'static str,
    id: &'static str,
    /// What the keys are bound to, before the id.
    owner: &'static str,
}

/// All of them. A table that the schema has beside these is refused, lest it be overlooked.
const WRAPPINGS: [Wrapping; 3] = [
    Wrapping { table: "person_keys", id: "user_id", owner: "person" },
    Wrapping { table: "card_vault", id: "card_id", owner: "card" },
    Wrapping { table: "webhook_deliveries", id: "delivery_id", owner: "webhook" },
];

/// What has become of the data keys under old key-encryption keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    pub done: u64,
    /// Those that do not open. They are in the log by table and id.
    pub failed: u64,
    /// All that an old key-encryption key wraps at the end: what does not open, and what others have written meanwhile.
    /// Above 0, nothing is finished.
    pub left: u64,
}

/// A key as it was read.
struct Found {
    id: Uuid,
    wrapped: WrappedKey,
}

impl Store {
    /// How many data keys each key-encryption key wraps, by table. Asks the schema, so no table is overlooked.
    pub async fn wrapped_keys(&self) -> Result<BTreeMap<String, BTreeMap<String, i64>>, Error> {
        let mut found: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
        for table in self.wrapping_tables().await? {
            let count = format!("SELECT kek_id, count(*) FROM {table} WHERE kek_id IS NOT NULL GROUP BY kek_id");
            for row in sqlx::query(&count).fetch_all(self.pool()).await? {
                found.entry(row.try_get(0)?).or_default().insert(table.clone(), row.try_get(1)?);
            }
        }
        Ok(found)
    }

    async fn wrapping_tables(&self) -> Result<Vec<String>, Error> {
        let tables = "SELECT table_name::text FROM information_schema.columns
                       WHERE table_schema = 'public' AND column_name = 'kek_id' AND table_name <> 'retired_keks'
                       ORDER BY table_name";
        Ok(sqlx::query_scalar(tables).fetch_all(self.pool()).await?)
    }

    /// How many data keys are not under the current key-encryption key.
    pub async fn keys_to_rewrap(&self) -> Result<u64, Error> {
        let current = self.inner.keys.current_kek_id();
        let of_others = self.wrapped_keys().await?.into_iter().filter(|(kek_id, _)| *kek_id != current);
        Ok(of_others.flat_map(|(_, tables)| tables.into_values()).map(i64::unsigned_abs).sum())
    }

    /// Wraps every data key that is not under the current key-encryption key anew. `progress` is told how many more are
    /// done. May be broken off and begun again, and run more than once at a time: each row is replaced only if it is
    /// still what was read, so an erasure or another writer is never undone.
    pub async fn rewrap(&self, mut progress: impl FnMut(u64)) -> Result<Rewrapped, Error> {
        self.check_keks().await?;
        let mut all = Rewrapped::default();
        for table in self.wrapping_tables().await? {
            if WRAPPINGS.iter().all(|wrapping| wrapping.table != table) {
                return Err(Error::Keys(format!("{table} has wrapped keys, and this program does not know them")));
            }
        }
        for wrapping in &WRAPPINGS {
            let mut last = Rewrapped::default();
            for _ in 0..PASSES {
                last = self.rewrap_table(wrapping, &mut progress).await?;
                all.done += last.done;
                if last.done == 0 {
                    break;
                }
            }
            // Each pass meets them again.
            all.failed += last.failed;
        }
        all.left = self.keys_to_rewrap().await?;
        Ok(all)
    }

    /// One pass by primary key, so that its cost does not depend on what the earlier ones have left.
    async fn rewrap_table(&self, wrapping: &Wrapping, progress: &mut impl FnMut(u64)) -> Result<Rewrapped, Error> {
        let Wrapping { table, id, owner } = wrapping;
        let (mut pass, mut after) = (Rewrapped::default(), Uuid::nil());
        let page = format!(
            "SELECT {id}, kek_id, wrapped_key FROM {table} WHERE {id} > $1 AND kek_id <> $2 ORDER BY {id} LIMIT $3"
        );
        let current = self.inner.keys.current_kek_id();
        loop {
            let rows = sqlx::query(&page).bind(after).bind(&current).bind(BATCH).fetch_all(self.pool()).await?;
            let found: Vec<Found> = rows.iter().map(Found::read).collect::<Result<_, Error>>()?;
            let Some(last) = found.last() else { return Ok(pass) };
            after = last.id;
            let mut anew = Vec::with_capacity(found.len());
            for key in found {
                let bound_to = format!("{owner}:{}", key.id);
                let data_key = self.inner.keys.unwrap(&key.wrapped, &bound_to);
                match data_key.and_then(|data_key| self.inner.keys.wrap(&data_key, &bound_to)) {
                    Ok(wrapped) => anew.push((wrapped, key)),
                    Err(error) => {
                        tracing::error!(%error, table, id = %key.id, kek_id = key.wrapped.kek_id, "a key stays as it is");
                        pass.failed += 1;
                    }
                }
            }
            let done = self.replace(wrapping, anew).await?;
            pass.done += done;
            progress(done);
        }
    }

    /// Replaces keys that are still as they were read; how many.
    async fn replace(
        &self,
        Wrapping { table, id, .. }: &Wrapping,
        anew: Vec<(WrappedKey, Found)>,
    ) -> Result<u64, Error> {
        let update = format!(
            "UPDATE {table} t SET kek_id = n.kek_id, wrapped_key = n.wrapped
               FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::bytea[])
                    AS n (id, kek_id, wrapped, old_kek, old)
              WHERE t.{id} = n.id AND t.kek_id = n.old_kek AND t.wrapped_key = n.old"
        );
        let (fresh, old): (Vec<_>, Vec<_>) = anew.into_iter().unzip();
        let ids: Vec<_> = old.iter().map(|found| found.id).collect();
        let (keks, wrapped): (Vec<_>, Vec<_>) = fresh.into_iter().map(|key| (key.kek_id, key.bytes)).unzip();
        let (old_keks, old): (Vec<_>, Vec<_>) =
            old.into_iter().map(|found| (found.wrapped.kek_id, found.wrapped.bytes)).unzip();
        let query = sqlx::query(&update).bind(ids).bind(keks).bind(wrapped).bind(old_keks).bind(old);
        Ok(query.execute(self.pool()).await?.rows_affected())
    }

    /// Marks a key-encryption key as gone for good, if it wraps nothing: from then on nobody can wrap with it. Writers
    /// wait while it is looked.
    pub async fn retire_kek(&self, number: u32) -> Result<(), Error> {
        let kek_id = format!("kek-{number}");
        if kek_id == self.inner.keys.current_kek_id() {
            return Err(Error::Keys(format!("{kek_id} is in use")));
        }
        let tables = self.wrapping_tables().await?;
        let mut transaction = self.pool().begin().await?;
        transaction.execute(format!("SET LOCAL lock_timeout = '{LOCK_PATIENCE}'").as_str()).await?;
        let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", tables.join(", "));
        transaction.execute(lock.as_str()).await?;
        for table in tables {
            let count = format!("SELECT count(*) FROM {table} WHERE kek_id = $1");
            let left: i64 = sqlx::query_scalar(&count).bind(&kek_id).fetch_one(&mut *transaction).await?;
            if left > 0 {
                return Err(Error::Keys(format!("{kek_id} still wraps {left} keys in {table}: `keys rewrap` first")));
            }
        }
        let retire = sqlx::query("INSERT INTO retired_keks (kek_id) VALUES ($1) ON CONFLICT DO NOTHING");
        retire.bind(&kek_id).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }
}

impl Found {
    fn read(row: &PgRow) -> Result<Found, Error> {
        let wrapped = WrappedKey { kek_id: row.try_get(1)?, bytes: row.try_get(2)? };
        Ok(Found { id: row.try_get(0)?, wrapped })
    }
}
