use chrono::{TimeDelta, Utc};
use providers::webhooks::{Signed, StandardWebhooks};
use serde_json::json;
use tests::{eventually::eventually, system::TestSystem};

use super::{SANDBOX, deliver, signed};

const NOTHING: &str = r#"{"type":"check.completed","data":{"case_id":"0198c5a2-7b1e-7c3d-8000-000000000000"}}"#;

async fn kept(system: &TestSystem) -> (i64, i64) {
    let sql = "SELECT count(*), count(handled_at) FROM webhook_deliveries";
    sqlx::query_as(sql).fetch_one(&mut system.sql().await).await.unwrap()
}

#[tokio::test]
async fn a_delivery_is_kept_and_acted_on_once() {
    let system = TestSystem::start().await;
    let mut client = system.client();
    let delivery = signed("msg_1", Utc::now(), NOTHING);
    for _ in 0..3 {
        assert_eq!(deliver(&mut client, SANDBOX, &delivery, NOTHING).await.status, 204);
    }
    eventually("the delivery was acted on", async || (kept(&system).await == (1, 1)).then_some(())).await;
    // The same words under another id are another delivery.
    let other = signed("msg_2", Utc::now(), NOTHING);
    assert_eq!(deliver(&mut client, SANDBOX, &other, NOTHING).await.status, 204);
    eventually("the second one, too", async || (kept(&system).await == (2, 2)).then_some(())).await;
}

#[tokio::test]
async fn what_its_sender_did_not_sign_is_refused_and_leaves_nothing() {
    let system = TestSystem::start().await;
    let mut client = system.client();
    let right = signed("msg_1", Utc::now(), NOTHING);
    let forged = StandardWebhooks::new("another secret".into()).sign("msg_1", Utc::now(), NOTHING.as_bytes());
    let stale = signed("msg_1", Utc::now() - TimeDelta::minutes(10), NOTHING);
    let unsigned = Signed { signature: String::new(), ..signed("msg_1", Utc::now(), NOTHING) };
    for (delivery, body) in [(&right, "{}"), (&forged, NOTHING), (&stale, NOTHING), (&unsigned, NOTHING)] {
        let answer = deliver(&mut client, SANDBOX, delivery, body).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].clone()), (401, json!("webhook.refused")));
    }
    for (path, status) in [("/webhooks/nobody", 404), ("/webhooks/", 404), ("/webhooks/kyc-sandbox/more", 404)] {
        assert_eq!(deliver(&mut client, path, &right, NOTHING).await.status, status, "{path}");
    }
    assert_eq!(client.get(SANDBOX, None).await.unwrap().status, 405);
    let long = "x".repeat(300 * 1024);
    assert_eq!(deliver(&mut client, SANDBOX, &signed("msg_1", Utc::now(), &long), &long).await.status, 413);
    assert_eq!(kept(&system).await, (0, 0));
}

#[tokio::test]
async fn senders_have_a_limit_of_their_own() {
    let system = TestSystem::start_with(1, &[("VC_API__RATE_LIMITS__WEBHOOKS", "2")]).await;
    let mut client = system.client();
    for status in [401, 401, 429] {
        let unsigned = Signed { signature: String::new(), ..signed("msg_1", Utc::now(), NOTHING) };
        assert_eq!(deliver(&mut client, SANDBOX, &unsigned, NOTHING).await.status, status);
    }
}

#[tokio::test]
async fn what_a_crash_left_unacted_a_worker_takes_up() {
    let system = TestSystem::start_with(1, &[("VC_FLOWS__ABANDONED_AFTER_SECONDS", "3")]).await;
    let mark = store::webhooks::DeliveryMark::Id("msg_1");
    system.store().put_webhook("kyc-sandbox", mark, NOTHING.as_bytes()).await.unwrap();
    assert_eq!(kept(&system).await, (1, 0));
    eventually("a worker acted on it", async || (kept(&system).await == (1, 1)).then_some(())).await;
}
