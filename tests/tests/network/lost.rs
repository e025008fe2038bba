//! Webhooks that nobody will ever hear: the issuer is asked, and no limit is held for ever.

use aggregates::payment::{Event, Release, Status};
use serde_json::{Value, json};
use store::Loaded;
use tests::{client::Cardholder, system::TestSystem};

use super::{a_network, at_a_shop, payment, play, purchase, settled, step, used};

const SOON: (&str, &str) = ("VC_FLOWS__NETWORK__LOOK_UP_AFTER_SECONDS", "1");

/// Of which nothing is told but the question.
async fn a_silent_purchase(system: &TestSystem, holder: &Cardholder) -> Value {
    let mut body = at_a_shop(holder, 2_000);
    body["withhold"] = json!(true);
    let bought = play(system, "/purchases", &body).await;
    assert_eq!(bought["approved"], json!(true), "{bought}");
    bought
}

async fn releases(system: &TestSystem, payment: &Loaded<aggregates::payment::Payment>) -> Vec<Release> {
    let events = system.store().stream(aggregates::Kind::Payment, payment.id).await.unwrap();
    let decoded = events.iter().map(|event| event.decode().unwrap());
    let cause = |event| match event {
        aggregates::envelope::AnyEvent::Payment(Event::Reversed { cause, .. }) => Some(cause),
        _ => None,
    };
    decoded.filter_map(cause).collect()
}

/// Invariant 2: what is given back is given back once, whether it is looked up, told, or both.
#[tokio::test]
async fn what_nobody_told_of_a_purchase_is_looked_up_and_settled() {
    let mut system = a_network(&[SOON], 1).await;
    let holder = system.a_cardholder(100).await;
    let mut bought = Vec::new();
    for _ in 0..4 {
        bought.push(a_silent_purchase(&system, &holder).await);
    }
    let [open, captured, reversed, in_part] = &bought[..] else { panic!() };
    let silently = |amount: i64| json!({ "amount": amount, "withhold": true });
    step(&system, captured, "capture", &silently(1_500)).await;
    step(&system, reversed, "reverse", &silently(2_000)).await;
    step(&system, in_part, "reverse", &silently(600)).await;
    // Whoever has begun to look may die over it.
    system.processes.workers[0].kill().await.unwrap();
    system.processes.workers[0].restart().await.unwrap();

    settled(&system, captured, [2_000, 1_500, 0, 0]).await;
    let given_back = settled(&system, reversed, [2_000, 0, 0, 0]).await;
    assert_eq!(given_back.status(), Some(Status::Voided));
    settled(&system, in_part, [2_000, 0, 0, 1_400]).await;
    // What may still be captured is held.
    assert_eq!(payment(&system, open).await.status(), Some(Status::Authorized));
    assert_eq!(used(&system, &holder).await, 2_000 + 1_500 + 1_400);
    step(&system, open, "capture", &json!({})).await;
    settled(&system, open, [2_000, 2_000, 0, 0]).await;

    // Heard after all, in any order and twice.
    play(&system, "/deliver", &json!({ "newest_first": true, "times": 2 })).await;
    settled(&system, captured, [2_000, 1_500, 0, 0]).await;
    settled(&system, reversed, [2_000, 0, 0, 0]).await;
    settled(&system, in_part, [2_000, 0, 0, 1_400]).await;
    assert_eq!(used(&system, &holder).await, 2_000 + 1_500 + 1_400);
}

#[tokio::test]
async fn what_the_issuer_does_not_know_is_given_back_on_record() {
    let system = a_network(&[SOON], 1).await;
    let holder = system.a_cardholder(100).await;
    let bought = a_silent_purchase(&system, &holder).await;
    step(&system, &bought, "forget", &json!({})).await;
    let given_up = settled(&system, &bought, [2_000, 0, 0, 0]).await;
    assert_eq!((given_up.status(), used(&system, &holder).await), (Some(Status::Voided), 0));
    assert_eq!(releases(&system, &given_up).await, [Release::Voided]);
    assert_eq!(purchase(&system, &holder, 10_000).await["approved"], json!(true), "all of the limit is free again");
}
