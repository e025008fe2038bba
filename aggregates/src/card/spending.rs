use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Money;

use super::{Error, Window};

/// How many months are kept: the current one and the twelve before it.
const WINDOWS_KEPT: usize = 13;

/// What each month's limit has been used for, in minor units of the card's currency.
///
/// Only the newest [`WINDOWS_KEPT`] months are kept, so the state stays small however old the card grows. That is
/// safe because nothing can be spent in a forgotten month any more: a hold there is refused as if the limit were
/// used up, and a release, which would free what nobody can spend, changes nothing. A month stays in the map when
/// all of it is released; otherwise "not in the map" could not tell "forgotten" from "never used".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Spending(BTreeMap<Window, i64>);

impl Spending {
    pub fn used(&self, window: Window) -> i64 {
        self.0.get(&window).copied().unwrap_or(0)
    }

    /// `amount` and `limit` are in the card's currency.
    pub fn can_hold(&self, window: Window, amount: Money, limit: Money) -> Result<(), Error> {
        let used = match self.is_forgotten(window) {
            true => limit,
            false => Money::new(self.used(window), limit.currency),
        };
        match used.checked_add(amount) {
            Ok(total) if total <= limit => Ok(()),
            Ok(_) | Err(_) => Err(Error::LimitExceeded { limit, used, attempted: amount, window }),
        }
    }

    pub fn can_release(&self, window: Window, amount: Money) -> Result<(), Error> {
        let held = Money::new(self.used(window), amount.currency);
        match amount <= held || self.is_forgotten(window) {
            true => Ok(()),
            false => Err(Error::ReleaseExceedsHeld { held, attempted: amount, window }),
        }
    }

    pub fn hold(&mut self, window: Window, amount: Money) {
        let used = self.0.entry(window).or_default();
        *used = used.saturating_add(amount.minor_units);
        while self.0.len() > WINDOWS_KEPT {
            self.0.pop_first();
        }
    }

    pub fn release(&mut self, window: Window, amount: Money) {
        if let Some(used) = self.0.get_mut(&window) {
            *used = used.saturating_sub(amount.minor_units);
        }
    }

    fn is_forgotten(&self, window: Window) -> bool {
        self.0.len() == WINDOWS_KEPT && self.0.first_key_value().is_some_and(|(oldest, _)| window < *oldest)
    }
}
