use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use crate::{Money, card::Slot};

use super::{Command, Decline, Error, Event, Payment, Release, Status, Tally, ledger::Named, state::Intent};

/// Movements that third parties name, of one payment. Past it they are refused, and somebody has to look.
pub(super) const MOST_MOVEMENTS: usize = 1_000;

type Decided = Result<Vec<Event>, Error>;

impl Payment {
    /// What the command leads to. A repetition, told by the third party's id, leads to nothing.
    pub fn decide(&self, command: Command) -> Decided {
        match command {
            command @ Command::Initiate { .. } => self.initiate(command),
            Command::Resume { now } => self.resume(now),
            Command::Authorize { reference, now } => self.authorize(reference, now),
            Command::Acknowledge { reference, amount, now } => self.acknowledge(reference, amount, now),
            Command::Increment { reference, amount, forced, slot, now } => {
                self.increment(reference, amount, forced, slot, now)
            }
            Command::DeclineIncrement { reference, amount, reason, now } => {
                self.decline_increment(reference, amount, reason, now)
            }
            Command::Capture { gateway, gateway_reference, amount, is_final, now: at } => {
                match self.can_capture(&gateway, &gateway_reference, amount)? {
                    true => Ok(vec![Event::Captured { gateway, gateway_reference, amount, is_final, at }]),
                    false => Ok(vec![]),
                }
            }
            Command::Reverse { reference, amount, cause, now } => self.reverse(reference, amount, cause, now),
            Command::Expire { now } => self.expire(now),
            Command::Refund { reference, amount, heard, now } => self.refund(reference, amount, heard, now),
            Command::Decline { reason, now } => match self.status().ok_or(Error::NotFound)? {
                Status::Pending => Ok(vec![Event::Declined { reason, at: now }]),
                Status::Declined => Ok(vec![]),
                status => Err(already(status)),
            },
        }
    }

    fn initiate(&self, command: Command) -> Decided {
        let Command::Initiate {
            user_id,
            card_id,
            amount,
            merchant,
            merchant_category,
            device_id,
            screening,
            hold,
            request_digest,
            network,
            now: at,
        } = command
        else {
            return Ok(vec![]);
        };
        if let Some(intent) = &self.intent {
            // Screening, hold and time are ours and differ on a repeat; these are the client's.
            let same = (intent.user_id, intent.card_id, intent.amount) == (user_id, card_id, amount)
                && (&intent.merchant, &intent.request_digest) == (&merchant, &request_digest)
                && intent.network == network;
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
            network,
            at,
        }])
    }

    fn resume(&self, now: DateTime<Utc>) -> Decided {
        let intent = self.intent.as_ref().ok_or(Error::NotFound)?;
        match intent.status() {
            Status::Pending if intent.resumed => Ok(vec![]),
            Status::Pending => Ok(vec![Event::Resumed { at: now }]),
            status => Err(already(status)),
        }
    }

    fn authorize(&self, reference: String, at: DateTime<Utc>) -> Decided {
        let intent = self.intent.as_ref().ok_or(Error::NotFound)?;
        if intent.ledger.knows(Named::Authorization, &reference) {
            return Ok(vec![]);
        }
        match intent.status() {
            Status::Pending if intent.hold.is_none() => Err(Error::NotHeld),
            Status::Pending => {
                Ok(vec![Event::Authorized { reference, amount: intent.money(intent.ledger.tally.held()), at }])
            }
            status => Err(already(status)),
        }
    }

    fn acknowledge(&self, reference: String, amount: Money, at: DateTime<Utc>) -> Decided {
        let intent = self.intent.as_ref().ok_or(Error::NotFound)?;
        if intent.ledger.knows(Named::Authorization, &reference) {
            return Ok(vec![]);
        }
        intent.check(amount)?;
        if amount.minor_units > intent.ledger.unruled {
            return Err(Error::NotHeld);
        }
        Ok(vec![Event::Authorized { reference, amount, at }])
    }

    fn increment(&self, reference: String, amount: Money, forced: bool, slot: Slot, at: DateTime<Utc>) -> Decided {
        let intent = self.intent.as_ref().ok_or(Error::NotFound)?;
        if intent.ledger.knows(Named::Authorization, &reference) {
            return Ok(vec![]);
        }
        intent.check(amount)?;
        match intent.status() {
            _ if forced && intent.network.is_none() => Err(Error::NotOfNetwork),
            _ if forced => Ok(()),
            Status::Authorized => Ok(()),
            Status::Captured if intent.is_open() => Ok(()),
            Status::Pending => Err(Error::NotAuthorized),
            status => Err(already(status)),
        }?;
        Ok(vec![Event::Incremented { reference, amount, forced, slot, at }])
    }

    fn decline_increment(&self, reference: String, amount: Money, reason: Decline, at: DateTime<Utc>) -> Decided {
        let intent = self.intent.as_ref().ok_or(Error::NotFound)?;
        if intent.ledger.knows(Named::Declined, &reference) {
            return Ok(vec![]);
        }
        if intent.ledger.knows(Named::Authorization, &reference) {
            return Err(Error::AlreadyAuthorized);
        }
        intent.check(amount)?;
        Ok(vec![Event::IncrementDeclined { reference, amount, reason, at }])
    }

    /// Whether it is a capture of its own; false for a repetition. Part of what is held may be captured, never more,
    /// and nothing where nothing is held.
    fn can_capture(&self, gateway: &str, reference: &str, amount: Money) -> Result<bool, Error> {
        let intent = self.intent.as_ref().ok_or(Error::NotFound)?;
        if intent.ledger.knows(Named::Capture, reference) && intent.gateway.as_deref() == Some(gateway) {
            return Ok(false);
        }
        match intent.status() {
            Status::Pending | Status::Authorized => {}
            Status::Captured | Status::Refunded if intent.is_open() => {}
            status => return Err(already(status)),
        }
        if intent.ledger.tally.authorized == 0 {
            return Err(Error::NotHeld);
        }
        if !amount.is_positive() {
            return Err(Error::AmountNotPositive { amount });
        }
        let held = intent.money(intent.ledger.tally.held());
        match amount.partial_cmp(&held) {
            Some(Ordering::Less | Ordering::Equal) => intent.has_room(amount).map(|()| true),
            Some(Ordering::Greater) | None => {
                Err(Error::CaptureExceedsAuthorized { authorized: held, attempted: amount })
            }
        }
    }

    fn reverse(&self, reference: String, amount: Money, cause: Release, at: DateTime<Utc>) -> Decided {
        let intent = self.intent.as_ref().ok_or(Error::NotFound)?;
        if intent.ledger.knows(named(cause), &reference) {
            return Ok(vec![]);
        }
        let held = intent.money(intent.ledger.tally.held());
        // What gives all of it back is heard however much was heard before, lest the card hold it for ever.
        match amount == held {
            true => intent.is_amount(amount)?,
            false => intent.check(amount)?,
        }
        if intent.status() == Status::Pending {
            return Err(Error::NotAuthorized);
        }
        if amount > held {
            return Err(Error::ReleaseExceedsHeld { held, attempted: amount });
        }
        Ok(vec![Event::Reversed { reference, amount, cause, at }])
    }

    fn expire(&self, at: DateTime<Utc>) -> Decided {
        let intent = self.intent.as_ref().ok_or(Error::NotFound)?;
        match intent.status() {
            Status::Pending => Err(Error::NotAuthorized),
            _ if intent.ledger.tally.held() == 0 => Ok(vec![]),
            _ => Ok(vec![Event::Expired { amount: intent.money(intent.ledger.tally.held()), at }]),
        }
    }

    fn refund(&self, reference: String, amount: Money, heard: bool, at: DateTime<Utc>) -> Decided {
        let intent = self.intent.as_ref().ok_or(Error::NotFound)?;
        let Tally { captured, returned, .. } = intent.ledger.tally;
        if intent.ledger.knows(Named::Refund, &reference) {
            return Ok(vec![]);
        }
        intent.check(amount)?;
        if heard && intent.network.is_none() {
            return Err(Error::NotOfNetwork);
        }
        if !heard && amount.minor_units > captured.saturating_sub(returned) {
            let (captured, refunded) = (intent.money(captured), intent.money(intent.ledger.tally.refunded()));
            return Err(Error::RefundExceedsCaptured { captured, refunded, attempted: amount });
        }
        Ok(vec![Event::Refunded { reference, amount, at }])
    }
}

/// Under which kind the cause's id is remembered.
pub(super) fn named(cause: Release) -> Named {
    if cause.withdraws() { Named::Withdrawn } else { Named::Reversal }
}

/// Why it is too late for what is asked.
fn already(status: Status) -> Error {
    match status {
        Status::Pending => Error::NotAuthorized,
        Status::Authorized => Error::AlreadyAuthorized,
        Status::Captured | Status::Refunded => Error::AlreadyCaptured,
        Status::Declined => Error::AlreadyDeclined,
        Status::Voided | Status::Expired => Error::AlreadyReleased,
    }
}

impl Intent {
    fn check(&self, amount: Money) -> Result<(), Error> {
        self.is_amount(amount)?;
        self.has_room(amount)
    }

    fn is_amount(&self, amount: Money) -> Result<(), Error> {
        if !amount.is_positive() {
            return Err(Error::AmountNotPositive { amount });
        }
        if amount.currency != self.amount.currency {
            return Err(Error::CurrencyMismatch { payment: self.amount.currency, attempted: amount.currency });
        }
        Ok(())
    }

    fn has_room(&self, amount: Money) -> Result<(), Error> {
        match self.ledger.has_room(amount.minor_units) {
            true if self.ledger.known() < MOST_MOVEMENTS => Ok(()),
            true => Err(Error::TooManyMovements { most: MOST_MOVEMENTS }),
            false => Err(Error::OutOfRange),
        }
    }
}
