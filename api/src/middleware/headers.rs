use chrono::{DateTime, Utc};
use poem::{
    Response,
    http::{HeaderMap, HeaderName, HeaderValue, header},
};

use crate::{
    config::{Http, Version, Versions},
    context::{Context, Face},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// An answer of the API is data: nothing may run, frame or store it. Pages that are meant to be shown bring their own
/// policy.
const DATA_ONLY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Also for browsers that know no content security policy, and for what it does not cover.
const HARDENING: [(HeaderName, HeaderValue); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// The headers that every answer has.
pub struct Headers {
    /// Where TLS ends in front of us (RFC 6797 §7.2: never over plain HTTP).
    strict_transport: Option<HeaderValue>,
    v1: HeaderMap,
    v2: HeaderMap,
}

impl Headers {
    pub fn new(http: &Http, versions: &Versions) -> Headers {
        let strict = format!("max-age={}; includeSubDomains", http.hsts_seconds);
        let strict_transport = (http.hsts_seconds > 0).then(|| HeaderValue::from_str(&strict).ok()).flatten();
        Headers { strict_transport, v1: ending(&versions.v1), v2: ending(&versions.v2) }
    }

    pub fn finish(&self, response: &mut Response, context: &Context) {
        let headers = response.headers_mut();
        let mut id = [0; 36];
        let id: &str = context.request_id.hyphenated().encode_lower(&mut id);
        if let Ok(id) = HeaderValue::from_str(id) {
            headers.insert(REQUEST_ID, id);
        }
        for (name, value) in &HARDENING {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(DATA_ONLY);
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        if let Some(strict) = &self.strict_transport {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, strict.clone());
        }
        let ending = match context.face {
            Face::V1 => &self.v1,
            Face::V2 => &self.v2,
            Face::Operations => return limits(headers, context),
        };
        for (name, value) in ending {
            headers.append(name, value.clone());
        }
        limits(headers, context);
    }
}

fn limits(headers: &mut HeaderMap, context: &Context) {
    if headers.contains_key("ratelimit") {
        return;
    }
    match (context.standing.get(), context.strict_standing.get()) {
        (Some(standing), None) | (None, Some(standing)) => standing.write(headers),
        (Some(standing), Some(strict)) => standing.clone().and(strict).write(headers),
        (None, None) => {}
    }
}

/// How a version tells its clients that it ends.
fn ending(version: &Version) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Version { deprecated_at, sunset_at, successor, notice } = version;
    let mut add = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.append(name, value);
        }
    };
    if let Some(time) = deprecated_at {
        // A date of RFC 9651 §3.3.7.
        add(DEPRECATION, format!("@{}", time.timestamp()));
    }
    if let Some(time) = sunset_at {
        add(SUNSET, http_date(*time));
    }
    for (link, relation) in [(successor, "successor-version"), (notice, "deprecation")] {
        if let Some(link) = link {
            add(header::LINK, format!("<{link}>; rel=\"{relation}\""));
        }
    }
    headers
}

/// RFC 9110 §5.6.7.
fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_ends_says_so() {
        let version = Version {
            deprecated_at: DateTime::from_timestamp(1_767_225_600, 0),
            sunset_at: DateTime::from_timestamp(1_798_761_599, 0),
            successor: Some("/api/v2/openapi.json".into()),
            notice: Some("https://example.com/moving".into()),
        };
        let headers = ending(&version);
        assert_eq!(headers["deprecation"], "@1767225600");
        assert_eq!(headers["sunset"], "Thu, 31 Dec 2026 23:59:59 GMT");
        let links: Vec<_> = headers.get_all("link").iter().collect();
        assert_eq!(
            links,
            ["</api/v2/openapi.json>; rel=\"successor-version\"", "<https://example.com/moving>; rel=\"deprecation\""]
        );
        assert!(ending(&Version::default()).is_empty());
    }
}
