use serde_json::{Value, json};
use tests::{client::Cardholder, eventually::eventually, system::TestSystem};

use super::{code, path, pay, post, read};

/// What the card is at the issuer, once it is that.
pub(super) async fn at_issuer(system: &TestSystem, holder: &Cardholder, status: &str) {
    let path = format!("/cards/{}", holder.card_id);
    eventually("the issuer knows", async || (system.sandbox(&path).await["status"] == status).then_some(())).await;
}

pub(super) async fn transitions(system: &TestSystem, holder: &Cardholder) -> Vec<(String, String)> {
    let found = read(&mut system.client(), &holder.person, &path(&holder.card_id, "/transitions")).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    found["transitions"].as_array().unwrap().iter().map(|step| (text(&step["transition"]), text(&step["by"]))).collect()
}

pub(super) fn steps(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, by)| ((*name).to_owned(), (*by).to_owned())).collect()
}

#[tokio::test]
async fn a_frozen_card_declines_and_the_issuer_is_told() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    let frozen = post(&mut client, &holder.person, &path(&holder.card_id, "/freeze"), &json!({})).await;
    assert_eq!((frozen.status.as_u16(), &frozen.json()["status"]), (200, &json!("frozen")), "{}", frozen.text());
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "card_frozen");
    let shown = read(&mut client, &holder.person, &format!("/api/v1/cards/{}", holder.card_id)).await;
    assert_eq!(shown["card"]["status"], "frozen");
    at_issuer(&system, &holder, "inactive").await;

    let unfrozen = post(&mut client, &holder.person, &path(&holder.card_id, "/unfreeze"), &json!({})).await;
    assert_eq!(unfrozen.json()["status"], "active", "{}", unfrozen.text());
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "success");
    at_issuer(&system, &holder, "active").await;
    let expected = [("requested", "person"), ("issued", "issuer"), ("frozen", "person"), ("unfrozen", "person")];
    assert_eq!(transitions(&system, &holder).await, steps(&expected));
}

/// Our own refusal counts at once; a worker tells the issuer when it is back.
#[tokio::test]
async fn a_card_is_frozen_although_the_issuer_is_away() {
    let mut system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    system.processes.sandbox.kill().await.unwrap();
    let frozen = post(&mut client, &holder.person, &path(&holder.card_id, "/freeze"), &json!({})).await;
    assert_eq!(frozen.json()["status"], "frozen", "{}", frozen.text());
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "card_frozen");
    system.processes.sandbox.restart().await.unwrap();
}

#[tokio::test]
async fn a_lost_card_is_blocked_for_good() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    let (report, reason) = (path(&holder.card_id, "/report-loss"), json!({ "reason": "stolen" }));
    let lost = post(&mut client, &holder.person, &report, &reason).await;
    assert_eq!(lost.json()["status"], "terminated");
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "card_terminated");
    let again = post(&mut client, &holder.person, &path(&holder.card_id, "/unfreeze"), &json!({})).await;
    assert_eq!(code(&again), (409, "card.terminated".into()));
    at_issuer(&system, &holder, "canceled").await;
    assert_eq!(system.sandbox(&format!("/cards/{}", holder.card_id)).await["reason"], "stolen");
    let told = eventually("the person is told", async || {
        let inbox = read(&mut system.client(), &holder.person, "/api/v1/notifications").await.to_string();
        inbox.contains("Card Blocked").then_some(inbox)
    });
    assert!(told.await.contains("is blocked for good"));
    let steps = read(&mut client, &holder.person, &path(&holder.card_id, "/transitions")).await;
    let last = steps["transitions"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["transition"], &last["reason"]), (&json!("terminated"), &json!("stolen")));
}

#[tokio::test]
async fn where_the_programme_says_so_a_card_waits_to_be_activated() {
    let system = TestSystem::start_with(1, &[("VC_FLOWS__CARDS_NEED_ACTIVATION", "true")]).await;
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "card_not_activated");
    let active = post(&mut client, &holder.person, &path(&holder.card_id, "/activate"), &json!({})).await;
    assert_eq!(active.json()["status"], "active", "{}", active.text());
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "success");
}

#[tokio::test]
async fn somebody_elses_card_is_as_unknown_as_none() {
    let system = TestSystem::start().await;
    let (holder, other) = (system.a_cardholder(100).await, system.a_person().await);
    let mut client = system.client();
    for rest in ["/freeze", "/unfreeze", "/terminate", "/activate"] {
        let answer = post(&mut client, &other, &path(&holder.card_id, rest), &json!({})).await;
        assert_eq!(code(&answer), (404, "card.not_found".into()), "{rest}");
    }
    for rest in ["", "/limits", "/controls", "/transitions"] {
        let answer = client.get(&path(&holder.card_id, rest), Some(&other.token)).await.unwrap();
        assert_eq!(code(&answer), (404, "card.not_found".into()), "{rest}");
    }
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "success");
}
