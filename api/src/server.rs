//! The HTTP server: hyper under poem's endpoints. poem's own server sets no time-outs and no bound on connections.
//!
//! HTTP/1.1 only: the proxy that ends TLS speaks HTTP/2 to clients.

use std::{convert::Infallible, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::{
    Addr, Endpoint, Request, Response,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::config::Http;

/// A request's head may be this long, bytes.
const HEAD: usize = 32 * 1024;
/// When the machine has no more descriptors, accepting again at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` resolves; then lets requests under way finish, as long as the settings allow.
pub async fn run<E>(listener: TcpListener, endpoint: E, http: &Http, shutdown: impl Future<Output = ()>)
where
    E: Endpoint<Output = Response> + 'static,
{
    let endpoint = Arc::new(endpoint);
    let local = listener.local_addr().ok();
    let places = Arc::new(Semaphore::new(http.max_connections));
    let (connections, closing) = (TaskTracker::new(), CancellationToken::new());
    let lifetime = Duration::from_secs(http.connection_lifetime_seconds);
    let grace = Duration::from_secs(http.shutdown_seconds);
    let builder = builder(http);
    tokio::pin!(shutdown);
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accepted => accepted,
        };
        let (Ok(place), Ok((stream, peer))) = (place, accepted) else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let connection = serve(builder.clone(), stream, peer, local, endpoint.clone(), lifetime, closing.clone());
        connections.spawn(async move {
            connection.await;
            drop(place);
        });
    }
    drop(listener);
    closing.cancel();
    connections.close();
    if timeout(grace, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests were still under way when the time to stop was up");
    }
}

fn builder(http: &Http) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(http.idle_timeout_seconds))
        .keep_alive(true)
        .max_buf_size(HEAD);
    builder
}

async fn serve<E>(
    builder: http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    local: Option<SocketAddr>,
    endpoint: Arc<E>,
    lifetime: Duration,
    closing: CancellationToken,
) where
    E: Endpoint<Output = Response> + 'static,
{
    // Answers are small and whole; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let local = LocalAddr(local.map_or_else(Addr::default, Addr::from));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let endpoint = endpoint.clone();
        let request = Request::from((request, local.clone(), RemoteAddr(Addr::from(peer)), Scheme::HTTP));
        async move {
            let response: hyper::Response<BoxBody<Bytes, std::io::Error>> = endpoint.get_response(request).await.into();
            Ok::<_, Infallible>(response)
        }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // Errors here are the client's: it went away, was too slow, or does not speak HTTP.
    tokio::select! {
        _ = &mut connection => return,
        () = closing.cancelled() => {}
        () = sleep(lifetime) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
