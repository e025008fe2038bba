use std::{collections::BTreeMap, fmt, time::Duration};

use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    issuing::StripeConfig,
    sandbox::{DEFAULT_KEY, DEFAULT_WEBHOOK_SECRET},
    social::SocialConfig,
};

/// How third parties are called. The defaults fit the sandbox; unknown keys are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub kyc: VendorConfig,
    /// Who verifies people, at what is said under `kyc`.
    pub kyc_provider: KycProvider,
    pub onfido: OnfidoConfig,
    pub issuer: VendorConfig,
    pub gateway: VendorConfig,
    pub mail: VendorConfig,
    /// How long a connection may take to come about, TLS included. Past it the call fails as `Unreachable`, so keep
    /// it below each vendor's `timeout_ms`.
    pub connect_timeout_ms: u64,
    /// How long an unused connection is kept. Keep it below what the vendors allow, lest they close it as we write.
    pub idle_connection_ms: u64,
    pub retry: RetryConfig,
    /// Stripe Issuing makes the cards where this is set, else the sandbox does.
    pub stripe: Option<StripeConfig>,
    /// OpenID providers that people can log in through, by the name that stands in the API's paths.
    pub social: BTreeMap<String, SocialConfig>,
}

/// One third party.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VendorConfig {
    /// Sent as `Authorization: Bearer …`.
    pub api_key: SecretString,
    /// By which we know the vendor's webhooks.
    pub webhook_secret: SecretString,
    /// The whole of one attempt: waiting for a place, connecting, sending, reading the answer.
    pub timeout_ms: u64,
    /// Calls, and so connections, at the same time. A call beyond waits for a place for half of its time-out, then
    /// fails as `Unreachable`.
    pub max_in_flight: usize,
}

/// Who verifies people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KycProvider {
    #[default]
    Sandbox,
    Onfido,
}

/// What Onfido needs beside its API token, which is `kyc.api_key`, and the token of its webhook, which is
/// `kyc.webhook_secret`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OnfidoConfig {
    /// `eu`, `us` or `ca`: where the account is.
    pub region: String,
    /// The Studio workflow that a check of level `basic` goes through: it has no pictures.
    pub basic_workflow_id: Option<uuid::Uuid>,
    /// The one that a check of level `full` goes through, with documents and a selfie.
    pub full_workflow_id: Option<uuid::Uuid>,
    /// Instead of the region's own address: a proxy, or a stand-in. With the version, such as `https://host/v3.6`.
    pub base_url: Option<String>,
}

/// Repeats after transient failures: `first_delay_ms`, then twice as long each time.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryConfig {
    pub first_delay_ms: u64,
    pub max_retries: usize,
}

/// Why third parties cannot be called at all. Does not repeat the address: it may hold credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error("the providers' address must be an http or https URL without credentials, query or fragment")]
    Address,
    #[error("a provider's key must be visible ASCII")]
    ApiKey,
    #[error("a provider's time-out and calls in flight must be above zero")]
    Bounds,
    #[error(
        "providers.onfido needs the account's region, a workflow for each level, and keys of its own under providers.kyc"
    )]
    Onfido,
    #[error(
        "providers.stripe.billing needs line1, city, postal_code and country (ISO 3166-1 alpha-2), for US the state, too"
    )]
    Billing,
    #[error("an OpenID provider under providers.social cannot be used: {0}")]
    Social(&'static str),
    #[error("the HTTP client cannot start; for https, are the system's root certificates installed?")]
    Client,
}

impl Default for Config {
    fn default() -> Self {
        let vendor = |timeout_ms| VendorConfig { timeout_ms, ..VendorConfig::default() };
        Config {
            kyc: vendor(10_000),
            kyc_provider: KycProvider::default(),
            onfido: OnfidoConfig::default(),
            issuer: vendor(10_000),
            gateway: vendor(5_000),
            mail: vendor(5_000),
            connect_timeout_ms: 2_000,
            idle_connection_ms: 30_000,
            retry: RetryConfig::default(),
            stripe: None,
            social: BTreeMap::new(),
        }
    }
}

impl Default for VendorConfig {
    fn default() -> Self {
        VendorConfig {
            api_key: SecretString::from(DEFAULT_KEY),
            webhook_secret: SecretString::from(DEFAULT_WEBHOOK_SECRET),
            timeout_ms: 10_000,
            max_in_flight: 256,
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        RetryConfig { first_delay_ms: 1_000, max_retries: 3 }
    }
}

impl VendorConfig {
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// Where a provider's paths begin. Prints only scheme and host.
#[derive(Clone)]
pub(crate) struct BaseUrl(Url);

impl BaseUrl {
    /// The address of a path such as `/gateway/v1/transactions` below the base.
    pub fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        url
    }

    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

pub(crate) fn base_url(text: &str) -> Result<BaseUrl, SetupError> {
    let url = Url::parse(text).map_err(|_| SetupError::Address)?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let acceptable = matches!(url.scheme(), "http" | "https") && plain && url.fragment().is_none();
    if acceptable { Ok(BaseUrl(url)) } else { Err(SetupError::Address) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn paths_go_below_the_base() {
        for base in ["http://h:1", "http://h:1/"] {
            assert_eq!(base_url(base).unwrap().join("/kyc/v1").as_str(), "http://h:1/kyc/v1");
        }
        assert_eq!(base_url("https://h/a/").unwrap().join("/kyc/v1").as_str(), "https://h/a/kyc/v1");
    }

    #[test]
    fn an_address_with_credentials_or_without_http_is_refused() {
        for bad in ["", "127.0.0.1:8090", "ftp://h", "http://u@h", "http://u:p@h", "http://h?k=v", "http://h#f"] {
            assert_eq!(base_url(bad).unwrap_err(), SetupError::Address, "{bad}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_and_keys_do_not_print() {
        let config: Config = serde_json::from_str(r#"{"gateway":{"api_key":"k-secret"}}"#).unwrap();
        assert_eq!(config.gateway.max_in_flight, 256);
        assert!(!format!("{config:?}").contains("k-secret"));
        assert!(serde_json::from_str::<Config>(r#"{"gatway":{}}"#).is_err());
    }
}
