use aggregates::UserId;
use chrono::{DateTime, Utc};
use flows::audit::{self, Reader};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::Query,
    registry::{MetaSchema, MetaSchemaRef},
};
use serde::Serialize;
use serde_json::value::RawValue;
use store::authentications::{Filter, Recorded};
use uuid::Uuid;

use super::Tag;
use crate::{
    auth::{
        Caller,
        rights::{AuditRead, EventsRead},
    },
    json::Json,
    parameters::{Cursor, MinPosition, PageSize},
    problem::{Failure, Problem, refusals},
    schema::{described, read_by_serde},
};

#[derive(Default)]
pub struct Audit;

/// One attempt to prove who one is, or one use of a credential.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct Authentication {
    entry_id: String,
    at: DateTime<Utc>,
    /// What was tried, such as `log_in`.
    action: String,
    /// `success`, `failure`, or `locked`: not even looked at.
    outcome: String,
    /// A stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Uuid>,
    /// A keyed hash of the e-mail address that was tried: equal ones are the same address.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The session, or the API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<String>,
    /// Where from.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// The request, which is also the correlation id of its events.
    request_id: Uuid,
}

#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct AuthenticationPage {
    /// The newest first.
    authentications: Vec<Authentication>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// An event as it is stored, with personal data sealed.
#[derive(Serialize)]
struct CloudEvent(Box<RawValue>);

described!(
    CloudEvent,
    MetaSchema {
        description: Some(
            "A CloudEvent 1.0 in JSON format, as on the event stream. `dataschema` names the schema of its data; \
             personal data in it is sealed."
        ),
        required: ["specversion", "id", "source", "type", "subject", "time", "dataschema", "position", "data"].into(),
        properties: ["specversion", "id", "source", "type", "subject", "time", "dataschema", "position", "sequence"]
            .map(|name| (name, MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")))))
            .into_iter()
            .chain([("data", MetaSchemaRef::Inline(Box::new(MetaSchema::new("object"))))])
            .collect(),
        ..MetaSchema::new("object")
    }
);
read_by_serde!(CloudEvent);

#[derive(Object, Serialize)]
struct EventPage {
    /// In the order in which they happened, without a hole.
    events: Vec<CloudEvent>,
    /// The position to go on after. The same as was asked for where nothing has happened since.
    next_after: i64,
}

#[derive(ApiResponse)]
enum AuthenticationsResponse {
    /// Entries of the record.
    #[oai(status = 200)]
    Page(Json<AuthenticationPage>),
}

#[derive(ApiResponse)]
enum EventsResponse {
    /// A stretch of the log.
    #[oai(status = 200)]
    Page(Json<EventPage>),
}

refusals!(Read, V2, [400, 401, 403, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2", tag = "Tag::Audit")]
impl Audit {
    /// The record of authentications
    ///
    /// Who tried to prove who they are, how, from where and with what outcome; the newest first. Reading is recorded.
    #[oai(path = "/audit/authentications", method = "get", operation_id = "listAuthentications")]
    // Each query parameter is an argument of its own to poem-openapi.
    #[allow(clippy::too_many_arguments)]
    async fn authentications(
        &self,
        caller: Caller<AuditRead>,
        user_id: Query<Option<Uuid>>,
        /// Only what was tried so, such as `log_in`.
        action: Query<Option<String>>,
        /// Only with this outcome: `success`, `failure`, `locked`.
        outcome: Query<Option<String>>,
        /// From this moment on.
        from: Query<Option<DateTime<Utc>>>,
        /// Before this moment.
        to: Query<Option<DateTime<Utc>>>,
        cursor: Query<Option<Cursor>>,
        limit: Query<Option<PageSize>>,
    ) -> Result<AuthenticationsResponse, Failure<Read>> {
        let filter = Filter {
            user_id: user_id.0.map(UserId),
            action: action.0,
            outcome: outcome.0,
            from: from.0,
            to: to.0,
            before: cursor.0.map(|Cursor(entry)| entry),
        };
        let PageSize(limit) = limit.0.unwrap_or(PageSize::DEFAULT);
        let (system, reader) = (&caller.service.system, reader(&caller));
        let found = audit::authentications(system, reader, &filter, limit, &caller.origin()).await?;
        Ok(AuthenticationsResponse::Page(Json(AuthenticationPage::of(found, limit))))
    }

    /// The event log
    ///
    /// All events after a position, as CloudEvents with personal data sealed. Reading is recorded.
    #[oai(path = "/events", method = "get", operation_id = "listEvents")]
    async fn events(
        &self,
        caller: Caller<EventsRead>,
        /// The position of the last event that is known; 0 or absent for the first.
        after: Query<Option<MinPosition>>,
        limit: Query<Option<PageSize>>,
    ) -> Result<EventsResponse, Failure<Read>> {
        let after = after.0.map_or(0, |MinPosition(after)| after);
        let PageSize(limit) = limit.0.unwrap_or(PageSize::DEFAULT);
        let (system, reader) = (&caller.service.system, reader(&caller));
        let found = audit::events(system, reader, after, limit, &caller.origin()).await?;
        let next_after = found.last().map_or(after, |event| event.position);
        let events = found.iter().map(|event| CloudEvent::of(&event.to_cloud_event())).collect::<Result<_, _>>()?;
        Ok(EventsResponse::Page(Json(EventPage { events, next_after })))
    }
}

fn reader<R>(caller: &Caller<R>) -> Reader {
    Reader { user_id: caller.user_id, session_id: caller.session_id }
}

impl CloudEvent {
    fn of(json: &[u8]) -> Result<CloudEvent, Problem> {
        serde_json::from_slice(json).map(CloudEvent).map_err(Problem::internal)
    }
}

impl AuthenticationPage {
    fn of(found: Vec<Recorded>, limit: usize) -> AuthenticationPage {
        let next = found.last().filter(|_| found.len() == limit).map(|entry| entry.entry_id.to_string());
        AuthenticationPage { authentications: found.into_iter().map(Authentication::from).collect(), next_cursor: next }
    }
}

impl From<Recorded> for Authentication {
    fn from(entry: Recorded) -> Authentication {
        Authentication {
            entry_id: entry.entry_id.to_string(),
            at: entry.at,
            action: entry.action,
            outcome: entry.outcome,
            reason: entry.reason,
            user_id: entry.user_id.map(|user| user.0),
            client_id: entry.client_id.map(|client| client.0),
            subject: entry.subject,
            session_id: entry.session_id.map(|session| session.0),
            device_id: entry.device_id,
            address: entry.address.map(|address| address.to_string()),
            request_id: entry.request_id,
        }
    }
}
