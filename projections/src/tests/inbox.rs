//! What people are told.

use aggregates::{Currency, Money, UserId, payment::Decline};

use super::{
    folds::Folded,
    history::{History, usd},
};
use crate::{Notification, NotificationKind, Subject};

fn told(history: &History, user: UserId) -> Notification {
    Folded::from(&history.log).inbox(user).remove(0)
}

#[test]
fn a_successful_payment_is_told_with_amount_and_merchant() {
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    let payment = history.pays(user, card, usd(9_999));
    let event = history.log.last().unwrap();
    let expected = Notification {
        id: event.id,
        kind: NotificationKind::TransactionSuccess,
        title: "Payment Successful".into(),
        message: "Your payment of $99.99 to example-merchant.com was successful".into(),
        data: Subject::Transaction {
            transaction_id: payment,
            amount: usd(9_999),
            merchant: "example-merchant.com".into(),
            reason: None,
        },
        created_at: event.recorded_at,
        read: false,
    };
    assert_eq!(told(&history, user), expected);
}

#[test]
fn amounts_are_exact_in_every_currency() {
    for (amount, text) in [
        (usd(5), "$0.05"),
        (usd(100_000_000_000_001), "$1000000000000.01"),
        (Money::new(9_990, Currency::EUR), "99.90 EUR"),
        (Money::new(500, Currency::JPY), "500 JPY"),
        (Money::new(1_250, Currency::KWD), "1.250 KWD"),
    ] {
        let mut history = History::default();
        let (user, card) = history.a_person_with_card();
        history.pays(user, card, amount);
        let expected = format!("Your payment of {text} to example-merchant.com was successful");
        assert_eq!(told(&history, user).message, expected);
    }
}

#[test]
fn a_declined_payment_is_told_with_its_reason() {
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    let payment = history.begins(user, card, usd(100));
    history.is_declined(payment, card, usd(100));
    let notification = told(&history, user);
    assert_eq!(notification.kind, NotificationKind::TransactionFailed);
    assert_eq!(notification.message, "Your payment of $1.00 to example-merchant.com was declined");
    assert!(matches!(notification.data, Subject::Transaction { reason: Some(code), .. } if code == "gateway_declined"));
}

#[test]
fn suspected_fraud_is_an_alert() {
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    history.is_refused(user, card, usd(100), Decline::SuspectedFraud { risk_score: 0.93 });
    let notification = told(&history, user);
    assert_eq!(notification.kind, NotificationKind::FraudAlert);
    assert!(!notification.message.contains("0.93"), "the score is not for the payer");
}

#[test]
fn verdicts_on_identity_are_told() {
    let mut history = History::default();
    let user = history.a_person();
    let case = history.submits(user);
    assert!(Folded::from(&history.log).inbox(user).is_empty());
    history.is_reviewed(user, case);
    assert_eq!(told(&history, user).kind, NotificationKind::KycReview);
    history.is_rejected(user, case);
    let rejected = told(&history, user);
    assert_eq!(rejected.kind, NotificationKind::KycRejected);
    assert_eq!(rejected.data, Subject::Kyc { reasons: vec!["document_unreadable".into()] });
    let case = history.submits(user);
    history.is_approved(user, case);
    assert_eq!(told(&history, user).kind, NotificationKind::KycApproved);
}

#[test]
fn the_issuers_answer_is_told() {
    let mut history = History::default();
    let (user, card_id) = history.a_person_with_card();
    let issued = told(&history, user);
    assert_eq!(issued.kind, NotificationKind::CardIssued);
    assert_eq!(issued.data, Subject::Card { card_id, last_four: Some("9012".into()) });
    let refused = history.requests_card(user);
    history.is_not_issued(refused);
    assert_eq!(told(&history, user).kind, NotificationKind::CardFailed);
}

#[test]
fn a_notification_has_its_published_field_names() {
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    let payment = history.pays(user, card, usd(9_999));
    let json = serde_json::to_value(told(&history, user)).unwrap();
    assert_eq!(json["type"], "transaction_success");
    assert_eq!(json["data"]["transaction_id"], payment.to_string());
    assert_eq!(json["read"], false);
}
