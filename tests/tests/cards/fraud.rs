//! A payment that looks like fraud freezes the card.

use aggregates::{Proof, Role};
use serde_json::{Value, json};
use tests::{
    client::{Cardholder, Client},
    eventually::eventually,
    system::TestSystem,
};

use super::{
    code,
    life::{at_issuer, steps, transitions},
    path, pay, post, read,
};
use crate::members::Member;

/// Where everything risky is as suspicious as can be, and nothing else is.
const SETTINGS: [(&str, &str); 1] = [("VC_FLOWS__FRAUD__CATEGORY_WEIGHT", "100")];

async fn gamble(client: &mut Client, holder: &Cardholder) -> Value {
    let body = json!({ "card_id": holder.card_id, "amount": 1, "currency": "USD", "merchant": "casino.example",
                       "merchant_category": "gambling" });
    post(client, &holder.person, "/api/v1/payments/process", &body).await.json()["transaction"].clone()
}

#[tokio::test]
async fn a_suspicious_payment_freezes_the_card_until_our_staff_lifts_it() {
    let system = TestSystem::start_with(1, &SETTINGS).await;
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "success");
    let refused = gamble(&mut client, &holder).await;
    assert_eq!(refused["decline_reason"], "suspected_fraud", "{refused}");
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "card_frozen");
    at_issuer(&system, &holder, "inactive").await;

    let own = post(&mut client, &holder.person, &path(&holder.card_id, "/unfreeze"), &json!({})).await;
    assert_eq!(code(&own), (403, "card.frozen_by_others".into()));
    let expected = [("requested", "person"), ("issued", "issuer"), ("frozen", "fraud")];
    assert_eq!(transitions(&system, &holder).await, steps(&expected));
    eventually("the person is told", async || {
        let inbox = read(&mut system.client(), &holder.person, "/api/v1/notifications").await.to_string();
        inbox.contains("looked like fraud").then_some(())
    })
    .await;

    let support = Member::new(&system.store(), &[Role::Support]).await;
    let token = support.log_in(&system.store(), &[Proof::Password, Proof::Totp]).await.token;
    let lift = json!({ "freeze_of": "fraud", "reason": "resolved" });
    let unfreeze = format!("/api/v2/admin/cards/{}/unfreeze", holder.card_id);
    let lifted = client.post(&unfreeze, Some(&token), &lift).await.unwrap();
    assert_eq!((lifted.status.as_u16(), &lifted.json()["status"]), (200, &json!("active")), "{}", lifted.text());
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "success");
    at_issuer(&system, &holder, "active").await;
}

/// Neither without the other, whatever dies in between.
#[tokio::test]
async fn the_freeze_is_in_the_append_of_the_refusal() {
    let system = TestSystem::start_with(1, &SETTINGS).await;
    let holder = system.a_cardholder(1_000).await;
    gamble(&mut system.client(), &holder).await;
    let sql = "SELECT kind || '.' || name FROM events
                WHERE correlation_id = (SELECT correlation_id FROM events WHERE kind = 'payment' AND name = 'declined')
                ORDER BY position";
    let names: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut system.sql().await).await.unwrap();
    assert_eq!(names, ["payment.initiated", "payment.declined", "card.frozen"]);
    // One commit: all that is in a batch has one time of recording.
    let sql = "SELECT count(DISTINCT recorded_at) FROM events WHERE name IN ('initiated', 'declined', 'frozen')";
    let commits: i64 = sqlx::query_scalar(sql).fetch_one(&mut system.sql().await).await.unwrap();
    assert_eq!(commits, 1);
}

/// A refusal alone is not reason enough.
#[tokio::test]
async fn a_payment_that_is_merely_refused_leaves_the_card_as_it_is() {
    let system = TestSystem::start_with(1, &[("VC_FLOWS__FRAUD__CATEGORY_WEIGHT", "94")]).await;
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    assert_eq!(gamble(&mut client, &holder).await["decline_reason"], "suspected_fraud");
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "success");
}
