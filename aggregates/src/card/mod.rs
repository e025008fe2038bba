//! A virtual card: its life, and what it may be used for.

mod apply;
mod commands;
pub mod controls;
mod errors;
mod events;
mod life;
mod purchase;
mod slot;
mod spending;
mod state;
mod terms;
#[cfg(test)]
mod tests;
mod types;
mod usage;

use chrono::{DateTime, Utc};

use crate::{Kind, Money, UserId, aggregate::aggregate};

pub use commands::Command;
pub use controls::{Bound, Controls, Period, Refusal, Standing};
pub use errors::Error;
pub use events::Event;
pub use purchase::{Channel, Country, HoldKind, Mcc, Purchase};
pub use slot::Slot;
pub use state::{Card, Limits, Status};
pub use terms::{Authority, IssuerStatus, Purpose, Reason, Replacement, Replaces, Terms};
pub use types::{CardType, Expiry, Window};
pub use usage::Usage;

use state::{Answer, Details, Stage};

aggregate!(Card, Kind::Card, snapshot_version = 2);

impl Card {
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::Request { user_id, card_type, monthly_limit, terms, now } => {
                self.request(user_id, card_type, monthly_limit, terms, now)
            }
            Command::RecordIssued { issuer, issuer_reference, last_four, expiry, now } => {
                self.details()?.record(Answer::Issued { issuer, issuer_reference, last_four, expiry }, now)
            }
            Command::RecordIssueFailed { issuer, reason, now } => {
                self.details()?.record(Answer::Failed { issuer, reason }, now)
            }
            Command::Hold { user_id, payment_id, kind, purchase, earlier, now } => {
                self.hold((user_id, payment_id), kind, purchase, earlier, now)
            }
            Command::ReleaseHold { payment_id, amount, slot, partial, now } => {
                self.release(payment_id, amount, slot, partial, now)
            }
            Command::Activate { by, now } => self.details()?.activate(by, now),
            Command::Freeze { by, reason, now } => self.details()?.freeze(by, reason, now),
            Command::Unfreeze { by, whose, reason, now } => self.details()?.unfreeze(by, whose, reason, now),
            Command::Terminate { by, reason, now } => self.details()?.terminate(by, reason, now),
            Command::Expire { now } => self.details()?.expire(now),
            Command::AnnounceExpiry { notice, now } => self.details()?.announce_expiry(notice, now),
            Command::Replace { successor, by, reason, now } => self.details()?.replace(successor, by, reason, now),
            Command::SetControls { controls, monthly_limit, may_loosen, now } => {
                self.details()?.set_controls(controls, monthly_limit, may_loosen, now)
            }
            Command::RecordIssuerTold { status, now } => self.details()?.record_told(status, now),
            Command::RecordIssuerStatus { status, now } => self.details()?.record_status(status, now),
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
        terms: Terms,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Error> {
        match &self.details {
            None if monthly_limit.is_positive() => {
                let controls = terms.controls.normalized();
                controls.check(monthly_limit.currency)?;
                Ok(vec![Event::Requested {
                    user_id,
                    card_type,
                    monthly_limit,
                    purpose: terms.purpose,
                    controls: Box::new(controls),
                    needs_activation: terms.needs_activation,
                    replaces: terms.replaces.map(Box::new),
                    at: now,
                }])
            }
            None => Err(Error::LimitNotPositive { limit: monthly_limit }),
            Some(known) if known.owner != user_id => Err(Error::NotOwner),
            Some(known) if (known.card_type, known.monthly_limit) == (card_type, monthly_limit) => Ok(vec![]),
            Some(known) => {
                Err(Error::AlreadyRequested { card_type: known.card_type, monthly_limit: known.monthly_limit })
            }
        }
    }

    fn details(&self) -> Result<&Details, Error> {
        self.details.as_ref().ok_or(Error::NotFound)
    }

    /// Whether these controls would allow anything that the card's own do not.
    pub fn is_loosened_by(&self, controls: &Controls, monthly_limit: Money) -> bool {
        self.details.as_ref().is_some_and(|details| details.is_loosened_by(controls, monthly_limit))
    }
}

impl Details {
    fn set_controls(
        &self,
        controls: Controls,
        monthly_limit: Money,
        may_loosen: bool,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Error> {
        match self.stage {
            Stage::Requested | Stage::Inactive | Stage::Active => {}
            Stage::IssueFailed => return Err(Error::NotIssued),
            Stage::Expired => return Err(self.expiry().map_or(Error::Terminated, |expiry| Error::Expired { expiry })),
            Stage::Terminated => return Err(Error::Terminated),
        }
        let controls = controls.normalized();
        if (&controls, monthly_limit) == (&self.controls, self.monthly_limit) {
            return Ok(vec![]);
        }
        let (card, payment) = (self.monthly_limit.currency, monthly_limit.currency);
        if card != payment {
            return Err(Error::CurrencyMismatch { card, payment });
        }
        if !monthly_limit.is_positive() {
            return Err(Error::LimitNotPositive { limit: monthly_limit });
        }
        controls.check(card)?;
        match self.is_loosened_by(&controls, monthly_limit) && !may_loosen {
            true => Err(Error::Loosened),
            false => Ok(vec![Event::ControlsSet { controls: Box::new(controls), monthly_limit, at: now }]),
        }
    }

    fn is_loosened_by(&self, controls: &Controls, monthly_limit: Money) -> bool {
        monthly_limit.minor_units > self.monthly_limit.minor_units || self.controls.is_loosened_by(controls)
    }
}
