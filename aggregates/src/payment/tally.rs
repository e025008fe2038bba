use serde::{Deserialize, Serialize};

use super::{Event, Status};

/// What a payment's events add up to, in minor units of its currency: the one sum that the payment itself, its read
/// models and its statuses are made of.
///
/// `captured + released ≤ authorized`, since no more is decided; what the network takes beyond is authorised first, as
/// a forced increment. Refunds may be heard of before the capture that they belong to, so what came back is counted as
/// it is, and what of it is a refund follows: never more than was captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    pub authorized: i64,
    pub captured: i64,
    pub released: i64,
    pub returned: i64,
    /// The hold stands, by whoever's word.
    pub confirmed: bool,
    pub declined: bool,
    pub expired: bool,
}

impl Tally {
    /// Counts the payment's next event.
    pub fn step(&mut self, event: &Event) {
        match event {
            Event::Initiated { amount, hold, slot, .. } => {
                if hold.is_some() || slot.is_some() {
                    self.authorized = amount.minor_units;
                }
            }
            Event::Resumed { .. } | Event::IncrementDeclined { .. } => {}
            Event::Authorized { .. } => self.confirmed = true,
            Event::Incremented { amount, .. } => {
                self.confirmed = true;
                self.authorized = self.authorized.saturating_add(amount.minor_units);
            }
            Event::Captured { amount, .. } => {
                self.captured = self.captured.saturating_add(amount.minor_units).min(self.authorized - self.released);
            }
            Event::Declined { .. } => {
                self.declined = true;
                self.release(i64::MAX);
            }
            Event::Reversed { amount, .. } => self.release(amount.minor_units),
            Event::Expired { amount, .. } => {
                self.expired = true;
                self.release(amount.minor_units);
            }
            Event::Refunded { amount, .. } => self.returned = self.returned.saturating_add(amount.minor_units),
        }
    }

    fn release(&mut self, amount: i64) {
        self.released += amount.min(self.held());
    }

    /// Authorised, and neither captured nor given back.
    pub fn held(&self) -> i64 {
        self.authorized - self.captured - self.released
    }

    /// All that the payment is for, as it stands: what is captured or may still be.
    pub fn standing(&self) -> i64 {
        self.authorized - self.released
    }

    /// What came back of the captured amount.
    pub fn refunded(&self) -> i64 {
        self.returned.min(self.captured)
    }

    pub fn status(&self) -> Status {
        if self.captured > 0 {
            return if self.returned >= self.captured { Status::Refunded } else { Status::Captured };
        }
        match self.held() > 0 {
            true if self.confirmed => Status::Authorized,
            true => Status::Pending,
            false if self.declined => Status::Declined,
            false if self.returned > 0 => Status::Refunded,
            false if self.authorized == 0 => Status::Pending,
            false if self.expired => Status::Expired,
            false => Status::Voided,
        }
    }
}
