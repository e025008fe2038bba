//! Health, readiness and metrics of a process that serves no API.

use std::{future::Future, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;
use poem::{Endpoint, EndpointExt, Response, Route, get, handler, http::StatusCode, web::Data};
use store::Store;
use tokio::{net::TcpListener, time::timeout};

use crate::{Http, server};

const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves `/healthz`, `/readyz` and `/metrics` of a worker until `shutdown` resolves. Ready means that PostgreSQL
/// answers: Redis and the bus may be away, the loops wait for them.
pub async fn serve_operations(
    listener: TcpListener,
    store: Store,
    metrics: PrometheusHandle,
    shutdown: impl Future<Output = ()> + Send,
) {
    let upkeep = tokio::spawn({
        let metrics = metrics.clone();
        async move {
            loop {
                tokio::time::sleep(crate::service::UPKEEP).await;
                metrics.run_upkeep();
            }
        }
    });
    server::run(listener, routes(store, metrics), &Http::default(), shutdown).await;
    upkeep.abort();
}

fn routes(store: Store, metrics: PrometheusHandle) -> impl Endpoint<Output = Response> {
    let routes = Route::new()
        .at("/healthz", get(show_health))
        .at("/readyz", get(show_readiness))
        .at("/metrics", get(show_metrics));
    routes.data(store).data(metrics).map_to_response()
}

#[handler]
fn show_health() -> &'static str {
    "ok\n"
}

#[handler]
async fn show_readiness(store: Data<&Store>) -> (StatusCode, &'static str) {
    match timeout(CHECK_TIMEOUT, store.ready()).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n"),
        Ok(Err(_)) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "PostgreSQL is unreachable\n"),
    }
}

#[handler]
fn show_metrics(metrics: Data<&PrometheusHandle>) -> String {
    metrics.render()
}
