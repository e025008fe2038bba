//! The inbox: what each person was told, the newest first. Delivery to devices is not done here.

mod cards;

use aggregates::{
    CardId, Currency, Envelope, Money, PaymentId, Sealed, UserId,
    envelope::AnyEvent,
    kyc, notification,
    payment::{self, Decline},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ReadError, Views,
    keys::Key,
    profile::Profile,
    transactions::Transaction,
    workspace::{FoldError, Workspace},
};

/// How many notifications an inbox keeps, the newest.
pub const INBOX_KEPT: usize = 200;

const LIST: &str = "inbox";

/// A person's newest notifications, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    pub notifications: Vec<Notification>,
    /// The person has seen what stands at or below this position.
    pub read_up_to: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The id of the event that it tells of.
    pub id: Uuid,
    /// Where that event is in the log.
    pub position: i64,
    pub content: Content,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Follows from what happened.
    Composed(Text),
    /// What a service wrote, sealed under the person's key.
    Sent { topic: String, title: Sealed, message: Sealed, data: Sealed },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    #[serde(rename = "type")]
    pub kind: NotificationKind,
    pub title: String,
    pub message: String,
    pub data: Subject,
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
    CardFrozen,
    CardUnfrozen,
    CardEnded,
    CardExpiring,
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

impl NotificationKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            NotificationKind::TransactionSuccess => "transaction_success",
            NotificationKind::TransactionFailed => "transaction_failed",
            NotificationKind::FraudAlert => "fraud_alert",
            NotificationKind::KycApproved => "kyc_approved",
            NotificationKind::KycRejected => "kyc_rejected",
            NotificationKind::KycReview => "kyc_review",
            NotificationKind::CardIssued => "card_issued",
            NotificationKind::CardFailed => "card_failed",
            NotificationKind::CardFrozen => "card_frozen",
            NotificationKind::CardUnfrozen => "card_unfrozen",
            NotificationKind::CardEnded => "card_ended",
            NotificationKind::CardExpiring => "card_expiring",
        }
    }
}

impl Views {
    /// A person's notifications, newest first, at most [`INBOX_KEPT`]; and how far they are read, at the same
    /// position of the log.
    pub async fn inbox(&self, user: UserId, limit: usize, at_least: Option<i64>) -> Result<Inbox, ReadError> {
        let list = Key::new(LIST, user);
        let (notifications, profile) =
            self.list_beside::<_, Profile>(list, limit.min(INBOX_KEPT), user, at_least).await?;
        Ok(Inbox { notifications, read_up_to: profile.map_or(0, |profile| profile.notifications_read) })
    }
}

pub(crate) fn fold(workspace: &mut Workspace, envelope: &Envelope, event: &AnyEvent) -> Result<(), FoldError> {
    let told = match event {
        AnyEvent::User(_) | AnyEvent::Client(_) => None,
        AnyEvent::Kyc(event) => composed(of_kyc(event).map(|(at, text)| (UserId(envelope.aggregate_id), at, text))),
        AnyEvent::Card(event) => composed(cards::told(workspace, envelope, event)?),
        AnyEvent::Payment(event) => composed(of_payment(workspace, envelope, event)?),
        AnyEvent::Notification(event) => Some(of_service(event)),
    };
    if let Some((user, created_at, content)) = told {
        let notification = Notification { id: envelope.id, position: envelope.position, content, created_at };
        workspace.push_list(Key::new(LIST, user), INBOX_KEPT, &notification);
    }
    Ok(())
}

type Told<C> = (UserId, DateTime<Utc>, C);

fn composed(told: Option<Told<Text>>) -> Option<Told<Content>> {
    told.map(|(user, at, text)| (user, at, Content::Composed(text)))
}

fn of_service(event: &notification::Event) -> Told<Content> {
    match event {
        notification::Event::Sent { user_id, topic, title, message, data, at } => {
            let (title, message, data) = (title.clone(), message.clone(), data.clone());
            (*user_id, *at, Content::Sent { topic: topic.clone(), title, message, data })
        }
    }
}

fn of_kyc(event: &kyc::Event) -> Option<(DateTime<Utc>, Text)> {
    let text = |kind, title: &str, message: &str, reasons: &[String]| Text {
        kind,
        title: title.to_owned(),
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

type Composed = Result<Option<Told<Text>>, FoldError>;

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
    let title = title.to_owned();
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
