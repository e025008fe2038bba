use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fact, Kind, Money, PaymentId, SessionId, UserId};

use super::{CardType, Expiry, HoldKind, Slot, Window};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A verified person asked for a card; the issuer is asked next, with the card id as idempotency key.
    Requested {
        user_id: UserId,
        card_type: CardType,
        /// What may be spent in each calendar month (UTC); its currency is the card's.
        monthly_limit: Money,
        at: DateTime<Utc>,
    },
    /// The issuer made the card. Number and CVV are in the vault, never here.
    Issued {
        issuer: String,
        issuer_reference: String,
        last_four: String,
        expiry: Expiry,
        at: DateTime<Utc>,
    },
    IssueFailed {
        issuer: String,
        reason: String,
        at: DateTime<Utc>,
    },
    /// Part of the limits is taken for a payment.
    Held {
        payment_id: PaymentId,
        #[serde(default, skip_serializing_if = "HoldKind::is_authorization")]
        kind: HoldKind,
        amount: Money,
        /// The month (UTC) that the monthly limit counts it in.
        window: Window,
        /// Where the other limits count it; none in the oldest events.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<Slot>,
        at: DateTime<Utc>,
    },
    /// A hold, or part of it, is given back to the windows it was taken from.
    HoldReleased {
        payment_id: PaymentId,
        amount: Money,
        window: Window,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<Slot>,
        /// Something of the payment stays, so that it goes on counting as one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
        at: DateTime<Utc>,
    },
    Frozen {
        at: DateTime<Utc>,
    },
    Unfrozen {
        at: DateTime<Utc>,
    },
    Terminated {
        at: DateTime<Utc>,
    },
    /// Number and CVV were handed to a device of the cardholder's, encrypted for it. The actor says who asked.
    Revealed {
        session_id: SessionId,
        at: DateTime<Utc>,
    },
}

impl Fact for Event {
    const KIND: Kind = Kind::Card;

    fn name(&self) -> &'static str {
        match self {
            Event::Requested { .. } => "requested",
            Event::Issued { .. } => "issued",
            Event::IssueFailed { .. } => "issue_failed",
            Event::Held { .. } => "held",
            Event::HoldReleased { .. } => "hold_released",
            Event::Frozen { .. } => "frozen",
            Event::Unfrozen { .. } => "unfrozen",
            Event::Terminated { .. } => "terminated",
            Event::Revealed { .. } => "revealed",
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
