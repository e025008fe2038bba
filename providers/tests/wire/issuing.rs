#![allow(clippy::unwrap_used)]

use aggregates::UserId;
use chrono::{DateTime, Datelike, Utc};
use providers::{
    Failure,
    issuing::{Interval, IssueRequest},
};
use uuid::Uuid;

use crate::harness::{a_card, a_request_with_limit, a_sandbox};

#[tokio::test]
async fn a_card_is_made_once_for_each_id() {
    let issuer = a_sandbox().await.providers.issuer;
    let (card, other) = (a_card(), a_card());
    let request = a_request_with_limit(1_000_000);
    let made = issuer.issue(card, &request).await.unwrap();
    assert_eq!(made.issuer_reference, format!("card_{card}"));
    assert_eq!(made.number.expose().len(), 16);
    assert!(made.number.expose().starts_with("453212"));
    assert_eq!(made.cvv.expose().len(), 3);
    assert_eq!(i32::from(made.expiry.year()), Utc::now().year() + 3);

    assert_eq!(issuer.issue(card, &request).await.unwrap(), made);
    assert_ne!(issuer.issue(other, &request).await.unwrap().number, made.number);
}

#[tokio::test]
async fn a_card_id_with_another_request_is_refused() {
    let issuer = a_sandbox().await.providers.issuer;
    let card = a_card();
    let request = a_request_with_limit(1_000_000);
    issuer.issue(card, &request).await.unwrap();
    let others = [
        a_request_with_limit(1_000_001),
        IssueRequest { user_id: UserId(Uuid::from_u128(2)), ..a_request_with_limit(1_000_000) },
    ];
    for other in others {
        let expected = Failure::Refused { status: 422, code: "idempotency_key_reused".into() };
        assert_eq!(issuer.issue(card, &other).await, Err(expected));
    }
}

#[tokio::test]
async fn an_issuer_that_is_down_makes_no_card() {
    let issuer = a_sandbox().await.providers.issuer;
    let card = a_card();
    for _ in 0..2 {
        assert_eq!(issuer.issue(card, &a_request_with_limit(50_013)).await, Err(Failure::Unknown));
    }
}

#[tokio::test]
async fn a_card_whose_answer_was_lost_is_answered_to_the_repeat() {
    let issuer = a_sandbox().await.providers.issuer;
    let card = a_card();
    let request = a_request_with_limit(50_014);
    assert_eq!(issuer.issue(card, &request).await, Err(Failure::Unknown));
    let made = issuer.issue(card, &request).await.unwrap();
    assert_eq!(issuer.issue(card, &request).await.unwrap(), made);
}

fn ever() -> Interval {
    Interval { from: DateTime::<Utc>::MIN_UTC, until: DateTime::<Utc>::MAX_UTC }
}

#[tokio::test]
async fn a_card_is_found_by_our_name_for_it() {
    let issuer = a_sandbox().await.providers.issuer;
    let (card, request) = (a_card(), a_request_with_limit(1_000_000));
    assert_eq!(issuer.find_card(card, &request, ever()).await, Ok(None));
    let made = issuer.issue(card, &request).await.unwrap();
    assert_eq!(issuer.find_card(card, &request, ever()).await, Ok(Some(made)));
    assert_eq!(issuer.find_card(a_card(), &request, ever()).await, Ok(None));
}

/// An issuer remembers keys for a day; this one forgets them at once.
#[tokio::test]
async fn under_a_key_that_is_forgotten_a_repeat_makes_another_card() {
    let issuer = a_sandbox().await.providers.issuer;
    let (card, request) = (a_card(), a_request_with_limit(50_015));
    assert_eq!(issuer.issue(card, &request).await, Err(Failure::Unknown));
    let first = issuer.find_card(card, &request, ever()).await.unwrap().unwrap();
    assert_eq!(issuer.find_card(card, &request, ever()).await, Ok(Some(first)));
    assert_eq!(issuer.issue(card, &request).await, Err(Failure::Unknown));
}
