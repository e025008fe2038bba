//! What the vendors' endpoints have alike: key, body, JSON, problems, and hanging up.

use std::panic::resume_unwind;

use futures::StreamExt;
use poem::{
    IntoResponse, Request, Response,
    http::{HeaderValue, StatusCode, header::AUTHORIZATION, header::CONTENT_TYPE},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use uuid::Uuid;

/// Requests have some hundred bytes; a longer one is answered with 413.
const LONGEST_REQUEST: usize = 16 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An error answer, as `{"code":"…"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Problem(StatusCode, &'static str);

impl Problem {
    pub const UNAUTHORIZED: Problem = Problem(StatusCode::UNAUTHORIZED, "unauthorized");
    pub const INVALID_REQUEST: Problem = Problem(StatusCode::BAD_REQUEST, "invalid_request");
    pub const INVALID_CARD: Problem = Problem(StatusCode::BAD_REQUEST, "invalid_card_number");
    pub const TOO_LARGE: Problem = Problem(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large");
    pub const NO_SUCH_CHECK: Problem = Problem(StatusCode::NOT_FOUND, "no_such_check");
    pub const NO_SUCH_TRANSACTION: Problem = Problem(StatusCode::NOT_FOUND, "no_such_transaction");
    pub const NO_SUCH_CARD: Problem = Problem(StatusCode::NOT_FOUND, "no_such_card");
    pub const KEY_REUSED: Problem = Problem(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused");
    pub const NO_SUCH_MAILBOX: Problem = Problem(StatusCode::UNPROCESSABLE_ENTITY, "no_such_mailbox");
    pub const DOWN: Problem = Problem(StatusCode::SERVICE_UNAVAILABLE, "down");
    /// The bound of `SandboxConfig::max_records`; a restart empties the sandbox.
    pub const FULL: Problem = Problem(StatusCode::INSUFFICIENT_STORAGE, "sandbox_is_full_restart_it");
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = format!(r#"{{"code":"{}"}}"#, self.1);
        Response::builder().status(self.0).header(CONTENT_TYPE, JSON).body(body)
    }
}

/// Whether the caller has the vendor's key.
pub(super) fn authorise(request: &Request, key: &SecretString) -> Result<(), Problem> {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if given == Some(key.expose_secret()) { Ok(()) } else { Err(Problem::UNAUTHORIZED) }
}

pub(super) async fn body(request: &mut Request) -> Result<Vec<u8>, Problem> {
    body_up_to(request, LONGEST_REQUEST).await
}

pub(super) async fn body_up_to(request: &mut Request, longest: usize) -> Result<Vec<u8>, Problem> {
    let mut chunks = Box::pin(request.take_body().into_bytes_stream());
    let mut body = Vec::with_capacity(512);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::INVALID_REQUEST)?;
        if body.len() + chunk.len() > longest {
            return Err(Problem::TOO_LARGE);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The id in a query of exactly `name=<uuid>`.
pub(super) fn id_in_query(request: &Request, name: &str) -> Result<Uuid, Problem> {
    let value = request.uri().query().and_then(|query| query.strip_prefix(name)?.strip_prefix('='));
    value.and_then(|value| Uuid::try_parse(value).ok()).ok_or(Problem::INVALID_REQUEST)
}

pub(super) fn json(answer: &impl Serialize) -> Response {
    let body = serde_json::to_vec(answer).expect("answers have string keys and memory does not fail");
    Response::builder().header(CONTENT_TYPE, JSON).body(body)
}

/// Closes the connection without a byte of an answer, by ending the connection's task, which holds the socket. An
/// answer whose body fails will not do: poem polls the connection once more after the failure, and hyper then sends
/// head and end of body as if all were well. Unwinding this way runs no panic hook; nothing is printed.
pub(super) fn hang_up() -> ! {
    resume_unwind(Box::new("the sandbox hangs up"))
}
