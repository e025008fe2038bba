//! A virtual card: its life and the limit on what it may spend.

mod commands;
mod controls;
mod errors;
mod events;
mod purchase;
mod slot;
mod spending;
mod state;
#[cfg(test)]
mod tests;
mod types;

use chrono::{DateTime, Utc};

use crate::{Kind, Money, UserId, aggregate::aggregate};

pub use commands::Command;
pub use controls::{Period, Refusal};
pub use errors::Error;
pub use events::Event;
pub use purchase::{Channel, Country, HoldKind, Mcc, Purchase};
pub use slot::Slot;
pub use state::{Card, Status};
pub use types::{CardType, Expiry, Window};

use state::{Answer, Details};

aggregate!(Card, Kind::Card, snapshot_version = 1);

impl Card {
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::Request { user_id, card_type, monthly_limit, now } => {
                self.request(user_id, card_type, monthly_limit, now)
            }
            Command::RecordIssued { issuer, issuer_reference, last_four, expiry, now } => {
                self.details()?.record(Answer::Issued { issuer, issuer_reference, last_four, expiry }, now)
            }
            Command::RecordIssueFailed { issuer, reason, now } => {
                self.details()?.record(Answer::Failed { issuer, reason }, now)
            }
            Command::Hold { user_id, payment_id, kind, purchase, now } => {
                let amount = purchase.amount;
                let slot = self.can_hold(user_id, kind, &purchase, now)?;
                Ok(vec![Event::Held { payment_id, kind, amount, window: slot.window(), slot: Some(slot), at: now }])
            }
            Command::ReleaseHold { payment_id, amount, slot, partial, now } => {
                let window = slot.window();
                self.details()?.is_amount(amount)?;
                self.spending.can_release(window, amount)?;
                Ok(vec![Event::HoldReleased { payment_id, amount, window, slot: Some(slot), partial, at: now }])
            }
            Command::Freeze { now } => self.details()?.switch(Status::Frozen, Event::Frozen { at: now }),
            Command::Unfreeze { now } => self.details()?.switch(Status::Active, Event::Unfrozen { at: now }),
            Command::Terminate { now } => self.details()?.switch(Status::Terminated, Event::Terminated { at: now }),
            Command::Reveal { user_id, session_id, now } => {
                self.details()?.can_spend(user_id, now)?;
                Ok(vec![Event::Revealed { session_id, at: now }])
            }
        }
    }

    fn request(
        &self,
        user_id: UserId,
        card_type: CardType,
        monthly_limit: Money,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Error> {
        match &self.details {
            None if monthly_limit.is_positive() => {
                Ok(vec![Event::Requested { user_id, card_type, monthly_limit, at: now }])
            }
            None => Err(Error::LimitNotPositive { limit: monthly_limit }),
            Some(known) if known.owner != user_id => Err(Error::NotOwner),
            Some(known) if (known.card_type, known.monthly_limit) == (card_type, monthly_limit) => Ok(vec![]),
            Some(known) => {
                Err(Error::AlreadyRequested { card_type: known.card_type, monthly_limit: known.monthly_limit })
            }
        }
    }

    /// Where it would count.
    fn can_hold(
        &self,
        user_id: UserId,
        kind: HoldKind,
        purchase: &Purchase,
        now: DateTime<Utc>,
    ) -> Result<Slot, Error> {
        let details = self.details()?;
        if kind != HoldKind::Forced {
            details.can_spend(user_id, now)?;
        }
        details.is_amount(purchase.amount)?;
        let slot = self.slot(now);
        if kind != HoldKind::Forced {
            self.spending.can_hold(slot.window(), purchase.amount, details.monthly_limit)?;
        }
        Ok(slot)
    }

    fn details(&self) -> Result<&Details, Error> {
        self.details.as_ref().ok_or(Error::NotFound)
    }

    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Requested { user_id, card_type, monthly_limit, at } => {
                self.details = Some(Details {
                    owner: *user_id,
                    card_type: *card_type,
                    monthly_limit: *monthly_limit,
                    requested_at: *at,
                    status: Status::Requested,
                    answer: None,
                });
            }
            Event::Issued { issuer, issuer_reference, last_four, expiry, at: _ } => self.turn(
                Status::Active,
                Some(Answer::Issued {
                    issuer: issuer.clone(),
                    issuer_reference: issuer_reference.clone(),
                    last_four: last_four.clone(),
                    expiry: *expiry,
                }),
            ),
            Event::IssueFailed { issuer, reason, at: _ } => {
                self.turn(Status::IssueFailed, Some(Answer::Failed { issuer: issuer.clone(), reason: reason.clone() }))
            }
            Event::Held { amount, window, payment_id: _, kind: _, slot: _, at: _ } => {
                self.spending.hold(*window, *amount)
            }
            Event::HoldReleased { amount, window, payment_id: _, slot: _, partial: _, at: _ } => {
                self.spending.release(*window, *amount)
            }
            Event::Frozen { at: _ } => self.turn(Status::Frozen, None),
            Event::Unfrozen { at: _ } => self.turn(Status::Active, None),
            Event::Terminated { at: _ } => self.turn(Status::Terminated, None),
            Event::Revealed { session_id: _, at: _ } => {}
        }
    }

    fn turn(&mut self, status: Status, answer: Option<Answer>) {
        if let Some(details) = &mut self.details {
            details.status = status;
            details.answer = answer.or_else(|| details.answer.take());
        }
    }
}
