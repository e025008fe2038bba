//! A router in front of instances that serve some modules each, as a proxy in production would be: it looks at the
//! beginning of the path and nothing else.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1 as client,
    server::conn::http1 as server,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::processes::Failure;

/// Where requests go whose path begins so; the first that fits.
pub type Table = Vec<(&'static str, SocketAddr)>;

/// Listens until it is dropped.
pub struct Router {
    address: SocketAddr,
    listening: JoinHandle<()>,
}

impl Router {
    pub async fn start(table: Table) -> Result<Router, Failure> {
        let (listener, table) = (TcpListener::bind("127.0.0.1:0").await?, Arc::new(table));
        let address = listener.local_addr()?;
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let table = table.clone();
                let service = service_fn(move |request| pass_on(table.clone(), request));
                tokio::spawn(server::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(Router { address, listening })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn pass_on(table: Arc<Table>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let place = table.iter().find(|(start, _)| request.uri().path().starts_with(start));
    let answered = match place {
        Some((_, address)) => exchange(*address, request).await,
        None => Err(Failure("no instance is for this path".into())),
    };
    Ok(answered.unwrap_or_else(|failure| {
        let mut response = Response::new(Full::from(failure.to_string()));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    }))
}

async fn exchange(address: SocketAddr, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    Ok(Response::from_parts(head, Full::new(body.collect().await?.to_bytes())))
}
