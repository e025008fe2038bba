use serde_json::json;
use tests::{
    client::PASSWORD,
    mailbox::VERIFY,
    system::{TestSystem, an_email},
};

use super::{MAILS_ARE_OLD, NEW_PASSWORD, code, complete_reset, letters, log_in, log_in_status, registration, sql};

#[tokio::test]
async fn an_account_can_be_used_once_its_address_is_confirmed() {
    let system = TestSystem::start().await;
    let (mut client, email) = (system.client(), an_email());
    client.apply(&email).await.unwrap();
    assert_eq!(code(&log_in(&mut client, &email, PASSWORD).await), (401, "auth.bad_credentials".into()));

    let token = client.mailed_token(&email, VERIFY).await.unwrap();
    let verified = client.post("/api/v2/auth/verify-email", None, &json!({ "token": token })).await.unwrap();
    assert_eq!((verified.status.as_u16(), &verified.json()["email"]), (200, &json!(email)), "{}", verified.text());
    assert_eq!(log_in_status(&mut client, &email, PASSWORD).await, 200);

    for version in ["v1", "v2"] {
        let path = format!("/api/{version}/auth/verify-email");
        let again = client.post(&path, None, &json!({ "token": token })).await.unwrap();
        assert_eq!(code(&again), (422, "auth.token_not_valid".into()), "a token works once");
    }
}

#[tokio::test]
async fn a_token_for_an_address_expires_and_another_can_be_had() {
    let system = TestSystem::start().await;
    let (mut client, email) = (system.client(), an_email());
    client.apply(&email).await.unwrap();
    let first = client.mailed_token(&email, VERIFY).await.unwrap();
    sql(&system, "UPDATE one_time SET expires_at = now() - interval '1 second'").await;
    let verify = json!({ "token": first });
    let refused = client.post("/api/v1/auth/verify-email", None, &verify).await.unwrap();
    assert_eq!(code(&refused), (422, "auth.token_not_valid".into()));

    // Too soon for a second mail; then not any more.
    let address = json!({ "email": email });
    for _ in 0..2 {
        let asked = client.post("/api/v1/auth/verify-email/resend", None, &address).await.unwrap();
        assert_eq!((asked.status.as_u16(), asked.json()), (202, json!({ "success": true })));
        sql(&system, MAILS_ARE_OLD).await;
    }
    let letters = letters(&system, &email, VERIFY, 2).await;
    assert_eq!(letters.len(), 2);
    let verify = json!({ "token": letters[1].token() });
    assert_eq!(client.post("/api/v2/auth/verify-email", None, &verify).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_login_before_the_confirmation_brings_the_mail_again() {
    let system = TestSystem::start().await;
    let (mut client, email) = (system.client(), an_email());
    client.apply(&email).await.unwrap();
    letters(&system, &email, VERIFY, 1).await;
    sql(&system, MAILS_ARE_OLD).await;
    assert_eq!(log_in_status(&mut client, &email, "not the password").await, 401);
    assert_eq!(log_in_status(&mut client, &email, PASSWORD).await, 401);
    assert_eq!(
        letters(&system, &email, VERIFY, 2).await.len(),
        2,
        "one for the right password, none for the wrong one"
    );
}

#[tokio::test]
async fn the_owner_of_a_known_address_is_told_by_mail_and_not_often() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let mut client = system.client();
    for _ in 0..3 {
        let body = registration(&person.email, NEW_PASSWORD);
        assert_eq!(client.post("/api/v2/auth/register", None, &body).await.unwrap().status, 202);
    }
    let letters = letters(&system, &person.email, "You have an account already", 1).await;
    assert_eq!(letters.len(), 2, "the confirmation, and one notice: {letters:?}");
    assert_eq!(log_in_status(&mut client, &person.email, NEW_PASSWORD).await, 401);
    assert_eq!(log_in_status(&mut client, &person.email, PASSWORD).await, 200);
}

/// A stranger registers somebody's address, before its owner does or after, and waits for the owner to confirm it.
#[tokio::test]
async fn nobody_gets_into_an_account_by_registering_its_address_before_or_after_its_owner() {
    let system = TestSystem::start().await;
    let mut client = system.client();
    for [first, second] in [["the stranger's own one", NEW_PASSWORD], [NEW_PASSWORD, "the stranger's own one"]] {
        let email = an_email();
        for password in [first, second, second] {
            let answer = client.post("/api/v1/auth/register", None, &registration(&email, password)).await.unwrap();
            assert_eq!(answer.status, 202);
        }
        let token = client.mailed_token(&email, VERIFY).await.unwrap();
        let verified = client.post("/api/v1/auth/verify-email", None, &json!({ "token": token })).await.unwrap();
        assert_eq!(verified.status, 200, "{}", verified.text());
        for password in [first, second] {
            assert_eq!(log_in_status(&mut client, &email, password).await, 401, "nobody's password counts");
        }

        let token = client.mailed_token(&email, "Choose your password").await.unwrap();
        assert_eq!(complete_reset(&mut client, &token, "my own choice at last").await.status, 204);
        assert_eq!(log_in_status(&mut client, &email, "my own choice at last").await, 200);
    }
}

#[tokio::test]
async fn somebody_who_registers_again_with_the_same_password_may_correct_their_name() {
    let system = TestSystem::start().await;
    let (mut client, email) = (system.client(), an_email());
    client.apply(&email).await.unwrap();
    let mut corrected = registration(&email, PASSWORD);
    corrected["last_name"] = json!("King");
    assert_eq!(client.post("/api/v1/auth/register", None, &corrected).await.unwrap().status, 202);
    let token = client.mailed_token(&email, VERIFY).await.unwrap();
    let verified = client.post("/api/v1/auth/verify-email", None, &json!({ "token": token })).await.unwrap();
    assert_eq!(verified.json()["user"]["last_name"], "King");
    assert_eq!(log_in_status(&mut client, &email, PASSWORD).await, 200);
}

/// Any number of registrations with one address, at once: one account.
#[tokio::test]
async fn registrations_of_one_address_at_once_open_one_account() {
    let system = TestSystem::start_with(2, &[]).await;
    let email = an_email();
    let registrations: Vec<_> = (0..8)
        .map(|i| {
            let (mut client, body) = (system.client_of(i % 2), registration(&email, PASSWORD));
            tokio::spawn(async move { client.post("/api/v1/auth/register", None, &body).await.unwrap().status })
        })
        .collect();
    for registration in registrations {
        assert_eq!(registration.await.unwrap(), 202);
    }
    let events = system.store().read_after(0, 100).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.name == "registered").count(), 1);
    let keys = "SELECT count(*) FROM person_keys";
    let keys: i64 = sqlx::query_scalar(keys).fetch_one(&mut system.sql().await).await.unwrap();
    assert_eq!(keys, 1, "what came too late has left nothing");
}

/// A registration that dies between its secrets and its event leaves secrets of nobody.
#[tokio::test]
async fn secrets_that_no_account_came_of_are_thrown_away_after_a_day() {
    let database = tests::database::TestDatabase::new().await;
    let store = database.store();
    let (old, young) = (crate::examples::a_person(), crate::examples::a_person());
    for user in [old, young] {
        store.create_person_key(user).await.unwrap();
        let hashed = store.hash_password(PASSWORD.into()).await.unwrap();
        store.set_password(user, &hashed).await.unwrap();
    }
    let age = "UPDATE person_keys SET created_at = now() - interval '2 days' WHERE user_id = $1";
    sqlx::query(age).bind(old.0).execute(&mut database.connect().await).await.unwrap();
    let now = chrono::Utc::now();
    let span = now - chrono::TimeDelta::days(8)..now - chrono::TimeDelta::days(1);
    assert_eq!(store.discard_orphaned_secrets(span.clone()).await.unwrap(), 1);
    assert!(store.password_set_at(old).await.unwrap().is_none());
    assert!(store.password_set_at(young).await.unwrap().is_some());
    assert_eq!(store.discard_orphaned_secrets(span).await.unwrap(), 0);
}

/// A stranger may have registered the address of somebody who is to become an admin, and wait for the role.
#[tokio::test]
async fn an_unconfirmed_account_is_given_no_role() {
    let system = TestSystem::start().await;
    let (mut client, email) = (system.client(), an_email());
    client.apply(&email).await.unwrap();
    let arguments = ["admin", "create", "--email", &email, "--first-name", "Ada", "--last-name", "Lovelace"];
    assert!(system.environment.run(&arguments).await.is_err());
    let events = system.store().read_after(0, 100).await.unwrap();
    assert_eq!(events.iter().map(|event| &*event.name).collect::<Vec<_>>(), ["registered"]);
}
