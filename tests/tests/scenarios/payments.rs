use serde_json::json;
use tests::{client::Client, eventually::eventually, system::TestSystem};

use super::{pay, settled, used};

/// What the sandbox charged for a transaction; null where nothing was.
async fn charge(system: &TestSystem, transaction: &serde_json::Value) -> serde_json::Value {
    let id = transaction["transaction_id"].as_str().unwrap();
    system.sandbox(&format!("/charges/{id}")).await
}

/// Invariant 2: what a declined payment held is given back.
#[tokio::test]
async fn a_declined_payment_says_why_and_gives_the_limit_back() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    for merchant in ["declined.example", "insufficient.example"] {
        let (status, transaction) = pay(&system, &holder, merchant).await;
        assert_eq!((status.as_u16(), &transaction["status"]), (200, &json!("declined")), "{transaction}");
        assert_eq!(transaction["decline_reason"], "gateway_declined");
        assert_eq!(used(&system, &holder).await, 0.0);
    }
    assert_eq!(system.sandbox("/charges").await["charges"], 0);
}

/// Nothing was sent, so nothing was charged and nothing stays open.
#[tokio::test]
async fn a_gateway_that_cannot_be_reached_declines_and_gives_the_limit_back() {
    let mut system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    system.processes.sandbox.kill().await.unwrap();
    let (status, transaction) = pay(&system, &holder, "shop.example").await;
    assert_eq!((status.as_u16(), &transaction["status"]), (200, &json!("declined")), "{transaction}");
    assert_eq!(transaction["decline_reason"], "gateway_unavailable");
    assert_eq!(used(&system, &holder).await, 0.0);
}

/// A gateway that fails may have charged all the same: until it says, the payment is open and its amount held.
#[tokio::test]
async fn a_gateway_that_only_fails_leaves_the_payment_pending_and_held() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let (status, transaction) = pay(&system, &holder, "down.example").await;
    assert_eq!((status.as_u16(), &transaction["status"]), (202, &json!("pending")), "{transaction}");
    assert_eq!(used(&system, &holder).await, 10.0);
    assert_eq!(system.sandbox("/charges").await["charges"], 0);
}

/// Too old to be charged again, and unknown to the gateway: nobody is going to charge it, so its hold is given back.
#[tokio::test]
async fn an_old_payment_that_the_gateway_knows_nothing_of_is_declined_and_gives_the_limit_back() {
    let system = TestSystem::start_with(1, &[("VC_FLOWS__CHARGE_AGAIN_WITHIN_HOURS", "0")]).await;
    let holder = system.a_cardholder(1_000).await;
    let (status, transaction) = pay(&system, &holder, "down.example").await;
    assert_eq!((status.as_u16(), &transaction["status"]), (202, &json!("pending")), "{transaction}");
    let ended = settled(&system, &holder, &transaction).await;
    assert_eq!((&ended["status"], &ended["decline_reason"]), (&json!("declined"), &json!("gateway_unavailable")));
    assert_eq!(used(&system, &holder).await, 0.0);
    assert_eq!(system.sandbox("/charges").await["charges"], 0);
}

/// An unknown outcome is looked up, never assumed. The charge was made, so the payment is captured, once.
#[tokio::test]
async fn a_payment_whose_answer_was_lost_or_is_late_is_looked_up_and_captured() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    for (merchant, so_far) in [("lost.example", 10.0), ("slow.example", 20.0)] {
        let (status, transaction) = pay(&system, &holder, merchant).await;
        assert_eq!((status.as_u16(), &transaction["status"]), (200, &json!("success")), "{transaction}");
        assert_eq!(charge(&system, &transaction).await["minor_units"], 1_000);
        assert_eq!(used(&system, &holder).await, so_far);
    }
    let charges = system.sandbox("/charges").await;
    assert_eq!((&charges["charges"], &charges["total_minor_units"]["USD"]), (&json!(2), &json!(2_000)));
}

/// An api that does not wait for the gateway leaves the payment to a worker.
#[tokio::test]
async fn a_payment_whose_outcome_the_api_does_not_learn_is_pending_and_then_captured_by_a_worker() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let settings = [("VC_FLOWS__THIRD_PARTY_SECONDS", "1"), ("VC_PROVIDERS__GATEWAY__TIMEOUT_MS", "9000")];
    let impatient = system.another_api(&settings).await;
    let mut client = Client::new(impatient.address());
    let answer = client.post_prepared(&holder.payment("10.00", "slow.example"), None).await.unwrap();
    let transaction = &answer.json()["transaction"];
    assert_eq!((answer.status.as_u16(), &transaction["status"]), (202, &json!("pending")), "{}", answer.text());
    assert_eq!(used(&system, &holder).await, 10.0, "what is pending is held");

    assert_eq!(settled(&system, &holder, transaction).await["status"], "success");
    assert_eq!(used(&system, &holder).await, 10.0);
    assert_eq!(system.sandbox("/charges").await["charges"], 1);
}

#[tokio::test]
async fn a_gateway_that_fails_once_is_asked_again_and_charges_once() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let (status, transaction) = pay(&system, &holder, "flaky.example").await;
    assert_eq!((status.as_u16(), &transaction["status"]), (200, &json!("success")), "{transaction}");
    assert_eq!(charge(&system, &transaction).await["status"], "success");
    assert_eq!(system.sandbox("/charges").await["charges"], 1);
}

/// Invariant 1: a request that dies between intent and outcome leaves its payment to a worker.
#[tokio::test]
async fn a_payment_whose_api_was_killed_is_finished_by_a_worker() {
    let mut system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let (mut client, payment) = (system.client(), holder.payment("10.00", "slow.example"));
    let asked = tokio::spawn(async move { client.post_prepared(&payment, None).await });
    let store = system.store();
    let initiated = eventually("the payment has begun", async || {
        let events = store.read_after(0, 1_000).await.unwrap();
        events.into_iter().find(|event| event.name == "initiated")
    })
    .await;
    system.processes.apis[0].kill().await.unwrap();
    assert!(asked.await.unwrap().is_err(), "the client was told nothing");
    system.processes.apis[0].restart().await.unwrap();
    system.caught_up().await;

    let transaction = json!({ "transaction_id": initiated.aggregate_id });
    assert_eq!(settled(&system, &holder, &transaction).await["status"], "success");
    assert_eq!(system.sandbox("/charges").await["charges"], 1);
}

#[tokio::test]
async fn a_card_that_the_payment_does_not_fit_declines_it_before_the_gateway_is_asked() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(15).await;
    assert_eq!(pay(&system, &holder, "shop.example").await.1["status"], "success");
    let (status, over) = pay(&system, &holder, "shop.example").await;
    assert_eq!((status.as_u16(), &over["decline_reason"]), (200, &json!("limit_exceeded")), "{over}");

    let euros = json!({ "card_id": holder.card_id, "amount": 1, "currency": "EUR", "merchant": "shop.example",
                        "merchant_category": "books" });
    let answer = system.client().post("/api/v1/payments/process", Some(&holder.person.token), &euros).await.unwrap();
    assert_eq!(answer.json()["transaction"]["decline_reason"], "currency_mismatch", "{}", answer.text());
    assert_eq!(used(&system, &holder).await, 10.0);
    assert_eq!(system.sandbox("/charges").await["requests"], 1);
}
