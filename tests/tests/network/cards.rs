//! The issuer's say about a card, and the card's controls at merchants.

use aggregates::{
    CardId, Money,
    card::{
        self, Card, Controls, Period, Refusal, Status,
        controls::{Filter, Limit},
    },
    payment::Decline,
};
use serde_json::{Value, json};
use tests::{client::Cardholder, eventually::eventually, system::TestSystem};

use super::{a_network, at_a_shop, payment, play, purchase, send};
use crate::examples::unit;

async fn card(system: &TestSystem, holder: &Cardholder) -> store::Loaded<Card> {
    system.store().load_latest::<Card>(holder.card_id.parse::<CardId>().unwrap()).await.unwrap()
}

async fn becomes(system: &TestSystem, holder: &Cardholder, status: Status) {
    eventually(&format!("the card is {status}"), async || {
        (card(system, holder).await.status() == Some(status)).then_some(())
    })
    .await;
}

async fn decide(system: &TestSystem, holder: &Cardholder, command: card::Command) {
    let card = card(system, holder).await;
    let events = card.decide(command).unwrap();
    system.store().append(unit().stream(&card, events)).await.unwrap();
}

async fn at_issuer(system: &TestSystem, holder: &Cardholder, status: &str) {
    play(system, "/cards", &json!({ "card_id": holder.card_id, "status": status })).await;
}

#[tokio::test]
async fn what_the_issuer_decides_of_a_card_is_decided_here_too() {
    let system = a_network(&[], 1).await;
    let holder = system.a_cardholder(100).await;
    at_issuer(&system, &holder, "inactive").await;
    becomes(&system, &holder, Status::Frozen).await;
    let refused = purchase(&system, &holder, 100).await;
    assert_eq!(payment(&system, &refused).await.decline(), Some(&Decline::CardFrozen));
    at_issuer(&system, &holder, "active").await;
    becomes(&system, &holder, Status::Active).await;
    assert_eq!(purchase(&system, &holder, 100).await["approved"], true);
    at_issuer(&system, &holder, "canceled").await;
    becomes(&system, &holder, Status::Terminated).await;
}

/// What the issuer said long ago is not what the card is.
#[tokio::test]
async fn an_old_word_of_the_issuers_changes_nothing() {
    let system = a_network(&[], 1).await;
    let holder = system.a_cardholder(100).await;
    let old = json!({ "id": "evt_old", "type": "issuing_card.updated", "created": 1, "data": { "object": {
        "id": format!("card_{}", holder.card_id), "object": "issuing.card", "status": "inactive",
        "metadata": { "card_id": holder.card_id } } } });
    let head = system.store().head().await.unwrap();
    assert_eq!(send(&mut system.client(), &old).await.status, 204);
    // Sent again it is known, so the first one was acted on.
    eventually("the webhook is acted on", async || {
        let handled = "SELECT count(*) FROM webhook_deliveries WHERE handled_at IS NULL";
        let open: i64 = sqlx::query_scalar(handled).fetch_one(&mut system.sql().await).await.unwrap();
        (open == 0).then_some(())
    })
    .await;
    assert_eq!(card(&system, &holder).await.status(), Some(Status::Active));
    assert_eq!(system.store().head().await.unwrap(), head);
}

/// The rule that refused, as the log has it.
async fn refusal(system: &TestSystem, body: &Value) -> Refusal {
    let refused = play(system, "/purchases", body).await;
    assert_eq!(refused["approved"], false, "{refused}");
    match payment(system, &refused).await.decline() {
        Some(Decline::ControlRefused { refusal }) => refusal.clone(),
        other => panic!("refused by {other:?}"),
    }
}

#[tokio::test]
async fn every_control_of_a_card_binds_at_merchants() {
    let system = a_network(&[], 1).await;
    let holder = system.a_cardholder(1_000).await;
    let block = |codes: &[&str]| codes.iter().map(|code| code.parse().unwrap()).collect::<Vec<_>>();
    let once =
        Limit { period: Period::Transaction, amount: Some(Money::new(5_000, aggregates::Currency::USD)), count: None };
    let controls = Controls {
        limits: vec![once],
        mccs: Filter { allow: vec![], block: block(&["7995"]) },
        merchants: Filter { allow: vec![], block: vec!["bad books".into()] },
        countries: Filter { allow: vec!["US".parse().unwrap()], block: vec![] },
        currencies: Filter { allow: vec![aggregates::Currency::USD], block: vec![] },
        online_only: true,
        ..Controls::default()
    };
    let monthly_limit = card(&system, &holder).await.monthly_limit().unwrap();
    let set = card::Command::SetControls { controls, monthly_limit, may_loosen: false, now: chrono::Utc::now() };
    decide(&system, &holder, set).await;

    let with = |field: &str, value: Value| {
        let mut body = at_a_shop(&holder, 1_000);
        body[field] = value;
        body
    };
    let cases = [
        (with("amount", json!(5_001)), "amount_limit"),
        (with("mcc", json!("7995")), "mcc"),
        (with("merchant", json!("Bad BOOKS")), "merchant"),
        (with("country", json!("DE")), "country"),
        (with("merchant_currency", json!("EUR")), "currency"),
        (with("online", json!(false)), "online_only"),
    ];
    for (body, rule) in cases {
        let refusal = refusal(&system, &body).await;
        assert_eq!(refusal.rule(), rule, "{refusal:?}");
        if let Refusal::AmountLimit { limit, attempted, .. } = refusal {
            assert_eq!((limit.minor_units, attempted.minor_units), (5_000, 5_001));
        }
    }
    assert_eq!(play(&system, "/purchases", &at_a_shop(&holder, 1_000)).await["approved"], true);
}
