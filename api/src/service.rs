use std::{future::Future, sync::Arc, time::Duration};

use flows::System;
use metrics_exporter_prometheus::PrometheusHandle;
use poem::{Endpoint, Request, Response, http::Method};
use secrecy::SecretString;
use store::keys::SigningKeys;
use tokio::net::TcpListener;

use crate::{
    Config, ConfigError,
    auth::{session::Sessions, token::Tokens},
    config::Http,
    docs,
    last_writes::LastWrites,
    limits::{AccountKey, Limits},
    middleware::{Gate, Routes},
    operations::{self, Operations},
    redis_link::RedisLink,
    server,
};

/// How often finished measurements are folded, so that their memory stays bounded when nobody scrapes.
pub const UPKEEP: Duration = Duration::from_secs(5);

/// What the API stands on, made by the process that runs it.
pub struct Deps {
    pub system: System,
    pub signing: Arc<SigningKeys>,
    pub redis_url: SecretString,
    /// Prefix of all keys in Redis, so that several systems can share one.
    pub namespace: String,
    pub metrics: PrometheusHandle,
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("Redis: {0}")]
    Redis(#[from] redis::RedisError),
    #[error("signing keys: {0}")]
    Keys(#[from] jsonwebtoken::errors::Error),
}

/// What handlers share.
pub struct Service {
    pub system: System,
    pub tokens: Tokens,
    pub sessions: Sessions,
    pub limits: Limits,
    pub last_writes: LastWrites,
    pub operations: Operations,
    pub http: Http,
}

impl Service {
    pub fn new(deps: Deps, config: &Config) -> Result<Arc<Service>, ServeError> {
        config.check()?;
        let redis = RedisLink::new(&deps.redis_url, &deps.namespace, config.http.redis_timeout())?;
        let redis = Arc::new(redis);
        let account_key = AccountKey::derive(&deps.signing.current().private_pem);
        Ok(Arc::new(Service {
            tokens: Tokens::new(&deps.signing, &config.tokens)?,
            sessions: Sessions::new(redis.clone(), deps.system.store.clone()),
            limits: Limits::new(redis.clone(), config.rate_limits.clone(), account_key),
            last_writes: LastWrites::new(),
            operations: Operations::new(&deps.signing, deps.metrics, deps.system.store.clone(), redis),
            http: config.http.clone(),
            system: deps.system,
        }))
    }
}

/// Serves the API on `listener` until `shutdown` resolves, then for at most `http.shutdown_seconds` more.
pub async fn serve(
    listener: TcpListener,
    deps: Deps,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let metrics = deps.metrics.clone();
    let service = Service::new(deps, &config)?;
    let upkeep = tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            metrics.run_upkeep();
        }
    });
    server::run(listener, endpoint(service), &config.http, shutdown).await;
    upkeep.abort();
    Ok(())
}

/// Everything that is served, behind the gate.
pub fn endpoint(service: Arc<Service>) -> impl Endpoint<Output = Response> {
    let pages = docs::PATHS.iter().chain(operations::PATHS).map(|path| (path.to_string(), Method::GET));
    let routes = Routes::new(docs::paths().into_iter().chain(pages));
    Gate::new(Front { api: docs::api(), pages: docs::routes(operations::routes()) }, routes, service)
}

/// The API, and beside it what describes and operates it.
struct Front<A, P> {
    api: A,
    pages: P,
}

impl<A: Endpoint<Output = Response>, P: Endpoint<Output = Response>> Endpoint for Front<A, P> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let path = request.uri().path();
        match docs::PATHS.contains(&path) || operations::PATHS.contains(&path) {
            true => self.pages.call(request).await,
            false => self.api.call(request).await,
        }
    }
}
