//! Card limits hold and money adds up, under any concurrency (invariant 2).

use aggregates::{
    CardId,
    card::{Card, Window},
};
use futures::future::join_all;
use serde_json::{Value, json};
use tests::{client::Cardholder, system::TestSystem};

/// Pays `amounts` all at once over two apis and gives each transaction.
async fn pay_at_once(system: &TestSystem, holder: &Cardholder, amounts: &[(&str, &str)]) -> Vec<Value> {
    let payments = amounts.iter().enumerate().map(|(i, (amount, merchant))| {
        let (mut client, payment) = (system.client_of(i % 2), holder.payment(amount, merchant));
        async move { client.post_prepared(&payment, None).await.unwrap().json()["transaction"].clone() }
    });
    join_all(payments).await
}

fn count(transactions: &[Value], status: &str) -> usize {
    transactions.iter().filter(|transaction| transaction["status"] == status).count()
}

#[tokio::test]
async fn a_limit_holds_against_payments_at_the_same_moment() {
    let system = TestSystem::start_with(2, &[]).await;
    let holder = system.a_cardholder(100).await;
    let transactions = pay_at_once(&system, &holder, &[("10.00", "shop.example"); 24]).await;
    assert_eq!((count(&transactions, "success"), count(&transactions, "declined")), (10, 14), "{transactions:?}");
    for declined in transactions.iter().filter(|transaction| transaction["status"] == "declined") {
        assert_eq!(declined["decline_reason"], "limit_exceeded");
    }
    let charges = system.sandbox("/charges").await;
    assert_eq!((&charges["charges"], &charges["total_minor_units"]["USD"]), (&json!(10), &json!(10_000)));
}

/// The log, the gateway's own books and the read models say the same.
#[tokio::test]
async fn what_is_captured_is_what_was_charged_and_what_the_card_has_used() {
    let system = TestSystem::start_with(2, &[]).await;
    let holder = system.a_cardholder(200).await;
    let amounts = [
        ("7.77", "shop.example"),
        ("12.00", "declined.example"),
        ("0.01", "shop.example"),
        ("150.00", "shop.example"),
        ("49.99", "flaky.example"),
        ("30.00", "insufficient.example"),
        ("3.33", "shop.example"),
        ("100.00", "shop.example"),
    ];
    let transactions = pay_at_once(&system, &holder, &amounts).await;
    assert_eq!(count(&transactions, "pending"), 0, "{transactions:?}");
    let captured = transactions.iter().filter(|transaction| transaction["status"] == "success");
    let captured: i64 = captured.map(|t| (t["amount"].as_f64().unwrap() * 100.0).round() as i64).sum();

    assert_eq!(system.sandbox("/charges").await["total_minor_units"]["USD"], captured);
    let card = system.store().load::<Card>(holder.card_id.parse::<CardId>().unwrap()).await.unwrap();
    let used = card.used(Window::of(chrono::Utc::now())).unwrap().minor_units;
    assert!(used == captured && used <= 20_000, "{used} used, {captured} captured");
    system.caught_up().await;
    let row = system.store().card_row(card.owner().unwrap(), CardId(card.id)).await.unwrap().unwrap();
    assert_eq!(row.used, captured);
    let view = system.views().card(CardId(card.id), None).await.unwrap().unwrap();
    assert_eq!(view.used_in(Window::of(chrono::Utc::now())).minor_units, captured);
}
