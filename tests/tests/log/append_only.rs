//! What is written stays as it is.

use chrono::{DateTime, Duration, Utc};
use sqlx::Row;
use tests::database::TestDatabase;

use super::execute;
use crate::examples::{a_new_card, a_requested_card, grown, held, requested, unit};

/// Not even by the owner of the table.
#[tokio::test]
async fn events_cannot_be_changed_deleted_or_truncated() {
    let database = TestDatabase::new().await;
    let store = database.store();
    a_requested_card(&store).await;
    let before = store.read_after(0, 10).await.unwrap();
    let mut owner = database.connect().await;
    for statement in [
        "UPDATE events SET actor = 'somebody else'",
        "UPDATE events SET position = 7 WHERE false",
        "DELETE FROM events",
        "TRUNCATE events",
        "TRUNCATE events CASCADE",
        "MERGE INTO events USING (VALUES (1)) AS v (p) ON position = v.p WHEN MATCHED THEN DELETE",
        "INSERT INTO events SELECT * FROM events ON CONFLICT (position) DO UPDATE SET name = 'frozen'",
    ] {
        let refused = execute(&mut owner, statement).await.expect_err(statement);
        let code = refused.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
        assert_eq!(code, "23001", "{statement}: {refused}");
    }
    let after = store.read_after(0, 10).await.unwrap();
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
}

#[tokio::test]
async fn time_does_not_go_back_along_the_log_even_if_the_clock_does() {
    let database = TestDatabase::new().await;
    let store = database.store();
    a_requested_card(&store).await;
    // As if the server's clock had been an hour ahead for one append.
    let ahead: DateTime<Utc> = Utc::now() + Duration::hours(1);
    sqlx::query(
        "INSERT INTO events SELECT 2, kind, aggregate_id, 2, gen_random_uuid(), 'frozen', 1, $1, correlation_id, NULL,
                NULL, actor, '{\"at\":\"2026-11-01T12:00:00Z\"}' FROM events",
    )
    .bind(ahead)
    .execute(&mut database.connect().await)
    .await
    .unwrap();
    store.append(unit().stream(&a_new_card(), vec![requested(), held(1)])).await.unwrap();

    let times: Vec<_> = store.read_after(0, 10).await.unwrap().iter().map(|event| event.recorded_at).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(times[2].timestamp_micros(), ahead.timestamp_micros());
}

/// Signatures and hash chains over the data need this.
#[tokio::test]
async fn the_data_come_back_byte_for_byte() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let event = aggregates::card::Event::IssueFailed {
        issuer: "\u{0}\"\\ é 漢 \u{1f600} </script>".into(),
        reason: "  two  spaces\tand a tab ".into(),
        at: crate::examples::november(2),
    };
    let written = aggregates::Fact::write(&event).get().to_owned();
    let card = a_requested_card(&store).await;
    grown(&store, &card, vec![event]).await;

    let read = &store.stream(aggregates::Kind::Card, card.id).await.unwrap()[1];
    assert_eq!(read.data.get(), written);
    let row = sqlx::query("SELECT data::text FROM events WHERE position = 2");
    let stored: String = row.fetch_one(&mut database.connect().await).await.unwrap().get(0);
    assert_eq!(stored, written);
}
