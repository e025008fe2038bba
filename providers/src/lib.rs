//! HTTP to third parties: identity verification ([`kyc`]), card issuing ([`issuing`]), card payments ([`gateway`]),
//! [`mail`] and OpenID providers ([`social`]); and the local [`sandbox`] that stands in for all but the last.
//!
//! Each kind of third party is one small trait beside its adapters; a new vendor is one new file in that folder. An
//! adapter makes one attempt and says by [`Failure`] what is known afterwards: whether it surely did not happen, may
//! have happened, or is refused for good. [`Retry`] repeats attempts; every operation carries an idempotency key, so
//! a repeat has no second effect.
//!
//! What this crate never does: decide what a failure means for a payment, a card or a case; store anything; write
//! personal data, card data or keys into a log line, a metric or an error; follow a redirect; use a proxy from the
//! environment.
//!
//! Bounds: each vendor has a time-out for a call, a number of calls in flight (the next one waits for half its
//! time-out, then fails unsent), and at most 64 KiB are read of an answer. See [`Config`].

mod card_data;
mod config;
mod decimal;
mod failure;
pub mod gateway;
mod http;
pub mod issuing;
pub mod kyc;
pub mod mail;
mod metering;
mod retry;
pub mod sandbox;
pub mod social;
pub mod webhooks;
mod wiped;

use std::sync::Arc;

pub use card_data::{CardNumber, Cvv, InvalidCardData};
pub use config::{Config, KycProvider, OnfidoConfig, RetryConfig, SetupError, VendorConfig};
pub use failure::Failure;
pub use retry::Retry;

/// The third parties that a process talks to.
#[derive(Clone)]
pub struct Providers {
    pub kyc: Arc<dyn kyc::Verifier>,
    pub issuer: Arc<dyn issuing::Issuer>,
    pub gateway: Arc<dyn gateway::Gateway>,
    pub mail: Arc<dyn mail::Mail>,
    /// Whom we believe what by webhook.
    pub webhooks: Arc<webhooks::Sources>,
    /// OpenID providers that people can log in through.
    pub social: Arc<social::Social>,
    /// How a failed call is repeated. Adapters do not repeat by themselves.
    pub retry: Retry,
}

impl Providers {
    /// The sandbox at `base_url`, such as `http://127.0.0.1:8090`, in all parts for which no vendor is configured.
    /// Connects at the first call.
    ///
    /// Install the metrics recorder first: its handles are taken here, once, for the calls to be cheap.
    pub fn sandbox(base_url: &str, config: &Config) -> Result<Providers, SetupError> {
        let base = config::base_url(base_url)?;
        let client = http::client(&base, config)?;
        let issuer: Arc<dyn issuing::Issuer> = match &config.stripe {
            Some(stripe) => Arc::new(issuing::Stripe::new(stripe, config.connect_timeout_ms)?),
            None => Arc::new(issuing::Sandbox::new(&client, &base, &config.issuer)?),
        };
        Ok(Providers {
            kyc: verifier(&client, &base, config)?,
            issuer,
            gateway: Arc::new(gateway::Sandbox::new(&client, &base, &config.gateway)?),
            mail: Arc::new(mail::Sandbox::new(&client, &base, &config.mail)?),
            webhooks: Arc::new(webhooks::sources(config)),
            social: Arc::new(social::providers(&config.social, config.connect_timeout_ms)?),
            retry: Retry::new(&config.retry),
        })
    }
}

/// The provider of identity verification that the configuration names; `client` and `base` are the sandbox's.
fn verifier(
    client: &reqwest::Client,
    base: &config::BaseUrl,
    config: &Config,
) -> Result<Arc<dyn kyc::Verifier>, SetupError> {
    Ok(match config.kyc_provider {
        KycProvider::Sandbox => Arc::new(kyc::Sandbox::new(client, base, &config.kyc)?),
        KycProvider::Onfido => Arc::new(kyc::Onfido::new(config)?),
    })
}
