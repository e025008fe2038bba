//! A factor comes and goes in one step, whatever becomes of the request.

use std::time::Duration;

use aggregates::{UserId, user::User};
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::Connection;
use tests::{client::Person, eventually::eventually, system::TestSystem};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{an_enrolled_person, factors, half_done, second_step};

fn id(person: &Person) -> UserId {
    person.user_id.parse().unwrap()
}

/// The names of the person's events that were appended together with this one, which is there once.
async fn appended_with(system: &TestSystem, person: &Person, name: &str) -> Vec<String> {
    let sql = "SELECT o.name FROM events e JOIN events o ON o.aggregate_id = e.aggregate_id
                  AND o.recorded_at = e.recorded_at
                WHERE e.aggregate_id = $1 AND e.name = $2 ORDER BY o.position";
    sqlx::query_scalar(sql).bind(id(person).0).bind(name).fetch_all(&mut system.sql().await).await.unwrap()
}

#[tokio::test]
async fn a_factor_its_codes_and_the_end_of_other_sessions_are_one_append() {
    let system = TestSystem::start().await;
    let mut client = system.client();
    for (event, passkey) in [("totp_enabled", false), ("passkey_added", true)] {
        let person = system.a_person().await;
        client.log_in(&person.email).await.unwrap();
        match passkey {
            true => _ = client.add_passkey(&person, None).await.unwrap(),
            false => _ = client.enrol(&person).await.unwrap(),
        }
        let expected = [event, "recovery_codes_issued", "session_closed"];
        assert_eq!(appended_with(&system, &person, event).await, expected);
    }
}

/// The client goes away while the server waits for the table of recovery codes.
#[tokio::test]
async fn a_client_that_hangs_up_leaves_no_factor_half_enabled() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    let other = client.log_in(&person.email).await.unwrap();
    let begun = client.post("/api/v2/me/totp", Some(&person.token), &json!({})).await.unwrap().json();
    let step = chrono::Utc::now().timestamp().unsigned_abs() / 30;
    let code = tests::authenticator::code(begun["secret"].as_str().unwrap(), step).unwrap();

    let mut sql = system.sql().await;
    let mut lock = sql.begin().await.unwrap();
    sqlx::query("LOCK TABLE recovery_codes").execute(&mut *lock).await.unwrap();
    let body = json!({ "code": code }).to_string();
    let mut stream = TcpStream::connect(system.processes.api()).await.unwrap();
    let request = format!(
        "POST /api/v2/me/totp/confirm HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        person.token,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    eventually("the server waits for the table", async || {
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'recovery_codes'::regclass";
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&mut system.sql().await).await.unwrap();
        (waiting > 0).then_some(())
    })
    .await;
    drop(stream);
    // Time to notice it; a server that has not is only a weaker test.
    tokio::time::sleep(Duration::from_millis(200)).await;
    lock.rollback().await.unwrap();

    eventually("all of it is done", async || {
        let me = factors(&mut client, &person).await;
        let ended = client.get("/api/v1/users/me", Some(&other.token)).await.unwrap().status == 401;
        (ended && me == json!({ "totp": true, "passkeys": [], "recovery_codes": 10 })).then_some(())
    })
    .await;
}

/// As a crash leaves it: the table has codes that the log does not know of.
#[tokio::test]
async fn codes_that_the_log_does_not_name_do_not_count() {
    let system = TestSystem::start().await;
    let (person, codes) = an_enrolled_person(&system).await;
    let (store, mut client) = (system.store(), system.client());
    let unknown = store.add_recovery_codes(id(&person)).await.unwrap();
    assert_eq!(factors(&mut client, &person).await["recovery_codes"], 10);
    let half = half_done(&mut client, &person).await;
    let proof = json!({ "recovery_code": unknown.codes[0].expose_secret() });
    assert_eq!(second_step(&mut client, &half, proof).await.status, 401);
    assert_eq!(second_step(&mut client, &half, json!({ "recovery_code": codes[0] })).await.status, 200);
    assert_eq!(store.load_latest::<User>(id(&person)).await.unwrap().recovery_codes(), 9);
}
