use poem::{
    Response,
    http::{HeaderName, HeaderValue, header},
};

use crate::context::Context;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REFERRER_POLICY: HeaderName = HeaderName::from_static("referrer-policy");

/// An answer of the API is data: nothing may run, frame or store it. Pages that are meant to be shown bring their own
/// policy.
const DATA_ONLY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// The headers that every answer has.
pub fn finish(response: &mut Response, context: &Context) {
    let headers = response.headers_mut();
    let mut id = [0; 36];
    let id: &str = context.request_id.hyphenated().encode_lower(&mut id);
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(DATA_ONLY);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if !headers.contains_key("ratelimit") {
        match (context.standing.get(), context.strict_standing.get()) {
            (Some(standing), None) | (None, Some(standing)) => standing.write(headers),
            (Some(standing), Some(strict)) => standing.clone().and(strict).write(headers),
            (None, None) => {}
        }
    }
}
