//! What a person is told of payments, and of purchases that the card network brings.

use aggregates::{
    Currency, Envelope, Money,
    payment::{Decline, Event, Release},
};
use chrono::{DateTime, Utc};

use super::{Composed, NotificationKind, Subject, Text};
use crate::{transactions::Transaction, workspace::Workspace};

/// What an event is worth telling: when, of which amount (the payment's, where none is named), and why it failed.
struct News<'a> {
    at: DateTime<Utc>,
    amount: Option<Money>,
    kind: NotificationKind,
    title: &'static str,
    /// How the sentence ends that begins with the payment.
    message: &'static str,
    decline: Option<&'a Decline>,
}

pub(super) fn of_payment(workspace: &mut Workspace, envelope: &Envelope, event: &Event) -> Composed {
    let Some(news) = news(event) else { return Ok(None) };
    // Without a document the payment has made room in the index, and it is too late to tell of its outcome.
    let Some(paid) = workspace.get::<Transaction>(envelope.aggregate_id)? else { return Ok(None) };
    let amount = news.amount.unwrap_or(paid.amount);
    let what = if paid.network.is_some() { "purchase" } else { "payment" };
    let message = match news.kind {
        NotificationKind::TransactionRefunded => format!("{} refunded {}", paid.merchant, in_words(amount)),
        NotificationKind::TransactionExceeded => {
            format!("{} charged {} more than was approved", paid.merchant, in_words(amount))
        }
        _ => format!("Your {what} of {} {} {}", in_words(amount), news.preposition(), paid.merchant) + news.message,
    };
    let data = Subject::Transaction {
        transaction_id: paid.payment_id,
        amount,
        merchant: paid.merchant.clone(),
        reason: news.decline.map(|decline| decline.code().to_owned()),
    };
    let text = Text { kind: news.kind, title: news.title.to_owned(), message, data };
    Ok(Some((paid.user_id, news.at, text)))
}

impl News<'_> {
    fn preposition(&self) -> &'static str {
        match self.kind {
            NotificationKind::TransactionAuthorized | NotificationKind::TransactionReversed => "at",
            _ => "to",
        }
    }
}

fn news(event: &Event) -> Option<News<'_>> {
    use NotificationKind as Kind;
    let tell = |at: &DateTime<Utc>, amount: Option<&Money>, kind, title, message| {
        Some(News { at: *at, amount: amount.copied(), kind, title, message, decline: None })
    };
    match event {
        Event::Initiated { .. } | Event::Resumed { .. } => None,
        Event::Authorized { amount, at, .. } => {
            tell(at, Some(amount), Kind::TransactionAuthorized, "Purchase Approved", " was approved")
        }
        Event::Incremented { amount, forced: true, at, .. } => {
            tell(at, Some(amount), Kind::TransactionExceeded, "Charged More Than Approved", "")
        }
        Event::Incremented { amount, at, .. } => {
            tell(at, Some(amount), Kind::TransactionAuthorized, "Purchase Approved", " was approved in addition")
        }
        Event::Captured { amount, at, .. } => {
            tell(at, Some(amount), Kind::TransactionSuccess, "Payment Successful", " was successful")
        }
        Event::Reversed { amount, cause: Release::Merchant | Release::Voided, at, .. } => {
            tell(at, Some(amount), Kind::TransactionReversed, "Purchase Reversed", " was taken back")
        }
        Event::Reversed { amount, cause: Release::TooLate | Release::IssuerDeclined, at, .. } => {
            tell(at, Some(amount), Kind::TransactionFailed, "Payment Failed", " was declined")
        }
        // The rest of a purchase whose capture was told.
        Event::Reversed { cause: Release::Closed, .. } => None,
        Event::Expired { amount, at } => {
            tell(at, Some(amount), Kind::TransactionReversed, "Purchase Expired", " was never charged")
        }
        Event::Refunded { amount, at, .. } => tell(at, Some(amount), Kind::TransactionRefunded, "Refund", ""),
        Event::Declined { at, reason } => Some(declined(*at, None, reason)),
        Event::IncrementDeclined { at, reason, amount, .. } => Some(declined(*at, Some(*amount), reason)),
    }
}

fn declined(at: DateTime<Utc>, amount: Option<Money>, reason: &Decline) -> News<'_> {
    let (kind, title, message) = match reason {
        Decline::SuspectedFraud { .. } => {
            (NotificationKind::FraudAlert, "Suspicious Payment Blocked", " was blocked as suspicious")
        }
        _ => (NotificationKind::TransactionFailed, "Payment Failed", " was declined"),
    };
    News { at, amount, kind, title, message, decline: Some(reason) }
}

/// `$99.99`; other currencies by their code: `99.99 EUR`.
fn in_words(amount: Money) -> String {
    match amount.currency {
        Currency::USD => format!("${}", amount.to_decimal_text()),
        _ => amount.to_string(),
    }
}
