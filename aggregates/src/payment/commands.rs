use chrono::{DateTime, Utc};

use crate::{CardId, Money, UserId, card::Slot};

use super::{Decline, Network, Release, Screening};

#[derive(Clone, Debug)]
pub enum Command {
    /// A repeat with the same `request_digest` is accepted silently; the same payment id with another request is
    /// refused. `hold` is where the card counts what it held, none where card or screening refused;
    /// then `Decline` follows in the same append.
    Initiate {
        user_id: UserId,
        card_id: CardId,
        amount: Money,
        merchant: String,
        merchant_category: String,
        device_id: Option<String>,
        screening: Screening,
        hold: Option<Slot>,
        request_digest: Option<String>,
        /// What the card network said, where it brought the purchase.
        network: Option<Network>,
        now: DateTime<Utc>,
    },
    /// A worker takes over what the request left pending, before it charges. Taking over again changes nothing.
    Resume { now: DateTime<Utc> },
    /// What was held may be captured.
    Authorize { reference: String, now: DateTime<Utc> },
    /// The network has approved, by itself, what captures have taken by force already: nothing more is held.
    Acknowledge { reference: String, amount: Money, now: DateTime<Utc> },
    /// More may be captured. `slot` is where the card counts its own hold of `amount`, in the same append. `forced`:
    /// the network took it, whatever we say.
    Increment { reference: String, amount: Money, forced: bool, slot: Slot, now: DateTime<Utc> },
    /// More was asked for, and the card or screening refused.
    DeclineIncrement { reference: String, amount: Money, reason: Decline, now: DateTime<Utc> },
    /// Gateway or network says that `amount` went to the merchant. With `is_final` nothing more will.
    Capture { gateway: String, gateway_reference: String, amount: Money, is_final: bool, now: DateTime<Utc> },
    /// Part of what is held, or all, will not be captured. [`Payment::parts`](super::Payment::parts) says what the card
    /// releases in the same append.
    Reverse { reference: String, amount: Money, cause: Release, now: DateTime<Utc> },
    /// Nobody captured what is held in time. The card releases it in the same append.
    Expire { now: DateTime<Utc> },
    /// Money came back. `heard`: the network says so, and it is recorded whatever was captured before; else it is ours
    /// to ask for, and no more than was captured.
    Refund { reference: String, amount: Money, heard: bool, now: DateTime<Utc> },
    /// We or the gateway refused. The card's hold, if any, is released in the same append.
    Decline { reason: Decline, now: DateTime<Utc> },
}

impl Command {
    /// The request whose approval it takes back, by the third party's id.
    pub fn withdraws(&self) -> Option<&str> {
        match self {
            Command::Reverse { reference, cause, .. } if cause.withdraws() => Some(reference),
            _ => None,
        }
    }
}
