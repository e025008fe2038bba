//! A payment with a virtual card: intent, screening and outcome.

mod commands;
mod errors;
mod events;
mod screening;
mod state;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use crate::{Kind, Money, aggregate::aggregate, card::Slot};

pub use commands::Command;
pub use errors::{Decline, Error};
pub use events::Event;
pub use screening::{Check, Checks, RiskLevel, Screening};
pub use state::{Payment, Status};

use state::{Intent, Outcome};

aggregate!(Payment, Kind::Payment, snapshot_version = 2);

impl Payment {
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::Initiate {
                user_id,
                card_id,
                amount,
                merchant,
                merchant_category,
                device_id,
                screening,
                hold,
                request_digest,
                now: at,
            } => {
                if let Some(intent) = &self.intent {
                    // Screening, hold and time are ours and differ on a repeat; these are the client's.
                    let same = (intent.user_id, intent.card_id, intent.amount) == (user_id, card_id, amount)
                        && (&intent.merchant, &intent.request_digest) == (&merchant, &request_digest);
                    return if same { Ok(vec![]) } else { Err(Error::KeyReused) };
                }
                if !amount.is_positive() {
                    return Err(Error::AmountNotPositive { amount });
                }
                Ok(vec![Event::Initiated {
                    user_id,
                    card_id,
                    amount,
                    merchant,
                    merchant_category,
                    device_id,
                    screening,
                    hold: hold.map(Slot::window),
                    slot: hold,
                    request_digest,
                    at,
                }])
            }
            Command::Resume { now } => self.resume(now),
            Command::Capture { gateway, gateway_reference, amount, now } => {
                self.capture(gateway, gateway_reference, amount, now)
            }
            Command::Decline { reason, now } => match self.status().ok_or(Error::NotFound)? {
                Status::Pending => Ok(vec![Event::Declined { reason, at: now }]),
                Status::Declined => Ok(vec![]),
                Status::Captured => Err(Error::AlreadyCaptured),
            },
        }
    }

    fn resume(&self, now: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        let intent = self.intent.as_ref().ok_or(Error::NotFound)?;
        match intent.outcome {
            Outcome::Awaited if intent.resumed => Ok(vec![]),
            Outcome::Awaited => Ok(vec![Event::Resumed { at: now }]),
            Outcome::Captured { .. } => Err(Error::AlreadyCaptured),
            Outcome::Declined { .. } => Err(Error::AlreadyDeclined),
        }
    }

    fn capture(
        &self,
        gateway: String,
        gateway_reference: String,
        amount: Money,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Error> {
        let intent = self.intent.as_ref().ok_or(Error::NotFound)?;
        match &intent.outcome {
            Outcome::Awaited => {
                intent.can_capture(amount)?;
                Ok(vec![Event::Captured { gateway, gateway_reference, amount, at: now }])
            }
            Outcome::Captured { gateway: by, gateway_reference: reference, .. }
                if (by, reference) == (&gateway, &gateway_reference) =>
            {
                Ok(vec![])
            }
            Outcome::Captured { .. } => Err(Error::AlreadyCaptured),
            Outcome::Declined { .. } => Err(Error::AlreadyDeclined),
        }
    }

    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Initiated {
                user_id,
                card_id,
                amount,
                merchant,
                merchant_category,
                device_id,
                screening,
                hold,
                slot,
                request_digest,
                at,
            } => {
                self.intent = Some(Intent {
                    user_id: *user_id,
                    card_id: *card_id,
                    amount: *amount,
                    merchant: merchant.clone(),
                    merchant_category: merchant_category.clone(),
                    device_id: device_id.clone(),
                    screening: screening.clone(),
                    hold: slot.or(hold.map(|_| Slot::utc(*at))),
                    request_digest: request_digest.clone(),
                    initiated_at: *at,
                    resumed: false,
                    outcome: Outcome::Awaited,
                });
            }
            Event::Resumed { at: _ } => {
                if let Some(intent) = &mut self.intent {
                    intent.resumed = true;
                }
            }
            Event::Captured { gateway, gateway_reference, amount, at } => self.conclude(Outcome::Captured {
                gateway: gateway.clone(),
                gateway_reference: gateway_reference.clone(),
                amount: *amount,
                at: *at,
            }),
            Event::Declined { reason, at } => self.conclude(Outcome::Declined { reason: reason.clone(), at: *at }),
        }
    }

    fn conclude(&mut self, outcome: Outcome) {
        if let Some(intent) = &mut self.intent {
            intent.outcome = outcome;
        }
    }
}

impl Intent {
    /// Part of what is held may be captured, never more, and nothing where nothing is held.
    fn can_capture(&self, amount: Money) -> Result<(), Error> {
        if self.hold.is_none() {
            return Err(Error::NotHeld);
        }
        if !amount.is_positive() {
            return Err(Error::AmountNotPositive { amount });
        }
        match amount.partial_cmp(&self.amount) {
            Some(Ordering::Less | Ordering::Equal) => Ok(()),
            Some(Ordering::Greater) | None => {
                Err(Error::CaptureExceedsAuthorized { authorized: self.amount, attempted: amount })
            }
        }
    }
}
