//! The inbox: what each person was told, the newest first. Delivery to devices is not done here.

mod cards;
mod payments;

use aggregates::{CardId, Envelope, Money, PaymentId, Sealed, UserId, envelope::AnyEvent, kyc, notification};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ReadError, Views,
    keys::Key,
    profile::Profile,
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
    /// A merchant asked for the card, and may take the money later.
    TransactionAuthorized,
    /// What was authorised will not be taken.
    TransactionReversed,
    TransactionRefunded,
    /// The card network took more than was approved.
    TransactionExceeded,
    FraudAlert,
    KycApproved,
    KycRejected,
    KycReview,
    KycExpiring,
    KycExpired,
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
            NotificationKind::TransactionAuthorized => "transaction_authorized",
            NotificationKind::TransactionReversed => "transaction_reversed",
            NotificationKind::TransactionRefunded => "transaction_refunded",
            NotificationKind::TransactionExceeded => "transaction_exceeded",
            NotificationKind::FraudAlert => "fraud_alert",
            NotificationKind::KycApproved => "kyc_approved",
            NotificationKind::KycRejected => "kyc_rejected",
            NotificationKind::KycReview => "kyc_review",
            NotificationKind::KycExpiring => "kyc_expiring",
            NotificationKind::KycExpired => "kyc_expired",
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
        AnyEvent::Payment(event) => composed(payments::of_payment(workspace, envelope, event)?),
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
        kyc::Event::Submitted { .. }
        | kyc::Event::DraftOpened { .. }
        | kyc::Event::DetailsGiven { .. }
        | kyc::Event::AddressGiven { .. }
        | kyc::Event::DocumentAdded { .. }
        // Whom a watch list names is not warned.
        | kyc::Event::WatchListNamed { .. }
        | kyc::Event::WatchListCleared { .. }
        | kyc::Event::Assigned { .. }
        | kyc::Event::Noted { .. }
        | kyc::Event::DocumentViewed { .. }
        | kyc::Event::CaseViewed { .. }
        | kyc::Event::DecisionProposed { .. } => None,
        kyc::Event::ExpiryAnnounced { at, .. } => {
            let message = "Your verification expires soon. Verify your identity again; until then nothing changes";
            Some((*at, text(NotificationKind::KycExpiring, "Verification Expires Soon", message, &[])))
        }
        kyc::Event::Expired { at, .. } => {
            let message =
                "Your verification has expired. Your cards go on working; verify your identity again for more";
            Some((*at, text(NotificationKind::KycExpired, "Verification Expired", message, &[])))
        }
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
