use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    CardId, Money, UserId,
    card::{HoldKind, Slot},
    named::named,
};

use super::{
    Decline, Network, Screening, Tally,
    ledger::{Ledger, Named},
};

/// A payment as the log tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    pub(super) intent: Option<Intent>,
}

named! {
    /// How a payment stands. The amounts tell the rest: how much of it was captured, refunded, is held still.
    pub enum Status {
        /// The outcome is not known yet.
        Pending = "pending",
        /// The hold stands, and nothing was captured.
        Authorized = "authorized",
        Captured = "captured",
        Declined = "declined",
        /// Everything that was authorised was given back, and nothing captured.
        Voided = "voided",
        /// Likewise, because nobody captured it in time.
        Expired = "expired",
        /// Everything that was captured came back.
        Refunded = "refunded",
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Intent {
    pub user_id: UserId,
    pub card_id: CardId,
    pub amount: Money,
    pub merchant: String,
    pub merchant_category: String,
    pub device_id: Option<String>,
    pub screening: Screening,
    pub hold: Option<Slot>,
    pub request_digest: Option<String>,
    pub network: Option<Network>,
    pub initiated_at: DateTime<Utc>,
    pub changed_at: DateTime<Utc>,
    pub resumed: bool,
    /// Nothing more will be captured.
    pub closed: bool,
    pub declined: Option<Decline>,
    pub gateway: Option<String>,
    /// The newest capture's.
    pub gateway_reference: Option<String>,
    pub ledger: Ledger,
}

/// Part of a payment's hold, as the card has to give it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub slot: Slot,
    pub amount: Money,
    /// The card goes on counting the hold as a payment, or never did.
    pub partial: bool,
}

impl Intent {
    pub fn status(&self) -> Status {
        self.ledger.tally.status()
    }

    pub fn is_open(&self) -> bool {
        !self.closed
    }

    pub fn is_request(&self, reference: &str) -> bool {
        self.network.as_ref().is_some_and(|network| network.is_request(reference))
    }

    pub fn money(&self, minor_units: i64) -> Money {
        Money::new(minor_units, self.amount.currency)
    }
}

impl Payment {
    /// None where there is no such payment.
    pub fn status(&self) -> Option<Status> {
        self.intent.as_ref().map(Intent::status)
    }

    pub fn user_id(&self) -> Option<UserId> {
        self.intent.as_ref().map(|intent| intent.user_id)
    }

    pub fn card_id(&self) -> Option<CardId> {
        self.intent.as_ref().map(|intent| intent.card_id)
    }

    /// What its events add up to.
    pub fn tally(&self) -> Option<Tally> {
        self.intent.as_ref().map(|intent| intent.ledger.tally)
    }

    /// What was asked for.
    pub fn amount(&self) -> Option<Money> {
        self.intent.as_ref().map(|intent| intent.amount)
    }

    /// What may or might have been captured at most, increments included.
    pub fn authorized(&self) -> Option<Money> {
        self.intent.as_ref().map(|intent| intent.money(intent.ledger.tally.authorized))
    }

    /// What went to the merchant, at most [`Payment::authorized`]; none before anything did.
    pub fn captured(&self) -> Option<Money> {
        let intent = self.intent.as_ref().filter(|intent| intent.ledger.tally.captured > 0)?;
        Some(intent.money(intent.ledger.tally.captured))
    }

    /// What came back of the captured amount.
    pub fn refunded(&self) -> Option<Money> {
        self.intent.as_ref().map(|intent| intent.money(intent.ledger.tally.refunded()))
    }

    /// What came back beyond the captured amount, or before any capture was heard of.
    pub fn credited(&self) -> Option<Money> {
        self.intent.as_ref().map(|intent| intent.money(intent.ledger.tally.returned - intent.ledger.tally.refunded()))
    }

    /// What the card holds and nobody has captured.
    pub fn held(&self) -> Option<Money> {
        self.intent.as_ref().map(|intent| intent.money(intent.ledger.tally.held()))
    }

    /// What a forced hold is to the card: a payment is counted once.
    pub fn forced_kind(&self) -> HoldKind {
        match self.intent.as_ref().is_some_and(|intent| intent.ledger.is_counted()) {
            true => HoldKind::ForcedIncrement,
            false => HoldKind::Forced,
        }
    }

    /// What captures have taken by force before the network's approval of it was heard: a ruling that comes now is about
    /// that first, and it is held already.
    pub fn unruled(&self) -> Option<Money> {
        self.intent.as_ref().map(|intent| intent.money(intent.ledger.unruled))
    }

    /// What the card gives back where `amount` of the payment is released, hold by hold: that of the withdrawn request
    /// first, then the newest.
    pub fn parts(&self, amount: Money, withdrawn: Option<&str>) -> Vec<Part> {
        let Some(intent) = &self.intent else { return vec![] };
        let parts = intent.ledger.parts(amount.minor_units, withdrawn).into_iter();
        parts.map(|part| Part { slot: part.slot, amount: intent.money(part.amount), partial: part.partial }).collect()
    }

    /// What we answered to a request of the network, by its id; none where we have not. An approval that was taken back
    /// was never heard: the answer is no.
    pub fn answer(&self, reference: &str) -> Option<bool> {
        let intent = self.intent.as_ref()?;
        let knows = |named| intent.ledger.knows(named, reference);
        let is_first = intent.network.as_ref().is_some_and(|network| network.authorization == reference);
        match () {
            () if knows(Named::Withdrawn) || knows(Named::Declined) => Some(false),
            () if knows(Named::Authorization) => Some(true),
            () if is_first && intent.declined.is_some() => Some(false),
            () => None,
        }
    }

    /// What the network told, where it brought the payment.
    pub fn network(&self) -> Option<&Network> {
        self.intent.as_ref()?.network.as_ref()
    }

    pub fn merchant(&self) -> Option<&str> {
        self.intent.as_ref().map(|intent| intent.merchant.as_str())
    }

    pub fn merchant_category(&self) -> Option<&str> {
        self.intent.as_ref().map(|intent| intent.merchant_category.as_str())
    }

    pub fn device_id(&self) -> Option<&str> {
        self.intent.as_ref()?.device_id.as_deref()
    }

    pub fn screening(&self) -> Option<&Screening> {
        self.intent.as_ref().map(|intent| &intent.screening)
    }

    /// Where the card counted the amount when the payment began; stays when it is released.
    pub fn hold(&self) -> Option<Slot> {
        self.intent.as_ref()?.hold
    }

    pub fn request_digest(&self) -> Option<&str> {
        self.intent.as_ref()?.request_digest.as_deref()
    }

    pub fn decline(&self) -> Option<&Decline> {
        self.intent.as_ref()?.declined.as_ref()
    }

    pub fn gateway_reference(&self) -> Option<&str> {
        self.intent.as_ref()?.gateway_reference.as_deref()
    }

    /// Whether a worker has taken it over.
    pub fn is_resumed(&self) -> bool {
        self.intent.as_ref().is_some_and(|intent| intent.resumed)
    }

    pub fn initiated_at(&self) -> Option<DateTime<Utc>> {
        self.intent.as_ref().map(|intent| intent.initiated_at)
    }

    /// When the payment last changed.
    pub fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.intent.as_ref().map(|intent| intent.changed_at)
    }
}
