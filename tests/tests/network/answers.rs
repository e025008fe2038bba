//! The question as HTTP: who is believed, and what a repetition is told.

use hyper::Method;
use providers::issuing::stripe::StripeWebhooks;
use serde_json::{Value, json};

use super::{SOURCE, a_network, purchase, send, used};

#[tokio::test]
async fn a_repeated_question_gets_the_same_answer_and_has_one_effect() {
    let system = a_network(&[], 1).await;
    let holder = system.a_cardholder(100).await;
    for (minor_units, approved) in [(6_000, true), (5_000, false)] {
        let asked = purchase(&system, &holder, minor_units).await;
        assert_eq!(asked["approved"], approved);
        let head = system.store().head().await.unwrap();
        let mut client = system.client();
        for _ in 0..2 {
            let again = send(&mut client, &asked["question"]).await;
            assert_eq!((again.status.as_u16(), again.json()), (200, json!({ "approved": approved })));
            assert_eq!(again.header("stripe-version"), Some("2023-08-16"));
        }
        assert_eq!((system.store().head().await.unwrap(), used(&system, &holder).await), (head, 6_000));
    }
}

/// Another card than the one that was approved cannot be slipped in under the same name, nor another issuer's.
#[tokio::test]
async fn a_question_that_the_issuer_did_not_sign_is_not_answered() {
    let system = a_network(&[], 1).await;
    let holder = system.a_cardholder(100).await;
    let asked = purchase(&system, &holder, 1_000).await;
    let mut question = asked["question"].clone();
    question["data"]["object"]["id"] = json!("iauth_forged");
    let body = question.to_string();
    let (right, wrong) = ("sandbox-webhook-secret", "another-secret");
    let signed = |secret: &str, minutes: i64, body: &str| {
        let at = chrono::Utc::now() - chrono::TimeDelta::minutes(minutes);
        StripeWebhooks::new(secret.into()).sign(at, body.as_bytes())
    };
    let head = system.store().head().await.unwrap();
    let cases = [
        ("forged", signed(wrong, 0, &body)),
        ("stale", signed(right, 6, &body)),
        ("of another body", signed(right, 0, "{}")),
        ("no signature", String::new()),
    ];
    for (what, signature) in cases {
        let headers = [("stripe-signature", signature.as_str())];
        let headers = if signature.is_empty() { &[][..] } else { &headers[..] };
        let refused = system.client().request(Method::POST, SOURCE, None, Some(&question), headers).await.unwrap();
        assert!(refused.status.is_client_error(), "{what}: {} {}", refused.status, refused.text());
        assert_ne!(refused.json().get("approved"), Some(&Value::Bool(true)), "{what}");
    }
    assert_eq!(system.store().head().await.unwrap(), head);
}
