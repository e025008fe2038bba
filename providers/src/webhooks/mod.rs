//! What third parties tell us of their own accord.
//!
//! A source is a [`Verifier`], which knows the sender's scheme of signatures, and what the flows make of its deliveries
//! ([`Purpose`]). Whoever sends may send twice, late, out of order or not at all, so a delivery is never more than a
//! reason to look at the sender's own resource, or a command that may be repeated.

mod standard;

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{
    Config, KycProvider,
    issuing::{self, stripe::StripeWebhooks},
    kyc::OnfidoWebhooks,
};

pub use reqwest::header::HeaderMap;
pub use standard::{Signed, StandardWebhooks};

/// Every source by the name that stands in its path, `/webhooks/{source}`.
pub type Sources = BTreeMap<&'static str, Source>;

/// Those of the third parties that the configuration names, and no others: the sandbox's secrets are none.
pub(crate) fn sources(config: &Config) -> Sources {
    let secret = config.kyc.webhook_secret.clone();
    let (kyc, verifier): (_, Arc<dyn Verifier>) = match config.kyc_provider {
        KycProvider::Sandbox => ("kyc-sandbox", Arc::new(StandardWebhooks::new(secret))),
        KycProvider::Onfido => ("onfido", Arc::new(OnfidoWebhooks::new(secret))),
    };
    let (name, issuer, secret) = match &config.stripe {
        Some(stripe) => ("stripe", issuing::stripe::NAME, &stripe.webhook_secret),
        None => ("issuer-sandbox", issuing::Sandbox::NAME, &config.issuer.webhook_secret),
    };
    Sources::from([
        (kyc, Source { verifier, purpose: Purpose::Kyc }),
        // The sandbox speaks of purchases as Stripe does.
        (name, Source { verifier: Arc::new(StripeWebhooks::new(secret.clone())), purpose: Purpose::Issuing(issuer) }),
    ])
}

/// Somebody who sends webhooks.
#[derive(Clone)]
pub struct Source {
    pub verifier: Arc<dyn Verifier>,
    pub purpose: Purpose,
}

/// What a source speaks of, and so which flow listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Kyc,
    /// Purchases with our cards, by the name of their issuer.
    Issuing(&'static str),
}

/// Tells a delivery of the sender from anybody else's.
pub trait Verifier: Send + Sync {
    /// Compares in constant time; refuses what is too old where the scheme has a time. Looks at nothing of the body
    /// before the signature is right.
    fn verify(&self, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<Delivery, Refused>;
}

/// A delivery that is the sender's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The sender's own id of it, the same in each repetition; none: the body tells repetitions.
    pub id: Option<String>,
    /// Whether the sender waits for more than "received", as an issuer does that asks whether to authorise.
    pub is_question: bool,
}

/// Why a delivery is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there is no signature")]
    Unsigned,
    #[error("the signature is wrong")]
    WrongSignature,
    #[error("the delivery is too old, or from the future")]
    Stale,
    #[error("the delivery is not of the agreed form")]
    Malformed,
}

impl Refused {
    /// As metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Refused::Unsigned => "unsigned",
            Refused::WrongSignature => "wrong_signature",
            Refused::Stale => "stale",
            Refused::Malformed => "malformed",
        }
    }
}

/// Whether `signature` is the HMAC-SHA256 of `parts`, one behind the other. In constant time.
pub(crate) fn is_signed(key: &[u8], parts: &[&[u8]], signature: &[u8]) -> bool {
    mac(key, parts).verify_slice(signature).is_ok()
}

/// The HMAC-SHA256 of `parts`, one behind the other.
pub(crate) fn signature(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    mac(key, parts).finalize().into_bytes().into()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac
}

/// A header's text, if it stands there once.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        (None, _) | (Some(_), Some(_)) => None,
    }
}
