//! What a step-up and a token are bound to.

use serde_json::json;
use tests::{device::Device, system::TestSystem};

use super::{a_holder, a_token, another_card, ask, elsewhere, refusal, refused, reveals};

#[tokio::test]
async fn a_token_serves_its_person_session_card_and_device_and_is_void_after_a_wrong_use() {
    let system = TestSystem::start().await;
    let ((holder, mut passkey), (other, _)) = (a_holder(&system).await, a_holder(&system).await);
    let mut client = system.client();
    let second_card = another_card(&mut client, &holder, &mut passkey).await;
    let elsewhere = elsewhere(&mut client, &holder, &mut passkey).await;
    let (device, another_device) = (Device::default(), Device::default());
    let (card, own) = (holder.card_id.as_str(), &holder.person);
    for (what, person, card_id, key) in [
        ("session", &elsewhere, card, &device),
        ("card", own, second_card.as_str(), &device),
        ("device", own, card, &another_device),
    ] {
        let token = a_token(&mut client, &holder, &mut passkey, &device).await;
        let wrong = client.reveal(person, card_id, key, &token).await.unwrap();
        assert_eq!(refusal(&wrong), refused("card.reveal_refused"), "another {what}: {}", wrong.text());
        let late = client.reveal(own, card, &device, &token).await.unwrap();
        assert_eq!(refusal(&late), refused("card.reveal_refused"), "another {what} has voided it");
    }
    let token = a_token(&mut client, &holder, &mut passkey, &device).await;
    for (person, card_id) in [(&other.person, card), (own, other.card_id.as_str())] {
        let wrong = client.reveal(person, card_id, &device, &token).await.unwrap();
        assert_eq!(refusal(&wrong), (404, "card.not_found".into()), "{}", wrong.text());
    }
    let guessed = client.reveal(own, card, &device, &"A".repeat(43)).await.unwrap();
    assert_eq!(refusal(&guessed), refused("card.reveal_refused"));
    assert_eq!(reveals(&system).await, 0);
    let refusals = "SELECT count(*) FROM authentications WHERE action = 'reveal_card' AND outcome = 'failure'";
    let refusals: i64 = sqlx::query_scalar(refusals).fetch_one(&mut system.sql().await).await.unwrap();
    assert_eq!(refusals, 7);
}

#[tokio::test]
async fn a_token_is_good_once_and_for_a_minute() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_holder(&system).await;
    let (mut client, device) = (system.client(), Device::default());
    let token = a_token(&mut client, &holder, &mut passkey, &device).await;
    let first = client.reveal(&holder.person, &holder.card_id, &device, &token).await.unwrap();
    let second = client.reveal(&holder.person, &holder.card_id, &device, &token).await.unwrap();
    assert_eq!((first.status.as_u16(), refusal(&second)), (200, refused("card.reveal_refused")));

    let token = a_token(&mut client, &holder, &mut passkey, &device).await;
    let age = "UPDATE one_time SET expires_at = expires_at - interval '61 seconds' WHERE purpose = 'card_reveal'";
    sqlx::query(age).execute(&mut system.sql().await).await.unwrap();
    let late = client.reveal(&holder.person, &holder.card_id, &device, &token).await.unwrap();
    assert_eq!(refusal(&late), refused("card.reveal_refused"));
    assert_eq!(reveals(&system).await, 1);
}

/// Of many who use one token at the same moment, one is answered.
#[tokio::test]
async fn a_token_used_by_many_at_once_serves_one() {
    let system = TestSystem::start_with(2, &[]).await;
    let (holder, mut passkey) = a_holder(&system).await;
    let device = Device::default();
    let token = a_token(&mut system.client(), &holder, &mut passkey, &device).await;
    let tries = (0..8).map(|n| {
        let (mut client, holder, device, token) = (system.client_of(n % 2), &holder, &device, &token);
        async move { client.reveal(&holder.person, &holder.card_id, device, token).await.unwrap().status.as_u16() }
    });
    let mut answers = futures::future::join_all(tries).await;
    answers.sort_unstable();
    assert_eq!(answers, [200, 403, 403, 403, 403, 403, 403, 403]);
    assert_eq!(reveals(&system).await, 1);
}

#[tokio::test]
async fn without_a_step_up_for_this_card_and_device_there_is_no_token() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_holder(&system).await;
    let mut client = system.client();
    let (device, another) = (Device::default(), Device::default());
    let path = format!("/api/v2/cards/{}/reveal-tokens", holder.card_id);
    let body = json!({ "public_key": device.public_key });
    let none = client.post(&path, Some(&holder.person.token), &body).await.unwrap();
    assert_eq!(refusal(&none), refused("auth.step_up_required"));
    assert_eq!(none.json()["step_up"], "card_reveal");

    let second_card = another_card(&mut client, &holder, &mut passkey).await;
    for operation in
        [another.operation(&holder.card_id), device.operation(&second_card), json!({"operation": "account"})]
    {
        let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
        let wrong = client.reveal_token(&holder.person, &holder.card_id, &device, &step_up).await.unwrap();
        assert_eq!(refusal(&wrong), refused("auth.step_up_refused"), "{operation}");
    }
    let operation = device.operation(&holder.card_id);
    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    let first = client.reveal_token(&holder.person, &holder.card_id, &device, &step_up).await.unwrap();
    let second = client.reveal_token(&holder.person, &holder.card_id, &device, &step_up).await.unwrap();
    assert_eq!((first.status.as_u16(), refusal(&second)), (201, refused("auth.step_up_refused")));
}

#[tokio::test]
async fn a_request_names_a_key_with_which_a_secret_can_be_agreed() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let (mut client, token) = (system.client(), Some(holder.person.token.as_str()));
    let path = format!("/api/v2/cards/{}/reveal-tokens", holder.card_id);
    for key in ["", "AAAA", &"A".repeat(43), &"=".repeat(43)] {
        let answer = client.post(&path, token, &json!({ "public_key": key })).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["errors"][0]["field"]),
            (422, &json!("public_key")),
            "{key}"
        );
        let reveal = json!({ "card_id": holder.card_id, "public_key": key });
        let operation = json!({ "operation": "card_reveal", "reveal": reveal });
        let answer = client.post("/api/v2/auth/step-up", token, &operation).await.unwrap();
        assert_eq!(answer.json()["errors"][0]["field"], "reveal.public_key", "{}", answer.text());
    }
    for operation in [json!({ "operation": "card_reveal" }), {
        let mut operation = Device::default().operation(&holder.card_id);
        operation["operation"] = json!("account");
        operation
    }] {
        let answer = client.post("/api/v2/auth/step-up", token, &operation).await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.json()["errors"][0]["field"]), (422, &json!("reveal")));
    }
}

#[tokio::test]
async fn reveals_have_a_limit_of_their_own() {
    let system = TestSystem::start_with(1, &[("VC_API__RATE_LIMITS__REVEAL", "2")]).await;
    let (holder, mut passkey) = a_holder(&system).await;
    let (mut client, device) = (system.client(), Device::default());
    let token = a_token(&mut client, &holder, &mut passkey, &device).await;
    let shown = client.reveal(&holder.person, &holder.card_id, &device, &token).await.unwrap();
    assert_eq!(shown.status, 200, "{}", shown.text());
    let third = ask(&mut client, &holder, &mut passkey, &device).await;
    assert_eq!(third.status, 429, "{}", third.text());
    assert!(third.header("retry-after").is_some());
    let listed = client.get("/api/v1/cards", Some(&holder.person.token)).await.unwrap();
    assert_eq!(listed.status, 200, "everything else goes on");
}
