//! What is shown, when, and what is left of it.

use std::fs;

use aggregates::card;
use serde_json::{Value, json};
use tests::{device::Device, peers, system::TestSystem};

use super::{a_holder, a_token, ask, record, refusal, reveals};

#[tokio::test]
async fn the_device_sees_the_cards_number_and_the_log_says_that_it_did() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_holder(&system).await;
    let (mut client, device) = (system.client(), Device::default());
    let token = a_token(&mut client, &holder, &mut passkey, &device).await;
    let answer = client.reveal(&holder.person, &holder.card_id, &device, &token).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, Some("no-store")));

    let (owner, card) = (holder.person.user_id.parse().unwrap(), holder.card_id.parse().unwrap());
    let secrets = system.store().card_secrets(owner, card).await.unwrap().unwrap();
    let expiry = secrets.expiry.to_string();
    let expected = json!({ "card_number": *secrets.number, "cvv": *secrets.cvv, "expiry": expiry });
    assert_eq!(device.open(&answer.json(), &holder.card_id, &token), Some(expected));
    assert_eq!(Device::default().open(&answer.json(), &holder.card_id, &token), None);
    assert_eq!(device.open(&answer.json(), &holder.card_id, "another token"), None);
    assert!(!answer.contains(&secrets.number));

    let sql = "SELECT actor, data::text, position FROM events WHERE kind = 'card' AND name = 'revealed'";
    let (actor, data, position): (String, String, i64) =
        sqlx::query_as(sql).fetch_one(&mut system.sql().await).await.unwrap();
    assert_eq!((actor, answer.position()), (format!("person:{}", holder.person.user_id), Some(position)));
    let data: Value = serde_json::from_str(&data).unwrap();
    let fields: Vec<_> = data.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["at", "session_id"], "who and when, and nothing of what");

    // Whoever it was: the holder hears of it, and of no more than the last four digits.
    let mailboxes = system.processes.sandbox.address();
    let subject = "Your card's details were shown";
    let letter = tests::mailbox::letter(mailboxes, &holder.person.email, subject).await.unwrap();
    assert!(letter.text.contains(&format!("ending in {} were shown", &secrets.number[12..])), "{}", letter.text);
    assert!(!letter.text.contains(&secrets.number[..12]) && !letter.text.contains(&expiry), "{}", letter.text);

    // Everywhere else the number stays as it was.
    system.caught_up().await;
    let listed = client.get("/api/v1/cards", Some(&holder.person.token)).await.unwrap();
    let masked = format!("****{}", &secrets.number[12..]);
    assert!(listed.contains(&masked) && !listed.contains(&secrets.number), "{}", listed.text());
}

/// A frozen, terminated or expired card cannot be spent with, and is not shown; nor is one that the issuer has not
/// made.
#[tokio::test]
async fn a_card_that_cannot_be_spent_with_is_not_shown() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_holder(&system).await;
    let (mut client, device) = (system.client(), Device::default());
    let token = a_token(&mut client, &holder, &mut passkey, &device).await;
    let at = chrono::Utc::now();
    record(&system, &holder, card::Event::Frozen { by: card::Authority::Person, reason: None, at }).await;
    // Also where it was frozen between the token and its use.
    let late = client.reveal(&holder.person, &holder.card_id, &device, &token).await.unwrap();
    assert_eq!(refusal(&late), (409, "card.frozen".into()));
    let frozen = ask(&mut client, &holder, &mut passkey, &device).await;
    assert_eq!(refusal(&frozen), (409, "card.frozen".into()));
    record(&system, &holder, card::Event::Terminated { by: card::Authority::Person, reason: None, at }).await;
    let ended = ask(&mut client, &holder, &mut passkey, &device).await;
    assert_eq!(refusal(&ended), (409, "card.terminated".into()));
    let somebody_elses = system.a_cardholder(1_000).await.card_id;
    let operation = device.operation(&somebody_elses);
    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    let not_theirs = client.reveal_token(&holder.person, &somebody_elses, &device, &step_up).await.unwrap();
    assert_eq!(refusal(&not_theirs), (404, "card.not_found".into()));
    assert_eq!(reveals(&system).await, 0);
}

/// What a program of others, with a library of others, makes of the documented steps.
#[tokio::test]
async fn hpke_js_opens_what_is_encrypted_for_its_key() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_holder(&system).await;
    let mut client = system.client();
    let pair = peers::run("reveal.mjs", &json!({ "step": "key" })).await;
    let device = json!({ "card_id": holder.card_id, "public_key": pair["public_key"] });
    let operation = json!({ "operation": "card_reveal", "reveal": device });
    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    let path = format!("/api/v2/cards/{}", holder.card_id);
    let body = json!({ "public_key": pair["public_key"] });
    let tokens = format!("{path}/reveal-tokens");
    let allowed = client.post_stepped_up(&tokens, &holder.person, &step_up, &body).await.unwrap().json();
    let body = json!({ "reveal_token": allowed["reveal_token"], "public_key": pair["public_key"] });
    let answer = client.post(&format!("{path}/reveal"), Some(&holder.person.token), &body).await.unwrap();
    let settings = json!({
        "step": "open", "private_key": pair["private_key"], "answer": answer.json(),
        "reveal_token": allowed["reveal_token"],
    });
    let opened = peers::run("reveal.mjs", &settings).await;
    let (owner, card) = (holder.person.user_id.parse().unwrap(), holder.card_id.parse().unwrap());
    let secrets = system.store().card_secrets(owner, card).await.unwrap().unwrap();
    assert_eq!(opened["card_number"], secrets.number.as_str(), "{opened}");
}

/// The worked example of the published document is no invention.
#[test]
fn the_documented_example_opens_with_the_documented_key() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/openapi.v2.json");
    let document: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let schemas = &document["components"]["schemas"];
    let (answer, request) = (&schemas["RevealedCard"]["example"], &schemas["RevealRequest"]["example"]);
    let described = schemas["RevealedCard"]["description"].as_str().unwrap();
    let private = described.split('`').find(|word| word.len() == 43).unwrap();
    let device = Device::with_key(private).unwrap();
    assert_eq!(request["public_key"], device.public_key);
    let opened = device.open(answer, answer["card_id"].as_str().unwrap(), request["reveal_token"].as_str().unwrap());
    assert_eq!(opened, Some(json!({ "card_number": "4532015112830366", "cvv": "987", "expiry": "10/29" })));
}
