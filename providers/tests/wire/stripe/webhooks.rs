#![allow(clippy::unwrap_used)]

use chrono::{DateTime, TimeDelta, Utc};
use providers::{
    issuing::stripe::StripeWebhooks,
    webhooks::{Delivery, HeaderMap, Refused, Verifier},
};

/// A worked example of the scheme.
const SECRET: &str = "whsec_test_secret";
const BODY: &[u8] = br#"{"id":"evt_test_webhook","object":"event","type":"issuing_authorization.request"}"#;
const SIGNATURE: &str = "5732b0d42bec878dc45fcc9257472fef25948921314df9dba246010af80b9c6f";

fn then() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn verify(header: &str, body: &[u8], now: DateTime<Utc>) -> Result<Delivery, Refused> {
    let headers = HeaderMap::from_iter([("stripe-signature".parse().unwrap(), header.parse().unwrap())]);
    StripeWebhooks::new(SECRET.into()).verify(&headers, body, now)
}

#[test]
fn what_stripe_signed_is_taken() {
    let right = format!("t=1700000000,v1={SIGNATURE}");
    let delivery = Delivery { id: Some("evt_test_webhook".into()), is_question: true };
    assert_eq!(verify(&right, BODY, then()), Ok(delivery));
    assert_eq!(StripeWebhooks::new(SECRET.into()).sign(then(), BODY), right);
    // While a secret is rolled there are several, and other schemes beside.
    let rolled = format!("t=1700000000,v1={},v1={SIGNATURE},v0=00", "0".repeat(64));
    assert!(verify(&rolled, BODY, then()).is_ok());
    let told = br#"{"id":"evt_2","type":"issuing_card.updated"}"#;
    let signed = StripeWebhooks::new(SECRET.into()).sign(then(), told);
    assert_eq!(verify(&signed, told, then()), Ok(Delivery { id: Some("evt_2".into()), is_question: false }));
}

#[test]
fn what_anybody_else_sent_is_refused() {
    let right = format!("t=1700000000,v1={SIGNATURE}");
    let upper = format!("t=1700000000,v1={}", &SIGNATURE[..63]);
    let cases = [
        (format!("t=1700000001,v1={SIGNATURE}"), BODY, Refused::WrongSignature),
        (format!("t=1700000000,v1={}", "0".repeat(64)), BODY, Refused::WrongSignature),
        (format!("t=1700000000,v0={SIGNATURE}"), BODY, Refused::WrongSignature),
        (upper, BODY, Refused::WrongSignature),
        ("t=1700000000,v1=é".into(), BODY, Refused::Unsigned),
        (format!("v1={SIGNATURE}"), BODY, Refused::Malformed),
        (right, b"{}".as_slice(), Refused::WrongSignature),
        (String::new(), BODY, Refused::Malformed),
    ];
    for (header, body, expected) in cases {
        assert_eq!(verify(&header, body, then()), Err(expected), "{header}");
    }
    assert_eq!(StripeWebhooks::new(SECRET.into()).verify(&HeaderMap::new(), BODY, then()), Err(Refused::Unsigned));
}

#[test]
fn a_delivery_is_good_for_300_seconds() {
    let right = format!("t=1700000000,v1={SIGNATURE}");
    for (seconds, good) in [(0, true), (300, true), (301, false), (-300, true), (-301, false)] {
        let verified = verify(&right, BODY, then() + TimeDelta::seconds(seconds));
        assert_eq!(verified.err(), (!good).then_some(Refused::Stale), "{seconds} s");
    }
}

#[test]
fn what_is_signed_but_no_event_is_refused() {
    for body in [b"[]".as_slice(), b"{}", b"\xff"] {
        let header = StripeWebhooks::new(SECRET.into()).sign(then(), body);
        assert_eq!(verify(&header, body, then()), Err(Refused::Malformed));
    }
}
