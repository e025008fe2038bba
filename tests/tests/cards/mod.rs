//! Cards: what they may be used for, and what becomes of them.

mod controls;
mod expiry;
mod fraud;
mod issuing;
mod life;
mod operators;
mod purposes;
mod replacement;

use hyper::Method;
use serde_json::{Value, json};
use tests::{
    authenticator::Passkey,
    client::{Answer, Cardholder, Client, Person},
    system::TestSystem,
};

/// Somebody who may pay, with a passkey: it proves as often as it is asked to.
async fn a_holder(system: &TestSystem, monthly_limit: u64) -> (Cardholder, Passkey) {
    let holder = system.a_cardholder(monthly_limit).await;
    let mut client = system.client();
    let step_up = client.step_up(&holder.person, &json!({ "operation": "account" })).await.unwrap();
    let (passkey, _) = client.add_passkey(&holder.person, Some(&step_up)).await.unwrap();
    (holder, passkey)
}

/// The card's path in version 2.
fn path(card_id: &str, rest: &str) -> String {
    format!("/api/v2/cards/{card_id}{rest}")
}

async fn post(client: &mut Client, person: &Person, path: &str, body: &Value) -> Answer {
    client.post(path, Some(&person.token), body).await.unwrap()
}

async fn read(client: &mut Client, person: &Person, path: &str) -> Value {
    let answer = client.get(path, Some(&person.token)).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

/// A request with headers; those without a value are left out.
async fn send(
    client: &mut Client,
    (method, path): (Method, &str),
    person: &Person,
    body: &Value,
    headers: &[(&'static str, Option<&str>)],
) -> Answer {
    let headers: Vec<_> = headers.iter().filter_map(|(name, value)| Some((*name, (*value)?))).collect();
    client.request(method, path, Some(&person.token), Some(body), &headers).await.unwrap()
}

/// Pays `dollars` at a merchant; status, or why it was declined.
async fn pay(client: &mut Client, holder: &Cardholder, dollars: &str, merchant: &str) -> String {
    let answer = client.post_prepared(&holder.payment(dollars, merchant), None).await.unwrap().json();
    let transaction = &answer["transaction"];
    let reason = &transaction["decline_reason"];
    if reason.is_null() { &transaction["status"] } else { reason }.as_str().unwrap_or_default().to_owned()
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

fn usd(minor_units: i64) -> Value {
    json!({ "minor_units": minor_units, "currency": "USD" })
}

/// A card of another purpose, of the same person.
async fn another_card(system: &TestSystem, holder: &Cardholder, passkey: &mut Passkey, body: &Value) -> Cardholder {
    let mut client = system.client();
    let operation = json!({ "operation": "card_request" });
    let step_up = client.step_up_by_passkey(&holder.person, passkey, &operation).await.unwrap();
    let headers = [("x-step-up-token", Some(step_up.as_str()))];
    let answer = send(&mut client, (Method::POST, "/api/v2/cards"), &holder.person, body, &headers).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let card_id = answer.json()["card_id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), Some(path(&card_id, "").as_str()));
    Cardholder { card_id, ..holder.clone() }
}
