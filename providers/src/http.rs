//! The one HTTP client, and a vendor's line through it.

use std::time::Duration;

use reqwest::{
    Body, Client, ClientBuilder, Method, Request, Response, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

use crate::{Config, Failure, SetupError, VendorConfig, config::BaseUrl, failure::stable_code, wiped::WipedBuffer};

/// The most that is read of an answer. Ours have some hundred bytes; more is `Malformed`.
const LONGEST_ANSWER: usize = 64 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// The client that all vendors share. It repeats nothing by itself, follows no redirect (the key and the card would
/// go along) and ignores the environment's proxies (a change of environment must not redirect card data).
pub(crate) fn client(base: &BaseUrl, config: &Config) -> Result<Client, SetupError> {
    let most_connections =
        [&config.kyc, &config.issuer, &config.gateway, &config.mail].map(|vendor| vendor.max_in_flight);
    builder(base.is_https(), config.connect_timeout_ms)
        .pool_idle_timeout(Duration::from_millis(config.idle_connection_ms))
        .pool_max_idle_per_host(most_connections.iter().fold(0, |sum, most| sum.saturating_add(*most)))
        .build()
        .map_err(|_| SetupError::Client)
}

/// What all clients have in common.
pub(crate) fn builder(is_https: bool, connect_timeout_ms: u64) -> ClientBuilder {
    // An error means that the process has chosen its provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .connect_timeout(Duration::from_millis(connect_timeout_ms))
        .tcp_nodelay(true)
        .retry(reqwest::retry::never())
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy();
    // Without TLS no roots are needed, and a bare machine may have none, which would be an error.
    if is_https { builder } else { builder.tls_certs_only([]) }
}

/// The way to one vendor: its key, its time-out, its bound on calls in flight.
pub(crate) struct Line {
    client: Client,
    headers: HeaderMap,
    timeout: Duration,
    places: Semaphore,
}

impl Line {
    pub fn new(client: &Client, config: &VendorConfig) -> Result<Line, SetupError> {
        Line::with_scheme(client, config, "Bearer ")
    }

    /// With a vendor's own words before the key in `Authorization`.
    pub fn with_scheme(client: &Client, config: &VendorConfig, scheme: &str) -> Result<Line, SetupError> {
        if config.timeout_ms == 0 || !(1..=Semaphore::MAX_PERMITS).contains(&config.max_in_flight) {
            return Err(SetupError::Bounds);
        }
        let key = format!("{scheme}{}", config.api_key.expose_secret());
        let mut authorization = HeaderValue::try_from(key).map_err(|_| SetupError::ApiKey)?;
        authorization.set_sensitive(true);
        Ok(Line {
            client: client.clone(),
            headers: HeaderMap::from_iter([(AUTHORIZATION, authorization)]),
            timeout: config.timeout(),
            places: Semaphore::new(config.max_in_flight),
        })
    }

    /// The same, with a header that the vendor wants in every request.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Line {
        self.headers.insert(name, value);
        self
    }

    pub async fn get(&self, url: Url) -> Result<Answer, Failure> {
        self.send(Request::new(Method::GET, url)).await
    }

    pub async fn delete(&self, url: Url) -> Result<Answer, Failure> {
        self.send(Request::new(Method::DELETE, url)).await
    }

    /// Posts JSON; `extra` is for a vendor's own idempotency header.
    pub async fn post(
        &self,
        url: Url,
        body: WipedBuffer,
        extra: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Answer, Failure> {
        self.post_as(url, JSON, body, extra).await
    }

    /// Posts a form, for a vendor that reads no JSON.
    pub async fn post_form(
        &self,
        url: Url,
        body: WipedBuffer,
        extra: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Answer, Failure> {
        self.post_as(url, FORM, body, extra).await
    }

    /// Posts a body of another type.
    pub async fn post_as(
        &self,
        url: Url,
        content_type: HeaderValue,
        body: WipedBuffer,
        extra: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Answer, Failure> {
        let mut request = Request::new(Method::POST, url);
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        request.headers_mut().extend(extra);
        *request.body_mut() = Some(Body::from(body.into_bytes()));
        self.send(request).await
    }

    async fn send(&self, mut request: Request) -> Result<Answer, Failure> {
        request.headers_mut().extend(self.headers.clone());
        let started = Instant::now();
        let until = started + self.timeout;
        // Whoever waits longer would send with too little time left to hear the answer.
        let _place = self.place(started + self.timeout / 2).await?;
        timeout_at(until, self.exchange(request)).await.unwrap_or(Err(Failure::Unknown))
    }

    async fn place(&self, until: Instant) -> Result<SemaphorePermit<'_>, Failure> {
        match self.places.try_acquire() {
            Ok(place) => Ok(place),
            Err(_) => match timeout_at(until, self.places.acquire()).await {
                Ok(Ok(place)) => Ok(place),
                Ok(Err(_)) | Err(_) => Err(Failure::Unreachable),
            },
        }
    }

    async fn exchange(&self, request: Request) -> Result<Answer, Failure> {
        let response = self.client.execute(request).await.map_err(unanswered)?;
        let status = response.status().as_u16();
        let body = read(response).await?;
        Ok(Answer { status, body })
    }
}

/// Only a failure to connect proves that nothing was sent. The error's text is safe once the URL is off: it speaks of
/// sockets and protocol, never of the request's content.
fn unanswered(error: reqwest::Error) -> Failure {
    let unreachable = error.is_connect();
    tracing::debug!(error = ?error.without_url(), unreachable, "a third party did not answer");
    if unreachable { Failure::Unreachable } else { Failure::Unknown }
}

async fn read(mut response: Response) -> Result<WipedBuffer, Failure> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(1024);
    if announced > LONGEST_ANSWER {
        return Err(oversized(&response));
    }
    let mut body = WipedBuffer::with_capacity(announced);
    while let Some(chunk) = response.chunk().await.map_err(|_| Failure::Unknown)? {
        if body.as_slice().len() + chunk.len() > LONGEST_ANSWER {
            return Err(oversized(&response));
        }
        body.extend(&chunk);
    }
    Ok(body)
}

fn oversized(response: &Response) -> Failure {
    if response.status().is_server_error() { Failure::Unknown } else { Failure::Malformed }
}

/// Finds a vendor's name for an error in the body; empty where there is none.
pub(crate) type Code = fn(&[u8]) -> &str;

/// What a vendor said, not yet judged.
pub(crate) struct Answer {
    status: u16,
    body: WipedBuffer,
}

#[derive(Deserialize)]
struct Problem<'a> {
    code: &'a str,
}

impl Answer {
    /// The JSON of a success; else the failure that the status means.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        self.json_or(code)
    }

    /// As `json`, for a vendor that names its errors in a way of its own: `code` finds the name in the body, empty
    /// where there is none.
    pub fn json_or<'a, T: Deserialize<'a>>(&'a self, code: Code) -> Result<T, Failure> {
        match self.status {
            200..=299 => serde_json::from_slice(self.body.as_slice()).map_err(|_| Failure::Malformed),
            408 | 409 | 425 | 429 | 500..=599 => Err(Failure::Unknown),
            400..=499 => Err(Failure::Refused { status: self.status, code: stable_code(code(self.body.as_slice())) }),
            _ => Err(Failure::Malformed),
        }
    }

    /// Whether the vendor turned the request away for being one too many: nothing came of it.
    pub fn is_throttled(&self) -> bool {
        self.status == 429
    }

    /// The answer to a deletion: what is gone already is gone.
    pub fn deleted(&self, code: Code, absent: &str) -> Result<(), Failure> {
        match self.status {
            200..=299 => Ok(()),
            _ if self.is_gone(code, absent) => Ok(()),
            _ => self.json_or::<serde::de::IgnoredAny>(code).map(drop),
        }
    }

    /// Whether the vendor says that there is no such thing, or no longer: by 410, or by 404 in its own words, `absent`.
    /// A bare 404 could as well come from a wrong address or key.
    pub fn is_gone(&self, code: Code, absent: &str) -> bool {
        self.status == 410 || (self.status == 404 && code(self.body.as_slice()) == absent)
    }

    /// As `json`, but none where the vendor says in its own words, `absent`, that there is no such thing. A bare 404
    /// could as well come from a wrong address, and would be taken for "nothing happened".
    pub fn json_if_present<'a, T: Deserialize<'a>>(&'a self, absent: &str) -> Result<Option<T>, Failure> {
        match self.status == 404 && code(self.body.as_slice()) == absent {
            true => Ok(None),
            false => self.json().map(Some),
        }
    }
}

/// The name of a vendor's plain error.
pub(crate) fn code(body: &[u8]) -> &str {
    serde_json::from_slice::<Problem<'_>>(body).map_or("", |problem| problem.code)
}
