use std::str::FromStr;

use aggregates::card::Expiry;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use tests::{
    client::{Answer, Client, PASSWORD, Person},
    eventually::eventually,
    system::{TestSystem, an_email},
};
use uuid::Uuid;

use super::differences;

const LOGIN_REQUEST: &str = r#"{
    "email": "user@example.com",
    "password": "securePassword123",
    "device_id": "device_uuid_123"
}"#;

const LOGIN_ANSWER: &str = r#"{
    "success": true,
    "token": "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9 ... ",
    "user": {
        "id": "user_uuid_123",
        "email": "user@example.com",
        "first_name": "John",
        "last_name": "Doe",
        "kyc_status": "approved"
    }
}"#;

const KYC_STATUS_ANSWER: &str = r#"{
    "kyc_status": "approved",
    "verified_date": "2025-10-15",
    "verification_provider": "onfido"
}"#;

const CARD_REQUEST: &str = r#"{
    "card_type": "virtual_visa",
    "currency": "USD"
}"#;

const CARD_ANSWER: &str = r#"{
    "success": true,
    "card": {
        "card_id": "card_uuid_456",
        "card_number": "****9012",
        "cvv": "***",
        "expiry_date": "10/27",
        "status": "active"
    }
}"#;

const PAYMENT_REQUEST: &str = r#"{
    "card_id": "card_uuid_456",
    "amount": 99.99,
    "currency": "USD",
    "merchant": "example-merchant.com",
    "merchant_category": "electronics"
}"#;

const PAYMENT_ANSWER: &str = r#"{
    "success": true,
    "transaction": {
        "transaction_id": "txn_uuid_789",
        "status": "success",
        "amount": 99.99,
        "currency": "USD",
        "merchant": "example-merchant.com",
        "timestamp": "2025-10-20T14:30:05Z"
    }
}"#;

/// What the notification module was told to send.
const NOTIFICATION: &str = r#"{
    "type": "transaction_success",
    "title": "Payment Successful",
    "message": "Your payment of $99.99 to example-merchant.com was successful",
    "data": {
        "transaction_id": "txn_uuid_789",
        "amount": 99.99,
        "merchant": "example-merchant.com"
    }
}"#;

// The answers have fields besides, which an app that does not know them passes over. Here are all of them.
const BESIDE_LOGIN: [&str; 2] = ["expires_in", "refresh_token"];
const BESIDE_KYC_STATUS: [&str; 1] = ["success"];
const BESIDE_CARD: [&str; 5] =
    ["card.card_type", "card.currency", "card.monthly_limit", "card.used_this_month", "card.requested_at"];
const BESIDE_PAYMENT: [&str; 2] = ["transaction.card_id", "transaction.merchant_category"];
const BESIDE_NOTIFICATION: [&str; 4] = ["notification_id", "created_at", "read", "data.currency"];

/// A quoted request with some of its values replaced by ones that exist.
fn request(quoted: &str, values: Value) -> Value {
    let mut request: Value = serde_json::from_str(quoted).unwrap();
    for (name, value) in values.as_object().unwrap() {
        assert!(request.get(name).is_some(), "the quoted request has no `{name}`");
        request[name] = value.clone();
    }
    request
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn ok(answer: &Answer, quoted: &str, additions: &[&str]) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type").map(|kind| kind.split(';').next()), Some(Some("application/json")));
    assert_eq!(differences(quoted, &answer.json(), additions), [""; 0], "{}", answer.text());
    answer.json()
}

async fn log_in(client: &mut Client, email: &str) -> Answer {
    let login = request(LOGIN_REQUEST, json!({ "email": email, "password": PASSWORD }));
    client.post("/api/v1/auth/login", None, &login).await.unwrap()
}

async fn a_verified_person(system: &TestSystem) -> Person {
    let person = system.a_person().await;
    system.client().pass_kyc(&person).await.unwrap();
    person
}

#[tokio::test]
async fn a_login_is_answered_as_the_app_knows_it() {
    let system = TestSystem::start().await;
    let (mut client, email) = (system.client(), an_email());
    let user_id = client.register(&email).await.unwrap();

    let login = ok(&log_in(&mut client, &email).await, LOGIN_ANSWER, &BESIDE_LOGIN);
    assert_eq!(login["success"], true);
    assert_eq!(login["user"]["id"], user_id.as_str());
    assert_eq!((text(&login["user"]["email"]), text(&login["user"]["kyc_status"])), (email.as_str(), "not_started"));
    let header = text(&login["token"]).split('.').next().unwrap();
    assert!(header.starts_with("eyJ"), "{header} begins no JWT");

    // Never a cached token: each login has one of its own.
    let again = ok(&log_in(&mut client, &email).await, LOGIN_ANSWER, &BESIDE_LOGIN);
    assert_ne!(again["token"], login["token"]);
}

#[tokio::test]
async fn a_verified_identity_is_answered_as_the_app_knows_it() {
    let system = TestSystem::start().await;
    let person = a_verified_person(&system).await;
    let mut client = system.client();
    let answer = client.get("/api/v1/kyc/status", Some(&person.token)).await.unwrap();
    let status = ok(&answer, KYC_STATUS_ANSWER, &BESIDE_KYC_STATUS);
    assert_eq!((text(&status["kyc_status"]), text(&status["verification_provider"])), ("approved", "sandbox"));
    assert_eq!(NaiveDate::from_str(text(&status["verified_date"])).unwrap(), Utc::now().date_naive());

    let login = log_in(&mut client, &person.email).await;
    assert_eq!(login.json()["user"]["kyc_status"], "approved");
}

#[tokio::test]
async fn a_card_is_answered_as_the_app_knows_it() {
    let system = TestSystem::start().await;
    let person = a_verified_person(&system).await;
    let mut client = system.client();
    let body = request(CARD_REQUEST, json!({}));
    let answer = client.ask_for_card(&person, &body).await.unwrap();

    let card = ok(&answer, CARD_ANSWER, &BESIDE_CARD)["card"].clone();
    assert_eq!(text(&card["status"]), "active");
    assert_eq!(text(&card["cvv"]), "***");
    let last_four = text(&card["card_number"]).strip_prefix("****").unwrap();
    assert!(last_four.len() == 4 && last_four.bytes().all(|digit| digit.is_ascii_digit()), "{last_four}");
    assert!(Expiry::from_str(text(&card["expiry_date"])).is_ok());

    let path = format!("/api/v1/cards/{}", text(&card["card_id"]));
    let read = client.get(&path, Some(&person.token)).await.unwrap();
    assert_eq!(ok(&read, CARD_ANSWER, &BESIDE_CARD)["card"], card, "reading it later shows the same");
}

#[tokio::test]
async fn a_payment_is_answered_as_the_app_knows_it() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(5_000).await;
    let token = Some(holder.person.token.as_str());
    let mut client = system.client();
    let body = request(PAYMENT_REQUEST, json!({ "card_id": holder.card_id }));
    let answer = client.post("/api/v1/payments/process", token, &body).await.unwrap();

    let paid = ok(&answer, PAYMENT_ANSWER, &BESIDE_PAYMENT);
    assert_eq!(paid["success"], true);
    let transaction = &paid["transaction"];
    assert_eq!((text(&transaction["status"]), text(&transaction["currency"])), ("success", "USD"));
    assert!(answer.contains(r#""amount":99.99,"#), "the amount is exact: {}", answer.text());
    assert_eq!(text(&transaction["merchant"]), "example-merchant.com");
    assert!(Uuid::parse_str(text(&transaction["transaction_id"])).is_ok());
    let timestamp = text(&transaction["timestamp"]);
    assert!(timestamp.len() == "2025-10-20T14:30:05Z".len() && timestamp.ends_with('Z'), "{timestamp}");
    assert!((Utc::now() - DateTime::<Utc>::from_str(timestamp).unwrap()).num_seconds().abs() < 60);

    let path = format!("/api/v1/transactions/{}", text(&transaction["transaction_id"]));
    let read = client.get(&path, token).await.unwrap();
    assert_eq!(ok(&read, PAYMENT_ANSWER, &BESIDE_PAYMENT), paid, "reading it later shows the same");
}

#[tokio::test]
async fn the_person_is_told_of_a_payment_in_the_words_the_app_knows() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(5_000).await;
    let mut client = system.client();
    let paid = client.post_prepared(&holder.payment("99.99", "example-merchant.com"), None).await.unwrap();
    let told = eventually("the person is told", async || {
        let inbox = client.get("/api/v1/notifications", Some(&holder.person.token)).await.unwrap().json();
        let inbox = inbox["notifications"].as_array().cloned().unwrap_or_default();
        inbox.into_iter().find(|told| told["type"] == "transaction_success")
    })
    .await;

    assert_eq!(differences(NOTIFICATION, &told, &BESIDE_NOTIFICATION), [""; 0], "{told}");
    let quoted: Value = serde_json::from_str(NOTIFICATION).unwrap();
    for field in ["type", "title", "message"] {
        assert_eq!(told[field], quoted[field]);
    }
    assert_eq!(told["data"]["transaction_id"], paid.json()["transaction"]["transaction_id"]);
    assert_eq!(told["data"]["amount"], 99.99);
}
