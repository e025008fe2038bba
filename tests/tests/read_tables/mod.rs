//! The relational read tables: made from the log alone, the same however they were made (invariant 6).

mod apply;
mod approvals;
mod poison;
mod rebuild;
mod rows;

use aggregates::Envelope;
use sqlx::Executor;
use store::tables::ReadTables;
use tests::database::TestDatabase;

/// Everything in the live tables, as JSON, with the position they are at and what is parked.
async fn contents(database: &TestDatabase) -> Vec<(String, serde_json::Value)> {
    let mut connection = database.connect().await;
    let mut contents = Vec::new();
    for table in ["progress", "parked", "users", "kyc_verifications", "cards", "transactions"] {
        let sql = format!("SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY to_jsonb(t)), '[]') FROM read.{table} t");
        let rows = sqlx::query_scalar(&sql).fetch_one(&mut connection).await.unwrap();
        contents.push((table.to_owned(), rows));
    }
    contents
}

/// The live tables as they are before the first event.
async fn emptied(database: &TestDatabase) -> ReadTables {
    let sql = "DROP SCHEMA read CASCADE; SELECT create_read_tables('read')";
    database.connect().await.execute(sql).await.unwrap();
    database.store().read_tables()
}

async fn apply_all(tables: &ReadTables, batches: &[&[Envelope]]) {
    for batch in batches {
        tables.apply(batch).await.unwrap();
    }
}
