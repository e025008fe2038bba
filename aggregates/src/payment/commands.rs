use chrono::{DateTime, Utc};

use crate::{CardId, Money, UserId, card::Slot};

use super::{Decline, Screening};

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
        now: DateTime<Utc>,
    },
    /// A worker takes over what the request left pending, before it charges. Taking over again changes nothing.
    Resume { now: DateTime<Utc> },
    /// The gateway says it charged `amount`.
    Capture { gateway: String, gateway_reference: String, amount: Money, now: DateTime<Utc> },
    /// We or the gateway refused. The card's hold, if any, is released in the same append.
    Decline { reason: Decline, now: DateTime<Utc> },
}
