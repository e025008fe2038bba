use aggregates::{Kind, UserId, user};
use chrono::Utc;
use serde_json::json;
use tests::{
    client::{Client, PASSWORD, Person},
    eventually::eventually,
    mailbox::RESET,
    system::TestSystem,
};

use super::{
    MAILS_ARE_OLD, NEW_PASSWORD, change_password, code, complete_reset, decide, letters, log_in, log_in_status,
    reset_token, sql,
};

async fn is_in(client: &mut Client, token: &str) -> bool {
    client.get("/api/v1/users/me", Some(token)).await.unwrap().status == 200
}

/// Names of the person's last events.
async fn events(system: &TestSystem, person: &Person) -> Vec<String> {
    let id = person.user_id.parse::<UserId>().unwrap();
    let events = system.store().stream(Kind::User, id.0).await.unwrap();
    events.iter().map(|event| event.name.to_string()).collect()
}

#[tokio::test]
async fn a_changed_password_ends_all_other_sessions_everywhere() {
    let system = TestSystem::start_with(2, &[]).await;
    let (person, mut client) = (system.a_person().await, system.client());
    let elsewhere = client.log_in(&person.email).await.unwrap();
    assert!(is_in(&mut system.client_of(1), &elsewhere.token).await);
    assert_eq!(
        code(&change_password(&mut client, &person, "not it", NEW_PASSWORD).await),
        (403, "auth.wrong_password".into())
    );

    let changed = change_password(&mut client, &person, PASSWORD, NEW_PASSWORD).await;
    assert_eq!(changed.status, 204, "{}", changed.text());
    assert!(changed.position().is_some());
    for api in [0, 1] {
        let mut client = system.client_of(api);
        assert!(is_in(&mut client, &person.token).await && !is_in(&mut client, &elsewhere.token).await);
    }
    assert_eq!(log_in_status(&mut client, &person.email, PASSWORD).await, 401);
    assert_eq!(log_in_status(&mut client, &person.email, NEW_PASSWORD).await, 200);
    letters(&system, &person.email, "Your password was changed", 1).await;
    assert_eq!(events(&system, &person).await[4..6], ["password_changed", "session_closed"]);
}

#[tokio::test]
async fn a_changed_password_ends_other_sessions_also_where_redis_is_away() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let alone = system.another_api(&[("VC_REDIS_URL", "redis://127.0.0.1:1")]).await;
    let mut client = Client::new(alone.address());
    let elsewhere = client.log_in(&person.email).await.unwrap();
    assert_eq!(change_password(&mut client, &person, PASSWORD, NEW_PASSWORD).await.status, 204);
    assert!(is_in(&mut client, &person.token).await && !is_in(&mut client, &elsewhere.token).await);
}

#[tokio::test]
async fn a_reset_ends_all_sessions_and_its_token_works_once() {
    let system = TestSystem::start_with(2, &[]).await;
    let (person, mut client) = (system.a_person().await, system.client());
    let token = reset_token(&mut client, &person.email).await;
    let refused = complete_reset(&mut client, &token, "Password1234").await;
    assert_eq!(code(&refused), (422, "password.common".into()));
    assert_eq!(
        complete_reset(&mut client, &token, NEW_PASSWORD).await.status,
        204,
        "a refused password uses nothing up"
    );
    for api in [0, 1] {
        assert!(!is_in(&mut system.client_of(api), &person.token).await);
    }
    assert_eq!(log_in_status(&mut client, &person.email, PASSWORD).await, 401);
    assert_eq!(log_in_status(&mut client, &person.email, NEW_PASSWORD).await, 200);
    let again = complete_reset(&mut client, &token, "yet another long one").await;
    assert_eq!(code(&again), (422, "auth.token_not_valid".into()));
    letters(&system, &person.email, "Your password was changed", 1).await;
}

#[tokio::test]
async fn a_reset_token_is_void_after_ten_minutes_a_newer_one_or_a_change_of_the_password() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    let not_valid = (422, "auth.token_not_valid".to_owned());

    let first = reset_token(&mut client, &person.email).await;
    let ages = "SELECT max(extract(epoch FROM expires_at - created_at))::float8 FROM one_time WHERE purpose = 'reset_password'";
    let lifetime: f64 = sqlx::query_scalar(ages).fetch_one(&mut system.sql().await).await.unwrap();
    assert!((500.0..=601.0).contains(&lifetime), "{lifetime} s");
    sql(&system, "UPDATE one_time SET expires_at = now()").await;
    assert_eq!(code(&complete_reset(&mut client, &first, NEW_PASSWORD).await), not_valid);

    // A second one at once is not sent; later it is, and voids the one before.
    sql(&system, "UPDATE one_time SET expires_at = now() + interval '5 minutes'").await;
    let ask = json!({ "email": person.email });
    client.post("/api/v2/auth/password-reset", None, &ask).await.unwrap();
    sql(&system, MAILS_ARE_OLD).await;
    client.post("/api/v2/auth/password-reset", None, &ask).await.unwrap();
    let letters = letters(&system, &person.email, RESET, 2).await;
    let second = letters.last().unwrap().token().unwrap();
    assert_eq!(code(&complete_reset(&mut client, &first, NEW_PASSWORD).await), not_valid);

    assert_eq!(change_password(&mut client, &person, PASSWORD, "changed in between").await.status, 204);
    assert_eq!(code(&complete_reset(&mut client, &second, NEW_PASSWORD).await), not_valid);
    assert_eq!(log_in_status(&mut client, &person.email, "changed in between").await, 200);
}

/// OWASP ASVS 5.0 §6.4.3.
#[tokio::test]
async fn a_reset_keeps_second_factors() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    decide(&system, &person.user_id, user::Command::EnableTotp { now: Utc::now() }).await;
    // A login that got halfway with the old password does not outlive it.
    let halfway = log_in(&mut client, &person.email, PASSWORD).await;
    assert_eq!(halfway.status, 202);
    let token = reset_token(&mut client, &person.email).await;
    assert_eq!(complete_reset(&mut client, &token, NEW_PASSWORD).await.status, 204);
    let waiting = "SELECT count(*) FROM one_time WHERE purpose = 'second_factor'";
    assert_eq!(sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut system.sql().await).await.unwrap(), 0);

    let login = log_in(&mut client, &person.email, NEW_PASSWORD).await;
    assert_eq!((login.status.as_u16(), &login.json()["factors"]), (202, &json!(["totp"])), "{}", login.text());
}

/// Two who complete with one token at once: one of them wins, whole.
#[tokio::test]
async fn a_reset_token_that_is_used_twice_at_once_works_once() {
    let system = TestSystem::start_with(2, &[]).await;
    let person = system.a_person().await;
    let token = reset_token(&mut system.client(), &person.email).await;
    let completions: Vec<_> = (0..6)
        .map(|i| {
            let (mut client, token) = (system.client_of(i % 2), token.clone());
            tokio::spawn(
                async move { complete_reset(&mut client, &token, &format!("{NEW_PASSWORD} {i}")).await.status },
            )
        })
        .collect();
    let mut won = Vec::new();
    for (i, completion) in completions.into_iter().enumerate() {
        if completion.await.unwrap() == 204 {
            won.push(i);
        }
    }
    assert_eq!(won.len(), 1, "{won:?}");
    let password = format!("{NEW_PASSWORD} {}", won[0]);
    assert_eq!(log_in_status(&mut system.client(), &person.email, &password).await, 200);
}

/// A crash after the tables and before the log: a worker appends what is missing.
#[tokio::test]
async fn a_replacement_that_a_crash_left_without_its_event_gets_it_from_a_worker() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    sql(&system, "UPDATE credentials SET unrecorded = 'reset', changed_at = now() - interval '1 minute'").await;
    eventually("the event is there", async || {
        events(&system, &person).await.contains(&"password_reset".to_owned()).then_some(())
    })
    .await;
    eventually("and is not owed any more", async || {
        let owed = "SELECT count(*) FROM credentials WHERE unrecorded IS NOT NULL";
        let owed: i64 = sqlx::query_scalar(owed).fetch_one(&mut system.sql().await).await.unwrap();
        (owed == 0).then_some(())
    })
    .await;
    assert_eq!(events(&system, &person).await.iter().filter(|name| *name == "password_reset").count(), 1);
}

#[tokio::test]
async fn a_closed_account_cannot_be_reset_nor_confirmed() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    let token = reset_token(&mut client, &person.email).await;
    decide(&system, &person.user_id, user::Command::Close { now: Utc::now() }).await;
    let completed = complete_reset(&mut client, &token, NEW_PASSWORD).await;
    assert_eq!(code(&completed), (422, "auth.token_not_valid".into()));
    for password in [PASSWORD, NEW_PASSWORD] {
        let login = log_in(&mut client, &person.email, password).await;
        assert_eq!(code(&login), (401, "auth.bad_credentials".into()), "{password}");
    }
}

/// A crash between the event and the note that it is there.
#[tokio::test]
async fn a_replacement_that_the_log_knows_is_not_recorded_again() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    assert_eq!(change_password(&mut client, &person, PASSWORD, NEW_PASSWORD).await.status, 204);
    sql(&system, "UPDATE credentials SET unrecorded = 'changed'").await;
    let owed = "SELECT count(*) FROM credentials WHERE unrecorded IS NOT NULL";
    eventually("nothing is owed", async || {
        let owed: i64 = sqlx::query_scalar(owed).fetch_one(&mut system.sql().await).await.unwrap();
        (owed == 0).then_some(())
    })
    .await;
    let changes = events(&system, &person).await.into_iter().filter(|name| name == "password_changed").count();
    assert_eq!(changes, 1);
}
