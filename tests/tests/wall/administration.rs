use sqlx::{Connection, Executor, PgConnection, postgres::PgConnectOptions};
use store::{Config, Store};
use tests::{
    database::{keys, namespace},
    scratch::{Scratch, execute},
};

use crate::examples::a_requested_card;

/// As on a managed server: the database belongs to somebody who may make no roles, and the api logs in as somebody else
/// who owns nothing. An administrator has made the role.
#[tokio::test]
async fn an_ordinary_user_can_migrate_and_another_serve() {
    let server = std::env::var("VC_TEST_DATABASE_URL").unwrap();
    let name = format!("vc_test_{}", namespace());
    let (owner, login) = (format!("{name}_owner"), format!("{name}_login"));
    let options: PgConnectOptions = server.parse().unwrap();
    let mut administrator = PgConnection::connect_with(&options).await.unwrap();
    let sql = format!(
        "CREATE ROLE {owner} LOGIN PASSWORD 'secret'; CREATE ROLE {login} LOGIN PASSWORD 'secret';
         GRANT vc_api TO {login}"
    );
    administrator.execute(sql.as_str()).await.unwrap();
    let scratch = Scratch::create(&server, &name).await.unwrap_or_else(|failure| panic!("{failure}"));
    administrator.execute(format!("ALTER DATABASE {name} OWNER TO {owner}").as_str()).await.unwrap();

    let url_of = |user: &str| {
        let address = scratch.url();
        let (_, place) = address.split_once('@').unwrap();
        format!("postgres://{user}:secret@{place}")
    };
    store::migrate(&url_of(&owner)).await.unwrap();
    let store = Store::connect_as_api(&url_of(&login), keys(), &Config::default()).unwrap();
    a_requested_card(&store).await;
    assert_eq!(store.head().await.unwrap(), 1);
    let mut connection = PgConnection::connect(&url_of(&login)).await.unwrap();
    connection.execute("SELECT * FROM events").await.expect_err("the log is closed to its login, too");

    // Who is no member cannot be served at all.
    let stranger = Store::connect_as_api(&url_of(&owner), keys(), &Config::default()).unwrap();
    stranger.head().await.expect_err("the owner is no member");

    drop(store);
    scratch.discard().await.unwrap_or_else(|failure| panic!("{failure}"));
    execute(&server, &format!("DROP ROLE {owner}, {login}")).await.unwrap_or_else(|failure| panic!("{failure}"));
}
