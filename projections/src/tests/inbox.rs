//! What people are told.

use aggregates::{Currency, Money, Sealed, UserId, notification, payment::Decline, user};

use super::{
    folds::Folded,
    history::{History, usd},
};
use crate::{Content, Notification, NotificationKind, Profile, Subject, Text};

/// The newest that the person was told.
fn told(history: &History, user: UserId) -> Text {
    text(&Folded::from(&history.log).inbox(user)[0]).clone()
}

/// What the system composed.
pub fn text(notification: &Notification) -> &Text {
    match &notification.content {
        Content::Composed(text) => text,
        Content::Sent { .. } => panic!("a service wrote this one"),
    }
}

#[test]
fn a_successful_payment_is_told_with_amount_and_merchant() {
    let mut history = History::default();
    let (user, card) = history.a_person_with_card();
    let payment = history.pays(user, card, usd(9_999));
    let event = history.log.last().unwrap();
    let content = Content::Composed(Text {
        kind: NotificationKind::TransactionSuccess,
        title: "Payment Successful".into(),
        message: "Your payment of $99.99 to example-merchant.com was successful".into(),
        data: Subject::Transaction {
            transaction_id: payment,
            amount: usd(9_999),
            merchant: "example-merchant.com".into(),
            reason: None,
        },
    });
    let expected = Notification { id: event.id, position: event.position, content, created_at: event.recorded_at };
    assert_eq!(Folded::from(&history.log).inbox(user)[0], expected);
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
    assert_eq!(json["title"], "Payment Successful");
}

#[test]
fn what_a_service_sends_is_told_sealed() {
    let mut history = History::default();
    let user = history.a_person();
    let (id, sealed) = (history.id(), |text: &str| Sealed::from_ciphertext(text.into()));
    let (title, message, data) = (sealed("title"), sealed("message"), sealed("data"));
    let event = notification::Event::Sent {
        user_id: user,
        topic: "news".into(),
        title: title.clone(),
        message: message.clone(),
        data: data.clone(),
        at: history.now(),
    };
    history.record(id, event);
    let told = Folded::from(&history.log).inbox(user).remove(0);
    assert_eq!(told.content, Content::Sent { topic: "news".into(), title, message, data });
}

#[test]
fn what_is_read_is_known_by_its_position() {
    let mut history = History::default();
    let user = history.a_person();
    let read = |history: &History| Folded::from(&history.log).get::<Profile>(user).notifications_read;
    assert_eq!(read(&history), 0);
    let at = history.now();
    history.record(user, user::Event::NotificationsRead { up_to_position: 7, at });
    assert_eq!(read(&history), 7);
}
