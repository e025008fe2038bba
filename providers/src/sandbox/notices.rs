//! Webhooks of the sandbox, by Standard Webhooks 1.0.0.

use std::time::Duration;

use chrono::Utc;
use reqwest::{Client, StatusCode, header::CONTENT_TYPE};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{http, webhooks::StandardWebhooks};

/// A delivery that is not taken is repeated after 200 ms, then after twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const ATTEMPTS: u32 = 8;

#[derive(Clone)]
pub(super) struct Notices {
    client: Client,
    url: String,
    secret: SecretString,
}

impl Notices {
    /// None where nobody is to be told.
    pub fn new(url: &str, secret: &SecretString) -> Option<Notices> {
        let client = http::builder(url.starts_with("https"), 2_000).build().ok()?;
        let url = format!("{}/webhooks/kyc-sandbox", url.trim_end_matches('/'));
        url.starts_with("http").then(|| Notices { client, url, secret: secret.clone() })
    }

    pub fn send_after(&self, kind: &'static str, wait: Duration, case: Uuid) {
        let notices = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let body = format!(r#"{{"type":"{kind}","data":{{"case_id":"{case}"}}}}"#);
            let id = format!("msg_{}", Uuid::now_v7().simple());
            for attempt in 0..ATTEMPTS {
                if notices.send(&id, &body).await {
                    return;
                }
                tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(attempt)).await;
            }
        });
    }

    async fn send(&self, id: &str, body: &str) -> bool {
        let signed = StandardWebhooks::new(self.secret.clone()).sign(id, Utc::now(), body.as_bytes());
        let request = self.client.post(&self.url).header(CONTENT_TYPE, "application/json");
        let request = request.header("webhook-id", signed.id).header("webhook-timestamp", signed.timestamp);
        let request = request.header("webhook-signature", signed.signature).body(body.to_owned());
        let answer = request.send().await.map(|answer| answer.status());
        answer.is_ok_and(|status| StatusCode::is_success(&status))
    }
}
