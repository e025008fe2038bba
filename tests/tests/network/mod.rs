//! Purchases that the card network brings, played by the sandbox over real HTTP.

mod answers;
mod cards;
mod decisions;
mod faults;
mod lost;
mod settlement;
mod speed;
mod unasked;

use aggregates::{
    CardId, PaymentId,
    card::{Card, Window},
    payment::Payment,
};
use hyper::Method;
use providers::issuing::stripe::StripeWebhooks;
use serde_json::{Value, json};
use store::Loaded;
use tests::{
    client::{Answer, Cardholder, Client},
    eventually::eventually,
    system::TestSystem,
};

const SOURCE: &str = "/webhooks/issuer-sandbox";

/// A system whose sandbox asks the first api.
async fn a_network(settings: &[(&str, &str)], apis: usize) -> TestSystem {
    TestSystem::start_with(apis, settings).await
}

/// Plays a step of the network.
async fn play(system: &TestSystem, path: &str, body: &Value) -> Value {
    let mut sandbox = Client::new(system.processes.sandbox.address());
    let answer = sandbox.post(&format!("/sandbox/network{path}"), None, body).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

fn at_a_shop(holder: &Cardholder, minor_units: i64) -> Value {
    json!({ "card_id": holder.card_id, "amount": minor_units, "currency": "USD", "merchant": "Corner Books" })
}

async fn purchase(system: &TestSystem, holder: &Cardholder, minor_units: i64) -> Value {
    play(system, "/purchases", &at_a_shop(holder, minor_units)).await
}

async fn step(system: &TestSystem, purchase: &Value, step: &str, body: &Value) -> Value {
    play(system, &format!("/purchases/{}/{step}", purchase["authorization"].as_str().unwrap()), body).await
}

/// The payment that a purchase became.
async fn payment(system: &TestSystem, purchase: &Value) -> Loaded<Payment> {
    let sql = "SELECT aggregate_id FROM events
                WHERE kind = 'payment' AND name = 'initiated' AND data #>> '{network,authorization}' = $1";
    let mut connection = system.sql().await;
    let query = sqlx::query_scalar(sql).bind(purchase["authorization"].as_str());
    let id: Option<uuid::Uuid> = query.fetch_optional(&mut connection).await.unwrap();
    system.store().load_latest::<Payment>(id.unwrap_or_default()).await.unwrap()
}

/// Waits until the payment's amounts (authorized, captured, refunded, held) are these.
async fn settled(system: &TestSystem, purchase: &Value, amounts: [i64; 4]) -> Loaded<Payment> {
    let mut last = [0; 4];
    eventually(&format!("the purchase has the amounts {amounts:?}"), async || {
        let payment = payment(system, purchase).await;
        let tally = payment.tally()?;
        last = [tally.authorized, tally.captured, tally.refunded(), tally.held()];
        (last == amounts).then_some(payment)
    })
    .await
}

/// What the card has used of this month, minor units.
async fn used(system: &TestSystem, holder: &Cardholder) -> i64 {
    let card = system.store().load_latest::<Card>(holder.card_id.parse::<CardId>().unwrap()).await.unwrap();
    card.used(Window::of(chrono::Utc::now())).unwrap().minor_units
}

/// The person's newest transaction, as version 2 shows it.
async fn shown(system: &TestSystem, holder: &Cardholder, payment: PaymentId) -> Value {
    system.caught_up().await;
    let path = format!("/api/v2/payments/{payment}");
    system.client().get(&path, Some(&holder.person.token)).await.unwrap().json()
}

/// Sends an event as the issuer would.
async fn send(client: &mut Client, event: &Value) -> Answer {
    let signer = StripeWebhooks::new("sandbox-webhook-secret".into());
    let signature = signer.sign(chrono::Utc::now(), event.to_string().as_bytes());
    let headers = [("stripe-signature", signature.as_str())];
    client.request(Method::POST, SOURCE, None, Some(event), &headers).await.unwrap()
}
