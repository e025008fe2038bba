//! Which web pages may read our answers (Fetch standard, §3.2). The token is in a header that no browser adds by
//! itself, so there are no credentials to allow, and there is no wildcard.

use std::collections::HashSet;

use poem::{
    Request, Response,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
};

use crate::{config::Cors as Settings, problem::Problem};

/// What a page may send beside what every page may.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, traceparent, x-min-position, \
     x-request-id, x-step-up-token",
);
/// What a page may read beside what every page may.
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static(
    "deprecation, etag, link, location, ratelimit, ratelimit-policy, retry-after, sunset, www-authenticate, \
     x-position, x-request-id",
);
/// Seconds for which a browser need not ask again.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const VARY: HeaderValue = HeaderValue::from_static("Origin");
const VARY_PREFLIGHT: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");

pub struct Cors {
    origins: HashSet<Vec<u8>>,
}

impl Cors {
    pub fn new(settings: &Settings) -> Cors {
        Cors { origins: settings.origins.iter().map(|origin| origin.as_bytes().to_vec()).collect() }
    }

    /// Whether a browser asks what it may do, before it does it.
    pub fn is_preflight(&self, request: &Request) -> bool {
        let headers = request.headers();
        *request.method() == Method::OPTIONS
            && headers.contains_key(header::ORIGIN)
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The answer to that, given the methods of the path; none: there is no such path.
    pub fn preflight(&self, request: &Request, methods: Option<&str>) -> Result<Response, Problem> {
        if self.allowed(request.headers()).is_none() {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "request.origin_not_allowed",
                "Pages of this origin may not call",
            ));
        }
        let methods = methods.and_then(|methods| HeaderValue::from_str(methods).ok());
        let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods.ok_or_else(Problem::no_route)?);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        headers.insert(header::VARY, VARY_PREFLIGHT);
        Ok(response)
    }

    /// The origin, if pages of it may call. Exactly one header, compared byte by byte.
    pub fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let (only, None) = (origins.next()?, origins.next()) else { return None };
        self.origins.contains(only.as_bytes()).then(|| only.clone())
    }

    /// Lets pages of `origin` read the answer. Caches are told that answers differ, also where there is no origin.
    pub fn finish(&self, response: &mut Response, origin: Option<HeaderValue>) {
        if self.origins.is_empty() {
            return;
        }
        let headers = response.headers_mut();
        if !headers.contains_key(header::VARY) {
            headers.insert(header::VARY, VARY);
        }
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
        }
    }
}
