use std::{future::Future, pin::Pin, time::Duration};

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use reqwest::Client;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::config::{Settings, may_be_called};
use crate::SetupError;

/// Calls to one provider at the same time. One more waits, within its time-out.
const IN_FLIGHT: usize = 32;
/// The most that is read of an answer; keys and metadata have some thousand bytes.
const LONGEST_ANSWER: usize = 256 * 1024;

/// The way to one provider.
pub(super) struct Transport {
    client: Client,
    timeout: Duration,
    allow_insecure_loopback: bool,
    places: Semaphore,
}

/// A call came to nothing. Says no more: answers and addresses may hold secrets.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Unfetched {
    #[error("the address must be https")]
    Insecure,
    #[error("no answer")]
    NoAnswer,
    #[error("the answer is too long")]
    TooLong,
}

impl<'c> AsyncHttpClient<'c> for Transport {
    type Error = Unfetched;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unfetched>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl Transport {
    pub fn new(settings: &Settings, connect_timeout_ms: u64) -> Result<Transport, SetupError> {
        let is_https = settings.issuer.url().scheme() == "https";
        Ok(Transport {
            client: crate::http::builder(is_https, connect_timeout_ms).build().map_err(|_| SetupError::Client)?,
            timeout: Duration::from_millis(settings.timeout_ms),
            allow_insecure_loopback: settings.allow_insecure_loopback,
            places: Semaphore::new(IN_FLIGHT),
        })
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Unfetched> {
        // Addresses come from the provider's metadata, too.
        if !may_be_called(&request.uri().to_string(), self.allow_insecure_loopback) {
            return Err(Unfetched::Insecure);
        }
        let until = Instant::now() + self.timeout;
        timeout_at(until, self.exchange(request)).await.unwrap_or(Err(Unfetched::NoAnswer))
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, Unfetched> {
        let _place = self.places.acquire().await.map_err(|_| Unfetched::NoAnswer)?;
        let request = request.try_into().map_err(|_| Unfetched::Insecure)?;
        let mut response = self.client.execute(request).await.map_err(|error| {
            tracing::debug!(error = ?error.without_url(), "an OpenID provider did not answer");
            Unfetched::NoAnswer
        })?;
        let mut answer = http::Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            headers.extend(response.headers().clone());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| Unfetched::NoAnswer)? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(Unfetched::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        answer.body(body).map_err(|_| Unfetched::NoAnswer)
    }
}
