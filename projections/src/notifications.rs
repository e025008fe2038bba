//! The inbox: what each person was told, the newest first. Delivery to devices is not done here.

use aggregates::{
    CardId, Currency, Envelope, Money, PaymentId, UserId, card,
    envelope::AnyEvent,
    kyc,
    payment::{self, Decline},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ReadError, Views,
    cards::Card,
    keys::Key,
    transactions::Transaction,
    workspace::{FoldError, Workspace},
};

/// How many notifications an inbox keeps, the newest.
pub const INBOX_KEPT: usize = 200;

const LIST: &str = "inbox";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The id of the event that it tells of.
    pub id: Uuid,
    #[serde(rename = "type")]
    pub kind: NotificationKind,
    pub title: String,
    pub message: String,
    pub data: Subject,
    pub created_at: DateTime<Utc>,
    pub read: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    TransactionSuccess,
    TransactionFailed,
    FraudAlert,
    KycApproved,
    KycRejected,
    KycReview,
    CardIssued,
    CardFailed,
}

/// What a notification is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "about")]
pub enum Subject {
    Transaction {
        transaction_id: PaymentId,
        amount: Money,
        merchant: String,
        /// The decline's stable code.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
    },
    Card {
        card_id: CardId,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        last_four: Option<String>,
    },
    Kyc {
        /// Why the case was rejected, as stable codes.
        reasons: Vec<String>,
    },
}

impl Views {
    /// A person's notifications, newest first, at most [`INBOX_KEPT`].
    pub async fn inbox(
        &self,
        user: UserId,
        limit: usize,
        at_least: Option<i64>,
    ) -> Result<Vec<Notification>, ReadError> {
        self.list(Key::new(LIST, user), limit.min(INBOX_KEPT), at_least).await
    }
}

pub(crate) fn fold(workspace: &mut Workspace, envelope: &Envelope, event: &AnyEvent) -> Result<(), FoldError> {
    let composed = match event {
        AnyEvent::User(_) | AnyEvent::Client(_) | AnyEvent::Notification(_) => None,
        AnyEvent::Kyc(event) => of_kyc(event).map(|(at, text)| (UserId(envelope.aggregate_id), at, text)),
        AnyEvent::Card(event) => of_card(workspace, envelope, event)?,
        AnyEvent::Payment(event) => of_payment(workspace, envelope, event)?,
    };
    if let Some((user, created_at, Text { kind, title, message, data })) = composed {
        let title = title.to_owned();
        let notification = Notification { id: envelope.id, kind, title, message, data, created_at, read: false };
        workspace.push_list(Key::new(LIST, user), INBOX_KEPT, &notification);
    }
    Ok(())
}

struct Text {
    kind: NotificationKind,
    title: &'static str,
    message: String,
    data: Subject,
}

fn of_kyc(event: &kyc::Event) -> Option<(DateTime<Utc>, Text)> {
    let text = |kind, title, message: &str, reasons: &[String]| Text {
        kind,
        title,
        message: message.to_owned(),
        data: Subject::Kyc { reasons: reasons.to_vec() },
    };
    match event {
        kyc::Event::Submitted { .. } => None,
        kyc::Event::ReviewStarted { at, .. } => {
            let message = "Your documents need a closer look. We will tell you as soon as it is done";
            Some((*at, text(NotificationKind::KycReview, "Verification in Review", message, &[])))
        }
        kyc::Event::Approved { at, .. } => {
            let message = "Your identity was verified. You can request a card now";
            Some((*at, text(NotificationKind::KycApproved, "Identity Verified", message, &[])))
        }
        kyc::Event::Rejected { at, reasons, .. } => {
            let message = "We could not verify your identity. You can submit your documents again";
            Some((*at, text(NotificationKind::KycRejected, "Verification Failed", message, reasons)))
        }
    }
}

type Composed = Result<Option<(UserId, DateTime<Utc>, Text)>, FoldError>;

fn of_card(workspace: &mut Workspace, envelope: &Envelope, event: &card::Event) -> Composed {
    let card_id = CardId(envelope.aggregate_id);
    let (at, last_four) = match event {
        card::Event::Issued { last_four, at, .. } => (*at, Some(last_four.clone())),
        card::Event::IssueFailed { at, .. } => (*at, None),
        card::Event::Requested { .. }
        | card::Event::Held { .. }
        | card::Event::HoldReleased { .. }
        | card::Event::Frozen { .. }
        | card::Event::Unfrozen { .. }
        | card::Event::Terminated { .. } => return Ok(None),
    };
    let (kind, title, message) = match &last_four {
        Some(digits) => {
            (NotificationKind::CardIssued, "Card Ready", format!("Your card ending in {digits} is ready to use"))
        }
        None => (NotificationKind::CardFailed, "Card Not Issued", "Your card could not be issued".to_owned()),
    };
    let owner = workspace.get::<Card>(card_id)?.map(|card| card.user_id);
    let data = Subject::Card { card_id, last_four };
    Ok(owner.map(|user| (user, at, Text { kind, title, message, data })))
}

fn of_payment(workspace: &mut Workspace, envelope: &Envelope, event: &payment::Event) -> Composed {
    let (at, decline) = match event {
        payment::Event::Initiated { .. } | payment::Event::Resumed { .. } => return Ok(None),
        payment::Event::Captured { at, .. } => (*at, None),
        payment::Event::Declined { at, reason } => (*at, Some(reason)),
    };
    // Without a document the payment has made room in the index, and it is too late to tell of its outcome.
    let Some(paid) = workspace.get::<Transaction>(envelope.aggregate_id)? else { return Ok(None) };
    let payment = format!("Your payment of {} to {}", in_words(paid.amount), paid.merchant);
    let (kind, title, message) = match decline {
        None => (NotificationKind::TransactionSuccess, "Payment Successful", format!("{payment} was successful")),
        Some(Decline::SuspectedFraud { .. }) => {
            (NotificationKind::FraudAlert, "Suspicious Payment Blocked", format!("{payment} was blocked as suspicious"))
        }
        Some(_) => (NotificationKind::TransactionFailed, "Payment Failed", format!("{payment} was declined")),
    };
    let data = Subject::Transaction {
        transaction_id: paid.payment_id,
        amount: paid.amount,
        merchant: paid.merchant.clone(),
        reason: decline.map(|decline| decline.code().to_owned()),
    };
    Ok(Some((paid.user_id, at, Text { kind, title, message, data })))
}

/// `$99.99`; other currencies by their code: `99.99 EUR`.
fn in_words(amount: Money) -> String {
    match amount.currency {
        Currency::USD => format!("${}", amount.to_decimal_text()),
        _ => amount.to_string(),
    }
}
