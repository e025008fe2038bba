//! May this be bought with the card?

use chrono::{DateTime, Utc};

use crate::{Money, PaymentId, UserId};

use super::{
    Card, Error, Event, HoldKind, Purchase, Purpose, Refusal, Slot, Window,
    state::{Details, Stage},
    usage::Tally,
};

impl Card {
    pub(super) fn hold(
        &self,
        (user_id, payment_id): (UserId, PaymentId),
        kind: HoldKind,
        purchase: Purchase,
        earlier: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Error> {
        let details = self.details()?;
        let amount = purchase.amount;
        if kind.is_asked() {
            details.can_spend(user_id, now)?;
        }
        details.is_amount(amount)?;
        let local = details.controls.time_zone.local(now);
        let slot = Slot { at: now, day: local.date() };
        if kind.is_asked() {
            self.is_within_monthly_limit(details.monthly_limit, slot.window(), amount)?;
            details.serves(payment_id, &purchase)?;
            details.controls.allow(&purchase, local.time())?;
            let more = Tally { amount: amount.minor_units, count: kind.payments() };
            for limit in &details.controls.limits {
                limit.allows(&self.usage, slot, (earlier, more), details.controls.time_zone)?;
            }
        }
        let mut events =
            vec![Event::Held { payment_id, kind, amount, window: slot.window(), slot: Some(slot), at: now }];
        if matches!(details.purpose, Purpose::MerchantLocked { merchant: None }) && kind.is_asked() {
            events.push(Event::LockedToMerchant { merchant: purchase.merchant, at: now });
        }
        Ok(events)
    }

    fn is_within_monthly_limit(&self, limit: Money, window: Window, attempted: Money) -> Result<(), Error> {
        let used = self.usage.used_in(window).map_or(limit, |tally| Money::new(tally.amount, limit.currency));
        match used.checked_add(attempted) {
            Ok(total) if total <= limit => Ok(()),
            Ok(_) | Err(_) => Err(Error::LimitExceeded { limit, used, attempted, window }),
        }
    }

    pub(super) fn release(
        &self,
        payment_id: PaymentId,
        amount: Money,
        slot: Slot,
        partial: bool,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Error> {
        self.details()?.is_amount(amount)?;
        let window = slot.window();
        let held = self.usage.used_in(window).map(|tally| Money::new(tally.amount, amount.currency));
        match held {
            Some(held) if amount > held => Err(Error::ReleaseExceedsHeld { held, attempted: amount, window }),
            // In a month that is forgotten nothing is known, and nothing can be spent.
            Some(_) | None => {
                Ok(vec![Event::HoldReleased { payment_id, amount, window, slot: Some(slot), partial, at: now }])
            }
        }
    }
}

impl Details {
    pub fn can_spend(&self, user_id: UserId, now: DateTime<Utc>) -> Result<(), Error> {
        if user_id != self.owner {
            return Err(Error::NotOwner);
        }
        match self.stage {
            Stage::Requested | Stage::IssueFailed => return Err(Error::NotIssued),
            Stage::Terminated => return Err(Error::Terminated),
            Stage::Inactive | Stage::Active if !self.freezes.is_empty() => return Err(Error::Frozen),
            Stage::Inactive => return Err(Error::NotActivated),
            Stage::Active | Stage::Expired => {}
        }
        match self.expiry() {
            Some(expiry) if self.stage == Stage::Expired || expiry.has_passed(now) => Err(Error::Expired { expiry }),
            Some(_) | None => Ok(()),
        }
    }

    fn is_amount(&self, amount: Money) -> Result<(), Error> {
        if !amount.is_positive() {
            return Err(Error::AmountNotPositive { amount });
        }
        let (card, payment) = (self.monthly_limit.currency, amount.currency);
        if card != payment {
            return Err(Error::CurrencyMismatch { card, payment });
        }
        Ok(())
    }

    /// Whether the card is for this payment at all.
    fn serves(&self, payment_id: PaymentId, purchase: &Purchase) -> Result<(), Refusal> {
        match (&self.purpose, self.payment) {
            (Purpose::SingleUse, Some(first)) if first != payment_id => Err(Refusal::Used { payment_id: first }),
            (Purpose::MerchantLocked { merchant: Some(only) }, _) if !is_same(only, &purchase.merchant) => {
                Err(Refusal::OtherMerchant { locked_to: only.clone() })
            }
            (Purpose::Standard | Purpose::SingleUse | Purpose::MerchantLocked { .. }, _) => Ok(()),
        }
    }
}

/// Merchants are told by their names, whatever the case of the letters.
fn is_same(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

fn letters(name: &str) -> impl Iterator<Item = char> {
    name.trim().chars().flat_map(char::to_lowercase)
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        Error::ControlRefused { refusal }
    }
}
