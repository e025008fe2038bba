//! A light HTTP/1.1 client: one kept-alive connection, bytes in, bytes out; and the steps of a person's way from
//! registration to payment.
//!
//! It is made for load: requests can be rendered once and sent often, and nothing of an answer is parsed unless asked
//! for. It does not follow redirects, does not retry, and knows no TLS.

mod steps;

use std::{fmt, io, net::SocketAddr, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

pub use steps::{Cardholder, Person};

/// How long one exchange may take, connecting included.
const PATIENCE: Duration = Duration::from_secs(40);

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A password that satisfies the policy; all people of load runs share it.
pub const PASSWORD: &str = "correct horse battery staple";

/// There is no answer, or not the one that was needed. Whether the request had an effect is unknown.
#[derive(Debug)]
pub enum ClientError {
    /// Nobody listens, or the connection broke.
    Connection(String),
    TimedOut,
    /// The answer came, and is not the one that the next step needs.
    Unexpected {
        step: &'static str,
        answer: String,
    },
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Connection(reason) => write!(f, "connection: {reason}"),
            ClientError::TimedOut => write!(f, "no answer within {} s", PATIENCE.as_secs()),
            ClientError::Unexpected { step, answer } => write!(f, "{step} was answered with {answer}"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        ClientError::Connection(error.to_string())
    }
}

impl From<hyper::Error> for ClientError {
    fn from(error: hyper::Error) -> Self {
        ClientError::Connection(error.to_string())
    }
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body; null where it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the body contains `text`: enough to tell known answers apart, and far cheaper than parsing.
    pub fn contains(&self, text: &str) -> bool {
        self.body.windows(text.len()).any(|window| window == text.as_bytes())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The position from which on reads see this write (`X-Position`).
    pub fn position(&self) -> Option<i64> {
        self.header("x-position")?.parse().ok()
    }

    /// The answer's JSON, where it has the status that the step needs.
    pub fn expect(&self, step: &'static str, status: StatusCode) -> Result<Value, ClientError> {
        match self.status == status {
            true => Ok(self.json()),
            false => Err(ClientError::Unexpected { step, answer: format!("{} {}", self.status, self.text()) }),
        }
    }
}

/// A request that is rendered once and sent often.
#[derive(Clone)]
pub struct Prepared {
    pub path: hyper::Uri,
    pub bearer: HeaderValue,
    pub body: Bytes,
}

/// One connection, made when it is needed and again after a failure. Requests follow one another.
pub struct Client {
    address: SocketAddr,
    host: HeaderValue,
    /// Where the sandbox is, which keeps people's mailboxes.
    mailboxes: Option<SocketAddr>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// Connects with the first request.
    pub fn new(address: SocketAddr) -> Client {
        let host = HeaderValue::try_from(address.to_string()).expect("an address is visible ASCII");
        Client { address, host, mailboxes: None, connection: None }
    }

    /// Can read people's mail, which the sandbox keeps, and so open accounts.
    #[must_use]
    pub fn with_mailbox(self, sandbox: SocketAddr) -> Client {
        Client { mailboxes: Some(sandbox), ..self }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub async fn get(&mut self, path: &str, token: Option<&str>) -> Result<Answer, ClientError> {
        self.request(Method::GET, path, token, None, &[]).await
    }

    pub async fn post(&mut self, path: &str, token: Option<&str>, body: &Value) -> Result<Answer, ClientError> {
        self.request(Method::POST, path, token, Some(body), &[]).await
    }

    /// Any request with a JSON body or none, and further headers.
    pub async fn request(
        &mut self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, ClientError> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, JSON);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = request.body(Full::new(body)).map_err(|e| ClientError::Connection(e.to_string()))?;
        self.send(request).await
    }

    /// Posts a prepared request, with an idempotency key if one is given.
    pub async fn post_prepared(&mut self, request: &Prepared, key: Option<HeaderValue>) -> Result<Answer, ClientError> {
        let mut post = Request::new(Full::new(request.body.clone()));
        *post.method_mut() = Method::POST;
        *post.uri_mut() = request.path.clone();
        let headers = post.headers_mut();
        headers.reserve(4);
        headers.insert(AUTHORIZATION, request.bearer.clone());
        headers.insert(CONTENT_TYPE, JSON);
        if let Some(key) = key {
            headers.insert(HeaderName::from_static("idempotency-key"), key);
        }
        self.send(post).await
    }

    /// Any request; `Host` is added.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, ClientError> {
        let answer = timeout(PATIENCE, self.exchange(request)).await;
        answer.unwrap_or(Err(ClientError::TimedOut))
    }

    async fn exchange(&mut self, mut request: Request<Full<Bytes>>) -> Result<Answer, ClientError> {
        // Out of its place until the answer is complete: a broken or abandoned exchange must not be continued.
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect().await?,
        };
        connection.ready().await?;
        request.headers_mut().insert(HOST, self.host.clone());
        let (head, body) = connection.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        self.connection = Some(connection);
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Its failures come back through the exchange.
        tokio::spawn(connection);
        Ok(sender)
    }
}
