use sqlx::{Connection, Executor, PgConnection};
use tests::database::TestDatabase;
use uuid::Uuid;

use super::{as_api, fill, is_denied, person_tables};

const ANN: Uuid = Uuid::from_u128(0xa);
const BOB: Uuid = Uuid::from_u128(0xb);

async fn filled() -> (TestDatabase, PgConnection, Vec<String>) {
    let database = TestDatabase::new().await;
    let mut owner = database.connect().await;
    fill(&mut owner, &[ANN, BOB]).await;
    let tables = person_tables(&mut owner).await;
    for table in &tables {
        let rows = format!("SELECT count(*) FROM {table}");
        assert_eq!(sqlx::query_scalar::<_, i64>(&rows).fetch_one(&mut owner).await.unwrap(), 2, "{table}");
    }
    let api = as_api(&database).await;
    (database, api, tables)
}

/// Whose rows a query finds that forgot its WHERE. None: it is not allowed at all.
async fn people_in(api: &mut PgConnection, table: &str, acting: Option<Uuid>) -> Option<Vec<Uuid>> {
    let mut transaction = api.begin().await.unwrap();
    if let Some(person) = acting {
        let name = format!("SELECT set_config('vc.person', '{person}', true)");
        transaction.execute(name.as_str()).await.unwrap();
    }
    let sql = format!("SELECT user_id FROM {table}");
    match sqlx::query_scalar(&sql).fetch_all(&mut *transaction).await {
        Ok(people) => Some(people),
        Err(error) => {
            assert!(is_denied(&error), "{table}: {error}");
            None
        }
    }
}

#[tokio::test]
async fn a_query_without_where_finds_the_rows_of_its_person_at_most() {
    let (_database, mut api, tables) = filled().await;
    let mut readable = 0;
    for table in tables {
        for person in [ANN, BOB] {
            if let Some(people) = people_in(&mut api, &table, Some(person)).await {
                assert_eq!(people, [person], "{table}");
                readable += 1;
            }
        }
    }
    assert!(readable >= 20, "{readable} look-ups are not all of them");
}

#[tokio::test]
async fn without_a_person_there_are_no_people() {
    let (_database, mut api, tables) = filled().await;
    for table in tables {
        // Before anybody was named on this connection, and after: the name ends with its transaction.
        for _ in 0..2 {
            assert_eq!(people_in(&mut api, &table, None).await.unwrap_or_default(), Vec::<Uuid>::new(), "{table}");
            people_in(&mut api, &table, Some(ANN)).await;
        }
    }
}

#[tokio::test]
async fn a_change_without_where_changes_the_rows_of_its_person_at_most() {
    let (_database, mut api, tables) = filled().await;
    for table in tables {
        for statement in [format!("UPDATE {table} SET user_id = user_id"), format!("DELETE FROM {table}")] {
            let mut transaction = api.begin().await.unwrap();
            let name = format!("SELECT set_config('vc.person', '{ANN}', true)");
            transaction.execute(name.as_str()).await.unwrap();
            match transaction.execute(statement.as_str()).await {
                Ok(done) => assert_eq!(done.rows_affected(), 1, "{statement}"),
                Err(error) => assert!(is_denied(&error), "{statement}: {error}"),
            }
        }
        let mut transaction = api.begin().await.unwrap();
        let name = format!("SELECT set_config('vc.person', '{ANN}', true)");
        transaction.execute(name.as_str()).await.unwrap();
        let hand_over = format!("UPDATE {table} SET user_id = '{BOB}'");
        let error = transaction.execute(hand_over.as_str()).await.expect_err(&hand_over);
        assert!(is_denied(&error), "{hand_over}: {error}");
    }
}

/// A rebuild makes the tables anew, and has the wall from the beginning.
#[tokio::test]
async fn rebuilt_read_tables_have_the_wall_too() {
    let database = TestDatabase::new().await;
    database.store().rebuild_read_tables().await.unwrap().go_live().await.unwrap();
    let mut owner = database.connect().await;
    fill(&mut owner, &[ANN, BOB]).await;
    let mut api = as_api(&database).await;
    let tables = person_tables(&mut owner).await.into_iter().filter(|table| table.starts_with("read."));
    for table in tables {
        assert_eq!(people_in(&mut api, &table, Some(BOB)).await, Some(vec![BOB]), "{table}");
        assert_eq!(people_in(&mut api, &table, None).await, Some(vec![]), "{table}");
    }
}
