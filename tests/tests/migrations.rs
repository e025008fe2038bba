//! The schema: brought up to date by whoever comes first.

use futures::future::join_all;
use sqlx::Connection;
use tests::{database::namespace, scratch::Scratch};

/// As when all processes of a new release start together.
#[tokio::test(flavor = "multi_thread")]
async fn several_may_migrate_at_once_and_again() {
    let server = std::env::var("VC_TEST_DATABASE_URL").unwrap();
    let scratch = Scratch::create(&server, &format!("vc_test_{}", namespace())).await.unwrap_or_else(|e| panic!("{e}"));
    let url = scratch.url();
    for outcome in join_all((0..4).map(|_| store::migrate(&url))).await {
        outcome.unwrap();
    }
    store::migrate(&url).await.unwrap();

    let mut connection = scratch.connect().await.unwrap_or_else(|failure| panic!("{failure}"));
    let applied = "SELECT count(*) = count(DISTINCT version) AND bool_and(success) FROM _sqlx_migrations";
    assert!(sqlx::query_scalar::<_, bool>(applied).fetch_one(&mut connection).await.unwrap());
    connection.close().await.unwrap();
    scratch.discard().await.unwrap_or_else(|failure| panic!("{failure}"));
}
