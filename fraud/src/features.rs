use aggregates::{
    Money,
    payment::{Event, Tally},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::window::Recent;

/// How many devices are remembered; the one longest unused makes room.
const DEVICES_KEPT: usize = 8;
/// From here on a new amount moves the mean by this part of its distance, so that habits may change.
const MEAN_OVER: i64 = 50;

const TEN_MINUTES: i64 = 600;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// What a person's payments so far say of their habits. Some 200 bytes, however many payments there were.
///
/// Amounts are in thousandths of the currency's major unit (1.50 USD and 1.500 KWD are both 1500). Currencies are
/// not converted: a person with cards in several has one mean over all of them.
///
/// What is counted is what the person did. An attempt is an authorisation that was asked for, through us or by a
/// merchant in the card network, whoever answered it and however: once for each payment. No attempts are what a merchant
/// does afterwards or unasked: asking for more on the same authorisation, posting without one, refunding. A payment that
/// is captured in parts is one captured payment of their sum; what a refund brings back stays counted, since it was
/// bought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonState {
    first_seen: Option<DateTime<Utc>>,
    attempts_10_minutes: Recent<TEN_MINUTES>,
    attempts_hour: Recent<HOUR>,
    attempts_day: Recent<DAY>,
    declined_day: Recent<DAY>,
    captured_day: Recent<DAY>,
    captured_count: i64,
    captured_mean: i64,
    /// Hashes, the most recently used last.
    devices: Vec<u64>,
}

impl PersonState {
    /// Learns from the next event of the person's payments, in the log's order. `before` is what its payment's events
    /// add up to without it. The projection and a replay both come this way.
    pub fn step(&mut self, event: &Event, before: Tally) {
        match event {
            Event::Initiated { network: Some(network), .. } if network.posted => {}
            Event::Initiated { device_id, hold, at, .. } => {
                self.first_seen.get_or_insert(*at);
                self.attempts_10_minutes.add(1, *at);
                self.attempts_hour.add(1, *at);
                self.attempts_day.add(1, *at);
                // Only a payment that passed screening vouches for its device.
                if let (Some(device_id), Some(_)) = (device_id, hold) {
                    self.remember(fingerprint(device_id));
                }
            }
            // What is authorised may never be paid, and what is forced shows in its capture; what comes back was paid,
            // and says nothing of habits.
            Event::Resumed { .. }
            | Event::Authorized { .. }
            | Event::Incremented { .. }
            | Event::Reversed { .. }
            | Event::Expired { .. }
            | Event::Refunded { .. } => {}
            Event::Captured { amount, at, .. } => {
                let amount = thousandths(*amount);
                self.captured_day.add(amount, *at);
                // A further part makes its payment larger, as if it had been captured whole.
                let mut moved = amount;
                if before.captured == 0 {
                    self.captured_count = self.captured_count.saturating_add(1);
                    moved = amount.saturating_sub(self.captured_mean);
                }
                let weight = self.captured_count.clamp(1, MEAN_OVER);
                self.captured_mean = self.captured_mean.saturating_add(moved / weight);
            }
            Event::Declined { at, .. } | Event::IncrementDeclined { at, .. } => self.declined_day.add(1, *at),
        }
    }

    /// When the person first tried to pay.
    pub fn first_seen(&self) -> Option<DateTime<Utc>> {
        self.first_seen
    }

    /// Payments begun in the last ten minutes, whatever became of them.
    pub fn attempts_10_minutes(&self, now: DateTime<Utc>) -> i64 {
        self.attempts_10_minutes.total(now)
    }

    pub fn attempts_hour(&self, now: DateTime<Utc>) -> i64 {
        self.attempts_hour.total(now)
    }

    pub fn attempts_day(&self, now: DateTime<Utc>) -> i64 {
        self.attempts_day.total(now)
    }

    pub fn declined_day(&self, now: DateTime<Utc>) -> i64 {
        self.declined_day.total(now)
    }

    /// What was captured in the last day, in thousandths of the major unit.
    pub fn captured_day(&self, now: DateTime<Utc>) -> i64 {
        self.captured_day.total(now)
    }

    /// How many payments were captured, ever.
    pub fn captured_count(&self) -> i64 {
        self.captured_count
    }

    /// The mean captured amount in thousandths of the major unit, recent ones weighing more.
    pub fn captured_mean(&self) -> i64 {
        self.captured_mean
    }

    pub fn knows_devices(&self) -> bool {
        !self.devices.is_empty()
    }

    pub fn knows_device(&self, device_id: &str) -> bool {
        self.devices.contains(&fingerprint(device_id))
    }

    fn remember(&mut self, device: u64) {
        self.devices.retain(|known| *known != device);
        if self.devices.len() == DEVICES_KEPT {
            self.devices.remove(0);
        }
        self.devices.push(device);
    }
}

/// Thousandths of the major unit; finer currencies are rounded down, amounts beyond the range become its end.
pub(crate) fn thousandths(amount: Money) -> i64 {
    match amount.currency.exponent() {
        exponent @ 0..=3 => amount.minor_units.saturating_mul(10_i64.pow(3 - exponent)),
        exponent => 10_i64.checked_pow(exponent - 3).map_or(0, |divisor| amount.minor_units / divisor),
    }
}

/// FNV-1a, 64 bits. Written out because its values are stored: a hash that changes between releases would make
/// every device unknown. No secret is behind it; a person who finds a collision fools only their own history.
fn fingerprint(device_id: &str) -> u64 {
    device_id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests;
