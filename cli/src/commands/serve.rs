use std::future::Future;

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{Config, Failure, compose, telemetry};

pub(crate) async fn api(config: &Config) -> Result<(), Failure> {
    let keys = config.load_keys()?;
    // Before anybody is told that we listen.
    config.api.check().map_err(api::ServeError::from)?;
    let metrics = telemetry::install_metrics()?;
    let (signing, system) = (keys.signing(), compose::api_system(config, keys)?);
    check_keks(&system.store).await?;
    let deps = api::Deps {
        signing,
        system,
        redis_url: config.redis_url().clone(),
        namespace: config.namespace.clone(),
        metrics,
    };
    let listener = listen(&config.api.listen).await?;
    Ok(api::serve(listener, deps, config.api.clone(), stopped()?).await?)
}

pub(crate) async fn worker(config: &Config) -> Result<(), Failure> {
    let system = compose::system(config, config.load_keys()?)?;
    let metrics = telemetry::install_metrics()?;
    check_keks(&system.store).await?;
    let settings = workers::Settings {
        redis_url: config.redis_url().clone(),
        namespace: config.namespace.clone(),
        bus: config.bus(),
        views: config.views.clone(),
    };
    let listener = listen(&config.worker.listen).await?;
    let shutdown = CancellationToken::new();
    let stop = stopped()?;
    tokio::spawn({
        let shutdown = shutdown.clone();
        async move {
            stop.await;
            shutdown.cancel();
        }
    });
    let stopping = shutdown.clone().cancelled_owned();
    tokio::spawn(api::serve_operations(listener, system.store.clone(), metrics, stopping));
    Ok(workers::run(system, settings, shutdown).await?)
}

pub(crate) async fn sandbox(config: &Config) -> Result<(), Failure> {
    let listener = listen(&config.sandbox.listen).await?;
    let settings = providers::sandbox::SandboxConfig {
        kyc_key: config.providers.kyc.api_key.clone(),
        issuer_key: config.providers.issuer.api_key.clone(),
        gateway_key: config.providers.gateway.api_key.clone(),
        kyc_webhook_secret: config.providers.kyc.webhook_secret.clone(),
        webhooks_url: config.sandbox.webhooks_url.clone(),
        mail_key: config.providers.mail.api_key.clone(),
        cards_expire_in_months: config.sandbox.cards_expire_in_months,
        ..Default::default()
    };
    Ok(providers::sandbox::serve(listener, settings, stopped()?).await?)
}

/// Refuses to start with another key-encryption key than the others have under its number. A database that is away is
/// no reason: it is asked again before anything is wrapped.
async fn check_keks(store: &store::Store) -> Result<(), Failure> {
    match store.check_keks().await {
        Err(store::Error::Database(error)) => {
            tracing::warn!(%error, "the key-encryption keys could not be compared yet");
            Ok(())
        }
        outcome => Ok(outcome?),
    }
}

/// Listens, and says where on standard output: whoever started us with port 0 wants to know.
async fn listen(address: &str) -> Result<TcpListener, Failure> {
    let listener =
        TcpListener::bind(address).await.map_err(|e| Failure::Config(format!("cannot listen on {address}: {e}")))?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(listener)
}

/// Resolves at SIGTERM or SIGINT.
fn stopped() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
