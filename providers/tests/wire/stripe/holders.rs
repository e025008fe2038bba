//! People become cardholders.
#![allow(clippy::unwrap_used)]

use aggregates::UserId;
use providers::{
    Failure, SetupError,
    issuing::{Holder, Issuer, Stripe, StripeConfig},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    a_stripe_that_answers, nested,
    requests::{ada, assert_agreed, config, stripe},
};

const USER: UserId = UserId(Uuid::from_u128(7));

fn named(first: &str, last: &str) -> Holder {
    Holder { first_name: first.into(), last_name: last.into() }
}

#[tokio::test]
async fn a_person_becomes_a_cardholder_once() {
    let made = || (200, json!({ "id": "ich_1" }));
    let (base, received) = a_stripe_that_answers(vec![made(), made()]).await;
    assert_eq!(stripe(&base).enrol(USER, &ada()).await, Ok(Some("ich_1".into())));
    let mut elsewhere = config(&base, None);
    elsewhere.billing.country = "DE".into();
    assert_eq!(Stripe::new(&elsewhere, 1_000).unwrap().enrol(USER, &ada()).await, Ok(Some("ich_1".into())));
    let received = received.lock().unwrap().clone();
    assert_agreed(&received);
    let keys: Vec<_> = received.iter().map(|request| request.header("idempotency-key").unwrap()).collect();
    assert_eq!(keys, [format!("cardholder-{USER}"), format!("cardholder-{USER}")]);
    let address = json!({ "line1": "1 Market Street", "city": "San Francisco", "state": "CA",
                          "postal_code": "94105", "country": "US" });
    assert_eq!(
        nested(&received[0].body, &json!({})),
        json!({ "type": "individual", "name": "Ada Augusta King-Noel Lo",
                "individual": { "first_name": "Ada Augusta", "last_name": "King-Noel Lovelace" },
                "billing": { "address": address }, "metadata": { "user_id": USER.to_string() } })
    );
}

/// Stripe takes latin letters alone, and no numbers.
#[tokio::test]
async fn a_name_in_other_letters_is_sent_in_latin_ones() {
    let cases = [
        (
            named(
                "\u{41d}\u{430}\u{442}\u{430}\u{43b}\u{44c}\u{44f}",
                "\u{428}\u{435}\u{432}\u{447}\u{435}\u{43d}\u{43a}\u{43e}",
            ),
            "Natal'ia Shevchenko",
        ),
        (named("\u{5c0f}\u{660e}", "\u{738b}"), "Xiao Ming Wang"),
        (named("Jos\u{e9} Mar\u{ed}a", "N\u{fa}\u{f1}ez"), "Jose Maria Nunez"),
    ];
    let script = cases.iter().map(|_| (200, json!({ "id": "ich_1" }))).collect();
    let (base, received) = a_stripe_that_answers(script).await;
    for (holder, _) in &cases {
        stripe(&base).enrol(USER, holder).await.unwrap();
    }
    let received = received.lock().unwrap().clone();
    assert_agreed(&received);
    for (request, (_, printed)) in received.iter().zip(&cases) {
        assert_eq!(nested(&request.body, &json!({}))["name"], *printed);
    }
}

#[tokio::test]
async fn a_name_without_a_letter_is_refused_and_not_sent() {
    let (base, received) = a_stripe_that_answers(vec![]).await;
    for holder in [named("42", "Lovelace"), named("Ada", "-")] {
        let refused = Failure::Refused { status: 400, code: "name_not_latin".into() };
        assert_eq!(stripe(&base).enrol(USER, &holder).await, Err(refused));
    }
    assert!(received.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_error_says_what_is_known() {
    let error = |code: &str| json!({ "error": { "type": "invalid_request_error", "code": code, "message": "Ada" } });
    for (status, body, expected) in [
        (400, error("parameter_missing"), Failure::Refused { status: 400, code: "parameter_missing".into() }),
        (409, error("idempotency_key_in_use"), Failure::Unknown),
        (500, error("api_error"), Failure::Unknown),
        (200, json!({ "object": "cardholder" }), Failure::Malformed),
    ] {
        let (base, _) = a_stripe_that_answers(vec![(status, body)]).await;
        assert_eq!(stripe(&base).enrol(USER, &ada()).await, Err(expected), "{status}");
    }
}

/// Nobody could become a cardholder, which is better said at the start.
#[test]
fn a_billing_address_that_stripe_would_refuse_is_refused_at_the_start() {
    let whole = json!({ "line1": "1 Market Street", "city": "San Francisco", "state": "CA", "postal_code": "94105",
                        "country": "US" });
    let with = |field: &str, value: Value| {
        let mut billing = whole.clone();
        billing[field] = value;
        let config = json!({ "api_key": "sk_test_1", "webhook_secret": "whsec_1", "billing": billing });
        let config: StripeConfig = serde_json::from_value(config).unwrap();
        Stripe::new(&config, 1_000).map(drop)
    };
    assert_eq!(with("state", json!("CA")), Ok(()));
    for (field, value) in [
        ("line1", json!("")),
        ("city", json!("  ")),
        ("postal_code", json!("")),
        ("country", json!("USA")),
        ("country", json!("")),
        ("state", json!(null)),
        ("state", json!("")),
    ] {
        assert_eq!(with(field, value.clone()), Err(SetupError::Billing), "{field} {value}");
    }
}
