//! The second wall: in the role of the api, a query that is wrong finds nothing of other people (invariant 9, migration
//! 0005).

mod administration;
mod rights;
mod rows;
mod store;

use sqlx::{Connection, Executor, PgConnection, Row};
use tests::database::TestDatabase;
use uuid::Uuid;

/// A connection as the api has it.
async fn as_api(database: &TestDatabase) -> PgConnection {
    let options = database.options().options([("role", "vc_api")]);
    PgConnection::connect_with(&options).await.unwrap()
}

/// Every table with rows of people, told by a column `user_id`, with its schema. Found in the catalogue, so that a new
/// one is tested without being named here.
async fn person_tables(connection: &mut PgConnection) -> Vec<String> {
    let sql = "SELECT format('%I.%I', c.table_schema, c.table_name)
                 FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
                WHERE c.column_name = 'user_id' AND t.table_type = 'BASE TABLE'
                  AND c.table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1";
    let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(connection).await.unwrap();
    assert!(tables.len() >= 14, "{tables:?} are not all of them");
    tables
}

/// Puts a row of each person into each of these tables: what must be there is made up by its type.
async fn fill(owner: &mut PgConnection, people: &[Uuid]) {
    // No foreign keys and triggers: rows of these tables alone are wanted.
    owner.execute("SET session_replication_role = replica").await.unwrap();
    for table in person_tables(owner).await {
        let sql = format!(
            "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute
              WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped AND attnotnull
                AND NOT atthasdef AND attidentity = '' AND attname <> 'user_id'"
        );
        let columns = sqlx::query(&sql).fetch_all(&mut *owner).await.unwrap();
        for person in people {
            let (mut names, mut values) = ("user_id".to_owned(), format!("'{person}'"));
            for column in &columns {
                names = format!("{names}, {}", column.get::<&str, _>(0));
                values = format!("{values}, {}", something(column.get(1)));
            }
            owner.execute(format!("INSERT INTO {table} ({names}) VALUES ({values})").as_str()).await.unwrap();
        }
    }
    owner.execute("SET session_replication_role = origin").await.unwrap();
}

fn something(kind: &str) -> &'static str {
    match kind {
        "uuid" => "gen_random_uuid()",
        "text" | "character varying" => "md5(random()::text)",
        "bytea" => "decode(md5(random()::text), 'hex')",
        "timestamp with time zone" => "now() + interval '1 hour'",
        "date" => "current_date",
        "boolean" => "true",
        "json" | "jsonb" => "'{}'",
        // Places in the log are unique in some tables.
        "bigint" => "floor(random() * 1e15)",
        "smallint" | "integer" | "double precision" | "numeric" => "1",
        "text[]" | "uuid[]" => "'{}'",
        "inet" => "'192.0.2.7'",
        other => panic!("say here what a column of type {other} is filled with"),
    }
}

/// Refused for want of the right, not for another reason.
fn is_denied(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "42501")
}
