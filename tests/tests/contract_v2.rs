//! Version 2 beside version 1: the same people, cards and payments, in the modern form.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    client::{Answer, Client, PASSWORD},
    system::TestSystem,
};

async fn pay(client: &mut Client, token: &str, body: &Value) -> Answer {
    let headers = [("idempotency-key", "key-1")];
    client.request(Method::POST, "/api/v2/payments", Some(token), Some(body), &headers).await.unwrap()
}

#[tokio::test]
async fn both_versions_work_on_the_same_things() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    let login = json!({ "email": holder.person.email, "password": PASSWORD, "device_id": "phone" });
    let login = client.post("/api/v2/auth/login", None, &login).await.unwrap();
    let login = login.expect("login", StatusCode::ACCEPTED).unwrap();
    let proof = json!({ "mfa_token": login["mfa_token"], "totp": holder.person.app.code().unwrap() });
    let login = client.post("/api/v2/auth/login/second-factor", None, &proof).await.unwrap();
    assert_eq!((login.status.as_u16(), &login.json()["token_type"]), (200, &json!("Bearer")), "{}", login.text());
    let token = login.json()["access_token"].as_str().unwrap().to_owned();

    let body = json!({ "card_id": holder.card_id, "amount": { "minor_units": 9_999, "currency": "USD" },
                       "merchant": "example-merchant.com", "merchant_category": "electronics" });
    let paid = pay(&mut client, &token, &body).await;
    assert_eq!((paid.status.as_u16(), &paid.json()["status"]), (201, &json!("captured")), "{}", paid.text());
    assert_eq!(paid.json()["amount"], json!({ "minor_units": 9_999, "currency": "USD" }));

    let path = format!("/api/v1/transactions/{}", paid.json()["payment_id"].as_str().unwrap());
    let in_v1 = client.get(&path, Some(&holder.person.token)).await.unwrap();
    assert!(in_v1.contains(r#""amount":99.99,"#) && in_v1.json()["transaction"]["status"] == "success");

    let in_v1 = client.post_prepared(&holder.payment("1.50", "shop.example"), None).await.unwrap().json();
    let path = format!("/api/v2/payments/{}", in_v1["transaction"]["transaction_id"].as_str().unwrap());
    let in_v2 = client.get(&path, Some(&token)).await.unwrap().json();
    assert_eq!((&in_v2["status"], &in_v2["amount"]["minor_units"]), (&json!("captured"), &json!(150)));
}

/// RFC 9457, without what version 1 adds.
#[tokio::test]
async fn refusals_are_problems_and_unknown_fields_are_refused() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let (mut client, token) = (system.client(), holder.person.token.as_str());
    let valid = json!({ "card_id": holder.card_id, "amount": { "minor_units": 1, "currency": "USD" },
                        "merchant": "shop.example", "merchant_category": "books" });
    let mut unknown = valid.clone();
    unknown["tip"] = json!(1);
    let mut fraction = valid.clone();
    fraction["amount"]["minor_units"] = json!(1.5);
    let mut negative = valid.clone();
    negative["amount"]["minor_units"] = json!(-1);
    for body in [unknown, fraction, negative, json!({})] {
        let answer = pay(&mut client, token, &body).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert!(answer.json().get("success").is_none() && answer.json()["code"].is_string(), "{}", answer.text());
    }
    assert_eq!(system.sandbox("/charges").await["requests"], 0);
}

/// RFC 7517: whoever wants to check a token finds the key by the token's `kid`.
#[tokio::test]
async fn the_key_that_signs_tokens_is_published() {
    let system = TestSystem::start().await;
    let set = system.client().get("/.well-known/jwks.json", None).await.unwrap();
    assert_eq!(set.status, 200);
    let keys = tests::database::keys().signing();
    let published = set.json()["keys"].as_array().cloned().unwrap_or_default();
    let key = published.iter().find(|key| key["kid"] == keys.current().kid.as_str()).expect("the current key");
    assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&json!("RSA"), &json!("RS256"), &json!("sig")));
    assert_eq!((key["n"].as_str(), key["e"].as_str()), (Some(&*keys.current().n), Some(&*keys.current().e)));
    assert!(["d", "p", "q", "dp", "dq", "qi"].iter().all(|private| key.get(private).is_none()), "{key}");
}
