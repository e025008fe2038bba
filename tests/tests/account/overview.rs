use aggregates::Role;
use serde_json::json;
use tests::{client::Client, system::TestSystem};

use super::{read, somebody};

const OVERVIEW: &str = "/api/v1/me/overview";

#[tokio::test]
async fn all_parts_come_in_one_answer_and_what_was_told_can_be_read() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    for _ in 0..11 {
        client.post_prepared(&holder.payment("1.00", "shop.example"), None).await.unwrap();
    }
    let overview = read(&mut client, OVERVIEW, &holder.person).await;
    assert_eq!(overview["user"]["id"], holder.person.user_id.as_str());
    assert_eq!(overview["kyc"]["kyc_status"], "approved");
    assert_eq!(overview["cards"][0]["card_id"], holder.card_id.as_str());
    assert_eq!(overview["transactions"].as_array().map(Vec::len), Some(10));
    // Verified, a card, eleven payments.
    assert_eq!((&overview["notifications"]["unread"], &overview["unavailable"]), (&json!(13), &json!([])));
    let latest = overview["notifications"]["latest"].as_array().unwrap();
    assert_eq!(latest.len(), 5);

    let third = latest[2]["notification_id"].as_str().unwrap();
    let path = format!("/api/v1/notifications/{third}/read");
    assert_eq!(client.post(&path, Some(&holder.person.token), &json!({})).await.unwrap().status, 200);
    let overview = read(&mut client, OVERVIEW, &holder.person).await;
    assert_eq!(overview["notifications"]["unread"], 2, "{overview}");
    let is_read: Vec<_> =
        overview["notifications"]["latest"].as_array().unwrap().iter().map(|n| n["read"].clone()).collect();
    assert_eq!(is_read, [false, false, true, true, true]);
    let all = "/api/v1/notifications/read-all";
    assert_eq!(client.post(all, Some(&holder.person.token), &json!({})).await.unwrap().status, 200);
    assert_eq!(read(&mut client, OVERVIEW, &holder.person).await["notifications"]["unread"], 0);
}

#[tokio::test]
async fn what_the_token_does_not_permit_is_withheld_and_said() {
    let system = TestSystem::start().await;
    let auditor = somebody(&system, &[Role::Auditor]).await;
    system.caught_up().await;
    let overview = read(&mut system.client(), OVERVIEW, &auditor).await;
    assert_eq!(overview["withheld"], json!(["kyc", "cards", "transactions", "notifications"]));
    assert_eq!(overview["user"]["email"], auditor.email.as_str());
    assert!(overview.get("cards").is_none());
}

#[tokio::test]
async fn while_redis_is_away_only_notifications_are_missing() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    system.caught_up().await;
    let api = system.another_api(&[("VC_REDIS_URL", "redis://127.0.0.1:1")]).await;
    let overview = read(&mut Client::new(api.address()), OVERVIEW, &holder.person).await;
    assert_eq!(overview["unavailable"], json!(["notifications"]), "{overview}");
    assert_eq!(overview["cards"][0]["card_id"], holder.card_id.as_str());
    assert_eq!(overview["kyc"]["kyc_status"], "approved");
}
