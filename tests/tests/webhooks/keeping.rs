use chrono::{TimeDelta, Utc};
use store::webhooks::DeliveryMark;
use tests::database::TestDatabase;

const BODY: &[u8] = b"{\"applicant\":\"Ada Lovelace\"}";

#[tokio::test]
async fn a_delivery_is_known_by_its_id_or_else_by_its_body() {
    let database = TestDatabase::new().await;
    let store = database.api_store();
    let is_new = async |source: &str, mark, body: &[u8]| store.put_webhook(source, mark, body).await.unwrap().is_some();
    assert!(is_new("one", DeliveryMark::Id("1"), BODY).await);
    assert!(!is_new("one", DeliveryMark::Id("1"), b"other words").await);
    assert!(is_new("two", DeliveryMark::Id("1"), BODY).await);
    assert!(is_new("one", DeliveryMark::Body, BODY).await);
    assert!(!is_new("one", DeliveryMark::Body, BODY).await);
    assert!(is_new("one", DeliveryMark::Body, b"other words").await);
}

#[tokio::test]
async fn the_contents_are_sealed_and_read_until_acted_on() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let delivery = store.put_webhook("one", DeliveryMark::Id("1"), BODY).await.unwrap().unwrap();
    let sql = "SELECT body FROM webhook_deliveries";
    let lying: Vec<u8> = sqlx::query_scalar(sql).fetch_one(&mut database.connect().await).await.unwrap();
    assert!(!lying.windows(8).any(|window| window == b"Lovelace"));
    let open = store.open_webhook(delivery).await.unwrap().unwrap();
    assert_eq!((open.source.as_str(), open.body.as_slice()), ("one", BODY));
    store.webhook_handled(delivery).await.unwrap();
    assert!(store.open_webhook(delivery).await.unwrap().is_none());
}

#[tokio::test]
async fn the_contents_are_forgotten_and_the_delivery_is_not() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let delivery = store.put_webhook("one", DeliveryMark::Id("1"), BODY).await.unwrap().unwrap();
    assert_eq!(store.forget_webhooks(Utc::now() - TimeDelta::minutes(1)).await.unwrap(), 0);
    assert_eq!(store.forget_webhooks(Utc::now() + TimeDelta::minutes(1)).await.unwrap(), 1);
    assert!(store.open_webhook(delivery).await.unwrap().is_none());
    assert!(store.put_webhook("one", DeliveryMark::Id("1"), BODY).await.unwrap().is_none());
}
