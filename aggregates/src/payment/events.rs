use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CardId, Fact, Kind, Money, UserId,
    card::{Slot, Window},
};

use super::{Decline, Network, Release, Screening};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The intent, screened. With a `hold` the gateway is asked next, with the payment id as idempotency key;
    /// without one the payment is declined in the same append.
    Initiated {
        user_id: UserId,
        card_id: CardId,
        amount: Money,
        merchant: String,
        /// The merchant's category as the client named it, such as `electronics`.
        merchant_category: String,
        device_id: Option<String>,
        screening: Screening,
        /// The card's limit window that the amount is held in.
        hold: Option<Window>,
        /// Where the card counts it; none in the oldest events, and where nothing is held.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<Slot>,
        /// SHA-256 (hex) of the request, where the client chose the idempotency key.
        request_digest: Option<String>,
        /// Of a purchase that the card network brought; none where the person paid through us.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        network: Option<Network>,
        at: DateTime<Utc>,
    },
    /// A worker took the pending payment over: from here on only it may charge, and whoever began the payment can no
    /// longer conclude from its own failure that nothing was charged.
    Resumed {
        at: DateTime<Utc>,
    },
    /// The hold stands: the amount may be captured. Or the network approved what captures have taken before: then
    /// nothing is held for it anew.
    Authorized {
        /// The third party's id of the authorisation.
        reference: String,
        amount: Money,
        at: DateTime<Utc>,
    },
    /// The authorised amount grew by `amount`.
    Incremented {
        reference: String,
        amount: Money,
        /// The network took it without our approval; the card counts it although it may exceed a limit.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        forced: bool,
        /// Where the card counts it.
        slot: Slot,
        at: DateTime<Utc>,
    },
    /// More was asked for and refused; what was authorised before stands.
    IncrementDeclined {
        reference: String,
        amount: Money,
        reason: Decline,
        at: DateTime<Utc>,
    },
    /// Money went to the merchant: the gateway charged the card, or the network presented a purchase.
    Captured {
        gateway: String,
        gateway_reference: String,
        amount: Money,
        /// Nothing more will be captured.
        #[serde(rename = "final", default = "yes", skip_serializing_if = "is_yes")]
        is_final: bool,
        at: DateTime<Utc>,
    },
    /// Authorised money, all or part, that will not be captured; the card got it back.
    Reversed {
        reference: String,
        amount: Money,
        cause: Release,
        at: DateTime<Utc>,
    },
    /// Nobody captured `amount` in time; the card got it back.
    Expired {
        amount: Money,
        at: DateTime<Utc>,
    },
    /// Money came back from the merchant. May be heard of before its capture, or without one: what is beyond the
    /// captured amount is a credit.
    Refunded {
        reference: String,
        amount: Money,
        at: DateTime<Utc>,
    },
    Declined {
        reason: Decline,
        at: DateTime<Utc>,
    },
}

/// The oldest captures were each the only one of their payment.
fn yes() -> bool {
    true
}

fn is_yes(is_final: &bool) -> bool {
    *is_final
}

impl Fact for Event {
    const KIND: Kind = Kind::Payment;

    fn name(&self) -> &'static str {
        match self {
            Event::Initiated { .. } => "initiated",
            Event::Resumed { .. } => "resumed",
            Event::Authorized { .. } => "authorized",
            Event::Incremented { .. } => "incremented",
            Event::IncrementDeclined { .. } => "increment_declined",
            Event::Captured { .. } => "captured",
            Event::Reversed { .. } => "reversed",
            Event::Expired { .. } => "expired",
            Event::Refunded { .. } => "refunded",
            Event::Declined { .. } => "declined",
        }
    }
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        self.name().into()
    }

    fn event_version(&self) -> String {
        self.version().to_string()
    }
}
