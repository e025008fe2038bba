use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CardId, Fact, Kind, Money, PaymentId, SessionId, UserId};

use super::{
    Authority, CardType, Controls, Expiry, HoldKind, IssuerStatus, Purpose, Reason, Replaces, Slot, Status, Window,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A verified person asked for a card; the issuer is asked next, with the card id as idempotency key.
    Requested {
        user_id: UserId,
        card_type: CardType,
        /// What may be spent in each calendar month (UTC); its currency is the card's.
        monthly_limit: Money,
        #[serde(default, skip_serializing_if = "Purpose::is_standard")]
        purpose: Purpose,
        #[serde(default, skip_serializing_if = "Controls::is_default")]
        controls: Box<Controls>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        needs_activation: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<Box<Replaces>>,
        at: DateTime<Utc>,
    },
    /// The issuer made the card. Number and CVV are in the vault, never here.
    Issued {
        issuer: String,
        issuer_reference: String,
        last_four: String,
        expiry: Expiry,
        /// Active, or inactive until its owner activates it.
        #[serde(default = "Status::active", skip_serializing_if = "Status::is_active")]
        status: Status,
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
    /// The first merchant that the card paid is the only one from now on.
    LockedToMerchant {
        merchant: String,
        at: DateTime<Utc>,
    },
    ControlsSet {
        controls: Box<Controls>,
        monthly_limit: Money,
        at: DateTime<Utc>,
    },
    Activated {
        by: Authority,
        at: DateTime<Utc>,
    },
    Frozen {
        #[serde(default = "Authority::person", skip_serializing_if = "Authority::is_person")]
        by: Authority,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
        at: DateTime<Utc>,
    },
    Unfrozen {
        #[serde(default = "Authority::person", skip_serializing_if = "Authority::is_person")]
        by: Authority,
        /// Whose freeze was lifted.
        #[serde(default = "Authority::person", skip_serializing_if = "Authority::is_person")]
        whose: Authority,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
        /// What the card is now: frozen still, where another freeze stands.
        #[serde(default = "Status::active", skip_serializing_if = "Status::is_active")]
        status: Status,
        at: DateTime<Utc>,
    },
    Terminated {
        #[serde(default = "Authority::person", skip_serializing_if = "Authority::is_person")]
        by: Authority,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
        at: DateTime<Utc>,
    },
    Expired {
        at: DateTime<Utc>,
    },
    /// Its owner is told that it expires soon.
    ExpiryAnnounced {
        at: DateTime<Utc>,
    },
    /// Another card has taken its place.
    Replaced {
        successor: CardId,
        by: Authority,
        reason: Reason,
        at: DateTime<Utc>,
    },
    /// What the issuer lets the card do, by its own word.
    IssuerStatusRecorded {
        status: IssuerStatus,
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
            Event::LockedToMerchant { .. } => "locked_to_merchant",
            Event::ControlsSet { .. } => "controls_set",
            Event::Activated { .. } => "activated",
            Event::Frozen { .. } => "frozen",
            Event::Unfrozen { .. } => "unfrozen",
            Event::Terminated { .. } => "terminated",
            Event::Expired { .. } => "expired",
            Event::ExpiryAnnounced { .. } => "expiry_announced",
            Event::Replaced { .. } => "replaced",
            Event::IssuerStatusRecorded { .. } => "issuer_status_recorded",
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
