use aggregates::card::Country;
use secrecy::SecretString;
use serde::Deserialize;

use crate::SetupError;

/// How Stripe Issuing is used. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StripeConfig {
    /// A secret key, `sk_live_…` or `sk_test_…`, or a restricted one that may write cards and cardholders.
    pub api_key: SecretString,
    /// The webhook endpoint's signing secret, `whsec_…`. The endpoint is `/webhooks/stripe`, for
    /// `issuing_card.updated`, `issuing_authorization.request`, `.created`, `.updated` and
    /// `issuing_transaction.created`.
    pub webhook_secret: SecretString,
    #[serde(default = "api")]
    pub base_url: String,
    /// The whole of one attempt.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// Calls at the same time. Stripe allows 25 requests a second in test mode and 100 in live mode.
    #[serde(default = "max_in_flight")]
    pub max_in_flight: usize,
    /// The programme's own address, which is every cardholder's billing address: people are not asked for theirs.
    pub billing: BillingAddress,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BillingAddress {
    pub line1: String,
    pub city: String,
    /// Demanded for the United States.
    #[serde(default)]
    pub state: Option<String>,
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

impl BillingAddress {
    /// Stripe refuses every cardholder without these: better that nothing starts than that nobody gets a card.
    pub(super) fn check(&self) -> Result<(), SetupError> {
        let blank = [&self.line1, &self.city, &self.postal_code].iter().any(|part| part.trim().is_empty());
        let stateless = self.country == "US" && self.state.as_ref().is_none_or(|state| state.trim().is_empty());
        match self.country.parse::<Country>() {
            Ok(_) if !blank && !stateless => Ok(()),
            Ok(_) | Err(_) => Err(SetupError::Billing),
        }
    }
}

fn api() -> String {
    "https://api.stripe.com".into()
}

const fn timeout_ms() -> u64 {
    10_000
}

const fn max_in_flight() -> usize {
    16
}
