use hyper::Method;
use serde_json::json;
use tests::system::TestSystem;

/// By default a person's own reads wait for that person's last write.
#[tokio::test]
async fn a_person_reads_what_they_wrote_at_once() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let token = Some(holder.person.token.as_str());
    let mut client = system.client();
    for i in 1..=8 {
        let paid = client.post_prepared(&holder.payment("1.50", "shop.example"), None).await.unwrap().json();
        let id = paid["transaction"]["transaction_id"].as_str().unwrap();
        let one = client.get(&format!("/api/v1/transactions/{id}"), token).await.unwrap();
        assert_eq!(one.json()["transaction"], paid["transaction"], "{}", one.text());
        let list = client.get("/api/v1/transactions", token).await.unwrap().json();
        assert_eq!(list["transactions"][0], paid["transaction"]);
        assert_eq!(list["transactions"].as_array().map(Vec::len), Some(i));
        let card = client.get(&format!("/api/v1/cards/{}", holder.card_id), token).await.unwrap().json();
        assert_eq!(card["card"]["used_this_month"], 1.5 * i as f64);
    }
}

/// A write answers with its position, and a read through any api can demand at least that.
#[tokio::test]
async fn a_read_through_another_api_can_demand_the_position_of_a_write() {
    let system = TestSystem::start_with(2, &[]).await;
    let holder = system.a_cardholder(1_000).await;
    for _ in 0..8 {
        let paid = system.client_of(0).post_prepared(&holder.payment("1.50", "shop.example"), None).await.unwrap();
        let position = paid.position().unwrap().to_string();
        let headers = [("x-min-position", position.as_str())];
        let token = Some(holder.person.token.as_str());
        let list =
            system.client_of(1).request(Method::GET, "/api/v1/transactions", token, None, &headers).await.unwrap();
        assert_eq!(list.json()["transactions"][0], paid.json()["transaction"], "{}", list.text());
    }
}

/// Invariant 10: such a read waits for a bounded time, and says when to come back.
#[tokio::test]
async fn a_read_that_demands_what_is_not_there_yet_is_told_to_come_back() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let headers = [("x-min-position", "1000000")];
    let token = Some(person.token.as_str());
    let answer = system.client().request(Method::GET, "/api/v1/cards", token, None, &headers).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (503, &json!("system.behind")), "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
}

/// Where no read model can be had, the relational tables answer.
#[tokio::test]
async fn transactions_can_be_paged_through_to_the_end() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let token = Some(holder.person.token.as_str());
    let mut client = system.client();
    let mut paid = Vec::new();
    for _ in 0..7 {
        let answer = client.post_prepared(&holder.payment("1.50", "shop.example"), None).await.unwrap();
        paid.insert(0, answer.json()["transaction"].clone());
    }
    let (mut seen, mut path) = (Vec::new(), "/api/v1/transactions?limit=3".to_owned());
    loop {
        let page = client.get(&path, token).await.unwrap().json();
        seen.extend(page["transactions"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/transactions?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, paid);
}
