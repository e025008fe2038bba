//! What a request's head may be, looked at before anything else is. hyper has refused heads past its own bounds
//! already: 32 KiB, 100 headers.

use poem::{
    Request,
    http::{StatusCode, header},
};

use crate::problem::Problem;

/// Bytes of path and query together.
const URI: usize = 4096;
/// Headers, each counted as often as it comes.
const HEADERS: usize = 64;
/// Bytes of all headers, names and values. An access token is about 1 KiB.
const HEADER_BYTES: usize = 16 * 1024;

pub fn check(request: &Request) -> Result<(), Problem> {
    let uri = request.uri();
    if uri.path().len() + uri.query().map_or(0, |query| query.len() + 1) > URI {
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "request.uri_too_long", "The address is too long")
            .detail(format!("Path and query have at most {URI} bytes.")));
    }
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > HEADERS || bytes > HEADER_BYTES {
        let too_large = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(Problem::new(too_large, "request.headers_too_large", "The headers are too many or too long")
            .detail(format!("At most {HEADERS} headers, of {HEADER_BYTES} bytes together.")));
    }
    // A small body could otherwise become a large one. `identity` says that there is none (RFC 9110 §12.5.3).
    if headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        let unsupported = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Problem::new(unsupported, "request.content_encoding", "The body must not be encoded")
            .detail("Send the body as it is, without Content-Encoding."));
    }
    Ok(())
}
