//! No answer to a stranger tells who has an account: not by what it says, and not by how long it takes (invariant 9;
//! OWASP ASVS 5.0 §6.3.8).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use aggregates::user;
use serde_json::{Value, json};
use tests::{
    client::{Answer, Client},
    system::{TestSystem, an_email},
};

use super::{NEW_PASSWORD, decide, registration};

/// What a stranger may send about an address.
fn questions(email: &str) -> Vec<(&'static str, Value)> {
    let (address, register) = (json!({ "email": email }), registration(email, NEW_PASSWORD));
    let login = json!({ "email": email, "password": "not the password" });
    vec![
        ("/api/v1/auth/register", register.clone()),
        ("/api/v2/auth/register", register),
        ("/api/v1/auth/verify-email/resend", address.clone()),
        ("/api/v2/auth/verify-email/resend", address.clone()),
        ("/api/v2/auth/password-reset", address),
        ("/api/v1/auth/login", login.clone()),
        ("/api/v2/auth/login", login),
    ]
}

/// An address of each kind that there may be, with its name.
async fn addresses(system: &TestSystem) -> Vec<(&'static str, String)> {
    let unverified = an_email();
    system.client().apply(&unverified).await.unwrap();
    let closed = system.a_person().await;
    decide(system, &closed.user_id, user::Command::Close { now: chrono::Utc::now() }).await;
    vec![
        ("unknown", an_email()),
        ("known", system.a_person().await.email),
        ("unverified", unverified),
        ("closed", closed.email),
    ]
}

/// All of an answer but what differs from request to request.
fn told(answer: &Answer) -> (u16, BTreeMap<String, String>, Value) {
    let mut body = answer.json();
    if body["request_id"].is_string() {
        body["request_id"] = Value::Null;
    }
    let headers = answer.headers.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    (answer.status.as_u16(), headers.collect(), body)
}

async fn ask(client: &mut Client, path: &str, body: &Value) -> Answer {
    client.post(path, None, body).await.unwrap()
}

#[tokio::test]
async fn an_answer_says_the_same_whatever_account_there_is() {
    let system = TestSystem::start().await;
    let (mut client, addresses) = (system.client(), addresses(&system).await);
    let mut answers: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (kind, email) in &addresses {
        for (path, body) in questions(email) {
            answers.entry(path).or_default().push((kind, told(&ask(&mut client, path, &body).await)));
        }
    }
    for (path, answers) in answers {
        for (kind, told) in &answers {
            assert_eq!(*told, answers[0].1, "{path} tells a {kind} address from an unknown one");
        }
    }
}

/// Answers that come of different work leave at the ticks of a clock, long after any of it is done.
#[tokio::test]
async fn no_answer_leaves_before_all_of_them_could() {
    let system = TestSystem::start_with(1, &[("VC_FLOWS__ANSWER_TICK_MILLISECONDS", "700")]).await;
    let (mut client, addresses) = (system.client(), addresses(&system).await);
    for (kind, email) in &addresses {
        for (path, body) in questions(email).into_iter().filter(|(path, _)| path.contains("v2")) {
            let began = Instant::now();
            let status = ask(&mut client, path, &body).await.status;
            let waits = status == 202;
            assert!(!waits || began.elapsed() >= Duration::from_millis(700), "{path} for a {kind} address");
            // A login does the same for everybody: it checks a hash.
            assert_eq!(waits, !path.ends_with("login"), "{path} {status}");
        }
    }
}
