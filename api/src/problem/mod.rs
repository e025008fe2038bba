//! What goes wrong, as RFC 9457 problems: one shape for every refusal of every endpoint.

mod cards;
mod causes;
mod domain;
mod failure;
mod kyc;
mod programs;
mod transport;

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use aggregates::Permission;
use poem::{
    Response,
    error::ResponseError,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::Object;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    context::{Context, Face},
    limits::Standing,
};

use causes::Causes;
pub(crate) use failure::refusals;
pub use failure::{Failure, Statuses};
pub use transport::{from_poem, unsupported_media_type};

/// A refusal, before it is known which request and which version of the API it answers.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    title: &'static str,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    resource: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    allow: Option<String>,
    standing: Option<Standing>,
    step_up: Option<&'static str>,
    challenge: Option<HeaderValue>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

/// One field of the request that is wrong. Never holds the value that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
pub struct FieldError {
    /// Where in the request: a field's path such as `amount`, or a parameter's or header's name.
    pub field: String,
    /// What is wrong with it, for a developer to read.
    pub reason: String,
}

/// A problem as defined by RFC 9457, sent as `application/problem+json`.
#[derive(Object, Serialize)]
#[oai(rename = "Problem", skip_serializing_if_is_none)]
struct Body {
    /// Names the kind of problem: `urn:virtual-cards:problem:` and the code.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    kind: String,
    /// What the kind of problem is, for a developer to read.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened this time, for a developer to read.
    detail: String,
    /// The stable code of the kind of problem, such as `card.frozen`. Clients decide by this.
    code: String,
    /// The same as the header `X-Request-Id`; quote it when asking for help.
    request_id: Uuid,
    /// The fields that are wrong, where fields are.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldError>>,
    /// Where the outcome will be found, where the request may have had an effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    /// The operation to step up for, where a step-up is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    step_up: Option<String>,
}

/// A problem as version 1 sends it: with `"success": false`.
#[derive(Object, Serialize)]
#[oai(rename = "ProblemV1")]
struct BodyV1 {
    /// Always `false`.
    success: bool,
    #[serde(flatten)]
    #[oai(flatten)]
    problem: Body,
}

impl Problem {
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, title: &'static str) -> Problem {
        Problem(Box::new(Parts {
            status,
            code: code.into(),
            title,
            detail: title.into(),
            errors: Vec::new(),
            resource: None,
            retry_after: None,
            allow: None,
            standing: None,
            step_up: None,
            challenge: None,
            cause: None,
        }))
    }

    /// A field of the request is missing or wrong. `reason` must not repeat what was sent.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "request.invalid", "A field is missing or wrong")
            .field(field, reason)
    }

    /// A fault of ours. `cause` is logged when the answer is sent, and never returned.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Problem {
        let mut problem =
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "system.internal", "Something failed on our side")
                .detail("The fault is logged with the request id.");
        problem.0.cause = Some(cause.into());
        problem
    }

    /// No access token was sent.
    pub fn unauthenticated() -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "auth.invalid_token", "No valid access token")
            .detail("The access token is missing, malformed, expired, or its session has ended. Log in again.")
    }

    /// A token or key was sent that is none of ours, or no more. Says no more, so that a guesser learns nothing.
    pub fn invalid_token() -> Problem {
        Problem::unauthenticated().challenge("Bearer error=\"invalid_token\"")
    }

    /// A valid token that does not permit this. Which right is missing is public: the document says it, too.
    pub fn forbidden(permission: Permission) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "auth.forbidden", "The token does not permit this")
            .detail(format!("The right {permission} is needed."))
            .challenge(&format!("Bearer error=\"insufficient_scope\", scope=\"{permission}\""))
    }

    /// The roles would permit it, had the person logged in with a second factor.
    pub fn second_factor_needed(permission: Permission) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "auth.second_factor_needed", "This takes a login with a second factor")
            .detail("Rights of staff count in sessions that were opened with a second factor. Set one up, log in anew.")
            .challenge(&format!("Bearer error=\"insufficient_scope\", scope=\"{permission}\""))
    }

    /// `WWW-Authenticate` (RFC 6750 §3). A 401 without one says `Bearer`.
    fn challenge(mut self, challenge: &str) -> Problem {
        self.0.challenge = HeaderValue::from_str(challenge).ok();
        self
    }

    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Problem {
        self.0.detail = detail.into();
        self
    }

    pub fn field(mut self, field: impl Into<String>, reason: impl Into<String>) -> Problem {
        self.0.errors.push(FieldError { field: field.into(), reason: reason.into() });
        self
    }

    /// The same problem, with its one wrong field under another name.
    pub fn of_field(mut self, field: &str) -> Problem {
        for error in &mut self.0.errors {
            field.clone_into(&mut error.field);
        }
        self
    }

    /// Names where the outcome will be, unless a closer one is named already.
    pub fn resource(mut self, resource: Option<impl Into<Cow<'static, str>>>) -> Problem {
        if self.0.resource.is_none() {
            self.0.resource = resource.map(Into::into);
        }
        self
    }

    /// Names the operation that needs a step-up.
    pub fn step_up(mut self, operation: &'static str) -> Problem {
        self.0.step_up = Some(operation);
        self
    }

    pub fn retry_after(mut self, wait: Duration) -> Problem {
        self.0.retry_after = Some(wait);
        self
    }

    pub fn allow(mut self, methods: String) -> Problem {
        self.0.allow = Some(methods);
        self
    }

    /// How the caller stands with the rate limit that refused.
    pub fn standing(mut self, standing: Standing) -> Problem {
        self.0.standing = Some(standing);
        self
    }

    pub fn http_status(&self) -> StatusCode {
        self.0.status
    }

    /// The answer to the request of `context`. A fault of ours is logged here, once.
    pub fn into_response(self, context: &Context) -> Response {
        let parts = *self.0;
        if let Some(cause) = &parts.cause {
            tracing::error!(request_id = %context.request_id, error = %Causes(cause.as_ref()), "request failed");
        }
        let mut response = Response::builder().status(parts.status).content_type("application/problem+json").finish();
        let headers = response.headers_mut();
        match parts.challenge.clone() {
            Some(challenge) => drop(headers.insert(header::WWW_AUTHENTICATE, challenge)),
            None if parts.status == StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            None => {}
        }
        if let Some(wait) = parts.retry_after {
            // Rounded up: a client that waits this long is let in.
            let seconds = wait.as_millis().div_ceil(1000).max(1) as u64;
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(allow) = parts.allow.as_deref().and_then(|methods| HeaderValue::from_str(methods).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if let Some(standing) = &parts.standing {
            standing.write(headers);
        }
        response.set_body(body(parts, context));
        response
    }
}

fn body(parts: Parts, context: &Context) -> Vec<u8> {
    let problem = Body {
        kind: format!("urn:virtual-cards:problem:{}", parts.code),
        title: parts.title.into(),
        status: parts.status.as_u16(),
        detail: parts.detail.into_owned(),
        code: parts.code.into_owned(),
        request_id: context.request_id,
        errors: (!parts.errors.is_empty()).then_some(parts.errors),
        resource: parts.resource.map(Cow::into_owned),
        step_up: parts.step_up.map(String::from),
    };
    let bytes = match context.face {
        Face::V1 => serde_json::to_vec(&BodyV1 { success: false, problem }),
        Face::V2 | Face::Operations => serde_json::to_vec(&problem),
    };
    bytes.expect("a struct of strings and numbers serialises")
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.detail)
    }
}

impl StdError for Problem {}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.0.status
    }
}

#[cfg(test)]
impl Problem {
    /// Status, code and names of wrong fields, for tables in tests.
    pub fn summary(&self) -> (u16, String, Vec<String>) {
        let fields = self.0.errors.iter().map(|error| error.field.clone()).collect();
        (self.0.status.as_u16(), self.0.code.to_string(), fields)
    }
}
