//! Cards at their end. When that is, the issuer says: here, by a setting of the sandbox.

use hyper::Method;
use serde_json::json;
use tests::{client::Cardholder, eventually::eventually, system::TestSystem};

use super::{
    a_holder, code,
    life::{at_issuer, transitions},
    path, pay, post, read, send,
};

const EXPIRED: [(&str, &str); 1] = [("VC_SANDBOX__CARDS_EXPIRE_IN_MONTHS", "-1")];

/// This month's last day is within this many days, whatever day it is.
const SOON: [(&str, &str); 2] =
    [("VC_SANDBOX__CARDS_EXPIRE_IN_MONTHS", "0"), ("VC_FLOWS__CARD_EXPIRY_NOTICE_DAYS", "40")];

async fn told(system: &TestSystem, holder: &Cardholder, title: &str) {
    eventually("the person is told", async || {
        let inbox = read(&mut system.client(), &holder.person, "/api/v1/notifications").await.to_string();
        inbox.contains(title).then_some(())
    })
    .await;
}

async fn events(system: &TestSystem, card_id: &str, name: &str) -> i64 {
    let sql = "SELECT count(*) FROM events WHERE kind = 'card' AND aggregate_id = $1::uuid AND name = $2";
    sqlx::query_scalar(sql).bind(card_id).bind(name).fetch_one(&mut system.sql().await).await.unwrap()
}

#[tokio::test]
async fn a_card_whose_last_month_is_over_expires() {
    let system = TestSystem::start_with(1, &EXPIRED).await;
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "card_expired");
    told(&system, &holder, "Card Expired").await;
    at_issuer(&system, &holder, "canceled").await;
    let last = transitions(&system, &holder).await.pop().unwrap();
    assert_eq!(last, ("expired".to_owned(), "system".to_owned()));
    let shown = read(&mut client, &holder.person, &path(&holder.card_id, "")).await;
    assert_eq!(shown["status"], "expired");
    let again = post(&mut client, &holder.person, &path(&holder.card_id, "/freeze"), &json!({})).await;
    assert_eq!(code(&again), (409, "card.expired".into()));
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "card_expired");
    assert_eq!(
        (events(&system, &holder.card_id, "expired").await, events(&system, &holder.card_id, "expiry_announced").await),
        (1, 0)
    );
}

#[tokio::test]
async fn a_card_that_expires_soon_is_announced_once_and_can_be_renewed() {
    let system = TestSystem::start_with(1, &SOON).await;
    let (holder, mut passkey) = a_holder(&system, 1_000).await;
    let mut client = system.client();
    told(&system, &holder, "Card Expires Soon").await;
    assert_eq!(pay(&mut client, &holder, "10.00", "shop.example").await, "success", "it is good until then");

    let operation = json!({ "operation": "card_request" });
    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
    let headers = [("x-step-up-token", Some(step_up.as_str()))];
    let replace = path(&holder.card_id, "/replace");
    let body = json!({ "reason": "expiry" });
    let renewed = send(&mut client, (Method::POST, &replace), &holder.person, &body, &headers).await;
    assert_eq!(renewed.status, 201, "{}", renewed.text());
    let renewed = renewed.json();
    assert_eq!(renewed["predecessor"], holder.card_id);
    let old = read(&mut client, &holder.person, &path(&holder.card_id, "")).await;
    assert_eq!((&old["status"], &old["successor"]), (&json!("terminated"), &renewed["card_id"]));
    let sql = "SELECT data #>> '{replaces,why}' FROM events
                WHERE kind = 'card' AND name = 'requested' AND aggregate_id = $1::uuid";
    let why = sqlx::query_scalar::<_, Option<String>>(sql).bind(renewed["card_id"].as_str());
    assert_eq!(why.fetch_one(&mut system.sql().await).await.unwrap().as_deref(), Some("renewal"));

    let successor = Cardholder { card_id: renewed["card_id"].as_str().unwrap().into(), ..holder.clone() };
    assert_eq!(pay(&mut client, &successor, "10.00", "shop.example").await, "success");
    assert_eq!(pay(&mut client, &holder, "10.00", "shop.example").await, "card_terminated");
    at_issuer(&system, &holder, "canceled").await;
    eventually("the new one is announced, too", async || {
        (events(&system, &successor.card_id, "expiry_announced").await == 1).then_some(())
    })
    .await;
    assert_eq!(events(&system, &holder.card_id, "expiry_announced").await, 1, "told once");
}
