use std::marker::PhantomData;

use poem_openapi::{
    ApiResponse,
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};

use super::{Body, BodyV1, Problem};
use crate::context::Face;

/// A [`Problem`] that knows, for the OpenAPI document, with which statuses its operation refuses.
pub struct Failure<S>(Problem, PhantomData<S>);

/// The statuses of one operation's refusals. Written with [`refusals!`].
pub trait Statuses: Send + Sync + 'static {
    const FACE: Face;
    const STATUSES: &'static [u16];
}

/// Names the refusals of one operation: `refusals!(Pay, V1, [400, 401])` makes `Pay` a [`Statuses`].
macro_rules! refusals {
    ($name:ident, $face:ident, [$($status:literal),+ $(,)?]) => {
        pub struct $name;

        impl $crate::problem::Statuses for $name {
            const FACE: $crate::context::Face = $crate::context::Face::$face;
            const STATUSES: &'static [u16] = &[$($status),+];
        }
    };
}
pub(crate) use refusals;

impl<S> From<Problem> for Failure<S> {
    fn from(problem: Problem) -> Self {
        Failure(problem, PhantomData)
    }
}

impl<S> From<flows::Error> for Failure<S> {
    fn from(error: flows::Error) -> Self {
        Failure(error.into(), PhantomData)
    }
}

impl<S: Statuses> From<Failure<S>> for poem::Error {
    fn from(failure: Failure<S>) -> poem::Error {
        failure.0.into()
    }
}

impl<S: Statuses> ApiResponse for Failure<S> {
    fn meta() -> MetaResponses {
        MetaResponses { responses: S::STATUSES.iter().map(|status| documented::<S>(*status)).collect() }
    }

    fn register(registry: &mut Registry) {
        match S::FACE {
            Face::V1 => BodyV1::register(registry),
            Face::V2 | Face::Operations => Body::register(registry),
        }
    }
}

fn documented<S: Statuses>(status: u16) -> MetaResponse {
    let schema = match S::FACE {
        Face::V1 => BodyV1::schema_ref(),
        Face::V2 | Face::Operations => Body::schema_ref(),
    };
    let headers = match status {
        429 | 503 => vec![retry_after()],
        _ => Vec::new(),
    };
    MetaResponse {
        description: meaning(status),
        status: Some(status),
        status_range: None,
        content: vec![MetaMediaType { content_type: "application/problem+json", schema }],
        headers,
    }
}

fn retry_after() -> MetaHeader {
    MetaHeader {
        name: "Retry-After".into(),
        description: Some("Seconds to wait before trying again.".into()),
        required: true,
        deprecated: false,
        schema: u32::schema_ref(),
    }
}

/// What a status means here; `code` in the body says it exactly.
fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The request cannot be read: malformed JSON, or a parameter that does not parse.",
        401 => "No valid access token, or wrong credentials.",
        403 => "The token does not permit this, or the person may not do it yet.",
        404 => "There is no such thing, or it belongs to somebody else.",
        408 => "The body did not arrive in time.",
        409 => "The state of things forbids this. Nothing has changed.",
        412 => "It was changed since it was read. Nothing has changed now.",
        413 => "The body is longer than allowed.",
        414 => "Path and query are longer than allowed.",
        415 => "The body is not JSON.",
        422 => "A field is missing or wrong; `errors` names it where it can.",
        428 => "`If-Match` is missing: say what you saw.",
        429 => "Too many requests.",
        500 => "A fault on our side, logged with the request id. `resource`, if present, will show the outcome.",
        502 => "A third party failed. Nothing has changed, or the resource shows what has.",
        503 => "Too busy, or a part of the system is down. `resource`, if present, will show the outcome.",
        504 => "This took too long and is finished in the background. `resource`, if present, will show the outcome.",
        _ => "The request is refused.",
    }
}
