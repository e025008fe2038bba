//! What becomes of an approved purchase: captures, reversals and refunds in any order, once and more.

use aggregates::payment::Status;
use serde_json::{Value, json};
use tests::{client::Cardholder, system::TestSystem};

use super::{a_network, at_a_shop, payment, play, purchase, settled, shown, step, used};

async fn an_approved_purchase(system: &TestSystem, holder: &Cardholder, minor_units: i64) -> Value {
    let approved = purchase(system, holder, minor_units).await;
    assert_eq!(approved["approved"], true, "{approved}");
    approved
}

#[tokio::test]
async fn a_purchase_is_captured_and_refunded() {
    let system = a_network(&[], 1).await;
    let holder = system.a_cardholder(100).await;
    let bought = an_approved_purchase(&system, &holder, 4_000).await;
    step(&system, &bought, "capture", &json!({})).await;
    let captured = settled(&system, &bought, [4_000, 4_000, 0, 0]).await;
    assert_eq!(captured.status(), Some(Status::Captured));
    step(&system, &bought, "refund", &json!({ "amount": 1_500 })).await;
    settled(&system, &bought, [4_000, 4_000, 1_500, 0]).await;
    step(&system, &bought, "refund", &json!({ "amount": 2_500 })).await;
    let refunded = settled(&system, &bought, [4_000, 4_000, 4_000, 0]).await;
    assert_eq!(refunded.status(), Some(Status::Refunded));
    // What was spent was spent: a refund is no new limit.
    assert_eq!(used(&system, &holder).await, 4_000);
    let shown = shown(&system, &holder, aggregates::PaymentId(refunded.id)).await;
    assert_eq!((&shown["status"], &shown["amounts"]["refunded"]), (&json!("refunded"), &json!(4_000)), "{shown}");
}

#[tokio::test]
async fn a_purchase_may_be_captured_in_parts_and_the_rest_is_given_back() {
    let system = a_network(&[], 1).await;
    let holder = system.a_cardholder(100).await;
    let bought = an_approved_purchase(&system, &holder, 6_000).await;
    step(&system, &bought, "capture", &json!({ "amount": 1_000, "more_to_come": true })).await;
    settled(&system, &bought, [6_000, 1_000, 0, 5_000]).await;
    step(&system, &bought, "capture", &json!({ "amount": 2_000 })).await;
    settled(&system, &bought, [6_000, 3_000, 0, 0]).await;
    assert_eq!(used(&system, &holder).await, 3_000);
}

#[tokio::test]
async fn what_the_merchant_takes_back_can_be_spent_again() {
    let system = a_network(&[], 1).await;
    let holder = system.a_cardholder(100).await;
    let bought = an_approved_purchase(&system, &holder, 10_000).await;
    step(&system, &bought, "reverse", &json!({ "amount": 4_000 })).await;
    settled(&system, &bought, [10_000, 0, 0, 6_000]).await;
    an_approved_purchase(&system, &holder, 4_000).await;
    step(&system, &bought, "expire", &json!({})).await;
    let over = settled(&system, &bought, [10_000, 0, 0, 0]).await;
    assert_eq!((over.status(), used(&system, &holder).await), (Some(Status::Voided), 4_000));
}

#[tokio::test]
async fn what_the_network_takes_beyond_the_approval_is_recorded_counted_and_told() {
    let system = a_network(&[], 1).await;
    let holder = system.a_cardholder(50).await;
    let bought = an_approved_purchase(&system, &holder, 5_000).await;
    step(&system, &bought, "capture", &json!({ "amount": 6_200 })).await;
    let over = settled(&system, &bought, [6_200, 6_200, 0, 0]).await;
    assert_eq!(used(&system, &holder).await, 6_200, "the card counts it although it exceeds its limit");
    let events = system.store().stream(aggregates::Kind::Payment, over.id).await.unwrap();
    let forced = events.iter().find(|event| event.name == "incremented").unwrap();
    assert!(forced.data.get().contains("\"forced\":true"), "{}", forced.data.get());
    system.caught_up().await;
    let told = system.client().get("/api/v1/notifications", Some(&holder.person.token)).await.unwrap().text();
    assert!(told.contains("transaction_exceeded"), "{told}");
}

#[tokio::test]
async fn money_that_moved_without_a_question_is_recorded_on_the_card() {
    let system = a_network(&[], 1).await;
    let holder = system.a_cardholder(50).await;
    let moved = play(&system, "/force-posts", &at_a_shop(&holder, 7_000)).await;
    let as_purchase = json!({ "authorization": moved["id"] });
    let posted = settled(&system, &as_purchase, [7_000, 7_000, 0, 0]).await;
    assert_eq!((posted.status(), used(&system, &holder).await), (Some(Status::Captured), 7_000));
}

/// Whichever comes first, and each twice.
#[tokio::test]
async fn what_is_told_backwards_and_twice_adds_up_the_same() {
    let system = a_network(&[], 1).await;
    let holder = system.a_cardholder(100).await;
    let mut body = at_a_shop(&holder, 5_000);
    body["withhold"] = json!(true);
    let bought = play(&system, "/purchases", &body).await;
    let quietly = |amount: i64, more: bool| json!({ "amount": amount, "more_to_come": more, "withhold": true });
    step(&system, &bought, "capture", &quietly(1_000, true)).await;
    step(&system, &bought, "capture", &quietly(2_000, false)).await;
    step(&system, &bought, "refund", &json!({ "amount": 500, "withhold": true })).await;
    let told = play(&system, "/deliver", &json!({ "newest_first": true, "times": 2 })).await;
    assert_eq!(told["delivered"], 6, "created, two captures with an update each, and a refund");
    settled(&system, &bought, [5_000, 3_000, 500, 0]).await;
    let head = system.store().head().await.unwrap();
    play(&system, "/deliver", &json!({})).await;
    assert_eq!((used(&system, &holder).await, system.store().head().await.unwrap()), (3_000, head));
}

/// The capture comes before anybody heard of the purchase: the issuer's stand-in approved it while we were away.
#[tokio::test]
async fn a_purchase_that_the_issuer_approved_without_us_is_recorded_when_it_is_told() {
    let mut system = a_network(&[], 1).await;
    let holder = system.a_cardholder(100).await;
    system.processes.apis[0].kill().await.unwrap();
    let mut body = at_a_shop(&holder, 3_000);
    (body["stand_in"], body["withhold"]) = (json!(true), json!(true));
    let bought = play(&system, "/purchases", &body).await;
    assert_eq!((&bought["approved"], &bought["reason"]), (&json!(true), &json!("webhook_timeout")), "{bought}");
    step(&system, &bought, "capture", &json!({ "withhold": true })).await;
    system.processes.apis[0].restart().await.unwrap();
    assert!(payment(&system, &bought).await.status().is_none());
    play(&system, "/deliver", &json!({ "newest_first": true })).await;
    settled(&system, &bought, [3_000, 3_000, 0, 0]).await;
    assert_eq!(used(&system, &holder).await, 3_000);
}
