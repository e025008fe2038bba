use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Currency,
    card::{Channel, Country, Mcc},
    named::named,
};

/// How the card network brought a payment to us, and what it told of the merchant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Whose card it is.
    pub issuer: String,
    /// The issuer's id of the authorisation, or of the movement where there was none.
    pub authorization: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcc: Option<Mcc>,
    /// Where the merchant is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// What the merchant is paid in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    pub channel: Channel,
    /// The payment began with money that moved, which nobody had asked about: no attempt to pay, but a forced posting
    /// or a refund.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub posted: bool,
}

impl Network {
    /// Whether a third party's id is that of a request on this authorisation, and not of a movement: requests are named
    /// as the authorisation is, or with a number (`#1`), and with `!` where the network went against our answer.
    pub(super) fn is_request(&self, reference: &str) -> bool {
        let rest = reference.strip_prefix(self.authorization.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['#', '!']))
    }
}

named! {
    /// Why an authorised amount, or part of it, will not be captured.
    pub enum Release {
        /// The merchant gave it back.
        Merchant = "merchant",
        /// Everything is captured that will be; this is the rest.
        Closed = "closed",
        /// We gave it up: the issuer knows nothing of it, so nobody will capture it.
        Voided = "voided",
        /// We approved, but too late to be heard: the issuer was told no.
        TooLate = "too_late",
        /// We approved, and the issuer declined all the same.
        IssuerDeclined = "issuer_declined",
    }
}

impl Release {
    /// Whether it takes back the approval itself.
    pub(super) fn withdraws(self) -> bool {
        match self {
            Release::TooLate | Release::IssuerDeclined => true,
            Release::Merchant | Release::Closed | Release::Voided => false,
        }
    }
}
