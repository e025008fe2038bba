//! The reveal: a card's number goes to one device of its holder, and to nobody else.

mod binding;
mod shown;

use aggregates::{
    CardId,
    card::{self, Card},
};
use serde_json::json;
use tests::{
    authenticator::Passkey,
    client::{Answer, Cardholder, Client, Person},
    device::Device,
    system::TestSystem,
};

use crate::examples::unit;

/// Somebody with a card, and a passkey that proves as often as it is asked to.
async fn a_holder(system: &TestSystem) -> (Cardholder, Passkey) {
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    let step_up = client.step_up(&holder.person, &json!({ "operation": "account" })).await.unwrap();
    let (passkey, _) = client.add_passkey(&holder.person, Some(&step_up)).await.unwrap();
    (holder, passkey)
}

/// The answer to a request for a token, with a step-up that is right.
async fn ask(client: &mut Client, holder: &Cardholder, passkey: &mut Passkey, device: &Device) -> Answer {
    let operation = device.operation(&holder.card_id);
    let step_up = client.step_up_by_passkey(&holder.person, passkey, &operation).await.unwrap();
    client.reveal_token(&holder.person, &holder.card_id, device, &step_up).await.unwrap()
}

/// A token for the holder's card and the device.
async fn a_token(client: &mut Client, holder: &Cardholder, passkey: &mut Passkey, device: &Device) -> String {
    let answer = ask(client, holder, passkey, device).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["reveal_token"].as_str().unwrap().to_owned()
}

fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

fn refused(code: &str) -> (u16, String) {
    (403, code.to_owned())
}

/// Another session of the holder.
async fn elsewhere(client: &mut Client, holder: &Cardholder, passkey: &mut Passkey) -> Person {
    let begun = client.post("/api/v2/auth/passkey/options", None, &json!({})).await.unwrap().json();
    let login = json!({ "ticket": begun["ticket"], "credential": passkey.sign(&begun["options"]) });
    let login = client.post("/api/v2/auth/passkey", None, &login).await.unwrap().json();
    Person { token: login["access_token"].as_str().unwrap().to_owned(), ..holder.person.clone() }
}

/// A second card of the holder.
async fn another_card(client: &mut Client, holder: &Cardholder, passkey: &mut Passkey) -> String {
    let operation = json!({ "operation": "card_request" });
    let step_up = client.step_up_by_passkey(&holder.person, passkey, &operation).await.unwrap();
    let body = json!({ "card_type": "virtual_visa", "currency": "USD" });
    let answer = client.post_stepped_up("/api/v1/cards/request", &holder.person, &step_up, &body).await.unwrap();
    answer.json()["card"]["card_id"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

/// How often the log says that a card was shown.
async fn reveals(system: &TestSystem) -> i64 {
    let count = "SELECT count(*) FROM events WHERE kind = 'card' AND name = 'revealed'";
    sqlx::query_scalar(count).fetch_one(&mut system.sql().await).await.unwrap()
}

/// Puts an event of the holder's card into the log, as if another process had.
async fn record(system: &TestSystem, holder: &Cardholder, event: card::Event) {
    let (store, card_id) = (system.store(), holder.card_id.parse::<CardId>().unwrap());
    let card = store.load_latest::<Card>(card_id).await.unwrap();
    store.append(unit().stream(&card, vec![event])).await.unwrap();
}
