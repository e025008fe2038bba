//! Accounts: opened by somebody who reads the mail, kept by passwords that nobody guesses, and known to no stranger.

mod enumeration;
mod lockout;
mod mail;
mod password_changes;
mod password_rules;
mod recorded;
mod registration;

use aggregates::{
    Actor, Context, UserId,
    user::{self, User},
};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use store::{Unit, new_id};
use tests::{
    client::{Answer, Client, Person},
    eventually::eventually,
    mailbox::Letter,
    system::TestSystem,
};

const NEW_PASSWORD: &str = "tram adagio violet 7";

fn registration(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password, "first_name": "Ada", "last_name": "Lovelace" })
}

/// A login with any password; what was answered.
async fn log_in(client: &mut Client, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    client.post("/api/v2/auth/login", None, &body).await.unwrap()
}

async fn log_in_status(client: &mut Client, email: &str, password: &str) -> StatusCode {
    log_in(client, email, password).await.status
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

/// Asks for a reset and waits for its token.
async fn reset_token(client: &mut Client, email: &str) -> String {
    let asked = client.post("/api/v2/auth/password-reset", None, &json!({ "email": email })).await.unwrap();
    assert_eq!(asked.status, 202, "{}", asked.text());
    client.mailed_token(email, tests::mailbox::RESET).await.unwrap()
}

async fn complete_reset(client: &mut Client, token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "new_password": password });
    client.post("/api/v2/auth/password-reset/complete", None, &body).await.unwrap()
}

async fn change_password(client: &mut Client, person: &Person, current: &str, new: &str) -> Answer {
    let body = json!({ "current_password": current, "new_password": new });
    client.request(Method::PUT, "/api/v2/me/password", Some(&person.token), Some(&body), &[]).await.unwrap()
}

/// Waits until as many letters with this subject have arrived; all letters.
async fn letters(system: &TestSystem, email: &str, subject: &str, count: usize) -> Vec<Letter> {
    eventually("the letters have arrived", async || {
        let letters = system.letters(email).await;
        (letters.iter().filter(|letter| letter.subject == subject).count() >= count).then_some(letters)
    })
    .await
}

/// Past the interface: decides a command on a person and appends what comes of it.
async fn decide(system: &TestSystem, user_id: &str, command: user::Command) {
    let (store, user_id) = (system.store(), user_id.parse::<UserId>().unwrap());
    let person = store.load_latest::<User>(user_id).await.unwrap();
    let events = person.decide(command).unwrap();
    let context =
        Context { correlation_id: new_id(), causation_id: None, traceparent: None, actor: Actor::System("test") };
    store.append(Unit::new(context).stream(&person, events)).await.unwrap();
}

/// Past the interface: a statement that makes time pass, or things older.
async fn sql(system: &TestSystem, statement: &str) {
    sqlx::query(statement).execute(&mut system.sql().await).await.unwrap();
}

/// So long ago that the next mail may be sent.
const MAILS_ARE_OLD: &str = "UPDATE one_time SET created_at = created_at - interval '5 minutes'";
