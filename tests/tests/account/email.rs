use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};
use tests::{
    client::{Answer, Client, PASSWORD, Person},
    eventually::eventually,
    system::{TestSystem, an_email},
};

use super::{call, count, letters, mailed_token, problem, read, registered_again};

const OLD: &str = "Confirm the change of your e-mail address";
const NEW: &str = "Confirm your new e-mail address";

async fn ask(client: &mut Client, person: &Person, email: &str) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD });
    call(client, Method::POST, "/api/v2/me/email", person, body).await
}

async fn confirm(client: &mut Client, token: &str) -> Answer {
    client.post("/api/v2/auth/confirm-email-change", None, &json!({ "token": token })).await.unwrap()
}

fn changed(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["changed"].clone()
}

#[tokio::test]
async fn an_address_changes_when_both_mailboxes_have_confirmed() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let elsewhere = system.client().log_in(&person.email).await.unwrap();
    let (mut client, email) = (system.client(), an_email());
    assert_eq!(ask(&mut client, &person, &email).await.status, 202);
    let (old, new) = (mailed_token(&system, &person.email, OLD).await, mailed_token(&system, &email, NEW).await);

    assert_eq!(changed(&confirm(&mut client, &new).await), false);
    assert_eq!(problem(&confirm(&mut client, &new).await), (422, "auth.token_not_valid".into()), "a token counts once");
    assert_eq!(read(&mut client, "/api/v2/me", &person).await["email"], person.email.as_str());
    assert_eq!(changed(&confirm(&mut client, &old).await), true);
    // The session that asked stays, others end.
    assert_eq!(read(&mut client, "/api/v2/me", &person).await["email"], email.as_str());
    assert_eq!(client.get("/api/v2/me", Some(&elsewhere.token)).await.unwrap().status, 401);
    assert!(system.client().log_in(&email).await.is_ok());
    assert!(system.client().log_in(&person.email).await.is_err());
    eventually("the old address is told", async || {
        letters(&system, &person.email, "Your e-mail address was changed").await.pop()
    })
    .await;
    // The old address is free again.
    assert_ne!(registered_again(&system, &person.email).await, person.user_id);
}

/// Neither the answer nor the asker's own mailbox tells whether an address has an account.
#[tokio::test]
async fn an_address_with_an_account_is_answered_alike_and_its_owner_is_told() {
    let system = TestSystem::start().await;
    let (person, owner) = (system.a_person().await, system.a_person().await);
    let mut client = system.client();
    let free = ask(&mut client, &person, &an_email()).await;
    let taken = ask(&mut client, &person, &owner.email).await;
    assert_eq!((taken.status, taken.json()), (free.status, free.json()));
    eventually("both requests reach the asker's own mailbox", async || {
        (letters(&system, &person.email, OLD).await.len() == 2).then_some(())
    })
    .await;
    eventually("the owner is told", async || letters(&system, &owner.email, "You have an account already").await.pop())
        .await;
    assert!(letters(&system, &owner.email, NEW).await.is_empty());
}

#[tokio::test]
async fn an_address_that_was_taken_in_between_stays_with_its_owner() {
    let system = TestSystem::start().await;
    let (mut client, email) = (system.client(), an_email());
    let (first, second) = (system.a_person().await, system.a_person().await);
    let mut tokens = Vec::new();
    for person in [&first, &second] {
        assert_eq!(ask(&mut client, person, &email).await.status, 202);
        let (old, new) = (mailed_token(&system, &person.email, OLD).await, {
            let wanted = if person.email == first.email { 1 } else { 2 };
            eventually("the new mailbox has it", async || {
                (letters(&system, &email, NEW).await.len() == wanted).then_some(())
            })
            .await;
            mailed_token(&system, &email, NEW).await
        });
        assert_eq!(changed(&confirm(&mut client, &new).await), false);
        tokens.push(old);
    }
    let (mut one, mut other) = (system.client(), system.client());
    let (a, b) = tokio::join!(confirm(&mut one, &tokens[0]), confirm(&mut other, &tokens[1]));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", a.text(), b.text());
    let store = system.store();
    let moved = count(&store, &first, "email_changed").await + count(&store, &second, "email_changed").await;
    assert_eq!(moved, 1);
}

#[tokio::test]
async fn only_the_owner_may_ask_and_only_for_another_address() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let mut client = system.client();
    let path = "/api/v2/me/email";
    for (body, refusal) in [
        (json!({ "email": an_email(), "password": "not the password" }), (403, "auth.wrong_password")),
        (json!({ "email": an_email() }), (422, "request.invalid")),
        (json!({ "email": "nowhere", "password": PASSWORD }), (422, "request.invalid")),
        (json!({ "email": person.email, "password": PASSWORD }), (409, "account.email_unchanged")),
    ] {
        let answer = call(&mut client, Method::POST, path, &person, body).await;
        assert_eq!(problem(&answer), (refusal.0, refusal.1.into()));
    }
    assert_eq!(problem(&confirm(&mut client, "nonsense").await), (422, "auth.token_not_valid".into()));
    assert_eq!(count(&system.store(), &person, "email_change_requested").await, 0);
}

/// A stranger's mailbox is not filled by somebody who asks for its address again and again.
#[tokio::test]
async fn an_owner_is_not_told_again_at_once() {
    let system = TestSystem::start().await;
    let (person, owner, email) = (system.a_person().await, system.a_person().await, an_email());
    let mut client = system.client();
    for wanted in [&owner.email, &owner.email, &owner.email, &email] {
        assert_eq!(ask(&mut client, &person, wanted).await.status, 202);
    }
    // Letters go out in the order in which they were queued.
    mailed_token(&system, &email, NEW).await;
    assert_eq!(letters(&system, &owner.email, "You have an account already").await.len(), 1);
}

/// As for a stranger's questions: how long the answer takes tells nothing.
#[tokio::test]
async fn an_answer_about_an_address_leaves_at_a_tick() {
    let system = TestSystem::start_with(1, &[("VC_FLOWS__ANSWER_TICK_MILLISECONDS", "700")]).await;
    let (person, owner) = (system.a_person().await, system.a_person().await);
    let mut client = system.client();
    for email in [an_email(), owner.email] {
        let began = Instant::now();
        assert_eq!(ask(&mut client, &person, &email).await.status, 202);
        assert!(began.elapsed() >= Duration::from_millis(700), "{:?}", began.elapsed());
    }
}

/// The change and the end of the other sessions are in the log together or not at all; and a change that comes to
/// nothing ends none.
#[tokio::test]
async fn an_address_and_the_sessions_change_in_one_step() {
    let system = TestSystem::start().await;
    let (person, other) = (system.a_person().await, system.a_person().await);
    let (mut client, email) = (system.client(), an_email());
    assert_eq!(ask(&mut client, &person, &email).await.status, 202);
    let (old, new) = (mailed_token(&system, &person.email, OLD).await, mailed_token(&system, &email, NEW).await);
    assert_eq!(ask(&mut client, &other, &email).await.status, 202);
    let others_old = mailed_token(&system, &other.email, OLD).await;
    let others_new = eventually("the second letter", async || {
        let letters = letters(&system, &email, NEW).await;
        (letters.len() == 2).then_some(())
    });
    others_new.await;
    let others_new = mailed_token(&system, &email, NEW).await;
    let elsewhere = system.client().log_in(&person.email).await.unwrap();
    assert_eq!(changed(&confirm(&mut client, &new).await), false);
    assert_eq!(changed(&confirm(&mut client, &old).await), true);
    assert_eq!(client.get("/api/v2/me", Some(&elsewhere.token)).await.unwrap().status, 401);
    let transactions: (i64, i64) = sqlx::query_as(
        "SELECT count(DISTINCT xmin::text), count(*) FROM events
          WHERE aggregate_id = $1::uuid AND name IN ('email_changed', 'session_closed')",
    )
    .bind(&person.user_id)
    .fetch_one(&mut system.sql().await)
    .await
    .unwrap();
    assert_eq!(transactions, (1, 2));

    let elsewhere = system.client().log_in(&other.email).await.unwrap();
    assert_eq!(changed(&confirm(&mut client, &others_new).await), false);
    assert_eq!(problem(&confirm(&mut client, &others_old).await), (409, "account.email_taken".into()));
    assert_eq!(client.get("/api/v2/me", Some(&elsewhere.token)).await.unwrap().status, 200, "nothing has changed");
}
