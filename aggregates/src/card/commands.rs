use chrono::{DateTime, Utc};

use crate::{Money, PaymentId, SessionId, UserId};

use super::{CardType, Expiry, HoldKind, Purchase, Slot};

#[derive(Clone, Debug)]
pub enum Command {
    /// The caller has checked that the person passed KYC.
    Request {
        user_id: UserId,
        card_type: CardType,
        monthly_limit: Money,
        now: DateTime<Utc>,
    },
    RecordIssued {
        issuer: String,
        issuer_reference: String,
        last_four: String,
        expiry: Expiry,
        now: DateTime<Utc>,
    },
    RecordIssueFailed {
        issuer: String,
        reason: String,
        now: DateTime<Utc>,
    },
    /// Takes the purchase's amount from the limits of the windows that `now` falls in, for a payment of `user_id`.
    ///
    /// Appended together with the payment's own event (`initiated`, or that of its increment), which happens once;
    /// so is this.
    Hold {
        user_id: UserId,
        payment_id: PaymentId,
        kind: HoldKind,
        purchase: Purchase,
        now: DateTime<Utc>,
    },
    /// Gives a hold back, or part of it, to the windows that it was taken from. Appended together with the payment's
    /// own event, which happens once; so is this. Allowed in every state of the card.
    ReleaseHold {
        payment_id: PaymentId,
        amount: Money,
        /// As the hold recorded it.
        slot: Slot,
        /// Something of the payment stays, so that it goes on counting as one where payments are counted.
        partial: bool,
        now: DateTime<Utc>,
    },
    Freeze {
        now: DateTime<Utc>,
    },
    Unfreeze {
        now: DateTime<Utc>,
    },
    Terminate {
        now: DateTime<Utc>,
    },
    /// Shows number and CVV to the cardholder. What cannot be spent with is not shown; each time is an event.
    Reveal {
        user_id: UserId,
        session_id: SessionId,
        now: DateTime<Utc>,
    },
}
