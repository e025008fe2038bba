use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Period, Refusal, TimeZone, not_valid};
use crate::{
    Currency, Money,
    card::{
        Error, Slot,
        usage::{Tally, Usage},
    },
};

/// How much, and how often, in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    pub period: Period,
    /// In the card's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Payments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// How far a limit is used. `remaining` and `used` together are the limit, unless more is used than it allows: after it
/// was lowered, or where the network did not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound<T> {
    pub limit: T,
    pub used: T,
    pub remaining: T,
}

/// A limit as it stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub period: Period,
    pub amount: Option<Bound<Money>>,
    pub count: Option<Bound<u32>>,
    /// The window that the limit counts in; a lifetime has none, nor has a single payment.
    pub from: Option<DateTime<Utc>>,
    /// A rolling window has no end.
    pub until: Option<DateTime<Utc>>,
}

pub(super) fn check(limits: &[Limit], currency: Currency) -> Result<(), Error> {
    if limits.windows(2).any(|pair| pair[0].period == pair[1].period) {
        return Err(not_valid("limits", "has one limit for each period".to_owned()));
    }
    for limit in limits {
        let wrong = match limit {
            Limit { amount: None, count: None, .. } => Some("says how much or how often"),
            Limit { period: Period::Transaction, count: Some(_), .. } => Some("counts no payments within a payment"),
            Limit { amount: Some(amount), .. } if amount.currency != currency => Some("is in the card's currency"),
            Limit { amount: Some(amount), .. } if amount.minor_units < 0 => Some("is not below zero"),
            Limit { .. } => None,
        };
        if let Some(wrong) = wrong {
            return Err(not_valid("limits", format!("({}) {wrong}", limit.period)));
        }
    }
    Ok(())
}

impl Limit {
    /// What is used of it; all, where that is forgotten.
    fn used(&self, usage: &Usage, slot: Slot) -> Tally {
        usage.used(self.period, slot).unwrap_or(Tally {
            amount: self.amount.map_or(0, |amount| amount.minor_units),
            count: self.count.unwrap_or(0),
        })
    }

    /// Whether `more` still fits; `earlier` is what its payment holds already.
    pub(in crate::card) fn allows(
        &self,
        usage: &Usage,
        slot: Slot,
        (earlier, more): (i64, Tally),
        zone: TimeZone,
    ) -> Result<(), Refusal> {
        let period = self.period;
        let used = match period {
            Period::Transaction => Tally { amount: earlier, count: 0 },
            Period::Day
            | Period::Week
            | Period::Month
            | Period::Year
            | Period::Lifetime
            | Period::Rolling24h
            | Period::Rolling7d
            | Period::Rolling30d => self.used(usage, slot),
        };
        if let Some(limit) = self.amount
            && used.amount.checked_add(more.amount).is_none_or(|total| total > limit.minor_units)
        {
            let money = |minor_units| Money::new(minor_units, limit.currency);
            let (from, until) = window(period, slot, zone);
            let (used, attempted) = (money(used.amount), money(more.amount));
            return Err(Refusal::AmountLimit { period, limit, used, attempted, from, until });
        }
        if let Some(limit) = self.count
            && used.count.saturating_add(more.count) > limit
            && more.count > 0
        {
            let (from, until) = window(period, slot, zone);
            return Err(Refusal::CountLimit { period, limit, used: used.count, from, until });
        }
        Ok(())
    }

    pub(in crate::card) fn standing(&self, usage: &Usage, slot: Slot, zone: TimeZone) -> Standing {
        let used = self.used(usage, slot);
        let (from, until) = window(self.period, slot, zone);
        Standing {
            period: self.period,
            amount: self.amount.map(|limit| amount_bound(limit, used.amount)),
            count: self.count.map(|limit| Bound {
                limit,
                used: used.count,
                remaining: limit.saturating_sub(used.count),
            }),
            from,
            until,
        }
    }
}

pub(in crate::card) fn amount_bound(limit: Money, used: i64) -> Bound<Money> {
    let money = |minor_units| Money::new(minor_units, limit.currency);
    Bound { limit, used: money(used), remaining: money(limit.minor_units.saturating_sub(used).max(0)) }
}

fn window(period: Period, slot: Slot, zone: TimeZone) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    if let Some((first, next)) = Usage::days_of(period, slot.day) {
        return (Some(zone.start_of(first)), Some(zone.start_of(next)));
    }
    let back = match period {
        Period::Rolling24h => TimeDelta::days(1),
        Period::Rolling7d => TimeDelta::days(7),
        Period::Rolling30d => TimeDelta::days(30),
        Period::Transaction | Period::Day | Period::Week | Period::Month | Period::Year | Period::Lifetime => {
            return (None, None);
        }
    };
    (slot.at.checked_sub_signed(back), None)
}
