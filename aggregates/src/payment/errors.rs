use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Currency, Money,
    card::{Expiry, Refusal, Window},
};

/// Why a payment did not happen. A refusal is an event, so this is data for ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "code", deny_unknown_fields)]
pub enum Decline {
    LimitExceeded {
        limit: Money,
        used: Money,
        attempted: Money,
        window: Window,
    },
    /// One of the card's controls does not allow it.
    ControlRefused {
        refusal: Refusal,
    },
    CardFrozen,
    /// The card waits for its owner to activate it.
    CardNotActivated,
    CardTerminated,
    CardNotIssued,
    CardExpired {
        expiry: Expiry,
    },
    CurrencyMismatch {
        card: Currency,
        payment: Currency,
    },
    SuspectedFraud {
        risk_score: f64,
    },
    /// The gateway or the bank behind it refused, with its own code.
    GatewayDeclined {
        gateway: String,
        gateway_code: String,
    },
    /// The gateway could not be asked, and look-up has shown that it charged nothing.
    GatewayUnavailable {
        gateway: String,
    },
    /// The issuer wants its answer within a time, and there was none.
    DecisionTimedOut {
        milliseconds: u64,
    },
    /// The issuer declined by itself, without asking or against our answer, with its own code.
    IssuerDeclined {
        issuer: String,
        issuer_code: String,
    },
    /// More was asked for on an authorisation that is over.
    AuthorizationOver,
}

impl Decline {
    /// The stable code that clients see.
    pub fn code(&self) -> &'static str {
        match self {
            Decline::LimitExceeded { .. } => "limit_exceeded",
            Decline::ControlRefused { .. } => "control_refused",
            Decline::CardNotActivated => "card_not_activated",
            Decline::CardFrozen => "card_frozen",
            Decline::CardTerminated => "card_terminated",
            Decline::CardNotIssued => "card_not_issued",
            Decline::CardExpired { .. } => "card_expired",
            Decline::CurrencyMismatch { .. } => "currency_mismatch",
            Decline::SuspectedFraud { .. } => "suspected_fraud",
            Decline::GatewayDeclined { .. } => "gateway_declined",
            Decline::GatewayUnavailable { .. } => "gateway_unavailable",
            Decline::DecisionTimedOut { .. } => "decision_timed_out",
            Decline::IssuerDeclined { .. } => "issuer_declined",
            Decline::AuthorizationOver => "authorization_over",
        }
    }
}

/// The rules of a payment.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("no such payment")]
    NotFound,
    #[error("the amount must be positive, not {amount}")]
    AmountNotPositive { amount: Money },
    #[error("the idempotency key was used for another request")]
    KeyReused,
    #[error("{attempted} cannot be captured of {authorized} authorised")]
    CaptureExceedsAuthorized { authorized: Money, attempted: Money },
    #[error("nothing is held for this payment")]
    NotHeld,
    #[error("the payment is captured already")]
    AlreadyCaptured,
    #[error("the payment is declined already")]
    AlreadyDeclined,
    #[error("the payment is authorised already")]
    AlreadyAuthorized,
    #[error("the authorisation is over")]
    AlreadyReleased,
    #[error("the payment is not authorised yet")]
    NotAuthorized,
    #[error("the card network did not bring this payment")]
    NotOfNetwork,
    #[error("the payment is in {payment}, this is in {attempted}")]
    CurrencyMismatch { payment: Currency, attempted: Currency },
    #[error("{attempted} cannot be released of {held} held")]
    ReleaseExceedsHeld { held: Money, attempted: Money },
    #[error("{attempted} cannot be refunded: {refunded} of {captured} captured are")]
    RefundExceedsCaptured { captured: Money, refunded: Money, attempted: Money },
    #[error("the amounts of the payment are out of range")]
    OutOfRange,
    #[error("a payment has at most {most} movements")]
    TooManyMovements { most: usize },
}
