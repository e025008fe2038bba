//! Refusals of the framework, before or instead of a handler.

use poem::{
    Error,
    error::{MethodNotAllowedError, NotFoundError},
    http::StatusCode,
};
use poem_openapi::error::{ContentTypeError, ParseParamError, ParsePathError};

use super::Problem;
use crate::{modules::Module, parameters::MISSING};

/// The problem behind any error that a poem endpoint gives up with.
///
/// Handlers and extractors of this crate give up with a [`Problem`]. What else arrives comes from poem itself, whose
/// messages may quote the request and are therefore not passed on.
pub fn from_poem(error: Error) -> Problem {
    let error = match error.downcast::<Problem>() {
        Ok(problem) => return problem,
        Err(error) => error,
    };
    if error.is::<NotFoundError>() {
        return Problem::no_route();
    }
    if error.is::<MethodNotAllowedError>() {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "request.method_not_allowed", "Method not allowed")
            .detail("`Allow` lists the methods of this path.");
    }
    if let Some(error) = error.downcast_ref::<ParseParamError>() {
        return match error.name {
            "Idempotency-Key" if error.reason.ends_with(MISSING) => Problem::new(
                StatusCode::BAD_REQUEST,
                "request.idempotency_key_missing",
                "The header Idempotency-Key is required",
            )
            .field(error.name, "is required"),
            name => parameter(name, "is missing or not of the documented form"),
        };
    }
    if error.is::<ParsePathError>() {
        // poem-openapi numbers path parameters, so the name is of no use.
        return parameter("path", "holds an identifier that is not of the documented form");
    }
    if error.is::<ContentTypeError>() {
        return unsupported_media_type();
    }
    let status = error.status();
    match status.is_client_error() {
        true => Problem::new(status, "request.refused", "The request cannot be served"),
        false => Problem::internal(error.to_string()),
    }
}

/// A parameter of path, query or header that does not parse.
fn parameter(name: impl Into<String>, reason: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "request.invalid_parameter", "A parameter is missing or wrong")
        .field(name, reason)
}

pub fn unsupported_media_type() -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "request.unsupported_media_type", "The body must be JSON")
        .detail("Send the body as `application/json`.")
}

impl Problem {
    pub fn no_route() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "request.no_such_path", "There is nothing at this path")
    }

    /// The path is another instance's.
    pub fn module_not_here(module: Module) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "request.module_not_here", "This instance does not serve that")
            .detail(format!("The module `{module}` is served elsewhere."))
    }
}
