use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::Utc;
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::issuing::stripe::StripeWebhooks;

const PATH: &str = "/webhooks/issuer-sandbox";

/// How long the network waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often an event is sent until somebody takes it, and with which pauses.
const ATTEMPTS: usize = 120;
const PAUSE: Duration = Duration::from_millis(250);

/// Events that are kept for later, at most; the oldest make room.
const WITHHELD: usize = 10_000;

/// Sends signed webhooks to wherever our API listens.
pub(super) struct Deliveries {
    client: Client,
    signer: StripeWebhooks,
    url: Mutex<String>,
    withheld: Mutex<Vec<Value>>,
}

/// What came of a question.
pub(super) struct Heard {
    pub approved: bool,
    pub reason: &'static str,
    /// 0: none.
    pub status: u16,
    pub took: Duration,
}

impl Heard {
    /// As the network takes it where our answer was lost on its way.
    pub fn lost(self, stand_in: bool) -> Heard {
        Heard { approved: stand_in, reason: "webhook_timeout", status: 0, took: self.took }
    }
}

#[derive(Deserialize)]
struct Answer {
    approved: bool,
}

impl Deliveries {
    /// To the system at `base`; to nobody where that is empty.
    pub fn new(signer: StripeWebhooks, base: &str) -> Deliveries {
        Deliveries {
            // The sandbox speaks to the loopback: no roots are needed, and none may be there.
            client: crate::http::builder(false, 500).build().expect("a client without TLS needs nothing"),
            signer,
            url: Mutex::new(format!("{base}{PATH}")),
            withheld: Mutex::default(),
        }
    }

    pub fn send_to(&self, base: &str) {
        *self.url.lock().unwrap_or_else(PoisonError::into_inner) = format!("{base}{PATH}");
    }

    /// Asks, and takes silence as the stand-in says.
    pub async fn ask(&self, event: &Value, stand_in: bool) -> Heard {
        let began = Instant::now();
        let answered = tokio::time::timeout(PATIENCE, self.post(event)).await;
        let took = began.elapsed();
        let (approved, reason, status) = match answered {
            Err(_) | Ok(Err(_)) => (stand_in, "webhook_timeout", 0),
            Ok(Ok((200, body))) => match serde_json::from_slice::<Answer>(&body) {
                Ok(Answer { approved: true }) => (true, "webhook_approved", 200),
                Ok(Answer { approved: false }) => (false, "webhook_declined", 200),
                Err(_) => (stand_in, "webhook_error", 200),
            },
            Ok(Ok((status, _))) => (stand_in, "webhook_error", status),
        };
        Heard { approved, reason, status, took }
    }

    /// Sends until it is taken, beside the request; or keeps it for later.
    pub fn tell(self: std::sync::Arc<Self>, event: Value, withhold: bool) {
        if withhold {
            let mut withheld = self.withheld.lock().unwrap_or_else(PoisonError::into_inner);
            if withheld.len() == WITHHELD {
                withheld.remove(0);
            }
            withheld.push(event);
            return;
        }
        tokio::spawn(async move { self.until_taken(&event).await });
    }

    /// Sends what was kept, one after another; how many.
    pub async fn deliver(&self, newest_first: bool, times: usize) -> usize {
        let mut events = std::mem::take(&mut *self.withheld.lock().unwrap_or_else(PoisonError::into_inner));
        if newest_first {
            events.reverse();
        }
        for _ in 0..times {
            for event in &events {
                self.until_taken(event).await;
            }
        }
        events.len()
    }

    async fn until_taken(&self, event: &Value) {
        for _ in 0..ATTEMPTS {
            if matches!(self.post(event).await, Ok((200..=299, _))) {
                return;
            }
            sleep(PAUSE).await;
        }
        tracing::warn!("nobody takes the sandbox's webhooks");
    }

    async fn post(&self, event: &Value) -> Result<(u16, Vec<u8>), reqwest::Error> {
        let url = self.url.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let body = event.to_string();
        let signature = self.signer.sign(Utc::now(), body.as_bytes());
        let request = self.client.post(url).header("stripe-signature", signature);
        let response = request.header("content-type", "application/json").body(body).send().await?;
        Ok((response.status().as_u16(), response.bytes().await?.to_vec()))
    }
}
