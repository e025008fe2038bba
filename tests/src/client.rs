//! A light HTTP/1.1 client: one kept-alive connection, bytes in, bytes out; and the steps of a person's way from
//! registration to payment.
//!
//! It is made for load: requests can be rendered once and sent often, and nothing of an answer is parsed unless asked
//! for. It does not follow redirects, does not retry, and knows no TLS.

use std::{fmt, io, net::SocketAddr, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

use crate::authenticator::App;

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
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// Connects with the first request.
    pub fn new(address: SocketAddr) -> Client {
        let host = HeaderValue::try_from(address.to_string()).expect("an address is visible ASCII");
        Client { address, host, connection: None }
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

/// A person with an account, logged in.
#[derive(Clone, Debug)]
pub struct Person {
    pub user_id: String,
    pub email: String,
    pub token: String,
    pub app: App,
}

/// Somebody who may pay.
#[derive(Clone, Debug)]
pub struct Cardholder {
    pub person: Person,
    pub card_id: String,
}

impl Client {
    /// Opens an account with [`PASSWORD`]; the person's id.
    pub async fn register(&mut self, email: &str) -> Result<String, ClientError> {
        let body = json!({ "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" });
        let answer = self.post("/api/v1/auth/register", None, &body).await?;
        let answer = answer.expect("registration", StatusCode::CREATED)?;
        Ok(text(&answer["user"]["id"]))
    }

    pub async fn log_in(&mut self, email: &str) -> Result<Person, ClientError> {
        let body = json!({ "email": email, "password": PASSWORD });
        let answer = self.post("/api/v1/auth/login", None, &body).await?.expect("login", StatusCode::OK)?;
        Ok(Person {
            user_id: text(&answer["user"]["id"]),
            email: email.into(),
            token: text(&answer["token"]),
            app: App::default(),
        })
    }

    /// Submits documents that the sandbox approves at once.
    pub async fn pass_kyc(&mut self, person: &Person) -> Result<(), ClientError> {
        let body = json!({
            "document_type": "passport", "document_number": "APPROVE1", "date_of_birth": "1990-12-10", "country": "GB",
        });
        let answer = self.post("/api/v1/kyc/submit", Some(&person.token), &body).await?;
        match text(&answer.expect("KYC", StatusCode::OK)?["kyc_status"]) == "approved" {
            true => Ok(()),
            false => Err(ClientError::Unexpected { step: "KYC", answer: answer.text() }),
        }
    }

    /// Requests a card in USD that may spend `monthly_limit` (major units) a month, by a step-up; its id.
    pub async fn request_card(&mut self, person: &Person, monthly_limit: u64) -> Result<String, ClientError> {
        let body = json!({ "card_type": "virtual_visa", "currency": "USD", "monthly_limit": monthly_limit });
        let answer = self.ask_for_card(person, &body).await?;
        Ok(text(&answer.expect("card request", StatusCode::OK)?["card"]["card_id"]))
    }

    /// The whole way from nobody to somebody who may pay.
    pub async fn onboard(&mut self, email: &str, monthly_limit: u64) -> Result<Cardholder, ClientError> {
        self.register(email).await?;
        let person = self.log_in(email).await?;
        self.pass_kyc(&person).await?;
        let card_id = self.request_card(&person, monthly_limit).await?;
        Ok(Cardholder { person, card_id })
    }
}

impl Cardholder {
    /// A payment in USD, `amount` as it is to stand in the JSON, such as `9.99`.
    pub fn payment(&self, amount: &str, merchant: &str) -> Prepared {
        let body = format!(
            r#"{{"card_id":"{}","amount":{amount},"currency":"USD","merchant":"{merchant}","merchant_category":"electronics"}}"#,
            self.card_id
        );
        Prepared {
            path: hyper::Uri::from_static("/api/v1/payments/process"),
            bearer: self.person.bearer(),
            body: body.into(),
        }
    }
}

impl Person {
    pub fn bearer(&self) -> HeaderValue {
        HeaderValue::try_from(format!("Bearer {}", self.token)).expect("tokens are visible ASCII")
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
