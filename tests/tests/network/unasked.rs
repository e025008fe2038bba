//! What moved before anybody told us of the purchase that it belongs to.

use aggregates::payment::Status;
use serde_json::{Value, json};
use tests::{
    client::{Answer, Client},
    eventually::eventually,
    system::TestSystem,
};

use super::{a_network, payment, purchase, send, settled, used};

/// A capture on an authorisation that we have not heard of, in the words of another purchase's question.
pub(super) async fn capture(client: &mut Client, question: &Value, authorization: &str, minor_units: i64) -> Answer {
    let known = &question["data"]["object"];
    let id = format!("ipi_{authorization}_{minor_units}");
    let transaction = json!({
        "id": id, "type": "capture", "amount": -minor_units, "currency": "usd", "merchant_currency": "usd",
        "merchant_data": known["merchant_data"], "card": known["card"]["id"], "authorization": authorization,
    });
    let event = json!({ "id": format!("evt_{id}"), "type": "issuing_transaction.created", "created": 1,
                        "data": { "object": transaction } });
    send(client, &event).await
}

/// The issuer approved `minor_units` of it by itself.
async fn ruling(client: &mut Client, question: &Value, authorization: &str, minor_units: i64) -> Answer {
    let mut event = question.clone();
    event["id"] = json!(format!("evt_ruling_{authorization}"));
    event["type"] = json!("issuing_authorization.created");
    let object = &mut event["data"]["object"];
    (object["id"], object["pending_request"], object["status"]) = (json!(authorization), json!(null), json!("pending"));
    object["amount"] = json!(minor_units);
    object["request_history"] = json!([{ "amount": minor_units, "approved": true, "created": 1, "currency": "usd",
        "merchant_amount": minor_units, "merchant_currency": "usd", "reason": "webhook_timeout" }]);
    send(client, &event).await
}

async fn used_by_both(system: &TestSystem, ruled: i64, expected: [i64; 4]) {
    let holder = system.a_cardholder(100).await;
    let template = purchase(system, &holder, 1_000).await;
    let question = &template["question"];
    let mut client = system.client();
    let authorization = format!("iauth_unasked_{ruled}");
    let bought = json!({ "authorization": authorization });
    assert_eq!(capture(&mut client, question, &authorization, 2_000).await.status, 204);
    let captured = settled(system, &bought, [2_000, 2_000, 0, 0]).await;
    assert_eq!(captured.status(), Some(Status::Captured));
    assert_eq!(ruling(&mut client, question, &authorization, ruled).await.status, 204);
    eventually("the ruling is on record", async || {
        (payment(system, &bought).await.answer(&authorization) == Some(true)).then_some(())
    })
    .await;
    settled(system, &bought, expected).await;
    let held = expected[0] - 2_000;
    assert_eq!(used(system, &holder).await, 3_000 + held, "beside the template's 1,000");
}

#[tokio::test]
async fn a_capture_that_comes_before_its_ruling_is_held_once() {
    let system = a_network(&[], 1).await;
    used_by_both(&system, 3_000, [3_000, 2_000, 0, 1_000]).await;
}

/// It is for people to look at; what is held is given back all the same.
#[tokio::test]
async fn a_movement_that_cannot_be_booked_keeps_nothing_else_back() {
    let system = a_network(&[], 1).await;
    let holder = system.a_cardholder(100).await;
    let bought = purchase(&system, &holder, 1_000).await;
    let mut event = bought["question"].clone();
    (event["id"], event["type"]) = (json!("evt_unbookable"), json!("issuing_authorization.updated"));
    let object = &mut event["data"]["object"];
    (object["pending_request"], object["status"]) = (json!(null), json!("closed"));
    let (merchant, card) = (object["merchant_data"].clone(), object["card"]["id"].clone());
    object["transactions"] = json!([{ "id": "ipi_euros", "type": "capture", "amount": -500, "currency": "eur",
        "merchant_currency": "eur", "merchant_data": merchant, "card": card,
        "authorization": bought["authorization"] }]);
    assert_eq!(send(&mut system.client(), &event).await.status, 204);
    let closed = settled(&system, &bought, [1_000, 0, 0, 0]).await;
    assert_eq!((closed.status(), used(&system, &holder).await), (Some(Status::Voided), 0));
}

#[tokio::test]
async fn a_ruling_that_captures_have_used_up_holds_nothing_more() {
    let system = a_network(&[], 1).await;
    used_by_both(&system, 2_000, [2_000, 2_000, 0, 0]).await;
}
