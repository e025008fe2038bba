use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CardId, Fact, Kind, Money, UserId,
    card::{Slot, Window},
};

use super::{Decline, Screening};

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
        at: DateTime<Utc>,
    },
    /// A worker took the pending payment over: from here on only it may charge, and whoever began the payment can no
    /// longer conclude from its own failure that nothing was charged.
    Resumed {
        at: DateTime<Utc>,
    },
    /// The gateway charged the card.
    Captured {
        gateway: String,
        gateway_reference: String,
        amount: Money,
        at: DateTime<Utc>,
    },
    Declined {
        reason: Decline,
        at: DateTime<Utc>,
    },
}

impl Fact for Event {
    const KIND: Kind = Kind::Payment;

    fn name(&self) -> &'static str {
        match self {
            Event::Initiated { .. } => "initiated",
            Event::Resumed { .. } => "resumed",
            Event::Captured { .. } => "captured",
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
