//! What third parties tell us: taken from its sender alone, kept before anything is made of it, acted on once.

mod inbox;
mod keeping;

use chrono::{DateTime, Utc};
use http_body_util::Full;
use hyper::{Request, body::Bytes};
use providers::{
    sandbox::DEFAULT_WEBHOOK_SECRET,
    webhooks::{Signed, StandardWebhooks},
};
use tests::client::{Answer, Client};

pub const SANDBOX: &str = "/webhooks/kyc-sandbox";

pub fn signed(id: &str, at: DateTime<Utc>, body: &str) -> Signed {
    StandardWebhooks::new(DEFAULT_WEBHOOK_SECRET.into()).sign(id, at, body.as_bytes())
}

pub async fn deliver(client: &mut Client, path: &str, signed: &Signed, body: &str) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .header("webhook-id", &signed.id)
        .header("webhook-timestamp", &signed.timestamp)
        .header("webhook-signature", &signed.signature);
    client.send(request.body(Full::new(Bytes::from(body.to_owned()))).unwrap()).await.unwrap()
}
