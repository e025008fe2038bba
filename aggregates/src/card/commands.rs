use chrono::{DateTime, Utc};

use crate::{Money, PaymentId, SessionId, UserId};

use super::{CardType, Expiry, Window};

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
    /// Takes `amount` from the limit of the month that `now` falls in, for a payment of `user_id`.
    ///
    /// Appended together with the payment's own `initiated`, whose fresh stream makes a second hold for the same
    /// payment impossible.
    Hold {
        user_id: UserId,
        payment_id: PaymentId,
        amount: Money,
        now: DateTime<Utc>,
    },
    /// Gives a hold back, named as `held` recorded it. Appended together with the payment's own ending, which
    /// happens once; so is this. Allowed in every state of the card.
    ReleaseHold {
        payment_id: PaymentId,
        amount: Money,
        window: Window,
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
