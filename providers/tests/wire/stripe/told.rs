//! What the sandbox's network sends is what Stripe's specification says, and is read as it is meant.

#![allow(clippy::unwrap_used)]

use aggregates::card::Channel;
use providers::{
    Config,
    issuing::{
        network::{Ended, MovementKind, Told},
        stripe::read,
    },
    sandbox::SandboxConfig,
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpListener, sync::mpsc};

use super::violations;
use crate::harness::{Sandbox, a_card, a_sandbox_with, answer};

/// A sandbox whose webhooks arrive here; every question is answered with yes.
async fn a_network() -> (Sandbox, mpsc::UnboundedReceiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhooks_url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let received = super::read(&mut stream).await;
            let event: Value = serde_json::from_str(&received.body).unwrap();
            let _ = stream.write_all(answer(200, r#"{"approved":true}"#).as_bytes()).await;
            sender.send(event).unwrap();
        }
    });
    let config = SandboxConfig { webhooks_url, ..SandboxConfig::default() };
    (a_sandbox_with(config, Config::default()).await, receiver)
}

async fn play(sandbox: &Sandbox, path: &str, body: Value) -> Value {
    let url = format!("{}/sandbox/network/{path}", sandbox.base);
    let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

/// The next event of a kind; others that come before it are passed over.
async fn next(events: &mut mpsc::UnboundedReceiver<Value>, kind: &str) -> Value {
    loop {
        let event = events.recv().await.unwrap();
        if event["type"] == kind {
            let object = event["data"]["object"]["object"].as_str().unwrap().to_owned();
            let schema = json!({ "$ref": format!("#/components/schemas/{object}") });
            assert_eq!(violations(schema, &event["data"]["object"]), Vec::<String>::new(), "{event}");
            return event;
        }
    }
}

fn told(event: &Value) -> Told {
    read(event.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn a_purchase_is_asked_about_and_told_of_as_stripe_does() {
    let (sandbox, mut events) = a_network().await;
    let card = a_card();
    let shop = json!({ "card_id": card, "amount": 1_000, "currency": "USD", "merchant": "Corner\u{7} \"Books\"",
                       "mcc": "6011", "country": "DE", "online": false, "merchant_currency": "EUR" });
    let purchase = play(&sandbox, "purchases", shop).await;
    let id = purchase["authorization"].as_str().unwrap();

    let Told::Question(question) = told(&next(&mut events, "issuing_authorization.request").await) else { panic!() };
    assert_eq!((question.authorization.as_str(), question.number), (id, 0));
    assert_eq!((question.card.card_id, question.card.reference), (Some(card), format!("card_{card}")));
    let bought = question.purchase;
    assert_eq!((bought.amount.minor_units, bought.merchant.as_str()), (1_000, "Corner  \"Books\""));
    assert_eq!((bought.channel, bought.currency.unwrap().code()), (Channel::Withdrawal, "EUR"));
    assert_eq!(bought.country.map(|country| country.to_string()).as_deref(), Some("DE"));

    let Told::Report(created) = told(&next(&mut events, "issuing_authorization.created").await) else { panic!() };
    assert_eq!((created.rulings.len(), created.rulings[0].approved), (1, true));
    assert_eq!((created.ended, created.reversal), (None, None));

    play(&sandbox, &format!("purchases/{id}/increment"), json!({ "amount": 500 })).await;
    let Told::Question(more) = told(&next(&mut events, "issuing_authorization.request").await) else { panic!() };
    assert_eq!((more.number, more.purchase.amount.minor_units), (1, 500));
    let Told::Report(updated) = told(&next(&mut events, "issuing_authorization.updated").await) else { panic!() };
    assert_eq!((updated.rulings.len(), updated.reversal), (2, None), "an increment is no reversal");

    play(&sandbox, &format!("purchases/{id}/reverse"), json!({ "amount": 300 })).await;
    let Told::Report(less) = told(&next(&mut events, "issuing_authorization.updated").await) else { panic!() };
    assert_eq!(less.reversal.map(|reversal| reversal.amount.minor_units), Some(300));
}

#[tokio::test]
async fn money_that_moves_is_told_as_stripe_does() {
    let (sandbox, mut events) = a_network().await;
    let shop = json!({ "card_id": a_card(), "amount": 1_000, "currency": "JPY", "merchant": "Corner Books" });
    let purchase = play(&sandbox, "purchases", shop.clone()).await;
    let id = purchase["authorization"].as_str().unwrap();
    play(&sandbox, &format!("purchases/{id}/capture"), json!({ "amount": 800 })).await;
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let event = events.recv().await.unwrap();
        seen.push(event);
    }
    let of = |kind: &str| told(seen.iter().find(|event| event["type"] == kind).unwrap());
    let Told::Report(captured) = of("issuing_transaction.created") else { panic!() };
    assert_eq!(captured.authorization.as_deref(), Some(id));
    let moved = &captured.movements[0];
    assert_eq!((moved.kind, moved.amount.minor_units), (MovementKind::Capture, 800), "below zero at Stripe");
    let Told::Report(closed) = of("issuing_authorization.updated") else { panic!() };
    assert_eq!((closed.ended, closed.movements.len()), (Some(Ended::Closed), 1));

    play(&sandbox, &format!("purchases/{id}/refund"), json!({ "amount": 100 })).await;
    let Told::Report(refunded) = told(&next(&mut events, "issuing_transaction.created").await) else { panic!() };
    assert_eq!((refunded.movements[0].kind, refunded.movements[0].amount.minor_units), (MovementKind::Refund, 100));

    play(&sandbox, "force-posts", shop).await;
    let Told::Report(forced) = told(&next(&mut events, "issuing_transaction.created").await) else { panic!() };
    assert_eq!((forced.authorization, forced.card.card_id), (None, None));
}

#[test]
fn what_is_not_as_agreed_is_not_guessed_at() {
    for body in
        [r#"{"id":"evt_1","type":"issuing_authorization.request","created":1,"data":{"object":{}}}"#, "{}", "[]"]
    {
        assert!(read(body.as_bytes()).is_err(), "{body}");
    }
    let other = r#"{"id":"evt_1","type":"payout.paid","created":1,"data":{"object":{}}}"#;
    assert_eq!(read(other.as_bytes()), Ok(Told::Nothing));
}

fn transaction(kind: &str, amount: i64, merchant_currency: &str) -> Value {
    let merchant = json!({ "category": "books", "category_code": "5942", "name": "Corner Books", "network_id": "1" });
    let object = json!({ "id": "ipi_1", "type": kind, "amount": amount, "currency": "usd",
                         "merchant_currency": merchant_currency, "merchant_data": merchant, "card": "ic_1" });
    json!({ "id": "evt_1", "type": "issuing_transaction.created", "created": 1, "data": { "object": object } })
}

#[test]
fn a_movement_goes_where_its_kind_says_or_is_not_believed() {
    for (kind, amount, expected) in [("capture", -5, MovementKind::Capture), ("refund", 5, MovementKind::Refund)] {
        let Told::Report(report) = told(&transaction(kind, amount, "usd")) else { panic!() };
        assert_eq!((report.movements[0].kind, report.movements[0].amount.minor_units), (expected, 5));
        assert!(read(transaction(kind, -amount, "usd").to_string().as_bytes()).is_err(), "{kind}");
        assert_eq!(told(&transaction(kind, 0, "usd")), Told::Nothing, "nothing moved");
    }
    assert!(read(transaction("capture", i64::MIN, "usd").to_string().as_bytes()).is_err());
}

#[test]
fn a_merchant_currency_that_is_not_known_silences_nothing() {
    let Told::Report(report) = told(&transaction("capture", -5, "xxz")) else { panic!() };
    assert_eq!((report.purchase.currency, report.purchase.amount.currency.code()), (None, "USD"));
}

/// Asked for by its id, a purchase is what would have been told of it.
#[tokio::test]
async fn a_purchase_that_is_looked_up_says_how_it_stands() {
    let (sandbox, _events) = a_network().await;
    let shop = json!({ "card_id": a_card(), "amount": 1_000, "currency": "USD", "merchant": "Corner Books" });
    let purchase = play(&sandbox, "purchases", shop).await;
    let id = purchase["authorization"].as_str().unwrap();
    let issuer = &sandbox.providers.issuer;
    let open = issuer.authorization(id).await.unwrap().unwrap();
    assert_eq!((open.authorization.as_deref(), open.rulings.len(), open.ended), (Some(id), 1, None));

    play(&sandbox, &format!("purchases/{id}/reverse"), json!({ "amount": 300 })).await;
    let less = issuer.authorization(id).await.unwrap().unwrap();
    assert_eq!((less.purchase.amount.minor_units, less.reversal), (700, None), "of no change by name");
    play(&sandbox, &format!("purchases/{id}/capture"), json!({})).await;
    let captured = issuer.authorization(id).await.unwrap().unwrap();
    assert_eq!((captured.movements[0].amount.minor_units, captured.ended), (700, Some(Ended::Closed)));

    play(&sandbox, &format!("purchases/{id}/forget"), json!({})).await;
    assert_eq!(issuer.authorization(id).await, Ok(None));
}
