use chrono::{Datelike, NaiveDate, TimeDelta};

use super::*;
use crate::PaymentId;

/// What a card has held, counted apart from its state: every hold by itself, with its moment and its local day.
pub struct Ledger {
    holds: Vec<Held>,
    /// Whether no step was back in time. Only then is the present surely remembered.
    pub in_order: bool,
}

struct Held {
    payment: PaymentId,
    slot: Slot,
    at: DateTime<Utc>,
    day: NaiveDate,
    /// What is not given back.
    cents: i64,
    payments: u32,
}

impl Ledger {
    pub fn new() -> Ledger {
        Ledger { holds: vec![], in_order: true }
    }

    /// Counts the next event of a card as it is before it. What was asked for has to be within all limits.
    pub fn count(&mut self, event: &Event, card: &Card) {
        match event {
            Event::Held { payment_id, kind, amount, slot, at, window: _ } => {
                let (payments, asked) = match kind {
                    HoldKind::Authorization => (1, true),
                    HoldKind::Increment => (0, true),
                    HoldKind::Forced => (1, false),
                    HoldKind::ForcedIncrement => (0, false),
                };
                let (at, day) = (*at, local_day(card, *at));
                let slot = slot.expect("every hold of today has a slot");
                assert_eq!((slot.at, slot.day), (at, day));
                let cents = amount.minor_units;
                self.holds.push(Held { payment: *payment_id, slot, at, day, cents, payments });
                if asked {
                    self.is_within_limits(card, *payment_id, at, day);
                }
            }
            Event::HoldReleased { payment_id, amount, slot, partial, .. } => {
                self.give_back(*payment_id, slot.expect("likewise"), amount.minor_units, *partial);
            }
            Event::Requested { .. }
            | Event::Issued { .. }
            | Event::IssueFailed { .. }
            | Event::LockedToMerchant { .. }
            | Event::ControlsSet { .. }
            | Event::Activated { .. }
            | Event::Frozen { .. }
            | Event::Unfrozen { .. }
            | Event::Terminated { .. }
            | Event::Expired { .. }
            | Event::ExpiryAnnounced { .. }
            | Event::Replaced { .. }
            | Event::IssuerStatusRecorded { .. }
            | Event::Revealed { .. } => {}
        }
    }

    fn give_back(&mut self, payment: PaymentId, slot: Slot, mut cents: i64, partial: bool) {
        let same = |held: &&mut Held| held.payment == payment && held.slot == slot;
        for held in self.holds.iter_mut().rev().filter(same) {
            let taken = held.cents.min(cents);
            (held.cents, cents) = (held.cents - taken, cents - taken);
            if !partial {
                held.payments = 0;
            }
        }
        assert_eq!(cents, 0, "more is given back than was held");
    }

    /// After this hold, whose time it is now.
    fn is_within_limits(&self, card: &Card, payment: PaymentId, now: DateTime<Utc>, day: NaiveDate) {
        let monthly = card.monthly_limit().expect("a card").minor_units;
        let month: i128 =
            self.holds.iter().filter(|held| Window::of(held.at) == Window::of(now)).map(Held::amount).sum();
        assert!(month <= i128::from(monthly), "{month} of {monthly} used in {now}");
        for limit in &card.controls().expect("a card").limits {
            let (cents, payments) = match limit.period {
                Period::Transaction => self.sum(|held| held.payment == payment),
                period => self.sum(|held| held.is_in(period, now, day, TimeDelta::zero())),
            };
            let within = limit.amount.is_none_or(|most| cents <= i128::from(most.minor_units));
            assert!(within, "{cents} used at {now} of {limit:?}");
            assert!(
                limit.count.is_none_or(|most| payments <= most || self.newest_adds_none()),
                "{payments} of {limit:?}"
            );
        }
    }

    /// More for a payment that is counted already.
    fn newest_adds_none(&self) -> bool {
        self.holds.last().is_some_and(|held| held.payments == 0)
    }

    fn sum(&self, which: impl Fn(&Held) -> bool) -> (i128, u32) {
        let of = || self.holds.iter().filter(|held| which(held));
        (of().map(Held::amount).sum(), of().map(|held| held.payments).sum())
    }

    /// `remaining + used = limit`, unless more is used than may be; and `used` is what is used.
    pub fn check(&self, card: &Card, now: DateTime<Utc>, step: &Step) {
        let limits = card.limits(now).expect("a card");
        adds_up(
            limits.monthly.limit.minor_units,
            limits.monthly.used.minor_units,
            limits.monthly.remaining.minor_units,
        );
        let day = local_day(card, now);
        for standing in &limits.others {
            if standing.period == Period::Transaction {
                continue;
            }
            let (least, fewest) = self.sum(|held| held.is_in(standing.period, now, day, TimeDelta::zero()));
            let grain = match standing.period {
                Period::Rolling24h => TimeDelta::hours(1),
                _ => TimeDelta::days(1),
            };
            let (most, many) = self.sum(|held| held.is_in(standing.period, now, day, grain));
            if let Some(bound) = standing.amount {
                let used = bound.used.minor_units;
                adds_up(bound.limit.minor_units, used, bound.remaining.minor_units);
                let right = (least..=most).contains(&i128::from(used));
                assert!(right || !self.in_order, "{used} used of {standing:?}, not {least}..={most}, after {step:?}");
            }
            if let Some(bound) = standing.count {
                adds_up(bound.limit.into(), bound.used.into(), bound.remaining.into());
                let right = (fewest..=many).contains(&bound.used);
                assert!(right || !self.in_order, "{standing:?}, not {fewest}..={many}, after {step:?}");
            }
        }
    }
}

impl Held {
    fn amount(&self) -> i128 {
        self.cents.into()
    }

    /// Whether it counts at `now`, in a rolling window for `grain` longer than the window is.
    fn is_in(&self, period: Period, now: DateTime<Utc>, day: NaiveDate, grain: TimeDelta) -> bool {
        let rolling = |days| self.at > now - TimeDelta::days(days) - grain;
        match period {
            Period::Transaction => false,
            Period::Day => self.day == day,
            Period::Week => self.day.iso_week() == day.iso_week(),
            Period::Month => (self.day.year(), self.day.month()) == (day.year(), day.month()),
            Period::Year => self.day.year() == day.year(),
            Period::Lifetime => true,
            Period::Rolling24h => rolling(1),
            Period::Rolling7d => rolling(7),
            Period::Rolling30d => rolling(30),
        }
    }
}

fn adds_up(limit: i64, used: i64, remaining: i64) {
    match used <= limit {
        true => assert_eq!(used + remaining, limit),
        false => assert_eq!(remaining, 0),
    }
}

/// By the time-zone database itself.
fn local_day(card: &Card, now: DateTime<Utc>) -> NaiveDate {
    let zone = card.controls().expect("a card").time_zone.to_string();
    now.with_timezone(&zone.parse::<chrono_tz::Tz>().expect("a time zone")).date_naive()
}
