use futures::future::join_all;
use hyper::Method;
use serde_json::{Value, json};
use std::fs;
use tests::{
    client::{Answer, Person},
    system::{TestSystem, an_email},
};

use super::{a_service, call, problem, read};

#[tokio::test]
async fn a_service_finds_a_person_by_address_and_their_verification() {
    let system = TestSystem::start_with(1, &[("VC_LOG", "trace")]).await;
    let service = a_service(&system).await;
    let person = system.a_person().await;
    let mut client = system.client();
    client.pass_kyc(&person).await.unwrap();
    let found = read(&mut client, &format!("/api/v1/users/verify?email={}", person.email), &service).await;
    assert_eq!((&found["user_id"], &found["first_name"]), (&json!(person.user_id), &json!("Ada")));
    assert_eq!((&found["kyc_status"], &found["verified"]), (&json!("approved"), &json!(true)));
    assert!(found.get("password_hash").is_none());
    for path in
        [format!("/api/v1/users/{}/kyc-status", person.user_id), format!("/api/v1/kyc/status/{}", person.user_id)]
    {
        let status = read(&mut client, &path, &service).await;
        assert_eq!((&status["kyc_status"], &status["verification_provider"]), (&json!("approved"), &json!("sandbox")));
        assert!(status["verified_date"].as_str().is_some_and(|day| day.len() == 10), "{status}");
    }
    let unknown =
        client.get(&format!("/api/v1/users/verify?email={}", an_email()), Some(&service.token)).await.unwrap();
    assert_eq!(problem(&unknown), (404, "account.not_found".into()));
    // The address in the query is in no log, however talkative.
    for file in fs::read_dir(system.environment.logs()).unwrap() {
        let log = String::from_utf8_lossy(&fs::read(file.unwrap().path()).unwrap()).into_owned();
        assert!(!log.contains(&person.email), "the log holds the address");
    }
}

#[tokio::test]
async fn customers_may_use_none_of_the_services_endpoints() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let mut client = system.client();
    let id = &person.user_id;
    for path in [
        format!("/api/v1/users/verify?email={}", person.email),
        format!("/api/v1/users/{id}/kyc-status"),
        format!("/api/v1/kyc/status/{id}"),
    ] {
        let refused = client.get(&path, Some(&person.token)).await.unwrap();
        assert_eq!(problem(&refused), (403, "auth.forbidden".into()), "{path}");
    }
    for path in ["/api/v1/fraud/check", "/api/v1/notifications/send"] {
        let refused = call(&mut client, Method::POST, path, &person, json!({})).await;
        assert_eq!(problem(&refused), (403, "auth.forbidden".into()), "{path}");
    }
}

#[tokio::test]
async fn a_service_asks_for_a_judgement_and_changes_nothing() {
    let system = TestSystem::start().await;
    let (service, person) = (a_service(&system).await, system.a_person().await);
    let mut client = system.client();
    let head = system.store().head().await.unwrap();
    let question = json!({
        "user_id": person.user_id, "amount": 99.99, "merchant": "example-merchant.com",
        "merchant_category": "electronics", "device_id": "device_uuid_123", "ip_address": "192.168.1.1",
        "timestamp": "2025-10-20T14:30:00Z",
    });
    let answer = call(&mut client, Method::POST, "/api/v1/fraud/check", &service, question.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let judged = answer.json();
    assert_eq!((&judged["risk_level"], &judged["approved"]), (&json!("low"), &json!(true)), "{judged}");
    for check in ["amount_check", "location_check", "device_check", "velocity_check"] {
        assert_eq!(judged["checks"][check], "pass");
    }
    for (field, value, refusal) in [
        ("ip_address", json!("nowhere"), (422, "request.invalid")),
        ("amount", json!(-1), (422, "request.invalid")),
        ("user_id", json!("0198c5a2-7b1e-7c3d-8000-000000000000"), (404, "account.not_found")),
    ] {
        let mut wrong = question.clone();
        wrong[field] = value;
        let refused = call(&mut client, Method::POST, "/api/v1/fraud/check", &service, wrong).await;
        assert_eq!(problem(&refused), (refusal.0, refusal.1.into()), "{field}");
    }
    assert_eq!(system.store().head().await.unwrap(), head);
}

#[tokio::test]
async fn what_a_service_sends_is_sealed_everywhere_and_readable_in_the_inbox() {
    let system = TestSystem::start().await;
    let (service, person) = (a_service(&system).await, system.a_person().await);
    let mut client = system.client();
    let message = json!({
        "user_id": person.user_id, "type": "transaction_success", "title": "Payment Successful",
        "message": "Your payment of $99.99 to unusual-merchant.example was successful",
        "data": { "transaction_id": "txn_uuid_789", "amount": 99.99 },
    });
    let sent = call(&mut client, Method::POST, "/api/v1/notifications/send", &service, message.clone()).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    let position = sent.position().unwrap().to_string();
    let headers = [("x-min-position", position.as_str())];
    let inbox =
        client.request(Method::GET, "/api/v1/notifications", Some(&person.token), None, &headers).await.unwrap();
    let told = &inbox.json()["notifications"][0];
    for field in ["type", "title", "message", "data"] {
        assert_eq!(told[field], message[field], "{}", inbox.text());
    }
    assert_eq!(told["read"], false);
    let events = system.store().read_after(0, 10_000).await.unwrap();
    let recorded = events.iter().find(|event| event.name == "sent").unwrap();
    assert!(recorded.actor.starts_with("service:") && !recorded.data.get().contains("unusual-merchant"));
    let views = system.views();
    let dump = async || views.dump(views.live().await.unwrap()).await.unwrap();
    let before = dump().await;
    assert!(before.values().all(|value| !String::from_utf8_lossy(value).contains("unusual-merchant")));
    system.environment.run(&["replay"]).await.unwrap();
    assert_eq!(dump().await, before);
}

/// Invariant 3.
#[tokio::test]
async fn one_key_of_a_service_is_one_notification() {
    let system = TestSystem::start_with(2, &[]).await;
    let (service, another) = (a_service(&system).await, a_service(&system).await);
    let (person, stranger) = (system.a_person().await, system.a_person().await);
    let message = json!({ "user_id": person.user_id, "type": "note", "title": "A title", "message": "A text",
                          "data": { "order": 17, "a": [1, { "b": 2 }] } });
    let send = async |api: usize, service: &Person, key: Option<&str>, body: &Value| {
        let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
        let path = "/api/v1/notifications/send";
        let mut client = system.client_of(api);
        client.request(Method::POST, path, Some(&service.token), Some(body), &headers).await.unwrap()
    };
    let id = |answer: &Answer| {
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["notification_id"].clone()
    };
    let at_once = join_all((0..6).map(|number| send(number % 2, &service, Some("key-1"), &message))).await;
    let first = id(&at_once[0]);
    at_once.iter().for_each(|answer| assert_eq!(id(answer), first));
    assert_eq!(id(&send(1, &service, Some("key-1"), &message).await), first);
    for (field, other) in [
        ("user_id", json!(stranger.user_id)),
        ("type", json!("another")),
        ("title", json!("Another")),
        ("message", json!("Another")),
        ("data", json!({ "order": 18 })),
        ("data", json!(null)),
    ] {
        let mut changed = message.clone();
        changed[field] = other;
        let refused = send(0, &service, Some("key-1"), &changed).await;
        assert_eq!(problem(&refused), (422, "notification.key_reused".into()), "{field}");
    }
    let others = [send(0, &service, Some("key-2"), &message).await, send(0, &another, Some("key-1"), &message).await];
    let unkeyed = [send(0, &service, None, &message).await, send(0, &service, None, &message).await];
    let mut ids: Vec<_> = others.iter().chain(&unkeyed).map(|answer| id(answer).to_string()).collect();
    ids.push(first.to_string());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    let events = system.store().read_after(0, 10_000).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.name == "sent").count(), 5);
}
