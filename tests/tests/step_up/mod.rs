//! Step-up: a second proof for one sensitive operation (invariant 9; PSD2 RTS, article 5, for payments).

mod binding;
mod payments;

use serde_json::{Value, json};
use tests::{
    authenticator::Passkey,
    client::{Answer, Cardholder, Client, Person},
    system::TestSystem,
};

const PAY: &str = "/api/v1/payments/process";

/// Somebody who may pay, and who has a passkey: it proves as often as it is asked to.
async fn a_payer(system: &TestSystem) -> (Cardholder, Passkey) {
    let holder = system.a_cardholder(100_000).await;
    let mut client = system.client();
    let step_up = client.step_up(&holder.person, &json!({ "operation": "account" })).await.unwrap();
    let (passkey, _) = client.add_passkey(&holder.person, Some(&step_up)).await.unwrap();
    (holder, passkey)
}

/// A payment in USD as version 1 has it, and the operation that it has to be stepped up for.
fn large(holder: &Cardholder, dollars: u32, merchant: &str) -> (Value, Value) {
    let payment = json!({ "card_id": holder.card_id, "amount": dollars, "currency": "USD", "merchant": merchant,
                          "merchant_category": "electronics" });
    let amount = json!({ "minor_units": dollars * 100, "currency": "USD" });
    let linked = json!({ "card_id": holder.card_id, "amount": amount, "merchant": merchant });
    (payment, json!({ "operation": "payment", "payment": linked }))
}

async fn pay(client: &mut Client, person: &Person, step_up: Option<&str>, key: Option<&str>, body: &Value) -> Answer {
    let headers = [("x-step-up-token", step_up), ("idempotency-key", key)];
    let headers: Vec<_> = headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    client.request(hyper::Method::POST, PAY, Some(&person.token), Some(body), &headers).await.unwrap()
}

fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

fn refused(code: &str) -> (u16, String) {
    (403, code.to_owned())
}

async fn charges(system: &TestSystem) -> Value {
    system.sandbox("/charges").await["requests"].clone()
}
