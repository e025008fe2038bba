//! Stripe is told what a card is.
#![allow(clippy::unwrap_used)]

use aggregates::card::{
    IssuerStatus::{self, Active, Canceled, Inactive},
    Reason,
};
use providers::{Failure, issuing::Issuer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    a_stripe_that_answers, nested,
    requests::{assert_agreed, stripe},
};

const KEY: Uuid = Uuid::from_u128(9);

fn error(code: &str) -> Value {
    json!({ "error": { "type": "invalid_request_error", "code": code, "message": "no" } })
}

/// Tells Stripe, which answers by the script.
async fn told(
    status: IssuerStatus,
    ended_for: Option<Reason>,
    script: Vec<(u16, Value)>,
) -> (Result<IssuerStatus, Failure>, Vec<super::Received>) {
    let (base, received) = a_stripe_that_answers(script).await;
    let told = stripe(&base).set_status("ic_1", status, ended_for, KEY).await;
    let received = received.lock().unwrap().clone();
    assert_agreed(&received);
    (told, received)
}

#[tokio::test]
async fn every_state_is_told_under_the_key_of_the_change() {
    for status in IssuerStatus::ALL {
        let (told, received) = told(status, None, vec![(200, json!({ "id": "ic_1", "status": status }))]).await;
        assert_eq!(told, Ok(status));
        assert_eq!((received[0].method.as_str(), received[0].path.as_str()), ("POST", "/v1/issuing/cards/ic_1"));
        assert_eq!(received[0].header("idempotency-key"), Some(format!("status-{KEY}")));
        assert_eq!(nested(&received[0].body, &json!({})), json!({ "status": status }));
    }
}

#[tokio::test]
async fn stripe_hears_of_a_loss_and_a_theft_and_of_nothing_else() {
    for reason in Reason::ALL {
        let (_, received) = told(Canceled, Some(reason), vec![(200, json!({ "status": "canceled" }))]).await;
        let body = nested(&received[0].body, &json!({}));
        let expected = match reason {
            Reason::Lost => json!("lost"),
            Reason::Stolen => json!("stolen"),
            _ => Value::Null,
        };
        assert_eq!(body["cancellation_reason"], expected, "{reason}");
    }
    for status in [Active, Inactive] {
        let (_, received) = told(status, Some(Reason::Lost), vec![(200, json!({ "status": status }))]).await;
        assert_eq!(nested(&received[0].body, &json!({})), json!({ "status": status }));
    }
}

#[tokio::test]
async fn what_the_card_is_then_is_stripes_word() {
    for (asked, answered) in [(Active, Inactive), (Inactive, Canceled), (Active, Canceled)] {
        let (told, _) = told(asked, None, vec![(200, json!({ "status": answered }))]).await;
        assert_eq!(told, Ok(answered));
    }
}

/// Stripe refuses to change what is canceled, so a refusal is looked into.
#[tokio::test]
async fn a_card_that_stripe_has_canceled_is_canceled_whatever_it_was_asked() {
    for asked in IssuerStatus::ALL {
        let script = vec![(400, error("card_canceled")), (200, json!({ "status": "canceled" }))];
        assert_eq!(told(asked, None, script).await.0, Ok(Canceled), "{asked}");
    }
}

#[tokio::test]
async fn an_error_says_whether_the_card_was_changed() {
    let refused = |status, code: &str| Failure::Refused { status, code: code.into() };
    let active = || (200, json!({ "status": "active" }));
    let cases = [
        (vec![(400, error("parameter_invalid")), active()], refused(400, "parameter_invalid")),
        (vec![(400, error("parameter_invalid")), (500, error("api_error"))], Failure::Unknown),
        (vec![(401, error("invalid_api_key"))], refused(401, "invalid_api_key")),
        (vec![(403, error("forbidden"))], refused(403, "forbidden")),
        (vec![(404, error("resource_missing"))], refused(404, "resource_missing")),
        (vec![(409, error("lock_timeout"))], Failure::Unknown),
        (vec![(429, error("rate_limit"))], Failure::Unknown),
        (vec![(500, error("api_error"))], Failure::Unknown),
        (vec![(503, json!("down"))], Failure::Unknown),
        (vec![(200, json!({ "status": "melted" }))], Failure::Malformed),
        (vec![(200, json!({}))], Failure::Malformed),
    ];
    for (script, expected) in cases {
        assert_eq!(told(Inactive, None, script.clone()).await.0, Err(expected), "{script:?}");
    }
    let (base, received) = a_stripe_that_answers(vec![]).await;
    assert_eq!(stripe(&base).set_status("ic_1/../x", Active, None, KEY).await, Err(Failure::Malformed));
    assert!(received.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_card_is_asked_for_as_it_is() {
    for status in IssuerStatus::ALL {
        let (base, received) = a_stripe_that_answers(vec![(200, json!({ "status": status }))]).await;
        assert_eq!(stripe(&base).status("ic_1").await, Ok(status));
        assert_agreed(&received.lock().unwrap());
    }
}
