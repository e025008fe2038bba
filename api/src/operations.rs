//! For operators and for other services: health, readiness, metrics, and the keys that verify tokens. Not part of
//! any version; a proxy in front keeps `/metrics` and `/readyz` from the public.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use poem::{
    Endpoint, Request, Response, Result,
    error::{MethodNotAllowedError, NotFoundError},
    http::{Method, StatusCode, header},
};
use serde::Serialize;
use store::{Store, keys::SigningKeys};
use tokio::{net::TcpListener, sync::Mutex, time::timeout};

use crate::{config::Http, redis_link::RedisLink, server};

pub const PATHS: &[&str] = &["/healthz", "/readyz", "/metrics", "/.well-known/jwks.json"];

/// A check is not repeated within this time, so that nobody can load the database by asking.
const FRESH: Duration = Duration::from_millis(500);
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// How often measurements are folded, so that their memory stays bounded when nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// The pages of one process. What a process does not have, such as keys, it does not show.
pub struct Operations {
    metrics: PrometheusHandle,
    store: Store,
    redis: Option<Arc<RedisLink>>,
    /// The public keys (RFC 7517), as JSON.
    jwks: Option<Bytes>,
    last: Mutex<Option<(Instant, Readiness)>>,
}

/// Whether requests can be served. Without Redis they are, slower, and each instance counts rate limits for itself.
#[derive(Clone, Copy, Serialize)]
struct Readiness {
    status: &'static str,
    postgresql: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<&'static str>,
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

/// Serves `/healthz`, `/readyz` and `/metrics` for a process that serves nothing else over HTTP, until `shutdown`
/// resolves.
pub async fn serve_operations(
    listener: TcpListener,
    store: Store,
    metrics: PrometheusHandle,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let upkeep = upkeep(metrics.clone());
    server::run(listener, Operations::new(metrics, store), &Http::default(), shutdown).await;
    upkeep.abort();
}

/// Folds measurements until it is aborted.
pub fn upkeep(metrics: PrometheusHandle) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            metrics.run_upkeep();
        }
    })
}

impl Operations {
    pub fn new(metrics: PrometheusHandle, store: Store) -> Operations {
        Operations { metrics, store, redis: None, jwks: None, last: Mutex::new(None) }
    }

    pub fn with_redis(self, redis: Arc<RedisLink>) -> Operations {
        Operations { redis: Some(redis), ..self }
    }

    pub fn with_keys(self, keys: &SigningKeys) -> Operations {
        let keys = keys.all().iter();
        let keys = keys.map(|key| Jwk { kty: "RSA", usage: "sig", alg: "RS256", kid: &key.kid, n: &key.n, e: &key.e });
        Operations { jwks: Some(json(&Jwks { keys: keys.collect() })), ..self }
    }

    async fn readiness(&self) -> Readiness {
        let mut last = self.last.lock().await;
        if let Some((at, readiness)) = *last
            && at.elapsed() < FRESH
        {
            return readiness;
        }
        let store = async { timeout(CHECK_TIMEOUT, self.store.ready()).await.is_ok_and(|ready| ready.is_ok()) };
        let redis = async {
            match &self.redis {
                Some(redis) => Some(if redis.ping().await.is_ok() { "ok" } else { "degraded" }),
                None => None,
            }
        };
        let (store, redis) = tokio::join!(store, redis);
        let (status, postgresql) = if store { ("ready", "ok") } else { ("unavailable", "unreachable") };
        let readiness = Readiness { status, postgresql, redis };
        *last = Some((Instant::now(), readiness));
        readiness
    }

    async fn page(&self, path: &str) -> Option<Response> {
        let page = Response::builder().content_type("application/json");
        Some(match path {
            // The process answers. Says nothing about what it depends on.
            "/healthz" => page.body(r#"{"status":"ok"}"#),
            "/readyz" => {
                let readiness = self.readiness().await;
                let status = match readiness.status {
                    "ready" => StatusCode::OK,
                    _ => StatusCode::SERVICE_UNAVAILABLE,
                };
                page.status(status).body(json(&readiness))
            }
            "/metrics" => page.content_type("text/plain; version=0.0.4; charset=utf-8").body(self.metrics.render()),
            // Short, so that a key that is being retired is forgotten soon.
            "/.well-known/jwks.json" => {
                page.header(header::CACHE_CONTROL, "public, max-age=300").body(self.jwks.clone()?)
            }
            _ => return None,
        })
    }
}

impl Endpoint for Operations {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        match *request.method() {
            Method::GET | Method::HEAD => self.page(request.uri().path()).await.ok_or(NotFoundError.into()),
            _ if PATHS.contains(&request.uri().path()) => Err(MethodNotAllowedError.into()),
            _ => Err(NotFoundError.into()),
        }
    }
}

fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("structs of strings serialise").into()
}
