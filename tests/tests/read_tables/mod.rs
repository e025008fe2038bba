//! The relational read tables: made from the log alone, the same however they were made (invariant 6).

mod apply;
mod poison;
mod rebuild;
mod rows;

use aggregates::Envelope;
use store::{Store, tables::ReadTables};
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

/// Makes the live tables anew, applying `batches` one after the other.
async fn rebuilt_by(store: &Store, batches: &[&[Envelope]]) {
    let tables = store.rebuild_read_tables().await.unwrap();
    apply_all(&tables, batches).await;
    tables.go_live().await.unwrap();
}

async fn apply_all(tables: &ReadTables, batches: &[&[Envelope]]) {
    for batch in batches {
        tables.apply(batch).await.unwrap();
    }
}
