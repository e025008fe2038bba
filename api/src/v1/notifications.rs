use chrono::{DateTime, Utc};
use flows::notifications;
use poem_openapi::{
    ApiResponse, Enum, Object, OpenApi,
    param::{Header, Query},
};
use projections::{NotificationKind, Subject};
use serde::Serialize;
use uuid::Uuid;

use super::{Tag, seconds};
use crate::{
    auth::{Caller, rights::NotificationsRead},
    json::Json,
    money::Amount,
    parameters::{MinPosition, PageSize},
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Notifications;

/// Something the person was told.
#[derive(Object, Serialize)]
struct Notification {
    notification_id: Uuid,
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    kind: NotificationType,
    title: String,
    message: String,
    data: About,
    #[serde(serialize_with = "seconds")]
    created_at: DateTime<Utc>,
    read: bool,
}

#[derive(Clone, Copy, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
enum NotificationType {
    TransactionSuccess,
    TransactionFailed,
    FraudAlert,
    KycApproved,
    KycRejected,
    KycReview,
    CardIssued,
    CardFailed,
}

/// What a notification is about: a transaction, a card or the verification, by its type.
#[derive(Default, Object, Serialize)]
#[oai(rename = "NotificationData", skip_serializing_if_is_none)]
struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant: Option<String>,
    /// Why a transaction was declined, as a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    decline_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_id: Option<Uuid>,
    /// The card's number with all but its end masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    card_number: Option<String>,
    /// Why the verification was rejected, as stable codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection_reasons: Option<Vec<String>>,
}

#[derive(Object, Serialize)]
struct Inbox {
    success: bool,
    notifications: Vec<Notification>,
}

#[derive(ApiResponse)]
enum ListResponse {
    /// The newest notifications, the newest first.
    #[oai(status = 200)]
    Inbox(Json<Inbox>),
}

refusals!(List, V1, [400, 401, 403, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Notifications")]
impl Notifications {
    /// My notifications
    ///
    /// What the caller was told, the newest first.
    #[oai(path = "/notifications", method = "get", operation_id = "listNotifications")]
    async fn list(
        &self,
        caller: Caller<NotificationsRead>,
        limit: Query<Option<PageSize>>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<MinPosition>>,
    ) -> Result<ListResponse, Failure<List>> {
        let (system, at_least) = (&caller.service.system, caller.at_least(min_position.0));
        let PageSize(limit) = limit.0.unwrap_or(PageSize::DEFAULT);
        let inbox = notifications::inbox(system, caller.user_id, limit, at_least).await?;
        let notifications = inbox.into_iter().map(Notification::from).collect();
        Ok(ListResponse::Inbox(Json(Inbox { success: true, notifications })))
    }
}

impl From<projections::Notification> for Notification {
    fn from(told: projections::Notification) -> Notification {
        Notification {
            notification_id: told.id,
            kind: told.kind.into(),
            title: told.title,
            message: told.message,
            data: told.data.into(),
            created_at: told.created_at,
            read: told.read,
        }
    }
}

impl From<NotificationKind> for NotificationType {
    fn from(kind: NotificationKind) -> NotificationType {
        match kind {
            NotificationKind::TransactionSuccess => NotificationType::TransactionSuccess,
            NotificationKind::TransactionFailed => NotificationType::TransactionFailed,
            NotificationKind::FraudAlert => NotificationType::FraudAlert,
            NotificationKind::KycApproved => NotificationType::KycApproved,
            NotificationKind::KycRejected => NotificationType::KycRejected,
            NotificationKind::KycReview => NotificationType::KycReview,
            NotificationKind::CardIssued => NotificationType::CardIssued,
            NotificationKind::CardFailed => NotificationType::CardFailed,
        }
    }
}

impl From<Subject> for About {
    fn from(subject: Subject) -> About {
        match subject {
            Subject::Transaction { transaction_id, amount, merchant, reason } => About {
                transaction_id: Some(transaction_id.0),
                amount: Some(Amount::of(amount)),
                currency: Some(amount.currency.code().into()),
                merchant: Some(merchant),
                decline_reason: reason,
                ..About::default()
            },
            Subject::Card { card_id, last_four } => About {
                card_id: Some(card_id.0),
                card_number: last_four.map(|last_four| format!("****{last_four}")),
                ..About::default()
            },
            Subject::Kyc { reasons } => {
                About { rejection_reasons: (!reasons.is_empty()).then_some(reasons), ..About::default() }
            }
        }
    }
}
