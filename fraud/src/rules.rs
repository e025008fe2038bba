use aggregates::{
    Money,
    payment::{Check, Checks, RiskLevel, Screening},
};
use chrono::{DateTime, Timelike, Utc};
use serde::{Deserialize, Serialize};

use crate::{PersonState, features::thousandths};

/// Raised with every change of what [`assess`] answers under the same policy; kept in each screening.
pub const RULES_VERSION: u32 = 1;

/// A payment that somebody wants to make.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    pub amount: Money,
    pub merchant_category: &'a str,
    pub device_id: Option<&'a str>,
    /// The card network brought it, which never names a device: that none is named says nothing then.
    pub of_network: bool,
    pub now: DateTime<Utc>,
}

/// A rule that warns past one value and fails past another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    pub warn_above: i64,
    pub fail_above: i64,
}

/// The thresholds and weights of the rules. Weights and scores are in hundredths: 100 is certain fraud.
///
/// By default warnings alone never decline, not even all of them together. A failed velocity check declines by
/// itself, a failed amount check together with, say, a strange device at night. A failed velocity check with an unusual
/// amount or a strange device freezes the card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Payments begun within the time, the attempt included.
    pub attempts_10_minutes: Threshold,
    pub attempts_hour: Threshold,
    pub attempts_day: Threshold,
    /// Declined payments of the last day, from which on the velocity check warns: somebody tries cards out.
    pub declined_day_warn_above: i64,
    /// The amount as a multiple of the person's mean.
    pub amount_by_mean: Threshold,
    /// The last day's captured amounts together with this one, as a multiple of the mean, past which a warning is due.
    pub day_by_mean_warn_above: i64,
    /// Before this many captured payments the mean says nothing.
    pub history_needed: i64,
    /// Hours of the day, UTC, that count as night, from the first to before the second.
    pub night: (u32, u32),
    /// Categories, in lower case, from which money is hard to get back.
    pub risky_categories: Vec<String>,
    pub velocity_warn_weight: u32,
    pub velocity_fail_weight: u32,
    pub amount_warn_weight: u32,
    pub amount_fail_weight: u32,
    pub device_weight: u32,
    pub night_weight: u32,
    pub category_weight: u32,
    /// The risk is medium from here on.
    pub medium_from: u32,
    /// The risk is high and the payment not approved from here on.
    pub decline_from: u32,
    /// The card is frozen, too, from here on: never below `decline_from`, and never at all above 100.
    pub freeze_from: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            attempts_10_minutes: Threshold { warn_above: 30, fail_above: 60 },
            attempts_hour: Threshold { warn_above: 90, fail_above: 180 },
            attempts_day: Threshold { warn_above: 300, fail_above: 600 },
            declined_day_warn_above: 5,
            amount_by_mean: Threshold { warn_above: 5, fail_above: 20 },
            day_by_mean_warn_above: 50,
            history_needed: 5,
            night: (0, 5),
            risky_categories: ["cryptocurrency", "gambling", "gift_cards", "money_transfer"].map(String::from).into(),
            velocity_warn_weight: 20,
            velocity_fail_weight: 80,
            amount_warn_weight: 15,
            amount_fail_weight: 45,
            device_weight: 20,
            night_weight: 5,
            category_weight: 5,
            medium_from: 30,
            decline_from: 70,
            freeze_from: 95,
        }
    }
}

/// How suspicious the attempt is, given what is known of the person. A pure function of its arguments.
///
/// The score is a whole number of hundredths, so its decimal form is short and reads back as the same number.
/// Locations are not known yet: that check always passes.
pub fn assess(state: &PersonState, attempt: &Attempt<'_>, policy: &Policy) -> Screening {
    let checks = Checks {
        amount_check: policy.amount_check(state, attempt),
        location_check: Check::Pass,
        device_check: policy.device_check(state, attempt),
        velocity_check: policy.velocity_check(state, attempt),
    };
    let score = policy.score(&checks, attempt);
    Screening {
        risk_score: f64::from(score) / 100.0,
        risk_level: match score {
            _ if score >= policy.decline_from => RiskLevel::High,
            _ if score >= policy.medium_from => RiskLevel::Medium,
            _ => RiskLevel::Low,
        },
        approved: score < policy.decline_from,
        checks,
        rules_version: RULES_VERSION,
    }
}

impl Threshold {
    fn check(self, value: i64) -> Check {
        match value {
            _ if value > self.fail_above => Check::Fail,
            _ if value > self.warn_above => Check::Warn,
            _ => Check::Pass,
        }
    }

    fn times(self, factor: i64) -> Threshold {
        Threshold {
            warn_above: self.warn_above.saturating_mul(factor),
            fail_above: self.fail_above.saturating_mul(factor),
        }
    }
}

impl Policy {
    /// Whether the card of a payment that was judged so is to be frozen.
    pub fn freezes(&self, screening: &Screening) -> bool {
        !screening.approved && screening.risk_score * 100.0 + 0.5 >= f64::from(self.freeze_from)
    }

    fn velocity_check(&self, state: &PersonState, attempt: &Attempt<'_>) -> Check {
        let with_this = |attempts: i64| attempts.saturating_add(1);
        let declined = match state.declined_day(attempt.now) > self.declined_day_warn_above {
            true => Check::Warn,
            false => Check::Pass,
        };
        [
            self.attempts_10_minutes.check(with_this(state.attempts_10_minutes(attempt.now))),
            self.attempts_hour.check(with_this(state.attempts_hour(attempt.now))),
            self.attempts_day.check(with_this(state.attempts_day(attempt.now))),
            declined,
        ]
        .into_iter()
        .fold(Check::Pass, worse)
    }

    fn amount_check(&self, state: &PersonState, attempt: &Attempt<'_>) -> Check {
        if state.captured_count() < self.history_needed {
            return Check::Pass;
        }
        let amount = thousandths(attempt.amount);
        let mean = state.captured_mean().max(1);
        let day = state.captured_day(attempt.now).saturating_add(amount);
        let by_day = match day > self.day_by_mean_warn_above.saturating_mul(mean) {
            true => Check::Warn,
            false => Check::Pass,
        };
        worse(self.amount_by_mean.times(mean).check(amount), by_day)
    }

    /// A person's first devices are taken on trust; afterwards a strange one, or none named, is a warning.
    fn device_check(&self, state: &PersonState, attempt: &Attempt<'_>) -> Check {
        match attempt.device_id {
            _ if attempt.of_network || !state.knows_devices() => Check::Pass,
            Some(device_id) if state.knows_device(device_id) => Check::Pass,
            Some(_) | None => Check::Warn,
        }
    }

    fn score(&self, checks: &Checks, attempt: &Attempt<'_>) -> u32 {
        let (from, to) = self.night;
        let category = attempt.merchant_category.to_lowercase();
        [
            weight(checks.velocity_check, self.velocity_warn_weight, self.velocity_fail_weight),
            weight(checks.amount_check, self.amount_warn_weight, self.amount_fail_weight),
            weight(checks.device_check, self.device_weight, self.device_weight),
            if (from..to).contains(&attempt.now.hour()) { self.night_weight } else { 0 },
            if self.risky_categories.contains(&category) { self.category_weight } else { 0 },
        ]
        .into_iter()
        .fold(0, u32::saturating_add)
        .min(100)
    }
}

fn weight(check: Check, warn: u32, fail: u32) -> u32 {
    match check {
        Check::Pass => 0,
        Check::Warn => warn,
        Check::Fail => fail,
    }
}

fn worse(left: Check, right: Check) -> Check {
    match (left, right) {
        (Check::Fail, _) | (_, Check::Fail) => Check::Fail,
        (Check::Warn, _) | (_, Check::Warn) => Check::Warn,
        (Check::Pass, Check::Pass) => Check::Pass,
    }
}

#[cfg(test)]
mod tests;
