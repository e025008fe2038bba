//! What Stripe made of requests whose keys it may have forgotten.
#![allow(clippy::unwrap_used)]

use aggregates::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use providers::{
    Failure,
    issuing::{Interval, Issuer},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    a_stripe_that_answers, nested,
    requests::{a_request, assert_agreed, retrieved, stripe},
};
use crate::harness::{NUMBER, a_card};

const USER: UserId = UserId(Uuid::from_u128(7));

fn made() -> Interval {
    let from = DateTime::<Utc>::from_timestamp(1_700_000_000, 0).unwrap();
    Interval { from, until: from + TimeDelta::hours(20) }
}

fn page(listed: &[(&str, Value)], has_more: bool) -> (u16, Value) {
    let data: Vec<_> = listed.iter().map(|(id, metadata)| json!({ "id": id, "metadata": metadata })).collect();
    (200, json!({ "object": "list", "data": data, "has_more": has_more }))
}

#[tokio::test]
async fn a_card_is_found_by_our_name_for_it_however_many_pages_there_are() {
    let card = a_card();
    let script = vec![
        page(&[("ic_9", json!({})), ("ic_8", json!({ "card_id": a_card().to_string() }))], true),
        page(&[("ic_1", json!({ "card_id": card.to_string(), "other": "a \"b\"" }))], true),
        (200, retrieved()),
    ];
    let (base, received) = a_stripe_that_answers(script).await;
    let found = stripe(&base).find_card(card, &a_request(), made()).await.unwrap().unwrap();
    assert_eq!((found.issuer_reference.as_str(), found.number.expose()), ("ic_1", NUMBER));
    let received = received.lock().unwrap().clone();
    assert_agreed(&received);
    let query = nested(&received[0].query, &json!({}));
    let created = json!({ "gte": (1_700_000_000 - 300).to_string(), "lte": (1_700_072_000 + 300).to_string() });
    assert_eq!(query, json!({ "cardholder": "ich_1", "created": created, "limit": "10" }));
    assert_eq!(nested(&received[1].query, &json!({}))["starting_after"], "ic_8");
    assert_eq!(received[2].path, "/v1/issuing/cards/ic_1");
    assert!(received.iter().all(|request| request.method == "GET"), "nothing is made");
}

#[tokio::test]
async fn a_cardholder_is_found_by_our_name_for_the_person() {
    let script = vec![page(&[("ich_1", json!({ "user_id": USER.to_string() }))], false)];
    let (base, received) = a_stripe_that_answers(script).await;
    assert_eq!(stripe(&base).find_holder(USER, made()).await, Ok(Some("ich_1".into())));
    let received = received.lock().unwrap().clone();
    assert_agreed(&received);
    assert_eq!((received[0].path.as_str(), received[0].method.as_str()), ("/v1/issuing/cardholders", "GET"));
}

#[tokio::test]
async fn nothing_is_found_where_nothing_was_made() {
    for script in [vec![page(&[], false)], vec![page(&[("ich_2", json!({ "user_id": "other" }))], false)]] {
        let (base, _) = a_stripe_that_answers(script.clone()).await;
        assert_eq!(stripe(&base).find_holder(USER, made()).await, Ok(None));
        let (base, _) = a_stripe_that_answers(script).await;
        assert_eq!(stripe(&base).find_card(a_card(), &a_request(), made()).await, Ok(None));
    }
}

/// A look that fails has found nothing out, and the card may be there.
#[tokio::test]
async fn a_look_that_fails_is_no_proof_that_nothing_was_made() {
    let card = a_card();
    let found = || page(&[("ic_1", json!({ "card_id": card.to_string() }))], false);
    for (script, expected) in [
        (vec![(500, json!({}))], Failure::Unknown),
        (vec![page(&[("ic_2", json!({}))], true), (503, json!({}))], Failure::Unknown),
        (vec![(200, json!({ "data": [] }))], Failure::Malformed),
        (vec![found(), (500, json!({}))], Failure::Unknown),
    ] {
        let (base, _) = a_stripe_that_answers(script).await;
        assert_eq!(stripe(&base).find_card(card, &a_request(), made()).await, Err(expected));
    }
}
