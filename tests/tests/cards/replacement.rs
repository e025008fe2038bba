use hyper::Method;
use serde_json::json;
use tests::{client::Cardholder, system::TestSystem};

use super::{a_holder, code, path, pay, read, send, usd};

#[tokio::test]
async fn a_card_in_the_place_of_another_goes_on_with_its_limits() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_holder(&system, 100).await;
    let mut client = system.client();
    assert_eq!(pay(&mut client, &holder, "60.00", "shop.example").await, "success");
    let replace = path(&holder.card_id, "/replace");
    let body = json!({ "reason": "lost" });
    let refused = send(&mut client, (Method::POST, &replace), &holder.person, &body, &[]).await;
    assert_eq!(code(&refused), (403, "auth.step_up_required".into()));

    let operation = json!({ "operation": "card_request" });
    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    let headers = [("x-step-up-token", Some(step_up.as_str()))];
    let answer = send(&mut client, (Method::POST, &replace), &holder.person, &body, &headers).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let new = answer.json();
    assert_eq!((&new["predecessor"], &new["used_this_month"]), (&json!(holder.card_id), &usd(6_000)));

    let old = read(&mut client, &holder.person, &path(&holder.card_id, "")).await;
    assert_eq!((&old["status"], &old["successor"]), (&json!("terminated"), &new["card_id"]));
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "card_terminated");
    let successor = Cardholder { card_id: new["card_id"].as_str().unwrap().into(), ..holder.clone() };
    assert_eq!(pay(&mut client, &successor, "40.01", "shop.example").await, "limit_exceeded");
    assert_eq!(pay(&mut client, &successor, "40.00", "shop.example").await, "success");

    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    let headers = [("x-step-up-token", Some(step_up.as_str()))];
    let again = send(&mut client, (Method::POST, &replace), &holder.person, &body, &headers).await;
    assert_eq!(code(&again), (409, "card.replaced".into()));
}
