use sqlx::{Executor, Row};
use tests::database::TestDatabase;

use super::{as_api, is_denied};

/// What the api may touch without a wall, with the reason.
const OPEN: [(&str, &str); 6] = [
    ("public.login_failures", "keyed hashes of what was tried; no person is named"),
    ("public.clients", "ids of programs"),
    ("public.client_secrets", "hashes of the secrets of programs"),
    ("public.webhook_deliveries", "put in; sealed contents, which the api cannot read"),
    ("public.keks", "numbers of key-encryption keys, and checks that tell nothing of them"),
    ("read.progress", "one number"),
];

/// A table with a column `user_id` and no policy is one that somebody forgot.
#[tokio::test]
async fn every_table_with_people_has_the_wall() {
    let database = TestDatabase::new().await;
    let sql =
        "SELECT format('%s.%s', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped
                WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('public', 'read')
                  AND NOT (c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))";
    let forgotten: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut database.connect().await).await.unwrap();
    assert!(forgotten.is_empty(), "{forgotten:?}: a migration has to call guard_person_tables");
}

#[tokio::test]
async fn what_has_no_wall_is_closed_to_the_api_or_known() {
    let database = TestDatabase::new().await;
    let sql =
        "SELECT format('%s.%s', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relrowsecurity AND n.nspname IN ('public', 'read')
                  AND has_any_column_privilege('vc_api', c.oid, 'SELECT, INSERT, UPDATE') ORDER BY 1";
    let open: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut database.connect().await).await.unwrap();
    let mut known: Vec<_> = OPEN.iter().map(|(table, _)| *table).collect();
    known.sort_unstable();
    assert_eq!(open, known);
}

#[tokio::test]
async fn the_log_is_written_by_appending_alone_and_read_by_stream() {
    let database = TestDatabase::new().await;
    crate::examples::a_requested_card(&database.store()).await;
    let mut api = as_api(&database).await;
    for statement in [
        "SELECT * FROM events",
        "SELECT * FROM audit_logs",
        "SELECT * FROM claims",
        "SELECT * FROM snapshots",
        "SELECT * FROM read.parked",
        "INSERT INTO events SELECT * FROM stream_events('card', gen_random_uuid(), 0)",
        "INSERT INTO claims VALUES ('email', 'x', gen_random_uuid())",
        "UPDATE events SET actor = 'somebody else'",
        "DELETE FROM events",
        "TRUNCATE events",
        "DELETE FROM claims",
        "DELETE FROM authentications",
        "UPDATE authentications SET outcome = 'success'",
        "SELECT data FROM one_time",
        "SELECT * FROM mail_queue",
        "SELECT guard_person_tables('public'), create_read_tables('mine')",
        "CREATE TABLE mine (x int)",
        "ALTER TABLE events DISABLE TRIGGER USER",
    ] {
        let error = api.execute(statement).await.expect_err(statement);
        assert!(is_denied(&error), "{statement}: {error}");
    }
}

/// What runs with the owner's rights finds its tables wherever the caller looks, and is called by nobody else.
#[tokio::test]
async fn narrow_functions_are_narrow() {
    let database = TestDatabase::new().await;
    let sql = "SELECT p.proname::text, coalesce(array_to_string(p.proconfig, ','), ''),
                      has_function_privilege('vc_api', p.oid, 'EXECUTE'),
                      EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)
                 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prosecdef AND n.nspname = 'public'";
    let functions = sqlx::query(sql).fetch_all(&mut database.connect().await).await.unwrap();
    assert!(functions.len() >= 9, "{} are not all of them", functions.len());
    for function in functions {
        let name: &str = function.get(0);
        assert_eq!(function.get::<&str, _>(1), "search_path=public, pg_temp", "{name}");
        assert!(function.get::<bool, _>(2), "{name} is of no use to the api");
        assert!(!function.get::<bool, _>(3), "{name} is open to everybody");
    }
}

/// A snapshot hides the events before it, so it has to be of one that is there.
#[tokio::test]
async fn the_api_puts_no_snapshot_of_what_has_not_happened() {
    let database = TestDatabase::new().await;
    let card = crate::examples::a_requested_card(&database.store()).await.id;
    let mut api = as_api(&database).await;
    let put = "SELECT put_snapshot($1, $2, $3, $4, $5)";
    let large = format!("\"{}\"", "x".repeat(4_194_304));
    for (kind, sequence, version, state) in [
        ("card", 2, 1, "{}"),
        ("user", 1, 1, "{}"),
        ("card", 1, 0, "{}"),
        ("card", 1, 1_001, "{}"),
        ("card", 1, 1, &large),
    ] {
        let put = sqlx::query(put).bind(kind).bind(card).bind(i64::from(sequence)).bind(version).bind(state);
        assert!(put.execute(&mut api).await.is_err(), "{kind} {sequence} {version}");
    }
    let good = sqlx::query(put).bind("card").bind(card).bind(1_i64).bind(1).bind("{}");
    good.execute(&mut api).await.unwrap();
}
