//! Cards and cardholders whose answer was lost, at an issuer that has forgotten the idempotency key meanwhile.

mod stripe;

use serde_json::{Value, json};
use tests::{
    client::{Client, Person},
    eventually::eventually,
    system::TestSystem,
};

use super::read;
use stripe::FakeStripe;

/// As if a day went by between two requests; and each is one attempt.
const FORGETFUL: [(&str, &str); 2] =
    [("VC_FLOWS__ISSUE_AGAIN_WITHIN_HOURS", "0"), ("VC_PROVIDERS__RETRY__MAX_RETRIES", "0")];

async fn request(system: &TestSystem, monthly_limit: f64) -> (Person, Value) {
    let person = system.a_person().await;
    let mut client = system.client();
    client.pass_kyc(&person).await.unwrap();
    let body = json!({ "card_type": "virtual_visa", "currency": "USD", "monthly_limit": monthly_limit });
    let answer = client.ask_for_card(&person, &body).await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text());
    (person, answer.json()["card"].clone())
}

async fn issued(system: &TestSystem, person: &Person, card: &Value) -> Value {
    let path = format!("/api/v2/cards/{}", card["card_id"].as_str().unwrap());
    eventually("the card is issued", async || {
        let found = read(&mut system.client(), person, &path).await;
        (found["status"] != "requested").then_some(found)
    })
    .await
}

#[tokio::test]
async fn a_worker_finds_the_card_that_was_made_and_makes_no_second_one() {
    let system = TestSystem::start_with(1, &FORGETFUL).await;
    let (person, card) = request(&system, 500.15).await;
    let issued = issued(&system, &person, &card).await;
    assert_eq!(issued["status"], "active", "{issued}");
    let made = Client::new(system.processes.sandbox.address())
        .get(&format!("/issuer/v1/cards?card_id={}", card["card_id"].as_str().unwrap()), Some("sandbox-key"))
        .await
        .unwrap();
    assert_eq!(made.json()["cards"].as_array().map(Vec::len), Some(1), "{}", made.text());
    let number = made.json()["cards"][0]["card_number"].as_str().unwrap().to_owned();
    assert_eq!(issued["last_four"], number[12..]);
}

/// Stripe makes what it is asked for, loses each first answer, and remembers no key.
#[tokio::test]
async fn at_stripe_one_cardholder_and_one_card_are_made() {
    let stripe = FakeStripe::start().await;
    let settings: Vec<_> = FORGETFUL.into_iter().chain(stripe.settings()).collect();
    let system = TestSystem::start_with(1, &settings).await;
    let (person, card) = request(&system, 500.0).await;
    let issued = issued(&system, &person, &card).await;
    assert_eq!((&issued["status"], &issued["last_four"]), (&json!("active"), &json!("4242")), "{issued}");
    let card_id = card["card_id"].as_str().unwrap();
    assert_eq!(
        stripe.made(),
        [("/v1/issuing/cardholders", person.user_id.as_str()), ("/v1/issuing/cards", card_id)]
            .map(|(path, id)| (path.to_owned(), id.to_owned()))
    );
    assert!(stripe.looks() >= 3, "what was asked for before is looked for first");
}
