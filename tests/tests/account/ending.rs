use aggregates::CardId;
use hyper::Method;
use serde_json::json;
use tests::{
    client::PASSWORD,
    eventually::eventually,
    system::{TestSystem, an_email},
};

use super::{call, count, problem, stepped_up};

const CLOSE: &str = "/api/v2/me/close";

#[tokio::test]
async fn a_closed_account_ends_its_cards_and_sessions_and_cannot_be_logged_in_to() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(100).await;
    let mut client = system.client();
    let person = &holder.person;
    let alone = call(&mut client, Method::POST, CLOSE, person, json!({ "password": PASSWORD })).await;
    assert_eq!(problem(&alone), (403, "auth.step_up_required".into()), "the password does not stand for two factors");

    let closed = stepped_up(&mut client, CLOSE, person).await;
    assert_eq!((closed.status.as_u16(), &closed.json()["standing"]), (200, &json!("closed")), "{}", closed.text());
    assert_eq!(client.get("/api/v2/me", Some(&person.token)).await.unwrap().status, 401);
    let (store, card_id) = (system.store(), holder.card_id.parse::<CardId>().unwrap());
    let card = store.load_latest::<aggregates::card::Card>(card_id).await.unwrap();
    assert_eq!(card.status(), Some(aggregates::card::Status::Terminated));

    // As if there were no account.
    let login = |email: &str| json!({ "email": email, "password": PASSWORD });
    let theirs = client.post("/api/v1/auth/login", None, &login(&person.email)).await.unwrap();
    let nobodys = client.post("/api/v1/auth/login", None, &login(&an_email())).await.unwrap();
    assert_eq!(problem(&theirs), problem(&nobodys));
    // One append: nobody sees a closed account with a live card.
    let events = system.store().read_after(0, 10_000).await.unwrap();
    let of = |name: &str| events.iter().find(|event| event.name == name).unwrap();
    assert_eq!(of("closed").correlation_id, of("terminated").correlation_id);
    assert_eq!(of("closed").position + 1, of("terminated").position);
}

#[tokio::test]
async fn an_account_without_a_second_factor_is_closed_by_its_password() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let mut client = system.client();
    let wrong = call(&mut client, Method::POST, CLOSE, &person, json!({ "password": "not the password" })).await;
    assert_eq!(problem(&wrong), (403, "auth.wrong_password".into()));
    let none = call(&mut client, Method::POST, CLOSE, &person, json!({})).await;
    assert_eq!(problem(&none), (422, "request.invalid".into()));
    let closed = call(&mut client, Method::POST, CLOSE, &person, json!({ "password": PASSWORD })).await;
    assert_eq!((closed.status.as_u16(), &closed.json()["standing"]), (200, &json!("closed")), "{}", closed.text());
}

#[tokio::test]
async fn an_account_stays_open_while_a_payment_has_no_outcome() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(100).await;
    let mut client = system.client();
    let pending = client.post_prepared(&holder.payment("10.00", "down.example"), None).await.unwrap().json();
    let transaction = pending["transaction"]["transaction_id"].as_str().unwrap();
    let operation = json!({ "operation": "account" });
    let step_up = client.step_up(&holder.person, &operation).await.unwrap();
    let (mut passkey, _) = client.add_passkey(&holder.person, Some(&step_up)).await.unwrap();
    for path in [CLOSE, "/api/v2/me/erase"] {
        let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &operation).await.unwrap();
        let refused = client.post_stepped_up(path, &holder.person, &step_up, &json!({})).await.unwrap();
        assert_eq!(problem(&refused), (409, "account.payments_pending".into()), "{}", refused.text());
        assert_eq!(refused.json()["resource"], format!("/api/v2/payments/{transaction}"));
    }
    assert_eq!(count(&system.store(), &holder.person, "closed").await, 0);
    assert_eq!(client.get("/api/v2/me", Some(&holder.person.token)).await.unwrap().status, 200);
}

/// An ending that was put down and refused leaves nothing behind.
#[tokio::test]
async fn what_a_refused_ending_put_down_is_forgotten() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    system.store().begin_ending(person.user_id.parse().unwrap()).await.unwrap();
    let store = system.store();
    eventually("the ending is forgotten", async || {
        store.ending_begun_at(person.user_id.parse().unwrap()).await.unwrap().is_none().then_some(())
    })
    .await;
    assert_eq!(system.client().get("/api/v2/me", Some(&person.token)).await.unwrap().status, 200);
}

/// Whoever is told to come back later has proven nothing in vain.
#[tokio::test]
async fn a_refused_ending_does_not_use_the_step_up() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(100).await;
    let (mut client, person) = (system.client(), &holder.person);
    let step_up = client.step_up(person, &json!({ "operation": "account" })).await.unwrap();
    let pending = client.post_prepared(&holder.payment("10.00", "down.example"), None).await.unwrap().json();
    assert_eq!(pending["transaction"]["status"], "pending", "{pending}");
    let headers = [("x-step-up-token", step_up.as_str())];
    let body = json!({});
    let refused = client.request(Method::POST, CLOSE, Some(&person.token), Some(&body), &headers).await.unwrap();
    assert_eq!(problem(&refused), (409, "account.payments_pending".into()), "{}", refused.text());
    let left = "SELECT count(*) FROM one_time WHERE purpose = 'step_up'";
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&mut system.sql().await).await.unwrap(), 1);
    let without = call(&mut client, Method::POST, CLOSE, person, json!({})).await;
    assert_eq!(problem(&without), (403, "auth.step_up_required".into()));
}
