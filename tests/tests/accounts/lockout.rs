use aggregates::user;
use futures::future::join_all;
use serde_json::json;
use tests::{
    client::{Answer, Client, PASSWORD},
    system::{TestSystem, an_email},
};

use super::{NEW_PASSWORD, change_password, code, decide, log_in, log_in_status, reset_token, sql};

const WRONG: &str = "not the password";

/// Fails to log in so often that the next attempt is not looked at.
async fn lock(client: &mut Client, email: &str) {
    for _ in 0..5 {
        assert_eq!(code(&log_in(client, email, WRONG).await), (401, "auth.bad_credentials".into()));
    }
}

fn wait(answer: &Answer) -> u64 {
    assert_eq!(code(answer), (429, "auth.locked".into()));
    answer.header("retry-after").unwrap().parse().unwrap()
}

#[tokio::test]
async fn after_five_failures_an_account_waits_whoever_comes_and_whether_there_is_one_or_not() {
    let system = TestSystem::start_with(2, &[]).await;
    let (person, nobody) = (system.a_person().await, an_email());
    for email in [&person.email, &nobody] {
        lock(&mut system.client_of(0), email).await;
        for password in [WRONG, PASSWORD] {
            let seconds = wait(&log_in(&mut system.client_of(1), &email.to_uppercase(), password).await);
            assert!((25..=30).contains(&seconds), "{seconds} s");
        }
    }
    let other = system.a_person().await;
    assert_eq!(log_in_status(&mut system.client(), &other.email, PASSWORD).await, 200, "others do not wait");
    let me = system.client().get("/api/v1/users/me", Some(&person.token)).await.unwrap();
    assert_eq!(me.status, 200, "who is in stays in");
}

#[tokio::test]
async fn each_failure_after_a_lock_makes_the_next_one_longer_and_a_success_ends_it() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    lock(&mut client, &person.email).await;
    for expected in [30, 60, 120, 240, 480, 900, 900] {
        let seconds = wait(&log_in(&mut client, &person.email, PASSWORD).await);
        assert!((expected - 8..=expected).contains(&seconds), "{seconds} s, not {expected} s");
        sql(&system, "UPDATE login_failures SET locked_until = now() WHERE locked_until IS NOT NULL").await;
        assert_eq!(log_in_status(&mut client, &person.email, WRONG).await, 401);
    }
    sql(&system, "UPDATE login_failures SET locked_until = now()").await;
    assert_eq!(log_in_status(&mut client, &person.email, PASSWORD).await, 200);
    lock(&mut client, &person.email).await;
    wait(&log_in(&mut client, &person.email, PASSWORD).await);
}

#[tokio::test]
async fn failures_of_yesterday_are_forgotten() {
    let system = TestSystem::start().await;
    let (email, mut client) = (an_email(), system.client());
    for _ in 0..4 {
        log_in(&mut client, &email, WRONG).await;
    }
    sql(&system, "UPDATE login_failures SET last_failure = now() - interval '25 hours'").await;
    lock(&mut client, &email).await;
    wait(&log_in(&mut client, &email, WRONG).await);
}

/// Redis may forget, and Redis may be away.
#[tokio::test]
async fn a_lock_holds_without_redis() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    lock(&mut system.client(), &person.email).await;
    let mut redis = system.redis().await;
    let keys = system.redis_keys().await;
    redis::cmd("UNLINK").arg(keys).exec_async(&mut redis).await.unwrap();
    wait(&log_in(&mut system.client(), &person.email, PASSWORD).await);

    let alone = system.another_api(&[("VC_REDIS_URL", "redis://127.0.0.1:1")]).await;
    let mut client = Client::new(alone.address());
    wait(&log_in(&mut client, &person.email, PASSWORD).await);
    let email = an_email();
    lock(&mut client, &email).await;
    wait(&log_in(&mut client, &email, WRONG).await);
    wait(&log_in(&mut system.client(), &email, WRONG).await);
}

/// Guesses that run side by side are no more than guesses one by one.
#[tokio::test]
async fn guesses_at_once_learn_no_more_than_five_answers() {
    let system = TestSystem::start_with(2, &[]).await;
    let person = system.a_person().await;
    let guesses = (0..24).map(|i| {
        let (mut client, email) = (system.client_of(i % 2), person.email.clone());
        async move { log_in(&mut client, &email, WRONG).await }
    });
    let answers = join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 401).count();
    let locked = answers.iter().filter(|answer| answer.json()["code"] == "auth.locked").count();
    assert_eq!((looked_at, locked), (5, 19));
}

#[tokio::test]
async fn a_network_that_fails_all_over_waits_too() {
    let system = TestSystem::start_with(1, &[("VC_FLOWS__LOCKOUT__NETWORK_FAILURES", "6")]).await;
    let (person, mut client) = (system.a_person().await, system.client());
    for _ in 0..6 {
        assert_eq!(log_in_status(&mut client, &an_email(), WRONG).await, 401);
        // A success of one's own does not take back the others.
        if system.client().log_in(&person.email).await.is_err() {
            break;
        }
    }
    wait(&log_in(&mut client, &person.email, PASSWORD).await);
}

#[tokio::test]
async fn guessing_the_current_password_of_an_open_session_is_braked_alike() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    for _ in 0..5 {
        let answer = change_password(&mut client, &person, WRONG, NEW_PASSWORD).await;
        assert_eq!(code(&answer), (403, "auth.wrong_password".into()));
    }
    wait(&change_password(&mut client, &person, PASSWORD, NEW_PASSWORD).await);
    assert_eq!(log_in_status(&mut client, &person.email, PASSWORD).await, 200, "counted apart from logins");
}

/// Strangers who fail at the door do not keep the owner from what is done inside.
#[tokio::test]
async fn whoever_is_in_is_not_locked_by_strangers() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    lock(&mut client, &person.email).await;
    assert_eq!(change_password(&mut client, &person, PASSWORD, NEW_PASSWORD).await.status, 204);
}

/// A new ticket, for which the password is enough, brings no new guesses.
#[tokio::test]
async fn second_factors_are_braked_over_all_tickets() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    decide(&system, &person.user_id, user::Command::EnableTotp { now: chrono::Utc::now() }).await;
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let ticket = log_in(&mut client, &person.email, PASSWORD).await.json()["mfa_token"].clone();
        for _ in 0..4 {
            let body = json!({ "mfa_token": ticket, "recovery_code": "AAAA-AAAA-AAAA-AAAA" });
            let answer = client.post("/api/v2/auth/login/second-factor", None, &body).await.unwrap();
            outcomes.push(code(&answer).1);
        }
    }
    assert_eq!(outcomes[..5], [const { "auth.proof_refused" }; 5], "{outcomes:?}");
    assert_eq!(outcomes[5..], [const { "auth.locked" }; 3], "{outcomes:?}");
}

/// A lock keeps guesses out, not the owner who reads the mail; and what a reset brings is still under the lock.
#[tokio::test]
async fn a_locked_account_can_be_reset_and_stays_locked() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    lock(&mut client, &person.email).await;
    let token = reset_token(&mut client, &person.email).await;
    assert_eq!(super::complete_reset(&mut client, &token, NEW_PASSWORD).await.status, 204);
    wait(&log_in(&mut client, &person.email, NEW_PASSWORD).await);
    sql(&system, "UPDATE login_failures SET locked_until = now()").await;
    assert_eq!(log_in_status(&mut client, &person.email, NEW_PASSWORD).await, 200);
}
