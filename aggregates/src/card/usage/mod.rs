//! What a card was used for, in every window that a limit can count in.
//!
//! Counted whether or not a limit is set: one that is set at noon knows of the morning.

mod buckets;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Period, Slot, Window};

pub use buckets::Tally;

use buckets::Buckets;

/// Hours in a day; a rolling day touches one more.
const DAY: i32 = 24;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Calendar months, UTC, of the monthly limit: the current one and the twelve before it.
    #[serde(default, skip_serializing_if = "Buckets::is_empty")]
    #[schemars(with = "Vec<(i32, i64, u32)>")]
    months: Buckets<13>,
    /// Hours since 1970, UTC.
    #[serde(default, skip_serializing_if = "Buckets::is_empty")]
    #[schemars(with = "Vec<(i32, i64, u32)>")]
    hours: Buckets<26>,
    /// Days, UTC, by their number in the common era, as all days here.
    #[serde(default, skip_serializing_if = "Buckets::is_empty")]
    #[schemars(with = "Vec<(i32, i64, u32)>")]
    days: Buckets<32>,
    /// The calendar of the card's time zone. More than the current period is kept for clocks that differ and for
    /// time zones that change.
    #[serde(default, skip_serializing_if = "Buckets::is_empty")]
    #[schemars(with = "Vec<(i32, i64, u32)>")]
    local_days: Buckets<8>,
    /// By their Monday.
    #[serde(default, skip_serializing_if = "Buckets::is_empty")]
    #[schemars(with = "Vec<(i32, i64, u32)>")]
    local_weeks: Buckets<4>,
    #[serde(default, skip_serializing_if = "Buckets::is_empty")]
    #[schemars(with = "Vec<(i32, i64, u32)>")]
    local_months: Buckets<4>,
    #[serde(default, skip_serializing_if = "Buckets::is_empty")]
    #[schemars(with = "Vec<(i32, i64, u32)>")]
    local_years: Buckets<3>,
    /// Minor units and payments.
    #[serde(default)]
    lifetime: (i64, u32),
}

impl Usage {
    /// What is used of the window that the slot falls in; none where it is forgotten.
    pub fn used(&self, period: Period, slot: Slot) -> Option<Tally> {
        match period {
            Period::Transaction => Some(Tally::default()),
            Period::Day => self.local_days.at(day(slot.day)),
            Period::Week => self.local_weeks.at(day(monday(slot.day))),
            Period::Month => self.local_months.at(month(slot.day)),
            Period::Year => self.local_years.at(slot.day.year()),
            Period::Lifetime => Some(Tally { amount: self.lifetime.0, count: self.lifetime.1 }),
            Period::Rolling24h => self.hours.since(hour(slot.at) - DAY),
            Period::Rolling7d => self.days.since(day(slot.at.date_naive()) - 7),
            Period::Rolling30d => self.days.since(day(slot.at.date_naive()) - 30),
        }
    }

    /// What the monthly limit counts; none where the month is forgotten.
    pub fn used_in(&self, window: Window) -> Option<Tally> {
        self.months.at(month(window.first_day()))
    }

    pub fn hold(&mut self, slot: Slot, more: Tally) {
        self.months.add(month(slot.window().first_day()), more);
        self.hours.add(hour(slot.at), more);
        self.days.add(day(slot.at.date_naive()), more);
        self.local_days.add(day(slot.day), more);
        self.local_weeks.add(day(monday(slot.day)), more);
        self.local_months.add(month(slot.day), more);
        self.local_years.add(slot.day.year(), more);
        let (amount, count) = self.lifetime;
        self.lifetime = (amount.saturating_add(more.amount), count.saturating_add(more.count));
    }

    /// Back to the windows that it was taken from. Of the oldest releases only the month is known: for the other
    /// windows, which soon end, it stays used.
    pub fn release(&mut self, window: Window, slot: Option<Slot>, less: Tally) {
        self.months.take(month(window.first_day()), less);
        let (amount, count) = self.lifetime;
        self.lifetime = (amount.saturating_sub(less.amount).max(0), count.saturating_sub(less.count));
        let Some(slot) = slot else { return };
        self.hours.take(hour(slot.at), less);
        self.days.take(day(slot.at.date_naive()), less);
        self.local_days.take(day(slot.day), less);
        self.local_weeks.take(day(monday(slot.day)), less);
        self.local_months.take(month(slot.day), less);
        self.local_years.take(slot.day.year(), less);
    }

    /// The first and the last day but one of a calendar window; none for the others.
    pub fn days_of(period: Period, of: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
        let (first, next) = match period {
            Period::Day => (of, of.succ_opt()),
            Period::Week => (monday(of), monday(of).checked_add_days(Days::new(7))),
            Period::Month => {
                let (year, month) = (of.year(), of.month());
                let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                (of.with_day(1)?, NaiveDate::from_ymd_opt(next.0, next.1, 1))
            }
            Period::Year => (NaiveDate::from_yo_opt(of.year(), 1)?, NaiveDate::from_yo_opt(of.year() + 1, 1)),
            Period::Transaction | Period::Lifetime | Period::Rolling24h | Period::Rolling7d | Period::Rolling30d => {
                return None;
            }
        };
        Some((first, next?))
    }
}

fn hour(at: DateTime<Utc>) -> i32 {
    i32::try_from(at.timestamp().div_euclid(3_600)).unwrap_or(i32::MAX)
}

fn day(date: NaiveDate) -> i32 {
    date.num_days_from_ce()
}

fn monday(date: NaiveDate) -> NaiveDate {
    let since = u64::from(date.weekday().num_days_from_monday());
    date.checked_sub_days(Days::new(since)).unwrap_or(date)
}

fn month(date: NaiveDate) -> i32 {
    date.year() * 12 + date.month0() as i32
}
