//! The OpenAPI documents and the pages that show them.

mod closed;
mod rights;

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use poem::{
    Endpoint, IntoEndpoint, Response, Route,
    endpoint::make_sync,
    get,
    http::{HeaderValue, Method, header},
};
use poem_openapi::{ExtraHeader, OpenApi, OpenApiService, ServerObject};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{v1, v2};
pub use rights::register_schemes;

pub const PATHS: &[&str] = &["/api/v1/docs", "/api/v1/openapi.json", "/api/v2/docs", "/api/v2/openapi.json"];

/// Both versions as OpenAPI 3.0 documents, version 1 first. The same on every call and every machine.
pub fn documents() -> (String, String) {
    let (first, second) = (describe(v1::Api::default(), V1).spec(), describe(v2::Api::default(), V2).spec());
    (rights::with_rights(&first), strict(&second))
}

/// Version 2's document as it is published: unlike version 1 it refuses what it does not know.
fn strict(document: &str) -> String {
    closed::with_closed_requests(&rights::with_rights(document))
}

/// What serves both versions.
pub fn api() -> impl Endpoint<Output = Response> {
    OpenApiService::new((v1::Api::default(), v2::Api::default()), "", "").into_endpoint()
}

/// Every path template of both versions with each of its methods.
pub fn paths() -> Vec<(String, Method)> {
    <(v1::Api, v2::Api)>::meta()
        .into_iter()
        .flat_map(|api| api.paths)
        .flat_map(|path| path.operations.into_iter().map(move |operation| (path.path.clone(), operation.method)))
        .collect()
}

/// The documents and the pages that show them.
pub fn pages() -> impl Endpoint<Output = Response> {
    let (first, second) = (describe(v1::Api::default(), V1), describe(v2::Api::default(), V2));
    let (spec, html) = (first.spec(), first.swagger_ui_html());
    let (later_spec, later_html) = (second.spec(), second.swagger_ui_html());
    Route::new()
        .at("/api/v1/openapi.json", get(document(rights::with_rights(&spec))))
        .at("/api/v1/docs", get(page(html.replace(&spec, &rights::with_rights(&spec)))))
        .at("/api/v2/openapi.json", get(document(strict(&later_spec))))
        .at("/api/v2/docs", get(page(later_html.replace(&later_spec, &strict(&later_spec)))))
}

struct Version {
    title: &'static str,
    number: &'static str,
    description: &'static str,
}

const V1: Version = Version {
    title: "Virtual Cards API, version 1",
    number: "1.0.0",
    description: "Registration, identity verification, virtual cards and payments for the mobile app.\n\n\
        Amounts are JSON numbers in major units, read and written exactly. Fields that are not documented are \
        ignored. Every answer has `success`; a refusal is a problem (RFC 9457) with `\"success\": false`.\n\n\
        A write answers with `X-Position`; a read that carries it as `X-Min-Position` sees that write.",
};

const V2: Version = Version {
    title: "Virtual Cards API, version 2",
    number: "2.0.0",
    description: "The modern face over the same flows as version 1.\n\n\
        Amounts are minor units with their currency. Fields that are not documented are refused. A payment needs an \
        `Idempotency-Key`. A refusal is a problem (RFC 9457).\n\n\
        A write answers with `X-Position`; a read that carries it as `X-Min-Position` sees that write.",
};

fn describe<T: OpenApi>(api: T, version: Version) -> OpenApiService<T, ()> {
    let request_id = "Names this request; a UUID that the client sends under this name is kept.";
    OpenApiService::new(api, version.title, version.number)
        .description(version.description)
        .server(ServerObject::new("/"))
        .extra_response_header::<Uuid, _>(ExtraHeader::new("X-Request-Id").description(request_id))
}

fn document(json: String) -> impl Endpoint {
    let json = Bytes::from(json);
    make_sync(move |_| {
        Response::builder()
            .content_type("application/json")
            .header(header::CACHE_CONTROL, "public, max-age=300")
            .body(json.clone())
    })
}

/// Swagger UI in one page. Its scripts are allowed by their hashes, so that nothing else can run; what it shows is
/// the API of the same origin.
fn page(html: String) -> impl Endpoint {
    let policy = format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src data: 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        script_hashes(&html)
    );
    let policy = Arc::new(HeaderValue::from_str(&policy).expect("hashes are ASCII"));
    let html = Bytes::from(html);
    make_sync(move |_| {
        Response::builder()
            .content_type("text/html; charset=utf-8")
            .header(header::CACHE_CONTROL, "public, max-age=300")
            .header(header::CONTENT_SECURITY_POLICY, policy.as_ref().clone())
            .body(html.clone())
    })
}

/// The SHA-256 of each inline script, as a content security policy lists them.
fn script_hashes(html: &str) -> String {
    // One after the other: a script may itself speak of `<script`.
    let mut rest = html;
    let scripts = std::iter::from_fn(|| {
        let (_, tag) = rest.split_once("<script")?;
        let (_, script) = tag.split_once('>')?;
        let (text, after) = script.split_once("</script>")?;
        rest = after;
        Some(text)
    });
    let hashes = scripts.map(|text| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text))));
    hashes.collect::<Vec<_>>().join(" ")
}
