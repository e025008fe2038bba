//! `Stripe-Signature`: `t=<seconds>,v1=<hex>`, several `v1` while a secret is rolled, and schemes that are not looked
//! at.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};

use super::event::{Head, QUESTION, parse};
use crate::webhooks::{Delivery, Refused, Verifier, is_signed, only, signature};

/// How old a delivery may be, or how far ahead of us the sender's clock.
const TOLERANCE: TimeDelta = TimeDelta::seconds(300);

/// The most signatures that are looked at.
const MOST_SIGNATURES: usize = 4;

/// Stripe's webhooks, known by an endpoint's secret, `whsec_…`.
pub struct StripeWebhooks {
    secret: SecretString,
}

impl StripeWebhooks {
    pub fn new(secret: SecretString) -> StripeWebhooks {
        StripeWebhooks { secret }
    }

    /// The header that goes with a delivery.
    pub fn sign(&self, at: DateTime<Utc>, body: &[u8]) -> String {
        let timestamp = at.timestamp().to_string();
        let key = self.secret.expose_secret().as_bytes();
        format!("t={timestamp},v1={}", hex(&signature(key, &[timestamp.as_bytes(), b".", body])))
    }
}

impl Verifier for StripeWebhooks {
    fn verify(&self, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<Delivery, Refused> {
        let header = only(headers, "stripe-signature").ok_or(Refused::Unsigned)?;
        let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
        let timestamp = fields().find(|(name, _)| *name == "t").map(|(_, value)| value).ok_or(Refused::Malformed)?;
        let key = self.secret.expose_secret().as_bytes();
        let mut given = fields().filter(|(name, _)| *name == "v1").take(MOST_SIGNATURES);
        let is_right = given.any(|(_, hex)| {
            unhex(hex).is_some_and(|signature| is_signed(key, &[timestamp.as_bytes(), b".", body], &signature))
        });
        if !is_right {
            return Err(Refused::WrongSignature);
        }
        let sent_at = timestamp.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        if (now - sent_at.ok_or(Refused::Malformed)?).abs() > TOLERANCE {
            return Err(Refused::Stale);
        }
        let head: Head<'_> = parse(body).map_err(|_| Refused::Malformed)?;
        Ok(Delivery { id: Some(head.id.into_owned()), is_question: head.kind == QUESTION })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (text.len() == 64).then(|| text.as_bytes().chunks(2).map(pair).collect()).flatten()
}
