use std::{future::Future, sync::Arc};

use flows::System;
use metrics_exporter_prometheus::PrometheusHandle;
use poem::{Endpoint, Request, Response, http::Method};
use secrecy::SecretString;
use store::keys::SigningKeys;
use tokio::net::TcpListener;

use crate::{
    Config, ConfigError,
    auth::{api_keys::ApiKeys, session::Sessions, token::Tokens},
    config::Http,
    docs,
    last_writes::LastWrites,
    limits::{AccountKey, Limits},
    middleware::{Gate, Routes},
    oauth::{self, OAuth},
    operations::{self, Operations},
    redis_link::RedisLink,
    server, webhooks,
};

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
    pub sessions: Arc<Sessions>,
    pub api_keys: ApiKeys,
    pub limits: Limits,
    pub last_writes: LastWrites,
    pub redis: Arc<RedisLink>,
    pub http: Http,
}

/// Serves the API on `listener` until `shutdown` resolves, then for at most `http.shutdown_seconds` more.
pub async fn serve(
    listener: TcpListener,
    deps: Deps,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let upkeep = operations::upkeep(deps.metrics.clone());
    let endpoint = endpoint(deps, &config)?;
    server::run(listener, endpoint, &config.http, shutdown).await;
    upkeep.abort();
    Ok(())
}

/// Everything that is served, behind the gate.
pub fn endpoint(deps: Deps, config: &Config) -> Result<impl Endpoint<Output = Response> + use<>, ServeError> {
    let (metrics, signing) = (deps.metrics.clone(), deps.signing.clone());
    let service = shared(deps, config)?;
    let pages = docs::PATHS.iter().chain(operations::PATHS).map(|path| (path.to_string(), Method::GET));
    let routes = Routes::new(docs::paths().into_iter().chain(pages).chain(oauth::paths()).chain(webhooks::paths()));
    let operations = Operations::new(metrics, service.system.store.clone());
    let operations = operations.with_redis(service.redis.clone()).with_keys(&signing);
    let oauth = OAuth::new(service.tokens.issuer());
    let front = Front { api: docs::api(), docs: docs::pages(), operations, oauth };
    Ok(Gate::new(front, routes, service, config)?)
}

/// What handlers share, from what the process has made. Connects as it goes; needs a Tokio runtime.
pub fn shared(deps: Deps, config: &Config) -> Result<Arc<Service>, ServeError> {
    config.check()?;
    let redis = Arc::new(RedisLink::new(&deps.redis_url, &deps.namespace, config.http.redis_timeout())?);
    let account_key = AccountKey::derive(&deps.signing.current().private_pem);
    let sessions = Arc::new(Sessions::new(redis.clone(), deps.system.store.clone()));
    let system = deps.system.with_session_cache(sessions.clone());
    Ok(Arc::new(Service {
        tokens: Tokens::new(&deps.signing, &config.tokens)?,
        sessions,
        api_keys: ApiKeys::new(system.clone()),
        limits: Limits::new(redis.clone(), config.rate_limits.clone(), account_key),
        last_writes: LastWrites::new(redis.clone()),
        redis,
        http: config.http.clone(),
        system,
    }))
}

/// The API, and beside it what describes and operates it.
struct Front<A, D> {
    api: A,
    docs: D,
    operations: Operations,
    oauth: OAuth,
}

impl<A: Endpoint<Output = Response>, D: Endpoint<Output = Response>> Endpoint for Front<A, D> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let path = request.uri().path();
        if docs::PATHS.contains(&path) {
            self.docs.call(request).await
        } else if operations::PATHS.contains(&path) {
            self.operations.call(request).await
        } else if oauth::serves(path) {
            self.oauth.call(request).await
        } else if webhooks::serves(path) {
            webhooks::receive(request).await
        } else {
            self.api.call(request).await
        }
    }
}
