use serde_json::{Value, json};
use tests::{client::Person, eventually::eventually, system::TestSystem};

use super::{read, request_card};

async fn a_verified_person(system: &TestSystem) -> Person {
    let person = system.a_person().await;
    system.client().pass_kyc(&person).await.unwrap();
    person
}

/// The card, once the issuer has answered.
async fn issued(system: &TestSystem, person: &Person, card: &Value) -> Value {
    let path = format!("/api/v1/cards/{}", card["card_id"].as_str().unwrap());
    let mut client = system.client();
    eventually("the card is issued", async || {
        let found = read(&mut client, person, &path).await["card"].clone();
        (found["status"] != "requested").then_some(found)
    })
    .await
}

#[tokio::test]
async fn a_card_whose_issuer_is_down_is_requested_and_shows_no_secrets() {
    let system = TestSystem::start().await;
    let person = a_verified_person(&system).await;
    let (status, card) = request_card(&system, &person, 500.13).await;
    assert_eq!((status.as_u16(), &card["status"]), (202, &json!("requested")), "{card}");
    assert!(card.get("card_number").is_none() && card.get("cvv").is_none(), "{card}");

    let pay = json!({ "card_id": card["card_id"], "amount": 1, "currency": "USD", "merchant": "shop.example",
                      "merchant_category": "books" });
    let answer = system.client().post("/api/v1/payments/process", Some(&person.token), &pay).await.unwrap();
    assert_eq!(answer.json()["transaction"]["decline_reason"], "card_not_issued", "{}", answer.text());
}

#[tokio::test]
async fn once_the_issuer_is_back_a_worker_gets_the_card() {
    let mut system = TestSystem::start().await;
    let person = a_verified_person(&system).await;
    system.processes.sandbox.kill().await.unwrap();
    let (status, card) = request_card(&system, &person, 500.0).await;
    assert_eq!((status.as_u16(), &card["status"]), (202, &json!("requested")), "{card}");

    system.processes.sandbox.restart().await.unwrap();
    let card = issued(&system, &person, &card).await;
    assert_eq!((&card["status"], &card["cvv"]), (&json!("active"), &json!("***")), "{card}");
}

/// The issuer made the card, and asked again with the same key it makes no second one.
#[tokio::test]
async fn a_card_whose_answer_was_lost_is_issued_once() {
    let system = TestSystem::start().await;
    let person = a_verified_person(&system).await;
    let (_, card) = request_card(&system, &person, 500.14).await;
    assert_eq!(issued(&system, &person, &card).await["status"], "active");

    let vault = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM card_vault");
    assert_eq!(vault.fetch_one(&mut system.sql().await).await.unwrap(), 1);
    let cards = read(&mut system.client(), &person, "/api/v1/cards").await;
    assert_eq!(cards["cards"].as_array().map(Vec::len), Some(1));
}
