use aggregates::{ClientId, UserId};
use chrono::{DateTime, Utc};
use flows::{
    notifications::{self, Message, Told},
    payments::Key,
};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path, Query},
    registry::MetaSchema,
    types::Example,
};
use projections::Subject;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::{Uuid, uuid};

use super::{Tag, seconds};
use crate::{
    auth::{
        Caller,
        rights::{NotificationsRead, NotificationsSend, ProfileWrite},
    },
    json::Json,
    money::Amount,
    parameters::{IdempotencyKey, MinPosition, PageSize},
    problem::{Failure, refusals},
    schema::{described, read_by_serde},
};

#[derive(Default)]
pub struct Notifications;

/// Something the person was told.
#[derive(Object, Serialize)]
pub(super) struct Notification {
    notification_id: Uuid,
    /// `transaction_success`, `transaction_failed`, `fraud_alert`, `kyc_approved`, `kyc_rejected`, `kyc_review`,
    /// `card_issued`, `card_failed`, or what a service has sent.
    #[serde(rename = "type")]
    #[oai(rename = "type", validator(pattern = "^[a-z0-9_]{1,64}$"))]
    kind: String,
    title: String,
    message: String,
    data: Data,
    #[serde(serialize_with = "seconds")]
    created_at: DateTime<Utc>,
    read: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data {
    Ours(Box<About>),
    Given(Map<String, Value>),
}

described!(
    Data,
    MetaSchema {
        description: Some(
            "What the notification is about. Of a transaction: `transaction_id`, `amount`, `currency`, `merchant` and, \
             where it was declined, `decline_reason`. Of a card: `card_id`, and `card_number` with all but its end \
             masked. Of a rejected verification: `rejection_reasons`. Of what a service has sent: what it gave."
        ),
        ..MetaSchema::new("object")
    }
);
read_by_serde!(Data);

/// What a notification is about: a transaction, a card or the verification, by its type.
#[derive(Default, Serialize)]
struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decline_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection_reasons: Option<Vec<String>>,
}

#[derive(Object, Serialize)]
struct Inbox {
    success: bool,
    notifications: Vec<Notification>,
}

/// What a service tells a person.
#[derive(Object, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
struct SendRequest {
    user_id: Uuid,
    /// What it is about, such as `transaction_success`.
    #[serde(rename = "type")]
    #[oai(rename = "type", validator(pattern = "^[a-z0-9_]{1,64}$"))]
    kind: String,
    #[oai(validator(min_length = 1, max_length = 200))]
    title: String,
    #[oai(validator(min_length = 1, max_length = 2000))]
    message: String,
    #[oai(nullable)]
    data: Option<Given>,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Given(Map<String, Value>);

described!(
    Given,
    MetaSchema { description: Some("Any object, at most 8 KiB. Shown to the person."), ..MetaSchema::new("object") }
);
read_by_serde!(Given);

#[derive(Object, Serialize)]
#[oai(rename = "NotificationSent")]
struct Sent {
    success: bool,
    notification_id: Uuid,
}

#[derive(Object, Serialize)]
#[oai(rename = "NotificationsRead")]
struct Done {
    success: bool,
}

#[derive(ApiResponse)]
enum ListResponse {
    /// The newest notifications, the newest first.
    #[oai(status = 200)]
    Inbox(Json<Inbox>),
}

#[derive(ApiResponse)]
enum ReadResponse {
    /// They are read.
    #[oai(status = 200)]
    Read(Json<Done>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum SendResponse {
    /// It is in the person's inbox.
    #[oai(status = 201)]
    Sent(Json<Sent>, #[oai(header = "X-Position")] i64),
}

refusals!(List, V1, [400, 401, 403, 429, 500, 503, 504]);
refusals!(Read, V1, [400, 401, 403, 404, 409, 429, 500, 503, 504]);
refusals!(ReadAll, V1, [401, 403, 404, 409, 429, 500, 503, 504]);
refusals!(Send, V1, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);

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

    /// Mark as read
    ///
    /// This notification and all older ones are read from now on.
    #[oai(path = "/notifications/:notification_id/read", method = "post", operation_id = "readNotification")]
    async fn read(
        &self,
        caller: Caller<ProfileWrite>,
        notification_id: Path<Uuid>,
    ) -> Result<ReadResponse, Failure<Read>> {
        Ok(mark_read(&caller, Some(notification_id.0)).await?)
    }

    /// Mark all as read
    ///
    /// All that the caller was told so far is read from now on.
    #[oai(path = "/notifications/read-all", method = "post", operation_id = "readAllNotifications")]
    async fn read_all(&self, caller: Caller<ProfileWrite>) -> Result<ReadResponse, Failure<ReadAll>> {
        Ok(mark_read(&caller, None).await?)
    }

    /// Tell somebody something
    ///
    /// For services: puts a notification into a person's inbox. With an `Idempotency-Key` a repeat answers with the same
    /// notification, and the key with another body is refused; without one each call is a notification of its own.
    #[oai(path = "/notifications/send", method = "post", operation_id = "sendNotification", tag = "Tag::Services")]
    async fn send(
        &self,
        caller: Caller<NotificationsSend>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        body: Json<SendRequest>,
    ) -> Result<SendResponse, Failure<Send>> {
        let sender = caller.client_id.unwrap_or(ClientId(caller.user_id.0));
        let key = key.0.as_ref().map_or(Key::Fresh, |IdempotencyKey(key)| Key::Client(key));
        let sent = notifications::send(&caller.service.system, body.0.into(), sender, key, &caller.origin()).await?;
        let (id, position) = caller.wrote(sent);
        Ok(SendResponse::Sent(Json(Sent { success: true, notification_id: id.0 }), position))
    }
}

async fn mark_read(caller: &Caller<ProfileWrite>, notification: Option<Uuid>) -> Result<ReadResponse, flows::Error> {
    let (system, at_least) = (&caller.service.system, caller.at_least(None));
    let marked = notifications::mark_read(system, caller.user_id, notification, at_least, &caller.origin()).await?;
    let ((), position) = caller.wrote(marked);
    Ok(ReadResponse::Read(Json(Done { success: true }), position))
}

impl From<SendRequest> for Message {
    fn from(request: SendRequest) -> Message {
        let SendRequest { user_id, kind, title, message, data } = request;
        let data = data.map(|Given(data)| data).unwrap_or_default();
        Message { user_id: UserId(user_id), topic: kind, title, message, data }
    }
}

impl From<Told> for Notification {
    fn from(told: Told) -> Notification {
        Notification {
            notification_id: told.id,
            kind: told.topic,
            title: told.title,
            message: told.message,
            data: match told.data {
                notifications::About::Subject(subject) => Data::Ours(Box::new(subject.into())),
                notifications::About::Given(data) => Data::Given(data),
            },
            created_at: told.created_at,
            read: told.is_read,
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

impl Example for SendRequest {
    fn example() -> SendRequest {
        let transaction = ("transaction_id".to_owned(), Value::from("0199f5a5-1e20-7a68-b5d4-6c8f3e2a9d03"));
        SendRequest {
            user_id: uuid!("0199f5a4-3f00-7b3e-9c1a-5d2f6a8b4c01"),
            kind: "transaction_success".into(),
            title: "Payment Successful".into(),
            message: "Your payment of $99.99 to example-merchant.com was successful".into(),
            data: Some(Given(Map::from_iter([transaction]))),
        }
    }
}
