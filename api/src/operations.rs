//! For operators and for other services: health, readiness, metrics, and the keys that verify tokens. Not part of
//! any version; a proxy in front keeps `/metrics` and `/readyz` from the public.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use poem::{
    Request, Response, Route, get, handler,
    http::{StatusCode, header},
};
use serde::Serialize;
use store::{Store, keys::SigningKeys};
use tokio::{sync::Mutex, time::timeout};

use crate::{context::Context, redis_link::RedisLink};

pub const PATHS: &[&str] = &["/healthz", "/readyz", "/metrics", "/.well-known/jwks.json"];

/// A check is not repeated within this time, so that nobody can load the database by asking.
const FRESH: Duration = Duration::from_millis(500);
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

pub struct Operations {
    /// The public keys (RFC 7517), as JSON.
    jwks: Bytes,
    metrics: PrometheusHandle,
    store: Store,
    redis: Arc<RedisLink>,
    last: Mutex<Option<(Instant, Readiness)>>,
}

/// Whether requests can be served. Without Redis they are, slower and with open rate limits.
#[derive(Clone, Copy, Serialize)]
struct Readiness {
    status: &'static str,
    postgresql: &'static str,
    redis: &'static str,
}

#[derive(Serialize)]
struct Jwks<'a> {
    keys: Vec<Jwk<'a>>,
}

#[derive(Serialize)]
struct Jwk<'a> {
    kty: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: &'a str,
    n: &'a str,
    e: &'a str,
}

impl Operations {
    pub fn new(keys: &SigningKeys, metrics: PrometheusHandle, store: Store, redis: Arc<RedisLink>) -> Operations {
        let keys = keys.all().iter();
        let keys = keys.map(|key| Jwk { kty: "RSA", usage: "sig", alg: "RS256", kid: &key.kid, n: &key.n, e: &key.e });
        let jwks = serde_json::to_vec(&Jwks { keys: keys.collect() }).expect("strings serialise").into();
        Operations { jwks, metrics, store, redis, last: Mutex::new(None) }
    }

    async fn readiness(&self) -> Readiness {
        let mut last = self.last.lock().await;
        if let Some((at, readiness)) = *last
            && at.elapsed() < FRESH
        {
            return readiness;
        }
        let store = async { timeout(CHECK_TIMEOUT, self.store.ready()).await.is_ok_and(|ready| ready.is_ok()) };
        let (store, redis) = tokio::join!(store, self.redis.ping());
        let readiness = Readiness {
            status: if store { "ready" } else { "unavailable" },
            postgresql: if store { "ok" } else { "unreachable" },
            redis: if redis.is_ok() { "ok" } else { "degraded" },
        };
        *last = Some((Instant::now(), readiness));
        readiness
    }
}

pub fn routes() -> Route {
    Route::new()
        .at("/healthz", get(show_health))
        .at("/readyz", get(show_readiness))
        .at("/metrics", get(show_metrics))
        .at("/.well-known/jwks.json", get(show_keys))
}

/// The process answers. Says nothing about what it depends on.
#[handler]
fn show_health() -> Response {
    json(StatusCode::OK, Bytes::from_static(br#"{"status":"ok"}"#))
}

#[handler]
async fn show_readiness(request: &Request) -> Response {
    let readiness = Context::of(request).service.operations.readiness().await;
    let status = match readiness.status {
        "ready" => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    json(status, serde_json::to_vec(&readiness).expect("strings serialise").into())
}

#[handler]
fn show_metrics(request: &Request) -> Response {
    let text = Context::of(request).service.operations.metrics.render();
    Response::builder().content_type("text/plain; version=0.0.4; charset=utf-8").body(text)
}

#[handler]
fn show_keys(request: &Request) -> Response {
    let jwks = Context::of(request).service.operations.jwks.clone();
    // Short, so that a key that is being retired is forgotten soon.
    Response::builder().content_type("application/json").header(header::CACHE_CONTROL, "public, max-age=300").body(jwks)
}

fn json(status: StatusCode, body: Bytes) -> Response {
    Response::builder().status(status).content_type("application/json").body(body)
}
