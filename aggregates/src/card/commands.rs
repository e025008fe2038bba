use chrono::{DateTime, TimeDelta, Utc};

use crate::{CardId, Money, PaymentId, SessionId, UserId};

use super::{Authority, CardType, Controls, Expiry, HoldKind, IssuerStatus, Purchase, Reason, Slot, Terms};

// Commands live for one decision, and are never many.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
pub enum Command {
    /// The caller has checked that the person passed KYC.
    Request {
        user_id: UserId,
        card_type: CardType,
        monthly_limit: Money,
        terms: Terms,
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
        /// Minor units that the payment has held before and are not given back, captured or not: they belong to the
        /// same transaction. 0 for a new payment.
        earlier: i64,
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
    Activate {
        by: Authority,
        now: DateTime<Utc>,
    },
    /// Several freezes may stand at once; the card is frozen while any does.
    Freeze {
        by: Authority,
        reason: Reason,
        now: DateTime<Utc>,
    },
    /// Lifts the freeze of `whose`.
    Unfreeze {
        by: Authority,
        whose: Authority,
        reason: Reason,
        now: DateTime<Utc>,
    },
    Terminate {
        by: Authority,
        reason: Reason,
        now: DateTime<Utc>,
    },
    /// Its month is over.
    Expire {
        now: DateTime<Utc>,
    },
    /// Its owner is told, once, that it expires within `notice`.
    AnnounceExpiry {
        notice: TimeDelta,
        now: DateTime<Utc>,
    },
    /// Another card takes its place, which is asked for in the same append; the card ends, if it has not.
    Replace {
        successor: CardId,
        by: Authority,
        reason: Reason,
        now: DateTime<Utc>,
    },
    /// Sets all controls and the monthly limit anew.
    SetControls {
        controls: Controls,
        monthly_limit: Money,
        /// Whether its owner has shown once more who they are, which loosening anything demands.
        may_loosen: bool,
        now: DateTime<Utc>,
    },
    /// The issuer has done what it was told.
    RecordIssuerTold {
        status: IssuerStatus,
        now: DateTime<Utc>,
    },
    /// The issuer says of itself what the card is there. Where that is its own decision, it freezes, unfreezes or
    /// ends the card.
    RecordIssuerStatus {
        status: IssuerStatus,
        now: DateTime<Utc>,
    },
    /// Shows number and CVV to the cardholder. What cannot be spent with is not shown; each time is an event.
    Reveal {
        user_id: UserId,
        session_id: SessionId,
        now: DateTime<Utc>,
    },
}
