use futures::future::join_all;
use serde_json::json;
use tests::system::TestSystem;

use super::{a_holder, another_card, path, pay, read};

#[tokio::test]
async fn a_single_use_card_pays_once_however_many_try() {
    let system = TestSystem::start_with(2, &[]).await;
    let (holder, mut passkey) = a_holder(&system, 1_000).await;
    let body = json!({ "card_type": "virtual_visa", "currency": "USD", "purpose": "single_use" });
    let once = another_card(&system, &holder, &mut passkey, &body).await;
    let declined = pay(&mut system.client(), &once, "1.00", "declined.example").await;
    assert_eq!(declined, "gateway_declined", "what the gateway declines does not use it up");
    let tries = (0..8).map(|number| {
        let (mut client, once) = (system.client_of(number % 2), &once);
        async move { pay(&mut client, once, "1.00", "shop.example").await }
    });
    let outcomes = join_all(tries).await;
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "success").count(), 1, "{outcomes:?}");
    let card = read(&mut system.client(), &once.person, &path(&once.card_id, "")).await;
    assert_eq!((&card["status"], &card["purpose"]), (&json!("terminated"), &json!("single_use")));
    assert_eq!(pay(&mut system.client(), &once, "1.00", "shop.example").await, "card_terminated");
}

#[tokio::test]
async fn a_merchant_locked_card_pays_its_merchant_alone() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_holder(&system, 1_000).await;
    let body = |merchant: serde_json::Value| json!({ "card_type": "virtual_visa", "currency": "USD", "purpose": "merchant_locked", "merchant": merchant });
    let mut client = system.client();
    let named = another_card(&system, &holder, &mut passkey, &body(json!("Shop.example"))).await;
    assert_eq!(pay(&mut client, &named, "1.00", "elsewhere.example").await, "control_refused");
    assert_eq!(pay(&mut client, &named, "1.00", "shop.example").await, "success");
    let first = another_card(&system, &holder, &mut passkey, &body(json!(null))).await;
    assert_eq!(pay(&mut client, &first, "1.00", "elsewhere.example").await, "success");
    assert_eq!(pay(&mut client, &first, "1.00", "shop.example").await, "control_refused");
    assert_eq!(pay(&mut client, &first, "1.00", "elsewhere.example").await, "success");
}
