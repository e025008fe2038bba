//! The relational read tables, compared with ones made afresh from the log.

use futures::TryStreamExt;
use sqlx::Row;

use super::{Findings, Kind, Stage, log::Told};
use crate::processes::Failure;

const TABLES: [&str; 6] = ["progress", "parked", "users", "kyc_verifications", "cards", "transactions"];

/// Where the store makes a rebuild, beside the live schema `read`.
const FRESH: &str = "read_rebuild";

pub(super) async fn compare(stage: &Stage, told: &Told, findings: &mut Findings) -> Result<(), Failure> {
    let fresh = stage.store.rebuild_read_tables().await?;
    let mut pages = std::pin::pin!(stage.store.replay(0));
    while let Some(page) = pages.try_next().await? {
        fresh.apply(&page).await?;
    }
    for table in TABLES {
        for (one, other, what) in [(FRESH, "read", "missing"), ("read", FRESH, "not in the log")] {
            let sql = format!("SELECT t::text FROM (TABLE {one}.{table} EXCEPT ALL TABLE {other}.{table}) AS t");
            for row in sqlx::query(&sql).fetch_all(&stage.pool).await? {
                let row: String = row.try_get(0)?;
                findings.add(Kind::ViewDifferences, format!("{table}, {what}: {row}"));
            }
        }
    }
    sqlx::query(&format!("DROP SCHEMA {FRESH} CASCADE")).execute(&stage.pool).await?;
    limits(stage, told, findings).await
}

async fn limits(stage: &Stage, told: &Told, findings: &mut Findings) -> Result<(), Failure> {
    for row in sqlx::query("SELECT card_id, used_window, used FROM read.cards").fetch_all(&stage.pool).await? {
        let (id, window, shown): (uuid::Uuid, Option<chrono::NaiveDate>, i64) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let used = told.cards.get(&id).and_then(|card| {
            let (_, used) = card.used.iter().find(|(known, _)| Some(known.first_day()) == window)?;
            Some(*used)
        });
        if used.unwrap_or(0) != shown {
            findings.add(Kind::MoneyDifferences, format!("card {id}: {used:?} used, {shown} in the tables"));
        }
    }
    Ok(())
}
