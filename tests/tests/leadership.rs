//! One process at a time does what only one should do, and another takes over when it is gone.

use std::time::Duration;

use sqlx::Executor;
use tests::database::TestDatabase;
use tokio::time::timeout;

/// Long enough for a stand-by that asks twice a second to notice.
const SOON: Duration = Duration::from_secs(10);
/// Long enough to show that somebody waits.
const A_WHILE: Duration = Duration::from_millis(1_200);

#[tokio::test]
async fn one_leads_and_the_others_wait_until_it_steps_down() {
    let database = TestDatabase::new().await;
    let (first, second) = (database.store(), database.store());
    let mut leads = first.lead("relay").await;
    let mut waits = Box::pin(second.lead("relay"));
    assert!(timeout(A_WHILE, &mut waits).await.is_err(), "two would lead");
    assert!(leads.confirm().await);
    drop(leads);
    assert!(timeout(SOON, waits).await.expect("the lead is free").confirm().await);
}

#[tokio::test]
async fn tasks_have_leaders_of_their_own() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let _relay = store.lead("relay").await;
    timeout(SOON, store.lead("projections")).await.expect("another task is free");
}

#[tokio::test]
async fn the_lead_passes_on_when_its_connection_dies_and_the_old_leader_can_tell() {
    let database = TestDatabase::new().await;
    let (first, second) = (database.store(), database.store());
    let mut old = first.lead("relay").await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'lead relay'";
    database.connect().await.execute(kill).await.unwrap();
    let mut new = timeout(SOON, second.lead("relay")).await.expect("the lead is free");
    assert!(!old.confirm().await);
    timeout(SOON, old.lost(Duration::from_millis(100))).await.expect("it is lost");
    assert!(new.confirm().await);
}
