#![allow(clippy::unwrap_used)]

use aggregates::{Currency, Money};
use providers::{
    Failure,
    issuing::{Holder, IssueRequest, Issuer, Stripe, StripeConfig},
};
use serde_json::{Value, json};

use super::{Received, a_stripe_that_answers, nested, specification, violations};
use crate::harness::{NUMBER, a_card, a_request_with_limit};

pub(super) fn config(base: &str, state: Option<&str>) -> StripeConfig {
    let mut billing =
        json!({ "line1": "1 Market Street", "city": "San Francisco", "postal_code": "94105", "country": "US" });
    if let Some(state) = state {
        billing["state"] = json!(state);
    }
    serde_json::from_value(json!({
        "api_key": "sk_test_123", "webhook_secret": "whsec_test_secret", "base_url": base, "billing": billing,
    }))
    .unwrap()
}

pub(super) fn stripe(base: &str) -> Stripe {
    Stripe::new(&config(base, Some("CA")), 1_000).unwrap()
}

pub(super) fn ada() -> Holder {
    Holder { first_name: "Ada Augusta".into(), last_name: "King-Noel Lovelace".into() }
}

pub(super) fn a_request() -> IssueRequest {
    IssueRequest { holder_reference: Some("ich_1".into()), ..a_request_with_limit(500_000) }
}

pub(super) fn retrieved() -> Value {
    json!({ "id": "ic_1", "number": NUMBER, "cvc": "123", "exp_month": 8, "exp_year": 2029, "status": "active" })
}

/// What the specification says against a request.
fn against_the_specification(request: &Received) -> Vec<String> {
    let specification = specification();
    let template = match request.path.as_str() {
        path if path.starts_with("/v1/issuing/cards/") => "/v1/issuing/cards/{card}",
        path if path.starts_with("/v1/issuing/authorizations/") => "/v1/issuing/authorizations/{authorization}",
        path => path,
    };
    let operation = &specification["paths"][template][request.method.to_lowercase()];
    assert!(operation.is_object(), "{} {} is no operation of Stripe's", request.method, request.path);
    let mut found = Vec::new();
    if request.method == "POST" {
        assert_eq!(request.header("content-type").as_deref(), Some("application/x-www-form-urlencoded"));
        let schema = &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
        found.extend(violations(schema.clone(), &nested(&request.body, schema)));
    }
    for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|p| p["in"] == "query") {
        let name = parameter["name"].as_str().unwrap();
        let given = nested(&request.query, &json!({ "properties": { name: parameter["schema"] } }));
        if !given[name].is_null() {
            found.extend(violations(parameter["schema"].clone(), &given[name]));
        }
    }
    for (given, _) in url::form_urlencoded::parse(request.query.as_bytes()) {
        let known =
            operation["parameters"].as_array().unwrap().iter().any(|p| given.split('[').next() == p["name"].as_str());
        assert!(known, "{given} is no parameter of {} {}", request.method, request.path);
    }
    found
}

pub(super) fn assert_agreed(requests: &[Received]) {
    for request in requests {
        assert_eq!(against_the_specification(request), Vec::<String>::new(), "{request:?}");
        assert_eq!(request.header("stripe-version").as_deref(), Some("2023-08-16"));
        assert_eq!(request.header("authorization").as_deref(), Some("Bearer sk_test_123"));
    }
}

#[tokio::test]
async fn a_card_is_made_and_then_retrieved_with_its_number() {
    let (base, received) = a_stripe_that_answers(vec![(200, json!({ "id": "ic_1" })), (200, retrieved())]).await;
    let card = a_card();
    let issued = stripe(&base).issue(card, &a_request()).await.unwrap();
    assert_eq!((issued.issuer_reference.as_str(), issued.number.expose()), ("ic_1", NUMBER));
    assert_eq!((issued.cvv.expose(), issued.expiry.to_string().as_str()), ("123", "08/29"));
    let received = received.lock().unwrap().clone();
    assert_agreed(&received);
    assert_eq!(received[0].header("idempotency-key"), Some(format!("card-{card}")));
    let body = nested(&received[0].body, &json!({}));
    assert_eq!(
        body,
        json!({ "type": "virtual", "currency": "usd", "status": "active", "cardholder": "ich_1",
                "metadata": { "card_id": card.to_string() } })
    );
    assert_eq!((received[1].path.as_str(), received[1].method.as_str()), ("/v1/issuing/cards/ic_1", "GET"));
    assert!(received[1].query.contains("number") && received[1].query.contains("cvc"));
}

#[tokio::test]
async fn currencies_are_in_lower_case() {
    let (base, received) = a_stripe_that_answers(vec![(200, json!({ "id": "ic_1" })), (200, retrieved())]).await;
    let request = IssueRequest { monthly_limit: Money::new(1, Currency::EUR), ..a_request() };
    stripe(&base).issue(a_card(), &request).await.unwrap();
    assert_eq!(nested(&received.lock().unwrap()[0].body, &json!({}))["currency"], "eur");
}

#[tokio::test]
async fn an_error_says_what_is_known_and_repeats_nothing_of_the_request() {
    let error = |kind: &str, code: Option<&str>| json!({ "error": { "type": kind, "code": code, "message": "Ada" } });
    let refused = |status, code: &str| Failure::Refused { status, code: code.into() };
    let cases = [
        (400, error("invalid_request_error", Some("parameter_missing")), refused(400, "parameter_missing")),
        (400, error("idempotency_error", None), refused(400, "idempotency_error")),
        (401, error("invalid_request_error", None), refused(401, "invalid_request_error")),
        (402, error("card_error", Some("card_declined")), refused(402, "card_declined")),
        (404, error("invalid_request_error", Some("resource_missing")), refused(404, "resource_missing")),
        (409, error("invalid_request_error", Some("lock_timeout")), Failure::Unknown),
        (429, error("invalid_request_error", Some("rate_limit")), Failure::Unknown),
        (500, error("api_error", None), Failure::Unknown),
        (503, json!("down"), Failure::Unknown),
        (200, json!({ "id": "no reference" }), Failure::Malformed),
    ];
    for (status, body, expected) in cases {
        let (base, _) = a_stripe_that_answers(vec![(status, body.clone())]).await;
        assert_eq!(stripe(&base).issue(a_card(), &a_request()).await, Err(expected), "{status} {body}");
    }
}

/// The card is there: a repeat finds it, so it must not be taken for never made.
#[tokio::test]
async fn a_card_that_was_made_and_not_retrieved_is_an_unknown_outcome() {
    let (base, _) = a_stripe_that_answers(vec![(200, json!({ "id": "ic_1" }))]).await;
    assert_eq!(stripe(&base).issue(a_card(), &a_request()).await, Err(Failure::Unknown));
    let evil = json!({ "id": "ic_1/../../charges" });
    let (base, _) = a_stripe_that_answers(vec![(200, evil)]).await;
    assert_eq!(stripe(&base).issue(a_card(), &a_request()).await, Err(Failure::Malformed));
}

/// Only Stripe's own word says that there is no such purchase: a wrong address, or a wrong key, does not.
#[tokio::test]
async fn a_purchase_is_looked_up_by_its_id() {
    let missing = |code: &str| json!({ "error": { "type": "invalid_request_error", "code": code } });
    let script = vec![
        (404, missing("resource_missing")),
        (404, json!("<html>")),
        (401, missing("api_key_expired")),
        (503, json!("down")),
        (200, json!({ "id": "iauth_1" })),
    ];
    let (base, received) = a_stripe_that_answers(script).await;
    let stripe = stripe(&base);
    assert_eq!(stripe.authorization("iauth_1").await, Ok(None));
    for failure in [
        Failure::Refused { status: 404, code: "unspecified".into() },
        Failure::Refused { status: 401, code: "api_key_expired".into() },
        Failure::Unknown,
        Failure::Malformed,
    ] {
        assert_eq!(stripe.authorization("iauth_1").await, Err(failure));
    }
    assert_eq!(stripe.authorization("iauth_1/../../cards").await, Err(Failure::Malformed), "nothing is sent");
    let received = received.lock().unwrap().clone();
    assert_eq!((received.len(), received[0].method.as_str()), (5, "GET"));
    assert_eq!(received[0].path, "/v1/issuing/authorizations/iauth_1");
    assert_agreed(&received);
}

/// What is being decided has no amounts yet that could be settled.
#[tokio::test]
async fn a_purchase_that_is_being_asked_about_is_looked_up_later() {
    let standing = |pending: Value| {
        json!({ "id": "iauth_1", "amount": 700, "currency": "usd", "merchant_currency": "usd",
                "authorization_method": "online", "status": "pending", "pending_request": pending,
                "merchant_data": { "category": "book_stores", "category_code": "5942", "network_id": "1" },
                "card": { "id": "ic_1" } })
    };
    let script = vec![(200, standing(json!({ "amount": 300 }))), (200, standing(Value::Null))];
    let (base, _) = a_stripe_that_answers(script).await;
    let stripe = stripe(&base);
    assert_eq!(stripe.authorization("iauth_1").await, Err(Failure::Unknown));
    let report = stripe.authorization("iauth_1").await.unwrap().unwrap();
    assert_eq!((report.purchase.amount.minor_units, report.ended, report.card.reference.as_str()), (700, None, "ic_1"));
}
