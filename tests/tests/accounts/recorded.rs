//! Every attempt is recorded: who, what, when, from where, with what outcome (PCI DSS 4.0.1, 10.2.1 and 10.2.2).

use chrono::{TimeDelta, Utc};
use serde_json::json;
use tests::{
    client::PASSWORD,
    system::{TestSystem, an_email},
};
use uuid::Uuid;

use super::{NEW_PASSWORD, change_password, complete_reset, log_in, registration, reset_token};

type Entry = (String, String, Option<String>, Option<Uuid>, bool);

/// Action, outcome, reason, person, and whether address and tried account are there as far as they should be.
async fn recorded(system: &TestSystem) -> Vec<Entry> {
    let sql = "SELECT action, outcome, reason, user_id, address = '127.0.0.1'::inet AND request_id IS NOT NULL
                 FROM authentications ORDER BY entry_id";
    sqlx::query_as(sql).fetch_all(&mut system.sql().await).await.unwrap()
}

#[tokio::test]
async fn every_attempt_is_recorded_with_its_outcome() {
    let system = TestSystem::start().await;
    let mut client = system.client();
    let person = system.a_person().await;
    let nobody = an_email();
    log_in(&mut client, &person.email, "not the password").await;
    log_in(&mut client, &nobody, "not the password").await;
    client.post("/api/v2/auth/register", None, &registration(&person.email, PASSWORD)).await.unwrap();
    client.post("/api/v2/auth/verify-email", None, &json!({ "token": "nonsense" })).await.unwrap();
    client.post("/api/v2/auth/password-reset", None, &json!({ "email": nobody })).await.unwrap();
    change_password(&mut client, &person, "not the password", NEW_PASSWORD).await;
    change_password(&mut client, &person, PASSWORD, NEW_PASSWORD).await;
    let token = reset_token(&mut client, &person.email).await;
    complete_reset(&mut client, "nonsense", PASSWORD).await;
    complete_reset(&mut client, &token, "yet another long one").await;
    for _ in 0..6 {
        log_in(&mut client, &person.email, "not the password").await;
    }

    let person = person.user_id.parse().ok();
    let expected = [
        ("register", "success", None, person),
        ("verify_email", "success", None, person),
        ("log_in", "success", None, person),
        ("log_in", "failure", Some("bad_credentials"), person),
        ("log_in", "failure", Some("bad_credentials"), None),
        ("register", "failure", Some("address_known"), person),
        ("verify_email", "failure", Some("bad_token"), None),
        ("request_password_reset", "failure", Some("no_account"), None),
        ("change_password", "failure", Some("wrong_password"), person),
        ("change_password", "success", None, person),
        ("request_password_reset", "success", None, person),
        ("reset_password", "failure", Some("bad_token"), None),
        ("reset_password", "success", None, person),
    ];
    let failure = ("log_in", "failure", Some("bad_credentials"), person);
    let locked = ("log_in", "locked", Some("too_many_failures"), person);
    // One failure was there already.
    let expected = expected.into_iter().chain([failure, failure, failure, failure, locked, locked]);
    let expected: Vec<Entry> = expected
        .map(|(action, outcome, reason, user)| (action.into(), outcome.into(), reason.map(Into::into), user, true))
        .collect();
    assert_eq!(recorded(&system).await, expected);
}

/// The address that was tried is there as a keyed hash alone, the same for the same one.
#[tokio::test]
async fn what_was_tried_is_recorded_without_being_told() {
    let system = TestSystem::start().await;
    let (email, mut client) = (an_email(), system.client());
    for spelling in [email.clone(), email.to_uppercase()] {
        log_in(&mut client, &spelling, PASSWORD).await;
    }
    let sql = "SELECT count(DISTINCT subject), count(*) FROM authentications WHERE subject IS NOT NULL";
    let counts: (i64, i64) = sqlx::query_as(sql).fetch_one(&mut system.sql().await).await.unwrap();
    assert_eq!(counts, (1, 2));
}

#[tokio::test]
async fn the_record_can_only_grow_until_its_entries_are_old() {
    let system = TestSystem::start().await;
    system.a_person().await;
    let mut sql = system.sql().await;
    for statement in
        ["UPDATE authentications SET outcome = 'success'", "DELETE FROM authentications", "TRUNCATE authentications"]
    {
        assert!(sqlx::query(statement).execute(&mut sql).await.is_err(), "{statement}");
    }
    let store = system.store();
    assert_eq!(store.forget_authentications(Utc::now() - TimeDelta::days(1)).await.unwrap(), 0);
    assert_eq!(store.forget_authentications(Utc::now()).await.unwrap(), 3);
    assert!(recorded(&system).await.is_empty());
}
